//! Calls in to a DID: whether it takes them, and the phones that it leads to.

use super::{
    Call, Candidate, Refusal, Trace,
    admit::Numbers,
    recognise::Inbound,
    refuse,
    route::{Hunt, keep},
};
use crate::{
    cause,
    directory::{Account, Did, DidTarget, InboundReach},
};
use std::sync::Arc;
use tandem_billing::number_rule::RuleKey;

/// What the number's own settings say.
pub(super) fn check(call: &Call<'_>, inbound: &Inbound, trace: &mut Trace) -> Result<(), Refusal> {
    let did = &inbound.did;
    let number = &did.number;
    if !inbound.is_allowed {
        let detail = format!("DID {number} is not for calls of {}", inbound.gateway.name);
        return Err(refuse(trace, &cause::DID_SOURCE, detail));
    }
    if !did.enabled {
        return Err(refuse(
            trace,
            &cause::DID_INACTIVE,
            format!("DID {number} is switched off"),
        ));
    }
    if let DidTarget::Refuse { status, reason } = &did.target {
        return Err(Refusal {
            status: Some((*status, reason.clone())),
            ..refuse(trace, &cause::DID_REJECTS, format!("DID {number}"))
        });
    }
    if is_loop(call, did) {
        return Err(refuse(trace, &cause::DID_LOOP, format!("DID {number}")));
    }
    if did.max_calls != 0 && call.usage.did_calls(did.id) >= did.max_calls {
        return Err(refuse(
            trace,
            &cause::CHANNEL_LIMIT,
            format!("DID {number}: {} calls", did.max_calls),
        ));
    }
    Ok(())
}

/// Numbers as the plan sees them when their accounts dial them.
fn is_loop(call: &Call<'_>, did: &Did) -> bool {
    let accounts = &call.directory.accounts;
    call.directory.dids.is_loop(did, |account, number| {
        let rules = &accounts.get(&account)?.rules;
        Some(rules.apply(RuleKey::ToPlan, number))
    })
}

/// Whoever has the number is called at all its phones.
pub(super) fn phones(
    call: &Call<'_>,
    inbound: &Inbound,
    numbers: &Numbers,
    chain: &[Arc<Account>],
    trace: &mut Trace,
) -> Result<Vec<Candidate>, Refusal> {
    let Some(client) = chain.first() else {
        return Err(refuse(trace, &cause::BROKEN_CHAIN, String::new()));
    };
    let hunt = Hunt {
        call,
        account: client,
        reach: InboundReach::Phones,
        numbers,
        sale: None,
    };
    let devices = call.directory.account_devices.get(&client.id);
    let devices = devices.map_or(&[][..], Vec::as_slice);
    match hunt.phones(client.id, devices) {
        Ok(candidate) => {
            keep(trace, &candidate);
            Ok(vec![candidate])
        }
        Err(reason) => {
            let cause = if reason == super::route::NO_CODEC {
                &cause::MEDIA_UNACCEPTABLE
            } else {
                &cause::NOT_REGISTERED
            };
            let detail = format!("DID {}: {reason}", inbound.did.number);
            Err(refuse(trace, cause, detail))
        }
    }
}
