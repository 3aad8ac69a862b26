//! Upstream registrations: where we register as a phone does, to send and take calls through somebody's account.
//!
//! Each is bound to a gateway, which says where the registrar is and on which terms calls go there; the
//! registration says as whom. [`Upstreams`] is built anew whenever one of the two changes.

use super::{Gateway, GatewayAuth, GatewayNaming, signalling::FromUser};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};
use tandem_billing::{AccountId, GatewayId, UpstreamId};

/// A registration we hold elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Row id.
    pub id: UpstreamId,
    /// For people.
    pub name: String,
    /// Disabled ones are taken back.
    pub enabled: bool,
    /// Whose hosts are the registrar, and on whose terms calls go there.
    pub gateway: GatewayId,
    /// Domain we register at, in Request-URI, From and To; the gateway's first host if None.
    pub registrar: Option<String>,
    /// The user we register.
    pub user: String,
    /// What answers challenges.
    pub login: GatewayAuth,
    /// Seconds asked for, 60 to 86400.
    pub expires_s: u32,
    /// Seconds between two packets that keep the way back open; 0 sends none.
    pub keep_alive_s: u32,
    /// User part of our Contact: calls to it from a host of the gateway came by this registration.
    pub contact_user: String,
    /// Whose calls those are that come in by it; None takes none.
    pub inbound: Option<AccountId>,
    /// What they count as having dialled; the number of their To if None.
    pub inbound_number: Option<String>,
    /// Where they may go.
    pub inbound_reach: InboundReach,
}

/// Where calls in by an upstream registration, or from a gateway's hosts, may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InboundReach {
    /// To the number that is set, if it is a registered phone of the account.
    #[default]
    Number,
    /// To the number that is set, else to the one called, if it is a registered phone of the account.
    Phones,
    /// The same, but wherever the account may call, at its expense.
    Anywhere,
}

impl Upstream {
    /// Whether it is still the same binding at the same registrar.
    #[must_use]
    pub fn is_same_binding(&self, other: &Self) -> bool {
        self.gateway == other.gateway
            && self.registrar == other.registrar
            && self.user == other.user
            && self.contact_user == other.contact_user
    }

    /// The domain it is registered at.
    #[must_use]
    pub fn domain(&self, gateway: &Gateway) -> String {
        let host = gateway.hosts.first();
        let found = |host: &super::GatewayHost| {
            let address = host.address.ip();
            host.name.clone().unwrap_or_else(|| match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            })
        };
        let given = self.registrar.clone();
        given.or_else(|| host.map(found)).unwrap_or_default()
    }

    /// Its gateway as calls through it see it: with our user there.
    fn way(&self, gateway: &Gateway) -> Gateway {
        let mut way = gateway.clone();
        way.name.clone_from(&self.name);
        way.auth = Some(self.login.clone());
        way.signalling.naming.from = FromUser::Login;
        way.naming = GatewayNaming {
            from_domain: Some(self.domain(gateway)),
            from_user: Some(self.user.clone()),
            ..way.naming
        };
        way
    }
}

/// All of them, with the way to each.
#[derive(Clone, Debug, Default)]
pub struct Upstreams {
    rows: BTreeMap<UpstreamId, Arc<Upstream>>,
    ways: BTreeMap<UpstreamId, Arc<Gateway>>,
    tokens: HashMap<String, UpstreamId>,
}

impl Upstreams {
    /// From rows and the gateways they are bound to; one without its gateway leads nowhere.
    #[must_use]
    pub fn build(
        rows: impl IntoIterator<Item = Arc<Upstream>>,
        gateways: &BTreeMap<GatewayId, Arc<Gateway>>,
    ) -> Self {
        let mut all = Self::default();
        for row in rows {
            if let Some(gateway) = gateways.get(&row.gateway) {
                all.ways.insert(row.id, Arc::new(row.way(gateway)));
            }
            all.tokens.insert(row.contact_user.clone(), row.id);
            all.rows.insert(row.id, row);
        }
        all
    }

    /// In order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.rows.values()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: UpstreamId) -> Option<&Arc<Upstream>> {
        self.rows.get(&id)
    }

    /// The gateway that calls through it are sent to, as our user there.
    #[must_use]
    pub fn way(&self, id: UpstreamId) -> Option<&Arc<Gateway>> {
        self.ways.get(&id)
    }

    /// Whether this is the user of one's Contact.
    #[must_use]
    pub fn is_contact(&self, user: &str) -> bool {
        self.tokens.contains_key(user)
    }

    /// The one that a call came in by: to the user of its Contact, from an address of its gateway.
    #[must_use]
    pub fn of_call(&self, user: &str, remote: IpAddr) -> Option<&Arc<Upstream>> {
        let id = self.tokens.get(user)?;
        let row = self.rows.get(id).filter(|row| row.enabled)?;
        let remote = remote.to_canonical();
        let mut hosts = self.ways.get(id)?.hosts.iter();
        let known = hosts.any(|host| host.address.ip().to_canonical() == remote);
        known.then_some(row)
    }
}
