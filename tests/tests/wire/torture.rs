//! Every message of RFC 4475 and RFC 5118 over the wire, each answered as its section says.
//!
//! A row has what is answered over UDP and over TCP: statuses of which one must come, or `-` for silence. Where a
//! section leaves the choice, all it allows are listed; ours is a registrar and back-to-back user agent that knows
//! none of the addresses in the messages, so a call or REGISTER that is sound is challenged or refused.

use crate::rig::Rig;
use std::{collections::BTreeSet, fs, path::Path};
use tandem_sip::Transport;

/// Sound requests: any answer of a user agent that understood them.
const CALL: &str = "401 403 404 407 480 484 488";
/// A tag in To names a dialog that is not there.
const STRAY: &str = "481";
const REGISTER: &str = "401 403";

const RFC_4475: &[(&str, &str, &str, &str)] = &[
    // 3.1.1: valid, however odd.
    ("wsinv", STRAY, STRAY, "3.1.1.1 short tortuous INVITE"),
    (
        "intmeth",
        "405 501",
        "405 501",
        "3.1.1.2 an unknown method, well formed",
    ),
    ("esc01", CALL, CALL, "3.1.1.3 escapes"),
    ("escnull", REGISTER, REGISTER, "3.1.1.4 escaped nulls"),
    (
        "esc02",
        "405 501",
        "405 501",
        "3.1.1.5 the % of a method is no escape",
    ),
    ("lwsdisp", "200", "200", "3.1.1.6 no space before <"),
    ("longreq", CALL, CALL, "3.1.1.7 long values"),
    (
        "dblreq",
        REGISTER,
        REGISTER,
        "3.1.1.8 on a stream the trailing octets are the next request",
    ),
    (
        "semiuri",
        "200 404",
        "200 404",
        "3.1.1.9 semicolons in the user part",
    ),
    (
        "transports",
        "200",
        "200",
        "3.1.1.10 unknown transports in Via",
    ),
    (
        "mpart01",
        "401 403 405 407 415 488",
        "401 403 405 407 415 488",
        "3.1.1.11 multipart MESSAGE",
    ),
    (
        "unreason",
        "-",
        "-",
        "3.1.1.12 a response to nothing we sent",
    ),
    ("noreason", "-", "-", "3.1.1.13 the same"),
    // 3.1.2: invalid.
    ("badinv01", "400", "400", "3.1.2.1 separators too many"),
    (
        "clerr",
        "400",
        "-",
        "3.1.2.2 on a stream the rest is waited for",
    ),
    ("ncl", "400", "400", "3.1.2.3 negative Content-Length"),
    ("scalar02", "400", "400", "3.1.2.4 numbers too large"),
    ("scalarlg", "-", "-", "3.1.2.5 the same in a response"),
    ("quotbal", "400", "400", "3.1.2.6 a quote without end"),
    (
        "ltgtruri",
        "400",
        "400",
        "3.1.2.7 <> around the Request-URI",
    ),
    ("lwsruri", "400", "400", "3.1.2.8 space in the Request-URI"),
    (
        "lwsstart",
        "400",
        "400",
        "3.1.2.9 spaces in the request line",
    ),
    ("trws", "400", "400", "3.1.2.10 spaces at its end"),
    (
        "escruri",
        "400",
        "400",
        "3.1.2.11 headers in the Request-URI",
    ),
    (
        "baddate",
        CALL,
        CALL,
        "3.1.2.12 a date that need not be read",
    ),
    ("regbadct", "400", "400", "3.1.2.13 Contact without <>"),
    ("badaspec", "400", "400", "3.1.2.14 space in an addr-spec"),
    (
        "baddn",
        "400",
        "-",
        "3.1.2.15 its headers do not end: on a stream more is waited for",
    ),
    ("badvers", "505", "505", "3.1.2.16 unknown version"),
    (
        "mismatch01",
        "400",
        "400",
        "3.1.2.17 CSeq of another method",
    ),
    (
        "mismatch02",
        "400 501",
        "400 501",
        "3.1.2.18 the same, of an unknown method",
    ),
    ("bigcode", "-", "-", "3.1.2.19 a status too large"),
    // 3.2: the transaction layer.
    (
        "badbranch",
        "200 400",
        "200 400",
        "3.2.1 a branch that is only the cookie",
    ),
    // 3.3: the application layer.
    ("insuf", "400", "400", "3.3.1 required headers missing"),
    ("unkscm", "416 200", "416 200", "3.3.2 an unknown scheme"),
    (
        "novelsc",
        "416 200",
        "416 200",
        "3.3.3 a scheme that is no SIP",
    ),
    (
        "unksm2",
        "400 401 403 416",
        "400 401 403 416",
        "3.3.4 unknown schemes in From, To, Contact",
    ),
    (
        "bext01",
        "420",
        "420",
        "3.3.5 extensions nobody knows are required",
    ),
    (
        "invut",
        "401 403 404 407 415",
        "401 403 404 407 415",
        "3.3.6 a body of unknown type",
    ),
    (
        "regaut01",
        REGISTER,
        REGISTER,
        "3.3.7 an unknown authorization scheme",
    ),
    (
        "multi01",
        "400",
        "400",
        "3.3.8 several values where one may be",
    ),
    ("mcl01", "400", "400", "3.3.9 two lengths"),
    (
        "bcast",
        "-",
        "-",
        "3.3.10 a response with a Via of elsewhere",
    ),
    (
        "zeromf",
        "483 200",
        "483 200",
        "3.3.11 an OPTIONS at its last hop",
    ),
    (
        "cparam01",
        REGISTER,
        REGISTER,
        "3.3.12 a parameter of Contact",
    ),
    (
        "cparam02",
        REGISTER,
        REGISTER,
        "3.3.13 a parameter of its URI",
    ),
    ("regescrt", REGISTER, REGISTER, "3.3.14 headers in its URI"),
    (
        "sdp01",
        "401 403 404 406 407 488",
        "401 403 404 406 407 488",
        "3.3.15 an Accept without SDP",
    ),
    // 3.4.
    (
        "inv2543",
        CALL,
        "-",
        "3.4.1 as of RFC 2543; a stream needs its length",
    ),
];

