//! Money: holds, slices, the last paid second, chains of resellers, and what a crash would find.

use super::{
    GATE, TRUNK,
    kit::{Callee, Caller, Plan, World},
    plan,
};
use std::sync::Arc;
use std::time::Duration;
use tandem_billing::{
    AccountId, GatewayId, LoginId, Micros,
    ledger::{EntryKind, Movement},
};
use tandem_call::{
    Input,
    directory::Target,
    io::{Command, Reply},
};

fn money(units: i64, cents: i64) -> Micros {
    Micros(units * 1_000_000 + cents * 10_000)
}

/// A call up; `key` tells it apart.
fn talk(world: &mut World, key: &str) -> (Caller, Callee) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", key);
    caller.invite(world);
    let callee = Callee::take(world, GATE);
    callee.answer(world);
    caller.ack(world, None);
    (caller, callee)
}

fn payment(key: &str, account: i64, amount: Micros) -> Movement {
    Movement {
        key: key.into(),
        account: AccountId(account),
        kind: EntryKind::Payment,
        amount,
        at: tandem_billing::UtcMs(0),
        call: None,
        operator: Some(LoginId(1)),
        note: String::new(),
    }
}

#[test]
fn a_call_is_cut_at_the_last_paid_second() {
    // One unit buys 100 seconds at 0.60.
    let mut world = World::with_micros(plan().build(), &[(AccountId(1), money(1, 0))]);
    let (caller, callee) = talk(&mut world, "a");
    world.advance(Duration::from_millis(99_999));
    assert!(world.book.cdrs.is_empty());
    world.advance(Duration::from_millis(1));
    world.expect(caller.at, "BYE");
    world.expect(callee.at, "BYE");
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.duration_ms),
        ("answered.out_of_money", 100_000)
    );
    assert_eq!(world.book.balance(1), Micros::ZERO);
    world.check_idle();
}

#[test]
fn a_timer_that_comes_late_bills_no_more_than_was_paid() {
    let mut world = World::with_micros(plan().build(), &[(AccountId(1), money(1, 0))]);
    talk(&mut world, "a");
    world.seconds(99);
    world.stall(Duration::from_millis(2_500));
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.duration_ms),
        ("answered.out_of_money", 100_000)
    );
    assert_eq!(world.book.balance(1), Micros::ZERO);
    world.check_idle();
}

#[test]
fn blocks_are_paid_whole() {
    let plan = Plan::new()
        .tariff(1, "0.60", 60, 60)
        .account(1, 1, None)
        .source(1, TRUNK)
        .gateway(1, GATE)
        .route("4", 1, Target::Gateway(GatewayId(1)));
    for (seconds, charge, balance) in [
        (1, money(0, 60), money(0, 90)),
        (61, money(1, 20), money(0, 30)),
    ] {
        let mut world = World::with_micros(plan.build(), &[(AccountId(1), money(1, 50))]);
        let (mut caller, _) = talk(&mut world, "a");
        world.seconds(seconds);
        caller.bye(&mut world);
        let cdr = world.book.only_cdr();
        assert_eq!(cdr.charges.first().map(|level| level.charge), Some(charge));
        assert_eq!(world.book.balance(1), balance);
        world.check_idle();
    }
}

#[test]
fn three_calls_never_spend_the_same_cent_twice() {
    // Three first blocks of a minute fit into 1.80, a fourth does not.
    let plan = Plan::new()
        .tariff(1, "0.60", 60, 60)
        .account(1, 1, None)
        .source(1, TRUNK)
        .gateway(1, GATE)
        .route("4", 1, Target::Gateway(GatewayId(1)));
    let mut world = World::with_micros(plan.build(), &[(AccountId(1), money(1, 80))]);
    for key in ["a", "b", "c"] {
        talk(&mut world, key);
    }
    for key in ["d", "e", "f", "g"] {
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", key);
        caller.invite(&mut world);
        let answer = world.expect(caller.at, "402");
        caller.ack_failure(&mut world, &answer);
    }
    world.seconds(61);
    assert_eq!(world.book.balance(1), Micros::ZERO);
    let answered = world
        .book
        .cdrs
        .values()
        .filter(|cdr| cdr.duration_ms == 60_000)
        .count();
    assert_eq!((answered, world.book.cdrs.len()), (3, 7));
    world.check_idle();
}

