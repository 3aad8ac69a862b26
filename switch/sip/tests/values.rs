//! URIs and addresses: tables of what real peers write, and round trips of any.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use proptest::prelude::*;
use tandem_sip::value::{Host, Method, NameAddr, Rport, Scheme, Uri, Via, reason_phrase};

#[test]
fn uris_as_written() {
    let table = [
        // text, user unescaped, host, port
        ("sip:alice@example.com", Some("alice"), "example.com", None),
        (
            "SIP:alice:pw@EXAMPLE.com:5070;transport=TCP;lr",
            Some("alice"),
            "EXAMPLE.com",
            Some(5070),
        ),
        ("sips:192.0.2.1", None, "192.0.2.1", None),
        ("sip:[2001:db8::1]:5060", None, "[2001:db8::1]", Some(5060)),
        (
            "sip:+1%20(234)@[2001:DB8::A]",
            Some("+1 (234)"),
            "[2001:db8::a]",
            None,
        ),
        ("sip:*72#@pbx_1.local", Some("*72#"), "pbx_1.local", None),
        ("sip:a%zz@h", Some("a%zz"), "h", None),
        ("sip:a;b?c@h", Some("a;b?c"), "h", None),
        (
            "tel:+1-201-555-0123;phone-context=example.com",
            Some("+1-201-555-0123"),
            "",
            None,
        ),
        ("tel:7042;phone-context=+1", Some("7042"), "", None),
        ("urn:service:sos", Some("service:sos"), "", None),
        ("sip:u@h?Replaces=a%40b&X=1", Some("u"), "h", None),
    ];
    for (text, user, host, port) in table {
        let uri = Uri::parse(text).unwrap();
        assert_eq!(uri.user_unescaped().as_deref(), user, "{text}");
        assert_eq!(
            (uri.host.to_string().as_str(), uri.port),
            (host, port),
            "{text}"
        );
        assert_eq!(Uri::parse(&uri.to_string()).unwrap(), uri, "{text}");
    }
    assert_eq!(Uri::parse("SIPS:x").unwrap().scheme, Scheme::Sips);
    assert_eq!(
        Uri::parse("sip:h;LR;Maddr=1.2.3.4").unwrap().param("lr"),
        Some("")
    );
}

