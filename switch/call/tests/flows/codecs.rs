//! Which codecs each leg is offered and answered, and what the relay is told to do between them.

use super::{
    GATE, GATE2, TRUNK, at,
    kit::{Callee, Caller, World, sip},
    plan,
};
use std::net::SocketAddr;
use tandem_call::Input;
use tandem_sdp::{
    Conversion, RelayCommand, SessionDescription, Side,
    convert::{DigitsTo, Format},
};
use tandem_sip::Message;

pub(super) fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

/// `payload type name` of each codec of a message's audio.
pub(super) fn codecs(message: &Message) -> Vec<(u8, String)> {
    let sdp = SessionDescription::parse(message.body()).expect("a description");
    let pair = |codec: tandem_sdp::Codec| (codec.payload_type, codec.name);
    sdp.codecs().into_iter().map(pair).collect()
}

pub(super) fn pairs(list: &[(u8, &str)]) -> Vec<(u8, String)> {
    list.iter()
        .map(|(number, name)| (*number, (*name).to_owned()))
        .collect()
}

/// The last conversion the relay was told of a side's packets.
pub(super) fn conversion(world: &World, of: Side) -> Option<Conversion> {
    world.relay.iter().rev().find_map(|command| match command {
        RelayCommand::SetConversion {
            side, conversion, ..
        } if *side == of => Some(conversion.as_deref().cloned()),
        _ => None,
    })?
}

/// Where sides take audio, as the relay was told.
pub(super) fn targets(world: &World) -> Vec<(Side, SocketAddr)> {
    let of = |command: &RelayCommand| match command {
        RelayCommand::SetTarget { side, rtp, .. } => Some((*side, *rtp)),
        _ => None,
    };
    world.relay.iter().filter_map(of).collect()
}

/// The account allows `account`, the gateway `gateway`; at most `coded` calls are coded anew.
pub(super) fn world(account: &[&str], gateway: &[&str], coded: u32) -> World {
    let (account, gateway) = (names(account), names(gateway));
    let plan = plan()
        .with_account(1, |a| a.codecs = account)
        .with_gateway(1, |g| g.codecs.clone_from(&gateway))
        .with_gateway(2, |g| g.codecs = gateway)
        .with_settings(|settings| settings.media.max_transcoded_calls = coded);
    World::new(plan.build(), &[(1, 100)])
}

const OFFER: &[(u8, &str)] = &[
    (0, "PCMU"),
    (8, "pcma"),
    (9, "G722"),
    (18, "G729"),
    (97, "telephone-event"),
];

pub(super) fn call(world: &mut World, offer: &[(u8, &str)]) -> (Caller, Callee) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let body = sip::sdp(caller.audio, offer);
    caller.invite_offering(world, &body);
    let callee = Callee::take(world, GATE);
    (caller, callee)
}

fn answer(world: &mut World, caller: &mut Caller, callee: &Callee, with: &[(u8, &str)]) -> Message {
    let body = sip::sdp(callee.audio, with);
    callee.say(world, "200 OK", Some(&body));
    caller.ack(world, None)
}

#[test]
fn lists_cut_the_offer_and_order_it() {
    for (account, gateway, expected) in [
        (
            &[][..],
            &[][..],
            pairs(&[
                (0, "pcmu"),
                (8, "pcma"),
                (9, "g722"),
                (18, "g729"),
                (97, "telephone-event"),
            ]),
        ),
        (
            &["pcma", "pcmu"],
            &[],
            pairs(&[(8, "pcma"), (0, "pcmu"), (97, "telephone-event")]),
        ),
        (
            &[],
            &["g729", "pcma", "gsm"],
            pairs(&[(18, "g729"), (8, "pcma"), (97, "telephone-event")]),
        ),
        (
            &["pcmu", "g729"],
            &["g729", "pcmu"],
            pairs(&[(0, "pcmu"), (18, "g729"), (97, "telephone-event")]),
        ),
    ] {
        let mut world = world(account, gateway, 0);
        let (mut caller, callee) = call(&mut world, OFFER);
        assert_eq!(codecs(&callee.invite), expected, "{account:?} {gateway:?}");
        let (number, name) = &expected[0];
        let taken = [(*number, name.as_str()), (97, "telephone-event")];
        let told = answer(&mut world, &mut caller, &callee, &taken);
        assert_eq!(codecs(&told), pairs(&taken));
        assert_eq!(conversion(&world, Side::A), None, "nothing is to be done");
        caller.bye(&mut world);
        let cdr = world.book.only_cdr();
        assert_eq!(
            (cdr.codec.as_deref(), cdr.codec_b.as_deref()),
            (Some(name.as_str()), Some(name.as_str()))
        );
    }
}

