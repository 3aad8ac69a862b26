//! The registrar by tables: each row is one REGISTER and what it must lead to.

use bytes::Bytes;
use std::time::Duration;
use tandem_sip::{
    Flow, Message, Mono, Parsed, Transport,
    registrar::{Change, RegisterAnswer, Registrar, RegistrarConfig},
};

fn registrar() -> Registrar {
    Registrar::new(RegistrarConfig {
        min_expires_s: 60,
        max_expires_s: 7200,
        default_expires_s: 3600,
        max_bindings_per_user: 3,
        max_users: 2,
    })
}

fn secs(at: u64) -> Mono {
    Mono(0) + Duration::from_secs(at)
}

fn flow(port: u16) -> Flow {
    let remote = format!("198.51.100.9:{port}").parse().expect("address");
    Flow {
        transport: Transport::Udp,
        listener: 0,
        connection: 0,
        remote,
    }
}

fn connection(number: u32) -> Flow {
    Flow {
        transport: Transport::Tcp,
        connection: number,
        ..flow(40_000)
    }
}

fn register((call_id, cseq): (&str, u32), lines: &str) -> Message {
    let text = format!(
        "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n\
         From: <sip:u@h>;tag=t\r\nTo: <sip:u@h>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n\
         User-Agent: Phone/1\r\n{lines}Content-Length: 0\r\n\r\n"
    );
    match Message::parse(Bytes::from(text.clone())) {
        Parsed::Message(message) => message,
        other => panic!("{other:?}\n{text}"),
    }
}

fn shown(answer: RegisterAnswer) -> String {
    match answer {
        RegisterAnswer::Accepted { contacts, change } => {
            format!("{change:?} {}", contacts.join(" "))
        }
        RegisterAnswer::TooBrief { min_expires_s } => format!("423 {min_expires_s}"),
        RegisterAnswer::Refused { status, .. } => status.to_string(),
    }
}

#[test]
fn a_life_of_one_user() {
    let long = format!("Contact: <sip:{}@a>\r\n", "x".repeat(600));
    let rows: &[(u64, &str, u32, &str, &str)] = &[
        // at s, Call-ID, CSeq, lines, outcome
        (0, "i", 1, "", "None "),
        (
            0,
            "i",
            2,
            "Contact: <sip:a@a>\r\n",
            "Added <sip:a@a>;expires=3600",
        ),
        (100, "q", 1, "", "None <sip:a@a>;expires=3500"),
        (
            100,
            "i",
            3,
            "Contact: <sip:a@a>;expires=120\r\n",
            "Refreshed <sip:a@a>;expires=120",
        ),
        (100, "i", 3, "Contact: <sip:a@a>\r\n", "500"),
        (100, "i", 2, "Contact: <sip:a@a>;expires=0\r\n", "500"),
        (
            100,
            "j",
            1,
            "Contact: <sip:a@A>;expires=60\r\n",
            "Refreshed <sip:a@A>;expires=60",
        ),
        (100, "j", 2, "Contact: <sip:a@a>;expires=59\r\n", "423 60"),
        (
            100,
            "j",
            2,
            "Contact: <sip:a@a>\r\nExpires: 59\r\n",
            "423 60",
        ),
        (
            100,
            "j",
            2,
            "Contact: <sip:a@a>;expires=99999999999\r\n",
            "Refreshed <sip:a@a>;expires=7200",
        ),
        (
            100,
            "j",
            3,
            "Contact: <sip:a@a>;expires=soon\r\nExpires: 600\r\n",
            "Refreshed <sip:a@a>;expires=600",
        ),
        (
            100,
            "k",
            1,
            "Contact: <sip:b@b>;q=0.5;expires=600, <sip:c@c>;expires=600\r\n",
            "Added <sip:a@a>;expires=600 <sip:b@b>;expires=600;q=0.500 <sip:c@c>;expires=600",
        ),
        (100, "k", 2, "Contact: <sip:d@d>\r\n", "403"),
        (
            100,
            "k",
            2,
            "Contact: <sip:d@d>, <sip:b@b>;expires=0\r\nExpires: 100\r\n",
            "Added <sip:a@a>;expires=600 <sip:c@c>;expires=600 <sip:d@d>;expires=100",
        ),
        (
            150,
            "k",
            3,
            "Contact: <sip:c@c>;expires=0\r\n",
            "Removed <sip:a@a>;expires=550 <sip:d@d>;expires=50",
        ),
        (
            200,
            "k",
            4,
            "Contact: <sip:nobody@c>;expires=0\r\n",
            "None <sip:a@a>;expires=500",
        ),
        (200, "k", 5, "Contact: *\r\n", "400"),
        (200, "k", 5, "Contact: *\r\nExpires: 60\r\n", "400"),
        (200, "j", 3, "Contact: *\r\nExpires: 0\r\n", "500"),
        (200, "j", 4, "Contact: *\r\nExpires: 0\r\n", "Removed "),
        (200, "j", 5, "Contact: *\r\nExpires: 0\r\n", "None "),
        (
            200,
            "j",
            6,
            "Contact: <sip:a@a>, <sip:a@a>;expires=90\r\n",
            "Added <sip:a@a>;expires=90",
        ),
        (
            200,
            "j",
            7,
            "Contact: <sip:a@a>;expires=90, <sip:a@a>;expires=0\r\n",
            "Removed ",
        ),
        (200, "j", 8, &long, "400"),
    ];
    let mut registrar = registrar();
    for (at, call_id, cseq, lines, want) in rows {
        let request = register((call_id, *cseq), lines);
        registrar.handle_timeout(secs(*at));
        let answer = registrar.handle_register(secs(*at), "u", flow(5060), &request);
        assert_eq!(shown(answer), *want, "at {at}: {call_id} {cseq} {lines}");
    }
    assert!(registrar.is_empty() && registrar.poll_deadline().is_none());
}

