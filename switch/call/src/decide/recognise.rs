//! Whose call is it? By the upstream registration it came in by, by verified digest, else by source address, of a customer first, then of a gateway.

use super::{CallFacts, Step, Trace};
use crate::directory::{Account, Directory};
use std::sync::Arc;
use tandem_billing::AccountId;

pub(super) enum Recognition {
    Known(Known),
    Unknown,
}

pub(super) struct Known {
    pub account: Arc<Account>,
    /// The dialled number without the source's tech prefix.
    pub dialled: String,
}

pub(super) fn recognise(
    directory: &Directory,
    facts: &CallFacts,
    trace: &mut Trace,
) -> Recognition {
    let (id, by, tech_prefix) = if let Some(id) = facts.as_account {
        (id, "simulator".to_owned(), "")
    } else if let Some((upstream, account)) = inbound(directory, facts) {
        (account, format!("upstream {upstream}"), "")
    } else if let Some(device) = facts
        .device
        .as_deref()
        .and_then(|name| directory.devices.get(name))
    {
        (device.account, format!("digest {}", device.username), "")
    } else if let Some(source) = directory.source(facts.remote, facts.transport, &facts.dialled) {
        let by = format!("address {}/{}", source.network, source.prefix_len);
        (source.account, by, source.tech_prefix.as_str())
    } else if let Some((gateway, account)) = directory.inbound_gateway(facts.remote.ip()) {
        (account, format!("gateway {}", gateway.name), "")
    } else {
        return Recognition::Unknown;
    };
    let Some(account) = directory.accounts.get(&id) else {
        return Recognition::Unknown;
    };
    trace.steps.push(Step::Recognised { account: id, by });
    let dialled = facts
        .dialled
        .strip_prefix(tech_prefix)
        .unwrap_or(&facts.dialled)
        .to_owned();
    trace.rewritten("tech prefix", "dialled", &facts.dialled, &dialled);
    Recognition::Known(Known {
        account: Arc::clone(account),
        dialled,
    })
}

fn inbound<'a>(directory: &'a Directory, facts: &CallFacts) -> Option<(&'a str, AccountId)> {
    let upstream = directory.upstreams.get(facts.via?)?;
    Some((&upstream.name, upstream.inbound?))
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
