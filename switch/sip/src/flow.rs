//! Where a message came from or goes to, without a socket.

use std::net::SocketAddr;

/// How SIP travels (RFC 3261 section 18, RFC 7118).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams: one message each.
    Udp,
    /// A byte stream framed by Content-Length.
    Tcp,
    /// TCP under TLS.
    Tls,
    /// WebSocket: one message a frame.
    Ws,
    /// WebSocket under TLS.
    Wss,
}

impl Transport {
    /// Whether the transport itself delivers: retransmission timers are off then (RFC 3261 section 17).
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// As written in Via.
    #[must_use]
    pub fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }
}

/// One way to reach a peer: over UDP an address pair, over a stream one connection.
///
/// The shell keeps the sockets; the core only compares and returns flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// The transport of the listener.
    pub transport: Transport,
    /// Which listener of the configuration, by its index.
    pub listener: u16,
    /// The connection for stream transports, unique for the life of the process; 0 for UDP and for
    /// "open one to `remote`".
    pub connection: u32,
    /// The peer's address as seen in the packet, not as it claims.
    pub remote: SocketAddr,
}
