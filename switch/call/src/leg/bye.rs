//! BYE, either way (RFC 3261 section 15).

use super::Leg;
use crate::{
    call::{Call, Confirm, Stage},
    cause,
    decide::Step,
    directory::Gateway,
    hunt::credentials,
    switch::{end, state::Core},
    transfer,
};
use std::{collections::HashMap, sync::Arc};
use tandem_sdp::Side;
use tandem_sip::{
    Flow, Message,
    dialog::Dialog,
    endpoint::{ClientTxn, ServerTxn},
    message::Draft,
    value::{EndReason, Method},
};

/// BYEs to gateways that may challenge them; each goes with its final response or timeout.
#[derive(Default)]
pub(crate) struct Farewells {
    sent: HashMap<ClientTxn, Box<Farewell>>,
}

impl Farewells {
    pub(crate) fn len(&self) -> usize {
        self.sent.len()
    }
}

struct Farewell {
    flow: Flow,
    dialog: Dialog,
    gateway: Arc<Gateway>,
}

/// Ends a dialog of ours.
pub(crate) fn send(core: &mut Core, leg: &mut Leg, reason: EndReason) {
    let draft = if reason.is_none() {
        Draft::new()
    } else {
        Draft::new().header("Reason", reason)
    };
    let txn = super::send(core, leg, Method::Bye, draft);
    if let Some(gateway) = leg
        .gateway
        .as_ref()
        .filter(|gateway| gateway.auth.is_some())
    {
        let farewell = Farewell {
            flow: leg.flow,
            dialog: leg.dialog.clone(),
            gateway: Arc::clone(gateway),
        };
        core.loose.farewells.sent.insert(txn, Box::new(farewell));
    }
}

/// Ends the caller's dialog, now or once that is allowed.
pub(crate) fn send_to_caller(core: &mut Core, call: &mut Call) {
    match call.caller.confirm {
        Confirm::Unanswered | Confirm::ThenBye => {}
        Confirm::Awaited => call.caller.confirm = Confirm::ThenBye,
        Confirm::Done => send(core, &mut call.caller.leg, call.marks.reason),
    }
}

/// A BYE of ours was answered; a challenge is met once.
pub(crate) fn answered(core: &mut Core, txn: ClientTxn, response: &Message) {
    if response.status().is_none_or(|status| status < 200) {
        return;
    }
    let Some(mut farewell) = core.loose.farewells.sent.remove(&txn) else {
        return;
    };
    let uri = farewell.dialog.remote_target.to_string();
    if let Some((name, value)) = credentials(core, &farewell.gateway, response, &Method::Bye, &uri)
    {
        let draft = Draft::new().header(&name, value);
        core.endpoint.request_in_dialog(
            core.now.mono,
            farewell.flow,
            &mut farewell.dialog,
            Method::Bye,
            draft,
        );
    }
}

/// A BYE of ours stayed without answer.
pub(crate) fn unanswered(core: &mut Core, txn: ClientTxn) {
    core.loose.farewells.sent.remove(&txn);
}

/// Why a side hung up, for the other side and the CDR.
pub(crate) fn note_reason(call: &mut Call, side: Side, reason: EndReason) {
    let is_over = call.stage == Stage::Ending || !call.is_there(side);
    if reason.is_none() || is_over {
        return;
    }
    call.marks.reason = reason;
    call.trace.note(Step::Reason {
        side: match side {
            Side::A => "caller".to_owned(),
            Side::B => "called".to_owned(),
        },
        said: reason.to_string(),
    });
}

/// A side hung up.
pub(crate) fn handle(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    (txn, message): (ServerTxn, &Message),
) {
    note_reason(call, side, EndReason::of(message));
    core.respond(txn, (200, "OK"), "", Draft::new());
    let leaves = call
        .links
        .pending
        .as_ref()
        .is_some_and(|pending| pending.by == side);
    match (call.stage, side) {
        (Stage::Talking, _) if call.links.rides.is_some() => {}
        (Stage::Talking, _) if leaves => transfer::leave(core, call, side),
        // RFC 3261 section 15 lets a caller end its early dialog so.
        (Stage::Hunting | Stage::Answering, Side::A) => {
            end::end(core, call, &cause::CALLER_CANCELLED, end::Left::Nobody)
        }
        (Stage::Hunting | Stage::Answering, Side::B) => {
            end::end(core, call, &cause::DECLINED, end::Left::Callee)
        }
        (Stage::Talking, Side::A) => {
            call.caller.confirm = Confirm::Done;
            end::end(core, call, &cause::CALLER_HANGUP, end::Left::Caller);
        }
        (Stage::Talking, Side::B) => end::end(core, call, &cause::CALLEE_HANGUP, end::Left::Callee),
        // Both hung up at once: our own BYE, if it still waits for the ACK, is not needed any more.
        (Stage::Ending, Side::A) => call.caller.confirm = Confirm::Done,
        (Stage::Ending, Side::B) => {}
    }
}
