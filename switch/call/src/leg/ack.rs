//! The caller's ACK: confirms our 200, and carries its answer when the called side made the offer.

use super::{answer, bye, change};
use crate::{
    call::{Call, Confirm, Stage},
    cause,
    media::{self, Body, Offer},
    switch::{
        end,
        genuine::{self, Peer},
        state::Core,
    },
};
use tandem_sdp::{SessionDescription, Side};
use tandem_sip::{
    Message,
    endpoint::{ClientTxn, ServerTxn},
};

pub(crate) fn handle(core: &mut Core, call: &mut Call, txn: ServerTxn, message: &Message) {
    if Some(txn) != call.caller.invite {
        return change::outcome::confirmed(core, call, txn, message);
    }
    let owes = call.stage == Stage::Talking
        && call
            .answer
            .as_ref()
            .is_some_and(|answer| answer.unconfirmed.is_some());
    if owes && !is_from(core, call, Side::A, message) {
        return;
    }
    core.endpoint.take_ack(core.now.mono, txn);
    match call.caller.confirm {
        Confirm::Awaited => {
            call.caller.confirm = Confirm::Done;
            match call.stage {
                Stage::Talking => answered_late(core, call, message),
                Stage::Hunting | Stage::Answering | Stage::Ending => {}
            }
        }
        Confirm::ThenBye => {
            call.caller.confirm = Confirm::Done;
            bye::send(core, &mut call.caller.leg, call.marks.reason);
        }
        Confirm::Unanswered | Confirm::Done => {}
    }
}

/// The called side's ACK was waiting for the caller's answer.
fn answered_late(core: &mut Core, call: &mut Call, message: &Message) {
    let Some(txn) = call.answer.take().and_then(|answer| answer.unconfirmed) else {
        return;
    };
    if confirm_with(core, call, txn, message).is_none() {
        answer::confirm(core, call, txn, None);
        end::end(core, call, &cause::MEDIA_REFUSED, end::Left::Nobody);
    }
}

/// Whether an ACK that owes us an answer came from where that side is. One from elsewhere cannot be challenged: the
/// true one is waited for, as long as for any.
pub(crate) fn is_from(core: &Core, call: &Call, side: Side, message: &Message) -> bool {
    let Some((leg, from)) = call.leg(side).zip(message.source()) else {
        return false;
    };
    genuine::is_at_home(core, &Peer::of(leg), from.ip())
}

/// What the ACK of a side describes, if it came from there: it says where audio goes.
pub(crate) fn answer_of(
    core: &Core,
    call: &Call,
    side: Side,
    message: &Message,
) -> Option<Box<SessionDescription>> {
    match media::read_body(message) {
        Body::Audio(sdp) => is_from(core, call, side, message).then_some(sdp),
        Body::None | Body::Unfit => None,
    }
}

fn confirm_with(core: &mut Core, call: &mut Call, txn: ClientTxn, message: &Message) -> Option<()> {
    let sdp = answer_of(core, call, Side::A, message)?;
    let offer = call.media.asked.take()?;
    let body = media::conclude(core, call, Side::B, Offer::Heard(&offer), &sdp)?;
    answer::confirm(core, call, txn, Some(body));
    Some(())
}
