//! RFC 3261 figure 7 with RFC 6026 section 7.1, and the ACK to a 2xx.

use crate::rig::{Rig, TCP, UDP, parse, request, request_with};
use tandem_sip::endpoint::{Event, ServerTxn};

const INVITE: &str = "z9hG4bKi";

fn invited(listener: u16) -> (Rig, ServerTxn) {
    let mut rig = Rig::new(listener);
    rig.feed(request("INVITE", INVITE));
    rig.expect(&["0 * INVITE"]);
    let txn = rig.request_txn();
    (rig, txn)
}

fn ack(branch: &str) -> String {
    request_with("ACK", branch, "<sip:us@192.0.2.1>;tag=ours", 1)
}

#[test]
fn a_slow_user_is_covered_by_one_trying() {
    let (mut rig, _) = invited(UDP);
    rig.run_to(60_000);
    rig.expect(&["200 > 100 INVITE"]);
}

#[test]
fn trying_at_once_is_the_only_one() {
    let (mut rig, txn) = invited(UDP);
    rig.trying(txn);
    rig.trying(txn);
    rig.run_to(60_000);
    rig.expect(&["0 > 100 INVITE"]);
}

#[test]
fn a_fast_user_leaves_no_trying() {
    let (mut rig, txn) = invited(UDP);
    rig.run_to(150);
    rig.respond(txn, 180);
    rig.trying(txn);
    rig.run_to(60_000);
    rig.expect(&["150 > 180 INVITE"]);
}

#[test]
fn proceeding_answers_a_repeated_invite_with_the_last_provisional() {
    let (mut rig, txn) = invited(UDP);
    rig.feed(request("INVITE", INVITE));
    rig.expect(&["0 > 100 INVITE"]);
    rig.respond(txn, 183);
    rig.respond(txn, 180);
    rig.feed(request("INVITE", INVITE));
    rig.expect(&["0 > 183 INVITE", "0 > 180 INVITE", "0 > 180 INVITE"]);
    rig.feed(ack(INVITE));
    rig.run_to(60_000);
    rig.expect(&[]);
}

#[test]
fn a_failure_is_repeated_until_acked() {
    let (mut rig, txn) = invited(UDP);
    rig.respond(txn, 486);
    rig.run_to(2_000);
    rig.feed(request("INVITE", INVITE));
    rig.expect(&[
        "0 > 486 INVITE",
        "500 > 486 INVITE",
        "1500 > 486 INVITE",
        "2000 > 486 INVITE",
    ]);
    rig.feed(ack(INVITE));
    rig.feed(request("INVITE", INVITE));
    rig.feed(ack(INVITE));
    rig.run_to(6_999);
    assert_eq!(rig.ep.open_transactions(), 1);
    rig.run_to(7_000);
    assert_eq!(rig.ep.open_transactions(), 0);
    rig.expect(&[]);
}

#[test]
fn a_failure_without_ack_ends_after_timer_h() {
    let (mut rig, txn) = invited(UDP);
    rig.respond(txn, 486);
    rig.expect(&["0 > 486 INVITE"]);
    rig.run_to(31_999);
    rig.expect(&[
        "500 > 486 INVITE",
        "1500 > 486 INVITE",
        "3500 > 486 INVITE",
        "7500 > 486 INVITE",
        "11500 > 486 INVITE",
        "15500 > 486 INVITE",
        "19500 > 486 INVITE",
        "23500 > 486 INVITE",
        "27500 > 486 INVITE",
        "31500 > 486 INVITE",
    ]);
    rig.run_to(90_000);
    rig.expect(&[]);
    assert_eq!(rig.ep.open_transactions(), 0);
}

#[test]
fn over_tcp_a_failure_is_sent_once_and_its_ack_ends_it() {
    let (mut rig, txn) = invited(TCP);
    rig.respond(txn, 486);
    rig.run_to(10_000);
    rig.expect(&["0 > 486 INVITE"]);
    rig.feed(ack(INVITE));
    assert_eq!(rig.ep.open_transactions(), 0);
    rig.run_to(60_000);
    rig.expect(&[]);
}

