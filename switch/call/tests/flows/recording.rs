//! Which calls are recorded, from when on, and what is left of it.

use super::{
    GATE, TRUNK,
    kit::{Callee, Caller, World},
    plan,
};
use tandem_call::{
    Input,
    directory::signalling::Recorded,
    io::{Command, Reply},
};
use tandem_sdp::{RecordingOrder, RelayCommand, RelayReport, convert::Format, relay::Left};

fn world(recording: Recorded) -> World {
    let plan = plan().with_account(1, |account| account.signalling.recording = recording);
    World::new(plan.build(), &[(1, 100)])
}

/// Rings; nothing may be recorded yet.
fn ringing(world: &mut World) -> (Caller, Callee) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(world);
    let callee = Callee::take(world, GATE);
    callee.ring(world);
    assert_eq!(orders(world), []);
    (caller, callee)
}

fn answered(world: &mut World) -> (Caller, Callee) {
    let (mut caller, callee) = ringing(world);
    callee.answer(world);
    caller.ack(world, None);
    world.expect(callee.at, "ACK");
    (caller, callee)
}

fn orders(world: &World) -> Vec<Option<RecordingOrder>> {
    let ordered = world.relay.iter().filter_map(|command| match command {
        RelayCommand::SetRecording { recording, .. } => Some(recording.as_deref().cloned()),
        _ => None,
    });
    ordered.collect()
}

/// The recording ordered last fails.
fn fail(world: &mut World, left: Left) {
    let ordered = orders(world).into_iter().flatten().next_back();
    fail_of(world, &ordered.expect("a recording").name, left);
}

fn fail_of(world: &mut World, name: &str, left: Left) {
    world.input(Input::Relay(RelayReport::RecordingFailed {
        id: world.relay_of_last_call().expect("a relay"),
        name: name.to_owned(),
        left,
        reason: "no space left on device".to_owned(),
    }));
}

/// The files that the CDR would name after a crash.
fn after_crash(world: &World) -> Option<String> {
    let [open] = &world.book.open.values().collect::<Vec<_>>()[..] else {
        panic!("one call");
    };
    open.cdr.recording.clone()
}

fn ask(world: &mut World, command: Command) -> Reply {
    world.command(command);
    world.replies.pop().expect("a reply").1
}

#[test]
fn an_account_s_calls_are_recorded_from_the_answer_on() {
    let mut world = world(Recorded::On);
    let (mut caller, _callee) = answered(&mut world);
    let call = world.only_open();
    let [Some(order)] = &orders(&world)[..] else {
        panic!("{:?}", orders(&world));
    };
    assert!(
        order.name.ends_with(&format!("/{}.wav", call.0)),
        "{}",
        order.name
    );
    let open = world.book.open.get(&call).expect("journalled");
    assert_eq!(
        open.cdr.recording.as_ref(),
        Some(&order.name),
        "after a crash"
    );
    assert!(order.a.contains(&(8, Format::Pcma)), "{order:?}");
    assert!(order.b.contains(&(8, Format::Pcma)), "{order:?}");
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().recording.as_ref(), Some(&order.name));
    world.check_idle();
}

#[test]
fn an_operator_begins_and_ends_a_recording() {
    let mut world = world(Recorded::Off);
    let (mut caller, callee) = ringing(&mut world);
    let call = world.only_open();
    let early = ask(&mut world, Command::Record { call });
    assert!(matches!(early, Reply::Refused(reason) if reason.contains("not answered")));
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    world.expect(callee.at, "ACK");
    for _ in 0..2 {
        assert!(matches!(
            ask(&mut world, Command::Record { call }),
            Reply::Done
        ));
    }
    assert!(matches!(
        ask(&mut world, Command::StopRecording { call }),
        Reply::Done
    ));
    assert!(matches!(
        ask(&mut world, Command::Record { call }),
        Reply::Done
    ));
    let orders = orders(&world);
    assert!(matches!(&orders[..], [Some(_), None, Some(_)]));
    assert_eq!(orders[0], orders[2], "the same file goes on");
    caller.bye(&mut world);
    assert!(world.book.only_cdr().recording.is_some());
    assert!(matches!(
        ask(&mut world, Command::Record { call }),
        Reply::NotFound
    ));
    world.check_idle();
}

