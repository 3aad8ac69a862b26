//! A phone steps in: its INVITE names a dialog of its own account (RFC 3891), whose place it takes. Who pays for the
//! call stays the same, so nothing is priced.

use crate::{
    call::{Call, Confirm, Stage},
    decide::Step,
    directory::{AccountStatus, Device, signalling::Transfers},
    identity,
    leg::{
        Leg, Owed, Reach, Session, bye, change,
        invite::{self, Arrival},
        renew, session, session_draft,
    },
    media::{self, Body, Said, Security, Spoken},
    switch::{
        auth::{self, Proof},
        state::Core,
        timer::Timer,
    },
};
use bytes::Bytes;
use std::sync::Arc;
use tandem_billing::{AccountId, CallId};
use tandem_sdp::{Direction, SessionDescription, Side};
use tandem_sip::{
    Message,
    dialog::Dialog,
    digest::ChallengeKind,
    endpoint::ServerTxn,
    message::{Draft, HeaderId},
    value::EndReason,
};

/// The dialog that a Replaces names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) call_id: String,
    /// Ours.
    pub(crate) to_tag: String,
    pub(crate) from_tag: String,
    early_only: bool,
}

impl Named {
    /// `call-id;to-tag=a;from-tag=b[;early-only]`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let call_id = parts.next().filter(|id| !id.is_empty())?.to_owned();
        let (mut to_tag, mut from_tag, mut early_only) = (None, None, false);
        for part in parts {
            match part.split_once('=') {
                Some((name, tag)) if name.eq_ignore_ascii_case("to-tag") => {
                    to_tag = Some(tag.to_owned());
                }
                Some((name, tag)) if name.eq_ignore_ascii_case("from-tag") => {
                    from_tag = Some(tag.to_owned());
                }
                None if part.eq_ignore_ascii_case("early-only") => early_only = true,
                Some(_) | None => {}
            }
        }
        Some(Self {
            call_id,
            to_tag: to_tag?,
            from_tag: from_tag?,
            early_only,
        })
    }

    /// Of an INVITE; `Some(None)` if it has one that cannot be read.
    pub(crate) fn of(message: &Message) -> Option<Option<Self>> {
        let value = message.value(HeaderId::Replaces)?;
        Some(Self::parse(value))
    }
}

/// The leg a [`Named`] means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) call: CallId,
    pub(crate) side: Side,
    pub(crate) account: Option<AccountId>,
    pub(crate) standing: Standing,
}

/// How far the dialog found has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The leg's party called, and whom it called has not answered.
    Early,
    Up,
}

impl Standing {
    fn of(call: &Call, side: Side) -> Option<Self> {
        let invited = call.caller.invite.is_some() && call.media.offer.is_some();
        match (call.stage, side) {
            (Stage::Talking, _) => call.is_there(side).then_some(Self::Up),
            (Stage::Hunting, Side::A) => invited.then_some(Self::Early),
            (Stage::Hunting | Stage::Answering, _) | (Stage::Ending, _) => None,
        }
    }
}

impl Found {
    /// A leg of this call, if it is the one meant.
    pub(crate) fn of(call: &Call, side: Side, named: &Named) -> Option<Self> {
        let leg = call.leg(side)?;
        let dialog = &leg.dialog;
        let is_it = dialog.call_id == named.call_id
            && dialog.local_tag == named.to_tag
            && dialog.remote_tag == named.from_tag;
        Some(Self {
            call: call.id,
            side,
            account: leg.account,
            standing: Standing::of(call, side).filter(|_| is_it)?,
        })
    }
}

