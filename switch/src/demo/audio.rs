//! One call's audio at an agent: a G.711 tone every 20 ms, and what comes back is counted.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};
use tandem_sdp::SessionDescription;
use tandem_sip::{Message, Mono};

const PACKET: Duration = Duration::from_millis(20);
const SAMPLES: usize = 160;
/// A 400 Hz tone: 20 samples a period at 8,000 a second, G.711 mu-law (ITU-T G.711), at -10 dBm0.
const PERIOD: [u8; 20] = [
    0xff, 0xb7, 0xa8, 0xa1, 0x9e, 0x9d, 0x9e, 0xa1, 0xa8, 0xb7, 0xff, 0x37, 0x28, 0x21, 0x1e, 0x1d,
    0x1e, 0x21, 0x28, 0x37,
];

/// A socket, where it sends, and how far it is.
pub(super) struct Audio {
    socket: UdpSocket,
    target: Option<SocketAddr>,
    sequence: u16,
    next: Option<Mono>,
}

impl Audio {
    pub(super) fn open() -> std::io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            target: None,
            sequence: 0,
            next: None,
        })
    }

    pub(super) fn local(&self) -> SocketAddr {
        self.socket
            .local_addr()
            .unwrap_or_else(|_| (Ipv4Addr::LOCALHOST, 0).into())
    }

    pub(super) fn send_to(&mut self, target: SocketAddr) {
        self.target = Some(target);
    }

    pub(super) fn start(&mut self, now: Mono) {
        self.next = Some(now);
    }

    pub(super) fn next_at(&self) -> Option<Mono> {
        self.next
    }

    /// Sends the packet that is due, and throws away what arrived.
    pub(super) fn tick(&mut self, now: Mono) {
        let mut heard = [0; 512];
        while self.socket.recv(&mut heard).is_ok() {}
        let (Some(due), Some(target)) = (self.next, self.target) else {
            return;
        };
        if due > now {
            return;
        }
        // A lost packet of a demo is only a click.
        let _ = self.socket.send_to(&self.packet(), target);
        self.sequence = self.sequence.wrapping_add(1);
        self.next = Some(due + PACKET);
    }

    fn packet(&self) -> [u8; 12 + SAMPLES] {
        let mut packet = [0; 12 + SAMPLES];
        let timestamp = u32::from(self.sequence).wrapping_mul(160);
        packet[0] = 0x80;
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&u32::from(self.local().port()).to_be_bytes());
        for (sample, value) in packet[12..].iter_mut().zip(PERIOD.iter().cycle()) {
            *sample = *value;
        }
        packet
    }
}

/// Where a message's description wants audio.
pub(super) fn target_of(message: &Message) -> Option<SocketAddr> {
    SessionDescription::parse(message.body())
        .ok()?
        .audio_target()
}

/// An offer or answer of G.711 at `local`.
pub(super) fn description(local: SocketAddr) -> Vec<u8> {
    let (ip, port) = (local.ip(), local.port());
    format!(
        "v=0\r\no=demo 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n"
    )
    .into_bytes()
}
