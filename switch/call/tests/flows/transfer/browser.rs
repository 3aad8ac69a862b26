//! A browser is sent on: it keeps the relay that it has keys with, and the target is told of that one.

use super::{ALICE, BOB, CAROL, charge, three, to, told, world_of};
use crate::{
    GATE,
    kit::{Callee, Caller, World, sip},
};
use tandem_call::Input;
use tandem_sdp::{
    Protection, RelayCommand, RelayId, RelayReport, SessionDescription, Side, relay::Counters,
};
use tandem_sip::Message;

/// Where a description wants its audio.
fn audio(message: &Message) -> String {
    let sdp = SessionDescription::parse(message.body()).expect("a description");
    sdp.audio_target().expect("audio").to_string()
}

/// Relays that are open, first first.
fn open(world: &World) -> Vec<RelayId> {
    let mut ids = Vec::new();
    for command in &world.relay {
        match command {
            RelayCommand::Open { id, .. } => ids.push(*id),
            RelayCommand::Close { id } => ids.retain(|other| other != id),
            _ => {}
        }
    }
    ids
}

/// What the relay was told last of a side's audio, and whether it is a browser's.
fn side(world: &World, id: RelayId, of: Side) -> (Option<String>, bool) {
    let mut target = None;
    let mut is_web = false;
    for command in world.relay.iter().filter(|command| command.id() == id) {
        match command {
            RelayCommand::SetTarget { side, rtp, .. } if *side == of => {
                target = Some(rtp.to_string());
            }
            RelayCommand::SetTransport {
                side, protection, ..
            } if *side == of => is_web = matches!(protection, Protection::Dtls(_)),
            _ => {}
        }
    }
    (target, is_web)
}

fn packets(packets: u64) -> Counters {
    Counters {
        packets,
        ..Counters::default()
    }
}

#[test]
fn a_browser_that_called_is_sent_on_with_its_relay() {
    let mut world = world_of(&three());
    let mut alice = Caller::new(ALICE, "alice", "bob", "a");
    let offer = sip::browser_sdp(alice.audio, "actpass");
    alice.invite_with_digest_offering(&mut world, &offer);
    let mut bob = Callee::take(&mut world, BOB);
    bob.answer(&mut world);
    let first = alice.ack(&mut world, None);
    world.expect(bob.at, "ACK");
    let relay = open(&world)[0];
    world.seconds(10);
    bob.request_with(&mut world, "REFER", &to("442071234"), None);
    world.expect(bob.at, "202");
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    world.expect(gate.at, "ACK");
    world.expect(bob.at, "BYE");
    assert_eq!(open(&world), [relay], "the other one was given back");
    assert_eq!(
        side(&world, relay, Side::B),
        (Some(gate.audio.to_string()), false)
    );
    let renewed = world.expect(alice.at, "INVITE");
    assert_eq!(audio(&renewed), audio(&first), "it is told nothing new");
    let answer = sip::browser_sdp(alice.audio, "active");
    alice.respond(&mut world, &renewed, "200 OK", Some(&answer));
    world.expect(alice.at, "ACK");
    assert!(side(&world, relay, Side::A).1, "with the keys it has");
    let renewed = world.expect(gate.at, "INVITE");
    assert_eq!(audio(&renewed), audio(&bob.invite), "where bob sent to");
    gate.respond(&mut world, &renewed, "200 OK", Some(&gate.sdp()));
    world.expect(gate.at, "ACK");
    world.seconds(20);
    alice.bye(&mut world);
    world.expect(gate.at, "BYE");
    assert_eq!(charge(&world, 1), (2, 300_000, 30));
    assert_eq!(charge(&world, 2), (2, 200_000, 20));
    world.check_idle();
}

