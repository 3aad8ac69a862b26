//! REFER and Replaces: who may, who pays, what each side hears, and every order in which it can go wrong.

mod attended;
mod browser;
mod early;
mod hostile;
mod media;

use super::{
    ALICE, BOB, GATE, GATE2, TRUNK, assert_hidden, at,
    kit::{Callee, Caller, Disk, Plan, World, sip},
    plan,
};
use tandem_billing::{AccountId, CallId, GatewayId, Micros};
use tandem_call::directory::{AccountKind, Target, signalling};
use tandem_sip::Message;

const CAROL: &str = "198.51.100.40:8080";

fn three() -> Plan {
    plan()
        .account(3, 1, None)
        .device(3, "carol")
        .route("c", 1, Target::LocalDevice)
        .route("7", 1, Target::Gateway(GatewayId(2)))
}

fn world_of(plan: &Plan) -> World {
    let mut world = World::new(plan.build(), &[(1, 10), (2, 10), (3, 10)]);
    sip::register(&mut world, ALICE, "alice");
    sip::register(&mut world, BOB, "bob");
    sip::register(&mut world, CAROL, "carol");
    world
}

/// The trunk's call to bob, answered and ACKed.
fn talking(world: &mut World) -> (Caller, Callee) {
    let mut caller = Caller::new(TRUNK, "4930123", "bob", "a");
    caller.invite(world);
    let bob = Callee::take(world, BOB);
    bob.answer(world);
    caller.ack(world, None);
    world.expect(bob.at, "ACK");
    (caller, bob)
}

fn to(target: &str) -> String {
    format!("Refer-To: <sip:{target}@tandem.test>\r\n")
}

fn refer(world: &mut World, bob: &mut Callee, target: &str) {
    bob.request_with(world, "REFER", &to(target), None);
    world.expect(bob.at, "202");
    assert!(told(world, bob).starts_with("SIP/2.0 100 "));
}

/// Takes a NOTIFY and answers it: the line it carries.
fn told(world: &mut World, callee: &Callee) -> String {
    let notify = world.expect(callee.at, "NOTIFY");
    assert!(
        notify
            .header("Event")
            .is_some_and(|e| e.starts_with("refer"))
    );
    callee.respond(world, &notify, "200 OK", None);
    String::from_utf8_lossy(notify.body()).trim().to_owned()
}

/// Takes the re-INVITE of a party that came over and answers it.
fn come_over(world: &mut World, caller: &Caller) -> Message {
    let invite = world.expect(caller.at, "INVITE");
    caller.respond(world, &invite, "200 OK", Some(&caller.sdp()));
    world.expect(caller.at, "ACK");
    invite
}

fn charge(world: &World, call: i64) -> (i64, i64, u64) {
    let cdr = &world.book.cdrs[&CallId(call)];
    let charge = cdr.charges.first().expect("it was answered");
    (charge.account.0, charge.charge.0, cdr.duration_ms / 1000)
}

#[test]
fn a_phone_sends_its_caller_on_and_pays_the_new_leg() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    world.seconds(10);
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    assert_eq!(
        gate.invite.from().uri.user_unescaped().as_deref(),
        Some("4930123"),
        "in the name of the party that stays"
    );
    assert_hidden(&gate.invite, &["198.51.100", "a-call"]);
    gate.ring(&mut world);
    assert_eq!(told(&mut world, &bob), "SIP/2.0 180 Ringing");
    world.seconds(5);
    gate.answer(&mut world);
    world.expect(gate.at, "ACK");
    assert_eq!(told(&mut world, &bob), "SIP/2.0 200 OK");
    let bye = world.expect(bob.at, "BYE");
    bob.respond(&mut world, &bye, "200 OK", None);
    let renewed = come_over(&mut world, &caller);
    assert_hidden(&renewed, &["203.0.113", "198.51.100.30"]);
    // What bob still sends is answered and ends nothing.
    bob.bye(&mut world);
    world.expect(bob.at, "200");
    world.seconds(20);
    let hold = sip::sdp_with(caller.audio, sip::G711, "sendonly");
    caller.request(&mut world, "INVITE", Some(&hold));
    let passed = world.expect(gate.at, "INVITE");
    gate.respond(&mut world, &passed, "200 OK", Some(&gate.sdp()));
    caller.ack(&mut world, None);
    world.seconds(10);
    caller.bye(&mut world);
    world.expect(gate.at, "BYE");
    assert_eq!(
        charge(&world, 1),
        (1, 450_000, 45),
        "its own call to the end"
    );
    assert_eq!(charge(&world, 2), (2, 300_000, 30), "the leg to the target");
    let placed = &world.book.cdrs[&CallId(2)];
    assert_eq!(placed.cost.as_ref().expect("a cost").cost, Micros(150_000));
    assert_eq!(
        (placed.caller.as_str(), placed.dialled.as_str()),
        ("4930123", "442071234")
    );
    assert_eq!(placed.cause, "answered.caller_hangup");
    for (call, other) in [(1, 2), (2, 1)] {
        let trace = &world.book.cdrs[&CallId(call)].trace;
        let joined = format!(r#""number":"442071234","call":{other},"outcome":"joined""#);
        assert!(trace.contains(&joined), "{trace}");
        let cdr = &world.book.cdrs[&CallId(call)];
        assert_eq!(cdr.transfer, Some(CallId(other)));
    }
    assert_eq!(world.book.cdrs[&CallId(1)].a_call_id, renewed.call_id());
    assert_eq!(world.book.balance(1), Micros(9_550_000));
    assert_eq!(world.book.balance(2), Micros(9_700_000));
    world.check_idle();
}

