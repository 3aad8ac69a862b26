//! The hunt: gateways in turn, hosts of one gateway, several phones at once.

use super::{
    ALICE, BOB, GATE, GATE2, TRUNK, at,
    kit::{Callee, Caller, World, sip},
    plan, world,
};
use tandem_billing::{AccountId, GatewayId, Micros, TariffId};
use tandem_call::{
    decide::{Step, Trace},
    directory::{GatewayAuth, GatewayHost, Limits},
};
use tandem_sip::Transport;

fn start(world: &mut World, number: &str) -> Caller {
    let mut caller = Caller::new(TRUNK, "4930123", number, "a");
    caller.invite(world);
    world.expect(caller.at, "100");
    caller
}

/// Why each target was left.
fn tried(world: &World) -> Vec<String> {
    let trace: Trace = serde_json::from_str(&world.book.only_cdr().trace).expect("a trace");
    trace
        .steps
        .into_iter()
        .filter_map(|step| match step {
            Step::Tried { outcome, .. } => Some(outcome),
            _ => None,
        })
        .collect()
}

#[test]
fn a_refusing_gateway_is_left_and_the_next_one_priced() {
    let plan = plan()
        .tariff(8, "0.12", 1, 1)
        .with_gateway(2, |gateway| gateway.cost_tariff = Some(TariffId(8)));
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = start(&mut world, "442071234");
    let first = Callee::take(&mut world, GATE);
    first.ring(&mut world);
    world.expect(caller.at, "180");
    first.say(&mut world, "503 Service Unavailable", None);
    world.expect(first.at, "ACK");
    let second = Callee::take(&mut world, GATE2);
    second.ring(&mut world);
    assert!(world.heard(caller.at).is_empty(), "it is ringing already");
    second.answer(&mut world);
    caller.ack(&mut world, None);
    world.seconds(10);
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.gateway, Some(GatewayId(2)));
    assert_eq!(cdr.b_call_id.as_deref(), Some(second.invite.call_id()));
    assert_eq!(
        cdr.cost.as_ref().map(|cost| (cost.gateway, cost.cost)),
        Some((GatewayId(2), Micros(20_000)))
    );
    assert_eq!(tried(&world), ["503", "answered"]);
    world.check_idle();
}

#[test]
fn a_silent_gateway_is_left_after_its_time() {
    let mut world = world();
    let mut caller = start(&mut world, "442071234");
    let dead = Callee::take(&mut world, GATE);
    world.seconds(3);
    assert!(world.heard(at(GATE2)).is_empty());
    world.seconds(2);
    let second = Callee::take(&mut world, GATE2);
    // The dead one wakes up: it is told to stop, and its answer all the same is ended at once.
    world.heard(dead.at);
    dead.ring(&mut world);
    world.expect(dead.at, "CANCEL");
    dead.answer(&mut world);
    world.expect(dead.at, "ACK");
    world.expect(dead.at, "BYE");
    second.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    assert_eq!(tried(&world), ["408", "answered"]);
    assert_eq!(world.book.cdrs.len(), 1);
    world.check_idle();
}

#[test]
fn the_hosts_of_a_gateway_come_before_the_next_gateway() {
    let plan = plan().with_gateway(1, |gateway| {
        gateway.hosts.push(GatewayHost {
            name: None,
            address: at("203.0.113.11:5060"),
            transport: Transport::Udp,
            priority: 1,
            weight: 0,
        });
    });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = start(&mut world, "442071234");
    Callee::take(&mut world, GATE).say(&mut world, "503 Service Unavailable", None);
    let other = Callee::take(&mut world, "203.0.113.11:5060");
    assert!(world.heard(at(GATE2)).is_empty());
    other.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().gateway, Some(GatewayId(1)));
    world.check_idle();
}

#[test]
fn busy_stops_the_hunt_and_nothing_costs() {
    let mut world = world();
    let mut caller = start(&mut world, "442071234");
    let callee = Callee::take(&mut world, GATE);
    callee.say(&mut world, "486 Busy Here", None);
    let busy = world.expect(caller.at, "486");
    caller.ack_failure(&mut world, &busy);
    assert!(world.heard(at(GATE2)).is_empty());
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.cause.as_str(), cdr.charges.len(), cdr.sip_status),
        ("failed.busy", 0, Some(486))
    );
    assert_eq!(world.book.balance(1), Micros(10_000_000));
    world.check_idle();
}

#[test]
fn when_all_refuse_the_caller_is_told_the_most_telling() {
    let mut world = world();
    let mut caller = start(&mut world, "442071234");
    Callee::take(&mut world, GATE).say(&mut world, "480 Temporarily Unavailable", None);
    Callee::take(&mut world, GATE2).say(&mut world, "500 Server Error", None);
    let answer = world.expect(caller.at, "480");
    caller.ack_failure(&mut world, &answer);
    assert_eq!(world.book.only_cdr().cause, "failed.no_answer");
    assert_eq!(tried(&world), ["480", "500"]);
    world.check_idle();
}

#[test]
fn a_rung_out_gateway_is_no_answer() {
    let mut world = world();
    let mut caller = start(&mut world, "442071234");
    let callee = Callee::take(&mut world, GATE);
    callee.ring(&mut world);
    world.seconds(61);
    world.expect(callee.at, "CANCEL");
    let answer = world.expect(caller.at, "480");
    caller.ack_failure(&mut world, &answer);
    callee.say(&mut world, "487 Request Terminated", None);
    assert_eq!(world.book.only_cdr().cause, "failed.no_answer");
    world.check_idle();
}

