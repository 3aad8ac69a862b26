//! Accounts, resellers among them, their SIP devices and their source addresses.

use super::{
    Choice, Field, Input, Kind, Link, MEDIA, Methods, Part, Resource, SRTP, Section, TRANSPORTS,
    View, at, choice, col, default, field, put, same, text_at, toned,
};
use crate::theme::Tone;
use serde::Serialize;
use serde_json::{Value, json};
use tandem_protocol::account::{AccountEdit, DeviceEdit, SourceEdit};

pub const KINDS: [Choice; 9] = [
    choice("retail", "Retail"),
    choice("wholesale", "Wholesale"),
    choice("calling_card", "Calling card"),
    choice("callback", "Callback"),
    choice("call_shop", "Call shop"),
    choice("common", "Common"),
    choice("reseller1", "Reseller 1"),
    choice("reseller2", "Reseller 2"),
    choice("reseller3", "Reseller 3"),
];

pub const STATUS: [Choice; 4] = [
    toned("active", "Active", Tone::Good),
    toned("blocked", "Blocked", Tone::Bad),
    toned("expired", "Expired", Tone::Warn),
    toned("closed", "Closed", Tone::Weak),
];

const CALLER_ID: [Choice; 3] = [
    choice("pass", "As the phone sends it"),
    choice("fixed", "Always one number"),
    choice("one_of", "One of a list"),
];

const OVERRIDE: Part = Part {
    singular: "override",
    fields: &[
        field("prefix", "Prefix", Input::Text).required(),
        field("tariff", "Tariff", Input::Ref(View::Tariffs)).required(),
    ],
    blank: || json!({ "prefix": "", "tariff": null }),
    most: 200,
};

const MODES: [Choice; 2] = [choice("prepaid", "Prepaid"), choice("postpaid", "Postpaid")];

const GRANTED_TARIFF: Part = Part {
    singular: "tariff",
    fields: &[field("id", "Tariff", Input::Ref(View::Tariffs)).required()],
    blank: || json!({ "id": null }),
    most: 200,
};

const GRANTED_GROUP: Part = Part {
    singular: "routing group",
    fields: &[field("id", "Routing group", Input::Ref(View::Groups)).required()],
    blank: || json!({ "id": null }),
    most: 200,
};

fn is_reseller(edit: &Value) -> bool {
    text_at(edit, "kind").starts_with("reseller")
}

/// Ids on the wire are rows of one field in the form.
fn wrap_ids(edit: &mut Value, path: &str) {
    let ids = at(edit, path).and_then(Value::as_array).cloned();
    let rows = ids.unwrap_or_default().into_iter();
    let rows: Vec<Value> = rows.map(|id| json!({ "id": id })).collect();
    put(edit, path, rows.into());
}

fn unwrap_ids(edit: &mut Value, path: &str) {
    let rows = at(edit, path).and_then(Value::as_array).cloned();
    let ids = rows.unwrap_or_default().into_iter();
    let ids: Vec<Value> = ids.filter_map(|row| at(&row, "id").cloned()).collect();
    put(edit, path, ids.into());
}

fn caller_id_is(edit: &Value, mode: &str) -> bool {
    text_at(edit, "numbers.caller_id.mode") == mode
}

const MANY: i64 = 4_294_967_295;