#[test]
fn calls_with_equal_claims_share_fairly() {
    // 0.40 buys 40 seconds in all at 0.60, second by second.
    let mut world = World::with_micros(plan().build(), &[(AccountId(1), money(0, 40))]);
    talk(&mut world, "a");
    talk(&mut world, "b");
    world.seconds(60);
    let mut lengths: Vec<u64> = world
        .book
        .cdrs
        .values()
        .map(|cdr| cdr.duration_ms / 1000)
        .collect();
    lengths.sort_unstable();
    assert_eq!(lengths.iter().sum::<u64>(), 40, "{lengths:?}");
    assert!(
        lengths.iter().all(|length| (17..=23).contains(length)),
        "{lengths:?}"
    );
    assert_eq!(world.book.balance(1), Micros::ZERO);
    world.check_idle();
}

#[test]
fn a_top_up_during_the_call_counts() {
    let mut world = World::with_micros(plan().build(), &[(AccountId(1), money(0, 30))]);
    let (mut caller, _) = talk(&mut world, "a");
    world.seconds(29);
    world.command(Command::Post(payment("pay-1", 1, money(1, 0))));
    assert!(matches!(
        world.replies.last(),
        Some((_, Reply::Posted(Ok(_))))
    ));
    world.command(Command::Post(payment("pay-1", 1, money(1, 0))));
    assert!(matches!(world.replies.last(), Some((_, Reply::Repeated))));
    world.seconds(31);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().duration_ms, 60_000);
    assert_eq!(world.book.balance(1), money(0, 70));
    world.check_idle();
}

#[test]
fn a_changed_credit_limit_counts_at_the_next_block() {
    let mut world = World::with_micros(plan().build(), &[(AccountId(1), money(0, 30))]);
    let (mut caller, _) = talk(&mut world, "a");
    world.seconds(10);
    let raised = plan()
        .with_account(1, |account| account.credit_limit = money(5, 0))
        .build();
    world.input(Input::Directory(Arc::clone(&raised)));
    world.seconds(50);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().duration_ms, 60_000);
    assert_eq!(world.book.balance(1), Micros(-300_000));
    world.check_idle();
}

#[test]
fn every_level_of_a_chain_pays_its_own_price() {
    let plan = Plan::new()
        .tariff(1, "0.60", 60, 60)
        .tariff(2, "0.40", 30, 6)
        .tariff(3, "0.20", 1, 1)
        .account(30, 3, None)
        .account(20, 2, Some(30))
        .account(1, 1, Some(20))
        .source(1, TRUNK)
        .gateway(1, GATE)
        .route("4", 1, Target::Gateway(GatewayId(1)));
    let mut world = World::new(plan.build(), &[(1, 10), (20, 10), (30, 10)]);
    let (mut caller, _) = talk(&mut world, "a");
    world.seconds(62);
    caller.bye(&mut world);
    let charges: Vec<Micros> = world
        .book
        .only_cdr()
        .charges
        .iter()
        .map(|level| level.charge)
        .collect();
    assert_eq!(
        charges,
        [Micros(1_200_000), Micros(440_000), Micros(206_667)]
    );
    world.check_idle();

    // The middle one runs out: nobody pays for more than it can.
    let mut world = World::with_micros(
        plan.build(),
        &[
            (AccountId(1), money(10, 0)),
            (AccountId(20), money(0, 20)),
            (AccountId(30), money(10, 0)),
        ],
    );
    talk(&mut world, "a");
    world.seconds(40);
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.duration_ms),
        ("answered.out_of_money", 30_000)
    );
    assert_eq!(world.book.balance(20), Micros::ZERO);
    world.check_idle();

    let mut world = World::new(plan.build(), &[(1, 10), (20, 0), (30, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    world.expect(caller.at, "503");
    assert_eq!(world.book.only_cdr().cause, "refused.reseller_no_money");
}

#[test]
fn the_longest_duration_ends_a_call() {
    let plan = plan().with_account(1, |account| account.max_duration_s = 45);
    let mut world = World::new(plan.build(), &[(1, 10)]);
    talk(&mut world, "a");
    world.seconds(46);
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.duration_ms),
        ("answered.max_duration", 45_000)
    );
    world.check_idle();
}

