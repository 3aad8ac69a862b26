//! A gateway: where it is, how it proves that it is the one, and on which terms calls are sent to it.

use super::{Health, Hours, HuntCodes, InboundReach, Limits, MediaMode, Signalling, SrtpPolicy};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use tandem_billing::{AccountId, Currency, GatewayId, TariffId, number_rule::NumberRules};
use tandem_sip::Transport;

/// A SIP peer that calls are sent to.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Row id.
    pub id: GatewayId,
    /// For people.
    pub name: String,
    /// Disabled ones get no calls.
    pub enabled: bool,
    /// In order of priority, then weight. Resolved addresses; names are resolved by the shell.
    pub hosts: Vec<GatewayHost>,
    /// Over TLS.
    pub tls: GatewayTls,
    /// Answers its challenges.
    pub auth: Option<GatewayAuth>,
    /// Rewriting toward it, and its rating number.
    pub rules: NumberRules,
    /// Lower-case names in order of preference; empty allows all.
    pub codecs: Vec<String>,
    /// Of calls to it.
    pub limits: Limits,
    /// What it takes; None counts as nothing.
    pub cost_tariff: Option<TariffId>,
    /// When the next route is tried.
    pub hunt: HuntTerms,
    /// When calls are sent to it.
    pub hours: Hours,
    /// How it is told whether it works.
    pub health: Health,
    /// Direct only where the account allows it too.
    pub media: MediaMode,
    /// Of calls to it.
    pub srtp: SrtpPolicy,
    /// Of its cost tariff.
    pub currency: Currency,
    /// As whom we speak to it.
    pub naming: GatewayNaming,
    /// How it is spoken to and what it is trusted with.
    pub signalling: Signalling,
    /// What becomes of calls from its hosts that are for no DID; None takes none of them.
    pub inbound: Option<CallsIn>,
}

/// Calls in from a gateway's hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallsIn {
    /// Whose they are.
    pub account: AccountId,
    /// What they count as having dialled; what they did dial if None.
    #[serde(default)]
    pub number: Option<String>,
    /// Where they may go.
    #[serde(default)]
    pub reach: InboundReach,
}

impl CallsIn {
    /// What a call counts as having dialled; empty if it may reach nothing.
    #[must_use]
    pub fn dialled<'a>(&'a self, called: &'a str) -> &'a str {
        match (&self.number, self.reach) {
            (Some(number), _) => number,
            (None, InboundReach::Number) => "",
            (None, InboundReach::Phones | InboundReach::Anywhere) => called,
        }
    }
}

/// Our user at a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayAuth {
    /// Digest user name.
    pub username: String,
    /// In clear: we must answer with it.
    pub password: String,
    /// Only challenges of this realm are answered; any if None.
    pub realm: Option<String>,
}

/// When a gateway is left and the next route tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HuntTerms {
    /// Final status codes on which the hunt goes on, and those on which it stops.
    pub codes: HuntCodes,
    /// Seconds without any provisional response after which the next route is tried.
    pub no_response_s: u32,
    /// Seconds of ringing; 0 means the global setting.
    pub ring_timeout_s: u32,
}

/// As whom a gateway is spoken to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayNaming {
    /// Host part of From toward it; ours if None.
    pub from_domain: Option<String>,
    /// User part of From where it is our own and not the caller's; that of the log-in if None.
    pub from_user: Option<String>,
    /// Whether P-Asserted-Identity is sent (RFC 3325).
    pub send_pai: bool,
}

/// One address of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayHost {
    /// The name it was found by, in Request-URI and To; the address stands there if None.
    pub name: Option<String>,
    /// Resolved.
    pub address: SocketAddr,
    /// To it.
    pub transport: Transport,
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
