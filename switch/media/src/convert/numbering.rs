//! The numbers of a converted stream: sequence, time stamps and source as the far side sees them, whatever was left
//! out, put in or coded anew on the way (RFC 3550 section 5.1).

use crate::Micros;
use crate::rtcp::SenderInfo;
use crate::rtp::RtpHeader;

/// A jump ahead beyond this is a new numbering (RFC 3550 appendix A.1).
const MAX_DROPOUT: u16 = 3_000;
/// So far behind a packet is late; further, it belongs to a new numbering.
const MAX_MISORDER: u16 = 100;
/// How far back the current shift holds.
const SHIFT_REACH: u16 = 0x2000;
/// A time stamp that is further from the time that passed begins anew, microseconds.
const LEAP_US: i64 = 10_000_000;
/// Clocks of audio, Hz.
const SLOWEST: u32 = 8_000;
const FASTEST: u32 = 48_000;

/// The stream that leaves.
#[derive(Debug)]
pub(super) struct Numbering {
    ssrc: u32,
    /// Of the last packet sent.
    sequence: u16,
    timestamp: u32,
    sent_us: Micros,
    /// Sounds stood in for the stream since it was heard last, in packets of so many ticks; 0: none did.
    stood_in: u32,
    source: Option<Source>,
    /// Sent under this name, and the bytes of their payloads.
    packets: u32,
    octets: u32,
}

/// The stream that arrives, as far as numbers go.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    /// The highest number seen, and how often it has wrapped.
    highest: u16,
    cycles: u16,
    /// The number that a new numbering would go on with.
    restart: Option<u16>,
    /// Added to what arrives.
    shift: u16,
    /// Older packets belong to a numbering that was left.
    since: u16,
    /// Packets were left out or put in: the next one decides the shift.
    stale: bool,
    /// A time stamp that arrived and what it became; None: the next one goes on from what was sent last.
    clock: Option<(u32, u32)>,
}

impl Source {
    fn new(header: &RtpHeader) -> Self {
        Self {
            ssrc: header.ssrc,
            highest: header.sequence,
            cycles: 0,
            restart: None,
            shift: 0,
            since: header.sequence,
            stale: false,
            clock: Some((header.timestamp, header.timestamp)),
        }
    }

    fn advance(&mut self, sequence: u16) -> Place {
        let ahead = sequence.wrapping_sub(self.highest);
        if ahead == 0 || ahead > u16::MAX - MAX_MISORDER {
            self.restart = None;
            return Place::Late;
        }
        if ahead < MAX_DROPOUT {
            self.restart = None;
            self.cycles = self.cycles.wrapping_add(u16::from(sequence < self.highest));
            self.highest = sequence;
            if sequence.wrapping_sub(self.since) > SHIFT_REACH {
                self.since = sequence.wrapping_sub(SHIFT_REACH);
            }
            return Place::Next;
        }
        if self.restart != Some(sequence) {
            self.restart = Some(sequence.wrapping_add(1));
            return Place::Stray;
        }
        *self = Self {
            ssrc: self.ssrc,
            highest: sequence,
            cycles: self.cycles,
            restart: None,
            shift: 0,
            since: sequence,
            stale: true,
            clock: None,
        };
        Place::First
    }
}

/// Where a packet stands in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The newest so far.
    Next,
    /// It was overtaken.
    Late,
    /// The first of a stream, or of a new numbering of it.
    First,
    /// Far from all others: it goes nowhere.
    Stray,
}

