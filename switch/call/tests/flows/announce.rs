//! Prompts for refused callers: who hears one, what it costs (nothing), and every way in which it ends.

use super::{
    ALICE, GATE, GATE2, TRUNK, at,
    kit::{Callee, Caller, Disk, Plan, World, plan::password, sip},
    plan,
};
use tandem_billing::{AccountId, Micros};
use tandem_call::{
    Input,
    directory::signalling::Extension,
    io::{Command, Reply},
};
use tandem_sdp::{
    Digit, Direction, PlayEnd, PlayOrder, RelayCommand, RelayReport, SessionDescription, Side,
    Sound, convert::Format, play::Until,
};
use tandem_sip::Message;

const PROMPT: &str = "unknown.wav";

fn prompting() -> Plan {
    let mut plan = plan();
    let sounds = &mut plan.directory.settings.media.sounds;
    for cause in [
        "refused.no_route",
        "refused.no_money",
        "failed.busy",
        "failed.no_answer",
        "failed.not_registered",
        "failed.gateway_silent",
    ] {
        sounds.announcements.insert(cause.into(), PROMPT.into());
    }
    plan
}

fn world_of(plan: &Plan) -> World {
    World::new(plan.build(), &[(1, 10), (2, 10)])
}

/// Alice dials a number that no route fits.
fn dial(world: &mut World, key: &str) -> Caller {
    let mut alice = Caller::new(ALICE, "alice", "77", key);
    alice.invite_with_digest(world);
    alice
}

fn orders(world: &World) -> Vec<PlayOrder> {
    let orders = world.relay.iter().filter_map(|command| match command {
        RelayCommand::Play { order, .. } => Some((**order).clone()),
        _ => None,
    });
    orders.collect()
}

fn played(world: &mut World, how: PlayEnd) {
    let id = world.relay_of_last_call().expect("a relay");
    let side = Side::A;
    world.input(Input::Relay(RelayReport::Played { id, side, how }));
}

fn closed(world: &World) -> usize {
    let is_close = |command: &&RelayCommand| matches!(command, RelayCommand::Close { .. });
    world.relay.iter().filter(is_close).count()
}

#[test]
fn a_phone_hears_the_prompt_before_its_final_answer_and_pays_nothing() {
    let mut world = world_of(&prompting());
    let mut alice = dial(&mut world, "a");
    let early = world.expect(alice.at, "183");
    let sdp = SessionDescription::parse(early.body()).expect("an answer");
    let text = String::from_utf8_lossy(early.body()).into_owned();
    assert!(
        !text.contains("198.51.100") && !text.contains("PhoneMaker"),
        "{text}"
    );
    assert_eq!(sdp.codecs().len(), 1, "what is coded");
    assert_eq!(
        sdp.audio_target().map(|to| to.ip()),
        Some(at("192.0.2.1:1").ip())
    );
    let [order] = &orders(&world)[..] else {
        panic!("one prompt");
    };
    assert_eq!(order.sound, Sound::File(PROMPT.into()));
    assert_eq!(order.until, Until::Digit, "a key ends it");
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.cause, "refused.no_route");
    assert!(!world.waits(alice.at, "404"), "not before its end");
    played(&mut world, PlayEnd::Ended);
    let answer = world.expect(alice.at, "404");
    assert_eq!(answer.to_tag(), early.to_tag());
    alice.ack_failure(&mut world, &answer);
    assert_eq!(closed(&world), 1);
    assert!(world.book.entries.is_empty());
    world.check_idle();
}

#[test]
fn who_has_no_money_hears_so() {
    let mut world = World::new(prompting().build(), &[(1, 10), (2, 0)]);
    let mut alice = Caller::new(ALICE, "alice", "442071234", "a");
    alice.invite_with_digest(&mut world);
    world.expect(alice.at, "183");
    played(&mut world, PlayEnd::Ended);
    let answer = world.expect(alice.at, "402");
    alice.ack_failure(&mut world, &answer);
    world.check_idle();
}

