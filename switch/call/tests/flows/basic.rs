//! Calls that go as everybody hopes.

use super::{
    ALICE, GATE, TRUNK, assert_hidden, at,
    kit::{Callee, Caller, World, sip},
    plan, world,
};
use tandem_billing::{AccountId, Micros};
use tandem_call::{
    Input,
    directory::MediaMode,
    io::{Command, Reply},
    monitor::{CallState, Change},
};
use tandem_sdp::{Latch, RelayCommand, RelayReport, SessionDescription, Side};

#[test]
fn a_plain_call_is_carried_and_billed() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    assert_eq!(world.heard(caller.at), ["100"]);

    let mut callee = Callee::take(&mut world, GATE);
    assert_hidden(
        &callee.invite,
        &["198.51.100.10", caller.call_id(), "tag=fa"],
    );
    assert_eq!(callee.invite.max_forwards(), Some(69));
    assert_eq!(callee.invite.from().uri.user.as_deref(), Some("4930123"));
    assert_eq!(
        callee.invite.request_uri().and_then(|uri| uri.user),
        Some("442071234".into())
    );

    callee.ring(&mut world);
    let ringing = world.expect(caller.at, "180");
    assert_hidden(&ringing, &["203.0.113.1", callee.invite.call_id()]);
    world.seconds(3);
    callee.answer(&mut world);
    let answer = caller.ack(&mut world, None);
    assert_hidden(&answer, &["203.0.113.1", callee.invite.call_id()]);
    world.expect(callee.at, "ACK");

    world.seconds(60);
    caller.bye(&mut world);
    world.expect(caller.at, "200");
    let bye = world.expect(callee.at, "BYE");
    callee.respond(&mut world, &bye, "200 OK", None);

    let cdr = world.book.only_cdr().clone();
    assert_eq!(cdr.cause, "answered.caller_hangup");
    assert_eq!((cdr.duration_ms, cdr.sip_status), (60_000, Some(200)));
    assert_eq!((cdr.pdd_ms, cdr.codec.as_deref()), (Some(0), Some("pcma")));
    assert_eq!(cdr.charges.len(), 1);
    assert_eq!(cdr.charges[0].charge, Micros(600_000));
    assert_eq!(
        cdr.cost.as_ref().map(|cost| cost.cost),
        Some(Micros(300_000))
    );
    assert_eq!(cdr.media_a.packets, 50);
    assert_eq!(world.book.balance(1), Micros(9_400_000));
    callee.bye(&mut world);
    world.check_idle();
}

#[test]
fn the_called_side_may_hang_up() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let mut callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.seconds(2);
    callee.bye(&mut world);
    world.expect(callee.at, "200");
    let bye = world.expect(caller.at, "BYE");
    caller.respond(&mut world, &bye, "200 OK", None);
    assert_eq!(world.book.only_cdr().cause, "answered.callee_hangup");
    assert_eq!(world.book.balance(1), Micros(9_980_000));
    world.check_idle();
}

#[test]
fn audio_goes_through_the_relay_and_shows_no_address() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    let offer = SessionDescription::parse(callee.invite.body()).expect("an offer");
    assert_eq!(offer.audio_target(), Some(at("192.0.2.1:20006")));
    callee.say(&mut world, "183 Session Progress", Some(&callee.sdp()));
    let progress = world.expect(caller.at, "183");
    let early = SessionDescription::parse(progress.body()).expect("early audio");
    assert_eq!(early.audio_target(), Some(at("192.0.2.1:20004")));
    callee.answer(&mut world);
    let answer = caller.ack(&mut world, None);
    assert_eq!(answer.body(), progress.body(), "the same answer again");
    let targets: Vec<_> = world
        .relay
        .iter()
        .filter_map(|command| match command {
            RelayCommand::SetTarget { rtp, .. } => Some(*rtp),
            _ => None,
        })
        .collect();
    assert!(
        targets.contains(&caller.audio) && targets.contains(&callee.audio),
        "{targets:?}"
    );
    caller.bye(&mut world);
    assert!(matches!(
        world.relay.last(),
        Some(RelayCommand::Close { .. })
    ));
    world.check_idle();
}

/// How the relay was told to recognise a side, last.
fn latch_of(world: &World, wanted: Side) -> Option<Latch> {
    let orders = world.relay.iter().rev();
    orders.into_iter().find_map(|command| match command {
        RelayCommand::SetTarget { side, latch, .. } if *side == wanted => Some(*latch),
        _ => None,
    })
}

#[test]
fn servers_are_held_to_the_audio_address_they_name_and_phones_are_not() {
    let mut world = world();
    let mut trunk = Caller::new(TRUNK, "4930123", "442071234", "a");
    trunk.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    trunk.ack(&mut world, None);
    assert_eq!(latch_of(&world, Side::A), Some(Latch::Signalled));
    assert_eq!(latch_of(&world, Side::B), Some(Latch::Signalled));
    trunk.bye(&mut world);

    let mut phone = Caller::new(ALICE, "alice", "442071234", "b");
    phone.invite_with_digest(&mut world);
    let mut callee = Callee::take(&mut world, GATE);
    // A server whose description names an address that only its own network can reach.
    callee.audio = at("192.168.1.9:50000");
    callee.answer(&mut world);
    phone.ack(&mut world, None);
    assert_eq!(latch_of(&world, Side::A), Some(Latch::FirstPacket));
    assert_eq!(latch_of(&world, Side::B), Some(Latch::FirstPacket));
    phone.bye(&mut world);
    world.check_idle();
}

