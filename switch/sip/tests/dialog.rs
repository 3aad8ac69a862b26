//! Dialogs (RFC 3261 section 12): made on both sides, routed, refreshed, and what does not fit them.

use bytes::Bytes;
use tandem_sip::{
    Flow, Message, Mono, Parsed, Transport,
    dialog::{Dialog, DialogRejection},
    endpoint::{Endpoint, EndpointConfig, EndpointOutput, Event, Listener, RequestOut, Timers},
    message::Draft,
    value::{Method, NameAddr, Uri},
};

fn parse(text: &str) -> Message {
    match Message::parse(Bytes::from(text.to_owned())) {
        Parsed::Message(message) => message,
        other => panic!("{other:?}\n{text}"),
    }
}

/// A message from a start line, lines of its own, and the rest as every test has it.
fn message(start: &str, cseq: &str, (from, to): (&str, &str), lines: &str) -> Message {
    parse(&format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: {from}\r\n\
         To: {to}\r\nCall-ID: c1\r\nCSeq: {cseq}\r\n{lines}Content-Length: 0\r\n\r\n"
    ))
}

const OURS: &str = "<sip:us@h>;tag=ours";
const THEIRS: &str = "\"Peer\" <sip:peer@h>;tag=theirs";

fn callee(lines: &str) -> Dialog {
    let invite = message(
        "INVITE sip:us@h SIP/2.0",
        "5 INVITE",
        (THEIRS, "<sip:us@h>"),
        lines,
    );
    Dialog::from_request(&invite, "ours")
}

fn caller(lines: &str) -> Option<Dialog> {
    let invite = message(
        "INVITE sip:peer@h SIP/2.0",
        "7 INVITE",
        (OURS, "<sip:peer@h>"),
        "",
    );
    let answer = message("SIP/2.0 200 OK", "7 INVITE", (OURS, THEIRS), lines);
    Dialog::from_response(&invite, &answer)
}

fn routes(dialog: &Dialog) -> Vec<String> {
    dialog
        .routes
        .iter()
        .map(|route| route.uri.to_string())
        .collect()
}

const RECORD_ROUTES: &str =
    "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\n";

#[test]
fn the_callee_keeps_the_order_of_routes() {
    let dialog = callee(&format!(
        "Contact: <sip:peer@10.0.0.9:5070>\r\n{RECORD_ROUTES}"
    ));
    assert_eq!(routes(&dialog), ["sip:p1;lr", "sip:p2;lr", "sip:p3;lr"]);
    assert_eq!(dialog.remote_target.to_string(), "sip:peer@10.0.0.9:5070");
    assert_eq!(
        (dialog.local.tag(), dialog.remote.tag()),
        (Some("ours"), Some("theirs"))
    );
    assert_eq!((dialog.local_cseq, dialog.remote_cseq), (0, Some(5)));
}

#[test]
fn the_caller_turns_the_routes_round() {
    let dialog =
        caller(&format!("Contact: <sip:peer@10.0.0.9>\r\n{RECORD_ROUTES}")).expect("dialog");
    assert_eq!(routes(&dialog), ["sip:p3;lr", "sip:p2;lr", "sip:p1;lr"]);
    assert_eq!(
        (dialog.local_tag.as_str(), dialog.remote_tag.as_str()),
        ("ours", "theirs")
    );
    assert_eq!((dialog.local_cseq, dialog.remote_cseq), (7, None));
}

#[test]
fn no_tag_or_no_contact_makes_no_dialog() {
    assert!(caller("").is_none());
    let invite = message(
        "INVITE sip:peer@h SIP/2.0",
        "7 INVITE",
        (OURS, "<sip:peer@h>"),
        "",
    );
    let lines = "Contact: <sip:peer@h>\r\n";
    let answer = message(
        "SIP/2.0 180 Ringing",
        "7 INVITE",
        (OURS, "<sip:peer@h>"),
        lines,
    );
    assert!(Dialog::from_response(&invite, &answer).is_none());
}

#[test]
fn a_request_target_carries_no_headers_and_no_method() {
    let dialog = callee("Contact: <sip:peer@h;method=BYE;x=1?Subject=a>\r\n");
    assert_eq!(dialog.remote_target.to_string(), "sip:peer@h;x=1");
}

#[test]
fn confirming_takes_route_set_and_target_anew_but_keeps_cseqs() {
    let mut dialog = caller("Contact: <sip:early@h>\r\n").expect("early");
    dialog.next_cseq();
    let lines = format!("Contact: <sip:late@h>\r\n{RECORD_ROUTES}");
    dialog.confirm(&message(
        "SIP/2.0 200 OK",
        "7 INVITE",
        (OURS, THEIRS),
        &lines,
    ));
    assert_eq!(dialog.remote_target.to_string(), "sip:late@h");
    assert_eq!((routes(&dialog).len(), dialog.local_cseq), (3, 8));
}

