//! What each side of a call hears of the switch: music on hold, ringing while it waits to be transferred, the beep of
//! a recording, and the one that says that the call is about to be cut.
//!
//! Which of them is due follows from the call as it stands: [`follow`] is asked after everything that happens to a
//! call, and tells the relay what has changed. Music and ringing give way to whoever sends audio of its own.

use crate::{
    call::{Call, Stage},
    decide::Step,
    directory::signalling::{NO_MUSIC, RecordingTone},
    switch::{alarm, state::Core},
    transfer::Kind,
};
use tandem_sdp::{
    PlayEnd, PlayOrder, RelayCommand, RelayId, Side, Sound, Tone,
    play::{Talk, Until},
};

use super::Relay;

/// What the relay was told to play.
#[derive(Debug, Default)]
pub(crate) struct Sounds {
    a: Option<Ordered>,
    b: Option<Ordered>,
}

#[derive(Debug)]
struct Ordered {
    relay: RelayId,
    order: PlayOrder,
}

impl Ordered {
    /// It ends by itself; until then nothing else is begun.
    fn is_passing(&self) -> bool {
        self.order.until != Until::Stopped
    }
}

impl Sounds {
    fn of(&mut self, side: Side) -> &mut Option<Ordered> {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }
}

/// The call may have changed: each side hears what is due to it now.
pub(crate) fn follow(core: &mut Core, call: &mut Call) {
    for side in [Side::A, Side::B] {
        let relay = relay_of(call);
        let wanted = wanted(core, call, side);
        let ordered = call.media.sounds.of(side);
        // Another relay, or none: what was ordered went with the old one.
        ordered.take_if(|before| Some(before.relay) != relay);
        let Some(id) = relay else { continue };
        match (&*ordered, wanted) {
            (Some(before), _) if before.is_passing() => {}
            (Some(before), Some(order)) if before.order == order => {}
            (None, None) => {}
            (Some(_), None) => {
                *ordered = None;
                core.relay(RelayCommand::StopPlaying { id, side });
            }
            (_, Some(order)) => play(core, call, (id, side), order),
        }
    }
}

/// The relay goes to another call: what it plays is of this one.
pub(super) fn stop(core: &mut Core, call: &mut Call) {
    for side in [Side::A, Side::B] {
        if let Some(Ordered { relay: id, .. }) = call.media.sounds.of(side).take() {
            core.relay(RelayCommand::StopPlaying { id, side });
        }
    }
}

fn relay_of(call: &Call) -> Option<RelayId> {
    match call.media.relay {
        Relay::Open { id, .. } => Some(id),
        Relay::Unasked | Relay::Opening { .. } | Relay::Closing { .. } | Relay::Closed => None,
    }
}

fn play(core: &mut Core, call: &mut Call, (id, side): (RelayId, Side), order: PlayOrder) {
    core.relay(RelayCommand::Play {
        id,
        side,
        order: Box::new(order.clone()),
    });
    *call.media.sounds.of(side) = Some(Ordered { relay: id, order });
}

/// What is due to a side for as long as the call stays as it is.
fn wanted(core: &Core, call: &Call, side: Side) -> Option<PlayOrder> {
    if !can_hear(call, side) {
        return None;
    }
    let ringing =
        || waits(call, side).then(|| call.directory.settings.media.sounds.waiting_tone.tone());
    let (sound, talk) = if let Some(tone) = ringing().flatten() {
        (Sound::Tone(tone), Talk::First)
    } else if let Some(file) = music(call, side) {
        (Sound::File(file), Talk::First)
    } else if is_recorded_aloud(core, call) {
        (Sound::Tone(Tone::RECORDED), Talk::Silenced)
    } else {
        return None;
    };
    order(call, side, (sound, talk), Until::Stopped)
}

fn order(call: &Call, side: Side, (sound, talk): (Sound, Talk), until: Until) -> Option<PlayOrder> {
    let spoken = call.media.spoken.of(side);
    Some(PlayOrder {
        sound,
        until,
        talk,
        codec: spoken.coded()?,
        events: spoken.event_numbers(),
    })
}

/// Whether somebody is at a side who takes audio that passes through the relay.
fn can_hear(call: &Call, side: Side) -> bool {
    let listens = call.leg(side).is_some_and(|leg| leg.says.receives());
    call.stage == Stage::Talking
        && call.is_there(side)
        && listens
        && !call.media.direct
        && !call.media.spoken.fax
}

/// Whether it waits until the target of a transfer has answered.
fn waits(call: &Call, side: Side) -> bool {
    let pending = call.links.pending.as_ref();
    pending.is_some_and(|pending| match pending.kind {
        Kind::Blind | Kind::Early => pending.by == side.other(),
        Kind::Attended => false,
    })
}

/// The music for a side that was put on hold.
fn music(call: &Call, side: Side) -> Option<String> {
    let holds = call
        .leg(side.other())
        .is_some_and(|leg| !leg.says.receives());
    if !holds {
        return None;
    }
    music_of(call, side.other())
}

/// The music of a party that puts the other one on hold.
pub(crate) fn music_of(call: &Call, holder: Side) -> Option<String> {
    let account = call.leg(holder)?.account;
    let account = account.and_then(|account| call.directory.accounts.get(&account));
    let system = &call.directory.settings.media.sounds.music_on_hold;
    let file = match account.map_or("", |account| account.signalling.music.as_str()) {
        "" => system,
        file => file,
    };
    (!file.is_empty() && file != NO_MUSIC).then(|| file.to_owned())
}

fn is_recorded_aloud(core: &Core, call: &Call) -> bool {
    let accounts = &core.directory.accounts;
    let parties = [
        Some(call.who.account.id),
        call.callee.as_ref().and_then(|leg| leg.account),
    ];
    let says = |account| {
        let account = accounts.get(&account);
        account.is_some_and(|account| account.signalling.recording_tone == RecordingTone::Beep)
    };
    call.media.recording.is_on() && parties.into_iter().flatten().any(says)
}

/// The call is about to be cut: the party that pays hears it.
pub(crate) fn warn(core: &mut Core, call: &mut Call) {
    let (side, sound) = (Side::A, Sound::Tone(Tone::MONEY_ENDS));
    let pays = call.caller.leg.account == Some(call.who.account.id);
    let Some(id) = relay_of(call).filter(|_| pays && can_hear(call, side)) else {
        return;
    };
    if let Some(order) = order(call, side, (sound, Talk::Silenced), Until::End) {
        play(core, call, (id, side), order);
    }
}

/// What was played to a side has come to its end. What could not be played is not tried again.
pub(crate) fn played(core: &mut Core, call: &mut Call, side: Side, how: PlayEnd) {
    let ordered = call.media.sounds.of(side);
    match how {
        PlayEnd::Ended | PlayEnd::Digit(_) => {
            ordered.take_if(|before| before.is_passing());
        }
        PlayEnd::Failed(reason) => {
            ordered.take_if(|before| before.is_passing());
            call.trace.note(Step::Unplayed {
                reason: reason.clone(),
            });
            alarm::unplayed(core, &reason);
        }
    }
}