#[test]
fn a_request_takes_effect_whole_or_not_at_all() {
    let mut registrar = registrar();
    registrar.handle_register(
        secs(0),
        "u",
        flow(1),
        &register(("i", 1), "Contact: <sip:a@a>\r\n"),
    );
    let lines = "Contact: <sip:b@b>, <sip:a@a>;expires=0, <sip:c@c>;expires=5\r\n";
    let answer = registrar.handle_register(secs(0), "u", flow(1), &register(("i", 2), lines));
    assert_eq!(shown(answer), "423 60");
    let left: Vec<_> = registrar
        .bindings(secs(0), "u")
        .iter()
        .map(|b| b.contact.to_string())
        .collect();
    assert_eq!(left, ["sip:a@a"]);
}

#[test]
fn a_refresh_moves_the_flow() {
    let mut registrar = registrar();
    for (cseq, port) in [(1, 1000), (2, 2000)] {
        let request = register(
            ("i", cseq),
            "Contact: <sip:a@10.0.0.1>\r\nPath: <sip:p;lr>\r\n",
        );
        registrar.handle_register(secs(0), "u", flow(port), &request);
    }
    let bindings = registrar.bindings(secs(0), "u");
    let binding = &bindings[0];
    assert_eq!(
        (bindings.len(), binding.flow, binding.cseq),
        (1, flow(2000), 2)
    );
    assert_eq!(binding.path, ["<sip:p;lr>"]);
    assert_eq!(
        (binding.call_id.as_str(), binding.user_agent.as_str()),
        ("i", "Phone/1")
    );
}

#[test]
fn a_phone_with_an_instance_replaces_itself() {
    let mut registrar = registrar();
    for n in 1..20 {
        let line =
            format!("Contact: <sip:a@10.0.0.1:{n}>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\n");
        let answer =
            registrar.handle_register(secs(0), "u", flow(n), &register(("i", n.into()), &line));
        assert!(matches!(answer, RegisterAnswer::Accepted { .. }));
    }
    assert_eq!(registrar.len(), 1);
}

#[test]
fn the_best_come_first() {
    let mut registrar = registrar();
    let lines = "Contact: <sip:low@a>;q=0.1, <sip:old@a>, <sip:new@a>\r\n";
    registrar.handle_register(secs(0), "u", flow(1), &register(("i", 1), lines));
    let order: Vec<_> = registrar
        .bindings(secs(0), "u")
        .into_iter()
        .map(|b| b.contact.user.expect("user"))
        .collect();
    assert_eq!(order, ["new", "old", "low"]);
}

