//! What a watcher is told: a snapshot, then numbered deltas.

use crate::journal::Alert;
use std::net::SocketAddr;
use tandem_billing::{
    AccountId, CallId, Currency, DidId, GatewayId, Micros, RouteId, UpstreamId, UtcMs,
    cdr::MediaStats,
};
use tandem_sip::Transport;

/// One delta.
#[derive(Clone, Debug)]
pub struct FeedEvent {
    /// Rises by one; after a gap a snapshot is needed.
    pub seq: u64,
    /// What changed.
    pub change: Change,
}

/// What changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// New or changed call; the whole row.
    Call(Box<LiveCall>),
    /// A call has ended.
    CallGone {
        /// Which.
        call: CallId,
        /// Stable code of the catalogue of causes.
        cause: &'static str,
    },
    /// New or refreshed phone.
    Registration(LiveRegistration),
    /// A phone is gone.
    RegistrationGone {
        /// The device.
        username: String,
        /// As registered.
        contact: String,
    },
    /// A gateway's counters and state.
    Gateway(Box<GatewayState>),
    /// An upstream registration's state.
    Upstream(Box<UpstreamState>),
    /// An upstream registration was deleted.
    UpstreamGone {
        /// Which.
        upstream: UpstreamId,
    },
    /// An operator must hear of it.
    Alert(Alert),
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// Who it is is not known yet.
    Authorising,
    /// No target was tried yet.
    Routing,
    /// A target was sent the call.
    Trying,
    /// It rings.
    Ringing,
    /// The called side is heard before it answered.
    EarlyMedia,
    /// Time counts.
    Answered,
    /// Over; its CDR is being written.
    Ending,
}

/// A call that is up.
#[derive(Clone, Debug)]
pub struct LiveCall {
    /// Which.
    pub call: CallId,
    /// How far it has come.
    pub state: CallState,
    /// As sent.
    pub caller: String,
    /// As dialled.
    pub dialled: String,
    /// The customer.
    pub account: Option<AccountId>,
    /// Its login.
    pub account_name: String,
    /// The whole chain: a reseller sees the calls that have it here.
    pub chain: Vec<AccountId>,
    /// The number called in, if it is one of ours.
    pub did: Option<DidId>,
    /// The dial plan row tried last, or that led to the answer.
    pub route: Option<RouteId>,
    /// The gateway tried last, or that answered.
    pub gateway: Option<GatewayId>,
    /// Its name, or the devices rung.
    pub target_name: String,
    /// Description of the client's rate.
    pub destination: String,
    /// Of the caller's leg, lower case.
    pub codec: Option<String>,
    /// Of the called side's leg.
    pub codec_b: Option<String>,
    /// When the INVITE came.
    pub started_at: UtcMs,
    /// When our 200 was sent.
    pub answered_at: Option<UtcMs>,
    /// Of charge and price.
    pub currency: Option<Currency>,
    /// The client's, rounded to micro-units.
    pub price_per_minute: Micros,
    /// The client's, booked if it ended now.
    pub charge: Micros,
    /// Answered seconds up to which the charge stays so: the end of the block under way.
    pub charged_until_s: u64,
    /// What the gateway would take.
    pub cost: Micros,
    /// What the operator keeps: the topmost level's charge less the cost, if both have one currency.
    pub margin: Option<Micros>,
    /// Seconds paid for so far.
    pub paid_until_s: u64,
    /// What is said now is recorded.
    pub recorded: bool,
    /// The caller's audio.
    pub media_a: MediaStats,
    /// The called side's.
    pub media_b: MediaStats,
}

/// A phone that is registered.
#[derive(Clone, Debug)]
pub struct LiveRegistration {
    /// The device.
    pub username: String,
    /// Whose.
    pub account: AccountId,
    /// As the phone wrote it.
    pub contact: String,
    /// `address:port` it came from.
    pub source: String,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: &'static str,
    /// What it calls itself.
    pub user_agent: String,
    /// When it is no more.
    pub expires_at: UtcMs,
}

