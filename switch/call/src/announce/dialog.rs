//! What a caller says in its early dialog while it listens: PRACK, UPDATE, keys by INFO, BYE.

use super::{announcement_mut, audio, give_up, pressed, respond};
use crate::{
    leg::{digits, session_draft},
    media::{Body, read_body},
    switch::{
        genuine::{self, Peer},
        outside,
        state::Core,
        timer::Timer,
    },
};
use tandem_sdp::RelayId;
use tandem_sip::{Flow, Message, endpoint::ServerTxn, message::Draft, value::Method};

type Request<'a> = (ServerTxn, Flow, &'a Message);

/// A request with a tag of ours that no call has.
pub(crate) fn request(core: &mut Core, tag: &str, request: Request<'_>) {
    let (txn, flow, message) = request;
    let gone = (481, "Call/Transaction Does Not Exist");
    let announcements = &mut core.loose.announcements;
    let Some(id) = announcements.tags.get(tag).copied() else {
        return core.reject(txn, gone, Draft::new());
    };
    let Some(announcement) = announcements.open.get_mut(&id) else {
        return core.reject(txn, gone, Draft::new());
    };
    if let Some(draft) = outside::unsupported(message) {
        return core.reject(txn, (420, "Bad Extension"), draft);
    }
    let (dialog, at) = (announcement.dialog.clone(), announcement.flow.remote.ip());
    let peer = Peer::listening(&dialog, at, announcement.account);
    if !genuine::judge(core, &peer, (flow, message)).or_refuse(core, (txn, flow)) {
        return;
    }
    let Some(announcement) = announcement_mut(core, id) else {
        return;
    };
    if let Err(rejection) = announcement.dialog.accept_request(message) {
        return core.respond(txn, rejection.status(), "", Draft::new());
    }
    match message.method() {
        Method::Prack => prack(core, id, request),
        Method::Update => answer_offer(core, id, request),
        Method::Bye => {
            core.respond(txn, (200, "OK"), "", Draft::new());
            give_up(core, id);
        }
        Method::Options => outside::options(core, txn, flow),
        Method::Ack => {}
        Method::Info if digits::read(message).is_some() => {
            core.respond(txn, (200, "OK"), "", Draft::new());
            pressed(core, id);
        }
        Method::Invite => core.respond(txn, (491, "Request Pending"), "", Draft::new()),
        _ => core.respond(txn, (480, "Temporarily Unavailable"), "", Draft::new()),
    }
}

/// The caller has our description: what was to follow follows.
fn prack(core: &mut Core, id: RelayId, request: Request<'_>) {
    let (txn, _, message) = request;
    let Some(announcement) = core.loose.announcements.open.get_mut(&id) else {
        return;
    };
    let invite = core.endpoint.server_request(announcement.invite);
    let cseq = invite.map(Message::cseq);
    if !announcement.reliable.confirm(message, cseq) {
        let gone = (481, "Call/Transaction Does Not Exist");
        return core.respond(txn, gone, "", Draft::new());
    }
    let next = announcement.reliable.go_on(core.now.mono);
    answer_offer(core, id, request);
    match next {
        Some((said, pause)) => {
            respond(core, id, said);
            core.arm_in(Timer::Announcement(id), pause);
        }
        None => {
            audio::play(core, id);
        }
    }
}

fn answer_offer(core: &mut Core, id: RelayId, (txn, flow, message): Request<'_>) {
    let body = match read_body(message) {
        Body::None => Ok(None),
        Body::Audio(offer) => audio::change(core, id, *offer).map(Some).ok_or(()),
        Body::Unfit => Err(()),
    };
    match body {
        Ok(body) => {
            let draft = session_draft(core, flow, body);
            core.respond(txn, (200, "OK"), "", draft);
        }
        Err(()) => core.respond(txn, (488, "Not Acceptable Here"), "", Draft::new()),
    }
}
