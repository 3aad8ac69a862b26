//! Video beside audio: relayed on ports of its own, rejected where it must be.

use super::{
    GATE, TRUNK, assert_hidden, at,
    kit::{Callee, Caller, World, sip},
    plan, world,
};
use std::net::SocketAddr;
use tandem_sdp::{RelayCommand, SessionDescription, Side, Stream};
use tandem_sip::Message;

pub(super) fn with_video(address: SocketAddr, port: u16) -> String {
    format!(
        "{}m=video {port} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack pli\r\n",
        sip::sdp(address, sip::G711)
    )
}

/// Media lines of a message, `kind port`.
fn lines(message: &Message) -> Vec<(String, u16)> {
    let text = String::from_utf8_lossy(message.body()).into_owned();
    let line = |line: &str| {
        let mut words = line.strip_prefix("m=")?.split(' ');
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

pub(super) fn live(message: &Message) -> Vec<bool> {
    lines(message).iter().map(|(_, port)| *port != 0).collect()
}

fn call(world: &mut World, answered: u16) -> (Caller, Callee, Message) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let body = with_video(caller.audio, 41_000);
    caller.invite_offering(world, &body);
    let callee = Callee::take(world, GATE);
    let body = with_video(callee.audio, answered);
    callee.say(world, "200 OK", Some(&body));
    let told = caller.ack(world, None);
    (caller, callee, told)
}

#[test]
fn video_is_relayed_on_ports_of_its_own() {
    let mut world = world();
    let (mut caller, callee, told) = call(&mut world, 51_000);
    assert_hidden(&callee.invite, &["198.51.100.10"]);
    assert_hidden(&told, &["203.0.113.1"]);
    for message in [&callee.invite, &told] {
        let lines = lines(message);
        assert_eq!(live(message), [true, true], "{lines:?}");
        assert_ne!(lines[0].1, lines[1].1);
        assert!(String::from_utf8_lossy(message.body()).contains("a=rtcp-fb:96 nack pli"));
    }
    assert_ne!(lines(&callee.invite)[1].1, lines(&told)[1].1);
    let pictures = world.relay.iter().find_map(|command| match command {
        RelayCommand::SetStream {
            id,
            stream: Stream::Video,
        } => Some(*id),
        _ => None,
    });
    let pictures = pictures.expect("a relay for video");
    for (side, place) in [
        (Side::A, "198.51.100.10:41000"),
        (Side::B, "203.0.113.1:51000"),
    ] {
        let is_told = |command: &RelayCommand| {
            matches!(command, RelayCommand::SetTarget { id, side: of, rtp, .. }
                if (*id, *of, *rtp) == (pictures, side, at(place)))
        };
        assert!(world.relay.iter().any(is_told), "{place}");
    }
    caller.bye(&mut world);
    assert!(world.relay.contains(&RelayCommand::Close { id: pictures }));
    let bye = world.expect(callee.at, "BYE");
    callee.respond(&mut world, &bye, "200 OK", None);
    world.check_idle();
}

#[test]
fn video_that_the_called_side_rejects_stays_rejected() {
    let mut world = world();
    let (mut caller, callee, told) = call(&mut world, 0);
    assert_eq!(live(&told), [true, false]);
    let given_back = |command: &RelayCommand| matches!(command, RelayCommand::Close { .. });
    assert!(
        world.relay.iter().any(given_back),
        "its ports are free again"
    );
    // Neither does it come up later in a call that has it not; the audio goes on.
    let body = sip::sdp(caller.audio, sip::G711);
    caller.request(&mut world, "INVITE", Some(&body));
    let reinvite = world.expect(callee.at, "INVITE");
    callee.respond(&mut world, &reinvite, "200 OK", Some(&callee.sdp()));
    caller.ack(&mut world, None);
    caller.bye(&mut world);
}

#[test]
fn video_is_offered_once_its_ports_are_known() {
    let mut world = world();
    world.hold_opens = true;
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let body = with_video(caller.audio, 41_000);
    caller.invite_offering(&mut world, &body);
    // The audio's relay opens first.
    world.answer_open(1);
    assert!(!world.waits(at(GATE), "INVITE"), "it waits");
    world.answer_open(0);
    let callee = Callee::take(&mut world, GATE);
    assert_eq!(live(&callee.invite), [true, true]);
    let is_told = |command: &RelayCommand| {
        matches!(command, RelayCommand::SetTarget { side: Side::A, rtp, .. }
            if *rtp == at("198.51.100.10:41000"))
    };
    assert!(
        world.relay.iter().any(is_told),
        "where the caller takes it is known"
    );
    caller.cancel(&mut world);
}

#[test]
fn a_call_does_not_fail_for_want_of_pictures() {
    let mut world = world();
    world.hold_opens = true;
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let body = with_video(caller.audio, 41_000);
    caller.invite_offering(&mut world, &body);
    world.answer_open(1);
    // Nothing is ever heard of the video's relay.
    world.seconds(3);
    let callee = Callee::take(&mut world, GATE);
    assert_eq!(live(&callee.invite), [true, false]);
    let body = with_video(callee.audio, 0);
    callee.say(&mut world, "200 OK", Some(&body));
    let told = caller.ack(&mut world, None);
    assert_eq!(live(&told), [true, false]);
    caller.bye(&mut world);
    let bye = world.expect(callee.at, "BYE");
    callee.respond(&mut world, &bye, "200 OK", None);
    world.check_idle();
}

pub(super) fn hang_up(world: &mut World, caller: &mut Caller, callee: &Callee) {
    caller.bye(world);
    let bye = world.expect(callee.at, "BYE");
    callee.respond(world, &bye, "200 OK", None);
    world.check_idle();
    let count = |is: fn(&RelayCommand) -> bool| world.relay.iter().filter(|c| is(c)).count();
    assert_eq!(
        count(|command| matches!(command, RelayCommand::Open { .. })),
        count(|command| matches!(command, RelayCommand::Close { .. })),
        "every relay is given back"
    );
}

fn talking(world: &mut World) -> (Caller, Callee) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(world);
    let callee = Callee::take(world, GATE);
    callee.answer(world);
    caller.ack(world, None);
    world.heard(callee.at);
    (caller, callee)
}

