//! A leg gets another one to talk to: its peer is offered what the other side described, and the other side, where
//! it must be, what came of that (RFC 3264 section 8). Glare is met by waiting as RFC 3261 section 14.1 says.

use super::{change::Described, refresh, session, session_draft};
use crate::{
    call::{Call, Stage},
    cause,
    media::{self, Body, Said},
    switch::{end, state::Core, timer::Timer},
    transfer::place::live,
};
use std::time::Duration;
use tandem_sdp::{Codec, SessionDescription, Side};
use tandem_sip::{Message, endpoint::ClientTxn, value::Method};

/// While another change is under way.
const BUSY: Duration = Duration::from_millis(200);

/// What the peer of a leg is still to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owed {
    Nothing,
    /// What the other side described.
    Description(Then),
}

/// What follows the peer's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Both sides know all.
    Rest,
    /// The other side is told it.
    Other,
}

/// The time has come to try again.
pub(crate) fn handle_due(core: &mut Core, call: &mut Call, side: Side) {
    send(core, call, side);
}

/// The relay that was waited for is open.
pub(crate) fn resume(core: &mut Core, call: &mut Call) {
    for side in [Side::A, Side::B] {
        send(core, call, side);
    }
}

/// Offers what is owed to the peer of a side.
pub(crate) fn send(core: &mut Core, call: &mut Call, side: Side) {
    match (call.stage, call.leg(side).map(|leg| leg.owed)) {
        (Stage::Talking, Some(Owed::Description(_))) => {}
        (Stage::Hunting | Stage::Answering | Stage::Talking | Stage::Ending, _) => return,
    }
    if refresh::is_busy(call, side) || !call.own.is_empty() {
        return core.arm_in(Timer::Renew(call.id, side), BUSY);
    }
    let before = Described::of(call, side);
    let Some(body) = offer(core, call, side) else {
        return end::end(core, call, &cause::MEDIA_REFUSED, end::Left::Nobody);
    };
    let Some(leg) = call.leg_mut(side) else {
        return;
    };
    let draft = session::restate(leg, session_draft(core, leg.flow, Some(body)));
    let txn = super::send(core, leg, Method::Invite, draft);
    core.index.clients.insert(txn, call.id);
    call.own
        .push(refresh::Own::renewal(side, (txn, core.now.mono), before));
}

/// As many media lines as the peer's last description has, all that it does not know of rejected.
fn offer(core: &Core, call: &mut Call, side: Side) -> Option<bytes::Bytes> {
    let mut sdp = live(call.leg(side.other())?.heard()?);
    if let Some(before) = call.leg(side)?.heard() {
        sdp.complete_for(&before);
    }
    media::know_legs(call);
    if !call.media.terms.adapt_offer(side, &mut sdp) {
        return None;
    }
    media::body_for(core, call, side, Said::Offer, &sdp)
}

/// The peer has taken it.
pub(crate) fn agreed(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    txn: ClientTxn,
    message: &Message,
) {
    let then = match call.leg_mut(side) {
        Some(leg) => {
            core.endpoint.ack(
                core.now.mono,
                txn,
                leg.flow,
                &leg.dialog,
                tandem_sip::message::Draft::new(),
            );
            std::mem::replace(&mut leg.owed, Owed::Nothing)
        }
        None => return,
    };
    let heard = match media::read_body(message) {
        Body::Audio(sdp) => fits(core, call, side, &sdp)
            .and_then(|_| media::hear(core, call, side, Said::Answer, &sdp))
            .map(|()| sdp),
        Body::None | Body::Unfit => None,
    };
    let Some(sdp) = heard else {
        return end::end(core, call, &cause::MEDIA_REFUSED, end::Left::Nobody);
    };
    media::settle(core, call, side.other());
    media::note_direction(core, call, sdp.direction());
    core.feed.touch(call.id);
    if then == Owed::Description(Then::Other) {
        if let Some(other) = call.leg_mut(side.other()) {
            other.owed = Owed::Description(Then::Rest);
        }
        send(core, call, side.other());
    }
}

/// Whether an answer can be brought to the other side, as what that one described allows, and in which codecs.
pub(super) fn fits(
    core: &Core,
    call: &Call,
    side: Side,
    answer: &SessionDescription,
) -> Option<Vec<Codec>> {
    let other = side.other();
    let offer = live(call.leg(other)?.heard()?);
    let mut told = answer.clone();
    media::adapt_answer(core, call, other, &offer, &mut told)?;
    Some(told.codecs())
}

/// The peer refused it. One that is busy for ever is left alone, and the call as it is; else there is nobody to talk
/// to.
pub(crate) fn refused(core: &mut Core, call: &mut Call, side: Side, status: u16) {
    if status != 491 {
        return end::end(core, call, &cause::MEDIA_REFUSED, end::Left::Nobody);
    }
    if let Some(leg) = call.leg_mut(side) {
        leg.owed = Owed::Nothing;
    }
    core.feed.touch(call.id);
}