#[test]
fn however_it_ends_the_caller_gets_its_answer_and_the_relay_its_ports() {
    for end in ["failed", "too long", "cancelled", "drained", "no ports"] {
        let mut world = world_of(&prompting());
        world.disk = Disk::Instant;
        world.relay_full = end == "no ports";
        let mut alice = dial(&mut world, "a");
        match end {
            "failed" => played(
                &mut world,
                PlayEnd::Failed("unknown.wav: is no file".into()),
            ),
            "too long" => world.seconds(61),
            "cancelled" => alice.cancel(&mut world),
            "drained" => {
                world.command(Command::Drain { within_s: 5 });
                assert!(world.replies.is_empty(), "the caller still listens");
                world.seconds(6);
                let drained = world.replies.pop().map(|(_, reply)| reply);
                assert!(matches!(drained, Some(Reply::Drained)));
            }
            _ => {}
        }
        let status = if end == "cancelled" { "487" } else { "404" };
        let answer = world.expect(alice.at, status);
        alice.ack_failure(&mut world, &answer);
        let opened = usize::from(end != "no ports");
        assert_eq!(closed(&world), opened, "{end}");
        assert_eq!(world.book.only_cdr().cause, "refused.no_route");
        assert_eq!(
            world.book.alerts.len(),
            usize::from(end == "failed"),
            "{end}"
        );
        world.check_idle();
    }
}

#[test]
fn nobody_else_hears_one() {
    let mut none = prompting();
    none.directory.settings.media.sounds.max_announcements = 0;
    let phone = |extra: &str| Caller::new(ALICE, "alice", "77", "a").with_headers(extra);
    for (why, plan, mut caller) in [
        (
            "known by its address",
            prompting(),
            Caller::new(TRUNK, "4930123", "77", "a"),
        ),
        ("no room", none, phone("")),
        ("nothing to hear", plan(), phone("")),
    ] {
        let mut world = world_of(&plan);
        caller.invite(&mut world);
        if caller.at == at(ALICE) {
            let secret = password("alice");
            caller.authorise(&mut world, &tandem_sip::value::Method::Invite, &secret);
        }
        let answer = world.expect(caller.at, "404");
        caller.ack_failure(&mut world, &answer);
        assert_eq!(orders(&world), [], "{why}");
        world.check_idle();
    }
}

#[test]
fn an_account_hears_two_at_once() {
    let mut world = world_of(&prompting());
    let mut callers: Vec<Caller> = ["a", "b", "c"]
        .iter()
        .map(|key| dial(&mut world, key))
        .collect();
    assert_eq!(orders(&world).len(), 2);
    let third = world.expect(callers[2].at, "404");
    callers[2].ack_failure(&mut world, &third);
    world.seconds(61);
    for caller in &mut callers[..2] {
        let answer = world.expect(caller.at, "404");
        caller.ack_failure(&mut world, &answer);
    }
    let mut fourth = dial(&mut world, "d");
    assert_eq!(orders(&world).len(), 3, "there is room again");
    fourth.cancel(&mut world);
    world.check_idle();
}

/// The PRACK that confirms a provisional answer.
fn prack(world: &mut World, alice: &mut Caller, answer: &Message) {
    let rseq = answer.header("RSeq").expect("a reliable answer");
    let rack = format!("RAck: {rseq} {} INVITE\r\n", answer.cseq());
    alice.join(answer);
    alice.request_with(world, "PRACK", &rack, None);
}

fn dial_with(world: &mut World, number: &str, extra: &str) -> Caller {
    let mut alice = Caller::new(ALICE, "alice", number, "a").with_headers(extra);
    alice.invite_with_digest(world);
    alice
}

#[test]
fn who_wants_reliable_answers_hears_the_prompt_once_it_has_confirmed_the_way_to_it() {
    let required = prompting().with_account(2, |account| {
        account.signalling.reliable = Extension::Required;
    });
    for (plan, extra) in [
        (prompting(), "Require: 100rel\r\n"),
        (prompting(), "Supported: 100rel\r\n"),
        (required, "Supported: 100rel\r\n"),
    ] {
        let mut world = world_of(&plan);
        let mut alice = dial_with(&mut world, "77", extra);
        let early = world.expect(alice.at, "183");
        assert_eq!(early.header("Require"), Some("100rel"));
        assert_eq!(orders(&world), [], "it may not have come");
        world.seconds(1);
        let again = world.expect(alice.at, "183");
        assert_eq!(again.header("RSeq"), early.header("RSeq"));
        assert_eq!(again.body(), early.body());
        prack(&mut world, &mut alice, &early);
        world.expect(alice.at, "200");
        assert_eq!(orders(&world).len(), 1);
        alice.request_with(&mut world, "PRACK", "RAck: 1 1 INVITE\r\n", None);
        world.expect(alice.at, "481");
        world.seconds(10);
        assert!(world.heard(alice.at).is_empty(), "no more of it");
        played(&mut world, PlayEnd::Ended);
        let answer = world.expect(alice.at, "404");
        assert_eq!(answer.to_tag(), early.to_tag());
        alice.ack_failure(&mut world, &answer);
        world.check_idle();
    }
}

