//! Guessing secrets: what a guesser learns, how many tries he has, and who is not harmed meanwhile.

use super::{
    ALICE, BOB, at,
    kit::{
        World,
        plan::{REALM, SWITCH, password},
        sip,
    },
    plan, world,
};
use std::net::SocketAddr;
use tandem_call::io::{Command, Reply};
use tandem_sip::{
    Message,
    digest::{self, Algorithm},
    message::Parsed,
    value::Method,
};

/// The methods whose secrets are looked at outside a call.
const METHODS: [Method; 3] = [Method::Register, Method::Invite, Method::Message];

/// Sends a request with these header lines; the final answer to it.
fn ask(world: &mut World, from: &str, method: &Method, (user, extra): (&str, &str)) -> Message {
    let from = at(from);
    let n = world.now.mono.0;
    let (name, sdp) = (method.as_str(), sip::sdp(from, sip::G711));
    let (kind, body) = match method {
        Method::Invite => ("Content-Type: application/sdp\r\n", sdp.as_str()),
        _ => ("", ""),
    };
    let text = format!(
        "{name} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKg{n}{name};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:{user}@{REALM}>;tag=g{n}\r\nTo: <sip:{user}@{REALM}>\r\nCall-ID: g{n}{name}@{from}\r\n\
         CSeq: 1 {name}\r\nContact: <sip:{user}@{from}>\r\n{extra}{kind}Content-Length: {length}\r\n\r\n{body}",
        uri = uri(),
        length = body.len(),
    );
    world.heard(from);
    world.send(from, text);
    let mut answer = world.take(from).expect("an answer");
    while answer.status().is_some_and(|status| status < 200) {
        answer = world.take(from).expect("a final answer");
    }
    world.advance(std::time::Duration::from_millis(1));
    answer
}

fn uri() -> String {
    format!("sip:4930123@{}", SocketAddr::from(SWITCH))
}

/// A challenge to be answered.
fn challenge(world: &mut World, from: &str, method: &Method) -> Message {
    ask(world, from, method, ("nobody", ""))
}

/// The same with another nonce.
fn with_nonce(challenge: &Message, nonce: &str) -> Message {
    let text = String::from_utf8(challenge.as_bytes().to_vec()).expect("text");
    let (before, rest) = text.split_once("nonce=\"").expect("a nonce");
    let (_, after) = rest.split_once('"').expect("its end");
    let text = format!("{before}nonce=\"{nonce}\"{after}");
    match Message::parse(text.into_bytes().into()) {
        Parsed::Message(message) => message,
        other => panic!("a message, not {other:?}"),
    }
}

fn answer(
    world: &mut World,
    from: &str,
    method: &Method,
    (challenge, user, secret): (&Message, &str, &str),
) -> Message {
    let (name, value) =
        digest::answer(challenge, method, &uri(), user, secret, "c0ffee").expect("an answer");
    ask(world, from, method, (user, &format!("{name}: {value}\r\n")))
}

/// What a guesser sees of an answer: all but what is drawn anew each time.
fn seen(answer: &Message) -> (Option<u16>, bool, Option<String>) {
    let text = String::from_utf8_lossy(answer.as_bytes()).into_owned();
    let retry = answer.header("Retry-After").map(str::to_owned);
    (answer.status(), text.contains("stale=true"), retry)
}

fn tried(world: &mut World) -> u64 {
    world.command(Command::Snapshot);
    match world.replies.pop() {
        Some((_, Reply::Snapshot(shot))) => shot.totals.guarded.secrets_tried,
        other => panic!("a snapshot, not {other:?}"),
    }
}

#[test]
fn under_a_nonce_that_does_not_hold_all_answers_are_equal_and_no_secret_is_tried() {
    let mut world = world();
    sip::register(&mut world, ALICE, "alice");
    let before = tried(&mut world);
    for method in METHODS {
        let given = challenge(&mut world, ALICE, &method);
        let elsewhere = challenge(&mut world, BOB, &method);
        let made_up = with_nonce(&given, "00112233");
        for challenge in [&made_up, &elsewhere] {
            for (user, secret) in [
                ("alice", password("alice")),
                ("alice", "guess".to_owned()),
                ("nobody", "guess".to_owned()),
            ] {
                let heard = answer(&mut world, ALICE, &method, (challenge, user, &secret));
                let status = if method == Method::Register { 401 } else { 407 };
                assert_eq!(
                    seen(&heard),
                    (Some(status), true, None),
                    "{method:?} {user}"
                );
            }
        }
        world.seconds(3_600);
        let heard = answer(&mut world, ALICE, &method, (&given, "alice", "guess"));
        assert!(seen(&heard).1, "it is too old");
    }
    assert_eq!(tried(&mut world), before);
}

