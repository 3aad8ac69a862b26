//! What a leg's own transport adds, and what of a browser's never reaches the other leg.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use proptest::prelude::*;
use tandem_sdp::dress::{Keys, WebDress};
use tandem_sdp::sdes::{Crypto, SrtpKey, SrtpSuite};
use tandem_sdp::web::{Fingerprint, FingerprintHash, IceCredentials, Setup};
use tandem_sdp::{Direction, Dress, Medium, Origin, Profile, SessionDescription};

/// As Chromium writes it, its candidates hidden behind mDNS names.
const BROWSER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio0\r\n\
    a=extmap-allow-mixed\r\na=msid-semantic: WMS stream\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 126\r\n\
    c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZgXY\r\n\
    a=ice-options:trickle\r\na=fingerprint:sha-256 \
    4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:D8:24:F2:6A:43:9F:5E:9B:62:C7:1D\r\n\
    a=setup:actpass\r\na=mid:audio0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\n\
    a=msid:stream track\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:126 telephone-event/8000\r\na=ssrc:1001 cname:abc\r\n\
    a=candidate:1 1 udp 2122260223 d3c1-4f.local 51234 typ host\r\n";
const PLAIN: &str = "v=0\r\no=alice 1 1 IN IP4 10.9.8.7\r\ns=-\r\nc=IN IP4 10.9.8.7\r\nt=0 0\r\n\
    m=audio 49170 RTP/AVP 0 101\r\na=rtcp:49171\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n\
    m=video 51372 RTP/AVP 31\r\n";

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text.as_bytes()).unwrap()
}

fn rewritten(text: &str, dress: &Dress) -> String {
    let mut sdp = parse(text);
    let rtp = "203.0.113.1:20000".parse().unwrap();
    let origin = Origin {
        session_id: 5,
        version: 1,
        address: "203.0.113.1".parse().unwrap(),
    };
    sdp.rewrite(rtp, None, origin);
    sdp.dress(Medium::Audio, dress);
    String::from_utf8(sdp.to_bytes()).unwrap()
}

fn plain() -> Dress {
    Dress {
        profile: Profile::Avp,
        rtcp_mux: false,
        keys: Keys::None,
    }
}

fn web() -> Dress {
    Dress {
        profile: Profile::DtlsSavpf,
        rtcp_mux: true,
        keys: Keys::Dtls(Box::new(WebDress {
            fingerprint: Fingerprint::new(FingerprintHash::Sha256, vec![0xab; 32]).unwrap(),
            setup: Setup::Passive,
            ice: Some(IceCredentials {
                ufrag: "ourfrag1".into(),
                pwd: "ourpasswordourpassword12".into(),
            }),
            mid: Some("audio0".into()),
            bundle: true,
        })),
    }
}

#[test]
fn a_browser_is_read() {
    let sdp = parse(BROWSER);
    let peer = sdp.web_peer(Medium::Audio).unwrap();
    assert_eq!(
        (peer.ice.map(|ice| ice.ufrag).as_deref(), peer.setup),
        (Some("8hhY"), Setup::ActPass)
    );
    assert_eq!(
        (
            sdp.mid(Medium::Audio),
            sdp.is_bundled(),
            sdp.rtcp_mux(Medium::Audio)
        ),
        (Some("audio0"), true, true)
    );
    assert_eq!(sdp.profile(Medium::Audio), Some(Profile::DtlsSavpf));
    assert_eq!(
        sdp.direction(),
        Direction::SendRecv,
        "0.0.0.0 with ICE is no hold"
    );
}

#[test]
fn a_phone_sees_nothing_of_the_browser() {
    assert_eq!(
        rewritten(BROWSER, &plain()),
        "v=0\r\no=- 5 1 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVP 111 0 8 126\r\nc=IN IP4 203.0.113.1\r\na=rtcp:20001\r\na=sendrecv\r\n\
         a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:126 telephone-event/8000\r\n"
    );
}

