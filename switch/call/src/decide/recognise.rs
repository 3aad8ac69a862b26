//! Whose call is it? That of the number called in, if it came by an upstream registration or from a gateway; by the
//! registration, by verified digest, else by source address, of a customer first, then of a gateway.

use super::{CallFacts, Step, Trace};
use crate::directory::{
    Account, Did, DidSource, DidTarget, Directory, Gateway, InboundReach, called,
};
use std::sync::Arc;
use tandem_billing::AccountId;

pub(super) enum Recognition {
    Known(Known),
    Unknown,
}

pub(super) struct Known {
    /// As the caller is dealt with.
    pub account: Arc<Account>,
    /// The dialled number without the source's tech prefix; by a DID that is sent on, where to.
    pub dialled: String,
    /// Where the call may go.
    pub reach: InboundReach,
    /// The number called in, if it is one.
    pub inbound: Option<Inbound>,
}

/// A call in to a number that an account has.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// The number.
    pub did: Arc<Did>,
    /// Whose hosts sent it.
    pub gateway: Arc<Gateway>,
    /// It may come from there.
    pub is_allowed: bool,
}

pub(super) fn recognise(
    directory: &Directory,
    facts: &CallFacts,
    trace: &mut Trace,
) -> Recognition {
    let mut dialled = facts.dialled.as_str();
    let (id, by, tech_prefix, reach) = if let Some(id) = facts.as_account {
        (id, "simulator".to_owned(), "", InboundReach::Anywhere)
    } else if let Some(inbound) = by_upstream(directory, facts) {
        return did(directory, facts, inbound, trace);
    } else if let Some((upstream, account, reach)) = inbound(directory, facts) {
        (account, format!("upstream {upstream}"), "", reach)
    } else if let Some(device) = facts
        .device
        .as_deref()
        .and_then(|name| directory.devices.get(name))
    {
        let by = format!("digest {}", device.username);
        (device.account, by, "", InboundReach::Anywhere)
    } else if let Some(source) = directory.source(facts.remote, facts.transport, &facts.dialled) {
        let by = format!("address {}/{}", source.network, source.prefix_len);
        let tech_prefix = source.tech_prefix.as_str();
        (source.account, by, tech_prefix, InboundReach::Anywhere)
    } else if let Some(inbound) = by_gateway(directory, facts) {
        return did(directory, facts, inbound, trace);
    } else if let Some((gateway, calls)) = directory.inbound_gateway(facts.remote.ip()) {
        let by = format!("gateway {}", gateway.name);
        dialled = calls.dialled(dialled);
        (calls.account, by, "", calls.reach)
    } else {
        return Recognition::Unknown;
    };
    let Some(account) = directory.accounts.get(&id) else {
        return Recognition::Unknown;
    };
    trace.steps.push(Step::Recognised { account: id, by });
    trace.rewritten("calls in", "dialled", &facts.dialled, dialled);
    let bare = dialled.strip_prefix(tech_prefix).unwrap_or(dialled);
    trace.rewritten("tech prefix", "dialled", dialled, bare);
    let dialled = bare.to_owned();
    Recognition::Known(Known {
        account: Arc::clone(account),
        dialled,
        reach,
        inbound: None,
    })
}

fn inbound<'a>(
    directory: &'a Directory,
    facts: &CallFacts,
) -> Option<(&'a str, AccountId, InboundReach)> {
    let upstream = directory.upstreams.get(facts.via?)?;
    Some((&upstream.name, upstream.inbound?, upstream.inbound_reach))
}

/// The number called, among the DIDs, where the call came by an upstream registration.
fn by_upstream(directory: &Directory, facts: &CallFacts) -> Option<Inbound> {
    let id = facts.via?;
    let gateway = directory.upstreams.way(id)?;
    find(directory, facts, gateway, DidSource::Upstream(id))
}

/// The same where it came from a gateway's host. Several gateways may share an address: one that may send the call goes
/// before one that may not.
fn by_gateway(directory: &Directory, facts: &CallFacts) -> Option<Inbound> {
    if directory.dids.is_empty() || facts.via.is_some() {
        return None;
    }
    let found = directory
        .gateways_at(facts.remote.ip())
        .filter_map(|gateway| find(directory, facts, gateway, DidSource::Gateway(gateway.id)));
    found.reduce(|first, other| match (first.is_allowed, other.is_allowed) {
        (false, true) => other,
        (true, _) | (false, false) => first,
    })
}

fn find(
    directory: &Directory,
    facts: &CallFacts,
    gateway: &Arc<Gateway>,
    source: DidSource,
) -> Option<Inbound> {
    let did = directory.dids.of(&called(gateway, &facts.dialled))?;
    Some(Inbound {
        is_allowed: did.source.is_none_or(|only| only == source),
        did: Arc::clone(did),
        gateway: Arc::clone(gateway),
    })
}

/// A call in to a DID is its account's.
fn did(
    directory: &Directory,
    facts: &CallFacts,
    inbound: Inbound,
    trace: &mut Trace,
) -> Recognition {
    let did = &inbound.did;
    let owner = did.account.and_then(|id| directory.accounts.get(&id));
    let Some(owner) = owner else {
        return Recognition::Unknown;
    };
    let by = format!("DID {}", did.number);
    trace.steps.push(Step::Recognised {
        account: owner.id,
        by: by.clone(),
    });
    trace.rewritten("source", "dialled", &facts.dialled, &did.number);
    let dialled = match &did.target {
        DidTarget::Forward(to) => {
            trace.rewritten(&by, "dialled", &did.number, to);
            to.clone()
        }
        DidTarget::Phones | DidTarget::Refuse { .. } => did.number.clone(),
    };
    Recognition::Known(Known {
        account: Arc::new(did.caller(owner, &inbound.gateway)),
        dialled,
        reach: InboundReach::Anywhere,
        inbound: Some(inbound),
    })
}

impl Trace {
    /// Notes a rewriting, if it changed anything.
    pub(super) fn rewritten(&mut self, stage: &str, number: &str, from: &str, to: &str) {
        if from != to {
            self.steps.push(Step::Rewritten {
                stage: stage.to_owned(),
                number: number.to_owned(),
                from: from.to_owned(),
                to: to.to_owned(),
            });
        }
    }
}
