//! What the core says to the relay threads, and what they report.
//!
//! Commands are never answered out of line: what must come back comes as a [`RelayReport`] input of the core.

mod turned;

use std::net::{IpAddr, SocketAddr};

use crate::{
    convert::{Conversion, Format},
    play::{PlayEnd, PlayOrder},
    sdes::SrtpKey,
    web::{IceCredentials, Setup, WebPeer},
};

/// One relayed call: two sides, a socket pair each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayId(pub u64);

/// The caller's (A) or the callee's (B) side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The caller's side.
    A,
    /// The callee's side.
    B,
}

impl Side {
    /// The side across the relay.
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

impl Latch {
    /// Of a gateway, or a customer known by its address, whose description wants audio at `target`: it is held to
    /// that address, unless it is one that nobody outside its own network can reach.
    #[must_use]
    pub fn of_trunk(target: IpAddr, signalling: IpAddr) -> Self {
        if is_private(target) && !is_private(signalling) {
            Self::FirstPacket
        } else {
            Self::Signalled
        }
    }
}

/// Addresses that mean nothing outside their own network: RFC 1918, 6598, 3927, 4193, 4291.
#[must_use]
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// How a side's packets are protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// They are not.
    Plain,
    /// SRTP with keys from the descriptions (RFC 4568).
    Sdes(Box<SdesKeys>),
    /// SRTP with keys from a DTLS handshake, the way found by ICE (RFC 5764, RFC 8445 lite).
    Dtls(Box<DtlsSide>),
}

/// The keys of both directions of a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdesKeys {
    /// We send with it.
    pub ours: SrtpKey,
    /// The peer sends with it.
    pub theirs: SrtpKey,
}

/// Which of the relay's two certificates a browser is shown. One that goes over to another relay is shown the other:
/// it shakes hands anew then, and else would go on with keys that nobody has there (RFC 8842).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Every leg begins with it.
    #[default]
    First,
    /// The other one.
    Second,
}

impl Shown {
    /// The one that it is not.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// What both descriptions of a browser's side agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtlsSide {
    /// Our certificate.
    pub shown: Shown,
    /// What the peer's connectivity checks must be made with.
    pub ours: IceCredentials,
    /// Our part in the handshake.
    pub setup: Setup,
    /// The peer's certificate and credentials.
    pub peer: WebPeer,
}

/// An order to the relay. All orders of one id are carried out in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayCommand {
    /// Take a socket pair for each side, on the given local addresses; answered by [`RelayReport::Opened`] or
    /// [`RelayReport::Refused`].
    Open {
        /// A fresh id: one that is open already is refused.
        id: RelayId,
        /// The address to bind for the A side (not the advertised one).
        a_local: IpAddr,
        /// The address to bind for the B side.
        b_local: IpAddr,
    },
    /// How a side's packets travel from now on: sent before the first `SetTarget` of a side that is not plain with
    /// separate RTCP, and again with each change. The same values again change nothing; keys that stay keep their
    /// packet counts.
    SetTransport {
        /// The relay.
        id: RelayId,
        /// Which side.
        side: Side,
        /// Whether and how they are protected.
        protection: Protection,
        /// RTCP travels on the RTP port (RFC 5761).
        rtcp_mux: bool,
    },
    /// The peer of a side said where it takes audio. Given again after each answer or re-INVITE; the same
    /// values again change nothing.
    SetTarget {
        /// The relay.
        id: RelayId,
        /// Whose description it was.
        side: Side,
        /// Its audio address; an unspecified one (hold by c=0.0.0.0) or port 0 takes audio away from it.
        rtp: SocketAddr,
        /// Its RTCP address.
        rtcp: SocketAddr,
        /// Where its packets may come from.
        latch: Latch,
        /// Where the side's signalling comes from: its packets' source address is trusted for latching.
        signalling: IpAddr,
    },
    /// What is done to packets of a side on their way to the other one; `None` passes them as they are. The same
    /// again changes nothing.
    SetConversion {
        /// The relay.
        id: RelayId,
        /// Whose packets.
        side: Side,
        /// What.
        conversion: Option<Box<Conversion>>,
    },
    /// Sends a digit to a side, after those still on their way to it, in the form the conversion toward it says;
    /// without one, or with too many waiting, it is dropped.
    PlayDigit {
        /// The relay.
        id: RelayId,
        /// Whom to.
        side: Side,
        /// What.
        digit: Digit,
    },
    /// Plays something to a side, in the place of what was being played to it. Its end comes as
    /// [`RelayReport::Played`], unless it is stopped or replaced by the core.
    Play {
        /// The relay.
        id: RelayId,
        /// Whom to.
        side: Side,
        /// What.
        order: Box<PlayOrder>,
    },
    /// Nothing is played to a side any more.
    StopPlaying {
        /// The relay.
        id: RelayId,
        /// Whom to.
        side: Side,
    },
    /// What the sides exchange from now on; audio at first.
    SetStream {
        /// The relay.
        id: RelayId,
        /// What.
        stream: Stream,
    },
    /// Records what passes, or pauses; the same file goes on when the recording is ordered again under its name, the
    /// pause silent, and another name closes it and begins another. What goes wrong comes as
    /// [`RelayReport::RecordingFailed`].
    SetRecording {
        /// The relay.
        id: RelayId,
        /// Where to, and what the packets hold; None pauses it.
        recording: Option<Box<RecordingOrder>>,
    },
    /// The call is on hold, or back: nothing is reported as inactive while held. Audio that still comes passes on
    /// (music from the holding side); a side that takes none says so by its target.
    SetHold {
        /// The relay.
        id: RelayId,
        /// True suspends the watch for silence; false starts it afresh.
        held: bool,
    },
    /// Give the sockets back; answered by [`RelayReport::Closed`] with the final counters.
    Close {
        /// The relay.
        id: RelayId,
    },
}

