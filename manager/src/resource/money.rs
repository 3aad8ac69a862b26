//! Payments, the ledger and CDRs: what was booked, which nobody edits.

use super::{
    Choice, Input, Kind, Methods, Resource, Section, View, at, choice, col, field, nothing, same,
    text_at, toned,
};
use crate::theme::Tone;
use serde_json::{Value, json};

const PAYMENT_KINDS: [Choice; 5] = [
    choice("payment", "Payment"),
    choice("credit", "Credit"),
    choice("return", "Return"),
    choice("return_credit", "Return of credit"),
    choice("adjustment", "Adjustment"),
];

const ENTRY_KINDS: [Choice; 10] = [
    toned("payment", "Payment", Tone::Good),
    toned("credit", "Credit", Tone::Good),
    toned("return", "Return", Tone::Warn),
    toned("return_credit", "Return of credit", Tone::Warn),
    toned("adjustment", "Adjustment", Tone::Info),
    toned("refund", "Refund", Tone::Info),
    choice("call_charge", "Call"),
    toned("rerate", "Priced again", Tone::Info),
    choice("fee", "Fee"),
    toned("voucher", "Voucher", Tone::Good),
];

pub static PAYMENTS: Resource = Resource {
    singular: "payment",
    icon: "💰",
    key: "key",
    name: "note",
    methods: Methods {
        list: "payment.list",
        get: None,
        create: Some("payment.create"),
        update: None,
        delete: None,
    },
    columns: LEDGER.columns,
    search: "note",
    sort: Some(("at", true)),
    sections: &[Section {
        title: "Payment",
        fields: &[
            field("account", "Account", Input::Ref(View::Accounts)).required(),
            field("kind", "Kind", Input::Choice(&PAYMENT_KINDS)),
            field("amount", "Amount", Input::Money)
                .required()
                .hint("Positive; only an adjustment may have a minus"),
            field("note", "Note", Input::Notes).hint("Stands on the account's statement"),
        ],
    }],
    links: &[],
    blank: || json!({ "account": null, "kind": "payment", "amount": 0, "note": "" }),
    to_form: same,
    to_wire: same,
};

pub static LEDGER: Resource = Resource {
    singular: "ledger entry",
    icon: "🗐",
    key: "key",
    name: "key",
    methods: Methods {
        list: "ledger.list",
        get: None,
        create: None,
        update: None,
        delete: None,
    },
    columns: &[
        col("at", "Time", 19, Kind::Time),
        col("account", "Account", 20, Kind::Ref(View::Accounts)),
        col("kind", "Kind", 15, Kind::Choice(&ENTRY_KINDS)),
        col("amount", "Amount", 14, Kind::Money(2)),
        col("balance_after", "Balance after", 15, Kind::Money(2)),
        col("call", "Call", 10, Kind::Number),
        col("note", "Note", 34, Kind::Text),
    ],
    search: "note",
    sort: Some(("at", true)),
    sections: &[],
    links: &[],
    blank: nothing,
    to_form: same,
    to_wire: same,
};

fn charges(row: &Value) -> &[Value] {
    at(row, "charges")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn destination(row: &Value) -> String {
    charges(row)
        .first()
        .map(|level| text_at(level, "description").to_owned())
        .unwrap_or_default()
}

fn billed(row: &Value) -> String {
    let secs = charges(row)
        .first()
        .and_then(|level| at(level, "billed_secs"))
        .and_then(Value::as_i64);
    secs.map(|secs| secs.to_string()).unwrap_or_default()
}

/// What the client was charged, micro-units.
pub fn charge(row: &Value) -> Option<i64> {
    at(charges(row).first()?, "charge")?.as_i64()
}

pub fn cost(row: &Value) -> Option<i64> {
    at(row, "cost.cost")?.as_i64()
}

/// The client's charge less the cost, if both have one currency.
pub fn margin(row: &Value) -> Option<i64> {
    let level = charges(row).first()?;
    (text_at(level, "currency") == text_at(row, "cost.currency")).then_some(())?;
    charge(row)?.checked_sub(cost(row)?)
}

fn amount(micros: Option<i64>) -> String {
    micros
        .map(|micros| crate::model::format::money(micros, 4))
        .unwrap_or_default()
}

pub static CDRS: Resource = Resource {
    singular: "CDR",
    icon: "🗒",
    key: "call",
    name: "numbers.dialled",
    methods: Methods {
        list: "cdr.list",
        get: Some("cdr.get"),
        create: None,
        update: None,
        delete: None,
    },
    columns: &[
        col("times.started_at", "Started", 19, Kind::Time),
        col("account", "Account", 16, Kind::Ref(View::Accounts)),
        col("numbers.caller", "Caller", 16, Kind::Text),
        col("numbers.dialled", "Dialled", 16, Kind::Text),
        col("charges", "Destination", 20, Kind::Of(destination)),
        col("gateway", "Gateway", 16, Kind::Ref(View::Gateways)),
        col("times.duration_ms", "Duration", 10, Kind::Millis),
        col("charges", "Billed s", 9, Kind::Of(billed)),
        col("charges", "Charge", 11, Kind::Of(|row| amount(charge(row)))),
        col("cost", "Cost", 11, Kind::Of(|row| amount(cost(row)))),
        col("cost", "Margin", 11, Kind::Of(|row| amount(margin(row)))),
        col("sip_status", "SIP", 6, Kind::Number),
        col("cause", "Cause", 22, Kind::Text),
        col("codec", "Codec", 9, Kind::Text),
    ],
    search: "dialled",
    sort: Some(("times.started_at", true)),
    sections: &[],
    links: &[],
    blank: nothing,
    to_form: same,
    to_wire: same,
};