#[test]
fn what_is_no_uri() {
    for text in [
        "",
        "alice",
        "sip:",
        ":x",
        "1a:x",
        "sip:@h",
        "sip:a b@h",
        "sip:a@h:",
        "sip:a@h:70000",
        "sip:a@h:-1",
        "sip:a@",
        "sip:a@h;",
        "sip:a@h;;x",
        "sip:a@h;=x",
        "sip:a@[::1",
        "sip:a@::1",
        "sip:a@[zz]",
        "sip:a<@h",
        "sip:a@h>",
        "sip:a@h\r\n",
        "sip:a@h;x=\"y\"",
        "tel:",
        "tel:;x",
        "foo:",
        "foo:a b",
        "sip:a@b@c",
        "sip:a\0@h",
        "sip:h x",
    ] {
        assert!(Uri::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn equivalence_is_that_of_rfc_3261_section_19_1_4() {
    let table = [
        (
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtlanTa.CoM;Transport=tcp",
            true,
        ),
        (
            "sip:carol@chicago.com",
            "sip:carol@chicago.com;newparam=5",
            true,
        ),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER",
            "sip:biloxi.com;method=REGISTER;transport=tcp",
            true,
        ),
        ("sip:alice@atlanta.com", "sip:ALICE@atlanta.com", false),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com", false),
        (
            "sip:carol@chicago.com",
            "sip:carol@chicago.com?Subject=next%20meeting",
            false,
        ),
        ("sip:a@h;user=phone", "sip:a@h", false),
        ("sip:a@h;x=1", "sip:a@h;x=2", false),
        ("sip:a@[2001:db8::9:1]", "sip:a@[2001:0db8::9:01]", true),
    ];
    for (a, b, want) in table {
        let (left, right) = (Uri::parse(a).unwrap(), Uri::parse(b).unwrap());
        assert_eq!(left.is_equivalent(&right), want, "{a} {b}");
        assert_eq!(right.is_equivalent(&left), want, "{b} {a}");
    }
}

#[test]
fn addresses_as_written() {
    let table = [
        // text, display, uri, tag
        (
            r#""A. \"Al\" B" <sip:a@h>;tag=1"#,
            Some(r#"A. "Al" B"#),
            "sip:a@h",
            Some("1"),
        ),
        ("Bob <sip:b@h>", Some("Bob"), "sip:b@h", None),
        ("sip:b@h;tag=x", None, "sip:b@h", Some("x")),
        ("<sip:b@h;lr>;q=0.5", None, "sip:b@h;lr", None),
        ("tel:+123;tag=y", None, "tel:+123", Some("y")),
        (
            " Möwe & Söhne\t<sip:m@h> ; tag = z",
            Some("Möwe & Söhne"),
            "sip:m@h",
            Some("z"),
        ),
        (
            r#"<sip:a@h>;+sip.instance="<urn:uuid:1;2,3>";tag=t"#,
            None,
            "sip:a@h",
            Some("t"),
        ),
    ];
    for (text, display, uri, tag) in table {
        let address = NameAddr::parse(text).unwrap();
        assert_eq!(address.display.as_deref(), display, "{text}");
        assert_eq!(
            (address.uri.to_string().as_str(), address.tag()),
            (uri, tag),
            "{text}"
        );
        assert_eq!(
            NameAddr::parse(&address.to_string()).unwrap(),
            address,
            "{text}"
        );
    }
    let list = NameAddr::parse_list(r#""a, <b>" <sip:a,x@h>;p="1,2", <sip:b@h> ,sip:c@h"#).unwrap();
    assert_eq!(list.len(), 3);
    for text in [
        "<sip:a@h",
        "\"a <sip:a@h>",
        "a, b <sip:a@h>",
        "sip:a@h?x=y",
        "< sip:a@h>",
        "<sip:a@h>;;",
        "<sip:a@h>x",
        "",
        "<>",
        "<sip:a@h>;a=\"b",
    ] {
        assert!(NameAddr::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn nothing_can_be_injected_through_a_field() {
    let uri = Uri::sip(
        Some("1>;x=\r\nVia: y"),
        Host::Name("h\r\n>".to_owned()),
        None,
    )
    .with_param("a b", Some("c;d>\r\n"));
    assert_eq!(
        uri.to_string(),
        "sip:1%3E%3Bx=%0D%0AVia%3A%20y@h%0D%0A%3E;a%20b=c%3Bd%3E%0D%0A"
    );
    let address = NameAddr {
        display: Some("a\"\r\nb\0".to_owned()),
        ..NameAddr::new(Uri::parse("sip:h").unwrap())
    }
    .with_param("tag", Some("1;2\r\n"))
    .with_param("bad name", None);
    assert_eq!(address.to_string(), "\"a\\\"  b \" <sip:h>;tag=\"1;2  \"");
}

#[test]
fn via_as_written() {
    let via = Via::parse(
        "SIP / 2.0 / TLS  [2001:db8::1] : 5071 ;branch=z9hG4bKx; rport ;received=192.0.2.7",
    )
    .unwrap();
    assert_eq!(
        (via.transport, via.host, via.port),
        ("TLS", "[2001:db8::1]", Some(5071))
    );
    assert_eq!(
        (via.branch, via.rport, via.received),
        (Some("z9hG4bKx"), Rport::Asked, Some("192.0.2.7"))
    );
    assert_eq!(via.response_address(), "192.0.2.7:5071".parse().ok());
    let via = Via::parse("SIP/2.0/UDP host;rport=5066;received=192.0.2.7").unwrap();
    assert_eq!(
        (via.rport, via.response_address()),
        (Rport::Port(5066), "192.0.2.7:5066".parse().ok())
    );
    for text in [
        "SIP/2.0/UDP",
        "SIP/3.0/UDP h",
        "HTTP/2.0/UDP h",
        "SIP/2.0/UDP h;;x",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP h;rport=x",
        "SIP/2.0/U,P h",
        "SIP/2.0/UDP h h",
    ] {
        assert!(Via::parse(text).is_err(), "{text}");
    }
}

/// rsip names its statuses in camel case; letters and digits of the phrases agree.
#[test]
fn reason_phrases_agree_with_rsip() {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect()
    };
    // rsip words these its own way; 201, 409 and 411 are no SIP statuses (its 201 is our 202).
    let own = [
        201, 409, 411, 413, 406, 422, 428, 433, 436, 437, 438, 439, 440, 469, 470, 489, 494, 580,
        606,
    ];
    let known = (100..700)
        .map(rsip::StatusCode::from)
        .filter(|s| !matches!(s, rsip::StatusCode::Other(..)));
    let mut compared = 0;
    for status in known.filter(|s| !own.contains(&s.code())) {
        let theirs = status
            .to_string()
            .split_once(' ')
            .map(|(_, name)| plain(name));
        let _ = theirs
            .as_ref()
            .map(|name| assert_eq!(&plain(reason_phrase(status.code())), name));
        compared += 1;
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn methods_and_uris_cross_to_rsip_and_back() {
    for method in rsip::Method::all() {
        let ours = Method::from(method);
        assert_eq!(rsip::Method::try_from(&ours), Ok(method));
        assert_eq!(Method::parse(&method.to_string()), Some(ours));
    }
    assert!(rsip::Method::try_from(&Method::Other("FOO".into())).is_err());
    let uri = Uri::parse("sip:alice@example.com:5070;transport=tcp").unwrap();
    let theirs = rsip::Uri::try_from(&uri).unwrap();
    assert_eq!(theirs.user(), Some("alice"));
    assert!(Uri::try_from(&theirs).unwrap().is_equivalent(&uri));
}

fn any_host() -> impl Strategy<Value = Host> {
    prop_oneof![
        "[a-z0-9][a-z0-9_.-]{0,20}[a-z]".prop_map(Host::Name),
        any::<std::net::Ipv4Addr>().prop_map(|ip| Host::Ip(ip.into())),
        any::<std::net::Ipv6Addr>().prop_map(|ip| Host::Ip(ip.into())),
    ]
}

fn any_params() -> impl Strategy<Value = Vec<(String, Option<String>)>> {
    proptest::collection::vec(
        (
            "[a-z][a-z0-9.-]{0,8}",
            proptest::option::of("[A-Za-z0-9._%+-]{1,12}"),
        ),
        0..4,
    )
}

prop_compose! {
    fn any_uri()(user in proptest::option::of("\\PC{1,20}"), host in any_host(), port in proptest::option::of(any::<u16>()),
        params in any_params(), headers in proptest::option::of("[A-Za-z]{1,5}=[A-Za-z0-9%]{0,9}")) -> (Option<String>, Uri) {
        let uri = Uri { params, headers, ..Uri::sip(user.as_deref(), host, port) };
        (user, uri)
    }
}

proptest! {
    #[test]
    fn uri_round_trip((user, uri) in any_uri()) {
        let back = Uri::parse(&uri.to_string()).unwrap();
        prop_assert_eq!(&back, &uri);
        prop_assert_eq!(back.user_unescaped(), user);
        prop_assert!(uri.is_equivalent(&back));
    }

    #[test]
    fn name_addr_round_trip(display in proptest::option::of("[^\\x00-\\x1f\\x7f]{1,20}"), (_, uri) in any_uri(), params in any_params(),
        quoted in proptest::option::of("[ -~]{0,12}")) {
        let mut address = NameAddr { display, uri, params };
        if let Some(quoted) = quoted {
            address = address.with_param("quoted", Some(&tandem_sip::value::quote(&quoted)));
        }
        let printed = address.to_string();
        prop_assert_eq!(&NameAddr::parse(&printed).unwrap(), &address);
        let list = format!("{printed},  {printed}");
        prop_assert_eq!(NameAddr::parse_list(&list).unwrap(), vec![address.clone(), address]);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        let values = [Uri::parse(&text).map(|u| u.to_string()).ok(), NameAddr::parse(&text).map(|n| n.to_string()).ok()];
        if let Some(printed) = &values[0] {
            prop_assert_eq!(Uri::parse(printed).unwrap().to_string(), printed.clone());
        }
        if let Some(printed) = &values[1] {
            prop_assert_eq!(NameAddr::parse(printed).unwrap().to_string(), printed.clone());
        }
        let _ = Via::parse(&text);
    }

    #[test]
    fn whatever_a_field_holds_the_text_stays_one_value(user in any::<String>(), host in any::<String>(), name in any::<String>(),
        value in any::<String>(), display in any::<String>()) {
        let mut uri = Uri::sip(None, Host::Name(host), None).with_param(&name, Some(&value));
        uri.user = Some(user);
        uri.headers = Some(value.clone());
        let address = NameAddr { display: Some(display), ..NameAddr::new(uri) }.with_param(&name, Some(&value));
        let printed = address.to_string();
        prop_assert!(!printed.contains(['\r', '\n', '\0']));
        prop_assert_eq!(NameAddr::parse_list(&printed).map_or(1, |list| list.len()), 1);
    }
}
