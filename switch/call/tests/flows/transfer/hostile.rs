//! What a party that left, or a late word of an earlier transfer, must not do.

use super::{
    ALICE, BOB, CAROL, TRUNK, charge, come_over, refer, talking, three, to, told, world_of,
};
use crate::{
    GATE, GATE2,
    kit::{Callee, Caller, sip},
};
use std::{collections::BTreeSet, time::Duration};
use tandem_billing::{CallId, Micros};
use tandem_call::{
    Input,
    directory::{
        GatewayAuth,
        signalling::{Diverted, Extension, Trust},
    },
};
use tandem_sdp::{RelayReport, relay::Counters};
use tandem_sip::value::Method;

#[test]
fn a_party_that_left_adds_nothing_to_what_is_kept_of_the_call() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    come_over(&mut world, &caller);
    for cause in 0..300 {
        let reason = format!("Reason: Q.850;cause={}\r\n", 1 + cause % 127);
        bob.request_with(&mut world, "BYE", &reason, None);
        world.expect(bob.at, "200");
    }
    caller.bye(&mut world);
    let trace = &world.book.cdrs[&CallId(1)].trace;
    assert!(!trace.contains("Q.850"), "{trace}");
    world.check_idle();
}

/// The first target answers while the caller's side is busy, and is gone before that is over.
#[test]
fn a_late_word_of_one_transfer_does_nothing_to_the_next() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let hold = sip::sdp_with(bob.audio, sip::G711, "sendonly");
    bob.request(&mut world, "INVITE", Some(&hold));
    let holding = world.expect(caller.at, "INVITE");
    let mut first = Callee::take(&mut world, GATE);
    first.answer(&mut world);
    world.expect(first.at, "ACK");
    first.bye(&mut world);
    assert!(told(&mut world, &bob).starts_with("SIP/2.0 480 "));
    let held = sip::sdp_with(caller.audio, sip::G711, "recvonly");
    caller.respond(&mut world, &holding, "200 OK", Some(&held));
    world.expect(caller.at, "ACK");
    world.expect(bob.at, "200");
    bob.ack(&mut world);
    refer(&mut world, &mut bob, "carol");
    let carol = Callee::take(&mut world, CAROL);
    carol.ring(&mut world);
    assert!(told(&mut world, &bob).starts_with("SIP/2.0 180 "));
    world.seconds(5);
    assert!(world.heard(bob.at).is_empty(), "it rings on");
    carol.answer(&mut world);
    come_over(&mut world, &caller);
    world.seconds(5);
    caller.bye(&mut world);
    world.expect(carol.at, "BYE");
    assert_eq!(charge(&world, 3), (2, 50_000, 5));
    world.check_idle();
}

/// What was placed for a transfer goes when the transfer does not take place.
#[test]
fn a_target_that_nobody_comes_over_to_is_hung_up() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let hold = sip::sdp_with(bob.audio, sip::G711, "sendonly");
    bob.request(&mut world, "INVITE", Some(&hold));
    world.expect(caller.at, "INVITE");
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    world.expect(gate.at, "ACK");
    // The party that stays hangs up while the change of audio is still under way.
    caller.bye(&mut world);
    world.expect(gate.at, "BYE");
    let cdr = &world.book.cdrs[&CallId(2)];
    assert_eq!(cdr.cause, "answered.joined_ended");
    world.check_idle();
}

/// Whoever pays for a call that a transfer left behind pays no second after the talk was over.
#[test]
fn a_party_that_is_lost_is_paid_for_to_its_last_sign_of_life_in_both_calls() {
    let mut plan = three().with_settings(|settings| {
        settings.session_expires_s = 600;
        settings.rtp_inactivity_s = 0;
    });
    plan = plan.with_account(1, |account| {
        account.signalling.session_timers = Extension::Off;
    });
    let mut world = world_of(&plan);
    let (caller, mut bob) = talking(&mut world);
    world.seconds(10);
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    let agrees = "Require: timer\r\nSession-Expires: 120;refresher=uas\r\n";
    gate.say_with(&mut world, "200 OK", agrees, Some(&gate.sdp()));
    come_over(&mut world, &caller);
    world.seconds(20);
    let id = world.relay_of_last_call().expect("a relay");
    let heard = Counters {
        packets: 2_500,
        ..Counters::default()
    };
    world.input(Input::Relay(RelayReport::Progress {
        id,
        a: heard,
        b: heard,
    }));
    // The target refreshes nothing and sends nothing more.
    world.seconds(100);
    world.expect(caller.at, "BYE");
    assert_eq!(charge(&world, 2), (2, 200_000, 20), "the target's leg");
    assert_eq!(
        charge(&world, 1),
        (1, 300_000, 30),
        "and the one it was left for"
    );
    assert_eq!(world.book.balance(1), Micros(9_700_000));
    assert_eq!(world.book.balance(2), Micros(9_800_000));
    world.check_idle();
}

