//! Every timer of the transaction layer and the one ordered index that says which is next.
//!
//! The index holds (deadline, transaction, timer); a transaction keeps what it armed in [`Armed`], so that
//! disarming is exact and nothing stale is ever left behind. Lengths come from RFC 3261 table 4.

use super::Timers;
use crate::{flow::Transport, time::Mono};
use std::{collections::BTreeSet, time::Duration};

/// How long an INVITE may wait for its user before the layer says 100 Trying (RFC 3261 section 17.2.1).
const TRYING_MS: u64 = 200;

/// All timers; "64*T1" is 32 s by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// INVITE client, unreliable: sends the request again; T1, doubling.
    A,
    /// INVITE client: gives up on any response at all; 64*T1.
    B,
    /// INVITE client: absorbs repeated non-2xx finals; 32 s, none on reliable transports.
    D,
    /// Other client, unreliable: sends the request again; T1 doubling to T2, T2 after a provisional.
    E,
    /// Other client: gives up; 64*T1.
    F,
    /// INVITE server, unreliable: repeats a non-2xx final; T1 doubling to T2.
    G,
    /// INVITE server: gives up on the ACK to a non-2xx; 64*T1.
    H,
    /// INVITE server: absorbs repeated ACKs; T4, none on reliable transports.
    I,
    /// Other server: absorbs repeated requests; 64*T1, none on reliable transports.
    J,
    /// Other client: absorbs repeated finals; T4, none on reliable transports.
    K,
    /// INVITE server after a 2xx: absorbs repeated INVITEs, and ends the wait for the ACK (RFC 6026); 64*T1.
    L,
    /// INVITE client after a 2xx: the time further forks have to answer (RFC 6026); 64*T1.
    M,
    /// INVITE server: the 2xx again until ACKed, on every transport; T1 doubling to T2 (section 13.3.1.4).
    Repeat,
    /// INVITE server: says 100 for a slow user; 200 ms.
    Trying,
    /// INVITE client after CANCEL: gives up on the final response; 64*T1 (section 9.1).
    CancelWait,
    /// Other server: the user never answered and no client waits any more; 64*T1 (RFC 4320).
    Unanswered,
}

impl Timer {
    /// The first length in milliseconds; `None` if the timer does not exist on this transport.
    pub(super) fn first_ms(self, timers: &Timers, transport: Transport) -> Option<u64> {
        let reliable = transport.is_reliable();
        let long = timers.t1_ms.saturating_mul(64);
        match self {
            Self::A | Self::E | Self::G => (!reliable).then_some(timers.t1_ms),
            Self::Repeat => Some(timers.t1_ms),
            Self::B | Self::F | Self::H | Self::L | Self::M => Some(long),
            Self::CancelWait | Self::Unanswered => Some(long),
            Self::D => Some(if reliable { 0 } else { timers.timer_d_ms }),
            Self::I | Self::K => Some(if reliable { 0 } else { timers.t4_ms }),
            Self::J => Some(if reliable { 0 } else { long }),
            Self::Trying => Some(TRYING_MS),
        }
    }

    /// The length after one of `last_ms` has run out.
    pub(super) fn next_ms(self, timers: &Timers, last_ms: u64) -> u64 {
        let doubled = last_ms.saturating_mul(2);
        match self {
            Self::E | Self::G | Self::Repeat => doubled.min(timers.t2_ms),
            Self::A
            | Self::B
            | Self::D
            | Self::F
            | Self::H
            | Self::I
            | Self::J
            | Self::K
            | Self::L
            | Self::M
            | Self::Trying
            | Self::CancelWait
            | Self::Unanswered => doubled,
        }
    }
}

/// Whose timer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// A server transaction, by its slab id.
    Server(u64),
    /// A client transaction, by its slab id.
    Client(u64),
}

/// The timers one transaction has running; never more than three at once.
#[derive(Debug, Default)]
pub(super) struct Armed([Option<(Timer, Mono)>; 3]);

impl Armed {
    fn put(&mut self, timer: Timer, deadline: Mono) -> bool {
        let free = self.0.iter_mut().find(|slot| slot.is_none());
        free.is_some_and(|slot| slot.replace((timer, deadline)).is_none())
    }

    fn take(&mut self, timer: Timer) -> Option<Mono> {
        let slot = self
            .0
            .iter_mut()
            .find(|s| s.is_some_and(|(t, _)| t == timer))?;
        slot.take().map(|(_, deadline)| deadline)
    }
}

