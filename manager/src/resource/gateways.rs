//! Gateways: the SIP peers calls are sent to.

use super::upstreams::REACH;
use super::{
    Choice, DAYS, Field, Input, Kind, Link, MEDIA, Methods, Part, Resource, SRTP, Section,
    TRANSPORTS, View, at, choice, col, default, field, put, span_to_form, span_to_wire, text_at,
};
use serde_json::{Value, json};
use tandem_protocol::gateway::GatewayEdit;

const HOST: Part = Part {
    singular: "host",
    fields: &[
        field("host", "Host", Input::Text).required(),
        field(
            "port",
            "Port",
            Input::Integer {
                min: 0,
                max: 65_535,
            },
        )
        .hint("0: found in DNS (SRV)"),
        field(
            "priority",
            "Priority",
            Input::Integer {
                min: 0,
                max: 65_535,
            },
        ),
        field(
            "weight",
            "Weight",
            Input::Integer {
                min: 0,
                max: 65_535,
            },
        ),
        field("transport", "Transport", Input::OptionalChoice(&REACHED_BY))
            .hint("Empty: as the gateway's"),
    ],
    blank: || json!({ "host": "", "port": 5060, "priority": 0, "weight": 1, "transport": null }),
    most: 16,
};

/// A gateway is no browser: no WebSocket.
const REACHED_BY: [Choice; 3] = [
    choice("udp", "UDP"),
    choice("tcp", "TCP"),
    choice("tls", "TLS"),
];

const TRUST: [Choice; 3] = [
    choice("authority", "Signed by an authority"),
    choice("fingerprint", "By its fingerprint"),
    choice("any", "Any: not checked"),
];

fn is_tls(edit: &Value) -> bool {
    text_at(edit, "transport") == "tls"
}

fn is_pinned(edit: &Value) -> bool {
    is_tls(edit) && text_at(edit, "tls.trust") == "fingerprint"
}

fn is_named(edit: &Value) -> bool {
    is_tls(edit) && text_at(edit, "tls.trust") == "authority"
}

fn takes_calls(edit: &Value) -> bool {
    at(edit, "inbound.account").is_some_and(|account| !account.is_null())
}

const MANY: i64 = 4_294_967_295;

