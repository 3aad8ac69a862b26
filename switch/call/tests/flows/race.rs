//! What crosses on the wire: CANCEL and 200, BYE and ACK, both sides hanging up, a disk that is slow or broken.

use super::{
    GATE, TRUNK,
    kit::{Callee, Caller, Disk, World},
    world,
};
use tandem_billing::Micros;
use tandem_call::Input;

fn ringing() -> (World, Caller, Callee) {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.ring(&mut world);
    world.expect(caller.at, "180");
    (world, caller, callee)
}

#[test]
fn a_cancelled_call_costs_nothing() {
    let (mut world, mut caller, callee) = ringing();
    caller.cancel(&mut world);
    world.expect(caller.at, "200");
    let answer = world.expect(caller.at, "487");
    caller.ack_failure(&mut world, &answer);
    let cancel = world.expect(callee.at, "CANCEL");
    callee.respond(&mut world, &cancel, "200 OK", None);
    callee.say(&mut world, "487 Request Terminated", None);
    world.expect(callee.at, "ACK");
    assert_eq!(world.book.only_cdr().cause, "cancelled.caller");
    assert_eq!(world.book.balance(1), Micros(10_000_000));
    world.check_idle();
}

#[test]
fn an_answer_that_crosses_our_cancel_is_ended() {
    let (mut world, mut caller, callee) = ringing();
    caller.cancel(&mut world);
    world.expect(callee.at, "CANCEL");
    callee.answer(&mut world);
    world.expect(callee.at, "ACK");
    world.expect(callee.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "cancelled.caller");
    world.check_idle();
}

#[test]
fn a_cancel_that_crosses_our_answer_changes_nothing() {
    let (mut world, mut caller, callee) = ringing();
    callee.answer(&mut world);
    caller.cancel(&mut world);
    caller.ack(&mut world, None);
    world.seconds(1);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().cause, "answered.caller_hangup");
    world.check_idle();
}

#[test]
fn a_cancel_before_anything_came_back_waits_for_a_provisional() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    caller.cancel(&mut world);
    assert!(world.heard(callee.at).is_empty(), "RFC 3261 section 9.1");
    callee.say(&mut world, "100 Trying", None);
    world.expect(callee.at, "CANCEL");
    callee.say(&mut world, "487 Request Terminated", None);
    world.check_idle();
}

#[test]
fn the_caller_may_hang_up_before_its_ack() {
    let (mut world, mut caller, callee) = ringing();
    callee.answer(&mut world);
    caller.take_answer(&mut world);
    caller.bye(&mut world);
    world.expect(caller.at, "200");
    world.expect(callee.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.caller_hangup");
    world.check_idle();
}

#[test]
fn the_callers_bye_waits_for_its_ack() {
    let (mut world, mut caller, mut callee) = ringing();
    callee.answer(&mut world);
    caller.take_answer(&mut world);
    callee.bye(&mut world);
    world.seconds(1);
    assert!(
        !world.heard(caller.at).contains(&"BYE".to_owned()),
        "RFC 3261 section 15"
    );
    assert_eq!(world.book.only_cdr().cause, "answered.callee_hangup");
    caller.confirm(&mut world, None);
    world.expect(caller.at, "BYE");
    world.check_idle();
}

#[test]
fn a_caller_that_never_acks_is_billed_and_ended() {
    let (mut world, caller, callee) = ringing();
    callee.answer(&mut world);
    world.seconds(33);
    world.expect(callee.at, "BYE");
    world.expect(caller.at, "BYE");
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.duration_ms),
        ("answered.ack_timeout", 32_000)
    );
    world.check_idle();
}

#[test]
fn both_may_hang_up_at_once() {
    let (mut world, mut caller, mut callee) = ringing();
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    callee.bye(&mut world);
    world.expect(callee.at, "BYE");
    assert_eq!(world.book.cdrs.len(), 1);
    world.check_idle();
}

#[test]
fn the_answer_waits_for_the_disk_and_ringing_does_not() {
    let mut world = world();
    world.disk = Disk::Slow;
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.ring(&mut world);
    world.expect(caller.at, "180");
    callee.answer(&mut world);
    world.expect(callee.at, "ACK");
    world.seconds(2);
    assert!(world.heard(caller.at).is_empty());
    world.sync();
    // First the hold, then the answer itself.
    world.sync();
    caller.ack(&mut world, None);
    world.seconds(1);
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.duration_ms, 1_000, "time counts from our 200");
    world.sync();
    world.check_idle();
}

#[test]
fn no_caller_hears_of_an_answer_that_a_crash_would_forget() {
    let (mut world, mut caller, callee) = ringing();
    // The hold has long been durable; from here on the disk is slow.
    world.disk = Disk::Slow;
    callee.answer(&mut world);
    world.expect(callee.at, "ACK");
    world.seconds(1);
    assert!(
        world.heard(caller.at).is_empty(),
        "the 200 went out before its record was on disk"
    );
    world.sync();
    caller.ack(&mut world, None);
    world.seconds(1);
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.duration_ms, 1_000, "time counts from our 200");
    world.sync();
    world.check_idle();
}