#[test]
fn over_tcp_timer_h_still_ends_it() {
    let (mut rig, txn) = invited(TCP);
    rig.respond(txn, 486);
    rig.run_to(31_999);
    assert_eq!(rig.ep.open_transactions(), 1);
    rig.run_to(32_000);
    assert_eq!(rig.ep.open_transactions(), 0);
    rig.expect(&["0 > 486 INVITE"]);
}

#[test]
fn a_success_is_repeated_until_its_ack_comes_under_a_new_branch() {
    for listener in [UDP, TCP] {
        let (mut rig, txn) = invited(listener);
        rig.respond(txn, 200);
        rig.run_to(1_000);
        rig.feed(request("INVITE", INVITE));
        rig.expect(&["0 > 200 INVITE", "500 > 200 INVITE"]);
        rig.feed(ack("z9hG4bKa"));
        rig.expect(&["1000 * acked"]);
        rig.feed(ack("z9hG4bKa"));
        rig.feed(request("INVITE", INVITE));
        rig.run_to(31_999);
        assert_eq!(
            rig.ep.open_transactions(),
            1,
            "repeated INVITEs are absorbed until timer L"
        );
        rig.run_to(90_000);
        rig.expect(&[]);
        assert_eq!(rig.ep.open_transactions(), 0);
        assert_eq!(rig.ep.counters().strays, 1);
    }
}

#[test]
fn a_success_never_acked_is_told() {
    let (mut rig, txn) = invited(UDP);
    rig.respond(txn, 200);
    rig.run_to(31_999);
    rig.expect(&[
        "0 > 200 INVITE",
        "500 > 200 INVITE",
        "1500 > 200 INVITE",
        "3500 > 200 INVITE",
        "7500 > 200 INVITE",
        "11500 > 200 INVITE",
        "15500 > 200 INVITE",
        "19500 > 200 INVITE",
        "23500 > 200 INVITE",
        "27500 > 200 INVITE",
        "31500 > 200 INVITE",
    ]);
    rig.run_to(90_000);
    rig.expect(&["32000 * ack timeout"]);
    assert_eq!(rig.ep.open_transactions(), 0);
    assert_eq!(rig.ep.poll_deadline(), None);
}

#[test]
fn the_ack_of_an_old_peer_repeats_the_branch() {
    let (mut rig, txn) = invited(UDP);
    rig.respond(txn, 200);
    rig.feed(ack(INVITE));
    rig.run_to(20_000);
    rig.expect(&["0 > 200 INVITE", "0 * acked"]);
}

#[test]
fn an_ack_with_another_tag_or_cseq_is_a_stray() {
    let (mut rig, txn) = invited(UDP);
    rig.respond(txn, 200);
    rig.feed(request_with(
        "ACK",
        "z9hG4bKa",
        "<sip:us@192.0.2.1>;tag=other",
        1,
    ));
    rig.feed(request_with(
        "ACK",
        "z9hG4bKa",
        "<sip:us@192.0.2.1>;tag=ours",
        2,
    ));
    rig.expect(&["0 > 200 INVITE"]);
    assert_eq!(rig.ep.counters().strays, 2);
}

#[test]
fn only_one_final_response_counts() {
    let (mut rig, txn) = invited(UDP);
    rig.respond(txn, 200);
    rig.feed(ack("z9hG4bKa"));
    rig.expect(&["0 > 200 INVITE", "0 * acked"]);
    for status in [180, 200, 486] {
        rig.respond(txn, status);
    }
    rig.run_to(90_000);
    rig.expect(&[]);
}

#[test]
fn impossible_statuses_are_ignored() {
    let (mut rig, txn) = invited(UDP);
    for status in [0, 99, 700, 1000] {
        rig.respond(txn, status);
    }
    rig.expect(&[]);
}

#[test]
fn responses_go_where_the_request_came_from() {
    let (mut rig, txn) = invited(UDP);
    rig.respond(txn, 180);
    let (flow, bytes) = rig.wire.pop_back().expect("180");
    assert_eq!(flow, rig.flow);
    let response = parse(&bytes);
    let via = response.header("via").expect("Via");
    assert!(
        via.contains("rport=5060") && via.contains("received=198.51.100.9"),
        "{via}"
    );
    assert_eq!(response.to_tag(), Some("ours"));
}

