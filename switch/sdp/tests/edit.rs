//! Editing a description: our address in place of the other leg's, codecs restricted, offer and answer compared.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::net::SocketAddr;

use tandem_sdp::{Codec, Direction, Origin, SessionDescription, convert::Format};

fn parse(body: &str) -> SessionDescription {
    SessionDescription::parse(body.replace('\n', "\r\n").as_bytes()).expect(body)
}

fn text(sdp: &SessionDescription) -> String {
    String::from_utf8(sdp.to_bytes())
        .unwrap()
        .replace("\r\n", "\n")
}

fn rewritten(body: &str, rtp: &str) -> String {
    let rtp: SocketAddr = rtp.parse().unwrap();
    let mut sdp = parse(body);
    sdp.rewrite(
        rtp,
        None,
        Origin {
            session_id: 77,
            version: 3,
            address: rtp.ip(),
        },
    );
    text(&sdp)
}

#[test]
fn a_phone_with_everything() {
    let offer = "v=0\no=alice 2890844526 2890844526 IN IP4 10.1.2.3\ns=call\ni=about\nc=IN IP4 10.1.2.3\nb=AS:84\nt=0 0\n\
        k=clear:secret\na=group:BUNDLE 0 1\na=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZg\na=X-unknown:kept\n\
        a=sendrecv\nm=audio 49170/2 RTP/AVP 0 97 101\nc=IN IP4 10.1.2.4\na=rtcp:49999 IN IP4 10.1.2.5\na=mid:0\n\
        a=rtpmap:0 PCMU/8000\na=rtpmap:97 iLBC/8000\na=fmtp:97 mode=30\na=rtpmap:101 telephone-event/8000\n\
        a=fmtp:101 0-16\na=ptime:20\na=candidate:1 1 UDP 2130706431 10.1.2.3 8998 typ host\na=rtcp-mux\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\n\
        a=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\na=setup:actpass\n\
        a=sendonly\nm=video 51372 RTP/AVP 31\nc=IN IP4 10.1.2.6\na=rtpmap:31 H261/90000\n\
        m=audio 51380 RTP/AVP 8\na=rtpmap:8 PCMA/8000\n";
    let expected = "v=0\no=- 77 3 IN IP4 203.0.113.1\ns=-\nc=IN IP4 203.0.113.1\nb=AS:84\nt=0 0\n\
        a=X-unknown:kept\na=sendrecv\nm=audio 20000 RTP/AVP 0 97 101\nc=IN IP4 203.0.113.1\na=rtcp:20001\na=mid:0\n\
        a=rtpmap:0 PCMU/8000\na=rtpmap:97 iLBC/8000\na=fmtp:97 mode=30\na=rtpmap:101 telephone-event/8000\n\
        a=fmtp:101 0-16\na=ptime:20\na=sendonly\nm=video 0 RTP/AVP 31\nm=audio 0 RTP/AVP 8\n";
    assert_eq!(rewritten(offer, "203.0.113.1:20000"), expected);
    assert_eq!(
        rewritten(expected, "203.0.113.1:20000"),
        expected,
        "a second rewrite changes nothing"
    );
}

#[test]
fn the_connection_line_finds_its_place() {
    for (before, after) in [
        (
            "v=0\no=a 1 1 IN IP4 10.0.0.1\ns=\nt=0 0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 10.0.0.1\n",
            "v=0\no=- 77 3 IN IP6 2001:db8::5\ns=-\nc=IN IP6 2001:db8::5\nt=0 0\nm=audio 7000 RTP/AVP 0\nc=IN IP6 2001:db8::5\n",
        ),
        (
            "v=0\no=a 1 1 IN IP6 2001:db8::1\ns=-\nm=image 0 udptl t38\nc=IN IP6 2001:db8::1\nm=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::1\n",
            "v=0\no=- 77 3 IN IP6 2001:db8::5\ns=-\nc=IN IP6 2001:db8::5\nm=image 0 udptl t38\nm=audio 7000 RTP/AVP 0\nc=IN IP6 2001:db8::5\n",
        ),
        (
            "v=0\ns=-\n",
            "v=0\no=- 77 3 IN IP6 2001:db8::5\ns=-\nc=IN IP6 2001:db8::5\n",
        ),
    ] {
        assert_eq!(rewritten(before, "[2001:db8::5]:7000"), after);
    }
}

#[test]
fn hold_by_the_unspecified_address_becomes_an_attribute() {
    for (attribute, expected) in [
        ("", "sendonly"),
        ("a=sendrecv\n", "sendonly"),
        ("a=recvonly\n", "inactive"),
    ] {
        let offer = format!(
            "v=0\no=a 1 2 IN IP4 10.0.0.1\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\n{attribute}m=audio 4000 RTP/AVP 0\na=ptime:20\n"
        );
        let after = rewritten(&offer, "203.0.113.1:20000");
        assert_eq!(
            after,
            format!(
                "v=0\no=- 77 3 IN IP4 203.0.113.1\ns=-\nc=IN IP4 203.0.113.1\nt=0 0\nm=audio 20000 RTP/AVP 0\na=ptime:20\na={expected}\n"
            )
        );
    }
}

