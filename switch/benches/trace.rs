//! What SIP traces cost the core's thread for each message: with none, with one of somebody else, with one of its own.
#![allow(clippy::unwrap_used, missing_docs)] // a bench fails by panicking; divan's entry points are generated

use divan::Bencher;
use std::net::{IpAddr, SocketAddr};
use tandem_billing::{LoginId, UtcMs};
use tandem_call::switch::Belonging;
use tandem_sip::Transport;
use tandem_switch::trace::{Direction, Order, Passing, Secrets, Subject, Tracer, View};

fn main() {
    divan::main();
}

const INVITE: &[u8] = b"INVITE sip:442071234@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bK-1\r\n\
    Max-Forwards: 70\r\nFrom: <sip:4930123@198.51.100.10>;tag=a\r\nTo: <sip:442071234@192.0.2.1>\r\nCall-ID: one@198.51.100.10\r\n\
    CSeq: 1 INVITE\r\nContact: <sip:4930123@198.51.100.10>\r\nAuthorization: Digest username=\"a\", response=\"0123\"\r\n\
    Content-Length: 0\r\n\r\n";

fn tracing(source: Option<&str>) -> Tracer {
    let tracer = Tracer::default();
    if let Some(source) = source {
        let order = Order {
            subject: Subject::Source(source.parse::<IpAddr>().unwrap()),
            view: View::All,
            login: LoginId(1),
            by: "ann".into(),
            secrets: Secrets::Masked,
            bytes: 1 << 20,
            from: UtcMs(0),
            until: UtcMs(i64::MAX),
        };
        tracer.start(order).unwrap();
    }
    tracer
}

/// As the core's thread does: it asks first, and hands over only what may be kept.
fn pass(tracer: &Tracer, belonging: &Belonging, peer: SocketAddr) {
    if divan::black_box(tracer).is_on() {
        let passing = Passing {
            at: UtcMs(1),
            direction: Direction::In,
            transport: Transport::Udp,
            local: peer,
            remote: peer,
            call_id: "one@198.51.100.10",
            bytes: divan::black_box(INVITE),
            tokens: &[],
        };
        tracer.record(passing, belonging);
    }
}

#[divan::bench(args = ["off", "of somebody else", "of this peer"])]
fn a_message(bencher: Bencher, trace: &str) {
    let tracer = match trace {
        "off" => tracing(None),
        "of this peer" => tracing(Some("198.51.100.10")),
        _ => tracing(Some("203.0.113.1")),
    };
    let (belonging, peer) = (Belonging::default(), "198.51.100.10:5060".parse().unwrap());
    bencher.bench_local(|| pass(&tracer, &belonging, peer));
}