#[test]
fn who_never_confirms_gets_its_final_answer_and_leaves_no_relay_behind() {
    for gives_up in [false, true] {
        let mut world = world_of(&prompting());
        let mut alice = dial_with(&mut world, "77", "Require: 100rel\r\n");
        world.seconds(if gives_up { 3 } else { 33 });
        if gives_up {
            alice.cancel(&mut world);
        }
        let answer = world.expect(alice.at, if gives_up { "487" } else { "404" });
        alice.ack_failure(&mut world, &answer);
        assert_eq!((orders(&world).len(), closed(&world)), (0, 1));
        world.heard(alice.at);
        world.seconds(40);
        assert!(world.heard(alice.at).is_empty(), "nothing is repeated");
        world.check_idle();
    }
}

#[test]
fn what_a_listener_asks_meanwhile_is_answered() {
    let mut world = world_of(&prompting());
    let mut alice = dial_with(&mut world, "77", "Require: 100rel\r\n");
    let early = world.expect(alice.at, "183");
    prack(&mut world, &mut alice, &early);
    world.expect(alice.at, "200");
    let held = sip::sdp_with(alice.audio, sip::G711, "sendonly");
    alice.request_with(&mut world, "UPDATE", "", Some(&held));
    let answer = world.expect(alice.at, "200");
    let sdp = SessionDescription::parse(answer.body()).expect("an answer");
    assert_eq!(sdp.direction(), Direction::RecvOnly);
    let other = sip::sdp(alice.audio, &[(18, "G729")]);
    alice.request_with(&mut world, "UPDATE", "", Some(&other));
    world.expect(alice.at, "488");
    alice.request_with(&mut world, "INFO", "", None);
    world.expect(alice.at, "480");
    assert_eq!(orders(&world).len(), 1, "it goes on");
    alice.request_with(&mut world, "BYE", "", None);
    world.expect(alice.at, "200");
    let answer = world.expect(alice.at, "487");
    alice.ack_failure(&mut world, &answer);
    assert_eq!(closed(&world), 1);
    world.check_idle();
}

/// Alice's call reaches the first gateway.
fn ringing(world: &mut World, extra: &str) -> (Caller, Callee) {
    let alice = dial_with(world, "442071234", extra);
    let gate = Callee::take(world, GATE);
    (alice, gate)
}

#[test]
fn who_is_not_reached_hears_why_when_nothing_is_left_to_try() {
    let mut world = world_of(&prompting());
    let (mut alice, gate) = ringing(&mut world, "");
    gate.ring(&mut world);
    gate.say(&mut world, "503 Service Unavailable", None);
    let next = Callee::take(&mut world, GATE2);
    assert_eq!(orders(&world), [], "the next one is tried first");
    next.say(&mut world, "486 Busy Here", None);
    let ringing = world.expect(alice.at, "180");
    let early = world.expect(alice.at, "183");
    assert_eq!(early.to_tag(), ringing.to_tag());
    let sdp = SessionDescription::parse(early.body()).expect("an answer");
    assert_eq!(sdp.codecs().len(), 1, "what is coded");
    assert_eq!(orders(&world).len(), 1);
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.sip_status),
        ("failed.busy", Some(486))
    );
    assert_eq!(cdr.duration_ms, 0);
    assert_eq!(world.switch.open_calls(), 0, "its channel is free");
    assert_eq!(world.switch.ledger().held(AccountId(2)), Micros::ZERO);
    world.seconds(5);
    assert!(!world.waits(alice.at, "486"), "not before its end");
    played(&mut world, PlayEnd::Ended);
    let answer = world.expect(alice.at, "486");
    assert_eq!(answer.to_tag(), ringing.to_tag());
    alice.ack_failure(&mut world, &answer);
    assert_eq!(closed(&world), 1);
    assert!(world.book.entries.is_empty());
    world.check_idle();
}

