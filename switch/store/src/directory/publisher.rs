//! The thread that makes snapshots.

use super::{Catalogue, Changes};
use crate::{Event, writer::chain};
use rusqlite::Connection;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tandem_billing::Tariff;
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
    ready: Vec<Arc<Tariff>>,
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
        self.add_ready(changes, Vec::new(), then);
    }

    /// The same, with tariffs that need not be read again.
    pub fn add_ready(&self, changes: Changes, ready: Vec<Arc<Tariff>>, then: Then) {
        if changes.is_empty() && ready.is_empty() {
            return then();
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.changes.merge(changes);
        waiting.ready.extend(ready);
        waiting.then.push(then);
        drop(waiting);
        self.nudge.notify_one();
    }

    pub fn stop(&self) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stopping = true;
        self.nudge.notify_one();
    }

    /// Waits for changes; None when nothing is left and the store closes.
    fn next(&self) -> Option<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.then.is_empty() {
            if waiting.stopping {
                return None;
            }
            waiting = self
                .nudge
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let stopping = waiting.stopping;
        Some(std::mem::replace(
            &mut *waiting,
            Waiting {
                stopping,
                ..Waiting::default()
            },
        ))
    }
}

/// Makes a snapshot for each bundle of changes.
pub(crate) struct Publisher {
    catalogue: Catalogue,
    connection: Connection,
}

impl Publisher {
    pub fn new(catalogue: Catalogue, connection: Connection) -> Self {
        Self {
            catalogue,
            connection,
        }
    }

    /// Until the store closes.
    pub fn run(mut self, published: &Published, on_event: &(dyn Fn(Event) + Send + Sync)) {
        let mut failed = Changes::default();
        while let Some(Waiting {
            changes,
            ready,
            then,
            ..
        }) = published.next()
        {
            // What could not be built before is tried again with what came since.
            failed.merge(changes);
            let ids: Vec<i64> = ready.iter().map(|tariff| tariff.spec().id.0).collect();
            match self.catalogue.reload(&self.connection, &failed, ready) {
                Ok(directory) => {
                    failed = Changes::default();
                    on_event(Event::Directory(directory));
                }
                Err(failure) => {
                    let reason = chain(&failure);
                    failed.tariffs.extend(ids);
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
