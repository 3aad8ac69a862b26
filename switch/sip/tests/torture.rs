//! Every message of RFC 4475 and RFC 5118 with its verdict, and 100,000 seeded mutations of them.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use bytes::Bytes;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{collections::BTreeSet, fs, path::Path};
use tandem_sip::{
    Message, Parsed,
    digest::{ChallengeKind, Credentials, answer},
    framing::Framer,
    message::{Draft, HeaderId, cancel, response},
    value::reason_phrase,
};

/// File, verdict (`message`, status, or `drop`), and what the parser must say or the message must hold.
const RFC_4475: &str = "
    wsinv        message  INVITE       # 3.1.1.1  a short tortuous INVITE
    intmeth      message  !interesting-Method0123456789_*+`.%indeed'~  # 3.1.1.2  wide range of characters
    esc01        message  INVITE       # 3.1.1.3  valid use of the % escaping mechanism
    escnull      message  REGISTER     # 3.1.1.4  escaped nulls in URIs
    esc02        message  RE%47IST%45R # 3.1.1.5  % is no escape in a method
    lwsdisp      message  OPTIONS      # 3.1.1.6  no LWS between display name and <
    longreq      message  INVITE       # 3.1.1.7  long values in header fields
    dblreq       message  REGISTER     # 3.1.1.8  extra trailing octets in a datagram
    semiuri      message  OPTIONS      # 3.1.1.9  semicolon-separated parameters in the user part
    transports   message  OPTIONS      # 3.1.1.10 varied and unknown transport types
    mpart01      message  MESSAGE      # 3.1.1.11 multipart MIME message
    unreason     message  200          # 3.1.1.12 unusual reason phrase
    noreason     message  100          # 3.1.1.13 empty reason phrase
    badinv01     400      Malformed Via                   # 3.1.2.1  extraneous header field separators
    clerr        400      Content-Length Beyond Message   # 3.1.2.2  Content-Length larger than message
    ncl          400      Malformed Content-Length        # 3.1.2.3  negative Content-Length
    scalar02     400      Malformed CSeq                  # 3.1.2.4  request scalar fields with overlarge values
    scalarlg     drop     Malformed CSeq                  # 3.1.2.5  response scalar fields with overlarge values
    quotbal      400      Malformed To                    # 3.1.2.6  unterminated quoted string in display name
    ltgtruri     400      Malformed Request-URI           # 3.1.2.7  <> enclosing Request-URI
    lwsruri      400      Malformed Request-Line          # 3.1.2.8  malformed SIP Request-URI (embedded LWS)
    lwsstart     400      Malformed Request-Line          # 3.1.2.9  multiple SP separating Request-Line elements
    trws         400      Malformed Request-Line          # 3.1.2.10 SP characters at end of Request-Line
    escruri      400      Headers in Request-URI          # 3.1.2.11 escaped headers in SIP Request-URI
    baddate      message  INVITE                          # 3.1.2.12 invalid time zone in Date: may be ignored
    regbadct     400      Malformed Contact               # 3.1.2.13 failure to enclose name-addr URI in <>
    badaspec     400      Malformed To                    # 3.1.2.14 spaces within addr-spec
    baddn        400      Header Section Not Terminated   # 3.1.2.15 non-token characters in display name
    badvers      505      Version Not Supported           # 3.1.2.16 unknown protocol version
    mismatch01   400      CSeq Method Differs             # 3.1.2.17 start line and CSeq method mismatch
    mismatch02   400      CSeq Method Differs             # 3.1.2.18 unknown method with CSeq error
    bigcode      drop     Malformed Status-Code           # 3.1.2.19 overlarge response code
    badbranch    message  OPTIONS      # 3.2.1   missing transaction identifier
    insuf        400      Missing Call-ID # 3.3.1   missing required header fields
    unkscm       message  OPTIONS      # 3.3.2   Request-URI with unknown scheme: 416 is the user's
    novelsc      message  OPTIONS      # 3.3.3   Request-URI with known but atypical scheme
    unksm2       message  REGISTER     # 3.3.4   unknown URI schemes in header fields
    bext01       message  OPTIONS      # 3.3.5   Proxy-Require and Require: 420 is the user's
    invut        message  INVITE       # 3.3.6   unknown Content-Type: 415 is the user's
    regaut01     message  REGISTER     # 3.3.7   unknown authorization scheme
    multi01      400      Repeated CSeq                   # 3.3.8   multiple values in single-value fields
    mcl01        400      Differing Content-Length        # 3.3.9   multiple Content-Length values
    bcast        message  200          # 3.3.10  200 OK response with broadcast Via: the endpoint discards it
    zeromf       message  OPTIONS      # 3.3.11  Max-Forwards of zero: 483 is the user's
    cparam01     message  REGISTER     # 3.3.12  REGISTER with a contact parameter
    cparam02     message  REGISTER     # 3.3.13  REGISTER with a URL parameter
    regescrt     message  REGISTER     # 3.3.14  REGISTER with a URL escaped header
    sdp01        message  INVITE       # 3.3.15  unacceptable Accept offering: 406 is the user's
    inv2543      message  INVITE       # 3.4.1   INVITE with RFC 2543 syntax
    extra-test   drop     Malformed Request-Line          # in the archive only: no version, no Via to answer
";

const RFC_5118: &str = "
    ipv6-good                     message  REGISTER  # 4.1
    ipv6-bad                      400      Malformed Request-URI  # 4.2  no delimiters around the address
    port-ambiguous                message  REGISTER  # 4.3  the last group is address, not port
    port-unambiguous              message  REGISTER  # 4.4
    via-received-param-with-delim message  BYE       # 4.5  both forms must be read
    via-received-param-no-delim   message  OPTIONS   # 4.5
    ipv6-in-sdp                   message  INVITE    # 4.6
    mult-ip-in-header             message  BYE       # 4.7
    mult-ip-in-sdp                message  INVITE    # 4.8
    ipv4-mapped-ipv6              message  INVITE    # 4.9
    ipv6-bug-abnf-3-colons        message  OPTIONS   # 4.10 read liberally as two colons
    ipv6-correct-abnf-2-colons    message  OPTIONS   # 4.10
";

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

fn read(folder_name: &str, name: &str) -> Bytes {
    Bytes::from(fs::read(folder(folder_name).join(format!("{name}.dat"))).unwrap())
}

fn message(folder_name: &str, name: &str) -> Message {
    match Message::parse(read(folder_name, name)) {
        Parsed::Message(message) => message,
        other => panic!("{name}: {other:?}"),
    }
}

fn verdict(parsed: Parsed) -> (String, String) {
    match parsed {
        Parsed::Message(m) => {
            let what = m
                .status()
                .map_or_else(|| m.method().to_string(), |status| status.to_string());
            ("message".to_owned(), what)
        }
        Parsed::Reject { status, reason, .. } => (status.to_string(), reason.to_owned()),
        Parsed::Drop(reason) => ("drop".to_owned(), reason.to_owned()),
    }
}

fn check_table(folder_name: &str, table: &str) {
    let mut seen = BTreeSet::new();
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let row = row.split(" #").next().unwrap();
        let (name, rest) = row.split_once(' ').unwrap();
        let (want, what) = rest.trim().split_once(' ').unwrap();
        let got = verdict(Message::parse(read(folder_name, name)));
        assert_eq!(got, (want.to_owned(), what.trim().to_owned()), "{name}");
        assert!(seen.insert(format!("{name}.dat")), "{name} twice");
    }
    let files: BTreeSet<String> = fs::read_dir(folder(folder_name))
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(seen, files, "every file has its verdict");
}

#[test]
fn rfc_4475_verdicts() {
    check_table("torture", RFC_4475);
}

#[test]
fn rfc_5118_verdicts() {
    check_table("rfc5118", RFC_5118);
}

#[test]
fn what_was_read_is_what_was_meant() {
    let m = message("torture", "wsinv");
    assert_eq!(m.max_forwards(), Some(68));
    assert_eq!((m.cseq(), m.call_id()), (9, "wsinv.ndaksdj@192.0.2.1"));
    assert_eq!(
        (m.to_tag(), m.from_tag()),
        (Some("1918181833n"), Some("98asjd8"))
    );
    assert_eq!(m.from().display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(m.header("subject"), Some(""));
    assert_eq!(
        m.header("newfangledheader"),
        Some("newfangled value  continued newfangled value")
    );
    assert_eq!(
        (m.top_via().host, m.top_via().branch, m.via_count()),
        ("192.0.2.2", Some("390skdjuw"), 3)
    );
    assert!(!m.top_via().has_magic_branch());
    let contacts = m.contacts();
    assert_eq!(contacts.len(), 1);
    assert_eq!(
        (contacts[0].param("newparam"), contacts[0].param("q")),
        (Some("newvalue"), Some("0.33"))
    );
    assert_eq!(m.body().len(), 150);

    let m = message("torture", "intmeth");
    assert_eq!(
        m.to().display.as_deref(),
        Some("BEL:\u{7} NUL:\0 DEL:\u{7f}")
    );
    assert_eq!(
        m.from().display.as_deref(),
        Some("token1~` token2'+_ token3*%!.-")
    );
    assert_eq!(m.from_tag(), Some("_token~1'+`*%!-."));
    assert!(m.request_uri().is_some());

    let m = message("torture", "esc01");
    assert_eq!(
        m.request_uri().unwrap().user_unescaped().as_deref(),
        Some("sips:user@example.com")
    );
    let m = message("torture", "escnull");
    assert_eq!(m.contacts().len(), 2);
    assert_eq!(
        m.contacts()[1].uri.user_unescaped().as_deref(),
        Some("\0\0")
    );
    let m = message("torture", "esc02");
    assert_eq!(m.contacts().len(), 2, "C%6Fntact is another header");
    assert_eq!(m.to().display.as_deref(), Some("%Z%45"));

    let m = message("torture", "longreq");
    assert_eq!(
        (m.via_count(), m.contacts().len(), m.body().len()),
        (34, 1, 150)
    );
    let m = message("torture", "dblreq");
    assert_eq!(m.body(), b"", "the second message is no part of the first");
    let m = message("torture", "semiuri");
    assert_eq!(
        m.request_uri().unwrap().user_unescaped().as_deref(),
        Some("user;par=u@example.net")
    );
    assert_eq!(message("torture", "mpart01").body().len(), 553);
    assert_eq!(message("torture", "noreason").reason(), "");
    assert!(
        message("torture", "unreason")
            .reason()
            .starts_with("= 2**3 * 5**2 \u{43d}\u{43e}")
    );
    assert!(!message("torture", "badbranch").top_via().has_magic_branch());
    assert_eq!(message("torture", "zeromf").max_forwards(), Some(0));
    assert_eq!(message("torture", "inv2543").from_tag(), None);
    let m = message("torture", "cparam01");
    assert_eq!(
        (
            m.contacts()[0].param("unknownparam"),
            m.contacts()[0].uri.param("unknownparam")
        ),
        (Some(""), None)
    );
    let m = message("torture", "cparam02");
    assert_eq!(
        (
            m.contacts()[0].param("unknownparam"),
            m.contacts()[0].uri.param("unknownparam")
        ),
        (None, Some(""))
    );
    let m = message("torture", "regescrt");
    assert_eq!(
        m.contacts()[0].uri.headers.as_deref(),
        Some("Route=%3Csip:sip.example.com%3E")
    );
    let m = message("torture", "unksm2");
    assert_eq!(m.to().uri.to_string(), "isbn:2983792873");
    assert_eq!(m.from().uri.to_string(), "http://www.example.com");
}