#[test]
fn a_direction_replaces_any_other() {
    let mut sdp = parse(
        "v=0\ns=-\nc=IN IP4 192.0.2.1\na=recvonly\nm=audio 4000 RTP/AVP 0\na=sendonly\na=ptime:20\nm=video 5000 RTP/AVP 31\na=inactive\n",
    );
    sdp.set_direction(Direction::Inactive);
    assert_eq!(
        text(&sdp),
        "v=0\ns=-\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\na=ptime:20\na=inactive\nm=video 5000 RTP/AVP 31\na=inactive\n"
    );
    assert_eq!(sdp.direction(), Direction::Inactive);
}

const CODECS: &str = "v=0\ns=-\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 18 0 8 97 101 13 0 200 x 120\na=rtpmap:97 iLBC/8000\n\
    a=fmtp:97 mode=30\na=rtcp-fb:97 nack\na=rtcp-fb:* ccm fir\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\n\
    a=fmtp:18 annexb=no\n";

#[test]
fn codecs_by_name() {
    let list: Vec<String> = parse(CODECS)
        .codecs()
        .into_iter()
        .map(|codec| {
            format!(
                "{} {}/{} {}",
                codec.payload_type,
                codec.name,
                codec.clock_rate,
                codec.fmtp.unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        list,
        [
            "18 g729/8000 annexb=no",
            "0 pcmu/8000 ",
            "8 pcma/8000 ",
            "97 ilbc/8000 mode=30",
            "101 telephone-event/8000 0-16",
            "13 cn/8000 "
        ]
    );
}

/// The codecs of a description by their names.
fn some(sdp: &SessionDescription, names: &[&str]) -> Vec<Codec> {
    let codecs = sdp.codecs();
    let named = |name: &&str| codecs.iter().find(|codec| codec.name == *name).cloned();
    names.iter().filter_map(named).collect()
}

#[test]
fn some_codecs_in_another_order() {
    for (kept, formats) in [
        (&["pcma", "pcmu", "telephone-event", "cn"][..], "8 0 101 13"),
        (&["g729", "telephone-event"], "18 101"),
        (&["ilbc"], "97"),
    ] {
        let mut sdp = parse(CODECS);
        sdp.set_codecs(&some(&sdp, kept));
        let text = text(&sdp);
        let line = text.lines().find(|line| line.starts_with("m=")).unwrap();
        assert_eq!(line, format!("m=audio 4000 RTP/AVP {formats}"), "{kept:?}");
    }
    let mut sdp = parse(CODECS);
    sdp.set_codecs(&some(&sdp, &["pcmu", "telephone-event", "cn"]));
    assert_eq!(
        text(&sdp),
        "v=0\ns=-\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0 101 13\na=rtcp-fb:* ccm fir\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\n"
    );
}

#[test]
fn a_codec_that_was_not_there_is_described() {
    let mut sdp = parse(CODECS);
    let mut codecs = some(&sdp, &["pcmu"]);
    codecs.push(Format::Opus.codec(&codecs));
    sdp.set_codecs(&codecs);
    assert_eq!(sdp.codecs(), codecs);
    let text = text(&sdp);
    assert!(text.contains("a=rtpmap:106 opus/48000/2\n"), "{text}");
    assert!(text.contains("a=fmtp:106 useinbandfec=1\n"), "{text}");
}

/// RFC 4317 with addresses for its host names: section, offer formats, answer formats, negotiated.
#[test]
fn names_are_not_resolved() {
    let named = "v=0\no=alice 2890844526 2890844526 IN IP4 host.atlanta.example.com\ns= \nc=IN IP4 host.atlanta.example.com\nt=0 0\nm=audio 49170 RTP/AVP 0\n";
    assert!(
        SessionDescription::parse(named.as_bytes()).is_err(),
        "names are not resolved"
    );
}

#[test]
fn an_answer_gets_the_lines_it_forgot() {
    let offer = parse(
        "v=0\ns=-\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\nm=video 5000 RTP/AVP 31\na=rtpmap:31 H261/90000\nm=image 5002 udptl t38\n",
    );
    let mut answer = parse("v=0\ns=-\nc=IN IP4 192.0.2.9\nm=audio 6000 RTP/AVP 0\n");
    answer.complete_for(&offer);
    assert_eq!(
        text(&answer),
        "v=0\ns=-\nc=IN IP4 192.0.2.9\nm=audio 6000 RTP/AVP 0\nm=video 0 RTP/AVP 31\nm=image 0 udptl t38\n"
    );
    let complete = text(&answer);
    answer.complete_for(&offer);
    assert_eq!(text(&answer), complete);
}
