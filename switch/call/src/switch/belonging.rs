//! Whose a SIP message is: what a trace asks of each message while one is on.
//!
//! Answered from the index of open legs, else from what the message says of its sender, which nobody has checked.
//! Must not know traces.

use super::Switch;
use crate::{Directory, directory::Account};
use std::{net::SocketAddr, sync::Arc};
use tandem_billing::{AccountId, CallId, GatewayId};
use tandem_sdp::Side;
use tandem_sip::Transport;

/// What a message says of itself, unchecked.
#[derive(Clone, Copy, Debug)]
pub struct Stated<'a> {
    /// Its Call-ID.
    pub call_id: &'a str,
    /// The user of its From.
    pub user: Option<&'a str>,
    /// The user of its To; empty if it has none.
    pub dialled: &'a str,
    /// The peer.
    pub remote: SocketAddr,
    /// How it travels.
    pub transport: Transport,
}

/// Whose a message is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Belonging {
    /// The open call it is part of.
    pub call: Option<CallId>,
    /// Call-IDs of its legs.
    pub call_ids: Vec<String>,
    /// All accounts of the call, resellers included; those of the stated sender if there is no call.
    pub accounts: Vec<AccountId>,
    /// The account of this leg and its resellers; empty on a leg to a gateway.
    pub leg: Vec<AccountId>,
    /// The gateway the call was sent to, or whose address the peer has.
    pub gateway: Option<GatewayId>,
}

impl Switch {
    /// Whether this is the user of our Contact at a registrar: a secret.
    #[must_use]
    pub fn is_upstream_contact(&self, user: &str) -> bool {
        self.core.directory.upstreams.is_contact(user)
    }

    /// Whose a message is, by the calls that are open now.
    #[must_use]
    pub fn belonging(&self, stated: Stated<'_>) -> Belonging {
        let directory = &self.core.directory;
        let indexed = self.core.index.call_ids.get(stated.call_id);
        let found = indexed.and_then(|(id, side)| Some((self.calls.get(id)?, *side)));
        let Some((call, side)) = found else {
            return unconnected(directory, stated);
        };
        let target = call.target.as_ref();
        let callee = target.and_then(|target| target.callee_account);
        let owner = |side| call.leg(side).and_then(|leg| leg.account);
        let of = |account: Option<AccountId>| {
            account.map_or_else(Vec::new, |account| chain(&call.directory, account))
        };
        let mut accounts = call.who.chain.clone();
        // A transfer may have put others at its sides than those who began it.
        for account in [callee, owner(Side::A), owner(Side::B)] {
            let more = of(account);
            let missing: Vec<AccountId> =
                more.into_iter().filter(|a| !accounts.contains(a)).collect();
            accounts.extend(missing);
        }
        Belonging {
            call: Some(call.id),
            call_ids: [Side::A, Side::B]
                .into_iter()
                .filter_map(|side| Some(call.leg(side)?.dialog.call_id.clone()))
                .collect(),
            accounts,
            leg: of(match (side, &call.callee) {
                (Side::A, _) | (Side::B, Some(_)) => owner(side),
                (Side::B, None) => callee,
            }),
            gateway: target
                .and_then(|target| target.gateway)
                .or_else(|| gateway_at(directory, stated.remote)),
        }
    }
}

fn unconnected(directory: &Directory, stated: Stated<'_>) -> Belonging {
    let gateway = gateway_at(directory, stated.remote);
    // Anyone can give a phone's name; an address is harder to have.
    let source = directory.source(stated.remote, stated.transport, stated.dialled);
    let account = match (source, gateway) {
        (Some(source), _) => Some(source.account),
        (None, Some(_)) => None,
        (None, None) => {
            let device = stated.user.and_then(|user| directory.devices.get(user));
            device.map(|device| device.account)
        }
    };
    let accounts = account.map_or_else(Vec::new, |account| chain(directory, account));
    Belonging {
        call: None,
        call_ids: Vec::new(),
        leg: accounts.clone(),
        accounts,
        gateway,
    }
}

fn chain(directory: &Directory, account: AccountId) -> Vec<AccountId> {
    let chain: Option<Vec<Arc<Account>>> = directory.chain(account);
    chain
        .unwrap_or_default()
        .iter()
        .map(|account| account.id)
        .collect()
}

fn gateway_at(directory: &Directory, remote: SocketAddr) -> Option<GatewayId> {
    let mut gateways = directory.gateways.values();
    let at = gateways.find(|gateway| gateway.hosts.iter().any(|host| host.address == remote));
    at.map(|gateway| gateway.id)
}