/// All running timers, next one first.
#[derive(Debug, Default)]
pub(super) struct TimerIndex(BTreeSet<(Mono, Owner, Timer)>);

impl TimerIndex {
    /// Starts `timer` anew, `after_ms` from now.
    pub(super) fn arm(
        &mut self,
        now: Mono,
        owner: Owner,
        armed: &mut Armed,
        (timer, after_ms): (Timer, u64),
    ) {
        self.disarm(owner, armed, timer);
        let deadline = now + Duration::from_millis(after_ms);
        if armed.put(timer, deadline) {
            self.0.insert((deadline, owner, timer));
        }
    }

    pub(super) fn disarm(&mut self, owner: Owner, armed: &mut Armed, timer: Timer) {
        if let Some(deadline) = armed.take(timer) {
            self.0.remove(&(deadline, owner, timer));
        }
    }

    pub(super) fn disarm_all(&mut self, owner: Owner, armed: &mut Armed) {
        for (timer, deadline) in armed.0.iter_mut().filter_map(Option::take) {
            self.0.remove(&(deadline, owner, timer));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Mono> {
        self.0.first().map(|(deadline, _, _)| *deadline)
    }

    /// Takes the next timer out if it is due. Its owner's [`Armed`] must be told by [`Self::forget`].
    pub(super) fn pop_due(&mut self, now: Mono) -> Option<(Owner, Timer)> {
        let (deadline, _, _) = self.0.first()?;
        if *deadline > now {
            return None;
        }
        self.0.pop_first().map(|(_, owner, timer)| (owner, timer))
    }

    /// Clears a timer that [`Self::pop_due`] took out.
    pub(super) fn forget(armed: &mut Armed, timer: Timer) {
        armed.take(timer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_table_4() {
        let t = Timers::default();
        let rows = [
            // timer, UDP, TCP
            (Timer::A, Some(500), None),
            (Timer::B, Some(32_000), Some(32_000)),
            (Timer::D, Some(32_000), Some(0)),
            (Timer::E, Some(500), None),
            (Timer::F, Some(32_000), Some(32_000)),
            (Timer::G, Some(500), None),
            (Timer::H, Some(32_000), Some(32_000)),
            (Timer::I, Some(5_000), Some(0)),
            (Timer::J, Some(32_000), Some(0)),
            (Timer::K, Some(5_000), Some(0)),
            (Timer::L, Some(32_000), Some(32_000)),
            (Timer::M, Some(32_000), Some(32_000)),
            (Timer::Repeat, Some(500), Some(500)),
            (Timer::Trying, Some(200), Some(200)),
            (Timer::CancelWait, Some(32_000), Some(32_000)),
            (Timer::Unanswered, Some(32_000), Some(32_000)),
        ];
        for (timer, udp, tcp) in rows {
            assert_eq!(
                timer.first_ms(&t, Transport::Udp),
                udp,
                "{timer:?} over UDP"
            );
            assert_eq!(
                timer.first_ms(&t, Transport::Tcp),
                tcp,
                "{timer:?} over TCP"
            );
        }
    }

    #[test]
    fn a_doubles_without_end_and_the_others_stop_at_t2() {
        let t = Timers::default();
        let mut a = 500;
        let mut g = 500;
        for _ in 0..6 {
            a = Timer::A.next_ms(&t, a);
            g = Timer::G.next_ms(&t, g);
        }
        assert_eq!((a, g), (32_000, 4_000));
    }

    #[test]
    fn disarmed_timers_leave_nothing() {
        let mut index = TimerIndex::default();
        let mut armed = Armed::default();
        let owner = Owner::Client(1);
        index.arm(Mono(0), owner, &mut armed, (Timer::A, 500));
        index.arm(Mono(0), owner, &mut armed, (Timer::B, 100));
        index.arm(Mono(0), owner, &mut armed, (Timer::A, 50));
        assert_eq!(index.next_deadline(), Some(Mono(50_000)));
        assert_eq!(index.pop_due(Mono(49_999)), None);
        index.disarm(owner, &mut armed, Timer::A);
        assert_eq!(index.next_deadline(), Some(Mono(100_000)));
        index.disarm_all(owner, &mut armed);
        assert_eq!(index.next_deadline(), None);
    }
}
