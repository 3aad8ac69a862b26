//! A target answers 3xx: where the operator allows it, its number goes through the caller's own dial plan and is
//! priced anew. Never is a Contact followed as it stands: only its number counts.

use super::{Candidate, Current, LegTarget};
use crate::{
    bill,
    call::Call,
    decide::{Admission, CallFacts, LevelQuote, Outcome, Step, Usage, decide},
    directory::signalling::Redirect,
    identity::Diverter,
    media,
    switch::state::Core,
};
use std::{sync::Arc, vec};
use tandem_billing::{AccountId, DidId, GatewayId, RouteId, UpstreamId};
use tandem_sip::Message;

/// Redirections followed in one call.
const MAX_REDIRECTS: u8 = 5;
/// Contacts of one answer looked at.
const MAX_CONTACTS: usize = 5;
/// Durations at which a phone's redirection must not cost the caller more than the number dialled, seconds.
const COMPARED_S: [u64; 4] = [1, 60, 600, 3600];

/// The Contacts of a 3xx that were not tried yet.
pub(crate) struct Further {
    by: String,
    by_phone: bool,
    numbers: vec::IntoIter<String>,
}

/// What is tried instead: the candidates of the first number that may be called and paid. Empty if none. The
/// numbers after it are kept for [`further`].
pub(crate) fn candidates(
    core: &mut Core,
    call: &mut Call,
    current: &Current,
    message: &Message,
) -> Vec<Candidate> {
    match current.candidate.signalling(&call.directory).redirect {
        Redirect::DialPlan => {}
        Redirect::Never => return Vec::new(),
    }
    let Some(hunt) = call.hunt.as_mut() else {
        return Vec::new();
    };
    if hunt.redirects >= MAX_REDIRECTS {
        return Vec::new();
    }
    hunt.redirects += 1;
    let further = Further {
        by: current.candidate.name(),
        by_phone: match &current.candidate.leg {
            LegTarget::Gateway(_) => false,
            LegTarget::Devices { .. } => true,
        },
        numbers: numbers(message).into_iter(),
    };
    follow_next(core, call, further)
}

/// The candidates before failed: those of the redirection's next number become what is tried. False if none is left.
pub(crate) fn further(core: &mut Core, call: &mut Call) -> bool {
    let Some(further) = call.hunt.as_mut().and_then(|hunt| hunt.further.take()) else {
        return false;
    };
    let candidates = follow_next(core, call, further);
    let found = !candidates.is_empty();
    if found {
        super::retarget(call, candidates);
    }
    found
}

fn follow_next(core: &mut Core, call: &mut Call, mut further: Further) -> Vec<Candidate> {
    while let Some(number) = further.numbers.next() {
        match follow(core, call, further.by_phone, &number) {
            Ok(candidates) => {
                note(call, &further.by, &number, "followed");
                if let Some(hunt) = call.hunt.as_mut() {
                    hunt.further = Some(further);
                }
                return candidates;
            }
            Err(reason) => note(call, &further.by, &number, &reason),
        }
    }
    Vec::new()
}

fn note(call: &mut Call, by: &str, number: &str, outcome: &str) {
    call.trace.note(Step::Redirected {
        by: by.to_owned(),
        number: number.to_owned(),
        outcome: outcome.to_owned(),
    });
}

/// The numbers of the Contacts, the most wanted first.
fn numbers(message: &Message) -> Vec<String> {
    let mut contacts = message.contacts();
    contacts.truncate(MAX_CONTACTS);
    let wish = |q: Option<&str>| {
        let thousandths = q.and_then(|q| {
            let (whole, part) = q.split_once('.').unwrap_or((q, ""));
            let digits: String = part.chars().chain("000".chars()).take(3).collect();
            Some(whole.parse::<u32>().ok()? * 1000 + digits.parse::<u32>().ok()?)
        });
        thousandths.unwrap_or(1000)
    };
    contacts.sort_by_key(|contact| std::cmp::Reverse(wish(contact.param("q"))));
    contacts
        .iter()
        .filter_map(|contact| contact.uri.user_unescaped())
        .filter(|number| !number.is_empty())
        .collect()
}

