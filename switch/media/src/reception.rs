//! What arrived of a stream: sequence numbers extended and losses (RFC 3550 appendices A.1, A.3), jitter (A.8).
//!
//! The relay reads no SDP, so the clock of a dynamic payload type is told from the stream itself: time stamps
//! against arrival over half a second, to the nearest rate in use. Jitter counts from then on.

use crate::Micros;
use crate::rtp::RtpHeader;

/// A forward jump beyond this is a new numbering, not a loss (RFC 3550 appendix A.1).
const MAX_DROPOUT: u16 = 3_000;
/// A packet this far behind is late; further, it belongs to a new numbering.
const MAX_MISORDER: u16 = 100;
/// Span over which an unknown clock is measured.
const CLOCK_SPAN_US: u64 = 500_000;
/// Longer pauses say nothing about a clock or about jitter (silence suppression, hold).
const PAUSE_US: u64 = 1_000_000;
/// RTP clocks of audio codecs in use, Hz.
const CLOCKS: [u32; 7] = [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000];

/// The state of one received stream; a new SSRC begins a new one and keeps the totals.
#[derive(Clone, Debug, Default)]
pub struct Reception {
    stream: Option<Stream>,
    lost_before: u64,
    jitter_us: u32,
}

#[derive(Clone, Debug)]
struct Stream {
    ssrc: u32,
    base: u32,
    highest: u32,
    received: u32,
    /// The number a new numbering would go on with (A.1's bad_seq).
    restart: Option<u16>,
    clock: Clock,
}

/// Time stamps against arrival.
#[derive(Clone, Copy, Debug)]
struct Clock {
    payload_type: u8,
    timestamp: u32,
    arrival_us: Micros,
    rate: u32,
    first: (u32, Micros),
    /// 16 times the jitter estimate, microseconds (A.8).
    scaled_jitter_us: u64,
}

impl Reception {
    /// Counts an accepted packet.
    pub fn count(&mut self, header: &RtpHeader, now_us: Micros) {
        match &mut self.stream {
            Some(stream) if stream.ssrc == header.ssrc => {
                if !stream.advance(header.sequence) {
                    self.lost_before += stream.lost();
                    stream.begin(header.sequence);
                }
                stream.clock.advance(header, now_us);
                self.jitter_us =
                    u32::try_from(stream.clock.scaled_jitter_us / 16).unwrap_or(u32::MAX);
            }
            _ => {
                self.lost_before += self.stream.take().map_or(0, |stream| stream.lost());
                self.stream = Some(Stream::new(header, now_us));
            }
        }
    }

    /// Packets expected and not received, over all streams of this side.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost_before + self.stream.as_ref().map_or(0, Stream::lost)
    }

    /// The stream that comes now, and its clock in Hz; 0 while that is not known.
    #[must_use]
    pub fn stream(&self) -> (Option<u32>, u32) {
        match &self.stream {
            Some(stream) => (Some(stream.ssrc), stream.clock.rate),
            None => (None, 0),
        }
    }

    /// Interarrival jitter of the last stream, microseconds.
    #[must_use]
    pub fn jitter_us(&self) -> u32 {
        self.jitter_us
    }
}

impl Stream {
    fn new(header: &RtpHeader, now_us: Micros) -> Self {
        let mut stream = Self {
            ssrc: header.ssrc,
            base: 0,
            highest: 0,
            received: 0,
            restart: None,
            clock: Clock::new(header, now_us),
        };
        stream.begin(header.sequence);
        stream
    }

    fn begin(&mut self, sequence: u16) {
        self.base = u32::from(sequence);
        self.highest = self.base;
        self.received = 1;
        self.restart = None;
    }

    /// False when two packets in a row say that the numbering began anew.
    fn advance(&mut self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub((self.highest & 0xffff) as u16);
        if ahead < MAX_DROPOUT {
            self.highest = self.highest.wrapping_add(u32::from(ahead));
        } else if ahead <= u16::MAX - MAX_MISORDER {
            if self.restart == Some(sequence) {
                return false;
            }
            self.restart = Some(sequence.wrapping_add(1));
            return true;
        }
        self.restart = None;
        self.received = self.received.wrapping_add(1);
        true
    }

    fn lost(&self) -> u64 {
        let expected = self.highest.wrapping_sub(self.base).wrapping_add(1);
        u64::from(expected.saturating_sub(self.received))
    }
}

impl Clock {
    fn new(header: &RtpHeader, now_us: Micros) -> Self {
        Self {
            payload_type: header.payload_type,
            timestamp: header.timestamp,
            arrival_us: now_us,
            rate: if header.payload_type < 96 { 8_000 } else { 0 },
            first: (header.timestamp, now_us),
            scaled_jitter_us: 0,
        }
    }

