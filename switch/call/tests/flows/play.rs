//! What the switch lets the parties of a call hear: which sound, whom, from when on, until when.

use super::{
    ALICE, BOB, GATE, TRUNK, at,
    kit::{Callee, Caller, Plan, World, sip},
    plan,
};
use tandem_billing::{AccountId, GatewayId, Micros};
use tandem_call::{
    Input,
    directory::{
        Target, WaitingTone,
        signalling::{Recorded, RecordingTone},
    },
    journal::AlertKind,
};
use tandem_sdp::{
    Direction, PlayEnd, RelayCommand, RelayReport, SessionDescription, Side, Sound, Tone,
    convert::Format,
    play::{Talk, Until},
};

const MUSIC: &str = "music.wav";

fn musical() -> Plan {
    let mut plan = plan();
    plan.directory.settings.media.sounds.music_on_hold = MUSIC.into();
    plan
}

fn world_of(plan: &Plan) -> World {
    let mut world = World::new(plan.build(), &[(1, 10), (2, 10)]);
    sip::register(&mut world, ALICE, "alice");
    sip::register(&mut world, BOB, "bob");
    world
}

/// The trunk's call to bob, answered and ACKed.
fn talking(world: &mut World) -> (Caller, Callee) {
    talking_by(world, "a")
}

fn talking_by(world: &mut World, key: &str) -> (Caller, Callee) {
    let mut caller = Caller::new(TRUNK, "4930123", "bob", key);
    caller.invite(world);
    let bob = Callee::take(world, BOB);
    bob.answer(world);
    caller.ack(world, None);
    world.expect(bob.at, "ACK");
    world.heard(caller.at);
    (caller, bob)
}

/// `music.wav to A`, `stop A`, ... as the relay was told.
fn told(world: &mut World) -> Vec<String> {
    let side = |side: &Side| match side {
        Side::A => "A",
        Side::B => "B",
    };
    let lines = world.relay.drain(..).filter_map(|command| match command {
        RelayCommand::Play {
            side: to, order, ..
        } => {
            let what = match order.sound {
                Sound::File(name) => name,
                Sound::Tone(Tone::RECORDED) => "recorded".into(),
                Sound::Tone(Tone::MONEY_ENDS) => "money ends".into(),
                Sound::Tone(tone) => format!("{} Hz", tone.hz[0]),
            };
            Some(format!("{what} to {}", side(&to)))
        }
        RelayCommand::StopPlaying { side: to, .. } => Some(format!("stop {}", side(&to))),
        _ => None,
    });
    lines.collect()
}

/// The caller changes its audio; the other side answers in this direction. What each was shown.
fn change(
    world: &mut World,
    (caller, bob): (&mut Caller, &Callee),
    (asks, answers): (&str, &str),
) -> (Direction, Direction) {
    let offer = sip::sdp_with(caller.audio, sip::G711, asks);
    caller.request(world, "INVITE", Some(&offer));
    let passed = world.expect(bob.at, "INVITE");
    let answer = sip::sdp_with(bob.audio, sip::G711, answers);
    bob.respond(world, &passed, "200 OK", Some(&answer));
    world.expect(bob.at, "ACK");
    let answered = caller.ack(world, None);
    let says = |message: &tandem_sip::Message| {
        let sdp = SessionDescription::parse(message.body()).expect("a description");
        sdp.direction()
    };
    (says(&passed), says(&answered))
}