/// What a gateway does and did since start.
#[derive(Clone, Debug)]
pub struct GatewayState {
    /// Which.
    pub gateway: GatewayId,
    /// Its name.
    pub name: String,
    /// Calls up, ringing included.
    pub calls: u32,
    /// Calls sent to it.
    pub attempts: u64,
    /// Calls it answered and the caller got.
    pub answered: u64,
    /// Calls it refused or let ring out.
    pub failed: u64,
    /// Talk time of ended calls, milliseconds.
    pub answered_ms: u64,
    /// Post-dial delays of its first ringings, milliseconds.
    pub pdd_ms_sum: u64,
    /// Whether it works.
    pub health: GatewayHealth,
}

/// Whether a gateway works, as far as it is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayHealth {
    /// The operator lets calls go to it.
    pub enabled: bool,
    /// OPTIONS are sent to it, or its calls are watched.
    pub watched: bool,
    /// No host of it works since then; None while it is up.
    pub down_since: Option<UtcMs>,
    /// Each host.
    pub hosts: Vec<HostHealth>,
}

/// Whether one host of a gateway works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostHealth {
    /// Where.
    pub address: SocketAddr,
    /// Over what.
    pub transport: Transport,
    /// None while it is up.
    pub down_since: Option<UtcMs>,
    /// It is left alone for a while since calls found nobody there.
    pub resting: bool,
    /// When the last OPTIONS ended.
    pub answered_at: Option<UtcMs>,
    /// How: a status, `no answer` or `unreachable`.
    pub answer: Option<String>,
    /// From OPTIONS to the last answer, microseconds.
    pub round_trip_us: Option<u64>,
}

/// A registration we hold elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamState {
    /// Which.
    pub upstream: UpstreamId,
    /// Its name.
    pub name: String,
    /// The operator wants it.
    pub enabled: bool,
    /// It holds, until then unless refreshed; None if it does not.
    pub registered_until: Option<UtcMs>,
    /// The registrar's host it was sent to last.
    pub host: Option<SocketAddr>,
    /// When the last REGISTER ended.
    pub answered_at: Option<UtcMs>,
    /// How: a status, `no answer` or `unreachable`.
    pub answer: Option<String>,
    /// When the next REGISTER is due; None while one is under way.
    pub next_at: Option<UtcMs>,
    /// Rounds in vain since it held last.
    pub failures: u32,
}

/// The whole switch since start.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Up now.
    pub calls: u32,
    /// Of them ringing.
    pub ringing: u32,
    /// Of them answered.
    pub connected: u32,
    /// Phones.
    pub registrations: u32,
    /// INVITEs that asked for a call.
    pub attempts: u64,
    /// Calls answered.
    pub answered: u64,
    /// Calls refused at the door.
    pub refused: u64,
    /// INVITEs and REGISTERs answered with a digest challenge.
    pub challenged: u64,
    /// Talk time of ended calls by gateways, milliseconds.
    pub answered_ms: u64,
    /// Post-dial delays, milliseconds.
    pub pdd_ms_sum: u64,
    /// SIP messages in.
    pub messages_in: u64,
    /// SIP messages out.
    pub messages_out: u64,
    /// Messages that were answered as malformed.
    pub rejected: u64,
    /// Messages that could not even be answered.
    pub dropped: u64,
    /// Answered calls where only one side was heard for the time in the settings.
    pub one_way: u64,
    /// Of scanners and guessers.
    pub guarded: Guarded,
    /// Calls whose audio was coded anew.
    pub transcoded: u64,
    /// What coding audio anew takes of one processor core now, percent.
    pub coding_percent: u32,
}

/// What the guard did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guarded {
    /// Sources that the guard blocks now.
    pub blocked_sources: u32,
    /// Messages dropped unread, since their source is blocked or slowed.
    pub ignored: u64,
    /// Blocks that the guard began.
    pub blocks: u64,
    /// Secrets of phones that were compared, right and wrong.
    pub secrets_tried: u64,
}

/// Everything at one instant.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Of the last delta before it.
    pub seq: u64,
    /// By id.
    pub calls: Vec<LiveCall>,
    /// By account and device.
    pub registrations: Vec<LiveRegistration>,
    /// By id.
    pub gateways: Vec<GatewayState>,
    /// By id.
    pub upstreams: Vec<UpstreamState>,
    /// Counters.
    pub totals: Totals,
}
