//! How many of each thing the core keeps: what an idle core must have none of.

use super::Switch;

/// Counts of everything that belongs to calls, and of registered users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Calls in the table.
    pub calls: usize,
    /// SIP transactions alive.
    pub transactions: usize,
    /// Transactions that would find a call.
    pub transactions_of_calls: usize,
    /// Tags and Call-IDs that would find a call.
    pub dialogs: usize,
    /// Relays that would find a call.
    pub relays: usize,
    /// Call timers armed.
    pub timers: usize,
    /// Calls and replies that wait for the journal.
    pub waiting: usize,
    /// Messages whose answers are awaited.
    pub pages: usize,
    /// BYEs that may yet be challenged.
    pub farewells: usize,
    /// Devices with a phone registered.
    pub registrations: usize,
}

impl Switch {
    /// Counts.
    #[must_use]
    pub fn census(&self) -> Census {
        let core = &self.core;
        Census {
            calls: self.calls.len(),
            transactions: core.endpoint.open_transactions(),
            transactions_of_calls: core.index.servers.len() + core.index.clients.len(),
            dialogs: core.index.tags.len() + core.index.call_ids.len(),
            relays: core.index.relays.len(),
            timers: core.timers.of_calls(),
            waiting: core.outbox.waiting(),
            pages: core.loose.pages.len(),
            farewells: core.loose.farewells.len(),
            registrations: core.registrar.len(),
        }
    }
}
