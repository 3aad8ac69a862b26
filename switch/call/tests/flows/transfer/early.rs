//! A target that the one that transfers has called itself, and that still rings.

use super::{ALICE, BOB, CAROL, charge, come_over, talking, three, told, world_of};
use crate::{
    GATE, GATE2, TRUNK, at,
    kit::{Callee, Caller, World},
};
use tandem_billing::{AccountId, CallId, Micros};
use tandem_sip::Message;

/// What a phone writes of the dialog that a provisional answer opened.
fn named(calling: &Caller, ringing: &Message) -> String {
    format!(
        "Refer-To: <sip:442071234@tandem.test?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>\r\n",
        calling.call_id().replace('@', "%40"),
        ringing.to_tag().expect("a tag"),
        ringing.from_tag().expect("a tag"),
    )
}

/// Bob's second call: the gateway rings.
fn ringing(world: &mut World, number: &str) -> (Caller, Callee, String) {
    let mut second = Caller::new(BOB, "bob", number, "second");
    second.invite_with_digest(world);
    let gate = Callee::take(world, GATE);
    gate.ring(world);
    let answer = world.expect(second.at, "180");
    let named = named(&second, &answer);
    (second, gate, named)
}

#[test]
fn a_call_that_still_rings_goes_to_the_party_that_stays() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    world.seconds(10);
    let (mut second, gate, named) = ringing(&mut world, "442071234");
    bob.request_with(&mut world, "REFER", &named, None);
    world.expect(bob.at, "202");
    assert_eq!(told(&mut world, &bob), "SIP/2.0 100 Trying");
    let ended = world.expect(second.at, "487");
    second.ack_failure(&mut world, &ended);
    assert_eq!(told(&mut world, &bob), "SIP/2.0 180 Ringing");
    // What its phone still says of it changes nothing.
    second.cancel(&mut world);
    world.seconds(5);
    assert!(!world.waits(gate.at, "CANCEL") && !world.waits(caller.at, "INVITE"));
    gate.answer(&mut world);
    world.expect(gate.at, "ACK");
    assert_eq!(told(&mut world, &bob), "SIP/2.0 200 OK");
    let bye = world.expect(bob.at, "BYE");
    bob.respond(&mut world, &bye, "200 OK", None);
    come_over(&mut world, &caller);
    // It was told of bob's audio when it was called.
    let renewed = world.expect(gate.at, "INVITE");
    gate.respond(&mut world, &renewed, "200 OK", Some(&gate.sdp()));
    world.expect(gate.at, "ACK");
    world.seconds(20);
    caller.bye(&mut world);
    world.expect(gate.at, "BYE");
    assert_eq!(charge(&world, 1), (1, 350_000, 35));
    assert_eq!(charge(&world, 2), (2, 200_000, 20), "who placed it pays");
    let placed = &world.book.cdrs[&CallId(2)];
    assert_eq!(placed.cost.as_ref().expect("a cost").cost, Micros(100_000));
    assert_eq!(placed.transfer, Some(CallId(1)));
    assert_eq!(world.book.balance(1), Micros(9_650_000));
    assert_eq!(world.book.balance(2), Micros(9_800_000));
    world.check_idle();
}

#[test]
fn a_ringing_target_that_refuses_leaves_the_call_as_it_was() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    let (_, gate, named) = ringing(&mut world, "442071234");
    bob.request_with(&mut world, "REFER", &named, None);
    gate.say(&mut world, "503 Service Unavailable", None);
    let next = Callee::take(&mut world, GATE2);
    next.say(&mut world, "486 Busy Here", None);
    while told(&mut world, &bob) != "SIP/2.0 486 Busy Here" {}
    world.seconds(5);
    assert!(!world.waits(caller.at, "INVITE") && !world.waits(bob.at, "BYE"));
    caller.bye(&mut world);
    world.expect(bob.at, "BYE");
    assert_eq!(charge(&world, 1), (1, 50_000, 5));
    assert_eq!(world.book.cdrs[&CallId(2)].cause, "failed.busy");
    assert_eq!(world.book.cdrs[&CallId(2)].account, Some(AccountId(2)));
    world.check_idle();
}

#[test]
fn the_party_that_waits_hangs_up_and_the_target_stops_ringing() {
    for gone in [false, true] {
        let mut world = world_of(&three());
        let (mut caller, mut bob) = talking(&mut world);
        let (_, gate, named) = ringing(&mut world, "442071234");
        bob.request_with(&mut world, "REFER", &named, None);
        if gone {
            bob.bye(&mut world);
        }
        caller.bye(&mut world);
        let cancel = world.expect(gate.at, "CANCEL");
        gate.respond(&mut world, &cancel, "200 OK", None);
        gate.say(&mut world, "487 Request Terminated", None);
        assert_eq!(world.book.cdrs[&CallId(2)].cause, "cancelled.caller");
        assert_eq!(world.book.balance(2), Micros(10_000_000));
        world.check_idle();
    }
}

#[test]
fn nobody_takes_a_ringing_call_of_somebody_else() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    // Carol's, which rings elsewhere.
    let mut carol = Caller::new(CAROL, "carol", "442071234", "c");
    carol.invite_with_digest(&mut world);
    let gate = Callee::take(&mut world, GATE);
    gate.ring(&mut world);
    let answer = world.expect(carol.at, "180");
    bob.request_with(&mut world, "REFER", &named(&carol, &answer), None);
    world.expect(bob.at, "403");
    // An INVITE that names it: only who called may let another one have it.
    let replaces = format!(
        "Replaces: {};to-tag={};from-tag={}\r\n",
        carol.call_id(),
        answer.to_tag().expect("a tag"),
        answer.from_tag().expect("a tag"),
    );
    let mut alice = Caller::new(ALICE, "alice", "bob", "p").with_headers(&replaces);
    alice.invite_with_digest(&mut world);
    world.expect(alice.at, "481");
    // One that rings at bob, who was called.
    let mut other = Caller::new(TRUNK, "4930123", "bob", "d");
    other.invite(&mut world);
    let ringing = Callee::take(&mut world, BOB);
    ringing.ring(&mut world);
    let own = format!(
        "Refer-To: <sip:x@tandem.test?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>\r\n",
        ringing.invite.call_id().replace('@', "%40"),
        ringing.invite.from_tag().expect("a tag"),
        ringing.tag(),
    );
    bob.request_with(&mut world, "REFER", &own, None);
    world.expect(bob.at, "481");
    assert!(!world.waits(at(GATE), "CANCEL") && !world.waits(carol.at, "487"));
    caller.bye(&mut world);
    carol.cancel(&mut world);
    other.cancel(&mut world);
    for callee in [gate, ringing] {
        let cancel = world.expect(callee.at, "CANCEL");
        callee.respond(&mut world, &cancel, "200 OK", None);
        callee.say(&mut world, "487 Request Terminated", None);
    }
    world.check_idle();
}
