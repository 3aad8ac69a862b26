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
