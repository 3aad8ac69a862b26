//! Learning from calls: a host where several in a row found nobody rests for a while.
//!
//! After its rest it is tried again; the first call that finds nobody sends it back to rest for twice as long.

use super::{Condition, settings, settle};
use crate::{
    hunt::Attempt,
    switch::{
        state::Core,
        timer::{Place, Timer},
    },
};
use std::{sync::Arc, time::Duration};
use tandem_sip::Message;

/// A rest is at most this much longer than the first.
const MAX_TIMES: u32 = 16;
/// The longest Retry-After that is believed, seconds.
const MAX_RETRY_AFTER_S: u32 = 3600;

fn place(attempt: &Attempt) -> Option<Place> {
    let gateway = attempt.gateway.as_ref()?;
    Some(Place {
        gateway: gateway.id,
        transport: attempt.flow.transport,
        address: attempt.flow.remote,
    })
}

/// What a gateway's answer to an INVITE says of the host.
pub(crate) fn told(core: &mut Core, attempt: &Attempt, message: &Message) {
    let retry_after = message.headers("Retry-After").next().and_then(seconds);
    match (message.status(), retry_after) {
        (Some(503), Some(after_s)) => fail(core, attempt, after_s),
        // 100 is said by whoever is next on the way.
        (None | Some(..=100), _) => {}
        (Some(_), _) => alive(core, attempt),
    }
}

/// `120`, `120 (maintenance)`, `120;duration=60` (RFC 3261 section 20.33).
fn seconds(value: &str) -> Option<u32> {
    let digits = value.trim().split(|c: char| !c.is_ascii_digit()).next()?;
    let seconds: u32 = digits.parse().ok()?;
    Some(seconds.min(MAX_RETRY_AFTER_S))
}

/// A call found somebody there.
fn alive(core: &mut Core, attempt: &Attempt) {
    if let Some(row) = place(attempt).and_then(|place| core.peers.hosts.places.get_mut(&place)) {
        (row.failures, row.rests) = (0, 0);
    }
}

/// A call found nobody there: no answer, or nothing could be sent.
pub(crate) fn failed(core: &mut Core, attempt: &Attempt) {
    fail(core, attempt, 0);
}

fn fail(core: &mut Core, attempt: &Attempt, at_least_s: u32) {
    let Some(place) = place(attempt) else {
        return;
    };
    let directory = Arc::clone(&core.directory);
    let Some(health) = settings(&directory, place).filter(|h| h.failures_to_rest != 0) else {
        return;
    };
    let at = core.now.utc;
    let Some(row) = core.peers.hosts.places.get_mut(&place) else {
        return;
    };
    row.failures = row.failures.saturating_add(1);
    let enough = row.failures >= health.failures_to_rest || row.rests != 0;
    if !enough || row.resting_since.is_some() {
        return;
    }
    let rest_s = begin(row, health.rest_s).max(at_least_s);
    row.resting_since = Some(at);
    core.arm_in(Timer::Rest(place), Duration::from_secs(rest_s.into()));
    settle(core, place.gateway);
}

fn begin(row: &mut Condition, rest_s: u32) -> u32 {
    let times = 1u32.checked_shl(row.rests).unwrap_or(MAX_TIMES);
    row.rests = row.rests.saturating_add(1);
    row.failures = 0;
    rest_s.saturating_mul(times.min(MAX_TIMES))
}

/// A rest is over.
pub(crate) fn rested(core: &mut Core, place: Place) {
    if let Some(row) = core.peers.hosts.places.get_mut(&place) {
        row.resting_since = None;
        settle(core, place.gateway);
    }
}