#[test]
fn ipv6_is_read_as_meant() {
    let host = |name| {
        let uri = message("rfc5118", name).request_uri().unwrap();
        (uri.host.to_string(), uri.port)
    };
    assert_eq!(
        host("port-ambiguous"),
        ("[2001:db8::10:5070]".to_owned(), None)
    );
    assert_eq!(
        host("port-unambiguous"),
        ("[2001:db8::10]".to_owned(), Some(5070))
    );
    assert_eq!(
        host("ipv6-bug-abnf-3-colons"),
        host("ipv6-correct-abnf-2-colons")
    );
    let with = message("rfc5118", "via-received-param-with-delim");
    let without = message("rfc5118", "via-received-param-no-delim");
    let want = "[2001:db8::9:255]:5060".parse().ok();
    assert_eq!(
        (
            with.top_via().response_address(),
            without.top_via().response_address()
        ),
        (want, want)
    );
    let mapped = message("rfc5118", "ipv4-mapped-ipv6");
    assert_eq!(
        mapped.top_via().response_address(),
        "192.0.2.10:19823".parse().ok()
    );
}

/// What RFC 3261 section 8.2.6.2 wants copied is in every rejection, and the source is noted.
#[test]
fn rejections_can_be_matched_by_their_sender() {
    let source = "203.0.113.9:40000".parse().ok();
    for row in RFC_4475
        .lines()
        .filter(|row| row.contains(" 400 ") || row.contains(" 505 "))
    {
        let name = row.split_whitespace().next().unwrap();
        let bytes = read("torture", name);
        let Parsed::Reject {
            status,
            reason,
            response,
        } = Message::parse_from(bytes.clone(), source)
        else {
            panic!("{name} is rejected")
        };
        let text = String::from_utf8(response.to_vec()).unwrap();
        assert!(
            text.starts_with(&format!("SIP/2.0 {status} {reason}\r\n")),
            "{name}: {text}"
        );
        assert!(
            text.contains("\r\nVia: SIP/") && text.ends_with("Content-Length: 0\r\n\r\n"),
            "{name}: {text}"
        );
        assert_eq!(text, {
            let Parsed::Reject { response, .. } = Message::parse_from(bytes, source) else {
                panic!("again")
            };
            String::from_utf8(response.to_vec()).unwrap()
        });
        match Message::parse(response) {
            Parsed::Message(answer) => {
                assert_eq!(answer.status(), Some(status), "{name}");
                assert!(answer.to_tag().is_some(), "{name}");
                assert_eq!(answer.top_via().received, Some("203.0.113.9"), "{name}");
            }
            Parsed::Drop(_) => assert!(
                [
                    "badinv01", "badvers", "scalar02", "quotbal", "badaspec", "baddn", "insuf"
                ]
                .contains(&name),
                "{name}: what was malformed is echoed, all else is whole"
            ),
            Parsed::Reject { .. } => panic!("{name}: a response is never answered"),
        }
    }
}

