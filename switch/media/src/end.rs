//! One side of a relayed call: its socket pair, its gate, and whether it was heard yet.

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::sync::Mutex;

use crate::Micros;
use crate::gate::{Channel, Gate};
use crate::ports::PortPool;
use crate::socket::bind;

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

    pub(crate) fn socket(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }
}

/// Nobody panics while holding the pool; and if, the pool is still a set of ports.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