#[test]
fn whoever_is_put_on_hold_hears_the_music_until_the_other_comes_back() {
    let mut world = world_of(&musical());
    let (mut caller, bob) = talking(&mut world);
    assert_eq!(told(&mut world), [""; 0]);
    change(&mut world, (&mut caller, &bob), ("sendonly", "recvonly"));
    let order = world.relay.iter().find_map(|command| match command {
        RelayCommand::Play { order, .. } => Some(order.clone()),
        _ => None,
    });
    let order = order.expect("music");
    assert_eq!(order.codec, (8, Format::Pcma), "as bob takes it");
    assert_eq!((order.until, order.talk), (Until::Stopped, Talk::First));
    assert_eq!(told(&mut world), ["music.wav to B"]);
    // A session refresh changes nothing.
    change(&mut world, (&mut caller, &bob), ("sendonly", "recvonly"));
    assert_eq!(told(&mut world), [""; 0]);
    change(&mut world, (&mut caller, &bob), ("sendrecv", "sendrecv"));
    assert_eq!(told(&mut world), ["stop B"]);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn a_side_that_is_to_hear_music_is_not_told_to_listen_to_nothing() {
    for (plan, shown, played) in [
        (musical(), Direction::SendOnly, true),
        (plan(), Direction::Inactive, false),
    ] {
        let mut world = world_of(&plan);
        let (mut caller, bob) = talking(&mut world);
        let (passed, answered) = change(&mut world, (&mut caller, &bob), ("inactive", "recvonly"));
        assert_eq!((passed, answered), (shown, Direction::Inactive));
        assert_eq!(told(&mut world).len(), usize::from(played));
        caller.bye(&mut world);
        world.check_idle();
    }
}

#[test]
fn an_account_has_music_of_its_own_or_none() {
    for (music, expected) in [
        ("", Some(MUSIC)),
        ("jazz.wav", Some("jazz.wav")),
        ("none", None),
    ] {
        let plan = musical().with_account(1, |account| account.signalling.music = music.into());
        let mut world = world_of(&plan);
        let (mut caller, bob) = talking(&mut world);
        change(&mut world, (&mut caller, &bob), ("sendonly", "recvonly"));
        let expected: Vec<String> = expected.iter().map(|name| format!("{name} to B")).collect();
        assert_eq!(told(&mut world), expected, "{music:?}");
        caller.bye(&mut world);
        world.check_idle();
    }
}

#[test]
fn a_party_hears_ringing_while_it_is_transferred() {
    for (tone, expected) in [
        (WaitingTone::Europe, &["425 Hz to A", "stop A"][..]),
        (WaitingTone::NorthAmerica, &["440 Hz to A", "stop A"]),
        (WaitingTone::None, &[]),
    ] {
        let mut plan = plan();
        plan.directory.settings.media.sounds.waiting_tone = tone;
        let mut world = world_of(&plan);
        let (mut caller, mut bob) = talking(&mut world);
        bob.request_with(
            &mut world,
            "REFER",
            "Refer-To: <sip:442071234@tandem.test>\r\n",
            None,
        );
        world.expect(bob.at, "202");
        let gate = Callee::take(&mut world, GATE);
        gate.say(&mut world, "486 Busy Here", None);
        let heard: Vec<String> = told(&mut world);
        assert_eq!(heard, expected, "until the target failed");
        caller.bye(&mut world);
        world.heard(bob.at);
        world.heard(caller.at);
        world.check_idle();
    }
}

#[test]
fn a_transfer_that_succeeds_ends_what_was_played() {
    let mut world = world_of(&musical());
    let (mut caller, mut bob) = talking(&mut world);
    let hold = sip::sdp_with(bob.audio, sip::G711, "sendonly");
    bob.request(&mut world, "INVITE", Some(&hold));
    let passed = world.expect(caller.at, "INVITE");
    let held = sip::sdp_with(caller.audio, sip::G711, "recvonly");
    caller.respond(&mut world, &passed, "200 OK", Some(&held));
    world.expect(caller.at, "ACK");
    world.expect(bob.at, "200");
    bob.ack(&mut world);
    assert_eq!(told(&mut world), ["music.wav to A"]);
    bob.request_with(
        &mut world,
        "REFER",
        "Refer-To: <sip:442071234@tandem.test>\r\n",
        None,
    );
    let gate = Callee::take(&mut world, GATE);
    assert_eq!(told(&mut world), ["425 Hz to A"], "in place of the music");
    gate.answer(&mut world);
    let renewed = world.expect(caller.at, "INVITE");
    caller.respond(&mut world, &renewed, "200 OK", Some(&caller.sdp()));
    world.seconds(5);
    assert_eq!(told(&mut world), [""; 0], "it went with its relay");
    caller.bye(&mut world);
    world.expect(gate.at, "BYE");
    world.check_idle();
}

#[test]
fn both_parties_hear_that_they_are_recorded_if_the_account_says_so() {
    for (tone, expected) in [
        (RecordingTone::Beep, &["recorded to A", "recorded to B"][..]),
        (RecordingTone::Off, &[]),
    ] {
        let plan = plan().with_account(2, |account| {
            account.signalling.recording = Recorded::On;
            account.signalling.recording_tone = tone;
        });
        let mut world = world_of(&plan);
        let (mut caller, _bob) = talking(&mut world);
        assert_eq!(told(&mut world), expected);
        caller.bye(&mut world);
        world.check_idle();
    }
}

#[test]
fn a_file_that_fails_is_not_tried_again_and_told_once() {
    let mut world = world_of(&musical());
    for key in ["a", "b"] {
        let (mut caller, bob) = talking_by(&mut world, key);
        let id = world.relay_of_last_call().expect("a relay");
        change(&mut world, (&mut caller, &bob), ("sendonly", "recvonly"));
        assert_eq!(told(&mut world), ["music.wav to B"]);
        let how = PlayEnd::Failed("music.wav: is no file".into());
        let side = Side::B;
        world.input(Input::Relay(RelayReport::Played { id, side, how }));
        world.seconds(5);
        assert_eq!(told(&mut world), [""; 0]);
        caller.bye(&mut world);
        world.heard(bob.at);
        world.heard(caller.at);
    }
    let alerts = world.book.alerts.iter().map(|alert| alert.kind);
    assert_eq!(alerts.collect::<Vec<_>>(), [AlertKind::SoundUnplayed]);
    let cdr = world.book.cdrs.values().next().expect("a CDR");
    assert!(cdr.trace.contains("music.wav: is no file"), "{}", cdr.trace);
    world.check_idle();
}

#[test]
fn a_paying_caller_hears_that_its_money_ends() {
    // A unit a minute: 50 seconds.
    let mut plan = plan();
    plan.directory.settings.media.sounds.money_warning_s = 20;
    let balances = [(1, 500_000), (2, 10_000_000)];
    let balances = balances.map(|(id, micros)| (AccountId(id), Micros(micros)));
    let mut world = World::with_micros(plan.build(), &balances);
    sip::register(&mut world, BOB, "bob");
    let (caller, _bob) = talking(&mut world);
    world.seconds(29);
    assert_eq!(told(&mut world), [""; 0]);
    world.seconds(2);
    assert_eq!(told(&mut world), ["money ends to A"], "once, in time");
    world.seconds(15);
    assert_eq!(told(&mut world), [""; 0]);
    world.seconds(5);
    world.expect(caller.at, "BYE");
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.cause, "answered.out_of_money");
    assert_eq!(cdr.duration_ms, 50_000);
    world.check_idle();
}

