//! Requests within a call that are passed to the other side: re-INVITE and UPDATE (hold, resume, another
//! codec or address), INFO. Glare by RFC 3261 section 14 and RFC 3311 section 5.2.
//!
//! Here a request is taken and sent on; what the other side says to it is [`outcome`]'s.

pub(crate) mod outcome;

use super::{Reach, dialog_flow, digits, session, session_draft};
use crate::{
    call::{Call, Confirm, Stage},
    hunt::early,
    media::{self, Body, Said, play},
    page,
    switch::state::Core,
    transfer::replaces,
};
use bytes::Bytes;
use outcome::acknowledge;
use tandem_sdp::{Codec, Direction, SessionDescription, Side};
use tandem_sip::{
    Flow, Message, Mono,
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
    /// What the side it went to had been described before.
    before: Option<Described>,
    authorised: bool,
    /// When the side whose turn it is was asked.
    asked: Mono,
    state: State,
}

/// What a leg's peer knows of its audio.
pub(super) struct Described {
    codecs: Vec<Codec>,
    body: Option<Bytes>,
}

impl Described {
    pub(super) fn of(call: &Call, side: Side) -> Option<Self> {
        Some(Self {
            codecs: call.media.spoken.of(side).ours.clone(),
            body: call.leg(side)?.described.clone(),
        })
    }

    /// What it was offered since, it refused: it has what it had (RFC 3261 section 14.2).
    pub(super) fn restore(self, call: &mut Call, side: Side) {
        call.media.spoken.of_mut(side).ours = self.codecs;
        if let Some(leg) = call.leg_mut(side) {
            leg.described = self.body;
        }
    }
}

impl Passing {
    fn new(core: &Core, (from, what): (Side, What), server: ServerTxn, state: State) -> Self {
        Self {
            from,
            what,
            server,
            draft: Draft::new(),
            offer: None,
            before: None,
            authorised: false,
            asked: core.now.mono,
            state,
        }
    }

