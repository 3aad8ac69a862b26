//! The two clocks, read in one place.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tandem_billing::UtcMs;
use tandem_call::Now;
use tandem_sip::Mono;

/// Reads both clocks; monotonic time counts from its making.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts counting.
    #[must_use]
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Both clocks, one after the other.
    #[must_use]
    pub fn now(&self) -> Now {
        let mono = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Now {
            mono: Mono(mono),
            utc: utc_now(),
        }
    }
}

/// The wall clock.
#[must_use]
pub fn utc_now() -> UtcMs {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UtcMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