#[test]
fn a_caller_with_money_enough_hears_nothing() {
    let mut plan = plan();
    plan.directory.settings.media.sounds.money_warning_s = 20;
    let mut world = world_of(&plan);
    let (mut caller, _bob) = talking(&mut world);
    world.seconds(300);
    assert_eq!(told(&mut world), [""; 0]);
    caller.bye(&mut world);
    assert!(at(TRUNK) == caller.at);
    world.check_idle();
}

#[test]
fn a_paying_caller_hears_that_the_call_ends_whichever_limit_ends_it() {
    // A unit a minute for the caller's account, and for the reseller above it.
    let plan = || {
        let mut plan = Plan::new()
            .tariff(1, "0.60", 1, 1)
            .tariff(2, "0.60", 1, 1)
            .account(5, 2, None)
            .account(1, 1, Some(5))
            .source(1, TRUNK)
            .gateway(1, GATE)
            .route("4", 1, Target::Gateway(GatewayId(1)));
        plan.directory.settings.media.sounds.money_warning_s = 20;
        plan
    };
    let day = |id| {
        plan().with_account(id, |account| {
            account.daily_spend_limit = Some(Micros(500_000));
        })
    };
    let longest = plan().with_account(1, |account| account.max_duration_s = 50);
    let cases = [
        (
            "balance",
            plan(),
            (500_000, 10_000_000),
            "answered.out_of_money",
        ),
        (
            "reseller's balance",
            plan(),
            (10_000_000, 500_000),
            "answered.out_of_money",
        ),
        (
            "day",
            day(1),
            (10_000_000, 10_000_000),
            "answered.daily_limit",
        ),
        (
            "reseller's day",
            day(5),
            (10_000_000, 10_000_000),
            "answered.daily_limit",
        ),
        (
            "duration",
            longest,
            (10_000_000, 10_000_000),
            "answered.max_duration",
        ),
    ];
    for (limit, plan, (own, above), cause) in cases {
        let balances = [(1, own), (5, above)];
        let balances = balances.map(|(id, micros)| (AccountId(id), Micros(micros)));
        let mut world = World::with_micros(plan.build(), &balances);
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
        caller.invite(&mut world);
        Callee::take(&mut world, GATE).answer(&mut world);
        caller.ack(&mut world, None);
        world.seconds(29);
        assert_eq!(told(&mut world), [""; 0], "{limit}: too early");
        world.seconds(2);
        assert_eq!(told(&mut world), ["money ends to A"], "{limit}");
        world.seconds(19);
        assert_eq!(told(&mut world), [""; 0], "{limit}: once");
        let cdr = world.book.only_cdr();
        assert_eq!(
            (cdr.cause.as_str(), cdr.duration_ms),
            (cause, 50_000),
            "{limit}"
        );
        world.check_idle();
    }
}

#[test]
fn a_storm_of_holds_leaves_one_sound_at_most() {
    let mut world = world_of(&musical());
    let (mut caller, bob) = talking(&mut world);
    for _ in 0..200 {
        change(&mut world, (&mut caller, &bob), ("sendonly", "recvonly"));
        assert_eq!(told(&mut world), ["music.wav to B"]);
        change(&mut world, (&mut caller, &bob), ("sendrecv", "sendrecv"));
        assert_eq!(told(&mut world), ["stop B"]);
    }
    caller.bye(&mut world);
    world.check_idle();
}