#[test]
fn nothing_in_common_is_488_and_says_why() {
    let mut world = world(&["pcma"], &["g729"], 0);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let refused = world.expect(caller.at, "488");
    caller.ack_failure(&mut world, &refused);
    let cdr = world.book.only_cdr();
    assert_eq!(cdr.cause, "failed.media");
    assert!(cdr.trace.contains("codec"), "{}", cdr.trace);
    world.check_idle();
}

#[test]
fn an_answer_with_what_was_not_offered_is_refused() {
    for (with, coded) in [((0, "PCMU"), 0), ((3, "GSM"), 5)] {
        let mut world = world(&["pcma"], &[], coded);
        let (caller, callee) = call(&mut world, sip::G711);
        let told = targets(&world);
        let body = sip::sdp(callee.audio, &[with]);
        callee.say(&mut world, "183 Session Progress", Some(&body));
        callee.say(&mut world, "200 OK", Some(&body));
        world.expect(caller.at, "488");
        assert_eq!(world.book.only_cdr().cause, "failed.media");
        assert_eq!(targets(&world), told, "the relay has not heard of it");
    }
}

#[test]
fn what_the_switch_can_code_is_offered_behind_the_callers_own() {
    let mut world = world(&[], &["pcma", "g722"], 10);
    let (mut caller, callee) = call(&mut world, &[(9, "G722"), (101, "telephone-event")]);
    assert_eq!(
        codecs(&callee.invite),
        pairs(&[(9, "g722"), (8, "pcma"), (101, "telephone-event")])
    );
    let told = answer(
        &mut world,
        &mut caller,
        &callee,
        &[(8, "PCMA"), (101, "telephone-event")],
    );
    assert_eq!(
        codecs(&told),
        pairs(&[(9, "g722"), (101, "telephone-event")])
    );
    let there = conversion(&world, Side::A).expect("a conversion");
    assert_eq!(there.decodes, [(9, Format::G722)]);
    assert_eq!(there.encodes, Some((8, Format::Pcma)));
    let events = DigitsTo::Events {
        number: 101,
        clock_rate: 8_000,
    };
    assert_eq!((there.digits, there.events), (events, vec![(101, 8_000)]));
    let back = conversion(&world, Side::B).expect("a conversion");
    assert_eq!(back.decodes, [(8, Format::Pcma)]);
    assert_eq!(back.encodes, Some((9, Format::G722)));
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.codec.as_deref(), cdr.codec_b.as_deref()),
        (Some("g722"), Some("pcma"))
    );
    world.check_idle();
}

#[test]
fn audio_that_needs_no_coding_is_not_coded() {
    let mut world = world(&[], &[], 10);
    let (mut caller, callee) = call(&mut world, &[(9, "G722"), (8, "PCMA")]);
    let offered: Vec<String> = codecs(&callee.invite)
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(offered, ["g722", "pcma", "opus", "pcmu", "g729"]);
    let told = answer(
        &mut world,
        &mut caller,
        &callee,
        &[(0, "PCMU"), (8, "PCMA")],
    );
    assert_eq!(codecs(&told), pairs(&[(8, "pcma")]), "the one both have");
    let there = conversion(&world, Side::B).expect("a conversion");
    assert_eq!(there.passes, [(8, 8)]);
    assert_eq!(there.decodes, [(0, Format::Pcmu)], "should it send that");
    assert_eq!(there.encodes, Some((8, Format::Pcma)));
    assert_eq!(conversion(&world, Side::A), None);
    caller.bye(&mut world);
}

