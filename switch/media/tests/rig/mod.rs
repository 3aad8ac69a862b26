//! A relay on loopback sockets and the phones around it.
#![allow(clippy::unwrap_used, dead_code)] // a test fails by panicking; no one of them uses all

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tandem_media::{Relay, RelayConfig};
use tandem_sdp::{Counters, Latch, RelayCommand, RelayId, RelayReport, Side};

pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Rig {
    pub relay: Relay,
    pub reports: Receiver<RelayReport>,
}

impl Rig {
    pub fn new(config: RelayConfig) -> Self {
        let (sender, reports) = channel();
        let relay = Relay::start(config, move |report| drop(sender.send(report))).unwrap();
        Self { relay, reports }
    }

    pub fn next(&self) -> RelayReport {
        self.reports.recv_timeout(PATIENCE).unwrap()
    }

    pub fn open(&self, id: u64, local: IpAddr) -> (u16, u16) {
        self.relay.send(RelayCommand::Open {
            id: RelayId(id),
            a_local: local,
            b_local: local,
        });
        match self.next() {
            RelayReport::Opened {
                id: opened,
                a_port,
                b_port,
            } if opened == RelayId(id) => (a_port, b_port),
            other => panic!("{other:?}"),
        }
    }

    pub fn target(&self, id: u64, side: Side, rtp: SocketAddr, latch: Latch) {
        let rtcp = SocketAddr::new(rtp.ip(), rtp.port() + 1);
        self.relay.send(RelayCommand::SetTarget {
            id: RelayId(id),
            side,
            rtp,
            rtcp,
            latch,
            signalling: rtp.ip(),
        });
    }

    pub fn close(&self, id: u64) -> (Counters, Counters) {
        self.relay.send(RelayCommand::Close { id: RelayId(id) });
        loop {
            if let RelayReport::Closed { id: closed, a, b } = self.next()
                && closed == RelayId(id)
            {
                return (a, b);
            }
        }
    }

    /// Orders are carried out in turn, so the answer to a refused open says that all before are done.
    pub fn settled(&self, id: u64) {
        self.relay.send(RelayCommand::Open {
            id: RelayId(id),
            a_local: local(),
            b_local: local(),
        });
        while !matches!(self.next(), RelayReport::Refused { .. }) {}
    }
}

pub fn local() -> IpAddr {
    "127.0.0.1".parse().unwrap()
}

/// A wide range above the ephemeral ports: the relay skips what others hold.
pub fn config(threads: usize) -> RelayConfig {
    RelayConfig {
        first_port: 61_000,
        last_port: 65_535,
        threads,
        inactive_after_s: 0,
        progress_every_s: 0,
        recordings: None,
        sounds: None,
    }
}

pub struct Phone {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
}

impl Phone {
    /// Two neighbouring ports, found by trying.
    pub fn new(ip: IpAddr) -> Self {
        loop {
            let rtp = UdpSocket::bind((ip, 0)).unwrap();
            let port = rtp.local_addr().unwrap().port();
            let Ok(rtcp) = UdpSocket::bind((ip, port.wrapping_add(1))) else {
                continue;
            };
            rtp.set_read_timeout(Some(PATIENCE)).unwrap();
            rtcp.set_read_timeout(Some(PATIENCE)).unwrap();
            return Self { rtp, rtcp };
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.rtp.local_addr().unwrap()
    }

    pub fn say(&self, sequence: u16, tag: u8, to: (IpAddr, u16)) {
        self.rtp.send_to(&packet(sequence, tag), to).unwrap();
    }

    /// Sequence number and tag of the next packet, and where it came from.
    pub fn hear(&self) -> (u16, u8, SocketAddr) {
        let mut buffer = [0; 400];
        let (length, from) = self.rtp.recv_from(&mut buffer).unwrap();
        assert_eq!(length, 172);
        (u16::from_be_bytes([buffer[2], buffer[3]]), buffer[12], from)
    }

    pub fn hears_nothing_more(&self) {
        self.rtp.set_nonblocking(true).unwrap();
        assert_eq!(
            self.rtp.recv_from(&mut [0; 400]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        self.rtp.set_nonblocking(false).unwrap();
    }
}

/// A call of two phones through a relay of its own, each waited for where it says it is.
pub struct Call {
    pub rig: Rig,
    pub phones: [Phone; 2],
    pub ports: [u16; 2],
}

impl Call {
    pub fn new(config: RelayConfig) -> Self {
        let rig = Rig::new(config);
        let (a, b) = rig.open(1, local());
        let phones = [(); 2].map(|()| Phone::new(local()));
        for (side, phone) in [(Side::A, &phones[0]), (Side::B, &phones[1])] {
            rig.target(1, side, phone.address(), Latch::FirstPacket);
        }
        Self {
            rig,
            phones,
            ports: [a, b],
        }
    }
}

pub fn packet(sequence: u16, tag: u8) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    let timestamp = (u32::from(sequence) * 160).to_be_bytes();
    [
        &[0x80, 0, high, low][..],
        &timestamp,
        &[0, 0, 0, tag],
        &[tag; 160],
    ]
    .concat()
}
