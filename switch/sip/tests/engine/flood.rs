//! Tables stay bounded whatever arrives.

use crate::rig::{Rig, UDP, config, parse, request, request_with};
use tandem_sip::endpoint::EndpointConfig;

fn limited(max_transactions: usize) -> Rig {
    Rig::with(
        EndpointConfig {
            max_transactions,
            ..config()
        },
        UDP,
    )
}

fn from_source(rig: &mut Rig, host: u8, message: String) {
    let mut flow = rig.flow;
    flow.remote = format!("203.0.113.{host}:5060").parse().expect("address");
    rig.feed_on(flow, message);
}

#[test]
fn beyond_the_limit_new_requests_are_told_to_come_later() {
    let mut rig = limited(100);
    for n in 0..10_000_u32 {
        let host = (n % 200) as u8;
        from_source(&mut rig, host, request("INVITE", &format!("z9hG4bK{n}")));
        assert!(rig.ep.open_transactions() <= 100);
    }
    assert_eq!(rig.ep.counters().refused, 9_900);
    let refusal = parse(&rig.wire.back().expect("503").1);
    let after: u32 = refusal
        .header("retry-after")
        .expect("Retry-After")
        .parse()
        .expect("seconds");
    assert!(refusal.status() == Some(503) && (5..=10).contains(&after));
    let txns = rig.events.len();
    assert_eq!(txns, 100);
}

#[test]
fn a_refusal_is_the_same_each_time_and_its_ack_is_dropped() {
    let mut rig = limited(0);
    rig.feed(request("INVITE", "z9hG4bKi"));
    rig.feed(request("INVITE", "z9hG4bKi"));
    rig.expect(&["0 > 503 INVITE", "0 > 503 INVITE"]);
    assert_eq!(rig.wire[0].1, rig.wire[1].1);
    rig.feed(request("ACK", "z9hG4bKi"));
    rig.expect(&[]);
}

#[test]
fn one_source_cannot_take_the_last_quarter() {
    let mut rig = limited(100);
    for n in 0..200 {
        from_source(&mut rig, 1, request("INVITE", &format!("z9hG4bKa{n}")));
    }
    assert_eq!(rig.ep.open_transactions(), 75);
    from_source(&mut rig, 2, request("INVITE", "z9hG4bKb"));
    assert_eq!(rig.ep.open_transactions(), 76);
    for _ in 0..40 {
        let txn = rig.request_txn();
        rig.respond(txn, 486);
    }
    rig.run_to(60_000);
    assert_eq!(rig.ep.open_transactions(), 36);
    from_source(&mut rig, 1, request("INVITE", "z9hG4bKc"));
    assert_eq!(
        rig.ep.open_transactions(),
        37,
        "what ended no longer counts"
    );
}

#[test]
fn calls_can_end_when_no_new_one_may_begin() {
    let mut rig = limited(100);
    for n in 0..200_u32 {
        let host = (n % 100) as u8;
        from_source(&mut rig, host, request("INVITE", &format!("z9hG4bK{n}")));
    }
    assert_eq!(rig.ep.open_transactions(), 100);
    for n in 0..200 {
        let to = "<sip:us@192.0.2.1>;tag=ours";
        rig.feed(request_with("BYE", &format!("z9hG4bKbye{n}"), to, 2));
    }
    assert_eq!(rig.ep.open_transactions(), 112);
    rig.run_to(90_000);
    assert_eq!(rig.ep.open_transactions(), 100);
}

#[test]
fn strays_leave_nothing_behind() {
    let mut rig = limited(100);
    for n in 0..1_000 {
        rig.feed(request("ACK", &format!("z9hG4bK{n}")));
        rig.feed(request("CANCEL", &format!("z9hG4bK{n}")));
        rig.feed(format!("SIP/2.0 200 OK\r\n{}", headers(n)));
    }
    assert_eq!(
        (rig.ep.open_transactions(), rig.ep.poll_deadline()),
        (0, None)
    );
    assert_eq!(rig.ep.counters().strays, 2_000);
    assert!(rig.events.is_empty());
}

fn headers(n: u32) -> String {
    let text = request("INVITE", &format!("z9hG4bK{n}"));
    text.split_once("\r\n").expect("start line").1.to_owned()
}
