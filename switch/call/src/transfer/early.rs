//! A target that still rings: the one that transfers has called it itself, and does not wait for its answer. Its call
//! goes on ringing, priced and paid as it was, for the party that is to come over.

use super::{Letter, note};
use crate::{
    call::{Call, Stage},
    leg::{Reliable, prack},
    switch::state::Core,
};
use tandem_billing::CallId;
use tandem_sdp::Side;
use tandem_sip::{endpoint::ServerTxn, message::Draft};

/// The caller's side is left empty for a party of `of`.
pub(crate) fn adopt(core: &mut Core, call: &mut Call, (of, depth): (CallId, u8)) {
    let invite = match call.stage {
        Stage::Hunting => call.caller.invite.take(),
        Stage::Answering | Stage::Talking | Stage::Ending => None,
    };
    let Some(invite) = invite else {
        return core.letters.push_back(Letter::Failed {
            to: of,
            target: call.id,
            status: 481,
        });
    };
    release(core, call, invite);
    call.links.serves = Some(of);
    call.links.with = Some(of);
    call.links.depth = call.links.depth.max(depth);
    note(call, (Side::A, ""), of, "rings for");
    let rang = call.hunt.as_ref().and_then(|hunt| hunt.current.as_ref());
    if rang.is_some_and(|current| current.rang) {
        core.letters.push_back(Letter::Rings {
            to: of,
            target: call.id,
            status: 180,
        });
    }
    core.feed.touch(call.id);
}

/// The caller's own dialog ends with its INVITE; nothing finds the leg that stands for it.
fn release(core: &mut Core, call: &mut Call, invite: ServerTxn) {
    prack::forget(core, call);
    call.caller.reliable = Reliable::none();
    core.index.servers.remove(&invite);
    core.index.leave(&call.caller.leg.dialog, call.id);
    let tag = call.caller.leg.dialog.local_tag.clone();
    core.respond(invite, (487, "Request Terminated"), &tag, Draft::new());
    call.caller.leg.dialog.local_tag = core.endpoint.new_tag();
}
