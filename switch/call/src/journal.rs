//! What must outlive a crash. The core emits batches; the store commits each whole and in order.

use crate::directory::guard::Network;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tandem_billing::{
    AccountId, CallId, Micros, Quote, UtcMs,
    cdr::Cdr,
    ledger::{Entry, Level},
};

/// A batch that nobody waits for may be held back so long before it is handed to the store.
pub const LINGER: Duration = Duration::from_millis(100);

/// What one input changed.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Rises by one from batch to batch.
    pub seq: u64,
    /// In order; never empty.
    pub records: Vec<Record>,
}

impl Batch {
    /// Whether somebody waits until it is on disk: a caller for its 200, an operator for a reply. All else may
    /// wait a moment for company; what comes later never overtakes it.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.records.iter().any(|record| match record {
            Record::Answered { .. } | Record::Posted(_) => true,
            Record::Opened(_)
            | Record::Extended { .. }
            | Record::Recorded { .. }
            | Record::Ended { .. }
            | Record::Alert(_)
            | Record::Blocked(_)
            | Record::Unblocked { .. }
            | Record::Registered(_)
            | Record::Unregistered { .. } => false,
        })
    }
}

/// One change; its JSON is what the store notes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A call was admitted: its hold and all a crash needs to bill it.
    Opened(Box<OpenCall>),
    /// It was answered: the cost side is known now.
    Answered {
        /// Which.
        call: CallId,
        /// When our 200 was sent.
        at: UtcMs,
        /// In place of the one it was opened with.
        open: Box<OpenCall>,
    },
    /// The hold's new totals.
    Extended {
        /// Which.
        call: CallId,
        /// Client first.
        levels: Vec<Level>,
        /// Answered seconds that they pay for.
        paid_until_s: u64,
    },
    /// The files of its recording are these now, as its CDR names them; None: there is none.
    Recorded {
        /// Which.
        call: CallId,
        /// With a space between them.
        files: Option<String>,
    },
    /// It ended: CDR and entries in one transaction; the open call and its hold are gone. A call that was
    /// refused ends without having been opened.
    Ended {
        /// Exactly one per call.
        cdr: Box<Cdr>,
        /// One per level that pays something.
        entries: Vec<Entry>,
    },
    /// A movement without a call of its own.
    Posted(Entry),
    /// An operator must hear of it.
    Alert(Alert),
    /// The guard blocks a source: it stays blocked after a restart.
    Blocked(SourceBlock),
    /// A block of the guard's gave way to another.
    Unblocked {
        /// Which.
        network: Network,
    },
    /// A phone registered (or refreshed), so that it is reachable after a restart.
    Registered(Registration),
    /// A phone is gone.
    Unregistered {
        /// The device.
        username: String,
        /// As registered.
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
    /// What the gateway that answered takes.
    pub cost: Option<(tandem_billing::GatewayId, Quote)>,
    /// Hold totals per level.
    pub holds: Vec<Level>,
    /// Never bill more than this many seconds: the paid-for end at the last durable extension.
    pub paid_until_s: u64,
}

/// One phone of a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// The device.
    pub username: String,
    /// As the phone wrote it.
    pub contact: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    /// Index of the listener it came by.
    pub listener: u16,
    /// `address:port` it came from: where it is called.
    pub remote: String,
    /// Path values, nearest proxy first.
    pub path: Vec<String>,
    /// Of the REGISTER.
    pub call_id: String,
    /// Of the REGISTER.
    pub cseq: u32,
    /// When it is no more.
    pub expires_at: UtcMs,
    /// What it calls itself.
    pub user_agent: String,
    /// Preference, 0..=1000.
    pub q_thousandths: u16,
    /// The phone itself, whatever its address: `+sip.instance` with `reg-id` (RFC 5626).
    #[serde(default)]
    pub instance: Option<String>,
}

/// A block that the guard made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceBlock {
    /// Of these addresses.
    pub network: Network,
    /// When it began.
    pub at: UtcMs,
    /// When it ends.
    pub until: UtcMs,
    /// Blocks of the source so far, this one included.
    pub repeats: u32,
    /// What the source did, for people.
    pub reason: String,
}

/// What an operator must hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// When.
    pub at: UtcMs,
    /// What.
    pub kind: AlertKind,
    /// Whose.
    pub account: Option<AccountId>,
    /// Of which call.
    pub call: Option<CallId>,
    /// For people, one sentence.
    pub text: String,
}

/// Kinds of alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A balance fell below its account's threshold; once per fall.
    LowBalance,
    /// A call's charge could not be booked: a rule of the ledger is broken, money is missing.
    LedgerFault,
    /// No host of a gateway works: calls go elsewhere.
    GatewayDown,
    /// A gateway works again.
    GatewayUp,
    /// The guard blocked a source; when there are many, one alert tells of several.
    SourceBlocked,
    /// An upstream registration does not hold any more, or never did.
    UpstreamDown,
    /// An upstream registration holds again.
    UpstreamUp,
    /// A sound could not be played; once for each reason.
    SoundUnplayed,
}

impl AlertKind {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LowBalance => "low_balance",
            Self::LedgerFault => "ledger_fault",
            Self::GatewayDown => "gateway_down",
            Self::GatewayUp => "gateway_up",
            Self::SourceBlocked => "source_blocked",
            Self::UpstreamDown => "upstream_down",
            Self::UpstreamUp => "upstream_up",
            Self::SoundUnplayed => "sound_unplayed",
        }
    }
}

/// Total held of a hold at one account.
#[must_use]
pub fn held(levels: &[Level], account: AccountId) -> Micros {
    levels
        .iter()
        .filter(|l| l.account == account)
        .fold(Micros::ZERO, |sum, l| sum.saturating_add(l.amount))
}
