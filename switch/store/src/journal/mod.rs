//! Journal batches into rows: many batches in one transaction.
use crate::{Changes, EditError, Edited, StoreError, edit};
use rusqlite::Connection;
use tandem_billing::UtcMs;
use tandem_call::journal::Batch;

/// A batch that broke a rule of the schema and was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The batch.
    pub seq: u64,
    /// Which rule.
    pub reason: String,
}

/// The writer without its thread, for whoever brings a thread or virtual time of its own.
#[derive(Debug)]
pub struct Committer {
    connection: Connection,
}
impl Committer {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection }
    }
    /// Commits batches in order, each whole.
    ///
    /// # Errors
    /// When nothing could be committed: try again with the same batches.
    pub fn commit(&mut self, batches: &[Batch], at: UtcMs) -> Result<Vec<Rejected>, StoreError> {
        todo!()
    }
    /// Writes the last durable instant, if a call is open.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn heartbeat(&mut self, at: UtcMs) -> Result<(), StoreError> {
        todo!()
    }
    pub(crate) fn edit(
        &mut self,
        edits: &[edit::Prepared],
    ) -> Result<(Vec<Edited>, Changes), EditError> {
        todo!()
    }
}
