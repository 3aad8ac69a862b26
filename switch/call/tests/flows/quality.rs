//! What a CDR and the monitor say of a call's audio.

use super::{
    GATE, TRUNK,
    kit::{Callee, Caller, World},
    plan,
};
use tandem_call::Input;
use tandem_sdp::{
    RelayReport,
    relay::{Counters, Heard},
};

fn talking() -> (World, Caller, Callee) {
    let mut world = World::new(plan().build(), &[(1, 100)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    (world, caller, callee)
}

fn came(packets: u64) -> Counters {
    Counters {
        packets,
        bytes: packets * 172,
        ..Counters::default()
    }
}

fn progress(world: &mut World, a: Counters, b: Counters) {
    let id = world.relay_of_last_call().expect("a relay");
    world.input(Input::Relay(RelayReport::Progress { id, a, b }));
}

#[test]
fn a_callee_who_is_not_heard_is_marked() {
    let (mut world, mut caller, _callee) = talking();
    for turn in 1..=4 {
        world.seconds(5);
        progress(&mut world, came(turn * 250), came(10));
    }
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!((cdr.media_a.unheard_s, cdr.media_b.unheard_s), (0, 15));
    world.check_idle();
}

#[test]
fn neither_silence_on_both_sides_nor_a_hold_is_marked() {
    let (mut world, mut caller, _callee) = talking();
    for _ in 0..4 {
        world.seconds(5);
        progress(&mut world, came(10), came(10));
    }
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().media_b.unheard_s, 0);

    let (mut world, mut caller, mut callee) = talking();
    let held = super::kit::sip::sdp_with(caller.at, &[(8, "PCMA/8000")], "sendonly");
    caller.request(&mut world, "INVITE", Some(&held));
    let request = world.expect(callee.at, "INVITE");
    let answer = super::kit::sip::sdp_with(callee.at, &[(8, "PCMA/8000")], "recvonly");
    callee.respond(&mut world, &request, "200 OK", Some(&answer));
    world.expect(caller.at, "200");
    caller.confirm(&mut world, None);
    world.expect(callee.at, "ACK");
    for turn in 1..=4 {
        world.seconds(5);
        progress(&mut world, came(turn * 250), came(10));
    }
    callee.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!((cdr.media_a.unheard_s, cdr.media_b.unheard_s), (0, 0));
}

#[test]
fn both_directions_of_a_leg_are_judged_and_the_worse_one_counts() {
    let (mut world, mut caller, _callee) = talking();
    let missed = Heard {
        reports: 3,
        lost: 125,
        jitter_us: 9_000,
        round_trip_us: 80_000,
    };
    let b = Counters {
        forged: 2,
        heard: missed,
        ..came(2_500)
    };
    world.last_counters = (came(2_500), b);
    world.seconds(50);
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    let (a, b) = (cdr.media_a, cdr.media_b);
    assert_eq!((a.far_lost, a.round_trip_us, a.forged), (0, 0, 0));
    assert_eq!((b.far_lost, b.far_jitter_us), (125, 9_000));
    assert_eq!((b.round_trip_us, b.forged), (80_000, 2));
    let (a, b) = (a.mos_x100.expect("heard"), b.mos_x100.expect("heard"));
    assert!(a >= 435 && (300..410).contains(&b), "{a} {b}");
}
