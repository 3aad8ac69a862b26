//! What was booked and what was done: ledger, CDRs, audit log; what currencies were worth.

use super::{Column, How, Map, col, how, untouched};
use tandem_store::{List, record::Resource};

const ENTRY: &[Column] = &[
    col("id", "id"),
    col("key", "key"),
    col("account", "account_id"),
    col("account_login", "account_login"),
    col("currency", "currency"),
    col("kind", "kind"),
    col("amount", "amount"),
    col("balance_after", "balance_after"),
    col("at", "at"),
    col("call", "call_id"),
    col("operator", "operator_id"),
    col("operator_name", "operator_name"),
    col("note", "note"),
];

/// All ledger entries.
pub const LEDGER: Map = Map {
    list: List::LedgerEntry,
    name: "ledger entry",
    columns: ENTRY,
    finish: untouched,
    prepare: untouched,
};

/// Those that are not call charges.
pub const PAYMENT: Map = Map {
    list: List::Payment,
    name: "payment",
    ..LEDGER
};

/// CDRs.
pub const CDR: Map = Map {
    list: List::Cdr,
    name: "CDR",
    columns: &[
        col("call", "call_id"),
        col("account", "account_id"),
        col("account_login", "account_login"),
        col("numbers.a_call_id", "a_call_id"),
        col("numbers.b_call_id", "b_call_id"),
        col("numbers.source", "source"),
        col("numbers.caller", "caller"),
        col("numbers.dialled", "dialled"),
        col("numbers.sent", "sent_number"),
        col("numbers.rating", "rating_number"),
        col("numbers.prefix", "prefix"),
        col("numbers.destination", "destination"),
        col("times.started_at", "started_at"),
        col("times.ringing_at", "ringing_at"),
        col("times.answered_at", "answered_at"),
        col("times.ended_at", "ended_at"),
        col("times.duration_ms", "duration_ms"),
        col("times.pdd_ms", "pdd_ms"),
        col("route", "route_id"),
        col("gateway", "gateway_id"),
        col("gateway_name", "gateway_name"),
        col("callee_account", "callee_account_id"),
        col("cause", "cause"),
        col("sip_status", "sip_status"),
        col("attempts", "attempts"),
        col("codec", "codec"),
        col("codec_b", "codec_b"),
        col("mos_x100", "mos_x100"),
        col("unheard", "unheard"),
        col("transfer_call", "transfer_call_id"),
        col("recording", "recording"),
        col("money.billed_secs", "billed_secs"),
        col("money.currency", "currency"),
        col("money.charge", "charge"),
        col("money.revenue_currency", "revenue_currency"),
        col("money.revenue", "revenue"),
        col("money.cost_currency", "cost_currency"),
        col("money.cost", "cost"),
        col("money.margin", "margin"),
    ],
    finish: untouched,
    prepare: untouched,
};

/// Alerts.
pub const ALERT: Map = Map {
    list: List::Alert,
    name: "alert",
    columns: &[
        col("id", "id"),
        col("at", "at"),
        col("kind", "kind"),
        col("account", "account_id"),
        col("account_login", "account_login"),
        col("call", "call_id"),
        col("text", "text"),
    ],
    finish: untouched,
    prepare: untouched,
};

/// The audit log.
pub const AUDIT: Map = Map {
    list: List::AuditLog,
    name: "audit entry",
    columns: &[
        col("id", "id"),
        col("at", "at"),
        col("login", "login_id"),
        col("login_name", "who"),
        col("source", "address"),
        col("action", "action"),
        col("object", "resource"),
        col("object_id", "row_id"),
        col("account", "account_id"),
        col("old", "old_value"),
        col("new", "new_value"),
    ],
    finish: untouched,
    prepare: untouched,
};

/// Exchange ratios.
pub const EXCHANGE_RATIO: Map = Map {
    list: List::Of(Resource::ExchangeRatio),
    name: "exchange ratio",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("edit.currency", "currency"),
        col("edit.ratio", "ratio"),
        col("edit.valid_from", "valid_from"),
    ],
    finish: untouched,
    prepare: untouched,
};
