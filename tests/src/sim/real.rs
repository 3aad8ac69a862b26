//! The real store under the simulated disk: the same batches into SQLite, the files as a crash leaves them copied
//! away, opened and recovered by the store itself, and compared with the model.

use super::{disk::Survivors, operator::Operator};
use crate::kit::Book;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};
use tandem_billing::{AccountId, CallId, Micros, UtcMs};
use tandem_call::journal::Batch;
use tandem_store::{
    Actor, Committer, Edit, List, ListQuery, Reader, Scope, Store, StoreOptions,
    query::{BalanceRow, CdrRow},
    record::{Account, Device},
};
use tempfile::TempDir;

/// An operator's store with every account and phone and no money, made once.
static TEMPLATE: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make(&file(folder.path())).expect("the template is made");
    folder
});

fn file(folder: &Path) -> PathBuf {
    folder.join("tandem.db")
}

fn make(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(path, options(UtcMs(0)))?;
    let writer = store.writer();
    for account in Operator::of_seed(0).accounts {
        let row: Account = serde_json::from_value(serde_json::json!({
            "login": format!("account{}", account.id), "kind": "retail", "status": "active", "currency": "EUR",
        }))?;
        let edited = writer.edit(Edit::create(Actor::system("simulation"), UtcMs(0), &row))?;
        assert_eq!(edited.id, account.id, "accounts are numbered from 1");
        for username in account.devices() {
            let row: Device = serde_json::from_value(serde_json::json!({
                "account_id": account.id, "username": username, "password": format!("secret-{username}"),
            }))?;
            writer.edit(Edit::create(Actor::system("simulation"), UtcMs(0), &row))?;
        }
    }
    Ok(())
}

fn options(now: UtcMs) -> StoreOptions {
    StoreOptions {
        clock: Arc::new(move || now),
        readers: 1,
        ..StoreOptions::default()
    }
}

/// A store that a simulated process writes.
pub struct RealStore {
    folder: TempDir,
    life: u32,
    committer: Option<Committer>,
}

impl RealStore {
    /// A fresh one.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn fresh() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("0.db");
        fs::copy(file(TEMPLATE.path()), &path).expect("the template is copied");
        let committer = Committer::open(&path).expect("the copy opens");
        Self {
            folder,
            life: 0,
            committer: Some(committer),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(format!("{}.db", self.life))
    }

    fn committer(&mut self) -> &mut Committer {
        self.committer.as_mut().expect("the store is open")
    }

    /// Commits a group, or notes it, so that a crash finds some of both.
    ///
    /// # Panics
    /// If anything of it is put aside or refused.
    pub fn commit(&mut self, group: &[Batch], at: UtcMs) {
        if group
            .last()
            .is_some_and(|batch| batch.seq.is_multiple_of(2))
        {
            let noted = self.committer().note(&mut group.to_vec(), at);
            return noted.expect("the disk works");
        }
        let rejected = self.committer().commit(group, at).expect("the disk works");
        assert!(rejected.is_empty(), "put aside: {rejected:?}");
    }

    /// Writes the heartbeat.
    ///
    /// # Panics
    /// If it cannot.
    pub fn beat(&mut self, at: UtcMs) {
        self.committer().heartbeat(at).expect("the disk works");
    }

    /// The process dies and another one opens what is on disk, after the model has been reopened.
    ///
    /// # Panics
    /// If store and model differ.
    pub fn reopen(&mut self, now: UtcMs, book: &Book, survivors: &mut Survivors) {
        let before = self.path();
        self.life += 1;
        let path = self.path();
        // As a power cut leaves it: the database and its log, without the orderly end of a close.
        fs::copy(&before, &path).expect("the database is copied");
        let log = |path: &Path| path.with_extension("db-wal");
        if log(&before).exists() {
            fs::copy(log(&before), log(&path)).expect("the log is copied");
        }
        self.committer = None;
        let mut store = Store::open(&path, options(now)).expect("the store opens after a crash");
        let loaded = store.take_loaded().expect("what the core starts from");
        let closed: Vec<(CallId, u64)> = store
            .recovery()
            .calls
            .iter()
            .map(|call| (call.call, call.duration_ms))
            .collect();
        let expected: Vec<(CallId, u64)> = survivors
            .closed
            .iter()
            .map(|cdr| (cdr.call, cdr.duration_ms))
            .collect();
        assert_eq!(
            closed, expected,
            "the store's recovery and the model's close the same calls"
        );
        assert!(
            store.recovery().unreadable.is_empty(),
            "every open call can be read"
        );
        assert_eq!(loaded.next_seq, survivors.next_seq, "next batch");
        assert_eq!(loaded.next_call, survivors.next_call, "next call");
        let names = |list: &[tandem_call::journal::Registration]| -> Vec<(String, String)> {
            list.iter()
                .map(|phone| (phone.username.clone(), phone.contact.clone()))
                .collect()
        };
        assert_eq!(
            names(&loaded.registrations),
            names(&survivors.registrations),
            "phones"
        );
        compare(&store.reader(), book);
        survivors.ledger = loaded.ledger;
        survivors.registrations = loaded.registrations;
        drop(store);
        self.committer = Some(Committer::open(&path).expect("the store opens"));
    }

    /// At the end of the day: the file agrees with the model and with itself.
    ///
    /// # Panics
    /// If it does not.
    pub fn finish(&mut self, book: &Book) {
        let rejected = self.committer().commit(&[], UtcMs(0));
        assert_eq!(rejected.expect("the disk works"), [], "put aside");
        self.committer = None;
        let reader = Reader::new(&self.path(), 1, std::time::Duration::from_secs(60));
        compare(&reader, book);
        let report = tandem_store::verify::verify(&self.path()).expect("the file is read");
        assert_eq!(report.problems, Vec::<String>::new(), "verify");
        assert_eq!(report.open_calls, 0, "no call is open");
    }
}

/// Balances and CDRs of the file against the model's.
fn compare(reader: &Reader, book: &Book) {
    for (account, balance) in &book.balances {
        let row: Option<BalanceRow> = reader
            .balance(*account, Scope::All)
            .expect("a balance is read");
        let amount = row.map_or(Micros::ZERO, |row| row.amount);
        assert_eq!(amount, *balance, "balance of account {account}");
    }
    let query = ListQuery {
        limit: 500,
        ..ListQuery::all(Scope::All)
    };
    let page = reader
        .rows::<CdrRow>(List::Cdr, &query)
        .expect("CDRs are read");
    assert_eq!(page.rows.len(), book.cdrs.len(), "number of CDRs");
    for row in page.rows {
        let cdr = &book.cdrs[&row.call_id];
        let charge = cdr
            .charges
            .first()
            .map_or(Micros::ZERO, |level| level.charge);
        let cost = cdr.cost.as_ref().map_or(Micros::ZERO, |cost| cost.cost);
        let margin = cdr.margin().unwrap_or(Micros::ZERO);
        let expected: (&str, u64, Option<AccountId>, Micros) =
            (&cdr.cause, cdr.duration_ms, cdr.account, charge);
        assert_eq!(
            (
                row.cause.as_str(),
                row.times.duration_ms,
                row.account_id,
                row.money.charge
            ),
            expected,
            "CDR of call {}",
            row.call_id
        );
        assert_eq!(
            (
                row.money.cost.unwrap_or_default(),
                row.money.margin.unwrap_or_default()
            ),
            (cost, margin),
            "cost and margin of call {}",
            row.call_id
        );
    }
}