#[test]
fn an_empty_tag_is_made_up_once() {
    let (mut rig, txn) = invited(UDP);
    for status in [180, 200] {
        rig.ep
            .respond(rig.now, txn, status, "", "", Default::default());
    }
    rig.run_to(0);
    rig.feed(request("OPTIONS", "z9hG4bKo"));
    let tags: Vec<_> = rig
        .wire
        .iter()
        .map(|(_, b)| parse(b).to_tag().map(str::to_owned))
        .collect();
    assert!(
        tags.len() == 2 && tags[0] == tags[1] && tags[0].as_ref().is_some_and(|t| t.len() >= 16)
    );
}

#[test]
fn cancel_is_answered_and_told_once() {
    let (mut rig, txn) = invited(UDP);
    rig.respond(txn, 180);
    rig.feed(request("CANCEL", INVITE));
    rig.feed(request("CANCEL", INVITE));
    rig.expect(&[
        "0 > 180 INVITE",
        "0 > 200 CANCEL",
        "0 * cancelled",
        "0 > 200 CANCEL",
    ]);
    let cancel_tag = parse(&rig.wire.back().expect("200").1)
        .to_tag()
        .map(str::to_owned);
    assert_eq!(cancel_tag.as_deref(), Some("ours"));
    assert!(matches!(rig.events.back(), Some(Event::Cancelled { txn: t, .. }) if *t == txn));
    rig.respond(txn, 487);
    rig.feed(ack(INVITE));
    rig.run_to(60_000);
    rig.expect(&["0 > 487 INVITE"]);
}

#[test]
fn cancel_after_the_final_changes_nothing() {
    let (mut rig, txn) = invited(UDP);
    rig.respond(txn, 200);
    rig.feed(request("CANCEL", INVITE));
    rig.feed(ack("z9hG4bKa"));
    rig.run_to(90_000);
    rig.expect(&["0 > 200 INVITE", "0 > 200 CANCEL", "0 * acked"]);
}

#[test]
fn cancel_of_nothing_is_481_and_the_same_each_time() {
    let mut rig = Rig::new(UDP);
    rig.feed(request("CANCEL", INVITE));
    rig.feed(request("CANCEL", INVITE));
    rig.expect(&["0 > 481 CANCEL", "0 > 481 CANCEL"]);
    assert_eq!(rig.wire[0].1, rig.wire[1].1);
    assert_eq!(rig.ep.open_transactions(), 0);
}

#[test]
fn an_old_peer_without_the_cookie_is_matched_whole() {
    let mut rig = Rig::new(UDP);
    rig.feed(request("INVITE", "1"));
    let txn = rig.request_txn();
    rig.feed(request("INVITE", "1"));
    rig.expect(&["0 * INVITE", "0 > 100 INVITE"]);
    rig.feed(request_with("INVITE", "1", "<sip:us@192.0.2.1>", 2));
    rig.expect(&["0 * INVITE"]);
    rig.feed(request("CANCEL", "1"));
    rig.expect(&["0 > 200 CANCEL", "0 * cancelled"]);
    rig.respond(txn, 487);
    rig.feed(ack("1"));
    rig.expect(&["0 > 487 INVITE"]);
    rig.run_to(199);
    rig.expect(&[]);
}

#[test]
fn the_same_branch_from_two_senders_is_two_transactions() {
    let mut rig = Rig::new(UDP);
    rig.feed(request("INVITE", INVITE));
    rig.feed(request("INVITE", INVITE).replace("UDP 198.51.100.9:5060", "UDP 198.51.100.9:5061"));
    rig.expect(&["0 * INVITE", "0 * INVITE"]);
}

#[test]
fn a_stray_ack_is_dropped() {
    let mut rig = Rig::new(UDP);
    rig.feed(ack("z9hG4bKa"));
    rig.run_to(60_000);
    rig.expect(&[]);
}
