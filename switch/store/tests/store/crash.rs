//! The process dies at any batch, or any step of SQLite fails: after opening again nothing is lost, nothing is
//! billed twice, no hold is left.

use crate::{
    desk::Desk,
    fixture::{Fixture, Operator, START},
};
use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tandem_billing::{AccountId, CallId, Micros, UtcMs};
use tandem_call::journal::{Batch, Record};
use tandem_store::{
    Committer, List, ListQuery, Reader, Scope, Store, StoreOptions,
    query::{BalanceRow, CdrRow},
};

/// Calls of every shape, interleaved; each batch with the instant of its commit.
fn script(desk: &mut Desk, operator: Operator) -> Vec<(Batch, UtcMs)> {
    let at = |s: i64| START.plus_ms(s * 1000);
    let mut batches = Vec::new();
    let mut put = |batch: Batch, s: i64| batches.push((batch, at(s)));
    let (mut first, batch) = desk.open(operator.client, at(0), 10);
    put(batch, 0);
    put(desk.answer(&mut first, at(2)), 2);
    let (unanswered, batch) = desk.open(operator.direct, at(3), 10);
    put(batch, 3);
    put(desk.extend(&mut first, 30), 9);
    let (mut second, batch) = desk.open(operator.direct, at(10), 20);
    put(batch, 10);
    put(desk.answer(&mut second, at(12)), 12);
    put(desk.end(&unanswered, at(13)), 13);
    put(desk.pay(operator.client, Micros(500_000), at(14)), 14);
    put(desk.end(&first, at(25)), 25);
    put(desk.end(&second, at(31)), 31);
    batches
}

pub fn options(now: UtcMs) -> StoreOptions {
    StoreOptions {
        clock: Arc::new(move || now),
        ..StoreOptions::default()
    }
}

pub fn prepared() -> (Fixture, Operator, Vec<(Batch, UtcMs)>) {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    let script = script(&mut desk, operator);
    fixture.close();
    (fixture, operator, script)
}

fn commit_all(fixture: &Fixture, batches: &[(Batch, UtcMs)]) {
    write_all(fixture, batches, |_| false);
}

/// Some only noted, as the process dies.
fn write_all(fixture: &Fixture, batches: &[(Batch, UtcMs)], noted: impl Fn(usize) -> bool) {
    let mut committer = Committer::open(&fixture.path()).unwrap();
    for (n, (batch, at)) in batches.iter().enumerate() {
        if noted(n) {
            let mut group = vec![batch.clone()];
            committer.note(&mut group, *at).unwrap();
            assert!(group.is_empty(), "taken");
        } else {
            let rejected = committer.commit(std::slice::from_ref(batch), *at).unwrap();
            assert!(rejected.is_empty());
        }
    }
}

fn opened(batches: &[(Batch, UtcMs)]) -> Vec<CallId> {
    let records = batches.iter().flat_map(|(batch, _)| &batch.records);
    records
        .filter_map(|record| match record {
            Record::Opened(open) => Some(open.cdr.call),
            _ => None,
        })
        .collect()
}

fn cdrs(reader: &Reader) -> BTreeMap<CallId, CdrRow> {
    let page = reader
        .rows::<CdrRow>(List::Cdr, &ListQuery::all(Scope::All))
        .unwrap();
    page.rows
        .into_iter()
        .map(|cdr| (cdr.call_id, cdr))
        .collect()
}

fn balance(reader: &Reader, account: AccountId) -> i64 {
    let row: BalanceRow = reader.balance(account, Scope::All).unwrap().unwrap();
    assert_eq!(row.held, Micros::ZERO);
    row.amount.0
}

#[test]
fn a_crash_after_any_batch_closes_and_bills_what_was_open() {
    let (fixture, operator, script) = prepared();
    let template = fixture.folder.path().join("template");
    fs::copy(fixture.path(), &template).unwrap();
    for n in 0..=script.len() {
        fs::copy(&template, fixture.path()).unwrap();
        commit_all(&fixture, &script[..n]);
        check_recovered(&fixture, operator, &script[..n]);
    }
}

#[test]
fn a_crash_loses_nothing_that_was_noted() {
    let (fixture, operator, script) = prepared();
    let template = fixture.folder.path().join("template");
    fs::copy(fixture.path(), &template).unwrap();
    // Bit n of a pattern: batch n is noted.
    let patterns = [
        0b11_1111_1111u32,
        0b10_1010_1010,
        0b01_0101_0101,
        0b11_1000_1110,
    ];
    for pattern in patterns {
        for n in 0..=script.len() {
            fs::copy(&template, fixture.path()).unwrap();
            write_all(&fixture, &script[..n], |n| pattern >> n & 1 == 1);
            check_recovered(&fixture, operator, &script[..n]);
        }
    }
}

