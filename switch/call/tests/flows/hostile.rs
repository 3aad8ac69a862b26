//! Peers that make mistakes, or mean harm: no message may panic the core, leave anything behind, or cost money
//! that was not held.

use super::{
    GATE, TRUNK, at,
    kit::{Callee, Caller, World},
    plan, world,
};
use proptest::prelude::*;
use std::time::Duration;
use tandem_billing::{AccountId, Micros};

/// One harm done to a message.
#[derive(Clone, Debug)]
enum Harm {
    Flip(usize, u8),
    Cut(usize),
    Repeat,
    DropLine(usize),
    DoubleLine(usize),
    SwapWord(usize, usize),
}

const WORDS: [&str; 12] = [
    "INVITE",
    "BYE",
    "CANCEL",
    "ACK",
    "180 Ringing",
    "200 OK",
    "503 Service Unavailable",
    "CSeq: 4294967295 INVITE",
    "Content-Length: 0",
    "sip:@",
    "a=inactive",
    "c=IN IP4 0.0.0.0",
];

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Harm::Flip(at, byte)),
        any::<usize>().prop_map(Harm::Cut),
        Just(Harm::Repeat),
        any::<usize>().prop_map(Harm::DropLine),
        any::<usize>().prop_map(Harm::DoubleLine),
        (any::<usize>(), any::<usize>()).prop_map(|(line, word)| Harm::SwapWord(line, word)),
    ]
}

fn harmed(text: &[u8], harm: &Harm) -> Vec<u8> {
    let mut bytes = text.to_vec();
    let length = bytes.len().max(1);
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let with_line = |index: usize, change: &dyn Fn(&mut Vec<Vec<u8>>, usize)| {
        let mut lines: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
        let index = index % lines.len();
        change(&mut lines, index);
        lines.join(&b'\n')
    };
    match harm {
        Harm::Flip(at, byte) => bytes[at % length] ^= byte,
        Harm::Cut(at) => bytes.truncate(at % length),
        Harm::Repeat => bytes.extend_from_slice(text),
        Harm::DropLine(at) => bytes = with_line(*at, &|lines, index| drop(lines.remove(index))),
        Harm::DoubleLine(at) => {
            bytes = with_line(*at, &|lines, index| {
                lines.insert(index, lines[index].clone())
            });
        }
        Harm::SwapWord(at, word) => {
            let word = WORDS[word % WORDS.len()];
            bytes = with_line(*at, &|lines, index| {
                lines[index] = format!("{word}\r").into_bytes()
            });
        }
    }
    bytes
}

/// What peers say, in an order somebody might.
#[derive(Clone, Debug)]
enum Step {
    Ring,
    Early,
    Answer,
    Refuse(u16),
    Ack,
    CallerBye,
    CalleeBye,
    Cancel,
    Hold,
    Update,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Ring),
        1 => Just(Step::Early),
        3 => Just(Step::Answer),
        1 => (300u16..700).prop_map(Step::Refuse),
        3 => Just(Step::Ack),
        1 => Just(Step::CallerBye),
        1 => Just(Step::CalleeBye),
        1 => Just(Step::Cancel),
        1 => Just(Step::Hold),
        1 => Just(Step::Update),
        2 => (1u16..20_000).prop_map(Step::Wait),
    ]
}

fn play(world: &mut World, caller: &mut Caller, step: &Step) {
    match step {
        Step::Ack => {
            if world.waits(caller.at, "200") {
                caller.ack(world, None);
            }
        }
        Step::CallerBye => caller.bye(world),
        Step::Cancel => caller.cancel(world),
        Step::Hold => {
            let body = caller.sdp();
            caller.request(world, "INVITE", Some(&body));
        }
        Step::Update => {
            let body = caller.sdp();
            caller.request(world, "UPDATE", Some(&body));
        }
        Step::Wait(ms) => world.advance(Duration::from_millis(u64::from(*ms))),
        Step::Ring | Step::Early | Step::Answer | Step::Refuse(_) | Step::CalleeBye => {}
    }
}

fn play_callee(world: &mut World, callee: &mut Callee, step: &Step) {
    match step {
        Step::Ring => callee.ring(world),
        Step::Early => {
            let body = callee.sdp();
            callee.say(world, "183 Session Progress", Some(&body));
        }
        Step::Answer => callee.answer(world),
        Step::Refuse(status) => callee.say(world, &format!("{status} No"), None),
        Step::CalleeBye => callee.bye(world),
        Step::Ack | Step::CallerBye | Step::Cancel | Step::Hold | Step::Update | Step::Wait(_) => {}
    }
}

/// Whatever happened, sooner or later nothing is left, and the books agree.
fn end_of(world: &mut World) {
    world.seconds(400);
    world.check_idle();
    let balance = world.book.balance(1);
    assert!(balance >= Micros::ZERO, "never below zero");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_order_of_words_ends_with_clean_books(steps in prop::collection::vec(step(), 1..25)) {
        let mut world = World::with_micros(plan().build(), &[(AccountId(1), Micros(900_000))]);
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
        caller.invite(&mut world);
        let mut callee = Callee::take(&mut world, GATE);
        for step in &steps {
            play(&mut world, &mut caller, step);
            play_callee(&mut world, &mut callee, step);
        }
        end_of(&mut world);
        prop_assert!(!world.book.cdrs.is_empty());
    }

    #[test]
    fn harmed_messages_neither_panic_nor_leak(
        steps in prop::collection::vec((step(), prop::option::of(harm())), 1..16),
        first in prop::option::of(harm()),
    ) {
        let mut world = World::with_micros(plan().build(), &[(AccountId(1), Micros(900_000))]);
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
        if let Some(first) = first {
            world.harm_next(move |bytes| harmed(bytes, &first));
        }
        caller.invite(&mut world);
        let mut callee = world.waits(at(GATE), "INVITE").then(|| Callee::take(&mut world, GATE));
        for (step, harm) in steps {
            if let Some(harm) = harm {
                world.harm_next(move |bytes| harmed(bytes, &harm));
            }
            play(&mut world, &mut caller, &step);
            if let Some(callee) = callee.as_mut() {
                play_callee(&mut world, callee, &step);
            }
        }
        end_of(&mut world);
    }
}

#[test]
fn a_repeated_answer_while_its_ack_waits_is_no_second_fork() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite_without_offer(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    callee.answer(&mut world);
    world.advance(Duration::from_millis(600));
    callee.answer(&mut world);
    assert!(world.heard(callee.at).is_empty(), "neither ACK nor BYE");
    let body = caller.sdp();
    caller.ack(&mut world, Some(&body));
    assert_eq!(world.heard(callee.at), ["ACK"]);
    callee.answer(&mut world);
    assert_eq!(world.heard(callee.at), ["ACK"]);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().cause, "answered.caller_hangup");
    world.check_idle();
}

#[test]
fn the_table_of_calls_has_an_end() {
    let mut world = world();
    for key in 0..1_000 {
        Caller::new(TRUNK, "4930123", "442071234", &key.to_string()).invite(&mut world);
    }
    let up = world.switch.open_calls();
    let mut one_more = Caller::new(TRUNK, "4930123", "442071234", "more");
    one_more.invite(&mut world);
    assert!(up <= 1_000);
    assert!(world.waits(one_more.at, "503") || world.waits(one_more.at, "402"));
    world.seconds(200);
    world.check_idle();
}
