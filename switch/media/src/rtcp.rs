//! RTCP reports that pass a side: when a sender report went to it, and what it says of what it was sent (RFC 3550
//! sections 6.4.1 and 6.4.2). The round trip is the one between this relay and the side.

use tandem_sdp::relay::Heard;

use crate::Micros;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
/// Sender reports remembered per side: answers come within a few of them.
const KEPT: usize = 4;
/// A longer round trip is a clock gone wrong.
const ROUND_TRIP_MAX_US: u64 = 10_000_000;

/// One reception report block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Of which stream.
    pub ssrc: u32,
    /// Packets lost since it began; repeated ones may make it negative.
    pub lost: i32,
    /// In units of the stream's clock.
    pub jitter: u32,
    /// Middle of the NTP time of the last sender report; 0: there was none.
    pub last_report: u32,
    /// Between that and this report, in 1/65536 s.
    pub delay: u32,
}

/// What a compound packet says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The middle 32 bits of the NTP time of its sender report.
    pub sent: Option<u32>,
    /// Its blocks.
    pub blocks: Vec<Block>,
}

impl Report {
    /// Reads a compound packet as far as it is well formed; other packet types are passed over.
    #[must_use]
    pub fn read(mut packet: &[u8]) -> Self {
        let mut report = Self::default();
        while let Some((&[flags, kind, l1, l2], _)) = packet.split_first_chunk::<4>() {
            let length = (usize::from(u16::from_be_bytes([l1, l2])) + 1) * 4;
            let Some((this, rest)) = packet.split_at_checked(length) else {
                break;
            };
            if flags >> 6 != 2 {
                break;
            }
            let body = this.get(8..).unwrap_or_default();
            let blocks = match kind {
                SENDER_REPORT => {
                    report.sent = body.get(2..6).map(word);
                    body.get(20..)
                }
                RECEIVER_REPORT => Some(body),
                _ => None,
            };
            let count = usize::from(flags & 0x1f);
            let whole = blocks.unwrap_or_default().chunks_exact(24).take(count);
            report.blocks.extend(whole.filter_map(Block::read));
            packet = rest;
        }
        report
    }
}

impl Block {
    fn read(bytes: &[u8]) -> Option<Self> {
        let lost = word(bytes.get(4..8)?) << 8;
        Some(Self {
            ssrc: word(bytes.get(..4)?),
            // 24 bits with a sign.
            lost: (lost as i32) >> 8,
            jitter: word(bytes.get(12..16)?),
            last_report: word(bytes.get(16..20)?),
            delay: word(bytes.get(20..24)?),
        })
    }
}

/// What a sender report says of the stream it comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// The RTP time stamp of its moment.
    pub timestamp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Bytes of their payloads.
    pub octets: u32,
}

/// What a block says in the numbers of the stream it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Highest number, wraps above.
    pub highest: u32,
    /// In units of the stream's clock.
    pub jitter: u32,
}

/// Has a report speak of streams as they are on the other side of a conversion: `sent` of the one of its sender
/// (its name and time stamp), `heard` of those it received (name and jitter). None leaves them as they are.
pub fn restate(
    mut packet: &mut [u8],
    sent: impl Fn(u32, u32) -> Option<SenderInfo>,
    heard: impl Fn(u32, u32) -> Option<Received>,
) {
    while let Some(&[flags, kind, l1, l2]) = packet.first_chunk::<4>() {
        let length = (usize::from(u16::from_be_bytes([l1, l2])) + 1) * 4;
        let Some((this, rest)) = packet.split_at_mut_checked(length) else {
            return;
        };
        if flags >> 6 != 2 {
            return;
        }
        let blocks = match kind {
            SENDER_REPORT => {
                restate_sender(this, &sent);
                28
            }
            RECEIVER_REPORT => 8,
            _ => length,
        };
        let count = usize::from(flags & 0x1f);
        let blocks = this.get_mut(blocks..).unwrap_or_default();
        for block in blocks.chunks_exact_mut(24).take(count) {
            let (ssrc, jitter) = (word(block), word(block.get(12..).unwrap_or_default()));
            if let Some(received) = heard(ssrc, jitter) {
                write(block, 8, received.highest);
                write(block, 12, received.jitter);
            }
        }
        packet = rest;
    }
}

