//! The ACK that owes us the answer to an offer: from where its peer is, or another one is waited for.

use super::{
    GATE, TRUNK, at,
    kit::{Callee, Caller, sip},
    world,
};
use tandem_sdp::RelayCommand;

const EVIL: &str = "203.0.113.66:5060";

/// The answer to a late offer comes in an ACK, which nobody can challenge: the true one is waited for.
#[test]
fn an_ack_from_elsewhere_moves_no_audio_and_ends_nothing() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite_without_offer(&mut world);
    let mut callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.take_answer(&mut world);
    let mut forger = caller.clone();
    forger.at = at(EVIL);
    let evil = at("203.0.113.66:9000");
    let stolen = sip::sdp(evil, sip::G711);
    for body in [Some(stolen.as_str()), None] {
        forger.confirm(&mut world, body);
        assert!(world.heard(callee.at).is_empty(), "not confirmed");
    }
    world.seconds(1);
    world.expect(caller.at, "200");
    let body = caller.sdp();
    caller.confirm(&mut world, Some(&body));
    let ack = world.expect(callee.at, "ACK");
    assert!(!ack.body().is_empty());
    world.seconds(5);
    assert!(world.heard(caller.at).is_empty(), "confirmed");
    // The same where the offer is asked for within the call.
    callee.request(&mut world, "INVITE", None);
    let asked = world.expect(caller.at, "INVITE");
    caller.respond(&mut world, &asked, "200 OK", Some(&body));
    world.expect(callee.at, "200");
    let mut other = callee.clone();
    other.at = at(EVIL);
    other.ack_with(&mut world, Some(&stolen));
    assert!(world.heard(caller.at).is_empty(), "not confirmed");
    let body = callee.sdp();
    callee.ack_with(&mut world, Some(&body));
    world.expect(caller.at, "ACK");
    let moved = world
        .relay
        .iter()
        .any(|command| matches!(command, RelayCommand::SetTarget { rtp, .. } if *rtp == evil));
    assert!(!moved, "the relay never heard of it");
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().cause, "answered.caller_hangup");
    world.check_idle();
}

#[test]
fn an_answer_that_never_comes_is_waited_for_no_longer_than_an_ack() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite_without_offer(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.take_answer(&mut world);
    caller.at = at(EVIL);
    for _ in 0..40 {
        caller.confirm(&mut world, None);
        world.seconds(1);
    }
    world.expect(callee.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.ack_timeout");
    world.check_idle();
}

/// Its true peer says that it answers nothing.
#[test]
fn an_ack_without_the_answer_it_owes_ends_the_call() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite_without_offer(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    world.expect(callee.at, "BYE");
    world.expect(caller.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.media_refused");
    world.check_idle();
}
