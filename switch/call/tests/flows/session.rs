//! Session timers on each leg by itself (RFC 4028).

use super::{
    GATE, TRUNK,
    codecs::{codecs, conversion, pairs},
    kit::{Callee, Caller, World, sip},
    plan,
};
use tandem_billing::Micros;
use tandem_call::Input;
use tandem_sdp::{RelayReport, Side, convert::Format, relay::Counters};
use tandem_sip::Message;

fn start(extra: &str) -> (World, Caller, Callee) {
    let directory = plan()
        .with_settings(|settings| {
            settings.session_expires_s = 600;
            settings.rtp_inactivity_s = 0;
        })
        .build();
    let mut world = World::new(directory, &[(1, 100), (2, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a").with_headers(extra);
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    (world, caller, callee)
}

#[test]
fn each_leg_agrees_by_itself() {
    let asks = "Supported: timer\r\nSession-Expires: 300;refresher=uac\r\n";
    let (mut world, mut caller, callee) = start(asks);
    assert_eq!(callee.invite.header("Session-Expires"), Some("600"));
    assert_eq!(callee.invite.header("Min-SE"), Some("90"));
    let body = callee.sdp();
    let agrees = "Require: timer\r\nSession-Expires: 200;refresher=uas\r\n";
    callee.say_with(&mut world, "200 OK", agrees, Some(&body));
    let answer = caller.ack(&mut world, None);
    assert_eq!(answer.header("Session-Expires"), Some("300;refresher=uac"));
    assert_eq!(answer.header("Require"), Some("timer"));
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn too_short_an_interval_is_422_and_ours_is_raised() {
    let (mut world, caller, _) = start("");
    let mut hasty = Caller::new(TRUNK, "4930123", "442071234", "b")
        .with_headers("Supported: timer\r\nSession-Expires: 60\r\n");
    hasty.invite(&mut world);
    let answer = world.expect(caller.at, "422");
    assert_eq!(answer.header("Min-SE"), Some("90"));
    hasty.ack_failure(&mut world, &answer);

    let (mut world, mut caller, callee) = start("");
    callee.say_with(
        &mut world,
        "422 Session Interval Too Small",
        "Min-SE: 900\r\n",
        None,
    );
    world.expect(callee.at, "ACK");
    let again = Callee::take(&mut world, GATE);
    assert_eq!(again.invite.header("Session-Expires"), Some("900"));
    assert_eq!(
        (again.invite.call_id(), again.invite.cseq()),
        (callee.invite.call_id(), 2)
    );
    again.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn we_refresh_a_peer_that_knows_no_timers() {
    let (mut world, mut caller, callee) = start("");
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    world.seconds(300);
    // Neither side has said that it takes UPDATE.
    let refresh = world.expect(callee.at, "INVITE");
    assert_eq!(refresh.header("Session-Expires"), Some("600;refresher=uac"));
    assert_eq!(
        refresh.body(),
        callee.invite.body(),
        "the same description, version and all"
    );
    callee.respond(&mut world, &refresh, "200 OK", Some(&callee.sdp()));
    world.expect(callee.at, "ACK");
    let refresh = world.expect(caller.at, "INVITE");
    caller.respond(&mut world, &refresh, "200 OK", Some(&caller.sdp()));
    world.expect(caller.at, "ACK");
    world.seconds(299);
    assert!(world.heard(callee.at).is_empty());
    world.seconds(1);
    world.expect(callee.at, "INVITE");
    caller.bye(&mut world);
    assert_eq!(
        world.book.only_cdr().duration_ms,
        600_000,
        "a refresh restarts no billing"
    );
    world.check_idle();
}

#[test]
fn a_side_that_stays_silent_is_billed_to_its_last_sign_of_life() {
    let (mut world, mut caller, callee) = start("");
    callee.say_with(
        &mut world,
        "200 OK",
        "Require: timer\r\nSession-Expires: 120;refresher=uas\r\n",
        Some(&callee.sdp()),
    );
    caller.ack(&mut world, None);
    world.seconds(50);
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
    world.seconds(100);
    world.expect(callee.at, "BYE");
    world.expect(caller.at, "BYE");
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.duration_ms),
        ("answered.session_expired", 50_000)
    );
    assert_eq!(world.book.balance(1), Micros(99_500_000));
    world.check_idle();
}

#[test]
fn a_refresh_by_the_peer_is_answered_and_counts() {
    let asks = "Supported: timer\r\nAllow: UPDATE\r\nSession-Expires: 120;refresher=uac\r\n";
    let (mut world, mut caller, callee) = start(asks);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    for _ in 0..3 {
        world.seconds(60);
        caller.request_with(&mut world, "UPDATE", asks, None);
        let answer = world.expect(caller.at, "200");
        assert_eq!(answer.header("Session-Expires"), Some("120;refresher=uac"));
    }
    // 88 s after the last refresh, 32 s before the interval ends.
    world.seconds(87);
    assert!(world.book.cdrs.is_empty());
    world.seconds(1);
    assert_eq!(world.book.only_cdr().duration_ms, 180_000);
    world.expect(callee.at, "BYE");
    world.check_idle();
}

/// The other side has the re-INVITE that refreshes, and says nothing.
fn refreshing() -> (World, Caller, Callee, Message) {
    let asks = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    let (mut world, mut caller, callee) = start(asks);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    world.seconds(45);
    let offer = caller.sdp();
    caller.request_with(&mut world, "INVITE", asks, Some(&offer));
    let refresh = world.expect(callee.at, "INVITE");
    // The interval ends after 60 s.
    world.seconds(20);
    assert!(!world.waits(caller.at, "BYE"), "it gave a sign of life");
    (world, caller, callee, refresh)
}

#[test]
fn a_refresh_that_waits_for_the_other_side_keeps_the_session() {
    let (mut world, mut caller, callee, refresh) = refreshing();
    callee.respond(&mut world, &refresh, "200 OK", Some(&callee.sdp()));
    let answer = caller.ack(&mut world, None);
    assert_eq!(answer.header("Session-Expires"), Some("90;refresher=uac"));
    world.seconds(59);
    assert!(!world.waits(caller.at, "BYE"));
    world.seconds(2);
    world.expect(caller.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.session_expired");
    world.check_idle();
}

#[test]
fn a_refresh_that_is_refused_does_not_keep_the_session() {
    let (mut world, mut caller, callee, refresh) = refreshing();
    callee.respond(&mut world, &refresh, "488 Not Acceptable Here", None);
    let answer = world.expect(caller.at, "488");
    caller.ack_failure(&mut world, &answer);
    world.seconds(2);
    world.expect(caller.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.session_expired");
    world.check_idle();
}

#[test]
fn a_side_that_does_not_answer_a_refresh_is_the_one_that_is_lost() {
    let (mut world, caller, _, _) = refreshing();
    world.seconds(13);
    world.expect(caller.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.leg_lost");
    world.check_idle();
}

#[test]
fn a_side_whose_refresh_meets_ours_of_a_lost_side_is_not_the_one_to_expire() {
    let asks = "Supported: timer\r\nAllow: UPDATE\r\nSession-Expires: 90;refresher=uac\r\n";
    let (mut world, mut caller, callee) = start(asks);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    for _ in 0..6 {
        world.seconds(45);
        caller.request_with(&mut world, "UPDATE", asks, None);
        world.expect(caller.at, "200");
    }
    // The other side is asked after 300 s, and says nothing.
    world.seconds(45);
    let offer = caller.sdp();
    caller.request_with(&mut world, "INVITE", asks, Some(&offer));
    let answer = world.expect(caller.at, "491");
    caller.ack_failure(&mut world, &answer);
    world.seconds(16);
    assert!(!world.waits(caller.at, "BYE"));
    world.seconds(2);
    world.expect(caller.at, "BYE");
    assert_eq!(world.book.only_cdr().duration_ms, 0, "billed to its answer");
    world.check_idle();
}

#[test]
fn glare_of_a_refresh_waits_and_tries_again() {
    let (mut world, mut caller, callee) = start("Allow: UPDATE\r\n");
    callee.say_with(
        &mut world,
        "200 OK",
        "Allow: UPDATE\r\n",
        Some(&callee.sdp()),
    );
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    world.seconds(300);
    let refresh = world.expect(callee.at, "UPDATE");
    callee.respond(&mut world, &refresh, "491 Request Pending", None);
    let other = world.expect(caller.at, "UPDATE");
    caller.respond(&mut world, &other, "200 OK", None);
    world.advance(std::time::Duration::from_millis(2_090));
    assert!(
        world.heard(callee.at).is_empty(),
        "we made the Call-ID: 2.1 s at least"
    );
    world.seconds(2);
    world.expect(callee.at, "UPDATE");
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn a_dialog_the_peer_forgot_ends_the_call() {
    let (mut world, mut caller, callee) = start("");
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    world.seconds(300);
    let refresh = world.expect(callee.at, "INVITE");
    callee.respond(
        &mut world,
        &refresh,
        "481 Call/Transaction Does Not Exist",
        None,
    );
    world.expect(caller.at, "BYE");
    assert_eq!(world.book.only_cdr().cause, "answered.session_expired");
    world.check_idle();
}

#[test]
fn a_held_call_keeps_its_timers_and_its_bill() {
    let (mut world, mut caller, callee) = start("Allow: UPDATE\r\n");
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    let hold = caller.sdp().replace("sendrecv", "sendonly");
    caller.request(&mut world, "INVITE", Some(&hold));
    let passed = world.expect(callee.at, "INVITE");
    assert_eq!(passed.header("Session-Expires"), Some("600;refresher=uac"));
    let held = callee.sdp().replace("sendrecv", "recvonly");
    callee.respond(&mut world, &passed, "200 OK", Some(&held));
    let answer = caller.ack(&mut world, None);
    assert_eq!(answer.header("Session-Expires"), Some("600;refresher=uas"));
    world.seconds(10);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().duration_ms, 10_000);
    world.check_idle();
}

/// A world that refreshes, and a caller with this offer; so many calls may be coded.
fn offering(codecs: &[(u8, &str)], coded: u32) -> (World, Caller, Callee) {
    let plan = plan().with_settings(|settings| {
        settings.session_expires_s = 600;
        settings.rtp_inactivity_s = 0;
        settings.media.max_transcoded_calls = coded;
    });
    let mut world = World::new(plan.build(), &[(1, 100)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let offer = sip::sdp(caller.audio, codecs);
    caller.invite_offering(&mut world, &offer);
    let callee = Callee::take(&mut world, GATE);
    (world, caller, callee)
}

const TIMED: &str = "Require: timer\r\nSession-Expires: 600;refresher=uac\r\n";

#[test]
fn a_refresh_answered_in_another_codec_is_coded_anew() {
    let (mut world, mut caller, callee) = offering(&[(9, "G722")], 10);
    let body = sip::sdp(callee.audio, &[(8, "PCMA")]);
    callee.say_with(&mut world, "200 OK", TIMED, Some(&body));
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    world.seconds(300);
    let refresh = world.expect(callee.at, "INVITE");
    let body = sip::sdp(callee.audio, &[(0, "PCMU")]);
    callee.respond(&mut world, &refresh, "200 OK", Some(&body));
    world.expect(callee.at, "ACK");
    assert_eq!(
        conversion(&world, Side::A).expect("a conversion").encodes,
        Some((0, Format::Pcmu))
    );
    assert_eq!(
        conversion(&world, Side::B).expect("a conversion").decodes,
        [(0, Format::Pcmu)]
    );
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().codec_b.as_deref(), Some("pcmu"));
}

/// What the switch cannot code: the other side is told what is taken now.
#[test]
fn a_refresh_answered_in_another_codec_is_told_to_the_other_side() {
    let both = [(3, "GSM"), (97, "ilbc")];
    let (mut world, mut caller, callee) = offering(&both, 0);
    let body = sip::sdp(callee.audio, &both);
    callee.say_with(&mut world, "200 OK", TIMED, Some(&body));
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    world.seconds(300);
    let refresh = world.expect(callee.at, "INVITE");
    let body = sip::sdp(callee.audio, &[(97, "ilbc")]);
    callee.respond(&mut world, &refresh, "200 OK", Some(&body));
    world.expect(callee.at, "ACK");
    // Its own session falls due at the same time.
    let refresh = world.expect(caller.at, "INVITE");
    assert_eq!(codecs(&refresh), pairs(&[(3, "gsm"), (97, "ilbc")]));
    let body = sip::sdp(caller.audio, &both);
    caller.respond(&mut world, &refresh, "200 OK", Some(&body));
    world.expect(caller.at, "ACK");
    world.seconds(1);
    let told = world.expect(caller.at, "INVITE");
    assert_eq!(codecs(&told), pairs(&[(97, "ilbc")]));
    let body = sip::sdp(caller.audio, &[(97, "ilbc")]);
    caller.respond(&mut world, &told, "200 OK", Some(&body));
    world.expect(caller.at, "ACK");
    assert!(world.heard(callee.at).is_empty(), "both know all");
    caller.bye(&mut world);
}

/// Audio for 40 s, then none: what carrier and customer pay ends there, or with what a side said since.
#[test]
fn a_call_that_fell_silent_is_billed_to_its_last_sign_of_life() {
    for (refreshed, paid_s) in [(false, 40), (true, 70)] {
        let plan = plan().with_settings(|settings| settings.rtp_inactivity_s = 60);
        let mut world = World::new(plan.build(), &[(1, 100)]);
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
        caller.invite(&mut world);
        let callee = Callee::take(&mut world, GATE);
        callee.answer(&mut world);
        caller.ack(&mut world, None);
        world.seconds(40);
        let id = world.relay_of_last_call().expect("a relay");
        let heard = Counters {
            packets: 2_000,
            ..Counters::default()
        };
        let progress = |a, b| Input::Relay(RelayReport::Progress { id, a, b });
        world.input(progress(heard, heard));
        world.seconds(30);
        if refreshed {
            caller.request(&mut world, "UPDATE", None);
            world.expect(caller.at, "200");
        }
        world.seconds(30);
        let silence = RelayReport::Inactive { id, silent_s: 60 };
        world.input(Input::Relay(silence));
        world.expect(caller.at, "BYE");
        world.expect(callee.at, "BYE");
        let cdr = world.book.only_cdr();
        assert_eq!(
            (cdr.cause.as_str(), cdr.duration_ms),
            ("answered.no_audio", paid_s * 1_000)
        );
        let paid = i64::try_from(paid_s).expect("seconds");
        assert_eq!(world.book.balance(1), Micros(100_000_000 - paid * 10_000));
        let cost = cdr.cost.as_ref().expect("a cost tariff");
        assert_eq!(cost.cost, Micros(paid * 5_000));
        world.check_idle();
    }
}
