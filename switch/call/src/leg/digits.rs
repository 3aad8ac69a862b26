//! Keys pressed, as SIP INFO (`application/dtmf-relay`, `application/dtmf`): taken from a side for a leg that has
//! another form for them, and sent to a side that has no other.
//!
//! INFOs of one side go out one after the other, each once the last was answered: digits keep their order. A phone
//! that tells of a key both ways, as an event and as INFO, pressed it once.

use super::{repeat, send};
use crate::{
    call::{Call, Stage},
    media::Relay,
    switch::state::Core,
};
use std::{collections::VecDeque, time::Duration};
use tandem_sdp::{
    Digit, RelayCommand, Side,
    convert::{DigitMode, DigitsTo},
};
use tandem_sip::{
    Message, Mono,
    endpoint::{ClientTxn, ServerTxn},
    message::Draft,
    value::Method,
};

/// Digits that wait for a side's answers; more are dropped.
const WAITING_MAX: usize = 32;
/// Of a digit whose INFO says no duration, milliseconds.
const USUAL_MS: u32 = 160;

/// The second word of a key may come so long after the first, beyond the time that the key was held.
const BOTH_WAYS: Duration = Duration::from_secs(1);

/// The digits on their way to one side as INFO.
#[derive(Debug, Default)]
pub(crate) struct Infos {
    waiting: VecDeque<Digit>,
    sent: Option<Sent>,
    /// It said that it takes none.
    unable: bool,
    /// Keys its other side has told of in one way only, so far.
    told: VecDeque<Told>,
}

/// How a side tells of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Event,
    Info,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    key: char,
    way: Way,
    until: Mono,
}

impl Infos {
    /// Whether a digit was told of in the other way already. Each word stands for one press: a key pressed twice
    /// is told of twice in both ways.
    fn repeats(&mut self, digit: Digit, way: Way, now: Mono) -> bool {
        self.told.retain(|told| told.until >= now);
        let other = |told: &Told| told.key == digit.key() && told.way != way;
        if let Some(at) = self.told.iter().position(other) {
            self.told.remove(at);
            return true;
        }
        if self.told.len() >= WAITING_MAX {
            self.told.pop_front();
        }
        let held = Duration::from_millis(digit.duration_ms().into());
        self.told.push_back(Told {
            key: digit.key(),
            way,
            until: now + held + BOTH_WAYS,
        });
        false
    }
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    txn: ClientTxn,
    digit: Digit,
    authorised: bool,
}

fn infos(call: &mut Call, side: Side) -> &mut Infos {
    match side {
        Side::A => &mut call.media.infos.0,
        Side::B => &mut call.media.infos.1,
    }
}

/// Takes an INFO with a digit, if it is not to pass as it is.
pub(crate) fn take(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    (txn, message): (ServerTxn, &Message),
) -> bool {
    let (Stage::Talking, Relay::Open { id, .. }) = (call.stage, call.media.relay) else {
        return false;
    };
    let Some(digit) = read(message).filter(|_| !call.media.direct) else {
        return false;
    };
    let (near, far) = (
        call.media.spoken.of(side),
        call.media.spoken.of(side.other()),
    );
    let both_ways = near.has_events() && far.takes_digits() == DigitsTo::Core;
    if near.digits == DigitMode::Auto && both_ways {
        let repeated = infos(call, side.other()).repeats(digit, Way::Info, core.now.mono);
        if repeated {
            core.respond(txn, (200, "OK"), "", Draft::new());
        }
        return repeated;
    }
    let plays = match (near.digits, far.takes_digits()) {
        // A phone that has events: what it sends beside them is between it and the other end.
        (DigitMode::Auto, _) if near.has_events() => return false,
        (DigitMode::Auto | DigitMode::Info, DigitsTo::Core) => return false,
        (DigitMode::Auto | DigitMode::Info, DigitsTo::Events { .. } | DigitsTo::Tones) => true,
        // Not the way this side speaks of digits: they come in another form, and count once.
        (DigitMode::Events | DigitMode::Tones, _)
        | (DigitMode::Auto | DigitMode::Info, DigitsTo::Nowhere) => false,
    };
    if plays {
        core.relay(RelayCommand::PlayDigit {
            id,
            side: side.other(),
            digit,
        });
    }
    core.respond(txn, (200, "OK"), "", Draft::new());
    true
}

