//! Two calls of one account joined, and a phone that steps in for another one.

use super::{ALICE, BOB, CAROL, charge, come_over, talking, three, told, world_of};
use crate::{
    GATE, assert_hidden,
    codecs::conversion,
    kit::{Callee, Caller, World, sip},
};
use tandem_billing::AccountId;
use tandem_sdp::{RelayCommand, SessionDescription, Side};

/// A second call of bob's: to the gateway, answered.
fn consult(world: &mut World, number: &str) -> (Caller, Callee) {
    let mut second = Caller::new(BOB, "bob", number, "second");
    second.invite_with_digest(world);
    let gate = Callee::take(world, GATE);
    gate.answer(world);
    second.ack(world, None);
    world.expect(gate.at, "ACK");
    (second, gate)
}

/// What a phone writes of a dialog it called in.
fn replaces(caller: &Caller) -> String {
    let tag = |text: &str| text.split("tag=").nth(1).unwrap_or_default().to_owned();
    format!(
        "{};to-tag={};from-tag={}",
        caller.within().call_id,
        tag(&caller.within().to),
        tag(&caller.within().from)
    )
}

fn refer_to_dialog(replaces: &str) -> String {
    let escaped = replaces
        .replace(';', "%3B")
        .replace('=', "%3D")
        .replace('@', "%40");
    format!("Refer-To: <sip:442071234@tandem.test?Replaces={escaped}>\r\n")
}

#[test]
fn two_calls_of_one_phone_are_joined_and_both_are_paid_on() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    world.seconds(10);
    let (second, gate) = consult(&mut world, "442071234");
    world.seconds(10);
    let named = replaces(&second);
    bob.request_with(&mut world, "REFER", &refer_to_dialog(&named), None);
    world.expect(bob.at, "202");
    assert_eq!(told(&mut world, &bob), "SIP/2.0 100 Trying");
    assert_eq!(told(&mut world, &bob), "SIP/2.0 200 OK");
    for _ in 0..2 {
        let bye = world.expect(bob.at, "BYE");
        bob.respond(&mut world, &bye, "200 OK", None);
    }
    come_over(&mut world, &caller);
    let renewed = world.expect(gate.at, "INVITE");
    assert_hidden(&renewed, &["198.51.100"]);
    gate.respond(&mut world, &renewed, "200 OK", Some(&gate.sdp()));
    world.expect(gate.at, "ACK");
    world.seconds(30);
    caller.request(&mut world, "INFO", Some("Signal=5\r\n"));
    let info = world.expect(gate.at, "INFO");
    gate.respond(&mut world, &info, "200 OK", None);
    let mut gate = gate;
    gate.bye(&mut world);
    world.expect(caller.at, "BYE");
    assert_eq!(charge(&world, 1), (1, 500_000, 50));
    assert_eq!(charge(&world, 2), (2, 400_000, 40));
    world.check_idle();
}

#[test]
fn the_consulted_party_may_have_called() {
    // Both calls came to bob: the party of the first takes bob's place in the second.
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    let mut carol = Caller::new(CAROL, "carol", "bob", "c");
    carol.invite_with_digest(&mut world);
    let second = Callee::take(&mut world, BOB);
    second.answer(&mut world);
    carol.ack(&mut world, None);
    let invite = &second.invite;
    let named = format!(
        "{};to-tag={};from-tag={}",
        invite.call_id(),
        invite.from_tag().expect("a tag"),
        second.tag()
    );
    bob.request_with(&mut world, "REFER", &refer_to_dialog(&named), None);
    world.expect(bob.at, "202");
    come_over(&mut world, &caller);
    come_over(&mut world, &carol);
    world.seconds(10);
    caller.bye(&mut world);
    world.expect(carol.at, "BYE");
    assert_eq!(charge(&world, 1), (1, 100_000, 10));
    assert_eq!(charge(&world, 2), (3, 100_000, 10));
    world.check_idle();
}

