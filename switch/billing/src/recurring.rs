//! Recurring fees: when they fall due, for how much, and under which key they are booked (`rating.md` section 4).
//!
//! Cycles are numbered from the anchor date and computed from it, never from one another, so the 31st comes back
//! after a short month and no restart, clock change or downtime moves them.

use crate::{Micros, UtcMs};
use jiff::{
    Span as Duration,
    civil::{Date, Time},
};
use serde::{Deserialize, Serialize};

/// Cycles told at once; the next call goes on from the last one booked.
pub const MAX_DUE_AT_ONCE: usize = 1000;

/// The unit of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Period {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A fee that comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its day of week, month or year is kept; cycle 0 begins on it.
    pub anchor: Date,
    /// With `every`: each second week, each third month.
    pub period: Period,
    /// 1 and up; 0 counts as 1.
    pub every: u16,
    /// First day used; it counts as used.
    pub start: Date,
    /// Last day used; it counts as used. None: goes on.
    pub cancel: Option<Date>,
    /// The account's time zone, an IANA name.
    pub time_zone: String,
    /// For a whole cycle, at least 0.
    pub fee: Micros,
    /// Whether first and last cycle are charged by days; else whole.
    pub prorate: bool,
    /// Of the currency, for prorated amounts: 0 to 6.
    pub decimals: u8,
}

/// One booking to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// First day of its cycle; with the subscription's id it makes the key.
    pub cycle: Date,
    /// When it fell due: local midnight of the cycle's first used day, in UTC.
    pub at: UtcMs,
    /// To be charged.
    pub amount: Micros,
}

/// The subscription cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurringError {
    /// Not an IANA name.
    #[error("time zone: {0}")]
    Zone(String),
    /// Beyond the year 9999.
    #[error("date is out of range")]
    OutOfRange,
}

impl Due {
    /// The idempotency key of the booking: one per cycle, whatever happens.
    pub fn key(&self, subscription: i64) -> String {
        format!("fee:{subscription}:{}", self.cycle)
    }
}

impl Subscription {
    /// First day of cycle `n` (below 0: before the anchor).
    ///
    /// # Errors
    /// `OutOfRange`.
    pub fn cycle_start(&self, n: i32) -> Result<Date, RecurringError> {
        let count = i64::from(n) * i64::from(self.every.max(1));
        let span = match self.period {
            Period::Daily => Duration::new().try_days(count),
            Period::Weekly => Duration::new().try_weeks(count),
            Period::Monthly => Duration::new().try_months(count),
            Period::Yearly => Duration::new().try_years(count),
        };
        span.and_then(|span| self.anchor.checked_add(span))
            .map_err(|_| RecurringError::OutOfRange)
    }

    /// Every cycle that is due by `now` and not yet booked, oldest first, each with its own date; at most
    /// [`MAX_DUE_AT_ONCE`]. `last_booked` is the cycle date of the last booking.
    ///
    /// # Errors
    /// A time zone that does not exist, a date out of range.
    pub fn due(&self, last_booked: Option<Date>, now: UtcMs) -> Result<Vec<Due>, RecurringError> {
        let mut cycle = match last_booked {
            Some(last) => self.cycle_of(last)? + 1,
            None => self.cycle_of(self.start)?,
        };
        let mut due = Vec::new();
        while due.len() < MAX_DUE_AT_ONCE {
            let (first, next) = (self.cycle_start(cycle)?, self.cycle_start(cycle + 1)?);
            let used_from = first.max(self.start);
            let at = self.midnight(used_from)?;
            if at > now || self.cancel.is_some_and(|last| last < used_from) {
                break;
            }
            due.push(Due {
                cycle: first,
                at,
                amount: self.amount(first, next),
            });
            cycle += 1;
        }
        Ok(due)
    }

    /// The cycle that contains a day.
    ///
    /// # Errors
    /// `OutOfRange`.
    pub fn cycle_of(&self, day: Date) -> Result<i32, RecurringError> {
        let days = days_between(self.anchor, day);
        let length = match self.period {
            Period::Daily => 1,
            Period::Weekly => 7,
            Period::Monthly => 31,
            Period::Yearly => 366,
        } * i64::from(self.every.max(1));
        // The longest cycles give a guess that is never too late; from there it is a few steps for a lifetime.
        let guess = if days < 0 { days } else { days / length };
        let mut cycle = i32::try_from(guess).map_err(|_| RecurringError::OutOfRange)?;
        while self.cycle_start(cycle + 1)? <= day {
            cycle += 1;
        }
        while self.cycle_start(cycle)? > day {
            cycle -= 1;
        }
        Ok(cycle)
    }

    fn midnight(&self, day: Date) -> Result<UtcMs, RecurringError> {
        let zone =
            crate::tariff::span::Zone::named(&self.time_zone).map_err(RecurringError::Zone)?;
        zone.instant(day.to_datetime(Time::midnight()))
            .ok_or(RecurringError::OutOfRange)
    }

    /// The fee of the cycle `[first, next)`: whole, or by its used days.
    pub fn amount(&self, first: Date, next: Date) -> Micros {
        let last = next.yesterday().unwrap_or(next);
        let used_from = first.max(self.start);
        let used_to = self.cancel.map_or(last, |cancel| cancel.min(last));
        if !self.prorate || (used_from, used_to) == (first, last) {
            return self.fee;
        }
        let used = days_between(used_from, used_to) + 1;
        prorated(self.fee, used, days_between(first, next), self.decimals)
    }
}

/// `fee * used / days`, rounded half away from zero to `decimals`; nothing for no used day.
pub fn prorated(fee: Micros, used: i64, days: i64, decimals: u8) -> Micros {
    let unit = 10i128.pow(6 - u32::from(decimals.min(6)));
    let days = i128::from(days.max(1));
    let used = i128::from(used).clamp(0, days);
    let rounded = crate::fixed::divide(i128::from(fee.0) * used, days * unit) * unit;
    i64::try_from(rounded).map_or(Micros::MAX, Micros)
}

/// What a change of plan on `day` moves: the credit of the old fee's days from `day` on, and the charge of the new
/// fee's; the day itself is the new plan's. `[first, next)` is the cycle both share.
pub fn change_of_plan(
    (old, new): (Micros, Micros),
    (first, next): (Date, Date),
    day: Date,
    decimals: u8,
) -> (Micros, Micros) {
    let (days, left) = (
        days_between(first, next),
        days_between(day.max(first), next),
    );
    let used = prorated(old, days - left.max(0), days, decimals);
    (
        old.saturating_sub(used),
        prorated(new, left, days, decimals),
    )
}

fn days_between(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}