#[test]
fn a_caller_sends_the_called_side_on_and_pays_both_legs() {
    let mut world = world_of(&three());
    let mut alice = Caller::new(ALICE, "alice", "442071234", "a");
    alice.invite_with_digest(&mut world);
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    alice.ack(&mut world, None);
    world.seconds(10);
    alice.request_with(&mut world, "REFER", &to("carol"), None);
    world.expect(alice.at, "202");
    let carol = Callee::take(&mut world, CAROL);
    assert_eq!(
        carol.invite.from().uri.user_unescaped().as_deref(),
        Some("442071234")
    );
    carol.answer(&mut world);
    world.expect(alice.at, "BYE");
    let renewed = world.expect(gate.at, "INVITE");
    gate.respond(&mut world, &renewed, "200 OK", Some(&gate.sdp()));
    world.expect(gate.at, "ACK");
    world.seconds(20);
    let mut carol = carol;
    carol.bye(&mut world);
    world.expect(gate.at, "BYE");
    assert_eq!(charge(&world, 1), (2, 300_000, 30));
    assert_eq!(charge(&world, 2), (2, 200_000, 20));
    assert_eq!(world.book.balance(2), Micros(9_500_000));
    assert_eq!(world.book.balance(3), Micros(10_000_000));
    world.check_idle();
}

