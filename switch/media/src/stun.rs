//! Connectivity checks of a browser, answered as an ICE-lite side does (RFC 8445 section 7.3, RFC 8489).
//!
//! What does not bear our password is not answered at all, so that the ports tell nothing and reflect nothing.

use std::net::SocketAddr;

use rtc_srtp::crypto::providers::RingCrypto;
use rtc_stun::{
    attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME},
    fingerprint::FINGERPRINT,
    integrity::MessageIntegrity,
    message::{BINDING_REQUEST, BINDING_SUCCESS, Message},
    xoraddr::XorMappedAddress,
};
use tandem_sdp::web::IceCredentials;

/// Longest check read: a browser's has some 100 bytes.
const MAX_BYTES: usize = 512;

/// A check that was made with both sides' credentials.
#[derive(Debug)]
pub(crate) struct Check {
    /// The peer wants this way used.
    pub(crate) nominates: bool,
    /// Our answer.
    pub(crate) answer: Vec<u8>,
}

/// Whether a datagram is a STUN message rather than DTLS or RTP (RFC 7983).
pub(crate) fn is_stun(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| *first < 4) && rtc_stun::message::is_stun_message(packet)
}

/// Reads a check and makes the answer to it; None for anything else.
pub(crate) fn answer(
    packet: &[u8],
    source: SocketAddr,
    ours: &IceCredentials,
    peer_ufrag: &str,
) -> Option<Check> {
    if packet.len() > MAX_BYTES {
        return None;
    }
    let mut request = Message::new();
    request.unmarshal_binary(packet).ok()?;
    if request.typ != BINDING_REQUEST || FINGERPRINT.check(&request).is_err() {
        return None;
    }
    let username = request.get(ATTR_USERNAME).ok()?;
    if username != format!("{}:{peer_ufrag}", ours.ufrag).as_bytes() {
        return None;
    }
    MessageIntegrity::check(&mut request, ours.pwd.as_bytes(), &RingCrypto).ok()?;
    let mut answer = Message::new();
    let mapped = XorMappedAddress {
        ip: source.ip(),
        port: source.port(),
    };
    let integrity =
        MessageIntegrity::new_short_term_integrity_with_provider(ours.pwd.clone(), &RingCrypto);
    answer
        .build(&[
            Box::new(request.transaction_id),
            Box::new(BINDING_SUCCESS),
            Box::new(mapped),
            Box::new(integrity),
            Box::new(FINGERPRINT),
        ])
        .ok()?;
    Some(Check {
        nominates: request.contains(ATTR_USE_CANDIDATE),
        answer: answer.raw,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtc_stun::message::Setter;
    use std::net::Ipv4Addr;

    fn ours() -> IceCredentials {
        IceCredentials {
            ufrag: "ours".into(),
            pwd: "a-password-of-some-length".into(),
        }
    }

    fn read(packet: &[u8]) -> bool {
        let source = SocketAddr::from((Ipv4Addr::LOCALHOST, 4_000));
        is_stun(packet) && answer(packet, source, &ours(), "peer").is_some()
    }

    fn check(attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut message = Message::new();
        message.new_transaction_id().unwrap();
        message.set_type(BINDING_REQUEST);
        message.write_header();
        for (kind, value) in attributes {
            message.add(rtc_stun::attributes::AttrType(*kind), value);
        }
        message.raw
    }

    proptest! {
        /// Attributes of any kind and length, whole or cut and changed: none is taken for a check of the peer's.
        #[test]
        fn any_message(
            attributes in proptest::collection::vec(
                (prop_oneof![Just(6u16), Just(8), Just(0x25), Just(0x8028), any::<u16>()],
                 proptest::collection::vec(any::<u8>(), 0..40)),
                0..6),
            cut in 0..600usize,
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            sealed in any::<bool>(),
        ) {
            let mut packet = check(&attributes);
            if sealed {
                let mut message = Message::new();
                if message.unmarshal_binary(&packet).is_ok() && FINGERPRINT.add_to(&mut message).is_ok() {
                    packet = message.raw;
                }
            }
            packet.truncate(cut);
            for (at, byte) in changes {
                if !packet.is_empty() {
                    let at = at.index(packet.len());
                    packet[at] = byte;
                }
            }
            prop_assert!(!read(&packet));
        }
    }
}
