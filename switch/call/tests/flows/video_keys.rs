//! Video on legs with keys: each media line has its own, and so has each time that video comes up.

use super::{
    GATE, TRUNK, at,
    kit::{Callee, Caller, World, sip},
    plan,
    video::{hang_up, live, with_video},
};
use std::net::SocketAddr;
use tandem_call::directory::SrtpPolicy;
use tandem_sdp::{
    Medium, Profile, Protection, RelayCommand, RelayId, SessionDescription, Side, Stream,
    sdes::{Crypto, SrtpKey, SrtpSuite},
};
use tandem_sip::Message;

/// How a peer writes its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// SDES, with a key for each line.
    Keys,
    /// DTLS, each line with a name and a way of its own.
    Browser,
}

/// Audio and video in a peer's words. `tag` names its keys, which are made of `seed`.
fn words(kind: Kind, address: SocketAddr, (tag, seed): (u32, u8)) -> String {
    let body = with_video(address, 41_000);
    let (audio, video) = body.split_once("m=video").expect("video");
    let line = |seed: u8| format!("a=crypto:{}\r\n", key_line(tag, seed).print());
    match kind {
        Kind::Plain => body,
        Kind::Keys => [
            audio.replace("RTP/AVP", "RTP/SAVP"),
            line(seed),
            format!("m=video{}", video.replace("RTP/AVP", "RTP/SAVP")),
            line(seed + 1),
        ]
        .concat(),
        Kind::Browser => browser(address, video),
    }
}

fn browser(address: SocketAddr, video: &str) -> String {
    let audio = sip::browser_sdp(address, "actpass");
    let (_, way) = audio.split_once("a=ice-ufrag").expect("a way");
    let video = video.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF");
    let way = way.replace("8hhY", "9vid").replace("a=mid:0", "a=mid:1");
    let ssrc = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=ssrc:77 cname:x\r\n";
    audio.replace("t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 0 1\r\n")
        + &format!("m=video{video}a=ice-ufrag{way}{ssrc}")
}

fn key_line(tag: u32, seed: u8) -> Crypto {
    let suite = SrtpSuite::Aes128Sha80;
    let bytes = vec![seed; suite.key_bytes() + suite.salt_bytes()];
    Crypto {
        tag,
        key: SrtpKey::new(suite, bytes).expect("a key"),
    }
}

fn read(message: &Message) -> SessionDescription {
    SessionDescription::parse(message.body()).expect("a description")
}

/// The keys of a description's audio and video.
fn keys(message: &Message) -> [Vec<Crypto>; 2] {
    let sdp = read(message);
    [sdp.cryptos(Medium::Audio), sdp.cryptos(Medium::Video)]
}

/// The relay that carries video now.
fn pictures(world: &World) -> RelayId {
    let video = world.relay.iter().rev().find_map(|command| match command {
        RelayCommand::SetStream {
            id,
            stream: Stream::Video,
        } => Some(*id),
        _ => None,
    });
    video.expect("a relay for video")
}

/// How a side's video travels.
fn way(world: &World, of: Side) -> Option<(Protection, bool)> {
    let relay = pictures(world);
    world.relay.iter().rev().find_map(|command| match command {
        RelayCommand::SetTransport {
            id,
            side,
            protection,
            rtcp_mux,
        } if (*id, *side) == (relay, of) => Some((protection.clone(), *rtcp_mux)),
        _ => None,
    })
}

fn world(gateway: SrtpPolicy) -> World {
    let plan = plan()
        .with_gateway(1, |one| one.srtp = gateway)
        .with_account(1, |account| account.srtp = SrtpPolicy::Accepted)
        .with_settings(|settings| settings.srtp_keys_in_clear = true);
    World::new(plan.build(), &[(1, 100)])
}

/// A phone with keys takes the line that it is offered.
fn taken(callee: &Callee, kind: Kind) -> String {
    match kind {
        Kind::Plain => words(kind, callee.audio, (0, 0)),
        Kind::Keys | Kind::Browser => words(Kind::Keys, callee.audio, (1, 40)),
    }
}

