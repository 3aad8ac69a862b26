//! Records of calls refused at the door: one each, until a flood of them comes.
//!
//! A caller over its limits may try a thousand times a second. Of refusals alike (one account, one cause) a burst
//! and then one a second leave a CDR each; the rest of ten seconds together leave one, which says how many
//! attempts it stands for. So a flood costs the journal what one call a second does, and every attempt is counted.

use super::cdr;
use crate::{
    guard::{Allowance, Pace},
    journal::Record,
    switch::state::Core,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tandem_billing::{AccountId, cdr::Cdr};
use tandem_sip::Mono;

/// Refusals alike with a CDR each.
const EACH: Pace = Pace {
    every: Duration::from_secs(1),
    burst: 20,
};
/// The others are gathered for so long.
const GATHER: Duration = Duration::from_secs(10);

/// Refusals alike.
type Kind = (AccountId, &'static str);

/// Of all accounts: a peer cannot make it grow beyond accounts times causes.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    paces: BTreeMap<Kind, Allowance>,
    gathered: BTreeMap<Kind, Box<Cdr>>,
    due: BTreeSet<(Mono, Kind)>,
}

impl Refusals {
    pub(crate) fn poll_deadline(&self) -> Option<Mono> {
        self.due.first().map(|(at, _)| *at)
    }

    fn take_due(&mut self, now: Mono) -> Option<Box<Cdr>> {
        let (at, kind) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, kind));
        self.gathered.remove(&kind)
    }
}

/// A caller was refused.
pub(crate) fn record(core: &mut Core, refused: &cdr::Refused<'_>) {
    let kind = (refused.account, refused.cause.code);
    let now = core.now;
    if let Some(gathered) = core.peers.refusals.gathered.get_mut(&kind) {
        gathered.attempts = gathered.attempts.saturating_add(1);
        gathered.ended_at = now.utc;
        return;
    }
    let pace = core.peers.refusals.paces.entry(kind).or_default();
    let is_each = pace.take(EACH, now.mono);
    let id = core.new_call_id();
    let cdr = Box::new(cdr::of_refusal(now.utc, id, refused));
    if is_each {
        return end(core, cdr);
    }
    core.peers.refusals.due.insert((now.mono + GATHER, kind));
    core.peers.refusals.gathered.insert(kind, cdr);
}

/// Writes down what was gathered long enough.
pub(crate) fn handle_timeout(core: &mut Core) {
    while let Some(cdr) = core.peers.refusals.take_due(core.now.mono) {
        end(core, cdr);
    }
}

/// Writes down all that was gathered: nothing more comes.
pub(crate) fn close(core: &mut Core) {
    while let Some(cdr) = core.peers.refusals.take_due(Mono(u64::MAX)) {
        end(core, cdr);
    }
}

fn end(core: &mut Core, cdr: Box<Cdr>) {
    core.record(Record::Ended {
        cdr,
        entries: Vec::new(),
    });
}
