//! How much audio of one stream is decoded and coded: no more than time passes, whatever is sent.

use crate::Micros;

/// Of 1,000 us of audio that are coded, so many use up time: half as much again as real time goes on for ever.
const COST_PER_MILLE: u64 = 667;
/// What may be saved up: three seconds of audio at once, after a stall of the network.
const SAVED_MAX_US: Micros = 2_000_000;

/// A leaky bucket of audio.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    used_until_us: Micros,
}

impl Budget {
    /// Whether more may be coded now.
    pub(crate) fn allows(&self, now_us: Micros) -> bool {
        self.used_until_us.saturating_sub(now_us) <= SAVED_MAX_US
    }

    /// So much audio was coded.
    pub(crate) fn spend(&mut self, audio_us: Micros, now_us: Micros) {
        self.used_until_us = self.used_until_us.max(now_us) + audio_us * COST_PER_MILLE / 1_000;
    }
}

/// How long so many samples at `rate` Hz last.
pub(crate) fn length_us(samples: usize, rate: u32) -> Micros {
    samples as u64 * 1_000_000 / u64::from(rate.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of audio taken in a minute of so many packets a second.
    fn taken(a_second: u64, ms: u64) -> u64 {
        let mut budget = Budget::default();
        let mut taken_ms = 0;
        for at in 0..60 * a_second {
            let now_us = at * 1_000_000 / a_second;
            if budget.allows(now_us) {
                budget.spend(length_us(ms as usize * 8, 8_000), now_us);
                taken_ms += ms;
            }
        }
        taken_ms / 1_000
    }

    #[test]
    fn real_time_passes_and_a_flood_does_not() {
        assert_eq!(taken(50, 20), 60, "as it should be");
        assert_eq!(taken(72, 20), 86, "a clock that is far too fast");
        for flood in [taken(400, 20), taken(400, 200)] {
            assert!((90..=95).contains(&flood), "{flood} seconds");
        }
    }

    #[test]
    fn a_burst_after_a_stall_passes() {
        let mut budget = Budget::default();
        for _ in 0..100 {
            assert!(budget.allows(5_000_000));
            budget.spend(20_000, 5_000_000);
        }
    }
}