/// Each leg's keys are the ones that it was told, and the ones that it said.
fn check_keys(world: &World, side: Side, told: &Message, theirs: u8) {
    let [audio, video] = keys(told);
    let (first, used) = (&audio[0], &video[0]);
    assert_ne!(first.key, used.key, "a key for each line");
    match way(world, side) {
        Some((Protection::Sdes(agreed), false)) => {
            assert_eq!(agreed.ours, used.key);
            assert_eq!(agreed.theirs, key_line(1, theirs).key);
        }
        other => panic!("{side:?}: {other:?}"),
    }
}

fn talk(world: &mut World, kinds: (Kind, Kind)) -> (Caller, Callee, Message) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let body = words(kinds.0, caller.audio, (7, 20));
    caller.invite_offering(world, &body);
    let callee = Callee::take(world, GATE);
    callee.say(world, "200 OK", Some(&taken(&callee, kinds.1)));
    let told = caller.ack(world, None);
    (caller, callee, told)
}

#[test]
fn video_passes_between_any_two_kinds_of_legs() {
    let policies = [
        (Kind::Plain, SrtpPolicy::Off),
        (Kind::Keys, SrtpPolicy::Required),
    ];
    for from in [Kind::Plain, Kind::Keys, Kind::Browser] {
        for (to, policy) in policies {
            let mut world = world(policy);
            let (mut caller, callee, told) = talk(&mut world, (from, to));
            for message in [&callee.invite, &told] {
                assert_eq!(live(message), [true, true], "{from:?} to {to:?}");
                let text = String::from_utf8_lossy(message.body()).into_owned();
                assert!(!text.contains("extmap") && !text.contains("ssrc"), "{text}");
                assert!(text.contains("a=rtcp-fb:96 nack pli"), "{text}");
            }
            let profile = |message: &Message| read(message).profile(Medium::Video);
            match to {
                Kind::Plain => {
                    assert_eq!(profile(&callee.invite), Some(Profile::Avp));
                    assert_eq!(way(&world, Side::B), Some((Protection::Plain, false)));
                }
                Kind::Keys | Kind::Browser => {
                    assert_eq!(profile(&callee.invite), Some(Profile::Savp));
                    check_keys(&world, Side::B, &callee.invite, 41);
                }
            }
            match from {
                Kind::Plain => {
                    assert_eq!(profile(&told), Some(Profile::Avp));
                    assert_eq!(way(&world, Side::A), Some((Protection::Plain, false)));
                }
                Kind::Keys => {
                    assert_eq!(profile(&told), Some(Profile::Savp));
                    assert_eq!(keys(&told).map(|lines| lines[0].tag), [7, 7]);
                    check_keys(&world, Side::A, &told, 21);
                }
                Kind::Browser => check_browser(&world, &told),
            }
            hang_up(&mut world, &mut caller, &callee);
        }
    }
}

