//! Somebody answered: the others are stopped, the price is taken again, and the caller gets its 200 once the
//! hold and the answer itself are durable: no crash can forget a call that its caller knows to be answered.

use super::{
    Leg, Owed, Reach, Session, bye, dialog_flow, prack, provisional,
    session::{self},
    session_draft,
};
use crate::{
    bill::{cdr, extend, reprice},
    call::{Call, Confirm, Stage},
    cause::{self, Cause},
    decide::{LegTarget, Step},
    directory::SrtpPolicy,
    directory::signalling::Extension,
    hunt::{self, Attempt, Current},
    io::Now,
    journal::Record,
    media::{self, Body, Offer, Security},
    switch::{end, index::Stray, state::Core, timer::Timer},
    transfer::Letter,
};
use bytes::Bytes;
use std::sync::Arc;
use tandem_billing::UtcMs;
use tandem_sdp::{Direction, SessionDescription, Side};
use tandem_sip::{
    Message,
    dialog::Dialog,
    endpoint::{ClientTxn, ServerTxn},
    message::Draft,
    value::EndReason,
};

/// What the called side answered, on its way to the caller.
pub(crate) struct Answer {
    /// For the caller's 200: an answer to its offer, or an offer if it made none.
    body: Bytes,
    /// The called side's 2xx held an offer: its ACK waits for the caller's answer.
    pub(crate) unconfirmed: Option<ClientTxn>,
}

/// A 2xx to an INVITE of the hunt.
pub(crate) fn handle(core: &mut Core, call: &mut Call, txn: ClientTxn, message: &Message) {
    if call
        .hunt
        .as_ref()
        .is_some_and(|hunt| hunt.is_other_fork(message))
    {
        hunt::renew_dialog(core, call);
    }
    let Some((current, attempt)) = win(core, call, txn) else {
        return;
    };
    let dialog = dialog_of(core, &attempt, message);
    let Some(dialog) = dialog else {
        // Without a tag or Contact there is no dialog to speak in.
        hunt::attempt::forget(core, &attempt);
        end::end(core, call, &cause::GATEWAY_REJECTED, end::Left::Callee);
        return;
    };
    connect(core, call, &current, &attempt, (dialog, message));
    match agree(core, call, &attempt, message) {
        Ok(answer) => {
            call.answer = Some(answer);
            call.stage = Stage::Answering;
            if call.marks.pdd_ms.is_none() {
                provisional::note_delay(core, call);
            }
            reprice::take_cost(call, current.candidate);
            proceed(core, call);
        }
        Err(cause) => end::end(core, call, cause, end::Left::Nobody),
    }
}

/// The early dialog confirmed, or a new one.
fn dialog_of(core: &Core, attempt: &Attempt, message: &Message) -> Option<Dialog> {
    if let Some(fork) = attempt.fork(message) {
        let mut dialog = fork.dialog.clone();
        dialog.confirm(message);
        return Some(dialog);
    }
    let request = core.endpoint.client_request(attempt.txn)?;
    Dialog::from_response(request, message)
}

/// The attempt that answered; every other one is stopped and the hunt is over.
fn win(core: &mut Core, call: &mut Call, txn: ClientTxn) -> Option<(Current, Attempt)> {
    let mut current = call.hunt.as_mut()?.current.take()?;
    let at = current
        .attempts
        .iter()
        .position(|attempt| attempt.txn == txn)?;
    let attempt = current.attempts.remove(at);
    for other in current.attempts.drain(..) {
        hunt::attempt::lose(core, &other);
    }
    core.index.clients.remove(&txn);
    hunt::fork::forget(core, &attempt);
    // A proxy may have forked it: further answers are ended as they come.
    core.strays.keep(core.now.mono, txn, attempt.stray());
    for timer in [Timer::NoResponse(call.id), Timer::Ring(call.id)] {
        core.timers.disarm(timer);
    }
    call.trace.note(Step::Tried {
        route: current.candidate.route_id(),
        target: current.candidate.name(),
        outcome: match attempt.device.as_str() {
            "" => "answered".to_owned(),
            device => format!("answered by {device}"),
        },
        after_ms: u64::try_from(core.now.mono.since(current.began).as_millis()).unwrap_or(u64::MAX),
    });
    call.hunt = None;
    Some((current, attempt))
}

