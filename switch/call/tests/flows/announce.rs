//! Prompts for refused callers: who hears one, what it costs (nothing), and every way in which it ends.

use super::{
    ALICE, TRUNK, at,
    kit::{Caller, Disk, Plan, World, plan::password},
    plan,
};
use tandem_call::{
    Input,
    directory::signalling::Extension,
    io::{Command, Reply},
};
use tandem_sdp::{
    PlayEnd, PlayOrder, RelayCommand, RelayReport, SessionDescription, Side, Sound, play::Until,
};

const PROMPT: &str = "unknown.wav";

fn prompting() -> Plan {
    let mut plan = plan();
    let sounds = &mut plan.directory.settings.media.sounds;
    for cause in ["refused.no_route", "refused.no_money"] {
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
    assert_eq!(order.until, Until::End);
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
    let reliable = prompting().with_account(2, |account| {
        account.signalling.reliable = Extension::Required;
    });
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
        (
            "reliable answers only",
            prompting(),
            phone("Require: 100rel\r\n"),
        ),
        ("by its account", reliable, phone("Supported: 100rel\r\n")),
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
