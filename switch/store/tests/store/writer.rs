//! The queue: group commit under concurrent submitters, back-pressure, readers beside the writer, locks.

use crate::fixture::{Fixture, START, account};
use std::{sync::Arc, thread, time::Duration};
use tandem_billing::{
    AccountId, CallId, Micros, UtcMs,
    cdr::{Cdr, MediaStats},
    ledger::{Entry, EntryKind},
};
use tandem_call::journal::{Batch, LINGER, Record};
use tandem_store::{Event, List, ListQuery, Scope, Store, StoreError, query::CdrRow};

fn refused_call(call: i64) -> Record {
    let cdr = Cdr {
        call: CallId(call),
        a_call_id: format!("a-{call}"),
        b_call_id: None,
        attempts: 1,
        account: None,
        source: "192.0.2.9:5060".into(),
        caller: "1".into(),
        dialled: "2".into(),
        sent_number: None,
        rating_number: None,
        started_at: START,
        ringing_at: None,
        answered_at: None,
        ended_at: START,
        duration_ms: 0,
        pdd_ms: None,
        route: None,
        gateway: None,
        callee_account: None,
        transfer: None,
        cause: "caller.unknown".into(),
        sip_status: Some(403),
        codec: None,
        codec_b: None,
        charges: Vec::new(),
        cost: None,
        exchange: None,
        recording: None,
        media_a: MediaStats::default(),
        media_b: MediaStats::default(),
        trace: String::new(),
    };
    Record::Ended {
        cdr: Box::new(cdr),
        entries: Vec::new(),
    }
}

fn payment(account: AccountId, n: i64) -> Record {
    Record::Posted(Entry {
        key: format!("pay:{n}"),
        account,
        kind: EntryKind::Payment,
        amount: Micros(1),
        balance_after: Micros(0),
        at: START,
        call: None,
        operator: None,
        note: String::new(),
    })
}

#[test]
fn concurrent_submitters_share_commits_and_lose_nothing() {
    let fixture = Fixture::empty();
    let alice = AccountId(fixture.create(&account("alice")));
    let (threads, each) = (4, 500);
    thread::scope(|scope| {
        for worker in 0..threads {
            let writer = fixture.writer();
            scope.spawn(move || {
                for n in 0..each {
                    let seq = (worker * each + n + 1) as u64;
                    let batch = Batch {
                        seq,
                        records: vec![refused_call(seq as i64), payment(alice, seq as i64)],
                    };
                    writer.submit(batch).unwrap();
                }
            });
        }
        let reader = fixture.reader();
        scope.spawn(move || {
            for _ in 0..200 {
                // Never blocked, and never a half: each batch has a CDR and an entry.
                let cdrs = reader
                    .list(List::Cdr, &ListQuery::all(Scope::All).page(0, 1))
                    .unwrap()
                    .total
                    .unwrap();
                let balance = reader.balance(alice, Scope::All).unwrap().unwrap().amount.0;
                assert!(balance as u64 >= cdrs);
            }
        });
    });
    let last = Batch {
        seq: 1_000_000,
        records: Vec::new(),
    };
    fixture.writer().submit(last).unwrap();
    fixture.events.durable(1_000_000);
    let total = fixture
        .reader()
        .list(List::Cdr, &ListQuery::all(Scope::All))
        .unwrap()
        .total;
    assert_eq!(total, Some(2000));
    assert_eq!(
        fixture
            .reader()
            .balance(alice, Scope::All)
            .unwrap()
            .unwrap()
            .amount
            .0,
        2000
    );
    let commits = fixture
        .events
        .count(|event| matches!(event, Event::Durable { .. }));
    assert!(commits <= 2001);
}

#[test]
fn a_full_queue_gives_the_batch_back() {
    let mut fixture = Fixture::empty();
    fixture.close();
    let mut options = fixture.options();
    options.queue = 2;
    // The writer waits inside its first event until told to go on.
    let gate = Arc::new(std::sync::Barrier::new(2));
    let (held, events) = (Arc::clone(&gate), Arc::clone(&fixture.events));
    options.on_event = Arc::new(move |event| {
        if matches!(event, Event::Durable { seq: 1 }) {
            held.wait();
            held.wait();
        }
        events.push(event);
    });
    let store = Store::open(&fixture.path(), options).unwrap();
    let writer = store.writer();
    let batch = |seq: u64| Batch {
        seq,
        records: vec![refused_call(seq as i64)],
    };
    writer.submit(batch(1)).unwrap();
    gate.wait();
    writer.submit(batch(2)).unwrap();
    writer.submit(batch(3)).unwrap();
    let back = writer.submit(batch(4)).unwrap_err();
    assert_eq!(back.0[0].seq, 4);
    gate.wait();
    fixture.events.durable(3);
    writer.submit_all(back.0).unwrap();
    fixture.events.durable(4);
    drop(store);
    fixture.verify();
}