#[test]
fn a_browser_gets_a_whole_line() {
    let fingerprint = vec!["AB"; 32].join(":");
    assert_eq!(
        rewritten(PLAIN, &web()),
        format!(
            "v=0\r\no=- 5 1 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\na=ice-lite\r\n\
             a=group:BUNDLE audio0\r\nm=audio 20000 UDP/TLS/RTP/SAVPF 0 101\r\na=rtpmap:101 telephone-event/8000\r\n\
             a=ptime:20\r\na=mid:audio0\r\na=ice-ufrag:ourfrag1\r\na=ice-pwd:ourpasswordourpassword12\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\na=setup:passive\r\n\
             a=candidate:1 1 udp 2130706431 203.0.113.1 20000 typ host\r\na=end-of-candidates\r\na=rtcp-mux\r\n\
             m=video 0 RTP/AVP 31\r\n"
        )
    );
}

#[test]
fn keys_are_offered_and_read_back() {
    let line = |tag, suite: SrtpSuite| Crypto {
        tag,
        key: SrtpKey::new(
            suite,
            vec![tag as u8; suite.key_bytes() + suite.salt_bytes()],
        )
        .unwrap(),
    };
    let offered: Vec<Crypto> = (1..)
        .zip(SrtpSuite::OFFERED)
        .map(|(tag, suite)| line(tag, suite))
        .collect();
    for profile in [Profile::Savp, Profile::Avp, Profile::Savpf] {
        let dress = Dress {
            profile,
            rtcp_mux: false,
            keys: Keys::Sdes(offered.clone()),
        };
        let read = parse(&rewritten(PLAIN, &dress));
        assert_eq!(
            (read.profile(Medium::Audio), read.cryptos(Medium::Audio)),
            (Some(profile), offered.clone())
        );
    }
    let foreign = rewritten(
        &rewritten(
            PLAIN,
            &Dress {
                profile: Profile::Savp,
                rtcp_mux: true,
                keys: Keys::Sdes(offered),
            },
        ),
        &plain(),
    );
    assert!(
        !foreign.contains("crypto") && !foreign.contains("mux"),
        "{foreign}"
    );
}

#[test]
fn the_plain_one_of_two_lines_is_taken_alone() {
    let both = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n\
        m=audio 4002 RTP/AVP 8\r\n";
    let mut sdp = parse(both);
    assert!(sdp.reject_secure(Medium::Audio));
    assert_eq!(sdp.audio_target(), Some("192.0.2.1:4002".parse().unwrap()));
    assert_eq!(sdp.media_count(), 2);
    let mut only = parse(&both.replace("RTP/AVP 8", "RTP/SAVP 8"));
    assert!(!only.reject_secure(Medium::Audio));
    assert_eq!(only.audio_target(), Some("192.0.2.1:4000".parse().unwrap()));
}

proptest! {
    /// Whatever a description holds, it stays readable in any dress, keeps its lines and says what the dress says.
    #[test]
    fn any_dress_on_any_lines(order in proptest::collection::vec(0..60usize, 0..40), secure in any::<bool>()) {
        let lines: Vec<&str> = BROWSER.split_inclusive("\r\n").chain(PLAIN.split_inclusive("\r\n")).collect();
        let mut body = String::from("v=0\r\n");
        body.extend(order.iter().filter_map(|index| lines.get(*index).copied()).filter(|line| *line != "v=0\r\n"));
        let Ok(sdp) = SessionDescription::parse(body.as_bytes()) else { return Ok(()) };
        let dress = if secure { web() } else { plain() };
        let printed = rewritten(&body, &dress);
        let read = parse(&printed);
        prop_assert_eq!(read.media_count(), sdp.media_count());
        if sdp.audio_target().is_some() {
            prop_assert_eq!(read.web_peer(Medium::Audio).is_some(), secure);
            prop_assert_eq!(read.rtcp_mux(Medium::Audio), secure);
            prop_assert_eq!(read.profile(Medium::Audio), Some(dress.profile));
        }
        for hidden in ["8hhY", "10.9.8.7", ".local", "4A:AD"] {
            prop_assert!(!printed.contains(hidden), "{} in {}", hidden, printed);
        }
    }
}
