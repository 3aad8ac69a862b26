//! Accounts and devices.

use super::{
    EditError,
    check::{Checked, Context, Faults, text_of},
    object, reseller,
    settings::text_setting,
};
use crate::query::Scope;
use crate::record::{Account, AccountKind, CallerIdMode, Device, PaymentMode};
use rusqlite::types::Value as Sql;
use serde_json::Value;
use tandem_billing::{Micros, UtcMs};
use tandem_call::directory::Signalling;
use tandem_sip::digest::Ha1;

pub(super) fn account(context: &Context<'_>, mut account: Account) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    faults.name("login", &account.login);
    money(&account, &mut faults);
    kept_by_the_operator(context, &mut account, &mut faults)?;
    call_terms(&mut account, &mut faults);
    contact(&account, &mut faults);
    place_in_tree(context, &account, &mut faults)?;
    assigned(context, &account, &mut faults)?;
    account.created_at = match context
        .old
        .and_then(|old| old.get("created_at"))
        .and_then(Value::as_i64)
    {
        Some(at) => UtcMs(at),
        None => context.at,
    };
    let new = object(&account);
    for field in ["currency", "reseller_id"] {
        faults.fixed(context, field, &new);
    }
    faults.finish(&account)
}

fn money(account: &Account, faults: &mut Faults) {
    faults.expect(
        account.credit_limit >= Micros::ZERO,
        "credit_limit",
        "must be 0 or more",
    );
    let credit =
        account.payment_mode == PaymentMode::Postpaid || account.credit_limit == Micros::ZERO;
    faults.expect(
        credit,
        "credit_limit",
        "must be 0 for a prepaid account: make it postpaid to give credit",
    );
    let call = &account.call;
    for (field, limit) in [
        ("max_rate_per_minute", call.max_rate_per_minute),
        ("daily_spend_limit", call.daily_spend_limit),
    ] {
        faults.expect(
            limit.is_none_or(|limit| limit >= Micros::ZERO),
            field,
            "must be 0 or more, or empty for no limit",
        );
    }
}

/// Whom the switch trusts is not a reseller's to say: what it cannot see stays as it is.
fn kept_by_the_operator(
    context: &Context<'_>,
    account: &mut Account,
    faults: &mut Faults,
) -> Result<(), EditError> {
    match context.actor.scope {
        Scope::All => return Ok(()),
        Scope::Branch(_) => {}
    }
    let stored = text_of(
        context.connection,
        "SELECT signalling FROM account WHERE id = ?1",
        account.id,
    )?;
    let old: Signalling = match stored {
        Some(text) => {
            serde_json::from_str(&text).map_err(|error| EditError::Store(error.to_string()))?
        }
        None => Signalling::default(),
    };
    let given = std::mem::replace(&mut account.call.signalling, old);
    faults.expect(
        given == Signalling::default() || given == account.call.signalling,
        "signalling",
        "can be changed by the operator only",
    );
    Ok(())
}

fn call_terms(account: &mut Account, faults: &mut Faults) {
    let call = &mut account.call;
    faults.rules("rules", &call.rules);
    faults.signalling(&call.signalling);
    faults.codecs(&mut call.codecs);
    let ids = call.caller_ids.len();
    match call.caller_id_mode {
        CallerIdMode::Pass => {}
        CallerIdMode::Fixed => faults.expect(
            ids == 1,
            "caller_ids",
            "must be exactly one number for a fixed caller ID",
        ),
        CallerIdMode::OneOf => faults.expect(
            ids >= 1,
            "caller_ids",
            "must have at least one number to choose from",
        ),
    }
    for (field, prefixes) in [
        ("caller_ids", &call.caller_ids),
        ("allowed_prefixes", &call.allowed_prefixes),
        ("blocked_prefixes", &call.blocked_prefixes),
    ] {
        for prefix in prefixes {
            faults.prefix(field, prefix);
            faults.expect(!prefix.is_empty(), field, "has an empty line: remove it");
        }
    }
}

fn contact(account: &Account, faults: &mut Faults) {
    let person = &account.person;
    if !person.time_zone.is_empty() {
        faults.zone("time_zone", &person.time_zone);
    }
    for (field, mail) in [
        ("email", &person.email),
        ("low_balance_mail", &account.low_balance.low_balance_mail),
    ] {
        let plausible = mail.is_empty()
            || mail
                .split_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        faults.expect(
            plausible,
            field,
            "must be a mail address such as name@example.com",
        );
    }
}

