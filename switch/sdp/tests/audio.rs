//! What a description says of its audio, as tables.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use tandem_sdp::session::{MAX_BYTES, MAX_LINES};
use tandem_sdp::{Direction, SdpError, SessionDescription};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\n";

fn parse(body: &str) -> SessionDescription {
    SessionDescription::parse(body.as_bytes()).expect(body)
}

fn reason(body: &[u8]) -> (usize, &'static str) {
    let SdpError { line, reason } = SessionDescription::parse(body).unwrap_err();
    (line, reason)
}

#[test]
fn targets_and_directions() {
    // Lines after v=, o=, s=, joined by " | "; audio target, RTCP target, direction.
    for (lines, rtp, rtcp, direction) in [
        (
            "c=IN IP4 192.0.2.1 | m=audio 4000 RTP/AVP 0",
            "192.0.2.1:4000",
            "192.0.2.1:4001",
            "sendrecv",
        ),
        (
            "m=audio 4000 RTP/AVP 0 | c=IN IP4 192.0.2.2",
            "192.0.2.2:4000",
            "192.0.2.2:4001",
            "sendrecv",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 4000 RTP/AVP 0 | c=IN IP4 192.0.2.2",
            "192.0.2.2:4000",
            "192.0.2.2:4001",
            "sendrecv",
        ),
        (
            "c=IN IP6 2001:db8::1 | m=audio 4000 RTP/AVP 0",
            "[2001:db8::1]:4000",
            "[2001:db8::1]:4001",
            "sendrecv",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 4000/2 RTP/AVP 0 | a=rtcp:5000",
            "192.0.2.1:4000",
            "192.0.2.1:5000",
            "sendrecv",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 4000 RTP/AVP 0 | a=rtcp:5000 IN IP4 192.0.2.7",
            "192.0.2.1:4000",
            "192.0.2.7:5000",
            "sendrecv",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 4000 RTP/AVP 0 | a=rtcp:rubbish",
            "192.0.2.1:4000",
            "192.0.2.1:4001",
            "sendrecv",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 65535 RTP/AVP 0",
            "192.0.2.1:65535",
            "-",
            "sendrecv",
        ),
        (
            "c=IN IP4 192.0.2.1 | a=sendonly | m=audio 4000 RTP/AVP 0",
            "192.0.2.1:4000",
            "192.0.2.1:4001",
            "sendonly",
        ),
        (
            "c=IN IP4 192.0.2.1 | a=sendonly | m=audio 4000 RTP/AVP 0 | a=recvonly",
            "192.0.2.1:4000",
            "192.0.2.1:4001",
            "recvonly",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 4000 RTP/AVP 0 | a=inactive",
            "192.0.2.1:4000",
            "192.0.2.1:4001",
            "inactive",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 4000 RTP/AVP 0 | m=video 5000 RTP/AVP 31 | a=inactive",
            "192.0.2.1:4000",
            "192.0.2.1:4001",
            "sendrecv",
        ),
        (
            "c=IN IP4 0.0.0.0 | m=audio 4000 RTP/AVP 0",
            "0.0.0.0:4000",
            "0.0.0.0:4001",
            "sendonly",
        ),
        (
            "c=IN IP4 0.0.0.0 | m=audio 4000 RTP/AVP 0 | a=recvonly",
            "0.0.0.0:4000",
            "0.0.0.0:4001",
            "inactive",
        ),
        (
            "c=IN IP6 a.invalid | m=audio 4000 RTP/AVP 0",
            "0.0.0.0:4000",
            "0.0.0.0:4001",
            "sendonly",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 0 RTP/AVP 0",
            "-",
            "-",
            "inactive",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 4000 RTP/SAVP 0",
            "192.0.2.1:4000",
            "192.0.2.1:4001",
            "sendrecv",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=image 4000 udptl t38",
            "192.0.2.1:4000",
            "192.0.2.1:4001",
            "sendrecv",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 4000 RTP/SAVP 0 | m=audio 4002 RTP/AVP 0",
            "192.0.2.1:4000",
            "192.0.2.1:4001",
            "sendrecv",
        ),
        (
            "c=IN IP4 192.0.2.1 | m=audio 4000 RTP/AVP 0 | m=audio 4002 RTP/AVP 0",
            "192.0.2.1:4000",
            "192.0.2.1:4001",
            "sendrecv",
        ),
        (
            "c=IN IP4 video.example.com | m=audio 0 RTP/AVP 0 | m=video 5000 RTP/AVP 31",
            "-",
            "-",
            "inactive",
        ),
        ("t=0 0", "-", "-", "inactive"),
    ] {
        let sdp = parse(&format!("{HEAD}{}\r\n", lines.replace(" | ", "\r\n")));
        let show = |target: Option<std::net::SocketAddr>| {
            target.map_or("-".to_owned(), |target| target.to_string())
        };
        assert_eq!(show(sdp.audio_target()), rtp, "{lines}");
        assert_eq!(show(sdp.rtcp_target()), rtcp, "{lines}");
        assert_eq!(sdp.direction().as_str(), direction, "{lines}");
    }
}

