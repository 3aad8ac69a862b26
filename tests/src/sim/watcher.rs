//! Somebody who watches the monitor: a snapshot, then numbered deltas.

use std::collections::BTreeSet;
use tandem_billing::CallId;
use tandem_call::monitor::{Change, FeedEvent, Snapshot};

/// What a watcher believes to be up.
#[derive(Clone, Debug, Default)]
pub struct Watcher {
    /// Calls.
    pub calls: BTreeSet<CallId>,
    /// Phones: device and contact.
    pub phones: BTreeSet<(String, String)>,
    seq: Option<u64>,
}

impl Watcher {
    /// Everything, at one instant.
    pub fn take(&mut self, snapshot: &Snapshot) {
        self.seq = Some(snapshot.seq);
        self.calls = snapshot.calls.iter().map(|call| call.call).collect();
        let phones = snapshot.registrations.iter();
        self.phones = phones
            .map(|phone| (phone.username.clone(), phone.contact.clone()))
            .collect();
    }

    /// One delta.
    ///
    /// # Panics
    /// If one is missing before it, or it speaks of what was never there.
    pub fn hear(&mut self, event: FeedEvent) {
        assert_eq!(
            Some(event.seq),
            self.seq.map(|seq| seq + 1),
            "deltas come without gaps, after a snapshot"
        );
        self.seq = Some(event.seq);
        match event.change {
            Change::Call(row) => {
                self.calls.insert(row.call);
            }
            Change::CallGone { call, .. } => {
                self.calls.remove(&call);
            }
            Change::Registration(phone) => {
                self.phones.insert((phone.username, phone.contact));
            }
            Change::RegistrationGone { username, contact } => {
                self.phones.remove(&(username, contact));
            }
            Change::Gateway(_)
            | Change::Upstream(_)
            | Change::UpstreamGone { .. }
            | Change::Alert(_) => {}
        }
    }
}