    /// It was refused.
    fn restore(&mut self, call: &mut Call) {
        if let Some(before) = self.before.take() {
            before.restore(call, self.from.other());
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Invite,
    Update,
    Info,
    Message,
}

impl What {
    /// Nothing of audio or session in it.
    fn is_plain(self) -> bool {
        match self {
            Self::Info | Self::Message => true,
            Self::Invite | Self::Update => false,
        }
    }

    fn method(self) -> Method {
        match self {
            Self::Invite => Method::Invite,
            Self::Update => Method::Update,
            Self::Info => Method::Info,
            Self::Message => Method::Message,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The ports of its video are awaited; nothing was sent on yet.
    Waiting,
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
    if is_early_offer(call, side, what, message) {
        return early::of_caller(core, call, txn, message);
    }
    if what == What::Info && digits::take(core, call, side, (txn, message)) {
        return;
    }
    if let Some(least_s) = too_short(core, what, message) {
        let draft = Draft::new().header("Min-SE", least_s);
        return core.respond(txn, (422, "Session Interval Too Small"), "", draft);
    }
    if let Err(refusal) = may_pass(call, side, what, message) {
        let draft = match refusal {
            LATER => Draft::new().header("Retry-After", core.random() % 11),
            _ => Draft::new(),
        };
        return core.respond(txn, refusal, "", draft);
    }
    if what == What::Message
        && let Err((answer, draft)) = page::may_cross(call, side, message)
    {
        return core.respond(txn, answer, "", draft);
    }
    follow(call, side, what, flow);
    if !what.is_plain() && brings_video(core, call, side, message) {
        core.index.servers.insert(txn, call.id);
        return call
            .passing
            .push(Passing::new(core, (side, what), txn, State::Waiting));
    }
    send_on(core, call, side, what, request);
}

/// Whether it offers video in a call that has none, and waits for the ports of that.
fn brings_video(core: &mut Core, call: &mut Call, side: Side, message: &Message) -> bool {
    match media::read_body(message) {
        Body::Audio(offer) => media::video::bring_up(core, call, side, *offer),
        Body::None | Body::Unfit => false,
    }
}

/// The ports that a change waited for have come, or will not.
pub(crate) fn resume(core: &mut Core, call: &mut Call) {
    let Some(waiting) = take(core, call, |passing| passing.state == State::Waiting) else {
        return;
    };
    let (side, txn) = (waiting.from, waiting.server);
    let request = core.endpoint.server_request(txn).cloned();
    if let (Some(message), Some(flow)) = (request, call.leg(side).map(|leg| leg.flow)) {
        send_on(core, call, side, waiting.what, (txn, flow, &message));
    }
}

fn send_on(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    what: What,
    (txn, flow, message): (ServerTxn, Flow, &Message),
) {
    let before = Described::of(call, side.other()).filter(|_| !what.is_plain());
    match prepare(core, call, side, what, message) {
        Prepared::Pass(draft, offer) => pass(
            core,
            call,
            Passing {
                draft,
                offer,
                before,
                ..Passing::new(core, (side, what), txn, State::Waiting)
            },
        ),
        Prepared::Refresh => {
            let draft = agree(core, call, side, txn, session_draft(core, flow, None));
            core.respond(txn, (200, "OK"), "", draft);
        }
        Prepared::Unfit => core.respond(txn, (488, "Not Acceptable Here"), "", Draft::new()),
    }
}

/// Before the answer, an UPDATE may change what a reliable provisional answer agreed to (RFC 3311 section 5.1).
fn is_early_offer(call: &Call, side: Side, what: What, message: &Message) -> bool {
    call.stage == Stage::Hunting
        && what == What::Update
        && side == Side::A
        && call.caller.reliable.agreed
        && !message.body().is_empty()
}

fn too_short(core: &Core, what: What, message: &Message) -> Option<u32> {
    match what {
        What::Invite | What::Update => session::too_short(core, message),
        What::Info | What::Message => None,
    }
}

/// A re-INVITE or UPDATE is agreed to: requests go where its Contact says from here on, and the 2xx says what
/// becomes of the session's timer.
fn agree(core: &mut Core, call: &mut Call, side: Side, txn: ServerTxn, draft: Draft) -> Draft {
    let (id, stage) = (call.id, call.stage);
    let Some(leg) = call.leg_mut(side) else {
        return draft;
    };
    if let Some(request) = core.endpoint.server_request(txn) {
        leg.dialog.refresh_target(request);
    }
    leg.flow = dialog_flow(leg.flow, &leg.dialog, leg.reach);
    match stage {
        Stage::Talking => session::accept(core, (id, side), leg, txn, draft),
        Stage::Hunting | Stage::Answering | Stage::Ending => draft,
    }
}

/// Whether an offer of either side is on its way to the other.
pub(crate) fn is_under_way(call: &Call) -> bool {
    [Side::A, Side::B]
        .iter()
        .any(|side| is_asked_by(call, *side))
}

/// Whether an offer of this side is on its way to the other.
pub(crate) fn is_asked_by(call: &Call, side: Side) -> bool {
    call.passing.iter().any(|passing| match passing.what {
        What::Invite | What::Update => passing.from == side,
        What::Info | What::Message => false,
    })
}

type Refusal = (u16, &'static str);

/// An offer of ours to the side that asks is not answered yet, or one is awaited from there.
const PENDING: Refusal = (491, "Request Pending");
/// An offer of the side that asks is not answered yet: it tries again after 0 to 10 s, as drawn (RFC 3261 section
/// 14.2, RFC 3311 section 5.2).
const LATER: Refusal = (500, "Server Internal Error");

fn may_pass(call: &Call, side: Side, what: What, message: &Message) -> Result<(), Refusal> {
    if call.stage == Stage::Talking && !call.is_whole() {
        return match what {
            What::Invite => Err(PENDING),
            // A session is refreshed alone.
            What::Update if message.body().is_empty() => Ok(()),
            What::Update => Err(PENDING),
            What::Info | What::Message => Err((480, "Temporarily Unavailable")),
        };
    }
    match (call.stage, what) {
        (Stage::Talking, What::Invite | What::Update | What::Info | What::Message) => {}
        (Stage::Hunting | Stage::Answering, What::Update) if message.body().is_empty() => {
            return Ok(());
        }
        (Stage::Hunting | Stage::Answering, What::Invite | What::Update) => {
            return Err(before_answer(call, side, what));
        }
        (Stage::Hunting | Stage::Answering, What::Info | What::Message) => {
            return Err((480, "Temporarily Unavailable"));
        }
        (Stage::Ending, What::Invite | What::Update | What::Info | What::Message) => {
            return Err((481, "Call/Transaction Does Not Exist"));
        }
    }
    if call.passing.len() >= MAX_PASSING {
        return Err(LATER);
    }
    match what {
        What::Info | What::Message => return Ok(()),
        What::Invite | What::Update => {}
    }
    let unconfirmed = match call.caller.confirm {
        Confirm::Awaited | Confirm::ThenBye => true,
        Confirm::Unanswered | Confirm::Done => false,
    };
    // A request of our own to the side that asks, or to the one it would go to.
    if unconfirmed || !call.own.is_empty() {
        return Err(PENDING);
    }
    let offering = call.passing.iter().find(|passing| match passing.what {
        What::Invite | What::Update => true,
        What::Info | What::Message => false,
    });
    match offering {
        None => Ok(()),
        Some(other) if other.from == side => Err(LATER),
        Some(_) => Err(PENDING),
    }
}

/// Why an INVITE or UPDATE finds the first INVITE unanswered.
fn before_answer(call: &Call, side: Side, what: What) -> Refusal {
    let late = match call.stage {
        Stage::Hunting => call.media.offer.is_none(),
        Stage::Answering | Stage::Talking | Stage::Ending => call.media.asked.is_some(),
    };
    match (side, what) {
        (Side::A, What::Invite) => LATER,
        (Side::A, _) if !late => LATER,
        (Side::A | Side::B, _) => PENDING,
    }
}

/// A phone that moved to another address is reached where its request came from.
fn follow(call: &mut Call, side: Side, what: What, flow: Flow) {
    match what {
        What::Info | What::Message => return,
        What::Invite | What::Update => {}
    }
    let leg = call.leg_mut(side);
    if let Some(leg) = leg.filter(|leg| leg.reach == Reach::Symmetric) {
        leg.flow = flow;
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
    if what.is_plain() {
        return Prepared::Pass(info_draft(message), None);
    }
    match (media::read_body(message), what) {
        (Body::None, What::Update | What::Info | What::Message) => Prepared::Refresh,
        (Body::None, What::Invite) => Prepared::Pass(session_draft(core, flow, None), None),
        (Body::Unfit, _) => Prepared::Unfit,
        (Body::Audio(mut sdp), _) => {
            if !media::could_hear(call, side, &mut sdp) {
                return Prepared::Unfit;
            }
            let mut offer = (*sdp).clone();
            if !call.media.terms.adapt_offer(side.other(), &mut offer) {
                return Prepared::Unfit;
            }
            // Whoever is to hear music must be ready for it.
            if offer.direction() == Direction::Inactive && play::music_of(call, side).is_some() {
                offer.set_direction(Direction::SendOnly);
            }
            match media::body_for(core, call, side.other(), Said::Offer, &offer) {
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
    if !passing.what.is_plain() {
        passing.draft = session::restate(leg, passing.draft);
    }
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

/// A re-INVITE or the INVITE of a phone that stepped in was answered by us: its ACK is awaited.
pub(crate) fn await_ack(core: &mut Core, call: &mut Call, side: Side, txn: ServerTxn) {
    core.index.servers.insert(txn, call.id);
    let answered = State::Answered { unconfirmed: None };
    call.passing
        .push(Passing::new(core, (side, What::Invite), txn, answered));
}

/// A side is exchanged: what was on its way to it, or from it, and is no offer goes nowhere.
pub(crate) fn drop_plain(core: &mut Core, call: &mut Call) {
    while let Some(passing) = take(core, call, |passing| passing.what.is_plain()) {
        let answer = (480, "Temporarily Unavailable");
        core.respond(passing.server, answer, "", Draft::new());
    }
}

/// A side has gone: what the other one asked of it is answered by us, and nobody waits for its ACKs.
pub(crate) fn forsake(core: &mut Core, call: &mut Call, side: Side) {
    let asked = |passing: &Passing| match passing.state {
        State::Waiting => true,
        State::Sent(_) => passing.from != side,
        State::Answered { .. } => passing.from == side,
    };
    while let Some(passing) = take(core, call, asked) {
        let_go(core, call, &passing);
        replaces::confirmed(core, call, passing.server);
        if passing.from != side || passing.state == State::Waiting {
            core.respond(passing.server, (491, "Request Pending"), "", Draft::new());
        } else if let State::Answered {
            unconfirmed: Some(txn),
        } = passing.state
        {
            acknowledge(core, call, passing.from.other(), txn, None);
        }
    }
}

fn let_go(core: &mut Core, call: &Call, passing: &Passing) {
    if let (State::Sent(txn), What::Invite) = (passing.state, passing.what)
        && let Some(leg) = call.leg(passing.from.other())
    {
        super::let_go(core, leg, txn);
    }
}

/// The asker takes its re-INVITE back: the other side is told, and its answer is the asker's.
pub(crate) fn cancelled(core: &mut Core, call: &mut Call, txn: ServerTxn) {
    let waits = |passing: &Passing| passing.server == txn && passing.state == State::Waiting;
    if take(core, call, waits).is_some() {
        core.respond(txn, (487, "Request Terminated"), "", Draft::new());
        return media::video::settle(core, call);
    }
    let sent = call.passing.iter().find_map(|passing| match passing.state {
        State::Sent(sent) if passing.server == txn => Some(sent),
        State::Waiting | State::Sent(_) | State::Answered { .. } => None,
    });
    if let Some(sent) = sent {
        core.endpoint.cancel(core.now.mono, sent);
    }
}

/// The call is over: whoever still waits for an answer gets one.
pub(crate) fn abandon(core: &mut Core, call: &mut Call) {
    while let Some(passing) = take(core, call, |_| true) {
        let_go(core, call, &passing);
        match (passing.state, passing.what) {
            (State::Waiting | State::Sent(_), What::Invite) => core.respond(
                passing.server,
                (487, "Request Terminated"),
                "",
                Draft::new(),
            ),
            (State::Waiting | State::Sent(_), What::Update | What::Info | What::Message) => {
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
