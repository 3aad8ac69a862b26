//! Offers before the answer, in PRACK and UPDATE: answered on the leg they come from, coded where they must be.

use super::{
    ALICE, BOB, GATE, TRUNK,
    codecs::{codecs, conversion, pairs, targets, world},
    kit::{Callee, Caller, World, sip},
    plan,
};
use std::net::SocketAddr;
use tandem_sdp::{SessionDescription, Side};
use tandem_sip::Message;

const REL: &str = "Supported: 100rel\r\n";

fn rack(answer: &Message) -> String {
    let rseq = answer.header("RSeq").expect("a reliable answer");
    format!("RAck: {rseq} {} INVITE\r\n", answer.cseq())
}

/// Of its description, in o=.
fn version(message: &Message) -> u64 {
    let text = String::from_utf8_lossy(message.body()).into_owned();
    let origin = text
        .lines()
        .find(|line| line.starts_with("o="))
        .expect("o=");
    let version = origin.split(' ').nth(2).expect("a version");
    version.parse().expect("a number")
}

fn description(message: &Message) -> SessionDescription {
    SessionDescription::parse(message.body()).expect("a description")
}

/// A caller that speaks G.722 only hears a gateway that speaks PCMA only, and has PRACKed that.
fn coded() -> (World, Caller, Callee) {
    let mut world = world(&[], &["pcma", "pcmu"], 10);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a").with_headers(REL);
    let body = sip::sdp(caller.audio, &[(9, "G722")]);
    caller.invite_offering(&mut world, &body);
    let callee = Callee::take(&mut world, GATE);
    let body = sip::sdp(callee.audio, &[(8, "PCMA")]);
    let reliable = "Require: 100rel\r\nRSeq: 1\r\n";
    callee.say_with(&mut world, "183 Session Progress", reliable, Some(&body));
    let prack = world.expect(callee.at, "PRACK");
    callee.respond(&mut world, &prack, "200 OK", None);
    let progress = world.expect(caller.at, "183");
    caller.join(&progress);
    caller.request_with(&mut world, "PRACK", &rack(&progress), None);
    world.expect(caller.at, "200");
    (world, caller, callee)
}

#[test]
fn a_coded_callers_update_is_answered_in_its_own_codec() {
    let (mut world, mut caller, callee) = coded();
    caller.audio.set_port(41_000);
    let moved = sip::sdp_with(caller.audio, &[(9, "G722")], "sendonly");
    caller.request(&mut world, "UPDATE", Some(&moved));
    let told = world.expect(caller.at, "200");
    assert_eq!(codecs(&told), pairs(&[(9, "g722")]));
    assert_eq!(
        description(&told).direction(),
        tandem_sdp::Direction::RecvOnly
    );
    assert_eq!(targets(&world).last(), Some(&(Side::A, caller.audio)));
    assert!(conversion(&world, Side::A).is_some_and(|plan| plan.transcodes()));
    // It goes over to what the gateway has: nothing is coded any more.
    let plain = sip::sdp(caller.audio, &[(8, "PCMA")]);
    caller.request(&mut world, "UPDATE", Some(&plain));
    let told = world.expect(caller.at, "200");
    assert_eq!(codecs(&told), pairs(&[(8, "pcma")]));
    assert_eq!(conversion(&world, Side::A), None);
    callee.say(&mut world, "200 OK", None);
    let answer = caller.ack(&mut world, None);
    assert_eq!(codecs(&answer), pairs(&[(8, "pcma")]), "what holds now");
    assert_eq!(targets(&world).last().map(|last| last.0), Some(Side::B));
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.codec.as_deref(), cdr.codec_b.as_deref()),
        (Some("pcma"), Some("pcma"))
    );
}

#[test]
fn a_coded_gateways_update_is_answered_and_holds_at_the_answer() {
    let (mut world, mut caller, mut callee) = coded();
    callee.audio.set_port(51_000);
    let moved = sip::sdp(callee.audio, &[(0, "PCMU")]);
    callee.request(&mut world, "UPDATE", Some(&moved));
    let told = world.expect(callee.at, "200");
    assert_eq!(codecs(&told), pairs(&[(0, "pcmu")]));
    assert_eq!(version(&told), version(&callee.invite) + 1);
    assert_eq!(targets(&world).last(), Some(&(Side::B, callee.audio)));
    assert_eq!(
        conversion(&world, Side::A).expect("a conversion").encodes,
        Some((0, tandem_sdp::convert::Format::Pcmu))
    );
    // Some repeat in the 200 what they said in the 183: it counts no more.
    let stale = sip::sdp(SocketAddr::new(callee.at.ip(), 50_000), &[(8, "PCMA")]);
    callee.say(&mut world, "200 OK", Some(&stale));
    caller.ack(&mut world, None);
    assert_eq!(targets(&world).last(), Some(&(Side::B, callee.audio)));
    assert_eq!(
        conversion(&world, Side::A).expect("a conversion").encodes,
        Some((0, tandem_sdp::convert::Format::Pcmu))
    );
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.codec.as_deref(), cdr.codec_b.as_deref()),
        (Some("g722"), Some("pcmu"))
    );
}