#[test]
fn the_rows_in_force_at_the_answer_rate_the_call() {
    // The price doubles two seconds after the INVITE.
    let plan = plan()
        .with_tariff(|_| {})
        .tariff(7, "0.60", 1, 1)
        .with_tariff(|tariff| {
            let mut dearer = tariff.rates[0].clone();
            dearer.id = tandem_billing::RateId(701);
            dearer.price = rust_decimal::Decimal::new(120, 2);
            let change = tandem_billing::UtcMs(1_767_225_602_000);
            dearer.effective_from = Some(change);
            tariff.rates[0].effective_to = Some(change);
            tariff.rates.push(dearer);
        });
    let plan = plan.with_account(1, |account| {
        account.tariff = Some(tandem_billing::TariffId(7))
    });
    for (wait, charge) in [(1, money(0, 10)), (3, money(0, 20))] {
        let mut world = World::new(plan.build(), &[(1, 10)]);
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
        caller.invite(&mut world);
        let callee = Callee::take(&mut world, GATE);
        callee.ring(&mut world);
        world.seconds(wait);
        callee.answer(&mut world);
        caller.ack(&mut world, None);
        world.seconds(10);
        caller.bye(&mut world);
        assert_eq!(
            world
                .book
                .only_cdr()
                .charges
                .first()
                .map(|level| level.charge),
            Some(charge),
            "after {wait} s"
        );
        world.check_idle();
    }
}

#[test]
fn what_the_price_at_the_answer_asks_and_nobody_has_ends_the_call_unanswered() {
    let plan = plan().tariff(7, "0.60", 60, 60).with_tariff(|tariff| {
        let mut dearer = tariff.rates[0].clone();
        dearer.price = rust_decimal::Decimal::new(120, 2);
        let change = tandem_billing::UtcMs(1_767_225_602_000);
        dearer.effective_from = Some(change);
        tariff.rates[0].effective_to = Some(change);
        tariff.rates.push(dearer);
    });
    let plan = plan.with_account(1, |account| {
        account.tariff = Some(tandem_billing::TariffId(7))
    });
    let mut world = World::with_micros(plan.build(), &[(AccountId(1), money(0, 90))]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.ring(&mut world);
    world.seconds(3);
    callee.answer(&mut world);
    let answer = world.expect(caller.at, "402");
    caller.ack_failure(&mut world, &answer);
    world.expect(callee.at, "BYE");
    assert_eq!(world.book.balance(1), money(0, 90));
    world.check_idle();
}

#[test]
fn a_crash_finds_for_every_open_call_what_to_bill() {
    let mut world = World::new(plan().build(), &[(1, 10)]);
    let (mut caller, _) = talk(&mut world, "a");
    world.seconds(70);
    let open = world.book.open.values().next().expect("one open call");
    assert!(open.paid_until_s >= 70 && open.cdr.answered_at.is_some());
    assert_eq!(
        open.cost.as_ref().map(|(gateway, _)| *gateway),
        Some(GatewayId(1))
    );
    let (account, quote) = open.quotes.first().expect("the client's quote");
    assert_eq!(*account, AccountId(1));
    let held = open.holds.first().expect("the client's hold").amount;
    assert!(quote.charge(open.paid_until_s * 1000, 0).amount <= held);
    caller.bye(&mut world);
    world.check_idle();
}
