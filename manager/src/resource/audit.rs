//! Logins and the audit log.

use super::{
    Choice, Input, Kind, Methods, Part, Resource, Section, View, at, choice, col, field, nothing,
    same, text_at,
};
use crate::model::format;
use serde_json::{Value, json};

const ROLES: [Choice; 4] = [
    choice("admin", "Administrator"),
    choice("operator", "Operator"),
    choice("viewer", "Viewer"),
    choice("reseller", "Reseller"),
];

const AREAS: [Choice; 14] = [
    choice("accounts", "Accounts"),
    choice("gateways", "Gateways"),
    choice("dial_plan", "Dial plan"),
    choice("tariffs", "Tariffs"),
    choice("money", "Money"),
    choice("cdrs", "CDRs"),
    choice("recordings", "Recordings"),
    choice("live", "Live"),
    choice("sip_traces", "SIP traces"),
    choice("simulator", "Simulator"),
    choice("settings", "Settings"),
    choice("logins", "Logins"),
    choice("audit", "Audit log"),
    choice("system", "System"),
];

const RIGHTS: [Choice; 2] = [choice("see", "See"), choice("change", "Change")];

const GRANT: Part = Part {
    singular: "right",
    fields: &[
        field("area", "Area", Input::Choice(&AREAS)),
        field("right", "Right", Input::Choice(&RIGHTS)),
    ],
    blank: || json!({ "area": "accounts", "right": "see" }),
    most: 14,
};

fn is_reseller(edit: &Value) -> bool {
    text_at(edit, "role") == "reseller"
}

const EXTENTS: [Choice; 2] = [
    choice("role", "All of the role"),
    choice("listed", "Only those listed"),
];

fn can_be_narrowed(edit: &Value) -> bool {
    matches!(text_at(edit, "role"), "operator" | "viewer")
}

fn is_narrowed(edit: &Value) -> bool {
    can_be_narrowed(edit) && text_at(edit, "extent") == "listed"
}

/// No list and an empty one differ: the first leaves all rights, the second none.
fn to_form(edit: &mut Value) {
    let is_listed = at(edit, "grants").is_some_and(Value::is_array);
    let extent = if is_listed { "listed" } else { "role" };
    super::put(edit, "extent", extent.into());
    if !is_listed {
        super::put(edit, "grants", json!([]));
    }
}

fn to_wire(edit: &mut Value) {
    if !is_reseller(edit) {
        super::put(edit, "account", Value::Null);
    }
    if !is_narrowed(edit) {
        super::put(edit, "grants", Value::Null);
    }
    if let Some(fields) = edit.as_object_mut() {
        fields.remove("extent");
    }
}

pub static LOGINS: Resource = Resource {
    singular: "login",
    icon: "🔑",
    key: "id",
    name: "edit.name",
    methods: Methods {
        list: "login.list",
        get: Some("login.get"),
        create: Some("login.create"),
        update: Some("login.update"),
        delete: Some("login.delete"),
    },
    columns: &[
        col("edit.name", "Name", 22, Kind::Text),
        col("edit.role", "Role", 16, Kind::Choice(&ROLES)),
        col("edit.enabled", "Enabled", 9, Kind::Flag),
        col("edit.account", "Reseller", 20, Kind::Ref(View::Resellers)),
        col("last_login_at", "Last log-in", 19, Kind::Time),
        col("failures", "Failed", 8, Kind::Number),
        col("locked_until", "Locked until", 19, Kind::Time),
        col("edit.email", "E-mail", 24, Kind::Text),
    ],
    order: "name",
    sort: Some(("edit.name", false)),
    sections: &[Section {
        title: "Login",
        fields: &[
            field("name", "Name", Input::Text).required(),
            field("password", "Password", Input::Secret)
                .hint("8 characters or more; left empty it stays as it is"),
            field("role", "Role", Input::Choice(&ROLES)),
            field("account", "Reseller", Input::Ref(View::Resellers))
                .required()
                .shown(is_reseller),
            field("enabled", "Enabled", Input::Flag).hint("May log in"),
            field("email", "E-mail", Input::Text),
            field("extent", "Rights", Input::Choice(&EXTENTS)).shown(can_be_narrowed),
            field("grants", "Rights listed", Input::Rows(&GRANT))
                .hint("None: it may log in and see nothing")
                .shown(is_narrowed),
        ],
    }],
    links: &[],
    blank: || json!({ "name": "", "role": "operator", "grants": null, "account": null, "enabled": true, "email": "" }),
    to_form,
    to_wire,
};

/// Most changes written out; the rest are counted.
const SHOWN: usize = 12;

