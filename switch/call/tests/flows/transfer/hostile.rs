//! What a party that left, or a late word of an earlier transfer, must not do.

use super::{come_over, refer, talking, three, world_of};
use crate::{
    GATE,
    kit::Callee,
};
use tandem_billing::CallId;

#[test]
fn a_party_that_left_adds_nothing_to_what_is_kept_of_the_call() {
    let mut world = world_of(&three());
    let (mut caller, mut bob) = talking(&mut world);
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    gate.answer(&mut world);
    come_over(&mut world, &caller);
    for cause in 0..300 {
        let reason = format!("Reason: Q.850;cause={}\r\n", 1 + cause % 127);
        bob.request_with(&mut world, "BYE", &reason, None);
        world.expect(bob.at, "200");
    }
    caller.bye(&mut world);
    let trace = &world.book.cdrs[&CallId(1)].trace;
    assert!(!trace.contains("Q.850"), "{trace}");
    world.check_idle();
}
