//! The reference price: `rating.md` section 2 in plain decimal arithmetic, block by block, without any of the
//! billing crate's own code.

use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

/// A tariff with one price for every number, and perhaps another at night.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Tariff id.
    pub id: i64,
    /// Per minute.
    pub price: Decimal,
    /// Seconds of the first block.
    pub initial: u32,
    /// Seconds of each further block.
    pub increment: u32,
    /// Once per charged call.
    pub fee: Decimal,
    /// Up to so many seconds cost nothing at all.
    pub grace: u32,
    /// Not counted.
    pub free: u32,
    /// Once, from so many answered seconds on.
    pub surcharge: Option<(u32, Decimal)>,
    /// On the sum.
    pub percent: Decimal,
    /// Of a charged call.
    pub min: Option<Decimal>,
    /// Of a charged call.
    pub max: Option<Decimal>,
    /// 0 to 6.
    pub decimals: u32,
    /// Another price by the wall clock.
    pub night: Option<Night>,
    /// IANA name.
    pub zone: &'static str,
    /// The band of the answer holds for the whole call.
    pub at_answer: bool,
}

/// From one minute of the day to another, over midnight.
#[derive(Clone, Debug)]
pub struct Night {
    /// First minute.
    pub from: u16,
    /// First minute that is day again.
    pub to: u16,
    /// Per minute.
    pub price: Decimal,
    /// Seconds of a block that starts at night.
    pub increment: u32,
}

impl Sheet {
    /// Micro-units for a call answered `ms` long, from an instant (UTC milliseconds).
    ///
    /// # Panics
    /// If the zone is unknown or the amount is beyond 64 bits.
    #[must_use]
    pub fn charge(&self, ms: u64, answered_at: i64) -> i64 {
        self.charge_secs(ms.div_ceil(1000), answered_at)
    }

    /// The same for whole seconds.
    ///
    /// # Panics
    /// As [`Self::charge`].
    #[must_use]
    pub fn charge_secs(&self, answered: u64, answered_at: i64) -> i64 {
        if answered == 0 || answered <= u64::from(self.grace) {
            return 0;
        }
        let zone = TimeZone::get(self.zone).expect("a known zone");
        let blocks = self.blocks(answered, answered_at, &zone);
        let sixtieths: Decimal = blocks
            .iter()
            .map(|(secs, price)| *price * Decimal::from(*secs))
            .sum();
        let mut amount = sixtieths / Decimal::from(60) + self.fee;
        if let Some((from, surcharge)) = self.surcharge
            && answered >= u64::from(from)
        {
            amount += surcharge;
        }
        amount *= Decimal::ONE + self.percent / Decimal::ONE_HUNDRED;
        amount = self.min.map_or(amount, |min| amount.max(min));
        amount = self.max.map_or(amount, |max| amount.min(max));
        let rounded =
            amount.round_dp_with_strategy(self.decimals, RoundingStrategy::MidpointAwayFromZero);
        (rounded * Decimal::from(1_000_000))
            .to_i64()
            .expect("a small amount")
    }

    /// The answered second at which the block ends that an answered second lies in. Grace and free seconds are paid
    /// for with none.
    ///
    /// # Panics
    /// As [`Self::charge`].
    #[must_use]
    pub fn block_end(&self, second: u64, answered_at: i64) -> u64 {
        let given = u64::from(self.grace.max(self.free));
        if second <= given {
            return given;
        }
        let zone = TimeZone::get(self.zone).expect("a known zone");
        let blocks = self.blocks(second, answered_at, &zone);
        u64::from(self.free) + blocks.iter().map(|(secs, _)| u64::from(*secs)).sum::<u64>()
    }

    /// Seconds billed: the sum of the blocks.
    ///
    /// # Panics
    /// As [`Self::charge`].
    #[must_use]
    pub fn billed_secs(&self, ms: u64, answered_at: i64) -> u64 {
        let answered = ms.div_ceil(1000);
        if answered == 0 || answered <= u64::from(self.grace) {
            return 0;
        }
        let zone = TimeZone::get(self.zone).expect("a known zone");
        self.blocks(answered, answered_at, &zone)
            .iter()
            .map(|(secs, _)| u64::from(*secs))
            .sum()
    }

    /// Each block's seconds and price per minute.
    fn blocks(&self, answered: u64, answered_at: i64, zone: &TimeZone) -> Vec<(u32, Decimal)> {
        let wanted = answered.saturating_sub(u64::from(self.free));
        let (mut position, mut blocks) = (0, Vec::new());
        while position < wanted {
            let elapsed = u64::from(self.free) + position;
            let at = if self.at_answer {
                answered_at
            } else {
                answered_at + i64::try_from(elapsed * 1000).expect("a day")
            };
            let (price, increment) = self.band(at, zone);
            let secs = if position == 0 {
                self.initial
            } else {
                increment
            };
            blocks.push((secs, price));
            position += u64::from(secs);
        }
        blocks
    }

    fn band(&self, at: i64, zone: &TimeZone) -> (Decimal, u32) {
        let Some(night) = &self.night else {
            return (self.price, self.increment);
        };
        let local = zone.to_datetime(Timestamp::from_millisecond(at).expect("an instant"));
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        if minute >= night.from || minute < night.to {
            (night.price, night.increment)
        } else {
            (self.price, self.increment)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        Sheet {
            id: 1,
            price: "0.60".parse().expect("a price"),
            initial: 30,
            increment: 6,
            fee: "0.01".parse().expect("a fee"),
            grace: 2,
            free: 0,
            surcharge: None,
            percent: Decimal::ZERO,
            min: None,
            max: None,
            decimals: 6,
            night: None,
            zone: "UTC",
            at_answer: false,
        }
    }

    #[test]
    fn by_hand() {
        for (ms, micros) in [
            (0, 0),
            (2000, 0),
            (2001, 310_000),
            (30_000, 310_000),
            (30_001, 370_000),
            (37_000, 430_000),
        ] {
            assert_eq!(sheet().charge(ms, 0), micros, "{ms} ms");
        }
    }

    #[test]
    fn a_block_has_the_price_of_the_band_in_which_it_starts() {
        let night = Night {
            from: 1320,
            to: 360,
            price: "0.06".parse().expect("a price"),
            increment: 60,
        };
        let sheet = Sheet {
            night: Some(night),
            fee: Decimal::ZERO,
            ..sheet()
        };
        // Five seconds before 22:00: a first block by day, then one by night.
        let at = (22 * 3600 - 5) * 1000;
        assert_eq!(sheet.charge(31_000, at), 300_000 + 60_000);
        assert_eq!(sheet.billed_secs(31_000, at), 90);
        assert_eq!(
            Sheet {
                at_answer: true,
                ..sheet
            }
            .charge(31_000, at),
            360_000
        );
    }
}
