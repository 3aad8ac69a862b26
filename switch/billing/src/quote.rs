//! What a call will cost: the rate rows found, and the arithmetic of `rating.md` section 2.
//!
//! A charge never falls as a call gets longer: 0 within the grace period, then fees and blocks, all of them at least
//! 0. So what money lasts for is found by bisection over [`Quote::charge_secs`], and agrees with it exactly.

mod blocks;
pub(crate) mod line;
pub(crate) mod timetable;

use crate::{
    Currency, Micros, RateId, TariffId, UtcMs,
    fixed::{self, Fixed},
    tariff::BandPolicy,
};
use blocks::Blocks;
use line::Line;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use timetable::Timetable;

/// The longest call that is priced, 31 days; a longer one is charged as this.
pub const MAX_BILLABLE_SECS: u64 = 31 * 86_400;

/// The price of one call at one level: self-contained, serialisable (it is journalled with the open call, and
/// a crash is billed from it), and exact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// The tariff asked for, also where a row of its base rates.
    pub tariff: TariffId,
    /// The row at the answer.
    pub rate: RateId,
    /// Its prefix.
    pub prefix: String,
    /// Its description.
    pub description: String,
    /// Of the tariff.
    pub currency: Currency,
    /// What bands are counted from.
    pub answered_at: UtcMs,
    /// Price per minute of the first band, after multiplier and addition: for display and loss guard.
    pub price_per_minute: Decimal,
    /// The row is marked so and costs nothing at all: the call may go with an empty balance.
    pub free_to_call: bool,
    decimals: u8,
    policy: BandPolicy,
    /// The row at the answer: its fees, grace and limits hold for the whole call.
    line: Line,
    /// Only where rows differ by day or hour.
    timetable: Option<Box<Timetable>>,
}

/// Why a call has no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum QuoteError {
    /// No such tariff in the book.
    #[error("tariff {0} does not exist")]
    NoTariff(TariffId),
    /// No row in force fits the number at this hour.
    #[error("tariff {tariff} has no rate for {number}")]
    NoRate {
        /// The tariff asked for.
        tariff: TariffId,
        /// The rating number.
        number: String,
    },
    /// The row is marked as blocked.
    #[error("tariff {tariff} blocks prefix {prefix}")]
    Blocked {
        /// The tariff asked for.
        tariff: TariffId,
        /// Of the row.
        prefix: String,
    },
    /// A price that a markup made negative or too large.
    #[error("tariff {tariff} prefix {prefix}: {reason}")]
    Overflow {
        /// The tariff asked for.
        tariff: TariffId,
        /// Of the row.
        prefix: String,
        /// The field and its value.
        reason: String,
    },
}

/// The result for one duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// What is booked.
    pub amount: Micros,
    /// Sum of the blocks, those of a bundle included.
    pub billed_secs: u64,
    /// Billed seconds that the bundle paid for; the first ones of the call.
    pub bundle_secs_used: u64,
}

impl Quote {
    /// The charge for a call answered `answered_ms` long; `bundle_secs` included seconds are left.
    pub fn charge(&self, answered_ms: u64, bundle_secs: u64) -> Charge {
        self.compute(answered_ms.div_ceil(1000), bundle_secs)
    }

    /// The charge of a call of whole seconds, without bundle.
    pub fn charge_secs(&self, secs: u64) -> Micros {
        self.compute(secs, 0).amount
    }

    /// The longest whole seconds, up to `cap_secs`, whose charge does not exceed `funds`; None if not even
    /// admission (fee and first block) is paid for. What costs nothing is affordable with any funds. A `cap_secs`
    /// inside the first block still needs the whole block.
    pub fn affordable_secs(&self, funds: Micros, cap_secs: u64) -> Option<u64> {
        let funds = funds.max(Micros::ZERO);
        if self.charge_secs(self.first_block_secs()) > funds {
            return None;
        }
        if self.charge_secs(cap_secs) <= funds {
            return Some(cap_secs);
        }
        let (mut paid, mut unpaid) = (0, cap_secs.min(MAX_BILLABLE_SECS));
        while unpaid - paid > 1 {
            let middle = paid + (unpaid - paid) / 2;
            if self.charge_secs(middle) <= funds {
                paid = middle;
            } else {
                unpaid = middle;
            }
        }
        Some(paid)
    }

    /// End of the first block that costs anything by its start, in answered seconds: what admission must reserve for
    /// (`rating.md` section 3). Beyond grace period and free seconds: these are no reason to admit a call that then
    /// has to be ended at its first paid second.
    pub fn first_block_secs(&self) -> u64 {
        self.block_end_secs(self.seconds_given())
    }

