//! The journal's way out: records of one input leave as one batch, and what must wait for the disk waits here.

use crate::{
    io::{Output, Reply, Token},
    journal::{Batch, Record},
};
use std::collections::{BTreeSet, VecDeque};
use tandem_billing::CallId;

/// Sequence numbers of batches, and what waits for which.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Of the batch being gathered.
    next_seq: u64,
    /// All up to this one are on disk.
    durable: u64,
    records: Vec<Record>,
    failed: bool,
    calls: BTreeSet<(u64, CallId)>,
    replies: VecDeque<(u64, Token, Reply)>,
}

impl Outbox {
    pub(crate) fn new(next_seq: u64) -> Self {
        Self {
            next_seq,
            durable: next_seq.saturating_sub(1),
            records: Vec::new(),
            failed: false,
            calls: BTreeSet::new(),
            replies: VecDeque::new(),
        }
    }

    /// Adds to the batch being gathered; answers its number.
    pub(crate) fn record(&mut self, record: Record) -> u64 {
        self.records.push(record);
        self.next_seq
    }

    /// The batch gathered since the last time, if any.
    pub(crate) fn take_batch(&mut self) -> Option<Output> {
        if self.records.is_empty() {
            return None;
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        Some(Output::Journal(Batch {
            seq,
            records: std::mem::take(&mut self.records),
        }))
    }

    pub(crate) fn is_durable(&self, seq: u64) -> bool {
        seq <= self.durable
    }

    /// Calls and replies that wait for a batch.
    pub(crate) fn waiting(&self) -> usize {
        self.calls.len() + self.replies.len()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// The call goes on once the batch is on disk.
    pub(crate) fn wait(&mut self, seq: u64, call: CallId) {
        self.calls.insert((seq, call));
    }

    pub(crate) fn forget(&mut self, seq: u64, call: CallId) {
        self.calls.remove(&(seq, call));
    }

    /// The reply goes out once everything recorded so far is on disk.
    pub(crate) fn reply_when_durable(&mut self, token: Token, reply: Reply) {
        let last = if self.records.is_empty() {
            self.next_seq.saturating_sub(1)
        } else {
            self.next_seq
        };
        self.replies.push_back((last, token, reply));
    }

    /// The next reply whose batch is on disk.
    pub(crate) fn take_reply(&mut self) -> Option<Output> {
        let (seq, ..) = self.replies.front()?;
        if !self.is_durable(*seq) {
            return None;
        }
        let (_, token, reply) = self.replies.pop_front()?;
        Some(Output::Reply { token, reply })
    }

    /// Batches up to `seq` are on disk: the calls that waited for them.
    pub(crate) fn handle_durable(&mut self, seq: u64) -> Vec<CallId> {
        self.durable = self.durable.max(seq);
        self.failed = false;
        let later = self
            .calls
            .split_off(&(self.durable.saturating_add(1), CallId(i64::MIN)));
        let ready = std::mem::replace(&mut self.calls, later);
        ready.into_iter().map(|(_, call)| call).collect()
    }

    /// The journal cannot be written: the calls that waited cannot be answered.
    pub(crate) fn handle_failure(&mut self) -> Vec<CallId> {
        self.failed = true;
        std::mem::take(&mut self.calls)
            .into_iter()
            .map(|(_, call)| call)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_record() -> Record {
        Record::Unregistered {
            username: String::new(),
            contact: String::new(),
        }
    }

    #[test]
    fn calls_wait_for_their_batch() {
        let mut outbox = Outbox::new(7);
        let seq = outbox.record(a_record());
        assert_eq!(seq, 7);
        assert!(outbox.take_batch().is_some() && outbox.take_batch().is_none());
        let next = outbox.record(a_record());
        outbox.wait(seq, CallId(1));
        outbox.wait(next, CallId(2));
        assert!(!outbox.is_durable(seq));
        assert_eq!(outbox.handle_durable(7), [CallId(1)]);
        assert!(outbox.is_durable(seq) && !outbox.is_durable(next));
        assert_eq!(outbox.handle_failure(), [CallId(2)]);
        assert!(outbox.has_failed());
        assert!(outbox.handle_durable(8).is_empty());
        assert!(!outbox.has_failed());
    }

    #[test]
    fn a_reply_waits_for_all_recorded_before_it() {
        let mut outbox = Outbox::new(1);
        outbox.reply_when_durable(Token(1), Reply::Repeated);
        assert!(outbox.take_reply().is_some(), "nothing was recorded");
        outbox.record(a_record());
        outbox.reply_when_durable(Token(2), Reply::Done);
        assert!(outbox.take_reply().is_none());
        outbox.take_batch();
        outbox.handle_durable(1);
        assert!(outbox.take_reply().is_some());
    }
}
