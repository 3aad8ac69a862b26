//! Call detail records, with what was charged at each level, what it cost, and why.

use crate::{
    id::{AccountId, CallId, GatewayId, RateId, RouteId, TariffId},
    simulate::{CauseInfo, TraceStep},
    value::{Micros, Price, UtcMs},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A call detail record as lists show it. What a reseller may not see is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cdr {
    /// The call.
    pub call: CallId,
    /// Whose call; none if the caller was not recognised.
    pub account: Option<AccountId>,
    /// Its login.
    #[serde(default)]
    pub account_login: Option<String>,
    /// Numbers.
    pub numbers: CdrNumbers,
    /// Times.
    pub times: CdrTimes,
    /// Dial plan row of the last try.
    #[serde(default)]
    pub route: Option<RouteId>,
    /// Gateway of the last try.
    #[serde(default)]
    pub gateway: Option<GatewayId>,
    /// Its name.
    #[serde(default)]
    pub gateway_name: Option<String>,
    /// Whose phone answered, for calls that stayed here.
    #[serde(default)]
    pub callee_account: Option<AccountId>,
    /// Stable code of the disconnect cause.
    pub cause: String,
    /// Final SIP status to the caller.
    pub sip_status: Option<u16>,
    /// Attempts that it stands for: 1, or more where refusals alike came too fast for a record each.
    #[serde(default = "one")]
    pub attempts: u32,
    /// Codec of the caller's leg.
    pub codec: Option<String>,
    /// Codec of the called side's leg.
    #[serde(default)]
    pub codec_b: Option<String>,
    /// Estimated mean opinion score of the worse leg, in hundredths.
    #[serde(default)]
    pub mos_x100: Option<u16>,
    /// `caller`, `callee` or `both`: who was not heard, after the answer, while the other side was.
    #[serde(default)]
    pub unheard: Option<String>,
    /// The call with which a transfer connects this one: it was placed for that one, or their parties were joined.
    #[serde(default)]
    pub transfer_call: Option<CallId>,
    /// Files of its recording in order, with a space between them; `recording.read` has them.
    #[serde(default)]
    pub recording: Option<String>,
    /// What was booked.
    pub money: CdrMoney,
}

fn one() -> u32 {
    1
}

/// The money of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CdrMoney {
    /// Of the client.
    pub billed_secs: u64,
    /// ISO 4217 code of the client; none if nothing was rated.
    pub currency: Option<String>,
    /// What the client pays.
    pub charge: Micros,
    /// ISO 4217 code of `revenue`.
    pub revenue_currency: Option<String>,
    /// What the operator gets: the charge of the topmost level.
    pub revenue: Option<Micros>,
    /// ISO 4217 code of `cost`.
    pub cost_currency: Option<String>,
    /// What the terminator takes.
    pub cost: Option<Micros>,
    /// Revenue less cost, in the revenue's currency, at the exchange ratios of the answer. None if one is missing.
    pub margin: Option<Micros>,
}

/// One CDR with all that is kept of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CdrDetail {
    /// As in the list.
    #[serde(flatten)]
    pub cdr: Cdr,
    /// The disconnect cause for people, if this switch still knows it.
    pub cause_info: Option<CauseInfo>,
    /// Client first, then its resellers upward; a reseller sees those of its branch.
    pub charges: Vec<LevelCharge>,
    /// What the terminator takes; operators only.
    pub cost: Option<Cost>,
    /// Exchange ratios at the answer, where not all is in the base currency; operators only.
    #[serde(default)]
    pub exchange: Option<KeptRatios>,
    /// Audio of the caller and the callee.
    pub media: CdrMedia,
    /// Why this route and price, each gateway tried and why it was left. Operators only.
    pub trace: Vec<TraceStep>,
}

/// The exchange ratios a CDR keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptRatios {
    /// Base currency, ISO 4217 code.
    pub base: String,
    /// By currency: what one unit was worth in the base.
    pub ratios: BTreeMap<String, Price>,
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
    #[serde(default)]
    pub sent: Option<String>,
    /// As rated.
    pub rating: Option<String>,
    /// Prefix of the client's rate.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Description of the client's rate.
    #[serde(default)]
    pub destination: Option<String>,
    /// SIP Call-ID of the caller's leg.
    #[serde(default)]
    pub a_call_id: String,
    /// SIP Call-ID of the last leg tried.
    #[serde(default)]
    pub b_call_id: Option<String>,
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
    /// Its login.
    #[serde(default)]
    pub account_login: Option<String>,
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

/// One side's audio, as it arrived and as that side heard the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MediaStats {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Packets lost on the way.
    pub lost: u64,
    /// Interarrival jitter, microseconds.
    pub jitter_us: u32,
    /// Packets dropped that were not protected by the side's keys.
    pub forged: u64,
    /// Packets the side says it missed.
    pub far_lost: u64,
    /// Jitter the side says it sees, microseconds.
    pub far_jitter_us: u32,
    /// From the switch to the side and back, microseconds; 0 if not known.
    pub round_trip_us: u32,
    /// Estimated mean opinion score of the worse direction, in hundredths; none if too little was heard.
    pub mos_x100: Option<u16>,
    /// Longest time, seconds, that the side was not heard while the other was; 0 if below the limit set.
    pub unheard_s: u32,
}
