//! Offers made before the answer, in PRACK or UPDATE (RFC 3311 section 5.1): the audio passes through us, so each is
//! answered here, with what the other side described last, or refused without harm to the call.

use super::{
    Attempt,
    fork::{Fork, heard},
};
use crate::{
    call::Call,
    leg::session_draft,
    media::{self, Body, Offer, Said},
    switch::state::Core,
};
use bytes::Bytes;
use tandem_sdp::{SessionDescription, Side};
use tandem_sip::{Message, endpoint::ServerTxn, message::Draft};

type Refusal = (u16, &'static str);

const UNFIT: Refusal = (488, "Not Acceptable Here");
/// Our own offer has no answer yet.
const PENDING: Refusal = (491, "Request Pending");
/// The caller has described nothing yet: nobody could answer at once (RFC 3311 section 5.2).
const TOO_EARLY: Refusal = (504, "Server Time-out");

/// An offer of the caller's, to whom a description was sent reliably; a PRACK may have none.
pub(crate) fn of_caller(core: &mut Core, call: &mut Call, txn: ServerTxn, message: &Message) {
    let answered = match media::read_body(message) {
        Body::None => Ok(None),
        Body::Unfit => Err(UNFIT),
        Body::Audio(offer) => answer_caller(core, call, *offer).map(Some).ok_or(UNFIT),
    };
    match answered {
        Ok(body) => {
            let draft = session_draft(core, call.caller.leg.flow, body);
            core.respond(txn, (200, "OK"), "", draft);
        }
        Err(refusal) => core.respond(txn, refusal, "", Draft::new()),
    }
}

/// Targets tried after this one are offered what the caller describes now.
fn answer_caller(core: &mut Core, call: &mut Call, mut offer: SessionDescription) -> Option<Bytes> {
    let across = heard(call)?.said.as_deref()?.clone();
    if !media::could_hear(call, Side::A, &mut offer) {
        return None;
    }
    let answer = media::answer_for(core, call, Side::A, &offer, across)?;
    media::could_answer(core, call, Side::A, Offer::New(&offer), &answer)?;
    media::hear(core, call, Side::A, Said::Offer, &offer)?;
    let body = media::body_for(core, call, Side::A, Said::Answer, &answer);
    media::settle(core, call, Side::A);
    call.media.offer = Some(offer);
    body
}

/// An offer of a called side in its early dialog, the `at`th one of its attempt.
pub(crate) fn of_fork(
    core: &mut Core,
    call: &mut Call,
    at: (usize, usize),
    (txn, message): (ServerTxn, &Message),
) {
    let answered = match media::read_body(message) {
        Body::Audio(offer) => answer_fork(core, call, at, *offer),
        Body::None | Body::Unfit => Err(UNFIT),
    };
    let answered = answered.and_then(|body| Ok((body, found(call, at).ok_or(UNFIT)?.0.flow)));
    match answered {
        Ok((body, flow)) => {
            let draft = session_draft(core, flow, Some(body));
            core.respond(txn, (200, "OK"), "", draft);
        }
        Err(refusal) => core.respond(txn, refusal, "", Draft::new()),
    }
}

fn found(call: &mut Call, (attempt, fork): (usize, usize)) -> Option<(&mut Attempt, usize)> {
    let current = call.hunt.as_mut()?.current.as_mut()?;
    let attempt = current.attempts.get_mut(attempt)?;
    (fork < attempt.forks.len()).then_some((attempt, fork))
}

fn answer_fork(
    core: &mut Core,
    call: &mut Call,
    at: (usize, usize),
    mut offer: SessionDescription,
) -> Result<Bytes, Refusal> {
    let across = call.media.offer.clone().ok_or(TOO_EARLY)?;
    let (attempt, index) = found(call, at).ok_or(UNFIT)?;
    let fork = attempt.forks.get(index).ok_or(UNFIT)?;
    if fork.said.is_none() {
        return Err(PENDING);
    }
    let (flow, tag) = (attempt.flow, fork.dialog.remote_tag.clone());
    let mut origin = fork.origin;
    origin.version += 1;
    let mut security = attempt.security.clone();
    security.hear_offer(&mut offer).map_err(|_| UNFIT)?;
    let is_heard = heard(call).is_some_and(|heard| heard.dialog.remote_tag == tag);
    let across = if is_heard {
        as_told(call, across)
    } else {
        across
    };
    let answer = media::answer_for(core, call, Side::B, &offer, across).ok_or(UNFIT)?;
    let body = media::early_body(core, call, (flow, origin), &security, &answer).ok_or(UNFIT)?;
    if is_heard {
        let way = (flow.remote.ip(), security.transport());
        media::learn(core, call, Side::B, &offer, way);
        call.media.spoken.b.ours = answer.codecs();
        media::settle(core, call, Side::B);
    }
    let (attempt, index) = found(call, at).ok_or(UNFIT)?;
    if is_heard {
        attempt.security = security;
    }
    if let Some(fork) = attempt.forks.get_mut(index) {
        fork.agree(offer, body.clone(), origin);
    }
    Ok(body)
}

/// What the caller takes and, going by what it was told, sends.
fn as_told(call: &Call, mut across: SessionDescription) -> SessionDescription {
    let told = &call.media.spoken.a.ours;
    let (all, mut both) = (across.codecs(), across.codecs());
    both.retain(|codec| told.iter().any(|other| other.same_encoding(codec)));
    if both.iter().any(|codec| !codec.is_auxiliary()) && both != all {
        across.set_codecs(&both);
    }
    across
}

impl Fork {
    /// Its offer was answered: what its answers to the INVITE describe counts no more
    /// (RFC 3261 section 13.2.1).
    fn agree(
        &mut self,
        offer: SessionDescription,
        told: Bytes,
        origin: tandem_sdp::session::Origin,
    ) {
        self.said = Some(Box::new(offer));
        self.told = Some(told);
        self.origin = origin;
    }
}