type Answer = (u16, &'static str);

/// Whose phone asks; None if it was answered.
pub(crate) fn asker(core: &mut Core, arrival: &Arrival<'_>) -> Option<Arc<Device>> {
    match auth::prove(core, arrival.flow, arrival.message, ChallengeKind::Proxy) {
        Proof::Device(device) => Some(device),
        Proof::Nothing(stale) => {
            core.feed.totals.challenged += 1;
            let to = (arrival.txn, arrival.flow);
            auth::challenge(core, to, ChallengeKind::Proxy, stale);
            None
        }
        Proof::Later => {
            auth::put_off(core, arrival.txn);
            None
        }
    }
}

/// Whether a device may take the place of the dialog named.
pub(crate) fn check(
    core: &Core,
    device: &Device,
    named: Option<&Named>,
    found: Option<Found>,
) -> Result<Found, Answer> {
    let named = named.ok_or((400, "Bad Replaces"))?;
    // RFC 3891 section 3: an early dialog is replaced for its own party only.
    let found = found
        .filter(|found| found.standing == Standing::Up)
        .ok_or((481, "Call/Transaction Does Not Exist"))?;
    let accounts = &core.directory.accounts;
    let active = accounts.get(&device.account).is_some_and(|account| {
        account.status == AccountStatus::Active && account.transfers() != Transfers::None
    });
    if found.account != Some(device.account) || !active {
        return Err((403, "Forbidden"));
    }
    if named.early_only {
        return Err((486, "Busy Here"));
    }
    Ok(found)
}

/// The leg whose place a phone took, until that one has confirmed: it stands ready to come back.
pub(crate) struct Replaced {
    side: Side,
    /// The INVITE that took the place.
    invite: ServerTxn,
    leg: Leg,
    /// What the legs spoke before.
    spoken: Spoken,
}

/// The phone gets its 200; the leg it replaces a BYE once that has been confirmed.
pub(crate) fn step_in(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    device: &Device,
    arrival: &Arrival<'_>,
) {
    if let Err(answer) = take(core, call, side, device, arrival) {
        core.reject(arrival.txn, answer, Draft::new());
    }
}

const UNFIT: Answer = (488, "Not Acceptable Here");

/// Nothing is under way in the call, and nobody is to be told of anything.
fn is_at_rest(call: &Call) -> bool {
    let confirmed = call.caller.confirm == Confirm::Done && call.is_whole();
    let quiet = call.passing.is_empty() && call.own.is_empty() && call.links.pending.is_none();
    let owes = |side| call.leg(side).is_none_or(|leg| leg.owed != Owed::Nothing);
    confirmed && quiet && !owes(Side::A) && !owes(Side::B)
}

fn take(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    device: &Device,
    arrival: &Arrival<'_>,
) -> Result<(), Answer> {
    let has_audio = call.media.direct || (media::is_open(call) && !media::video::is_opening(call));
    if !is_at_rest(call) || !has_audio {
        return Err((491, "Request Pending"));
    }
    let Body::Audio(mut offer) = media::read_body(arrival.message) else {
        return Err(UNFIT);
    };
    let other = call.leg(side.other()).and_then(Leg::heard).ok_or(UNFIT)?;
    let mut leg = new_leg(core, device, arrival);
    let same = |a, b| core.media(a).map(|m| m.local) == core.media(b).map(|m| m.local);
    let before = call.leg(side).ok_or(UNFIT)?;
    if call.media.direct || !same(before.flow.listener, leg.flow.listener) {
        return Err(UNFIT);
    }
    leg.security.hear_offer(&mut offer).map_err(|_| UNFIT)?;
    let other = super::place::live(other);
    let answer = media::answer_for(core, call, side, &offer, other).ok_or(UNFIT)?;
    let mut replaced = Box::new(Replaced {
        side,
        invite: arrival.txn,
        leg,
        spoken: call.media.spoken.clone(),
    });
    exchange(call, &mut replaced);
    let Some(body) = describe(core, call, side, (&offer, &answer)) else {
        put_back(core, call, *replaced);
        return Err(UNFIT);
    };
    core.timers.disarm(Timer::Session(call.id, side));
    if let Some(leg) = call.leg(side) {
        core.index.enter(&leg.dialog, (call.id, side));
    }
    call.trace.note(Step::Replaced {
        side: super::name(side),
        by: device.username.clone(),
    });
    call.links.replaced = Some(replaced);
    confirm(core, call, side, arrival, body);
    Ok(())
}

fn exchange(call: &mut Call, replaced: &mut Replaced) {
    if let Some(place) = call.leg_mut(replaced.side) {
        std::mem::swap(place, &mut replaced.leg);
    }
}

/// What the phone is told, and what the relay is told of it.
fn describe(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    (offer, answer): (&SessionDescription, &SessionDescription),
) -> Option<Bytes> {
    let body = media::body_for(core, call, side, Said::Answer, answer)?;
    media::hear(core, call, side, Said::Offer, offer)?;
    media::settle(core, call, side);
    Some(body)
}

/// The leg that was replaced comes back, and its audio. Answers the one that leaves.
fn put_back(core: &mut Core, call: &mut Call, mut replaced: Replaced) -> Leg {
    exchange(call, &mut replaced);
    let Replaced {
        side, leg, spoken, ..
    } = replaced;
    let back = call.leg(side).and_then(|back| {
        let way = (back.flow.remote.ip(), back.security.transport());
        Some((back.heard()?, way))
    });
    if let Some((heard, way)) = back {
        media::learn(core, call, side, &heard, way);
    }
    call.media.spoken.restore(spoken);
    media::settle(core, call, side.other());
    leg
}

/// The phone that stepped in has confirmed: the other one goes.
pub(crate) fn confirmed(core: &mut Core, call: &mut Call, invite: ServerTxn) {
    let replaced = call.links.replaced.take_if(|r| r.invite == invite);
    if let Some(replaced) = replaced {
        dismiss(core, call, *replaced);
    }
}

/// The call is over, for the leg that was replaced, too.
pub(crate) fn abandon(core: &mut Core, call: &mut Call) {
    if let Some(replaced) = call.links.replaced.take() {
        dismiss(core, call, *replaced);
    }
}

fn dismiss(core: &mut Core, call: &Call, mut replaced: Replaced) {
    core.index.leave(&replaced.leg.dialog, call.id);
    bye::send(core, &mut replaced.leg, EndReason::default());
}

/// The phone that stepped in never confirmed: the other one talks on. False if nobody stepped in so.
pub(crate) fn unconfirmed(core: &mut Core, call: &mut Call, invite: ServerTxn) -> bool {
    let Some(replaced) = call.links.replaced.take_if(|r| r.invite == invite) else {
        return false;
    };
    let (id, side) = (call.id, replaced.side);
    let mut leg = put_back(core, call, *replaced);
    core.index.leave(&leg.dialog, id);
    bye::send(core, &mut leg, EndReason::default());
    core.timers.disarm(Timer::Session(id, side));
    if let Some(back) = call.leg(side) {
        session::carry_on(core, (id, side), back);
    }
    if let Some(other) = call.leg_mut(side.other()) {
        other.owed = Owed::Nothing;
    }
    core.feed.touch(id);
    true
}

fn new_leg(core: &mut Core, device: &Device, arrival: &Arrival<'_>) -> Leg {
    let directory = Arc::clone(&core.directory);
    let tag = core.endpoint.new_tag();
    let account = directory.accounts.get(&device.account);
    let srtp = account.map(|account| account.srtp).unwrap_or_default();
    let timers = account.map(|account| account.signalling.session_timers);
    let mut dialog = Dialog::from_request(arrival.message, &tag);
    dialog.names_product =
        account.is_none_or(|account| identity::names_product(&account.signalling));
    if !dialog.names_product {
        core.endpoint.leave_nameless(arrival.txn);
    }
    Leg {
        flow: arrival.flow,
        dialog,
        origin: core.new_origin(arrival.flow),
        described: None,
        heard: None,
        says: Direction::SendRecv,
        reach: Reach::Symmetric,
        security: Security::new(core, srtp, arrival.flow, &directory.settings),
        gateway: None,
        session: Session::new(core, timers.unwrap_or_default(), arrival.message),
        account: Some(device.account),
        owed: Owed::Nothing,
        again: 0,
    }
}

/// 200 to the phone; the other side is told of its audio once it has ACKed.
fn confirm(core: &mut Core, call: &mut Call, side: Side, arrival: &Arrival<'_>, body: Bytes) {
    let draft = session_draft(core, arrival.flow, Some(body));
    let id = call.id;
    let Some(leg) = call.leg_mut(side) else {
        return;
    };
    let draft = session::accept(core, (id, side), leg, arrival.txn, draft);
    let tag = leg.dialog.local_tag.clone();
    core.respond(arrival.txn, (200, "OK"), &tag, draft);
    change::await_ack(core, call, side, arrival.txn);
    if let Some(other) = call.leg_mut(side.other()) {
        other.owed = Owed::Description(renew::Then::Rest);
    }
    renew::send(core, call, side.other());
    core.feed.touch(id);
}

/// Checked before the dialog is looked for, as for every INVITE.
pub(crate) fn refuse_early(core: &mut Core, arrival: &Arrival<'_>) -> bool {
    match invite::check_sender(core, arrival) {
        Ok(()) => false,
        Err((answer, draft)) => {
            core.reject(arrival.txn, answer, draft);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Named;

    #[test]
    fn a_dialog_is_named_by_call_id_and_both_tags() {
        for (text, expected) in [
            ("a@b;to-tag=1;from-tag=2", Some(("1", "2", false))),
            (
                "a@b ; From-Tag=2 ;to-tag=1;early-only",
                Some(("1", "2", true)),
            ),
            ("a@b;to-tag=1", None),
            (";to-tag=1;from-tag=2", None),
            ("", None),
        ] {
            let named = Named::parse(text);
            let named = named
                .as_ref()
                .map(|n| (n.to_tag.as_str(), n.from_tag.as_str(), n.early_only));
            assert_eq!(named, expected, "{text}");
        }
    }
}