const RFC_5118: &[(&str, &str, &str, &str)] = &[
    ("ipv6-good", REGISTER, REGISTER, "4.1"),
    ("ipv6-bad", "400", "400", "4.2 no brackets"),
    ("port-ambiguous", REGISTER, REGISTER, "4.3"),
    ("port-unambiguous", REGISTER, REGISTER, "4.4"),
    ("via-received-param-with-delim", "481", "481", "4.5"),
    ("via-received-param-no-delim", "200", "200", "4.5"),
    ("ipv6-in-sdp", CALL, CALL, "4.6"),
    ("mult-ip-in-header", "481", "481", "4.7"),
    ("mult-ip-in-sdp", CALL, CALL, "4.8"),
    ("ipv4-mapped-ipv6", CALL, CALL, "4.9"),
    (
        "ipv6-bug-abnf-3-colons",
        "200 400",
        "200 400",
        "4.10 may be read or refused",
    ),
    ("ipv6-correct-abnf-2-colons", "200", "200", "4.10"),
];

/// The archive's file, as it stands.
pub fn corpus(folder: &str, name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../switch/sip/tests");
    fs::read(root.join(folder).join(format!("{name}.dat"))).unwrap()
}

/// Every file of both archives.
pub fn all() -> Vec<Vec<u8>> {
    let rows = RFC_4475.iter().map(|row| corpus("torture", row.0));
    rows.chain(RFC_5118.iter().map(|row| corpus("rfc5118", row.0)))
        .collect()
}

/// The final status a message gets before the answer to an OPTIONS sent behind it; None for silence.
fn verdict(rig: &Rig, transport: Transport, bytes: &[u8]) -> Option<u16> {
    let mut peer = rig.client(transport);
    peer.send(bytes);
    let mut other = None;
    if transport == Transport::Udp {
        // Datagrams are read in the order they came: its answer comes after ours, or there is none.
        let options = peer.request("OPTIONS", "");
        peer.send(options.as_bytes());
        other = options
            .lines()
            .find_map(|line| line.strip_prefix("Call-ID: "))
            .map(str::to_owned);
    } else {
        // Half closed: what is answered comes before the end.
        peer.finish();
    }
    loop {
        let answer = peer.receive()?;
        let text = String::from_utf8_lossy(&answer).into_owned();
        if other.as_ref().is_some_and(|id| text.contains(id.as_str())) {
            return None;
        }
        let status = text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()?;
        if status >= 200 {
            return Some(status);
        }
    }
}

fn branch(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let after = text.split_once("branch").map_or("", |(_, after)| after);
    let ends = |c: char| c.is_whitespace() || matches!(c, ';' | ',');
    after.split(ends).next().unwrap_or_default().to_owned()
}

fn check(folder: &str, rows: &[(&str, &str, &str, &str)]) {
    let mut wrong = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut rig = Rig::start();
        let mut seen = BTreeSet::new();
        for (name, over_udp, over_tcp, about) in rows {
            let bytes = corpus(folder, name);
            // The archives use some branches twice: to one switch the second would be a repetition.
            let branch = branch(&bytes);
            if branch.is_empty() || seen.contains(&branch) {
                rig = Rig::start();
                seen.clear();
            }
            seen.insert(branch);
            let expected = match transport {
                Transport::Udp => over_udp,
                _ => over_tcp,
            };
            let got = verdict(&rig, transport, &bytes);
            let text = got.map_or_else(|| "-".to_owned(), |status| status.to_string());
            if !expected.split(' ').any(|status| status == text) {
                wrong.push(format!(
                    "{name} over {transport:?}: {text}, not {expected} ({about})"
                ));
            }
            assert!(rig.is_alive(), "{name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rfc_4475_is_answered_as_it_says() {
    check("torture", RFC_4475);
}

#[test]
fn rfc_5118_is_answered_as_it_says() {
    check("rfc5118", RFC_5118);
}
