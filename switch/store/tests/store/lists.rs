//! Filters, order, pages, totals, statistics, and queries that take too long.

use crate::fixture::{Fixture, ONE, START, account, rate, root};
use serde_json::{Value, json};
use std::time::Duration;
use tandem_billing::AccountId;
use tandem_store::{
    List, ListQuery, Scope, StoreError,
    query::{AccountRow, CdrRow, FieldKind, Filter, GroupBy, Op, Order, StatisticsQuery},
    record::{Account, Person, Resource, Source},
};

fn all() -> ListQuery {
    ListQuery::all(Scope::All)
}

/// Fifty accounts named a00 to a49.
fn many() -> Fixture {
    let fixture = Fixture::empty();
    let edits = (0..50).map(|n| {
        let person = Person {
            name: format!("Name_{}%", n % 5),
            ..Person::default()
        };
        let lot = (n % 2 == 0).then(|| format!("L{}", n % 10));
        let account = Account {
            person,
            lot,
            ..account(&format!("a{n:02}"))
        };
        tandem_store::Edit::create(root(), START, &account)
    });
    fixture.writer().edit_all(edits.collect()).unwrap();
    fixture
}

#[test]
fn filters_mean_what_they_say() {
    let fixture = many();
    let count = |query: ListQuery| {
        fixture
            .reader()
            .list(List::Of(Resource::Account), &query)
            .unwrap()
            .total
            .unwrap()
    };
    let table: Vec<(u64, ListQuery)> = vec![
        (50, all()),
        (1, all().filter("login", Op::Eq, "a07")),
        (49, all().filter("login", Op::Ne, "a07")),
        (45, all().filter("lot", Op::Ne, "L2")),
        (10, all().filter("login", Op::StartsWith, "a1")),
        (10, all().filter("login", Op::Contains, "A1").page(0, 1)),
        (7, all().filter("login", Op::Lt, "a07")),
        (42, all().filter("login", Op::Gt, "a07")),
        (
            2,
            all().filter("login", Op::In, json!(["a01", "a02", "zz"])),
        ),
        (0, all().filter("login", Op::In, json!([]))),
        (25, all().filter("lot", Op::IsNull, Value::Null)),
        (25, all().filter("lot", Op::NotNull, Value::Null)),
        (10, all().filter("name", Op::Contains, "_1%")),
        (0, all().filter("name", Op::Contains, "e%1")),
        (50, all().filter("balance", Op::Eq, 0)),
        (50, all().filter("tariff_name", Op::IsNull, Value::Null)),
        (2, all().filter("id", Op::Ge, 10).filter("id", Op::Le, 11)),
        (0, all().filter("login", Op::Eq, "x' OR '1'='1")),
    ];
    for (index, (expected, query)) in table.into_iter().enumerate() {
        assert_eq!(count(query.clone()), expected, "row {index}: {query:?}");
    }
    let mut searched = all();
    searched.search = "NAME_3".into();
    assert_eq!(count(searched), 10);
}

#[test]
fn pages_are_stable_and_sorted_both_ways() {
    let fixture = many();
    let page = |query: ListQuery| {
        fixture
            .reader()
            .rows::<AccountRow>(List::Of(Resource::Account), &query)
            .unwrap()
    };
    let logins = |query| {
        page(query)
            .rows
            .into_iter()
            .map(|row| row.account.login)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        logins(all().sort("login", Order::Descending).page(0, 2)),
        ["a49", "a48"]
    );
    assert_eq!(
        logins(all().sort("name", Order::Ascending).page(0, 3)),
        ["a00", "a05", "a10"]
    );
    assert_eq!(
        logins(all().sort("name", Order::Ascending).page(9, 2)),
        ["a45", "a01"]
    );
    let skipped = ListQuery {
        count: tandem_store::query::Count::Skip,
        ..all()
    };
    assert_eq!(page(skipped).total, None);
}

#[test]
fn what_does_not_fit_is_refused_with_the_field_s_name() {
    let fixture = many();
    let refused =
        |query: ListQuery| match fixture.reader().list(List::Of(Resource::Account), &query) {
            Err(StoreError::BadQuery { field, .. }) => field,
            other => panic!("{other:?}"),
        };
    assert_eq!(refused(all().filter("nothing", Op::Eq, 1)), "nothing");
    assert_eq!(
        refused(all().filter("login; DROP TABLE account", Op::Eq, 1)),
        "login; DROP TABLE account"
    );
    assert_eq!(
        refused(all().filter("max_calls", Op::Eq, "one")),
        "max_calls"
    );
    assert_eq!(refused(all().filter("login", Op::Contains, 1)), "login");
    assert_eq!(refused(all().filter("login", Op::In, "a")), "login");
    assert_eq!(refused(all().sort("codecs", Order::Ascending)), "codecs");
    assert_eq!(refused(all().sort("1", Order::Ascending)), "1");
    assert_eq!(refused(all().page(0, ListQuery::MAX_LIMIT + 1)), "limit");
}