/// Whether the monitor shows the call as recorded.
fn shown(world: &mut World) -> bool {
    match ask(world, Command::Snapshot) {
        Reply::Snapshot(snapshot) => snapshot.calls[0].recorded,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_recording_that_failed_begins_again_in_a_file_of_its_own() {
    let mut world = world(Recorded::On);
    let (mut caller, _callee) = answered(&mut world);
    let call = world.only_open();
    assert!(shown(&mut world));
    fail(&mut world, Left::Part);
    assert!(!shown(&mut world), "nothing is recorded any more");
    let again = ask(&mut world, Command::Record { call });
    assert!(matches!(again, Reply::Done));
    assert!(shown(&mut world));
    let [Some(first), None, Some(second)] = &orders(&world)[..] else {
        panic!("{:?}", orders(&world));
    };
    assert_ne!(first.name, second.name);
    let both = format!("{} {}", first.name, second.name);
    assert_eq!(after_crash(&world).as_ref(), Some(&both));
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().recording, Some(both));
    world.check_idle();
}

#[test]
fn a_recording_is_not_begun_for_ever() {
    let mut world = world(Recorded::Off);
    let (mut caller, _callee) = answered(&mut world);
    let call = world.only_open();
    for _ in 0..16 {
        let begun = ask(&mut world, Command::Record { call });
        assert!(matches!(begun, Reply::Done));
        fail(&mut world, Left::Nothing);
    }
    let refused = ask(&mut world, Command::Record { call });
    assert!(matches!(refused, Reply::Refused(reason) if reason.contains("too often")));
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn a_recorder_that_fails_leaves_the_call_alone_and_a_word_in_its_trace() {
    let mut world = world(Recorded::On);
    let (mut caller, _callee) = answered(&mut world);
    fail(&mut world, Left::Part);
    assert_eq!(
        orders(&world).last(),
        Some(&None),
        "nothing is copied any more"
    );
    world.seconds(5);
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert!(
        cdr.trace.contains("no space left on device"),
        "{}",
        cdr.trace
    );
    assert_eq!(cdr.cause, "answered.caller_hangup");
    world.check_idle();
}

#[test]
fn a_file_that_could_not_be_made_is_named_nowhere() {
    let mut world = world(Recorded::On);
    let (mut caller, _callee) = answered(&mut world);
    let call = world.only_open();
    assert!(after_crash(&world).is_some());
    fail(&mut world, Left::Nothing);
    assert_eq!(after_crash(&world), None);
    let again = ask(&mut world, Command::Record { call });
    assert!(matches!(again, Reply::Done));
    let [Some(first), None, Some(second)] = &orders(&world)[..] else {
        panic!("{:?}", orders(&world));
    };
    assert_ne!(first.name, second.name, "its name may be another file's");
    assert_eq!(after_crash(&world).as_ref(), Some(&second.name));
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().recording.as_ref(), Some(&second.name));
    world.check_idle();
}

#[test]
fn the_recording_goes_on_when_the_file_before_fails_at_its_end() {
    let mut world = world(Recorded::On);
    let (mut caller, _callee) = answered(&mut world);
    let call = world.only_open();
    fail(&mut world, Left::Part);
    let again = ask(&mut world, Command::Record { call });
    assert!(matches!(again, Reply::Done));
    let first = orders(&world).into_iter().flatten().next().expect("a file");
    fail_of(&mut world, &first.name, Left::Part);
    assert!(shown(&mut world), "the second one goes on");
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn an_operator_s_recording_is_named_after_a_crash() {
    let mut world = world(Recorded::Off);
    let (mut caller, _callee) = answered(&mut world);
    let call = world.only_open();
    assert_eq!(after_crash(&world), None);
    let begun = ask(&mut world, Command::Record { call });
    assert!(matches!(begun, Reply::Done));
    assert!(after_crash(&world).is_some());
    caller.bye(&mut world);
    world.check_idle();
}