/// Everything `a` says, to compare it with what it says printed anew.
fn told(a: &Message) -> (Vec<(String, String)>, Vec<u8>, String) {
    let lines = a
        .lines()
        .filter(|(id, ..)| *id != HeaderId::ContentLength)
        .map(|(id, name, value)| {
            (
                if id == HeaderId::Other {
                    name.to_owned()
                } else {
                    id.name().to_owned()
                },
                value.to_owned(),
            )
        })
        .collect();
    let start = format!(
        "{:?} {} {:?} {} {} {} {:?} {:?}",
        a.method(),
        a.request_uri_text(),
        a.status(),
        if a.reason().is_empty() {
            a.status().map_or("", reason_phrase)
        } else {
            a.reason()
        },
        a.call_id(),
        a.cseq(),
        a.from_tag(),
        a.to_tag()
    );
    (lines, a.body().to_vec(), start)
}

/// Reads every typed value and prints every kind of answer: nothing here may panic.
fn exercise(m: &Message) {
    let _ = (
        m.from(),
        m.to(),
        m.contacts(),
        m.request_uri(),
        m.top_via().response_address(),
        m.expires(),
    );
    let _ = (
        m.addresses(HeaderId::RecordRoute),
        m.addresses(HeaderId::Route),
        m.content_type(),
        m.via_count(),
    );
    let _ = Credentials::find(m, "tandem", ChallengeKind::User);
    let _ = answer(m, &m.method(), "sip:a@b", "u", "p", "c");
    if m.is_request() {
        let printed = response(m, 486, "", "tag", &Draft::new());
        let Parsed::Message(back) = Message::parse(printed.clone()) else {
            panic!(
                "our own response is valid: {}",
                String::from_utf8_lossy(&printed)
            )
        };
        assert_eq!(
            (back.call_id(), back.cseq(), back.via_count()),
            (m.call_id(), m.cseq(), m.via_count())
        );
        assert_eq!(back.to_tag(), m.to_tag().or(Some("tag")));
        let printed = cancel(m, None);
        assert!(
            matches!(Message::parse(printed), Parsed::Message(_)),
            "our own CANCEL is valid"
        );
    }
}

