//! Messages that pretend: of a dialog, of a transaction, of a phone, of a line of their own.

use super::{
    ALICE, BOB, GATE, TRUNK, at,
    kit::{Callee, Caller, World, plan as words, sip},
    plan, world,
};
use proptest::prelude::*;
use tandem_billing::{GatewayId, Micros};
use tandem_call::directory::{CallerIdRule, Target, signalling::HeaderLine};
use tandem_sip::{Message, value::Method};

const EVIL: &str = "203.0.113.66:5060";

fn up(world: &mut World) -> (Caller, Callee) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(world);
    let callee = Callee::take(world, GATE);
    callee.answer(world);
    caller.ack(world, None);
    for at in [caller.at, callee.at] {
        world.heard(at);
    }
    (caller, callee)
}

fn forged(method: &str, call_id: &str, from: &str, to: &str, n: usize) -> String {
    let body = sip::sdp(at("203.0.113.66:9000"), sip::G711);
    format!(
        "{method} sip:call@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.66;branch=z9hG4bKf{n};rport\r\n\
         Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: 900 {method}\r\n\
         Contact: <sip:e@203.0.113.66>\r\nRefer-To: <sip:900@203.0.113.66>\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn the_right_call_id_alone_opens_nothing_and_ends_nothing() {
    let mut world = plan_without_guard();
    let (mut caller, callee) = up(&mut world);
    let answer_to = callee.invite.header("From").expect("From").to_owned();
    let before = world.relay.len();
    let mut n = 0;
    for call_id in [
        caller.call_id().to_owned(),
        callee.invite.call_id().to_owned(),
    ] {
        for (from, to) in [
            ("<sip:4930123@x>;tag=fa", "<sip:442071234@y>"),
            ("<sip:4930123@x>;tag=fa", "<sip:442071234@y>;tag=guess"),
            ("<sip:4930123@x>;tag=guess", "<sip:442071234@y>;tag=guess"),
            ("<sip:4930123@x>;tag=guess", answer_to.as_str()),
        ] {
            for method in [
                "BYE", "INVITE", "UPDATE", "INFO", "REFER", "PRACK", "CANCEL", "NOTIFY",
            ] {
                n += 1;
                world.send(at(EVIL), forged(method, &call_id, from, to, n));
            }
        }
    }
    let answers = world.heard(at(EVIL));
    assert!(
        answers.iter().all(|answer| !answer.starts_with('2')),
        "{answers:?}"
    );
    assert!(!answers.contains(&"INVITE".to_owned()));
    assert_eq!(world.relay.len(), before, "the audio goes where it went");
    assert!(world.heard(callee.at).is_empty() && world.heard(caller.at).is_empty());
    world.seconds(3);
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.duration_ms),
        ("answered.caller_hangup", 3_000)
    );
    world.check_idle();
}

fn plan_without_guard() -> World {
    let directory = plan()
        .with_settings(|settings| settings.guard.enabled = false)
        .build();
    World::new(directory, &[(1, 10), (2, 10)])
}

/// A message of a peer, as it was sent last.
fn last_of(world: &World, from: &str, method: &str) -> Message {
    let sent = world.wire().iter().rev();
    let mut fitting = sent.filter(|wire| {
        wire.from == at(from)
            && wire.message.is_request()
            && wire.message.method().as_str() == method
    });
    fitting.next().expect("it was sent").message.clone()
}

fn text(message: &Message) -> String {
    String::from_utf8_lossy(message.as_bytes()).into_owned()
}

#[test]
fn a_cancel_from_another_address_ends_nothing() {
    let mut world = world();
    world.record();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.ring(&mut world);
    let invite = text(&last_of(&world, TRUNK, "INVITE"));
    let (head, _) = invite.split_once("Content-Type").expect("a body");
    let cancel = format!("{head}Content-Length: 0\r\n\r\n")
        .replace("INVITE sip", "CANCEL sip")
        .replace("1 INVITE", "1 CANCEL");
    world.send(at(EVIL), cancel.clone());
    assert_eq!(world.heard(at(EVIL)), ["481"]);
    assert!(world.heard(callee.at).is_empty());
    world.send(at(TRUNK), cancel);
    assert!(world.waits(callee.at, "CANCEL"), "from the caller it does");
}

/// The tags are known to whoever saw one message: the audio still does not follow a stranger.
#[test]
fn a_reinvite_from_elsewhere_moves_no_audio() {
    let mut world = world();
    world.record();
    let (caller, callee) = up(&mut world);
    let before = world.relay.len();
    for (n, method) in ["INVITE", "UPDATE"].into_iter().enumerate() {
        let ack = last_of(&world, TRUNK, "ACK");
        let header = |name| ack.header(name).expect(name).to_owned();
        let text = forged(
            method,
            caller.call_id(),
            &header("From"),
            &header("To"),
            70 + n,
        );
        world.send(
            at(EVIL),
            text.replace("CSeq: 900", &format!("CSeq: {}", 50 + n)),
        );
        let answers = world.heard(at(EVIL));
        assert!(
            answers.iter().all(|answer| answer.starts_with('4')),
            "{method}: {answers:?}"
        );
    }
    assert_eq!(world.relay.len(), before);
    assert!(world.heard(callee.at).is_empty(), "nobody is asked");
}

