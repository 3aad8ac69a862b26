//! Batches become rows: amounts per level, roll-ups, details, and batches that cannot be applied.

use crate::fixture::{Fixture, START};
use tandem_billing::Micros;
use tandem_call::journal::{Batch, Record, Registration};
use tandem_store::{
    Event, List, ListQuery, Scope,
    query::{BalanceRow, CdrRow, LedgerRow},
};

fn submit(fixture: &Fixture, batches: Vec<Batch>) {
    let last = batches.last().unwrap().seq;
    for batch in batches {
        fixture.writer().submit(batch).unwrap();
    }
    fixture.events.durable(last);
}

#[test]
fn an_answered_call_books_every_level_and_the_cost() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    submit(&fixture, desk.call(operator.client, START, 60));
    let reader = fixture.reader();
    let detail = reader
        .cdr(tandem_billing::CallId(1), Scope::All)
        .unwrap()
        .unwrap();
    let charged: Vec<_> = detail
        .charges
        .iter()
        .map(|level| (level.account_id, level.charge.0))
        .collect();
    assert_eq!(
        charged,
        [(operator.client, 60_000), (operator.reseller, 30_000)]
    );
    let money = &detail.cdr.money;
    assert_eq!(
        (money.charge, money.revenue, money.cost, money.margin),
        (
            Micros(60_000),
            Some(Micros(30_000)),
            Some(Micros(10_000)),
            Some(Micros(20_000)),
        )
    );
    assert_eq!(detail.cost.unwrap().cost, Micros(10_000));
    assert_eq!(detail.trace.unwrap(), serde_json::json!({ "steps": [] }));
    let balances = reader
        .rows::<BalanceRow>(List::Balance, &ListQuery::all(Scope::All))
        .unwrap()
        .rows;
    let of = |account| {
        balances
            .iter()
            .find(|row| row.account_id == account)
            .unwrap()
    };
    assert_eq!(
        (of(operator.client).amount.0, of(operator.client).held.0),
        (9_940_000, 0)
    );
    assert_eq!(of(operator.reseller).amount.0, 9_970_000);
    let entries = reader
        .rows::<LedgerRow>(
            List::LedgerEntry,
            &ListQuery::all(Scope::All).filter(
                "account_id",
                tandem_store::query::Op::Eq,
                operator.client.0,
            ),
        )
        .unwrap()
        .rows;
    assert_eq!(
        entries
            .iter()
            .map(|entry| entry.amount.0)
            .collect::<Vec<_>>(),
        [10_000_000, -60_000]
    );
    let entry = reader
        .entry_by_key("call:1:0", Scope::All)
        .unwrap()
        .unwrap();
    assert_eq!(
        (entry.account_id, entry.amount.0),
        (operator.client, -60_000)
    );
    let hidden = reader
        .entry_by_key("call:1:0", Scope::Branch(operator.direct))
        .unwrap();
    assert!(hidden.is_none());
    assert_eq!(reader.charged(tandem_billing::CallId(1)).unwrap().len(), 2);
    fixture.verify();
}

#[test]
fn holds_show_while_a_call_is_open_and_go_with_it() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    let (mut open, opened) = desk.open(operator.client, START, 10);
    submit(&fixture, vec![opened]);
    let held = |fixture: &Fixture| {
        fixture
            .reader()
            .balance(operator.client, Scope::All)
            .unwrap()
            .unwrap()
            .held
            .0
    };
    assert_eq!(held(&fixture), 10_000);
    let answered = desk.answer(&mut open, START.plus_ms(1000));
    let extended = desk.extend(&mut open, 30);
    submit(&fixture, vec![answered, extended]);
    assert_eq!(held(&fixture), 30_000);
    let ended = desk.end(&open, START.plus_ms(21_000));
    submit(&fixture, vec![ended]);
    assert_eq!(held(&fixture), 0);
    fixture.verify();
}

#[test]
fn an_unanswered_call_leaves_a_free_cdr() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    let (open, opened) = desk.open(operator.direct, START, 10);
    let ended = desk.end(&open, START.plus_ms(3000));
    submit(&fixture, vec![opened, ended]);
    let cdr: CdrRow = fixture
        .reader()
        .get_row(List::Cdr, 1, Scope::All)
        .unwrap()
        .unwrap();
    assert_eq!(
        (cdr.money.charge, cdr.times.duration_ms, cdr.cause.as_str()),
        (Micros(0), 0, "caller.cancelled")
    );
    fixture.verify();
}

#[test]
fn a_batch_that_breaks_a_rule_is_put_aside_and_the_others_stand() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    let good = desk.call(operator.client, START, 5);
    let mut twice = good.last().unwrap().clone();
    twice.seq = desk.seq + 1;
    desk.seq += 1;
    let more = desk.call(operator.direct, START, 5);
    submit(
        &fixture,
        good.into_iter()
            .chain([twice.clone()])
            .chain(more)
            .collect(),
    );
    let rejected = fixture
        .events
        .wait_for(|event| matches!(event, Event::Rejected { .. }));
    assert!(matches!(rejected, Event::Rejected { seq, .. } if seq == twice.seq));
    let cdrs = fixture
        .reader()
        .rows::<CdrRow>(List::Cdr, &ListQuery::all(Scope::All))
        .unwrap();
    assert_eq!(cdrs.total, Some(2));
    let report = tandem_store::verify::verify(&fixture.path()).unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
    assert!(report.problems[0].starts_with("journal batch was put aside"));
}

#[test]
fn registrations_outlive_a_restart_until_they_expire() {
    let (mut fixture, operator) = Fixture::operator();
    fixture.create(&crate::fixture::device(operator.client, "phone"));
    let mut desk = operator.desk(&mut fixture);
    let registration = |contact: &str, seconds: i64| Registration {
        username: "phone".to_owned(),
        contact: contact.to_owned(),
        transport: "udp".to_owned(),
        listener: 0,
        remote: "192.0.2.9:5060".to_owned(),
        path: vec!["<sip:edge;lr>".to_owned()],
        call_id: "r".to_owned(),
        cseq: 1,
        expires_at: START.plus_ms(seconds * 1000),
        user_agent: "Phone".to_owned(),
        q_thousandths: 1000,
    };
    let records = [("sip:a", 10), ("sip:b", 100), ("sip:c", 100)]
        .map(|(contact, s)| Record::Registered(registration(contact, s)));
    let registered = desk.batch(records.to_vec());
    let gone = desk.batch(vec![Record::Unregistered {
        username: "phone".to_owned(),
        contact: "sip:c".to_owned(),
    }]);
    submit(&fixture, vec![registered, gone]);
    fixture.set_clock(START.plus_ms(50_000));
    let loaded = fixture.open().take_loaded().unwrap();
    let contacts: Vec<_> = loaded
        .registrations
        .iter()
        .map(|r| (r.contact.as_str(), r.path.len()))
        .collect();
    assert_eq!(contacts, [("sip:b", 1)]);
    assert_eq!(loaded.next_seq, desk.seq + 1);
}

#[test]
fn ledger_entries_cannot_be_changed_or_deleted() {
    let (mut fixture, operator) = Fixture::operator();
    operator.desk(&mut fixture);
    fixture.close();
    let raw = rusqlite::Connection::open(fixture.path()).unwrap();
    for sql in [
        "UPDATE ledger_entry SET amount = 1",
        "DELETE FROM ledger_entry",
    ] {
        let refused = raw.execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
}
