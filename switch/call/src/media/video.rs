//! A call's video: a relay of its own beside the audio's, where caller and operator want it, each leg's packets
//! protected as that leg has agreed for video.
//!
//! It is asked for with the audio's for the caller's first offer, or when a change within the call brings video up,
//! and given back when an answer has none. Where its relay has no ports video is rejected: a call never fails for want
//! of pictures.

use super::{RELAY_OPEN, Relay, Said, Security, latch_of};
use crate::{
    call::Call,
    leg::Leg,
    switch::{state::Core, timer::Timer},
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tandem_sdp::{
    Dress, Protection, RelayCommand, RelayId, RelayReport, SessionDescription, Side, Stream,
};

/// Asks for a relay, if the caller offers video.
pub(super) fn prepare(core: &mut Core, call: &mut Call, (a_local, b_local): (IpAddr, IpAddr)) {
    close(core, call);
    let offered = call
        .media
        .offer
        .as_ref()
        .and_then(SessionDescription::video_target);
    if offered.is_some() {
        open(core, call, (a_local, b_local));
    }
}

fn open(core: &mut Core, call: &mut Call, (a_local, b_local): (IpAddr, IpAddr)) {
    if !call.directory.settings.media.pass_video {
        return;
    }
    let id = core.new_relay_id();
    call.media.video = Relay::Opening { id, b_local };
    core.index.open(id, call.id);
    core.relay(RelayCommand::Open {
        id,
        a_local,
        b_local,
    });
}

/// Gives the relay back; its last report finds nobody.
pub(super) fn close(core: &mut Core, call: &mut Call) {
    match call.media.video {
        Relay::Opening { id, .. } | Relay::Open { id, .. } => {
            core.index.relays.remove(&id);
            core.relay(RelayCommand::Close { id });
        }
        Relay::Unasked | Relay::Closing { .. } | Relay::Closed => {}
    }
    call.media.video = Relay::Unasked;
}

/// A side offers video in a call that has none: whether ports for it are on their way.
pub(crate) fn bring_up(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    mut offer: SessionDescription,
) -> bool {
    let local = |leg: &Leg| core.media(leg.flow.listener).map(|media| media.local);
    let Some(callee) = call.callee.as_ref() else {
        return false;
    };
    let caller = &call.caller.leg;
    let (Some(a), Some(b)) = (local(caller), local(callee)) else {
        return false;
    };
    let has_way = super::is_open(call) && !call.media.direct && call.media.video == Relay::Unasked;
    let fits = has_way && super::could_hear(call, side, &mut offer);
    if !fits || offer.video_target().is_none() {
        return false;
    }
    open(core, call, (a, b));
    let coming = is_opening(call);
    if coming {
        core.arm_in(Timer::RelayOpen(call.id), RELAY_OPEN);
    }
    coming
}

/// A round is over: ports that are not wanted are free again.
pub(crate) fn settle(core: &mut Core, call: &mut Call) {
    let shows = |leg: &Leg| {
        let target = leg.heard().and_then(|sdp| sdp.video_target());
        target.is_some() && leg.security.has_video()
    };
    let wanted = shows(&call.caller.leg) && call.callee.as_ref().is_some_and(shows);
    if !wanted {
        close(core, call);
        let legs = [Some(&mut call.caller.leg), call.callee.as_mut()];
        for leg in legs.into_iter().flatten() {
            leg.security.forget_video();
        }
    }
}

/// Its ports did not come in time: the call goes on without. False if they are not what is awaited.
pub(crate) fn give_up(core: &mut Core, call: &mut Call) -> bool {
    let awaited = is_opening(call) && super::is_open(call);
    if awaited {
        close(core, call);
    }
    awaited
}

/// Whether its ports are still awaited.
pub(crate) fn is_opening(call: &Call) -> bool {
    matches!(call.media.video, Relay::Opening { .. })
}

/// Whether a relay is the video's.
pub(crate) fn is_its(call: &Call, relay: RelayId) -> bool {
    match call.media.video {
        Relay::Opening { id, .. } | Relay::Open { id, .. } => id == relay,
        Relay::Unasked | Relay::Closing { .. } | Relay::Closed => false,
    }
}

/// A report of its relay.
pub(crate) fn report(core: &mut Core, call: &mut Call, report: &RelayReport) {
    match (report, call.media.video) {
        (RelayReport::Opened { a_port, b_port, .. }, Relay::Opening { id, b_local }) => {
            call.media.video = Relay::Open {
                id,
                b_local,
                ports: (*a_port, *b_port),
            };
            core.relay(RelayCommand::SetStream {
                id,
                stream: Stream::Video,
            });
            learn_offer(core, call);
        }
        (RelayReport::Refused { id, .. } | RelayReport::Closed { id, .. }, _) => {
            core.index.relays.remove(id);
            call.media.video = Relay::Unasked;
        }
        // Whoever only sends pictures, or shows none, is still there by the audio.
        (
            RelayReport::Opened { .. }
            | RelayReport::Started { .. }
            | RelayReport::Pressed { .. }
            | RelayReport::Played { .. }
            | RelayReport::RecordingFailed { .. }
            | RelayReport::Inactive { .. }
            | RelayReport::Progress { .. },
            _,
        ) => {}
    }
}

/// The caller's first offer was heard when it came, and the audio's relay may have opened before this one.
fn learn_offer(core: &mut Core, call: &mut Call) {
    if call.links.serves.is_some() || call.callee.is_some() {
        return;
    }
    let Some(offer) = call.media.offer.take() else {
        return;
    };
    let leg = &call.caller.leg;
    let way = (leg.flow.remote.ip(), leg.security.transport().video);
    learn(core, call, Side::A, &offer, way);
    call.media.offer = Some(offer);
}

/// The relay is told where a side takes video now.
pub(super) fn learn(
    core: &mut Core,
    call: &Call,
    side: Side,
    sdp: &SessionDescription,
    (signalling, way): (IpAddr, Option<(Protection, bool)>),
) {
    let Relay::Open { id, .. } = call.media.video else {
        return;
    };
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let target = sdp.video_target().filter(|_| way.is_some());
    let (rtp, rtcp) = target.unwrap_or((nowhere, nowhere));
    if let Some((protection, rtcp_mux)) = way {
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
        latch: latch_of(call, side, rtp.ip(), signalling),
        signalling,
    });
}

/// Where the peer of a side is told to send its video, and what its line says; None rejects it. `security`: that
/// side's, or what it would be.
pub(super) fn place(
    core: &Core,
    call: &Call,
    (side, listener, security): (Side, u16, &Security),
    (said, sdp): (Said, &SessionDescription),
) -> Option<(SocketAddr, Dress)> {
    let (target, _) = sdp.video_target()?;
    let across = call.leg(side.other());
    // An offer is cut down before it is heard.
    if said == Said::Answer && !across.is_none_or(|leg| leg.security.has_video()) {
        return None;
    }
    let dress = security.video_dress(said, sdp)?;
    if call.media.direct {
        return Some((target, dress));
    }
    let Relay::Open { ports, .. } = call.media.video else {
        return None;
    };
    let port = match side {
        Side::A => ports.0,
        Side::B => ports.1,
    };
    let address = SocketAddr::new(core.media(listener)?.advertised, port);
    Some((address, dress))
}
