//! DIDs: numbers at which others call in.

use super::{
    Choice, Input, Kind, Methods, Resource, Section, View, at, choice, col, default, field, int_at,
    put, text_at,
};
use serde_json::{Value, json};
use tandem_protocol::did::DidEdit;

static TARGETS: [Choice; 3] = [
    choice("phones", "Phones of the account"),
    choice("forward", "Another number"),
    choice("refuse", "Refused"),
];

fn goes_to(edit: &Value, target: &str) -> bool {
    text_at(edit, "target.to") == target
}

/// New numbers alone come in ranges.
fn is_new(edit: &Value) -> bool {
    edit.get(LAST).is_some()
}

/// The form's field that makes it a range.
const LAST: &str = "last";

/// The method and parameters that add what a form of new numbers says.
#[must_use]
pub fn added(mut params: Value) -> (&'static str, Value) {
    let last = params
        .get_mut("edit")
        .and_then(Value::as_object_mut)
        .and_then(|edit| edit.remove(LAST));
    match last {
        Some(Value::String(last)) if !last.is_empty() => {
            put(&mut params, LAST, last.into());
            ("did.add_range", params)
        }
        Some(_) | None => ("did.create", params),
    }
}

fn leads(row: &Value) -> String {
    let target = at(row, "edit.target").cloned().unwrap_or_default();
    match text_at(&target, "to") {
        "forward" => text_at(&target, "number").to_owned(),
        "refuse" => format!(
            "{} {}",
            int_at(&target, "status"),
            text_at(&target, "reason")
        ),
        _ => String::new(),
    }
}

fn source(row: &Value) -> String {
    let named = |path| at(row, path).and_then(Value::as_str);
    let by = named("source_gateway_name").or_else(|| named("source_upstream_name"));
    by.unwrap_or("any").to_owned()
}

fn to_wire(edit: &mut Value) {
    let target = match text_at(edit, "target.to") {
        "forward" => json!({ "to": "forward", "number": text_at(edit, "target.number") }),
        "refuse" => json!({
            "to": "refuse",
            "status": at(edit, "target.status").cloned().unwrap_or_else(|| 404.into()),
            "reason": text_at(edit, "target.reason"),
        }),
        _ => json!({ "to": "phones" }),
    };
    put(edit, "target", target);
    let is_one = at(edit, LAST).is_some_and(Value::is_null);
    if let Some(edit) = edit.as_object_mut().filter(|_| is_one) {
        edit.remove(LAST);
    }
}

pub static DIDS: Resource = Resource {
    singular: "DID",
    icon: "☎",
    key: "id",
    name: "edit.number",
    methods: Methods {
        list: "did.list",
        get: Some("did.get"),
        create: Some("did.create"),
        update: Some("did.update"),
        delete: Some("did.delete"),
    },
    columns: &[
        col("edit.number", "Number", 18, Kind::Text),
        col("edit.enabled", "Enabled", 9, Kind::Flag),
        col("account_login", "Account", 18, Kind::TextOr("in stock")),
        col("edit.target.to", "Goes to", 22, Kind::Choice(&TARGETS)),
        col("edit.target", "Number or answer", 20, Kind::Of(leads)),
        col("edit.source", "Comes from", 18, Kind::Of(source)),
        col("tariff_name", "Tariff", 16, Kind::Text),
        col("edit.max_calls", "Calls at once", 14, Kind::Limit),
        col("edit.note", "Note", 30, Kind::Text),
    ],
    order: "number",
    sort: Some(("edit.number", false)),
    sections: &[
        Section {
            title: "Number",
            fields: &[
                field("number", "Number", Input::Text)
                    .required()
                    .hint("Country code first, digits only"),
                field(LAST, "Up to", Input::OptionalText)
                    .shown(is_new)
                    .hint("The last one of a range; empty: one number"),
                field("enabled", "Enabled", Input::Flag),
                field("account", "Account", Input::OptionalRef(View::Accounts))
                    .hint("Who has it and pays; empty: in stock"),
                field(
                    "source.gateway",
                    "Only from gateway",
                    Input::OptionalRef(View::Gateways),
                )
                .hint("Empty: any"),
                field(
                    "source.upstream",
                    "Only by upstream",
                    Input::OptionalRef(View::Upstreams),
                )
                .hint("Or by this upstream registration; empty: any"),
                field("note", "Note", Input::Notes),
            ],
        },
        Section {
            title: "Calls to it",
            fields: &[
                field("target.to", "Go to", Input::Choice(&TARGETS)),
                field("target.number", "Number", Input::Text)
                    .required()
                    .shown(|edit| goes_to(edit, "forward"))
                    .hint("As the account would dial it, at its price"),
                field(
                    "target.status",
                    "SIP status",
                    Input::Integer { min: 400, max: 699 },
                )
                .required()
                .shown(|edit| goes_to(edit, "refuse")),
                field("target.reason", "Reason", Input::Text)
                    .required()
                    .shown(|edit| goes_to(edit, "refuse")),
                field("tariff", "Tariff", Input::OptionalRef(View::Tariffs))
                    .shown(|edit| goes_to(edit, "phones"))
                    .hint("What its calls cost the account; empty: the account's own tariff"),
                field(
                    "max_calls",
                    "Calls at once",
                    Input::Integer {
                        min: 0,
                        max: 4_294_967_295,
                    },
                )
                .hint("0: unlimited, but not for what goes to another number"),
            ],
        },
    ],
    links: &[],
    blank: || {
        let mut edit = default::<DidEdit>();
        put(&mut edit, LAST, Value::Null);
        edit
    },
    to_form: super::same,
    to_wire,
};
