//! Call detail records, with what was charged at each level, what it cost, and why.

use crate::{
    id::{AccountId, CallId, GatewayId, RateId, RouteId, TariffId},
    simulate::TraceStep,
    value::{Micros, Price, UtcMs},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A call detail record. The trace is given by `cdr.get` only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cdr {
    /// The call.
    pub call: CallId,
    /// Whose call; none if the caller was not recognised.
    pub account: Option<AccountId>,
    /// Numbers.
    pub numbers: CdrNumbers,
    /// Times.
    pub times: CdrTimes,
    /// Dial plan row of the last try.
    pub route: Option<RouteId>,
    /// Gateway of the last try.
    pub gateway: Option<GatewayId>,
    /// Whose phone answered, for calls that stayed here.
    pub callee_account: Option<AccountId>,
    /// Stable code of the disconnect cause.
    pub cause: String,
    /// What that code means, for people.
    pub cause_text: String,
    /// Final SIP status to the caller.
    pub sip_status: Option<u16>,
    /// Codec.
    pub codec: Option<String>,
    /// Client first, then its resellers upward; a reseller sees those from its own level down.
    pub charges: Vec<LevelCharge>,
    /// What the terminator takes; operators only.
    pub cost: Option<Cost>,
    /// Audio of the caller and the callee.
    pub media: CdrMedia,
    /// SIP Call-IDs of the A leg and the last B leg.
    pub sip: CdrSip,
    /// Why this route and price, each gateway tried and why it was left. Operators only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<TraceStep>,
}

/// Numbers of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CdrNumbers {
    /// `address:port` the INVITE came from.
    pub source: String,
    /// Caller.
    pub caller: String,
    /// As dialled.
    pub dialled: String,
    /// As sent to the terminator.
    pub sent: Option<String>,
    /// As rated.
    pub rating: Option<String>,
}

/// Times of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CdrTimes {
    /// INVITE.
    pub started_at: UtcMs,
    /// First ringing.
    pub ringing_at: Option<UtcMs>,
    /// Answer.
    pub answered_at: Option<UtcMs>,
    /// End.
    pub ended_at: UtcMs,
    /// Answered milliseconds; 0 if not answered.
    pub duration_ms: u64,
    /// Post-dial delay.
    pub pdd_ms: Option<u64>,
}

/// The booked amount of one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelCharge {
    /// Whose.
    pub account: AccountId,
    /// By which tariff.
    pub tariff: TariffId,
    /// By which line.
    pub rate: RateId,
    /// Its prefix.
    pub prefix: String,
    /// Its destination.
    pub description: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Price per minute.
    pub price_per_minute: Price,
    /// Billed seconds.
    pub billed_secs: u64,
    /// Charge.
    pub charge: Micros,
}

/// What the terminator takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Which.
    pub gateway: GatewayId,
    /// By which tariff.
    pub tariff: TariffId,
    /// By which line.
    pub rate: RateId,
    /// Its prefix.
    pub prefix: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Price per minute.
    pub price_per_minute: Price,
    /// Billed seconds.
    pub billed_secs: u64,
    /// Cost.
    pub cost: Micros,
}

/// Audio of both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CdrMedia {
    /// From the caller.
    pub a: MediaStats,
    /// From the callee.
    pub b: MediaStats,
}

/// One side's audio, as it arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MediaStats {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Packets lost on the way.
    pub lost: u64,
    /// Interarrival jitter, microseconds.
    pub jitter_us: u32,
}

/// SIP Call-IDs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CdrSip {
    /// Of the caller's leg.
    pub a_call_id: String,
    /// Of the last leg tried.
    pub b_call_id: Option<String>,
}
