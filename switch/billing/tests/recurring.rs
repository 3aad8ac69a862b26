//! Recurring fees: due dates and amounts.
#![allow(clippy::unwrap_used)] // a test fails by panicking, in its helpers too

use jiff::civil::{Date, date};
use tandem_billing::{
    Micros, UtcMs,
    recurring::{Period, Subscription, change_of_plan, prorated},
};

fn monthly(anchor: Date) -> Subscription {
    Subscription {
        anchor,
        period: Period::Monthly,
        every: 1,
        start: anchor,
        cancel: None,
        time_zone: "Europe/Berlin".into(),
        fee: Micros(31_000_000),
        prorate: true,
        decimals: 2,
    }
}

fn instant(text: &str) -> UtcMs {
    UtcMs(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn told(s: &Subscription, last: Option<Date>, now: &str) -> Vec<String> {
    let due = s.due(last, instant(now)).unwrap();
    let line = |d: &tandem_billing::recurring::Due| {
        let at = jiff::Timestamp::from_millisecond(d.at.0).unwrap();
        format!("{} {} {}", d.cycle, at, d.amount)
    };
    due.iter().map(line).collect()
}

#[test]
fn the_31st_falls_on_the_last_day_and_comes_back() {
    let s = monthly(date(2025, 1, 31));
    assert_eq!(
        told(&s, None, "2025-04-30T00:00:00Z"),
        [
            "2025-01-31 2025-01-30T23:00:00Z 31",
            "2025-02-28 2025-02-27T23:00:00Z 31",
            "2025-03-31 2025-03-30T22:00:00Z 31",
            "2025-04-30 2025-04-29T22:00:00Z 31",
        ]
    );
}

#[test]
fn a_booked_cycle_is_not_due_again_and_missed_ones_keep_their_dates() {
    let s = monthly(date(2025, 1, 31));
    assert_eq!(
        told(&s, Some(date(2025, 4, 30)), "2025-05-30T21:59:59.999Z"),
        [""; 0]
    );
    assert_eq!(
        told(&s, Some(date(2025, 3, 31)), "2025-05-30T22:00:00Z"),
        [
            "2025-04-30 2025-04-29T22:00:00Z 31",
            "2025-05-31 2025-05-30T22:00:00Z 31"
        ]
    );
}

#[test]
fn first_and_last_cycle_are_prorated_by_days() {
    let mut s = monthly(date(2025, 1, 1));
    s.start = date(2025, 1, 22);
    s.cancel = Some(date(2025, 3, 1));
    assert_eq!(
        told(&s, None, "2026-01-01T00:00:00Z"),
        [
            "2025-01-01 2025-01-21T23:00:00Z 10",
            "2025-02-01 2025-01-31T23:00:00Z 31",
            "2025-03-01 2025-02-28T23:00:00Z 1"
        ]
    );
    s.prorate = false;
    assert!(
        told(&s, None, "2026-01-01T00:00:00Z")
            .iter()
            .all(|line| line.ends_with(" 31"))
    );
}

#[test]
fn other_periods() {
    let mut s = monthly(date(2024, 2, 29));
    s.period = Period::Yearly;
    let due = told(&s, None, "2028-03-01T00:00:00Z");
    let dates: Vec<&str> = due.iter().map(|line| &line[..10]).collect();
    assert_eq!(
        dates,
        [
            "2024-02-29",
            "2025-02-28",
            "2026-02-28",
            "2027-02-28",
            "2028-02-29"
        ]
    );
    s.period = Period::Weekly;
    s.every = 2;
    assert_eq!(told(&s, None, "2024-03-28T00:00:00Z").len(), 3);
    s.period = Period::Daily;
    s.every = 0;
    assert_eq!(told(&s, None, "2024-03-28T00:00:00Z").len(), 29);
    assert_eq!(told(&s, None, "2044-03-28T00:00:00Z").len(), 1000);
    assert_eq!(
        s.due(None, instant("2024-03-01T00:00:00Z")).unwrap()[1].key(7),
        "fee:7:2024-03-01"
    );
    s.time_zone = "Nowhere".into();
    assert!(s.due(None, UtcMs(i64::MAX)).is_err());
}

#[test]
fn a_midnight_that_does_not_exist_is_the_first_instant_after() {
    // Santiago puts its clocks forward at midnight.
    let mut s = monthly(date(2025, 9, 7));
    s.time_zone = "America/Santiago".into();
    assert_eq!(
        told(&s, None, "2025-09-08T00:00:00Z"),
        ["2025-09-07 2025-09-07T04:00:00Z 31"]
    );
}

#[test]
fn a_change_of_plan_credits_the_unused_and_charges_the_new() {
    let cycle = (date(2025, 1, 1), date(2025, 2, 1));
    let fees = (Micros(31_000_000), Micros(62_000_000));
    let moved = |day| change_of_plan(fees, cycle, day, 2);
    assert_eq!(
        moved(date(2025, 1, 1)),
        (Micros(31_000_000), Micros(62_000_000))
    );
    assert_eq!(
        moved(date(2025, 1, 31)),
        (Micros(1_000_000), Micros(2_000_000))
    );
    assert_eq!(moved(date(2025, 2, 1)), (Micros(0), Micros(0)));
    assert_eq!(prorated(Micros(10_000_000), 1, 30, 2), Micros(330_000));
    assert_eq!(prorated(Micros(10_000_000), 1, 16, 2), Micros(630_000));
}
