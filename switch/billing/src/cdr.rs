//! What every call leaves behind.

use crate::{AccountId, CallId, Currency, GatewayId, Micros, RateId, RouteId, TariffId, UtcMs};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The booked amount of one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelCharge {
    pub account: AccountId,
    pub tariff: TariffId,
    pub rate: RateId,
    pub prefix: String,
    pub description: String,
    pub currency: Currency,
    pub price_per_minute: Decimal,
    pub billed_secs: u64,
    pub charge: Micros,
}

/// What the terminator takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub gateway: GatewayId,
    pub tariff: TariffId,
    pub rate: RateId,
    pub prefix: String,
    pub currency: Currency,
    pub price_per_minute: Decimal,
    pub billed_secs: u64,
    pub cost: Micros,
}

/// One side's audio, as it arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaStats {
    pub packets: u64,
    pub bytes: u64,
    pub lost: u64,
    pub jitter_us: u32,
}

/// A call detail record; exactly one per call, answered or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cdr {
    pub call: CallId,
    /// Call-ID header of the A leg; B leg of the last gateway tried.
    pub a_call_id: String,
    pub b_call_id: Option<String>,
    /// None if the caller was not recognised.
    pub account: Option<AccountId>,
    /// `address:port` the INVITE came from.
    pub source: String,
    pub caller: String,
    /// As dialled, as sent to the terminator, as rated.
    pub dialled: String,
    pub sent_number: Option<String>,
    pub rating_number: Option<String>,
    pub started_at: UtcMs,
    pub ringing_at: Option<UtcMs>,
    pub answered_at: Option<UtcMs>,
    pub ended_at: UtcMs,
    /// Monotonic milliseconds from answer to end; 0 if not answered.
    pub duration_ms: u64,
    /// Post-dial delay: INVITE to first ringing or answer.
    pub pdd_ms: Option<u64>,
    pub route: Option<RouteId>,
    pub gateway: Option<GatewayId>,
    /// The account whose phone answered, for on-net calls.
    pub callee_account: Option<AccountId>,
    /// Stable code of the disconnect-cause catalogue, e.g. `answered.caller_hangup`.
    pub cause: String,
    pub sip_status: Option<u16>,
    pub codec: Option<String>,
    /// Client first, then its resellers upward. Empty if not answered.
    pub charges: Vec<LevelCharge>,
    pub cost: Option<Cost>,
    pub media_a: MediaStats,
    pub media_b: MediaStats,
    /// The decision trace and gateways tried, as JSON text of `call::decide::Trace`.
    pub trace: String,
}
