//! Requests within a call that are passed to the other side: re-INVITE and UPDATE (hold, resume, another
//! codec or address), INFO. Glare by RFC 3261 section 14 and RFC 3311 section 5.2.

use super::{Reach, dialog_flow, session_draft};
use crate::{
    call::{Call, Confirm, Stage},
    cause,
    hunt::credentials,
    media::{self, Body, Said},
    switch::{end, state::Core},
};
use bytes::Bytes;
use tandem_sdp::{SessionDescription, Side};
use tandem_sip::{
    Flow, Message,
    endpoint::{ClientTxn, ServerTxn},
    message::Draft,
    value::Method,
};

/// Requests of one call under way between its sides at once.
const MAX_PASSING: usize = 8;

/// A request of one side on its way to the other.
pub(crate) struct Passing {
    /// Who asked.
    from: Side,
    what: What,
    server: ServerTxn,
    /// As sent to the other side, to be repeated with credentials.
    draft: Draft,
    offer: Option<Box<SessionDescription>>,
    authorised: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Invite,
    Update,
    Info,
}

impl What {
    fn method(self) -> Method {
        match self {
            Self::Invite => Method::Invite,
            Self::Update => Method::Update,
            Self::Info => Method::Info,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The other side has not answered.
    Sent(ClientTxn),
    /// Both have answered; the asker's ACK is awaited. It carries the answer if `unconfirmed` made the offer.
    Answered { unconfirmed: Option<ClientTxn> },
}

/// A re-INVITE, UPDATE or INFO came from a side.
pub(crate) fn handle(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    what: What,
    request: (ServerTxn, Flow, &Message),
) {
    let (txn, flow, message) = request;
    if let Err((answer, retry_after)) = may_pass(call, side, what, message) {
        let draft = match retry_after {
            Some(seconds) => Draft::new().header("Retry-After", seconds),
            None => Draft::new(),
        };
        return core.respond(txn, answer, "", draft);
    }
    follow(call, side, what, flow);
    match prepare(core, call, side, what, message) {
        Prepared::Pass(draft, offer) => pass(
            core,
            call,
            Passing {
                from: side,
                what,
                server: txn,
                draft,
                offer,
                authorised: false,
                state: State::Answered { unconfirmed: None },
            },
        ),
        Prepared::Refresh => {
            let draft = session_draft(core, flow, None);
            core.respond(txn, (200, "OK"), "", draft);
        }
        Prepared::Unfit => core.respond(txn, (488, "Not Acceptable Here"), "", Draft::new()),
    }
}

type Refusal = ((u16, &'static str), Option<u32>);

fn may_pass(call: &Call, side: Side, what: What, message: &Message) -> Result<(), Refusal> {
    let pending = ((491, "Request Pending"), None);
    match (call.stage, what) {
        (Stage::Talking, What::Invite | What::Update | What::Info) => {}
        (Stage::Hunting | Stage::Answering, What::Update) if message.body().is_empty() => {
            return Ok(());
        }
        (Stage::Hunting | Stage::Answering, What::Invite | What::Update) => return Err(pending),
        (Stage::Hunting | Stage::Answering, What::Info) => {
            return Err(((480, "Temporarily Unavailable"), None));
        }
        (Stage::Ending, What::Invite | What::Update | What::Info) => {
            return Err(((481, "Call/Transaction Does Not Exist"), None));
        }
    }
    if call.passing.len() >= MAX_PASSING {
        return Err(((500, "Server Internal Error"), Some(2)));
    }
    match what {
        What::Info => return Ok(()),
        What::Invite | What::Update => {}
    }
    let unconfirmed = match call.caller.confirm {
        Confirm::Awaited | Confirm::ThenBye => true,
        Confirm::Unanswered | Confirm::Done => false,
    };
    if unconfirmed {
        return Err(pending);
    }
    let offering = call.passing.iter().find(|passing| match passing.what {
        What::Invite | What::Update => true,
        What::Info => false,
    });
    match offering {
        None => Ok(()),
        Some(other) if other.from == side => Err(((500, "Server Internal Error"), Some(1))),
        Some(_) => Err(pending),
    }
}

/// A phone that moved to another address says so with a request that refreshes the target.
fn follow(call: &mut Call, side: Side, what: What, flow: Flow) {
    match what {
        What::Info => return,
        What::Invite | What::Update => {}
    }
    if let Some(leg) = call.leg_mut(side) {
        leg.flow = match leg.reach {
            Reach::Symmetric => flow,
            Reach::Contact => dialog_flow(leg.flow, &leg.dialog, leg.reach),
        };
    }
}

enum Prepared {
    Pass(Draft, Option<Box<SessionDescription>>),
    /// Nothing of the audio is spoken of: answered here.
    Refresh,
    Unfit,
}

fn prepare(core: &Core, call: &mut Call, side: Side, what: What, message: &Message) -> Prepared {
    let Some(flow) = call.leg(side.other()).map(|leg| leg.flow) else {
        return Prepared::Refresh;
    };
    if what == What::Info {
        return Prepared::Pass(info_draft(message), None);
    }
    match (media::read_body(message), what) {
        (Body::None, What::Update | What::Info) => Prepared::Refresh,
        (Body::None, What::Invite) => Prepared::Pass(session_draft(core, flow, None), None),
        (Body::Unfit, _) => Prepared::Unfit,
        (Body::Audio(mut sdp), _) => {
            if !call.media.allowed.is_empty() && !sdp.restrict_codecs(&call.media.allowed) {
                return Prepared::Unfit;
            }
            if !media::could_hear(call, side, &mut sdp) {
                return Prepared::Unfit;
            }
            match media::body_for(core, call, side.other(), Said::Offer, &sdp) {
                Some(body) => Prepared::Pass(session_draft(core, flow, Some(body)), Some(sdp)),
                None => Prepared::Unfit,
            }
        }
    }
}

fn info_draft(message: &Message) -> Draft {
    let mut draft = Draft::new();
    if let Some(package) = message.header("Info-Package") {
        draft = draft.header("Info-Package", package);
    }
    match message.header("Content-Type") {
        Some(kind) if !message.body().is_empty() => {
            draft.body(kind, Bytes::copy_from_slice(message.body()))
        }
        Some(_) | None => draft,
    }
}

fn pass(core: &mut Core, call: &mut Call, mut passing: Passing) {
    let Some(leg) = call.leg_mut(passing.from.other()) else {
        return;
    };
    let txn = super::send(core, leg, passing.what.method(), passing.draft.clone());
    core.index.clients.insert(txn, call.id);
    core.index.servers.insert(passing.server, call.id);
    passing.state = State::Sent(txn);
    call.passing.push(passing);
}

fn take(core: &mut Core, call: &mut Call, found: impl Fn(&Passing) -> bool) -> Option<Passing> {
    let at = call.passing.iter().position(found)?;
    let passing = call.passing.remove(at);
    core.index.servers.remove(&passing.server);
    if let State::Sent(txn) = passing.state {
        core.index.clients.remove(&txn);
    }
    Some(passing)
}

/// A response to a request that was passed on.
pub(crate) fn response(core: &mut Core, call: &mut Call, txn: ClientTxn, message: &Message) {
    let status = message.status().unwrap_or_default();
    if status < 200 {
        return;
    }
    let Some(passing) = take(core, call, |passing| passing.state == State::Sent(txn)) else {
        return;
    };
    match (status, passing.what) {
        (200..=299, What::Invite | What::Update) => agreed(core, call, passing, txn, message),
        (200..=299, What::Info) => core.respond(passing.server, (200, "OK"), "", Draft::new()),
        (_, What::Invite | What::Update | What::Info) => {
            refused(core, call, passing, status, message)
        }
    }
}

fn agreed(
    core: &mut Core,
    call: &mut Call,
    mut passing: Passing,
    txn: ClientTxn,
    message: &Message,
) {
    let (asker, other) = (passing.from, passing.from.other());
    if let Some(leg) = call.leg_mut(other) {
        leg.dialog.refresh_target(message);
        leg.flow = dialog_flow(leg.flow, &leg.dialog, leg.reach);
    }
    let said = match media::read_body(message) {
        Body::Audio(sdp) => Some(sdp),
        Body::None | Body::Unfit => None,
    };
    // With an offer of the asker's this is the answer and the round is complete; else it is the offer.
    let unconfirmed = match (&passing.offer, passing.what) {
        (None, What::Invite) => Some(txn),
        (Some(_), What::Invite) => {
            acknowledge(core, call, other, txn, None);
            None
        }
        (_, What::Update | What::Info) => None,
    };
    let body = said.and_then(|sdp| described(core, call, asker, passing.offer.as_deref(), *sdp));
    let Some(body) = body else {
        if let Some(txn) = unconfirmed {
            acknowledge(core, call, other, txn, None);
        }
        return core.respond(
            passing.server,
            (488, "Not Acceptable Here"),
            "",
            Draft::new(),
        );
    };
    let Some(flow) = call.leg(asker).map(|leg| leg.flow) else {
        return;
    };
    let draft = session_draft(core, flow, Some(body));
    core.respond(passing.server, (200, "OK"), "", draft);
    core.feed.touch(call.id);
    if passing.what == What::Invite {
        passing.state = State::Answered { unconfirmed };
        passing.offer = None;
        core.index.servers.insert(passing.server, call.id);
        call.passing.push(passing);
    }
}

/// The other side's description for the asker; the relay learns both.
fn described(
    core: &mut Core,
    call: &mut Call,
    asker: Side,
    offer: Option<&SessionDescription>,
    mut sdp: SessionDescription,
) -> Option<Bytes> {
    let said = match offer {
        Some(offer) => {
            sdp.complete_for(offer);
            media::hear(core, call, asker, Said::Offer, offer)?;
            Said::Answer
        }
        None => Said::Offer,
    };
    media::hear(core, call, asker.other(), said, &sdp)?;
    media::note_direction(core, call, sdp.direction());
    call.media.codec = media::codec_names(&sdp)
        .into_iter()
        .next()
        .or(call.media.codec.take());
    media::body_for(core, call, asker, said, &sdp)
}

fn acknowledge(core: &mut Core, call: &Call, side: Side, txn: ClientTxn, body: Option<Bytes>) {
    let Some(leg) = call.leg(side) else {
        return;
    };
    let draft = match body {
        Some(body) => Draft::new().body("application/sdp", body),
        None => Draft::new(),
    };
    core.endpoint
        .ack(core.now.mono, txn, leg.flow, &leg.dialog, draft);
}

fn refused(core: &mut Core, call: &mut Call, mut passing: Passing, status: u16, message: &Message) {
    if !passing.authorised && repeat_with_credentials(core, call, &mut passing, message) {
        call.passing.push(passing);
        return;
    }
    let answer = match status {
        // Whose credentials are wanted is not the asker's affair.
        401 | 407 => (403, "Forbidden"),
        // RFC 3261 section 12.2.1.2: the dialog is gone.
        408 | 481 => (481, "Call/Transaction Does Not Exist"),
        403 => (403, "Forbidden"),
        405 => (405, "Method Not Allowed"),
        415 => (415, "Unsupported Media Type"),
        491 => (491, "Request Pending"),
        501 => (501, "Not Implemented"),
        300..=399 | 600..=699 => (488, "Not Acceptable Here"),
        400..=499 => (488, "Not Acceptable Here"),
        _ => (500, "Server Internal Error"),
    };
    core.respond(passing.server, answer, "", Draft::new());
    if matches!(status, 408 | 481) {
        let left = left_by(passing.from.other());
        end::end(core, call, &cause::LEG_LOST, left);
    }
}

fn left_by(side: Side) -> end::Left {
    match side {
        Side::A => end::Left::Caller,
        Side::B => end::Left::Callee,
    }
}

fn repeat_with_credentials(
    core: &mut Core,
    call: &mut Call,
    passing: &mut Passing,
    message: &Message,
) -> bool {
    let side = passing.from.other();
    let found = call.leg(side).and_then(|leg| {
        let gateway = leg.gateway.clone()?;
        Some((gateway, leg.dialog.remote_target.to_string()))
    });
    let Some((gateway, uri)) = found else {
        return false;
    };
    let Some((name, value)) = credentials(core, &gateway, message, &passing.what.method(), &uri)
    else {
        return false;
    };
    let Some(leg) = call.leg_mut(side) else {
        return false;
    };
    let txn = super::send(
        core,
        leg,
        passing.what.method(),
        passing.draft.clone().header(&name, value),
    );
    core.index.clients.insert(txn, call.id);
    core.index.servers.insert(passing.server, call.id);
    passing.authorised = true;
    passing.state = State::Sent(txn);
    true
}

/// The other side never answered.
pub(crate) fn lost(core: &mut Core, call: &mut Call, txn: ClientTxn) {
    let Some(passing) = take(core, call, |passing| passing.state == State::Sent(txn)) else {
        return;
    };
    core.respond(passing.server, (408, "Request Timeout"), "", Draft::new());
    match passing.what {
        What::Invite | What::Update => {
            let left = left_by(passing.from.other());
            end::end(core, call, &cause::LEG_LOST, left);
        }
        What::Info => {}
    }
}

/// The asker's ACK to our 200 of its re-INVITE.
pub(crate) fn confirmed(core: &mut Core, call: &mut Call, txn: ServerTxn, message: &Message) {
    let Some(passing) = take(core, call, |passing| passing.server == txn) else {
        return;
    };
    let State::Answered {
        unconfirmed: Some(unconfirmed),
    } = passing.state
    else {
        return;
    };
    let (asker, other) = (passing.from, passing.from.other());
    let answer = match media::read_body(message) {
        Body::Audio(sdp) => Some(sdp),
        Body::None | Body::Unfit => None,
    };
    let body = answer.and_then(|sdp| {
        media::hear(core, call, asker, Said::Answer, &sdp)?;
        media::note_direction(core, call, sdp.direction());
        media::body_for(core, call, other, Said::Answer, &sdp)
    });
    let agreed = body.is_some();
    acknowledge(core, call, other, unconfirmed, body);
    if !agreed {
        end::end(core, call, &cause::MEDIA_REFUSED, end::Left::Nobody);
    }
}

/// The asker never ACKed our 200: its side is gone.
pub(crate) fn unconfirmed(core: &mut Core, call: &mut Call, txn: ServerTxn) {
    let Some(passing) = take(core, call, |passing| passing.server == txn) else {
        return;
    };
    if let State::Answered {
        unconfirmed: Some(txn),
    } = passing.state
    {
        acknowledge(core, call, passing.from.other(), txn, None);
    }
    end::end(core, call, &cause::LEG_LOST, end::Left::Nobody);
}

/// The call is over: whoever still waits for an answer gets one.
pub(crate) fn abandon(core: &mut Core, call: &mut Call) {
    while let Some(passing) = take(core, call, |_| true) {
        match (passing.state, passing.what) {
            (State::Sent(_), What::Invite) => core.respond(
                passing.server,
                (487, "Request Terminated"),
                "",
                Draft::new(),
            ),
            (State::Sent(_), What::Update | What::Info) => {
                core.respond(
                    passing.server,
                    (481, "Call/Transaction Does Not Exist"),
                    "",
                    Draft::new(),
                );
            }
            (
                State::Answered {
                    unconfirmed: Some(txn),
                },
                _,
            ) => {
                acknowledge(core, call, passing.from.other(), txn, None);
            }
            (State::Answered { unconfirmed: None }, _) => {}
        }
    }
}
