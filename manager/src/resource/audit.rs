//! Logins and the audit log.

use super::{
    Choice, Input, Kind, Methods, Part, Resource, Section, View, at, choice, col, field, nothing,
    same, text_at,
};
use serde_json::{Value, json};

const ROLES: [Choice; 4] = [
    choice("admin", "Administrator"),
    choice("operator", "Operator"),
    choice("viewer", "Viewer"),
    choice("reseller", "Reseller"),
];

const AREAS: [Choice; 12] = [
    choice("accounts", "Accounts"),
    choice("gateways", "Gateways"),
    choice("dial_plan", "Dial plan"),
    choice("tariffs", "Tariffs"),
    choice("money", "Money"),
    choice("cdrs", "CDRs"),
    choice("live", "Live"),
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
    most: 12,
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

/// The fields that changed, old and new, on one line.
fn change(row: &Value) -> String {
    let empty = nothing();
    let (old, new) = (
        at(row, "old").unwrap_or(&empty),
        at(row, "new").unwrap_or(&empty),
    );
    let mut parts = Vec::new();
    differences("", old, new, &mut parts);
    parts.join("; ")
}

fn differences(path: &str, old: &Value, new: &Value, parts: &mut Vec<String>) {
    if old == new || parts.len() >= 12 {
        return;
    }
    match (old.as_object(), new.as_object()) {
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
        _ if old.is_null() => parts.push(format!("{path}: {new}")),
        _ => parts.push(format!("{path}: {old} ➡ {new}")),
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
        col("login_name", "Login", 16, Kind::Text),
        col("source", "From", 22, Kind::Text),
        col("action", "Action", 14, Kind::Text),
        col("object", "Object", 14, Kind::Text),
        col("object_id", "Id", 7, Kind::Number),
        col("old", "Change", 60, Kind::Of(change)),
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
    fn changes_name_what_moved() {
        let row = json!({
            "old": { "a": 1, "b": { "c": "x", "d": true } },
            "new": { "a": 1, "b": { "c": "y", "d": true }, "e": 2 },
        });
        assert_eq!(change(&row), "b.c: \"x\" ➡ \"y\"; e: 2");
    }
}
