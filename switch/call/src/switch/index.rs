//! How what arrives finds its call: by transaction, tag, Call-ID or relay. Looked up only, never iterated.

use crate::directory::Gateway;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};
use tandem_billing::CallId;
use tandem_sdp::{RelayId, Side};
use tandem_sip::{
    Flow, Mono,
    dialog::Dialog,
    endpoint::{ClientTxn, ServerTxn},
};

/// How long an INVITE that nobody wants any more can still be answered: the CANCEL's and the forks' 64*T1.
const STRAY_US: u64 = 80_000_000;

/// Everything here belongs to an open call and goes with it.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) servers: HashMap<ServerTxn, CallId>,
    pub(crate) clients: HashMap<ClientTxn, CallId>,
    /// By our own tag, which no peer can guess.
    pub(crate) tags: HashMap<String, (CallId, Side)>,
    /// Call-IDs of open legs: a merged request, or our own call coming back to us.
    pub(crate) call_ids: HashMap<String, (CallId, Side)>,
    pub(crate) relays: HashMap<RelayId, Relayed>,
}

/// Whose a relay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relayed {
    pub(crate) call: CallId,
    pub(crate) facing: Facing,
}

/// How the sides of a relay are those of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Facing {
    /// As it was opened.
    Straight,
    /// Its A side is the call's B side: a party brought it along that stood on the other side before.
    Turned,
}

impl Facing {
    pub(crate) fn turned(self) -> Self {
        match self {
            Self::Straight => Self::Turned,
            Self::Turned => Self::Straight,
        }
    }
}

impl Index {
    /// A leg's dialog is found from now on.
    pub(crate) fn enter(&mut self, dialog: &Dialog, at: (CallId, Side)) {
        self.tags.insert(dialog.local_tag.clone(), at);
        self.call_ids.insert(dialog.call_id.clone(), at);
    }

    /// A relay that is about to be opened.
    pub(crate) fn open(&mut self, relay: RelayId, call: CallId) {
        let facing = Facing::Straight;
        self.relays.insert(relay, Relayed { call, facing });
    }

    pub(crate) fn facing(&self, relay: RelayId) -> Facing {
        let found = self.relays.get(&relay);
        found.map_or(Facing::Straight, |relayed| relayed.facing)
    }

    /// A call has no such dialog any more; one that went over to another call is still found there.
    pub(crate) fn leave(&mut self, dialog: &Dialog, call: CallId) {
        let is_its = |at: Option<&(CallId, Side)>| at.is_some_and(|(id, _)| *id == call);
        if is_its(self.tags.get(&dialog.local_tag)) {
            self.tags.remove(&dialog.local_tag);
        }
        if is_its(self.call_ids.get(&dialog.call_id)) {
            self.call_ids.remove(&dialog.call_id);
        }
    }
}

/// The way to an INVITE that was given up.
#[derive(Clone, Debug)]
pub(crate) struct Stray {
    pub(crate) flow: Flow,
    /// Its credentials answer a challenge of the BYE.
    pub(crate) gateway: Option<Arc<Gateway>>,
}

/// INVITEs we sent and gave up: should one be answered all the same, it gets ACK and BYE.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    kept: HashMap<ClientTxn, Stray>,
    order: VecDeque<(Mono, ClientTxn)>,
}

impl Strays {
    pub(crate) fn keep(&mut self, now: Mono, txn: ClientTxn, stray: Stray) {
        while let Some((since, old)) = self.order.front().copied() {
            if now.0.saturating_sub(since.0) < STRAY_US {
                break;
            }
            self.order.pop_front();
            self.kept.remove(&old);
        }
        if self.kept.insert(txn, stray).is_none() {
            self.order.push_back((now, txn));
        }
    }

    pub(crate) fn find(&self, txn: ClientTxn) -> Option<Stray> {
        self.kept.get(&txn).cloned()
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_sip::Transport;

    #[test]
    fn strays_are_forgotten_in_time() {
        let flow = Flow {
            transport: Transport::Udp,
            listener: 0,
            connection: 0,
            remote: ([127, 0, 0, 1], 5060).into(),
        };
        let stray = || Stray {
            flow,
            gateway: None,
        };
        let mut strays = Strays::default();
        strays.keep(Mono(0), ClientTxn(1), stray());
        strays.keep(Mono(STRAY_US - 1), ClientTxn(2), stray());
        assert!(strays.find(ClientTxn(1)).is_some());
        strays.keep(Mono(STRAY_US), ClientTxn(3), stray());
        assert!(strays.find(ClientTxn(1)).is_none());
        assert_eq!(strays.len(), 2);
    }
}
