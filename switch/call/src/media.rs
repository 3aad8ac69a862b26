//! A call's audio: the relay it holds, and each side's description as the other side is shown it.
//!
//! Neither side ever sees an address of the other, unless both allow direct media: then the audio address
//! alone is passed on, under an origin of ours.

mod bargain;
pub(crate) mod carry;
mod listen;
pub(crate) mod play;
pub(crate) mod record;
mod round;
mod security;
pub(crate) mod video;

pub(crate) use bargain::{
    Spoken, Terms, adapt_answer, answer_for, begin, know_legs, release, settle, told_target,
};
pub(crate) use listen::note_audio;
pub(crate) use round::{Offer, ask, conclude, could_answer};
pub(crate) use security::{Said, Security, Ways};

use crate::{
    call::Call,
    leg::{Infos, Leg, Reach},
    switch::{state::Core, timer::Timer},
};
use bytes::Bytes;
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tandem_billing::cdr::MediaStats;
use tandem_sdp::{
    Direction, Dress, Medium, Protection, RelayCommand, RelayId, SessionDescription, Side,
    relay::{Counters, Latch},
    session::Origin,
};
use tandem_sip::{Flow, Message};

/// A relay thread answers within milliseconds; this long means that it is gone.
const RELAY_OPEN: Duration = Duration::from_secs(2);
/// The CDR does not wait longer for the last counters.
const RELAY_CLOSE: Duration = Duration::from_secs(1);

/// The relay of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relay {
    /// None was asked for yet.
    Unasked,
    /// Asked for.
    Opening { id: RelayId, b_local: IpAddr },
    /// Its ports, A and B side.
    Open {
        id: RelayId,
        b_local: IpAddr,
        ports: (u16, u16),
    },
    /// Given back; its last counters are awaited.
    Closing { id: RelayId },
    /// Gone.
    Closed,
}

/// The audio of one call.
#[derive(Debug)]
pub(crate) struct CallMedia {
    pub(crate) relay: Relay,
    /// Of its video.
    pub(crate) video: Relay,
    /// A relay was told that a side is not plain: it must be told when one is again.
    pub(crate) wrapped: bool,
    /// The target being tried exchanges audio with the caller directly.
    pub(crate) direct: bool,
    /// The caller's offer, until it is answered; None if its INVITE had none.
    pub(crate) offer: Option<SessionDescription>,
    /// An offer one side made when it was asked to, until the asker has answered it.
    pub(crate) asked: Option<Box<SessionDescription>>,
    /// Agreed on the A and on the B leg.
    pub(crate) codec: Option<String>,
    pub(crate) codec_b: Option<String>,
    /// What the caller and the target being tried may speak.
    pub(crate) terms: Terms,
    pub(crate) spoken: Spoken,
    /// Digits on their way to the A and to the B side.
    pub(crate) infos: (Infos, Infos),
    pub(crate) held: bool,
    pub(crate) recording: record::Recording,
    pub(crate) sounds: play::Sounds,
    pub(crate) counters: (Counters, Counters),
    /// What they were when the relay came from another call.
    pub(crate) counted: (Counters, Counters),
    pub(crate) unheard: listen::Unheard,
}

impl CallMedia {
    pub(crate) fn new(offer: Option<SessionDescription>) -> Self {
        Self {
            relay: Relay::Unasked,
            video: Relay::Unasked,
            wrapped: false,
            direct: false,
            offer,
            asked: None,
            codec: None,
            codec_b: None,
            terms: Terms::default(),
            spoken: Spoken::default(),
            infos: (Infos::default(), Infos::default()),
            held: false,
            recording: record::Recording::default(),
            sounds: play::Sounds::default(),
            counters: (Counters::default(), Counters::default()),
            counted: (Counters::default(), Counters::default()),
            unheard: listen::Unheard::default(),
        }
    }

    /// Both sides' audio for CDR and monitor.
    pub(crate) fn stats(&self) -> (MediaStats, MediaStats) {
        let (a, b) = (
            &self.counters.0.since(&self.counted.0),
            &self.counters.1.since(&self.counted.1),
        );
        let name = |codec: &Option<String>| codec.clone().unwrap_or_default();
        let (codec_a, codec_b) = (name(&self.codec), name(&self.codec_b));
        let mut stats = (listen::stats(&codec_a, a, b), listen::stats(&codec_b, b, a));
        (stats.0.unheard_s, stats.1.unheard_s) = self.unheard.longest_s();
        stats
    }
}

/// What a body holds.
pub(crate) enum Body {
    /// No body: an offer is asked for, or the answer came before.
    None,
    /// A description with live or held audio.
    Audio(Box<SessionDescription>),
    /// Something else, or nothing readable.
    Unfit,
}

