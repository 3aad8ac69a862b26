//! What we print: responses, requests, CANCEL and ACK, and that no value can break out of its line.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use bytes::Bytes;
use proptest::prelude::*;
use tandem_sip::{
    Message, Parsed, Transport,
    message::{Draft, HeaderId, Printer, RequestParts, ack_failure, cancel, request, response},
    value::{Method, NameAddr, Uri, via_value},
};

const INVITE: &str = "INVITE sip:b@example.net SIP/2.0\r\n\
v: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;rport , SIP/2.0/TCP far.example.com;branch=z9hG4bKb\r\n\
Via: SIP/2.0/UDP farther.example.com\r\n\
Max-Forwards: 70\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRoute: <sip:us;lr>\r\n\
f: \"A\" <sip:a@example.com>;tag=fa\r\nt: <sip:b@example.net>\r\ni: call-1\r\nCSeq: 7 INVITE\r\nTimestamp: 54\r\n\
m: <sip:a@10.0.0.1:5062>\r\nContent-Length: 0\r\n\r\n";

fn parse(text: impl Into<Bytes>) -> Message {
    match Message::parse(text.into()) {
        Parsed::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_response_copies_what_routes_it_back() {
    let mut invite = parse(INVITE);
    invite.set_source("203.0.113.9:40000".parse().unwrap());
    let draft = Draft::new()
        .header("Contact", "<sip:b@us>")
        .body("application/sdp", "v=0\r\n");
    assert_eq!(
        text(&response(&invite, 183, "", "tb", &draft)),
        "SIP/2.0 183 Session Progress\r\n\
        Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;rport=40000;received=203.0.113.9, SIP/2.0/TCP far.example.com;branch=z9hG4bKb\r\n\
        Via: SIP/2.0/UDP farther.example.com\r\n\
        Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n\
        From: \"A\" <sip:a@example.com>;tag=fa\r\nTo: <sip:b@example.net>;tag=tb\r\nCall-ID: call-1\r\nCSeq: 7 INVITE\r\n\
        Contact: <sip:b@us>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
    );
    let trying = text(&response(&invite, 100, "", "tb", &Draft::new()));
    assert!(
        trying.contains("\r\nTo: <sip:b@example.net>\r\n")
            && trying.contains("\r\nTimestamp: 54\r\n")
    );
    assert!(!trying.contains("Record-Route"));
    let busy = text(&response(&invite, 486, "Not now", "tb", &Draft::new()));
    assert!(busy.starts_with("SIP/2.0 486 Not now\r\n") && !busy.contains("Record-Route"));
}

#[test]
fn received_and_rport_follow_rfc_3261_and_rfc_3581() {
    let table = [
        // Via as sent, source, Via as answered
        ("10.0.0.1", "10.0.0.1:5060", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2:5060", "10.0.0.1;received=10.0.0.2"),
        (
            "10.0.0.1;rport",
            "10.0.0.1:7000",
            "10.0.0.1;rport=7000;received=10.0.0.1",
        ),
        (
            "h.example;rport=1;x",
            "10.0.0.1:7000",
            "h.example;rport=7000;x;received=10.0.0.1",
        ),
        (
            "h.example;received=6.6.6.6",
            "10.0.0.1:7000",
            "h.example;received=10.0.0.1",
        ),
        (
            "[2001:db8::1]:5062",
            "[2001:db8::1]:9",
            "[2001:db8::1]:5062",
        ),
        (
            "h.example",
            "[2001:db8::1]:9",
            "h.example;received=2001:db8::1",
        ),
        ("10.0.0.1", "[::ffff:10.0.0.1]:5060", "10.0.0.1"),
    ];
    for (sent, source, want) in table {
        let request = INVITE.replace(
            "10.0.0.1:5062;branch=z9hG4bKa;rport , SIP/2.0/TCP far.example.com;branch=z9hG4bKb",
            sent,
        );
        let mut message = parse(request);
        message.set_source(source.parse().unwrap());
        let answer = parse(response(&message, 200, "", "t", &Draft::new()));
        assert_eq!(
            answer.header("via"),
            Some(format!("SIP/2.0/UDP {want}").as_str()),
            "{sent}"
        );
        assert!(answer.top_via().response_address().is_some());
    }
}

#[test]
fn cancel_and_ack_follow_their_invite() {
    let invite = parse(INVITE);
    let failure = parse(response(&invite, 486, "", "tb", &Draft::new()));
    let cancel = parse(cancel(&invite, None));
    assert!(cancel.is_method(&Method::Cancel));
    assert_eq!(cancel.request_uri_text(), "sip:b@example.net");
    assert_eq!(
        (
            cancel.cseq(),
            cancel.call_id(),
            cancel.to_tag(),
            cancel.via_count()
        ),
        (7, "call-1", None, 1)
    );
    assert_eq!(cancel.top_via().branch, invite.top_via().branch);
    assert_eq!(cancel.header("route"), Some("<sip:us;lr>"));
    let ack = parse(ack_failure(&invite, &failure));
    assert!(ack.is_method(&Method::Ack));
    assert_eq!(
        (ack.cseq(), ack.from_tag(), ack.to_tag(), ack.via_count()),
        (7, Some("fa"), Some("tb"), 1)
    );
}

fn parts<'a>(
    routes: &'a [NameAddr],
    uri: &'a Uri,
    from: &'a NameAddr,
    to: &'a NameAddr,
    via: &'a str,
) -> RequestParts<'a> {
    RequestParts {
        method: &Method::Bye,
        uri,
        via,
        from,
        to,
        call_id: "c",
        cseq: 3,
        routes,
        max_forwards: 70,
    }
}

#[test]
fn a_request_goes_by_its_route_set() {
    let address = |text| NameAddr::parse(text).unwrap();
    let (uri, from, to) = (
        Uri::parse("sip:target@h").unwrap(),
        address("<sip:a@h>;tag=1"),
        address("<sip:b@h>;tag=2"),
    );
    let via = via_value(
        Transport::Udp,
        "[2001:db8::1]:5060".parse().unwrap(),
        "z9hG4bKq",
    );
    let loose = [address("<sip:p1;lr>"), address("<sip:p2;lr>")];
    assert_eq!(
        text(&request(
            &parts(&loose, &uri, &from, &to, &via),
            &Draft::new()
        )),
        "BYE sip:target@h SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z9hG4bKq\r\nMax-Forwards: 70\r\n\
        Route: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 3 BYE\r\n\
        Content-Length: 0\r\n\r\n"
    );
    let strict = [address("<sip:p1>"), address("<sip:p2;lr>")];
    let message = parse(request(
        &parts(&strict, &uri, &from, &to, &via),
        &Draft::new(),
    ));
    assert_eq!(message.request_uri_text(), "sip:p1");
    assert_eq!(
        message.headers("Route").collect::<Vec<_>>(),
        ["<sip:p2;lr>", "<sip:target@h>"]
    );
}

#[test]
fn tolerated_shapes() {
    let folded = INVITE.replace("Timestamp: 54", "X-Long: one\r\n\ttwo\r\n  three");
    assert_eq!(
        parse(folded).header("x-long"),
        Some("one two   three").map(|_| "one \ttwo   three")
    );
    let latin = [INVITE.replace("Timestamp: 54\r\n", "").as_bytes(), b""].concat();
    let latin = String::from_utf8(latin)
        .unwrap()
        .replace("\"A\"", "\"\u{1}\"");
    let latin: Vec<u8> = latin
        .bytes()
        .map(|b| if b == 1 { 0xe9 } else { b })
        .collect();
    assert_eq!(parse(latin).from().display.as_deref(), Some("\u{e9}"));
    assert_eq!(parse(format!("\r\n\r\n{INVITE}")).cseq(), 7);
    assert_eq!(parse(INVITE.replace("\r\n", "\n")).cseq(), 7);
    assert_eq!(parse(format!("{INVITE}trailing")).body(), b"");
    assert_eq!(
        parse(INVITE.replace("Content-Length: 0\r\n", "") + "to the end").body(),
        b"to the end"
    );
    assert_eq!(
        parse(INVITE.replace("sip:b@example.net SIP", "tel:+1-2 SIP")).request_uri_text(),
        "tel:+1-2"
    );
    let odd = parse(INVITE.replace("INVITE", "in-VITE.%"));
    assert_eq!(odd.method(), Method::Other("in-VITE.%".into()));
    let typed = parse(INVITE.replace("Timestamp: 54", "c: Application/SDP ; charset=utf-8"));
    assert_eq!(typed.content_type(), Some("application/sdp"));
}

#[test]
fn refused_shapes() {
    let table: &[(&str, &str, u16, &str)] = &[
        // what, becomes, status, reason
        ("CSeq: 7 INVITE", "CSeq: 7 BYE", 400, "CSeq Method Differs"),
        (
            "CSeq: 7 INVITE",
            "CSeq: 2147483648 INVITE",
            400,
            "Malformed CSeq",
        ),
        ("CSeq: 7 INVITE", "CSeq: 7", 400, "Malformed CSeq"),
        ("CSeq: 7 INVITE\r\n", "", 400, "Missing CSeq"),
        (
            "f: \"A\" <sip:a@example.com>;tag=fa\r\n",
            "",
            400,
            "Missing From",
        ),
        ("t: <sip:b@example.net>\r\n", "", 400, "Missing To"),
        ("i: call-1", "i:", 400, "Malformed Call-ID"),
        (
            "Content-Length: 0",
            "Content-Length: 1",
            400,
            "Content-Length Beyond Message",
        ),
        (
            "Content-Length: 0",
            "Content-Length: 18446744073709551615",
            400,
            "Content-Length Beyond Message",
        ),
        (
            "Content-Length: 0",
            "Content-Length: 0x1",
            400,
            "Malformed Content-Length",
        ),
        (
            "Content-Length: 0",
            "Content-Length:",
            400,
            "Malformed Content-Length",
        ),
        (
            "Max-Forwards: 70",
            "Max-Forwards: 256",
            400,
            "Malformed Max-Forwards",
        ),
        (
            "SIP/2.0\r\nv:",
            "SIP/2.1\r\nv:",
            505,
            "Version Not Supported",
        ),
        (
            "SIP/2.0\r\nv:",
            "HTTP/1.1\r\nv:",
            400,
            "Malformed Request-Line",
        ),
        (
            "Timestamp: 54",
            "No colon here",
            400,
            "Malformed Header Line",
        ),
        ("Timestamp: 54", ": no name", 400, "Malformed Header Line"),
        ("Timestamp: 54", "X: a\rb", 400, "Stray Carriage Return"),
        ("Timestamp: 54", "X: a\0b", 400, "NUL in Header"),
        (
            "Route: <sip:us;lr>",
            "Route: sip:us?x=y",
            400,
            "Malformed Route",
        ),
        ("<sip:p2;lr>", "<sip:p2;lr", 400, "Malformed Record-Route"),
    ];
    for (what, becomes, status, reason) in table {
        let changed = INVITE.replacen(what, becomes, 1);
        assert_ne!(changed, INVITE, "{what}");
        match Message::parse(Bytes::from(changed.clone())) {
            Parsed::Reject {
                status: got,
                reason: why,
                ..
            } => assert_eq!((got, why), (*status, *reason), "{becomes}"),
            other => panic!("{becomes}: {other:?}"),
        }
        let ack = changed.replace("INVITE", "ACK");
        assert!(
            matches!(Message::parse(Bytes::from(ack)), Parsed::Drop(_)),
            "an ACK is never answered: {becomes}"
        );
    }
}

#[test]
fn limits_hold() {
    let many = |line: &str, count: usize| INVITE.replace("Timestamp: 54\r\n", &line.repeat(count));
    let status = |text: String| match Message::parse(Bytes::from(text)) {
        Parsed::Reject { status, .. } => status,
        Parsed::Message(_) => 200,
        Parsed::Drop(_) => 0,
    };
    assert_eq!(status(many("X: y\r\n", 180)), 200);
    assert_eq!(status(many("X: y\r\n", 200)), 513);
    assert_eq!(status(many("Via: SIP/2.0/UDP a\r\n", 67)), 200);
    assert_eq!(status(many("Via: SIP/2.0/UDP a\r\n", 68)), 483);
    assert_eq!(
        status(many(&format!("X: {}\r\n", "y".repeat(8_189)), 1)),
        200
    );
    assert_eq!(
        status(many(&format!("X: {}\r\n", "y".repeat(8_190)), 1)),
        513
    );
    let body = 65_535 - INVITE.len() + "Content-Length: 0\r\n".len();
    let sized = |n: usize| INVITE.replace("Content-Length: 0\r\n", "") + &"b".repeat(n);
    assert_eq!(status(sized(body)), 200);
    assert_eq!(status(sized(body + 1)), 0);
}

proptest! {
    /// Whatever is put into a draft, a reason or a printer, the message has the lines it was given.
    #[test]
    fn nothing_breaks_out_of_its_line(name in any::<String>(), value in any::<String>(), reason in any::<String>(), kind in any::<String>(),
        raw in proptest::collection::vec(any::<u8>(), 0..40)) {
        let invite = parse(INVITE);
        let mut draft = Draft::new().header("X-Value", &value).body(&kind, raw.clone());
        draft.headers.push((name.clone(), value.clone()));
        draft.headers.push(("Content-Length".to_owned(), "999".to_owned()));
        let printed = response(&invite, 486, &reason, "tag", &draft);
        if !matches!(HeaderId::of(&name), HeaderId::Other) {
            return Ok(());
        }
        let answer = parse(printed);
        let lines = answer.lines().count();
        prop_assert!(lines == 9 || lines == 10, "{lines}");
        prop_assert_eq!(answer.body(), raw.as_slice());
    }

    #[test]
    fn a_request_line_holds_one_uri(method in any::<String>(), user in any::<String>()) {
        let uri = Uri::sip(Some(&user), tandem_sip::value::Host::Name("h".to_owned()), None);
        let mut printer = Printer::request("INVITE", &uri);
        printer.line("X", &method);
        let text = text(&printer.finish(None));
        prop_assert_eq!(text.matches("\r\n").count(), 4);
        prop_assert_eq!(text.lines().next().unwrap().split(' ').count(), 3);
    }
}