/// The digit an INFO speaks of.
pub(crate) fn read(message: &Message) -> Option<Digit> {
    let kind = message.content_type()?;
    let body = std::str::from_utf8(message.body()).ok()?;
    if kind.eq_ignore_ascii_case("application/dtmf-relay") {
        let value = |name: &str| {
            body.lines().find_map(|line| {
                let (key, value) = line.split_once('=')?;
                key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let duration_ms = value("Duration").and_then(|text| text.parse().ok());
        digit_of(value("Signal")?, duration_ms.unwrap_or(USUAL_MS))
    } else if kind.eq_ignore_ascii_case("application/dtmf") {
        digit_of(body.trim(), USUAL_MS)
    } else {
        None
    }
}

/// A key, or the number some write in its stead: 10 for the star, 11 for the hash, 12 to 15 for A to D.
fn digit_of(signal: &str, duration_ms: u32) -> Option<Digit> {
    let mut keys = signal.chars();
    match (keys.next(), keys.next()) {
        (Some(key), None) => Digit::new(key, duration_ms),
        _ => Digit::of_event(signal.parse().ok().filter(|code| *code >= 10)?, duration_ms),
    }
}

/// A side pressed a key, the relay says; the other one is told by INFO.
pub(crate) fn pressed(core: &mut Core, call: &mut Call, side: Side, digit: Digit) {
    match call.stage {
        Stage::Talking => {}
        Stage::Hunting | Stage::Answering | Stage::Ending => return,
    }
    let to = side.other();
    let queue = infos(call, to);
    if queue.repeats(digit, Way::Event, core.now.mono) {
        return;
    }
    if queue.unable || queue.waiting.len() >= WAITING_MAX {
        return;
    }
    queue.waiting.push_back(digit);
    next(core, call, to);
}

fn next(core: &mut Core, call: &mut Call, to: Side) {
    let queue = infos(call, to);
    if queue.sent.is_some() {
        return;
    }
    let Some(digit) = queue.waiting.pop_front() else {
        return;
    };
    let Some(leg) = call.leg_mut(to) else { return };
    let txn = send(core, leg, Method::Info, draft(digit));
    sent(core, call, to, (txn, digit, false));
}

fn draft(digit: Digit) -> Draft {
    let body = format!(
        "Signal={}\r\nDuration={}\r\n",
        digit.key(),
        digit.duration_ms()
    );
    Draft::new().body("application/dtmf-relay", body)
}

fn sent(
    core: &mut Core,
    call: &mut Call,
    to: Side,
    (txn, digit, authorised): (ClientTxn, Digit, bool),
) {
    core.index.clients.insert(txn, call.id);
    infos(call, to).sent = Some(Sent {
        txn,
        digit,
        authorised,
    });
}

fn answered(core: &mut Core, call: &mut Call, txn: ClientTxn) -> Option<(Side, Sent)> {
    for side in [Side::A, Side::B] {
        let queue = infos(call, side);
        if let Some(sent) = queue.sent.take_if(|sent| sent.txn == txn) {
            core.index.clients.remove(&txn);
            return Some((side, sent));
        }
    }
    None
}

/// A response to an INFO of ours. False if it is none of them.
pub(crate) fn response(
    core: &mut Core,
    call: &mut Call,
    txn: ClientTxn,
    message: &Message,
) -> bool {
    let status = message.status().unwrap_or_default();
    if status < 200 {
        let is_sent = |side| infos(call, side).sent.is_some_and(|sent| sent.txn == txn);
        return [Side::A, Side::B].into_iter().any(is_sent);
    }
    let Some((side, sent)) = answered(core, call, txn) else {
        return false;
    };
    match status {
        401 | 407 if !sent.authorised && authorise(core, call, side, sent.digit, message) => {}
        405 | 415 | 469 | 481 | 501 => {
            let queue = infos(call, side);
            queue.waiting.clear();
            queue.unable = true;
        }
        _ => next(core, call, side),
    }
    true
}

fn authorise(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    digit: Digit,
    challenge: &Message,
) -> bool {
    let Some(leg) = call.leg_mut(side) else {
        return false;
    };
    let Some(txn) = repeat(core, leg, (Method::Info, draft(digit)), challenge) else {
        return false;
    };
    sent(core, call, side, (txn, digit, true));
    true
}

/// An INFO of ours was never answered. False if it is none of them.
pub(crate) fn lost(core: &mut Core, call: &mut Call, txn: ClientTxn) -> bool {
    let Some((side, _)) = answered(core, call, txn) else {
        return false;
    };
    next(core, call, side);
    true
}

/// The call is over.
pub(crate) fn abandon(core: &mut Core, call: &mut Call) {
    for side in [Side::A, Side::B] {
        let queue = std::mem::take(infos(call, side));
        if let Some(sent) = queue.sent {
            core.index.clients.remove(&sent.txn);
        }
    }
}
