//! Every message of RFC 4475 and RFC 5118 with its verdict, and 100,000 seeded mutations of them.

use bytes::Bytes;
use std::{collections::BTreeSet, fs, path::Path};
use tandem_sip::{Message, Parsed};

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
