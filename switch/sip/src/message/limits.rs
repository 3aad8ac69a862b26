//! What a message may be at most, each with its reason.

/// Bytes of a whole message: what a UDP datagram can carry; larger ones make no sense on streams either,
/// and offsets stay within 16 bits.
pub const MAX_MESSAGE: usize = 65_535;
/// Header lines: a long-routed INVITE has 60; more costs time for every later look-up.
pub const MAX_HEADERS: usize = 200;
/// Via elements: Max-Forwards starts at 70, so a longer path is a loop (RFC 3261 section 8.1.1.6).
pub const MAX_VIAS: usize = 70;
/// Bytes of one header line after unfolding: Identity (RFC 8224) with a certificate chain's token needs 4 KiB.
pub const MAX_LINE: usize = 8_192;
