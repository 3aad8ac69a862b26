//! Provisional answers to the caller, sent reliably where that was agreed (RFC 3262), and its PRACKs.
//!
//! What is numbered and waits stands in [`super::reliable`]; what the called side uses is [`crate::hunt::fork`]'s.

use super::reliable::{Due, Said, Saying};
use crate::{
    call::{Call, Stage},
    cause, hunt,
    leg::answer,
    switch::{end, state::Core, timer::Timer},
    transfer::Letter,
};
use std::time::Duration;
use tandem_sip::{Message, endpoint::ServerTxn, message::Draft};

/// Tells the caller, reliably if that was agreed.
pub(crate) fn say(core: &mut Core, call: &mut Call, said: Said) {
    match call.caller.reliable.say(core.now.mono, said) {
        Saying::Once(said) => respond(core, call, said),
        Saying::Again(said, pause) => send(core, call, said, pause),
        Saying::Later => {}
    }
}

fn respond(core: &mut Core, call: &Call, Said { status, draft }: Said) {
    let Some(invite) = call.caller.invite else {
        if let Some(to) = call.links.serves {
            let target = call.id;
            core.letters.push_back(Letter::Rings { to, target, status });
        }
        return;
    };
    let reason = tandem_sip::value::reason_phrase(status);
    let tag = call.caller.leg.dialog.local_tag.clone();
    core.respond(invite, (status, reason), &tag, draft);
}

fn send(core: &mut Core, call: &Call, said: Said, pause: Duration) {
    respond(core, call, said);
    core.arm_in(Timer::Reliable(call.id), pause);
}

/// No PRACK so far.
pub(crate) fn handle_due(core: &mut Core, call: &mut Call) {
    match call.caller.reliable.due(core.now.mono) {
        Due::Nothing => {}
        Due::Again(said, pause) => send(core, call, said, pause),
        Due::Over => end::end(core, call, &cause::NO_PRACK, end::Left::Nobody),
    }
}

/// The target that spoke was left, or the call is over.
pub(crate) fn forget(core: &mut Core, call: &mut Call) {
    call.caller.reliable.forget();
    core.timers.disarm(Timer::Reliable(call.id));
}

/// A PRACK of the caller's.
pub(crate) fn handle(core: &mut Core, call: &mut Call, txn: ServerTxn, message: &Message) {
    let invite = call.caller.invite;
    let cseq = invite
        .and_then(|invite| core.endpoint.server_request(invite))
        .map(Message::cseq);
    if !call.caller.reliable.confirm(message, cseq) {
        return core.respond(
            txn,
            (481, "Call/Transaction Does Not Exist"),
            "",
            Draft::new(),
        );
    }
    core.timers.disarm(Timer::Reliable(call.id));
    hunt::early::of_caller(core, call, txn, message);
    match call.stage {
        Stage::Hunting => {
            if let Some((said, pause)) = call.caller.reliable.go_on(core.now.mono) {
                send(core, call, said, pause);
            }
        }
        Stage::Answering | Stage::Talking | Stage::Ending => {}
    }
    answer::proceed(core, call);
}
