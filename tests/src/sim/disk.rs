//! The journal's disk: batches wait, are committed in groups, fail for a while, and survive a crash up to a point.
//!
//! What is on it is a [`Book`]; a share of the days keeps it in the real store as well, and after each crash both
//! must agree.

use super::{
    dice::{Dice, Topic},
    real::RealStore,
    scene::Scene,
    trouble::Trouble,
};
use crate::kit::Book;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tandem_billing::{AccountId, CallId, Micros, UtcMs, cdr::Cdr, ledger::Ledger};
use tandem_call::{
    Now,
    journal::{Batch, OpenCall, Record, Registration},
};

/// Cause of a call that a crash ended.
pub const CRASHED: &str = "switch.crash";

/// The disk.
pub struct Disk {
    /// What is on it.
    pub book: Book,
    /// The same in SQLite.
    pub real: Option<RealStore>,
    registrations: BTreeMap<(String, String), Registration>,
    waiting: VecDeque<Batch>,
    group: usize,
    beat: UtcMs,
    dice: Dice,
    slow: bool,
}

/// What a new process starts from.
pub struct Survivors {
    /// Balances and used keys.
    pub ledger: Ledger,
    /// Phones.
    pub registrations: Vec<Registration>,
    /// First free call id.
    pub next_call: CallId,
    /// Next batch.
    pub next_seq: u64,
    /// The last instant known durable, and what was closed up to it.
    pub closed: Vec<Cdr>,
}

impl Disk {
    /// An empty disk with opening balances.
    #[must_use]
    pub fn new(scene: &Scene, book: Book, real: Option<RealStore>) -> Self {
        let mut dice = Dice::new(scene.seed, Topic::Disk);
        let slow = dice.per_mille(400) && scene.has(Trouble::SlowDisk);
        Self {
            book,
            real,
            registrations: BTreeMap::new(),
            waiting: VecDeque::new(),
            group: 0,
            beat: UtcMs(scene.start),
            dice,
            slow,
        }
    }

    /// Takes a batch; milliseconds until its commit is done, if one begins now.
    pub fn submit(&mut self, batch: Batch) -> Option<u64> {
        self.waiting.push_back(batch);
        (self.group == 0).then(|| self.begin())
    }

    fn begin(&mut self) -> u64 {
        self.group = self.waiting.len();
        if self.slow {
            self.dice.between(0, 3_000)
        } else {
            self.dice.between(0, 4)
        }
    }

    /// The commit under way is done: the last batch on disk, and milliseconds until the next one is.
    pub fn commit(&mut self, now: Now) -> (u64, Option<u64>) {
        let group = std::mem::take(&mut self.group);
        self.write(group, now.utc);
        let next = (!self.waiting.is_empty()).then(|| self.begin());
        (self.book.seq, next)
    }

    fn write(&mut self, count: usize, at: UtcMs) {
        let group: Vec<Batch> = self.waiting.drain(..count).collect();
        if group.is_empty() {
            return;
        }
        for batch in &group {
            self.book.apply(batch);
            for record in &batch.records {
                self.register(record);
            }
        }
        if let Some(real) = &mut self.real {
            real.commit(&group, at);
        }
        self.beat = self.beat.max(at);
    }

    fn register(&mut self, record: &Record) {
        match record {
            Record::Registered(phone) => {
                let key = (phone.username.clone(), phone.contact.clone());
                self.registrations.insert(key, phone.clone());
            }
            Record::Unregistered { username, contact } => {
                self.registrations
                    .remove(&(username.clone(), contact.clone()));
            }
            Record::Opened(_)
            | Record::Answered { .. }
            | Record::Extended { .. }
            | Record::Recorded { .. }
            | Record::Ended { .. }
            | Record::Alert(_)
            | Record::Blocked(_)
            | Record::Unblocked { .. }
            | Record::Posted(_) => {}
        }
    }

    /// The process dies. Some of the batches that were on their way are on disk, in order; `broken_since` tells
    /// when commits began to fail.
    pub fn die(&mut self, now: Now, dice: &mut Dice, broken_since: Option<UtcMs>) {
        let whole = match broken_since {
            Some(_) => 0,
            None => usize::try_from(dice.below(self.waiting.len() as u64 + 1)).expect("few"),
        };
        self.write(whole, now.utc);
        self.waiting.clear();
        self.group = 0;
        let late = i64::try_from(dice.below(1_000)).expect("a second");
        let last = broken_since.unwrap_or(now.utc).plus_ms(-late);
        // A heartbeat goes out every second while calls are open and the disk takes it.
        if !self.book.open.is_empty() && last > self.beat {
            self.beat = last;
            if let Some(real) = &mut self.real {
                real.beat(last);
            }
        }
    }

