//! What comes of an attempt: refused, silent, rung too long. (Answers are [`crate::leg::answer`]'s.)

use super::{Current, attempt, elapsed_ms, fail_with, next, note_tried, redirect};
use crate::{
    call::Call,
    cause::{self, Cause},
    decide::LegTarget,
    directory::hunt_codes::Verdict,
    health,
    leg::{answer, provisional},
    media,
    switch::{end, state::Core, timer::Timer},
};
use tandem_sip::{Message, endpoint::ClientTxn, value::EndReason};

/// The status a target that says nothing counts as.
const SILENT: u16 = 408;
/// The status a target we cannot send to counts as.
const UNREACHABLE: u16 = 503;

/// A response to an INVITE of the hunt. False if it is none of its.
pub(crate) fn response(
    core: &mut Core,
    call: &mut Call,
    txn: ClientTxn,
    message: &Message,
) -> bool {
    let Some(attempt) = ours(call, txn) else {
        return false;
    };
    health::told(core, attempt, message);
    match message.status() {
        None => {}
        Some(..=199) => {
            core.timers.disarm(Timer::NoResponse(call.id));
            provisional::pass(core, call, txn, message);
        }
        Some(200..=299) => {
            core.timers.disarm(Timer::NoResponse(call.id));
            answer::handle(core, call, txn, message);
        }
        Some(status) => refused(core, call, txn, status, message),
    }
    true
}

fn ours(call: &Call, txn: ClientTxn) -> Option<&attempt::Attempt> {
    let current = call.hunt.as_ref()?.current.as_ref()?;
    current.attempts.iter().find(|attempt| attempt.txn == txn)
}

/// The transaction timed out, or its transport failed. False if it is none of the hunt's.
pub(crate) fn lost(core: &mut Core, call: &mut Call, txn: ClientTxn, sent: bool) -> bool {
    let Some(attempt) = ours(call, txn) else {
        return false;
    };
    health::failed(core, attempt);
    let Some(mut current) = take_current(call) else {
        return true;
    };
    remove(core, &mut current, txn);
    proceed(core, call, current, if sent { SILENT } else { UNREACHABLE });
    true
}

fn take_current(call: &mut Call) -> Option<Current> {
    call.hunt.as_mut().and_then(|hunt| hunt.current.take())
}

fn put_back(call: &mut Call, current: Current) {
    if let Some(hunt) = call.hunt.as_mut() {
        hunt.current = Some(current);
    }
}

fn remove(core: &mut Core, current: &mut Current, txn: ClientTxn) -> Option<attempt::Attempt> {
    let at = current
        .attempts
        .iter()
        .position(|attempt| attempt.txn == txn)?;
    let attempt = current.attempts.remove(at);
    attempt::forget(core, &attempt);
    Some(attempt)
}

fn refused(core: &mut Core, call: &mut Call, txn: ClientTxn, status: u16, message: &Message) {
    let Some(mut current) = take_current(call) else {
        return;
    };
    let removed = remove(core, &mut current, txn);
    if let Some(mut attempt) = removed
        && sent_again(core, call, &current, &mut attempt, message)
    {
        core.index
            .call_ids
            .insert(attempt.call_id.clone(), (call.id, tandem_sdp::Side::B));
        current.attempts.push(attempt);
        put_back(call, current);
        return;
    }
    current.said = Some(status);
    if (300..400).contains(&status) {
        let instead = redirect::candidates(core, call, &current, message);
        if !instead.is_empty() {
            super::retarget(call, instead);
            give_up_all(core, &mut current);
            return leave(core, call, current, status);
        }
    }
    proceed(core, call, current, status);
}

/// Whether the refusal could be met.
fn sent_again(
    core: &mut Core,
    call: &Call,
    current: &Current,
    attempt: &mut attempt::Attempt,
    message: &Message,
) -> bool {
    if message.status() == Some(422) {
        return attempt::lengthen(core, call, attempt, message);
    }
    match &current.candidate.leg {
        LegTarget::Gateway(gateway) => attempt::authorise(core, call, attempt, gateway, message),
        LegTarget::Devices { .. } => false,
    }
}

