//! Routing groups, the rows of the dial plan, block- and allowlists.

use super::{
    Choice, DAYS, Input, Kind, Link, Methods, Resource, Section, View, at, choice, col, default,
    field, int_at, put, same, span_text, span_to_form, span_to_wire, text_at, toned,
};
use crate::theme::Tone;
use serde_json::{Value, json};
use tandem_protocol::dialplan::{ListEntryEdit, RouteEdit, RoutingGroupEdit};

const POLICIES: [Choice; 4] = [
    choice("as_listed", "As listed"),
    choice("least_cost", "Least cost"),
    choice("quality", "Quality"),
    choice("margin", "Margin"),
];

const TARGETS: [Choice; 5] = [
    choice("gateway", "Gateway"),
    choice("upstream", "Upstream registration"),
    choice("account", "Account phones"),
    choice("local_device", "Dialled phone"),
    choice("reject", "Reject"),
];

pub static GROUPS: Resource = Resource {
    singular: "routing group",
    icon: "🔀",
    key: "id",
    name: "edit.name",
    methods: Methods {
        list: "group.list",
        get: Some("group.get"),
        create: Some("group.create"),
        update: Some("group.update"),
        delete: Some("group.delete"),
    },
    columns: &[
        col("edit.name", "Name", 24, Kind::Text),
        col(
            "edit.policy",
            "Order of routes",
            16,
            Kind::Choice(&POLICIES),
        ),
        col(
            "edit.inherits",
            "Inherits from",
            24,
            Kind::Ref(View::Groups),
        ),
        col("routes", "Routes", 9, Kind::Number),
        col("edit.notes", "Notes", 30, Kind::Text),
    ],
    order: "name",
    sort: Some(("edit.name", false)),
    sections: &[Section {
        title: "Routing group",
        fields: &[
            field("name", "Name", Input::Text).required(),
            field("policy", "Order of routes", Input::Choice(&POLICIES)),
            field(
                "inherits",
                "Inherits from",
                Input::OptionalRef(View::Groups),
            )
            .hint("Its rows come after ours of the same prefix"),
            field("notes", "Notes", Input::Notes),
        ],
    }],
    links: &[Link {
        label: "Dial plan",
        view: View::Routes,
        field: "group",
    }],
    blank: default::<RoutingGroupEdit>,
    to_form: same,
    to_wire: same,
};

fn goes_to(edit: &Value, target: &str) -> bool {
    text_at(edit, "target.to") == target
}

/// What stands in the dial plan when the target is no other object.
fn hours(row: &Value) -> String {
    at(row, "edit.hours.span")
        .map(span_text)
        .unwrap_or_default()
}

fn reject(row: &Value) -> String {
    let target = at(row, "edit.target").cloned().unwrap_or_default();
    match text_at(&target, "to") {
        "reject" => format!(
            "{} {}",
            int_at(&target, "status"),
            text_at(&target, "reason")
        ),
        _ => String::new(),
    }
}

fn to_form(edit: &mut Value) {
    span_to_form(edit, "hours.span");
}

fn to_wire(edit: &mut Value) {
    span_to_wire(edit, "hours.span");
    let target = match text_at(edit, "target.to") {
        "gateway" => json!({ "to": "gateway", "gateway": at(edit, "target.gateway") }),
        "upstream" => json!({ "to": "upstream", "upstream": at(edit, "target.upstream") }),
        "account" => json!({ "to": "account", "account": at(edit, "target.account") }),
        "reject" => json!({
            "to": "reject",
            "status": at(edit, "target.status").cloned().unwrap_or_else(|| 403.into()),
            "reason": text_at(edit, "target.reason"),
        }),
        _ => json!({ "to": "local_device" }),
    };
    put(edit, "target", target);
}