/// What a stranger writes within the dialog of a party, whose ACK it saw.
fn eavesdropped(world: &World, party: &str, method: &str, n: usize) -> String {
    let ack = last_of(world, party, "ACK");
    let header = |name| ack.header(name).expect(name).to_owned();
    forged(method, ack.call_id(), &header("From"), &header("To"), n)
}

/// Neither where requests go nor which ones are new is a stranger's to say.
#[test]
fn no_request_from_elsewhere_moves_anything_within_a_dialog() {
    let mut world = plan_without_guard();
    world.record();
    sip::register(&mut world, ALICE, "alice");
    for (party, first) in [(TRUNK, 100), (ALICE, 200)] {
        let mut caller = Caller::new(party, "alice", "442071234", party);
        if party == ALICE {
            caller.invite_with_digest(&mut world);
        } else {
            caller.invite(&mut world);
        }
        let mut callee = Callee::take(&mut world, GATE);
        callee.answer(&mut world);
        caller.ack(&mut world, None);
        world.expect(callee.at, "ACK");
        let methods = [
            "INVITE",
            "UPDATE",
            "NOTIFY",
            "REFER",
            "SUBSCRIBE",
            "PUBLISH",
            "INFO",
            "MESSAGE",
            "OPTIONS",
            "PRACK",
            "REGISTER",
            "WHATEVER",
        ];
        let refused = if party == ALICE { "407" } else { "403" };
        for (n, method) in methods.into_iter().enumerate() {
            let text = eavesdropped(&world, party, method, n + first);
            world.send(at(EVIL), text);
            assert_eq!(world.heard(at(EVIL)), [refused], "{method}");
        }
        assert!(world.heard(callee.at).is_empty(), "nobody is asked");
        callee.request(&mut world, "INFO", Some("hello\r\n"));
        let info = world.expect(caller.at, "INFO");
        let uri = String::from_utf8_lossy(info.as_bytes()).into_owned();
        assert!(uri.starts_with(&format!("INFO sip:peer@{party} ")), "{uri}");
        caller.respond(&mut world, &info, "200 OK", None);
        // The real one counts on from where it was.
        caller.bye(&mut world);
        assert_eq!(world.heard(caller.at), ["200"]);
        world.expect(callee.at, "BYE");
    }
    world.check_idle();
}

/// A phone behind a NAT that changed is heard when it hangs up.
#[test]
fn a_bye_from_elsewhere_ends_the_call() {
    let mut world = world();
    world.record();
    let (mut caller, callee) = up(&mut world);
    caller.at = at("198.51.100.99:6060");
    caller.bye(&mut world);
    assert_eq!(world.heard(caller.at), ["200"]);
    world.expect(callee.at, "BYE");
    world.check_idle();
}

#[test]
fn no_request_from_elsewhere_moves_the_audio_of_a_call_that_rings() {
    let mut world = plan_without_guard();
    world.record();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.say(&mut world, "183 Session Progress", Some(&callee.sdp()));
    let before = world.relay.len();
    let invite = callee.invite.clone();
    let header = |name| invite.header(name).expect(name).to_owned();
    let from = format!("{};tag={}", header("To"), callee.tag());
    let mut callee = callee;
    for (n, method, refused) in [(1, "UPDATE", "403"), (2, "INFO", "403"), (3, "BYE", "481")] {
        let text = forged(method, callee.invite.call_id(), &from, &header("From"), n);
        world.send(at(EVIL), text);
        assert_eq!(world.heard(at(EVIL)), [refused], "{method}");
    }
    assert_eq!(world.relay.len(), before);
    // Nor do they keep it from being heard later.
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.heard(callee.at);
    callee.bye(&mut world);
    assert_eq!(world.heard(callee.at), ["200"]);
    world.expect(caller.at, "BYE");
    world.check_idle();
}

