//! The caller gives up before an answer (RFC 3261 section 9.2). The endpoint has answered the CANCEL itself.

use super::{bye, change};
use crate::{
    call::{Call, Stage},
    cause,
    switch::{end, state::Core},
};
use tandem_sdp::Side;
use tandem_sip::{endpoint::ServerTxn, value::EndReason};

/// The caller cancelled; a CANCEL that crossed our 200 never comes here, since the INVITE is answered then.
pub(crate) fn handle(core: &mut Core, call: &mut Call, txn: ServerTxn, reason: EndReason) {
    if Some(txn) != call.caller.invite {
        return change::cancelled(core, call, txn);
    }
    match call.stage {
        Stage::Hunting | Stage::Answering => {
            bye::note_reason(call, Side::A, reason);
            end::end(core, call, &cause::CALLER_CANCELLED, end::Left::Nobody)
        }
        Stage::Talking | Stage::Ending => {}
    }
}