#[test]
fn a_noted_batch_that_cannot_be_read_is_put_aside_and_the_others_count() {
    let (fixture, operator, script) = prepared();
    write_all(&fixture, &script[6..8], |_| true);
    let raw = rusqlite::Connection::open(fixture.path()).unwrap();
    let spoilt = raw.execute(
        "UPDATE noted_batch SET document = '[{\"melted\":{}}]' WHERE seq = ?1",
        [script[6].0.seq],
    );
    assert_eq!(spoilt.unwrap(), 1);
    let store = Store::open(&fixture.path(), options(START.plus_ms(500_000))).unwrap();
    assert_eq!(balance(&store.reader(), operator.client), 10_500_000);
    drop(store);
    let left: i64 = raw
        .query_row(crate::writer::NOTED, [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
    // It is put aside once, not at every start.
    drop(Store::open(&fixture.path(), options(START.plus_ms(500_000))).unwrap());
    let report = tandem_store::verify::verify(&fixture.path()).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert!(
        report.problems[0].contains("a noted batch cannot be read"),
        "{:?}",
        report.problems
    );
}

#[test]
fn a_note_writes_one_page() {
    let (fixture, _, script) = prepared();
    let mut committer = Committer::open(&fixture.path()).unwrap();
    let mut wal = fixture.path().into_os_string();
    wal.push("-wal");
    let mut grown = Vec::new();
    for pair in script.chunks_exact(2) {
        let (noted, committed) = (&pair[0], &pair[1]);
        let before = fs::metadata(&wal).unwrap().len();
        committer.note(&mut vec![noted.0.clone()], noted.1).unwrap();
        grown.push(fs::metadata(&wal).unwrap().len() - before);
        let rows = std::slice::from_ref(&committed.0);
        assert!(committer.commit(rows, committed.1).unwrap().is_empty());
    }
    // The first one makes the slot.
    assert!(grown.len() > 3);
    assert!(
        grown[1..].iter().all(|bytes| *bytes == 24 + 4_096),
        "{grown:?}"
    );
}

#[test]
fn a_number_that_is_taken_cannot_be_noted() {
    let (fixture, _, script) = prepared();
    let mut committer = Committer::open(&fixture.path()).unwrap();
    let at = script[0].1;
    let batch = |n: usize| vec![script[n].0.clone()];
    assert!(committer.commit(&batch(0), at).unwrap().is_empty());
    for taken in [batch(0), [batch(1), batch(1)].concat()] {
        let mut group = taken.clone();
        assert!(committer.note(&mut group, at).is_err());
        assert_eq!(group.len(), taken.len(), "nothing is lost");
    }
    committer.note(&mut batch(1), at).unwrap();
    assert!(committer.note(&mut batch(1), at).is_err());
    assert_eq!(committer.noted(), 1);
}

/// Opens what a process that died after these batches has left, twice.
pub fn check_recovered(fixture: &Fixture, operator: Operator, committed: &[(Batch, UtcMs)]) {
    let n = committed.len();
    let store = Store::open(&fixture.path(), options(START.plus_ms(500_000))).unwrap();
    let report = store.recovery().clone();
    let cdrs = cdrs(&store.reader());
    assert_eq!(
        cdrs.keys().copied().collect::<Vec<_>>(),
        opened(committed),
        "after {n}"
    );
    for closed in &report.calls {
        assert_eq!(cdrs[&closed.call].cause, "switch.crash");
        assert_eq!(cdrs[&closed.call].times.duration_ms, closed.duration_ms);
    }
    let spent = |account| {
        cdrs.values()
            .filter(|cdr| cdr.account_id == Some(account))
            .map(|cdr| cdr.money.charge.0)
            .sum::<i64>()
    };
    let paid_later = if n >= 8 { 500_000 } else { 0 };
    assert_eq!(
        balance(&store.reader(), operator.client),
        10_000_000 + paid_later - spent(operator.client)
    );
    assert_eq!(
        balance(&store.reader(), operator.direct),
        10_000_000 - spent(operator.direct)
    );
    drop(store);
    fixture.verify();
    let again = Store::open(&fixture.path(), options(START.plus_ms(900_000))).unwrap();
    assert!(again.recovery().calls.is_empty(), "once is enough");
}

#[test]
fn a_call_is_billed_to_the_last_durable_second_and_never_beyond_what_was_paid() {
    // (heartbeat after the extension, billed seconds): answered at second 2, held to 30 s of talk at second 9.
    let table = [
        (9_000, 7),
        (11_999, 9),
        (20_000, 18),
        (32_000, 30),
        (300_000, 30),
    ];
    let (fixture, operator, script) = prepared();
    let template = fixture.folder.path().join("template");
    fs::copy(fixture.path(), &template).unwrap();
    for (beat_ms, seconds) in table {
        fs::copy(&template, fixture.path()).unwrap();
        commit_all(&fixture, &script[..4]);
        Committer::open(&fixture.path())
            .unwrap()
            .heartbeat(START.plus_ms(beat_ms))
            .unwrap();
        let store = Store::open(&fixture.path(), options(START.plus_ms(500_000))).unwrap();
        assert_eq!(store.recovery().last_durable, Some(START.plus_ms(beat_ms)));
        let closed = &store.recovery().calls[0];
        assert_eq!(closed.duration_ms, seconds * 1000, "heartbeat at {beat_ms}");
        let per_second = [(operator.client, 1000), (operator.reseller, 500)];
        let expected = per_second.map(|(account, price)| (account, Micros(price * seconds as i64)));
        assert_eq!(closed.charges, expected);
        let cdr = &cdrs(&store.reader())[&closed.call];
        assert_eq!(
            cdr.times.ended_at,
            START.plus_ms(2000 + seconds as i64 * 1000)
        );
    }
}

#[test]
fn the_cdr_of_a_crash_names_the_files_recorded_last() {
    for (files, noted) in [
        (Some("2026-03-01/1.wav 2026-03-01/1-2.wav"), false),
        (Some("it's \"one\".wav"), true),
        (None, false),
    ] {
        let (mut fixture, operator) = Fixture::operator();
        let mut desk = operator.desk(&mut fixture);
        let (mut open, opened) = desk.open(operator.client, START, 10);
        open.cdr.recording = Some("2026-03-01/1.wav".to_owned());
        let answered = desk.answer(&mut open, START.plus_ms(1_000));
        let recorded = desk.batch(vec![Record::Recorded {
            call: open.cdr.call,
            files: files.map(str::to_owned),
        }]);
        fixture.close();
        let batches = [opened, answered, recorded].map(|batch| (batch, START.plus_ms(2_000)));
        write_all(&fixture, &batches, |_| noted);
        let store = Store::open(&fixture.path(), options(START.plus_ms(5_000))).unwrap();
        let cdr = &cdrs(&store.reader())[&open.cdr.call];
        assert_eq!(cdr.recording.as_deref(), files);
        drop(store);
        fixture.verify();
    }
}

#[test]
fn an_open_call_that_cannot_be_read_does_not_keep_the_switch_down() {
    let (fixture, _, script) = prepared();
    commit_all(&fixture, &script[..1]);
    let raw = rusqlite::Connection::open(fixture.path()).unwrap();
    raw.execute(
        "UPDATE open_call SET document = '{\"from\":\"the future\"}'",
        [],
    )
    .unwrap();
    drop(raw);
    let store = Store::open(&fixture.path(), options(START.plus_ms(5000))).unwrap();
    assert_eq!(store.recovery().unreadable, [CallId(1)]);
    drop(store);
    let report = tandem_store::verify::verify(&fixture.path()).unwrap();
    assert_eq!(report.problems.len(), 1);
    assert!(report.problems[0].contains("open call 1"));
}

/// Steps of SQLite's machine between two possible failures.
const GRAIN: i32 = 40;

#[test]
fn whichever_step_of_sqlite_fails_the_batch_is_repeated_and_counts_once() {
    let (fixture, operator, script) = prepared();
    let template = fixture.folder.path().join("template");
    fs::copy(fixture.path(), &template).unwrap();
    let mut failures = 0;
    for n in 1.. {
        fs::copy(&template, fixture.path()).unwrap();
        let countdown = Arc::new(AtomicI64::new(n));
        let failed = run_with_fault(&fixture, &script, &countdown);
        let reader = Reader::new(&fixture.path(), 1, std::time::Duration::from_secs(10));
        assert_eq!(cdrs(&reader).len(), 3, "fault {n}");
        assert_eq!(
            balance(&reader, operator.direct),
            10_000_000 - 38_000,
            "fault {n}"
        );
        assert_eq!(
            balance(&reader, operator.client),
            10_500_000 - 23_000,
            "fault {n}"
        );
        fixture.verify();
        if !failed {
            break;
        }
        failures += 1;
    }
    assert!(
        failures > 20,
        "only {failures} steps failed: the fault is not injected"
    );
}

fn run_with_fault(
    fixture: &Fixture,
    script: &[(Batch, UtcMs)],
    countdown: &Arc<AtomicI64>,
) -> bool {
    let mut connection = rusqlite::Connection::open(fixture.path()).unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF;")
        .unwrap();
    let counter = Arc::clone(countdown);
    let handler = move || counter.fetch_sub(1, Ordering::SeqCst) == 1;
    connection.progress_handler(GRAIN, Some(handler)).unwrap();
    let mut committer = Committer::over(connection);
    let mut failed = false;
    let mut fail = |error| {
        assert!(!failed, "only one step fails: {error:?}");
        failed = true;
    };
    for (n, group) in script.chunks(3).enumerate() {
        let mut batches: Vec<Batch> = group.iter().map(|(batch, _)| batch.clone()).collect();
        let at = group.last().unwrap().1;
        if n % 2 == 0 {
            while let Err(error) = committer.note(&mut batches, at) {
                fail(error);
            }
        } else {
            while let Err(error) = committer.commit(&batches, at) {
                fail(error);
            }
        }
    }
    assert_eq!(
        script.chunks(3).count() % 2,
        0,
        "the last group is committed"
    );
    failed
}
