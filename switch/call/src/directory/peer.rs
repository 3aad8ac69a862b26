//! Where a gateway is and how it proves that it is the one: what the shell needs to connect to it.

use std::net::SocketAddr;

/// One address of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayHost {
    /// The name it was found by, in Request-URI and To; the address stands there if None.
    pub name: Option<String>,
    /// Resolved.
    pub address: SocketAddr,
    /// Lower first: that of the gateway's row above that of its SRV record.
    pub priority: u32,
    /// Share among equal priority.
    pub weight: u16,
}

/// What is asked of a gateway's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayTls {
    /// Whom it must name; the host's name or address if None (RFC 5922 section 7.2).
    pub name: Option<String>,
    /// Who must have signed it.
    pub trust: TlsTrust,
}

/// How a certificate is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TlsTrust {
    /// An authority signed it, and it is the name's.
    #[default]
    Authority,
    /// It has this SHA-256, whoever signed it.
    Pinned([u8; 32]),
    /// Any will do: the operator said so.
    Any,
}
