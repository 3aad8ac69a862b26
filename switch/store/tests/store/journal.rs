//! Batches become rows: amounts per level, roll-ups, details, and batches that cannot be applied.

use crate::fixture::{Fixture, START};
use tandem_billing::{Micros, UtcMs, cdr::MediaStats, exchange::KeptRatios};
use tandem_call::journal::{Alert, AlertKind, Batch, Record, Registration};
use tandem_store::{
    Event, List, ListQuery, Scope,
    query::{BalanceRow, CdrRow, LedgerRow},
};

fn submit(fixture: &Fixture, batches: Vec<Batch>) {
    let last = batches.last().unwrap().seq;
    for batch in batches {
        fixture.writer().submit(batch).unwrap();
    }
    fixture.in_rows(last);
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
        instance: Some(format!("<urn:uuid:{contact}>;1")),
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
        .map(|r| (r.contact.as_str(), r.path.len(), r.instance.as_deref()))
        .collect();
    assert_eq!(contacts, [("sip:b", 1, Some("<urn:uuid:sip:b>;1"))]);
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

#[test]
fn a_cdrs_audio_and_ratios_and_todays_charges_outlive_a_restart() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    let day = 86_400_000;
    let midnight = UtcMs(START.0.div_euclid(day) * day + day);
    let before = desk.call(operator.client, midnight.plus_ms(-600_000), 60);
    let mut after = desk.call(operator.client, midnight, 60);
    let dollars = KeptRatios {
        base: "USD".parse().unwrap(),
        ratios: [("EUR".parse().unwrap(), "1.25".parse().unwrap())].into(),
    };
    let heard = MediaStats {
        packets: 3_000,
        bytes: 480_000,
        lost: 7,
        jitter_us: 2_100,
        forged: 1,
        far_lost: 9,
        far_jitter_us: 4_000,
        round_trip_us: 61_000,
        mos_x100: Some(421),
        unheard_s: 12,
    };
    for record in after.iter_mut().flat_map(|batch| &mut batch.records) {
        if let Record::Ended { cdr, .. } = record {
            cdr.media_a.mos_x100 = Some(437);
            cdr.media_b = heard;
            cdr.exchange = Some(dollars.clone());
        }
    }
    submit(&fixture, before);
    submit(&fixture, after);
    fixture.close();
    fixture.set_clock(midnight.plus_ms(3_600_000));
    let loaded = fixture.open().take_loaded().unwrap();
    let spent: Vec<_> = loaded
        .charged_today
        .iter()
        .map(|(account, _, amount)| (*account, amount.0))
        .collect();
    assert_eq!(
        spent,
        [(operator.reseller, 30_000), (operator.client, 60_000)],
        "yesterday's call is not of today"
    );
    let call = tandem_billing::CallId(2);
    let detail = fixture.reader().cdr(call, Scope::All).unwrap().unwrap();
    assert_eq!(detail.media.b, heard);
    let row = (detail.cdr.mos_x100, detail.cdr.unheard.as_deref());
    assert_eq!(row, (Some(421), Some("callee")));
    assert_eq!(detail.exchange, Some(dollars));
    let branch = Scope::Branch(operator.reseller);
    let seen = fixture.reader().cdr(call, branch).unwrap().unwrap();
    assert_eq!(seen.exchange, None);
}

#[test]
fn a_cost_in_another_currency_gives_a_margin_at_the_ratio_kept() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    let mut batches = desk.call(operator.client, START, 60);
    for record in batches.iter_mut().flat_map(|batch| &mut batch.records) {
        if let Record::Ended { cdr, .. } = record {
            cdr.exchange = Some(KeptRatios {
                base: "EUR".parse().unwrap(),
                ratios: [("USD".parse().unwrap(), "0.8".parse().unwrap())].into(),
            });
            cdr.cost.as_mut().unwrap().currency = "USD".parse().unwrap();
        }
    }
    submit(&fixture, batches);
    let call = tandem_billing::CallId(1);
    let money = fixture
        .reader()
        .cdr(call, Scope::All)
        .unwrap()
        .unwrap()
        .cdr
        .money;
    assert_eq!(
        (money.revenue, money.cost, money.margin),
        (
            Some(Micros(30_000)),
            Some(Micros(10_000)),
            Some(Micros(22_000))
        )
    );
}

#[test]
fn alerts_are_kept_and_listed() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    let alert = |kind, account| {
        Record::Alert(Alert {
            at: START,
            kind,
            account: Some(account),
            call: Some(tandem_billing::CallId(9)),
            text: "look".into(),
        })
    };
    let batch = desk.batch(vec![
        alert(AlertKind::LowBalance, operator.client),
        alert(AlertKind::LedgerFault, operator.client),
    ]);
    submit(&fixture, vec![batch]);
    let kinds = |scope| {
        let page = fixture.reader().list(List::Alert, &ListQuery::all(scope));
        let rows = page.unwrap().rows;
        let kind = |row: &serde_json::Map<String, serde_json::Value>| row["kind"].clone();
        rows.iter().map(kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(Scope::All), ["low_balance", "ledger_fault"]);
    assert_eq!(kinds(Scope::Branch(operator.reseller)), ["low_balance"]);
    assert!(kinds(Scope::Branch(operator.direct)).is_empty());
}

#[test]
fn alerts_are_kept_up_to_so_many() {
    let fixture = Fixture::empty();
    let alert = |n: usize| {
        Record::Alert(Alert {
            at: START,
            kind: AlertKind::SourceBlocked,
            account: None,
            call: None,
            text: n.to_string(),
        })
    };
    let batches = (0..101_u64).map(|seq| Batch {
        seq: seq + 1,
        records: (0..1_000)
            .map(|n| alert(seq as usize * 1_000 + n))
            .collect(),
    });
    submit(&fixture, batches.collect());
    let page = fixture
        .reader()
        .list(List::Alert, &ListQuery::all(Scope::All))
        .unwrap();
    assert_eq!(page.total, Some(100_000));
    assert_eq!(page.rows[0]["text"], "1000", "the oldest are gone");
}
