//! RFC 3261 figure 5 with RFC 6026 section 7.2, CANCEL and forks.

use crate::rig::{Rig, TCP, UDP, flow, parse};
use tandem_sip::{
    dialog::Dialog,
    endpoint::{ClientTxn, Event},
    message::{Draft, response},
    value::Method,
};

fn inviting(listener: u16) -> (Rig, ClientTxn) {
    let mut rig = Rig::new(listener);
    let txn = rig.send(Method::Invite);
    rig.expect(&["0 > INVITE"]);
    (rig, txn)
}

fn dialog(rig: &Rig, txn: ClientTxn, response: &tandem_sip::Message) -> Dialog {
    let request = rig.ep.client_request(txn).expect("alive");
    Dialog::from_response(request, response).expect("tag and Contact")
}

#[test]
fn calling_repeats_until_timer_b() {
    let (mut rig, _) = inviting(UDP);
    rig.run_to(90_000);
    rig.expect(&[
        "500 > INVITE",
        "1500 > INVITE",
        "3500 > INVITE",
        "7500 > INVITE",
        "15500 > INVITE",
        "31500 > INVITE",
        "32000 * timeout",
    ]);
    assert_eq!(
        (rig.ep.open_transactions(), rig.ep.poll_deadline()),
        (0, None)
    );
}

#[test]
fn over_tcp_nothing_is_repeated() {
    let (mut rig, _) = inviting(TCP);
    rig.run_to(90_000);
    rig.expect(&["32000 * timeout"]);
}

#[test]
fn calling_ends_when_the_transport_fails() {
    let (mut rig, _) = inviting(UDP);
    rig.fail_flow();
    rig.run_to(90_000);
    rig.expect(&["0 * transport failed"]);
}

#[test]
fn a_flow_without_listener_fails_at_once() {
    let mut rig = Rig::new(UDP);
    rig.flow.listener = 9;
    rig.send(Method::Invite);
    rig.expect(&["0 * transport failed"]);
}

#[test]
fn a_provisional_stops_repeats_and_timer_b() {
    let (mut rig, _) = inviting(UDP);
    rig.answer(&Method::Invite, 100, "");
    rig.answer(&Method::Invite, 180, "a");
    rig.run_to(200_000);
    rig.fail_flow();
    rig.expect(&["0 * 100 INVITE", "0 * 180 INVITE"]);
}

#[test]
fn a_failure_is_acked_and_told_once() {
    for first in [None, Some(180)] {
        let (mut rig, _) = inviting(UDP);
        if let Some(status) = first {
            rig.answer(&Method::Invite, status, "a");
            rig.expect(&["0 * 180 INVITE"]);
        }
        rig.answer(&Method::Invite, 486, "a");
        rig.answer(&Method::Invite, 486, "a");
        rig.answer(&Method::Invite, 180, "a");
        rig.answer(&Method::Invite, 200, "a");
        rig.expect(&["0 > ACK", "0 * 486 INVITE", "0 > ACK"]);
        rig.run_to(31_999);
        rig.answer(&Method::Invite, 486, "a");
        rig.expect(&["31999 > ACK"]);
        rig.run_to(32_000);
        rig.answer(&Method::Invite, 486, "a");
        rig.run_to(90_000);
        rig.expect(&[]);
    }
}

#[test]
fn the_ack_to_a_failure_belongs_to_its_invite() {
    let (mut rig, _) = inviting(UDP);
    let invite = rig.last(&Method::Invite);
    rig.answer(&Method::Invite, 404, "a");
    let ack = rig.last(&Method::Ack);
    assert_eq!(ack.header("via"), invite.header("via"));
    assert_eq!(ack.header("from"), invite.header("from"));
    assert_eq!((ack.to_tag(), ack.cseq()), (Some("a"), 1));
    assert_eq!(ack.request_uri_text(), invite.request_uri_text());
}

#[test]
fn over_tcp_a_failure_ends_it_at_once() {
    let (mut rig, _) = inviting(TCP);
    rig.answer(&Method::Invite, 486, "a");
    assert_eq!(rig.ep.open_transactions(), 0);
    rig.answer(&Method::Invite, 486, "a");
    rig.run_to(90_000);
    rig.expect(&["0 > ACK", "0 * 486 INVITE"]);
}

