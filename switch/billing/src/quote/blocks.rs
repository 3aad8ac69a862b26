//! The blocks of a call (`rating.md` 2.5 to 2.7), in runs of equal ones so that long calls cost no more to price.

use super::{Quote, line::Line};
use crate::{fixed::Fixed, tariff::BandPolicy};

/// Equal blocks in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub secs: u64,
    /// Per minute.
    pub price: Fixed,
    /// Which flat step the blocks start in, and what it costs once.
    pub flat: Option<((usize, usize), Fixed)>,
}

/// Walks over the runs of a call. Positions are seconds after the free ones.
pub(super) struct Blocks<'q> {
    quote: &'q Quote,
    free: u64,
    pub position: u64,
    band: Option<usize>,
    band_end: u64,
}

impl<'q> Blocks<'q> {
    pub(super) fn new(quote: &'q Quote) -> Self {
        let split = quote.timetable.is_some() && quote.policy == BandPolicy::Split;
        Self {
            quote,
            free: u64::from(quote.line.terms.free),
            position: 0,
            band: None,
            band_end: if split { 0 } else { u64::MAX },
        }
    }

    /// The next run of blocks that start before `limit`; None if all have been given.
    pub(super) fn next_run(&mut self, limit: u64) -> Option<Run> {
        if self.position >= limit {
            return None;
        }
        if self.position >= self.band_end {
            self.enter_band();
        }
        let line = self.line();
        let after = line
            .steps
            .partition_point(|step| step.from <= self.position);
        let step = after.checked_sub(1).and_then(|index| line.steps.get(index));
        let next_step = line.steps.get(after).map_or(u64::MAX, |step| step.from);
        let increment = step
            .and_then(|step| step.increment)
            .unwrap_or(line.terms.increment);
        let size = u64::from(match (self.position, line.terms.initial, step) {
            (0, Some(initial), _) => initial.get(),
            (0, None, None) => 1,
            _ => increment.get(),
        });
        let border = limit.min(next_step).min(self.band_end);
        let count = match self.position {
            0 => 1,
            position => (border - position).div_ceil(size),
        };
        let secs = count.saturating_mul(size);
        self.position = self.position.saturating_add(secs);
        Some(Run {
            secs,
            price: step.map_or(line.price, |step| step.price),
            flat: step
                .and_then(|step| step.flat)
                .map(|flat| ((self.band.unwrap_or(usize::MAX), after), flat)),
        })
    }

    fn line(&self) -> &'q Line {
        let timetable = self.quote.timetable.as_deref();
        let line = self
            .band
            .and_then(|band| timetable.and_then(|timetable| timetable.lines.get(band)));
        line.map_or(&self.quote.line, |timed| &timed.line)
    }

    /// Where no row counts at this hour, or a blocked one, the price so far goes on: the call was let in.
    fn enter_band(&mut self) {
        let Some(timetable) = self.quote.timetable.as_deref() else {
            self.band_end = u64::MAX;
            return;
        };
        let elapsed = self.free.saturating_add(self.position);
        let answered = self.quote.answered_at;
        let ms = i64::try_from(elapsed.saturating_mul(1000)).unwrap_or(i64::MAX);
        let (band, until) = timetable.band(answered.plus_ms(ms));
        let open = band.filter(|band| timetable.lines.get(*band).is_some_and(|l| !l.blocked));
        self.band = open.or(self.band);
        let end = until.0.saturating_sub(answered.0).max(0).unsigned_abs();
        // The first whole second that is not before the border; always after this one.
        self.band_end = end
            .div_ceil(1000)
            .saturating_sub(self.free)
            .max(self.position + 1);
    }
}