#[test]
fn opus_is_described_whole_under_a_free_number() {
    let mut world = world(&[], &["opus"], 10);
    let (mut caller, callee) = call(&mut world, &[(8, "PCMA"), (106, "telephone-event")]);
    let text = String::from_utf8_lossy(callee.invite.body()).into_owned();
    for line in [
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 useinbandfec=1",
        "RTP/AVP 96 106",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    let body = sip::sdp(callee.audio, &[(96, "x"), (106, "telephone-event")])
        .replace("x/8000", "opus/48000/2");
    callee.say(&mut world, "200 OK", Some(&body));
    let told = caller.ack(&mut world, None);
    assert_eq!(
        codecs(&told),
        pairs(&[(8, "pcma"), (106, "telephone-event")])
    );
    caller.bye(&mut world);
    world.check_idle();
}

#[test]
fn no_more_calls_are_coded_than_allowed() {
    let mut world = world(&[], &["pcma"], 1);
    let (mut first, callee) = call(&mut world, &[(9, "G722")]);
    answer(&mut world, &mut first, &callee, &[(8, "PCMA")]);
    let mut second = Caller::new(TRUNK, "4930124", "442071234", "b");
    let body = sip::sdp(second.audio, &[(9, "G722")]);
    second.invite_offering(&mut world, &body);
    let refused = world.expect(second.at, "488");
    second.ack_failure(&mut world, &refused);
    first.bye(&mut world);
    let bye = world.expect(callee.at, "BYE");
    callee.respond(&mut world, &bye, "200 OK", None);
    let mut third = Caller::new(TRUNK, "4930125", "442071234", "c");
    third.invite_offering(&mut world, &body);
    let callee = Callee::take(&mut world, GATE);
    answer(&mut world, &mut third, &callee, &[(8, "PCMA")]);
    third.bye(&mut world);
    world.check_idle();
}

/// What may happen on the way to an answer and after it, each word at a gateway or in the talk.
const WAYS: &[&[&str]] = &[
    &["coded", "plain", ""],
    &[
        "busy",
        "fail",
        "take coded",
        "take plain",
        "cancel",
        "offend",
    ],
    &["coded", "plain", ""],
    &["take coded", "take plain", "fail", "cancel", "offend"],
    &["to plain", "refused", ""],
    &["to coded", "unfit", ""],
];

/// Whatever becomes of a call, its slot among those coded anew is free when it is over: only one is allowed, and the
/// next call gets it.
#[test]
fn slots_of_coded_calls_come_back_whatever_happens() {
    let ways = WAYS.iter().map(|words| words.len()).product::<usize>();
    let mut world = world(&[], &["pcma", "gsm"], 1);
    // A step that meets every word with every other.
    for way in (0..ways).step_by(7) {
        let (mut rest, mut words) = (way, Vec::new());
        for choices in WAYS {
            words.push(choices[rest % choices.len()]);
            rest /= choices.len();
        }
        play(&mut world, &words, way);
        let mut next = Caller::new(TRUNK, "4930124", "442071234", &format!("next{way}"));
        let body = sip::sdp(next.audio, &[(9, "G722")]);
        next.invite_offering(&mut world, &body);
        let callee = Callee::take(&mut world, GATE);
        let told = answer(&mut world, &mut next, &callee, &[(8, "PCMA")]);
        assert_eq!(codecs(&told), pairs(&[(9, "g722")]), "after {words:?}");
        hang_up(&mut world, &mut next, &callee);
    }
    world.check_idle();
}

fn hang_up(world: &mut World, caller: &mut Caller, callee: &Callee) {
    caller.bye(world);
    world.heard(caller.at);
    let bye = world.expect(callee.at, "BYE");
    callee.respond(world, &bye, "200 OK", None);
    world.heard(callee.at);
}

const CODED: &[(u8, &str)] = &[(8, "PCMA")];
const PLAIN: &[(u8, &str)] = &[(3, "GSM")];
const NEITHER: &[(u8, &str)] = &[(15, "G728")];

/// One call that goes this way; whatever was up is over at its end.
fn play(world: &mut World, words: &[&str], way: usize) {
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", &format!("way{way}"));
    let body = sip::sdp(caller.audio, &[(9, "G722"), (3, "GSM")]);
    caller.invite_offering(world, &body);
    let mut taken = None;
    for (gate, words) in [GATE, GATE2].into_iter().zip(words.chunks(2)) {
        let callee = Callee::take(world, gate);
        let audio = |with| sip::sdp(callee.audio, with);
        match words[0] {
            "coded" => callee.say(world, "183 Session Progress", Some(&audio(CODED))),
            "plain" => callee.say(world, "183 Session Progress", Some(&audio(PLAIN))),
            _ => callee.ring(world),
        }
        match words[1] {
            "fail" => {
                callee.say(world, "503 Service Unavailable", None);
                continue;
            }
            "busy" => callee.say(world, "486 Busy Here", None),
            "offend" => callee.say(world, "200 OK", Some(&audio(NEITHER))),
            "take coded" => callee.say(world, "200 OK", Some(&audio(CODED))),
            "take plain" => callee.say(world, "200 OK", Some(&audio(PLAIN))),
            _ => caller.cancel(world),
        }
        taken = words[1].starts_with("take").then_some(callee);
        break;
    }
    let Some(callee) = taken else {
        for at in [at(TRUNK), at(GATE), at(GATE2)] {
            world.heard(at);
        }
        return world.seconds(40);
    };
    caller.ack(world, None);
    world.heard(callee.at);
    for word in &words[4..] {
        let (offer, status, with) = match *word {
            "to plain" => (PLAIN, "200 OK", PLAIN),
            "to coded" => (&[(9, "G722")][..], "200 OK", CODED),
            "unfit" => (PLAIN, "200 OK", NEITHER),
            "refused" => (PLAIN, "488 Not Acceptable Here", PLAIN),
            _ => continue,
        };
        let body = sip::sdp(caller.audio, offer);
        caller.request(world, "INVITE", Some(&body));
        let reinvite = world.expect(callee.at, "INVITE");
        let answer = sip::sdp(callee.audio, with);
        callee.respond(world, &reinvite, status, Some(&answer));
        if status != "200 OK" || *word == "unfit" {
            let refusal = world.expect(caller.at, "488");
            caller.ack_failure(world, &refusal);
        } else {
            caller.ack(world, None);
        }
        if *word == "unfit" {
            let undone = world.expect(callee.at, "INVITE");
            let answer = sip::sdp(callee.audio, &[CODED[0], PLAIN[0]]);
            callee.respond(world, &undone, "200 OK", Some(&answer));
        }
        world.heard(callee.at);
    }
    hang_up(world, &mut caller, &callee);
}

#[test]
fn no_further_call_is_coded_when_that_takes_the_processor() {
    let mut world = world(&[], &["pcma"], 10);
    let (mut first, callee) = call(&mut world, &[(9, "G722")]);
    answer(&mut world, &mut first, &callee, &[(8, "PCMA")]);
    world.input(Input::Coding { percent: 80 });
    let mut second = Caller::new(TRUNK, "4930124", "442071234", "b");
    let body = sip::sdp(second.audio, &[(9, "G722")]);
    second.invite_offering(&mut world, &body);
    let refused = world.expect(second.at, "488");
    second.ack_failure(&mut world, &refused);
    // The one that is coded already may change, and others begin when there is time again.
    let changed = sip::sdp(first.audio, &[(9, "G722"), (18, "G729")]);
    first.request(&mut world, "INVITE", Some(&changed));
    let reinvite = world.expect(callee.at, "INVITE");
    let pcma = sip::sdp(callee.audio, &[(8, "PCMA")]);
    callee.respond(&mut world, &reinvite, "200 OK", Some(&pcma));
    first.ack(&mut world, None);
    world.input(Input::Coding { percent: 79 });
    let mut third = Caller::new(TRUNK, "4930125", "442071234", "c");
    third.invite_offering(&mut world, &body);
    let other = Callee::take(&mut world, GATE);
    answer(&mut world, &mut third, &other, &[(8, "PCMA")]);
    third.bye(&mut world);
    first.bye(&mut world);
}

#[test]
fn early_audio_and_changes_are_coded_too() {
    let mut world = world(&[], &["pcma"], 10);
    let (mut caller, callee) = call(&mut world, &[(9, "G722")]);
    let body = sip::sdp(callee.audio, &[(8, "PCMA")]);
    callee.say(&mut world, "183 Session Progress", Some(&body));
    let early = world.expect(caller.at, "183");
    assert_eq!(codecs(&early), pairs(&[(9, "g722")]));
    assert!(conversion(&world, Side::A).is_some_and(|plan| plan.transcodes()));
    callee.say(&mut world, "200 OK", Some(&body));
    caller.ack(&mut world, None);
    // The caller goes over to what the gateway has: nothing is coded any more.
    let changed = sip::sdp(caller.audio, &[(8, "PCMA")]);
    caller.request(&mut world, "INVITE", Some(&changed));
    let reinvite = world.expect(callee.at, "INVITE");
    assert_eq!(codecs(&reinvite), pairs(&[(8, "pcma")]));
    callee.respond(&mut world, &reinvite, "200 OK", Some(&body));
    caller.ack(&mut world, None);
    assert_eq!(conversion(&world, Side::A), None);
    // And the gateway asks for a change that the caller can have coded only.
    let mut callee = callee;
    let g722 = sip::sdp(caller.audio, &[(9, "G722")]);
    callee.request(&mut world, "INVITE", Some(&body));
    let reinvite = world.expect(caller.at, "INVITE");
    let offered: Vec<String> = codecs(&reinvite)
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(offered, ["pcma", "opus", "g722", "pcmu", "g729"]);
    caller.respond(&mut world, &reinvite, "200 OK", Some(&g722));
    let told = world.expect(callee.at, "200");
    assert_eq!(codecs(&told), pairs(&[(8, "pcma")]));
    callee.ack(&mut world);
    assert!(conversion(&world, Side::B).is_some_and(|plan| plan.transcodes()));
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.codec.as_deref(), cdr.codec_b.as_deref()),
        (Some("g722"), Some("pcma"))
    );
}

