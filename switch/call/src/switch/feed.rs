//! What watchers are told: changes gathered per input, rows made once and only while somebody watches.

use crate::{
    io::Output,
    monitor::{Change, FeedEvent, Totals},
};
use std::collections::{BTreeMap, BTreeSet};
use tandem_billing::{CallId, GatewayId, UpstreamId};

/// What a gateway did since start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) attempts: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) answered_ms: u64,
    pub(crate) pdd_ms_sum: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Feed {
    watched: bool,
    seq: u64,
    changed_calls: BTreeSet<CallId>,
    changed_gateways: BTreeSet<GatewayId>,
    changed_upstreams: BTreeSet<UpstreamId>,
    changes: Vec<Change>,
    pub(crate) tallies: BTreeMap<GatewayId, Tally>,
    pub(crate) totals: Totals,
}

impl Feed {
    /// A snapshot was taken: deltas follow. Answers the number of the last one before it.
    pub(crate) fn watch(&mut self) -> u64 {
        self.watched = true;
        self.changed_calls.clear();
        self.changed_gateways.clear();
        self.changed_upstreams.clear();
        self.changes.clear();
        self.seq
    }

    pub(crate) fn unwatch(&mut self) {
        self.watch();
        self.watched = false;
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    /// The call's row is to be sent at the end of this input.
    pub(crate) fn touch(&mut self, call: CallId) {
        if self.watched {
            self.changed_calls.insert(call);
        }
    }

    pub(crate) fn gone(&mut self, call: CallId, cause: &'static str) {
        if self.watched {
            self.changed_calls.remove(&call);
            self.changes.push(Change::CallGone { call, cause });
        }
    }

    /// The gateway's row is to be sent at the end of this input.
    pub(crate) fn touch_gateway(&mut self, gateway: GatewayId) {
        if self.watched {
            self.changed_gateways.insert(gateway);
        }
    }

    /// The same for an upstream registration.
    pub(crate) fn touch_upstream(&mut self, upstream: UpstreamId) {
        if self.watched {
            self.changed_upstreams.insert(upstream);
        }
    }

    pub(crate) fn take_changed_upstreams(&mut self) -> BTreeSet<UpstreamId> {
        std::mem::take(&mut self.changed_upstreams)
    }

    pub(crate) fn tally(&mut self, gateway: GatewayId) -> &mut Tally {
        self.touch_gateway(gateway);
        self.tallies.entry(gateway).or_default()
    }

    /// Made only if somebody watches.
    pub(crate) fn push(&mut self, change: impl FnOnce() -> Change) {
        if self.watched {
            self.changes.push(change());
        }
    }

    pub(crate) fn take_changed_calls(&mut self) -> BTreeSet<CallId> {
        std::mem::take(&mut self.changed_calls)
    }

    pub(crate) fn take_changed_gateways(&mut self) -> BTreeSet<GatewayId> {
        std::mem::take(&mut self.changed_gateways)
    }

    /// The changes gathered, numbered.
    pub(crate) fn take_events(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.changes)
            .into_iter()
            .map(|change| {
                self.seq += 1;
                Output::Feed(FeedEvent {
                    seq: self.seq,
                    change,
                })
            })
            .collect()
    }

    pub(crate) fn tally_of(&self, gateway: GatewayId) -> Tally {
        self.tallies.get(&gateway).copied().unwrap_or_default()
    }
}
