//! Requests of our own within a call: refreshes of a session (RFC 4028) and descriptions renewed after one side
//! was exchanged. Glare is met by waiting as RFC 3261 section 14.1 says.

use super::{
    change::Described,
    renew::{self, Owed, Then},
    session, session_draft,
};
use crate::{
    call::{Call, Confirm, Stage},
    cause,
    media::{self, Body, Said},
    switch::{end, state::Core, timer::Timer},
};
use std::time::Duration;
use tandem_sdp::{Codec, Direction, SessionDescription, Side, convert::Format};
use tandem_sip::{Message, Mono, endpoint::ClientTxn, value::Method};

/// Times in a row that a peer may want a request of ours again; then it is left alone.
const MAX_AGAIN: u8 = 8;
/// While another change is under way.
const BUSY: Duration = Duration::from_secs(1);

/// A request of our own under way.
pub(crate) struct Own {
    pub(crate) side: Side,
    purpose: Purpose,
    by_update: bool,
    txn: ClientTxn,
    sent: Mono,
    /// It carries credentials: a further challenge is a refusal.
    authorised: bool,
    /// What the peer knew before an offer that is not the one it has.
    before: Option<Described>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// The session goes on as it is.
    Refresh,
    /// The peer gets another one to talk to: [`renew`]'s.
    Renewal,
}

impl Own {
    /// An offer to a side's peer.
    pub(super) fn renewal(
        side: Side,
        (txn, sent): (ClientTxn, Mono),
        before: Option<Described>,
    ) -> Self {
        Self {
            side,
            purpose: Purpose::Renewal,
            by_update: false,
            txn,
            sent,
            authorised: false,
            before,
        }
    }
}

/// The session timer of a leg falls due.
pub(crate) fn handle_due(core: &mut Core, call: &mut Call, side: Side) {
    match call.stage {
        Stage::Talking => {}
        Stage::Hunting | Stage::Answering | Stage::Ending => return,
    }
    let Some(timer) = call.leg(side).and_then(|leg| leg.session.timer) else {
        return;
    };
    if core.now.mono >= timer.expires_at {
        // Its refresh waits for the other side, or had to yield to ours of that side: whether that one is there
        // is soon known.
        let asks_other = call.own.iter().any(|own| own.side != side);
        if asks_other || super::change::is_asked_by(call, side) {
            return core.arm_in(Timer::Session(call.id, side), BUSY);
        }
        return expired(core, call, side);
    }
    core.timers
        .arm(Timer::Session(call.id, side), timer.expires_at);
    send(core, call, side);
}

/// Sends a refresh, by UPDATE where the peer takes it, else by a re-INVITE with the description it has.
pub(crate) fn send(core: &mut Core, call: &mut Call, side: Side) {
    if is_busy(call, side) {
        return core.arm_in(Timer::Session(call.id, side), BUSY);
    }
    let Some(leg) = call.leg(side) else { return };
    let by_update = leg.session.updates || leg.described.is_none();
    let (method, body) = if by_update {
        (Method::Update, None)
    } else {
        (Method::Invite, leg.described.clone())
    };
    let draft = session::restate(leg, session_draft(core, leg.flow, body));
    let Some(leg) = call.leg_mut(side) else {
        return;
    };
    let txn = super::send(core, leg, method, draft);
    core.index.clients.insert(txn, call.id);
    call.own.push(Own {
        side,
        purpose: Purpose::Refresh,
        by_update,
        txn,
        sent: core.now.mono,
        authorised: false,
        before: None,
    });
}

/// One offer at a time in a dialog; none before the caller has confirmed the first.
pub(crate) fn is_busy(call: &Call, side: Side) -> bool {
    let unconfirmed = match call.caller.confirm {
        Confirm::Awaited | Confirm::ThenBye => true,
        Confirm::Unanswered | Confirm::Done => false,
    };
    unconfirmed || super::change::is_under_way(call) || call.own.iter().any(|own| own.side == side)
}

fn take(core: &mut Core, call: &mut Call, txn: ClientTxn) -> Option<Own> {
    let at = call.own.iter().position(|own| own.txn == txn)?;
    core.index.clients.remove(&txn);
    Some(call.own.remove(at))
}

