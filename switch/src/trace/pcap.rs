//! A trace as a capture file: raw IP packets with a UDP header, whatever the transport was.
//!
//! libpcap's classic format, microseconds, little-endian, LINKTYPE_RAW (101). TCP, TLS and WebSocket messages are
//! written as if they had come by UDP, so that Wireshark shows SIP without keys or reassembly.

use super::{Direction, Kept};
use std::net::{IpAddr, SocketAddr};

const LINKTYPE_RAW: u32 = 101;
const UDP: u8 = 17;
const UDP_HEADER: usize = 8;
/// What IPv4 leaves for a UDP payload; a longer message is cut.
const LARGEST: usize = 65_507;

/// The file.
pub(super) fn write(messages: &[Kept]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xA1B2_C3D4_u32.to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    file.extend([0; 8]);
    file.extend(262_144_u32.to_le_bytes());
    file.extend(LINKTYPE_RAW.to_le_bytes());
    for message in messages {
        let packet = packet(message);
        let at_ms = message.at.0.max(0);
        let seconds = u32::try_from(at_ms / 1_000).unwrap_or(u32::MAX);
        let micros = u32::try_from(at_ms % 1_000 * 1_000).unwrap_or_default();
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        for word in [seconds, micros, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

fn packet(message: &Kept) -> Vec<u8> {
    let (from, to) = match message.direction {
        Direction::In => (message.remote, message.local),
        Direction::Out => (message.local, message.remote),
    };
    let payload = &message.bytes[..message.bytes.len().min(LARGEST)];
    match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            let addresses = [source.octets(), target.octets()].concat();
            let udp = udp(from, to, &addresses, payload);
            let mut header = vec![0x45, 0];
            header.extend(short(20 + udp.len()));
            header.extend([0, 0, 0x40, 0, 64, UDP, 0, 0]);
            header.extend(addresses);
            let sum = checksum(&[&header]);
            header[10..12].copy_from_slice(&sum);
            [header, udp].concat()
        }
        (source, target) => {
            let addresses = [sixteen(source), sixteen(target)].concat();
            let udp = udp(from, to, &addresses, payload);
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(short(udp.len()));
            header.extend([UDP, 64]);
            header.extend(addresses);
            [header, udp].concat()
        }
    }
}

fn sixteen(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// Header with checksum (RFC 768, RFC 8200 section 8.1), then the payload.
fn udp(from: SocketAddr, to: SocketAddr, addresses: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = short(UDP_HEADER + payload.len());
    let mut datagram = Vec::with_capacity(UDP_HEADER + payload.len());
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(length);
    datagram.extend([0, 0]);
    datagram.extend(payload);
    let sum = match checksum(&[addresses, &[0, UDP], &length, &datagram]) {
        [0, 0] => [0xFF, 0xFF],
        sum => sum,
    };
    datagram[6..8].copy_from_slice(&sum);
    datagram
}

fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

/// RFC 1071. Every part but the last has an even length.
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let pairs = parts.iter().flat_map(|part| part.chunks(2));
    let word = |pair: &[u8]| match pair {
        [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
        [high] => u64::from(u16::from_be_bytes([*high, 0])),
        _ => 0,
    };
    let mut sum: u64 = pairs.map(word).sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap_or(u16::MAX)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_billing::UtcMs;
    use tandem_sip::Transport;

    fn kept(local: &str, remote: &str, bytes: &[u8]) -> Kept {
        Kept {
            number: 1,
            at: UtcMs(1_767_225_600_123),
            direction: Direction::In,
            transport: Transport::Tls,
            local: local.parse().expect("an address"),
            remote: remote.parse().expect("an address"),
            call: None,
            bytes: bytes.to_vec().into(),
        }
    }

    #[test]
    fn headers_add_up() {
        let file = write(&[kept("192.0.2.1:5061", "192.0.2.2:7000", b"SIP!!")]);
        let packet = &file[24 + 16..];
        assert_eq!(
            &file[24..32],
            &[0x00, 0xB9, 0x55, 0x69, 0x78, 0xE0, 0x01, 0x00]
        );
        assert_eq!(packet.len(), 20 + 8 + 5);
        assert_eq!(checksum(&[&packet[..20]]), [0, 0]);
        assert_eq!(&packet[12..20], &[192, 0, 2, 2, 192, 0, 2, 1]);
        assert_eq!(
            checksum(&[&packet[12..20], &[0, UDP], &short(13), &packet[20..]]),
            [0, 0]
        );
        assert_eq!(&packet[28..], b"SIP!!");
    }

    #[test]
    fn ipv6_and_messages_longer_than_a_datagram() {
        let file = write(&[kept(
            "[2001:db8::1]:5060",
            "[2001:db8::2]:5060",
            &[b'x'; 70_000],
        )]);
        let packet = &file[40..];
        assert_eq!(packet[0], 0x60);
        assert_eq!(packet.len(), 40 + 8 + LARGEST);
        assert_eq!(
            checksum(&[
                &packet[8..40],
                &[0, UDP],
                &short(8 + LARGEST),
                &packet[40..]
            ]),
            [0, 0]
        );
    }
}
