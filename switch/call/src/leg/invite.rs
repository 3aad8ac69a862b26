//! A caller arrives: checked, recognised, decided upon, paid for, and sent on its way.

use super::{CallerParts, Leg, Owed, Reach, Reliable, Session, dialog_flow, session};
use crate::{
    announce,
    bill::{self, cdr},
    call::{Call, CallerLeg, Confirm, Marks, Stage, Who},
    cause::{self, Cause},
    decide::{Admission, CallFacts, Decision, Inbound, Outcome, Refusal, Step, Trace, decide},
    directory::{
        Account, DidTarget,
        signalling::{Extension, Trust},
    },
    hunt::{self, Hunt},
    identity::{self, Diverter},
    journal::Record,
    media::{self, Body, CallMedia, Security},
    switch::{
        auth::{self, Proof},
        outside,
        state::{Core, Gate},
    },
    transfer::Links,
    upstream,
};
use bytes::Bytes;
use std::sync::Arc;
use tandem_sdp::{Direction, SessionDescription, Side};
use tandem_sip::{
    Flow, Message,
    dialog::Dialog,
    digest::ChallengeKind,
    endpoint::ServerTxn,
    message::{Draft, HeaderId},
};

/// Seconds after which a caller we have no room for may try again.
const RETRY_AFTER_S: u32 = 10;
/// What a request may pass through when it does not say (RFC 3261 section 8.1.1.6).
const MAX_FORWARDS: u8 = 70;
/// Longest name or number kept of what a caller sends, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// An INVITE that opens a dialog.
pub(crate) struct Arrival<'a> {
    pub(crate) txn: ServerTxn,
    pub(crate) flow: Flow,
    pub(crate) message: &'a Message,
}

/// Answers the INVITE, or makes it a call.
pub(crate) fn handle(
    core: &mut Core,
    open_calls: usize,
    arrival: &Arrival<'_>,
) -> Option<Box<Call>> {
    if let Err(answer) = check_sender(core, arrival).and_then(|()| check(core, open_calls)) {
        core.feed.totals.attempts += 1;
        core.feed.totals.refused += 1;
        core.reject(arrival.txn, answer.0, answer.1);
        return None;
    }
    let body = media::read_body(arrival.message);
    let mut facts = facts(core, arrival, &body);
    let decision = recognise(core, arrival, &mut facts)?;
    if let Some(account) = &decision.account
        && !identity::names_product(&account.signalling)
    {
        core.endpoint.leave_nameless(arrival.txn);
    }
    core.feed.totals.attempts += 1;
    match (decision.outcome, decision.account, body) {
        (Outcome::Admitted(_), Some(account), Body::Unfit) => {
            refuse(
                core,
                arrival,
                &facts,
                &account,
                decision.trace,
                &Refusal::from(&cause::BAD_OFFER),
            );
            None
        }
        (Outcome::Admitted(admission), Some(account), Body::None) => admit(
            core,
            arrival,
            facts,
            Admitted {
                admission: *admission,
                account,
                trace: decision.trace,
            },
            None,
        ),
        (Outcome::Admitted(admission), Some(account), Body::Audio(sdp)) => admit(
            core,
            arrival,
            facts,
            Admitted {
                admission: *admission,
                account,
                trace: decision.trace,
            },
            Some(*sdp),
        ),
        (Outcome::Refused(refusal), Some(account), Body::None | Body::Audio(_) | Body::Unfit) => {
            refuse(core, arrival, &facts, &account, decision.trace, &refusal);
            None
        }
        (Outcome::Admitted(_) | Outcome::Refused(_) | Outcome::Challenge, _, _) => {
            core.feed.totals.refused += 1;
            let cause = &cause::UNKNOWN_SOURCE;
            core.reject(arrival.txn, (cause.sip_status, cause.reason), Draft::new());
            None
        }
    }
}