/// A response to a request of our own. False if it is none of them.
pub(crate) fn response(
    core: &mut Core,
    call: &mut Call,
    txn: ClientTxn,
    message: &Message,
) -> bool {
    if !call.own.iter().any(|own| own.txn == txn) {
        return false;
    }
    let status = message.status().unwrap_or_default();
    if status < 200 {
        return true;
    }
    let Some(own) = take(core, call, txn) else {
        return true;
    };
    match call.stage {
        Stage::Talking => {}
        Stage::Hunting | Stage::Answering | Stage::Ending => return true,
    }
    match status {
        200..=299 => agreed(core, call, own, message),
        408 | 481 if own.purpose == Purpose::Renewal => gone(core, call, own),
        408 | 481 => expired(core, call, own.side),
        _ => refused(core, call, own, status, message),
    }
    true
}

fn agreed(core: &mut Core, call: &mut Call, own: Own, message: &Message) {
    let id = call.id;
    if let Some(leg) = call.leg_mut(own.side) {
        leg.dialog.refresh_target(message);
        leg.flow = super::dialog_flow(leg.flow, &leg.dialog, leg.reach);
        leg.again = 0;
        session::confirm(core, (id, own.side), leg, message);
    }
    if own.purpose == Purpose::Renewal {
        return renew::agreed(core, call, own.side, own.txn, message);
    }
    if own.by_update {
        return;
    }
    if let Some(leg) = call.leg(own.side) {
        let draft = tandem_sip::message::Draft::new();
        core.endpoint
            .ack(core.now.mono, own.txn, leg.flow, &leg.dialog, draft);
    }
    if let Body::Audio(sdp) = media::read_body(message) {
        // An answer that does not fit what was offered again changes nothing.
        let _ = answered(core, call, own.side, &sdp);
    }
}

/// The peer may take other codecs of the same offer than before: what lies between the sides is settled anew, and the
/// other one told if it may send what is not taken any more and cannot be coded.
fn answered(core: &mut Core, call: &mut Call, side: Side, sdp: &SessionDescription) -> Option<()> {
    let other = side.other();
    let told = renew::fits(core, call, side, sdp)?;
    media::hear(core, call, side, Said::Answer, sdp)?;
    let direction = match call.leg(other)?.says {
        Direction::SendRecv => sdp.direction(),
        says => says.reversed(),
    };
    media::note_direction(core, call, direction);
    let left_out = |codec: &Codec| {
        let is_fixed = !codec.is_auxiliary() && Format::of(codec).is_none();
        is_fixed && told.iter().all(|taken| !taken.same_encoding(codec))
    };
    let owes = !sdp.is_fax() && call.media.spoken.of(other).both().any(left_out);
    media::settle(core, call, other);
    core.feed.touch(call.id);
    if owes && let Some(leg) = call.leg_mut(other) {
        leg.owed = Owed::Description(Then::Rest);
        renew::send(core, call, other);
    }
    Some(())
}

fn refused(core: &mut Core, call: &mut Call, mut own: Own, status: u16, message: &Message) {
    let side = own.side;
    if let Some(leg) = call.leg_mut(side) {
        leg.session.heard = core.now.mono;
    }
    if matches!(status, 401 | 407) && authorise(core, call, &mut own, message) {
        return call.own.push(own);
    }
    if let Some(before) = own.before.take() {
        before.restore(call, side);
    }
    match status {
        491 if once_more(call, side) => {
            let wait = glare_wait(core, call, side);
            let timer = match own.purpose {
                Purpose::Refresh => Timer::Session(call.id, side),
                Purpose::Renewal => Timer::Renew(call.id, side),
            };
            core.arm_in(timer, wait);
        }
        405 | 501 if own.by_update && once_more(call, side) => {
            if let Some(leg) = call.leg_mut(side) {
                leg.session.updates = false;
            }
            send(core, call, side);
        }
        422 if lengthen(call, side, message) && once_more(call, side) => match own.purpose {
            Purpose::Refresh => send(core, call, side),
            Purpose::Renewal => renew::send(core, call, side),
        },
        _ => match own.purpose {
            Purpose::Refresh => put_off(core, call, side),
            Purpose::Renewal => renew::refused(core, call, side, status),
        },
    }
}

