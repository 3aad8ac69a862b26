//! How a gateway is told to be up: OPTIONS sent to each of its hosts, and what its calls come to.
//!
//! The default does neither: what is not asked for is not done. Times are in seconds.

use serde::{Deserialize, Serialize};

/// Status codes of an OPTIONS that mean the host is of no use, if none are named.
pub const DEAD_CODES: [u16; 2] = [408, 503];
/// Status codes named at most.
const MAX_CODES: usize = 32;

/// How a gateway's hosts are watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// Between two OPTIONS to a host, 5 to 3600; 0 sends none.
    pub interval_s: u32,
    /// OPTIONS in a row without a sign of life after which a host is down, 1 to 20.
    pub fails_to_down: u32,
    /// OPTIONS in a row answered after which it is up again, 1 to 20.
    pub answers_to_up: u32,
    /// Final answers that are no sign of life; any other, a challenge too, is one.
    pub dead_codes: Vec<u16>,
    /// Calls in a row that found no host there (no answer, not sent, 503 with Retry-After) after which the host
    /// rests, 1 to 100; 0 never.
    pub failures_to_rest: u32,
    /// How long a host rests at first, 5 to 3600; twice as long each time, up to 16 times.
    pub rest_s: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            interval_s: 0,
            fails_to_down: 3,
            answers_to_up: 2,
            dead_codes: DEAD_CODES.to_vec(),
            failures_to_rest: 0,
            rest_s: 30,
        }
    }
}

impl Health {
    /// Whether OPTIONS are sent.
    #[must_use]
    pub fn probes(&self) -> bool {
        self.interval_s != 0
    }

    /// Whether all is within its range.
    ///
    /// # Errors
    /// The field at fault, and what it must be.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let paces = |seconds: u32| (5..=3600).contains(&seconds);
        let counts = |count: u32| (1..=20).contains(&count);
        if self.probes() && !paces(self.interval_s) {
            return Err(("interval_s", "must be 5 to 3600 seconds, or 0 for none"));
        }
        if !counts(self.fails_to_down) {
            return Err(("fails_to_down", "must be 1 to 20"));
        }
        if !counts(self.answers_to_up) {
            return Err(("answers_to_up", "must be 1 to 20"));
        }
        let final_codes = self.dead_codes.iter().all(|c| (200..=699).contains(c));
        if !final_codes || self.dead_codes.len() > MAX_CODES {
            return Err(("dead_codes", "must be at most 32 final codes, 200 to 699"));
        }
        if self.failures_to_rest > 100 {
            return Err(("failures_to_rest", "must be 1 to 100, or 0 for never"));
        }
        if !paces(self.rest_s) {
            return Err(("rest_s", "must be 5 to 3600 seconds"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Health;

    #[test]
    fn ranges_are_checked() {
        type Change = fn(&mut Health);
        let table: [(Change, Result<(), &str>); 9] = [
            (|_| {}, Ok(())),
            (|h| h.interval_s = 5, Ok(())),
            (|h| h.interval_s = 4, Err("interval_s")),
            (|h| h.interval_s = 3601, Err("interval_s")),
            (|h| h.fails_to_down = 0, Err("fails_to_down")),
            (|h| h.answers_to_up = 21, Err("answers_to_up")),
            (|h| h.dead_codes = vec![180], Err("dead_codes")),
            (|h| h.failures_to_rest = 101, Err("failures_to_rest")),
            (|h| h.rest_s = 0, Err("rest_s")),
        ];
        for (change, expected) in table {
            let mut health = Health::default();
            change(&mut health);
            assert_eq!(health.check().map_err(|(field, _)| field), expected);
        }
    }
}
