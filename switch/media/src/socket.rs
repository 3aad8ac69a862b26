//! Binding one side's sockets.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// The kernel doubles it: room for some 3 s of one stream. More would only keep stale audio, and less memory per
/// socket bounds what a flood can take.
const RECEIVE_BUFFER: usize = 64 * 1024;
/// Expedited forwarding (RFC 3246), as a TOS byte: audio before everything else.
const EXPEDITED: u32 = 0xb8;

/// A non-blocking UDP socket for audio.
pub(crate) fn bind(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let domain = if address.is_ipv4() {
        Domain::IPV4
    } else {
        Domain::IPV6
    };
    let socket = Socket::new(
        domain,
        Type::DGRAM.nonblocking().cloexec(),
        Some(Protocol::UDP),
    )?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    if address.is_ipv4() {
        socket.set_tos_v4(EXPEDITED)?;
    } else {
        socket.set_only_v6(true)?;
        socket.set_tclass_v6(EXPEDITED)?;
    }
    socket.bind(&SocketAddr::new(address, port).into())?;
    Ok(socket.into())
}
