//! The numbers of a converted stream: sequence, time stamps and source as the far side sees them, whatever was left
//! out, put in or coded anew on the way (RFC 3550 section 5.1).

use crate::Micros;
use crate::rtp::RtpHeader;

/// The stream that leaves.
#[derive(Debug)]
pub(super) struct Numbering {
    ssrc: u32,
    /// Of the last packet sent.
    sequence: u16,
    timestamp: u32,
    sent_us: Micros,
    source: Option<Source>,
}

/// The stream that arrives, as far as numbers go.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    /// The highest number seen.
    highest: u16,
    /// Added to what arrives.
    shift: u16,
    /// Older packets belong to a numbering that was left.
    since: u16,
    /// Packets were left out or put in: the next one decides the shift.
    stale: bool,
    /// A time stamp that arrived and what it became.
    clock: (u32, u32),
}

/// Where a packet stands in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The newest so far.
    Next,
    /// It was overtaken.
    Late,
    /// The first of a stream.
    First,
}

impl Numbering {
    /// A stream of our own until one arrives.
    pub(super) fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            sent_us: 0,
            source: None,
        }
    }

    /// Sees a packet arrive.
    pub(super) fn note(&mut self, header: &RtpHeader) -> Place {
        match &mut self.source {
            Some(source) if source.ssrc == header.ssrc => {
                let ahead = header.sequence.wrapping_sub(source.highest);
                if ahead == 0 || ahead >= 0x8000 {
                    return Place::Late;
                }
                source.highest = header.sequence;
                Place::Next
            }
            Some(_) | None => {
                self.ssrc = header.ssrc;
                self.sequence = header.sequence.wrapping_sub(1);
                self.source = Some(Source {
                    ssrc: header.ssrc,
                    highest: header.sequence,
                    shift: 0,
                    since: header.sequence,
                    stale: false,
                    clock: (header.timestamp, header.timestamp),
                });
                Place::First
            }
        }
    }

    /// The packet that arrived goes nowhere.
    pub(super) fn leave_out(&mut self) {
        if let Some(source) = &mut self.source {
            source.stale = true;
        }
    }

    /// The number a packet that passes leaves with; None for one that came too late for its numbering.
    pub(super) fn passed(&mut self, header: &RtpHeader) -> Option<u16> {
        let last = self.sequence;
        let source = self.source.as_mut()?;
        if source.stale {
            source.stale = false;
            source.since = header.sequence;
            source.shift = last.wrapping_add(1).wrapping_sub(header.sequence);
        }
        if header.sequence.wrapping_sub(source.since) >= 0x8000 {
            return None;
        }
        Some(header.sequence.wrapping_add(source.shift))
    }

    /// The number of a packet made here.
    pub(super) fn next_made(&mut self) -> u16 {
        self.leave_out();
        self.sequence.wrapping_add(1)
    }

    /// What a time stamp of the arriving stream, at `from` Hz, is in the leaving one, at `to` Hz.
    pub(super) fn timestamp(&mut self, arrived: u32, (from, to): (u32, u32)) -> u32 {
        let Some(source) = &mut self.source else {
            return arrived;
        };
        let (before, became) = source.clock;
        let passed = i64::from(arrived.wrapping_sub(before) as i32);
        let passed = passed * i64::from(to) / i64::from(from.max(1));
        let leaves = became.wrapping_add(passed as u32);
        if passed > 0 {
            source.clock = (arrived, leaves);
        }
        leaves
    }

    /// The time stamp of something that begins now, at `rate` Hz.
    pub(super) fn timestamp_now(&self, rate: u32, now_us: Micros) -> u32 {
        let passed_us = now_us.saturating_sub(self.sent_us);
        let ticks = passed_us.saturating_mul(u64::from(rate)) / 1_000_000;
        match self.sent_us {
            0 => self.timestamp,
            _ => self.timestamp.wrapping_add(ticks as u32),
        }
    }

    /// A packet left with these numbers.
    pub(super) fn sent(&mut self, sequence: u16, timestamp: u32, now_us: Micros) {
        if sequence.wrapping_sub(self.sequence) < 0x8000 {
            self.sequence = sequence;
            self.timestamp = timestamp;
            self.sent_us = now_us;
        }
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }
}

/// A packet made here.
pub(super) fn packet(
    numbers: (u16, u32, u32),
    number: u8,
    marker: bool,
    payload: &[u8],
) -> Vec<u8> {
    let (sequence, timestamp, ssrc) = numbers;
    let mut packet = Vec::with_capacity(12 + payload.len());
    packet.push(0x80);
    packet.push(number & 0x7f | if marker { 0x80 } else { 0 });
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&timestamp.to_be_bytes());
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}

/// A packet that passes, with other numbers.
pub(super) fn renumbered(packet: &[u8], number: u8, (sequence, timestamp): (u16, u32)) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if let Some(kind) = packet.get_mut(1) {
        *kind = *kind & 0x80 | number & 0x7f;
    }
    if let Some(place) = packet.get_mut(2..4) {
        place.copy_from_slice(&sequence.to_be_bytes());
    }
    if let Some(place) = packet.get_mut(4..8) {
        place.copy_from_slice(&timestamp.to_be_bytes());
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sequence: u16, timestamp: u32) -> RtpHeader {
        RtpHeader {
            payload_type: 8,
            sequence,
            timestamp,
            ssrc: 7,
        }
    }

    #[test]
    fn what_is_left_out_leaves_no_gap() {
        let mut numbers = Numbering::new(1, 500, 0);
        let mut left = Vec::new();
        for (sequence, passes) in [
            (65_534, true),
            (65_535, true),
            (0, false),
            (1, false),
            (2, true),
            (0, true),
            (4, true),
            (3, true),
        ] {
            let header = header(sequence, 0);
            numbers.note(&header);
            if !passes {
                numbers.leave_out();
            } else if let Some(number) = numbers.passed(&header) {
                numbers.sent(number, 0, 0);
                left.push(number);
            }
        }
        assert_eq!(left, [65_534, 65_535, 0, 2, 1], "a loss stays a loss");
        assert_eq!(numbers.ssrc(), 7, "the source is the one that arrives");
        let made = numbers.next_made();
        assert_eq!(made, 3);
        numbers.sent(made, 0, 0);
        numbers.note(&header(5, 0));
        assert_eq!(numbers.passed(&header(5, 0)), Some(4));
    }

    #[test]
    fn clocks_are_kept_across_wraps() {
        let mut numbers = Numbering::new(1, 0, 0);
        let first = u32::MAX - 159;
        numbers.note(&header(1, first));
        assert_eq!(numbers.timestamp(first, (8_000, 48_000)), first);
        for step in 1..1_000u32 {
            let arrived = first.wrapping_add(step * 160);
            let leaves = numbers.timestamp(arrived, (8_000, 48_000));
            assert_eq!(leaves, first.wrapping_add(step * 960), "{step}");
        }
        let late = first.wrapping_add(990 * 160);
        let leaves = numbers.timestamp(late, (8_000, 48_000));
        assert_eq!(leaves, first.wrapping_add(990 * 960), "a late one");
    }
}
