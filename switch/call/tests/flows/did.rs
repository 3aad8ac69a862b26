//! Calls in to DIDs: to the phones of the account that has the number, or on to another number at its expense.

use super::{
    ALICE, BOB, GATE, GATE2, at,
    kit::{Callee, Caller, Plan, World, sip},
    plan,
};
use std::time::Duration;
use tandem_billing::{AccountId, GatewayId, Micros, TariffId, UpstreamId};
use tandem_call::directory::{
    AccountStatus, CallerIdRule, DidSource, DidTarget, SrtpPolicy,
    signalling::{Diverted, Transfer},
};

/// Alice's account has a number for its phones, at 0.06 a minute, and one that goes on by the first gateway.
fn dids() -> Plan {
    plan()
        .tariff(2, "0.06", 1, 1)
        .did(1, "4930100", 2, |did| did.tariff = Some(TariffId(2)))
        .did(2, "4930101", 2, |did| {
            did.target = DidTarget::Forward("442071234".into());
            did.max_calls = 2;
        })
}

fn world_of(plan: &Plan) -> World {
    let mut world = World::new(plan.build(), &[(1, 10), (2, 10)]);
    sip::register(&mut world, ALICE, "alice");
    world
}

fn from_gateway(number: &str, key: &str) -> Caller {
    Caller::new(GATE2, "+49301", number, key)
}

#[test]
fn a_call_in_rings_the_phones_of_whoever_has_the_number_at_its_price() {
    // What the account says of its own phones and of its calls out does not hold for who calls it.
    let plan = dids().with_account(2, |account| {
        account.srtp = SrtpPolicy::Required;
        account.caller_id = CallerIdRule::Fixed("4930199".into());
        account.allowed_prefixes = vec!["44".into()];
        account.signalling.transfer = Transfer::Allowed;
    });
    let plan = plan
        .with_settings(|settings| settings.srtp_keys_in_clear = true)
        .with_gateway(2, |gateway| gateway.rules = rules("00->"));
    let mut world = world_of(&plan);
    let mut caller = from_gateway("004930100", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, ALICE);
    assert_eq!(callee.invite.from().uri.user.as_deref(), Some("+49301"));
    callee.say(&mut world, "486 Busy Here", None);
    is_refused(&mut world, &mut caller, "486");
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.account, Some(AccountId(2)));
    assert_eq!(cdr.callee_account, Some(AccountId(2)));
    assert_eq!((cdr.dialled.as_str(), cdr.route), ("004930100", None));
    assert_eq!(cdr.rating_number.as_deref(), Some("4930100"));
    world.check_idle();
}

fn is_refused(world: &mut World, caller: &mut Caller, status: &str) {
    let answer = world.expect(caller.at, status);
    caller.ack_failure(world, &answer);
}

fn rules(text: &str) -> tandem_billing::number_rule::NumberRules {
    tandem_billing::number_rule::NumberRules::parse(text).expect("rules")
}

#[test]
fn who_calls_in_can_transfer_nobody_and_pays_nothing() {
    let plan = dids().with_account(2, |account| account.signalling.transfer = Transfer::Allowed);
    let mut world = world_of(&plan);
    let mut caller = from_gateway("4930100", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, ALICE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    world.advance(Duration::from_secs(60));
    let refer = "Refer-To: <sip:442071234@tandem.test>\r\n";
    caller.request_with(&mut world, "REFER", refer, None);
    world.expect(caller.at, "403");
    assert!(world.heard(at(GATE)).is_empty());
    caller.bye(&mut world);
    assert_eq!(world.book.balance(2), Micros(10_000_000 - 60_000));
    assert_eq!(world.book.balance(1), Micros(10_000_000));
    world.check_idle();
}

#[test]
fn what_is_sent_on_is_a_call_of_the_account_and_says_for_which_number() {
    let plan = dids().with_gateway(1, |gateway| {
        gateway.signalling.naming.diversion = Diverted::Diversion;
    });
    let mut world = world_of(&plan);
    let mut caller = from_gateway("4930101", "a")
        .with_headers("Diversion: <sip:4999@carrier.test>;reason=unconditional\r\n");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    let diversion = callee.invite.header("Diversion").expect("it was sent on");
    assert!(diversion.contains("sip:4930101@"), "{diversion}");
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.advance(Duration::from_secs(60));
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.sent_number.as_deref(), Some("442071234"));
    assert_eq!(cdr.gateway, Some(GatewayId(1)));
    assert_eq!(world.book.balance(2), Micros(10_000_000 - 600_000));
    world.check_idle();
}

