//! Registrations held elsewhere.

use super::{
    EditError,
    check::{Checked, Context, Faults, text_of},
    dial_plan::{calls_in, host_name},
};
use crate::record::Upstream;
use rusqlite::types::Value as Sql;

/// Bytes of a contact user that is made up: too many to be guessed.
const TOKEN_BYTES: u32 = 12;

pub(super) fn upstream(
    context: &Context<'_>,
    mut upstream: Upstream,
) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    upstream.registrar = filled(upstream.registrar);
    upstream.auth_username = filled(upstream.auth_username);
    upstream.realm = filled(upstream.realm);
    upstream.inbound_number = filled(upstream.inbound_number);
    faults.title("name", &upstream.name);
    faults.name("username", &upstream.username);
    if let Some(Err(reason)) = upstream.registrar.as_deref().map(host_name) {
        faults.add("registrar", reason);
    }
    for (field, text) in [
        ("auth_username", &upstream.auth_username),
        ("realm", &upstream.realm),
    ] {
        let fits = |text: &String| text.len() <= 128 && !text.chars().any(char::is_control);
        faults.expect(
            text.as_ref().is_none_or(fits),
            field,
            "must be at most 128 characters, none of them control characters",
        );
    }
    faults.expect(
        (60..=86_400).contains(&upstream.expires_s),
        "expires_s",
        "must be 60 to 86400 seconds",
    );
    faults.expect(
        upstream.keep_alive_s == 0 || (10..=600).contains(&upstream.keep_alive_s),
        "keep_alive_s",
        "must be 10 to 600 seconds, or 0 for none",
    );
    references(context, &upstream, &mut faults)?;
    let contact = contact(context, &mut upstream, &mut faults)?;
    let mut extra = password(context, &mut upstream, &mut faults);
    extra.extend(contact);
    faults.finish_with(&upstream, extra)
}

fn references(
    context: &Context<'_>,
    upstream: &Upstream,
    faults: &mut Faults,
) -> Result<(), EditError> {
    let gateway = "SELECT name FROM gateway WHERE id = ?1";
    let known = text_of(context.connection, gateway, upstream.gateway_id.0)?;
    faults.expect(known.is_some(), "gateway_id", "does not exist");
    let number = upstream.inbound_number.as_deref();
    let calls = (upstream.inbound_account_id, number, upstream.inbound_reach);
    calls_in(context, calls, faults)
}

/// What stands in our Contact: characters that need no escape, so that it comes back as it was sent.
fn contact(
    context: &Context<'_>,
    upstream: &mut Upstream,
    faults: &mut Faults,
) -> Result<Option<(&'static str, Sql)>, EditError> {
    let given = upstream.contact_user.take();
    let user = match given.filter(|given| !given.is_empty()) {
        Some(given) => given,
        None if context.old.is_some() => return Ok(None),
        None => {
            let token = "SELECT lower(hex(randomblob(?1)))";
            let mut statement = context.connection.prepare_cached(token)?;
            statement.query_row([TOKEN_BYTES], |row| row.get(0))?
        }
    };
    let plain = user
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'));
    faults.expect(
        plain && user.len() <= 64,
        "contact_user",
        "must be at most 64 letters, digits, or - _ . +; empty for one nobody can guess",
    );
    Ok(Some(("contact_user", Sql::Text(user))))
}

/// A password is kept as it is: we are the one who must show it to the registrar.
fn password(
    context: &Context<'_>,
    upstream: &mut Upstream,
    faults: &mut Faults,
) -> Vec<(&'static str, Sql)> {
    match upstream
        .auth_password
        .take()
        .filter(|given| !given.is_empty())
    {
        Some(given) => vec![("auth_password", Sql::Text(given))],
        None => {
            faults.expect(context.old.is_some(), "auth_password", "is needed");
            Vec::new()
        }
    }
}
