//! Hands journal batches to the store in order, and keeps what the store has no room for.
//!
//! A batch that nobody waits for is held a moment, to go with the next that somebody does: one commit then serves
//! both, and the writer is woken once. Nothing overtakes it, so what is on disk is always all up to some batch.

use std::collections::VecDeque;
use tandem_call::journal::{Batch, LINGER};
use tandem_sip::Mono;
use tandem_store::{Full, Writer};

/// Batches kept while the store is behind. With the store's own queue this is minutes of a busy switch; the
/// core refuses new calls long before it fills, so only the ends of calls still come.
const BACKLOG_WARNING: usize = 10_000;
/// Batches that go without being waited for.
const CROWD: usize = 64;
/// Batches of a backlog submitted at once.
const STEP: usize = 256;

pub(super) struct Journal {
    writer: Writer,
    held: Vec<Batch>,
    /// When the first of them has been held long enough.
    due: Option<Mono>,
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
            held: Vec::new(),
            due: None,
            backlog: VecDeque::new(),
        }
    }

    pub(super) fn submit(&mut self, now: Mono, batch: Batch) -> Taking {
        let awaited = batch.is_awaited();
        self.held.push(batch);
        if awaited || self.held.len() >= CROWD {
            return self.flush();
        }
        self.due.get_or_insert(now + LINGER);
        Taking::Yes
    }

    /// When [`Self::flush`] is due.
    pub(super) fn due(&self) -> Option<Mono> {
        self.due
    }

    /// Hands over what is held.
    pub(super) fn flush(&mut self) -> Taking {
        self.due = None;
        if self.held.is_empty() {
            return Taking::Yes;
        }
        let held = std::mem::take(&mut self.held);
        if !self.backlog.is_empty() {
            for batch in held {
                self.backlog.push_back(batch);
                if self.backlog.len().is_multiple_of(BACKLOG_WARNING) {
                    tracing::error!(batches = self.backlog.len(), "the journal is far behind");
                }
            }
            return Taking::StillNot;
        }
        match self.writer.submit_all(held) {
            Ok(()) => Taking::Yes,
            Err(Full(batches)) => {
                let seq = batches.first().map(|batch| batch.seq);
                tracing::error!(seq, "the journal's queue is full");
                self.backlog.extend(batches);
                Taking::NoLonger
            }
        }
    }

    /// After a commit there is room again.
    pub(super) fn retry(&mut self) {
        while !self.backlog.is_empty() {
            let step = self.backlog.drain(..STEP.min(self.backlog.len())).collect();
            if let Err(Full(batches)) = self.writer.submit_all(step) {
                for batch in batches.into_iter().rev() {
                    self.backlog.push_front(batch);
                }
                return;
            }
        }
    }

    pub(super) fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }
}