fn connect(
    core: &mut Core,
    call: &mut Call,
    current: &Current,
    attempt: &Attempt,
    (dialog, message): (Dialog, &Message),
) {
    let (reach, gateway) = match &current.candidate.leg {
        LegTarget::Gateway(gateway) => (Reach::Contact, Some(Arc::clone(gateway))),
        LegTarget::Devices { .. } => (Reach::Symmetric, None),
    };
    let policy = current.candidate.signalling(&call.directory).session_timers;
    core.index
        .tags
        .insert(dialog.local_tag.clone(), (call.id, Side::B));
    if let Some(target) = call.target.as_mut() {
        target.call_id = Some(attempt.call_id.clone());
    }
    let fork = attempt.fork(message);
    let told = fork.and_then(|fork| fork.told.clone());
    let described = told.or_else(|| attempt.described());
    if attempt.was_retold() {
        media::told_target(call, described.as_deref());
    }
    let mut leg = Leg {
        flow: dialog_flow(attempt.flow, &dialog, reach),
        dialog,
        origin: fork.map_or(attempt.origin, |fork| fork.origin),
        described,
        reach,
        security: attempt.security.clone(),
        gateway,
        session: Session::new(core, policy, message),
        account: match &current.candidate.leg {
            LegTarget::Gateway(_) => None,
            LegTarget::Devices { account, .. } => Some(*account),
        },
        heard: None,
        says: Direction::SendRecv,
        owed: Owed::Nothing,
        again: 0,
    };
    session::confirm(core, (call.id, Side::B), &mut leg, message);
    call.callee = Some(leg);
}

/// Offer and answer (RFC 3264): ACKs the called side at once, unless its 2xx held the offer.
fn agree(
    core: &mut Core,
    call: &mut Call,
    attempt: &Attempt,
    message: &Message,
) -> Result<Answer, &'static Cause> {
    let offer = call.media.offer.take();
    let unconfirmed = if offer.is_some() {
        confirm(core, call, attempt.txn, None);
        None
    } else {
        Some(attempt.txn)
    };
    let early = attempt.fork(message).and_then(|fork| fork.said.as_ref());
    let said = match (attempt.described_by(message), early, &offer) {
        (Body::Audio(sdp), _, _) => Some(*sdp),
        // The answer came before, in a 183, and some do not repeat it.
        (Body::None, Some(early), Some(_)) => Some((**early).clone()),
        (Body::None, _, _) | (Body::Unfit, _, _) => None,
    };
    let body = said.and_then(|sdp| describe(core, call, sdp, offer.as_ref()));
    let answer = Answer {
        body: body.clone().unwrap_or_default(),
        unconfirmed,
    };
    match body {
        Some(_) => Ok(answer),
        None => {
            call.answer = Some(answer);
            Err(&cause::MEDIA_UNACCEPTABLE)
        }
    }
}

fn describe(
    core: &mut Core,
    call: &mut Call,
    mut sdp: SessionDescription,
    offer: Option<&SessionDescription>,
) -> Option<Bytes> {
    let Some(offer) = offer else {
        return media::ask(core, call, Side::A, sdp);
    };
    sdp.complete_for(offer);
    media::conclude(core, call, Side::A, Offer::Heard(offer), &sdp)
}

/// ACKs the called side's 2xx.
pub(crate) fn confirm(core: &mut Core, call: &Call, txn: ClientTxn, body: Option<Bytes>) {
    let Some(leg) = call.callee.as_ref() else {
        return;
    };
    let draft = match body {
        Some(body) => Draft::new().body("application/sdp", body),
        None => Draft::new(),
    };
    core.endpoint
        .ack(core.now.mono, txn, leg.flow, &leg.dialog, draft);
}

/// A 2xx must be ACKed before its dialog can be ended, even when no answer to its offer will come.
pub(crate) fn confirm_unconfirmed(core: &mut Core, call: &mut Call) {
    if let Some(txn) = call.answer.take().and_then(|answer| answer.unconfirmed) {
        confirm(core, call, txn, None);
    }
}