#[test]
fn a_target_that_is_busy_leaves_the_call_as_it_was() {
    let mut world = world_of(&three());
    let (caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    bob.request_with(&mut world, "REFER", &to("carol"), None);
    world.expect(bob.at, "491");
    let gate = Callee::take(&mut world, GATE);
    gate.say(&mut world, "486 Busy Here", None);
    assert_eq!(told(&mut world, &bob), "SIP/2.0 486 Busy Here");
    assert!(!world.waits(caller.at, "INVITE") && !world.waits(bob.at, "BYE"));
    world.seconds(5);
    refer(&mut world, &mut bob, "carol");
    let mut carol = Callee::take(&mut world, CAROL);
    carol.answer(&mut world);
    come_over(&mut world, &caller);
    world.seconds(5);
    carol.bye(&mut world);
    world.expect(caller.at, "BYE");
    assert_eq!(charge(&world, 1), (1, 100_000, 10));
    assert_eq!(world.book.cdrs[&CallId(2)].cause, "failed.busy");
    assert_eq!(charge(&world, 3), (2, 50_000, 5));
    world.check_idle();
}

#[test]
fn the_one_that_transfers_may_hang_up_at_once() {
    for answered in [true, false] {
        let mut world = world_of(&three());
        let (mut caller, mut bob) = talking(&mut world);
        refer(&mut world, &mut bob, "442071234");
        bob.bye(&mut world);
        world.expect(bob.at, "200");
        let gate = Callee::take(&mut world, GATE);
        gate.ring(&mut world);
        world.seconds(40);
        assert!(world.heard(bob.at).is_empty(), "it is told nothing more");
        assert!(!world.waits(caller.at, "BYE"), "the party that stays waits");
        // What it asks meanwhile cannot be passed to anybody.
        let hold = sip::sdp_with(caller.audio, sip::G711, "sendonly");
        caller.request(&mut world, "INVITE", Some(&hold));
        let pending = world.expect(caller.at, "491");
        caller.ack_failure(&mut world, &pending);
        if answered {
            gate.answer(&mut world);
            come_over(&mut world, &caller);
            world.seconds(10);
            caller.bye(&mut world);
            world.expect(gate.at, "BYE");
            assert_eq!(charge(&world, 1), (1, 500_000, 50));
            assert_eq!(charge(&world, 2), (2, 100_000, 10));
        } else {
            gate.say(&mut world, "486 Busy Here", None);
            world.expect(caller.at, "BYE");
            assert_eq!(charge(&world, 1), (1, 400_000, 40));
            let cdr = &world.book.cdrs[&CallId(1)];
            assert_eq!(cdr.cause, "answered.transfer_failed");
        }
        assert!(world.heard(bob.at).is_empty());
        world.check_idle();
    }
}

#[test]
fn the_party_that_waits_hangs_up_and_nobody_rings_any_more() {
    for crossing in [false, true] {
        let mut world = world_of(&three());
        let (mut caller, mut bob) = talking(&mut world);
        refer(&mut world, &mut bob, "442071234");
        let gate = Callee::take(&mut world, GATE);
        gate.ring(&mut world);
        caller.bye(&mut world);
        world.expect(bob.at, "BYE");
        let cancel = world.expect(gate.at, "CANCEL");
        if crossing {
            gate.answer(&mut world);
            world.expect(gate.at, "ACK");
            world.expect(gate.at, "BYE");
        } else {
            gate.respond(&mut world, &cancel, "200 OK", None);
            gate.say(&mut world, "487 Request Terminated", None);
        }
        assert_eq!(world.book.cdrs[&CallId(2)].cause, "cancelled.caller");
        assert_eq!(world.book.balance(2), Micros(10_000_000));
        world.check_idle();
    }
}

#[test]
fn only_who_may_is_heard_and_only_with_numbers_of_ours() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    for (extra, status) in [
        ("", "400"),
        (
            "Refer-To: <sip:1@tandem.test>, <sip:2@tandem.test>\r\n",
            "400",
        ),
        ("Refer-To: <sip:442071234@evil.example>\r\n", "403"),
        ("Refer-To: <sip:442071234@203.0.113.66>\r\n", "403"),
        ("Refer-To: <http://tandem.test/>\r\n", "403"),
        (
            "Refer-To: <sip:442071234@tandem.test;method=BYE>\r\n",
            "403",
        ),
        ("Refer-To: <sip:tandem.test>\r\n", "484"),
        ("Refer-To: <sip:0900@tandem.test>\r\n", "404"),
        ("Refer-To: <sip:x@tandem.test?Replaces=nothing>\r\n", "400"),
        (
            "Refer-To: <sip:x@tandem.test?Replaces=no%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n",
            "481",
        ),
        ("Require: moon\r\nRefer-To: <sip:1@tandem.test>\r\n", "420"),
    ] {
        bob.request_with(&mut world, "REFER", extra, None);
        assert_eq!(world.heard(bob.at), [status], "{extra}");
    }
    caller.request_with(&mut world, "REFER", &to("442071234"), None);
    assert_eq!(
        world.heard(caller.at),
        ["403"],
        "an address may not by default"
    );
    assert!(!world.waits(at(GATE), "INVITE"));
    caller.bye(&mut world);
    // Outside a call nobody may.
    Caller::new(BOB, "bob", "442071234", "o").request_with(&mut world, "REFER", &to("4"), None);
    assert!(world.heard(at(BOB)).contains(&"403".to_owned()));
    let refused = &world.book.cdrs[&CallId(2)];
    assert_eq!(refused.cause, "refused.no_route");
    world.check_idle();
}

