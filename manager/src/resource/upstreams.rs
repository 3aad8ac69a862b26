//! Upstream registrations: where the switch registers as a phone does.

use super::{
    Choice, Input, Kind, Methods, Resource, Section, View, choice, col, default, field, put, same,
};
use serde_json::Value;
use tandem_protocol::upstream::UpstreamEdit;

pub(super) static REACH: [Choice; 3] = [
    choice("number", "A phone of its own, by the number set here"),
    choice("phones", "Phones of its own, by the number called"),
    choice("anywhere", "Wherever it may call"),
];

pub static UPSTREAMS: Resource = Resource {
    singular: "upstream registration",
    icon: "📶",
    key: "id",
    name: "edit.name",
    methods: Methods {
        list: "upstream.list",
        get: Some("upstream.get"),
        create: Some("upstream.create"),
        update: Some("upstream.update"),
        delete: Some("upstream.delete"),
    },
    columns: &[
        col("edit.name", "Name", 18, Kind::Text),
        col("edit.enabled", "Enabled", 9, Kind::Flag),
        col("gateway_name", "Gateway", 18, Kind::Text),
        col("edit.registrar", "Domain", 20, Kind::Text),
        col("edit.username", "User", 16, Kind::Text),
        col("inbound_account_login", "Calls in are", 16, Kind::Text),
        col("edit.expires_s", "Expiry, s", 9, Kind::Number),
    ],
    order: "name",
    sort: Some(("edit.name", false)),
    sections: &[
        Section {
            title: "Registration",
            fields: &[
                field("name", "Name", Input::Text).required(),
                field("enabled", "Enabled", Input::Flag).hint("Off: it is taken back"),
                field("gateway", "Gateway", Input::Ref(View::Gateways))
                    .required()
                    .hint("Its hosts are the registrar, its terms hold for calls"),
                field("registrar", "Domain", Input::OptionalText)
                    .hint("Empty: the gateway's first host"),
                field("username", "User", Input::Text).required(),
                field("auth.username", "Digest user", Input::OptionalText).hint("Empty: the same"),
                field("auth.password", "Password", Input::Secret)
                    .hint("Left empty it stays as it is"),
                field("auth.realm", "Realm", Input::OptionalText).hint("Empty: any"),
                field(
                    "expires_s",
                    "Expiry, s",
                    Input::Integer {
                        min: 60,
                        max: 86_400,
                    },
                ),
                field(
                    "keep_alive_s",
                    "Keep-alive, s",
                    Input::Integer { min: 0, max: 600 },
                )
                .hint("Keeps a NAT open; 0: none"),
                field("contact_user", "Contact user", Input::Secret)
                    .hint("Left empty it stays as it is, at first one that nobody can guess"),
                field("notes", "Notes", Input::Notes),
            ],
        },
        Section {
            title: "Calls in",
            fields: &[
                field(
                    "inbound.account",
                    "Are calls of",
                    Input::OptionalRef(View::Accounts),
                )
                .hint("Its routing group and tariff; empty: refused"),
                field("inbound.reach", "May reach", Input::Choice(&REACH))
                    .hint("Beyond its own phones it pays for what others dial"),
                field("inbound.number", "To number", Input::OptionalText)
                    .hint("Empty: the number that was called, if that may count"),
            ],
        },
    ],
    links: &[],
    blank: || {
        let mut edit = default::<UpstreamEdit>();
        put(&mut edit, "gateway", Value::Null);
        edit
    },
    to_form: same,
    to_wire: same,
};