#[test]
fn nobody_joins_calls_of_another_account() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    let mut carol = Caller::new(CAROL, "carol", "442071234", "c");
    carol.invite_with_digest(&mut world);
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    carol.ack(&mut world, None);
    let named = replaces(&carol);
    bob.request_with(&mut world, "REFER", &refer_to_dialog(&named), None);
    world.expect(bob.at, "403");
    // Nor its own call with itself.
    let invite = &bob.invite;
    let own = format!(
        "{};to-tag={};from-tag={}",
        invite.call_id(),
        invite.from_tag().expect("a tag"),
        bob.tag()
    );
    bob.request_with(&mut world, "REFER", &refer_to_dialog(&own), None);
    world.expect(bob.at, "400");
    carol.bye(&mut world);
    caller.bye(&mut world);
    world.check_idle();
}

/// The header by which another phone takes the place of a called one.
fn in_place_of(callee: &Callee) -> String {
    let invite = &callee.invite;
    format!(
        "Replaces: {};to-tag={};from-tag={}\r\n",
        invite.call_id(),
        invite.from_tag().expect("a tag"),
        callee.tag()
    )
}

#[test]
fn a_phone_of_the_account_steps_in() {
    let mut world = world_of(&three());
    let (mut caller, bob) = talking(&mut world);
    world.seconds(10);
    let named = in_place_of(&bob);
    // Another account's phone, and one that names nothing.
    let mut carol = Caller::new(CAROL, "carol", "bob", "c").with_headers(&named);
    carol.invite_with_digest(&mut world);
    world.expect(carol.at, "403");
    let none = "Replaces: x;to-tag=1;from-tag=2\r\n";
    let mut stray = Caller::new(ALICE, "alice", "bob", "s").with_headers(none);
    stray.invite_with_digest(&mut world);
    world.expect(stray.at, "481");
    assert!(!world.waits(bob.at, "BYE"));

    let mut alice = Caller::new(ALICE, "alice", "bob", "p").with_headers(&named);
    alice.invite_with_digest(&mut world);
    alice.ack(&mut world, None);
    let bye = world.expect(bob.at, "BYE");
    bob.respond(&mut world, &bye, "200 OK", None);
    world.seconds(1);
    come_over(&mut world, &caller);
    world.seconds(9);
    caller.request(&mut world, "BYE", None);
    world.expect(alice.at, "BYE");
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.duration_ms, 20_000, "one call, one bill");
    assert_eq!(cdr.charges[0].account, AccountId(1));
    world.check_idle();
}

/// Until the one that steps in holds, nothing is taken from the one that is there.
#[test]
fn a_phone_that_never_confirms_takes_no_place() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    world.seconds(10);
    let mut alice = Caller::new(ALICE, "alice", "bob", "p").with_headers(&in_place_of(&bob));
    alice.invite_with_digest(&mut world);
    alice.take_answer(&mut world);
    assert!(!world.waits(bob.at, "BYE"), "not before the ACK");
    // Another one must wait.
    let mut second = Caller::new(BOB, "bob", "bob", "q").with_headers(&in_place_of(&bob));
    second.invite_with_digest(&mut world);
    assert!(world.waits(bob.at, "481") || world.waits(bob.at, "491"));
    world.seconds(40);
    let bye = world.expect(alice.at, "BYE");
    alice.respond(&mut world, &bye, "200 OK", None);
    assert!(!world.heard(caller.at).contains(&"BYE".to_owned()));
    let target = world.relay.iter().rev().find_map(|command| match command {
        RelayCommand::SetTarget {
            side: Side::B, rtp, ..
        } => Some(*rtp),
        _ => None,
    });
    assert_eq!(target, Some(bob.audio), "its audio is where it was");
    world.heard(bob.at);
    bob.request(&mut world, "INFO", Some("hello\r\n"));
    let info = world.expect(caller.at, "INFO");
    caller.respond(&mut world, &info, "200 OK", None);
    world.seconds(10);
    caller.bye(&mut world);
    world.expect(bob.at, "BYE");
    assert_eq!(world.book.only_cdr().duration_ms, 60_000);
    world.check_idle();
}

