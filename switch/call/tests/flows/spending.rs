//! Daily limits, fallen balances, and money that cannot be booked.

use super::{
    GATE, TRUNK, at,
    kit::{Callee, Caller, Plan, World},
    plan,
};
use tandem_billing::{
    AccountId, GatewayId, Micros, UtcMs,
    ledger::{EntryKind, Movement},
};
use tandem_call::{
    directory::Target,
    io::{Command, Reply},
    journal::AlertKind,
    monitor::Change,
};

const UNIT: i64 = 1_000_000;

/// 0.60 a minute, second by second; at most one unit a day.
fn limited() -> Plan {
    plan().with_account(1, |account| account.daily_spend_limit = Some(Micros(UNIT)))
}

fn talk(world: &mut World, key: &str) -> (Caller, Callee) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", key);
    caller.invite(world);
    let callee = Callee::take(world, GATE);
    callee.answer(world);
    caller.ack(world, None);
    (caller, callee)
}

fn refused(world: &mut World, key: &str) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", key);
    caller.invite(world);
    let answer = world.expect(at(TRUNK), "403");
    caller.ack_failure(world, &answer);
    let last = world.book.cdrs.values().last().expect("it left a CDR");
    assert_eq!(last.cause, "refused.daily_limit");
}

fn post(world: &mut World, key: &str, kind: EntryKind, amount: i64) {
    world.command(Command::Post(Movement {
        key: key.into(),
        account: AccountId(1),
        kind,
        amount: Micros(amount),
        at: UtcMs(0),
        call: None,
        operator: None,
        note: String::new(),
    }));
    assert!(matches!(
        world.replies.last(),
        Some((_, Reply::Posted(Ok(_))))
    ));
}

#[test]
fn a_call_is_cut_at_the_daily_limit_and_none_follows_before_midnight() {
    let mut world = World::new(limited().build(), &[(1, 10)]);
    let (caller, callee) = talk(&mut world, "a");
    world.seconds(100);
    world.expect(caller.at, "BYE");
    world.expect(callee.at, "BYE");
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.duration_ms),
        ("answered.daily_limit", 100_000)
    );
    assert_eq!(world.book.balance(1), Micros(9 * UNIT));
    refused(&mut world, "b");
    world.seconds(86_400 - 102);
    refused(&mut world, "c");
    world.seconds(3);
    let (mut caller, _) = talk(&mut world, "d");
    world.seconds(10);
    caller.bye(&mut world);
    assert_eq!(world.book.balance(1), Micros(8_900_000));
    world.check_idle();
}

#[test]
fn the_day_is_that_of_the_accounts_time_zone_and_is_known_after_a_restart() {
    // Midnight in Tokyo is 15:00 UTC; the switch begins at 00:00 UTC, nine in the morning there.
    let tokyo = jiff::tz::TimeZone::get("Asia/Tokyo").expect("known");
    let plan = limited().with_account(1, |account| account.time_zone = tokyo);
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let charged = [(AccountId(1), world.now.utc, Micros(UNIT - 300_000))];
    world.switch.restore_spending(&charged);
    let (caller, _) = talk(&mut world, "a");
    world.seconds(30);
    world.expect(caller.at, "BYE");
    world.seconds(15 * 3600 - 40);
    refused(&mut world, "b");
    world.seconds(10);
    talk(&mut world, "c");
}

#[test]
fn calls_together_stay_within_the_limit_and_a_raised_limit_counts_at_once() {
    let mut world = World::new(limited().build(), &[(1, 10)]);
    let keys = ["a", "b", "c"];
    for key in keys {
        talk(&mut world, key);
    }
    world.seconds(100);
    let charged: i64 = world
        .book
        .cdrs
        .values()
        .flat_map(|cdr| &cdr.charges)
        .map(|level| level.charge.0)
        .sum();
    assert_eq!((world.book.cdrs.len(), charged), (3, UNIT));
    refused(&mut world, "d");
    let raised = limited().with_account(1, |a| a.daily_spend_limit = Some(Micros(2 * UNIT)));
    world.input(tandem_call::Input::Directory(raised.build()));
    talk(&mut world, "e");
}