#[test]
fn refused_bodies() {
    for (lines, line, expected) in [
        (
            "m=audio 4000 RTP/AVP 0",
            4,
            "audio without a connection line",
        ),
        (
            "c=IN IP4 host.example.com\r\nm=audio 4000 RTP/AVP 0",
            5,
            "audio at a domain name",
        ),
        (
            "c=IN IP4 224.2.1.1/127\r\nm=audio 4000 RTP/AVP 0",
            5,
            "audio at a multicast group",
        ),
        (
            "c=192.0.2.1\r\nm=audio 4000 RTP/AVP 0",
            4,
            "is not a readable connection line",
        ),
        (
            "c=IN IP4 192.0.2.1\r\nm=audio RTP/AVP 0",
            5,
            "is not a readable media line",
        ),
        (
            "c=IN IP4 192.0.2.1\r\nrubbish",
            5,
            "is not of the form x=value",
        ),
        (
            "c=IN IP4 192.0.2.1\r\nA=rubbish",
            5,
            "is not of the form x=value",
        ),
        ("s=a\0b", 4, "holds a control character"),
        ("s=a\rb=c", 4, "holds a control character"),
    ] {
        assert_eq!(
            reason(format!("{HEAD}{lines}\r\n").as_bytes()),
            (line, expected),
            "{lines}"
        );
    }
    assert_eq!(reason(b""), (1, "does not begin with v=0"));
    assert_eq!(
        reason(b"o=- 1 1 IN IP4 192.0.2.1\r\n"),
        (1, "does not begin with v=0")
    );
}

#[test]
fn limits() {
    let filler =
        |bytes: usize| format!("v=0\r\ns={}\r\n", "x".repeat(bytes - "v=0\r\ns=\r\n".len()));
    assert!(SessionDescription::parse(filler(MAX_BYTES).as_bytes()).is_ok());
    assert_eq!(
        reason(filler(MAX_BYTES + 1).as_bytes()),
        (0, "longer than 16 KiB")
    );

    let lines = |count: usize| format!("v=0\r\n{}", "a=x\r\n".repeat(count - 1));
    assert!(SessionDescription::parse(lines(MAX_LINES).as_bytes()).is_ok());
    assert_eq!(
        reason(lines(MAX_LINES + 1).as_bytes()),
        (401, "more than 400 lines")
    );

    let media = |count: usize| format!("v=0\r\n{}", "m=video 0 RTP/AVP 31\r\n".repeat(count));
    assert_eq!(parse(&media(8)).media_count(), 8);
    assert_eq!(reason(media(9).as_bytes()), (10, "more than 8 media lines"));
}

#[test]
fn what_is_not_understood_passes() {
    let body = b"v=0\r\no=J\xfcrgen 1 1 IN IP4 192.0.2.1\r\ns=Gespr\xe4ch\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        a=X-vendor: as \t it came \r\nm=audio 4000 RTP/AVP 0\r\na=maxptime:150\r\na=label:\xff\r\n";
    assert_eq!(SessionDescription::parse(body).unwrap().to_bytes(), body);
    let bare = String::from_utf8_lossy(body).replace('\r', "");
    assert!(
        parse(&bare).to_bytes().ends_with(b"\r\n"),
        "line ends become CRLF"
    );
}

#[test]
fn rfc_5118_bodies() {
    // Section 4.9 of RFC 5118: IPv6 in SDP; 4.8: an IPv4 and an IPv6 address in one description.
    let in_sdp = "v=0\r\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\r\ns=Live video feed for today's meeting\r\n\
        c=IN IP6 2001:db8::20\r\nt=3338481189 3370017201\r\nm=audio 6000 RTP/AVP 2\r\na=rtpmap:2 G726-32/8000\r\n\
        m=video 6024 RTP/AVP 107\r\na=rtpmap:107 H263-1998/90000\r\n";
    let sdp = parse(in_sdp);
    assert_eq!(
        sdp.audio_target(),
        Some("[2001:db8::20]:6000".parse().unwrap())
    );
    assert_eq!(sdp.codecs()[0].name, "g726-32");
    assert_eq!(sdp.media_count(), 2);

    let mixed = "v=0\r\no=bob 280744730 28977631 IN IP4 host.example.com\r\ns=\r\nt=0 0\r\nm=audio 22334 RTP/AVP 0\r\n\
        c=IN IP4 192.0.2.1\r\nm=video 6024 RTP/AVP 107\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:107 H263-1998/90000\r\n";
    let sdp = parse(mixed);
    assert_eq!(sdp.audio_target(), Some("192.0.2.1:22334".parse().unwrap()));
    assert_eq!(sdp.to_bytes(), mixed.as_bytes());
}

#[test]
fn directions_and_their_answers() {
    for (offer, answer, sends, receives) in [
        (Direction::SendRecv, Direction::SendRecv, true, true),
        (Direction::SendOnly, Direction::RecvOnly, true, false),
        (Direction::RecvOnly, Direction::SendOnly, false, true),
        (Direction::Inactive, Direction::Inactive, false, false),
    ] {
        assert_eq!(offer.reversed(), answer);
        assert_eq!((offer.sends(), offer.receives()), (sends, receives));
    }
}