/// A browser's video has a port, a way and a handshake of its own: it is not in the group.
fn check_browser(world: &World, told: &Message) {
    let (sdp, text) = (
        read(told),
        String::from_utf8_lossy(told.body()).into_owned(),
    );
    assert_eq!(sdp.profile(Medium::Video), Some(Profile::DtlsSavpf));
    assert!(text.contains("a=group:BUNDLE 0\r\n"), "{text}");
    assert_eq!(
        (sdp.mid(Medium::Audio), sdp.mid(Medium::Video)),
        (Some("0"), Some("1"))
    );
    assert!(sdp.web_peer(Medium::Video).is_some() && sdp.rtcp_mux(Medium::Video));
    let (place, _) = sdp.video_target().expect("video");
    let candidate = format!("{} {} typ host", place.ip(), place.port());
    assert!(text.contains(&candidate), "{text}");
    match way(world, Side::A) {
        Some((Protection::Dtls(side), true)) => {
            let ice = side.peer.ice.expect("checks");
            assert_eq!(ice.ufrag, "9vid");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn video_that_comes_again_has_other_keys() {
    let mut world = world(SrtpPolicy::Required);
    let (mut caller, callee, told) = talk(&mut world, (Kind::Keys, Kind::Keys));
    world.heard(callee.at);
    let mut used = vec![keys(&told)[1][0].key.clone()];
    let mut offered = vec![keys(&callee.invite)[1][0].key.clone()];
    for _ in 0..2 {
        // Gone, by the caller's wish,
        let body = words(Kind::Keys, caller.audio, (7, 20)).replace("m=video 41000", "m=video 0");
        change(&mut world, &mut caller, &callee, (&body, false));
        // and back.
        let body = words(Kind::Keys, caller.audio, (7, 20));
        let (asked, told) = change(&mut world, &mut caller, &callee, (&body, true));
        for (message, before) in [(&told, &mut used), (&asked, &mut offered)] {
            let key = keys(message)[1][0].key.clone();
            assert!(!before.contains(&key), "keys are used once");
            before.push(key);
        }
        check_keys(&world, Side::A, &told, 21);
        check_keys(&world, Side::B, &asked, 41);
    }
    hang_up(&mut world, &mut caller, &callee);
}

#[test]
fn keys_that_were_left_are_not_taken_up_again() {
    let mut world = world(SrtpPolicy::Off);
    let (mut caller, callee, told) = talk(&mut world, (Kind::Keys, Kind::Plain));
    world.heard(callee.at);
    let mut used: Vec<SrtpKey> = keys(&told).concat().into_iter().map(|c| c.key).collect();
    for kind in [Kind::Plain, Kind::Keys, Kind::Plain, Kind::Keys] {
        let body = words(kind, caller.audio, (7, 20));
        caller.request(&mut world, "INVITE", Some(&body));
        let asked = world.expect(callee.at, "INVITE");
        let answer = taken(&callee, Kind::Plain);
        callee.respond(&mut world, &asked, "200 OK", Some(&answer));
        let told = caller.ack(&mut world, None);
        world.heard(callee.at);
        for line in keys(&told).concat() {
            assert!(!used.contains(&line.key), "{kind:?}");
            used.push(line.key);
        }
    }
    assert_eq!(used.len(), 6);
    hang_up(&mut world, &mut caller, &callee);
}

/// A re-INVITE of the caller; what the callee is asked, and the caller told.
fn change(
    world: &mut World,
    caller: &mut Caller,
    callee: &Callee,
    (body, shows): (&str, bool),
) -> (Message, Message) {
    caller.request(world, "INVITE", Some(body));
    let asked = world.expect(callee.at, "INVITE");
    assert_eq!(live(&asked), [true, shows]);
    let mut answer = taken(callee, Kind::Keys);
    if !shows {
        answer = answer.replace("m=video 41000", "m=video 0");
    }
    callee.respond(world, &asked, "200 OK", Some(&answer));
    let told = caller.ack(world, None);
    assert_eq!(live(&told), [true, shows]);
    world.heard(callee.at);
    (asked, told)
}

#[test]
fn video_without_keys_does_not_pass_where_they_are_required() {
    for required in [true, false] {
        let mut world = world(SrtpPolicy::Required);
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
        let body = words(Kind::Keys, caller.audio, (7, 20));
        caller.invite_offering(&mut world, &body);
        let callee = Callee::take(&mut world, GATE);
        let mut answer = taken(&callee, Kind::Keys);
        if required {
            let (audio, video) = answer.split_once("m=video").expect("video");
            let plain = video.replace("RTP/SAVP", "RTP/AVP");
            let (plain, _) = plain.split_once("a=crypto").expect("keys");
            answer = format!("{audio}m=video{plain}");
        }
        callee.say(&mut world, "200 OK", Some(&answer));
        let told = caller.ack(&mut world, None);
        assert_eq!(live(&told), [true, !required], "the audio goes on");
        hang_up(&mut world, &mut caller, &callee);
    }
}

#[test]
fn of_video_offered_twice_the_line_that_fits_is_taken() {
    // The account has no keys: the audio is plain, and so is the second video.
    let plan = plan().with_account(1, |account| account.srtp = SrtpPolicy::Off);
    let mut world = World::new(plan.build(), &[(1, 100)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let plain = with_video(caller.audio, 41_002);
    let (audio, second) = plain.split_once("m=video").expect("video");
    let first = "m=video 41000 RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\n";
    caller.invite_offering(&mut world, &format!("{audio}{first}m=video{second}"));
    let callee = Callee::take(&mut world, GATE);
    assert_eq!(live(&callee.invite), [true, false, true]);
    let told = |command: &RelayCommand| {
        matches!(command, RelayCommand::SetTarget { side: Side::A, rtp, .. }
            if *rtp == at("198.51.100.10:41002"))
    };
    assert!(world.relay.iter().any(told));
    caller.cancel(&mut world);
}