#[test]
fn nobody_is_called_on_when_the_account_may_not_or_cannot_pay() {
    type Change = fn(Plan) -> Plan;
    let cases: [(&str, Change, i64, &str); 4] = [
        ("402", |plan| plan, 0, "refused.no_money"),
        (
            "403",
            |plan| plan.with_account(2, |account| account.status = AccountStatus::Blocked),
            10,
            "refused.account_blocked",
        ),
        (
            "403",
            |plan| plan.with_account(2, |account| account.blocked_prefixes = vec!["44".into()]),
            10,
            "refused.number_blocked",
        ),
        (
            "404",
            |plan| {
                plan.did(2, "4930101", 2, |did| {
                    did.source = Some(DidSource::Gateway(GatewayId(1)))
                })
            },
            10,
            "refused.did_source",
        ),
    ];
    for (status, change, money, cause) in cases {
        let mut world = World::new(change(dids()).build(), &[(1, 10), (2, money)]);
        let mut caller = from_gateway("4930101", "a");
        caller.invite(&mut world);
        is_refused(&mut world, &mut caller, status);
        assert!(world.heard(at(GATE)).is_empty(), "{cause}");
        let cdr = world.book.only_cdr();
        assert_eq!(
            (cdr.cause.as_str(), cdr.account),
            (cause, Some(AccountId(2)))
        );
        world.check_idle();
    }
}

/// The far end sends what it is sent back to the number: each round is one more call by it.
#[test]
fn a_number_that_comes_back_to_itself_from_outside_is_called_no_more_than_allowed() {
    let plan = dids().did(3, "4930103", 2, |did| {
        did.target = DidTarget::Forward("91".into());
        did.max_calls = 2;
    });
    let mut world = world_of(&plan);
    for round in 0..5 {
        from_gateway("4930103", &round.to_string()).invite(&mut world);
    }
    let refused = |world: &World| {
        let cdrs = world.book.cdrs.values();
        cdrs.filter(|cdr| cdr.cause == "refused.channel_limit")
            .count()
    };
    assert_eq!(refused(&world), 3);
    for _ in 0..2 {
        let callee = Callee::take(&mut world, ALICE);
        callee.say(&mut world, "486 Busy Here", None);
    }
    // Both are over: there is room again.
    world.heard(at(ALICE));
    from_gateway("4930103", "again").invite(&mut world);
    assert!(world.waits(at(ALICE), "INVITE"));
    assert_eq!(refused(&world), 3);
}

#[test]
fn by_an_upstream_registration_the_number_of_the_to_counts_before_what_is_set() {
    let plan = dids()
        .upstream(1, 2, |upstream| {
            upstream.inbound = Some(AccountId(1));
            upstream.inbound_number = Some("bob".into());
        })
        .did(3, "4930102", 2, |did| {
            did.source = Some(DidSource::Upstream(UpstreamId(1)));
        });
    for (to, token, reached) in [
        ("+4930102", "token1", Some(ALICE)),
        ("4930100", "token1", Some(ALICE)),
        // Not by the gateway alone, where the registration is wanted.
        ("4930102", "4930102", None),
        ("4930199", "token1", None),
    ] {
        let mut world = world_of(&plan);
        world.seconds(5);
        world.heard(at(GATE2));
        let mut caller = Caller::new(GATE2, "49301", to, "a").dialling(token);
        caller.invite(&mut world);
        let found = [ALICE, BOB, GATE]
            .into_iter()
            .find(|phone| world.waits(at(phone), "INVITE"));
        assert_eq!(found, reached, "{to} {token}");
    }
}