#[test]
fn what_arrives_is_checked() {
    use DialogRejection::{NoSuchDialog, OutOfOrder};
    const ELSE_THEIRS: &str = "<sip:peer@h>;tag=else";
    const ELSE_OURS: &str = "<sip:us@h>;tag=else";
    type Row<'a> = (&'a str, u32, &'a str, &'a str, Result<(), DialogRejection>);
    let rows: &[Row] = &[
        // method, CSeq, From, To, verdict
        ("BYE", 6, THEIRS, OURS, Ok(())),
        ("INVITE", 6, THEIRS, OURS, Ok(())),
        ("UPDATE", 900, THEIRS, OURS, Ok(())),
        ("NOTIFY", 6, THEIRS, OURS, Ok(())),
        ("INFO", 6, THEIRS, OURS, Ok(())),
        ("ACK", 5, THEIRS, OURS, Ok(())),
        ("INVITE", 5, THEIRS, OURS, Err(OutOfOrder)),
        ("BYE", 4, THEIRS, OURS, Err(OutOfOrder)),
        ("BYE", 6, ELSE_THEIRS, OURS, Err(NoSuchDialog)),
        ("BYE", 6, "<sip:peer@h>", OURS, Err(NoSuchDialog)),
        ("BYE", 6, THEIRS, ELSE_OURS, Err(NoSuchDialog)),
        ("BYE", 6, THEIRS, "<sip:us@h>", Err(NoSuchDialog)),
        ("ACK", 5, THEIRS, ELSE_OURS, Err(NoSuchDialog)),
    ];
    for (method, cseq, from, to, verdict) in rows {
        let mut dialog = callee("Contact: <sip:first@h>\r\n");
        let start = format!("{method} sip:us@h SIP/2.0");
        let contact = "Contact: <sip:moved@h>\r\n";
        let request = message(&start, &format!("{cseq} {method}"), (*from, *to), contact);
        assert_eq!(
            dialog.accept_request(&request),
            *verdict,
            "{method} {cseq} {from} {to}"
        );
        let last = if verdict.is_ok() && *method != "ACK" {
            *cseq
        } else {
            5
        };
        assert_eq!(dialog.remote_cseq, Some(last), "{method} {cseq}");
        let target = |dialog: &Dialog| dialog.remote_target.to_string();
        assert_eq!(target(&dialog), "sip:first@h", "until it is agreed to");
        dialog.refresh_target(&request);
        assert_eq!(target(&dialog), "sip:moved@h");
    }
    assert_eq!((OutOfOrder.status().0, NoSuchDialog.status().0), (500, 481));
}

#[test]
fn the_callers_first_request_from_the_peer_has_any_cseq() {
    let mut dialog = caller("Contact: <sip:peer@h>\r\n").expect("dialog");
    let bye = message("BYE sip:us@h SIP/2.0", "1 BYE", (THEIRS, OURS), "");
    assert_eq!(dialog.accept_request(&bye), Ok(()));
    assert_eq!(
        dialog.accept_request(&bye),
        Err(DialogRejection::OutOfOrder)
    );
}

#[test]
fn cseq_numbers_never_pass_the_limit() {
    let mut dialog = callee("Contact: <sip:peer@h>\r\n");
    dialog.local_cseq = 0x7fff_fffe;
    assert_eq!(dialog.next_cseq(), 0x7fff_ffff);
    assert_eq!(dialog.next_cseq(), 0x7fff_ffff);
}

fn endpoint() -> (Endpoint, Flow) {
    let local = "192.0.2.1:5060".parse().expect("address");
    let config = EndpointConfig {
        listeners: vec![Listener {
            transport: Transport::Udp,
            local,
            advertised: "203.0.113.7:5090".parse().expect("address"),
        }],
        timers: Timers::default(),
        max_transactions: 10,
        product: "Product".into(),
    };
    let remote = "198.51.100.9:33333".parse().expect("address");
    let flow = Flow {
        transport: Transport::Udp,
        listener: 0,
        connection: 0,
        remote,
    };
    (Endpoint::new(config, [1; 32]), flow)
}

fn sent(endpoint: &mut Endpoint) -> (Flow, Message) {
    while let Some(output) = endpoint.poll_output() {
        if let EndpointOutput::Transmit { flow, bytes } = output {
            let text = String::from_utf8(bytes.to_vec()).expect("text");
            return (flow, parse(&text));
        }
    }
    panic!("nothing was sent")
}

