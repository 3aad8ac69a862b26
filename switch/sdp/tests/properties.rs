//! Whatever comes in: no panic, what was accepted prints and reads back the same, and no foreign address stays.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use proptest::prelude::*;
use tandem_sdp::{Direction, Origin, SessionDescription};

const SEED: &str = "v=0\r\no=alice 1 1 IN IP4 10.9.8.7\r\ns=-\r\nc=IN IP4 10.9.8.7\r\nt=0 0\r\na=ice-ufrag:x\r\n\
    m=audio 49170 RTP/AVP 0 8 97 101\r\na=rtcp:49171 IN IP4 10.9.8.7\r\na=rtpmap:97 iLBC/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=candidate:1 1 UDP 1 10.9.8.7 8998 typ host\r\na=sendrecv\r\n\
    m=video 51372 RTP/AVP 31\r\nc=IN IP4 10.9.8.7\r\n";

fn exercise(body: &[u8]) {
    let Ok(mut sdp) = SessionDescription::parse(body) else {
        return;
    };
    let printed = sdp.to_bytes();
    let again = SessionDescription::parse(&printed).expect("what we print, we read");
    assert_eq!(again.to_bytes(), printed);
    assert_eq!(again.audio_target(), sdp.audio_target());
    assert_eq!(again.direction(), sdp.direction());
    assert_eq!(sdp.codecs(), again.codecs());

    let had_audio = sdp.audio_target();
    let media = sdp.media_count();
    let before = sdp.direction();
    let rtp = "203.0.113.1:20000".parse().unwrap();
    let mut codecs = sdp.codecs();
    codecs.retain(|codec| codec.name != "pcmu");
    codecs.reverse();
    sdp.set_codecs(&codecs);
    sdp.rewrite(
        rtp,
        None,
        Origin {
            session_id: 1,
            version: 1,
            address: rtp.ip(),
        },
    );
    assert_eq!(sdp.audio_target(), had_audio.map(|_| rtp));
    assert_eq!(sdp.media_count(), media);
    assert_eq!(sdp.direction(), before);
    sdp.set_direction(Direction::SendOnly);
    sdp.complete_for(&again);
    let printed = sdp.to_bytes();
    let again = SessionDescription::parse(&printed).expect("what we write, we read");
    assert_eq!(again.audio_target(), sdp.audio_target());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        exercise(&body);
    }

    #[test]
    fn mutated(edits in proptest::collection::vec((0..SEED.len(), any::<u8>(), 0..3u8), 0..6)) {
        let mut body = SEED.as_bytes().to_vec();
        for (at, byte, kind) in edits {
            let at = at.min(body.len() - 1);
            match kind {
                0 => body[at] = byte,
                1 => body.insert(at, byte),
                _ => { body.remove(at); }
            }
        }
        exercise(&body);
    }

    #[test]
    fn shuffled_lines(order in proptest::collection::vec(0..13usize, 0..40)) {
        let lines: Vec<&str> = SEED.split_inclusive("\r\n").collect();
        let mut body = String::from("v=0\r\n");
        body.extend(order.iter().filter_map(|index| lines.get(*index + 1).copied()));
        exercise(body.as_bytes());
    }
}

#[test]
fn no_address_of_the_other_leg_stays() {
    let mut sdp = SessionDescription::parse(SEED.as_bytes()).unwrap();
    let rtp = "203.0.113.1:20000".parse().unwrap();
    sdp.rewrite(
        rtp,
        None,
        Origin {
            session_id: 1,
            version: 1,
            address: rtp.ip(),
        },
    );
    assert!(
        !String::from_utf8(sdp.to_bytes())
            .unwrap()
            .contains("10.9.8.7")
    );
}