impl RelayCommand {
    /// The relay it speaks of.
    #[must_use]
    pub fn id(&self) -> RelayId {
        match self {
            Self::Open { id, .. }
            | Self::SetTransport { id, .. }
            | Self::SetTarget { id, .. }
            | Self::SetConversion { id, .. }
            | Self::PlayDigit { id, .. }
            | Self::Play { id, .. }
            | Self::StopPlaying { id, .. }
            | Self::SetStream { id, .. }
            | Self::SetRecording { id, .. }
            | Self::SetHold { id, .. }
            | Self::Close { id } => *id,
        }
    }
}

/// What a relay carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stream {
    /// RTP with the packets of a talk.
    #[default]
    Audio,
    /// RTP with as many packets as pictures need.
    Video,
    /// T.38 over UDPTL: any datagram, byte for byte.
    Fax,
}

impl RelayReport {
    /// The relay it speaks of.
    #[must_use]
    pub fn id(&self) -> RelayId {
        match self {
            Self::Opened { id, .. }
            | Self::Refused { id, .. }
            | Self::Started { id, .. }
            | Self::Pressed { id, .. }
            | Self::Played { id, .. }
            | Self::RecordingFailed { id, .. }
            | Self::Inactive { id, .. }
            | Self::Progress { id, .. }
            | Self::Closed { id, .. } => *id,
        }
    }
}

/// What there is of a recording that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Its file could not be made.
    Nothing,
    /// A file that may be short of its end.
    Part,
}

/// A recording: stereo, the A side left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingOrder {
    /// File below the folder of recordings.
    pub name: String,
    /// Payload types that come from the A side.
    pub a: Vec<(u8, Format)>,
    /// Payload types that come from the B side.
    pub b: Vec<(u8, Format)>,
}

/// A digit pressed, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digit {
    /// `0` to `9`, `*`, `#`, `A` to `D`.
    key: u8,
    /// Milliseconds, 40 to 8000.
    duration_ms: u16,
}

impl Digit {
    /// Keys in the order of their event codes (RFC 4733 section 3.2).
    const KEYS: &[u8; 16] = b"0123456789*#ABCD";

    /// None if there is no such key; durations out of range are taken to the nearest in it.
    #[must_use]
    pub fn new(key: char, duration_ms: u32) -> Option<Self> {
        let key = u8::try_from(key.to_ascii_uppercase()).ok()?;
        Self::KEYS.contains(&key).then_some(Self {
            key,
            duration_ms: duration_ms.clamp(40, 8_000) as u16,
        })
    }

    /// Of an event code; None above 15.
    #[must_use]
    pub fn of_event(code: u8, duration_ms: u32) -> Option<Self> {
        let key = Self::KEYS.get(usize::from(code))?;
        Self::new(char::from(*key), duration_ms)
    }

