//! What will happen in a day, in order of time.

use super::{peer::Tick, peers::LineId, scene::Death};
use std::{collections::BTreeMap, net::SocketAddr};
use tandem_sdp::RelayReport;
use tandem_sip::Mono;

/// Something that happens at an instant.
#[derive(Debug)]
pub(super) enum Event {
    ToSwitch {
        from: SocketAddr,
        bytes: Vec<u8>,
        harmed: bool,
    },
    /// Sent by the process with this number.
    ToPeer {
        life: u32,
        at: SocketAddr,
        bytes: Vec<u8>,
        harmed: bool,
    },
    Peer(LineId, Tick),
    /// Of the process with this number.
    Commit(u32),
    Relay(u32, RelayReport),
    /// A datagram could not be delivered.
    Refused(SocketAddr),
    Act(usize),
    Die(Death),
    Start,
    End,
}

/// What will happen, in order.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    queue: BTreeMap<(Mono, u64), Event>,
    next: u64,
}

impl Agenda {
    pub(super) fn push(&mut self, at: Mono, event: Event) {
        self.next += 1;
        self.queue.insert((at, self.next), event);
    }

    pub(super) fn first(&self) -> Option<Mono> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn pop_due(&mut self, now: Mono) -> Option<Event> {
        self.first().filter(|at| *at <= now)?;
        self.queue.pop_first().map(|(_, event)| event)
    }
}
