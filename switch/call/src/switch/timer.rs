//! Every timer of the call core and the one ordered index that says which is next.
//!
//! Protocol timers live in the SIP endpoint, bindings in the registrar; these are the call's own.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};
use tandem_billing::{CallId, GatewayId, UpstreamId};
use tandem_sdp::{RelayId, Side};
use tandem_sip::{Mono, Transport};

/// All timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The target tried has said nothing at all: its next host, or the next candidate.
    NoResponse(CallId),
    /// The target tried has neither answered nor refused for its ring timeout.
    Ring(CallId),
    /// The relay has not answered an `Open`.
    RelayOpen(CallId),
    /// The next slice is to be reserved, some time before the paid one runs out.
    Extend(CallId),
    /// The last paid second, or the longest duration allowed, is over.
    CutOff(CallId),
    /// The call may be about to be cut.
    Warn(CallId),
    /// The relay has not sent its last counters: the CDR is written without them.
    RelayClose(CallId),
    /// A reliable provisional answer is repeated until PRACKed.
    Reliable(CallId),
    /// A side's session is to be refreshed, or is over.
    Session(CallId, Side),
    /// A side's peer is to be told what it is still owed.
    Renew(CallId, Side),
    /// A transfer of the call that found it busy is tried again.
    Join(CallId),
    /// The announcement of a relay takes too long, or waits for a PRACK.
    Announcement(RelayId),
    /// The patience of a drain is over.
    Drain,
    /// A gateway's host is to be asked, or has not answered.
    Probe(Place),
    /// A gateway's host has rested.
    Rest(Place),
    /// An upstream registration is to be refreshed, or waited for no longer.
    Upstream(UpstreamId),
    /// The way back to an upstream registration is to be kept open.
    KeepAlive(UpstreamId),
}

/// A host of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) gateway: GatewayId,
    pub(crate) transport: Transport,
    pub(crate) address: SocketAddr,
}

impl Place {
    /// None of a gateway's places comes before it.
    pub(crate) fn first(gateway: GatewayId) -> Self {
        Self {
            gateway,
            transport: Transport::Udp,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
        }
    }
}

/// What is armed. A timer is armed once: arming it again moves it.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Mono, Timer)>,
    armed: BTreeMap<Timer, Mono>,
}

impl Timers {
    pub(crate) fn arm(&mut self, timer: Timer, at: Mono) {
        self.disarm(timer);
        self.armed.insert(timer, at);
        self.due.insert((at, timer));
    }

    pub(crate) fn arm_in(&mut self, timer: Timer, now: Mono, after: Duration) {
        self.arm(timer, now + after);
    }

    pub(crate) fn disarm(&mut self, timer: Timer) {
        if let Some(at) = self.armed.remove(&timer) {
            self.due.remove(&(at, timer));
        }
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        self.armed.contains_key(&timer)
    }

    /// Those of calls: what watches gateways goes on for ever.
    pub(crate) fn of_calls(&self) -> usize {
        let watches = |timer: &&Timer| {
            matches!(
                timer,
                Timer::Probe(_) | Timer::Rest(_) | Timer::Upstream(_) | Timer::KeepAlive(_)
            )
        };
        self.armed.len() - self.armed.keys().filter(watches).count()
    }

    pub(crate) fn next(&self) -> Option<Mono> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the earliest timer that is due.
    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<Timer> {
        let (at, timer) = self.due.first().copied()?;
        if at > now {
            return None;
        }
        self.disarm(timer);
        Some(timer)
    }

    /// Disarms all that a call could have armed.
    pub(crate) fn disarm_call(&mut self, call: CallId) {
        for timer in [
            Timer::NoResponse(call),
            Timer::Ring(call),
            Timer::RelayOpen(call),
            Timer::Extend(call),
            Timer::CutOff(call),
            Timer::Warn(call),
            Timer::RelayClose(call),
            Timer::Reliable(call),
            Timer::Session(call, Side::A),
            Timer::Session(call, Side::B),
            Timer::Renew(call, Side::A),
            Timer::Renew(call, Side::B),
            Timer::Join(call),
        ] {
            self.disarm(timer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arming_again_moves_a_timer() {
        let mut timers = Timers::default();
        let (ring, cut) = (Timer::Ring(CallId(1)), Timer::CutOff(CallId(1)));
        timers.arm(ring, Mono(5));
        timers.arm(cut, Mono(7));
        timers.arm(ring, Mono(9));
        assert_eq!(timers.next(), Some(Mono(7)));
        assert_eq!(timers.pop_due(Mono(6)), None);
        assert_eq!(timers.pop_due(Mono(9)), Some(cut));
        assert_eq!(timers.pop_due(Mono(9)), Some(ring));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn nothing_of_a_call_stays_armed() {
        let mut timers = Timers::default();
        for timer in [
            Timer::Extend(CallId(1)),
            Timer::CutOff(CallId(1)),
            Timer::Ring(CallId(2)),
        ] {
            timers.arm(timer, Mono(1));
        }
        timers.disarm_call(CallId(1));
        assert_eq!(timers.pop_due(Mono(1)), Some(Timer::Ring(CallId(2))));
        assert_eq!(timers.pop_due(Mono(1)), None);
    }
}
