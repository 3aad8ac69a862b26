//! MESSAGE: to phones only, by the rules of calls, free of charge and bounded.

use super::{
    ALICE, BOB, GATE, TRUNK, assert_hidden, at,
    kit::{Callee, Caller, World, sip},
    plan,
};
use tandem_sip::{Message, value::Method};

fn world() -> World {
    let mut world = World::new(plan().build(), &[(1, 10), (2, 10)]);
    sip::register(&mut world, BOB, "bob");
    world
}

/// A MESSAGE as a peer writes it: the kit's bodies are SDP.
fn say(world: &mut World, from: &Caller, number: &str, (kind, text): (&str, &str)) {
    let message = format!(
        "MESSAGE sip:{number}@192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKm{n};rport\r\n\
         Max-Forwards: 70\r\nFrom: \"Secret Name\" <sip:4930123@{ip}>;tag=m\r\nTo: <sip:{number}@192.0.2.1>\r\n\
         Call-ID: m{n}@{ip}\r\nCSeq: 1 MESSAGE\r\nUser-Agent: PhoneMaker 1.0\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n{text}",
        at = from.at,
        ip = from.at.ip(),
        n = world.now.mono.0,
        length = text.len(),
    );
    world.advance(std::time::Duration::from_millis(1));
    world.send(from.at, message);
}

fn trunk() -> Caller {
    Caller::new(TRUNK, "4930123", "bob", "m")
}

#[test]
fn a_message_reaches_the_phone_and_its_answer_the_sender() {
    let mut world = world();
    let sender = trunk();
    say(&mut world, &sender, "bob", ("text/plain", "Hello"));
    let passed: Message = world.expect(at(BOB), "MESSAGE");
    assert_eq!(
        (passed.body(), passed.content_type()),
        (&b"Hello"[..], Some("text/plain"))
    );
    assert_eq!(
        passed.from().uri.user_unescaped().as_deref(),
        Some("4930123")
    );
    assert_hidden(&passed, &["198.51.100.10", "Secret Name"]);
    world.send(at(BOB), sip::respond(&passed, "200 OK", "b", at(BOB), None));
    world.expect(sender.at, "200");
    say(&mut world, &sender, "bob", ("text/plain", "Again"));
    let passed = world.expect(at(BOB), "MESSAGE");
    world.send(
        at(BOB),
        sip::respond(&passed, "486 Busy Here", "b", at(BOB), None),
    );
    world.expect(sender.at, "486");
    assert!(
        world.book.cdrs.is_empty() && world.book.entries.is_empty(),
        "free of charge"
    );
    world.check_idle();
}

#[test]
fn all_phones_of_a_device_get_it_and_the_first_answers() {
    const ELSEWHERE: &str = "198.51.100.31:7071";
    let mut world = world();
    sip::register(&mut world, ELSEWHERE, "bob");
    let sender = trunk();
    say(&mut world, &sender, "bob", ("text/plain", "Hello"));
    let first = world.expect(at(BOB), "MESSAGE");
    let second = world.expect(at(ELSEWHERE), "MESSAGE");
    world.send(
        at(BOB),
        sip::respond(&first, "480 Away", "b", at(BOB), None),
    );
    assert!(!world.waits(sender.at, "480"), "one is left");
    world.send(
        at(ELSEWHERE),
        sip::respond(&second, "202 Accepted", "b", at(ELSEWHERE), None),
    );
    world.expect(sender.at, "200");
    world.check_idle();
}

#[test]
fn what_cannot_go_is_refused_and_nothing_leaves() {
    let mut world = world();
    let sender = trunk();
    let long = "x".repeat(1301);
    for (number, content, status) in [
        ("442071234", ("text/plain", "Hello"), "403"),
        ("0900", ("text/plain", "Hello"), "404"),
        ("alice", ("text/plain", "Hello"), "480"),
        ("bob", ("text/plain", long.as_str()), "413"),
        ("bob", ("message/cpim", "From: <im:a@10.0.0.1>"), "415"),
    ] {
        say(&mut world, &sender, number, content);
        assert_eq!(world.heard(sender.at), [status], "{number}");
    }
    assert!(!world.waits(at(GATE), "MESSAGE") && !world.waits(at(BOB), "MESSAGE"));
    // A phone that says nothing.
    say(&mut world, &sender, "bob", ("text/plain", "Hello"));
    world.seconds(40);
    // By then the sender has given up by itself: it is told nothing (RFC 4320 section 4.2).
    assert!(world.heard(sender.at).is_empty());
    world.check_idle();
}

#[test]
fn an_unknown_sender_is_challenged() {
    let mut world = world();
    let mut alice = Caller::new(ALICE, "alice", "bob", "m");
    alice.request(&mut world, "MESSAGE", None);
    assert!(!world.waits(at(BOB), "MESSAGE"));
    alice.authorise(&mut world, &Method::Other("MESSAGE".into()), "wrong");
    world.expect(alice.at, "407");
    let mut alice = Caller::new(ALICE, "alice", "bob", "n");
    alice.request(&mut world, "MESSAGE", None);
    alice.authorise(&mut world, &Method::Message, "ecila");
    let passed = world.expect(at(BOB), "MESSAGE");
    world.send(at(BOB), sip::respond(&passed, "200 OK", "b", at(BOB), None));
    world.expect(alice.at, "200");
    world.check_idle();
}

#[test]
fn within_a_call_it_goes_to_the_other_phone_and_to_no_gateway() {
    let mut world = world();
    for (number, callee, status) in [("bob", BOB, "200"), ("442071234", GATE, "403")] {
        let mut caller = Caller::new(TRUNK, "4930123", number, number);
        caller.invite(&mut world);
        let callee = Callee::take(&mut world, callee);
        callee.answer(&mut world);
        caller.ack(&mut world, None);
        caller.request(&mut world, "MESSAGE", None);
        if status == "200" {
            let passed = world.expect(callee.at, "MESSAGE");
            callee.respond(&mut world, &passed, "200 OK", None);
        }
        world.expect(caller.at, status);
        caller.bye(&mut world);
        world.expect(caller.at, "200");
        world.expect(callee.at, "BYE");
    }
    world.check_idle();
}

#[test]
fn messages_under_way_have_an_end() {
    let directory = plan()
        .with_account(1, |account| account.limits.max_cps = 0)
        .build();
    let mut world = World::new(directory, &[(1, 10), (2, 10)]);
    sip::register(&mut world, BOB, "bob");
    let sender = trunk();
    for _ in 0..2_100 {
        say(&mut world, &sender, "bob", ("text/plain", "Hello"));
    }
    let answers = world.heard(sender.at);
    let refused = answers.iter().filter(|answer| *answer == "503").count();
    assert!(refused >= 100, "{refused}: the phone has answered none");
    world.seconds(40);
    say(&mut world, &sender, "bob", ("text/plain", "Hello"));
    assert!(!world.waits(sender.at, "503"), "there is room again");
    world.seconds(40);
    world.check_idle();
}