/// A party that does not answer the new offer: what it waits for is nobody's talk.
#[test]
fn nobody_pays_for_the_wait_for_a_party_that_is_gone() {
    let mut world = world_of(&three());
    let (caller, mut bob) = talking(&mut world);
    world.seconds(10);
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    world.expect(caller.at, "INVITE");
    world.seconds(40);
    world.expect(gate.at, "BYE");
    assert_eq!(charge(&world, 1), (1, 100_000, 10));
    assert_eq!(charge(&world, 2), (2, 0, 0));
    world.check_idle();
}

/// One that is busy with an offer of its own for ever is asked some times, then left as it is.
#[test]
fn a_party_that_answers_491_for_ever_is_left_alone() {
    let plan = three().with_settings(|settings| {
        settings.session_expires_s = 600;
        settings.rtp_inactivity_s = 0;
    });
    let mut world = world_of(&plan);
    let mut caller = Caller::new(TRUNK, "4930123", "bob", "a");
    caller.invite(&mut world);
    let mut bob = Callee::take(&mut world, BOB);
    bob.answer(&mut world);
    let knows = caller.ack(&mut world, None);
    world.expect(bob.at, "ACK");
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    let mut asked = BTreeSet::new();
    for _ in 0..200 {
        world.seconds(1);
        while let Some(message) = world.take(caller.at) {
            if message.is_method(&Method::Invite) {
                asked.insert(message.cseq());
                caller.respond(&mut world, &message, "491 Request Pending", None);
            }
        }
    }
    assert_eq!(asked.len(), 8, "times");
    assert!(!world.waits(gate.at, "BYE"), "the call is as it was");
    world.seconds(101);
    let refresh = world.expect(caller.at, "INVITE");
    assert_eq!(
        refresh.body(),
        knows.body(),
        "what it refused was never agreed on"
    );
    caller.respond(&mut world, &refresh, "200 OK", Some(&caller.sdp()));
    world.expect(caller.at, "ACK");
    while let Some(message) = world.take(gate.at) {
        if message.is_method(&Method::Invite) {
            gate.respond(&mut world, &message, "200 OK", Some(&gate.sdp()));
        }
    }
    // Its own offer passes.
    let offer = caller.sdp();
    caller.request(&mut world, "INVITE", Some(&offer));
    let passed = world.expect(gate.at, "INVITE");
    gate.respond(&mut world, &passed, "200 OK", Some(&gate.sdp()));
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.expect(gate.at, "BYE");
    world.check_idle();
}

/// The caller's dialog came to the called side: its Call-ID is not ours there either.
#[test]
fn who_waits_after_a_glare_goes_by_the_dialog() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    let mut carol = Caller::new(CAROL, "carol", "bob", "c");
    carol.invite_with_digest(&mut world);
    let second = Callee::take(&mut world, BOB);
    second.answer(&mut world);
    carol.ack(&mut world, None);
    let (call_id, tag) = (second.invite.call_id(), second.invite.from_tag());
    let named = format!(
        "Replaces={call_id}%3Bto-tag%3D{}%3Bfrom-tag%3D{}",
        tag.expect("a tag"),
        second.tag()
    );
    let to = format!(
        "Refer-To: <sip:carol@tandem.test?{}>\r\n",
        named.replace('@', "%40")
    );
    bob.request_with(&mut world, "REFER", &to, None);
    world.expect(bob.at, "202");
    let glare = world.expect(caller.at, "INVITE");
    caller.respond(&mut world, &glare, "491 Request Pending", None);
    world.expect(caller.at, "ACK");
    world.seconds(2);
    come_over(&mut world, &caller);
    come_over(&mut world, &carol);
    caller.bye(&mut world);
    world.expect(carol.at, "BYE");
    world.check_idle();
}