fn follow(
    core: &mut Core,
    call: &mut Call,
    by_phone: bool,
    number: &str,
) -> Result<Vec<Candidate>, String> {
    let facts = facts(core, call, number);
    let directory = Arc::clone(&call.directory);
    let decision = {
        let usage = Without {
            usage: core.live_usage(),
            chain: &call.who.chain,
        };
        decide(&directory, &facts, &usage)
    };
    let admission = match decision.outcome {
        Outcome::Admitted(admission) => *admission,
        Outcome::Refused(refusal) => return Err(refusal.cause.code.to_owned()),
        Outcome::Challenge => return Err("unknown caller".to_owned()),
    };
    if by_phone && is_dearer(&admission.levels, &call.bill.levels) {
        return Err("dearer than the number dialled".to_owned());
    }
    pay(core, call, admission)
}

fn facts(core: &mut Core, call: &Call, number: &str) -> CallFacts {
    CallFacts {
        remote: call.who.source,
        transport: call.caller.leg.flow.transport,
        device: None,
        via: None,
        as_account: Some(call.who.account.id),
        caller: call.who.caller.clone(),
        asserted: None,
        dialled: number.to_owned(),
        at: core.now.utc,
        codecs: call
            .media
            .offer
            .as_ref()
            .map(media::codec_names)
            .unwrap_or_default(),
        draw: core.draw(),
    }
}

/// Whether any level would pay more at any of the durations compared.
fn is_dearer(new: &[LevelQuote], old: &[LevelQuote]) -> bool {
    new.len() != old.len()
        || new.iter().zip(old).any(|(new, old)| {
            COMPARED_S
                .iter()
                .any(|secs| new.quote.charge_secs(*secs) > old.quote.charge_secs(*secs))
        })
}

fn pay(core: &mut Core, call: &mut Call, admission: Admission) -> Result<Vec<Candidate>, String> {
    let Admission {
        levels,
        rating_number,
        candidates,
        ..
    } = admission;
    bill::redirect::exchange(core, call, levels).map_err(|unpaid| unpaid.cause.code.to_owned())?;
    call.who.rating_number = rating_number;
    call.who.diverted = Some(Diverter {
        number: call.who.dialled.clone(),
        private: false,
    });
    Ok(candidates)
}

/// The counts without the call itself: it must not be in its own way.
struct Without<'a, U> {
    usage: U,
    chain: &'a [AccountId],
}

impl<U: Usage> Usage for Without<'_, U> {
    fn account_calls(&self, account: AccountId) -> u32 {
        let own = u32::from(self.chain.contains(&account));
        self.usage.account_calls(account).saturating_sub(own)
    }
    fn account_cps(&self, account: AccountId) -> u32 {
        let own = u32::from(self.chain.contains(&account));
        self.usage.account_cps(account).saturating_sub(own)
    }
    fn gateway_calls(&self, gateway: GatewayId) -> u32 {
        self.usage.gateway_calls(gateway)
    }
    fn gateway_cps(&self, gateway: GatewayId) -> u32 {
        self.usage.gateway_cps(gateway)
    }
    fn route_calls(&self, route: RouteId) -> u32 {
        self.usage.route_calls(route)
    }
    fn did_calls(&self, did: DidId) -> u32 {
        self.usage.did_calls(did)
    }
    fn total_calls(&self) -> u32 {
        self.usage.total_calls().saturating_sub(1)
    }
    fn total_cps(&self) -> u32 {
        self.usage.total_cps().saturating_sub(1)
    }
    fn transcoded_calls(&self) -> u32 {
        self.usage.transcoded_calls()
    }
    fn coding_percent(&self) -> u32 {
        self.usage.coding_percent()
    }
    fn quality(&self, gateway: GatewayId) -> (u64, u64, u64) {
        self.usage.quality(gateway)
    }
    fn gateway_down(&self, gateway: GatewayId) -> Option<String> {
        self.usage.gateway_down(gateway)
    }
    fn upstream_down(&self, upstream: UpstreamId) -> Option<String> {
        self.usage.upstream_down(upstream)
    }
    fn is_registered(&self, username: &str) -> bool {
        self.usage.is_registered(username)
    }
}
