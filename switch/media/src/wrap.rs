//! What lies around a side's packets: protection, and RTCP on the RTP port. Sides without either have none.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tandem_sdp::{Protection, relay::SdesKeys};

use crate::{
    Micros,
    certificate::Certificates,
    gate::{Channel, Gate},
    latch::{Mode, Rule},
    rtp::{RtpHeader, channel_of, protected_rtcp_sender},
    srtp::{Receiver, Sender},
    web::{Outcome, Web, is_media},
};

/// How a side's packets travel, as ordered.
pub(crate) struct Transport {
    pub(crate) protection: Protection,
    pub(crate) rtcp_mux: bool,
    /// Ours, for browsers.
    pub(crate) certificates: Arc<Certificates>,
}

/// What a datagram was.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A plain packet, left in the buffer: its channel, its length, and the source to judge it by.
    Packet(Channel, usize, SocketAddr),
    /// Part of finding the way or the keys; these are to be sent.
    Replies(Replies),
    /// Nothing that may pass; it is counted.
    Nothing,
}

/// Datagrams and where they go.
pub(crate) type Replies = Vec<(SocketAddr, Vec<u8>)>;

/// The wrapping of one side.
#[derive(Debug)]
pub(crate) struct Wrap {
    rtcp_mux: bool,
    shield: Shield,
}

#[derive(Debug)]
enum Shield {
    None,
    Keys(Receiver, Box<Sender>),
    /// A browser; its keys once the handshake is done.
    Web(Box<Web>, Option<(Receiver, Box<Sender>)>),
    /// Protected with what we cannot do: nothing passes.
    Shut,
}

impl Wrap {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            rtcp_mux: transport.rtcp_mux,
            shield: Shield::new(transport),
        }
    }

    pub(crate) fn rtcp_mux(&self) -> bool {
        self.rtcp_mux
    }

    /// Whether the side's place is found by its checks and not told by its description.
    pub(crate) fn finds_its_way(&self) -> bool {
        matches!(self.shield, Shield::Web(..))
    }

    /// Takes the new description; what stays the same goes on undisturbed.
    pub(crate) fn change(&mut self, transport: Transport, now_us: Micros) {
        self.rtcp_mux = transport.rtcp_mux;
        match (&mut self.shield, transport.protection) {
            (Shield::Keys(receiver, sender), Protection::Sdes(keys)) => {
                receiver.set_key(keys.theirs, now_us);
                if *sender.key() != keys.ours {
                    match Sender::new(keys.ours) {
                        Some(new) => **sender = new,
                        None => self.shield = Shield::Shut,
                    }
                }
            }
            (Shield::Web(web, keys), Protection::Dtls(side)) => {
                if web.change(*side) {
                    *keys = None;
                }
            }
            (shield, protection) => {
                *shield = Shield::new(Transport {
                    protection,
                    ..transport
                });
            }
        }
    }

    /// Takes a datagram that came to one of the side's sockets.
    pub(crate) fn open(
        &mut self,
        gate: &mut Gate,
        socket: Channel,
        buffer: &mut [u8],
        (length, source): (usize, SocketAddr),
        now_us: Micros,
    ) -> Opened {
        let Some(packet) = buffer.get(..length) else {
            return Opened::Nothing;
        };
        let channel = match socket {
            Channel::Rtp if self.rtcp_mux => channel_of(packet),
            Channel::Rtp | Channel::Rtcp => socket,
        };
        let (receiver, source) = match &mut self.shield {
            Shield::None => return Opened::Packet(channel, length, source),
            Shield::Shut => return Opened::Nothing,
            Shield::Web(web, keys) if !is_media(packet) => {
                let outcome = web.handle(packet, source, now_us);
                return Opened::Replies(take_outcome(gate, keys, outcome, now_us));
            }
            Shield::Web(_, None) => return Opened::Nothing,
            Shield::Web(web, Some((receiver, _))) => match web.way_of(source) {
                Some(way) => (receiver, way),
                None => {
                    gate.note_foreign();
                    return Opened::Nothing;
                }
            },
            Shield::Keys(receiver, _) => (receiver, source),
        };
        let ssrc = match channel {
            Channel::Rtp => RtpHeader::split(packet).map(|(header, _)| header.ssrc),
            Channel::Rtcp => protected_rtcp_sender(packet),
        };
        let Some(ssrc) = ssrc else {
            gate.note_malformed();
            return Opened::Nothing;
        };
        if !gate.may_be(channel, ssrc, source, now_us) {
            return Opened::Nothing;
        }
        match receiver.open(channel, buffer, length, now_us) {
            Some(length) => Opened::Packet(channel, length, source),
            None => {
                gate.note_forged();
                Opened::Nothing
            }
        }
    }

    /// The packet as it travels; None if it cannot.
    pub(crate) fn seal(&mut self, channel: Channel, packet: &[u8]) -> Option<Vec<u8>> {
        match &mut self.shield {
            Shield::None => Some(packet.to_vec()),
            Shield::Shut | Shield::Web(_, None) => None,
            Shield::Keys(_, sender) | Shield::Web(_, Some((_, sender))) => {
                sender.seal(channel, packet)
            }
        }
    }

    /// What is due once a second.
    pub(crate) fn tick(&mut self, gate: &mut Gate, now_us: Micros) -> Replies {
        let Shield::Web(web, keys) = &mut self.shield else {
            return Replies::new();
        };
        let mut outcome = Outcome::default();
        if !web.tick(now_us, &mut outcome) {
            point(gate, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), now_us);
        }
        take_outcome(gate, keys, outcome, now_us)
    }

    /// The socket a channel leaves by.
    pub(crate) fn socket_for(&self, channel: Channel) -> Channel {
        match channel {
            Channel::Rtcp if self.rtcp_mux => Channel::Rtp,
            Channel::Rtp | Channel::Rtcp => channel,
        }
    }
}

impl Shield {
    fn new(transport: Transport) -> Self {
        match transport.protection {
            Protection::Plain => Self::None,
            Protection::Sdes(keys) => {
                let SdesKeys { ours, theirs } = *keys;
                match Sender::new(ours) {
                    Some(sender) => Self::Keys(Receiver::new(theirs), Box::new(sender)),
                    None => Self::Shut,
                }
            }
            Protection::Dtls(side) => {
                Self::Web(Box::new(Web::new(*side, transport.certificates)), None)
            }
        }
    }
}

fn take_outcome(
    gate: &mut Gate,
    keys: &mut Option<(Receiver, Box<Sender>)>,
    outcome: Outcome,
    now_us: Micros,
) -> Replies {
    if outcome.foreign {
        gate.note_foreign();
    }
    if let Some(way) = outcome.nominated {
        point(gate, way, now_us);
    }
    if let Some(found) = outcome.keys {
        let sender = Sender::new(found.ours).map(Box::new);
        *keys = sender.map(|sender| (Receiver::new(found.theirs), sender));
    }
    outcome.replies
}

/// Points the gate at the way a browser nominated; an unspecified address mutes.
fn point(gate: &mut Gate, way: SocketAddr, now_us: Micros) {
    let ip: IpAddr = way.ip();
    let rule = Rule {
        target: way,
        mode: Mode::Signalled,
        signalling: ip,
    };
    gate.set_target(rule, way, now_us);
}
