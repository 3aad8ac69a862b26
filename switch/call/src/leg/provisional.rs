//! What the called side says before it answers, as the caller is told it.

use super::{prack, reliable::Said, session_draft};
use crate::{
    call::{Call, Stage},
    hunt::{
        self, Attempt,
        fork::{self, News},
    },
    media::{self, Body, Offer},
    switch::state::Core,
};
use bytes::Bytes;
use std::time::Duration;
use tandem_sdp::{SessionDescription, Side};
use tandem_sip::{Message, endpoint::ClientTxn};

/// The same words again are passed on this often, to keep the caller's proxies waiting (RFC 3261 section
/// 16.6 item 11 lets them give up after three minutes).
const REPEAT_AFTER: Duration = Duration::from_secs(30);

/// A 1xx to an INVITE of the hunt.
pub(crate) fn pass(core: &mut Core, call: &mut Call, txn: ClientTxn, message: &Message) {
    match call.stage {
        Stage::Hunting => {}
        Stage::Answering | Stage::Talking | Stage::Ending => return,
    }
    let status = match message.status() {
        Some(180) => 180,
        Some(101..=199) => 183,
        Some(_) | None => return,
    };
    match fork::note(core, call, txn, message) {
        News::Yes => {}
        News::No => return,
    }
    let audio = early_audio(core, call, txn, message);
    if status == 183 && audio.is_none() && message.status() != Some(183) {
        // Forwarded, queued, early dialog gone: nothing a caller could hear.
        return;
    }
    note(core, call, status, audio.is_some());
    tell(core, call, status, audio);
}

/// The caller's side of early audio; from one phone only, since a caller cannot hear several at once.
fn early_audio(
    core: &mut Core,
    call: &mut Call,
    txn: ClientTxn,
    message: &Message,
) -> Option<Bytes> {
    call.media.offer.as_ref()?;
    // Once it made an offer of its own, that alone counts.
    if lone_attempt(call, txn)?.fork(message)?.told.is_some() {
        return None;
    }
    let sdp = match media::read_body(message) {
        Body::Audio(sdp) => sdp,
        Body::None | Body::Unfit => return None,
    };
    let mut told = (*sdp).clone();
    let mut security = lone_attempt(call, txn)?.security.clone();
    security.hear(media::Said::Answer, &sdp).ok()?;
    if !security.has_video() {
        told.reject_video();
    }
    adapt_early(core, call, &mut told)?;
    let attempt = lone_attempt(call, txn)?;
    let way = (attempt.flow.remote.ip(), security.transport());
    attempt.security = security;
    let offered = attempt.was_retold().then(|| attempt.described()).flatten();
    if call
        .hunt
        .as_ref()
        .is_some_and(|hunt| hunt.is_other_fork(message))
    {
        hunt::renew_dialog(core, call);
    }
    media::learn(core, call, Side::B, &sdp, way);
    media::told_target(call, offered.as_deref());
    let body = media::body_for(core, call, Side::A, media::Said::Answer, &told);
    media::settle(core, call, Side::A);
    if let Some(hunt) = call.hunt.as_mut() {
        hunt.early = message.to_tag().map(str::to_owned);
    }
    body
}

/// What a target said before its answer, as one to the caller's offer.
fn adapt_early(core: &Core, call: &mut Call, sdp: &mut SessionDescription) -> Option<()> {
    let offer = call.media.offer.take()?;
    let fits = media::adapt_answer(core, call, Side::A, &offer, sdp)
        .and_then(|()| media::could_answer(core, call, Side::A, Offer::Heard(&offer), sdp));
    call.media.offer = Some(offer);
    fits
}

fn lone_attempt(call: &mut Call, txn: ClientTxn) -> Option<&mut Attempt> {
    let current = call.hunt.as_mut()?.current.as_mut()?;
    match current.attempts.as_mut_slice() {
        [only] if only.txn == txn => Some(only),
        _ => None,
    }
}

fn note(core: &mut Core, call: &mut Call, status: u16, audio: bool) {
    let first = call.marks.pdd_ms.is_none();
    if first {
        note_delay(core, call);
    }
    if status == 180 && call.marks.ringing_at.is_none() {
        call.marks.ringing_at = Some(core.now.utc);
    }
    call.marks.early_media |= audio;
    let hunt = call.hunt.as_mut();
    if let Some(current) = hunt.and_then(|hunt| hunt.current.as_mut()) {
        current.rang = true;
    }
    core.feed.touch(call.id);
}

/// The post-dial delay is known: from the INVITE to the first ringing or answer.
pub(crate) fn note_delay(core: &mut Core, call: &mut Call) {
    let passed = core.now.mono.since(call.began.mono).as_millis();
    let pdd_ms = u64::try_from(passed).unwrap_or(u64::MAX);
    call.marks.pdd_ms = Some(pdd_ms);
    core.feed.totals.pdd_ms_sum = core.feed.totals.pdd_ms_sum.saturating_add(pdd_ms);
    if let Some(gateway) = call.target.as_ref().and_then(|target| target.gateway) {
        let tally = core.feed.tally(gateway);
        tally.pdd_ms_sum = tally.pdd_ms_sum.saturating_add(pdd_ms);
    }
}

fn tell(core: &mut Core, call: &mut Call, status: u16, audio: Option<Bytes>) {
    let now = core.now.mono;
    let Some(hunt) = call.hunt.as_mut() else {
        return;
    };
    let repeated = audio.is_none()
        && hunt
            .told
            .is_some_and(|(before, at)| before == status && now.since(at) < REPEAT_AFTER);
    if repeated {
        return;
    }
    hunt.told = Some((status, now));
    let draft = session_draft(core, call.caller.leg.flow, audio);
    prack::say(core, call, Said { status, draft });
}