#[test]
fn every_field_of_every_list_can_be_read_filtered_and_sorted() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    for batch in desk.call(operator.client, START, 5) {
        fixture.writer().submit(batch).unwrap();
    }
    fixture.in_rows(desk.seq);
    for scope in [Scope::All, Scope::Branch(operator.reseller)] {
        for list in List::all() {
            for field in list.view().fields {
                let visible = scope == Scope::All
                    || field.audience != tandem_store::record::Audience::Operator;
                if field.source == Source::Secret || !visible {
                    continue;
                }
                let value = match field.kind {
                    FieldKind::Int => json!(1),
                    FieldKind::Bool => json!(true),
                    FieldKind::Text | FieldKind::Json => json!("1"),
                    FieldKind::Decimal => json!("1.5"),
                };
                for op in [Op::Eq, Op::Ne, Op::Lt, Op::IsNull] {
                    let filter = Filter {
                        field: field.name.into(),
                        op,
                        value: value.clone(),
                    };
                    let query = ListQuery {
                        filters: vec![filter],
                        scope,
                        ..all()
                    };
                    fixture
                        .reader()
                        .list(list, &query)
                        .unwrap_or_else(|error| panic!("{list:?} {}: {error:?}", field.name));
                }
                if field.kind != FieldKind::Json {
                    let query = ListQuery { scope, ..all() }.sort(field.name, Order::Descending);
                    fixture
                        .reader()
                        .list(list, &query)
                        .unwrap_or_else(|error| panic!("{list:?} {}: {error:?}", field.name));
                }
            }
            let searched = ListQuery {
                search: "x".into(),
                scope,
                ..all()
            };
            fixture
                .reader()
                .list(list, &searched)
                .unwrap_or_else(|error| panic!("{list:?}: {error:?}"));
        }
    }
}

#[test]
fn roll_ups_and_totals_agree_with_the_calls() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    let hour = 3_600_000;
    let mut batches = Vec::new();
    for (at, account, seconds) in [
        (0, operator.client, 60),
        (10, operator.client, 30),
        (hour, operator.direct, 60),
        (25 * hour, operator.direct, 30),
    ] {
        batches.extend(desk.call(account, START.plus_ms(at), seconds));
    }
    let (open, opened) = desk.open(operator.direct, START, 5);
    batches.push(opened);
    batches.push(desk.end(&open, START.plus_ms(1000)));
    for batch in batches {
        fixture.writer().submit(batch).unwrap();
    }
    fixture.in_rows(desk.seq);
    let statistics = |group_by: Vec<GroupBy>, account: Option<AccountId>| {
        let query = StatisticsQuery {
            from: START,
            to: START.plus_ms(48 * hour),
            group_by,
            account,
            gateway: None,
            scope: Scope::All,
        };
        fixture.reader().statistics(&query).unwrap()
    };
    let hours = statistics(vec![GroupBy::Hour], Some(operator.client));
    assert_eq!(
        hours
            .iter()
            .map(|row| (row.at.unwrap(), row.attempts, row.charge.0))
            .collect::<Vec<_>>(),
        [(START, 2, 90_000)]
    );
    let days = statistics(vec![GroupBy::Day], None);
    let days: Vec<_> = days
        .iter()
        .map(|row| {
            (
                row.at.unwrap().0 - START.0,
                row.attempts,
                row.answered,
                row.charge.0,
            )
        })
        .collect();
    assert_eq!(
        days,
        [(0, 1, 0, 0), (0, 3, 3, 210_000), (24 * hour, 1, 1, 60_000)]
    );
    let by_account = statistics(vec![GroupBy::Account, GroupBy::Destination], None);
    assert!(
        by_account
            .iter()
            .any(|row| row.account_id == Some(operator.client) && row.revenue.unwrap().0 == 45_000)
    );
    let gateways = statistics(vec![GroupBy::Gateway], None);
    assert!(
        gateways
            .iter()
            .any(|row| row.gateway_id == Some(operator.gateway)
                && row.answered == 4
                && row.cost.unwrap().0 == 30_000)
    );

    let totals = fixture.reader().cdr_totals(&all()).unwrap();
    assert_eq!(
        (
            totals.calls,
            totals.answered,
            totals.duration_ms,
            totals.billed_secs
        ),
        (5, 4, 180_000, 180)
    );
    assert_eq!(
        (totals.charge[0].amount.0, totals.cost[0].amount.0),
        (270_000, 30_000)
    );
    let long = all()
        .filter("duration_ms", Op::Ge, 60_000)
        .sort("charge", Order::Descending);
    let rows = fixture
        .reader()
        .rows::<CdrRow>(List::Cdr, &long)
        .unwrap()
        .rows;
    assert_eq!(
        rows.iter()
            .map(|row| row.money.charge.0)
            .collect::<Vec<_>>(),
        [120_000, 60_000]
    );
    assert_eq!(fixture.reader().cdr_totals(&long).unwrap().calls, 2);
    assert_eq!(rows[0].gateway_name.as_deref(), Some("Alpha"));
    let accounts = fixture
        .reader()
        .rows::<AccountRow>(
            List::Of(Resource::Account),
            &all().filter("id", Op::Eq, operator.direct.0),
        )
        .unwrap();
    assert_eq!(accounts.rows[0].balance.0, 10 * ONE - 180_000);
    let payments = fixture.reader().list(List::Payment, &all()).unwrap();
    assert_eq!(payments.total, Some(3));
    fixture.verify();
}

#[test]
fn a_query_that_takes_too_long_is_ended_and_the_connection_goes_on() {
    let (fixture, operator) = Fixture::operator();
    let rates = (0..20_000).map(|n| rate(operator.buy.0, &format!("49{n:06}"), "0.02"));
    fixture
        .writer()
        .replace_rates(root(), START, operator.buy, 1, rates)
        .unwrap();
    let hurried = fixture.reader().with_timeout(Duration::ZERO);
    let slow = all().filter("description", Op::Contains, "nowhere");
    let patient = fixture
        .reader()
        .list(List::Of(Resource::Rate), &slow)
        .unwrap();
    assert_eq!(patient.total, Some(0));
    for _ in 0..10 {
        let ended = hurried.list(List::Of(Resource::Rate), &slow);
        assert!(matches!(ended, Err(StoreError::Timeout(0))), "{ended:?}");
    }
    assert_eq!(
        fixture
            .reader()
            .list(List::Of(Resource::Rate), &all())
            .unwrap()
            .total,
        Some(20_003)
    );
}
