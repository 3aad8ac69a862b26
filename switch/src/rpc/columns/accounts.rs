//! Accounts, devices, source addresses, tariff overrides, block- and allowlists.

use super::{Column, How, Map, col, get, how, put, take, untouched};
use serde_json::{Value, json};
use tandem_store::{List, record::Resource};

/// Accounts. Tariff overrides are rows of their own: see [`DNIS_TARIFF`].
pub const ACCOUNT: Map = Map {
    list: List::Of(Resource::Account),
    name: "account",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("created_at", "created_at"),
        col("balance", "balance"),
        col("held", "held"),
        col("tariff_name", "tariff_name"),
        col("routing_group_name", "routing_group_name"),
        col("reseller_login", "reseller_login"),
        col("edit.login", "login"),
        col("edit.kind", "kind"),
        col("edit.status", "status"),
        col("edit.currency", "currency"),
        col("edit.payment_mode", "payment_mode"),
        col("edit.credit_limit", "credit_limit"),
        col("edit.tariff", "tariff_id"),
        col("edit.routing_group", "routing_group_id"),
        col("edit.reseller", "reseller_id"),
        col("edit.numbers.rules", "rules"),
        col("edit.numbers.caller_id.mode", "caller_id_mode"),
        col("edit.numbers.caller_id.numbers", "caller_ids"),
        col("edit.numbers.allowed_prefixes", "allowed_prefixes"),
        col("edit.numbers.blocked_prefixes", "blocked_prefixes"),
        col("edit.limits.max_calls", "max_calls"),
        col("edit.limits.max_cps", "max_cps"),
        col("edit.limits.max_duration_s", "max_duration_s"),
        col("edit.limits.max_rate_per_minute", "max_rate_per_minute"),
        col("edit.limits.daily_spend_limit", "daily_spend_limit"),
        col("edit.limits.loss_allowed", "loss_policy"),
        col("edit.codecs", "codecs"),
        col("edit.media", "media"),
        col("edit.srtp", "srtp"),
        col("edit.signalling", "signalling"),
        col("edit.expires_at", "expires_at"),
        col("edit.contact.name", "name"),
        col("edit.contact.company", "company"),
        col("edit.contact.address", "address"),
        col("edit.contact.city", "city"),
        col("edit.contact.zip", "zip"),
        col("edit.contact.state", "state"),
        col("edit.contact.country", "country"),
        col("edit.contact.email", "email"),
        col("edit.contact.phone", "phone"),
        col("edit.contact.tax_id", "tax_id"),
        col("edit.contact.language", "language"),
        col("edit.contact.time_zone", "time_zone"),
        col("edit.contact.notes", "notes"),
        col("edit.low_balance.at", "low_balance_at"),
        col("edit.low_balance.mail", "low_balance_mail"),
        col("edit.lot", "lot"),
        col("edit.granted_tariffs", "granted_tariffs"),
        col("edit.granted_groups", "granted_groups"),
    ],
    finish: finish_account,
    prepare: prepare_account,
};

const CALLER_ID: &str = "edit.numbers.caller_id";
const LOSS: &str = "edit.limits.loss_allowed";
const MODE: &str = "edit.payment_mode";

fn finish_account(wire: &mut Value) {
    let rule = get(wire, CALLER_ID).cloned().unwrap_or_default();
    let numbers = rule.get("numbers").cloned().unwrap_or_default();
    let rule = match rule.get("mode").and_then(Value::as_str) {
        Some("fixed") => {
            json!({ "mode": "fixed", "numbers": numbers.get(0).cloned().unwrap_or_else(|| json!("")) })
        }
        Some("one_of") => json!({ "mode": "one_of", "numbers": numbers }),
        _ => json!({ "mode": "pass" }),
    };
    put(wire, CALLER_ID, rule);
    let allowed = get(wire, LOSS).and_then(Value::as_str) == Some("allow");
    put(wire, LOSS, Value::Bool(allowed));
}

fn prepare_account(wire: &mut Value) {
    let numbers = match take(wire, "edit.numbers.caller_id.numbers") {
        Some(Value::Array(numbers)) => numbers,
        Some(Value::String(number)) => vec![Value::String(number)],
        _ => Vec::new(),
    };
    put(
        wire,
        "edit.numbers.caller_id.numbers",
        Value::Array(numbers),
    );
    let allowed = get(wire, LOSS).and_then(Value::as_bool) == Some(true);
    put(wire, LOSS, json!(if allowed { "allow" } else { "refuse" }));
    if get(wire, MODE).is_none_or(Value::is_null) {
        let has_credit = get(wire, "edit.credit_limit")
            .and_then(Value::as_i64)
            .is_some_and(|limit| limit > 0);
        put(
            wire,
            MODE,
            json!(if has_credit { "postpaid" } else { "prepaid" }),
        );
    }
}