#[test]
fn a_journal_that_cannot_be_written_is_told_and_tried_again() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    // Somebody holds the write lock longer than the writer waits for it.
    let mut other = rusqlite::Connection::open(fixture.path()).unwrap();
    let lock = other
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .unwrap();
    let (_, opened) = desk.open(operator.direct, START, 5);
    let seq = opened.seq;
    fixture.writer().submit(opened).unwrap();
    fixture
        .events
        .wait_for(|event| matches!(event, Event::JournalFailed { .. }));
    assert_eq!(
        fixture
            .events
            .count(|event| matches!(event, Event::Durable { seq: up_to } if *up_to == seq)),
        0
    );
    lock.rollback().unwrap();
    fixture.events.durable(seq);
}

#[test]
fn two_switches_never_share_a_file() {
    let fixture = Fixture::empty();
    let second = Store::open(&fixture.path(), fixture.options());
    assert!(matches!(second, Err(StoreError::InUse(_))));
}

#[test]
fn the_next_switch_waits_while_the_last_one_lets_go() {
    let mut fixture = Fixture::empty();
    fixture.close();
    let held = std::fs::File::open(fixture.folder.path().join("tandem.db.lock")).unwrap();
    held.try_lock().unwrap();
    let (path, mut options) = (fixture.path(), fixture.options());
    options.lock_patience = Duration::from_secs(60);
    let begun = Arc::new(std::sync::Barrier::new(2));
    let begins = Arc::clone(&begun);
    let next = thread::spawn(move || {
        begins.wait();
        Store::open(&path, options).map(drop)
    });
    begun.wait();
    // It asks for the file meanwhile.
    (0..1_000).for_each(|_| thread::yield_now());
    drop(held);
    assert!(next.join().unwrap().is_ok());
}

#[test]
fn an_unbalanced_file_is_refused() {
    let (mut fixture, operator) = Fixture::operator();
    operator.desk(&mut fixture);
    fixture.close();
    let raw = rusqlite::Connection::open(fixture.path()).unwrap();
    raw.execute(
        "UPDATE balance SET amount = amount + 1 WHERE account_id = ?1",
        [operator.direct.0],
    )
    .unwrap();
    drop(raw);
    assert!(matches!(
        Store::open(&fixture.path(), fixture.options()),
        Err(StoreError::Unbalanced(1))
    ));
    let report = tandem_store::verify::verify(&fixture.path()).unwrap();
    assert!(
        report.problems[0].contains("is not the sum of its entries"),
        "{:?}",
        report.problems
    );
}

#[test]
fn a_backup_is_a_whole_store_and_never_overwrites() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    for batch in desk.call(operator.client, START, 5) {
        fixture.writer().submit(batch).unwrap();
    }
    fixture.in_rows(desk.seq);
    let to = fixture.folder.path().join("copy.db");
    tandem_store::backup::backup(&fixture.path(), &to).unwrap();
    assert!(tandem_store::backup::backup(&fixture.path(), &to).is_err());
    let report = tandem_store::verify::verify(&to).unwrap();
    assert_eq!((report.cdrs, report.problems.len()), (1, 0));
    let copy = Store::open(&to, tandem_store::StoreOptions::default()).unwrap();
    let cdr: Option<CdrRow> = copy.reader().get_row(List::Cdr, 1, Scope::All).unwrap();
    assert!(cdr.is_some());
}

