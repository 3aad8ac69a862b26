//! Payments, the ledger and CDRs: what was booked, which nobody edits; and exchange ratios.

use super::{
    Choice, Input, Kind, Methods, Resource, Section, View, at, choice, col, field, int_at, nothing,
    same, text_at, toned,
};
use crate::{model::format, theme::Tone};
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
    columns: &[
        col("at", "Time", 19, Kind::Time),
        col("account_login", "Account", 18, Kind::Text),
        col("kind", "Kind", 15, Kind::Choice(&ENTRY_KINDS)),
        col("amount", "Amount", 14, Kind::Money(2)),
        col("balance_after", "Balance after", 15, Kind::Money(6)),
        col("currency", "Currency", 8, Kind::Text),
        col("operator_name", "Booked by", 14, Kind::Text),
        col("note", "Note", 34, Kind::Text),
    ],
    order: "note",
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
        col("account_login", "Account", 18, Kind::Text),
        col("kind", "Kind", 13, Kind::Choice(&ENTRY_KINDS)),
        col("amount", "Amount", 14, Kind::Money(6)),
        col("balance_after", "Balance after", 15, Kind::Money(6)),
        col("currency", "Currency", 8, Kind::Text),
        col("call", "Call", 8, Kind::Number),
        col("operator_name", "Booked by", 12, Kind::Text),
        col("note", "Note", 34, Kind::Text),
    ],
    order: "note",
    sort: Some(("at", true)),
    sections: &[],
    links: &[],
    blank: nothing,
    to_form: same,
    to_wire: same,
};

fn margin(row: &Value) -> String {
    let micros = at(row, "money.margin").and_then(Value::as_i64);
    micros
        .map(|micros| format::money(micros, 6))
        .unwrap_or_default()
}

fn mos(row: &Value) -> String {
    let found = at(row, "mos_x100").and_then(Value::as_u64);
    found
        .and_then(|mos| u16::try_from(mos).ok())
        .map(format::hundredths)
        .unwrap_or_default()
}

/// Only calls that a gateway took have a cost, be it 0.
fn cost(row: &Value) -> String {
    match text_at(row, "money.cost_currency") {
        "" => String::new(),
        _ => format::money(int_at(row, "money.cost"), 6),
    }
}

/// Only calls that were rated have a charge, be it 0.
fn charge(row: &Value) -> String {
    match text_at(row, "money.currency") {
        "" => String::new(),
        _ => format::money(int_at(row, "money.charge"), 6),
    }
}

pub static CDRS: Resource = Resource {
    singular: "CDR",
    icon: "📒",
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
        col("account_login", "Account", 11, Kind::Text),
        col("numbers.caller", "Caller", 11, Kind::Text),
        col("numbers.dialled", "Dialled", 14, Kind::Text),
        col("numbers.destination", "Destination", 14, Kind::Text),
        col("gateway_name", "Gateway", 13, Kind::Text),
        col("times.duration_ms", "Duration", 8, Kind::Millis),
        col("money.charge", "Charge", 9, Kind::Figure(charge)),
        col("money.cost", "Cost", 9, Kind::Figure(cost)),
        col("money.margin", "Margin", 9, Kind::Figure(margin)),
        col("cause", "Cause", 22, Kind::Cause),
        col("sip_status", "SIP", 5, Kind::Number),
        col("attempts", "Attempts", 9, Kind::Number),
        col("money.billed_secs", "Billed s", 8, Kind::Number),
        col("money.currency", "Currency", 8, Kind::Text),
        col("codec", "Codec", 8, Kind::Text),
        col("mos_x100", "MOS", 6, Kind::Figure(mos)),
        col("unheard", "Not heard", 9, Kind::Text),
        col("transfer_call", "Transfer", 8, Kind::Number),
        col("recording", "Recording", 14, Kind::Text),
    ],
    order: "numbers.dialled",
    sort: Some(("times.started_at", true)),
    sections: &[],
    links: &[],
    blank: nothing,
    to_form: same,
    to_wire: same,
};

pub static RATIOS: Resource = Resource {
    singular: "exchange ratio",
    icon: "💱",
    key: "id",
    name: "edit.currency",
    methods: Methods {
        list: "exchange_ratio.list",
        get: Some("exchange_ratio.get"),
        create: Some("exchange_ratio.create"),
        update: Some("exchange_ratio.update"),
        delete: Some("exchange_ratio.delete"),
    },
    columns: &[
        col("edit.currency", "Currency", 10, Kind::Text),
        col("edit.valid_from", "In force from", 19, Kind::Time),
        col("edit.ratio", "Worth", 16, Kind::Price),
    ],
    order: "currency",
    sort: Some(("edit.valid_from", true)),
    sections: &[Section {
        title: "Exchange ratio",
        fields: &[
            field("currency", "Currency", Input::Text)
                .required()
                .hint("Three letters, such as USD"),
            field("ratio", "Worth", Input::Price)
                .required()
                .hint("Of one unit, in the base currency of the settings"),
            field("valid_from", "In force from", Input::OptionalTime)
                .hint("Until the next one of the currency; empty: from now on"),
        ],
    }],
    links: &[],
    blank: || json!({ "currency": "", "ratio": "", "valid_from": null }),
    to_form: same,
    to_wire: same,
};