const SECTIONS: [Section; 7] = [
    Section {
        title: "Account",
        fields: &[
            field("login", "Login", Input::Text)
                .required()
                .hint("Unique; reports show it"),
            field("kind", "Kind", Input::Choice(&KINDS)),
            field("status", "Status", Input::Choice(&STATUS)),
            field("lot", "Lot", Input::OptionalText).hint("The batch it was generated in"),
            field("expires_at", "Expires", Input::OptionalTime).hint("Empty: never"),
        ],
    },
    Section {
        title: "Money",
        fields: &[
            field("currency", "Currency", Input::Text)
                .required()
                .fixed()
                .hint("ISO code such as EUR; fixed once it exists"),
            field("payment_mode", "Pays", Input::OptionalChoice(&MODES))
                .hint("Not set: prepaid if the credit limit is 0"),
            field("credit_limit", "Credit limit", Input::Money).hint("0 means none"),
            field("tariff", "Tariff", Input::OptionalRef(View::Tariffs)),
            field("reseller", "Reseller", Input::OptionalRef(View::Resellers)),
            field(
                "limits.max_rate_per_minute",
                "Dearest minute",
                Input::OptionalMoney,
            )
            .hint("Refuses calls dearer than this"),
            field(
                "limits.daily_spend_limit",
                "Charges a day",
                Input::OptionalMoney,
            )
            .hint("Empty: unlimited"),
            field("low_balance.at", "Warn below", Input::OptionalMoney)
                .hint("Once, when the balance falls below it"),
            field("low_balance.mail", "Warning to", Input::Text)
                .hint("Empty: the account's e-mail"),
            field("limits.loss_allowed", "Loss allowed", Input::Flag)
                .hint("Routes dearer than the sale may be taken"),
        ],
    },
    Section {
        title: "Calls",
        fields: &[
            field(
                "routing_group",
                "Routing group",
                Input::OptionalRef(View::Groups),
            ),
            field(
                "limits.max_calls",
                "Calls at once",
                Input::Integer { min: 0, max: MANY },
            )
            .hint("0: unlimited"),
            field(
                "limits.max_cps",
                "Calls per second",
                Input::Integer { min: 0, max: MANY },
            )
            .hint("0: unlimited"),
            field(
                "limits.max_duration_s",
                "Longest call, s",
                Input::Integer { min: 0, max: MANY },
            )
            .hint("0: as in the settings"),
            field("codecs", "Codecs", Input::List).hint("In order, such as pcma, opus; empty: all"),
            field("media", "Audio", Input::Choice(&MEDIA)),
            field("srtp", "SRTP keys", Input::Choice(&SRTP))
                .hint("Over TLS only, unless the settings allow it"),
        ],
    },
    Section {
        title: "Numbers",
        fields: &[
            field("numbers.rules", "Number rules", Input::Rules).hint("Such as DP:00->;TP:00->"),
            field(
                "numbers.caller_id.mode",
                "Caller ID",
                Input::Choice(&CALLER_ID),
            ),
            field("numbers.caller_id.number", "Caller number", Input::Text)
                .required()
                .shown(|edit| caller_id_is(edit, "fixed")),
            field("numbers.caller_id.list", "Caller numbers", Input::List)
                .required()
                .shown(|edit| caller_id_is(edit, "one_of")),
            field("numbers.allowed_prefixes", "Allowed prefixes", Input::List).hint("Empty: all"),
            field("numbers.blocked_prefixes", "Blocked prefixes", Input::List),
            field(
                "numbers.dnis_tariffs",
                "Tariff by dialled prefix",
                Input::Rows(&OVERRIDE),
            ),
            field(
                "numbers.ani_tariffs",
                "Tariff by caller prefix",
                Input::Rows(&OVERRIDE),
            ),
        ],
    },
    Section {
        title: "Person or firm",
        fields: &[
            field("contact.name", "Name", Input::Text),
            field("contact.company", "Company", Input::Text),
            field("contact.address", "Street", Input::Text),
            field("contact.zip", "Postal code", Input::Text),
            field("contact.city", "Town", Input::Text),
            field("contact.state", "State", Input::Text),
            field("contact.country", "Country", Input::Text),
            field("contact.email", "E-mail", Input::Text).hint("For alerts and invoices"),
            field("contact.phone", "Phone", Input::Text),
            field("contact.tax_id", "Tax number", Input::Text),
            field("contact.language", "Language", Input::Text).hint("Such as en or de-AT"),
            field("contact.time_zone", "Time zone", Input::Text).hint("Such as Europe/Berlin"),
            field("contact.notes", "Notes", Input::Notes),
        ],
    },
    Section {
        title: "Signalling",
        fields: super::signalling::ACCOUNT,
    },
    Section {
        title: "For its own accounts",
        fields: &[
            field(
                "granted_tariffs",
                "Tariffs of others",
                Input::Rows(&GRANTED_TARIFF),
            )
            .shown(is_reseller)
            .hint("None but its own"),
            field(
                "granted_groups",
                "Routing groups",
                Input::Rows(&GRANTED_GROUP),
            )
            .shown(is_reseller)
            .hint("None"),
        ],
    },
];

/// The caller-ID rule is one tagged value on the wire and three fields in the form.
fn to_form(edit: &mut Value) {
    let numbers = at(edit, "numbers.caller_id.numbers")
        .cloned()
        .unwrap_or_default();
    let mode = match text_at(edit, "numbers.caller_id.mode") {
        "" => "pass",
        mode => mode,
    };
    let rule = match numbers {
        Value::String(number) => json!({ "mode": mode, "number": number, "list": [] }),
        Value::Array(list) => json!({ "mode": mode, "number": "", "list": list }),
        _ => json!({ "mode": mode, "number": "", "list": [] }),
    };
    put(edit, "numbers.caller_id", rule);
    wrap_ids(edit, "granted_tariffs");
    wrap_ids(edit, "granted_groups");
}

fn to_wire(edit: &mut Value) {
    unwrap_ids(edit, "granted_tariffs");
    unwrap_ids(edit, "granted_groups");
    let rule = match text_at(edit, "numbers.caller_id.mode") {
        "fixed" => json!({ "mode": "fixed", "numbers": at(edit, "numbers.caller_id.number") }),
        "one_of" => json!({ "mode": "one_of", "numbers": at(edit, "numbers.caller_id.list") }),
        _ => json!({ "mode": "pass" }),
    };
    put(edit, "numbers.caller_id", rule);
}

fn blank() -> Value {
    default::<AccountEdit>()
}