#[test]
fn a_late_offer_is_coded_too() {
    let mut world = world(&[], &["pcma"], 10);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite_without_offer(&mut world);
    let callee = Callee::take(&mut world, GATE);
    let body = sip::sdp(callee.audio, &[(8, "PCMA")]);
    callee.say(&mut world, "200 OK", Some(&body));
    let told = caller.take_answer(&mut world);
    let offered: Vec<String> = codecs(&told).into_iter().map(|(_, name)| name).collect();
    assert_eq!(offered, ["pcma", "opus", "g722", "pcmu", "g729"]);
    let opus = sip::sdp(at("198.51.100.10:40000"), &[(106, "x")]).replace("x/8000", "opus/48000/2");
    caller.confirm(&mut world, Some(&opus));
    let ack = world.expect(callee.at, "ACK");
    assert_eq!(codecs(&ack), pairs(&[(8, "pcma")]));
    assert_eq!(
        conversion(&world, Side::A).expect("a conversion").decodes,
        [(106, Format::Opus)]
    );
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().codec.as_deref(), Some("opus"));
}

/// The offer is asked for within the call, from either side.
#[test]
fn an_offer_that_is_asked_for_within_a_coded_call_is_coded() {
    let mut world = world(&[], &["pcma", "pcmu"], 10);
    let (mut caller, mut callee) = call(&mut world, &[(9, "G722")]);
    answer(&mut world, &mut caller, &callee, &[(8, "PCMA")]);
    world.expect(callee.at, "ACK");
    caller.request(&mut world, "INVITE", None);
    let asked = world.expect(callee.at, "INVITE");
    let pcmu = sip::sdp(callee.audio, &[(0, "PCMU")]);
    callee.respond(&mut world, &asked, "200 OK", Some(&pcmu));
    let g722 = sip::sdp(caller.audio, &[(9, "G722")]);
    let told = caller.ack(&mut world, Some(&g722));
    assert!(codecs(&told).contains(&(9, "g722".to_owned())));
    let ack = world.expect(callee.at, "ACK");
    assert_eq!(codecs(&ack), pairs(&[(0, "pcmu")]));
    assert_eq!(
        conversion(&world, Side::A).expect("a conversion").encodes,
        Some((0, Format::Pcmu))
    );
    callee.request(&mut world, "INVITE", None);
    let asked = world.expect(caller.at, "INVITE");
    caller.respond(&mut world, &asked, "200 OK", Some(&g722));
    let told = world.expect(callee.at, "200");
    let offered: Vec<String> = codecs(&told).into_iter().map(|(_, name)| name).collect();
    assert_eq!(offered, ["pcma", "pcmu"]);
    let pcma = sip::sdp(callee.audio, &[(8, "PCMA")]);
    callee.ack_with(&mut world, Some(&pcma));
    let ack = world.expect(caller.at, "ACK");
    assert_eq!(codecs(&ack), pairs(&[(9, "g722")]));
    assert_eq!(
        conversion(&world, Side::A).expect("a conversion").encodes,
        Some((8, Format::Pcma))
    );
    caller.bye(&mut world);
    let cdr = world.book.only_cdr();
    assert_eq!(
        (cdr.codec.as_deref(), cdr.codec_b.as_deref()),
        (Some("g722"), Some("pcma"))
    );
}
