//! Reliable provisional answers on each leg by itself, early dialogs and forks.

use super::{
    GATE, TRUNK, assert_hidden,
    kit::{Callee, Caller, World, sip},
    plan,
};
use tandem_call::directory::signalling::Extension;
use tandem_sip::Message;

const REL: &str = "Supported: 100rel\r\n";

fn start(extra: &str) -> (World, Caller, Callee) {
    let mut world = World::new(plan().build(), &[(1, 10), (2, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a").with_headers(extra);
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    (world, caller, callee)
}

fn rack(answer: &Message) -> String {
    let rseq = answer.header("RSeq").expect("a reliable answer");
    format!("RAck: {rseq} {} INVITE\r\n", answer.cseq())
}

#[test]
fn described_progress_is_reliable_for_a_caller_that_can() {
    let (mut world, mut caller, callee) = start(REL);
    let body = callee.sdp();
    callee.say(&mut world, "183 Session Progress", Some(&body));
    let progress = world.expect(caller.at, "183");
    assert_eq!(progress.header("Require"), Some("100rel"));
    world.seconds(1);
    let again = world.expect(caller.at, "183");
    assert_eq!(
        again.header("RSeq"),
        progress.header("RSeq"),
        "repeated until PRACKed"
    );
    caller.join(&progress);
    caller.request_with(&mut world, "PRACK", &rack(&progress), None);
    world.expect(caller.at, "200");
    world.seconds(5);
    assert!(world.heard(caller.at).is_empty(), "PRACKed: silence");
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn the_answer_waits_for_the_prack_of_a_description() {
    let (mut world, mut caller, callee) = start(REL);
    let body = callee.sdp();
    callee.say(&mut world, "183 Session Progress", Some(&body));
    let progress = world.expect(caller.at, "183");
    callee.answer(&mut world);
    assert!(!world.waits(caller.at, "200"), "RFC 3262 section 3");
    caller.join(&progress);
    caller.request_with(&mut world, "PRACK", &rack(&progress), None);
    world.expect(caller.at, "200");
    caller.ack(&mut world, None);
    world.seconds(2);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().duration_ms, 2_000);
    world.check_idle();
}

#[test]
fn a_caller_that_never_pracks_is_refused_and_pays_nothing() {
    let (mut world, caller, callee) = start("Require: 100rel\r\n");
    callee.ring(&mut world);
    let ringing = world.expect(caller.at, "180");
    assert_eq!(
        ringing.header("Require"),
        Some("100rel"),
        "required: even without audio"
    );
    world.seconds(33);
    world.expect(caller.at, "504");
    world.expect(callee.at, "CANCEL");
    callee.say(&mut world, "487 Request Terminated", None);
    assert_eq!(world.book.only_cdr().cause, "cancelled.no_prack");
    world.check_idle();
}

#[test]
fn a_prack_of_another_number_is_481() {
    let (mut world, mut caller, callee) = start("Require: 100rel\r\n");
    callee.ring(&mut world);
    let ringing = world.expect(caller.at, "180");
    caller.join(&ringing);
    caller.request_with(&mut world, "PRACK", "RAck: 7 1 INVITE\r\n", None);
    world.expect(caller.at, "481");
    caller.request_with(&mut world, "PRACK", &rack(&ringing), None);
    world.expect(caller.at, "200");
    caller.cancel(&mut world);
    callee.say(&mut world, "487 Request Terminated", None);
    world.check_idle();
}

#[test]
fn an_offer_in_prack_is_answered_and_the_relay_follows() {
    let (mut world, mut caller, callee) = start(REL);
    let body = callee.sdp();
    callee.say(&mut world, "183 Session Progress", Some(&body));
    let progress = world.expect(caller.at, "183");
    caller.join(&progress);
    let held = sip::sdp_with(caller.audio, sip::G711, "sendonly");
    caller.request_with(&mut world, "PRACK", &rack(&progress), Some(&held));
    let answer = world.expect(caller.at, "200");
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(text.contains("a=recvonly"), "{text}");
    assert_hidden(&answer, &["203.0.113.1"]);
    let other = sip::sdp(caller.audio, &[(18, "G729")]);
    caller.request_with(&mut world, "UPDATE", "", Some(&other));
    world.expect(caller.at, "488");
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn the_gateways_reliable_answers_are_pracked_once_and_in_order() {
    let (mut world, mut caller, callee) = start("");
    assert!(
        callee
            .invite
            .header("Supported")
            .is_some_and(|tags| tags.contains("100rel"))
    );
    let reliable = |rseq: u32| format!("Require: 100rel\r\nRSeq: {rseq}\r\n");
    callee.say_with(&mut world, "180 Ringing", &reliable(10), None);
    let prack = world.expect(callee.at, "PRACK");
    assert_eq!(prack.header("RAck"), Some("10 1 INVITE"));
    callee.respond(&mut world, &prack, "200 OK", None);
    callee.say_with(&mut world, "180 Ringing", &reliable(10), None);
    callee.say_with(&mut world, "180 Ringing", &reliable(12), None);
    assert!(
        world.heard(callee.at).is_empty(),
        "a repetition, and one too early"
    );
    let body = callee.sdp();
    callee.say_with(
        &mut world,
        "183 Session Progress",
        &reliable(11),
        Some(&body),
    );
    let prack = world.expect(callee.at, "PRACK");
    assert_eq!(
        (prack.header("RAck"), prack.cseq()),
        (Some("11 1 INVITE"), 3)
    );
    callee.respond(&mut world, &prack, "200 OK", None);
    // The caller asked for nothing of the kind.
    let progress = world.expect(caller.at, "183");
    assert!(progress.header("RSeq").is_none());
    callee.say(&mut world, "200 OK", None);
    let ack = world.expect(callee.at, "ACK");
    assert_eq!(ack.cseq(), 1);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    let bye = world.expect(callee.at, "BYE");
    assert_eq!(bye.cseq(), 4, "the early dialog's numbers go on");
    world.check_idle();
}

#[test]
fn what_an_account_requires_a_caller_must_have() {
    let directory = plan()
        .with_account(1, |account| {
            account.signalling.reliable = Extension::Required
        })
        .build();
    let mut world = World::new(directory, &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let answer = world.expect(caller.at, "421");
    assert_eq!(answer.header("Require"), Some("100rel"));
    caller.ack_failure(&mut world, &answer);
    assert_eq!(world.book.only_cdr().cause, "refused.extension_required");
    world.check_idle();
}

#[test]
fn a_fork_that_answers_after_another_was_heard_speaks_under_its_own_tag() {
    let (mut world, mut caller, callee) = start("");
    let body = callee.sdp();
    callee.say(&mut world, "183 Session Progress", Some(&body));
    let progress = world.expect(caller.at, "183");
    let other = sip::sdp(
        "203.0.113.9:5000".parse().expect("an address"),
        &[(0, "PCMU")],
    );
    world.send(
        callee.at,
        sip::respond(&callee.invite, "200 OK", "another", callee.at, Some(&other)),
    );
    let answer = caller.ack(&mut world, None);
    assert_ne!(answer.to_tag(), progress.to_tag());
    world.expect(callee.at, "ACK");
    caller.bye(&mut world);
    let bye = world.expect(callee.at, "BYE");
    assert_eq!(bye.to_tag(), Some("another"));
    assert_eq!(world.book.only_cdr().codec.as_deref(), Some("pcmu"));
    world.check_idle();
}

#[test]
fn a_prack_that_is_challenged_goes_again_with_credentials_once() {
    let plan = plan().with_gateway(1, |gateway| {
        gateway.auth = Some(tandem_call::directory::GatewayAuth {
            username: "us".into(),
            password: "secret".into(),
            realm: None,
        });
    });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.say_with(
        &mut world,
        "180 Ringing",
        "Require: 100rel\r\nRSeq: 7\r\n",
        None,
    );
    let challenge = |request: &Message| {
        sip::respond(
            request,
            "407 Proxy Authentication Required",
            "x",
            callee.at,
            None,
        )
        .replacen(
            "User-Agent:",
            "Proxy-Authenticate: Digest realm=\"gate\", nonce=\"n1\", qop=\"auth\"\r\nUser-Agent:",
            1,
        )
    };
    let first = world.expect(callee.at, "PRACK");
    let text = challenge(&first);
    world.send(callee.at, text);
    let second = world.expect(callee.at, "PRACK");
    assert_eq!(second.header("RAck"), first.header("RAck"));
    assert!(second.header("Proxy-Authorization").is_some());
    assert!(second.cseq() > first.cseq());
    let text = challenge(&second);
    world.send(callee.at, text);
    assert!(!world.waits(callee.at, "PRACK"), "once");
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.check_idle();
}