#[test]
fn who_had_heard_the_target_goes_on_listening_where_it_did() {
    for extra in ["", "Supported: 100rel\r\n"] {
        let mut world = world_of(&prompting());
        let (mut alice, gate) = ringing(&mut world, extra);
        let body = gate.sdp();
        gate.say(&mut world, "183 Session Progress", Some(&body));
        let progress = world.expect(alice.at, "183");
        if !extra.is_empty() {
            prack(&mut world, &mut alice, &progress);
            world.expect(alice.at, "200");
        }
        let opened = world.relay_of_last_call();
        gate.say(&mut world, "480 Temporarily Unavailable", None);
        let next = Callee::take(&mut world, GATE2);
        let body = next.sdp();
        next.say(&mut world, "183 Session Progress", Some(&body));
        let progress = world.expect(alice.at, "183");
        if !extra.is_empty() {
            prack(&mut world, &mut alice, &progress);
            world.expect(alice.at, "200");
        }
        next.say(&mut world, "486 Busy Here", None);
        let early = world.expect(alice.at, "183");
        assert_eq!(early.to_tag(), progress.to_tag());
        if extra.is_empty() {
            assert_eq!(early.body(), progress.body(), "one answer to one offer");
        } else {
            assert!(early.body().is_empty() && early.header("RSeq").is_none());
        }
        assert_eq!(orders(&world).len(), 1);
        assert_eq!(world.relay_of_last_call(), opened, "the same relay");
        assert_eq!(closed(&world), 0);
        played(&mut world, PlayEnd::Ended);
        let answer = world.expect(alice.at, "486");
        alice.ack_failure(&mut world, &answer);
        assert_eq!(closed(&world), 1);
        world.check_idle();
    }
}

#[test]
fn an_absent_phone_is_announced_by_a_relay_of_its_own() {
    let mut world = world_of(&prompting());
    let mut alice = dial_with(&mut world, "bob", "");
    world.expect(alice.at, "183");
    assert_eq!(world.book.only_cdr().cause, "failed.not_registered");
    alice.cancel(&mut world);
    let answer = world.expect(alice.at, "487");
    alice.ack_failure(&mut world, &answer);
    assert_eq!(closed(&world), 1);
    world.check_idle();
}

#[test]
fn a_ringing_that_was_not_confirmed_comes_before_the_prompt() {
    let mut world = world_of(&prompting());
    let (mut alice, gate) = ringing(&mut world, "Require: 100rel\r\n");
    gate.ring(&mut world);
    let ringing = world.expect(alice.at, "180");
    gate.say(&mut world, "486 Busy Here", None);
    assert!(!world.waits(alice.at, "183"), "one at a time");
    prack(&mut world, &mut alice, &ringing);
    world.expect(alice.at, "200");
    assert_eq!(orders(&world), []);
    let early = world.expect(alice.at, "183");
    let number = |answer: &Message| answer.header("RSeq").and_then(|n| n.parse::<u32>().ok());
    assert_eq!(number(&early), number(&ringing).map(|n| n + 1));
    prack(&mut world, &mut alice, &early);
    assert_eq!(orders(&world).len(), 1);
    played(&mut world, PlayEnd::Ended);
    let answer = world.expect(alice.at, "486");
    alice.ack_failure(&mut world, &answer);
    world.check_idle();
}

#[test]
fn nobody_else_hears_one_after_the_hunt() {
    let gone = |world: &mut World, at, what: &str| {
        let answer = world.expect(at, what);
        assert_eq!(orders(world), []);
        answer
    };
    // Known by its address; no prompt for the cause; given up while it rang.
    for (from, status, heard) in [
        (TRUNK, "486", "486"),
        (ALICE, "603", "603"),
        (ALICE, "", "487"),
    ] {
        let mut world = world_of(&prompting());
        let mut caller = Caller::new(from, "alice", "442071234", "a");
        match from {
            ALICE => caller.invite_with_digest(&mut world),
            _ => caller.invite(&mut world),
        }
        let gate = Callee::take(&mut world, GATE);
        if status.is_empty() {
            caller.cancel(&mut world);
            gate.say(&mut world, "487 Request Terminated", None);
        } else {
            gate.say(&mut world, &format!("{status} No"), None);
        }
        let answer = gone(&mut world, caller.at, heard);
        caller.ack_failure(&mut world, &answer);
        world.check_idle();
    }
}

/// A phone's offer with telephone-events, or without.
fn dial_offering(world: &mut World, codecs: &[(u8, &str)]) -> Caller {
    let mut alice = Caller::new(ALICE, "alice", "77", "a");
    let offer = sip::sdp(alice.audio, codecs);
    alice.invite_with_digest_offering(world, &offer);
    alice
}

