//! A caller whose call fails hears why, before it is told by its final answer: for causes that the operator has a
//! prompt for, whether the call was refused at the door or no route led to anybody.
//!
//! Only phones that have proved themselves by digest hear one: nobody else can be sure to get what he asked for and no
//! stranger's address is sent audio. The call is over all the same: its CDR is written, its hold and its channels are
//! free, and nothing is billed. A key ends the prompt, however the phone tells of it. How many are under way is bounded, of one account and in all; whoever finds no room is
//! answered at once. [`audio`] says what is described and played, [`dialog`] serves the caller meanwhile.

mod audio;
mod dialog;

use crate::{
    call::{Call, Stage},
    cause::Cause,
    decide::{CallFacts, Refusal},
    directory::{Account, signalling::Extension},
    leg::{
        Reach, Reliable,
        invite::Arrival,
        reliable::{Due, Said, Saying},
        session_draft,
    },
    media::{Body, Relay, Security, read_body},
    switch::{alarm, index::Facing, state::Core, timer::Timer},
};
use audio::Audio;
use bytes::Bytes;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use tandem_billing::AccountId;
use tandem_sdp::{PlayEnd, RelayCommand, RelayId, RelayReport, Side};
use tandem_sip::{Flow, dialog::Dialog, endpoint::ServerTxn, message::Draft, value::reason_phrase};

pub(crate) use dialog::request;

/// A prompt that is longer is cut off.
const LONGEST: Duration = Duration::from_secs(60);
/// A relay thread answers within milliseconds; this long means that it is gone.
const RELAY_OPEN: Duration = Duration::from_secs(2);
/// Of one account at once.
const MAX_OF_ACCOUNT: usize = 2;

/// Those under way.
#[derive(Default)]
pub(crate) struct Announcements {
    open: BTreeMap<RelayId, Box<Announcement>>,
    /// By the INVITE that waits for its answer.
    invites: HashMap<ServerTxn, RelayId>,
    /// By our own tag.
    tags: HashMap<String, RelayId>,
    of_account: BTreeMap<AccountId, usize>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listening {
    /// The relay is not open yet.
    Opening,
    /// The caller is told where to listen; its PRACK may be awaited.
    Told,
    /// The prompt is played.
    Playing,
}

/// One failed call whose caller still listens.
struct Announcement {
    invite: ServerTxn,
    flow: Flow,
    dialog: Dialog,
    account: AccountId,
    reliable: Reliable,
    audio: Audio,
    file: String,
    stage: Listening,
    answer: (u16, String),
    draft: Draft,
}

impl Announcements {
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn has_room(&self, account: AccountId, most: u32) -> bool {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let of_account = self.of_account.get(&account).copied().unwrap_or(0);
        self.open.len() < most && of_account < MAX_OF_ACCOUNT
    }

    fn add(&mut self, id: RelayId, announcement: Announcement) {
        *self.of_account.entry(announcement.account).or_default() += 1;
        self.invites.insert(announcement.invite, id);
        self.tags.insert(announcement.dialog.local_tag.clone(), id);
        self.open.insert(id, Box::new(announcement));
    }

