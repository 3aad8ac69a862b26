//! RTP and RTCP headers: the least that must be read before a packet may pass (RFC 3550 sections 5.1 and 6.4).
//!
//! Anything else that reaches an audio port (STUN, keep-alives, rubbish) is not relayed and never latches.

use crate::gate::Channel;

/// The fields of an RTP header the relay counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// 0 to 127.
    pub payload_type: u8,
    /// Wraps.
    pub sequence: u16,
    /// In units of the codec's clock; wraps.
    pub timestamp: u32,
    /// The stream's random name.
    pub ssrc: u32,
}

impl RtpHeader {
    /// Reads a version 2 packet whose contributing sources, extension and padding fit its length (RFC 3550
    /// appendix A.1); None for anything else, RTCP included.
    #[must_use]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        Self::open(packet).map(|(header, _)| header)
    }

    /// As [`parse`](Self::parse), with the payload: what stands between header and padding (RFC 3550 section 5.1).
    #[must_use]
    pub fn open(packet: &[u8]) -> Option<(Self, &[u8])> {
        let (header, body) = Self::split(packet)?;
        if packet.first()? & 0x20 == 0 {
            return Some((header, body));
        }
        let padding = usize::from(*body.last()?);
        let length = body.len().checked_sub(padding).filter(|_| padding > 0)?;
        Some((header, body.get(..length)?))
    }

    /// The header, and what follows it: padding is not looked at, which protection hides.
    pub(crate) fn split(packet: &[u8]) -> Option<(Self, &[u8])> {
        let (&[flags, kind, s1, s2, t1, t2, t3, t4, r1, r2, r3, r4], rest) =
            packet.split_first_chunk::<12>()?;
        if flags >> 6 != 2 || is_rtcp_type(kind) {
            return None;
        }
        let mut body = rest.get(usize::from(flags & 0x0f) * 4..)?;
        if flags & 0x10 != 0 {
            let (&[_, _, w1, w2], rest) = body.split_first_chunk::<4>()?;
            body = rest.get(usize::from(u16::from_be_bytes([w1, w2])) * 4..)?;
        }
        let header = Self {
            payload_type: kind & 0x7f,
            sequence: u16::from_be_bytes([s1, s2]),
            timestamp: u32::from_be_bytes([t1, t2, t3, t4]),
            ssrc: u32::from_be_bytes([r1, r2, r3, r4]),
        };
        Some((header, body))
    }
}

/// The sender named by a datagram of RTCP type, whatever its length claims: protection adds a tail.
pub(crate) fn protected_rtcp_sender(packet: &[u8]) -> Option<u32> {
    let (&[flags, kind, _, _, r1, r2, r3, r4], _) = packet.split_first_chunk::<8>()?;
    (flags >> 6 == 2 && is_rtcp_type(kind)).then_some(u32::from_be_bytes([r1, r2, r3, r4]))
}

/// What a datagram on a port shared by both is (RFC 5761 section 4).
pub(crate) fn channel_of(packet: &[u8]) -> Channel {
    match packet {
        [_, kind, ..] if is_rtcp_type(*kind) => Channel::Rtcp,
        _ => Channel::Rtp,
    }
}

/// The sender of a compound RTCP packet; None if it is no version 2 RTCP (RFC 3550 appendix A.2).
#[must_use]
pub fn rtcp_sender(packet: &[u8]) -> Option<u32> {
    let (&[flags, kind, l1, l2, r1, r2, r3, r4], _) = packet.split_first_chunk::<8>()?;
    let length = (usize::from(u16::from_be_bytes([l1, l2])) + 1) * 4;
    let fits = length >= 8 && length <= packet.len();
    (flags >> 6 == 2 && is_rtcp_type(kind) && fits).then_some(u32::from_be_bytes([r1, r2, r3, r4]))
}

/// RFC 5761 section 4: these second bytes are RTCP on any port.
fn is_rtcp_type(kind: u8) -> bool {
    matches!(kind, 192..=223)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets() {
        let plain = [0x80, 0x00, 1, 2, 0, 0, 0, 160, 9, 8, 7, 6];
        let with = |first: u8, tail: &[u8]| {
            let mut packet = plain.to_vec();
            packet[0] = first;
            packet.extend_from_slice(tail);
            packet
        };
        for (name, packet, accepted) in [
            ("header alone", plain.to_vec(), true),
            ("with audio", with(0x80, &[0x55; 160]), true),
            ("empty", Vec::new(), false),
            ("eleven bytes", plain[..11].to_vec(), false),
            ("version 1", with(0x40, &[]), false),
            ("version 3", with(0xc0, &[]), false),
            ("one source", with(0x81, &[0; 4]), true),
            ("sources beyond the end", with(0x82, &[0; 4]), false),
            (
                "extension",
                with(0x90, &[0xbe, 0xde, 0, 1, 1, 2, 3, 4]),
                true,
            ),
            (
                "extension beyond the end",
                with(0x90, &[0xbe, 0xde, 0, 2, 1, 2, 3, 4]),
                false,
            ),
            ("extension cut off", with(0x90, &[0xbe]), false),
            ("padding", with(0xa0, &[1, 0, 0, 3]), true),
            ("padding of nothing", with(0xa0, &[1, 0, 0, 0]), false),
            ("padding beyond the start", with(0xa0, &[1, 0, 0, 5]), false),
            ("padding without a body", with(0xa0, &[]), false),
            ("RTCP", [&[0x80, 200, 0, 6][..], &[0; 24]].concat(), false),
            (
                "STUN",
                [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat(),
                false,
            ),
        ] {
            assert_eq!(RtpHeader::parse(&packet).is_some(), accepted, "{name}");
        }
        let header = RtpHeader::parse(&[0x80, 0x88, 1, 2, 0, 0, 0, 160, 9, 8, 7, 6]);
        assert_eq!(
            header,
            Some(RtpHeader {
                payload_type: 8,
                sequence: 258,
                timestamp: 160,
                ssrc: 0x0908_0706
            })
        );
    }

    #[test]
    fn padding_is_no_payload() {
        let packet = |tail: &[u8]| [&[0xa0, 0, 1, 2, 0, 0, 0, 160, 9, 8, 7, 6][..], tail].concat();
        for (tail, payload) in [
            (&[1, 2, 0, 0, 3][..], Some(&[1, 2][..])),
            (&[0, 0, 0, 4], Some(&[])),
            (&[1, 2, 0], None),
            (&[1, 2, 9], None),
            (&[], None),
        ] {
            let packet = packet(tail);
            assert_eq!(RtpHeader::open(&packet).map(|(_, body)| body), payload);
        }
    }

    #[test]
    fn reports() {
        for (name, packet, sender) in [
            (
                "receiver report",
                vec![0x80, 201, 0, 1, 0, 0, 0, 7],
                Some(7),
            ),
            (
                "compound",
                vec![0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 202, 0, 1, 0, 0, 0, 7],
                Some(7),
            ),
            ("longer than it is", vec![0x80, 201, 0, 2, 0, 0, 0, 7], None),
            ("no sender", vec![0x80, 201, 0, 0, 0, 0, 0, 7], None),
            ("audio", vec![0x80, 0, 0, 1, 0, 0, 0, 7], None),
            ("version 1", vec![0x40, 201, 0, 1, 0, 0, 0, 7], None),
            ("short", vec![0x80, 201, 0, 1], None),
        ] {
            assert_eq!(rtcp_sender(&packet), sender, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(packet in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let _ = (RtpHeader::parse(&packet), rtcp_sender(&packet));
        }
    }
}