/// An attempt ended with this status: the other forks, the next host, or the end of the candidate.
fn proceed(core: &mut Core, call: &mut Call, mut current: Current, status: u16) {
    let worst = current
        .worst
        .map_or(status, |before| more_telling(before, status));
    current.worst = Some(worst);
    if status >= 600 {
        give_up_all(core, &mut current);
    }
    if !current.attempts.is_empty() {
        put_back(call, current);
        return;
    }
    if matches!(status, SILENT | UNREACHABLE) {
        while let Some(hop) = current.hops.pop() {
            if let Ok(sent) = attempt::send(core, call, &current.candidate, hop) {
                current.attempts.push(sent);
                super::arm(core, call, &current);
                put_back(call, current);
                return;
            }
        }
    }
    leave(core, call, current, worst);
}

/// RFC 3261 section 16.7 item 6: 6xx first, then the lowest class; within it what asks for the least guessing.
fn more_telling(a: u16, b: u16) -> u16 {
    let rank = |status: u16| match status {
        600.. => 0,
        486 | 480 => 1,
        300..=499 if status != 408 => 2,
        500..=599 => 3,
        _ => 4,
    };
    if rank(b) <= rank(a) { b } else { a }
}

fn give_up_all(core: &mut Core, current: &mut Current) {
    for attempt in current.attempts.drain(..) {
        attempt::give_up(core, &attempt, EndReason::default());
    }
}

/// The candidate failed: the hunt stops or goes on.
fn leave(core: &mut Core, call: &mut Call, current: Current, status: u16) {
    core.timers.disarm(Timer::NoResponse(call.id));
    core.timers.disarm(Timer::Ring(call.id));
    let after_ms = elapsed_ms(core, current.began);
    let verdict = match (&current.candidate.leg, current.said) {
        (LegTarget::Gateway(gateway), Some(said)) => gateway.hunt.codes.verdict(said),
        (LegTarget::Gateway(_), None) => Verdict::GoesOn,
        (LegTarget::Devices { .. }, _) if status >= 600 => Verdict::Stops,
        (LegTarget::Devices { .. }, _) => Verdict::GoesOn,
    };
    let outcome = match verdict {
        Verdict::GoesOn => status.to_string(),
        Verdict::Stops => format!("{status}, which stops the hunt"),
    };
    note_tried(call, &current.candidate, outcome, after_ms);
    if let Some(target) = call.target.as_mut() {
        end::release_target(core, target);
    }
    media::release(core, call);
    let cause = cause_of(&current, status);
    fail_with(call, cause);
    if let LegTarget::Gateway(gateway) = &current.candidate.leg {
        core.feed.tally(gateway.id).failed += 1;
    }
    match verdict {
        Verdict::Stops => end::end(core, call, cause, end::Left::Nobody),
        Verdict::GoesOn => next(core, call),
    }
}

fn cause_of(current: &Current, status: u16) -> &'static Cause {
    match (&current.candidate.leg, status) {
        (LegTarget::Devices { .. }, SILENT | UNREACHABLE) => &cause::NOT_REGISTERED,
        (LegTarget::Gateway(_) | LegTarget::Devices { .. }, _) => cause::of_final_status(status),
    }
}

/// Nothing came back at all within the gateway's limit.
pub(crate) fn no_response(core: &mut Core, call: &mut Call) {
    if let Some(mut current) = take_current(call) {
        current
            .attempts
            .iter()
            .for_each(|attempt| health::failed(core, attempt));
        give_up_all(core, &mut current);
        proceed(core, call, current, SILENT);
    }
}

/// It rang, or was tried, for as long as is allowed.
pub(crate) fn ring_timeout(core: &mut Core, call: &mut Call) {
    let Some(mut current) = take_current(call) else {
        return;
    };
    give_up_all(core, &mut current);
    let rang = current.rang;
    match (&current.candidate.leg, rang) {
        // The called person was reached and does not answer: another carrier would only ring again.
        (LegTarget::Gateway(gateway), true) => {
            core.feed.tally(gateway.id).failed += 1;
            let after_ms = elapsed_ms(core, current.began);
            note_tried(call, &current.candidate, "no answer".to_owned(), after_ms);
            end::end(core, call, &cause::NO_ANSWER, end::Left::Nobody);
        }
        (LegTarget::Devices { .. }, true) => leave(core, call, current, 480),
        (LegTarget::Gateway(_) | LegTarget::Devices { .. }, false) => {
            proceed(core, call, current, SILENT)
        }
    }
}
