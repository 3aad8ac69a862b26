//! STUN on the SIP port (RFC 5626 section 8, RFC 8489): a phone behind NAT keeps its flow alive with Binding
//! requests over UDP, and learns from the answer whether its address has changed.
//!
//! Only the plain Binding request is answered, never with more bytes than a third above what came.

use std::net::{IpAddr, SocketAddr};

const HEADER: usize = 20;
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];

/// Whether a datagram is STUN: SIP begins with a letter or a line end (RFC 5626 section 8).
pub(super) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4) && datagram.get(4..8) == Some(&MAGIC[..])
}

/// The answer to a Binding request from `remote`; None for anything else.
pub(super) fn answer(datagram: &[u8], remote: SocketAddr) -> Option<Vec<u8>> {
    let length = u16::from_be_bytes([*datagram.get(2)?, *datagram.get(3)?]);
    let whole = usize::from(length) + HEADER == datagram.len() && length % 4 == 0;
    if !is_stun(datagram) || datagram.get(..2)? != BINDING_REQUEST || !whole {
        return None;
    }
    let id = datagram.get(4..HEADER)?;
    let address = mapped(remote, id);
    let mut out = Vec::with_capacity(HEADER + 4 + address.len());
    out.extend_from_slice(&BINDING_SUCCESS);
    out.extend_from_slice(&u16::try_from(address.len() + 4).ok()?.to_be_bytes());
    out.extend_from_slice(id);
    out.extend_from_slice(&XOR_MAPPED_ADDRESS);
    out.extend_from_slice(&u16::try_from(address.len()).ok()?.to_be_bytes());
    out.extend_from_slice(&address);
    Some(out)
}

/// RFC 8489 section 14.2; `id` is cookie and transaction id.
fn mapped(remote: SocketAddr, id: &[u8]) -> Vec<u8> {
    let (family, octets) = match remote.ip().to_canonical() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let port = remote.port().to_be_bytes();
    let plain = port.iter().zip(id).chain(octets.iter().zip(id));
    [0, family]
        .into_iter()
        .chain(plain.map(|(byte, mask)| byte ^ mask))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(length: u16, extra: &[u8]) -> Vec<u8> {
        let mut bytes = BINDING_REQUEST.to_vec();
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[7; 12]);
        bytes.extend_from_slice(extra);
        bytes
    }

    #[test]
    fn a_binding_request_is_told_its_address() {
        let remote = "192.0.2.1:32853".parse().expect("an address");
        let answer = answer(&request(0, &[]), remote).expect("an answer");
        assert_eq!(answer.get(..4), Some(&[1, 1, 0, 12][..]));
        assert_eq!(answer.get(4..20), request(0, &[]).get(4..20));
        // As in the test vectors of RFC 5769 section 2.2.
        assert_eq!(
            answer.get(20..),
            Some(&[0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43][..])
        );
    }

    #[test]
    fn an_ipv6_address_is_masked_with_the_transaction_too() {
        let remote = "[2001:db8::1]:5060".parse().expect("an address");
        let answer = answer(&request(4, &[0, 6, 0, 0]), remote).expect("an answer");
        assert_eq!(answer.len(), 20 + 4 + 20);
        let octets: Vec<u8> = answer[28..]
            .iter()
            .zip(&answer[4..20])
            .map(|(b, m)| b ^ m)
            .collect();
        let expected: std::net::Ipv6Addr = "2001:db8::1".parse().expect("an address");
        assert_eq!(octets, expected.octets());
    }

    #[test]
    fn anything_else_is_not_answered() {
        let remote = "192.0.2.1:5060".parse().expect("an address");
        let mut indication = request(0, &[]);
        indication[1] = 0x11;
        let rows: [&[u8]; 6] = [
            b"",
            b"OPTIONS sip:a SIP/2.0",
            &request(0, &[])[..19],
            &request(4, &[]),
            &request(3, &[0, 0, 0]),
            &indication,
        ];
        for row in rows {
            assert_eq!(answer(row, remote), None, "{row:?}");
        }
    }
}
