//! The live feed: calls, registrations, gateways and counters, as a snapshot and numbered deltas.
//!
//! Every state of the feed has a number. A delta leads from any state in `from..to` to state `to` and holds whole
//! rows, so applying one twice does no harm. A client at state `s` applies a delta if `from <= s < to`, ignores
//! it if `to <= s`, and has a gap if `s < from`: it then asks for `live.snapshot`. [`LiveState`] does this.

use crate::{
    alert::Alert,
    cdr::MediaStats,
    id::{AccountId, CallId, GatewayId, UpstreamId},
    value::{Micros, UtcMs},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A notification of `live.subscribe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "feed", rename_all = "snake_case")]
pub enum FeedEvent {
    /// Replaces everything: the first event, and again when this client fell too far behind.
    Snapshot(Box<LiveSnapshot>),
    /// Changes since.
    Delta(Box<LiveDelta>),
}

/// All there is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveSnapshot {
    /// Number of this state.
    pub seq: u64,
    /// Open calls.
    pub calls: Vec<LiveCall>,
    /// Registered phones.
    pub registrations: Vec<Registration>,
    /// Gateways; empty for resellers.
    pub gateways: Vec<GatewayStatus>,
    /// Upstream registrations; empty for resellers.
    #[serde(default)]
    pub upstreams: Vec<UpstreamStatus>,
    /// Counters of the whole switch; only the branch's own calls and registrations for resellers.
    pub counters: Counters,
}

/// What changed; rows are whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveDelta {
    /// Applies to this state and every later one below `to`.
    pub from: u64,
    /// State after it.
    pub to: u64,
    /// New or changed calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<LiveCall>,
    /// Ended calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls_gone: Vec<CallGone>,
    /// New or refreshed registrations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registrations: Vec<Registration>,
    /// Registrations that ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registrations_gone: Vec<RegistrationKey>,
    /// Gateways that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<GatewayStatus>,
    /// Upstream registrations that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<UpstreamStatus>,
    /// Upstream registrations that were deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams_gone: Vec<UpstreamId>,
    /// Alerts raised meanwhile; those of earlier are in `alert.list`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Alert>,
    /// Counters, if they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<Counters>,
}

impl LiveDelta {
    /// Whether it changes nothing but the state's number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
            && self.calls_gone.is_empty()
            && self.registrations.is_empty()
            && self.registrations_gone.is_empty()
            && self.gateways.is_empty()
            && self.upstreams.is_empty()
            && self.upstreams_gone.is_empty()
            && self.alerts.is_empty()
            && self.counters.is_none()
    }
}

/// How far a call has come.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Who is it?
    Authorising,
    /// Where to?
    Routing,
    /// Sent to a target.
    Trying,
    /// Ringing.
    Ringing,
    /// Audio before the answer.
    EarlyMedia,
    /// Answered: money runs.
    Answered,
    /// Being taken down.
    Ending,
}

/// An open call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveCall {
    /// Id.
    pub call: CallId,
    /// State.
    pub state: CallState,
    /// Caller.
    pub caller: String,
    /// As dialled.
    pub dialled: String,
    /// Whose.
    pub account: Option<AccountId>,
    /// Its login.
    pub account_name: String,
    /// Where it goes; hidden from resellers.
    pub gateway: Option<GatewayId>,
    /// Name of the target; empty for resellers.
    pub target_name: String,
    /// Destination, by the rate.
    pub destination: String,
    /// Codec of the caller's leg.
    pub codec: Option<String>,
    /// Codec of the called side's leg: another one if the audio is coded anew.
    #[serde(default)]
    pub codec_b: Option<String>,
    /// INVITE.
    pub started_at: UtcMs,
    /// Answer.
    pub answered_at: Option<UtcMs>,
    /// Running money.
    pub money: LiveMoney,
    /// What is said now is recorded.
    #[serde(default)]
    pub recorded: bool,
    /// Audio from the caller.
    pub media_a: MediaStats,
    /// Audio from the callee.
    pub media_b: MediaStats,
}

/// Running money of a call: what would be booked if it ended now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveMoney {
    /// ISO 4217 code; empty before the account is known.
    pub currency: String,
    /// Sell price.
    pub price_per_minute: Micros,
    /// The client's charge.
    pub charge: Micros,
    /// The terminator's cost; operators only.
    pub cost: Option<Micros>,
    /// Charge less cost; operators only, and only where both have one currency.
    pub margin: Option<Micros>,
    /// Answered seconds paid for so far.
    pub paid_until_s: u64,
    /// Answered seconds up to which the charge stays what it is: the end of the block under way.
    #[serde(default)]
    pub charged_until_s: u64,
}

/// A call that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallGone {
    /// Which.
    pub call: CallId,
    /// Stable code of its disconnect cause.
    pub cause: String,
}

/// A phone registered here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Registration {
    /// Device name.
    pub username: String,
    /// Whose.
    pub account: AccountId,
    /// What it wrote.
    pub contact: String,
    /// Where it really is, `address:port`.
    pub source: String,
    /// How it came.
    pub transport: String,
    /// What it says it is.
    pub user_agent: String,
    /// When it lapses.
    pub expires_at: UtcMs,
}
impl Registration {
    /// What tells it from others.
    #[must_use]
    pub fn key(&self) -> RegistrationKey {
        RegistrationKey {
            username: self.username.clone(),
            contact: self.contact.clone(),
        }
    }
}

/// What tells a registration from others.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct RegistrationKey {
    /// Device name.
    pub username: String,
    /// What it wrote.
    pub contact: String,
}

/// A gateway at work, since start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayStatus {
    /// Which.
    pub gateway: GatewayId,
    /// Name.
    pub name: String,
    /// Open calls.
    pub calls: u32,
    /// Calls sent.
    pub attempts: u64,
    /// Answered.
    pub answered: u64,
    /// Failed.
    pub failed: u64,
    /// Answered milliseconds.
    pub answered_ms: u64,
    /// Sum of post-dial delays, milliseconds.
    pub pdd_ms_sum: u64,
    /// Whether it works.
    #[serde(default)]
    pub health: GatewayHealth,
}

/// Whether a gateway works, as far as it is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GatewayHealth {
    /// The operator lets calls go to it.
    pub enabled: bool,
    /// OPTIONS are sent to it, or its calls are watched.
    pub watched: bool,
    /// No host of it works since then; none while it is up.
    pub down_since: Option<UtcMs>,
    /// Each host.
    pub hosts: Vec<HostHealth>,
}

/// Whether one host of a gateway works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostHealth {
    /// `address:port`.
    pub address: String,
    /// `udp`, `tcp` or `tls`.
    pub transport: String,
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

/// An upstream registration now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpstreamStatus {
    /// Which.
    pub upstream: UpstreamId,
    /// Name.
    pub name: String,
    /// The operator wants it.
    pub enabled: bool,
    /// It holds until then, unless refreshed; none if it does not hold.
    pub registered_until: Option<UtcMs>,
    /// `address:port` it was sent to last.
    pub host: Option<String>,
    /// When the last REGISTER ended.
    pub answered_at: Option<UtcMs>,
    /// How: a status, `no answer` or `unreachable`.
    pub answer: Option<String>,
    /// When the next REGISTER is due.
    pub next_at: Option<UtcMs>,
    /// Rounds in vain since it held last.
    pub failures: u32,
}

/// Counters of the switch. `calls` to `registrations` are of now, the rest since start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Counters {
    /// Open calls.
    pub calls: u32,
    /// Ringing.
    pub ringing: u32,
    /// Answered and open.
    pub connected: u32,
    /// Registered phones.
    pub registrations: u32,
    /// Calls attempted.
    pub attempts: u64,
    /// Calls answered.
    pub answered: u64,
    /// Calls refused.
    pub refused: u64,
    /// INVITEs and REGISTERs answered with a digest challenge.
    pub challenged: u64,
    /// Answered milliseconds.
    pub answered_ms: u64,
    /// Sum of post-dial delays, milliseconds.
    pub pdd_ms_sum: u64,
    /// SIP messages in.
    pub messages_in: u64,
    /// SIP messages out.
    pub messages_out: u64,
    /// SIP messages answered as malformed.
    pub rejected: u64,
    /// SIP messages dropped.
    pub dropped: u64,
    /// Answered calls where only one side was heard.
    #[serde(default)]
    pub one_way: u64,
    /// Sources that the guard blocks now.
    pub blocked_sources: u32,
    /// SIP messages dropped unread, since their source is blocked or slowed.
    pub ignored: u64,
    /// Blocks that the guard began.
    pub blocks: u64,
    /// Calls whose audio was coded anew.
    #[serde(default)]
    pub transcoded: u64,
    /// What coding audio anew takes of one processor core now, percent.
    #[serde(default)]
    pub coding_percent: u32,
}

/// A call to hang up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HangUpParams {
    /// Which.
    pub call: CallId,
}

/// A device whose registrations are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnregisterParams {
    /// Device name.
    pub username: String,
}

/// What a client knows of the feed.
#[derive(Clone, Debug, Default)]
pub struct LiveState {
    seq: u64,
    /// Open calls.
    pub calls: BTreeMap<CallId, LiveCall>,
    /// Registered phones.
    pub registrations: BTreeMap<RegistrationKey, Registration>,
    /// Gateways.
    pub gateways: BTreeMap<GatewayId, GatewayStatus>,
    /// Upstream registrations.
    pub upstreams: BTreeMap<UpstreamId, UpstreamStatus>,
    /// Counters.
    pub counters: Counters,
}

/// What applying an event came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The state moved on.
    Moved,
    /// Known already.
    Old,
    /// Something between is missing: ask for `live.snapshot`.
    Gap,
}

impl LiveState {
    /// The state's number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Takes one event in.
    pub fn apply(&mut self, event: FeedEvent) -> Applied {
        match event {
            FeedEvent::Snapshot(snapshot) => self.replace(*snapshot),
            FeedEvent::Delta(delta) => self.advance(*delta),
        }
    }

    /// Takes a snapshot in, whatever was known. A snapshot older than what is known is ignored only if it is of
    /// the same feed; a server that started anew counts from below, and its subscription begins with a snapshot.
    pub fn replace(&mut self, snapshot: LiveSnapshot) -> Applied {
        *self = Self {
            seq: snapshot.seq,
            calls: snapshot
                .calls
                .into_iter()
                .map(|row| (row.call, row))
                .collect(),
            registrations: snapshot
                .registrations
                .into_iter()
                .map(|row| (row.key(), row))
                .collect(),
            gateways: snapshot
                .gateways
                .into_iter()
                .map(|row| (row.gateway, row))
                .collect(),
            upstreams: snapshot
                .upstreams
                .into_iter()
                .map(|row| (row.upstream, row))
                .collect(),
            counters: snapshot.counters,
        };
        Applied::Moved
    }

    fn advance(&mut self, delta: LiveDelta) -> Applied {
        if delta.to <= self.seq {
            return Applied::Old;
        }
        if self.seq < delta.from {
            return Applied::Gap;
        }
        self.calls
            .extend(delta.calls.into_iter().map(|row| (row.call, row)));
        for gone in delta.calls_gone {
            self.calls.remove(&gone.call);
        }
        for gone in delta.registrations_gone {
            self.registrations.remove(&gone);
        }
        self.registrations
            .extend(delta.registrations.into_iter().map(|row| (row.key(), row)));
        self.gateways
            .extend(delta.gateways.into_iter().map(|row| (row.gateway, row)));
        for gone in delta.upstreams_gone {
            self.upstreams.remove(&gone);
        }
        self.upstreams
            .extend(delta.upstreams.into_iter().map(|row| (row.upstream, row)));
        if let Some(counters) = delta.counters {
            self.counters = counters;
        }
        self.seq = delta.to;
        Applied::Moved
    }
}
