//! What reading and answering one message costs: `cargo bench -p tandem-sip --bench parse`.

use bytes::Bytes;
use divan::{Bencher, black_box};
use tandem_sip::{
    Message, Parsed,
    message::{Draft, response},
};

fn main() {
    assert_eq!(INVITE.len(), 916);
    divan::main();
}

/// An INVITE of 916 bytes, as a phone sends it.
const INVITE: &str = "INVITE sip:13055550123@sip.example.net:5060;user=phone SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.14:5060;rport;branch=z9hG4bK-524287-1---b5c0a1d9e7f34a21\r\n\
Max-Forwards: 70\r\n\
Contact: <sip:4711@192.0.2.14:5060;transport=UDP>\r\n\
To: <sip:13055550123@sip.example.net>\r\n\
From: \"Front Desk\" <sip:4711@sip.example.net>;tag=7a9d6b41\r\n\
Call-ID: 8NnD1x0V7x7yY1fJk3mZ2w..@192.0.2.14\r\n\
CSeq: 1 INVITE\r\n\
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r\n\
Content-Type: application/sdp\r\n\
Supported: replaces, norefersub, extended-refer, timer, outbound, path\r\n\
User-Agent: Bench Phone 5.6.1 rv2.10.20.3.17\r\nP-Early-Media: supported\r\n\
Allow-Events: presence, kpml, talk\r\n\
Content-Length: 222\r\n\
\r\n\
v=0\r\n\
o=- 3912012345 1 IN IP4 192.0.2.14\r\n\
s=Bench Phone\r\n\
c=IN IP4 192.0.2.14\r\n\
t=0 0\r\n\
m=audio 8000 RTP/AVP 0 8 101\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-16\r\n\
a=sendrecv\r\n";

fn invite() -> Message {
    match Message::parse(Bytes::from_static(INVITE.as_bytes())) {
        Parsed::Message(message) => message,
        other => unreachable!("{other:?}"),
    }
}

#[divan::bench]
fn parse_invite(bencher: Bencher) {
    let bytes = Bytes::from_static(INVITE.as_bytes());
    bencher
        .counter(divan::counter::BytesCount::new(INVITE.len()))
        .bench_local(|| Message::parse(black_box(bytes.clone())));
}

#[divan::bench]
fn parse_folded_invite(bencher: Bencher) {
    let bytes = Bytes::from(INVITE.replace(", norefersub", ",\r\n norefersub"));
    bencher.bench_local(|| Message::parse(black_box(bytes.clone())));
}

#[divan::bench]
fn top_via(bencher: Bencher) {
    let message = invite();
    bencher.bench_local(|| black_box(&message).top_via().branch.map(str::len));
}

#[divan::bench]
fn typed_from_to_contact_uri(bencher: Bencher) {
    let message = invite();
    bencher.bench_local(|| {
        let m = black_box(&message);
        (m.from(), m.to(), m.contacts(), m.request_uri())
    });
}

#[divan::bench]
fn response_180(bencher: Bencher) {
    let mut message = invite();
    message.set_source(std::net::SocketAddr::from(([192, 0, 2, 14], 5060)));
    let draft = Draft::new().header("Contact", "<sip:13055550123@192.0.2.1:5060>");
    bencher.bench_local(|| response(black_box(&message), 180, "", "6f1e", &draft));
}
