//! A party that goes over to another call with its relay: a browser's keys were agreed on with that one, and it takes
//! audio from no other. The relay that the other call had is given back, and its party told of this one.

use super::{Relay, drop_relay, play, record, video};
use crate::{
    call::Call,
    leg::Leg,
    switch::{index::Relayed, state::Core, timer::Timer},
};
use std::net::IpAddr;
use tandem_sdp::{RelayCommand, Side};

/// Whether the leg at a side of `from` can bring its relay along to the place of the one at a side of `to`: not to
/// another browser, which has one, too, and not to where its ports are another address's.
pub(crate) fn fits(core: &Core, (from, stays): (&Call, Side), (to, place): (&Call, Side)) -> bool {
    let local = |leg: &Leg| core.media(leg.flow.listener).map(|media| media.local);
    let (before, across) = (from.leg(stays.other()), to.leg(place.other()));
    let fits = |leg: &Leg| !leg.security.is_web() && local(leg) == before.and_then(local);
    super::is_open(from) && !from.media.direct && across.is_some_and(fits)
}

/// The legs have changed places already.
pub(crate) fn bring(
    core: &mut Core,
    (from, stays): (&mut Call, Side),
    (to, place): (&mut Call, Side),
) {
    play::stop(core, from);
    record::end(core, from);
    video::close(core, from);
    drop_relay(core, to);
    core.timers.disarm(Timer::RelayOpen(to.id));
    let Relay::Open { id, ports, .. } = std::mem::replace(&mut from.media.relay, Relay::Unasked)
    else {
        return;
    };
    let (mut ports, mut counters) = (ports, from.media.counters);
    let mut facing = core.index.facing(id);
    if stays != place {
        ports = (ports.1, ports.0);
        counters = (counters.1, counters.0);
        facing = facing.turned();
    }
    core.index.relays.insert(
        id,
        Relayed {
            call: to.id,
            facing,
        },
    );
    let b_local = b_local(core, to);
    to.media.relay = Relay::Open { id, b_local, ports };
    (to.media.counters, to.media.counted) = (counters, counters);
    to.media.direct = false;
    // It may have been told of anything by the call that it comes from.
    to.media.wrapped = true;
    to.media.spoken.told_before();
    if from.media.held != to.media.held {
        let held = to.media.held;
        core.relay(RelayCommand::SetHold { id, held });
    }
    meet(core, to, place.other());
}

/// The party across is where it was; the relay knew another one on that side.
fn meet(core: &mut Core, call: &mut Call, side: Side) {
    let known = call.leg(side).and_then(|leg| {
        let way = (leg.flow.remote.ip(), leg.security.transport());
        Some((leg.heard()?, way))
    });
    if let Some((heard, way)) = known {
        super::learn(core, call, side, &heard, way);
    }
}

fn b_local(core: &Core, call: &Call) -> IpAddr {
    let leg = call.callee.as_ref().unwrap_or(&call.caller.leg);
    let media = core.media(leg.flow.listener);
    media.map_or(leg.flow.remote.ip(), |media| media.local)
}