#[test]
fn completed_ends_silently_when_the_transport_fails() {
    let (mut rig, _) = inviting(UDP);
    rig.answer(&Method::Invite, 486, "a");
    rig.fail_flow();
    rig.expect(&["0 > ACK", "0 * 486 INVITE"]);
    assert_eq!(rig.ep.open_transactions(), 0);
}

#[test]
fn each_repeat_of_a_success_gets_its_ack_again() {
    let (mut rig, txn) = inviting(UDP);
    rig.answer(&Method::Invite, 200, "a");
    rig.answer(&Method::Invite, 200, "a");
    rig.expect(&["0 * 200 INVITE"]);
    let ok = rig.response();
    let dialog = dialog(&rig, txn, &ok);
    rig.ack(txn, &dialog);
    rig.expect(&["0 > ACK"]);
    let first = rig.wire.back().expect("ACK").1.clone();
    rig.run_to(500);
    rig.answer(&Method::Invite, 200, "a");
    rig.answer(&Method::Invite, 180, "a");
    rig.answer(&Method::Invite, 500, "a");
    rig.fail_flow();
    rig.expect(&["500 > ACK"]);
    assert_eq!(rig.wire.back().expect("ACK").1, first);
    let (invite, ack) = (rig.last(&Method::Invite), parse(&first));
    assert_ne!(ack.top_via().branch, invite.top_via().branch);
    assert_eq!((ack.cseq(), ack.to_tag()), (1, Some("a")));
    assert_eq!(ack.request_uri_text(), "sip:bob-a@198.51.100.9");
    rig.run_to(32_000);
    rig.answer(&Method::Invite, 200, "a");
    rig.run_to(90_000);
    rig.expect(&[]);
    assert_eq!(rig.ep.open_transactions(), 0);
}

#[test]
fn forks_come_up_with_their_own_tags_and_get_their_own_acks() {
    let (mut rig, txn) = inviting(UDP);
    rig.answer(&Method::Invite, 180, "a");
    rig.answer(&Method::Invite, 180, "b");
    rig.answer(&Method::Invite, 200, "a");
    let a = rig.response();
    rig.answer(&Method::Invite, 200, "b");
    let b = rig.response();
    assert_eq!((a.to_tag(), b.to_tag()), (Some("a"), Some("b")));
    rig.expect(&[
        "0 * 180 INVITE",
        "0 * 180 INVITE",
        "0 * 200 INVITE",
        "0 * 200 INVITE",
    ]);
    for answer in [&a, &b] {
        let dialog = dialog(&rig, txn, answer);
        rig.ack(txn, &dialog);
    }
    rig.expect(&["0 > ACK", "0 > ACK"]);
    rig.answer(&Method::Invite, 200, "a");
    assert_eq!(rig.last(&Method::Ack).to_tag(), Some("a"));
    rig.answer(&Method::Invite, 200, "b");
    assert_eq!(rig.last(&Method::Ack).to_tag(), Some("b"));
    rig.expect(&["0 > ACK", "0 > ACK"]);
}

#[test]
fn forks_are_bounded() {
    let (mut rig, _) = inviting(UDP);
    for fork in 0..100 {
        rig.answer(&Method::Invite, 200, &format!("f{fork}"));
    }
    assert_eq!(rig.events.len(), 16);
}

#[test]
fn cancel_waits_for_a_provisional() {
    let (mut rig, txn) = inviting(UDP);
    rig.cancel(txn);
    rig.run_to(600);
    rig.expect(&["500 > INVITE"]);
    rig.answer(&Method::Invite, 180, "a");
    rig.cancel(txn);
    rig.expect(&["600 * 180 INVITE", "600 > CANCEL"]);
    let (invite, cancel) = (rig.last(&Method::Invite), rig.last(&Method::Cancel));
    assert_eq!(invite.header("via"), cancel.header("via"));
    assert_eq!((cancel.cseq(), cancel.to_tag()), (1, None));
    rig.answer(&Method::Cancel, 200, "a");
    rig.answer(&Method::Invite, 487, "a");
    rig.run_to(90_000);
    rig.expect(&["600 > ACK", "600 * 487 INVITE"]);
    assert_eq!(rig.ep.open_transactions(), 0);
}

