//! What a party that left, or a late word of an earlier transfer, must not do.

use super::{come_over, refer, talking, three, told, world_of};
use crate::{
    GATE,
    kit::{Callee, sip},
};
use tandem_billing::CallId;

#[test]
fn a_party_that_left_adds_nothing_to_what_is_kept_of_the_call() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    come_over(&mut world, &caller);
    for cause in 0..300 {
        let reason = format!("Reason: Q.850;cause={}\r\n", 1 + cause % 127);
        bob.request_with(&mut world, "BYE", &reason, None);
        world.expect(bob.at, "200");
    }
    caller.bye(&mut world);
    let trace = &world.book.cdrs[&CallId(1)].trace;
    assert!(!trace.contains("Q.850"), "{trace}");
    world.check_idle();
}

/// The first target answers while the caller's side is busy, and is gone before that is over.
#[test]
fn a_late_word_of_one_transfer_does_nothing_to_the_next() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let hold = sip::sdp_with(bob.audio, sip::G711, "sendonly");
    bob.request(&mut world, "INVITE", Some(&hold));
    let holding = world.expect(caller.at, "INVITE");
    let mut first = Callee::take(&mut world, GATE);
    first.answer(&mut world);
    world.expect(first.at, "ACK");
    first.bye(&mut world);
    assert!(told(&mut world, &bob).starts_with("SIP/2.0 480 "));
    let held = sip::sdp_with(caller.audio, sip::G711, "recvonly");
    caller.respond(&mut world, &holding, "200 OK", Some(&held));
    world.expect(caller.at, "ACK");
    world.expect(bob.at, "200");
    bob.ack(&mut world);
    refer(&mut world, &mut bob, "carol");
    let carol = Callee::take(&mut world, super::CAROL);
    carol.ring(&mut world);
    assert!(told(&mut world, &bob).starts_with("SIP/2.0 180 "));
    world.seconds(5);
    assert!(world.heard(bob.at).is_empty(), "it rings on");
    carol.answer(&mut world);
    come_over(&mut world, &caller);
    world.seconds(5);
    caller.bye(&mut world);
    world.expect(carol.at, "BYE");
    assert_eq!(super::charge(&world, 3), (2, 50_000, 5));
    world.check_idle();
}

/// What was placed for a transfer goes when the transfer does not take place.
#[test]
fn a_target_that_nobody_comes_over_to_is_hung_up() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let hold = sip::sdp_with(bob.audio, sip::G711, "sendonly");
    bob.request(&mut world, "INVITE", Some(&hold));
    world.expect(caller.at, "INVITE");
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    world.expect(gate.at, "ACK");
    // The party that stays hangs up while the change of audio is still under way.
    caller.bye(&mut world);
    world.expect(gate.at, "BYE");
    let cdr = &world.book.cdrs[&CallId(2)];
    assert_eq!(cdr.cause, "answered.joined_ended");
    world.check_idle();
}
