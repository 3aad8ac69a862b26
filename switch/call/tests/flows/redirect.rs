//! 3xx by policy: never blind, through the dial plan, priced anew, with limits.

use super::{
    BOB, GATE, GATE2, TRUNK, at,
    kit::{Callee, Caller, Plan, World, sip},
    plan,
};
use tandem_billing::{GatewayId, Micros};
use tandem_call::directory::{Target, signalling::Redirect};

fn allowed() -> Plan {
    plan()
        .with_gateway(1, |gateway| {
            gateway.signalling.redirect = Redirect::DialPlan
        })
        .with_account(2, |account| {
            account.signalling.redirect = Redirect::DialPlan
        })
        .route("7", 1, Target::Gateway(GatewayId(2)))
}

fn moved(world: &mut World, callee: &Callee, contacts: &str) {
    callee.say_with(
        world,
        "302 Moved Temporarily",
        &format!("Contact: {contacts}\r\n"),
        None,
    );
    world.expect(callee.at, "ACK");
}

#[test]
fn by_default_it_is_a_refusal_like_any_other() {
    let mut world = World::new(plan().build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    moved(&mut world, &callee, "<sip:77@203.0.113.66>");
    let next = Callee::take(&mut world, GATE2);
    assert_eq!(
        next.invite.request_uri_text(),
        "sip:442071234@203.0.113.2:5060"
    );
    caller.cancel(&mut world);
    next.say(&mut world, "487 Request Terminated", None);
    world.check_idle();
}

#[test]
fn an_allowed_one_goes_through_the_dial_plan_at_the_new_price() {
    let dearer = allowed()
        .tariff(3, "6.00", 1, 1)
        .with_account(1, |account| {
            let to_dear = [("77".to_owned(), tandem_billing::TariffId(3))];
            account.dnis_tariffs =
                tandem_billing::prefix::PrefixMap::build(to_dear.into_iter().collect());
        });
    let mut world = World::new(dearer.build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    moved(
        &mut world,
        &callee,
        "<sip:0@203.0.113.66>;q=0.9, <sip:771@203.0.113.66:9999;maddr=203.0.113.67>;q=0.5",
    );
    assert!(
        world.heard(at("203.0.113.66:9999")).is_empty(),
        "never blind"
    );
    let next = Callee::take(&mut world, GATE2);
    assert_eq!(next.invite.request_uri_text(), "sip:771@203.0.113.2:5060");
    next.answer(&mut world);
    caller.ack(&mut world, None);
    world.seconds(10);
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.dialled, "442071234");
    assert_eq!(cdr.rating_number.as_deref(), Some("771"));
    assert_eq!(cdr.charges[0].charge, Micros(1_000_000), "10 s at 6.00");
    assert!(cdr.trace.contains("redirected") && cdr.trace.contains("refused.no_route"));
    world.check_idle();
}

#[test]
fn a_number_that_cannot_be_paid_is_not_tried() {
    let dear = allowed()
        .tariff(3, "600000.00", 60, 60)
        .with_account(1, |account| {
            let to_dear = [("77".to_owned(), tandem_billing::TariffId(3))];
            account.dnis_tariffs =
                tandem_billing::prefix::PrefixMap::build(to_dear.into_iter().collect());
        });
    let mut world = World::new(dear.build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    moved(&mut world, &callee, "<sip:771@203.0.113.66>");
    // The hunt goes on with what was dialled.
    let next = Callee::take(&mut world, GATE2);
    assert_eq!(
        next.invite.request_uri_text(),
        "sip:442071234@203.0.113.2:5060"
    );
    next.answer(&mut world);
    caller.ack(&mut world, None);
    world.seconds(10);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().charges[0].charge, Micros(100_000));
    world.check_idle();
}

#[test]
fn a_phone_cannot_send_its_caller_to_a_dearer_number() {
    let plan = allowed()
        .tariff(3, "6.00", 1, 1)
        .with_account(1, |account| {
            let to_dear = [("77".to_owned(), tandem_billing::TariffId(3))];
            account.dnis_tariffs =
                tandem_billing::prefix::PrefixMap::build(to_dear.into_iter().collect());
        });
    for (number, followed) in [("771", false), ("442079999", true)] {
        let mut world = World::new(plan.build(), &[(1, 10), (2, 10)]);
        sip::register(&mut world, BOB, "bob");
        let mut caller = Caller::new(TRUNK, "4930123", "bob", "a");
        caller.invite(&mut world);
        let callee = Callee::take(&mut world, BOB);
        moved(&mut world, &callee, &format!("<sip:{number}@203.0.113.66>"));
        assert_eq!(world.waits(at(GATE), "INVITE"), followed, "{number}");
        assert!(!world.waits(at(GATE2), "INVITE"));
        caller.cancel(&mut world);
        world.seconds(40);
        world.check_idle();
    }
}

#[test]
fn redirections_that_go_round_end() {
    let mut world = World::new(allowed().build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    for _ in 0..6 {
        let callee = Callee::take(&mut world, GATE);
        moved(&mut world, &callee, "<sip:442071234@203.0.113.1>");
    }
    // The sixth is not followed any more: the next row of the plan is tried.
    let last = Callee::take(&mut world, GATE2);
    last.say(&mut world, "486 Busy Here", None);
    world.expect(caller.at, "486");
    world.check_idle();
}

#[test]
fn every_contact_is_tried_in_its_order_each_at_its_own_price() {
    let plan = allowed()
        .tariff(3, "1.20", 1, 1)
        .with_account(1, |account| {
            let to_dear = [("78".to_owned(), tandem_billing::TariffId(3))];
            account.dnis_tariffs =
                tandem_billing::prefix::PrefixMap::build(to_dear.into_iter().collect());
        });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    moved(
        &mut world,
        &callee,
        "<sip:782@203.0.113.66>;q=0.4, <sip:0@203.0.113.66>;q=0.5, <sip:771@203.0.113.66>;q=0.7",
    );
    let first = Callee::take(&mut world, GATE2);
    assert_eq!(first.invite.request_uri_text(), "sip:771@203.0.113.2:5060");
    first.say(&mut world, "503 Service Unavailable", None);
    let second = Callee::take(&mut world, GATE2);
    assert_eq!(second.invite.request_uri_text(), "sip:782@203.0.113.2:5060");
    second.answer(&mut world);
    caller.ack(&mut world, None);
    world.seconds(10);
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.rating_number.as_deref(), Some("782"));
    assert_eq!(cdr.charges[0].charge, Micros(200_000), "10 s at 1.20");
    world.check_idle();
}
