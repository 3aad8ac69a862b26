//! What the other side says to a request that was passed on, and the asker's ACK.

use super::{Passing, State, What, agree, take};
use crate::{
    call::Call,
    cause,
    leg::{Owed, ack, dialog_flow, renew, session, session_draft},
    media::{self, Body, Offer},
    switch::{end, state::Core},
    transfer::replaces,
};
use bytes::Bytes;
use tandem_sdp::{SessionDescription, Side};
use tandem_sip::{
    Message,
    endpoint::{ClientTxn, ServerTxn},
    message::Draft,
};

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
        (200..=299, What::Info | What::Message) => {
            core.respond(passing.server, (200, "OK"), "", Draft::new())
        }
        (_, What::Invite | What::Update | What::Info | What::Message) => {
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
    let id = call.id;
    if let Some(leg) = call.leg_mut(other) {
        leg.dialog.refresh_target(message);
        leg.flow = dialog_flow(leg.flow, &leg.dialog, leg.reach);
        session::confirm(core, (id, other), leg, message);
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
        (_, What::Update | What::Info | What::Message) => None,
    };
    let body = said.and_then(|sdp| described(core, call, asker, passing.offer.as_deref(), *sdp));
    let Some(body) = body else {
        media::video::settle(core, call);
        if let Some(txn) = unconfirmed {
            acknowledge(core, call, other, txn, None);
        }
        core.respond(
            passing.server,
            (488, "Not Acceptable Here"),
            "",
            Draft::new(),
        );
        return take_back(core, call, other);
    };
    let Some(flow) = call.leg(asker).map(|leg| leg.flow) else {
        return;
    };
    let draft = session_draft(core, flow, Some(body));
    let draft = agree(core, call, asker, passing.server, draft);
    core.respond(passing.server, (200, "OK"), "", draft);
    core.feed.touch(call.id);
    if passing.what == What::Invite {
        if unconfirmed.is_some() {
            core.endpoint.judge_acks(passing.server);
        }
        passing.state = State::Answered { unconfirmed };
        passing.asked = core.now.mono;
        passing.offer = None;
        core.index.servers.insert(passing.server, call.id);
        call.passing.push(passing);
    }
}

/// The other side's description for the asker; the relay learns both, if they fit.
fn described(
    core: &mut Core,
    call: &mut Call,
    asker: Side,
    offer: Option<&SessionDescription>,
    mut sdp: SessionDescription,
) -> Option<Bytes> {
    let Some(offer) = offer else {
        return media::ask(core, call, asker, sdp);
    };
    sdp.complete_for(offer);
    media::conclude(core, call, asker, Offer::New(offer), &sdp)
}

/// A side has agreed to what its other side did not get: it is offered once more what that one has described last.
fn take_back(core: &mut Core, call: &mut Call, side: Side) {
    if let Some(leg) = call.leg_mut(side) {
        leg.owed = Owed::Description(renew::Then::Rest);
    }
    renew::send(core, call, side);
}

pub(super) fn acknowledge(
    core: &mut Core,
    call: &Call,
    side: Side,
    txn: ClientTxn,
    body: Option<Bytes>,
) {
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
        487 => (487, "Request Terminated"),
        491 => (491, "Request Pending"),
        501 => (501, "Not Implemented"),
        300..=399 | 600..=699 => (488, "Not Acceptable Here"),
        400..=499 => (488, "Not Acceptable Here"),
        _ => (500, "Server Internal Error"),
    };
    passing.restore(call);
    media::video::settle(core, call);
    media::record::follow(core, call);
    core.respond(passing.server, answer, "", Draft::new());
    if matches!(status, 408 | 481) {
        let other = passing.from.other();
        end::lose(core, call, (other, passing.asked), end::Left::of(other));
    }
}

fn repeat_with_credentials(
    core: &mut Core,
    call: &mut Call,
    passing: &mut Passing,
    message: &Message,
) -> bool {
    let id = call.id;
    let Some(leg) = call.leg_mut(passing.from.other()) else {
        return false;
    };
    let request = (passing.what.method(), passing.draft.clone());
    let Some(txn) = crate::leg::repeat(core, leg, request, message) else {
        return false;
    };
    core.index.clients.insert(txn, id);
    core.index.servers.insert(passing.server, id);
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
            let other = passing.from.other();
            end::lose(core, call, (other, passing.asked), end::Left::of(other));
        }
        What::Info | What::Message => {}
    }
}

/// The asker's ACK to our 200 of its re-INVITE.
pub(crate) fn confirmed(core: &mut Core, call: &mut Call, txn: ServerTxn, message: &Message) {
    let owes = call.passing.iter().find(|passing| {
        let late =
            matches!(passing.state, State::Answered { unconfirmed } if unconfirmed.is_some());
        passing.server == txn && late
    });
    if owes.is_some_and(|passing| !ack::is_from(core, call, passing.from, message)) {
        return;
    }
    core.endpoint.take_ack(core.now.mono, txn);
    let Some(passing) = take(core, call, |passing| passing.server == txn) else {
        return;
    };
    replaces::confirmed(core, call, txn);
    let State::Answered {
        unconfirmed: Some(unconfirmed),
    } = passing.state
    else {
        return;
    };
    let other = passing.from.other();
    let answer = ack::answer_of(core, call, passing.from, message);
    let offer = call.media.asked.take();
    let body = answer
        .zip(offer)
        .and_then(|(sdp, offer)| media::conclude(core, call, other, Offer::Heard(&offer), &sdp));
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
    if replaces::unconfirmed(core, call, txn) {
        return;
    }
    let asker = (passing.from, passing.asked);
    end::lose(core, call, asker, end::Left::Nobody);
}