pub static ROUTES: Resource = Resource {
    singular: "route",
    icon: "➡",
    key: "id",
    name: "edit.prefix",
    methods: Methods {
        list: "route.list",
        get: Some("route.get"),
        create: Some("route.create"),
        update: Some("route.update"),
        delete: Some("route.delete"),
    },
    columns: &[
        col("group_name", "Routing group", 14, Kind::Text),
        col("edit.prefix", "Prefix", 10, Kind::TextOr("any")),
        col("edit.priority", "Priority", 8, Kind::Number),
        col("edit.share", "Share %", 8, Kind::Number),
        col("edit.target.to", "Goes to", 14, Kind::Choice(&TARGETS)),
        col("gateway_name", "Gateway", 15, Kind::Text),
        col("upstream_name", "Upstream", 12, Kind::Text),
        col("account_login", "Account", 10, Kind::Text),
        col("edit.target", "Answer", 20, Kind::Of(reject)),
        col("edit.enabled", "Enabled", 8, Kind::Flag),
        col("edit.hours", "Hours", 14, Kind::Of(hours)),
        col("edit.rules", "Number rules", 16, Kind::Text),
    ],
    order: "prefix",
    sort: Some(("edit.prefix", false)),
    sections: &[
        Section {
            title: "Route",
            fields: &[
                field("group", "Routing group", Input::Ref(View::Groups)).required(),
                field("prefix", "Prefix", Input::Text).hint("The longest wins; empty fits all"),
                field(
                    "priority",
                    "Priority",
                    Input::Integer {
                        min: 0,
                        max: 65_535,
                    },
                )
                .hint("Lower first"),
                field("share", "Share, %", Input::Integer { min: 1, max: 100 })
                    .hint("Among rows of the same priority"),
                field("enabled", "Enabled", Input::Flag),
            ],
        },
        Section {
            title: "Target",
            fields: &[
                field("target.to", "Goes to", Input::Choice(&TARGETS)),
                field("target.gateway", "Gateway", Input::Ref(View::Gateways))
                    .required()
                    .shown(|edit| goes_to(edit, "gateway")),
                field("target.upstream", "Upstream", Input::Ref(View::Upstreams))
                    .required()
                    .shown(|edit| goes_to(edit, "upstream")),
                field("target.account", "Account", Input::Ref(View::Accounts))
                    .required()
                    .shown(|edit| goes_to(edit, "account")),
                field(
                    "target.status",
                    "SIP status",
                    Input::Integer { min: 400, max: 699 },
                )
                .required()
                .shown(|edit| goes_to(edit, "reject")),
                field("target.reason", "Reason", Input::Text)
                    .required()
                    .shown(|edit| goes_to(edit, "reject")),
                field("rules", "Number rules", Input::Rules),
                field(
                    "max_calls",
                    "Calls at once",
                    Input::Integer {
                        min: 0,
                        max: 4_294_967_295,
                    },
                )
                .hint("0: unlimited"),
                field(
                    "max_cps",
                    "Calls per second",
                    Input::Integer {
                        min: 0,
                        max: 4_294_967_295,
                    },
                )
                .hint("0: unlimited"),
            ],
        },
        Section {
            title: "Hours",
            fields: &[
                field("hours.span.from_day", "From day", Input::Choice(&DAYS)),
                field("hours.span.to_day", "To day", Input::Choice(&DAYS)),
                field("hours.span.from_minute", "From", Input::Minute),
                field("hours.span.to_minute", "To", Input::Minute)
                    .hint("Earlier than the start: across midnight"),
                field("hours.span.holiday", "Holidays only", Input::Flag),
                field("hours.time_zone", "Time zone", Input::Text)
                    .hint("Such as Europe/Berlin; empty is UTC"),
            ],
        },
    ],
    links: &[],
    blank: || {
        let mut edit = default::<RouteEdit>();
        put(&mut edit, "group", Value::Null);
        put(&mut edit, "target", json!({ "to": "gateway" }));
        edit
    },
    to_form,
    to_wire,
};

const SIDES: [Choice; 2] = [
    choice("dialled", "Number dialled"),
    choice("caller", "Caller"),
];

const VERDICTS: [Choice; 2] = [
    toned("block", "Block", Tone::Bad),
    toned("allow", "Allow", Tone::Good),
];

pub static LISTS: Resource = Resource {
    singular: "list entry",
    icon: "⛔",
    key: "id",
    name: "edit.prefix",
    methods: Methods {
        list: "list_entry.list",
        get: Some("list_entry.get"),
        create: Some("list_entry.create"),
        update: Some("list_entry.update"),
        delete: Some("list_entry.delete"),
    },
    columns: &[
        col("edit.prefix", "Begins with", 20, Kind::Text),
        col("edit.side", "Of", 16, Kind::Choice(&SIDES)),
        col("edit.verdict", "Does", 10, Kind::Choice(&VERDICTS)),
        col("account_login", "Only calls of", 20, Kind::Text),
        col("edit.note", "Note", 40, Kind::Text),
    ],
    order: "prefix",
    sort: Some(("edit.prefix", false)),
    sections: &[Section {
        title: "List entry",
        fields: &[
            field("prefix", "Begins with", Input::Text)
                .hint("The longest entry decides; empty is every number, only with an account"),
            field("side", "Of", Input::Choice(&SIDES)),
            field("verdict", "Does", Input::Choice(&VERDICTS))
                .hint("Allow: an exception from a shorter block. Emergency numbers always pass"),
            field(
                "account",
                "Only calls of",
                Input::OptionalRef(View::Accounts),
            )
            .hint("And of accounts below it; empty: every call"),
            field("note", "Note", Input::Notes),
        ],
    }],
    links: &[],
    blank: default::<ListEntryEdit>,
    to_form: same,
    to_wire: same,
};
