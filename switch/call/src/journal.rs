//! What must outlive a crash. The core emits batches; the store commits each whole and in order.

use serde::{Deserialize, Serialize};
use tandem_billing::{
    AccountId, CallId, Micros, Quote, UtcMs,
    cdr::Cdr,
    ledger::{Entry, Level},
};

#[derive(Clone, Debug)]
pub struct Batch {
    pub seq: u64,
    pub records: Vec<Record>,
}

#[derive(Clone, Debug)]
pub enum Record {
    /// A call was admitted: its hold and all a crash needs to bill it.
    Opened(Box<OpenCall>),
    /// It was answered: the cost side is known now.
    Answered {
        call: CallId,
        at: UtcMs,
        open: Box<OpenCall>,
    },
    /// The hold's new totals.
    Extended {
        call: CallId,
        levels: Vec<Level>,
        /// Answered seconds that they pay for.
        paid_until_s: u64,
    },
    /// It ended: CDR and entries in one transaction; the open call and its hold are gone.
    Ended {
        cdr: Box<Cdr>,
        entries: Vec<Entry>,
    },
    /// A movement without a call of its own.
    Posted(Entry),
    /// A phone registered (or refreshed), so that it is reachable after a restart.
    Registered(Registration),
    Unregistered {
        username: String,
        contact: String,
    },
}

/// An admitted call as the journal keeps it (JSON in the store): enough to close and bill it after a crash at
/// the last second known durable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenCall {
    /// The CDR as it would be written now; the recovery fills in end, duration and charges.
    pub cdr: Cdr,
    /// Client first; the quotes are those in force at the answer once answered.
    pub quotes: Vec<(AccountId, Quote)>,
    pub cost: Option<(tandem_billing::GatewayId, Quote)>,
    /// Hold totals per level.
    pub holds: Vec<Level>,
    /// Never bill more than this many seconds: the paid-for end at the last durable extension.
    pub paid_until_s: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    pub username: String,
    pub contact: String,
    pub transport: String,
    pub listener: u16,
    pub remote: String,
    pub path: Vec<String>,
    pub call_id: String,
    pub cseq: u32,
    pub expires_at: UtcMs,
    pub user_agent: String,
    pub q_thousandths: u16,
}

/// Total held of a hold at one account.
#[must_use]
pub fn held(levels: &[Level], account: AccountId) -> Micros {
    levels
        .iter()
        .filter(|l| l.account == account)
        .fold(Micros::ZERO, |sum, l| sum.saturating_add(l.amount))
}
