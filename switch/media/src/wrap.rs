//! What lies around a side's packets: protection, and RTCP on the RTP port. Sides without either have none.

use std::net::SocketAddr;

use tandem_sdp::{Protection, relay::SdesKeys};

use crate::{
    Micros,
    gate::{Channel, Gate},
    rtp::{RtpHeader, channel_of, protected_rtcp_sender},
    srtp::{Receiver, Sender},
};

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
    /// Protected with what we cannot do: nothing passes.
    Shut,
}

impl Wrap {
    pub(crate) fn new(protection: Protection, rtcp_mux: bool) -> Self {
        Self {
            rtcp_mux,
            shield: Shield::new(protection),
        }
    }

    pub(crate) fn rtcp_mux(&self) -> bool {
        self.rtcp_mux
    }

    /// Takes the new description; what stays the same goes on undisturbed.
    pub(crate) fn change(&mut self, protection: Protection, rtcp_mux: bool, now_us: Micros) {
        self.rtcp_mux = rtcp_mux;
        match (&mut self.shield, protection) {
            (Shield::Keys(receiver, sender), Protection::Sdes(keys)) => {
                receiver.set_key(keys.theirs, now_us);
                if *sender.key() != keys.ours {
                    match Sender::new(keys.ours) {
                        Some(new) => **sender = new,
                        None => self.shield = Shield::Shut,
                    }
                }
            }
            (shield, protection) => *shield = Shield::new(protection),
        }
    }

    /// The plain packet in place of the datagram: its channel and length. What does not pass is counted.
    pub(crate) fn open(
        &mut self,
        gate: &mut Gate,
        socket: Channel,
        buffer: &mut [u8],
        (length, source): (usize, SocketAddr),
        now_us: Micros,
    ) -> Option<(Channel, usize)> {
        let packet = buffer.get(..length)?;
        let channel = match socket {
            Channel::Rtp if self.rtcp_mux => channel_of(packet),
            Channel::Rtp | Channel::Rtcp => socket,
        };
        let receiver = match &mut self.shield {
            Shield::None => return Some((channel, length)),
            Shield::Shut => return None,
            Shield::Keys(receiver, _) => receiver,
        };
        let ssrc = match channel {
            Channel::Rtp => RtpHeader::split(packet).map(|(header, _)| header.ssrc),
            Channel::Rtcp => protected_rtcp_sender(packet),
        };
        let Some(ssrc) = ssrc else {
            gate.note_malformed();
            return None;
        };
        if !gate.may_be(channel, ssrc, source, now_us) {
            return None;
        }
        let opened = receiver.open(channel, buffer, length, now_us);
        if opened.is_none() {
            gate.note_forged();
        }
        opened.map(|length| (channel, length))
    }

    /// The packet as it travels; None if it cannot.
    pub(crate) fn seal(&mut self, channel: Channel, packet: &[u8]) -> Option<Vec<u8>> {
        match &mut self.shield {
            Shield::None => Some(packet.to_vec()),
            Shield::Shut => None,
            Shield::Keys(_, sender) => sender.seal(channel, packet),
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
    fn new(protection: Protection) -> Self {
        match protection {
            Protection::Plain => Self::None,
            Protection::Sdes(keys) => {
                let SdesKeys { ours, theirs } = *keys;
                match Sender::new(ours) {
                    Some(sender) => Self::Keys(Receiver::new(theirs), Box::new(sender)),
                    None => Self::Shut,
                }
            }
            Protection::Dtls(_) => Self::Shut,
        }
    }
}
