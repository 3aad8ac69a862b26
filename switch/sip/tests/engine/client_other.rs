//! RFC 3261 figure 6.

use crate::rig::{Rig, TCP, UDP};
use tandem_sip::value::Method;

fn asking(listener: u16) -> Rig {
    let mut rig = Rig::new(listener);
    rig.send(Method::Options);
    rig.expect(&["0 > OPTIONS"]);
    rig
}

#[test]
fn trying_repeats_up_to_t2_until_timer_f() {
    let mut rig = asking(UDP);
    rig.run_to(90_000);
    rig.expect(&[
        "500 > OPTIONS",
        "1500 > OPTIONS",
        "3500 > OPTIONS",
        "7500 > OPTIONS",
        "11500 > OPTIONS",
        "15500 > OPTIONS",
        "19500 > OPTIONS",
        "23500 > OPTIONS",
        "27500 > OPTIONS",
        "31500 > OPTIONS",
        "32000 * timeout",
    ]);
    assert_eq!(
        (rig.ep.open_transactions(), rig.ep.poll_deadline()),
        (0, None)
    );
}

#[test]
fn proceeding_repeats_every_t2_until_timer_f() {
    let mut rig = asking(UDP);
    rig.answer(&Method::Options, 100, "");
    rig.answer(&Method::Options, 180, "a");
    rig.expect(&["0 * 100 OPTIONS", "0 * 180 OPTIONS"]);
    rig.run_to(90_000);
    rig.expect(&[
        "500 > OPTIONS",
        "4500 > OPTIONS",
        "8500 > OPTIONS",
        "12500 > OPTIONS",
        "16500 > OPTIONS",
        "20500 > OPTIONS",
        "24500 > OPTIONS",
        "28500 > OPTIONS",
        "32000 * timeout",
    ]);
}

#[test]
fn over_tcp_nothing_is_repeated() {
    for provisional in [None, Some(100)] {
        let mut rig = asking(TCP);
        if let Some(status) = provisional {
            rig.answer(&Method::Options, status, "");
            rig.expect(&["0 * 100 OPTIONS"]);
        }
        rig.run_to(90_000);
        rig.expect(&["32000 * timeout"]);
    }
}

#[test]
fn any_final_is_told_once_and_absorbed_for_timer_k() {
    for (provisional, status) in [(None, 200), (None, 404), (Some(100), 200), (Some(100), 503)] {
        let mut rig = asking(UDP);
        if let Some(status) = provisional {
            rig.answer(&Method::Options, status, "");
            rig.expect(&["0 * 100 OPTIONS"]);
        }
        rig.answer(&Method::Options, status, "a");
        rig.answer(&Method::Options, status, "a");
        rig.answer(&Method::Options, 100, "");
        rig.expect(&[&format!("0 * {status} OPTIONS")]);
        rig.fail_flow();
        rig.run_to(4_999);
        assert_eq!(rig.ep.open_transactions(), 1);
        rig.run_to(90_000);
        rig.expect(&[]);
        assert_eq!(
            (rig.ep.open_transactions(), rig.ep.counters().strays),
            (0, 0)
        );
    }
}

#[test]
fn over_tcp_a_final_ends_it_at_once() {
    let mut rig = asking(TCP);
    rig.answer(&Method::Options, 200, "a");
    assert_eq!(
        (rig.ep.open_transactions(), rig.ep.poll_deadline()),
        (0, None)
    );
    rig.answer(&Method::Options, 200, "a");
    rig.run_to(90_000);
    rig.expect(&["0 * 200 OPTIONS"]);
}

#[test]
fn a_failed_transport_ends_it_before_a_final() {
    for provisional in [None, Some(100)] {
        let mut rig = asking(UDP);
        if let Some(status) = provisional {
            rig.answer(&Method::Options, status, "");
            rig.expect(&["0 * 100 OPTIONS"]);
        }
        rig.fail_flow();
        rig.run_to(90_000);
        rig.expect(&["0 * transport failed"]);
        assert_eq!(rig.ep.open_transactions(), 0);
    }
}

#[test]
fn a_failed_flow_ends_only_what_was_sent_over_it() {
    let mut rig = asking(UDP);
    rig.flow.remote.set_port(5999);
    rig.fail_flow();
    rig.expect(&[]);
    assert_eq!(rig.ep.open_transactions(), 1);
}

#[test]
fn only_an_invite_can_be_cancelled() {
    let mut rig = Rig::new(UDP);
    let txn = rig.send(Method::Options);
    rig.answer(&Method::Options, 100, "");
    rig.cancel(txn);
    rig.expect(&["0 > OPTIONS", "0 * 100 OPTIONS"]);
}
