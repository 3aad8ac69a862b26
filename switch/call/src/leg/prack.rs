//! Reliable provisional answers to the caller (RFC 3262): numbered, repeated until PRACKed, one at a time.
//!
//! Whether they are used is agreed on this leg alone; what the called side uses is [`crate::hunt::fork`]'s.

use super::session::names;
use crate::{
    call::{Call, Stage},
    cause,
    directory::signalling::Extension,
    hunt,
    leg::answer,
    switch::{end, state::Core, timer::Timer},
    transfer::Letter,
};
use std::time::Duration;
use tandem_sip::{
    Message, Mono,
    endpoint::ServerTxn,
    message::{Draft, HeaderId},
};

/// First pause before the answer is repeated: T1, doubled each time.
const FIRST: Duration = Duration::from_millis(500);
/// 64*T1: no PRACK within it refuses the call (RFC 3262 section 3).
const PATIENCE: Duration = Duration::from_secs(32);

/// Which provisional answers the caller gets reliably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// None: it cannot, or shall not.
    Never,
    /// Those with a description: losing one would lose audio.
    Described,
    /// All but 100: it asked for that, or the operator did.
    Always,
}

/// A provisional answer.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) draft: Draft,
}

#[derive(Debug)]
struct Waiting {
    said: Said,
    rseq: u32,
    since: Mono,
    pause: Duration,
}

/// The caller's side of RFC 3262.
#[derive(Debug)]
pub(crate) struct Reliable {
    mode: Mode,
    rseq: u32,
    waiting: Option<Box<Waiting>>,
    /// Comes after the one that waits; a later one replaces it.
    next: Option<Box<Said>>,
    /// A description was sent reliably and confirmed: further offers may be made before the answer.
    pub(crate) agreed: bool,
}

impl Reliable {
    /// As the caller's INVITE and the operator have it. `first` numbers the first answer, 1..2^31.
    pub(crate) fn new(invite: &Message, policy: Extension, first: u32) -> Self {
        let required = names(invite, HeaderId::Require, "100rel");
        let supported = required || names(invite, HeaderId::Supported, "100rel");
        let mode = match policy {
            Extension::Off if !required => Mode::Never,
            Extension::Required if supported => Mode::Always,
            _ if required => Mode::Always,
            _ if supported => Mode::Described,
            _ => Mode::Never,
        };
        Self {
            mode,
            rseq: (first & 0x3fff_ffff).max(1),
            waiting: None,
            next: None,
            agreed: false,
        }
    }

    /// For a call that nobody's INVITE asked for.
    pub(crate) fn none() -> Self {
        Self {
            mode: Mode::Never,
            rseq: 1,
            waiting: None,
            next: None,
            agreed: false,
        }
    }

    /// A 2xx must not overtake a description that is not confirmed yet (RFC 3262 section 3).
    pub(crate) fn holds_answer(&self) -> bool {
        self.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.said.draft.body.is_some())
    }
}

/// Tells the caller, reliably if that was agreed.
pub(crate) fn say(core: &mut Core, call: &mut Call, said: Said) {
    let reliable = &mut call.caller.reliable;
    let reliably = match reliable.mode {
        Mode::Never => false,
        Mode::Described => said.draft.body.is_some(),
        Mode::Always => true,
    };
    if !reliably {
        respond(core, call, said.status, said.draft);
    } else if reliable.waiting.is_some() {
        reliable.next = Some(Box::new(said));
    } else {
        send(core, call, said);
    }
}

fn respond(core: &mut Core, call: &Call, status: u16, draft: Draft) {
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

fn send(core: &mut Core, call: &mut Call, said: Said) {
    let rseq = call.caller.reliable.rseq;
    call.caller.reliable.rseq += 1;
    let said = Said {
        draft: said.draft.header("Require", "100rel").header("RSeq", rseq),
        ..said
    };
    respond(core, call, said.status, said.draft.clone());
    core.arm_in(Timer::Reliable(call.id), FIRST);
    call.caller.reliable.waiting = Some(Box::new(Waiting {
        said,
        rseq,
        since: core.now.mono,
        pause: FIRST,
    }));
}

/// No PRACK so far.
pub(crate) fn handle_due(core: &mut Core, call: &mut Call) {
    let Some(waiting) = call.caller.reliable.waiting.as_mut() else {
        return;
    };
    if core.now.mono.since(waiting.since) >= PATIENCE {
        call.caller.reliable.waiting = None;
        return end::end(core, call, &cause::NO_PRACK, end::Left::Nobody);
    }
    waiting.pause *= 2;
    let (pause, status, draft) = (
        waiting.pause,
        waiting.said.status,
        waiting.said.draft.clone(),
    );
    let left = PATIENCE.saturating_sub(core.now.mono.since(waiting.since));
    respond(core, call, status, draft);
    core.arm_in(Timer::Reliable(call.id), pause.min(left));
}

/// The target that spoke was left, or the call is over.
pub(crate) fn forget(core: &mut Core, call: &mut Call) {
    call.caller.reliable.waiting = None;
    call.caller.reliable.next = None;
    call.caller.reliable.agreed = false;
    core.timers.disarm(Timer::Reliable(call.id));
}

/// A PRACK of the caller's.
pub(crate) fn handle(core: &mut Core, call: &mut Call, txn: ServerTxn, message: &Message) {
    if !is_awaited(core, call, message) {
        return core.respond(
            txn,
            (481, "Call/Transaction Does Not Exist"),
            "",
            Draft::new(),
        );
    }
    let waiting = call.caller.reliable.waiting.take();
    core.timers.disarm(Timer::Reliable(call.id));
    call.caller.reliable.agreed |= waiting.is_some_and(|waiting| waiting.said.draft.body.is_some());
    hunt::early::of_caller(core, call, txn, message);
    if let Some(next) = call.caller.reliable.next.take() {
        match call.stage {
            Stage::Hunting => send(core, call, *next),
            Stage::Answering | Stage::Talking | Stage::Ending => {}
        }
    }
    answer::proceed(core, call);
}

/// RAck: our number, then the INVITE's (RFC 3262 section 7.2).
fn is_awaited(core: &Core, call: &Call, message: &Message) -> bool {
    let Some(waiting) = call.caller.reliable.waiting.as_ref() else {
        return false;
    };
    let invite = call.caller.invite;
    let cseq = invite
        .and_then(|invite| core.endpoint.server_request(invite))
        .map(Message::cseq);
    let mut parts = message
        .value(HeaderId::RAck)
        .unwrap_or_default()
        .split_ascii_whitespace();
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<u32>().ok());
    number(parts.next()) == Some(waiting.rseq)
        && number(parts.next()) == cseq
        && parts.next() == Some("INVITE")
}
