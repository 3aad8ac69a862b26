//! A call's audio: the relay it holds, and each side's description as the other side is shown it.
//!
//! Neither side ever sees an address of the other, unless both allow direct media: then the audio address
//! alone is passed on, under an origin of ours.

use crate::{
    call::Call,
    leg::{Leg, Reach},
    switch::{state::Core, timer::Timer},
};
use bytes::Bytes;
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tandem_billing::cdr::MediaStats;
use tandem_sdp::{
    Direction, RelayCommand, RelayId, SessionDescription, Side,
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
    /// The target being tried exchanges audio with the caller directly.
    pub(crate) direct: bool,
    /// The caller's offer, until it is answered; None if its INVITE had none.
    pub(crate) offer: Option<SessionDescription>,
    pub(crate) codec: Option<String>,
    /// Codec names both sides' settings allow; empty allows all.
    pub(crate) allowed: Vec<String>,
    pub(crate) held: bool,
    pub(crate) counters: (Counters, Counters),
}

impl CallMedia {
    pub(crate) fn new(offer: Option<SessionDescription>) -> Self {
        Self {
            relay: Relay::Unasked,
            direct: false,
            offer,
            codec: None,
            allowed: Vec::new(),
            held: false,
            counters: (Counters::default(), Counters::default()),
        }
    }

    pub(crate) fn stats(&self) -> (MediaStats, MediaStats) {
        let stats = |c: Counters| MediaStats {
            packets: c.packets,
            bytes: c.bytes,
            lost: c.lost,
            jitter_us: c.jitter_us,
        };
        (stats(self.counters.0), stats(self.counters.1))
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
    let id = core.new_relay_id();
    call.media.relay = Relay::Opening {
        id,
        b_local: b.local,
    };
    core.index.relays.insert(id, call.id);
    core.relay(RelayCommand::Open {
        id,
        a_local: a.local,
        b_local: b.local,
    });
    core.arm_in(Timer::RelayOpen(call.id), RELAY_OPEN);
    Ready::Wait
}

/// The relay's ports came.
pub(crate) fn opened(core: &mut Core, call: &mut Call, ports: (u16, u16)) {
    core.timers.disarm(Timer::RelayOpen(call.id));
    if let Relay::Opening { id, b_local } = call.media.relay {
        call.media.relay = Relay::Open { id, b_local, ports };
        learn_offer(core, call);
    }
}

fn learn_offer(core: &mut Core, call: &Call) {
    if let Some(offer) = &call.media.offer {
        learn(core, call, Side::A, offer, call.caller.leg.flow.remote.ip());
    }
}

/// A side said where it takes audio: the relay is told.
pub(crate) fn learn(
    core: &mut Core,
    call: &Call,
    side: Side,
    sdp: &SessionDescription,
    signalling: IpAddr,
) {
    let Relay::Open { id, .. } = call.media.relay else {
        return;
    };
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
        Side::B => call
            .target
            .as_ref()
            .is_some_and(|target| target.gateway.is_some()),
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

/// The caller's offer as a target is sent it; `Err` if they have no codec in common, `Ok(None)` if the
/// caller made no offer.
pub(crate) fn offer_for(
    core: &Core,
    call: &Call,
    flow: Flow,
    origin: Origin,
    codecs: &[String],
) -> Result<Option<Bytes>, &'static str> {
    let Some(offer) = &call.media.offer else {
        return Ok(None);
    };
    let mut sdp = offer.clone();
    if !codecs.is_empty() && !sdp.restrict_codecs(codecs) {
        return Err("no codec in common");
    }
    let address =
        audio_address(core, call, Side::B, flow.listener, &sdp).ok_or("no audio address")?;
    sdp.rewrite(address, origin);
    Ok(Some(sdp.to_bytes().into()))
}

/// A description as a called side that has not answered is shown it.
pub(crate) fn early_body(
    core: &Core,
    call: &Call,
    (flow, origin): (Flow, Origin),
    sdp: &SessionDescription,
) -> Option<Bytes> {
    let address = audio_address(core, call, Side::B, flow.listener, sdp)?;
    let mut sdp = sdp.clone();
    sdp.rewrite(address, origin);
    Some(sdp.to_bytes().into())
}

/// A description of one side as the leg `to` is shown it. None if there is no relay for it.
pub(crate) fn body_for(
    core: &Core,
    call: &mut Call,
    to: Side,
    sdp: &SessionDescription,
) -> Option<Bytes> {
    let listener = call.leg(to)?.flow.listener;
    let address = audio_address(core, call, to, listener, sdp)?;
    call.leg_mut(to).map(|leg| write_body(leg, sdp, address))
}

/// The version in o= rises with each change and only then (RFC 3264 section 8).
fn write_body(leg: &mut Leg, sdp: &SessionDescription, address: SocketAddr) -> Bytes {
    let print = |origin| {
        let mut sdp = sdp.clone();
        sdp.rewrite(address, origin);
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
        call.media.counters = counters;
    }
}
