//! Gateways that are watched: OPTIONS to each host, calls that find nobody, and what the hunt makes of both.

use super::{
    GATE, GATE2, TRUNK, at,
    kit::{Callee, Caller, Plan, World, sip},
    plan,
};
use std::collections::BTreeSet;
use tandem_billing::{AccountId, GatewayId, UtcMs};
use tandem_call::{
    decide::{Step, Trace},
    directory::{CallsIn, GatewayHost, Health, InboundReach},
    io::{Command, Reply},
    journal::AlertKind,
    monitor::{GatewayState, Snapshot},
};
use tandem_sip::{Transport, value::Method};

/// Asked every 20 s; down after 3 in vain, up after 2 answered.
fn asked() -> Health {
    Health {
        interval_s: 20,
        ..Health::default()
    }
}

/// Rests 30 s after 3 calls in vain.
fn marked() -> Health {
    Health {
        failures_to_rest: 3,
        ..Health::default()
    }
}

fn watched(health: Health) -> Plan {
    plan().with_gateway(1, |gateway| gateway.health = health)
}

fn other_host(address: &str) -> GatewayHost {
    GatewayHost {
        name: None,
        address: at(address),
        transport: Transport::Udp,
        priority: 1,
        weight: 0,
    }
}

/// Answers every OPTIONS that waits at a host; how many there were, repeats aside.
fn answer(world: &mut World, host: &str, status: &str) -> usize {
    let mut seen = BTreeSet::new();
    while let Some(request) = world.take(at(host)) {
        assert_eq!(request.method(), Method::Options);
        if seen.insert(request.call_id().to_owned()) {
            let text = sip::respond(&request, status, "g", at(host), None);
            world.send(at(host), text);
        }
    }
    seen.len()
}

/// Lets time pass a second at a time, the host answering each OPTIONS at once; how many there were.
fn live(world: &mut World, host: &str, status: &str, seconds: u64) -> usize {
    (0..seconds)
        .map(|_| {
            world.seconds(1);
            answer(world, host, status)
        })
        .sum()
}

/// Time passes and the host says nothing.
fn silence(world: &mut World, host: &str, seconds: u64) {
    world.seconds(seconds);
    world.heard(at(host));
}

fn alerts(world: &World) -> Vec<AlertKind> {
    world.book.alerts.iter().map(|alert| alert.kind).collect()
}

fn snapshot(world: &mut World) -> Snapshot {
    world.command(Command::Snapshot);
    match world.replies.pop().map(|(_, reply)| reply) {
        Some(Reply::Snapshot(snapshot)) => *snapshot,
        other => panic!("{other:?}"),
    }
}

fn state(world: &mut World, id: i64) -> GatewayState {
    let rows = snapshot(world).gateways;
    let row = rows.into_iter().find(|row| row.gateway == GatewayId(id));
    row.expect("the gateway has a row")
}

/// Why routes were dropped, and how attempts ended, in order.
fn steps(world: &World) -> Vec<String> {
    let cdr = world.book.cdrs.values().last().expect("a call ended");
    let trace: Trace = serde_json::from_str(&cdr.trace).expect("a trace");
    let told = |step| match step {
        Step::Dropped { reason, .. } => Some(reason),
        Step::Tried { outcome, .. } => Some(outcome),
        _ => None,
    };
    trace.steps.into_iter().filter_map(told).collect()
}

fn call(world: &mut World, tag: &str) -> Caller {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", tag);
    caller.invite(world);
    world.expect(caller.at, "100");
    caller
}

/// A call whose INVITE the first gateway leaves without an answer.
fn in_vain(world: &mut World, tag: &str) {
    let mut caller = call(world, tag);
    world.expect(at(GATE), "INVITE");
    world.seconds(4);
    Callee::take(world, GATE2).answer(world);
    caller.ack(world, None);
    caller.bye(world);
    world.heard(at(GATE));
    world.heard(at(GATE2));
}