fn restate_sender(report: &mut [u8], sent: impl Fn(u32, u32) -> Option<SenderInfo>) {
    let at = |offset: usize| report.get(offset..offset + 4).map(word);
    let (Some(ssrc), Some(timestamp), Some(_)) = (at(4), at(16), at(24)) else {
        return;
    };
    if let Some(info) = sent(ssrc, timestamp) {
        write(report, 16, info.timestamp);
        write(report, 20, info.packets);
        write(report, 24, info.octets);
    }
}

fn write(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

fn word(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .take(4)
        .fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// The reports exchanged with one side.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    sent: [(u32, Micros); KEPT],
    next: usize,
    ssrc: Option<u32>,
    lost_before: u64,
    heard: Heard,
}

impl Reports {
    /// A sender report went to the side.
    pub fn note_sent(&mut self, report: u32, now_us: Micros) {
        if let Some(place) = self.sent.get_mut(self.next % KEPT) {
            *place = (report, now_us);
        }
        self.next = (self.next + 1) % KEPT;
    }

    /// The side's word on the stream it is sent. `rate`: the stream's clock in Hz, 0 if not known.
    pub fn note_heard(&mut self, block: &Block, rate: u32, now_us: Micros) {
        if self.ssrc != Some(block.ssrc) {
            self.ssrc = Some(block.ssrc);
            self.lost_before = self.heard.lost;
        }
        let lost = u64::try_from(block.lost).unwrap_or(0);
        self.heard.reports = self.heard.reports.saturating_add(1);
        self.heard.lost = self.lost_before.saturating_add(lost);
        if let Some(us) = (u64::from(block.jitter) * 1_000_000).checked_div(u64::from(rate)) {
            self.heard.jitter_us = u32::try_from(us).unwrap_or(u32::MAX);
        }
        if let Some(us) = self.round_trip_us(block, now_us) {
            self.heard.round_trip_us = us;
        }
    }

    fn round_trip_us(&self, block: &Block, now_us: Micros) -> Option<u32> {
        let (_, sent_us) = self
            .sent
            .iter()
            .find(|(report, _)| *report != 0 && *report == block.last_report)?;
        let kept_us = u64::from(block.delay) * 1_000_000 / 65_536;
        let trip_us = now_us.saturating_sub(*sent_us).checked_sub(kept_us)?;
        u32::try_from(trip_us.clamp(1, ROUND_TRIP_MAX_US))
            .ok()
            .filter(|_| trip_us < ROUND_TRIP_MAX_US)
    }

    /// The side's last word.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(ssrc: u32, lost: i32, last_report: u32, delay: u32) -> Vec<u8> {
        let mut bytes = ssrc.to_be_bytes().to_vec();
        bytes.extend((lost as u32 & 0x00ff_ffff).to_be_bytes());
        for word in [7, 160, last_report, delay] {
            bytes.extend(u32::to_be_bytes(word));
        }
        bytes
    }

    fn receiver_report(blocks: &[Vec<u8>]) -> Vec<u8> {
        let words = 1 + 6 * blocks.len();
        let mut packet = vec![0x80 | blocks.len() as u8, 201, 0, words as u8, 0, 0, 0, 9];
        packet.extend(blocks.concat());
        packet
    }

    fn sender_report(ntp: u64) -> Vec<u8> {
        let mut packet = vec![0x80, 200, 0, 6, 0, 0, 0, 9];
        packet.extend(ntp.to_be_bytes());
        packet.extend([0; 12]);
        packet
    }

    #[test]
    fn compound_packets() {
        let compound = [
            sender_report(0x1111_2222_3333_4444),
            vec![0x81, 202, 0, 1, 0, 0, 0, 9],
            receiver_report(&[block(1, -3, 5, 6), block(2, 8_000_000, 0, 0)]),
        ]
        .concat();
        let report = Report::read(&compound);
        assert_eq!(report.sent, Some(0x2222_3333));
        let told: Vec<_> = report.blocks.iter().map(|b| (b.ssrc, b.lost)).collect();
        assert_eq!(told, [(1, -3), (2, 8_000_000)]);
        assert_eq!(
            (report.blocks[0].jitter, report.blocks[0].last_report),
            (160, 5)
        );
        for length in 0..compound.len() {
            let _ = Report::read(&compound[..length]);
        }
        let mut more_than_there_are = receiver_report(&[block(1, 0, 0, 0)]);
        more_than_there_are[0] |= 0x1f;
        assert_eq!(Report::read(&more_than_there_are).blocks.len(), 1);
    }

    #[test]
    fn the_round_trip_is_the_time_since_the_report_less_the_peers_own() {
        let heard = |last_report, delay_ms: u32, now_us| {
            let mut reports = Reports::default();
            for (report, at) in [(7, 500_000), (8, 1_000_000)] {
                reports.note_sent(report, at);
            }
            let block = Block {
                ssrc: 1,
                lost: 4,
                jitter: 160,
                last_report,
                delay: delay_ms * 65_536 / 1_000,
            };
            reports.note_heard(&block, 8_000, now_us);
            reports.heard()
        };
        for (name, last_report, delay_ms, now_us, expected_ms) in [
            ("of the last", 8, 250, 1_330_000, 80),
            ("of the one before", 7, 250, 1_330_000, 580),
            ("of none", 0, 250, 1_330_000, 0),
            ("of one never sent", 9, 250, 1_330_000, 0),
            ("kept longer than there was time", 8, 500, 1_330_000, 0),
            ("an hour", 8, 0, 3_600_000_000, 0),
        ] {
            let found = heard(last_report, delay_ms, now_us);
            let off = found.round_trip_us.abs_diff(expected_ms * 1_000);
            assert!(off < 50, "{name}: {found:?}");
            assert_eq!((found.lost, found.jitter_us), (4, 20_000), "{name}");
        }
    }

    #[test]
    fn losses_of_all_streams_add_up_and_never_fall_below_nothing() {
        let mut reports = Reports::default();
        for (ssrc, lost, expected) in [(1, 5, 5), (1, 9, 9), (2, 1, 10), (2, -4, 9), (2, 3, 12)] {
            let block = Block {
                ssrc,
                lost,
                jitter: 0,
                last_report: 0,
                delay: 0,
            };
            reports.note_heard(&block, 0, 0);
            assert_eq!(reports.heard().lost, expected, "stream {ssrc}, {lost}");
        }
        assert_eq!(reports.heard().reports, 5);
    }

    #[test]
    fn reports_are_restated_and_nothing_else() {
        let mut compound = [
            sender_report(0x1111_2222_3333_4444),
            receiver_report(&[block(1, -3, 5, 6), block(2, 9, 0, 0)]),
            vec![0x81, 202, 0, 1, 0, 0, 0, 9],
        ]
        .concat();
        let before = compound.clone();
        let info = SenderInfo {
            timestamp: 0xaaaa_aaaa,
            packets: 0xbbbb_bbbb,
            octets: 0xcccc_cccc,
        };
        let received = Received {
            highest: 0xdddd_dddd,
            jitter: 0xeeee_eeee,
        };
        restate(
            &mut compound,
            |ssrc, _| (ssrc == 9).then_some(info),
            |ssrc, jitter| (ssrc == 2 && jitter == 160).then_some(received),
        );
        let changed: Vec<usize> = (0..compound.len())
            .filter(|at| compound[*at] != before[*at])
            .collect();
        let block = 28 + 8 + 24;
        let expected = (16..28).chain(block + 8..block + 16);
        assert_eq!(changed, expected.collect::<Vec<_>>());
        for length in 0..compound.len() {
            restate(
                &mut compound[..length],
                |_, _| Some(info),
                |_, _| Some(received),
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_restated(mut packet in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let info = SenderInfo { timestamp: 1, packets: 2, octets: 3 };
            let received = Received { highest: 4, jitter: 5 };
            restate(&mut packet, |_, _| Some(info), |_, _| Some(received));
        }

        #[test]
        fn any_bytes(packet in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = Report::read(&packet);
        }
    }
}
