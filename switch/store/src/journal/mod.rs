//! Journal batches into rows: many batches in one transaction.
//!
//! The fast path runs a group without savepoints. When a batch breaks a rule of the schema (a duplicate key, a
//! missing account), the group is run again with a savepoint per batch and the broken one is put aside in
//! `rejected_batch`; every other error leaves nothing behind and is for the caller to repeat.
//!
//! A batch may be noted first: it is durable then, and in its rows with the next commit.

mod note;
mod record;

use crate::{
    Changes, EditError, Edited, StoreError,
    bulk::{Swept, sweep},
    edit,
};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::collections::BTreeSet;
use tandem_billing::UtcMs;
use tandem_call::journal::Batch;

pub(crate) use record::{insert_alert, insert_ended};

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
    /// Durable, and not in their rows yet.
    noted: Vec<Batch>,
    /// (tariff, generation) being written: not to be swept.
    pub(crate) staging: BTreeSet<(i64, i64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Fast,
    Careful,
}

impl Committer {
    /// Over a connection to a migrated store that the caller has prepared, e.g. to fail at the n-th step.
    #[must_use]
    pub fn over(connection: Connection) -> Self {
        Self {
            connection,
            noted: Vec::new(),
            staging: BTreeSet::new(),
        }
    }

    /// Opens a store's file for writing, migrated but not recovered: for tests and benches that bring their
    /// own thread. [`crate::Store::open`] is the way for everyone else.
    ///
    /// # Errors
    /// As [`crate::Store::open`].
    pub fn open(path: &std::path::Path) -> Result<Self, StoreError> {
        Ok(Self::over(crate::store::open_migrated(path)?))
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Commits batches in order, each whole, after those that were noted. What is returned was put aside, all else
    /// is in its rows.
    ///
    /// # Errors
    /// When nothing was committed: try again with the same batches.
    pub fn commit(&mut self, batches: &[Batch], at: UtcMs) -> Result<Vec<Rejected>, StoreError> {
        let rejected = match self.attempt(batches, at, Pace::Fast) {
            Err(error) if breaks_rule(&error) => self.attempt(batches, at, Pace::Careful),
            other => other,
        }?;
        self.noted.clear();
        Ok(rejected)
    }

    /// Makes batches durable without putting them into their rows, which the next commit does; takes them.
    ///
    /// # Errors
    /// When none was noted: they are still there, to be tried again, or to be committed if their numbers do not rise.
    pub fn note(&mut self, batches: &mut Vec<Batch>, at: UtcMs) -> Result<(), StoreError> {
        let transaction = begin(&mut self.connection)?;
        let mut last = self.noted.last().map_or(0, |batch| batch.seq);
        for (slot, batch) in (self.noted.len()..).zip(&*batches) {
            if batch.seq <= last || !note::put(&transaction, slot, batch, at)? {
                return Err(StoreError::corrupt(
                    "a journal batch",
                    "its number is taken",
                ));
            }
            last = batch.seq;
        }
        commit(transaction)?;
        self.noted.append(batches);
        Ok(())
    }

    /// Batches that are noted and not in their rows.
    #[must_use]
    pub fn noted(&self) -> usize {
        self.noted.len()
    }

    /// Puts what a crash left noted into its rows.
    pub(crate) fn take_up_noted(&mut self) -> Result<Vec<Rejected>, StoreError> {
        let left = self.transact(|transaction| note::take_up(transaction))?;
        self.noted = left.batches;
        let mut rejected = left.unreadable;
        rejected.extend(self.commit(&[], left.at)?);
        for Rejected { seq, reason } in &rejected {
            tracing::error!(seq, reason, "journal batch put aside");
        }
        Ok(rejected)
    }

    fn attempt(
        &mut self,
        batches: &[Batch],
        at: UtcMs,
        pace: Pace,
    ) -> Result<Vec<Rejected>, StoreError> {
        let mut transaction = begin(&mut self.connection)?;
        let mut rejected = Vec::new();
        for batch in self.noted.iter().chain(batches) {
            match pace {
                Pace::Fast => record::apply(&transaction, batch)?,
                Pace::Careful => rejected.extend(careful(&mut transaction, batch, at)?),
            }
        }
        // From here on what was noted no longer counts as such.
        if let Some(last) = batches.last().or(self.noted.last()) {
            record::beat(&transaction, at, Some(last.seq))?;
        }
        commit(transaction)?;
        Ok(rejected)
    }

    /// Writes the last durable instant, if a call is open or something is noted.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn heartbeat(&mut self, at: UtcMs) -> Result<(), StoreError> {
        let open: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM open_call)")?
            .query_row([], |row| row.get(0))?;
        if !open && self.noted.is_empty() {
            return Ok(());
        }
        let transaction = begin(&mut self.connection)?;
        record::beat(&transaction, at, None)?;
        commit(transaction)
    }

    /// Moves what was committed into the main file, so that it is whole without its log.
    pub(crate) fn checkpoint(&mut self) -> Result<(), StoreError> {
        let done = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        done.map_err(StoreError::sqlite("checkpoint the database"))
    }

    /// Removes some rates that are not in force.
    pub(crate) fn sweep(&mut self) -> Result<Swept, StoreError> {
        let staging = std::mem::take(&mut self.staging);
        let swept = self.transact(|transaction| sweep(transaction, &staging));
        self.staging = staging;
        Ok(swept?)
    }

    /// Several edits in one transaction, all or none.
    pub(crate) fn edit(
        &mut self,
        edits: &[edit::Prepared],
    ) -> Result<(Vec<Edited>, Changes), EditError> {
        self.transact(|transaction| {
            let mut changes = Changes::default();
            let mut edited = Vec::with_capacity(edits.len());
            for prepared in edits {
                edited.push(edit::apply(transaction, prepared, &mut changes)?);
            }
            Ok((edited, changes))
        })
    }

    /// Work in a transaction of its own, rolled back if it fails.
    pub(crate) fn transact<T, E: From<rusqlite::Error>>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(StoreError::sqlite("begin a journal commit"))
}

fn commit(transaction: Transaction<'_>) -> Result<(), StoreError> {
    transaction
        .commit()
        .map_err(StoreError::sqlite("commit the journal"))
}

fn careful(
    transaction: &mut Transaction<'_>,
    batch: &Batch,
    at: UtcMs,
) -> Result<Option<Rejected>, StoreError> {
    let savepoint = transaction.savepoint()?;
    match record::apply(&savepoint, batch) {
        Ok(()) => {
            savepoint.commit()?;
            Ok(None)
        }
        Err(error) if breaks_rule(&error) => {
            // Dropped, a savepoint rolls back.
            drop(savepoint);
            let reason = crate::writer::chain(&error);
            let document = format!("{:?}", batch.records);
            record::put_aside(transaction, batch.seq, at, &reason, &document)?;
            Ok(Some(Rejected {
                seq: batch.seq,
                reason,
            }))
        }
        Err(error) => Err(error),
    }
}

/// Whether the batch itself is at fault, so that repeating it cannot help.
fn breaks_rule(error: &StoreError) -> bool {
    match error {
        StoreError::Corrupt { .. } => true,
        StoreError::Sqlite { doing, source } => {
            *doing == record::DOING
                && matches!(
                    source.sqlite_error_code(),
                    Some(
                        ErrorCode::ConstraintViolation
                            | ErrorCode::TypeMismatch
                            | ErrorCode::TooBig
                    )
                )
        }
        _ => false,
    }
}
