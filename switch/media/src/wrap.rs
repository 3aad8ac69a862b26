//! What lies around a side's packets: protection, and RTCP on the RTP port. Sides without either have none.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tandem_sdp::{
    Protection,
    relay::{DtlsSide, SdesKeys},
};

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
    /// Part of finding the way or the keys; these are to be sent from the socket it came to.
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
    /// A browser; where RTCP has a port of its own, that has a way and a handshake of its own (RFC 5764 section 3).
    Web(Box<Shaken>, Option<Box<Shaken>>),
    /// Protected with what we cannot do: nothing passes.
    Shut,
}

/// What is agreed on by a handshake.
#[derive(Debug)]
struct Shaken {
    web: Web,
    /// Once it is done.
    keys: Option<(Receiver, Sender)>,
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
        matches!(&self.shield, Shield::Web(shaken, _) if shaken.web.finds_its_way())
    }

    /// Takes the new description; what stays the same goes on undisturbed.
    pub(crate) fn change(&mut self, transport: Transport, now_us: Micros) {
        let mux = std::mem::replace(&mut self.rtcp_mux, transport.rtcp_mux);
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
            (Shield::Web(rtp, rtcp), Protection::Dtls(side)) => {
                if mux != transport.rtcp_mux {
                    *rtcp = (!transport.rtcp_mux)
                        .then(|| Shaken::new((*side).clone(), transport.certificates));
                } else if let Some(rtcp) = rtcp {
                    rtcp.change((*side).clone());
                }
                rtp.change(*side);
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
            Shield::Keys(receiver, _) => (receiver, source),
            Shield::Web(rtp, rtcp) => {
                let shaken = part(rtp, rtcp, socket);
                if !is_media(packet) {
                    return shaken.take(gate, (self.rtcp_mux, socket), (packet, source), now_us);
                }
                let way = shaken.web.way_of(source);
                match (&mut shaken.keys, way) {
                    (None, _) => return Opened::Nothing,
                    (Some((receiver, _)), Some(way)) => (receiver, way),
                    (Some(_), None) => {
                        gate.note_foreign();
                        return Opened::Nothing;
                    }
                }
            }
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
        let socket = self.socket_for(channel);
        match &mut self.shield {
            Shield::None => Some(packet.to_vec()),
            Shield::Shut => None,
            Shield::Keys(_, sender) => sender.seal(channel, packet),
            Shield::Web(rtp, rtcp) => {
                let (_, sender) = part(rtp, rtcp, socket).keys.as_mut()?;
                sender.seal(channel, packet)
            }
        }
    }

    /// What is due once a second, for each socket.
    pub(crate) fn tick(&mut self, gate: &mut Gate, now_us: Micros) -> [(Channel, Replies); 2] {
        let mux = self.rtcp_mux;
        let mut due = |socket, shaken: Option<&mut Shaken>| {
            let replies = shaken.map(|shaken| shaken.tick(gate, (mux, socket), now_us));
            (socket, replies.unwrap_or_default())
        };
        match &mut self.shield {
            Shield::Web(rtp, rtcp) => [
                due(Channel::Rtp, Some(rtp)),
                due(Channel::Rtcp, rtcp.as_deref_mut()),
            ],
            Shield::None | Shield::Keys(..) | Shield::Shut => {
                [due(Channel::Rtp, None), due(Channel::Rtcp, None)]
            }
        }
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
                let certificates = Arc::clone(&transport.certificates);
                let rtcp = (!transport.rtcp_mux)
                    .then(|| Shaken::new((*side).clone(), transport.certificates));
                Self::Web(Shaken::new(*side, certificates), rtcp)
            }
        }
    }
}

impl Shaken {
    fn new(side: DtlsSide, certificates: Arc<Certificates>) -> Box<Self> {
        Box::new(Self {
            web: Web::new(side, certificates),
            keys: None,
        })
    }

    fn change(&mut self, side: DtlsSide) {
        if self.web.change(side) {
            self.keys = None;
        }
    }

    /// A datagram that is no media.
    fn take(
        &mut self,
        gate: &mut Gate,
        place: (bool, Channel),
        (packet, source): (&[u8], SocketAddr),
        now_us: Micros,
    ) -> Opened {
        if !self.web.finds_its_way() && !gate.may_be(place.1, 0, source, now_us) {
            return Opened::Nothing;
        }
        let outcome = self.web.handle(packet, source, now_us);
        Opened::Replies(self.take_outcome(gate, place, outcome, now_us))
    }

    fn tick(&mut self, gate: &mut Gate, place: (bool, Channel), now_us: Micros) -> Replies {
        let mut outcome = Outcome::default();
        if let Some(destination) = gate.destination(place.1) {
            self.web.call_on(destination, now_us, &mut outcome);
        }
        if !self.web.tick(now_us, &mut outcome) {
            point(
                gate,
                place,
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
                now_us,
            );
        }
        self.take_outcome(gate, place, outcome, now_us)
    }

    fn take_outcome(
        &mut self,
        gate: &mut Gate,
        place: (bool, Channel),
        outcome: Outcome,
        now_us: Micros,
    ) -> Replies {
        if outcome.foreign {
            gate.note_foreign();
        }
        if let Some(way) = outcome.nominated {
            point(gate, place, way, now_us);
        }
        if let Some(found) = outcome.keys {
            let sender = Sender::new(found.ours);
            self.keys = sender.map(|sender| (Receiver::new(found.theirs), sender));
        }
        outcome.replies
    }
}

/// What was agreed on for a socket.
fn part<'a>(
    rtp: &'a mut Shaken,
    rtcp: &'a mut Option<Box<Shaken>>,
    socket: Channel,
) -> &'a mut Shaken {
    match (socket, rtcp) {
        (Channel::Rtcp, Some(rtcp)) => rtcp,
        (Channel::Rtcp, None) | (Channel::Rtp, _) => rtp,
    }
}

/// Points the gate at the way a browser nominated on a socket, which may be that of both channels; an unspecified
/// address mutes.
fn point(gate: &mut Gate, (mux, socket): (bool, Channel), way: SocketAddr, now_us: Micros) {
    let ip: IpAddr = way.ip();
    let rule = Rule {
        target: way,
        mode: Mode::Signalled,
        signalling: ip,
    };
    gate.point(socket, rule, now_us);
    if mux {
        gate.point(Channel::Rtcp, rule, now_us);
    }
}
