//! The configuration file: what must be known before the store is open.
//!
//! All else (realm, limits, timeouts, log-ins) is a setting in the store and takes effect at once. Without a
//! file the defaults below serve a newcomer: SIP on 5060 by UDP and TCP, the manager on 7443.

mod changes;
mod check;

pub use changes::{Changes, RELOADED};
pub use check::{ConfigError, Fault};

use serde::{Deserialize, Serialize};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// The whole file. Unknown keys are faults: a misspelt one must not pass in silence.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of the database, the certificate and backups; made if missing.
    pub data: PathBuf,
    /// What peers are told that we are, in `Server` and `User-Agent`; nothing if empty.
    pub product: String,
    /// SIP listeners.
    pub listen: Vec<ListenConfig>,
    /// Certificates of the SIP side.
    pub tls: TlsConfig,
    /// The relay.
    pub media: MediaConfig,
    /// Manager and web.
    pub rpc: RpcConfig,
    /// Bounds of the process.
    pub limits: LimitsConfig,
    /// What is logged.
    pub log: LogConfig,
}

impl Default for Config {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5060));
        let listen = |transport| ListenConfig {
            transport,
            address: any,
            advertised: None,
        };
        Self {
            data: "tandem-data".into(),
            product: "Tandem".into(),
            listen: vec![listen(ListenTransport::Udp), listen(ListenTransport::Tcp)],
            tls: TlsConfig::default(),
            media: MediaConfig::default(),
            rpc: RpcConfig::default(),
            limits: LimitsConfig::default(),
            log: LogConfig::default(),
        }
    }
}

/// One SIP listener.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// How.
    pub transport: ListenTransport,
    /// Where: `address:port`; port 0 takes a free one.
    pub address: SocketAddr,
    /// The address peers are told when it is not the one bound (behind NAT): an IP address, port as bound.
    pub advertised: Option<IpAddr>,
}

/// Transports a listener can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ListenTransport {
    /// Datagrams.
    Udp,
    /// Streams.
    Tcp,
    /// Streams under TLS.
    Tls,
    /// WebSocket (RFC 7118), for browsers behind a proxy that ends TLS.
    Ws,
    /// WebSocket under TLS: what browsers need.
    Wss,
}

impl ListenTransport {
    /// As written in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

/// Certificates of the SIP side.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate chain in PEM; the self-signed one of the manager's port if not set.
    pub certificate: Option<PathBuf>,
    /// Its private key in PEM.
    pub key: Option<PathBuf>,
    /// Authorities in PEM that gateways' certificates are checked against; Mozilla's list if not set.
    pub authorities: Option<PathBuf>,
}

/// The relay.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// First and last UDP port for audio. Two calls' sides take four ports a call.
    pub first_port: u16,
    /// Last port, inclusive.
    pub last_port: u16,
    /// Relay threads; 0 takes one per processor.
    pub threads: usize,
    /// Address the relay binds; that of the listener if not set.
    pub address: Option<IpAddr>,
    /// Address in SDP; the advertised one of the listener if not set.
    pub advertised: Option<IpAddr>,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            first_port: 20_000,
            last_port: 39_999,
            threads: 0,
            address: None,
            advertised: None,
        }
    }
}

/// Manager and web.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RpcConfig {
    /// Where: `address:port`; port 0 takes a free one.
    pub address: SocketAddr,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::UNSPECIFIED, 7443).into(),
        }
    }
}

/// Bounds of the process.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Calls up at once; more are answered 503.
    pub max_calls: usize,
    /// SIP transactions at once; more are answered 503.
    pub max_transactions: usize,
    /// TCP, TLS and WebSocket connections at once; more are not taken.
    pub max_connections: usize,
    /// The same of one IPv4 address, or one IPv6 network of 64 bits.
    pub max_connections_per_source: usize,
    /// Seconds that calls may go on after TERM before they are ended.
    pub drain_s: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_calls: 20_000,
            max_transactions: 200_000,
            max_connections: 20_000,
            max_connections_per_source: 500,
            drain_s: 10,
        }
    }
}

/// What is logged.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// As for `RUST_LOG`, e.g. `info,tandem_call=debug`.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "info".into(),
        }
    }
}

impl Config {
    /// Reads and checks a file; None takes the defaults.
    ///
    /// # Errors
    /// All faults at once, each with the key and the remedy.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let config: Self = toml::from_str(&text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let faults = config.faults();
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Faults {
                path: path.to_owned(),
                faults,
            })
        }
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data.join("tandem.sqlite")
    }

    /// The folder of recordings.
    #[must_use]
    pub fn recordings(&self) -> PathBuf {
        self.data.join("recordings")
    }

    /// The folder of sound files.
    #[must_use]
    pub fn sounds(&self) -> PathBuf {
        self.data.join("sounds")
    }
}
