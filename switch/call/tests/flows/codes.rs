//! Which answers of a gateway end the hunt, and when it is used at all: as the operator wrote it.

use super::{
    GATE, GATE2, TRUNK, at,
    kit::{Callee, Caller, World},
    plan,
};
use tandem_call::{
    decide::{Step, Trace},
    directory::Hours,
};

/// Why routes were dropped and how attempts ended, in order.
fn steps(world: &World) -> Vec<String> {
    let trace: Trace = serde_json::from_str(&world.book.only_cdr().trace).expect("a trace");
    let told = |step| match step {
        Step::Dropped { reason, .. } => Some(reason),
        Step::Tried { outcome, .. } => Some(outcome),
        _ => None,
    };
    trace.steps.into_iter().filter_map(told).collect()
}

#[test]
fn the_codes_of_a_gateway_say_which_answers_stop() {
    for (codes, status, stops) in [
        ("", "486 Busy Here", true),
        ("", "503 Service Unavailable", false),
        ("xxx", "486 Busy Here", false),
        ("xxx", "603 Decline", false),
        ("5xx,408;!503", "503 Service Unavailable", true),
        ("5xx,408;!503", "500 Server Internal Error", false),
        ("!4xx 480", "403 Forbidden", true),
        ("!4xx 480", "480 Temporarily Unavailable", false),
    ] {
        let plan = plan().with_gateway(1, |gateway| {
            gateway.hunt.codes = codes.parse().expect("sound");
        });
        let mut world = World::new(plan.build(), &[(1, 10)]);
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
        caller.invite(&mut world);
        world.expect(caller.at, "100");
        Callee::take(&mut world, GATE).say(&mut world, status, None);
        let goes_on = world.waits(at(GATE2), "INVITE");
        assert_eq!(goes_on, !stops, "{codes:?} {status}");
        if stops {
            let number = &status[..3];
            let refusal = world.take(caller.at).expect("an answer");
            caller.ack_failure(&mut world, &refusal);
            assert_eq!(
                steps(&world),
                [format!("{number}, which stops the hunt")],
                "{codes:?}"
            );
        }
    }
}

#[test]
fn silence_goes_on_whatever_the_codes_say() {
    let plan = plan().with_gateway(1, |gateway| {
        gateway.hunt.codes = "!xxx".parse().expect("sound");
    });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    world.seconds(5);
    assert!(world.waits(at(GATE2), "INVITE"));
}

#[test]
fn outside_its_hours_a_gateway_is_passed_over() {
    // The test begins on a Thursday at midnight.
    for (from_minute, to_minute, used) in [(0, 60, true), (60, 1440, false)] {
        let plan = plan().with_gateway(1, |gateway| {
            gateway.hours = Hours::always();
            gateway.hours.span.from_minute = from_minute;
            gateway.hours.span.to_minute = to_minute;
        });
        let mut world = World::new(plan.build(), &[(1, 10)]);
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
        caller.invite(&mut world);
        assert_eq!(world.waits(at(GATE), "INVITE"), used);
        if !used {
            Callee::take(&mut world, GATE2).answer(&mut world);
            caller.ack(&mut world, None);
            caller.bye(&mut world);
            assert_eq!(
                steps(&world),
                ["outside the gateway's days and hours", "answered"]
            );
        }
    }
}
