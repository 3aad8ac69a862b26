//! What the core says to the relay threads, and what they report.

use std::net::{IpAddr, SocketAddr};

/// One relayed call: two sides, a socket pair each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayId(pub u64);

/// The caller's (A) or the callee's (B) side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    A,
    B,
}
impl Side {
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// How a side may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latch {
    /// Only from the address its SDP names.
    Signalled,
    /// The first source within the rules of the media crate's `latch` module (a phone behind NAT).
    FirstPacket,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayCommand {
    /// Take a socket pair for each side, on the family of the given local addresses; answered by
    /// [`RelayReport::Opened`] or [`RelayReport::Refused`].
    Open {
        id: RelayId,
        a_local: IpAddr,
        b_local: IpAddr,
    },
    /// The peer of a side said where it takes audio.
    SetTarget {
        id: RelayId,
        side: Side,
        rtp: SocketAddr,
        rtcp: SocketAddr,
        latch: Latch,
        /// Where the side's signalling comes from: its packets' source address is trusted for latching.
        signalling: IpAddr,
    },
    /// Whether the peer's audio is passed on (hold). Nothing is reported as inactive while held.
    SetHold { id: RelayId, held: bool },
    /// Give the sockets back; answered by [`RelayReport::Closed`] with the final counters.
    Close { id: RelayId },
}

/// One direction's counters: what arrived at a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub packets: u64,
    pub bytes: u64,
    pub lost: u64,
    /// Interarrival jitter (RFC 3550 section 6.4.1), microseconds.
    pub jitter_us: u32,
    /// Dropped because the source was not the one latched.
    pub foreign: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayReport {
    /// Local ports of both sides (RTP; RTCP is the next one up).
    Opened {
        id: RelayId,
        a_port: u16,
        b_port: u16,
    },
    /// No ports left, or the address cannot be bound.
    Refused { id: RelayId, reason: String },
    /// First packet of a side.
    Started { id: RelayId, side: Side },
    /// Nothing from either side (not held) for this long.
    Inactive { id: RelayId, silent_s: u32 },
    /// Sent every few seconds for the monitor.
    Progress {
        id: RelayId,
        a: Counters,
        b: Counters,
    },
    Closed {
        id: RelayId,
        a: Counters,
        b: Counters,
    },
}
