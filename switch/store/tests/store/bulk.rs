//! Whole rate sheets: all or nothing, live at once, old rows removed later.

use crate::fixture::{Fixture, START, rate, root};
use std::sync::Arc;
use tandem_billing::{TariffId, UtcMs};
use tandem_store::{
    EditError, List, ListQuery, Replaced, Scope,
    query::{AuditRow, Op},
    record::{Rate, Resource, Tariff},
};

fn sheet(tariff: TariffId, rows: i64) -> impl Iterator<Item = Rate> {
    (0..rows).map(move |n| rate(tariff.0, &format!("49{n:06}"), "0.02"))
}

#[test]
fn a_sheet_replaces_all_rates_at_once() {
    let (fixture, operator) = Fixture::operator();
    let before: Tariff = fixture.get(operator.buy.0);
    let others = Arc::clone(
        fixture
            .events
            .directory()
            .unwrap()
            .tariffs
            .get(operator.sell)
            .unwrap(),
    );
    let replaced = fixture.writer().replace_rates(
        root(),
        START,
        operator.buy,
        before.revision,
        sheet(operator.buy, 5_000),
    );
    assert_eq!(
        replaced,
        Ok(Replaced {
            revision: before.revision + 1,
            rates: 5_000,
            before: 1
        })
    );
    let directory = fixture.events.directory().unwrap();
    assert_eq!(
        directory.tariffs.get(operator.buy).unwrap().rate_count(),
        5_000
    );
    assert!(Arc::ptr_eq(
        &others,
        directory.tariffs.get(operator.sell).unwrap()
    ));
    let count = |fixture: &Fixture| {
        let query = ListQuery::all(Scope::All)
            .filter("tariff_id", Op::Eq, operator.buy.0)
            .page(0, 1);
        let listed = fixture
            .reader()
            .records::<Tariff>(&ListQuery::all(Scope::All).filter("id", Op::Eq, operator.buy.0))
            .unwrap();
        (
            fixture
                .reader()
                .records::<Rate>(&query)
                .unwrap()
                .total
                .unwrap(),
            listed.rows[0].revision,
        )
    };
    assert_eq!(count(&fixture), (5_000, before.revision + 1));
    let audit = ListQuery::all(Scope::All).filter("action", Op::Eq, "replace_rates");
    assert_eq!(
        fixture
            .reader()
            .rows::<AuditRow>(List::AuditLog, &audit)
            .unwrap()
            .total,
        Some(1)
    );
}

#[test]
fn a_sheet_with_faults_changes_nothing() {
    let (fixture, operator) = Fixture::operator();
    let bad = sheet(operator.buy, 3000).chain([
        rate(operator.buy.0, "49000001", "0.03"),
        rate(operator.buy.0, "1", "-1"),
    ]);
    let refused = fixture
        .writer()
        .replace_rates(root(), START, operator.buy, 1, bad);
    let Err(EditError::Invalid(faults)) = refused else {
        panic!("{refused:?}")
    };
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "rates[3000] (prefix 49000001) prefix",
            "rates[3001] (prefix 1) price"
        ]
    );
    let query = ListQuery::all(Scope::All).filter("tariff_id", Op::Eq, operator.buy.0);
    let rates = fixture.reader().records::<Rate>(&query).unwrap();
    assert_eq!(
        (rates.total, rates.rows[0].prefix.as_str()),
        (Some(1), "49")
    );
    assert_eq!(fixture.get::<Tariff>(operator.buy.0).revision, 1);
}

#[test]
fn a_sheet_made_on_an_old_revision_is_a_conflict() {
    let (fixture, operator) = Fixture::operator();
    let conflict =
        fixture
            .writer()
            .replace_rates(root(), START, operator.buy, 7, sheet(operator.buy, 3));
    assert!(matches!(
        conflict,
        Err(EditError::Conflict {
            current: 1,
            expected: 7,
            ..
        })
    ));
    let header: Tariff = fixture.get(operator.buy.0);
    fixture
        .update(&Tariff {
            notes: "edited".into(),
            ..header
        })
        .unwrap();
    let conflict =
        fixture
            .writer()
            .replace_rates(root(), START, operator.buy, 1, sheet(operator.buy, 3));
    assert!(matches!(
        conflict,
        Err(EditError::Conflict { current: 2, .. })
    ));
    let missing =
        fixture
            .writer()
            .replace_rates(root(), START, TariffId(99), 1, sheet(operator.buy, 3));
    assert!(
        matches!(missing, Err(EditError::NotFound { resource, .. }) if resource == Resource::Tariff.name())
    );
}

#[test]
fn what_a_crash_left_half_written_is_swept_and_never_seen() {
    let (mut fixture, operator) = Fixture::operator();
    fixture.close();
    let raw = rusqlite::Connection::open(fixture.path()).unwrap();
    raw.execute_batch(&format!(
        "INSERT INTO rate_sweep VALUES ({0}, 2); INSERT INTO rate (revision, tariff_id, generation, prefix, description, price, \
         from_day, to_day, from_minute, to_minute, holiday, steps, blocked, free_to_call) \
         VALUES (1, {0}, 2, '44', '', '9', 0, 6, 0, 1440, 0, '[]', 0, 0);",
        operator.buy.0
    ))
    .unwrap();
    fixture.open();
    let query = ListQuery::all(Scope::All).filter("tariff_id", Op::Eq, operator.buy.0);
    assert_eq!(
        fixture.reader().records::<Rate>(&query).unwrap().total,
        Some(1)
    );
    let replaced = fixture
        .writer()
        .replace_rates(root(), START, operator.buy, 1, sheet(operator.buy, 10))
        .unwrap();
    assert_eq!(replaced.rates, 10);
    let quote =
        fixture
            .events
            .directory()
            .unwrap()
            .tariffs
            .quote(operator.buy, "44", UtcMs(START.0));
    assert!(quote.is_err());
    // Sweeping happens whenever the writer is idle: each edit below gives it a turn.
    for _ in 0..50 {
        let left: i64 = raw
            .query_row("SELECT count(*) FROM rate_sweep", [], |row| row.get(0))
            .unwrap();
        if left == 0 {
            break;
        }
        fixture.create(&crate::fixture::group(&format!(
            "nudge {left} {}",
            fixture.events.count(|_| true)
        )));
    }
    let left: i64 = raw
        .query_row(
            "SELECT count(*) FROM rate WHERE tariff_id = ?1",
            [operator.buy.0],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 10);
}
