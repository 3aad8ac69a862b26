//! When a call counts as silent: both sides known, not held, and no audio from either for the configured time.

use crate::Micros;

const SECOND_US: Micros = 1_000_000;

/// The watch over one call.
#[derive(Debug, Default)]
pub(crate) struct Silence {
    /// Since when silence counts; None while held or before both sides are known.
    from_us: Option<Micros>,
    held: bool,
    reported_us: Micros,
}

impl Silence {
    /// Both sides are known (again): counts from now if it did not yet.
    pub(crate) fn begin(&mut self, now_us: Micros) {
        if !self.held && self.from_us.is_none() {
            self.from_us = Some(now_us);
        }
    }

    /// Hold suspends the watch; coming back begins it afresh. `ready`: both sides are known.
    pub(crate) fn set_held(&mut self, held: bool, ready: bool, now_us: Micros) {
        if self.held != held {
            self.held = held;
            self.from_us = Some(now_us).filter(|_| ready && !held);
        }
    }

    /// The seconds of silence, once per `limit_s` of it; a limit of 0 never.
    pub(crate) fn due(
        &mut self,
        last_audio_us: Option<Micros>,
        limit_s: u32,
        now_us: Micros,
    ) -> Option<u32> {
        let since_us = self.from_us?.max(last_audio_us.unwrap_or(0));
        let quiet_us = now_us.saturating_sub(since_us.max(self.reported_us));
        if limit_s == 0 || quiet_us < Micros::from(limit_s) * SECOND_US {
            return None;
        }
        self.reported_us = now_us;
        u32::try_from(now_us.saturating_sub(since_us) / SECOND_US).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_per_period_and_not_while_held() {
        let at = |second: Micros| second * SECOND_US;
        let mut silence = Silence::default();
        assert_eq!(
            silence.due(None, 30, at(500)),
            None,
            "a side is not known yet"
        );
        silence.begin(at(500));
        silence.begin(at(505));
        for (second, last_audio_s, expected) in [
            (529, None, None),
            (530, None, Some(30)),
            (531, None, None),
            (560, None, Some(60)),
            (570, Some(565), None),
            (594, Some(565), None),
            (595, Some(565), Some(30)),
        ] {
            assert_eq!(
                silence.due(last_audio_s.map(at), 30, at(second)),
                expected,
                "at {second} s"
            );
        }
        silence.set_held(true, true, at(600));
        silence.begin(at(610));
        assert_eq!(silence.due(Some(at(565)), 30, at(9_000)), None, "held");
        silence.set_held(false, true, at(9_000));
        assert_eq!(silence.due(Some(at(565)), 30, at(9_029)), None);
        assert_eq!(silence.due(Some(at(565)), 30, at(9_030)), Some(30));
        assert_eq!(silence.due(None, 0, at(99_000)), None, "0 is never");
    }

    #[test]
    fn a_hold_before_both_sides_are_known() {
        let mut silence = Silence::default();
        silence.set_held(true, false, 0);
        silence.set_held(false, false, 0);
        assert_eq!(silence.due(None, 1, 9_000_000), None);
    }
}