/// What asks for credentials is given them, and what can be given none is no riddle.
#[test]
fn a_challenged_offer_is_repeated_or_ends_the_whole() {
    for known in [true, false] {
        let plan = three().with_gateway(1, |gateway| {
            gateway.auth = known.then(|| GatewayAuth {
                username: "us".into(),
                password: "secret".into(),
                realm: None,
            });
        });
        let mut world = world_of(&plan);
        let mut alice = Caller::new(ALICE, "alice", "442071234", "a");
        alice.invite_with_digest(&mut world);
        let mut gate = Callee::take(&mut world, GATE);
        gate.answer(&mut world);
        alice.ack(&mut world, None);
        world.expect(gate.at, "ACK");
        alice.request_with(&mut world, "REFER", &to("carol"), None);
        let carol = Callee::take(&mut world, CAROL);
        carol.answer(&mut world);
        let renewed = world.expect(gate.at, "INVITE");
        let challenge = "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"n1\"\r\n";
        gate.respond_with(
            &mut world,
            &renewed,
            "407 Proxy Authentication Required",
            challenge,
        );
        world.expect(gate.at, "ACK");
        if known {
            let again = world.expect(gate.at, "INVITE");
            assert!(again.header("Proxy-Authorization").is_some());
            assert_eq!(again.body(), renewed.body());
            gate.respond(&mut world, &again, "200 OK", Some(&gate.sdp()));
            world.expect(gate.at, "ACK");
            gate.bye(&mut world);
            world.expect(carol.at, "BYE");
        } else {
            world.expect(carol.at, "BYE");
            world.expect(gate.at, "BYE");
            let cdr = &world.book.cdrs[&CallId(2)];
            assert_eq!(cdr.cause, "answered.media_refused");
        }
        world.check_idle();
    }
}

/// A caller that is not to be shown is not shown as the one that transferred, either.
#[test]
fn a_private_party_that_transfers_is_told_to_trusted_targets_only() {
    use Diverted::{Diversion, HistoryInfo};
    for (trust, how, expected) in [
        (Trust::Untrusted, Diversion, None),
        (Trust::Untrusted, HistoryInfo, None),
        (Trust::Trusted, Diversion, Some("privacy=full")),
        (Trust::Trusted, HistoryInfo, Some("?Privacy=history>")),
    ] {
        let plan = three().with_gateway(2, |gateway| {
            gateway.signalling.trust = trust;
            gateway.signalling.naming.diversion = how;
            gateway.naming.send_pai = true;
        });
        let mut world = world_of(&plan);
        let mut alice =
            Caller::new(ALICE, "alice", "442071234", "a").with_headers("Privacy: id\r\n");
        alice.invite_with_digest(&mut world);
        let gate = Callee::take(&mut world, GATE);
        gate.answer(&mut world);
        alice.ack(&mut world, None);
        alice.request_with(&mut world, "REFER", &to("7123"), None);
        let target = Callee::take(&mut world, GATE2);
        target.ring(&mut world);
        let text = String::from_utf8_lossy(target.invite.as_bytes()).into_owned();
        assert!(target.invite.header("Referred-By").is_none(), "{text}");
        assert_eq!(text.contains("alice"), expected.is_some(), "{text}");
        assert!(text.contains(expected.unwrap_or_default()), "{text}");
        let mut gate = gate;
        gate.bye(&mut world);
        let cancel = world.expect(target.at, "CANCEL");
        target.respond(&mut world, &cancel, "200 OK", None);
        target.say(&mut world, "487 Request Terminated", None);
        world.check_idle();
    }
}

/// The party that is to go over cannot put that off, and the one that transfers not be made to pay for the wait.
#[test]
fn a_party_that_is_always_busy_holds_no_target() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    caller.request(&mut world, "INFO", Some("hello\r\n"));
    world.expect(bob.at, "INFO");
    gate.answer(&mut world);
    world.expect(caller.at, "480");
    come_over(&mut world, &caller);
    caller.bye(&mut world);
    world.expect(gate.at, "BYE");
    world.check_idle();

    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    let hold = sip::sdp_with(caller.audio, sip::G711, "sendonly");
    caller.request(&mut world, "INVITE", Some(&hold));
    gate.answer(&mut world);
    for _ in 0..150 {
        let passed = world.expect(bob.at, "INVITE");
        world.advance(Duration::from_millis(400));
        bob.respond(&mut world, &passed, "200 OK", Some(&bob.sdp()));
        caller.ack(&mut world, None);
        if world.waits(gate.at, "BYE") {
            break;
        }
        caller.request(&mut world, "INVITE", Some(&hold));
    }
    world.expect(gate.at, "BYE");
    assert!(told(&mut world, &bob).starts_with("SIP/2.0 491 "));
    caller.bye(&mut world);
    world.check_idle();
}