/// `sip.example:5060` and how many more.
fn hosts(row: &Value) -> String {
    let hosts = at(row, "edit.hosts")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let shown = |host: &Value| {
        format!(
            "{}:{}",
            text_at(host, "host"),
            at(host, "port").cloned().unwrap_or_default()
        )
    };
    hosts.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn has_user(edit: &Value) -> bool {
    !text_at(edit, "auth.username").is_empty()
}

fn to_form(edit: &mut Value) {
    span_to_form(edit, "hunt.hours.span");
    if at(edit, "auth").is_none_or(Value::is_null) {
        put(edit, "auth", json!({ "username": "" }));
    }
}

fn to_wire(edit: &mut Value) {
    span_to_wire(edit, "hunt.hours.span");
    if !has_user(edit) {
        put(edit, "auth", Value::Null);
    }
}

const WATCHING: &[Field] = &[
    field(
        "health.interval_s",
        "OPTIONS every, s",
        Input::Integer { min: 0, max: 3600 },
    )
    .hint("To each host; 0: none, else 5 or more"),
    field(
        "health.fails_to_down",
        "Down after",
        Input::Integer { min: 1, max: 20 },
    )
    .hint("OPTIONS in vain"),
    field(
        "health.answers_to_up",
        "Up after",
        Input::Integer { min: 1, max: 20 },
    )
    .hint("OPTIONS answered"),
    field(
        "health.dead_codes",
        "Dead by answer",
        Input::Numbers { min: 200, max: 699 },
    )
    .hint("Any other answer is a sign of life"),
    field(
        "health.failures_to_rest",
        "Rests after",
        Input::Integer { min: 0, max: 100 },
    )
    .hint("Calls that find nobody there; 0: never"),
    field(
        "health.rest_s",
        "First rest, s",
        Input::Integer { min: 5, max: 3600 },
    )
    .hint("Twice as long each time"),
];

pub static GATEWAYS: Resource = Resource {
    singular: "gateway",
    icon: "🔁",
    key: "id",
    name: "edit.name",
    methods: Methods {
        list: "gateway.list",
        get: Some("gateway.get"),
        create: Some("gateway.create"),
        update: Some("gateway.update"),
        delete: Some("gateway.delete"),
    },
    columns: &[
        col("edit.name", "Name", 18, Kind::Text),
        col("edit.enabled", "Enabled", 9, Kind::Flag),
        col("edit.hosts", "Hosts", 30, Kind::Of(hosts)),
        col("edit.transport", "Transport", 10, Kind::Choice(&TRANSPORTS)),
        col("edit.max_calls", "Calls at once", 12, Kind::Limit),
        col("edit.max_cps", "CPS", 8, Kind::Limit),
        col("cost_tariff_name", "Cost tariff", 20, Kind::Text),
        col("edit.currency", "Currency", 9, Kind::Text),
        col("edit.rules", "Number rules", 22, Kind::Text),
    ],
    order: "name",
    sort: Some(("edit.name", false)),
    sections: &[
        Section {
            title: "Gateway",
            fields: &[
                field("name", "Name", Input::Text).required(),
                field("enabled", "Enabled", Input::Flag).hint("Calls are sent to it"),
                field("hosts", "Hosts", Input::Rows(&HOST)).required(),
                field("transport", "Transport", Input::Choice(&REACHED_BY)),
                field("tls.trust", "Certificate", Input::Choice(&TRUST)).shown(is_tls),
                field("tls.name", "Name in it", Input::OptionalText)
                    .shown(is_named)
                    .hint("Empty: the host's name"),
                field("tls.fingerprint", "Fingerprint", Input::OptionalText)
                    .shown(is_pinned)
                    .hint("SHA-256 in hex pairs"),
                field(
                    "inbound.account",
                    "Its calls are",
                    Input::OptionalRef(View::Accounts),
                )
                .hint("Calls from its hosts that are for no DID; empty: refused"),
                field("inbound.reach", "They may reach", Input::Choice(&REACH))
                    .shown(takes_calls)
                    .hint("Beyond its own phones that account pays for what others dial"),
                field("inbound.number", "To number", Input::OptionalText)
                    .shown(takes_calls)
                    .hint("Empty: the number that was called, if that may count"),
                field("auth.username", "User name", Input::Text).hint("Empty: no digest log-in"),
                field("auth.password", "Password", Input::Secret)
                    .shown(has_user)
                    .hint("Left empty it stays as it is"),
            ],
        },
        Section {
            title: "Money and limits",
            fields: &[
                field(
                    "cost_tariff",
                    "Cost tariff",
                    Input::OptionalRef(View::Tariffs),
                ),
                field("currency", "Currency", Input::Text).required(),
                field(
                    "max_calls",
                    "Calls at once",
                    Input::Integer { min: 0, max: MANY },
                )
                .hint("0: unlimited"),
                field(
                    "max_cps",
                    "Calls per second",
                    Input::Integer { min: 0, max: MANY },
                )
                .hint("0: unlimited"),
            ],
        },
        Section {
            title: "Numbers and audio",
            fields: &[
                field("rules", "Number rules", Input::Rules),
                field("codecs", "Codecs", Input::List)
                    .hint("In order, such as pcma, opus; empty: all"),
                field("media", "Audio", Input::Choice(&MEDIA)),
                field("srtp", "SRTP keys", Input::Choice(&SRTP))
                    .hint("Over TLS only, unless the settings allow it"),
                field("identity.from_domain", "From domain", Input::OptionalText).hint("Empty: ours"),
                field("identity.send_pai", "Send identity", Input::Flag).hint("P-Asserted-Identity header"),
                field("notes", "Notes", Input::Notes),
            ],
        },
        Section {
            title: "Signalling",
            fields: super::signalling::GATEWAY,
        },
        Section {
            title: "Hunt",
            fields: &[
                field("hunt.codes", "Answers", Input::Text).hint(
                    "Next route on 5xx,408; stop on !486. Left out: 404, 410, 484, 485, 486, 6xx stop",
                ),
                field(
                    "hunt.no_response_s",
                    "No response, s",
                    Input::Integer { min: 1, max: 60 },
                )
                .hint("Then the next route is tried"),
                field(
                    "hunt.ring_timeout_s",
                    "Ring time, s",
                    Input::Integer { min: 0, max: 600 },
                )
                .hint("0: as in the settings"),
            ],
        },
        Section {
            title: "Watching",
            fields: WATCHING,
        },
        Section {
            title: "Hours",
            fields: &[
                field("hunt.hours.span.from_day", "From day", Input::Choice(&DAYS)),
                field("hunt.hours.span.to_day", "To day", Input::Choice(&DAYS)),
                field("hunt.hours.span.from_minute", "From", Input::Minute),
                field("hunt.hours.span.to_minute", "To", Input::Minute)
                    .hint("Earlier than the start: across midnight"),
                field("hunt.hours.time_zone", "Time zone", Input::Text)
                    .hint("Such as Europe/Berlin; empty is UTC"),
            ],
        },
    ],
    links: &[Link {
        label: "CDRs",
        view: View::Cdrs,
        field: "gateway",
    }],
    blank: || {
        let mut edit = default::<GatewayEdit>();
        put(&mut edit, "hosts", json!([(HOST.blank)()]));
        put(&mut edit, "health.interval_s", json!(60));
        put(&mut edit, "health.failures_to_rest", json!(5));
        edit
    },
    to_form,
    to_wire,
};
