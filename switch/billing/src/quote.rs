//! What a call will cost: the rate rows found, and the arithmetic of `rating.md` section 2.

use crate::{Currency, Micros, RateId, TariffId, UtcMs};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The price of one call at one level: self-contained, serialisable (it is journalled with the open call, and
/// a crash is billed from it), and exact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    pub tariff: TariffId,
    pub rate: RateId,
    pub prefix: String,
    pub description: String,
    pub currency: Currency,
    pub answered_at: UtcMs,
    /// Price per minute of the first band, after multiplier and addition: for display and loss guard.
    pub price_per_minute: Decimal,
    pub free_to_call: bool,
    // further private fields: bands, terms, steps, rounding
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum QuoteError {
    #[error("tariff {0} does not exist")]
    NoTariff(TariffId),
    #[error("tariff {tariff} has no rate for {number}")]
    NoRate { tariff: TariffId, number: String },
    #[error("tariff {tariff} blocks prefix {prefix}")]
    Blocked { tariff: TariffId, prefix: String },
    #[error("tariff {tariff} prefix {prefix}: {reason}")]
    Overflow {
        tariff: TariffId,
        prefix: String,
        reason: String,
    },
}

/// The result for one duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    pub amount: Micros,
    pub billed_secs: u64,
    pub bundle_secs_used: u64,
}

impl Quote {
    /// The charge for a call answered `answered_ms` long; `bundle_secs` included seconds are left.
    pub fn charge(&self, answered_ms: u64, bundle_secs: u64) -> Charge {
        todo!()
    }
    /// The charge of a call of whole seconds, without bundle.
    pub fn charge_secs(&self, secs: u64) -> Micros {
        todo!()
    }
    /// The longest whole seconds, up to `cap_secs`, whose charge does not exceed `funds`; None if not even
    /// admission (fee and first block) is paid for.
    pub fn affordable_secs(&self, funds: Micros, cap_secs: u64) -> Option<u64> {
        todo!()
    }
    /// End of the first block, in answered seconds: what admission must reserve for (rating.md section 3).
    pub fn first_block_secs(&self) -> u64 {
        todo!()
    }
    /// End of the block that contains answered second `after` (exclusive end, > after).
    pub fn block_end_secs(&self, after: u64) -> u64 {
        todo!()
    }
    /// The same rows at another answer instant, if the book still had them in force: see `TariffBook::quote`.
    pub fn with_answer(&self, at: UtcMs) -> Self {
        todo!()
    }
}
