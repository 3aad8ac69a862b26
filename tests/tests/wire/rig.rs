//! A daemon with a listener of every transport on free ports of loopback.

use crate::client::Client;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tandem_sip::Transport;
use tandem_switch::{
    config::{Config, ListenConfig, ListenTransport},
    daemon::Daemon,
};
use tempfile::TempDir;

/// Every transport that phones may use.
pub const TRANSPORTS: [(Transport, ListenTransport); 5] = [
    (Transport::Udp, ListenTransport::Udp),
    (Transport::Tcp, ListenTransport::Tcp),
    (Transport::Tls, ListenTransport::Tls),
    (Transport::Ws, ListenTransport::Ws),
    (Transport::Wss, ListenTransport::Wss),
];

/// A daemon and its folder.
pub struct Rig {
    pub daemon: Daemon,
    _folder: TempDir,
}

impl Rig {
    /// Over IPv4 and IPv6.
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// The same, configured further.
    pub fn start_with(edit: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            data: folder.path().to_owned(),
            ..Config::default()
        };
        config.listen.clear();
        for ip in [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ] {
            config
                .listen
                .extend(TRANSPORTS.map(|(_, transport)| ListenConfig {
                    transport,
                    address: SocketAddr::new(ip, 0),
                    advertised: None,
                }));
        }
        config.rpc.address = (Ipv4Addr::LOCALHOST, 0).into();
        config.media.threads = 1;
        edit(&mut config);
        let daemon = Daemon::start(&config).unwrap();
        Self {
            daemon,
            _folder: folder,
        }
    }

    /// Where a transport listens; IPv4 unless `v6`.
    pub fn address(&self, transport: Transport, family: Family) -> SocketAddr {
        let at = TRANSPORTS
            .iter()
            .position(|(own, _)| *own == transport)
            .unwrap();
        let skip = match family {
            Family::V4 => 0,
            Family::V6 => TRANSPORTS.len(),
        };
        self.daemon.sip()[skip + at]
    }

    /// A client over IPv4.
    pub fn client(&self, transport: Transport) -> Client {
        Client::connect(transport, self.address(transport, Family::V4))
    }

    /// Whether an OPTIONS on a client of its own is answered.
    pub fn is_alive(&self) -> bool {
        self.client(Transport::Udp).options().is_some()
    }
}

/// Of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}
