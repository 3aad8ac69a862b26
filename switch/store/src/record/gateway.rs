//! SIP peers that calls are sent to.

use super::{InboundReach, MediaMode, records};
use serde::{Deserialize, Serialize};
use tandem_billing::{AccountId, Currency, TariffId, tariff::Span};
use tandem_call::directory::{Health, Signalling, SrtpPolicy};

/// A SIP peer we send to (`features.md` section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Unique.
    pub name: String,
    /// Disabled gateways are skipped.
    #[serde(default)]
    pub disabled: bool,
    /// At least one; tried by priority, then weight.
    pub hosts: Vec<GatewayHost>,
    /// How it is reached.
    #[serde(default)]
    pub transport: Transport,
    /// What is asked of its certificate over TLS.
    #[serde(flatten)]
    pub tls: GatewayTls,
    /// Our user there.
    #[serde(flatten)]
    pub auth: GatewayAuth,
    /// Number rules, `KEY:rule;KEY:rule`.
    #[serde(default)]
    pub rules: String,
    /// Of calls to it.
    #[serde(flatten)]
    pub limits: GatewayLimits,
    /// What it takes; must have `currency`.
    #[serde(default)]
    pub cost_tariff_id: Option<TariffId>,
    /// What it is paid in; fixed at creation.
    pub currency: Currency,
    /// When the next route is tried.
    #[serde(flatten)]
    pub hunt: HuntTerms,
    /// How it is watched.
    #[serde(default)]
    pub health: Health,
    /// When calls are sent to it.
    #[serde(default)]
    pub hours: GatewayHours,
    /// Calls that come from its hosts.
    #[serde(flatten)]
    pub inbound: GatewayInbound,
    /// How it is spoken to and what it is trusted with.
    #[serde(default)]
    pub signalling: Signalling,
    /// What we say of the caller.
    #[serde(flatten)]
    pub identity: Identity,
    /// Its audio.
    #[serde(flatten)]
    pub audio: GatewayAudio,
    /// Free text.
    #[serde(default)]
    pub notes: String,
}

/// Calls that come from a gateway's hosts and are for no DID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayInbound {
    /// Whose they are; None takes none.
    pub inbound_account_id: Option<AccountId>,
    /// What they count as having dialled; None takes the number called.
    pub inbound_number: Option<String>,
    /// Where they may go.
    pub inbound_reach: InboundReach,
}

/// Where a gateway is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayHost {
    /// IP address or DNS name.
    pub host: String,
    /// 0 looks for SRV records of the name (RFC 3263), and takes the transport's own port if it has none.
    #[serde(default = "sip_port")]
    pub port: u16,
    /// Lower first.
    #[serde(default)]
    pub priority: u16,
    /// Share among equal priority.
    #[serde(default = "one")]
    pub weight: u16,
    /// How it is reached, if not as the gateway's others.
    #[serde(default)]
    pub transport: Option<Transport>,
}

/// Our user at a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayAuth {
    /// Digest user; None if it asks for none.
    pub auth_username: Option<String>,
    /// Goes in, never comes out; None keeps the old one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_password: Option<String>,
}

/// How many calls it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayLimits {
    /// Simultaneous calls; 0 is unlimited.
    pub max_calls: u32,
    /// Calls begun in one second; 0 is unlimited.
    pub max_cps: u32,
}

/// How audio passes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayAudio {
    /// Lower-case names in order of preference; empty allows all.
    pub codecs: Vec<String>,
    /// Whether audio passes through us.
    pub media: MediaMode,
    /// Whether SRTP keys travel in descriptions to it.
    pub srtp: SrtpPolicy,
}

/// Days and hours in a time zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayHours {
    /// Days and minutes.
    pub span: Span,
    /// IANA name; empty for UTC.
    pub time_zone: String,
}
fn sip_port() -> u16 {
    5060
}
fn one() -> u16 {
    1
}

/// What is asked of a gateway's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewayTls {
    /// How it is judged.
    pub tls_trust: TlsTrust,
    /// Whom it must name; None takes the host's name.
    pub tls_name: Option<String>,
    /// Its SHA-256 in hex pairs, if it is judged by that.
    pub tls_fingerprint: Option<String>,
}

/// How a certificate is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsTrust {
    /// An authority signed it, and it is the name's.
    #[default]
    Authority,
    /// It has the fingerprint, whoever signed it.
    Fingerprint,
    /// Any will do.
    Any,
}

/// When the next route is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HuntTerms {
    /// Final answers on which the hunt goes on, with `!` those on which it stops: `5xx,408;!503`.
    pub hunt_codes: String,
    /// Seconds without any provisional response after which the next route is tried; 1 to 60.
    pub no_response_s: u32,
    /// Seconds of ringing after which the next route is tried; 0 takes the global setting.
    pub ring_timeout_s: u32,
}
impl Default for HuntTerms {
    fn default() -> Self {
        Self {
            hunt_codes: String::new(),
            no_response_s: 6,
            ring_timeout_s: 0,
        }
    }
}

/// What a gateway is told of the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Host part of From; None takes our address.
    pub from_domain: Option<String>,
    /// Whether P-Asserted-Identity is sent.
    pub send_pai: bool,
}

/// How SIP travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// A stream.
    Tcp,
    /// A stream under TLS.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket under TLS.
    Wss,
}

records!(Gateway);
