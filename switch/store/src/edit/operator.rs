//! Logins, settings, exchange ratios, rules about source addresses.

use super::{
    EditError,
    check::{Checked, Context, Faults, text_of},
    settings,
};
use crate::record::{ExchangeRatio, Login, Role, Setting, SourceRule};
use rusqlite::{Connection, types::Value as Sql};
use rust_decimal::Decimal;
use serde_json::Value;
use tandem_call::directory::guard::{Network, RuleOrigin};

/// Shortest password of a person.
pub(crate) const SHORTEST_PASSWORD: usize = 8;

pub(super) fn login(context: &Context<'_>, mut login: Login) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    faults.name("name", &login.name);
    match (login.role, login.account_id) {
        (Role::Reseller, None) => faults.add(
            "account_id",
            "is needed: the reseller account whose branch it sees",
        ),
        (Role::Reseller, Some(account)) => {
            let kind = text_of(
                context.connection,
                "SELECT kind FROM account WHERE id = ?1",
                account.0,
            )?;
            let reseller = kind.is_some_and(|kind| kind.starts_with("reseller"));
            faults.expect(reseller, "account_id", "must be a reseller account");
        }
        (Role::Admin | Role::Operator, Some(_)) => {
            faults.add(
                "account_id",
                "must be empty for admins and operators: they see every account",
            );
        }
        (Role::Admin | Role::Operator, None) => {}
    }
    let rights = login.rights.is_empty() || login.role == Role::Operator;
    faults.expect(
        rights,
        "rights",
        "are for operators only: an admin has all, a reseller those of its branch",
    );
    let is_new = context.old.is_none();
    faults.expect(
        !is_new || context.hash.is_some(),
        "password",
        "is needed for a new login",
    );
    if let Some(old) = context.old {
        let was_admin = old.get("role").and_then(Value::as_str) == Some("admin");
        if was_admin && (login.role != Role::Admin || login.disabled) {
            check_last_admin(context.connection, login.id)?;
        }
    }
    login.password = None;
    let mut extra = Vec::new();
    if let Some(hash) = context.hash {
        extra.push(("password_hash", Sql::Text(hash.to_owned())));
        // Whoever sets a new password means it to work.
        extra.push(("failures", Sql::Integer(0)));
        extra.push(("locked_until", Sql::Integer(0)));
    }
    faults.finish_with(&login, extra)
}

/// Somebody must be able to come in.
pub(super) fn check_last_admin(connection: &Connection, id: i64) -> Result<(), EditError> {
    let (is_admin, others): (bool, i64) = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM login WHERE id = ?1 AND role = 'admin'), \
         (SELECT count(*) FROM login WHERE role = 'admin' AND disabled = 0 AND id <> ?1)",
        [id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if is_admin && others == 0 {
        return Err(EditError::Forbidden(
            "this is the last admin who can log in: create another one first".into(),
        ));
    }
    Ok(())
}

pub(super) fn setting(context: &Context<'_>, setting: Setting) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    let old_key = context
        .old
        .and_then(|old| old.get("key"))
        .and_then(Value::as_str);
    if old_key != Some(setting.key.as_str()) {
        return Err(EditError::Forbidden(
            "settings can be changed, not created or renamed".into(),
        ));
    }
    if let Err(reason) = settings::check(&setting.key, &setting.value) {
        faults.add("value", reason);
    }
    let unchanged = context.old.and_then(|old| old.get("value")) == Some(&setting.value);
    if setting.key == "realm" && !unchanged {
        let devices: i64 =
            context
                .connection
                .query_row("SELECT count(*) FROM device", [], |row| row.get(0))?;
        if devices > 0 {
            faults.add("value", format!(
                "{devices} devices have passwords hashed with the present realm and could not register any more: \
                 the realm can only change while there are no devices"
            ));
        }
    }
    faults.finish(&setting)
}

pub(super) fn exchange_ratio(ratio: ExchangeRatio) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    faults.expect(ratio.ratio > Decimal::ZERO, "ratio", "must be above 0");
    faults.finish(&ratio)
}

/// Whatever an operator writes is the operator's, whoever made it first.
pub(super) fn source_rule(
    context: &Context<'_>,
    mut rule: SourceRule,
) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    match rule.network.trim().parse::<Network>() {
        Ok(network) => rule.network = network.to_string(),
        Err(reason) => faults.add("network", reason),
    }
    faults.expect(
        rule.expires_at.is_none_or(|end| end > context.at),
        "expires_at",
        "must lie ahead, or be empty for a rule that holds until it is deleted",
    );
    let plain = !rule.reason.chars().any(char::is_control);
    faults.expect(
        plain && rule.reason.chars().count() <= 500,
        "reason",
        "must be at most 500 characters on one line",
    );
    (rule.origin, rule.made_at, rule.repeats) = (RuleOrigin::Operator, context.at, 0);
    faults.finish(&rule)
}