type Answer = ((u16, &'static str), Draft);

fn because(cause: &'static Cause) -> Answer {
    ((cause.sip_status, cause.reason), Draft::new())
}

/// What is wrong whoever sends it. None of these leaves a CDR: the sender is not known yet.
pub(crate) fn check_sender(core: &Core, arrival: &Arrival<'_>) -> Result<(), Answer> {
    let message = arrival.message;
    if message.max_forwards() == Some(0) {
        return Err(because(&cause::TOO_MANY_HOPS));
    }
    if let Some(draft) = outside::unsupported(message) {
        return Err(((420, "Bad Extension"), draft));
    }
    if let Some(least_s) = session::too_short(core, message) {
        let draft = Draft::new().header("Min-SE", least_s);
        return Err(((422, "Session Interval Too Small"), draft));
    }
    match core.index.call_ids.get(message.call_id()) {
        Some((_, Side::B)) => Err(because(&cause::LOOP)),
        // The same request by another way (RFC 3261 section 8.2.2.2).
        Some((_, Side::A)) => Err(((482, "Merged Request"), Draft::new())),
        None => Ok(()),
    }
}

/// Whether new calls are taken.
fn check(core: &Core, open_calls: usize) -> Result<(), Answer> {
    let closed = if core.gate != Gate::Open {
        Some(&cause::DRAINING)
    } else if core.outbox.has_failed() {
        Some(&cause::NOT_DURABLE)
    } else if open_calls >= core.fixed.max_calls {
        Some(&cause::SWITCH_FULL)
    } else {
        None
    };
    match closed {
        Some(cause) => {
            let (answer, draft) = because(cause);
            Err((answer, draft.header("Retry-After", RETRY_AFTER_S)))
        }
        None => Ok(()),
    }
}

fn facts(core: &mut Core, arrival: &Arrival<'_>, body: &Body) -> CallFacts {
    let message = arrival.message;
    let (via, dialled) = upstream::dialled(core, arrival.flow.remote.ip(), message);
    CallFacts {
        remote: arrival.flow.remote,
        transport: arrival.flow.transport,
        device: None,
        via,
        as_account: None,
        caller: shortened(message.from().uri.user_unescaped().unwrap_or_default()),
        asserted: identity::claims(message).asserted,
        dialled: cut_number(&dialled).to_owned(),
        at: core.now.utc,
        codecs: match body {
            Body::Audio(sdp) => media::codec_names(sdp),
            Body::None | Body::Unfit => Vec::new(),
        },
        draw: core.draw(),
    }
}

/// The number of a user part: one byte more than is allowed at most, so that the decision sees that it is too long.
pub(crate) fn cut_number(user: &str) -> &str {
    let number = user.split(';').next().unwrap_or_default();
    cut(number, MAX_NAME_BYTES + 1)
}

fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

fn shortened(text: String) -> String {
    if text.len() <= MAX_NAME_BYTES {
        text
    } else {
        cut(&text, MAX_NAME_BYTES).to_owned()
    }
}

/// Decides by source address, else by digest. None: a challenge went out.
fn recognise(core: &mut Core, arrival: &Arrival<'_>, facts: &mut CallFacts) -> Option<Decision> {
    let directory = Arc::clone(&core.directory);
    let decision = decide(&directory, facts, &core.live_usage());
    match decision.outcome {
        Outcome::Admitted(_) | Outcome::Refused(_) => return Some(decision),
        Outcome::Challenge => {}
    }
    match auth::prove(core, arrival.flow, arrival.message, ChallengeKind::Proxy) {
        Proof::Device(device) => {
            facts.device = Some(device.username.clone());
            Some(decide(&directory, facts, &core.live_usage()))
        }
        Proof::Nothing(stale) => {
            core.feed.totals.challenged += 1;
            let to = (arrival.txn, arrival.flow);
            auth::challenge(core, to, ChallengeKind::Proxy, stale);
            None
        }
        Proof::Later => {
            auth::put_off(core, arrival.txn);
            None
        }
    }
}

fn refuse(
    core: &mut Core,
    arrival: &Arrival<'_>,
    facts: &CallFacts,
    account: &Account,
    trace: Trace,
    refusal: &Refusal,
) {
    core.feed.totals.refused += 1;
    let (status, reason) = refusal.answer();
    let draft = match lacking(arrival.message, account) {
        Some(tag) if status == cause::EXTENSION_REQUIRED.sip_status => {
            Draft::new().header("Require", tag)
        }
        Some(_) | None => Draft::new(),
    };
    if !announce::begin(core, arrival, (account, facts), (refusal, &draft)) {
        core.reject(arrival.txn, (status, reason), draft);
    }
    let call_id = arrival.message.call_id();
    write_refusal(core, call_id, facts, account, (&trace, refusal));
}

/// A call that was refused before it began leaves a CDR.
pub(crate) fn note_refusal(
    core: &mut Core,
    call_id: &str,
    facts: &CallFacts,
    account: &Account,
    why: (&Trace, &Refusal),
) {
    core.feed.totals.refused += 1;
    write_refusal(core, call_id, facts, account, why);
}

fn write_refusal(
    core: &mut Core,
    call_id: &str,
    facts: &CallFacts,
    account: &Account,
    (trace, refusal): (&Trace, &Refusal),
) {
    let parts = cdr::Refused {
        call_id,
        facts,
        account: account.id,
        trace,
        cause: refusal.cause,
        status: refusal.answer().0,
    };
    bill::refused::record(core, &parts);
}

struct Admitted {
    admission: Admission,
    account: Arc<Account>,
    trace: Trace,
}

fn admit(
    core: &mut Core,
    arrival: &Arrival<'_>,
    facts: CallFacts,
    admitted: Admitted,
    mut offer: Option<SessionDescription>,
) -> Option<Box<Call>> {
    let Admitted {
        admission,
        account,
        mut trace,
    } = admitted;
    let security = match terms(core, arrival, &account, offer.as_mut(), &mut trace) {
        Ok(security) => security,
        Err(refusal) => {
            refuse(core, arrival, &facts, &account, trace, &refusal);
            return None;
        }
    };
    let heard = offer.as_ref().map(heard);
    let id = core.new_call_id();
    let bill = match bill::reserve::reserve(core, id, admission.levels, admission.max_duration_s) {
        Ok(bill) => bill,
        Err(refused) => {
            trace.steps.push(refused.step());
            let refusal = Refusal::from(refused.cause);
            refuse(core, arrival, &facts, &account, trace, &refusal);
            return None;
        }
    };
    core.respond(arrival.txn, (100, "Trying"), "", Draft::new());
    let chain: Vec<_> = bill.levels.iter().map(|level| level.account.id).collect();
    let from = (&facts, admission.inbound.as_ref());
    let caller = caller_leg(core, arrival, from, (&account, security, heard));
    let hunt = Hunt::new(admission.candidates, hops_left(arrival.message));
    let mut call = Box::new(Call {
        id,
        stage: Stage::Hunting,
        began: core.now,
        directory: Arc::clone(&core.directory),
        caller,
        callee: None,
        hunt: Some(Box::new(hunt)),
        answer: None,
        passing: Vec::new(),
        own: Vec::new(),
        media: CallMedia::new(offer),
        bill,
        target: None,
        marks: Marks::default(),
        end: None,
        trace,
        links: Links::default(),
        who: who(
            arrival,
            facts,
            CallerParts {
                account,
                inbound: admission.inbound,
                chain,
                rating_number: admission.rating_number,
            },
        ),
    });
    index(core, &call);
    open(core, &mut call);
    Some(call)
}

/// What a leg keeps of a description.
fn heard(sdp: &SessionDescription) -> (Bytes, Direction) {
    (sdp.to_bytes().into(), sdp.direction())
}

/// From here on limits count the call and the journal knows it.
pub(crate) fn open(core: &mut Core, call: &mut Call) {
    core.usage
        .call_began(core.now.mono, &call.who.chain, call.who.did);
    let open = cdr::open_call(call, core.now.utc);
    call.bill.hold_seq = core.record(Record::Opened(Box::new(open)));
    core.feed.touch(call.id);
    hunt::next(core, call);
}

/// What the account asks of the caller's side, and how its audio is protected.
fn terms(
    core: &mut Core,
    arrival: &Arrival<'_>,
    account: &Account,
    offer: Option<&mut SessionDescription>,
    trace: &mut Trace,
) -> Result<Security, Refusal> {
    if let Some(step) = lacking_step(arrival.message, account) {
        trace.steps.push(step);
        return Err(Refusal::from(&cause::EXTENSION_REQUIRED));
    }
    security(core, arrival, account, offer).ok_or_else(|| Refusal::from(&cause::BAD_OFFER))
}

/// None: the offer's keys cannot be agreed on.
fn security(
    core: &mut Core,
    arrival: &Arrival<'_>,
    account: &Account,
    offer: Option<&mut SessionDescription>,
) -> Option<Security> {
    let directory = Arc::clone(&core.directory);
    let mut security = Security::new(core, account.srtp, arrival.flow, &directory.settings);
    if let Some(offer) = offer {
        security.hear_offer(offer).ok()?;
    }
    Some(security)
}

fn hops_left(message: &Message) -> u8 {
    let received = message.max_forwards();
    received.unwrap_or(MAX_FORWARDS).saturating_sub(1)
}

fn lacking_step(message: &Message, account: &Account) -> Option<Step> {
    let tag = lacking(message, account)?;
    Some(Step::Refused {
        code: cause::EXTENSION_REQUIRED.code.to_owned(),
        detail: format!("the caller does not support {tag}"),
    })
}

/// What the account requires and the caller has not.
fn lacking(message: &Message, account: &Account) -> Option<&'static str> {
    let signalling = &account.signalling;
    let wanted = [
        ("100rel", signalling.reliable),
        ("timer", signalling.session_timers),
    ];
    let has = |tag: &str| {
        session::names(message, HeaderId::Supported, tag)
            || session::names(message, HeaderId::Require, tag)
    };
    wanted
        .into_iter()
        .find(|(tag, use_of)| *use_of == Extension::Required && !has(tag))
        .map(|(tag, _)| tag)
}

fn caller_leg(
    core: &mut Core,
    arrival: &Arrival<'_>,
    (facts, inbound): (&CallFacts, Option<&Inbound>),
    (account, security, heard): (&Account, Security, Option<(Bytes, Direction)>),
) -> CallerLeg {
    let first = u32::from(core.draw());
    let tag = core.endpoint.new_tag();
    let mut dialog = Dialog::from_request(arrival.message, &tag);
    dialog.names_product = identity::names_product(&account.signalling);
    let reach = if facts.device.is_some() {
        Reach::Symmetric
    } else {
        Reach::Contact
    };
    let leg = Leg {
        flow: dialog_flow(arrival.flow, &dialog, reach),
        dialog,
        origin: core.new_origin(arrival.flow),
        described: None,
        reach,
        security,
        gateway: inbound.map(|inbound| Arc::clone(&inbound.gateway)),
        session: Session::new(core, account.signalling.session_timers, arrival.message),
        account: Some(account.id).filter(|_| inbound.is_none()),
        says: heard
            .as_ref()
            .map_or(Direction::SendRecv, |(_, says)| *says),
        heard: heard.map(|(body, _)| body),
        owed: Owed::Nothing,
        again: 0,
    };
    CallerLeg {
        reliable: Reliable::new(arrival.message, account.signalling.reliable, first),
        leg,
        invite: Some(arrival.txn),
        confirm: Confirm::Unanswered,
    }
}

fn who(arrival: &Arrival<'_>, facts: CallFacts, parts: CallerParts) -> Who {
    let message = arrival.message;
    let claims = identity::claims(message);
    let trusted = parts.account.signalling.trust == Trust::Trusted;
    let did = parts.inbound.as_ref().map(|inbound| &*inbound.did);
    let diverted = match did {
        Some(did) if matches!(did.target, DidTarget::Forward(_)) => Some(Diverter {
            number: did.number.clone(),
            private: false,
        }),
        Some(_) | None => claims.diverted.filter(|_| trusted),
    };
    let caller = facts.caller_of(&parts.account).to_owned();
    Who {
        call_id: message.call_id().to_owned(),
        account: parts.account,
        source: facts.remote,
        chain: parts.chain,
        display: message.from().display.map(shortened),
        private: claims.private,
        diverted,
        caller,
        dialled: facts.dialled,
        did: did.map(|did| did.id),
        rating_number: parts.rating_number,
    }
}

fn index(core: &mut Core, call: &Call) {
    if let Some(invite) = call.caller.invite {
        core.index.servers.insert(invite, call.id);
    }
    core.index
        .enter(&call.caller.leg.dialog, (call.id, Side::A));
}
