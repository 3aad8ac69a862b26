//! The core's thread: it owns the SIP sockets and `call::Switch`, and nothing else touches either.
//!
//! Inputs come from the sockets, from the [`Inbox`] (relay reports, durable journal, directory, commands) and
//! from the clock; outputs go to the sockets, the relay, the journal and the [`Audience`]. One input is fed,
//! then all outputs are drained. Must not know SQL, JSON-RPC or what a call is.

mod clock;
mod connection;
mod datagram;
mod follow;
mod inbox;
mod journal;
mod link;
mod run;
mod sources;
mod stream;
mod stun;
mod tls;
mod websocket;

pub use clock::{Clock, utc_now};
pub use inbox::{Inbox, ReplyTo};
pub use run::Engine;
pub use sources::ConnectionLimits;
pub use tls::{SipIdentity, Tls, TlsFiles, TlsFilesError};

use std::{io::ErrorKind, net::SocketAddr, sync::Arc};
use tandem_call::{io::MediaAddress, monitor::FeedEvent};
use tandem_sip::Transport;

/// One SIP listener as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// What peers connect with.
    pub transport: Transport,
    /// Where to bind; port 0 takes a free one.
    pub address: SocketAddr,
    /// What peers are told instead, if set.
    pub advertised: Option<SocketAddr>,
    /// Where the relay binds, and what SDP says, for legs over this listener.
    pub media: MediaAddress,
}

/// Told of every change on the core's thread: it must not block.
pub type Audience = Arc<dyn Fn(FeedEvent) + Send + Sync>;

/// Why the core's thread could not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A listener could not be bound.
    #[error(
        "cannot listen on {transport:?} {address}: {source}; {remedy}", remedy = bind_remedy(source, *address)
    )]
    Bind {
        /// Of the listener.
        transport: Transport,
        /// Of the listener.
        address: SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// The event queue of the system failed.
    #[error("the event queue failed: {0}")]
    Poll(#[from] std::io::Error),
}

/// What to do when an address cannot be bound.
pub(crate) fn bind_remedy(error: &std::io::Error, address: SocketAddr) -> String {
    let port = address.port();
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "another program has the port: `ss -ltunp 'sport = :{port}'` names it; end it, or choose another port"
        ),
        ErrorKind::AddrNotAvailable => {
            format!(
                "{} is no address of this machine: `ip address` lists them",
                address.ip()
            )
        }
        ErrorKind::PermissionDenied => format!(
            "port {port} needs a privilege: choose one above 1023, or give the switch CAP_NET_BIND_SERVICE"
        ),
        _ => "choose another address".to_owned(),
    }
}