#[test]
fn a_cancel_goes_at_once_after_a_provisional_and_is_repeated() {
    let (mut rig, txn) = inviting(UDP);
    rig.answer(&Method::Invite, 180, "a");
    rig.cancel(txn);
    rig.cancel(txn);
    rig.run_to(1_600);
    rig.expect(&[
        "0 * 180 INVITE",
        "0 > CANCEL",
        "500 > CANCEL",
        "1500 > CANCEL",
    ]);
    rig.answer(&Method::Cancel, 200, "a");
    rig.run_to(31_999);
    rig.expect(&[]);
    rig.run_to(90_000);
    rig.expect(&["32000 * timeout"]);
    assert_eq!(rig.ep.open_transactions(), 0);
}

#[test]
fn a_cancel_without_any_provisional_is_never_sent() {
    let (mut rig, txn) = inviting(UDP);
    rig.cancel(txn);
    rig.answer(&Method::Invite, 486, "a");
    rig.run_to(90_000);
    rig.expect(&["0 > ACK", "0 * 486 INVITE"]);
    let (mut rig, txn) = inviting(UDP);
    rig.cancel(txn);
    rig.answer(&Method::Invite, 200, "a");
    rig.cancel(txn);
    rig.expect(&["0 * 200 INVITE"]);
}

#[test]
fn a_success_that_crossed_the_cancel_comes_up() {
    let (mut rig, txn) = inviting(UDP);
    rig.answer(&Method::Invite, 180, "a");
    rig.cancel(txn);
    rig.answer(&Method::Invite, 200, "a");
    rig.answer(&Method::Cancel, 200, "a");
    rig.expect(&["0 * 180 INVITE", "0 > CANCEL", "0 * 200 INVITE"]);
    let ok = rig.response();
    let dialog = dialog(&rig, txn, &ok);
    rig.ack(txn, &dialog);
    rig.run_to(90_000);
    rig.expect(&["0 > ACK"]);
}

#[test]
fn responses_to_nobody_are_strays() {
    let (mut rig, _) = inviting(UDP);
    let invite = rig.last(&Method::Invite);
    let ok = response(&invite, 200, "", "a", &Draft::new());
    let text = String::from_utf8(ok.to_vec()).expect("text");
    let branch = invite.top_via().branch.expect("branch").to_owned();
    let not_ours = [
        text.replace(&branch, "z9hG4bKguessed"),
        text.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        text.replace("192.0.2.1:5060", "192.0.2.1:5099"),
        text.replacen(
            "Via: ",
            "Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx\r\nVia: ",
            1,
        ),
    ];
    for message in not_ours {
        assert_ne!(message, text);
        rig.feed(message);
    }
    rig.expect(&[]);
    assert_eq!(rig.ep.counters().strays, 4);
    rig.feed(text);
    rig.expect(&["0 * 200 INVITE"]);
}

#[test]
fn a_connection_opened_for_the_request_fails_with_it() {
    let mut rig = Rig::new(TCP);
    rig.flow.connection = 0;
    rig.send(Method::Options);
    rig.flow = flow(TCP);
    rig.answer(&Method::Options, 100, "");
    rig.fail_flow();
    rig.expect(&["0 > OPTIONS", "0 * 100 OPTIONS", "0 * transport failed"]);
    assert!(matches!(
        rig.events.back(),
        Some(Event::TransportFailed { .. })
    ));
}

#[test]
fn branches_tags_and_call_ids_are_long_and_differ() {
    let mut rig = Rig::new(UDP);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        rig.send(Method::Options);
        let sent = rig.last(&Method::Options);
        let branch = sent.top_via().branch.expect("branch").to_owned();
        assert!(
            branch.starts_with("z9hG4bK") && branch.len() >= 7 + 16,
            "{branch}"
        );
        assert!(seen.insert(branch));
        assert!(seen.insert(rig.ep.new_tag()) && seen.insert(rig.ep.new_call_id()));
        assert!(sent.header("via").expect("Via").contains(";rport"));
        assert_eq!(sent.header("content-length"), Some("0"));
    }
    assert!(seen.iter().all(|text| text.len() >= 16));
}