/// SIP log-ins.
pub const DEVICE: Map = Map {
    list: List::Of(Resource::Device),
    name: "device",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("account_login", "account_login"),
        col("registrations", "registrations"),
        col("edit.account", "account_id"),
        col("edit.username", "username"),
        how("edit.password", "password", How::Secret),
        col("edit.extension", "extension"),
        col("edit.description", "description"),
        how("edit.enabled", "disabled", How::Not),
    ],
    finish: untouched,
    prepare: untouched,
};

/// Source addresses.
pub const SOURCE: Map = Map {
    list: List::Of(Resource::SourceAddress),
    name: "source address",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("account_login", "account_login"),
        col("edit.account", "account_id"),
        col("edit.network", "network"),
        col("edit.port", "port"),
        col("edit.transport", "transport"),
        col("edit.tech_prefix", "tech_prefix"),
    ],
    finish: untouched,
    prepare: untouched,
};

/// Entries of block- and allowlists.
pub const LIST_ENTRY: Map = Map {
    list: List::Of(Resource::ListEntry),
    name: "list entry",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("account_login", "account_login"),
        col("edit.account", "account_id"),
        col("edit.side", "side"),
        col("edit.verdict", "verdict"),
        col("edit.prefix", "prefix"),
        col("edit.note", "note"),
    ],
    finish: untouched,
    prepare: untouched,
};

const OVERRIDE: &[Column] = &[
    col("id", "id"),
    how("revision", "revision", How::Text),
    col("tariff_name", "tariff_name"),
    col("edit.account", "account_id"),
    col("edit.prefix", "prefix"),
    col("edit.tariff", "tariff_id"),
];

/// Tariffs by dialled prefix.
pub const DNIS_TARIFF: Map = Map {
    list: List::Of(Resource::DnisTariff),
    name: "tariff by dialled prefix",
    columns: OVERRIDE,
    finish: untouched,
    prepare: untouched,
};

/// Tariffs by caller prefix.
pub const ANI_TARIFF: Map = Map {
    list: List::Of(Resource::AniTariff),
    name: "tariff by caller prefix",
    ..DNIS_TARIFF
};

#[cfg(test)]
mod tests {
    use super::{ACCOUNT, DEVICE};
    use serde_json::{Value, json};
    use tandem_protocol::account::{Account, AccountEdit, CallerIdRule, DeviceEdit, PaymentMode};

    fn edit(change: impl FnOnce(&mut AccountEdit)) -> AccountEdit {
        let mut edit = AccountEdit {
            login: "acme".into(),
            currency: "EUR".into(),
            payment_mode: Some(PaymentMode::Prepaid),
            ..AccountEdit::default()
        };
        change(&mut edit);
        edit
    }

    #[test]
    fn an_edit_survives_the_way_to_a_row_and_back() {
        for caller_id in [
            CallerIdRule::Pass,
            CallerIdRule::Fixed("4420".into()),
            CallerIdRule::OneOf(vec!["1".into(), "2".into()]),
        ] {
            let edit = edit(|e| {
                e.numbers.caller_id = caller_id;
                e.limits.loss_allowed = true;
                e.contact.city = "Ulm".into();
                e.low_balance.mail = "a@b.c".into();
                e.signalling.trust = tandem_protocol::signalling::Trust::Trusted;
            });
            let mut row = ACCOUNT.to_row(serde_json::to_value(&edit).expect("writes"));
            let flat = |(key, value): (&String, &Value)| !value.is_object() || key == "signalling";
            assert!(row.iter().all(flat), "rows are flat but for documents");
            for (key, value) in [
                ("id", json!(7)),
                ("revision", json!(3)),
                ("created_at", json!(1)),
            ] {
                row.insert(key.into(), value);
            }
            row.insert("balance".into(), json!(0));
            row.insert("held".into(), json!(0));
            let account: Account =
                serde_json::from_value(ACCOUNT.to_wire(row)).expect("an account");
            assert_eq!((account.id.0, account.revision.0.as_str()), (7, "3"));
            assert_eq!(account.edit, edit);
        }
    }

    #[test]
    fn the_payment_mode_follows_the_credit_limit_where_it_is_left_open() {
        for (limit, mode) in [(0, "prepaid"), (5, "postpaid")] {
            let edit = edit(|e| (e.payment_mode, e.credit_limit.0) = (None, limit));
            let row = ACCOUNT.to_row(serde_json::to_value(&edit).expect("writes"));
            assert_eq!(row.get("payment_mode"), Some(&json!(mode)));
        }
    }

    #[test]
    fn secrets_go_in_and_flags_turn() {
        let edit = DeviceEdit {
            password: Some("s3cret".into()),
            ..DeviceEdit::default()
        };
        let row = DEVICE.to_row(serde_json::to_value(edit).expect("writes"));
        assert_eq!(row.get("password"), Some(&json!("s3cret")));
        assert_eq!(row.get("disabled"), Some(&Value::Bool(false)));
        assert_eq!(DEVICE.to_wire(row).pointer("/edit/password"), None);
    }
}