#[test]
fn the_policy_of_the_account_counts() {
    use signalling::Transfer::{Allowed, ByKind, Refused};
    for (kind, policy, by_phone, by_trunk) in [
        (AccountKind::Retail, ByKind, "202", "403"),
        (AccountKind::Common, ByKind, "202", "403"),
        (AccountKind::Wholesale, ByKind, "403", "403"),
        (AccountKind::Retail, Refused, "403", "403"),
        (AccountKind::Wholesale, Allowed, "202", "202"),
    ] {
        let mut plan = three();
        for account in [1, 2] {
            plan = plan.with_account(account, |account| {
                account.kind = kind;
                account.signalling.transfer = policy;
            });
        }
        let mut world = world_of(&plan);
        let (mut caller, mut bob) = talking(&mut world);
        bob.request_with(&mut world, "REFER", &to("442071234"), None);
        world.expect(bob.at, by_phone);
        caller.bye(&mut world);
        world.expect(caller.at, "200");
        let mut caller = Caller::new(TRUNK, "4930123", "bob", "b");
        caller.invite(&mut world);
        Callee::take(&mut world, BOB).answer(&mut world);
        caller.ack(&mut world, None);
        caller.request_with(&mut world, "REFER", &to("442071234"), None);
        world.expect(caller.at, by_trunk);
        caller.bye(&mut world);
        world.seconds(40);
        world.check_idle();
    }
}

#[test]
fn a_gateway_transfers_nobody() {
    let mut world = world_of(&three());
    let mut alice = Caller::new(ALICE, "alice", "442071234", "a");
    alice.invite_with_digest(&mut world);
    let mut gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    alice.ack(&mut world, None);
    world.heard(gate.at);
    gate.request_with(&mut world, "REFER", &to("carol"), None);
    assert_eq!(world.heard(gate.at), ["403"]);
    alice.bye(&mut world);
    world.check_idle();
}

#[test]
fn limits_and_money_of_the_one_that_transfers_apply() {
    let busy = three().with_account(2, |account| account.limits.max_calls = 1);
    let poor = three()
        .tariff(4, "60000.00", 60, 60)
        .with_account(2, |account| {
            account.tariff = Some(tandem_billing::TariffId(4))
        });
    let blocked = three().with_account(2, |account| account.blocked_prefixes = vec!["44".into()]);
    for (plan, status) in [(&poor, "402"), (&blocked, "403")] {
        let mut world = world_of(plan);
        let (mut caller, mut bob) = talking(&mut world);
        bob.request_with(&mut world, "REFER", &to("442071234"), None);
        world.expect(bob.at, status);
        assert!(!world.waits(at(GATE), "INVITE"));
        caller.bye(&mut world);
        world.expect(bob.at, "BYE");
        world.check_idle();
    }
    // Its own call is the one that it may have; the transferred one would be a second.
    let mut world = world_of(&busy);
    let mut alice = Caller::new(ALICE, "alice", "442071234", "a");
    alice.invite_with_digest(&mut world);
    Callee::take(&mut world, GATE).answer(&mut world);
    alice.ack(&mut world, None);
    alice.request_with(&mut world, "REFER", &to("carol"), None);
    world.expect(alice.at, "503");
    alice.bye(&mut world);
    world.check_idle();
}

#[test]
fn whoever_runs_out_of_money_ends_the_whole() {
    for (balances, lasted) in [
        ([(1, Micros(300_000)), (2, Micros(9_000_000))], (30, 20)),
        ([(1, Micros(9_000_000)), (2, Micros(300_000))], (40, 30)),
    ] {
        let plan = three();
        let balances = balances.map(|(id, amount)| (AccountId(id), amount));
        let mut world = World::with_micros(plan.build(), &balances);
        sip::register(&mut world, BOB, "bob");
        let (caller, mut bob) = talking(&mut world);
        world.seconds(10);
        refer(&mut world, &mut bob, "442071234");
        let gate = Callee::take(&mut world, GATE);
        gate.answer(&mut world);
        come_over(&mut world, &caller);
        world.seconds(60);
        world.expect(caller.at, "BYE");
        world.expect(gate.at, "BYE");
        assert_eq!(charge(&world, 1).2, lasted.0);
        assert_eq!(charge(&world, 2).2, lasted.1);
        let mut causes: Vec<&str> = world.book.cdrs.values().map(|cdr| &*cdr.cause).collect();
        causes.sort_unstable();
        assert_eq!(causes, ["answered.joined_ended", "answered.out_of_money"]);
        world.check_idle();
    }
}