/// A new object that belongs to an account, which is to be chosen.
fn unowned<T: Default + Serialize>() -> Value {
    let mut edit = default::<T>();
    put(&mut edit, "account", Value::Null);
    edit
}

pub static ACCOUNTS: Resource = Resource {
    singular: "account",
    icon: "👤",
    key: "id",
    name: "edit.login",
    methods: Methods {
        list: "account.list",
        get: Some("account.get"),
        create: Some("account.create"),
        update: Some("account.update"),
        delete: Some("account.delete"),
    },
    columns: &[
        col("edit.login", "Login", 15, Kind::Text),
        col("edit.kind", "Kind", 11, Kind::Choice(&KINDS)),
        col("edit.status", "Status", 8, Kind::Choice(&STATUS)),
        col("balance", "Balance", 14, Kind::Money(6)),
        col("edit.currency", "Currency", 8, Kind::Text),
        col("held", "Held", 9, Kind::Money(6)),
        col("edit.credit_limit", "Credit limit", 11, Kind::Money(2)),
        col("tariff_name", "Tariff", 16, Kind::Text),
        col("routing_group_name", "Routing group", 13, Kind::Text),
        col("reseller_login", "Reseller", 12, Kind::Text),
        col("edit.contact.name", "Name", 20, Kind::Text),
        col("created_at", "Created", 18, Kind::Time),
    ],
    order: "login",
    sort: Some(("edit.login", false)),
    sections: &SECTIONS,
    links: &[
        Link {
            label: "SIP phones",
            view: View::Devices,
            field: "account",
        },
        Link {
            label: "Source addresses",
            view: View::Sources,
            field: "account",
        },
        Link {
            label: "Block and allow lists",
            view: View::Lists,
            field: "account",
        },
        Link {
            label: "Payments",
            view: View::Payments,
            field: "account",
        },
        Link {
            label: "Ledger",
            view: View::Ledger,
            field: "account",
        },
        Link {
            label: "CDRs",
            view: View::Cdrs,
            field: "account",
        },
    ],
    blank,
    to_form,
    to_wire,
};

pub static DEVICES: Resource = Resource {
    singular: "SIP phone",
    icon: "☎",
    key: "id",
    name: "edit.username",
    methods: Methods {
        list: "device.list",
        get: Some("device.get"),
        create: Some("device.create"),
        update: Some("device.update"),
        delete: Some("device.delete"),
    },
    columns: &[
        col("edit.username", "User name", 20, Kind::Text),
        col("account_login", "Account", 20, Kind::Text),
        col("edit.extension", "Extension", 14, Kind::Text),
        col("registrations", "Registered", 10, Kind::Number),
        col("edit.enabled", "Enabled", 9, Kind::Flag),
        col("edit.description", "Description", 26, Kind::Text),
    ],
    order: "username",
    sort: Some(("edit.username", false)),
    sections: &[Section {
        title: "SIP phone",
        fields: &[
            field("account", "Account", Input::Ref(View::Accounts)).required(),
            field("username", "User name", Input::Text).required(),
            field("password", "Password", Input::Secret).hint("Left empty it stays as it is"),
            field("extension", "Extension", Input::OptionalText).hint("Number others reach it by"),
            field("description", "Description", Input::Text),
            field("enabled", "Enabled", Input::Flag).hint("May register and call"),
        ],
    }],
    links: &[],
    blank: || unowned::<DeviceEdit>(),
    to_form: same,
    to_wire: same,
};

const PORT: Input = Input::OptionalInteger {
    min: 1,
    max: 65_535,
};

pub static SOURCES: Resource = Resource {
    singular: "source address",
    icon: "🖧",
    key: "id",
    name: "edit.network",
    methods: Methods {
        list: "source.list",
        get: Some("source.get"),
        create: Some("source.create"),
        update: Some("source.update"),
        delete: Some("source.delete"),
    },
    columns: &[
        col("edit.network", "Address", 22, Kind::Text),
        col("account_login", "Account", 20, Kind::Text),
        col("edit.port", "Port", 8, Kind::Number),
        col("edit.transport", "Transport", 10, Kind::Choice(&TRANSPORTS)),
        col("edit.tech_prefix", "Tech prefix", 12, Kind::Text),
    ],
    order: "network",
    sort: Some(("edit.network", false)),
    sections: &[Section {
        title: "Source address",
        fields: &SOURCE_FIELDS,
    }],
    links: &[],
    blank: || unowned::<SourceEdit>(),
    to_form: same,
    to_wire: same,
};

const SOURCE_FIELDS: [Field; 5] = [
    field("account", "Account", Input::Ref(View::Accounts)).required(),
    field("network", "Address", Input::Text)
        .required()
        .hint("192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"),
    field("port", "Port", PORT).hint("Empty: any"),
    field("transport", "Transport", Input::OptionalChoice(&TRANSPORTS)),
    field("tech_prefix", "Tech prefix", Input::Text)
        .hint("Numbers must begin with it; it is stripped"),
];
