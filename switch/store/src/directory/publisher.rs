//! The thread that makes snapshots.

use super::{Catalogue, Changes};
use crate::{Event, writer::chain};
use rusqlite::Connection;
use std::sync::{Condvar, Mutex, PoisonError};
use tracing::error;

/// Called when a change is in force.
type Then = Box<dyn FnOnce() + Send>;

/// What waits to be published. Bounded by the edit queue before it: changes are merged.
#[derive(Default)]
pub(crate) struct Published {
    waiting: Mutex<Waiting>,
    nudge: Condvar,
}

#[derive(Default)]
struct Waiting {
    changes: Changes,
    then: Vec<Then>,
    stopping: bool,
}

impl std::fmt::Debug for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Published").finish_non_exhaustive()
    }
}

impl Published {
    /// `then` is called once these changes are in force; at once if they change nothing.
    pub fn add(&self, changes: Changes, then: Then) {
        if changes.is_empty() {
            return then();
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.changes.merge(changes);
        waiting.then.push(then);
        drop(waiting);
        self.nudge.notify_one();
    }

    pub fn stop(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).stopping = true;
        self.nudge.notify_one();
    }

    /// Waits for changes; None when nothing is left and the store closes.
    fn next(&self) -> Option<(Changes, Vec<Then>)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.then.is_empty() {
            if waiting.stopping {
                return None;
            }
            waiting = self.nudge.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        Some((std::mem::take(&mut waiting.changes), std::mem::take(&mut waiting.then)))
    }
}

/// Makes a snapshot for each bundle of changes.
pub(crate) struct Publisher {
    catalogue: Catalogue,
    connection: Connection,
}

impl Publisher {
    pub fn new(catalogue: Catalogue, connection: Connection) -> Self {
        Self { catalogue, connection }
    }

    /// Until the store closes.
    pub fn run(mut self, published: &Published, on_event: &(dyn Fn(Event) + Send + Sync)) {
        let mut failed = Changes::default();
        while let Some((changes, then)) = published.next() {
            // What could not be built before is tried again with what came since.
            failed.merge(changes);
            match self.catalogue.reload(&self.connection, &failed) {
                Ok(directory) => {
                    failed = Changes::default();
                    on_event(Event::Directory(directory));
                }
                Err(failure) => {
                    let reason = chain(&failure);
                    error!(reason, "no directory could be made of the last edit");
                    on_event(Event::DirectoryFailed { reason });
                }
            }
            for then in then {
                then();
            }
        }
    }
}