fn check_any(bytes: Bytes) -> bool {
    let size = bytes.len();
    match Message::parse(bytes) {
        Parsed::Message(m) => {
            exercise(&m);
            let printed = m.print();
            let Parsed::Message(back) = Message::parse(printed.clone()) else {
                panic!(
                    "printed anew it is invalid:\n{}",
                    String::from_utf8_lossy(&printed)
                )
            };
            assert_eq!(told(&m), told(&back));
            assert_eq!(printed, back.print(), "printing twice changes nothing");
            true
        }
        Parsed::Reject { response, .. } => {
            assert!(
                response.len() <= size * 2 + 512,
                "a rejection amplifies little"
            );
            false
        }
        Parsed::Drop(_) => false,
    }
}

fn mutate(rng: &mut ChaCha8Rng, seed: &[u8], other: &[u8]) -> Vec<u8> {
    const SPICE: &[&[u8]] = &[
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b"\"",
        b"<",
        b">",
        b";",
        b",",
        b":",
        b"%",
        b"@",
        b"\\",
        b"=",
        b"\r\n ",
        b"\xff",
        b"\xc3\xa9",
        b"[",
        b"]",
        b"\r\n\r\n",
        b"Content-Length: 99999999999\r\n",
        b"l: 3\r\n",
        b";;",
        b"sip:",
        b"*",
        b"\r\nVia: SIP/2.0/UDP a",
        b"\r\nContact: *",
        b";tag=",
        b"tel:+1",
        b"4294967296",
        b"SIP/2.0 ",
        b"\\\"",
    ];
    let mut out = seed.to_vec();
    for _ in 0..rng.random_range(1..=6) {
        let at = rng.random_range(0..=out.len());
        let end = (at + rng.random_range(0..12)).min(out.len());
        match rng.random_range(0..6) {
            0 => drop(out.splice(
                at..end,
                SPICE[rng.random_range(0..SPICE.len())].iter().copied(),
            )),
            1 => drop(out.splice(
                at..at,
                SPICE[rng.random_range(0..SPICE.len())].iter().copied(),
            )),
            2 => out[at..end].iter_mut().for_each(|b| *b = rng.random()),
            3 => drop(out.drain(at..end)),
            4 => {
                let from = rng.random_range(0..other.len());
                let to = (from + rng.random_range(0..64)).min(other.len());
                drop(out.splice(at..end, other[from..to].iter().copied()));
            }
            _ => {
                let copied = out[at..end].to_vec();
                drop(out.splice(at..at, copied));
            }
        }
    }
    out
}

