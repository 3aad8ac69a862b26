//! A call placed by us for a transfer: as the one that transfers would dial it, by its rights, prices and limits, and
//! paid by it. Its caller's side stays empty until the other party comes over.

use super::{Letter, Links, note};
use crate::{
    bill,
    call::{Call, CallerLeg, Confirm, Marks, Stage, Who},
    cause::{self, Cause},
    decide::{Admission, CallFacts, Decision, Outcome, Refusal, Trace, Usage, decide},
    directory::{Account, MediaMode, signalling::Extension},
    hunt::Hunt,
    identity::Diverter,
    leg::{Leg, Owed, Reliable, Session, invite},
    media::{self, CallMedia},
    switch::state::{Core, Gate},
};
use std::sync::Arc;
use tandem_billing::CallId;
use tandem_sdp::{Direction, SessionDescription, Side};

/// What the target's INVITE may pass through.
const MAX_FORWARDS: u8 = 70;

type Answer = (u16, String);

/// Places it for the transfer of `call` by one of its sides. The error is the answer to the REFER.
pub(super) fn place(
    core: &mut Core,
    call: &Call,
    (by, account): (Side, &Arc<Account>),
    number: &str,
) -> Result<CallId, Answer> {
    if let Some(cause) = closed(core) {
        return Err(answer(&Refusal::from(cause)));
    }
    let stays = by.other();
    let offer = call
        .leg(stays)
        .and_then(Leg::heard)
        .ok_or_else(|| answer(&Refusal::from(&cause::BAD_OFFER)))?;
    let facts = facts(core, call, (by, account), (number, &offer));
    core.feed.totals.attempts += 1;
    let directory = Arc::clone(&core.directory);
    let Decision { outcome, trace, .. } = decide(&directory, &facts, &core.live_usage());
    let admission = match outcome {
        Outcome::Admitted(admission) => *admission,
        Outcome::Refused(refusal) => {
            return Err(refuse(
                core,
                call,
                (by, account),
                (&facts, &trace),
                &refusal,
            ));
        }
        Outcome::Challenge => return Err((403, "Forbidden".to_owned())),
    };
    let id = core.new_call_id();
    let reserved =
        bill::reserve::reserve(core, id, admission.levels.clone(), admission.max_duration_s);
    let bill = match reserved {
        Ok(bill) => bill,
        Err(unpaid) => {
            let mut trace = trace;
            trace.steps.push(unpaid.step());
            let refusal = Refusal::from(unpaid.cause);
            return Err(refuse(
                core,
                call,
                (by, account),
                (&facts, &trace),
                &refusal,
            ));
        }
    };
    let mut placed = build(
        core,
        call,
        by,
        Parts {
            id,
            admission,
            bill,
            trace,
            facts,
            offer,
        },
    );
    note(&mut placed, (by, number), call.id, "placed for");
    invite::open(core, &mut placed);
    core.letters.push_back(Letter::Placed(placed));
    Ok(id)
}

/// Nothing new is begun then.
fn closed(core: &Core) -> Option<&'static Cause> {
    let up = usize::try_from(core.live_usage().total_calls()).unwrap_or(usize::MAX);
    if core.gate != Gate::Open {
        Some(&cause::DRAINING)
    } else if core.outbox.has_failed() {
        Some(&cause::NOT_DURABLE)
    } else if up >= core.fixed.max_calls {
        Some(&cause::SWITCH_FULL)
    } else {
        None
    }
}

fn answer(refusal: &Refusal) -> Answer {
    let (status, reason) = refusal.answer();
    (status, reason.to_owned())
}

fn refuse(
    core: &mut Core,
    call: &Call,
    (by, account): (Side, &Account),
    (facts, trace): (&CallFacts, &Trace),
    refusal: &Refusal,
) -> Answer {
    let call_id = call
        .leg(by)
        .map(|leg| leg.dialog.call_id.clone())
        .unwrap_or_default();
    invite::note_refusal(core, &call_id, facts, account, (trace, refusal));
    answer(refusal)
}