#[test]
fn what_cannot_be_coded_is_488_and_the_call_goes_on() {
    let (mut world, mut caller, mut callee) = coded();
    let told = targets(&world);
    let foreign = sip::sdp(caller.audio, &[(3, "GSM")]);
    caller.request(&mut world, "UPDATE", Some(&foreign));
    world.expect(caller.at, "488");
    callee.request(&mut world, "UPDATE", Some(&foreign));
    world.expect(callee.at, "488");
    assert_eq!(targets(&world), told);
    callee.say(&mut world, "200 OK", None);
    let answer = caller.ack(&mut world, None);
    assert_eq!(codecs(&answer), pairs(&[(9, "g722")]));
    caller.bye(&mut world);
}

#[test]
fn an_offer_before_its_time_says_whose_turn_it_is() {
    let mut world = World::new(plan().build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let mut callee = Callee::take(&mut world, GATE);
    callee.ring(&mut world);
    let ringing = world.expect(caller.at, "180");
    caller.join(&ringing);
    let body = caller.sdp();
    // Its own offer has no answer (RFC 3311 section 5.2, RFC 3261 section 14.2).
    for method in ["UPDATE", "INVITE"] {
        caller.request(&mut world, method, Some(&body));
        let later = world.expect(caller.at, "500");
        let wait: u32 = later
            .header("Retry-After")
            .and_then(|wait| wait.parse().ok())
            .expect("a time");
        assert!(wait <= 10);
        if method == "INVITE" {
            caller.ack_failure(&mut world, &later);
        }
    }
    // Ours to the called side has none.
    let body = callee.sdp();
    callee.request(&mut world, "UPDATE", Some(&body));
    world.expect(callee.at, "491");
    callee.bye(&mut world);
    world.expect(callee.at, "481");
}

#[test]
fn a_called_sides_offer_finds_a_caller_that_described_nothing() {
    let mut world = World::new(plan().build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite_without_offer(&mut world);
    let mut callee = Callee::take(&mut world, GATE);
    let body = callee.sdp();
    callee.say(&mut world, "183 Session Progress", Some(&body));
    callee.request(&mut world, "UPDATE", Some(&body));
    world.expect(callee.at, "504");
    callee.answer(&mut world);
    let audio = caller.sdp();
    caller.ack(&mut world, Some(&audio));
    caller.bye(&mut world);
}

/// Two early dialogs of one INVITE.
#[test]
fn a_fork_that_is_not_heard_moves_no_audio_until_it_answers() {
    let (mut world, mut caller, first) = coded();
    let mut second = first.clone().forked("second");
    second.audio.set_port(52_000);
    let body = sip::sdp(second.audio, &[(8, "PCMA")]);
    second.say(&mut world, "183 Session Progress", Some(&body));
    let progress = world.expect(caller.at, "183");
    caller.join(&progress);
    assert_eq!(targets(&world).last(), Some(&(Side::B, second.audio)));
    let (told, mut first) = (targets(&world), first);
    first.audio.set_port(53_000);
    let moved = sip::sdp(first.audio, &[(0, "PCMU")]);
    first.request(&mut world, "UPDATE", Some(&moved));
    let answer = world.expect(first.at, "200");
    assert_eq!(codecs(&answer), pairs(&[(0, "pcmu")]));
    assert_eq!(targets(&world), told, "another one is heard");
    first.say(&mut world, "200 OK", None);
    caller.ack(&mut world, None);
    assert_eq!(targets(&world).last(), Some(&(Side::B, first.audio)));
    assert_eq!(
        conversion(&world, Side::A).expect("a conversion").encodes,
        Some((0, tandem_sdp::convert::Format::Pcmu))
    );
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().codec_b.as_deref(), Some("pcmu"));
}

#[test]
fn of_phones_rung_at_once_one_may_answer_with_what_it_said_before() {
    let mut world = World::new(plan().build(), &[(1, 10), (2, 10)]);
    for (at, name) in [(ALICE, "alice"), (BOB, "bob")] {
        sip::register(&mut world, at, name);
    }
    let mut caller = Caller::new(TRUNK, "4930123", "9", "a");
    caller.invite(&mut world);
    let alice = Callee::take(&mut world, ALICE);
    let bob = Callee::take(&mut world, BOB);
    bob.ring(&mut world);
    let body = alice.sdp();
    let reliable = "Require: 100rel\r\nRSeq: 1\r\n";
    alice.say_with(&mut world, "183 Session Progress", reliable, Some(&body));
    let prack = world.expect(alice.at, "PRACK");
    alice.respond(&mut world, &prack, "200 OK", None);
    alice.say(&mut world, "200 OK", None);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().cause, "answered.caller_hangup");
}