/// A call that the second gateway takes.
fn by_the_second(world: &mut World, tag: &str) {
    let mut caller = call(world, tag);
    let callee = Callee::take(world, GATE2);
    callee.answer(world);
    caller.ack(world, None);
    caller.bye(world);
}

fn anywhere() -> CallsIn {
    CallsIn {
        account: AccountId(1),
        number: None,
        reach: InboundReach::Anywhere,
    }
}

#[test]
fn a_silent_gateway_is_passed_over_until_it_answers_again() {
    let mut world = World::new(watched(asked()).build(), &[(1, 10)]);
    assert!(live(&mut world, GATE, "200 OK", 60) >= 2);
    let up = state(&mut world, 1);
    assert_eq!(up.health.down_since, None);
    assert_eq!(up.health.hosts[0].answer.as_deref(), Some("200"));
    assert!(up.health.hosts[0].round_trip_us.is_some());

    silence(&mut world, GATE, 100);
    assert_eq!(alerts(&world), [AlertKind::GatewayDown]);
    assert!(state(&mut world, 1).health.down_since > Some(UtcMs(0)));
    by_the_second(&mut world, "a");
    assert!(!world.waits(at(GATE), "INVITE"));
    assert_eq!(
        steps(&world),
        ["gateway is down (OPTIONS: no answer)", "answered"]
    );

    // It is asked less and less often, at least every five minutes though.
    world.seconds(600);
    let asked = world.heard(at(GATE)).len();
    assert!(
        (1..=66).contains(&asked),
        "{asked} requests, repeats included"
    );
    live(&mut world, GATE, "200 OK", 400);
    assert_eq!(
        alerts(&world),
        [AlertKind::GatewayDown, AlertKind::GatewayUp]
    );
    let mut caller = call(&mut world, "b");
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn answers_that_count_and_answers_that_do_not() {
    for (status, expected) in [
        ("200 OK", None),
        ("401 Unauthorized", None),
        ("404 Not Found", None),
        ("405 Method Not Allowed", None),
        ("483 Too Many Hops", None),
        ("503 Service Unavailable", Some("503")),
        ("408 Request Timeout", Some("408")),
    ] {
        let mut world = World::new(watched(asked()).build(), &[(1, 10)]);
        live(&mut world, GATE, status, 120);
        let row = state(&mut world, 1);
        let down = row
            .health
            .down_since
            .and(row.health.hosts[0].answer.clone());
        assert_eq!(down.as_deref(), expected, "{status}");
    }
}

#[test]
fn when_every_gateway_is_down_the_call_is_refused_so() {
    let plan = watched(asked()).with_gateway(2, |gateway| gateway.health = asked());
    let mut world = World::new(plan.build(), &[(1, 10)]);
    world.seconds(120);
    world.heard(at(GATE));
    world.heard(at(GATE2));
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let refusal = world.expect(caller.at, "503");
    caller.ack_failure(&mut world, &refusal);
    assert_eq!(world.book.only_cdr().cause, "refused.gateway_down");
    world.check_idle();
}

#[test]
fn one_host_of_two_is_enough_and_the_other_is_not_tried() {
    let plan = watched(asked()).with_gateway(1, |gateway| {
        gateway.hosts.push(other_host("203.0.113.11:5060"));
    });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    for _ in 0..120 {
        live(&mut world, "203.0.113.11:5060", "200 OK", 1);
        world.heard(at(GATE));
    }
    assert_eq!(alerts(&world), []);
    let row = state(&mut world, 1);
    assert_eq!(row.health.down_since, None);
    assert!(row.health.hosts[0].down_since.is_some());
    let mut caller = call(&mut world, "a");
    let callee = Callee::take(&mut world, "203.0.113.11:5060");
    assert!(!world.waits(at(GATE), "INVITE"));
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn hosts_are_not_asked_all_at_once() {
    let mut plan = plan();
    for id in 10..60 {
        plan = plan
            .gateway(id, &format!("203.0.113.{id}:5060"))
            .with_gateway(id, |gateway| gateway.health = asked());
    }
    let mut world = World::new(plan.build(), &[]);
    let mut most = 0;
    for _ in 0..40 {
        world.seconds(1);
        let in_this_second: usize = (10..60)
            .map(|id| answer(&mut world, &format!("203.0.113.{id}:5060"), "200 OK"))
            .sum();
        most = most.max(in_this_second);
    }
    assert!((1..=12).contains(&most), "{most} in one second");
}

#[test]
fn calls_that_find_nobody_send_a_host_to_rest_each_time_longer() {
    let mut world = World::new(watched(marked()).build(), &[(1, 10)]);
    for tag in ["a", "b", "c"] {
        in_vain(&mut world, tag);
    }
    assert_eq!(alerts(&world), [AlertKind::GatewayDown]);
    assert!(state(&mut world, 1).health.hosts[0].resting);
    by_the_second(&mut world, "d");
    assert_eq!(
        steps(&world),
        ["gateway is down (calls found nobody there)", "answered"]
    );
    world.seconds(31);
    assert_eq!(
        alerts(&world),
        [AlertKind::GatewayDown, AlertKind::GatewayUp]
    );
    world.heard(at(GATE));
    world.heard(at(GATE2));
    // One more in vain is enough now, and the rest is twice as long.
    let mut caller = call(&mut world, "e");
    let gone = Callee::take(&mut world, GATE);
    gone.say_with(
        &mut world,
        "503 Service Unavailable",
        "Retry-After: 5\r\n",
        None,
    );
    let callee = Callee::take(&mut world, GATE2);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.seconds(50);
    assert!(state(&mut world, 1).health.down_since.is_some());
    world.seconds(11);
    assert_eq!(state(&mut world, 1).health.down_since, None);
    // Somebody answers: all is forgotten.
    world.heard(at(GATE));
    let mut caller = call(&mut world, "f");
    Callee::take(&mut world, GATE).answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.heard(at(GATE));
    in_vain(&mut world, "g");
    assert_eq!(state(&mut world, 1).health.down_since, None);
}

#[test]
fn a_refusal_without_retry_after_is_no_mark() {
    let mut world = World::new(watched(marked()).build(), &[(1, 10)]);
    for tag in ["a", "b", "c", "d"] {
        let mut caller = call(&mut world, tag);
        Callee::take(&mut world, GATE).say(&mut world, "503 Service Unavailable", None);
        let callee = Callee::take(&mut world, GATE2);
        callee.answer(&mut world);
        caller.ack(&mut world, None);
        caller.bye(&mut world);
    }
    assert_eq!(alerts(&world), []);
    world.check_idle();
}

#[test]
fn a_gateway_switched_off_is_asked_no_more_and_a_new_one_soon() {
    let mut world = World::new(watched(asked()).build(), &[(1, 10)]);
    silence(&mut world, GATE, 120);
    let off = watched(asked()).with_gateway(1, |gateway| gateway.enabled = false);
    world.input(tandem_call::Input::Directory(off.build()));
    silence(&mut world, GATE, 40);
    silence(&mut world, GATE, 60);
    assert_eq!(answer(&mut world, GATE, "200 OK"), 0);
    let row = state(&mut world, 1);
    assert_eq!((row.health.enabled, row.health.down_since), (false, None));
    assert_eq!(
        alerts(&world),
        [AlertKind::GatewayDown],
        "it is off, not up"
    );
    world.input(tandem_call::Input::Directory(watched(asked()).build()));
    assert!(live(&mut world, GATE, "200 OK", 25) >= 1);
}

#[test]
fn calls_from_a_gateway_are_its_account_s() {
    let plan = plan().with_gateway(2, |gateway| gateway.inbound = Some(anywhere()));
    let mut world = World::new(plan.build(), &[(1, 10)]);
    // From another port of the same host, too.
    let mut caller = Caller::new("203.0.113.2:40000", "4930123", "442071234", "a");
    caller.invite(&mut world);
    world.expect(caller.at, "100");
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().account, Some(AccountId(1)));
    let mut stranger = Caller::new("203.0.113.1:5060", "4930123", "442071234", "b");
    stranger.invite(&mut world);
    world.expect(stranger.at, "407");
}

/// A reseller may enter addresses; a carrier's stays a carrier's, even if it is a carrier's only since.
#[test]
fn calls_from_a_gateway_are_not_taken_by_a_resellers_customer() {
    for (reseller, account) in [(None, 2), (Some(4), 1)] {
        let mut plan = plan()
            .account(4, 1, None)
            .with_account(2, |account| account.reseller = reseller.map(AccountId))
            .with_gateway(2, |gateway| gateway.inbound = Some(anywhere()))
            .source(2, "203.0.113.2:5060");
        let source = plan.directory.sources.last_mut().expect("a source");
        (source.network, source.prefix_len, source.port) = ([203, 0, 113, 0].into(), 24, None);
        let mut world = World::new(plan.build(), &[(1, 10), (2, 10), (4, 10)]);
        let mut caller = Caller::new(GATE2, "4930123", "442071234", "a");
        caller.invite(&mut world);
        let callee = Callee::take(&mut world, GATE);
        callee.answer(&mut world);
        caller.ack(&mut world, None);
        caller.bye(&mut world);
        assert_eq!(world.book.only_cdr().account, Some(AccountId(account)));
    }
}

#[test]
fn a_host_listed_twice_keeps_what_is_known_of_it() {
    let twice = || {
        watched(asked()).with_gateway(1, |gateway| {
            gateway.hosts.push(other_host(GATE));
        })
    };
    let mut world = World::new(twice().build(), &[(1, 10)]);
    silence(&mut world, GATE, 200);
    let before = state(&mut world, 1).health;
    assert!(before.down_since.is_some() && before.hosts[0].answer.is_some());
    world.input(tandem_call::Input::Directory(twice().build()));
    let after = state(&mut world, 1).health;
    assert_eq!(after.down_since, before.down_since);
    assert_eq!(after.hosts[0].answer, before.hosts[0].answer);
    assert_eq!(alerts(&world), [AlertKind::GatewayDown]);
}

#[test]
fn an_operator_has_a_gateway_asked_now_but_not_all_the_time() {
    let probe = |world: &mut World, id| {
        let gateway = GatewayId(id);
        world.command(Command::ProbeGateway { gateway });
        world.replies.pop().expect("a reply").1
    };
    // One that is not watched shows what it said, and is asked no more.
    let mut world = World::new(plan().build(), &[(1, 10)]);
    assert!(matches!(probe(&mut world, 1), Reply::Done));
    assert_eq!(answer(&mut world, GATE, "200 OK"), 1);
    let health = state(&mut world, 1).health;
    assert_eq!(health.hosts[0].answer.as_deref(), Some("200"));
    assert!(health.hosts[0].round_trip_us.is_some());
    assert!(matches!(probe(&mut world, 1), Reply::Done));
    silence(&mut world, GATE, 600);
    let health = state(&mut world, 1).health;
    assert_eq!(health.hosts[0].answer.as_deref(), Some("no answer"));
    assert_eq!(health.down_since, None);
    assert_eq!(alerts(&world), []);
    assert!(matches!(probe(&mut world, 99), Reply::NotFound));

    // One that is down comes back at once.
    let mut world = World::new(watched(asked()).build(), &[(1, 10)]);
    silence(&mut world, GATE, 600);
    assert!(state(&mut world, 1).health.down_since.is_some());
    for _ in 0..2 {
        assert!(matches!(probe(&mut world, 1), Reply::Done));
        answer(&mut world, GATE, "200 OK");
    }
    assert_eq!(state(&mut world, 1).health.down_since, None);
    let done = (0..100).filter(|_| matches!(probe(&mut world, 1), Reply::Done));
    assert!(done.count() <= 5);
    assert!(matches!(probe(&mut world, 1), Reply::Refused(_)));
}