    /// The new process opens the store: what was open is closed at the last durable second.
    pub fn reopen(&mut self, now: Now) -> Survivors {
        let open: Vec<OpenCall> = self.book.open.values().cloned().collect();
        let closed: Vec<Cdr> = open.into_iter().map(|open| self.close(open)).collect();
        self.registrations
            .retain(|_, phone| phone.expires_at > now.utc);
        let mut survivors = Survivors {
            ledger: Ledger::load(self.book.balances.clone(), self.keys()),
            registrations: self.registrations.values().cloned().collect(),
            next_call: CallId(self.book.cdrs.last_key_value().map_or(0, |(id, _)| id.0) + 1),
            next_seq: self.book.seq + 1,
            closed,
        };
        if let Some(real) = &mut self.real {
            real.reopen(now.utc, &self.book, &mut survivors);
        }
        survivors
    }

    /// Phones that are registered.
    #[must_use]
    pub fn registered(&self) -> usize {
        self.registrations.len()
    }

    /// The same, by device and contact.
    #[must_use]
    pub fn phones(&self) -> BTreeSet<(String, String)> {
        self.registrations.keys().cloned().collect()
    }

    fn keys(&self) -> Vec<String> {
        let posted = self
            .book
            .entries
            .iter()
            .filter(|entry| entry.call.is_none());
        posted.map(|entry| entry.key.clone()).collect()
    }

    /// The naive recovery: whole seconds from the answer to the last durable instant, at most what is paid.
    fn close(&mut self, open: OpenCall) -> Cdr {
        let lived = open
            .cdr
            .answered_at
            .map_or(0, |at| (self.beat.0 - at.0).max(0) / 1000);
        let secs = u64::try_from(lived)
            .expect("not negative")
            .min(open.paid_until_s);
        let mut cdr = open.cdr.clone();
        cdr.cause = CRASHED.to_owned();
        cdr.duration_ms = secs * 1000;
        let mut entries = Vec::new();
        if cdr.answered_at.is_some() {
            for (level, ((account, quote), hold)) in open.quotes.iter().zip(&open.holds).enumerate()
            {
                let charge = quote.charge(cdr.duration_ms, 0).amount.min(hold.amount);
                entries.extend(self.entry(&cdr, level, *account, charge));
                cdr.charges
                    .push(level_charge(*account, quote, cdr.duration_ms, charge));
            }
            cdr.cost = open
                .cost
                .as_ref()
                .map(|(gateway, quote)| cost(*gateway, quote, cdr.duration_ms));
        }
        self.book.record(&Record::Ended {
            cdr: Box::new(cdr.clone()),
            entries,
        });
        cdr
    }

    fn entry(
        &self,
        cdr: &Cdr,
        level: usize,
        account: AccountId,
        charge: Micros,
    ) -> Option<tandem_billing::ledger::Entry> {
        let balance = self
            .book
            .balances
            .get(&account)
            .copied()
            .unwrap_or_default();
        (charge > Micros::ZERO).then(|| tandem_billing::ledger::Entry {
            key: format!("call:{}:{level}", cdr.call),
            account,
            kind: tandem_billing::ledger::EntryKind::CallCharge,
            amount: Micros(-charge.0),
            balance_after: Micros(balance.0 - charge.0),
            at: self.beat,
            call: Some(cdr.call),
            operator: None,
            note: String::new(),
        })
    }
}

fn level_charge(
    account: AccountId,
    quote: &tandem_billing::Quote,
    duration_ms: u64,
    charge: Micros,
) -> tandem_billing::cdr::LevelCharge {
    tandem_billing::cdr::LevelCharge {
        account,
        tariff: quote.tariff,
        rate: quote.rate,
        prefix: quote.prefix.clone(),
        description: quote.description.clone(),
        currency: quote.currency,
        price_per_minute: quote.price_per_minute,
        billed_secs: quote.charge(duration_ms, 0).billed_secs,
        charge,
    }
}

fn cost(
    gateway: tandem_billing::GatewayId,
    quote: &tandem_billing::Quote,
    duration_ms: u64,
) -> tandem_billing::cdr::Cost {
    let taken = quote.charge(duration_ms, 0);
    tandem_billing::cdr::Cost {
        gateway,
        tariff: quote.tariff,
        rate: quote.rate,
        prefix: quote.prefix.clone(),
        currency: quote.currency,
        price_per_minute: quote.price_per_minute,
        billed_secs: taken.billed_secs,
        cost: taken.amount,
    }
}