/// The relay's sides are those of the call it was opened for, and the other ones of the call it came to.
#[test]
fn a_browser_that_was_called_is_sent_on_with_its_relay_turned() {
    let mut world = world_of(&three());
    let mut caller = Caller::new(CAROL, "carol", "alice", "a");
    caller.invite_with_digest(&mut world);
    let alice = Callee::take(&mut world, ALICE);
    alice.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(alice.at, "ACK");
    // It goes over to a browser's audio.
    let mut alice = alice;
    let offer = sip::browser_sdp(alice.audio, "actpass");
    alice.request(&mut world, "INVITE", Some(&offer));
    let passed = world.expect(caller.at, "INVITE");
    caller.respond(&mut world, &passed, "200 OK", Some(&caller.sdp()));
    let first = world.expect(alice.at, "200");
    alice.ack(&mut world);
    let relay = open(&world)[0];
    assert!(side(&world, relay, Side::B).1);
    world.input(Input::Relay(RelayReport::Progress {
        id: relay,
        a: packets(100),
        b: packets(70),
    }));
    caller.request_with(&mut world, "REFER", &to("442071234"), None);
    world.expect(caller.at, "202");
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    assert_eq!(open(&world), [relay]);
    let place = (Some(gate.audio.to_string()), false);
    assert_eq!(side(&world, relay, Side::A), place, "where carol was");
    let renewed = world.expect(alice.at, "INVITE");
    assert_eq!(audio(&renewed), audio(&first));
    let answer = sip::browser_sdp(alice.audio, "active");
    alice.respond(&mut world, &renewed, "200 OK", Some(&answer));
    let renewed = world.expect(gate.at, "INVITE");
    gate.respond(&mut world, &renewed, "200 OK", Some(&gate.sdp()));
    assert!(side(&world, relay, Side::B).1 && !side(&world, relay, Side::A).1);
    // From the gateway 400 more, from the browser 300.
    world.last_counters = (packets(500), packets(370));
    world.seconds(20);
    alice.bye(&mut world);
    world.expect(gate.at, "BYE");
    world.seconds(2);
    let placed = &world.book.cdrs[&tandem_billing::CallId(2)];
    assert_eq!((placed.media_a.packets, placed.media_b.packets), (300, 400));
    let left = &world.book.cdrs[&tandem_billing::CallId(1)];
    assert_eq!((left.media_a.packets, left.media_b.packets), (100, 70));
    world.check_idle();
}

/// What a browser is shown: certificate and credentials.
fn shown(message: &Message) -> (String, String) {
    let text = String::from_utf8_lossy(message.body()).into_owned();
    let line = |name: &str| {
        let found = text.lines().find(|line| line.starts_with(name));
        found.expect("a browser's line").to_owned()
    };
    (line("a=fingerprint:"), line("a=ice-ufrag:"))
}

/// Each of two browsers has its keys with a relay of its own: the one that comes over agrees on keys with the other's.
#[test]
fn a_browser_that_is_sent_on_to_another_one_agrees_on_keys_anew() {
    let mut world = world_of(&three());
    let mut alice = Caller::new(ALICE, "alice", "bob", "a");
    let offer = sip::browser_sdp(alice.audio, "actpass");
    alice.invite_with_digest_offering(&mut world, &offer);
    let mut bob = Callee::take(&mut world, BOB);
    bob.answer(&mut world);
    let first = alice.ack(&mut world, None);
    world.expect(bob.at, "ACK");
    let mut carol = Caller::new(CAROL, "carol", "bob", "c");
    let offer = sip::browser_sdp(carol.audio, "actpass");
    carol.invite_with_digest_offering(&mut world, &offer);
    let second = Callee::take(&mut world, BOB);
    second.answer(&mut world);
    let other = carol.ack(&mut world, None);
    world.expect(second.at, "ACK");
    let relay = open(&world)[1];
    let named = format!(
        "Refer-To: <sip:x@tandem.test?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}>\r\n",
        second.invite.call_id().replace('@', "%40"),
        second.invite.from_tag().expect("a tag"),
        second.tag(),
    );
    bob.request_with(&mut world, "REFER", &named, None);
    world.expect(bob.at, "202");
    assert!(told(&mut world, &bob).starts_with("SIP/2.0 100 "));
    assert!(told(&mut world, &bob).starts_with("SIP/2.0 200 "));
    assert_eq!(open(&world), [relay], "carol's");
    let renewed = world.expect(alice.at, "INVITE");
    let (before, now) = (shown(&first), shown(&renewed));
    assert_ne!(before.0, now.0, "another certificate");
    assert_ne!(before.1, now.1, "ICE begins anew");
    assert_ne!(audio(&renewed), audio(&first));
    assert!(!side(&world, relay, Side::B).1, "nothing agreed on yet");
    let answer = sip::browser_sdp(alice.audio, "active");
    alice.respond(&mut world, &renewed, "200 OK", Some(&answer));
    world.expect(alice.at, "ACK");
    let agreed = world.relay.iter().rev().find_map(|command| match command {
        RelayCommand::SetTransport {
            id,
            side: Side::B,
            protection: Protection::Dtls(side),
            ..
        } if *id == relay => Some(side.clone()),
        _ => None,
    });
    let agreed = agreed.expect("a browser's side");
    assert_eq!(agreed.shown, tandem_sdp::relay::Shown::Second);
    assert!(now.1.ends_with(&agreed.ours.ufrag));
    // The one that stays goes on with what it has.
    let kept = world.expect(carol.at, "INVITE");
    assert_eq!((shown(&kept), audio(&kept)), (shown(&other), audio(&other)));
    let answer = sip::browser_sdp(carol.audio, "active");
    carol.respond(&mut world, &kept, "200 OK", Some(&answer));
    world.expect(carol.at, "ACK");
    alice.bye(&mut world);
    world.expect(carol.at, "BYE");
    world.check_idle();
}