#[test]
fn a_hundred_thousand_mutations_are_survived() {
    let mut corpus = Vec::new();
    for name in ["torture", "rfc5118"] {
        let mut files: Vec<_> = fs::read_dir(folder(name))
            .unwrap()
            .map(|f| f.unwrap().path())
            .collect();
        files.sort();
        corpus.extend(files.iter().map(|file| fs::read(file).unwrap()));
    }
    assert_eq!(corpus.len(), 62);
    let mut rng = ChaCha8Rng::seed_from_u64(4475);
    let mut valid = 0_u32;
    for round in 0..100_000 {
        let seed = &corpus[round % corpus.len()];
        let other = &corpus[rng.random_range(0..corpus.len())];
        let bytes = Bytes::from(mutate(&mut rng, seed, other));
        let mut framer = Framer::new();
        if framer.push(&bytes).is_ok() {
            while let Ok(Some(_)) = framer.next_frame() {}
        }
        valid += u32::from(check_any(bytes));
    }
    assert!(
        (5_000..95_000).contains(&valid),
        "the mutations reach both outcomes: {valid}"
    );
}

#[test]
fn every_message_printed_anew_says_the_same() {
    for name in ["torture", "rfc5118"] {
        for file in fs::read_dir(folder(name)).unwrap() {
            check_any(Bytes::from(fs::read(file.unwrap().path()).unwrap()));
        }
    }
}
