//! What a whole call costs the core: CPU with digest, decision, hold and CDR, and memory while it is up.
//!
//! The virtual peers' own work (writing texts, reading every message sent to them) is in the figures: they are
//! an upper bound. `cargo bench -p tandem-call --bench session`.

// The kit is one for all crates' tests; no single one uses all of it.
#[allow(dead_code, unused_imports)]
#[path = "../../../tests/src/kit/mod.rs"]
mod kit;

use kit::{Callee, Caller, Plan, World};
use std::{io::Write as _, time::Instant};
use tandem_billing::GatewayId;
use tandem_call::directory::Target;

const GATE: &str = "203.0.113.1:5060";
/// Calls up at once; the kit's switch takes a thousand.
const UP: usize = 900;
const ALICE: &str = "198.51.100.20:6060";

fn world() -> World {
    let plan = Plan::new()
        .tariff(1, "0.60", 60, 60)
        .account(2, 1, None)
        .device(2, "alice")
        .gateway(1, GATE)
        .route("4", 1, Target::Gateway(GatewayId(1)));
    World::new(plan.build(), &[(2, 1_000_000)])
}

/// INVITE, 407, INVITE, 180, 200, ACK.
fn begin(world: &mut World, key: usize) -> (Caller, Callee) {
    let mut caller = Caller::new(ALICE, "alice", "442071234", &key.to_string());
    caller.invite_with_digest(world);
    let callee = Callee::take(world, GATE);
    callee.ring(world);
    callee.answer(world);
    caller.ack(world, None);
    world.heard(callee.at);
    world.heard(caller.at);
    (caller, callee)
}

/// BYE both ways.
fn end(world: &mut World, caller: &mut Caller, callee: &Callee) {
    caller.bye(world);
    let bye = world.expect(callee.at, "BYE");
    callee.respond(world, &bye, "200 OK", None);
    world.heard(caller.at);
}

/// Resident memory of this process in KiB; 0 where the system does not say.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}

fn main() {
    let mut out = std::io::stdout();
    let calls: u32 = 20_000;
    let mut world = world();
    // A measure needs a clock; the core under it gets its time passed in.
    #[allow(clippy::disallowed_methods)]
    let began = Instant::now();
    for key in 0..calls {
        let (mut caller, callee) = begin(&mut world, key as usize);
        end(&mut world, &mut caller, &callee);
        world.advance(std::time::Duration::from_millis(2));
    }
    let each = began.elapsed() / calls;
    let _ = writeln!(out, "whole call with digest, peers included: {each:?}");

    let mut world = self::world();
    begin(&mut world, 0);
    let before = resident_kib();
    for key in 1..=UP {
        begin(&mut world, key);
    }
    let begun = resident_kib().saturating_sub(before) / UP as u64;
    let _ = writeln!(
        out,
        "memory per open call, journal model included: {begun} KiB"
    );
    assert_eq!(world.book.open.len(), UP + 1, "all are up");
}