/// What the one that steps in speaks is coded anew for the other side, as it was before.
#[test]
fn a_phone_steps_into_a_call_whose_audio_is_coded() {
    for (offer, taken, coded) in [
        (&[(9, "G722"), (97, "telephone-event")][..], "g722", true),
        (&[(96, "PCMA")][..], "pcma", false),
    ] {
        let plan = three()
            .with_gateway(1, |gateway| gateway.codecs = vec!["pcma".into()])
            .with_settings(|settings| settings.media.max_transcoded_calls = 1);
        let mut world = world_of(&plan);
        let mut alice = Caller::new(ALICE, "alice", "442071234", "a");
        let g722 = sip::sdp(alice.audio, &[(9, "G722")]);
        alice.invite_with_digest_offering(&mut world, &g722);
        let gate = Callee::take(&mut world, GATE);
        let pcma = sip::sdp(gate.audio, &[(8, "PCMA")]);
        gate.say(&mut world, "200 OK", Some(&pcma));
        alice.ack(&mut world, None);
        world.expect(gate.at, "ACK");
        let named = format!("Replaces: {}\r\n", replaces(&alice));
        let mut bob = Caller::new(BOB, "bob", "x", "p").with_headers(&named);
        let body = sip::sdp(bob.audio, offer);
        bob.invite_with_digest_offering(&mut world, &body);
        let answer = bob.ack(&mut world, None);
        let told = SessionDescription::parse(answer.body()).expect("a description");
        let first = told.codecs().into_iter().next().expect("a codec");
        assert_eq!(
            (first.payload_type, first.name.as_str()),
            (offer[0].0, taken)
        );
        world.expect(alice.at, "BYE");
        let plan = conversion(&world, Side::A);
        assert_eq!(plan.is_some_and(|plan| plan.transcodes()), coded);
        world.seconds(1);
        let renewed = world.expect(gate.at, "INVITE");
        gate.respond(&mut world, &renewed, "200 OK", Some(&pcma));
        world.expect(gate.at, "ACK");
        let plan = conversion(&world, Side::A);
        assert_eq!(plan.is_some_and(|plan| plan.transcodes()), coded);
        bob.bye(&mut world);
        world.expect(gate.at, "BYE");
        world.check_idle();
    }
}

/// A coded call's place is given back when the one that wanted it never confirms.
#[test]
fn a_phone_that_never_confirms_takes_no_place_among_coded_calls() {
    let plan = three()
        .with_gateway(1, |gateway| gateway.codecs = vec!["pcma".into()])
        .with_settings(|settings| settings.media.max_transcoded_calls = 1);
    let mut world = world_of(&plan);
    let mut alice = Caller::new(ALICE, "alice", "442071234", "a");
    alice.invite_with_digest(&mut world);
    let gate = Callee::take(&mut world, GATE);
    gate.say(
        &mut world,
        "200 OK",
        Some(&sip::sdp(gate.audio, &[(8, "PCMA")])),
    );
    alice.ack(&mut world, None);
    let named = format!("Replaces: {}\r\n", replaces(&alice));
    let mut bob = Caller::new(BOB, "bob", "x", "p").with_headers(&named);
    let g722 = sip::sdp(bob.audio, &[(9, "G722")]);
    bob.invite_with_digest_offering(&mut world, &g722);
    bob.take_answer(&mut world);
    assert!(conversion(&world, Side::A).is_some_and(|plan| plan.transcodes()));
    world.seconds(40);
    world.expect(bob.at, "BYE");
    assert_eq!(conversion(&world, Side::A), None, "as it was");
    let mut carol = Caller::new(CAROL, "carol", "442071234", "c");
    world.heard(gate.at);
    carol.invite_with_digest_offering(&mut world, &g722);
    let second = Callee::take(&mut world, GATE);
    second.say(&mut world, "486 Busy Here", None);
    alice.bye(&mut world);
    world.check_idle();
}