#[test]
fn a_broken_disk_ends_what_waits_and_refuses_what_comes() {
    let mut world = world();
    world.disk = Disk::Slow;
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    world.input(Input::JournalFailed);
    let answer = world.expect(caller.at, "503");
    caller.ack_failure(&mut world, &answer);
    world.expect(callee.at, "BYE");
    let mut second = Caller::new(TRUNK, "4930123", "442071234", "b");
    second.invite(&mut world);
    let answer = world.expect(second.at, "503");
    assert!(answer.header("Retry-After").is_some());
    second.ack_failure(&mut world, &answer);
    world.sync();
    let mut third = Caller::new(TRUNK, "4930123", "442071234", "c");
    third.invite(&mut world);
    world.expect(third.at, "100");
    third.cancel(&mut world);
    world.sync();
    world.check_idle();
}

#[test]
fn the_caller_cancels_while_the_answer_waits_for_the_disk() {
    let mut world = world();
    world.disk = Disk::Slow;
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.cancel(&mut world);
    let answer = world.expect(caller.at, "487");
    caller.ack_failure(&mut world, &answer);
    world.expect(callee.at, "BYE");
    world.sync();
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.answered_at),
        ("cancelled.caller", None)
    );
    world.check_idle();
}

#[test]
fn a_second_fork_that_answers_is_ended() {
    let (mut world, mut caller, callee) = ringing();
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.heard(callee.at);
    let body = callee.sdp();
    world.send(
        callee.at,
        super::kit::sip::respond(&callee.invite, "200 OK", "another", callee.at, Some(&body)),
    );
    world.expect(callee.at, "ACK");
    let bye = world.expect(callee.at, "BYE");
    assert_eq!(bye.to_tag(), Some("another"));
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn why_a_side_hangs_up_is_told_to_the_other_in_numbers() {
    const WHY: &str = "Reason: Q.850;cause=16;text=\"PhoneMaker said so\"\r\n";
    let (mut world, mut caller, callee) = ringing();
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.request_with(&mut world, "BYE", WHY, None);
    let bye = world.expect(callee.at, "BYE");
    assert_eq!(bye.header("Reason"), Some("Q.850;cause=16"));
    assert!(world.book.only_cdr().trace.contains("Q.850;cause=16"));
    world.check_idle();

    let mut world = super::world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a")
        .with_headers("Reason: SIP;cause=200;text=\"x\"\r\n");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.ring(&mut world);
    caller.cancel(&mut world);
    let cancel = world.expect(callee.at, "CANCEL");
    assert_eq!(
        cancel.header("Reason"),
        Some("SIP;cause=200;text=\"Call completed elsewhere\"")
    );
    callee.say(&mut world, "487 Request Terminated", None);
    world.check_idle();
}

/// A change that was under way when the caller hung up was answered all the same.
#[test]
fn an_answer_that_crosses_our_bye_is_acked() {
    let (mut world, mut caller, callee) = ringing();
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    let body = caller.sdp();
    caller.request(&mut world, "INVITE", Some(&body));
    let passed = world.expect(callee.at, "INVITE");
    caller.bye(&mut world);
    world.expect(caller.at, "200");
    let refused = world.expect(caller.at, "487");
    caller.ack_failure(&mut world, &refused);
    let bye = world.expect(callee.at, "BYE");
    let body = callee.sdp();
    for _ in 0..2 {
        callee.respond(&mut world, &passed, "200 OK", Some(&body));
        let ack = world.expect(callee.at, "ACK");
        assert_eq!(ack.cseq(), passed.cseq());
    }
    callee.respond(&mut world, &bye, "200 OK", None);
    assert!(world.heard(callee.at).is_empty(), "no second BYE");
    // And the other way round.
    let (mut world, mut caller, mut other) = ringing();
    other.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(other.at, "ACK");
    other.request(&mut world, "INVITE", Some(&body));
    let passed = world.expect(caller.at, "INVITE");
    other.bye(&mut world);
    world.expect(caller.at, "BYE");
    let body = caller.sdp();
    caller.respond(&mut world, &passed, "200 OK", Some(&body));
    world.expect(caller.at, "ACK");
    world.check_idle();
}

/// Two phones behind one proxy answer what was cancelled.
#[test]
fn each_fork_that_answers_after_a_cancel_gets_ack_and_bye() {
    let (mut world, mut caller, callee) = ringing();
    let body = callee.sdp();
    let other = callee.clone().forked("second");
    for phone in [&callee, &other] {
        phone.say(&mut world, "183 Session Progress", Some(&body));
    }
    caller.cancel(&mut world);
    world.expect(callee.at, "CANCEL");
    for phone in [&other, &callee] {
        phone.say(&mut world, "200 OK", Some(&body));
        for method in ["ACK", "BYE"] {
            let request = world.expect(phone.at, method);
            assert_eq!(request.to_tag(), Some(phone.tag()));
        }
    }
    assert_eq!(world.book.only_cdr().cause, "cancelled.caller");
    world.check_idle();
}
