//! Gateways: the SIP peers calls are sent to.

use crate::{
    account::{MediaMode, SrtpPolicy, Transport},
    dialplan::Hours,
    id::{GatewayId, TariffId},
    inbound::Inbound,
    signalling::Signalling,
    value::Revision,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A SIP peer that calls are sent to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gateway {
    /// Id.
    pub id: GatewayId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Name of its cost tariff.
    #[serde(default)]
    pub cost_tariff_name: Option<String>,
    /// Login of the account whose calls from it are.
    #[serde(default)]
    pub inbound_account_login: Option<String>,
    /// What can be edited; the password is never told.
    pub edit: GatewayEdit,
}

/// The editable part of a gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayEdit {
    /// Unique name. 1 to 64 characters.
    pub name: String,
    /// Whether calls are sent to it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// At least one; tried by priority, then weight. At most 16.
    pub hosts: Vec<GatewayHost>,
    /// How SIP travels to it.
    #[serde(default)]
    pub transport: Transport,
    /// What is asked of its certificate over TLS.
    #[serde(default)]
    pub tls: TlsOptions,
    /// Digest credentials it asks for.
    #[serde(default)]
    pub auth: Option<GatewayAuth>,
    /// Number rules.
    #[serde(default)]
    pub rules: String,
    /// Codec names in lower case, in order; empty allows all.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Concurrent calls; 0 means unlimited.
    #[serde(default)]
    pub max_calls: u32,
    /// Calls a second; 0 means unlimited.
    #[serde(default)]
    pub max_cps: u32,
    /// What it costs.
    #[serde(default)]
    pub cost_tariff: Option<TariffId>,
    /// ISO 4217 code of its costs.
    pub currency: String,
    /// When it is used, and left.
    #[serde(default)]
    pub hunt: HuntOptions,
    /// How it is watched.
    #[serde(default)]
    pub health: HealthOptions,
    /// Calls that come from its hosts, whatever port they come from. An address of an account goes first, then a DID.
    #[serde(default)]
    pub inbound: Inbound,
    /// Audio through us or not.
    #[serde(default)]
    pub media: MediaMode,
    /// Whether SRTP keys travel in descriptions to it.
    #[serde(default)]
    pub srtp: SrtpPolicy,
    /// As whom we speak to it.
    #[serde(default)]
    pub identity: IdentityOptions,
    /// How it is spoken to and what it is trusted with.
    #[serde(default)]
    pub signalling: Signalling,
    /// Free text.
    #[serde(default)]
    pub notes: String,
}
impl Default for GatewayEdit {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            hosts: Vec::new(),
            transport: Transport::Udp,
            tls: TlsOptions::default(),
            auth: None,
            rules: String::new(),
            codecs: Vec::new(),
            max_calls: 0,
            max_cps: 0,
            cost_tariff: None,
            currency: String::new(),
            hunt: HuntOptions::default(),
            health: HealthOptions::default(),
            inbound: Inbound::default(),
            media: MediaMode::Relay,
            srtp: SrtpPolicy::default(),
            identity: IdentityOptions::default(),
            signalling: Signalling::default(),
            notes: String::new(),
        }
    }
}
fn yes() -> bool {
    true
}

/// One address of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayHost {
    /// Name or address, without port.
    pub host: String,
    /// Port; 0 looks for SRV records of the name (RFC 3263), and takes the transport's own port if it has none.
    #[serde(default = "sip_port")]
    pub port: u16,
    /// Lower first.
    #[serde(default)]
    pub priority: u16,
    /// Share among equal priority.
    #[serde(default = "one")]
    pub weight: u16,
    /// How SIP travels to it, if not as to the others.
    #[serde(default)]
    pub transport: Option<Transport>,
}
fn one() -> u16 {
    1
}
fn sip_port() -> u16 {
    5060
}

/// What is asked of a gateway's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsOptions {
    /// How it is judged.
    pub trust: TlsTrust,
    /// Whom it must name; the host's name if none.
    pub name: Option<String>,
    /// Its SHA-256 as 32 hex pairs, if it is judged by that.
    pub fingerprint: Option<String>,
}

/// How a certificate is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TlsTrust {
    /// An authority signed it, and it is the name's.
    #[default]
    Authority,
    /// It has the fingerprint, whoever signed it.
    Fingerprint,
    /// Any will do: nobody can tell who answers.
    Any,
}

/// Digest credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayAuth {
    /// User name.
    pub username: String,
    /// Kept when left out of an update. Never sent back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// As whom a gateway is spoken to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityOptions {
    /// Domain of the From header; ours if none.
    pub from_domain: Option<String>,
    /// Send P-Asserted-Identity.
    pub send_pai: bool,
}

/// When a gateway is used, and when the next route is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HuntOptions {
    /// Final answers on which the hunt goes on, and with `!` those on which it stops, as in `5xx,408;!503`; `x` is
    /// any digit, the pattern with the fewest of them decides. What none fits: 404, 410, 484, 485, 486 and 6xx but
    /// 606 stop, all else goes on. No answer at all always goes on.
    pub codes: String,
    /// Seconds without any provisional answer after which the next route is tried, 1 to 60.
    pub no_response_s: u32,
    /// Seconds of ringing after which the next route is tried; 0 takes the global setting.
    pub ring_timeout_s: u32,
    /// When calls are sent to it.
    pub hours: Hours,
}
impl Default for HuntOptions {
    fn default() -> Self {
        Self {
            codes: String::new(),
            no_response_s: 6,
            ring_timeout_s: 0,
            hours: Hours::default(),
        }
    }
}

/// How a gateway's hosts are watched: by OPTIONS, and by what calls come to. A gateway is down when all its hosts
/// are; routes to it are passed over until one is up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HealthOptions {
    /// Seconds between two OPTIONS to a host, 5 to 3600; 0 sends none.
    pub interval_s: u32,
    /// OPTIONS in a row without a sign of life after which a host is down, 1 to 20.
    pub fails_to_down: u32,
    /// OPTIONS in a row answered after which it is up again, 1 to 20.
    pub answers_to_up: u32,
    /// Final answers that are no sign of life; any other, a challenge too, is one.
    pub dead_codes: Vec<u16>,
    /// Calls in a row that found no host there (no answer, not sent, 503 with Retry-After) after which it rests,
    /// 1 to 100; 0 never.
    pub failures_to_rest: u32,
    /// Seconds of the first rest, 5 to 3600; twice as long each time, up to 16 times.
    pub rest_s: u32,
}
impl Default for HealthOptions {
    fn default() -> Self {
        Self {
            interval_s: 0,
            fails_to_down: 3,
            answers_to_up: 2,
            dead_codes: vec![408, 503],
            failures_to_rest: 0,
            rest_s: 30,
        }
    }
}