/// Reads the description of a message.
pub(crate) fn read_body(message: &Message) -> Body {
    if message.body().is_empty() {
        return Body::None;
    }
    if message
        .content_type()
        .is_some_and(|kind| kind != "application/sdp")
    {
        return Body::Unfit;
    }
    match SessionDescription::parse(message.body()) {
        Ok(sdp) if sdp.audio_target().is_some() => Body::Audio(Box::new(sdp)),
        Ok(_) | Err(_) => Body::Unfit,
    }
}

/// Codec names for the decision, telephone-event and comfort noise left out.
pub(crate) fn codec_names(sdp: &SessionDescription) -> Vec<String> {
    sdp.codecs()
        .into_iter()
        .filter(|codec| !codec.is_auxiliary())
        .map(|codec| codec.name)
        .collect()
}

/// Whether a target can be offered audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// Now.
    Yes,
    /// When the relay has opened.
    Wait,
    /// Not over this listener.
    Never,
}

/// Sees to a relay between the caller and a target reached over `b_flow`.
pub(crate) fn prepare(core: &mut Core, call: &mut Call, b_flow: Flow) -> Ready {
    let (Some(a), Some(b)) = (
        core.media(call.caller.leg.flow.listener),
        core.media(b_flow.listener),
    ) else {
        return Ready::Never;
    };
    match call.media.relay {
        Relay::Unasked => {}
        Relay::Opening { b_local, .. } if b_local == b.local => return Ready::Wait,
        Relay::Open { b_local, .. } if b_local == b.local => return Ready::Yes,
        // The caller was told an address of this relay: it cannot move any more.
        Relay::Opening { .. } | Relay::Open { .. } if call.marks.early_media => {
            return Ready::Never;
        }
        Relay::Opening { id, .. } | Relay::Open { id, .. } => {
            core.index.relays.remove(&id);
            core.relay(RelayCommand::Close { id });
        }
        Relay::Closing { .. } | Relay::Closed => return Ready::Never,
    }
    video::prepare(core, call, (a.local, b.local));
    let id = core.new_relay_id();
    call.media.relay = Relay::Opening {
        id,
        b_local: b.local,
    };
    core.index.open(id, call.id);
    core.relay(RelayCommand::Open {
        id,
        a_local: a.local,
        b_local: b.local,
    });
    core.arm_in(Timer::RelayOpen(call.id), RELAY_OPEN);
    Ready::Wait
}

/// A leg came over to a side where one of listener `before` was: whether the relay takes its packets there, or
/// another one is opened.
pub(crate) fn adopt(core: &mut Core, call: &mut Call, side: Side, before: Option<u16>) -> Ready {
    if call.media.direct {
        return Ready::Yes;
    }
    let (Some(now), Some(b_flow)) = (
        call.leg(side).map(|leg| leg.flow.listener),
        call.callee.as_ref().map(|leg| leg.flow),
    ) else {
        return Ready::Never;
    };
    let local = |listener| core.media(listener).map(|media| media.local);
    let same = before.and_then(local) == local(now);
    match call.media.relay {
        Relay::Open { .. } if same => return Ready::Yes,
        Relay::Opening { .. } | Relay::Open { .. } => drop_relay(core, call),
        Relay::Unasked | Relay::Closed => {}
        Relay::Closing { .. } => return Ready::Never,
    }
    call.media.relay = Relay::Unasked;
    prepare(core, call, b_flow)
}

/// The relay makes room for another one; what it says at its end finds nobody.
fn drop_relay(core: &mut Core, call: &mut Call) {
    video::close(core, call);
    match call.media.relay {
        Relay::Opening { id, .. } | Relay::Open { id, .. } => {
            core.index.relays.remove(&id);
            core.relay(RelayCommand::Close { id });
            call.media.relay = Relay::Unasked;
        }
        Relay::Unasked | Relay::Closing { .. } | Relay::Closed => {}
    }
}

/// Whether the audio has its relay.
pub(crate) fn is_open(call: &Call) -> bool {
    matches!(call.media.relay, Relay::Open { .. })
}

/// The relay's ports came.
pub(crate) fn opened(core: &mut Core, call: &mut Call, ports: (u16, u16)) {
    if !video::is_opening(call) {
        core.timers.disarm(Timer::RelayOpen(call.id));
    }
    if let Relay::Opening { id, b_local } = call.media.relay {
        call.media.relay = Relay::Open { id, b_local, ports };
        call.media.spoken.untold();
        learn_offer(core, call);
    }
}