    fn advance(&mut self, header: &RtpHeader, now_us: Micros) {
        let elapsed_us = now_us.saturating_sub(self.arrival_us);
        if header.payload_type != self.payload_type || elapsed_us > PAUSE_US {
            let kept = self.scaled_jitter_us;
            *self = Self {
                scaled_jitter_us: kept,
                ..Self::new(header, now_us)
            };
            return;
        }
        let ticks = header.timestamp.wrapping_sub(self.timestamp) as i32;
        self.timestamp = header.timestamp;
        self.arrival_us = now_us;
        if self.rate == 0 {
            self.rate = self.measure(now_us);
            return;
        }
        let stated_us = i64::from(ticks) * 1_000_000 / i64::from(self.rate);
        let off_us = (i64::try_from(elapsed_us).unwrap_or(i64::MAX) - stated_us).unsigned_abs();
        // A jump of the time stamp is no jitter.
        if off_us < PAUSE_US {
            self.scaled_jitter_us =
                self.scaled_jitter_us + off_us - (self.scaled_jitter_us + 8) / 16;
        }
    }

    /// The nearest known clock once the span is long enough, else 0.
    fn measure(&self, now_us: Micros) -> u32 {
        let span_us = now_us.saturating_sub(self.first.1);
        if span_us < CLOCK_SPAN_US {
            return 0;
        }
        let ticks = u64::from(self.timestamp.wrapping_sub(self.first.0));
        let rate = ticks.saturating_mul(1_000_000) / span_us;
        CLOCKS
            .into_iter()
            .min_by_key(|clock| u64::from(*clock).abs_diff(rate))
            .unwrap_or(8_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16) -> RtpHeader {
        RtpHeader {
            payload_type: 0,
            sequence,
            timestamp: u32::from(sequence) * 160,
            ssrc: 1,
        }
    }

    #[test]
    fn losses() {
        let long: Vec<u16> = (0..5_000u32)
            .map(|number| (65_000 + number) as u16)
            .collect();
        for (name, sequences, lost) in [
            ("in order", vec![1, 2, 3, 4], 0),
            ("one missing", vec![1, 2, 4], 1),
            ("late, not lost", vec![1, 2, 4, 3], 0),
            ("over the wrap", vec![65_534, 65_535, 0, 2], 1),
            ("five thousand over the wrap", long, 0),
            ("doubled", vec![1, 2, 2, 2, 4], 0),
            (
                "a jump is a new numbering",
                vec![1, 2, 40_000, 40_001, 40_003],
                1,
            ),
            ("one stray number", vec![1, 2, 40_000, 3, 4], 0),
            (
                "losses before a new numbering stay",
                vec![1, 5, 40_000, 40_001],
                3,
            ),
        ] {
            let mut reception = Reception::default();
            for (index, sequence) in sequences.into_iter().enumerate() {
                reception.count(&packet(sequence), index as u64 * 20_000);
            }
            assert_eq!(reception.lost(), lost, "{name}");
        }
    }

    #[test]
    fn a_new_source_keeps_the_losses() {
        let mut reception = Reception::default();
        for sequence in [1, 4] {
            reception.count(&packet(sequence), 0);
        }
        reception.count(
            &RtpHeader {
                ssrc: 2,
                ..packet(900)
            },
            0,
        );
        reception.count(
            &RtpHeader {
                ssrc: 2,
                ..packet(902)
            },
            0,
        );
        assert_eq!(reception.lost(), 3);
    }

    fn jitter(payload_type: u8, step: u32, shake_us: u64) -> u32 {
        let mut reception = Reception::default();
        for index in 0..500u32 {
            let header = RtpHeader {
                payload_type,
                sequence: index as u16,
                timestamp: index * step,
                ssrc: 1,
            };
            let shake = if index % 2 == 0 { 0 } else { shake_us };
            reception.count(&header, u64::from(index) * 20_000 + shake);
        }
        reception.jitter_us()
    }

    #[test]
    fn jitter_settles_at_the_mean_deviation() {
        for (name, payload_type, step, shake_us, expected) in [
            ("steady", 0, 160, 0, 0),
            ("5 ms to and fro", 0, 160, 5_000, 5_000),
            ("opus, clock found", 111, 960, 3_000, 3_000),
            ("ilbc, clock found", 97, 160, 3_000, 3_000),
        ] {
            let found = jitter(payload_type, step, shake_us);
            assert!(found.abs_diff(expected) <= 50, "{name}: {found}");
        }
    }

    #[test]
    fn pauses_and_jumps_are_no_jitter() {
        let mut reception = Reception::default();
        reception.count(&packet(1), 0);
        reception.count(&packet(2), 20_000);
        reception.count(&packet(3), 60_000_000);
        reception.count(
            &RtpHeader {
                timestamp: 4_000_000_000,
                ..packet(4)
            },
            60_020_000,
        );
        assert_eq!(reception.jitter_us(), 0);
    }
}
