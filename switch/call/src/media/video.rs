//! A call's video: a relay of its own beside the audio's, where caller and operator want it and neither leg has keys.
//!
//! It is asked for with the audio's, for the caller's first offer; video that comes up later in a call is rejected, as
//! is all of it when the relay has no ports: a call never fails for want of pictures.

use super::{Relay, latch_of};
use crate::{
    call::{Call, Stage},
    switch::state::Core,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tandem_sdp::{RelayCommand, RelayId, RelayReport, SessionDescription, Side, Stream};

/// Asks for a relay, if the caller offers video.
pub(super) fn prepare(core: &mut Core, call: &mut Call, (a_local, b_local): (IpAddr, IpAddr)) {
    close(core, call);
    let offered = call
        .media
        .offer
        .as_ref()
        .and_then(SessionDescription::video_target);
    if offered.is_none() || !call.directory.settings.media.pass_video {
        return;
    }
    let id = core.new_relay_id();
    call.media.video = Relay::Opening { id, b_local };
    core.index.relays.insert(id, call.id);
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

/// The call was answered: ports that are not wanted are free again.
pub(super) fn settle(core: &mut Core, call: &mut Call, answer: &SessionDescription) {
    match call.stage {
        Stage::Hunting | Stage::Answering if answer.video_target().is_none() => close(core, call),
        Stage::Hunting | Stage::Answering | Stage::Talking | Stage::Ending => {}
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

/// The relay is told where a side takes video now.
pub(super) fn learn(
    core: &mut Core,
    call: &Call,
    side: Side,
    sdp: &SessionDescription,
    signalling: IpAddr,
) {
    let Relay::Open { id, .. } = call.media.video else {
        return;
    };
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let (rtp, rtcp) = sdp.video_target().unwrap_or((nowhere, nowhere));
    core.relay(RelayCommand::SetTarget {
        id,
        side,
        rtp,
        rtcp,
        latch: latch_of(call, side, rtp.ip(), signalling),
        signalling,
    });
}

/// Where the peer of a side is told to send its video; None rejects it. `plain`: its leg has no keys.
pub(super) fn address(
    core: &Core,
    call: &Call,
    (side, listener, plain): (Side, u16, bool),
    sdp: &SessionDescription,
) -> Option<SocketAddr> {
    let (target, _) = sdp.video_target()?;
    let other_plain = call
        .leg(side.other())
        .is_none_or(|leg| leg.security.is_plain());
    if !plain || !other_plain {
        return None;
    }
    if call.media.direct {
        return Some(target);
    }
    let Relay::Open { ports, .. } = call.media.video else {
        return None;
    };
    let port = match side {
        Side::A => ports.0,
        Side::B => ports.1,
    };
    Some(SocketAddr::new(core.media(listener)?.advertised, port))
}
