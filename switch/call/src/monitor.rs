//! What a watcher is told: a snapshot, then numbered deltas.

use tandem_billing::{AccountId, CallId, Currency, GatewayId, Micros, UtcMs};
use tandem_sdp::relay::Counters;

#[derive(Clone, Debug)]
pub struct FeedEvent {
    pub seq: u64,
    pub change: Change,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// New or changed call; the whole row.
    Call(Box<LiveCall>),
    CallGone {
        call: CallId,
        cause: &'static str,
    },
    Registration(LiveRegistration),
    RegistrationGone {
        username: String,
        contact: String,
    },
    Gateway(GatewayState),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    Authorising,
    Routing,
    Trying,
    Ringing,
    EarlyMedia,
    Answered,
    Ending,
}

#[derive(Clone, Debug)]
pub struct LiveCall {
    pub call: CallId,
    pub state: CallState,
    pub caller: String,
    pub dialled: String,
    pub account: Option<AccountId>,
    pub account_name: String,
    /// The whole chain: a reseller sees the calls that have it here.
    pub chain: Vec<AccountId>,
    pub gateway: Option<GatewayId>,
    pub target_name: String,
    pub destination: String,
    pub codec: Option<String>,
    pub started_at: UtcMs,
    pub answered_at: Option<UtcMs>,
    pub currency: Option<Currency>,
    pub price_per_minute: Micros,
    /// Booked if it ended now; margin against the next level's buy or the cost, same currency only.
    pub charge: Micros,
    pub cost: Micros,
    /// Seconds paid for so far.
    pub paid_until_s: u64,
    pub media_a: Counters,
    pub media_b: Counters,
}

#[derive(Clone, Debug)]
pub struct LiveRegistration {
    pub username: String,
    pub account: AccountId,
    pub contact: String,
    pub source: String,
    pub transport: &'static str,
    pub user_agent: String,
    pub expires_at: UtcMs,
}

#[derive(Clone, Debug)]
pub struct GatewayState {
    pub gateway: GatewayId,
    pub name: String,
    pub calls: u32,
    pub attempts: u64,
    pub answered: u64,
    pub failed: u64,
    pub answered_ms: u64,
    pub pdd_ms_sum: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub calls: u32,
    pub ringing: u32,
    pub connected: u32,
    pub registrations: u32,
    pub attempts: u64,
    pub answered: u64,
    pub refused: u64,
    /// INVITEs and REGISTERs answered with a digest challenge.
    pub challenged: u64,
    pub answered_ms: u64,
    pub pdd_ms_sum: u64,
    /// SIP messages in and out, rejected and dropped.
    pub messages_in: u64,
    pub messages_out: u64,
    pub rejected: u64,
    pub dropped: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub seq: u64,
    pub calls: Vec<LiveCall>,
    pub registrations: Vec<LiveRegistration>,
    pub gateways: Vec<GatewayState>,
    pub totals: Totals,
}