#[test]
fn a_resellers_limit_counts_what_its_branch_costs_it() {
    let plan = Plan::new()
        .tariff(1, "0.60", 1, 1)
        .tariff(2, "0.30", 1, 1)
        .account(5, 2, None)
        .account(1, 1, Some(5))
        .with_account(5, |reseller| {
            reseller.daily_spend_limit = Some(Micros(500_000))
        })
        .source(1, TRUNK)
        .gateway(1, GATE)
        .route("4", 1, Target::Gateway(GatewayId(1)));
    let mut world = World::new(plan.build(), &[(1, 10), (5, 10)]);
    let (caller, _) = talk(&mut world, "a");
    world.seconds(100);
    world.expect(caller.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.daily_limit");
    assert_eq!(world.book.balance(5), Micros(9_500_000));
    refused(&mut world, "b");
}

#[test]
fn a_balance_that_falls_raises_one_alert_per_fall() {
    let plan = plan().with_account(1, |account| account.low_balance_at = Some(Micros(5 * UNIT)));
    let mut world = World::with_micros(plan.build(), &[(AccountId(1), Micros(5_200_000))]);
    let minute = |world: &mut World, key: &str| {
        let (mut caller, _) = talk(world, key);
        world.seconds(60);
        caller.bye(world);
        world.heard(at(TRUNK));
        world.heard(at(GATE));
        world.book.alerts.len()
    };
    assert_eq!(minute(&mut world, "a"), 1, "5.20 fell to 4.60");
    let alert = world.book.alerts[0].clone();
    assert_eq!(
        (alert.kind, alert.account, alert.call),
        (
            AlertKind::LowBalance,
            Some(AccountId(1)),
            world.book.cdrs.keys().next().copied()
        )
    );
    assert_eq!(alert.text, "account1: the balance fell to 4.6, below 5");
    assert!(world.feed.is_empty(), "nobody watches");
    assert_eq!(minute(&mut world, "b"), 1, "it is low already");
    post(&mut world, "p", EntryKind::Payment, 2 * UNIT);
    world.command(Command::Snapshot);
    assert_eq!(minute(&mut world, "c"), 1, "6.00 to 5.40");
    assert_eq!(minute(&mut world, "d"), 2, "5.40 to 4.80");
    let told = world
        .feed
        .iter()
        .filter(|event| matches!(event.change, Change::Alert(_)));
    assert_eq!(told.count(), 1, "who watches hears of it");
    post(&mut world, "q", EntryKind::Payment, UNIT);
    post(&mut world, "r", EntryKind::Return, -UNIT);
    assert_eq!(world.book.alerts.len(), 3, "a return is a fall too");
}

#[test]
fn a_charge_that_cannot_be_booked_is_an_alert() {
    let mut world = World::new(plan().build(), &[(1, 10)]);
    let (mut caller, _) = talk(&mut world, "a");
    world.seconds(10);
    // No balance can be charged below the least number there is.
    post(&mut world, "x", EntryKind::Adjustment, -i64::MAX);
    post(&mut world, "y", EntryKind::Adjustment, 1 - 10 * UNIT);
    caller.bye(&mut world);
    let cdr = world.book.only_cdr().clone();
    assert!(cdr.answered_at.is_some() && cdr.charges.is_empty());
    assert!(cdr.trace.contains("switch.ledger"), "{}", cdr.trace);
    let [alert] = &world.book.alerts[..] else {
        panic!("{:?}", world.book.alerts)
    };
    assert_eq!(
        (alert.kind, alert.call, alert.account),
        (AlertKind::LedgerFault, Some(cdr.call), Some(AccountId(1)))
    );
}
