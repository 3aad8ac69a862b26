//! What becomes of recordings and of coded audio when parties go over.

use super::{CAROL, come_over, refer, talking, three, told, world_of};
use crate::{
    GATE, GATE2,
    kit::{Callee, Caller, World, sip},
};
use tandem_billing::CallId;
use tandem_call::directory::signalling::Recorded;
use tandem_sdp::{RecordingOrder, RelayCommand, RelayId, SessionDescription, convert::Format};

fn orders(world: &World) -> Vec<(RelayId, RecordingOrder)> {
    let of = |command: &RelayCommand| match command {
        RelayCommand::SetRecording { id, recording } => Some((*id, *recording.clone()?)),
        _ => None,
    };
    world.relay.iter().filter_map(of).collect()
}

/// Bob sends his caller on to the gateway.
fn sent_on(world: &mut World) -> (Caller, Callee) {
    let (caller, mut bob) = talking(world);
    refer(world, &mut bob, "442071234");
    let gate = Callee::take(world, GATE);
    gate.answer(world);
    world.expect(gate.at, "ACK");
    assert_eq!(told(world, &bob), "SIP/2.0 200 OK");
    let bye = world.expect(bob.at, "BYE");
    bob.respond(world, &bye, "200 OK", None);
    come_over(world, &caller);
    (caller, gate)
}

#[test]
fn a_party_that_has_its_calls_recorded_is_recorded_where_it_goes() {
    let plan = three().with_account(1, |account| account.signalling.recording = Recorded::On);
    let mut world = world_of(&plan);
    let (mut caller, gate) = sent_on(&mut world);
    let ordered = orders(&world);
    let [first, second] = &ordered[..] else {
        panic!("{ordered:?}");
    };
    assert_ne!(first.0, second.0, "a relay each");
    assert!(first.1.name.ends_with("/1.wav") && second.1.name.ends_with("/2.wav"));
    assert!(
        second.1.a.contains(&(8, Format::Pcma)),
        "what it was told there"
    );
    caller.bye(&mut world);
    let bye = world.expect(gate.at, "BYE");
    gate.respond(&mut world, &bye, "200 OK", None);
    for (call, (_, order)) in [1, 2].into_iter().zip(&ordered) {
        let cdr = &world.book.cdrs[&CallId(call)];
        assert_eq!(cdr.recording.as_ref(), Some(&order.name));
    }
    world.check_idle();
}

#[test]
fn nobody_is_recorded_for_the_sake_of_one_that_has_gone() {
    let plan = three().with_account(3, |account| account.signalling.recording = Recorded::On);
    let mut world = world_of(&plan);
    let (mut caller, _gate) = sent_on(&mut world);
    assert_eq!(orders(&world), []);
    caller.bye(&mut world);
}

#[test]
fn a_party_that_goes_over_is_not_coded_beyond_the_limit() {
    let plan = three().with_settings(|settings| settings.media.max_transcoded_calls = 1);
    let mut world = world_of(&plan);
    let (caller, mut bob) = talking(&mut world);
    let g722 = sip::sdp(caller.audio, &[(9, "G722")]);
    refer(&mut world, &mut bob, "442071234");
    let gate = Callee::take(&mut world, GATE);
    // While it rings, another call takes the only slot.
    let mut carol = Caller::new(CAROL, "carol", "7123", "c");
    carol.invite_with_digest(&mut world);
    let far = Callee::take(&mut world, GATE2);
    far.say(&mut world, "200 OK", Some(&g722));
    carol.ack(&mut world, None);
    gate.answer(&mut world);
    world.expect(gate.at, "ACK");
    assert_eq!(told(&mut world, &bob), "SIP/2.0 200 OK");
    let renewal = world.expect(caller.at, "INVITE");
    let offered = SessionDescription::parse(renewal.body())
        .expect("an offer")
        .codecs();
    assert!(
        offered.iter().any(|codec| codec.name == "g722"),
        "{offered:?}"
    );
    caller.respond(&mut world, &renewal, "200 OK", Some(&g722));
    world.expect(caller.at, "BYE");
    world.expect(gate.at, "BYE");
}