/// The target is called in the name of the party that stays, as far as the account's rules let it.
fn facts(
    core: &mut Core,
    call: &Call,
    (by, account): (Side, &Account),
    (number, offer): (&str, &SessionDescription),
) -> CallFacts {
    let flow = call.leg(by).map_or(call.caller.leg.flow, |leg| leg.flow);
    CallFacts {
        remote: flow.remote,
        transport: flow.transport,
        device: None,
        via: None,
        as_account: Some(account.id),
        caller: number_of(call, by.other()).to_owned(),
        asserted: None,
        dialled: invite::cut_number(number).to_owned(),
        at: core.now.utc,
        codecs: media::codec_names(offer),
        draw: core.draw(),
    }
}

/// By which a party of a call is known.
fn number_of(call: &Call, side: Side) -> &str {
    match side {
        Side::A => &call.who.caller,
        Side::B => &call.who.dialled,
    }
}

fn diverter(call: &Call, by: Side) -> Diverter {
    Diverter {
        number: number_of(call, by).to_owned(),
        private: by == Side::A && call.who.private,
    }
}

struct Parts {
    id: CallId,
    admission: Admission,
    bill: bill::Bill,
    trace: Trace,
    facts: CallFacts,
    offer: SessionDescription,
}

fn build(core: &mut Core, call: &Call, by: Side, parts: Parts) -> Box<Call> {
    let Parts {
        id,
        admission,
        bill,
        trace,
        facts,
        offer,
    } = parts;
    let stays = by.other();
    let leg = call.leg(stays).unwrap_or(&call.caller.leg);
    let Admission {
        account,
        mut candidates,
        rating_number,
        ..
    } = admission;
    if !call.media.direct {
        for candidate in &mut candidates {
            candidate.media = MediaMode::Relay;
        }
    }
    let chain = bill.levels.iter().map(|level| level.account.id).collect();
    Box::new(Call {
        id,
        stage: Stage::Hunting,
        began: core.now,
        directory: Arc::clone(&core.directory),
        caller: CallerLeg {
            leg: placeholder(core, leg),
            invite: None,
            confirm: Confirm::Unanswered,
            reliable: Reliable::none(),
        },
        callee: None,
        hunt: Some(Box::new(Hunt::new(candidates, MAX_FORWARDS - 1))),
        answer: None,
        passing: Vec::new(),
        own: Vec::new(),
        media: CallMedia::new(Some(offer)),
        bill,
        target: None,
        marks: Marks::default(),
        end: None,
        trace,
        links: Links {
            serves: Some(call.id),
            with: Some(call.id),
            depth: call.links.depth + 1,
            ..Links::default()
        },
        who: Who {
            call_id: leg.dialog.call_id.clone(),
            account,
            source: facts.remote,
            chain,
            caller: facts.caller,
            display: match stays {
                Side::A => call.who.display.clone(),
                Side::B => None,
            },
            private: stays == Side::A && call.who.private,
            diverted: Some(diverter(call, by)),
            dialled: facts.dialled,
            did: None,
            rating_number,
        },
    })
}

/// Stands for a leg that is still elsewhere: nothing finds it, and nothing is sent in it.
fn placeholder(core: &mut Core, leg: &Leg) -> Leg {
    let mut dialog = leg.dialog.clone();
    dialog.local_tag = core.endpoint.new_tag();
    Leg {
        flow: leg.flow,
        dialog,
        origin: core.new_origin(leg.flow),
        described: None,
        heard: None,
        says: Direction::SendRecv,
        reach: leg.reach,
        security: leg.security.clone(),
        gateway: None,
        session: Session {
            policy: Extension::Off,
            timer: None,
            updates: false,
            heard: core.now.mono,
        },
        account: leg.account,
        owed: Owed::Nothing,
        again: 0,
    }
}

/// What a leg described, as an offer to somebody else: live, whatever was on hold before.
pub(crate) fn live(mut sdp: SessionDescription) -> SessionDescription {
    sdp.set_direction(Direction::SendRecv);
    sdp
}