#[test]
fn video_comes_up_within_a_call_and_goes_and_comes_again() {
    let mut world = world();
    let (mut caller, callee) = talking(&mut world);
    for (round, answered) in [(0, 51_000), (1, 0), (2, 51_000)] {
        let body = with_video(caller.audio, 41_000);
        caller.request(&mut world, "INVITE", Some(&body));
        let reinvite = world.expect(callee.at, "INVITE");
        assert_hidden(&reinvite, &["198.51.100.10"]);
        assert_eq!(live(&reinvite), [true, true], "{round}");
        let answer = with_video(callee.audio, answered);
        callee.respond(&mut world, &reinvite, "200 OK", Some(&answer));
        let told = caller.ack(&mut world, None);
        assert_eq!(live(&told), [true, answered != 0], "{round}");
        world.heard(callee.at);
    }
    let is_told = |command: &RelayCommand| matches!(command, RelayCommand::SetTarget { rtp, .. } if *rtp == at("203.0.113.1:51000"));
    assert!(world.relay.iter().any(is_told));
    hang_up(&mut world, &mut caller, &callee);
}

#[test]
fn the_called_side_may_bring_video_up_and_is_refused_without_a_trace() {
    let mut world = world();
    let (mut caller, mut callee) = talking(&mut world);
    for (status, keeps) in [("488 Not Acceptable Here", false), ("200 OK", true)] {
        let body = with_video(callee.audio, 51_000);
        callee.request(&mut world, "INVITE", Some(&body));
        let reinvite = world.expect(caller.at, "INVITE");
        assert_eq!(live(&reinvite), [true, true]);
        let answer = with_video(caller.audio, 41_000);
        caller.respond(&mut world, &reinvite, status, Some(&answer));
        let closed = matches!(world.relay.last(), Some(RelayCommand::Close { .. }));
        assert_eq!(closed, !keeps, "{status}");
        if keeps {
            callee.ack(&mut world);
        } else {
            world.expect(callee.at, "488");
        }
    }
    hang_up(&mut world, &mut caller, &callee);
}

#[test]
fn a_change_waits_for_its_video_and_not_for_ever() {
    let mut world = world();
    let (mut caller, mut callee) = talking(&mut world);
    world.hold_opens = true;
    let body = with_video(caller.audio, 41_000);
    // Taken back before its ports came.
    caller.request(&mut world, "INVITE", Some(&body));
    assert!(!world.waits(callee.at, "INVITE"));
    callee.request(&mut world, "INVITE", Some(&callee.sdp()));
    world.expect(callee.at, "491");
    caller.cancel(&mut world);
    let refused = world.expect(caller.at, "487");
    caller.ack_failure(&mut world, &refused);
    world.answer_open(0);
    assert!(!world.waits(callee.at, "INVITE"));
    // Ports that never come.
    caller.request(&mut world, "INVITE", Some(&body));
    world.seconds(3);
    let reinvite = world.expect(callee.at, "INVITE");
    assert_eq!(live(&reinvite), [true, false]);
    callee.respond(&mut world, &reinvite, "200 OK", Some(&callee.sdp()));
    let told = caller.ack(&mut world, None);
    assert_eq!(live(&told), [true, false]);
    // And a call that ends meanwhile.
    caller.request(&mut world, "INVITE", Some(&body));
    callee.bye(&mut world);
    let bye = world.expect(caller.at, "BYE");
    caller.respond(&mut world, &bye, "200 OK", None);
    world.expect(caller.at, "487");
    world.check_idle();
}

#[test]
fn where_it_may_not_pass_it_is_rejected_and_the_call_goes_on() {
    let plan = plan().with_settings(|settings| settings.media.pass_video = false);
    let mut world = World::new(plan.build(), &[(1, 100)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let body = with_video(caller.audio, 41_000);
    caller.invite_offering(&mut world, &body);
    let callee = Callee::take(&mut world, GATE);
    assert_eq!(live(&callee.invite), [true, false]);
    let sdp = SessionDescription::parse(callee.invite.body()).expect("an offer");
    assert_eq!(sdp.media_count(), 2);
}