#[test]
fn the_last_durable_instant_is_kept_while_a_call_is_open() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    fixture.close();
    let mut options = fixture.options();
    options.heartbeat = Duration::from_millis(1);
    fixture.store = Some(Store::open(&fixture.path(), options).unwrap());
    let (_, opened) = desk.open(operator.direct, START, 5);
    let seq = opened.seq;
    fixture.writer().submit(opened).unwrap();
    fixture.events.durable(seq);
    let later = UtcMs(START.0 + 4321);
    fixture.set_clock(later);
    let raw = rusqlite::Connection::open(fixture.path()).unwrap();
    let at = || {
        raw.query_row("SELECT at FROM heartbeat", [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let begun = std::time::Instant::now();
    // What happened within the last moments may still be held back by the core.
    let known = later.0 - i64::try_from(LINGER.as_millis()).unwrap();
    while at() != known {
        assert!(begun.elapsed().as_secs() < 60, "no heartbeat");
        thread::yield_now();
    }
}

/// Batches that are noted and not in their rows.
pub const NOTED: &str = "SELECT count(*) FROM noted_batch \
     WHERE seq > (SELECT coalesce(max(last_seq), 0) FROM heartbeat)";

/// Rows that a question counts in the file.
fn count(fixture: &Fixture, sql: &str) -> i64 {
    let raw = rusqlite::Connection::open(fixture.path()).unwrap();
    raw.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A call that was answered: durable, and as far as the writer is concerned perhaps only noted.
fn answered(fixture: &mut Fixture, operator: crate::fixture::Operator) -> crate::desk::Desk {
    let mut desk = operator.desk(fixture);
    let (mut call, opened) = desk.open(operator.direct, START, 5);
    let answered = desk.answer(&mut call, START.plus_ms(1_000));
    let seq = answered.seq;
    fixture.writer().submit_all(vec![opened, answered]).unwrap();
    fixture.events.durable(seq);
    desk
}

#[test]
fn an_answer_is_noted_and_soon_in_its_rows() {
    let (mut fixture, operator) = Fixture::operator();
    answered(&mut fixture, operator);
    assert_eq!(
        count(
            &fixture,
            &format!("SELECT ({NOTED}) / 2 + (SELECT count(*) FROM open_call)")
        ),
        1,
        "durable, in one form or the other"
    );
    let begun = std::time::Instant::now();
    while count(
        &fixture,
        "SELECT count(*) FROM open_call WHERE answered_at IS NOT NULL",
    ) == 0
    {
        assert!(begun.elapsed().as_secs() < 60, "never in its rows");
        thread::yield_now();
    }
    assert_eq!(count(&fixture, NOTED), 0);
}

#[test]
fn an_edit_and_the_end_find_what_was_noted_in_its_rows() {
    let (mut fixture, operator) = Fixture::operator();
    answered(&mut fixture, operator);
    fixture.create(&account("late"));
    assert_eq!(count(&fixture, "SELECT count(*) FROM open_call"), 1);
    assert_eq!(count(&fixture, NOTED), 0);

    let (mut fixture, operator) = Fixture::operator();
    answered(&mut fixture, operator);
    fixture.close();
    assert_eq!(count(&fixture, "SELECT count(*) FROM open_call"), 1);
    assert_eq!(count(&fixture, NOTED), 0);
}

#[test]
fn a_failure_to_write_rows_is_told_and_so_is_its_end() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    fixture.close();
    let (mut call, opened) = desk.open(operator.direct, START, 5);
    let answered = desk.answer(&mut call, START.plus_ms(1_000));
    let seq = answered.seq;
    // Somebody takes the write lock between the note and its rows.
    let lock = Arc::new(std::sync::OnceLock::new());
    let (holder, events, path) = (
        Arc::clone(&lock),
        Arc::clone(&fixture.events),
        fixture.path(),
    );
    let mut options = fixture.options();
    options.on_event = Arc::new(move |event| {
        if matches!(event, Event::Durable { seq: up_to } if up_to == seq) {
            holder.get_or_init(|| {
                let other = rusqlite::Connection::open(&path).unwrap();
                other.execute_batch("BEGIN IMMEDIATE").unwrap();
                std::sync::Mutex::new(other)
            });
        }
        events.push(event);
    });
    let store = Store::open(&fixture.path(), options).unwrap();
    let durables = |fixture: &Fixture| {
        fixture
            .events
            .count(|event| matches!(event, Event::Durable { .. }))
    };
    store.writer().submit_all(vec![opened, answered]).unwrap();
    fixture.events.durable(seq);
    fixture
        .events
        .wait_for(|event| matches!(event, Event::JournalFailed { .. }));
    let told = durables(&fixture);
    let other = lock.get().unwrap().lock().unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    let begun = std::time::Instant::now();
    while durables(&fixture) == told {
        assert!(begun.elapsed().as_secs() < 60, "its end is never told");
        thread::yield_now();
    }
    drop(store);
    assert_eq!(count(&fixture, "SELECT count(*) FROM open_call"), 1);
}

#[test]
fn a_batch_that_cannot_be_noted_is_committed() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = answered(&mut fixture, operator);
    let noted = desk.seq;
    let (mut call, mut opened) = desk.open(operator.direct, START, 5);
    let mut answered = desk.answer(&mut call, START.plus_ms(1_000));
    // Numbers that are taken: no core gives them, and no retry would help.
    (opened.seq, answered.seq) = (noted - 1, noted);
    fixture.writer().submit_all(vec![opened, answered]).unwrap();
    fixture.in_rows(noted);
    assert_eq!(count(&fixture, "SELECT count(*) FROM open_call"), 2);
}
