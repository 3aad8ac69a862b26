//! One side of a relayed call: its socket pair, its gate, and how its packets are wrapped.
//!
//! A packet's way in is [`receive`](End::receive) (gate, protection taken off), its way out [`send`](End::send)
//! (protection put on, destination). What lies between sees plain packets only.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Mutex;

use tandem_sdp::Protection;

use crate::Micros;
use crate::bridge::{Passed, Target};
use crate::gate::{Channel, Gate, rule_for};
use crate::ports::PortPool;
use crate::socket::bind;
use crate::wrap::{Opened, Replies, Transport, Wrap};

/// Pairs tried before an open is refused: other programs in our range are few.
const TRIES: usize = 32;

/// One side.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) local: IpAddr,
    /// Its RTP port; RTCP is the next one.
    pub(crate) port: u16,
    pub(crate) gate: Gate,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    known: bool,
    /// None: plain packets on two ports.
    wrap: Option<Box<Wrap>>,
}

impl End {
    /// Binds a rested pair.
    pub(crate) fn open(local: IpAddr, pool: &Mutex<PortPool>, now_us: Micros) -> io::Result<Self> {
        for _ in 0..TRIES {
            let Some(port) = lock(pool).take(now_us) else {
                return Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    "no free port in the relay's range",
                ));
            };
            match bind(local, port).and_then(|rtp| Ok((rtp, bind(local, port + 1)?))) {
                Ok((rtp, rtcp)) => {
                    return Ok(Self {
                        local,
                        port,
                        gate: Gate::default(),
                        rtp,
                        rtcp,
                        known: false,
                        wrap: None,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    lock(pool).give_back_busy(port, now_us)
                }
                Err(error) => {
                    lock(pool).give_back(port, now_us);
                    return Err(error);
                }
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "other programs hold the relay's ports",
        ))
    }

    /// How the side's packets travel from now on.
    pub(crate) fn set_transport(&mut self, transport: Transport, now_us: Micros) {
        let plain = transport.protection == Protection::Plain && !transport.rtcp_mux;
        self.wrap = match self.wrap.take() {
            _ if plain => None,
            Some(mut wrap) => {
                wrap.change(transport, now_us);
                Some(wrap)
            }
            None => Some(Box::new(Wrap::new(transport))),
        };
    }

    /// Whether the side's description is known.
    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    /// What is due once a second.
    pub(crate) fn tick(&mut self, now_us: Micros) {
        if let Some(wrap) = self.wrap.as_mut() {
            for (socket, replies) in wrap.tick(&mut self.gate, now_us) {
                self.reply(socket, replies);
            }
        }
    }

    fn reply(&self, socket: Channel, replies: Replies) {
        for (destination, packet) in replies {
            // Lost like any other datagram if the kernel will not take it: the peer asks again.
            let _ = self.socket(socket).send_to(&packet, destination);
        }
    }

    /// Where the side takes its audio, as its signalling says.
    pub(crate) fn set_target(&mut self, target: &Target, now_us: Micros) {
        self.known = true;
        let rtcp = match &self.wrap {
            Some(wrap) if wrap.finds_its_way() => return,
            Some(wrap) if wrap.rtcp_mux() => target.rtp,
            Some(_) | None => target.rtcp,
        };
        let rtp = rule_for(self.local, target.rtp, target.mode, target.signalling);
        let rtcp = rule_for(self.local, rtcp, target.mode, target.signalling);
        self.gate.set_target(rtp, rtcp.target, now_us);
    }

    /// Judges a datagram that came to one of the sockets; what passes is left in the buffer, plain: its channel
    /// and length.
    pub(crate) fn receive(
        &mut self,
        socket: Channel,
        buffer: &mut [u8],
        came: (usize, SocketAddr),
        now_us: Micros,
    ) -> Option<(Channel, usize)> {
        let (channel, length, source) = match self.wrap.as_mut() {
            None => (socket, came.0, came.1),
            Some(wrap) => match wrap.open(&mut self.gate, socket, buffer, came, now_us) {
                Opened::Packet(channel, length, source) => (channel, length, source),
                Opened::Replies(replies) => {
                    self.reply(socket, replies);
                    return None;
                }
                Opened::Nothing => return None,
            },
        };
        self.gate
            .admit(channel, buffer.get(..length)?, source, now_us)
            .then_some((channel, length))
    }

    /// Sends the side a plain packet, as it takes it.
    pub(crate) fn send(&mut self, channel: Channel, packet: &[u8]) -> Passed {
        let Some(wrap) = self.wrap.as_mut() else {
            return match self.gate.destination(channel) {
                Some(destination) => sent(self.socket(channel).send_to(packet, destination)),
                None => Passed::Dropped,
            };
        };
        let channel_used = wrap.socket_for(channel);
        let Some(destination) = self.gate.destination(channel_used) else {
            return Passed::Dropped;
        };
        match wrap.seal(channel, packet) {
            Some(sealed) => sent(self.socket(channel_used).send_to(&sealed, destination)),
            None => Passed::Dropped,
        }
    }

    pub(crate) fn socket(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }
}

fn sent(result: io::Result<usize>) -> Passed {
    match result {
        Ok(_) => Passed::Relayed,
        Err(_) => Passed::Unsent,
    }
}

/// Nobody panics while holding the pool; and if, the pool is still a set of ports.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