#[test]
fn in_dialog_requests_follow_the_routes_over_the_flow_given() {
    let (mut endpoint, flow) = endpoint();
    let rows: &[(&str, &str, &[&str])] = &[
        // Record-Route of the INVITE, Request-URI, Route
        ("", "sip:peer@10.0.0.9", &[]),
        (
            "Record-Route: <sip:p1;lr>, <sip:p2>\r\n",
            "sip:peer@10.0.0.9",
            &["<sip:p1;lr>", "<sip:p2>"],
        ),
        (
            "Record-Route: <sip:strict>, <sip:p2;lr>\r\n",
            "sip:strict",
            &["<sip:p2;lr>", "<sip:peer@10.0.0.9>"],
        ),
    ];
    for (record_route, uri, route) in rows {
        let mut dialog = callee(&format!("Contact: <sip:peer@10.0.0.9>\r\n{record_route}"));
        endpoint.request_in_dialog(Mono(0), flow, &mut dialog, Method::Bye, Draft::new());
        let (to, bye) = sent(&mut endpoint);
        assert_eq!(to, flow, "not where the Contact says");
        assert_eq!(bye.request_uri_text(), *uri);
        assert_eq!(bye.headers("route").collect::<Vec<_>>(), *route);
        assert_eq!(
            (bye.cseq(), bye.from_tag(), bye.to_tag()),
            (1, Some("ours"), Some("theirs"))
        );
        let via = bye.header("via").expect("Via");
        assert!(
            via.starts_with("SIP/2.0/UDP 203.0.113.7:5090;rport;branch=z9hG4bK"),
            "{via}"
        );
        assert_eq!(
            (bye.header("user-agent"), bye.header("max-forwards")),
            (Some("Product"), Some("70"))
        );
    }
}

#[test]
fn the_ack_to_a_reinvites_2xx_has_its_cseq_though_others_were_sent_since() {
    let (mut endpoint, flow) = endpoint();
    let mut dialog = callee("Contact: <sip:peer@10.0.0.9>\r\n");
    let txn = endpoint.request_in_dialog(Mono(0), flow, &mut dialog, Method::Invite, Draft::new());
    let (_, invite) = sent(&mut endpoint);
    endpoint.request_in_dialog(Mono(0), flow, &mut dialog, Method::Info, Draft::new());
    let _ = sent(&mut endpoint);
    let draft = Draft::new().header("Contact", "<sip:moved@10.0.0.9>");
    let ok = tandem_sip::message::response(&invite, 200, "", "", &draft);
    endpoint.handle_message(Mono(0), flow, ok);
    let Some(EndpointOutput::Event(Event::Response { txn: told, message })) =
        endpoint.poll_output()
    else {
        panic!("no response")
    };
    assert_eq!(told, txn);
    dialog.refresh_target(&message);
    endpoint.ack(Mono(0), txn, flow, &dialog, Draft::new());
    let (_, ack) = sent(&mut endpoint);
    assert_eq!(
        (ack.method(), ack.cseq(), dialog.local_cseq),
        (Method::Ack, 1, 2)
    );
    assert_eq!(ack.request_uri_text(), "sip:moved@10.0.0.9");
}

#[test]
fn drafts_override_the_product_and_never_break_lines() {
    let (mut endpoint, flow) = endpoint();
    let mut out = RequestOut {
        method: Method::Options,
        uri: Uri::parse("sip:h").expect("uri"),
        from: NameAddr::parse(OURS).expect("from"),
        to: NameAddr::parse("<sip:h>").expect("to"),
        call_id: "c".into(),
        cseq: 1,
        routes: Vec::new(),
        max_forwards: 5,
        draft: Draft::new().header("User-Agent", "Mine"),
    };
    out.draft
        .headers
        .push(("X".into(), "a\r\nEvil: yes".into()));
    endpoint.request(Mono(0), flow, out);
    let (_, options) = sent(&mut endpoint);
    assert_eq!(options.headers("user-agent").collect::<Vec<_>>(), ["Mine"]);
    assert_eq!(
        (options.header("evil"), options.max_forwards()),
        (None, Some(5))
    );
}

#[test]
fn our_contact_tells_the_advertised_address() {
    let (endpoint, _) = endpoint();
    assert_eq!(
        endpoint.contact(0, "alice").to_string(),
        "<sip:alice@203.0.113.7:5090>"
    );
    assert_eq!(
        endpoint.contact(0, "").to_string(),
        "<sip:203.0.113.7:5090>"
    );
    assert!(
        endpoint
            .contact(0, "a b@c")
            .to_string()
            .starts_with("<sip:a%20b%40c@")
    );
    assert_eq!(
        endpoint.contact(9, "a").to_string(),
        "<sip:a@invalid.invalid>"
    );
}