/// The fields that changed, old and new, on one line; of something new or gone, the fields that are set.
fn change(row: &Value) -> String {
    let empty = nothing();
    let side = |name: &str| {
        at(row, name)
            .filter(|value| value.is_object())
            .unwrap_or(&empty)
    };
    let mut parts = Vec::new();
    differences("", side("old"), side("new"), &mut parts);
    let more = parts.len().saturating_sub(SHOWN);
    parts.truncate(SHOWN);
    let shown = parts.join("; ");
    match more {
        0 => shown,
        _ => format!("{shown}; and {more} more"),
    }
}

fn differences(path: &str, old: &Value, new: &Value, parts: &mut Vec<String>) {
    if old == new || (is_unset(old) && is_unset(new)) || BOOKKEEPING.contains(&path) {
        return;
    }
    let empty = nothing();
    let old_fields = if old.is_null() { &empty } else { old };
    let new_fields = if new.is_null() { &empty } else { new };
    match (old_fields.as_object(), new_fields.as_object()) {
        (Some(before), Some(after)) => {
            let keys: std::collections::BTreeSet<&String> =
                before.keys().chain(after.keys()).collect();
            for key in keys {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or_default()
                };
                differences(&path, &of(before), &of(after), parts);
            }
        }
        _ => {
            let read = |value| read(path, value);
            parts.push(match (old.is_null(), new.is_null()) {
                (true, _) => format!("{path}: {}", read(new)),
                (_, true) => format!("{path}: {} ➡ –", read(old)),
                _ => format!("{path}: {} ➡ {}", read(old), read(new)),
            });
        }
    }
}

/// Fields that are the switch's own and change with every edit.
const BOOKKEEPING: [&str; 3] = ["id", "revision", "created_at"];

/// What says nothing in a list of what was set.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty() || text == "0",
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) => false,
    }
}

/// Fields that are amounts in micro-units.
const AMOUNTS: [&str; 7] = [
    "amount",
    "balance",
    "credit_limit",
    "daily_spend_limit",
    "held",
    "low_balance_at",
    "max_rate_per_minute",
];

/// A value as the rest of the program shows it.
fn read(path: &str, value: &Value) -> String {
    let name = path.rsplit('.').next().unwrap_or(path);
    match value {
        Value::Number(_) if AMOUNTS.contains(&name) => {
            format::money(value.as_i64().unwrap_or_default(), 2)
        }
        Value::Number(_) if name.ends_with("_at") || name.starts_with("effective") => {
            format::time(value.as_i64().unwrap_or_default())
        }
        Value::String(text) if text.is_empty() => "–".into(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        other => other.to_string(),
    }
}

pub static AUDIT: Resource = Resource {
    singular: "audit entry",
    icon: "📜",
    key: "id",
    name: "action",
    methods: Methods {
        list: "audit.list",
        get: None,
        create: None,
        update: None,
        delete: None,
    },
    columns: &[
        col("at", "Time", 19, Kind::Time),
        col("login_name", "Login", 11, Kind::Text),
        col("source", "From", 16, Kind::Text),
        col("action", "Action", 14, Kind::Text),
        col("object", "Object", 13, Kind::Text),
        col("object_id", "Id", 7, Kind::Number),
        col("old", "Change", 70, Kind::Of(change)),
    ],
    order: "object",
    sort: Some(("at", true)),
    sections: &[],
    links: &[],
    blank: nothing,
    to_form: same,
    to_wire: same,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_saved_unchanged_keeps_its_rights() {
        let right = json!([{ "area": "cdrs", "right": "see" }]);
        for (role, grants) in [
            ("operator", json!(null)),
            ("operator", json!([])),
            ("operator", right),
            ("admin", json!(null)),
        ] {
            let stored = json!({ "name": "a", "role": role, "grants": grants, "account": null });
            let mut edit = stored.clone();
            to_form(&mut edit);
            to_wire(&mut edit);
            assert_eq!(edit, stored);
        }
    }

    #[test]
    fn what_is_new_shows_what_was_set_and_no_more_than_a_line() {
        let new = json!({ "login": "anna", "balance": 0, "codecs": [], "disabled": false });
        let row = json!({ "old": null, "new": new });
        assert_eq!(change(&row), "login: anna");
        let many: serde_json::Map<_, _> = (10..30).map(|n| (format!("f{n}"), json!(n))).collect();
        let row = json!({ "old": null, "new": many });
        assert!(change(&row).ends_with("f21: 21; and 8 more"));
    }

    #[test]
    fn changes_name_what_moved() {
        let row = json!({
            "old": { "a": 1, "b": { "c": "x", "d": true } },
            "new": { "a": 1, "b": { "c": "y", "d": true }, "e": 2 },
        });
        assert_eq!(change(&row), "b.c: x ➡ y; e: 2");
        let limit = json!({
            "old": { "credit_limit": 300_000_000, "lot": null, "notes": "x" },
            "new": { "credit_limit": 450_500_000, "lot": "", "notes": "" },
        });
        assert_eq!(
            change(&limit),
            "credit_limit: 300.00 ➡ 450.50; notes: x ➡ –"
        );
    }
}
