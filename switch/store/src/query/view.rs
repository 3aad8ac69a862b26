//! Lists that are read only, and the name of every list.

use crate::record::{Field, Resource, View, int, json, text, view};
use serde::{Deserialize, Serialize};

/// Every list there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// [`crate::query::CdrRow`]
    Cdr,
    /// [`crate::query::LedgerRow`]
    LedgerEntry,
    /// Ledger entries that are not call charges.
    Payment,
    /// [`crate::query::BalanceRow`]
    Balance,
    /// [`crate::query::AuditRow`]
    AuditLog,
    /// [`crate::query::RegistrationRow`]
    Registration,
    /// What operators must hear of, by the journal.
    Alert,
    /// Records that can be edited; rows deserialise into the record's struct.
    #[serde(untagged)]
    Of(Resource),
}

impl List {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Resource::ALL.into_iter().map(Self::Of).chain([
            Self::Cdr,
            Self::LedgerEntry,
            Self::Payment,
            Self::Balance,
            Self::AuditLog,
            Self::Registration,
            Self::Alert,
        ])
    }
    /// Its fields.
    #[must_use]
    pub fn view(self) -> &'static View {
        match self {
            Self::Of(resource) => view(resource),
            Self::Cdr => &CDR,
            Self::LedgerEntry => &LEDGER_ENTRY,
            Self::Payment => &PAYMENT,
            Self::Balance => &BALANCE,
            Self::AuditLog => &AUDIT_LOG,
            Self::Registration => &REGISTRATION,
            Self::Alert => &ALERT,
        }
    }
}

const OWN_ACCOUNT: Option<&str> = Some("t.account_id IN branch");
const ACCOUNT_LOGIN: Field =
    text("account_login").is("(SELECT login FROM account WHERE id = t.account_id)");

const CDR: View = View {
    table: "cdr",
    from: "cdr t",
    fields: &[
        int("call_id"),
        int("account_id"),
        ACCOUNT_LOGIN,
        text("a_call_id"),
        text("b_call_id").operator(),
        text("source"),
        text("caller"),
        text("dialled"),
        text("sent_number").operator(),
        text("rating_number"),
        text("prefix"),
        text("destination"),
        int("started_at"),
        int("ringing_at"),
        int("answered_at"),
        int("ended_at"),
        int("duration_ms"),
        int("pdd_ms"),
        int("route_id").operator(),
        int("gateway_id").operator(),
        text("gateway_name")
            .is("(SELECT name FROM gateway WHERE id = t.gateway_id)")
            .operator(),
        int("callee_account_id").when("t.callee_account_id IN branch"),
        text("cause"),
        int("sip_status"),
        int("attempts"),
        text("codec"),
        text("codec_b"),
        int("mos_x100"),
        text("unheard"),
        int("transfer_call_id")
            .when("t.transfer_call_id IN (SELECT call_id FROM cdr WHERE account_id IN branch)"),
        text("recording"),
        int("billed_secs"),
        text("currency"),
        int("charge"),
        text("revenue_currency").operator(),
        int("revenue").operator(),
        text("cost_currency").operator(),
        int("cost").operator(),
        int("margin").operator(),
    ],
    branch: OWN_ACCOUNT,
    search: &["caller", "dialled", "destination", "a_call_id"],
    key: "call_id",
};

const LEDGER_FIELDS: &[Field] = &[
    int("id"),
    text("key").operator(),
    int("account_id"),
    ACCOUNT_LOGIN,
    text("currency").is("(SELECT currency FROM account WHERE id = t.account_id)"),
    text("kind"),
    int("amount"),
    int("balance_after"),
    int("at"),
    int("call_id"),
    int("operator_id").operator(),
    text("operator_name")
        .is("(SELECT name FROM login WHERE id = t.operator_id)")
        .operator(),
    text("note"),
];
const LEDGER_ENTRY: View = View {
    table: "ledger_entry",
    from: "ledger_entry t",
    fields: LEDGER_FIELDS,
    branch: OWN_ACCOUNT,
    search: &["note"],
    key: "id",
};
const PAYMENT: View = View {
    from: "(SELECT * FROM ledger_entry WHERE kind <> 'call_charge') t",
    ..LEDGER_ENTRY
};

const BALANCE: View = View {
    table: "balance",
    from: "balance t",
    fields: &[
        int("account_id"),
        ACCOUNT_LOGIN,
        text("currency").is("(SELECT currency FROM account WHERE id = t.account_id)"),
        int("amount"),
        int("held")
            .is("coalesce((SELECT sum(amount) FROM hold WHERE account_id = t.account_id), 0)"),
        int("credit_limit").is("(SELECT credit_limit FROM account WHERE id = t.account_id)"),
    ],
    branch: OWN_ACCOUNT,
    search: &["account_login"],
    key: "account_id",
};

const AUDIT_LOG: View = View {
    table: "audit_log",
    from: "audit_log t",
    fields: &[
        int("id"),
        int("at"),
        int("login_id"),
        text("who"),
        text("address"),
        text("action"),
        text("resource"),
        int("row_id"),
        int("account_id"),
        json("old_value"),
        json("new_value"),
    ],
    branch: Some("t.login_id IN (SELECT id FROM login WHERE account_id IN branch)"),
    search: &["who", "resource", "action"],
    key: "id",
};

const REGISTRATION: View = View {
    table: "registration",
    from: "(SELECT r.*, d.account_id FROM registration r JOIN device d USING (username)) t",
    fields: &[
        text("username"),
        int("account_id"),
        ACCOUNT_LOGIN,
        text("contact"),
        text("transport"),
        text("remote"),
        int("expires_at"),
        text("user_agent"),
    ],
    branch: OWN_ACCOUNT,
    search: &["username", "contact", "user_agent"],
    key: "username, t.contact",
};

const ALERT: View = View {
    table: "alert",
    from: "alert t",
    fields: &[
        int("id"),
        int("at"),
        text("kind"),
        int("account_id"),
        ACCOUNT_LOGIN,
        int("call_id"),
        text("text"),
    ],
    branch: Some("t.account_id IN branch AND t.kind = 'low_balance'"),
    search: &["text"],
    key: "id",
};
