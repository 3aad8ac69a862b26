//! A naive store: applies every batch in order and checks what must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use tandem_billing::{AccountId, CallId, Micros, cdr::Cdr, ledger::Entry};
use tandem_call::journal::{Alert, Batch, OpenCall, Record, SourceBlock};

/// What a store would hold.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// The number of the last batch.
    pub seq: u64,
    /// Calls admitted and not ended.
    pub open: BTreeMap<CallId, OpenCall>,
    /// Ended calls.
    pub cdrs: BTreeMap<CallId, Cdr>,
    /// In order.
    pub entries: Vec<Entry>,
    /// By account.
    pub balances: BTreeMap<AccountId, Micros>,
    /// In order.
    pub alerts: Vec<Alert>,
    /// Blocks of the guard, by range.
    pub blocked: BTreeMap<String, SourceBlock>,
    /// Phones, by name and contact.
    pub registered: BTreeSet<(String, String)>,
    keys: BTreeSet<String>,
}

impl Book {
    /// With opening balances.
    #[must_use]
    pub fn new(seq: u64, balances: &[(AccountId, Micros)]) -> Self {
        Self {
            seq,
            balances: balances.iter().copied().collect(),
            ..Self::default()
        }
    }

    /// Applies a batch, whole.
    ///
    /// # Panics
    /// If it breaks a rule of the journal.
    pub fn apply(&mut self, batch: &Batch) {
        assert_eq!(
            batch.seq,
            self.seq + 1,
            "batches come in order, without gaps"
        );
        assert!(!batch.records.is_empty(), "no empty batches");
        self.seq = batch.seq;
        for record in &batch.records {
            self.record(record);
        }
    }

    /// Applies one record.
    ///
    /// # Panics
    /// If it breaks a rule of the journal.
    pub fn record(&mut self, record: &Record) {
        match record {
            Record::Opened(open) => {
                let id = open.cdr.call;
                assert!(
                    !self.cdrs.contains_key(&id),
                    "call {id} opens after its end"
                );
                assert!(
                    self.open.insert(id, (**open).clone()).is_none(),
                    "call {id} opens twice"
                );
            }
            Record::Answered { call, open, .. } => {
                let before = self
                    .open
                    .insert(*call, (**open).clone())
                    .expect("an answered call was opened");
                assert!(
                    before.cdr.answered_at.is_none(),
                    "call {call} is answered twice"
                );
                assert!(open.cdr.answered_at.is_some());
            }
            Record::Extended {
                call,
                levels,
                paid_until_s,
            } => {
                let open = self.open.get_mut(call).expect("an extended call is open");
                for (before, after) in open.holds.iter().zip(levels) {
                    assert_eq!(before.account, after.account);
                    assert!(after.amount >= before.amount, "call {call}: a hold shrinks");
                }
                open.holds.clone_from(levels);
                open.paid_until_s = *paid_until_s;
            }
            Record::Recorded { call, files } => {
                let open = self.open.get_mut(call).expect("a recorded call is open");
                open.cdr.recording.clone_from(files);
            }
            Record::Ended { cdr, entries } => self.ended(cdr, entries),
            Record::Posted(entry) => self.entry(entry),
            Record::Alert(alert) => self.alerts.push(alert.clone()),
            Record::Blocked(block) => {
                self.blocked
                    .insert(block.network.to_string(), block.clone());
            }
            Record::Unblocked { network } => {
                self.blocked.remove(&network.to_string());
            }
            Record::Registered(phone) => {
                self.registered
                    .insert((phone.username.clone(), phone.contact.clone()));
            }
            Record::Unregistered { username, contact } => {
                self.registered.remove(&(username.clone(), contact.clone()));
            }
        }
    }

    fn ended(&mut self, cdr: &Cdr, entries: &[Entry]) {
        let id = cdr.call;
        let open = self.open.remove(&id);
        assert!(
            self.cdrs.insert(id, cdr.clone()).is_none(),
            "call {id} ends twice"
        );
        if cdr.answered_at.is_none() {
            assert!(
                entries.is_empty() && cdr.charges.is_empty(),
                "call {id} was not answered and costs"
            );
            return;
        }
        let open = open.expect("an answered call was opened");
        assert!(
            cdr.duration_ms <= open.paid_until_s * 1000,
            "call {id} lasted longer than paid"
        );
        for charge in &cdr.charges {
            let held = open
                .holds
                .iter()
                .find(|level| level.account == charge.account)
                .expect("a hold per level");
            assert!(
                charge.charge <= held.amount,
                "call {id} costs more than held"
            );
            let booked = entries.iter().find(|entry| entry.account == charge.account);
            let booked = booked.map_or(Micros::ZERO, |entry| Micros(-entry.amount.0));
            assert_eq!(booked, charge.charge, "call {id}: entry and charge agree");
        }
        for entry in entries {
            self.entry(entry);
        }
    }

    fn entry(&mut self, entry: &Entry) {
        assert!(
            self.keys.insert(entry.key.clone()),
            "key {} is booked twice",
            entry.key
        );
        let balance = self.balances.entry(entry.account).or_default();
        *balance = balance.checked_add(entry.amount).expect("in range");
        assert_eq!(*balance, entry.balance_after, "balance after {}", entry.key);
        self.entries.push(entry.clone());
    }

    /// The one CDR there is.
    ///
    /// # Panics
    /// If there is none, or more.
    #[must_use]
    pub fn only_cdr(&self) -> &Cdr {
        assert_eq!(self.cdrs.len(), 1, "one CDR");
        self.cdrs.values().next().expect("one CDR")
    }

    /// An account's balance.
    #[must_use]
    pub fn balance(&self, account: i64) -> Micros {
        self.balances
            .get(&AccountId(account))
            .copied()
            .unwrap_or_default()
    }
}