/// A target is exchanged by a request that was agreed to, and by no other one.
#[test]
fn a_refused_reinvite_leaves_the_target_as_it_was() {
    let mut world = world();
    let (mut caller, mut callee) = up(&mut world);
    let moved = |text: &[u8]| {
        String::from_utf8_lossy(text)
            .replace("Contact: <sip:peer@", "Contact: <sip:moved@")
            .into_bytes()
    };
    for (answer, user) in [("488 Not Acceptable Here", "peer"), ("200 OK", "moved")] {
        let hold = sip::sdp_with(caller.audio, sip::G711, "sendonly");
        world.harm_next(moved);
        caller.request(&mut world, "INVITE", Some(&hold));
        let passed = world.expect(callee.at, "INVITE");
        let sdp = callee.sdp();
        let body = answer.starts_with('2').then_some(sdp.as_str());
        callee.respond(&mut world, &passed, answer, body);
        match body {
            Some(_) => drop(caller.ack(&mut world, None)),
            None => {
                let refused = world.expect(caller.at, "488");
                caller.ack_failure(&mut world, &refused);
            }
        }
        callee.request(&mut world, "INFO", Some("hello\r\n"));
        let info = world.expect(caller.at, "INFO");
        assert!(text(&info).starts_with(&format!("INFO sip:{user}@")));
        caller.respond(&mut world, &info, "200 OK", None);
        world.heard(callee.at);
    }
}

#[test]
fn a_phone_that_moved_proves_itself_before_its_audio_moves() {
    let mut world = world();
    sip::register(&mut world, ALICE, "alice");
    sip::register(&mut world, BOB, "bob");
    let mut alice = Caller::new(ALICE, "alice", "bob", "a");
    alice.invite_with_digest(&mut world);
    let bob = Callee::take(&mut world, BOB);
    bob.answer(&mut world);
    alice.ack(&mut world, None);
    assert_eq!(world.heard(bob.at), ["ACK"]);
    let moved = "198.51.100.99:6060";
    alice.at = at(moved);
    let body = alice.sdp();
    alice.request(&mut world, "INVITE", Some(&body));
    assert!(world.waits(at(moved), "407"), "it is challenged");
    assert!(world.heard(bob.at).is_empty());
    alice.authorise(&mut world, &Method::Invite, &words::password("alice"));
    assert!(world.waits(bob.at, "INVITE"), "and then it is passed on");
}

#[test]
fn a_captured_registration_is_worth_nothing_elsewhere_or_later() {
    let mut world = world();
    world.record();
    sip::register(&mut world, ALICE, "alice");
    let captured = text(&last_of(&world, ALICE, "REGISTER"));
    let registered = world.book.registered.clone();
    for (from, contact) in [
        (EVIL, "sip:peer@203.0.113.66"),
        (ALICE, "sip:peer@198.51.100.20:9"),
    ] {
        for wait_s in [0, 40, 400] {
            world.seconds(wait_s);
            let replayed = captured
                .replace(
                    "branch=z9hG4bK",
                    &format!("branch=z9hG4bK{wait_s}x{}", from.len()),
                )
                .replace("sip:peer@198.51.100.20:6060", contact);
            world.heard(at(from));
            world.send(at(from), replayed);
            let answer = world.expect(at(from), "401");
            let challenge = answer.header("WWW-Authenticate").expect("a challenge");
            assert!(
                challenge.contains("stale=true"),
                "its user is not asked again: {challenge}"
            );
        }
    }
    assert!(world.book.registered.is_subset(&registered));
}

/// With what differs by chance or by the name made alike.
fn alike(message: &Message, user: &str) -> String {
    let text = text(message).replace(user, "USER");
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_hexdigit() {
            run.push(c);
            continue;
        }
        let is_drawn = run.len() >= 12;
        out.push_str(&if is_drawn {
            "#".repeat(run.len())
        } else {
            run.clone()
        });
        run.clear();
        out.push(c);
    }
    out
}

#[test]
fn known_and_unknown_users_hear_the_same_to_the_byte() {
    let answers = |user: &str| {
        let mut world = world();
        let mut heard = Vec::new();
        for (key, method) in [("r", Method::Register), ("i", Method::Invite)] {
            let challenge = if method == Method::Register {
                "401"
            } else {
                "407"
            };
            let mut phone = Caller::new(EVIL, user, "442071234", key);
            if method == Method::Register {
                phone.request(&mut world, "REGISTER", None);
            } else {
                phone.invite(&mut world);
            }
            let first = world.take(at(EVIL)).expect("an answer");
            heard.push(alike(&first, user));
            let uri = "sip:442071234@192.0.2.1:5060";
            let (name, value) =
                tandem_sip::digest::answer(&first, &method, uri, user, "guess", "c0ffee")
                    .expect("a challenge");
            phone = phone.with_headers(&format!("{name}: {value}\r\n"));
            if method == Method::Register {
                phone.request_with(
                    &mut world,
                    "REGISTER",
                    &format!("{name}: {value}\r\n"),
                    None,
                );
            } else {
                phone.ack_failure(&mut world, &first);
                phone.invite(&mut world);
            }
            let second = world.take(at(EVIL)).expect("an answer");
            assert_eq!(
                second.status().map(|s| s.to_string()).as_deref(),
                Some(challenge)
            );
            heard.push(alike(&second, user));
        }
        heard
    };
    assert_eq!(answers("alice"), answers("alicf"));
}