#[test]
fn direct_media_takes_no_relay() {
    let plan = plan()
        .with_account(1, |account| account.media = MediaMode::Direct)
        .with_gateway(1, |gateway| gateway.media = MediaMode::Direct);
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    let offer = SessionDescription::parse(callee.invite.body()).expect("an offer");
    assert_eq!(offer.audio_target(), Some(caller.audio));
    callee.answer(&mut world);
    let answer = caller.ack(&mut world, None);
    let description = SessionDescription::parse(answer.body()).expect("an answer");
    assert_eq!(description.audio_target(), Some(callee.audio));
    assert!(world.relay.is_empty());
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite_without_offer(&mut world);
    let callee = Callee::take(&mut world, GATE);
    assert!(callee.invite.body().is_empty());
    callee.answer(&mut world);
    assert!(
        world.heard(callee.at).is_empty(),
        "no ACK before the caller's answer"
    );
    let body = caller.sdp();
    let offered = caller.ack(&mut world, Some(&body));
    assert!(!offered.body().is_empty());
    let ack = world.expect(callee.at, "ACK");
    let answer = SessionDescription::parse(ack.body()).expect("an answer in the ACK");
    assert_eq!(answer.audio_target(), Some(at("192.0.2.1:20006")));
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn a_late_offer_without_an_answer_ends_the_call() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite_without_offer(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    world.expect(callee.at, "BYE");
    world.expect(caller.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.media_refused");
    world.check_idle();
}

#[test]
fn digest_lets_a_phone_call() {
    let mut world = world();
    let mut caller = Caller::new(ALICE, "alice", "442071234", "a");
    caller.invite_with_digest(&mut world);
    world.expect(caller.at, "100");
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().account, Some(AccountId(2)));
    world.check_idle();
}

#[test]
fn watchers_see_rows_only_after_a_snapshot() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    assert!(world.feed.is_empty());
    world.command(Command::Snapshot);
    let Some((_, Reply::Snapshot(snapshot))) = world.replies.pop() else {
        panic!("a snapshot");
    };
    assert_eq!((snapshot.calls.len(), snapshot.totals.calls), (1, 1));
    assert_eq!(snapshot.calls[0].state, CallState::Trying);
    let callee = Callee::take(&mut world, GATE);
    callee.ring(&mut world);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    let states: Vec<_> = world
        .feed
        .iter()
        .filter_map(|event| match &event.change {
            Change::Call(row) => Some(row.state),
            _ => None,
        })
        .collect();
    assert_eq!(states.first(), Some(&CallState::Ringing));
    assert!(states.contains(&CallState::Answered));
    assert!(
        world
            .feed
            .iter()
            .any(|event| matches!(event.change, Change::CallGone { .. }))
    );
    let numbers: Vec<u64> = world.feed.iter().map(|event| event.seq).collect();
    let expected: Vec<u64> = (snapshot.seq + 1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected, "numbered without gaps");
    world.command(Command::Unwatch);
    world.feed.clear();
    let mut second = Caller::new(TRUNK, "4930123", "442071234", "b");
    second.invite(&mut world);
    second.cancel(&mut world);
    assert!(world.feed.is_empty());
    world.check_idle();
}

#[test]
fn an_operator_hangs_up() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.seconds(1);
    let call = world.only_open();
    world.command(Command::HangUp { call });
    world.expect(caller.at, "BYE");
    world.expect(callee.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.operator");
    world.command(Command::HangUp { call });
    assert!(matches!(world.replies.last(), Some((_, Reply::NotFound))));
    world.check_idle();
}

#[test]
fn a_drain_waits_then_ends_what_is_left() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.command(Command::Drain { within_s: 10 });
    let mut late = Caller::new(TRUNK, "4930123", "442071234", "b");
    late.invite(&mut world);
    let answer = world.expect(late.at, "503");
    late.ack_failure(&mut world, &answer);
    world.seconds(9);
    assert!(world.replies.is_empty());
    world.seconds(2);
    assert!(matches!(world.replies.last(), Some((_, Reply::Drained))));
    assert_eq!(world.book.only_cdr().cause, "switch.shutdown");
    world.check_idle();
}

#[test]
fn silence_ends_a_call_but_not_one_on_hold() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.seconds(31);
    let id = world.relay_of_last_call().expect("a relay");
    let report = |silent_s| Input::Relay(RelayReport::Inactive { id, silent_s });
    let hold = sip::sdp_with(caller.audio, sip::G711, "sendonly");
    caller.request(&mut world, "INVITE", Some(&hold));
    let reinvite = world.expect(callee.at, "INVITE");
    let held = sip::sdp_with(callee.audio, sip::G711, "recvonly");
    callee.respond(&mut world, &reinvite, "200 OK", Some(&held));
    caller.ack(&mut world, None);
    world.input(report(60));
    assert!(world.book.cdrs.is_empty(), "on hold");
    let body = caller.sdp();
    caller.request(&mut world, "INVITE", Some(&body));
    let reinvite = world.expect(callee.at, "INVITE");
    callee.respond(&mut world, &reinvite, "200 OK", Some(&callee.sdp()));
    caller.ack(&mut world, None);
    world.input(report(29));
    assert!(world.book.cdrs.is_empty(), "not long enough");
    world.input(report(30));
    assert_eq!(world.book.only_cdr().cause, "answered.no_audio");
    world.check_idle();
}