#[test]
fn a_gateway_that_challenges_gets_its_credentials_once() {
    let plan = plan().with_gateway(1, |gateway| {
        gateway.auth = Some(GatewayAuth {
            username: "us".into(),
            password: "secret".into(),
            realm: None,
        });
    });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = start(&mut world, "442071234");
    let first = Callee::take(&mut world, GATE);
    let challenge = challenged(&first, &first.invite);
    world.send(first.at, challenge);
    world.expect(first.at, "ACK");
    let second = Callee::take(&mut world, GATE);
    assert_eq!(second.invite.call_id(), first.invite.call_id());
    assert_eq!(second.invite.cseq(), first.invite.cseq() + 1);
    let credentials = second
        .invite
        .header("Proxy-Authorization")
        .expect("credentials");
    assert!(credentials.contains("username=\"us\""), "{credentials}");
    second.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn a_stray_answer_of_a_gateway_that_challenges_is_ended_with_credentials() {
    let plan = plan().with_gateway(1, |gateway| {
        gateway.auth = Some(GatewayAuth {
            username: "us".into(),
            password: "secret".into(),
            realm: None,
        });
    });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = start(&mut world, "442071234");
    let callee = Callee::take(&mut world, GATE);
    callee.ring(&mut world);
    caller.cancel(&mut world);
    world.expect(callee.at, "CANCEL");
    callee.answer(&mut world);
    world.expect(callee.at, "ACK");
    let bye = world.expect(callee.at, "BYE");
    world.send(callee.at, challenged(&callee, &bye));
    let again = world.expect(callee.at, "BYE");
    let credentials = again.header("Proxy-Authorization").expect("credentials");
    assert!(credentials.contains("username=\"us\""), "{credentials}");
    callee.respond(&mut world, &again, "200 OK", None);
    world.check_idle();
}

/// 407 to a request.
fn challenged(callee: &Callee, request: &tandem_sip::Message) -> String {
    let status = "407 Proxy Authentication Required";
    sip::respond(request, status, "x", callee.at, None).replace(
        "User-Agent:",
        "Proxy-Authenticate: Digest realm=\"gate\", nonce=\"n\", qop=\"auth\"\r\nUser-Agent:",
    )
}

#[test]
fn credentials_a_gateway_refuses_are_the_operators_affair() {
    let mut world = world();
    let mut caller = start(&mut world, "442071234");
    Callee::take(&mut world, GATE).say(&mut world, "401 Unauthorized", None);
    Callee::take(&mut world, GATE2).say(&mut world, "407 Proxy Authentication Required", None);
    let answer = world.expect(caller.at, "503");
    caller.ack_failure(&mut world, &answer);
    assert_eq!(world.book.only_cdr().cause, "failed.gateway_auth");
    world.check_idle();
}

#[test]
fn a_full_gateway_is_passed_over() {
    let plan = plan().with_gateway(1, |gateway| {
        gateway.limits = Limits {
            max_calls: 1,
            max_cps: 0,
        }
    });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = start(&mut world, "442071234");
    Callee::take(&mut world, GATE);
    let mut other = Caller::new(TRUNK, "4930123", "442071234", "b");
    other.invite(&mut world);
    Callee::take(&mut world, GATE2);
    assert!(world.heard(at(GATE)).is_empty());
    caller.cancel(&mut world);
    other.cancel(&mut world);
    world.check_idle();
}

#[test]
fn early_audio_of_a_target_that_was_left_is_a_fork_of_its_own() {
    let mut world = world();
    let mut caller = start(&mut world, "442071234");
    let first = Callee::take(&mut world, GATE);
    first.say(&mut world, "183 Session Progress", Some(&first.sdp()));
    let early = world.expect(caller.at, "183");
    first.say(&mut world, "500 Server Error", None);
    let second = Callee::take(&mut world, GATE2);
    second.answer(&mut world);
    let answer = caller.ack(&mut world, None);
    assert_ne!(early.to_tag(), answer.to_tag());
    caller.bye(&mut world);
    world.expect(caller.at, "200");
    assert_eq!(world.book.only_cdr().cause, "answered.caller_hangup");
    world.check_idle();
}

#[test]
fn all_phones_ring_and_the_first_to_answer_has_the_call() {
    let mut world = world();
    sip::register(&mut world, ALICE, "alice");
    sip::register(&mut world, BOB, "bob");
    let mut caller = start(&mut world, "900");
    let alice = Callee::take(&mut world, ALICE);
    let bob = Callee::take(&mut world, BOB);
    alice.ring(&mut world);
    bob.ring(&mut world);
    world.expect(caller.at, "180");
    bob.answer(&mut world);
    world.expect(bob.at, "ACK");
    world.expect(alice.at, "CANCEL");
    // Alice lifts at the same moment: her answer is ended.
    alice.answer(&mut world);
    world.expect(alice.at, "ACK");
    world.expect(alice.at, "BYE");
    caller.ack(&mut world, None);
    world.seconds(5);
    caller.bye(&mut world);
    world.expect(bob.at, "BYE");
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.callee_account, cdr.gateway),
        (Some(AccountId(2)), None)
    );
    assert_eq!(
        cdr.charges.first().map(|charge| charge.charge),
        Some(Micros(50_000))
    );
    assert!(cdr.cost.is_none());
    world.check_idle();
}

#[test]
fn a_phone_that_declines_for_all_stops_the_others() {
    let mut world = world();
    sip::register(&mut world, ALICE, "alice");
    sip::register(&mut world, BOB, "bob");
    let mut caller = start(&mut world, "900");
    let alice = Callee::take(&mut world, ALICE);
    let bob = Callee::take(&mut world, BOB);
    bob.ring(&mut world);
    alice.say(&mut world, "603 Decline", None);
    world.expect(bob.at, "CANCEL");
    let answer = world.expect(caller.at, "603");
    caller.ack_failure(&mut world, &answer);
    assert_eq!(world.book.only_cdr().cause, "failed.declined");
    world.check_idle();
}
