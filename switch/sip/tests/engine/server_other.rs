//! RFC 3261 figure 8.

use crate::rig::{Rig, TCP, UDP, request};
use tandem_sip::endpoint::ServerTxn;

fn asked(listener: u16) -> (Rig, ServerTxn) {
    let mut rig = Rig::new(listener);
    rig.feed(request("OPTIONS", "z9hG4bKo"));
    rig.expect(&["0 * OPTIONS"]);
    let txn = rig.request_txn();
    (rig, txn)
}

#[test]
fn trying_absorbs_repeats_in_silence() {
    let (mut rig, _) = asked(UDP);
    rig.feed(request("OPTIONS", "z9hG4bKo"));
    rig.run_to(31_999);
    assert_eq!(rig.ep.open_transactions(), 1);
    rig.run_to(90_000);
    rig.expect(&[]);
    assert_eq!(
        rig.ep.open_transactions(),
        0,
        "what is never answered is forgotten"
    );
}

#[test]
fn proceeding_repeats_the_provisional() {
    let (mut rig, txn) = asked(UDP);
    rig.respond(txn, 100);
    rig.feed(request("OPTIONS", "z9hG4bKo"));
    rig.respond(txn, 180);
    rig.feed(request("OPTIONS", "z9hG4bKo"));
    rig.expect(&[
        "0 > 100 OPTIONS",
        "0 > 100 OPTIONS",
        "0 > 180 OPTIONS",
        "0 > 180 OPTIONS",
    ]);
    rig.run_to(90_000);
    rig.expect(&[]);
    assert_eq!(rig.ep.open_transactions(), 0);
}

#[test]
fn completed_repeats_the_final_until_timer_j() {
    for provisional in [None, Some(100)] {
        let (mut rig, txn) = asked(UDP);
        if let Some(status) = provisional {
            rig.respond(txn, status);
            rig.expect(&["0 > 100 OPTIONS"]);
        }
        rig.respond(txn, 200);
        rig.respond(txn, 500);
        rig.respond(txn, 100);
        rig.run_to(31_999);
        rig.feed(request("OPTIONS", "z9hG4bKo"));
        rig.expect(&["0 > 200 OPTIONS", "31999 > 200 OPTIONS"]);
        rig.run_to(32_000);
        assert_eq!(
            (rig.ep.open_transactions(), rig.ep.poll_deadline()),
            (0, None)
        );
        rig.feed(request("OPTIONS", "z9hG4bKo"));
        rig.expect(&["32000 * OPTIONS"]);
    }
}

#[test]
fn over_tcp_a_final_ends_it_at_once() {
    let (mut rig, txn) = asked(TCP);
    rig.respond(txn, 404);
    rig.expect(&["0 > 404 OPTIONS"]);
    assert_eq!(
        (rig.ep.open_transactions(), rig.ep.poll_deadline()),
        (0, None)
    );
}

#[test]
fn one_branch_under_two_methods_is_two_transactions() {
    let (mut rig, _) = asked(UDP);
    rig.feed(request("INFO", "z9hG4bKo"));
    rig.expect(&["0 * INFO"]);
}

#[test]
fn the_request_is_kept_until_its_final() {
    let (mut rig, txn) = asked(UDP);
    rig.respond(txn, 100);
    assert!(rig.ep.server_request(txn).is_some());
    rig.respond(txn, 200);
    assert!(rig.ep.server_request(txn).is_none());
}

#[test]
fn what_cannot_be_read_is_answered_or_dropped() {
    let mut rig = Rig::new(UDP);
    let broken = request("OPTIONS", "z9hG4bKo").replace("CSeq: 1 OPTIONS", "CSeq: one OPTIONS");
    rig.feed(broken);
    rig.expect(&["0 > SIP/2.0 400 Malformed CSeq"]);
    rig.feed("\r\n\r\n");
    rig.feed("what?");
    rig.expect(&[]);
    let counted = rig.ep.counters();
    assert_eq!(
        (
            counted.rejected,
            counted.dropped,
            rig.ep.open_transactions()
        ),
        (1, 2, 0)
    );
}
