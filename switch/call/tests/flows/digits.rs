//! Keys pressed, from one leg's form to the other's.

use super::{
    GATE, TRUNK,
    codecs::conversion,
    kit::{Callee, Caller, World, sip},
    plan,
};
use tandem_call::{Input, directory::signalling::Dtmf};
use tandem_sdp::{Digit, RelayCommand, RelayReport, SessionDescription, Side, convert::DigitsTo};
use tandem_sip::Message;

const TALK: &[(u8, &str)] = &[(8, "PCMA"), (101, "telephone-event")];
const BARE: &[(u8, &str)] = &[(8, "PCMA")];
const RELAY: &str = "Content-Type: application/dtmf-relay\r\n";

/// A call from an account of one mode to a gateway of another.
fn talking(
    modes: (Dtmf, Dtmf),
    offer: &[(u8, &str)],
    answer: &[(u8, &str)],
) -> (World, Caller, Callee, Message) {
    let plan = plan()
        .with_account(1, |account| account.signalling.dtmf = modes.0)
        .with_gateway(1, |gateway| gateway.signalling.dtmf = modes.1);
    let mut world = World::new(plan.build(), &[(1, 100)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let body = sip::sdp(caller.audio, offer);
    caller.invite_offering(&mut world, &body);
    let callee = Callee::take(&mut world, GATE);
    let body = sip::sdp(callee.audio, answer);
    callee.say(&mut world, "200 OK", Some(&body));
    let told = caller.ack(&mut world, None);
    world.heard(callee.at);
    (world, caller, callee, told)
}

fn has_events(message: &Message) -> bool {
    let sdp = SessionDescription::parse(message.body()).expect("a description");
    sdp.codecs()
        .iter()
        .any(|codec| codec.name == "telephone-event")
}

fn press(world: &mut World, side: Side, key: char, ms: u32) {
    let id = world.relay_of_last_call().expect("a relay");
    let digit = Digit::new(key, ms).expect("a key");
    world.input(Input::Relay(RelayReport::Pressed { id, side, digit }));
}

fn played(world: &World) -> Vec<(Side, char, u32)> {
    let of = |command: &RelayCommand| match command {
        RelayCommand::PlayDigit { side, digit, .. } => {
            Some((*side, digit.key(), digit.duration_ms()))
        }
        _ => None,
    };
    world.relay.iter().filter_map(of).collect()
}

#[test]
fn events_pass_between_legs_that_both_have_them() {
    let modes = (Dtmf::Auto, Dtmf::Auto);
    let (world, _, callee, told) = talking(modes, TALK, TALK);
    assert!(has_events(&callee.invite) && has_events(&told));
    assert_eq!(conversion(&world, Side::A), None);
}

#[test]
fn events_become_info_one_after_the_other() {
    let modes = (Dtmf::Auto, Dtmf::Info);
    let (mut world, mut caller, callee, told) = talking(modes, TALK, BARE);
    assert!(!has_events(&callee.invite) && has_events(&told));
    let plan = conversion(&world, Side::A).expect("a conversion");
    assert_eq!(
        (plan.digits, plan.events),
        (DigitsTo::Core, vec![(101, 8_000)])
    );
    for (key, ms) in [('1', 120), ('1', 80), ('#', 300)] {
        press(&mut world, Side::A, key, ms);
    }
    for (key, ms) in [('1', 120), ('1', 80), ('#', 300)] {
        let info = world.expect(callee.at, "INFO");
        assert_eq!(info.content_type(), Some("application/dtmf-relay"));
        let body = format!("Signal={key}\r\nDuration={ms}\r\n");
        assert_eq!(String::from_utf8_lossy(info.body()), body);
        assert!(
            world.heard(callee.at).is_empty(),
            "the next one waits for the answer"
        );
        callee.respond(&mut world, &info, "200 OK", None);
    }
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn a_side_that_takes_no_info_is_left_alone() {
    let (mut world, mut caller, callee, _) = talking((Dtmf::Auto, Dtmf::Info), TALK, BARE);
    press(&mut world, Side::A, '1', 100);
    press(&mut world, Side::A, '2', 100);
    let info = world.expect(callee.at, "INFO");
    callee.respond(&mut world, &info, "405 Method Not Allowed", None);
    press(&mut world, Side::A, '3', 100);
    assert!(world.heard(callee.at).is_empty());
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn info_becomes_events() {
    let modes = (Dtmf::Info, Dtmf::Rfc4733);
    let (mut world, mut caller, callee, told) = talking(modes, BARE, TALK);
    assert!(has_events(&callee.invite) && !has_events(&told));
    for (kind, body, expected) in [
        (RELAY, "Signal=5\r\nDuration=160\r\n", ('5', 160)),
        (RELAY, "Signal= *\r\nDuration= 250", ('*', 250)),
        (RELAY, "signal=11\r\n", ('#', 160)),
        ("Content-Type: application/dtmf\r\n", "7", ('7', 160)),
        ("Content-Type: application/dtmf\r\n", "d\r\n", ('D', 160)),
    ] {
        let before = played(&world).len();
        caller.request_with(&mut world, "INFO", kind, Some(body));
        world.expect(caller.at, "200");
        let (key, ms) = expected;
        assert_eq!(played(&world)[before..], [(Side::B, key, ms)], "{body:?}");
    }
    assert!(
        world.heard(callee.at).is_empty(),
        "the gateway sees no INFO"
    );
    caller.request_with(&mut world, "INFO", RELAY, Some("Signal=hook\r\n"));
    world.expect(callee.at, "INFO");
    caller.bye(&mut world);
}

#[test]
fn info_passes_between_legs_that_both_speak_it() {
    for modes in [(Dtmf::Info, Dtmf::Info), (Dtmf::Auto, Dtmf::Auto)] {
        let (mut world, mut caller, callee, _) = talking(modes, BARE, BARE);
        caller.request_with(
            &mut world,
            "INFO",
            RELAY,
            Some("Signal=5\r\nDuration=160\r\n"),
        );
        let info = world.expect(callee.at, "INFO");
        assert_eq!(info.body(), b"Signal=5\r\nDuration=160\r\n");
        callee.respond(&mut world, &info, "200 OK", None);
        world.expect(caller.at, "200");
        assert_eq!(played(&world), []);
        caller.bye(&mut world);
        world.check_idle();
    }
}

#[test]
fn tones_are_listened_for_only_where_that_is_set() {
    let (world, _, callee, told) = talking((Dtmf::Inband, Dtmf::Rfc4733), TALK, TALK);
    assert!(has_events(&callee.invite) && !has_events(&told));
    let there = conversion(&world, Side::A).expect("a conversion");
    assert_eq!(there.listens.len(), 1);
    let events = DigitsTo::Events {
        number: 101,
        clock_rate: 8_000,
    };
    assert_eq!(there.digits, events);
    let back = conversion(&world, Side::B).expect("a conversion");
    assert_eq!((back.digits, back.listens.len()), (DigitsTo::Tones, 0));
    assert_eq!(back.events, [(101, 8_000)]);
}

#[test]
fn a_digit_counts_once() {
    // The phone that is set to tones sends INFO as well: the tones count.
    let (mut world, mut caller, callee, _) = talking((Dtmf::Inband, Dtmf::Info), BARE, BARE);
    caller.request_with(&mut world, "INFO", RELAY, Some("Signal=5\r\n"));
    world.expect(caller.at, "200");
    assert!(world.heard(callee.at).is_empty());
    press(&mut world, Side::A, '5', 100);
    let info = world.expect(callee.at, "INFO");
    callee.respond(&mut world, &info, "200 OK", None);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn a_key_told_of_both_ways_was_pressed_once() {
    // `e`: the event was heard; `i`: the INFO came; then who hears what, as INFO.
    for (name, said, heard) in [
        ("event, then INFO", "e5 i5", "5"),
        ("INFO, then event", "i5 e5", "5"),
        ("twice, each both ways", "e5 i5 e5 i5", "55"),
        ("twice, the ways apart", "e5 e5 i5 i5", "55"),
        ("INFO first, twice", "i5 i5 e5 e5", "55"),
        ("another key between", "e5 e6 i5 i6", "56"),
        ("the ways cross", "i5 e6 e5 i6", "56"),
        ("one way only", "e5 e5 i6 i6", "5566"),
    ] {
        let (mut world, mut caller, callee, _) = talking((Dtmf::Auto, Dtmf::Info), TALK, BARE);
        let mut told = String::new();
        for word in said.split(' ') {
            let key = word.chars().nth(1).expect("a key");
            if word.starts_with('e') {
                press(&mut world, Side::A, key, 100);
            } else {
                let body = format!("Signal={key}\r\nDuration=100\r\n");
                caller.request_with(&mut world, "INFO", RELAY, Some(&body));
            }
            while let Some(info) = world.take(callee.at) {
                let body = String::from_utf8_lossy(info.body()).into_owned();
                told.extend(body.chars().nth("Signal=".len()));
                callee.respond(&mut world, &info, "200 OK", None);
            }
        }
        assert_eq!(told, heard, "{name}");
        caller.bye(&mut world);
        let bye = world.expect(callee.at, "BYE");
        callee.respond(&mut world, &bye, "200 OK", None);
        world.check_idle();
    }
    // Long after, it is another press.
    let (mut world, mut caller, callee, _) = talking((Dtmf::Auto, Dtmf::Info), TALK, BARE);
    press(&mut world, Side::A, '5', 100);
    let info = world.expect(callee.at, "INFO");
    callee.respond(&mut world, &info, "200 OK", None);
    world.seconds(5);
    caller.request_with(&mut world, "INFO", RELAY, Some("Signal=5\r\n"));
    world.expect(callee.at, "INFO");
}

#[test]
fn a_call_that_ends_forgets_its_digits() {
    let (mut world, mut caller, callee, _) = talking((Dtmf::Auto, Dtmf::Info), TALK, BARE);
    for key in "123456".chars() {
        press(&mut world, Side::A, key, 100);
    }
    world.expect(callee.at, "INFO");
    caller.bye(&mut world);
    press(&mut world, Side::A, '7', 100);
    let bye = world.expect(callee.at, "BYE");
    callee.respond(&mut world, &bye, "200 OK", None);
    world.seconds(40);
    world.check_idle();
}
