//! A party goes over: its leg moves into the call where the talk goes on, and the call it leaves is paid on as a
//! rider. The one that transferred is sent BYE in both of its dialogs.

use super::{Kind, Letter, Pending, Presence, note, notify};
use crate::{
    call::{Call, Confirm, Stage},
    leg::{bye, change, renew, session},
    media::{self, Ready},
    switch::{state::Core, timer::Timer},
};
use std::time::Duration;
use tandem_sdp::Side;
use tandem_sip::value::EndReason;

/// While a change of audio is under way in one of the two calls.
const BUSY: Duration = Duration::from_millis(200);
/// Times it is waited for the end of one: longer than any single one takes, and no longer however many follow.
const MAX_WAITS: u8 = 200;

/// The target of a transfer has answered: it takes place now, or as soon as both calls are at rest.
pub(crate) fn join(core: &mut Core, from: &mut Call, to: &mut Call) {
    let Some(mut pending) = from.links.pending.take() else {
        return;
    };
    if from.stage != Stage::Talking || to.stage != Stage::Talking || from.id == to.id {
        from.links.pending = Some(pending);
        return super::failed(core, from, 481);
    }
    if !is_at_rest(from) || !is_at_rest(to) {
        pending.waits = pending.waits.saturating_add(1);
        let waited = pending.waits > MAX_WAITS;
        from.links.pending = Some(pending);
        if waited {
            return super::failed(core, from, 491);
        }
        return core.arm_in(Timer::Join(from.id), BUSY);
    }
    if !fits(core, from, to, &pending) {
        from.links.pending = Some(pending);
        return super::failed(core, from, 488);
    }
    from.links.pending = Some(pending);
    for call in [&mut *from, &mut *to] {
        change::drop_plain(core, call);
    }
    notify::finish(core, from, 200);
    let Some(pending) = from.links.pending.take() else {
        return;
    };
    note(from, (pending.by, &pending.number), to.id, "joined");
    note(to, (pending.by, &pending.number), from.id, "joined");
    dismiss(core, from, &pending);
    let brings = brings_relay(core, (from, to), &pending);
    let before = cross(core, from, to, &pending);
    if let Some(leg) = to.leg_mut(pending.place)
        && leg.security.is_web()
        && !brings
    {
        leg.security.begin_anew(core);
    }
    let renewal = if brings {
        media::carry::bring(core, (from, pending.by.other()), (to, pending.place));
        media::record::joined(to, pending.place);
        (Ready::Yes, renew::Then::Other)
    } else {
        another_relay(core, to, &pending, before)
    };
    pay_on(core, from, to);
    renew_audio(core, to, pending.place, renewal);
    core.feed.touch(from.id);
    core.feed.touch(to.id);
}

/// What has nothing of audio in it is not waited for.
fn is_at_rest(call: &Call) -> bool {
    let confirmed = call.caller.confirm == Confirm::Done || call.links.serves.is_some();
    confirmed && !change::is_under_way(call) && call.own.is_empty()
}

/// A browser keeps the relay that it has keys with, where it can: else it agrees on keys anew.
fn brings_relay(core: &Core, (from, to): (&Call, &Call), pending: &Pending) -> bool {
    let side = pending.by.other();
    let is_web = from.leg(side).is_some_and(|leg| leg.security.is_web());
    is_web && media::carry::fits(core, (from, side), (to, pending.place))
}

/// An attended transfer joins two whole calls that were not joined with each other before.
fn fits(core: &Core, from: &Call, to: &Call, pending: &Pending) -> bool {
    let stays = from.leg(pending.by.other());
    let placed = to.leg(pending.place);
    let reachable = stays.is_some_and(|leg| core.media(leg.flow.listener).is_some());
    match pending.kind {
        Kind::Blind | Kind::Early => reachable && to.links.serves == Some(from.id),
        Kind::Attended => {
            let same = placed.map(|leg| leg.account) == from.leg(pending.by).map(|leg| leg.account);
            reachable && same && to.is_whole() && to.links.pending.is_none()
        }
    }
}

/// BYE to the one that transferred, in the call it leaves.
fn dismiss(core: &mut Core, from: &mut Call, pending: &Pending) {
    for side in [Side::A, Side::B] {
        core.timers.disarm(Timer::Session(from.id, side));
        core.timers.disarm(Timer::Renew(from.id, side));
    }
    match pending.presence {
        Presence::Here => {}
        Presence::Gone => return,
    }
    if let Some(leg) = from.leg_mut(pending.by) {
        bye::send(core, leg, EndReason::default());
    }
}

/// The leg of the party that stays changes places with the one that makes room, which goes with the call that is
/// left: a BYE that crosses ours is still answered there.
/// Answers the listener of the leg that made room.
fn cross(core: &mut Core, from: &mut Call, to: &mut Call, pending: &Pending) -> Option<u16> {
    let (stays, place) = (pending.by.other(), pending.place);
    core.timers.disarm(Timer::Session(to.id, place));
    core.timers.disarm(Timer::Renew(to.id, place));
    let (from_id, to_id) = (from.id, to.id);
    let (Some(leaves), Some(comes)) = (to.leg_mut(place), from.leg_mut(stays)) else {
        return None;
    };
    let before = leaves.flow.listener;
    std::mem::swap(leaves, comes);
    let (comes, leaves) = (leaves, comes);
    core.index.enter(&comes.dialog, (to_id, place));
    session::carry_on(core, (to_id, place), comes);
    match pending.kind {
        // Nobody was there.
        Kind::Blind | Kind::Early => {}
        Kind::Attended => {
            core.index.enter(&leaves.dialog, (from_id, stays));
            bye::send(core, leaves, EndReason::default());
        }
    }
    to.links.serves = None;
    to.caller.confirm = Confirm::Done;
    Some(before)
}

/// The call that is left is paid until the other one ends.
fn pay_on(core: &mut Core, from: &mut Call, to: &mut Call) {
    from.links.rides = Some(to.id);
    (from.links.with, to.links.with) = (Some(to.id), Some(from.id));
    to.links.riders.push(from.id);
    to.links.depth = to.links.depth.max(from.links.depth + 1);
    media::close(core, from);
}

/// The relay of the call where the talk goes on takes in the party that came, or makes room for one that can.
fn another_relay(
    core: &mut Core,
    to: &mut Call,
    pending: &Pending,
    before: Option<u16>,
) -> (Ready, renew::Then) {
    match pending.kind {
        Kind::Blind => {}
        Kind::Early | Kind::Attended => to.media.direct = false,
    }
    media::record::joined(to, pending.place);
    let ready = media::adopt(core, to, pending.place, before);
    let then = match (pending.kind, ready) {
        // It answered what the party that came had described.
        (Kind::Blind, Ready::Yes | Ready::Never) => renew::Then::Rest,
        (Kind::Blind, Ready::Wait) | (Kind::Early | Kind::Attended, _) => renew::Then::Other,
    };
    (ready, then)
}

/// The party that came is told where to send, then the other one.
fn renew_audio(core: &mut Core, to: &mut Call, place: Side, (ready, then): (Ready, renew::Then)) {
    if let Some(leg) = to.leg_mut(place) {
        leg.owed = renew::Owed::Description(then);
    }
    match ready {
        Ready::Yes => renew::send(core, to, place),
        Ready::Wait => {}
        Ready::Never => core.letters.push_back(Letter::End {
            to: to.id,
            cause: &crate::cause::NO_RELAY,
            lost: None,
        }),
    }
}
