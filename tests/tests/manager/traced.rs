//! A trace of a call over real sockets has both of its legs, and none has cost anything before.

use crate::office::Office;
use tandem_billing::{GatewayId, LoginId, UtcMs};
use tandem_switch::trace::{self, Direction, Kept, Order, Secrets, Subject, View};

#[test]
fn a_trace_of_a_real_call_has_both_legs() {
    let office = Office::open();
    let tracer = office.daemon().tracer();
    assert!(!tracer.is_on(), "nothing is kept before it is asked for");
    let customer = office.customer("carrier");
    let order = |subject| Order {
        subject,
        view: View::All,
        login: LoginId(1),
        by: "ann".into(),
        secrets: Secrets::Masked,
        bytes: 1 << 20,
        from: UtcMs(0),
        until: UtcMs(i64::MAX),
    };
    let whole = tracer
        .start(order(Subject::Account(office.account("carrier"))))
        .expect("as asked for")
        .id;
    let other = tracer
        .start(order(Subject::Gateway(GatewayId(9_999))))
        .expect("as asked for")
        .id;
    customer.call("442079460123");
    let read = |id| {
        tracer
            .read(id, View::All, 0, usize::MAX)
            .expect("as asked for")
            .1
    };
    // All that was said before the customer heard of the answer is kept by then.
    let kept = read(whole);
    let (near, far) = (customer.at, office.carrier.at);
    let said = |direction, peer, line: &str| {
        let is_it = |kept: &&Kept| {
            (kept.direction, kept.remote) == (direction, peer) && kept.summary().starts_with(line)
        };
        kept.iter().filter(is_it).count()
    };
    for (direction, peer, line) in [
        (Direction::In, near, "INVITE "),
        (Direction::Out, near, "SIP/2.0 180 "),
        (Direction::Out, near, "SIP/2.0 200 "),
        (Direction::Out, far, "INVITE "),
        (Direction::In, far, "SIP/2.0 180 "),
        (Direction::In, far, "SIP/2.0 200 "),
        (Direction::Out, far, "ACK "),
    ] {
        assert_eq!(
            said(direction, peer, line),
            1,
            "{direction:?} {peer} {line}"
        );
    }
    let call = kept
        .first()
        .and_then(|kept| kept.call)
        .expect("the call is known");
    assert!(kept.iter().all(|kept| kept.call == Some(call)), "one call");
    assert!(read(other).is_empty(), "another's trace has nothing of it");
    let ladder = trace::text(&kept);
    assert!(
        ladder.contains("INVITE") && ladder.contains(&far.to_string()),
        "{ladder}"
    );

    // Of the call alone, begun while it is up: its end, on both legs, and nothing once the trace is over.
    let rest = tracer
        .start(order(Subject::Call(call)))
        .expect("as asked for")
        .id;
    assert!(office.hang_up(call));
    customer.is_hung_up();
    // What the core was asked before is done when it answers.
    office.hang_up(call);
    let byes: Vec<_> = read(rest)
        .into_iter()
        .filter(|kept| kept.summary().starts_with("BYE "))
        .map(|kept| kept.remote)
        .collect();
    assert!(byes.contains(&near) && byes.contains(&far), "{byes:?}");
    for id in [whole, other, rest] {
        assert!(tracer.stop(id, View::All, UtcMs(0)).is_some());
    }
    assert!(!tracer.is_on());
}