/// Whether a request that its peer wants again is sent again.
fn once_more(call: &mut Call, side: Side) -> bool {
    let Some(leg) = call.leg_mut(side) else {
        return false;
    };
    leg.again = (leg.again + 1) % MAX_AGAIN;
    leg.again != 0
}

/// Takes the session interval that a 422 asks for.
fn lengthen(call: &mut Call, side: Side, message: &Message) -> bool {
    let agreed = call
        .leg_mut(side)
        .and_then(|leg| leg.session.timer.as_mut());
    let (Some(least_s), Some(agreed)) = (session::least(message), agreed) else {
        return false;
    };
    agreed.interval_s = agreed.interval_s.max(least_s);
    true
}

/// The peer is there, whatever it dislikes: it is asked again halfway to the end.
fn put_off(core: &mut Core, call: &Call, side: Side) {
    let timer = call.leg(side).and_then(|leg| leg.session.timer);
    let left = timer.map(|agreed| agreed.expires_at.since(core.now.mono) / 2);
    core.arm_in(
        Timer::Session(call.id, side),
        left.unwrap_or(BUSY).max(BUSY),
    );
}

/// RFC 3261 section 14.1: who made the Call-ID waits 2.1 to 4 s, the other side 0 to 2 s. A transfer may have brought a
/// dialog of either kind to either side.
fn glare_wait(core: &mut Core, call: &Call, side: Side) -> Duration {
    let draw = core.random();
    let is_ours = call.leg(side).is_some_and(|leg| leg.dialog.is_ours);
    Duration::from_millis(match is_ours {
        true => 2_100 + draw % 191 * 10,
        false => draw % 201 * 10,
    })
}

fn authorise(core: &mut Core, call: &mut Call, own: &mut Own, challenge: &Message) -> bool {
    let id = call.id;
    let Some(leg) = call.leg_mut(own.side).filter(|_| !own.authorised) else {
        return false;
    };
    let (method, body) = if own.by_update {
        (Method::Update, None)
    } else {
        (Method::Invite, leg.described.clone())
    };
    let draft = session::restate(leg, session_draft(core, leg.flow, body));
    let Some(txn) = super::repeat(core, leg, (method, draft), challenge) else {
        return false;
    };
    core.index.clients.insert(txn, id);
    own.txn = txn;
    own.authorised = true;
    true
}

/// A request of our own stayed without answer. False if it is none of them.
pub(crate) fn lost(core: &mut Core, call: &mut Call, txn: ClientTxn) -> bool {
    let Some(own) = take(core, call, txn) else {
        return false;
    };
    match own.purpose {
        Purpose::Refresh => expired(core, call, own.side),
        Purpose::Renewal => gone(core, call, own),
    }
    true
}

/// The peer does not answer the offer that makes it talk to another one.
fn gone(core: &mut Core, call: &mut Call, own: Own) {
    end::lose(core, call, (own.side, own.sent), end::Left::of(own.side));
}

/// A side has gone: its answers are not waited for.
pub(crate) fn forsake(core: &mut Core, call: &mut Call, side: Side) {
    while let Some(own) = call.own.iter().find(|own| own.side == side) {
        let txn = own.txn;
        let_go(core, call, own);
        take(core, call, txn);
    }
}

fn let_go(core: &mut Core, call: &Call, own: &Own) {
    if let Some(leg) = call.leg(own.side).filter(|_| !own.by_update) {
        super::let_go(core, leg, own.txn);
    }
}

/// A side is gone: the call is billed to its last sign of life.
fn expired(core: &mut Core, call: &mut Call, side: Side) {
    call.marks.billed_to = call.leg(side).map(|leg| leg.session.heard);
    end::end(core, call, &cause::SESSION_EXPIRED, end::Left::Nobody);
}

/// The call is over: nobody waits for these any more.
pub(crate) fn abandon(core: &mut Core, call: &mut Call) {
    for own in std::mem::take(&mut call.own) {
        core.index.clients.remove(&own.txn);
        let_go(core, call, &own);
    }
}