#[test]
fn a_party_that_is_busy_with_a_change_is_asked_again() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    // Bob's hold is under way toward the caller when the target answers.
    let hold = sip::sdp_with(bob.audio, sip::G711, "sendonly");
    bob.request(&mut world, "INVITE", Some(&hold));
    let holding = world.expect(caller.at, "INVITE");
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    world.seconds(1);
    while let Some(again) = world.take(caller.at) {
        assert_eq!(again.cseq(), holding.cseq(), "one offer at a time");
    }
    let held = sip::sdp_with(caller.audio, sip::G711, "recvonly");
    caller.respond(&mut world, &holding, "200 OK", Some(&held));
    world.expect(caller.at, "ACK");
    world.expect(bob.at, "200");
    bob.ack(&mut world);
    world.seconds(1);
    let glare = world.expect(caller.at, "INVITE");
    caller.respond(&mut world, &glare, "491 Request Pending", None);
    world.expect(caller.at, "ACK");
    world.seconds(5);
    let renewed = come_over(&mut world, &caller);
    assert!(
        String::from_utf8_lossy(renewed.body()).contains("a=sendrecv"),
        "off hold"
    );
    caller.bye(&mut world);
    world.expect(gate.at, "BYE");
    world.check_idle();
}

#[test]
fn a_party_that_refuses_the_new_audio_ends_the_whole() {
    for status in ["488 Not Acceptable Here", "481 Gone"] {
        let mut world = world_of(&three());
        let (caller, mut bob) = talking(&mut world);
        refer(&mut world, &mut bob, "442071234");
        let gate = Callee::take(&mut world, GATE);
        gate.answer(&mut world);
        let renewed = world.expect(caller.at, "INVITE");
        caller.respond(&mut world, &renewed, status, None);
        world.expect(gate.at, "BYE");
        assert_eq!(world.book.cdrs.len(), 2);
        world.check_idle();
    }
}

#[test]
fn a_transferred_call_can_be_transferred_and_not_for_ever() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    for round in 0..5 {
        refer(&mut world, &mut bob, "bob");
        bob = Callee::take(&mut world, BOB);
        bob.answer(&mut world);
        come_over(&mut world, &caller);
        assert_eq!(world.book.open.len(), round + 2, "all of them are paid");
        world.seconds(1);
    }
    bob.request_with(&mut world, "REFER", &to("bob"), None);
    world.expect(bob.at, "403");
    caller.bye(&mut world);
    world.expect(bob.at, "BYE");
    assert_eq!(world.book.cdrs.len(), 6);
    for (call, lasted) in [(1, 5), (2, 5), (3, 4), (4, 3), (5, 2), (6, 1)] {
        assert_eq!(charge(&world, call).2, lasted, "call {call}");
    }
    world.check_idle();
}

#[test]
fn a_refer_from_elsewhere_must_prove_whose_it_is() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    let home = bob.at;
    bob.at = at("198.51.100.99:7070");
    bob.request_with(&mut world, "REFER", &to("442071234"), None);
    world.expect(bob.at, "407");
    assert!(!world.waits(at(GATE), "INVITE"));
    bob.at = home;
    caller.bye(&mut world);
    world.expect(bob.at, "BYE");
    world.check_idle();
}

#[test]
fn one_that_wants_no_news_hears_none() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    let extra = format!("{}Refer-Sub: false\r\n", to("442071234"));
    bob.request_with(&mut world, "REFER", &extra, None);
    assert_eq!(
        world.expect(bob.at, "200").header("Refer-Sub"),
        Some("false")
    );
    let gate = Callee::take(&mut world, GATE);
    gate.ring(&mut world);
    gate.answer(&mut world);
    come_over(&mut world, &caller);
    let heard = world.heard(bob.at);
    assert_eq!(heard, ["BYE"]);
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn nobody_goes_over_before_the_answer_is_on_disk() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    world.disk = Disk::Slow;
    gate.answer(&mut world);
    world.seconds(1);
    assert!(!world.waits(bob.at, "BYE") && !world.waits(caller.at, "INVITE"));
    world.sync();
    come_over(&mut world, &caller);
    caller.bye(&mut world);
    world.sync();
    world.disk = Disk::Instant;
    world.check_idle();
}

#[test]
fn a_redirected_or_failing_target_is_hunted_as_in_any_call() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let first = Callee::take(&mut world, GATE);
    first.say(&mut world, "503 Service Unavailable", None);
    let second = Callee::take(&mut world, GATE2);
    second.answer(&mut world);
    come_over(&mut world, &caller);
    world.seconds(3);
    caller.bye(&mut world);
    assert_eq!(charge(&world, 2), (2, 30_000, 3));
    world.check_idle();
}