/// Goes on as far as the journal allows: called at the answer, and again when its batch is on disk. Batches reach
/// the disk in order, so the hold is there when the answer is.
pub(crate) fn proceed(core: &mut Core, call: &mut Call) {
    match call.stage {
        Stage::Answering => {}
        Stage::Hunting | Stage::Talking | Stage::Ending => return,
    }
    if core.outbox.has_failed() {
        return end::end(core, call, &cause::NOT_DURABLE, end::Left::Nobody);
    }
    if call.caller.reliable.holds_answer() {
        return;
    }
    if let Some(at) = call.marks.answer_journalled {
        return if core.outbox.is_durable(call.bill.hold_seq) {
            give_answer(core, call, at)
        } else {
            wait(core, call)
        };
    }
    if let Err(refused) = reprice::reprice(core, call) {
        call.trace.note(refused.step());
        return end::end(core, call, refused.cause, end::Left::Nobody);
    }
    journal_answer(core, call);
    wait(core, call);
}

fn wait(core: &mut Core, call: &Call) {
    core.outbox.wait(call.bill.hold_seq, call.id);
    core.feed.touch(call.id);
}

/// From here on a crash bills the call; one that comes before the 200 finds no second to bill.
fn journal_answer(core: &mut Core, call: &mut Call) {
    let at = core.now.utc;
    media::record::announce(call);
    let mut open = cdr::open_call(call, at);
    open.cdr.answered_at = Some(at);
    open.cdr.sip_status = Some(200);
    call.marks.answer_journalled = Some(at);
    call.bill.hold_seq = core.record(Record::Answered {
        call: call.id,
        at,
        open: Box::new(open),
    });
}

/// The 200 to the caller: from here on time is money, at the rates of the journalled instant.
fn give_answer(core: &mut Core, call: &mut Call, at: UtcMs) {
    prack::forget(core, call);
    match call.caller.invite {
        Some(invite) => tell_caller(core, call, invite),
        None => {
            let target = call.id;
            let served = call.links.serves;
            core.letters
                .extend(served.map(|of| Letter::Join { of, target }));
        }
    }
    call.stage = Stage::Talking;
    call.marks.answered = Some(Now {
        mono: core.now.mono,
        utc: at,
    });
    call.marks.status = Some(200);
    extend::arm(core, call);
    media::record::answered(core, call);
    core.feed.totals.answered += 1;
    if let Some(gateway) = call.target.as_ref().and_then(|target| target.gateway) {
        core.usage.answered(gateway);
        core.feed.tally(gateway).answered += 1;
    }
    core.feed.touch(call.id);
}

fn tell_caller(core: &mut Core, call: &mut Call, invite: ServerTxn) {
    let body = call.answer.as_ref().map(|answer| answer.body.clone());
    let draft = session_draft(core, call.caller.leg.flow, body);
    let leg = &mut call.caller.leg;
    let draft = session::accept(core, (call.id, Side::A), leg, invite, draft);
    let tag = leg.dialog.local_tag.clone();
    if call
        .answer
        .as_ref()
        .is_some_and(|answer| answer.unconfirmed.is_some())
    {
        core.endpoint.judge_acks(invite);
    }
    core.respond(invite, (200, "OK"), &tag, draft);
    call.caller.confirm = Confirm::Awaited;
}

/// An INVITE that nobody wanted any more was answered: ACK and BYE (RFC 3261 section 13.2.2.4); within a dialog, whose
/// BYE is under way, ACK alone.
pub(crate) fn end_stray(core: &mut Core, txn: ClientTxn, message: &Message) {
    if !matches!(message.status(), Some(200..=299)) {
        return;
    }
    let Some(Stray { flow, gateway }) = core.strays.find(txn) else {
        return;
    };
    let Some(request) = core.endpoint.client_request(txn) else {
        return;
    };
    let within = request.to_tag().is_some();
    let Some(dialog) = Dialog::from_response(request, message) else {
        return;
    };
    // A repeated 2xx of the answer we took is the endpoint's to ACK; its dialog is a call's.
    let directory = Arc::clone(&core.directory);
    let mut leg = Leg {
        security: Security::new(core, SrtpPolicy::Off, flow, &directory.settings),
        flow: dialog_flow(flow, &dialog, Reach::Contact),
        origin: core.new_origin(flow),
        dialog,
        described: None,
        reach: Reach::Contact,
        gateway,
        session: Session::new(core, Extension::Off, message),
        account: None,
        heard: None,
        says: Direction::SendRecv,
        owed: Owed::Nothing,
        again: 0,
    };
    core.endpoint
        .ack(core.now.mono, txn, leg.flow, &leg.dialog, Draft::new());
    if !within {
        bye::send(core, &mut leg, EndReason::default());
    }
}