/// A reseller of level n is below one of level n - 1, an account below a reseller or the operator.
fn place_in_tree(
    context: &Context<'_>,
    account: &Account,
    faults: &mut Faults,
) -> Result<(), EditError> {
    if let Some(old) = context
        .old
        .and_then(|old| old.get("kind"))
        .and_then(Value::as_str)
    {
        let level = |kind: AccountKind| kind.reseller_level();
        let old: Option<AccountKind> = serde_json::from_value(Value::from(old)).ok();
        let same = old.is_some_and(|old| level(old) == level(account.kind));
        faults.expect(
            same,
            "kind",
            "cannot change between customer and reseller levels: create another account",
        );
    }
    let above = match account.reseller_id {
        None => None,
        Some(id) => {
            let kind = text_of(
                context.connection,
                "SELECT kind FROM account WHERE id = ?1",
                id.0,
            )?;
            let kind: Option<AccountKind> =
                kind.and_then(|kind| serde_json::from_value(Value::from(kind)).ok());
            match kind.and_then(AccountKind::reseller_level) {
                Some(level) => Some(level),
                None => {
                    faults.add("reseller_id", format!("account {id} is not a reseller"));
                    return Ok(());
                }
            }
        }
    };
    if let Some(level) = account.kind.reseller_level() {
        let fits = above.map_or(1, |above| above + 1) == level;
        faults.expect(fits, "kind", "a reseller of level 1 has none above it, level 2 one of level 1, level 3 one of level 2");
    }
    Ok(())
}

fn assigned(
    context: &Context<'_>,
    account: &Account,
    faults: &mut Faults,
) -> Result<(), EditError> {
    let above = account.reseller_id.map(|id| id.0);
    if let Some(tariff) = account.tariff_id {
        reseller::tariff_given(context, faults, "tariff_id", above, tariff.0)?;
        let currency = text_of(
            context.connection,
            "SELECT currency FROM tariff WHERE id = ?1",
            tariff.0,
        )?;
        if let Some(currency) =
            currency.filter(|currency| *currency != account.currency.to_string())
        {
            faults.add("tariff_id", format!("tariff {tariff} is in {currency}, the account in {}: choose one in the same currency", account.currency));
        }
    }
    if let Some(group) = account.routing_group_id {
        reseller::group_given(context, faults, "routing_group_id", above, group.0)?;
    }
    let none = account.granted_tariffs.is_empty() && account.granted_groups.is_empty();
    faults.expect(
        none || account.kind.reseller_level().is_some(),
        "granted_tariffs",
        "only a reseller can be given tariffs and groups for its accounts",
    );
    for tariff in &account.granted_tariffs {
        reseller::tariff_given(context, faults, "granted_tariffs", above, tariff.0)?;
    }
    for group in &account.granted_groups {
        reseller::group_given(context, faults, "granted_groups", above, group.0)?;
    }
    Ok(())
}

/// Shortest SIP password: guessing is slowed by blocking, not by hashing.
const SHORTEST_PASSWORD: usize = 6;

pub(super) fn device(context: &Context<'_>, mut device: Device) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    faults.name("username", &device.username);
    let plain = !device.username.contains(['@', ':', ';', '"', '<', '>']);
    faults.expect(plain, "username", "must not have any of @ : ; \" < >");
    device.extension = device.extension.filter(|extension| !extension.is_empty());
    let others = |column: &str, number: &str| -> Result<bool, EditError> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM device WHERE {column} = ?1 AND id <> ?2)");
        let mut statement = context.connection.prepare_cached(&sql)?;
        Ok(statement.query_row((number, device.id), |row| row.get(0))?)
    };
    // A number that is dialled is looked for among usernames first: calls to an extension would be theirs.
    if others("extension", &device.username)? {
        faults.add(
            "username",
            "is the extension of another device: choose a different one",
        );
    }
    if let Some(extension) = &device.extension {
        faults.name("extension", extension);
        if others("username", extension)? {
            faults.add(
                "extension",
                "is the username of another device: choose a different one",
            );
        }
    }
    belongs_to_customer(context, device.account_id.0, &mut faults)?;
    let extra = secrets(context, &mut device, &mut faults)?;
    faults.finish_with(&device, extra)
}

fn secrets(
    context: &Context<'_>,
    device: &mut Device,
    faults: &mut Faults,
) -> Result<Vec<(&'static str, Sql)>, EditError> {
    let old_name = context
        .old
        .and_then(|old| old.get("username"))
        .and_then(Value::as_str);
    let Some(password) = device.password.take() else {
        match old_name {
            None => faults.add("password", "is needed for a new device"),
            Some(name) if name != device.username => {
                faults.add(
                    "password",
                    "is needed when the username changes: only its hash with the username is kept",
                );
            }
            Some(_) => {}
        }
        return Ok(Vec::new());
    };
    if password.chars().count() < SHORTEST_PASSWORD {
        faults.add(
            "password",
            format!("must have at least {SHORTEST_PASSWORD} characters"),
        );
        return Ok(Vec::new());
    }
    let realm = text_setting(context.connection, "realm")?;
    let ha1 = Ha1::new(&device.username, &realm, &password);
    Ok(vec![
        ("ha1_md5", Sql::Text(ha1.md5)),
        ("ha1_sha256", Sql::Text(ha1.sha256)),
    ])
}

pub(super) fn belongs_to_customer(
    context: &Context<'_>,
    account: i64,
    faults: &mut Faults,
) -> Result<(), EditError> {
    match text_of(
        context.connection,
        "SELECT kind FROM account WHERE id = ?1",
        account,
    )? {
        None => faults.add("account_id", format!("account {account} does not exist")),
        Some(kind) if kind.starts_with("reseller") => {
            faults.add(
                "account_id",
                "is a reseller: it places no calls, choose one of its accounts",
            );
        }
        Some(_) => {}
    }
    Ok(())
}
