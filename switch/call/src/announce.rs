//! A refused caller hears why, before it is told by its final answer: for causes that the operator has a prompt for.
//!
//! Only phones that have proved themselves by digest hear one: nobody else can be sure to get what he asked for and no
//! stranger's address is sent audio. The call is refused all the same, its CDR is written when it is, and nothing is
//! billed. How many are under way is bounded, of one account and in all; whoever finds no room is refused at once.

use crate::{
    decide::{CallFacts, Refusal},
    directory::{Account, signalling::Extension},
    leg::{
        invite::Arrival,
        session::{self},
        session_draft,
    },
    media::{self, Body, Said, Security},
    switch::{alarm, state::Core, timer::Timer},
};
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tandem_billing::AccountId;
use tandem_sdp::{
    Codec, Latch, Medium, PlayEnd, PlayOrder, Protection, RelayCommand, RelayId, RelayReport,
    SessionDescription, Side, Sound,
    convert::Format,
    play::{Talk, Until},
};
use tandem_sip::{
    Flow,
    endpoint::ServerTxn,
    message::{Draft, HeaderId},
};

/// A prompt that is longer is cut off.
const LONGEST: Duration = Duration::from_secs(60);
/// Of one account at once.
const MAX_OF_ACCOUNT: usize = 2;

/// Those under way.
#[derive(Default)]
pub(crate) struct Announcements {
    open: BTreeMap<RelayId, Box<Announcement>>,
    /// By the INVITE that waits for its answer.
    invites: HashMap<ServerTxn, RelayId>,
    of_account: BTreeMap<AccountId, usize>,
}

/// One refused call whose caller still listens.
struct Announcement {
    invite: ServerTxn,
    flow: Flow,
    tag: String,
    account: AccountId,
    offer: SessionDescription,
    codec: (Codec, Format),
    security: Security,
    file: String,
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
        self.open.insert(id, Box::new(announcement));
    }

    fn take(&mut self, id: RelayId) -> Option<Box<Announcement>> {
        let announcement = self.open.remove(&id)?;
        self.invites.remove(&announcement.invite);
        if let Some(count) = self.of_account.get_mut(&announcement.account) {
            *count -= 1;
            if *count == 0 {
                self.of_account.remove(&announcement.account);
            }
        }
        Some(announcement)
    }
}

/// Begins an announcement, if there is one for the refusal and the caller can hear it. The INVITE is answered at its
/// end then.
pub(crate) fn begin(
    core: &mut Core,
    arrival: &Arrival<'_>,
    (account, facts): (&Account, &CallFacts),
    (refusal, draft): (&Refusal, &Draft),
) -> bool {
    let directory = Arc::clone(&core.directory);
    let sounds = &directory.settings.media.sounds;
    let Some(file) = sounds.announcements.get(refusal.cause.code) else {
        return false;
    };
    let unreliable = account.signalling.reliable != Extension::Required
        && !session::names(arrival.message, HeaderId::Require, "100rel");
    let room = core
        .loose
        .announcements
        .has_room(account.id, sounds.max_announcements);
    let (true, Some(_), Some(address)) = (
        room && unreliable,
        &facts.device,
        core.media(arrival.flow.listener),
    ) else {
        return false;
    };
    let mut security = Security::new(core, account.srtp, arrival.flow, &directory.settings);
    let Some((offer, codec)) = audible(arrival, &mut security) else {
        return false;
    };
    let (status, reason) = refusal.answer();
    let announcement = Announcement {
        invite: arrival.txn,
        flow: arrival.flow,
        tag: core.endpoint.new_tag(),
        account: account.id,
        offer,
        codec,
        security,
        file: file.clone(),
        answer: (status, reason.to_owned()),
        draft: draft.clone(),
    };
    core.respond(arrival.txn, (100, "Trying"), "", Draft::new());
    let id = core.new_relay_id();
    core.loose.announcements.add(id, announcement);
    core.relay(RelayCommand::Open {
        id,
        a_local: address.local,
        b_local: address.local,
    });
    core.arm_in(Timer::Announcement(id), LONGEST);
    true
}