impl Numbering {
    /// A stream of our own until one arrives.
    pub(super) fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            sent_us: 0,
            stood_in: 0,
            source: None,
            packets: 0,
            octets: 0,
        }
    }

    /// Sees a packet arrive.
    pub(super) fn note(&mut self, header: &RtpHeader) -> Place {
        match &mut self.source {
            Some(source) if source.ssrc == header.ssrc => source.advance(header.sequence),
            Some(_) | None => {
                (self.ssrc, self.packets, self.octets) = (header.ssrc, 0, 0);
                self.sequence = header.sequence.wrapping_sub(1);
                self.timestamp = header.timestamp;
                self.source = Some(Source::new(header));
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
    pub(super) fn timestamp(&mut self, arrived: u32, clocks: (u32, u32), now_us: Micros) -> u32 {
        let frame = std::mem::take(&mut self.stood_in);
        let leaves = self.mapped(arrived, clocks, now_us);
        let behind = leaves.wrapping_sub(self.timestamp) as i32 <= 0;
        if frame == 0 || !behind {
            return leaves;
        }
        // Its clock stood still meanwhile, and the far side must not hear of old times.
        let leaves = self.timestamp.wrapping_add(frame);
        if let Some(source) = &mut self.source {
            source.clock = Some((arrived, leaves));
        }
        leaves
    }

    fn mapped(&mut self, arrived: u32, (from, to): (u32, u32), now_us: Micros) -> u32 {
        let elapsed_us = match self.sent_us {
            0 => 0,
            sent_us => now_us.saturating_sub(sent_us),
        };
        // What passes as it is keeps its time stamps: how fast its clock goes is not known, within these bounds.
        let known = from > 1;
        let now = self.timestamp_now(if known { to } else { SLOWEST }, now_us);
        let Some(source) = &mut self.source else {
            return arrived;
        };
        let passed = |before: u32| i64::from(arrived.wrapping_sub(before) as i32);
        let goes_on = |(before, _): &(u32, u32)| {
            let passed_us = passed(*before) * 1_000_000 / i64::from(from.max(1));
            (passed_us - i64::try_from(elapsed_us).unwrap_or(i64::MAX)).abs() < LEAP_US
        };
        let leap_us = i64::try_from(elapsed_us)
            .unwrap_or(i64::MAX)
            .saturating_add(LEAP_US);
        let may_go_on = |(before, _): &(u32, u32)| {
            passed(*before).abs() < leap_us.saturating_mul(i64::from(FASTEST)) / 1_000_000
        };
        let clock = source.clock.filter(|clock| match known {
            true => goes_on(clock),
            false => may_go_on(clock),
        });
        let Some((before, became)) = clock else {
            source.clock = Some((arrived, now));
            return now;
        };
        let ticks = passed(before) * i64::from(to) / i64::from(from.max(1));
        let leaves = became.wrapping_add(ticks as u32);
        if ticks > 0 {
            // By whole ticks of both clocks: nothing is lost to rounding, however long the stream is.
            let arrived =
                before.wrapping_add((ticks * i64::from(from) / i64::from(to.max(1))) as u32);
            source.clock = Some((arrived, leaves));
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

    /// A sound was sent in the place of what arrives, in packets of so many ticks.
    pub(super) fn stood_in(&mut self, ticks: u32) {
        self.stood_in = ticks;
    }

    /// The time stamp of a stream of frames of `ticks` that begins now, at `rate` Hz: whole frames behind what was sent
    /// last.
    pub(super) fn timestamp_after(&self, ticks: u32, rate: u32, now_us: Micros) -> u32 {
        if self.sent_us == 0 {
            return self.timestamp;
        }
        let passed = self
            .timestamp_now(rate, now_us)
            .wrapping_sub(self.timestamp);
        let frames = (passed.saturating_add(ticks / 2) / ticks.max(1)).max(1);
        self.timestamp.wrapping_add(frames.wrapping_mul(ticks))
    }

    /// When a packet left last; 0: none did.
    pub(super) fn sent_us(&self) -> Micros {
        self.sent_us
    }

    /// Packets that left, for the reports on them.
    pub(super) fn count(&mut self, packets: &[Vec<u8>]) {
        for packet in packets {
            let octets = RtpHeader::open(packet).map_or(0, |(_, payload)| payload.len());
            self.packets = self.packets.wrapping_add(1);
            self.octets = self.octets.wrapping_add(octets as u32);
        }
    }

    /// What the source's report of `timestamp` says of the leaving stream.
    pub(super) fn report(
        &self,
        timestamp: u32,
        (from, to): (u32, u32),
        ssrc: u32,
    ) -> Option<SenderInfo> {
        let source = self.source.filter(|source| source.ssrc == ssrc)?;
        let (before, became) = source.clock?;
        let passed = i64::from(timestamp.wrapping_sub(before) as i32);
        let passed = passed * i64::from(to) / i64::from(from.max(1));
        Some(SenderInfo {
            timestamp: became.wrapping_add(passed as u32),
            packets: self.packets,
            octets: self.octets,
        })
    }

    /// The highest number that came from a source, as its own reports count.
    pub(super) fn highest(&self, ssrc: u32) -> Option<u32> {
        let source = self.source.filter(|source| source.ssrc == ssrc)?;
        Some(u32::from(source.cycles) << 16 | u32::from(source.highest))
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
        let now = |step: u32| u64::from(step) * 20_000 + 1;
        numbers.note(&header(1, first));
        assert_eq!(numbers.timestamp(first, (8_000, 48_000), 0), first);
        for step in 1..1_000u32 {
            let arrived = first.wrapping_add(step * 160);
            let leaves = numbers.timestamp(arrived, (8_000, 48_000), now(step));
            assert_eq!(leaves, first.wrapping_add(step * 960), "{step}");
        }
        let late = first.wrapping_add(990 * 160);
        let leaves = numbers.timestamp(late, (8_000, 48_000), now(1_000));
        assert_eq!(leaves, first.wrapping_add(990 * 960), "a late one");
    }

    /// A source that sends for a day, with numbers that wrap a hundred times and clocks that wrap too.
    #[test]
    fn a_day_passes_without_drift() {
        for (from, to) in [(8_000u32, 48_000u32), (48_000, 8_000), (48_000, 48_000)] {
            let (first, mut arrived) = (u32::MAX - 7, u32::MAX - 7);
            let mut numbers = Numbering::new(1, 0, 0);
            let mut expected = 40_000u16;
            for at in 0..24 * 3_600 * 50u64 {
                let (now_us, header) = (
                    1 + at * 20_000,
                    header(40_000u16.wrapping_add(at as u16), arrived),
                );
                assert_ne!(numbers.note(&header), Place::Stray);
                let sequence = numbers.passed(&header).unwrap();
                let leaves = numbers.timestamp(arrived, (from, to), now_us);
                numbers.sent(sequence, leaves, now_us);
                let exact = at * u64::from(to) / 50;
                assert_eq!(
                    (sequence, leaves),
                    (expected, first.wrapping_add(exact as u32)),
                    "{from} to {to}, {at}"
                );
                expected = expected.wrapping_add(1);
                arrived = arrived.wrapping_add(from / 50);
            }
        }
    }

    #[test]
    fn a_numbering_that_begins_anew_goes_on_where_the_old_one_was() {
        // After a hold some phones count from elsewhere, by sequence, by clock, or both.
        for (name, sequence, timestamp) in [
            ("numbers ahead", 30_000, 1_000 + 160 * 10),
            ("numbers behind", 65_000, 1_000 + 160 * 10),
            ("both", 7, 4_000_000_000),
            ("the clock alone", 110, 3_000_000_000),
        ] {
            let mut numbers = Numbering::new(1, 0, 0);
            let mut left = Vec::new();
            let old = (0..10u16).map(|at| (100 + at, 1_000 + u32::from(at) * 160));
            let new = (0..10u16).map(|at| {
                let ticks = u32::from(at) * 160;
                (sequence + at, u32::wrapping_add(timestamp, ticks))
            });
            for (at, (sequence, arrived)) in old.chain(new).enumerate() {
                let now_us = 1 + at as u64 * 20_000;
                let header = header(sequence, arrived);
                if numbers.note(&header) == Place::Stray {
                    continue;
                }
                let sequence = numbers.passed(&header).unwrap();
                let leaves = numbers.timestamp(arrived, (8_000, 8_000), now_us);
                numbers.sent(sequence, leaves, now_us);
                left.push((sequence, leaves));
            }
            assert!(left.len() >= 19, "{name}: one at most is lost");
            for pair in left.windows(2) {
                assert_eq!(pair[1].0.wrapping_sub(pair[0].0), 1, "{name}: {left:?}");
                let ticks = pair[1].1.wrapping_sub(pair[0].1);
                assert!((160..=320).contains(&ticks), "{name}: {left:?}");
            }
        }
    }
}