#[test]
fn requests_out_of_nowhere_make_no_call() {
    let mut world = plan_without_guard();
    for (n, method) in [
        "REFER",
        "INVITE",
        "MESSAGE",
        "NOTIFY",
        "UPDATE",
        "PUBLISH",
        "SUBSCRIBE",
        "BYE",
    ]
    .into_iter()
    .enumerate()
    {
        let text = forged(
            method,
            &format!("new-{n}"),
            "<sip:alice@x>;tag=e",
            "<sip:442071234@y>",
            n,
        );
        world.send(at(EVIL), text.replace("sip:call@", "sip:442071234@"));
    }
    let answers = world.heard(at(EVIL));
    assert!(
        answers.iter().all(|answer| answer.starts_with(['4', '5'])),
        "{answers:?}"
    );
    assert!(world.book.open.is_empty() && world.book.cdrs.is_empty());
    assert!(world.heard(at(GATE)).is_empty());
}

/// What could end a line, a quoted name, an address or a parameter, if it got through.
fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("%0d%0aX-Evil:%201"),
        Just("%0D%0A%0D%0A"),
        Just("%00"),
        Just("%22"),
        Just("%3e"),
        Just(";x=1"),
        Just("?X-Evil=1"),
        Just("4930"),
        Just("a"),
        Just("é"),
    ];
    prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

fn nastier() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("\r\nX-Evil: 1"),
        Just("\r\n\r\n"),
        Just("\n"),
        Just("\0"),
        Just("\""),
        Just("\\"),
        Just(">"),
        Just("<sip:e@e>"),
        Just(", "),
        Just("44"),
        Just("é"),
    ];
    prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

/// The switch's messages hold no line that only a peer's or an operator's text could have made.
fn assert_whole(world: &World) {
    let switch = std::net::SocketAddr::from(words::SWITCH);
    for wire in world.wire().iter().filter(|wire| wire.from == switch) {
        let message = &wire.message;
        assert!(
            message.header("X-Evil").is_none(),
            "a line broke out:\n{}",
            text(message)
        );
        let head = text(message);
        let head = head.split("\r\n\r\n").next().unwrap_or_default();
        for line in head.split("\r\n").skip(1) {
            let name = line.split(':').next().unwrap_or_default();
            let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            assert!(
                !name.is_empty() && name.bytes().all(token),
                "{line:?} in\n{head}"
            );
            assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_field_of_a_peer_makes_a_header(
        user in nasty(), number in nasty(), display in nasty(), asserted in nasty(), tag in nasty(),
    ) {
        let mut world = world();
        world.record();
        let display = display.replace('"', "");
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a").with_headers(&format!(
            "P-Asserted-Identity: \"{display}\" <sip:{asserted}@x>\r\nDiversion: <sip:{asserted}@x>;reason={tag}\r\n\
             Reason: SIP;cause=200;text=\"{display}\"\r\nSubject: {display}\r\n"
        ));
        world.harm_next(move |bytes| {
            String::from_utf8_lossy(bytes)
                .replace("sip:442071234@", &format!("sip:44{number}@"))
                .replace("\"Caller Name\" <sip:4930123@", &format!("\"{display}\" <sip:{user}@"))
                .into_bytes()
        });
        caller.invite(&mut world);
        if world.waits(at(GATE), "INVITE") {
            let callee = Callee::take(&mut world, GATE);
            callee.say_with(&mut world, "486 Busy", &format!("Reason: Q.850;text=\"{tag}\"\r\n"), None);
        }
        assert_whole(&world);
    }

    #[test]
    fn no_field_of_an_operator_makes_a_header(
        caller_id in nastier(), login in nastier(), reason in nastier(), header in nastier(), name in nastier(),
    ) {
        let directory = plan()
            .with_account(1, |account| {
                account.caller_id = CallerIdRule::Fixed(caller_id.clone());
                account.login = login.clone();
            })
            .with_gateway(1, |gateway| {
                gateway.name = login.clone();
                gateway.signalling.add_headers = vec![
                    HeaderLine { name: "X-Rule".into(), value: header.clone() },
                    HeaderLine { name: name.clone(), value: "v".into() },
                ];
            })
            .route("555", 1, Target::Reject { status: 486, reason: reason.clone() })
            .route("444", 1, Target::Gateway(GatewayId(1)))
            .build();
        let mut world = World::new(directory, &[(1, 10)]);
        world.record();
        for (number, key) in [("442071234", "a"), ("5551", "b"), ("4441", "c")] {
            Caller::new(TRUNK, "4930123", number, key).invite(&mut world);
        }
        assert_whole(&world);
        prop_assert!(world.book.balance(1) == Micros(10_000_000));
    }
}