/// Work is counted, not timed: one secret is worked out for each try, whoever is named.
#[test]
fn a_known_and_an_unknown_user_take_the_same_work_and_hear_the_same() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let wanted = match algorithm {
            Algorithm::Md5 => tandem_call::directory::DigestAlgorithms::Md5,
            Algorithm::Sha256 => tandem_call::directory::DigestAlgorithms::Sha256,
        };
        let directory = plan()
            .with_settings(|settings| settings.digest_algorithms = wanted)
            .build();
        let mut world = World::new(directory, &[(1, 10), (2, 10)]);
        for method in METHODS {
            let mut heard = Vec::new();
            for user in ["alice", "nobody"] {
                let given = challenge(&mut world, ALICE, &method);
                let before = tried(&mut world);
                let got = answer(&mut world, ALICE, &method, (&given, user, "guess"));
                heard.push((seen(&got), tried(&mut world) - before));
            }
            let status = if method == Method::Register { 401 } else { 407 };
            let same = ((Some(status), false, None), 1);
            assert_eq!(heard, [same.clone(), same]);
        }
    }
}

/// Nobody can throw out the phones behind one address from elsewhere: what a nonce is worth, it is worth a few times.
#[test]
fn a_nonce_that_is_old_or_was_overheard_gets_no_office_blocked() {
    let mut world = world();
    sip::register(&mut world, ALICE, "alice");
    for old in [true, false] {
        let given = challenge(&mut world, ALICE, &Method::Register);
        if old {
            world.seconds(301);
        }
        for n in 0..500 {
            let user = format!("u{n}");
            let forged = (&given, user.as_str(), "guess");
            answer(&mut world, ALICE, &Method::Register, forged);
        }
        assert!(world.book.blocked.is_empty(), "{:?}", world.book.blocked);
    }
    sip::register(&mut world, ALICE, "alice");
}

#[test]
fn with_nonces_of_other_addresses_a_guesser_has_few_tries_and_a_phone_that_moved_has_one() {
    let directory = plan()
        .with_settings(|settings| settings.nonce_bound = false)
        .build();
    let mut world = World::new(directory, &[(1, 10), (2, 10)]);
    sip::register(&mut world, ALICE, "alice");
    let given = challenge(&mut world, BOB, &Method::Register);
    let moved = answer(
        &mut world,
        ALICE,
        &Method::Register,
        (&given, "bob", &password("bob")),
    );
    assert_eq!(moved.status(), Some(200));
    let before = tried(&mut world);
    for n in 0..1_000_u32 {
        let [_, _, c, d] = n.to_be_bytes();
        let elsewhere = format!("11.0.{c}.{d}:5060");
        let user = format!("u{n}");
        let given = challenge(&mut world, &elsewhere, &Method::Register);
        answer(
            &mut world,
            ALICE,
            &Method::Register,
            (&given, &user, "guess"),
        );
        world.seconds(1);
    }
    let count = tried(&mut world) - before;
    assert!((2..40).contains(&count), "{count}");
    sip::register(&mut world, ALICE, "alice");
}

#[test]
fn one_right_secret_now_and_again_does_not_wash_a_guesser_clean() {
    let mut world = world();
    let mut rounds = 0;
    while world.book.blocked.is_empty() && rounds < 400 {
        sip::register(&mut world, ALICE, "alice");
        sip::register_with(&mut world, ALICE, &format!("u{rounds}"), "guess");
        world.seconds(1);
        rounds += 1;
    }
    assert!((40..200).contains(&rounds), "{rounds}");
}

#[test]
fn one_name_guessed_from_many_sources_is_slowed_and_its_owner_is_not_locked_out() {
    let mut world = world();
    sip::register(&mut world, BOB, "bob");
    let before = tried(&mut world);
    for _ in 0..5 {
        for n in 0..400_u32 {
            let [_, _, c, d] = n.to_be_bytes();
            let from = format!("11.0.{c}.{d}:5060");
            sip::register_with(&mut world, &from, "bob", "guess");
        }
        world.seconds(1);
    }
    let count = tried(&mut world) - before;
    assert!(
        (400..450).contains(&count),
        "{count}: one each, and few more"
    );
    assert!(world.book.blocked.is_empty());
    sip::register(&mut world, BOB, "bob");
    sip::register(&mut world, "198.51.100.77:5060", "bob");
    sip::register(&mut world, ALICE, "alice");
    world.seconds(6_000);
    for _ in 0..3 {
        sip::register_with(&mut world, "11.0.0.1:5060", "bob", "guess");
        world.seconds(1);
        assert!(world.waits(at("11.0.0.1:5060"), "401"), "it is over");
        world.heard(at("11.0.0.1:5060"));
    }
}

/// An address that a customer, or a reseller for him, was entered with is never blocked, but not a place to guess from.
#[test]
fn a_customers_address_guesses_slowly_and_goes_on_calling() {
    let mut world = world();
    let trunk = "198.51.100.10:5060";
    let before = tried(&mut world);
    for n in 0..2_000 {
        sip::register_with(&mut world, trunk, &format!("u{n}"), "guess");
        world.seconds(1);
    }
    let count = tried(&mut world) - before;
    assert!((20..400).contains(&count), "{count}");
    assert!(world.book.blocked.is_empty());
    world.heard(at(trunk));
    let mut caller = super::kit::Caller::new(trunk, "4930123", "4930777", "t");
    caller.invite(&mut world);
    world.expect(at(super::GATE), "INVITE");
}
