//! Gateways, as JSON writes them.

use super::{Faults, relay, yes};
use crate::directory::{
    CallsIn, Gateway, GatewayAuth, GatewayHost, GatewayNaming, GatewayTls, Health, Hours,
    HuntCodes, HuntTerms, Limits, MediaMode, Signalling, SrtpPolicy,
};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, sync::Arc};
use tandem_billing::{Currency, GatewayId, TariffId};
use tandem_sip::Transport;

/// See [`Gateway`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySpec {
    /// Unique.
    pub id: GatewayId,
    /// For people.
    pub name: String,
    /// On if left out.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// `address:port`, in order of priority.
    pub hosts: Vec<SocketAddr>,
    /// Our user and password there.
    pub auth: Option<(String, String)>,
    /// Number rules.
    #[serde(default)]
    pub rules: String,
    /// Empty allows all.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Calls at once and a second.
    #[serde(default)]
    pub limits: Limits,
    /// What it takes.
    pub cost_tariff: Option<TariffId>,
    /// Of the cost tariff.
    pub currency: Currency,
    /// Final answers that end the hunt, or not: `5xx,!486`.
    #[serde(default)]
    pub hunt_codes: String,
    /// Seconds without any answer; 5 if left out.
    #[serde(default = "five")]
    pub no_response_s: u32,
    /// Seconds; 0 means the global setting.
    #[serde(default)]
    pub ring_timeout_s: u32,
    /// `relay` if left out.
    #[serde(default = "relay")]
    pub media: MediaMode,
    /// `accepted` if left out.
    #[serde(default)]
    pub srtp: SrtpPolicy,
    /// Host part of From toward it.
    pub from_domain: Option<String>,
    /// Whether P-Asserted-Identity is sent.
    #[serde(default)]
    pub send_pai: bool,
    /// How it is spoken to and what it is trusted with.
    #[serde(default)]
    pub signalling: Signalling,
    /// Not watched if left out.
    #[serde(default)]
    pub health: Health,
    /// `{"account": 1, "number": null, "reach": "phones"}`: whose calls from it are, and where they may go.
    #[serde(default)]
    pub inbound: Option<CallsIn>,
}

fn five() -> u32 {
    5
}

impl GatewaySpec {
    pub(super) fn build(self, at: usize, faults: &mut Faults) -> (GatewayId, Arc<Gateway>) {
        let rules = faults.rules(format!("gateways[{at}].rules"), &self.rules);
        faults.signalling(format!("gateways[{at}]"), &self.signalling);
        let codes = self.hunt_codes.parse().unwrap_or_else(|reason: String| {
            faults.add(format!("gateways[{at}].hunt_codes"), reason);
            HuntCodes::default()
        });
        if let Err((field, reason)) = self.health.check() {
            faults.add(format!("gateways[{at}].health.{field}"), reason);
        }
        let host = |(at, address)| GatewayHost {
            name: None,
            address,
            transport: Transport::Udp,
            priority: u32::try_from(at).unwrap_or(u32::MAX),
            weight: 1,
        };
        let gateway = Gateway {
            id: self.id,
            name: self.name,
            enabled: self.enabled,
            hosts: self.hosts.into_iter().enumerate().map(host).collect(),
            tls: GatewayTls::default(),
            auth: self.auth.map(|(username, password)| GatewayAuth {
                username,
                password,
                realm: None,
            }),
            rules,
            codecs: self.codecs,
            limits: self.limits,
            cost_tariff: self.cost_tariff,
            hunt: HuntTerms {
                codes,
                no_response_s: self.no_response_s,
                ring_timeout_s: self.ring_timeout_s,
            },
            hours: Hours::always(),
            health: self.health,
            media: self.media,
            srtp: self.srtp,
            currency: self.currency,
            naming: GatewayNaming {
                from_domain: self.from_domain,
                from_user: None,
                send_pai: self.send_pai,
            },
            signalling: self.signalling,
            inbound: self.inbound,
        };
        (self.id, Arc::new(gateway))
    }
}