#[test]
fn a_key_ends_the_prompt_however_the_phone_tells_of_it() {
    let listens = |world: &World| {
        let mut commands = world.relay.iter();
        commands.any(|command| matches!(command, RelayCommand::SetConversion { conversion: Some(what), .. } if what.listens == [(8, Format::Pcma)]))
    };
    let digit = Digit::new('5', 100).expect("a key");
    for way in ["event", "tone", "dtmf-relay", "dtmf"] {
        let mut world = world_of(&prompting());
        let codecs: &[(u8, &str)] = match way {
            "event" => &[(8, "PCMA"), (101, "telephone-event")],
            _ => &[(8, "PCMA")],
        };
        let mut alice = dial_offering(&mut world, codecs);
        let early = world.expect(alice.at, "183");
        let sdp = SessionDescription::parse(early.body()).expect("an answer");
        assert_eq!(sdp.codecs().len(), codecs.len(), "{way}");
        let [order] = &orders(&world)[..] else {
            panic!("one prompt");
        };
        assert_eq!(
            order.events.as_slice(),
            if way == "event" { &[101][..] } else { &[] }
        );
        assert_eq!(listens(&world), way != "event", "{way}");
        let id = world.relay_of_last_call().expect("a relay");
        let side = Side::A;
        match way {
            "event" => played(&mut world, PlayEnd::Digit(digit)),
            "tone" => world.input(Input::Relay(RelayReport::Pressed { id, side, digit })),
            _ => {
                alice.join(&early);
                let (kind, body) = match way {
                    "dtmf" => ("application/dtmf", "5"),
                    _ => ("application/dtmf-relay", "Signal=5\r\nDuration=100\r\n"),
                };
                let other = "Content-Type: text/plain\r\n";
                alice.request_with(&mut world, "INFO", other, Some("5"));
                world.expect(alice.at, "480");
                assert!(!world.waits(alice.at, "404"), "no key");
                alice.request_with(
                    &mut world,
                    "INFO",
                    &format!("Content-Type: {kind}\r\n"),
                    Some(body),
                );
                world.expect(alice.at, "200");
            }
        }
        let answer = world.expect(alice.at, "404");
        alice.ack_failure(&mut world, &answer);
        assert_eq!(closed(&world), 1, "{way}");
        world.check_idle();
    }
}

#[test]
fn a_key_before_the_prompt_ends_nothing() {
    let mut world = world_of(&prompting());
    let mut alice = dial_with(&mut world, "77", "Require: 100rel\r\n");
    let early = world.expect(alice.at, "183");
    alice.join(&early);
    let kind = "Content-Type: application/dtmf\r\n";
    alice.request_with(&mut world, "INFO", kind, Some("5"));
    world.expect(alice.at, "200");
    prack(&mut world, &mut alice, &early);
    world.expect(alice.at, "200");
    assert_eq!(orders(&world).len(), 1);
    alice.bye(&mut world);
    let answer = world.expect(alice.at, "487");
    alice.ack_failure(&mut world, &answer);
    world.check_idle();
}

#[test]
fn of_thousands_that_fail_at_once_as_many_listen_as_are_allowed() {
    let phone = |at: i64| format!("phone{at}");
    let mut plan = prompting();
    plan.directory.settings.media.sounds.max_announcements = 100;
    for id in 10..510 {
        plan = plan.account(id, 1, None).device(id, &phone(id));
    }
    let mut world = world_of(&plan);
    let mut callers = Vec::new();
    // The one account of the plan's phones may have two, all others as many each.
    for id in 10..510i64 {
        let from = format!("198.51.{}.{}:5060", 100 + id / 250, 1 + id % 250);
        let user = phone(id);
        let mut caller = Caller::new(&from, &user, "77", &user);
        caller.invite_with_digest(&mut world);
        callers.push(caller);
    }
    assert_eq!(orders(&world).len(), 100);
    let mut refused = 0;
    for caller in &mut callers {
        if world.waits(caller.at, "404") {
            let answer = world.expect(caller.at, "404");
            caller.ack_failure(&mut world, &answer);
            refused += 1;
        }
    }
    assert_eq!(refused, 400, "at once");
    // Nobody hangs up, and no prompt ends.
    world.seconds(61);
    assert_eq!(closed(&world), 100);
    for caller in &mut callers[..100] {
        let answer = world.expect(caller.at, "404");
        caller.ack_failure(&mut world, &answer);
    }
    world.check_idle();
}
