//! What the relay's counters tell of a call: who is still there, who is not heard, and how it sounds.

use crate::{
    call::{Call, Stage},
    io::Now,
    switch::state::Core,
};
use tandem_billing::cdr::MediaStats;
use tandem_sdp::{
    Side,
    quality::{Transit, mos_x100},
    relay::Counters,
};
use tandem_sip::Mono;

/// How long each side was not heard while the other was, after the answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unheard {
    a: Silence,
    b: Silence,
    /// When the counters came last.
    at: Option<Mono>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Silence {
    since: Option<Mono>,
    longest_s: u32,
}

impl Silence {
    /// Counters came: whether they rose for this side and for the other since `before`. True when the limit is
    /// passed for the first time.
    fn note(&mut self, rose: (bool, bool), (before, now): (Mono, Mono), limit_s: u32) -> bool {
        match rose {
            (false, true) => {}
            (true, true) | (true, false) | (false, false) => {
                self.since = None;
                return false;
            }
        }
        let since = *self.since.get_or_insert(before);
        let silent_s = u32::try_from(now.since(since).as_secs()).unwrap_or(u32::MAX);
        if silent_s < limit_s {
            return false;
        }
        let first = self.longest_s == 0;
        self.longest_s = self.longest_s.max(silent_s);
        first
    }
}

impl Unheard {
    /// Longest such times of both sides, seconds; 0 below the limit.
    pub(crate) fn longest_s(&self) -> (u32, u32) {
        (self.a.longest_s, self.b.longest_s)
    }

    /// True if this makes it a call with audio one way only.
    fn note(&mut self, rose: (bool, bool), (from, now): (Mono, Mono), limit_s: u32) -> bool {
        let before = self.at.replace(now).unwrap_or(from).max(from);
        let known = self.longest_s() != (0, 0);
        let a = self.a.note(rose, (before, now), limit_s);
        let b = self.b.note((rose.1, rose.0), (before, now), limit_s);
        (a || b) && !known
    }

    /// On hold nobody need send; the watch begins afresh.
    fn rest(&mut self, now: Mono) {
        self.a.since = None;
        self.b.since = None;
        self.at = Some(now);
    }
}

/// New counters of the relay. Audio that goes on is a sign of life of whoever sends it.
pub(crate) fn note_audio(core: &mut Core, call: &mut Call, counters: (Counters, Counters)) {
    let before = std::mem::replace(&mut call.media.counters, counters);
    let rose = (
        counters.0.packets > before.0.packets,
        counters.1.packets > before.1.packets,
    );
    for (side, rose) in [(Side::A, rose.0), (Side::B, rose.1)] {
        if let Some(leg) = call.leg_mut(side).filter(|_| rose) {
            leg.session.heard = core.now.mono;
        }
    }
    let limit_s = core.directory.settings.one_way_after_s;
    if limit_s != 0 && watch(call, rose, core.now, limit_s) {
        core.feed.totals.one_way = core.feed.totals.one_way.saturating_add(1);
    }
}

fn watch(call: &mut Call, rose: (bool, bool), now: Now, limit_s: u32) -> bool {
    let answered = match (call.stage, call.marks.answered) {
        (Stage::Talking | Stage::Ending, Some(answered)) => answered.mono,
        (Stage::Hunting | Stage::Answering | Stage::Talking | Stage::Ending, _) => return false,
    };
    if call.media.held {
        call.media.unheard.rest(now.mono);
        return false;
    }
    call.media.unheard.note(rose, (answered, now.mono), limit_s)
}

/// A side's audio for the CDR; `other` is what came from the side across, which it was sent.
pub(super) fn stats(codec: &str, side: &Counters, other: &Counters) -> MediaStats {
    let round_trip_us = side.heard.round_trip_us;
    let here = Transit {
        packets: side.packets,
        lost: side.lost,
        jitter_us: side.jitter_us,
        round_trip_us,
    };
    let there = Transit {
        packets: other.packets.saturating_sub(side.heard.lost),
        lost: side.heard.lost,
        jitter_us: side.heard.jitter_us,
        round_trip_us,
    };
    let there = Some(there).filter(|_| side.heard.reports > 0);
    let scores = [Some(here), there].into_iter().flatten();
    MediaStats {
        packets: side.packets,
        bytes: side.bytes,
        lost: side.lost,
        jitter_us: side.jitter_us,
        forged: side.forged,
        far_lost: side.heard.lost,
        far_jitter_us: side.heard.jitter_us,
        round_trip_us,
        mos_x100: scores.filter_map(|transit| mos_x100(codec, transit)).min(),
        unheard_s: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_one_way_for_long_enough_counts_once() {
        let begin = Mono::default();
        let at = |second: u64| begin + Duration::from_secs(second);
        let mut unheard = Unheard::default();
        let mut told = Vec::new();
        for (second, rose) in [
            (5, (true, true)),
            (10, (true, false)),
            (15, (true, false)),
            (20, (true, false)),
            (25, (true, true)),
            (30, (false, false)),
            (45, (false, false)),
            (50, (false, true)),
            (55, (false, true)),
        ] {
            if unheard.note(rose, (begin, at(second)), 10) {
                told.push(second);
            }
        }
        assert_eq!(told, [15], "first at ten seconds, and once per call");
        assert_eq!(unheard.longest_s(), (10, 15));
        unheard.rest(at(100));
        assert!(!unheard.note((false, true), (begin, at(105)), 10));
        assert_eq!(unheard.longest_s(), (10, 15), "a hold begins afresh");
    }
}
