//! Hands journal batches to the store in order, and keeps what the store has no room for.

use std::collections::VecDeque;
use tandem_call::journal::Batch;
use tandem_store::{Full, Writer};

/// Batches kept while the store is behind. With the store's own queue this is minutes of a busy switch; the
/// core refuses new calls long before it fills, so only the ends of calls still come.
const BACKLOG_WARNING: usize = 10_000;

pub(super) struct Journal {
    writer: Writer,
    backlog: VecDeque<Batch>,
}

/// Whether the store takes batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    Yes,
    /// From this batch on it does not: new calls must wait.
    NoLonger,
    StillNot,
}

impl Journal {
    pub(super) fn new(writer: Writer) -> Self {
        Self {
            writer,
            backlog: VecDeque::new(),
        }
    }

    pub(super) fn submit(&mut self, batch: Batch) -> Taking {
        if !self.backlog.is_empty() {
            self.backlog.push_back(batch);
            if self.backlog.len().is_multiple_of(BACKLOG_WARNING) {
                tracing::error!(batches = self.backlog.len(), "the journal is far behind");
            }
            return Taking::StillNot;
        }
        match self.writer.submit(batch) {
            Ok(()) => Taking::Yes,
            Err(Full(batch)) => {
                tracing::error!(seq = batch.seq, "the journal's queue is full");
                self.backlog.push_back(batch);
                Taking::NoLonger
            }
        }
    }

    /// After a commit there is room again.
    pub(super) fn retry(&mut self) {
        while let Some(batch) = self.backlog.pop_front() {
            if let Err(Full(batch)) = self.writer.submit(batch) {
                self.backlog.push_front(batch);
                return;
            }
        }
    }

    pub(super) fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }
}
