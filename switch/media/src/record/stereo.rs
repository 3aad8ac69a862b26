//! Two channels brought together in time: what each side said at its place, silence where it said nothing.

use std::collections::VecDeque;

use tandem_sdp::Side;

use super::RATE;

/// How long audio is waited for before its place is written, milliseconds: more than any jitter buffer takes.
const PATIENCE_MS: u64 = 1_000;
/// Audio further ahead is not believed, milliseconds.
const AHEAD_MS: u64 = 5_000;

const fn samples(ms: u64) -> u64 {
    ms * (RATE as u64) / 1_000
}

/// See the module. Places are samples since the recording began.
#[derive(Debug, Default)]
pub(super) struct Stereo {
    from: u64,
    frames: VecDeque<[i16; 2]>,
}

impl Stereo {
    /// Lays a side's audio at its place; what was written already, or lies too far ahead, is left out.
    pub(super) fn put(&mut self, side: Side, place: u64, pcm: &[i16]) {
        let channel = match side {
            Side::A => 0,
            Side::B => 1,
        };
        let late = usize::try_from(self.from.saturating_sub(place)).unwrap_or(usize::MAX);
        let Some(pcm) = pcm.get(late.min(pcm.len())..).filter(|pcm| !pcm.is_empty()) else {
            return;
        };
        let ahead = place.saturating_sub(self.from);
        if ahead > samples(AHEAD_MS) {
            return;
        }
        let ahead = ahead as usize;
        if self.frames.len() < ahead + pcm.len() {
            self.frames.resize(ahead + pcm.len(), [0; 2]);
        }
        for (frame, sample) in self.frames.iter_mut().skip(ahead).zip(pcm) {
            frame[channel] = *sample;
        }
    }

    /// Takes what is complete at this time of the recording; pauses of both sides are silence.
    pub(super) fn take(&mut self, elapsed_ms: u64, mut write: impl FnMut([i16; 2])) {
        let until = samples(elapsed_ms.saturating_sub(PATIENCE_MS));
        while self.from < until {
            write(self.frames.pop_front().unwrap_or_default());
            self.from += 1;
        }
    }

    /// Takes the rest.
    pub(super) fn take_all(&mut self, mut write: impl FnMut([i16; 2])) {
        self.from += self.frames.len() as u64;
        self.frames.drain(..).for_each(&mut write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(stereo: &mut Stereo) -> Vec<[i16; 2]> {
        let mut out = Vec::new();
        stereo.take_all(|frame| out.push(frame));
        out
    }

    #[test]
    fn each_side_stands_at_its_place() {
        let mut stereo = Stereo::default();
        stereo.put(Side::A, 0, &[1, 2, 3]);
        stereo.put(Side::B, 2, &[7, 8]);
        stereo.put(Side::A, 3, &[4]);
        assert_eq!(all(&mut stereo), [[1, 0], [2, 0], [3, 7], [4, 8]]);
    }

    #[test]
    fn what_is_late_or_too_far_ahead_is_left_out() {
        let mut stereo = Stereo::default();
        stereo.put(Side::A, 0, &[1; 16]);
        let mut written = 0;
        stereo.take(PATIENCE_MS + 1, |_| written += 1);
        assert_eq!(written, 8, "a millisecond");
        stereo.put(Side::B, 6, &[5, 6, 7]);
        stereo.put(Side::B, 1 << 40, &[9]);
        let rest = all(&mut stereo);
        assert_eq!((rest.len(), rest[0]), (8, [1, 7]));
    }

    #[test]
    fn a_pause_of_both_is_silence() {
        let mut stereo = Stereo::default();
        let mut written = Vec::new();
        stereo.take(PATIENCE_MS + 2, |frame| written.push(frame));
        assert_eq!(written, [[0, 0]; 16]);
    }
}
