//! Within a call: re-INVITE, UPDATE and INFO, glare, and what is answered without asking the other side.

use super::{
    GATE, TRUNK, assert_hidden, at,
    kit::{Callee, Caller, World, sip},
    world,
};
use tandem_call::io::Command;
use tandem_sdp::{Direction, RecordingOrder, RelayCommand, SessionDescription};

fn talking() -> (World, Caller, Callee) {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.heard(callee.at);
    world.heard(caller.at);
    (world, caller, callee)
}

#[test]
fn hold_is_passed_on_without_an_address() {
    let (mut world, mut caller, callee) = talking();
    let hold = sip::sdp_with(caller.audio, sip::G711, "sendonly");
    caller.request(&mut world, "INVITE", Some(&hold));
    let reinvite = world.expect(callee.at, "INVITE");
    assert_hidden(&reinvite, &["198.51.100.10"]);
    let offer = SessionDescription::parse(reinvite.body()).expect("an offer");
    assert_eq!(
        (offer.direction(), offer.audio_target()),
        (Direction::SendOnly, Some(at("192.0.2.1:20006")))
    );
    let held = sip::sdp_with(callee.audio, sip::G711, "recvonly");
    callee.respond(&mut world, &reinvite, "200 OK", Some(&held));
    world.expect(callee.at, "ACK");
    let answer = caller.ack(&mut world, None);
    let description = SessionDescription::parse(answer.body()).expect("an answer");
    assert_eq!(description.direction(), Direction::RecvOnly);
    assert!(
        world
            .relay
            .iter()
            .any(|command| matches!(command, RelayCommand::SetHold { held: true, .. }))
    );
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn the_version_of_the_description_rises_with_a_change_only() {
    let (mut world, mut caller, callee) = talking();
    let mut origins = Vec::new();
    for direction in ["sendrecv", "sendonly", "sendonly"] {
        let body = sip::sdp_with(caller.audio, sip::G711, direction);
        caller.request(&mut world, "INVITE", Some(&body));
        let reinvite = world.expect(callee.at, "INVITE");
        let text = String::from_utf8_lossy(reinvite.body()).into_owned();
        let origin = text
            .lines()
            .find(|line| line.starts_with("o="))
            .map(str::to_owned);
        origins.push(origin.expect("an origin"));
        callee.respond(&mut world, &reinvite, "200 OK", Some(&callee.sdp()));
        caller.ack(&mut world, None);
    }
    let versions: Vec<&str> = origins
        .iter()
        .filter_map(|line| line.split(' ').nth(2))
        .collect();
    assert_eq!(versions, ["1", "2", "2"]);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn the_called_side_may_change_too() {
    let (mut world, caller, mut callee) = talking();
    let moved = sip::sdp(at("203.0.113.77:6000"), &[(0, "PCMU")]);
    callee.request(&mut world, "INVITE", Some(&moved));
    let reinvite = world.expect(caller.at, "INVITE");
    let body = sip::sdp(caller.audio, &[(0, "PCMU")]);
    caller.respond(&mut world, &reinvite, "200 OK", Some(&body));
    world.expect(caller.at, "ACK");
    world.expect(callee.at, "200");
    let moved_to = at("203.0.113.77:6000");
    let is_target = |command: &RelayCommand| matches!(command, RelayCommand::SetTarget { rtp, .. } if *rtp == moved_to);
    assert!(world.relay.iter().any(is_target));
    callee.request(&mut world, "BYE", None);
    assert_eq!(world.book.only_cdr().codec.as_deref(), Some("pcmu"));
    world.check_idle();
}

#[test]
fn a_refused_change_leaves_the_call() {
    let (mut world, mut caller, callee) = talking();
    let body = caller.sdp();
    caller.request(&mut world, "INVITE", Some(&body));
    let reinvite = world.expect(callee.at, "INVITE");
    callee.respond(&mut world, &reinvite, "488 Not Acceptable Here", None);
    let answer = world.expect(caller.at, "488");
    caller.ack_failure(&mut world, &answer);
    assert!(world.book.cdrs.is_empty());
    caller.bye(&mut world);
    world.check_idle();
}

/// What a recording that begins now takes from each side.
fn recorded(world: &mut World) -> RecordingOrder {
    let call = world.only_open();
    world.command(Command::Record { call });
    let order = world.relay.iter().rev().find_map(|command| match command {
        RelayCommand::SetRecording { recording, .. } => recording.as_deref().cloned(),
        _ => None,
    });
    order.expect("an order")
}

#[test]
fn a_refused_change_leaves_no_trace() {
    let untouched = recorded(&mut talking().0);
    for status in [
        "488 Not Acceptable Here",
        "491 Request Pending",
        "500 Server Internal Error",
    ] {
        let (mut world, mut caller, callee) = talking();
        let told = world.relay.clone();
        let body = sip::sdp_with(at("198.51.100.99:7000"), &[(0, "PCMU")], "sendonly");
        caller.request(&mut world, "INVITE", Some(&body));
        let reinvite = world.expect(callee.at, "INVITE");
        callee.respond(&mut world, &reinvite, status, None);
        let answer = world.take(caller.at).expect("an answer");
        caller.ack_failure(&mut world, &answer);
        assert_eq!(world.relay, told, "{status}");
        assert_eq!(recorded(&mut world), untouched, "{status}");
        caller.bye(&mut world);
        let bye = world.expect(callee.at, "BYE");
        callee.respond(&mut world, &bye, "200 OK", None);
        assert_eq!(world.book.only_cdr().codec.as_deref(), Some("pcma"));
        world.check_idle();
    }
}

#[test]
fn a_change_that_is_answered_with_what_was_not_offered_is_undone() {
    let (mut world, mut caller, callee) = talking();
    let told = world.relay.len();
    let body = sip::sdp_with(at("198.51.100.99:7000"), &[(0, "PCMU")], "sendonly");
    caller.request(&mut world, "INVITE", Some(&body));
    let reinvite = world.expect(callee.at, "INVITE");
    let gsm = sip::sdp(at("203.0.113.77:6000"), &[(3, "GSM")]);
    callee.respond(&mut world, &reinvite, "200 OK", Some(&gsm));
    let answer = world.expect(caller.at, "488");
    caller.ack_failure(&mut world, &answer);
    assert_eq!(world.relay.len(), told, "{:?}", &world.relay[told..]);
    // The called side took the change: it is offered again what the caller has described.
    let undone = world.expect(callee.at, "INVITE");
    let offer = SessionDescription::parse(undone.body()).expect("an offer");
    assert_eq!(offer.direction(), Direction::SendRecv);
    let numbers: Vec<u8> = offer.codecs().iter().map(|c| c.payload_type).collect();
    assert!(numbers.contains(&8), "{numbers:?}");
    callee.respond(&mut world, &undone, "200 OK", Some(&callee.sdp()));
    world.expect(callee.at, "ACK");
    assert!(world.heard(caller.at).is_empty(), "the caller kept its own");
    caller.bye(&mut world);
    let bye = world.expect(callee.at, "BYE");
    callee.respond(&mut world, &bye, "200 OK", None);
    world.check_idle();
}

#[test]
fn a_change_taken_back_is_taken_back_on_the_other_side() {
    let (mut world, mut caller, callee) = talking();
    let body = caller.sdp();
    caller.request(&mut world, "INVITE", Some(&body));
    let reinvite = world.expect(callee.at, "INVITE");
    callee.respond(&mut world, &reinvite, "100 Trying", None);
    caller.cancel(&mut world);
    let cancel = world.expect(callee.at, "CANCEL");
    callee.respond(&mut world, &cancel, "200 OK", None);
    callee.respond(&mut world, &reinvite, "487 Request Terminated", None);
    let answer = world.expect(caller.at, "487");
    caller.ack_failure(&mut world, &answer);
    assert!(world.book.cdrs.is_empty(), "the call goes on as it was");
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn changes_that_cross_are_491() {
    let (mut world, mut caller, mut callee) = talking();
    let body = caller.sdp();
    caller.request(&mut world, "INVITE", Some(&body));
    let passed = world.expect(callee.at, "INVITE");
    let body = callee.sdp();
    callee.request(&mut world, "INVITE", Some(&body));
    world.expect(callee.at, "491");
    callee.respond(&mut world, &passed, "200 OK", Some(&callee.sdp()));
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn a_change_without_an_offer_gets_one() {
    let (mut world, mut caller, callee) = talking();
    caller.request(&mut world, "INVITE", None);
    let reinvite = world.expect(callee.at, "INVITE");
    assert!(reinvite.body().is_empty());
    callee.respond(&mut world, &reinvite, "200 OK", Some(&callee.sdp()));
    assert!(
        world.heard(callee.at).is_empty(),
        "its ACK waits for the answer"
    );
    let body = caller.sdp();
    let offer = caller.ack(&mut world, Some(&body));
    assert!(!offer.body().is_empty());
    let ack = world.expect(callee.at, "ACK");
    assert!(!ack.body().is_empty());
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn a_side_that_is_gone_ends_the_call() {
    let (mut world, mut caller, callee) = talking();
    let body = caller.sdp();
    caller.request(&mut world, "INVITE", Some(&body));
    let reinvite = world.expect(callee.at, "INVITE");
    callee.respond(
        &mut world,
        &reinvite,
        "481 Call/Transaction Does Not Exist",
        None,
    );
    let answer = world.expect(caller.at, "481");
    caller.ack_failure(&mut world, &answer);
    world.expect(caller.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.leg_lost");
    world.check_idle();
}

#[test]
fn update_with_audio_is_passed_on_and_without_is_answered() {
    let (mut world, mut caller, callee) = talking();
    caller.request(&mut world, "UPDATE", None);
    world.expect(caller.at, "200");
    assert!(world.heard(callee.at).is_empty());
    let body = caller.sdp();
    caller.request(&mut world, "UPDATE", Some(&body));
    let update = world.expect(callee.at, "UPDATE");
    callee.respond(&mut world, &update, "200 OK", Some(&callee.sdp()));
    let answer = world.expect(caller.at, "200");
    assert!(!answer.body().is_empty());
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn info_is_passed_on() {
    let (mut world, mut caller, callee) = talking();
    caller.request(&mut world, "INFO", Some("Signal=5\r\n"));
    let info = world.expect(callee.at, "INFO");
    assert_eq!(info.body(), b"Signal=5\r\n");
    callee.respond(&mut world, &info, "200 OK", None);
    world.expect(caller.at, "200");
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn hanging_up_during_a_change_answers_it() {
    let (mut world, mut caller, mut callee) = talking();
    let body = caller.sdp();
    caller.request(&mut world, "INVITE", Some(&body));
    world.expect(callee.at, "INVITE");
    callee.bye(&mut world);
    let answer = world.expect(caller.at, "BYE");
    caller.respond(&mut world, &answer, "200 OK", None);
    world.check_idle();
}

#[test]
fn an_early_change_is_told_to_wait() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.ring(&mut world);
    let ringing = world.expect(caller.at, "180");
    caller.join(&ringing);
    let body = caller.sdp();
    caller.request(&mut world, "UPDATE", Some(&body));
    world.expect(caller.at, "500");
    caller.request(&mut world, "INFO", None);
    world.expect(caller.at, "480");
    caller.bye(&mut world);
    world.expect(caller.at, "200");
    world.expect(caller.at, "487");
    assert_eq!(world.book.only_cdr().cause, "cancelled.caller");
    world.check_idle();
}
