//! Fax by T.38 in the place of audio: there, back, refused, and where keys forbid it.

use super::{
    GATE, TRUNK, assert_hidden, at,
    kit::{Callee, Caller, World, sip},
    plan, world,
};
use std::net::SocketAddr;
use tandem_call::directory::SrtpPolicy;
use tandem_sdp::{RelayCommand, SessionDescription, Stream};

fn t38(address: SocketAddr, audio: bool) -> String {
    let ip = address.ip();
    let port = address.port();
    let dead = if audio { "m=audio 0 RTP/AVP 8\r\n" } else { "" };
    format!(
        "v=0\r\no=PhoneMaker 123 457 IN IP4 {ip}\r\ns=PhoneMaker\r\nc=IN IP4 {ip}\r\nt=0 0\r\n{dead}\
         m=image {port} udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n\
         a=T38FaxUdpEC:t38UDPRedundancy\r\n"
    )
}

fn streams(world: &World) -> Vec<Stream> {
    let of = |command: &RelayCommand| match command {
        RelayCommand::SetStream { stream, .. } => Some(*stream),
        _ => None,
    };
    world.relay.iter().filter_map(of).collect()
}

fn talking(mut world: World) -> (World, Caller, Callee) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.heard(callee.at);
    world.heard(caller.at);
    (world, caller, callee)
}

#[test]
fn the_called_side_goes_over_to_fax_and_back() {
    for audio in [false, true] {
        let (mut world, caller, mut callee) = talking(world());
        callee.request(
            &mut world,
            "INVITE",
            Some(&t38(at("203.0.113.1:6000"), audio)),
        );
        let reinvite = world.expect(caller.at, "INVITE");
        assert_hidden(&reinvite, &["203.0.113.1"]);
        let text = String::from_utf8_lossy(reinvite.body()).into_owned();
        assert!(
            text.contains("udptl t38") && text.contains("a=T38FaxUdpEC:t38UDPRedundancy"),
            "{text}"
        );
        assert_eq!(text.matches("m=audio 0 ").count(), usize::from(audio));
        let offer = SessionDescription::parse(reinvite.body()).expect("an offer");
        assert!(offer.is_fax() && offer.media_count() == 1 + usize::from(audio));
        let answer = t38(at("198.51.100.10:41000"), audio);
        caller.respond(&mut world, &reinvite, "200 OK", Some(&answer));
        let told = world.expect(callee.at, "200");
        let told = SessionDescription::parse(told.body()).expect("an answer");
        assert!(told.is_fax());
        assert_eq!(told.media_count(), 1 + usize::from(audio));
        callee.ack(&mut world);
        assert_eq!(streams(&world), [Stream::Fax]);
        for place in ["203.0.113.1:6000", "198.51.100.10:41000"] {
            let is_there = |command: &RelayCommand| matches!(command, RelayCommand::SetTarget { rtp, .. } if *rtp == at(place));
            assert!(world.relay.iter().any(is_there), "{place}");
        }
        let body = callee.sdp();
        callee.request(&mut world, "INVITE", Some(&body));
        let reinvite = world.expect(caller.at, "INVITE");
        caller.respond(&mut world, &reinvite, "200 OK", Some(&caller.sdp()));
        world.expect(callee.at, "200");
        callee.ack(&mut world);
        assert_eq!(streams(&world), [Stream::Fax, Stream::Audio]);
        callee.bye(&mut world);
        assert_eq!(world.book.only_cdr().codec.as_deref(), Some("pcma"));
    }
}

#[test]
fn a_call_that_ends_as_fax_says_so() {
    let (mut world, mut caller, callee) = talking(world());
    let body = t38(at("198.51.100.10:41000"), false);
    caller.request(&mut world, "INVITE", Some(&body));
    let reinvite = world.expect(callee.at, "INVITE");
    let answer = t38(at("203.0.113.1:6000"), false);
    callee.respond(&mut world, &reinvite, "200 OK", Some(&answer));
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.codec.as_deref(), Some("t38"));
    assert_eq!(cdr.codec_b.as_deref(), Some("t38"));
    world.check_idle();
}

#[test]
fn fax_that_is_refused_leaves_the_audio() {
    let (mut world, caller, mut callee) = talking(world());
    callee.request(
        &mut world,
        "INVITE",
        Some(&t38(at("203.0.113.1:6000"), false)),
    );
    let reinvite = world.expect(caller.at, "INVITE");
    caller.respond(&mut world, &reinvite, "488 Not Acceptable Here", None);
    let refused = world.expect(callee.at, "488");
    assert_eq!(streams(&world), []);
    drop(refused);
    callee.ack(&mut world);
    callee.bye(&mut world);
    assert_eq!(world.book.only_cdr().codec.as_deref(), Some("pcma"));
}

#[test]
fn a_leg_that_needs_keys_takes_no_fax() {
    let plan = plan()
        .with_gateway(1, |gateway| gateway.srtp = SrtpPolicy::Required)
        .with_settings(|settings| settings.srtp_keys_in_clear = true);
    let mut world = World::new(plan.build(), &[(1, 100)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let body = t38(at("198.51.100.10:41000"), false);
    caller.invite_offering(&mut world, &body);
    let next = Callee::take(&mut world, super::GATE2);
    assert!(
        SessionDescription::parse(next.invite.body())
            .expect("an offer")
            .is_fax(),
        "the next gateway takes it"
    );
}

#[test]
fn a_call_may_begin_as_fax() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let body = t38(at("198.51.100.10:41000"), false);
    caller.invite_offering(&mut world, &body);
    let callee = Callee::take(&mut world, GATE);
    let answer = t38(callee.audio, false);
    callee.say(&mut world, "200 OK", Some(&answer));
    let told = caller.ack(&mut world, None);
    assert!(
        SessionDescription::parse(told.body())
            .expect("an answer")
            .is_fax()
    );
    assert_eq!(streams(&world), [Stream::Fax]);
    // Audio is no answer to it.
    let changed = t38(at("198.51.100.10:41002"), false);
    caller.request(&mut world, "INVITE", Some(&changed));
    let reinvite = world.expect(callee.at, "INVITE");
    callee.respond(
        &mut world,
        &reinvite,
        "200 OK",
        Some(&sip::sdp(callee.audio, sip::G711)),
    );
    let refused = world.expect(caller.at, "488");
    caller.ack_failure(&mut world, &refused);
    caller.bye(&mut world);
}