/// The caller's offer was heard when it came; the relay could not be told yet.
fn learn_offer(core: &mut Core, call: &mut Call) {
    call.media.wrapped = false;
    // The party a call is placed for has its audio elsewhere until it comes over.
    if call.links.serves.is_some() {
        return;
    }
    let Some(offer) = call.media.offer.take() else {
        return;
    };
    let leg = &call.caller.leg;
    let (signalling, transport) = (leg.flow.remote.ip(), leg.security.transport());
    learn(core, call, Side::A, &offer, (signalling, transport));
    call.media.offer = Some(offer);
}

/// A leg's peer described its audio: keys are agreed on, and the relay is told. None if they cannot be; nothing
/// has changed then.
pub(crate) fn hear(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    said: Said,
    sdp: &SessionDescription,
) -> Option<()> {
    let leg = call.leg_mut(side)?;
    leg.security.hear(said, sdp).ok()?;
    leg.heard = Some(sdp.to_bytes().into());
    leg.says = sdp.direction();
    let (signalling, transport) = (leg.flow.remote.ip(), leg.security.transport());
    learn(core, call, side, sdp, (signalling, transport));
    Some(())
}

/// Whether a leg could agree to an offer of its peer, which is cut down to what it could.
pub(crate) fn could_hear(call: &Call, side: Side, offer: &mut SessionDescription) -> bool {
    call.leg(side)
        .is_some_and(|leg| leg.security.clone().hear_offer(offer).is_ok())
}

/// The relay is told where a side takes audio and how its packets travel. `way`: where its signalling comes
/// from, and what its leg agreed on.
pub(crate) fn learn(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    sdp: &SessionDescription,
    (signalling, ways): (IpAddr, Ways),
) {
    call.media.spoken.of_mut(side).theirs = sdp.codecs();
    call.media.spoken.fax = sdp.is_fax();
    video::learn(core, call, side, sdp, (signalling, ways.video));
    let Relay::Open { id, .. } = call.media.relay else {
        return;
    };
    let (protection, rtcp_mux) = ways.audio;
    if call.media.wrapped || rtcp_mux || protection != Protection::Plain {
        call.media.wrapped = true;
        core.relay(RelayCommand::SetTransport {
            id,
            side,
            protection,
            rtcp_mux,
        });
    }
    let (Some(rtp), Some(rtcp)) = (sdp.audio_target(), sdp.rtcp_target()) else {
        return;
    };
    core.relay(RelayCommand::SetTarget {
        id,
        side,
        rtp,
        rtcp,
        latch: latch_of(call, side, rtp.ip(), signalling),
        signalling,
    });
}

/// Gateways and customers known by their address are held to the address they name; a phone may be behind NAT.
fn latch_of(call: &Call, side: Side, target: IpAddr, signalling: IpAddr) -> Latch {
    let is_trunk = match side {
        Side::A => call.caller.leg.reach == Reach::Contact,
        Side::B => match (&call.callee, &call.target) {
            (Some(leg), _) => leg.reach == Reach::Contact,
            (None, target) => target
                .as_ref()
                .is_some_and(|target| target.gateway.is_some()),
        },
    };
    if is_trunk {
        Latch::of_trunk(target, signalling)
    } else {
        Latch::FirstPacket
    }
}

/// The call is on hold while either side does not both send and take audio.
pub(crate) fn note_direction(core: &mut Core, call: &mut Call, direction: Direction) {
    let held = match direction {
        Direction::SendRecv => false,
        Direction::SendOnly | Direction::RecvOnly | Direction::Inactive => true,
    };
    if held == call.media.held {
        return;
    }
    call.media.held = held;
    if let Relay::Open { id, .. } = call.media.relay {
        core.relay(RelayCommand::SetHold { id, held });
    }
}

/// Where the peer of `side` is told to send: our port there, or the other side itself.
fn audio_address(
    core: &Core,
    call: &Call,
    side: Side,
    listener: u16,
    sdp: &SessionDescription,
) -> Option<SocketAddr> {
    if call.media.direct {
        return sdp.audio_target();
    }
    let Relay::Open { ports, .. } = call.media.relay else {
        return None;
    };
    let port = match side {
        Side::A => ports.0,
        Side::B => ports.1,
    };
    Some(SocketAddr::new(core.media(listener)?.advertised, port))
}

/// The caller's offer as a target is sent it; `Err` if they have no codec in common or its keys must not travel
/// so, `Ok(None)` if the caller made no offer.
pub(crate) fn offer_for(
    core: &Core,
    call: &Call,
    (flow, security): (Flow, &Security),
    origin: Origin,
    terms: &Terms,
) -> Result<Option<Bytes>, &'static str> {
    let Some(offer) = &call.media.offer else {
        // It will be asked for an offer, and answered: its keys must be fit to travel.
        security.dress(Medium::Audio, Said::Offer)?;
        return Ok(None);
    };
    let mut sdp = offer.clone();
    let dress = security.dress_of(Said::Offer, &sdp)?;
    if !terms.adapt_offer(Side::B, &mut sdp) {
        return Err("no codec in common");
    }
    let address =
        audio_address(core, call, Side::B, flow.listener, &sdp).ok_or("no audio address")?;
    let place = (Side::B, flow.listener, security);
    let video = video::place(core, call, place, (Said::Offer, &sdp));
    Shown {
        address,
        dress,
        video,
    }
    .print(&mut sdp, origin);
    Ok(Some(sdp.to_bytes().into()))
}

