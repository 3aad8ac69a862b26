//! Requests of our own within a call: refreshes of a session (RFC 4028) and descriptions renewed after one side
//! was exchanged. Glare is met by waiting as RFC 3261 section 14.1 says.

use super::{renew, session, session_draft};
use crate::{
    call::{Call, Confirm, Stage},
    cause,
    hunt::credentials,
    media::{self, Body, Said},
    switch::{end, state::Core, timer::Timer},
};
use std::time::Duration;
use tandem_sdp::Side;
use tandem_sip::{Message, Mono, endpoint::ClientTxn, value::Method};

/// Times one refresh is sent before the peer's answers are left alone until the next.
const MAX_TRIES: u8 = 4;
/// Tries of a renewal that carried credentials: a further challenge is a refusal.
const RENEWED_WITH_CREDENTIALS: u8 = u8::MAX;
/// While another change is under way.
const BUSY: Duration = Duration::from_secs(1);

/// A request of our own under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    pub(crate) side: Side,
    purpose: Purpose,
    by_update: bool,
    txn: ClientTxn,
    sent: Mono,
    tries: u8,
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
    pub(crate) fn renewal(side: Side, (txn, sent): (ClientTxn, Mono), tries: u8) -> Self {
        Self {
            side,
            purpose: Purpose::Renewal,
            by_update: false,
            txn,
            sent,
            tries,
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
        return expired(core, call, side);
    }
    core.timers
        .arm(Timer::Session(call.id, side), timer.expires_at);
    send(core, call, side, 1);
}

/// Sends a refresh, by UPDATE where the peer takes it, else by a re-INVITE with the description it has.
pub(crate) fn send(core: &mut Core, call: &mut Call, side: Side, tries: u8) {
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
        tries,
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
        let _ = media::hear(core, call, own.side, Said::Answer, &sdp);
    }
}

fn refused(core: &mut Core, call: &mut Call, own: Own, status: u16, message: &Message) {
    let side = own.side;
    let timer = Timer::Session(call.id, side);
    let heard = core.now.mono;
    if let Some(leg) = call.leg_mut(side) {
        leg.session.heard = heard;
    }
    match (own.purpose, status) {
        (Purpose::Renewal, 401 | 407) if own.tries < RENEWED_WITH_CREDENTIALS => {
            return authorise(core, call, own, message);
        }
        (Purpose::Renewal, _) => return renew::refused(core, call, side, own.tries, status),
        (Purpose::Refresh, _) => {}
    }
    if own.tries >= MAX_TRIES {
        return;
    }
    match status {
        491 => {
            let wait = glare_wait(core, side);
            core.arm_in(timer, wait);
        }
        401 | 407 => authorise(core, call, own, message),
        405 | 501 if own.by_update => {
            if let Some(leg) = call.leg_mut(side) {
                leg.session.updates = false;
            }
            send(core, call, side, own.tries + 1);
        }
        422 => {
            let least_s = session::least(message);
            let agreed = call
                .leg_mut(side)
                .and_then(|leg| leg.session.timer.as_mut());
            if let (Some(least_s), Some(agreed)) = (least_s, agreed) {
                agreed.interval_s = agreed.interval_s.max(least_s);
                send(core, call, side, own.tries + 1);
            }
        }
        // It is there, whatever it dislikes: asked again halfway to the end.
        _ => {
            let left = call
                .leg(side)
                .and_then(|leg| leg.session.timer)
                .map(|agreed| agreed.expires_at.since(heard) / 2);
            core.arm_in(timer, left.unwrap_or(BUSY).max(BUSY));
        }
    }
}

/// RFC 3261 section 14.1: who made the Call-ID waits 2.1 to 4 s, the other side 0 to 2 s.
pub(crate) fn glare_wait(core: &mut Core, side: Side) -> Duration {
    let draw = core.random();
    Duration::from_millis(match side {
        Side::A => draw % 201 * 10,
        Side::B => 2_100 + draw % 191 * 10,
    })
}

fn authorise(core: &mut Core, call: &mut Call, own: Own, challenge: &Message) {
    let method = if own.by_update {
        Method::Update
    } else {
        Method::Invite
    };
    let Some(leg) = call.leg(own.side) else {
        return;
    };
    let Some(gateway) = leg.gateway.clone() else {
        return;
    };
    let uri = leg.dialog.remote_target.to_string();
    let body = leg.described.clone().filter(|_| !own.by_update);
    let draft = session::restate(leg, session_draft(core, leg.flow, body));
    let Some((name, value)) = credentials(core, &gateway, challenge, &method, &uri) else {
        return;
    };
    let Some(leg) = call.leg_mut(own.side) else {
        return;
    };
    let txn = super::send(core, leg, method, draft.header(&name, value));
    core.index.clients.insert(txn, call.id);
    call.own.push(Own {
        txn,
        tries: match own.purpose {
            Purpose::Refresh => MAX_TRIES,
            Purpose::Renewal => RENEWED_WITH_CREDENTIALS,
        },
        ..own
    });
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
        take(core, call, txn);
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
    }
}
