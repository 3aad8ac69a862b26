//! The caller's ACK: confirms our 200, and carries its answer when the called side made the offer.

use super::{answer, bye, change};
use crate::{
    call::{Call, Confirm, Stage},
    cause,
    media::{self, Body, Offer},
    switch::{end, state::Core},
};
use tandem_sdp::Side;
use tandem_sip::{
    Message,
    endpoint::{ClientTxn, ServerTxn},
};

pub(crate) fn handle(core: &mut Core, call: &mut Call, txn: ServerTxn, message: &Message) {
    if Some(txn) != call.caller.invite {
        return change::outcome::confirmed(core, call, txn, message);
    }
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

fn confirm_with(core: &mut Core, call: &mut Call, txn: ClientTxn, message: &Message) -> Option<()> {
    let sdp = match media::read_body(message) {
        Body::Audio(sdp) => sdp,
        Body::None | Body::Unfit => return None,
    };
    let offer = call.media.asked.take()?;
    let body = media::conclude(core, call, Side::B, Offer::Heard(&offer), &sdp)?;
    answer::confirm(core, call, txn, Some(body));
    Some(())
}