    /// End of the block that contains answered second `after` (exclusive end, > after). Seconds that are given,
    /// by grace or as free ones, are a block of their own: nothing has to be paid for the next before they end.
    pub fn block_end_secs(&self, after: u64) -> u64 {
        if after < self.seconds_given() {
            return self.seconds_given();
        }
        let free = u64::from(self.line.terms.free);
        if after >= MAX_BILLABLE_SECS {
            return after.saturating_add(1);
        }
        let limit = after.saturating_sub(free) + 1;
        let mut blocks = Blocks::new(self);
        while blocks.next_run(limit).is_some() {}
        free.saturating_add(blocks.position)
    }

    fn seconds_given(&self) -> u64 {
        u64::from(self.line.terms.grace.max(self.line.terms.free))
    }

    /// The same rows at another answer instant, if the book still had them in force: see `TariffBook::quote`. Where
    /// no row covers that instant the present one stays.
    #[must_use]
    pub fn with_answer(&self, at: UtcMs) -> Self {
        let mut quote = Self {
            answered_at: at,
            ..self.clone()
        };
        let Some(timetable) = quote.timetable.take() else {
            return quote;
        };
        match timetable.covering(at) {
            Some(index) if timetable.lines.get(index).is_some_and(|l| !l.blocked) => {
                quote.put_on_line(&timetable, index);
            }
            _ => {}
        }
        quote.timetable = Some(timetable);
        quote
    }

    /// A quote without a row yet.
    pub(crate) fn new(
        tariff: TariffId,
        currency: Currency,
        answered_at: UtcMs,
        rounding: (u8, BandPolicy),
        line: Line,
    ) -> Self {
        Self {
            tariff,
            rate: RateId(0),
            prefix: String::new(),
            description: String::new(),
            currency,
            answered_at,
            price_per_minute: line.first_price().to_decimal(),
            free_to_call: false,
            decimals: rounding.0,
            policy: rounding.1,
            line,
            timetable: None,
        }
    }

    pub(crate) fn with_timetable(mut self, timetable: Timetable, index: usize) -> Self {
        self.put_on_line(&timetable, index);
        self.timetable = Some(Box::new(timetable));
        self
    }

    pub(crate) fn is_free(&self) -> bool {
        self.line.is_free()
    }

    fn put_on_line(&mut self, timetable: &Timetable, index: usize) {
        let Some(timed) = timetable.lines.get(index) else {
            return;
        };
        self.rate = timed.rate;
        self.prefix.clone_from(&timed.prefix);
        self.description.clone_from(&timed.description);
        self.price_per_minute = timed.line.first_price().to_decimal();
        self.free_to_call = timed.free_to_call;
        self.line.clone_from(&timed.line);
    }

    fn compute(&self, answered_secs: u64, bundle_secs: u64) -> Charge {
        let terms = &self.line.terms;
        if answered_secs == 0 || answered_secs <= u64::from(terms.grace) {
            return Charge::default();
        }
        let secs = answered_secs.min(MAX_BILLABLE_SECS);
        let limit = secs.saturating_sub(u64::from(terms.free));
        let mut blocks = Blocks::new(self);
        let (mut cost, mut bundle) = (0i128, bundle_secs);
        let mut flats = Vec::new();
        while let Some(run) = blocks.next_run(limit) {
            let covered = run.secs.min(bundle);
            bundle -= covered;
            let paid = i128::from(run.secs - covered);
            cost = cost.saturating_add(run.price.0.saturating_mul(paid));
            if let Some((step, flat)) = run.flat
                && paid > 0
                && !flats.contains(&step)
            {
                flats.push(step);
                cost = cost.saturating_add(per_minute(flat));
            }
        }
        cost = cost.saturating_add(per_minute(terms.fee));
        if secs >= u64::from(terms.surcharge_time) {
            cost = cost.saturating_add(per_minute(terms.surcharge));
        }
        Charge {
            amount: self.rounded(cost),
            billed_secs: blocks.position,
            bundle_secs_used: bundle_secs - bundle,
        }
    }

    /// From sixtieths of [`Fixed`] to the booked amount: percentage, least, most, and the one rounding.
    fn rounded(&self, sixtieths: i128) -> Micros {
        let terms = &self.line.terms;
        let percent = fixed::WHOLE + i128::from(terms.percent.0);
        let scale = 60 * fixed::WHOLE;
        let limit = |limit: Fixed| limit.0.saturating_mul(scale);
        let mut value = sixtieths.saturating_mul(percent).max(0);
        if let Some(min) = terms.min {
            value = value.max(limit(min));
        }
        if let Some(max) = terms.max {
            value = value.min(limit(max));
        }
        let decimals = u32::from(self.decimals.min(6));
        let unit = scale * 10i128.pow(fixed::DECIMALS - decimals);
        let micros = fixed::divide(value, unit).saturating_mul(10i128.pow(6 - decimals));
        i64::try_from(micros).map_or(Micros::MAX, Micros)
    }
}

/// An amount as if it were the price of 60 seconds.
fn per_minute(amount: Fixed) -> i128 {
    amount.0.saturating_mul(60)
}