/// The caller's offer, if it takes audio that the switch can make.
fn audible(
    arrival: &Arrival<'_>,
    security: &mut Security,
) -> Option<(SessionDescription, (Codec, Format))> {
    let Body::Audio(mut offer) = media::read_body(arrival.message) else {
        return None;
    };
    security.hear_offer(&mut offer).ok()?;
    let codec = offer
        .codecs()
        .into_iter()
        .find_map(|codec| Format::of(&codec).map(|format| (codec, format)))?;
    (offer.direction().receives() && !offer.is_fax()).then_some((*offer, codec))
}

/// A report of a relay that no call has.
pub(crate) fn report(core: &mut Core, report: RelayReport) {
    let id = report.id();
    if !core.loose.announcements.open.contains_key(&id) {
        return;
    }
    match report {
        RelayReport::Opened { a_port, .. } => {
            if play(core, id, a_port).is_none() {
                finish(core, id);
            }
        }
        RelayReport::Refused { .. } | RelayReport::Closed { .. } => {
            answer(core, id);
        }
        RelayReport::Played { how, .. } => {
            if let PlayEnd::Failed(reason) = how {
                alarm::unplayed(core, &reason);
            }
            finish(core, id);
        }
        RelayReport::Started { .. }
        | RelayReport::Pressed { .. }
        | RelayReport::RecordingFailed { .. }
        | RelayReport::Inactive { .. }
        | RelayReport::Progress { .. } => {}
    }
}

/// 183 with our description, and the prompt.
fn play(core: &mut Core, id: RelayId, port: u16) -> Option<()> {
    let announcement = core.loose.announcements.open.get(&id)?;
    let flow = announcement.flow;
    let (codec, format) = announcement.codec.clone();
    let offer = &announcement.offer;
    let (rtp, rtcp) = (offer.audio_target()?, offer.rtcp_target()?);
    let (protection, rtcp_mux) = announcement.security.transport().audio;
    let order = PlayOrder {
        sound: Sound::File(announcement.file.clone()),
        until: Until::End,
        talk: Talk::Silenced,
        codec: (codec.payload_type, format),
        events: Vec::new(),
    };
    let (invite, tag) = (announcement.invite, announcement.tag.clone());
    let mut sdp = offer.clone();
    let dress = announcement.security.dress_of(Said::Answer, &sdp).ok()?;
    sdp.set_codecs(std::slice::from_ref(&codec));
    sdp.set_direction(offer.direction().reversed());
    let origin = core.new_origin(flow);
    let address = SocketAddr::new(core.media(flow.listener)?.advertised, port);
    sdp.rewrite(address, None, origin);
    if let Some(dress) = &dress {
        sdp.dress(Medium::Audio, dress);
    }
    let draft = session_draft(core, flow, Some(sdp.to_bytes().into()));
    core.respond(invite, (183, "Session Progress"), &tag, draft);
    let side = Side::A;
    if rtcp_mux || protection != Protection::Plain {
        core.relay(RelayCommand::SetTransport {
            id,
            side,
            protection,
            rtcp_mux,
        });
    }
    core.relay(RelayCommand::SetTarget {
        id,
        side,
        rtp,
        rtcp,
        latch: Latch::FirstPacket,
        signalling: flow.remote.ip(),
    });
    core.relay(RelayCommand::Play {
        id,
        side,
        order: Box::new(order),
    });
    Some(())
}

/// It is over, or takes too long: the caller gets its final answer.
pub(crate) fn finish(core: &mut Core, id: RelayId) {
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
        &announcement.tag,
        announcement.draft,
    );
    true
}

/// The caller has heard enough.
pub(crate) fn cancelled(core: &mut Core, invite: ServerTxn) {
    let announcements = &mut core.loose.announcements;
    let Some(id) = announcements.invites.get(&invite).copied() else {
        return;
    };
    if let Some(announcement) = announcements.open.get_mut(&id) {
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