    fn take(&mut self, id: RelayId) -> Option<Box<Announcement>> {
        let announcement = self.open.remove(&id)?;
        self.invites.remove(&announcement.invite);
        self.tags.remove(&announcement.dialog.local_tag);
        if let Some(count) = self.of_account.get_mut(&announcement.account) {
            *count -= 1;
            if *count == 0 {
                self.of_account.remove(&announcement.account);
            }
        }
        Some(announcement)
    }
}

/// The prompt for a cause, if there is one and room for it.
fn prompt(core: &Core, cause: &Cause, account: AccountId) -> Option<String> {
    let sounds = &core.directory.settings.media.sounds;
    let file = sounds.announcements.get(cause.code)?;
    let announcements = &core.loose.announcements;
    announcements
        .has_room(account, sounds.max_announcements)
        .then(|| file.clone())
}

/// Begins the announcement of a refused call, if there is one for the refusal and the caller can hear it. The INVITE
/// is answered at its end then.
pub(crate) fn begin(
    core: &mut Core,
    arrival: &Arrival<'_>,
    (account, facts): (&Account, &CallFacts),
    (refusal, draft): (&Refusal, &Draft),
) -> bool {
    let Some(file) = prompt(core, refusal.cause, account.id).filter(|_| facts.device.is_some())
    else {
        return false;
    };
    let directory = Arc::clone(&core.directory);
    let mut security = Security::new(core, account.srtp, arrival.flow, &directory.settings);
    let Body::Audio(mut offer) = read_body(arrival.message) else {
        return false;
    };
    if security.hear_offer(&mut offer).is_err() {
        return false;
    }
    let origin = core.new_origin(arrival.flow);
    let Some(audio) = Audio::new(*offer, security, origin) else {
        return false;
    };
    let tag = core.endpoint.new_tag();
    let (status, reason) = refusal.answer();
    let announcement = Announcement {
        invite: arrival.txn,
        flow: arrival.flow,
        dialog: Dialog::from_request(arrival.message, &tag),
        account: account.id,
        reliable: reliable(core, arrival, account.signalling.reliable),
        audio,
        file,
        stage: Listening::Opening,
        answer: (status, reason.to_owned()),
        draft: draft.clone(),
    };
    core.respond(arrival.txn, (100, "Trying"), "", Draft::new());
    open(core, announcement)
}

fn reliable(core: &mut Core, arrival: &Arrival<'_>, policy: Extension) -> Reliable {
    let first = u32::from(core.draw());
    Reliable::new(arrival.message, policy, first)
}

fn open(core: &mut Core, announcement: Announcement) -> bool {
    let Some(address) = core.media(announcement.flow.listener) else {
        return false;
    };
    let id = core.new_relay_id();
    core.loose.announcements.add(id, announcement);
    core.relay(RelayCommand::Open {
        id,
        a_local: address.local,
        b_local: address.local,
    });
    core.arm_in(Timer::Announcement(id), RELAY_OPEN);
    true
}

/// Takes the caller over from a call whose hunt has failed, if there is a prompt for the cause and the caller can hear
/// it: with the relay that it was told of, if it was. The INVITE is answered at its end then.
pub(crate) fn take_over(
    core: &mut Core,
    call: &mut Call,
    cause: &Cause,
    (status, reason): (u16, &str),
) -> bool {
    let account = call.who.account.id;
    let is_phone = call.stage == Stage::Hunting && call.caller.leg.reach == Reach::Symmetric;
    let (Some(invite), true, Some(file)) =
        (call.caller.invite, is_phone, prompt(core, cause, account))
    else {
        return false;
    };
    let described = call.caller.leg.described.clone();
    if described.is_some() && call.media.direct {
        return false;
    }
    let Some(mut audio) = Audio::of_call(call) else {
        return false;
    };
    let relay = match call.media.relay {
        Relay::Open { id, ports, .. } if core.index.facing(id) == Facing::Straight => {
            audio.port = ports.0;
            Some(id)
        }
        Relay::Unasked => None,
        Relay::Opening { .. } | Relay::Open { .. } | Relay::Closing { .. } | Relay::Closed => {
            return false;
        }
    };
    let leg = &call.caller.leg;
    let announcement = Announcement {
        invite,
        flow: leg.flow,
        dialog: leg.dialog.clone(),
        account,
        reliable: std::mem::replace(&mut call.caller.reliable, Reliable::none()),
        audio,
        file,
        stage: Listening::Opening,
        answer: (status, reason.to_owned()),
        draft: Draft::new(),
    };
    core.index.tags.remove(&leg.dialog.local_tag);
    match relay {
        None => open(core, announcement),
        Some(id) => {
            call.media.relay = Relay::Closed;
            core.index.relays.remove(&id);
            core.loose.announcements.add(id, announcement);
            audio::leave_target(core, id);
            if tell(core, id, described).is_none() {
                finish(core, id);
            }
            true
        }
    }
}

/// A report of a relay that no call has.
pub(crate) fn report(core: &mut Core, report: RelayReport) {
    let id = report.id();
    let Some(announcement) = core.loose.announcements.open.get_mut(&id) else {
        return;
    };
    match report {
        RelayReport::Opened { a_port, .. } => {
            announcement.audio.port = a_port;
            if tell(core, id, None).is_none() {
                finish(core, id);
            }
        }
        RelayReport::Refused { .. } | RelayReport::Closed { .. } => {
            answer(core, id);
        }
        RelayReport::Played { how, .. } if announcement.stage == Listening::Playing => {
            if let PlayEnd::Failed(reason) = how {
                alarm::unplayed(core, &reason);
            }
            finish(core, id);
        }
        RelayReport::Pressed { side: Side::A, .. } => pressed(core, id),
        RelayReport::Started { .. }
        | RelayReport::Played { .. }
        | RelayReport::Pressed { .. }
        | RelayReport::RecordingFailed { .. }
        | RelayReport::Inactive { .. }
        | RelayReport::Progress { .. } => {}
    }
}

/// 183 with our description: what the caller was told already, or one made now. The prompt follows once it is sure to
/// have come, if the caller can say so.
fn tell(core: &mut Core, id: RelayId, described: Option<Bytes>) -> Option<()> {
    let announcement = core.loose.announcements.open.get(&id)?;
    let flow = announcement.flow;
    let body = match described {
        Some(_) if announcement.reliable.agreed => None,
        Some(body) => Some(body),
        None => Some(audio::describe(core, id)?),
    };
    let draft = session_draft(core, flow, body);
    let now = core.now.mono;
    let announcement = announcement_mut(core, id)?;
    announcement.stage = Listening::Told;
    let waits = announcement.reliable.waits();
    let said = Said { status: 183, draft };
    match announcement.reliable.say(now, said) {
        Saying::Once(said) => {
            respond(core, id, said);
            audio::play(core, id)?;
        }
        Saying::Again(said, pause) => {
            respond(core, id, said);
            core.arm_in(Timer::Announcement(id), pause);
        }
        Saying::Later => {}
    }
    if waits {
        due(core, id);
    }
    Some(())
}

fn announcement_mut(core: &mut Core, id: RelayId) -> Option<&mut Announcement> {
    let open = &mut core.loose.announcements.open;
    open.get_mut(&id).map(|announcement| &mut **announcement)
}

fn respond(core: &mut Core, id: RelayId, Said { status, draft }: Said) {
    if let Some(announcement) = core.loose.announcements.open.get(&id) {
        let (invite, tag) = (announcement.invite, announcement.dialog.local_tag.clone());
        core.respond(invite, (status, reason_phrase(status)), &tag, draft);
    }
}

/// A PRACK is missing, or all has taken long enough.
pub(crate) fn due(core: &mut Core, id: RelayId) {
    let now = core.now.mono;
    let Some(announcement) = announcement_mut(core, id) else {
        return;
    };
    match announcement.reliable.due(now) {
        Due::Again(said, pause) => {
            respond(core, id, said);
            core.arm_in(Timer::Announcement(id), pause);
        }
        Due::Nothing | Due::Over => finish(core, id),
    }
}

/// The caller has pressed a key: it need not hear the rest.
fn pressed(core: &mut Core, id: RelayId) {
    let stage = announcement_mut(core, id).map(|announcement| announcement.stage);
    if stage == Some(Listening::Playing) {
        finish(core, id);
    }
}

/// It is over: the caller gets its final answer.
fn finish(core: &mut Core, id: RelayId) {
    if answer(core, id) {
        core.relay(RelayCommand::Close { id });
    }
}

fn answer(core: &mut Core, id: RelayId) -> bool {
    core.timers.disarm(Timer::Announcement(id));
    let Some(announcement) = core.loose.announcements.take(id) else {
        return false;
    };
    let (status, reason) = &announcement.answer;
    core.respond(
        announcement.invite,
        (*status, reason),
        &announcement.dialog.local_tag,
        announcement.draft,
    );
    true
}

/// The caller has heard enough.
pub(crate) fn cancelled(core: &mut Core, invite: ServerTxn) {
    if let Some(id) = core.loose.announcements.invites.get(&invite).copied() {
        give_up(core, id);
    }
}

fn give_up(core: &mut Core, id: RelayId) {
    if let Some(announcement) = announcement_mut(core, id) {
        announcement.answer = (487, "Request Terminated".to_owned());
        announcement.draft = Draft::new();
    }
    finish(core, id);
}

/// The switch stops.
pub(crate) fn finish_all(core: &mut Core) {
    while let Some((id, _)) = core.loose.announcements.open.first_key_value() {
        let id = *id;
        finish(core, id);
    }
}
