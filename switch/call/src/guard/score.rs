//! Points that fade, and allowances that fill: both whole numbers, both with the time passed in.

use std::time::Duration;
use tandem_sip::Mono;

/// Thousandths of a point.
pub(super) const POINT: u64 = 1_000;

/// Points of something bad, halved with every half-life.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Score {
    milli: u64,
    at: Mono,
}

impl Score {
    /// Thousandths left by now: exact at whole half-lives, straight lines between.
    pub(super) fn left(&self, now: Mono, half_life: Duration) -> u64 {
        let passed = now.since(self.at).as_micros();
        let half = half_life.as_micros().max(1);
        let halvings = u32::try_from(passed / half).unwrap_or(u32::MAX);
        let left = u128::from(self.milli.checked_shr(halvings).unwrap_or(0));
        let faded = left * (2 * half - passed % half) / (2 * half);
        u64::try_from(faded).unwrap_or(u64::MAX)
    }

    pub(super) fn add(&mut self, milli: u64, now: Mono, half_life: Duration) {
        self.milli = self.left(now, half_life).saturating_add(milli);
        self.at = now;
    }

    pub(super) fn take(&mut self, milli: u64, now: Mono, half_life: Duration) {
        self.milli = self.left(now, half_life).saturating_sub(milli);
        self.at = now;
    }
}

/// How often something may happen: `burst` at once, then one each `every`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) every: Duration,
    pub(crate) burst: u32,
}

/// What is left of a [`Pace`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowance {
    /// Microseconds' worth already used up, as seen at `at`.
    used_us: u64,
    at: Mono,
}

impl Allowance {
    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, pace: Pace, now: Mono) -> bool {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let every = micros(pace.every);
        let used = self.used_us.saturating_sub(micros(now.since(self.at)));
        self.at = now;
        let after = used.saturating_add(every);
        let fits = after <= every.saturating_mul(u64::from(pace.burst));
        self.used_us = if fits { after } else { used };
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_left_after_each_half_life() {
        let life = Duration::from_secs(600);
        let mut score = Score::default();
        score.add(100 * POINT, Mono(0), life);
        for (after_s, left) in [
            (0, 100_000),
            (300, 75_000),
            (600, 50_000),
            (1_200, 25_000),
            (6_000, 97),
            (600_000, 0),
        ] {
            assert_eq!(
                score.left(Mono(after_s * 1_000_000), life),
                left,
                "{after_s} s"
            );
        }
        score.take(60 * POINT, Mono(600_000_000), life);
        assert_eq!(score.left(Mono(600_000_000), life), 0);
    }

    #[test]
    fn an_allowance_is_a_burst_and_then_a_rate() {
        let pace = Pace {
            every: Duration::from_millis(500),
            burst: 3,
        };
        let mut allowance = Allowance::default();
        let taken = |allowance: &mut Allowance, at_ms: u64| {
            (0..10)
                .filter(|_| allowance.take(pace, Mono(at_ms * 1_000)))
                .count()
        };
        assert_eq!(taken(&mut allowance, 0), 3);
        assert_eq!(taken(&mut allowance, 499), 0);
        assert_eq!(taken(&mut allowance, 500), 1);
        assert_eq!(taken(&mut allowance, 60_000), 3);
    }
}