/// A description as a called side that has not answered is shown it, in answer to an offer of its own.
pub(crate) fn early_body(
    core: &Core,
    call: &Call,
    (flow, origin): (Flow, Origin),
    security: &Security,
    sdp: &SessionDescription,
) -> Option<Bytes> {
    let dress = security.dress_of(Said::Answer, sdp).ok()?;
    let address = audio_address(core, call, Side::B, flow.listener, sdp)?;
    let mut sdp = sdp.clone();
    let place = (Side::B, flow.listener, security);
    let video = video::place(core, call, place, (Said::Answer, &sdp));
    Shown {
        address,
        dress,
        video,
    }
    .print(&mut sdp, origin);
    Some(sdp.to_bytes().into())
}

/// A description of one side as the leg `to` is shown it, as an offer or answer of ours. None if there is no
/// relay for it, or no way to protect it.
pub(crate) fn body_for(
    core: &Core,
    call: &mut Call,
    to: Side,
    said: Said,
    sdp: &SessionDescription,
) -> Option<Bytes> {
    let leg = call.leg(to)?;
    let dress = leg.security.dress_of(said, sdp).ok()?;
    let address = audio_address(core, call, to, leg.flow.listener, sdp)?;
    let place = (to, leg.flow.listener, &leg.security);
    let video = video::place(core, call, place, (said, sdp));
    call.media.spoken.of_mut(to).ours = sdp.codecs();
    let shown = Shown {
        address,
        dress,
        video,
    };
    call.leg_mut(to).map(|leg| write_body(leg, sdp, &shown))
}

/// What a description of one side becomes on its way to the other.
struct Shown {
    address: SocketAddr,
    /// None: fax wears nothing.
    dress: Option<Dress>,
    /// None: its video is rejected.
    video: Option<(SocketAddr, Dress)>,
}

impl Shown {
    fn print(&self, sdp: &mut SessionDescription, origin: Origin) {
        let video = self.video.as_ref();
        sdp.rewrite(self.address, video.map(|(address, _)| *address), origin);
        if let Some(dress) = &self.dress {
            sdp.dress(Medium::Audio, dress);
        }
        if let Some((_, dress)) = video {
            sdp.dress(Medium::Video, dress);
        }
    }
}

/// The version in o= rises with each change and only then (RFC 3264 section 8).
fn write_body(leg: &mut Leg, sdp: &SessionDescription, shown: &Shown) -> Bytes {
    let print = |origin| {
        let mut sdp = sdp.clone();
        shown.print(&mut sdp, origin);
        Bytes::from(sdp.to_bytes())
    };
    let mut body = print(leg.origin);
    if leg.described.as_ref().is_some_and(|before| *before != body) {
        leg.origin.version += 1;
        body = print(leg.origin);
    }
    leg.described = Some(body.clone());
    body
}

/// Gives the relay back. True if its last counters are still to come.
pub(crate) fn close(core: &mut Core, call: &mut Call) -> bool {
    release(core, call);
    record::close(call);
    video::close(core, call);
    core.timers.disarm(Timer::RelayOpen(call.id));
    match call.media.relay {
        Relay::Opening { id, .. } | Relay::Open { id, .. } => {
            call.media.relay = Relay::Closing { id };
            core.relay(RelayCommand::Close { id });
            core.arm_in(Timer::RelayClose(call.id), RELAY_CLOSE);
            true
        }
        Relay::Closing { .. } => true,
        Relay::Unasked | Relay::Closed => false,
    }
}

/// The relay is gone, with or without its last counters.
pub(crate) fn closed(core: &mut Core, call: &mut Call, counters: Option<(Counters, Counters)>) {
    core.timers.disarm(Timer::RelayClose(call.id));
    core.timers.disarm(Timer::RelayOpen(call.id));
    match call.media.relay {
        Relay::Opening { id, .. } | Relay::Open { id, .. } | Relay::Closing { id } => {
            core.index.relays.remove(&id);
        }
        Relay::Unasked | Relay::Closed => {}
    }
    call.media.relay = Relay::Closed;
    if let Some(counters) = counters {
        note_audio(core, call, counters);
    }
}
