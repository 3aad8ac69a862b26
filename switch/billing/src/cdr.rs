//! What every call leaves behind.

use crate::exchange::KeptRatios;
use crate::{AccountId, CallId, Currency, GatewayId, Micros, RateId, RouteId, TariffId, UtcMs};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The booked amount of one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelCharge {
    /// Who was charged.
    pub account: AccountId,
    /// By this tariff,
    pub tariff: TariffId,
    /// this row at the answer,
    pub rate: RateId,
    /// its prefix
    pub prefix: String,
    /// and its description.
    pub description: String,
    /// Of `charge`.
    pub currency: Currency,
    /// Of the band at the answer.
    pub price_per_minute: Decimal,
    /// Sum of the blocks.
    pub billed_secs: u64,
    /// As booked, at least 0.
    pub charge: Micros,
}

/// What the terminator takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The one that answered.
    pub gateway: GatewayId,
    /// Its cost tariff.
    pub tariff: TariffId,
    /// The row at the answer.
    pub rate: RateId,
    /// Of the row.
    pub prefix: String,
    /// Of `cost`.
    pub currency: Currency,
    /// Of the band at the answer.
    pub price_per_minute: Decimal,
    /// Sum of the blocks.
    pub billed_secs: u64,
    /// At least 0.
    pub cost: Micros,
}

/// One side's audio, as it arrived and as that side heard the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaStats {
    /// RTP packets.
    pub packets: u64,
    /// With their headers.
    pub bytes: u64,
    /// By sequence number.
    pub lost: u64,
    /// RFC 3550 section 6.4.1, in microseconds.
    pub jitter_us: u32,
    /// Dropped: not protected by the side's keys.
    pub forged: u64,
    /// By the side's own RTCP: packets it missed of what it was sent.
    pub far_lost: u64,
    /// By the side's own RTCP: jitter at its end, in microseconds.
    pub far_jitter_us: u32,
    /// Between the switch and the side, there and back, in microseconds; 0 if not known.
    pub round_trip_us: u32,
    /// Estimated mean opinion score of the worse direction, in hundredths; None if too little was heard.
    pub mos_x100: Option<u16>,
    /// Longest time after the answer that nothing came from the side while the other one sent; 0 below the limit
    /// of the settings.
    pub unheard_s: u32,
}

impl MediaStats {
    /// The worse one of both sides' estimates.
    #[must_use]
    pub fn worst_mos_x100(a: &Self, b: &Self) -> Option<u16> {
        [a.mos_x100, b.mos_x100].into_iter().flatten().min()
    }
}

/// A call detail record: one per call, answered or not; one for many refusals alike of a flood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cdr {
    /// Its id.
    pub call: CallId,
    /// Call-ID header of the A leg; B leg of the last gateway tried.
    pub a_call_id: String,
    /// See `a_call_id`.
    pub b_call_id: Option<String>,
    /// Attempts that it stands for: 1, or more where refusals alike came too fast for a record each.
    #[serde(default = "one")]
    pub attempts: u32,
    /// None if the caller was not recognised.
    pub account: Option<AccountId>,
    /// `address:port` the INVITE came from.
    pub source: String,
    /// The caller's number as it arrived.
    pub caller: String,
    /// As dialled, as sent to the terminator, as rated.
    pub dialled: String,
    /// See `dialled`.
    pub sent_number: Option<String>,
    /// See `dialled`.
    pub rating_number: Option<String>,
    /// INVITE received.
    pub started_at: UtcMs,
    /// First 180 or 183 sent.
    pub ringing_at: Option<UtcMs>,
    /// 200 OK to the INVITE.
    pub answered_at: Option<UtcMs>,
    /// BYE, cut-off, failure or refusal.
    pub ended_at: UtcMs,
    /// Monotonic milliseconds from answer to end; 0 if not answered.
    pub duration_ms: u64,
    /// Post-dial delay: INVITE to first ringing or answer.
    pub pdd_ms: Option<u64>,
    /// The dial plan row of the last attempt.
    pub route: Option<RouteId>,
    /// The gateway of the last attempt; the one that answered if one did.
    pub gateway: Option<GatewayId>,
    /// The account whose phone answered, for on-net calls.
    pub callee_account: Option<AccountId>,
    /// The call with which a transfer connects it: it was placed for that one, or their parties were joined.
    #[serde(default)]
    pub transfer: Option<CallId>,
    /// Stable code of the disconnect-cause catalogue, e.g. `answered.caller_hangup`.
    pub cause: String,
    /// What the caller was sent at the end.
    pub sip_status: Option<u16>,
    /// Agreed on the A leg.
    pub codec: Option<String>,
    /// Agreed on the B leg: another one if the audio was coded anew.
    #[serde(default)]
    pub codec_b: Option<String>,
    /// Client first, then its resellers upward. Empty if not answered.
    pub charges: Vec<LevelCharge>,
    /// None if not answered, or the gateway has no cost tariff.
    pub cost: Option<Cost>,
    /// Of its currencies at the answer; None where all are the base currency, or it was not answered.
    #[serde(default)]
    pub exchange: Option<KeptRatios>,
    /// The files of its recording, below the folder of recordings, with a space between them; None if it was not
    /// recorded.
    #[serde(default)]
    pub recording: Option<String>,
    /// What came from the caller.
    pub media_a: MediaStats,
    /// What came from the far end.
    pub media_b: MediaStats,
    /// The decision trace and gateways tried, as JSON text of `call::decide::Trace`.
    pub trace: String,
}

fn one() -> u32 {
    1
}

impl Cdr {
    /// What the operator keeps, in the currency of the topmost level: its charge less the cost, converted at the
    /// ratios of the answer. None if one is missing, or the call was not answered.
    pub fn margin(&self) -> Option<Micros> {
        let top = self.charges.last()?;
        match &self.cost {
            None => Some(top.charge),
            Some(cost) if cost.currency == top.currency => top.charge.checked_sub(cost.cost),
            Some(cost) => {
                let ratios = self.exchange.as_ref()?;
                let taken = ratios.convert(cost.cost, cost.currency, top.currency)?;
                top.charge.checked_sub(taken)
            }
        }
    }
}
