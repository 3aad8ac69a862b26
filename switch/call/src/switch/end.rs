//! The one way a call ends, whatever ended it: legs told, timers off, channels free, relay back, then the bill.

use super::{state::Core, timer::Timer};
use crate::{
    announce,
    bill::settle,
    call::{Call, Confirm, End, Stage, Target},
    cause::{self, Cause},
    hunt,
    leg::{answer, bye, change, digits, prack, refresh},
    media, transfer,
};
use std::time::Duration;
use tandem_sdp::Side;
use tandem_sip::{Mono, message::Draft};

/// Which side has gone already and need not be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nobody,
    Caller,
    Callee,
}

impl Left {
    pub(crate) fn of(side: Side) -> Self {
        match side {
            Side::A => Self::Caller,
            Side::B => Self::Callee,
        }
    }
}

/// Ends the call with the cause's own status.
pub(crate) fn end(core: &mut Core, call: &mut Call, cause: &'static Cause, left: Left) {
    end_with(core, call, cause, (cause.sip_status, cause.reason), left);
}

/// Ends a call that was over at `lost` already, if a side was lost: nobody pays for what came after.
pub(crate) fn end_at(core: &mut Core, call: &mut Call, cause: &'static Cause, lost: Option<Mono>) {
    match call.stage {
        Stage::Hunting | Stage::Answering | Stage::Talking => call.marks.billed_to = lost,
        Stage::Ending => {}
    }
    end(core, call, cause, Left::Nobody);
}

/// A side does not answer what it was asked at `asked`: the call is billed to then, or to the side's last sign of
/// life after it.
pub(crate) fn lose(core: &mut Core, call: &mut Call, (side, asked): (Side, Mono), left: Left) {
    call.marks.billed_to = call.leg(side).map(|leg| leg.session.heard.max(asked));
    end(core, call, &cause::LEG_LOST, left);
}

/// Neither side has sent audio for `silent`: the call is billed to then, or to what either side said in SIP since.
pub(crate) fn fall_silent(core: &mut Core, call: &mut Call, silent: Duration) {
    let last = core.now.mono.before(silent);
    let heard = [Side::A, Side::B]
        .into_iter()
        .filter_map(|side| Some(call.leg(side)?.session.heard));
    call.marks.billed_to = Some(heard.fold(last, Mono::max));
    end(core, call, &cause::NO_AUDIO, Left::Nobody);
}

/// Ends the call; an unanswered caller is told `answer`.
pub(crate) fn end_with(
    core: &mut Core,
    call: &mut Call,
    cause: &'static Cause,
    answer: (u16, &str),
    left: Left,
) {
    let before = call.stage;
    match before {
        Stage::Hunting | Stage::Answering => {
            hunt::abandon(core, call);
            let answer = if answer.0 < 300 {
                (487, "Request Terminated")
            } else {
                answer
            };
            call.marks.status = Some(answer.0);
            let tag = call.caller.leg.dialog.local_tag.clone();
            if !announce::take_over(core, call, cause, answer)
                && let Some(invite) = call.caller.invite
            {
                core.respond(invite, answer, &tag, Draft::new());
            }
        }
        Stage::Talking => {
            call.marks.status = Some(200);
            if left != Left::Caller && call.is_there(Side::A) {
                bye::send_to_caller(core, call);
            }
        }
        Stage::Ending => return,
    }
    if left != Left::Callee && call.is_there(Side::B) {
        hang_up_callee(core, call);
    }
    change::abandon(core, call);
    refresh::abandon(core, call);
    digits::abandon(core, call);
    prack::forget(core, call);
    transfer::part(core, call, before, cause);
    close(core, call, cause);
}

fn hang_up_callee(core: &mut Core, call: &mut Call) {
    answer::confirm_unconfirmed(core, call);
    let reason = call.marks.reason;
    if let Some(leg) = call.callee.as_mut() {
        bye::send(core, leg, reason);
    }
}

fn close(core: &mut Core, call: &mut Call, cause: &'static Cause) {
    let billed_to = call.marks.billed_to.unwrap_or(core.now.mono);
    let duration_ms = call.answered_ms(billed_to);
    call.stage = Stage::Ending;
    call.end = Some(End {
        cause,
        at: core.now,
        duration_ms,
        booked: false,
    });
    for timer in [
        Timer::NoResponse(call.id),
        Timer::Ring(call.id),
        Timer::Extend(call.id),
        Timer::CutOff(call.id),
        Timer::Warn(call.id),
        Timer::Session(call.id, Side::A),
        Timer::Session(call.id, Side::B),
        Timer::Renew(call.id, Side::A),
        Timer::Renew(call.id, Side::B),
    ] {
        core.timers.disarm(timer);
    }
    core.outbox.forget(call.bill.hold_seq, call.id);
    core.usage.call_ended(&call.who.chain, call.who.did);
    leave_target(core, call, duration_ms);
    core.feed.touch(call.id);
    if !media::close(core, call) {
        settle::book(core, call);
    }
}

fn leave_target(core: &mut Core, call: &mut Call, duration_ms: u64) {
    let answered = call.marks.answered.is_some();
    let Some(target) = call.target.as_mut() else {
        return;
    };
    release_target(core, target);
    if !answered {
        return;
    }
    let totals = &mut core.feed.totals;
    totals.answered_ms = totals.answered_ms.saturating_add(duration_ms);
    if let Some(gateway) = target.gateway {
        core.usage.talked(gateway, duration_ms / 1000);
        let tally = core.feed.tally(gateway);
        tally.answered_ms = tally.answered_ms.saturating_add(duration_ms);
    }
}

/// The target's channel is free again.
pub(crate) fn release_target(core: &mut Core, target: &mut Target) {
    if std::mem::take(&mut target.counted) {
        core.usage.attempt_ended(target.route, target.gateway);
        if let Some(gateway) = target.gateway {
            core.feed.tally(gateway);
        }
    }
}

/// The caller's ACK will never come.
pub(crate) fn ack_timeout(core: &mut Core, call: &mut Call) {
    match (call.stage, call.caller.confirm) {
        (Stage::Talking, Confirm::Awaited) => {
            call.caller.confirm = Confirm::Done;
            end(core, call, &cause::ACK_TIMEOUT, Left::Nobody);
        }
        (Stage::Ending, Confirm::ThenBye) => {
            call.caller.confirm = Confirm::Done;
            bye::send(core, &mut call.caller.leg, call.marks.reason);
        }
        (Stage::Ending, Confirm::Awaited) => call.caller.confirm = Confirm::Done,
        (
            Stage::Hunting | Stage::Answering | Stage::Talking | Stage::Ending,
            Confirm::Unanswered | Confirm::Done,
        )
        | (Stage::Hunting | Stage::Answering, Confirm::Awaited | Confirm::ThenBye)
        | (Stage::Talking, Confirm::ThenBye) => {}
    }
}
