//! A UDP listener of the SIP side.

use super::stun;
use bytes::Bytes;
use mio::net::UdpSocket;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io::{Error, ErrorKind},
    net::SocketAddr,
};
use tandem_sip::{Flow, Transport};

/// Default kernel buffers lost datagrams from 500 calls a second on.
const BUFFER_BYTES: usize = 4 << 20;
/// Largest datagram there is.
const DATAGRAM_BYTES: usize = 65_535;

/// One bound socket.
pub(super) struct DatagramListener {
    socket: UdpSocket,
    index: u16,
    buffer: Vec<u8>,
    /// Datagrams the kernel would not take.
    pub(super) unsent: u64,
}

/// What came of one look at the socket.
pub(super) enum Received {
    Datagram(Flow, Bytes),
    /// A keep-alive: it has been answered.
    Answered,
    Nothing,
}

impl DatagramListener {
    pub(super) fn bind(address: SocketAddr, index: u16) -> std::io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        // Best effort: the kernel caps it at net.core.rmem_max.
        let _ = socket.set_recv_buffer_size(BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(BUFFER_BYTES);
        socket.bind(&address.into())?;
        let socket = UdpSocket::from_std(socket.into());
        Ok(Self {
            socket,
            index,
            buffer: vec![0; DATAGRAM_BYTES],
            unsent: 0,
        })
    }

    pub(super) fn local(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn source(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    pub(super) fn receive(&mut self) -> Received {
        loop {
            match self.socket.recv_from(&mut self.buffer) {
                Ok((length, remote)) => {
                    let flow = Flow {
                        transport: Transport::Udp,
                        listener: self.index,
                        connection: 0,
                        remote,
                    };
                    let datagram = self.buffer.get(..length).unwrap_or_default();
                    if stun::is_stun(datagram) {
                        let answer = stun::answer(datagram, remote);
                        // Lost like any datagram when it cannot be sent.
                        let _ = answer.map(|answer| self.socket.send_to(&answer, remote));
                        return Received::Answered;
                    }
                    return Received::Datagram(flow, Bytes::copy_from_slice(datagram));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Received::Nothing,
                // A port-unreachable of an earlier datagram, or a signal: the next datagram may be there.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted | ErrorKind::ConnectionRefused
                    ) => {}
                Err(error) => {
                    tracing::warn!(%error, listener = self.index, "datagram cannot be received");
                    return Received::Nothing;
                }
            }
        }
    }

    /// Sends at once. A full buffer loses the datagram, as the network may; retransmission mends it.
    ///
    /// # Errors
    /// When the address cannot be reached from here.
    pub(super) fn send(&mut self, remote: SocketAddr, bytes: &[u8]) -> Result<(), Error> {
        match self.socket.send_to(bytes, remote) {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                self.unsent += 1;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