    /// `0` to `9`, `*`, `#`, `A` to `D`.
    #[must_use]
    pub fn key(self) -> char {
        char::from(self.key)
    }

    /// 0 to 15.
    #[must_use]
    pub fn event(self) -> u8 {
        let at = Self::KEYS.iter().position(|key| *key == self.key);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
    }

    /// Milliseconds, 40 to 8000.
    #[must_use]
    pub fn duration_ms(self) -> u32 {
        u32::from(self.duration_ms)
    }
}

/// One direction's counters: what arrived at a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// RTP packets accepted.
    pub packets: u64,
    /// Their UDP payload, RTP headers included.
    pub bytes: u64,
    /// RTP packets expected by sequence number and never seen (RFC 3550 appendix A.3).
    pub lost: u64,
    /// Interarrival jitter (RFC 3550 section 6.4.1), microseconds.
    pub jitter_us: u32,
    /// Dropped because the source was not the one latched.
    pub foreign: u64,
    /// Dropped because they were no RTP or RTCP of version 2.
    pub malformed: u64,
    /// Dropped because more came than any codec sends: a flood, or audio going in circles.
    pub excess: u64,
    /// Dropped because they did not bear the side's keys: plain, forged or repeated.
    pub forged: u64,
    /// What the side says of the audio it was sent.
    pub heard: Heard,
}

impl Counters {
    /// What came after `before`, which is an earlier state of the same side.
    #[must_use]
    pub fn since(self, before: &Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(before.packets),
            bytes: self.bytes.saturating_sub(before.bytes),
            lost: self.lost.saturating_sub(before.lost),
            jitter_us: self.jitter_us,
            foreign: self.foreign.saturating_sub(before.foreign),
            malformed: self.malformed.saturating_sub(before.malformed),
            excess: self.excess.saturating_sub(before.excess),
            forged: self.forged.saturating_sub(before.forged),
            heard: Heard {
                reports: self.heard.reports.saturating_sub(before.heard.reports),
                lost: self.heard.lost.saturating_sub(before.heard.lost),
                ..self.heard
            },
        }
    }
}

/// What a side's RTCP says of the audio it was sent (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Report blocks so far; 0: the side sends none, and nothing is known.
    pub reports: u32,
    /// Packets it missed.
    pub lost: u64,
    /// Interarrival jitter at its end, microseconds.
    pub jitter_us: u32,
    /// From here to it and back, microseconds; 0 if not known.
    pub round_trip_us: u32,
}

/// What a relay thread tells the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayReport {
    /// Local ports of both sides (RTP; RTCP is the next one up).
    Opened {
        /// The relay.
        id: RelayId,
        /// The A side's RTP port.
        a_port: u16,
        /// The B side's RTP port.
        b_port: u16,
    },
    /// No ports left, the address cannot be bound, or the id is open already.
    Refused {
        /// The relay.
        id: RelayId,
        /// For the log and the operator; lower case.
        reason: String,
    },
    /// First packet of a side.
    Started {
        /// The relay.
        id: RelayId,
        /// The side it came from.
        side: Side,
    },
    /// A side pressed a key, and its conversion sends digits to the core. Each once, in order, when it is let go.
    Pressed {
        /// The relay.
        id: RelayId,
        /// Who.
        side: Side,
        /// What.
        digit: Digit,
    },
    /// What was played to a side has come to its end.
    Played {
        /// The relay.
        id: RelayId,
        /// Whom to.
        side: Side,
        /// How.
        how: PlayEnd,
    },
    /// A recording could not be begun, or ended before its time: nothing is recorded before it is ordered again, under
    /// another name.
    RecordingFailed {
        /// The relay.
        id: RelayId,
        /// Its name in the order.
        name: String,
        /// How much of it there is.
        left: Left,
        /// For the log and the operator.
        reason: String,
    },
    /// No audio from both sides (not held) for this long, and again after each further such time.
    Inactive {
        /// The relay.
        id: RelayId,
        /// Whole seconds since the last packet, or since both sides had a target.
        silent_s: u32,
    },
    /// Sent every few seconds for the monitor.
    Progress {
        /// The relay.
        id: RelayId,
        /// From the A side.
        a: Counters,
        /// From the B side.
        b: Counters,
    },
    /// The sockets are closed. The last report of its id.
    Closed {
        /// The relay.
        id: RelayId,
        /// From the A side.
        a: Counters,
        /// From the B side.
        b: Counters,
    },
}