#[test]
fn expiry_is_told_once_and_hides_before() {
    let mut registrar = registrar();
    let lines = "Contact: <sip:a@a>;expires=60, <sip:b@b>;expires=90\r\n";
    registrar.handle_register(secs(0), "u", flow(1), &register(("i", 1), lines));
    assert_eq!(registrar.poll_deadline(), Some(secs(60)));
    assert!(registrar.handle_timeout(secs(59)).is_empty());
    assert_eq!(registrar.bindings(secs(60), "u").len(), 1);
    let gone = registrar.handle_timeout(secs(60));
    assert_eq!(
        (
            gone.len(),
            gone[0].0.as_str(),
            gone[0].1.contact.to_string().as_str()
        ),
        (1, "u", "sip:a@a")
    );
    assert_eq!(registrar.handle_timeout(secs(1000)).len(), 1);
    assert!(registrar.is_empty() && registrar.poll_deadline().is_none());
}

#[test]
fn users_are_bounded() {
    let mut registrar = registrar();
    for n in 0..1000 {
        let request = register(("i", 1), "Contact: <sip:a@a>\r\n");
        let answer = registrar.handle_register(secs(0), &format!("u{n}"), flow(1), &request);
        assert_eq!(
            matches!(answer, RegisterAnswer::Refused { status: 503, .. }),
            n >= 2
        );
    }
    let query = registrar.handle_register(secs(0), "u9", flow(1), &register(("i", 1), ""));
    assert_eq!((shown(query).as_str(), registrar.len()), ("None ", 2));
}

#[test]
fn a_lost_connection_takes_its_phones_and_a_refused_datagram_none() {
    let mut registrar = registrar();
    let a = register(("i", 1), "Contact: <sip:a@a>\r\n");
    let b = register(("i", 2), "Contact: <sip:b@b>\r\n");
    registrar.handle_register(secs(0), "u", connection(1), &a);
    registrar.handle_register(secs(0), "u", flow(1), &b);
    registrar.handle_register(secs(0), "v", connection(2), &a);
    assert!(registrar.handle_flow_failed(flow(1)).is_empty());
    let lost = registrar.handle_flow_failed(connection(1));
    assert_eq!((lost.len(), lost[0].0.as_str()), (1, "u"));
    assert_eq!(
        (registrar.len(), registrar.bindings(secs(0), "v").len()),
        (2, 1)
    );
}

#[test]
fn bindings_survive_a_restart() {
    let mut before = registrar();
    let line =
        "Contact: <sip:a@a;transport=tcp>;q=0.3;+sip.instance=\"<urn:1>\"\r\nPath: <sip:p;lr>\r\n";
    before.handle_register(secs(0), "u", flow(1), &register(("i", 5), line));
    let mut after = registrar();
    for binding in before.bindings(secs(1), "u") {
        after.restore("u", binding);
    }
    let kept = after.bindings(secs(1), "u");
    assert_eq!(
        format!("{kept:?}"),
        format!("{:?}", before.bindings(secs(1), "u"))
    );
    let old = register(("i", 5), "Contact: <sip:a@a;transport=tcp>\r\n");
    assert_eq!(
        shown(after.handle_register(secs(2), "u", flow(1), &old)),
        "500"
    );
    let next = register(("i", 6), "Contact: <sip:a@a;transport=tcp>;expires=0\r\n");
    let answer = after.handle_register(secs(2), "u", flow(1), &next);
    assert!(matches!(
        answer,
        RegisterAnswer::Accepted {
            change: Change::Removed,
            ..
        }
    ));
    for n in 0..9 {
        for binding in before.bindings(secs(1), "u") {
            after.restore(&format!("u{n}"), binding.clone());
            after.restore("u0", binding.clone());
            let contact = tandem_sip::value::Uri::parse(&format!("sip:a@a{n}")).expect("uri");
            after.restore("u0", tandem_sip::registrar::Binding { contact, ..binding });
        }
    }
    assert_eq!(after.len(), 4, "two users, one of them with three bindings");
}
