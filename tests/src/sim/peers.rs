//! All virtual peers of a day, and which of them a message is for.

use super::{
    callee::{CalleeLine, Part},
    caller::{CallerLine, call_id_of, number_of},
    operator::DEAD_HOST,
    peer::{Hands, Party, Tick},
    phone::PhoneLine,
    scene::{Call, Scene},
};
use crate::kit::sip::respond;
use std::{collections::BTreeMap, net::SocketAddr};
use tandem_sip::{Message, Mono, value::Method};

/// One peer's part in one call, or its registration.
#[derive(Clone, Debug)]
pub enum Line {
    /// It calls.
    Caller(CallerLine),
    /// It is called.
    Callee(CalleeLine),
    /// It registers.
    Phone(PhoneLine),
}

impl Line {
    /// Its side of the dialog.
    #[must_use]
    pub fn party(&self) -> &Party {
        match self {
            Self::Caller(line) => &line.party,
            Self::Callee(line) => &line.party,
            Self::Phone(line) => &line.party,
        }
    }

    fn party_mut(&mut self) -> &mut Party {
        match self {
            Self::Caller(line) => &mut line.party,
            Self::Callee(line) => &mut line.party,
            Self::Phone(line) => &mut line.party,
        }
    }
}

/// Whether a call to `number`'s called side is sent on: it is named by the number it was called by.
fn is_sent_on_from(call: &Call, number: &str) -> bool {
    let by_caller = call.transfer.as_ref().is_some_and(|t| t.by_caller);
    by_caller && call.number == number
}

/// Which line.
pub type LineId = usize;

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    lines: Vec<Line>,
    by_call_id: BTreeMap<String, LineId>,
    attempts: BTreeMap<u32, u32>,
}

/// What a message led to.
#[derive(Debug)]
pub enum Heard {
    /// A line took it.
    By(LineId),
    /// Nobody there knows the call.
    Unknown(String),
    /// It needs no answer.
    Ignored,
}

impl Peers {
    /// The day's callers and phones, and when each begins.
    #[must_use]
    pub fn of(scene: &Scene) -> (Self, Vec<(u64, LineId)>) {
        let mut peers = Self::default();
        let mut starts = Vec::new();
        let phones = scene
            .operator
            .accounts
            .iter()
            .flat_map(|account| account.phones);
        for (at, (username, address)) in (0u64..).zip(phones) {
            let line = PhoneLine::new(username, address);
            starts.push((at * 10, peers.add(Line::Phone(line))));
        }
        for call in &scene.calls {
            let line = CallerLine::new(call.clone(), Mono(0));
            starts.push((call.at, peers.add(Line::Caller(line))));
        }
        (peers, starts)
    }

    fn add(&mut self, line: Line) -> LineId {
        let id = self.lines.len();
        self.by_call_id
            .insert(line.party().within.call_id.clone(), id);
        self.lines.push(line);
        id
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether a line only registers.
    #[must_use]
    pub fn is_phone(&self, id: LineId) -> bool {
        matches!(self.lines.get(id), Some(Line::Phone(_)))
    }

    /// The line of a Call-ID.
    #[must_use]
    pub fn by_call_id(&self, call_id: &str) -> Option<&Line> {
        self.by_call_id
            .get(call_id)
            .and_then(|id| self.lines.get(*id))
    }

    /// The caller of a call.
    #[must_use]
    pub fn caller(&self, index: u32) -> Option<&CallerLine> {
        match self.by_call_id(&call_id_of(index))? {
            Line::Caller(line) => Some(line),
            Line::Callee(_) | Line::Phone(_) => None,
        }
    }

    /// Something a line waited for.
    pub fn tick(&mut self, hands: &mut Hands, id: LineId, tick: Tick) {
        match self.lines.get_mut(id) {
            Some(Line::Caller(line)) => line.tick(hands, tick),
            Some(Line::Callee(line)) => line.tick(hands, tick),
            Some(Line::Phone(line)) => line.tick(hands, tick),
            None => {}
        }
    }

    /// A message arrives at an address.
    pub fn hear(
        &mut self,
        scene: &Scene,
        hands: &mut Hands,
        at: SocketAddr,
        message: &Message,
    ) -> Heard {
        if DEAD_HOST.parse() == Ok(at) {
            return Heard::Ignored;
        }
        if let Some(id) = self.by_call_id.get(message.call_id()).copied() {
            match self.lines.get_mut(id) {
                Some(Line::Caller(line)) => line.hear(hands, message),
                Some(Line::Callee(line)) => line.hear(hands, message),
                Some(Line::Phone(line)) => line.hear(hands, message),
                None => {}
            }
            return Heard::By(id);
        }
        match (message.status(), message.method()) {
            (None, Method::Invite) if message.to_tag().is_none() => {
                self.ring(scene, hands, at, message)
            }
            (Some(_), _) | (None, Method::Ack) => Heard::Ignored,
            (None, _) => Heard::Unknown(respond(
                message,
                "481 Call/Transaction Does Not Exist",
                "none",
                at,
                None,
            )),
        }
    }

    fn ring(
        &mut self,
        scene: &Scene,
        hands: &mut Hands,
        at: SocketAddr,
        message: &Message,
    ) -> Heard {
        let number = message.from().uri.user_unescaped().unwrap_or_default();
        let call = scene
            .calls
            .iter()
            .find(|call| number_of(call.index) == number || is_sent_on_from(call, &number));
        let Some(call) = call else {
            return Heard::Unknown(respond(message, "404 Not Found", "none", at, None));
        };
        let attempt = self.attempts.entry(call.index).or_default();
        *attempt += 1;
        let part = Part::draw(scene, call, *attempt);
        let mut line = CalleeLine::new(at, call.index, message, part, &scene.operator);
        if self.is_referred(call.index) {
            line = line.staying();
        }
        line.begin(hands);
        Heard::By(self.add(Line::Callee(line)))
    }

    /// Whether a party of this caller's call asked that the other one be sent on.
    #[must_use]
    pub fn is_referred(&self, index: u32) -> bool {
        self.lines.iter().any(|line| match line {
            Line::Caller(line) => line.plan.index == index && line.party.saw.referred,
            Line::Callee(line) => line.caller == index && line.party.saw.referred,
            Line::Phone(_) => false,
        })
    }

    /// A message of this Call-ID was changed on its way and could still be read.
    pub fn taint(&mut self, call_id: &str) {
        let Some(id) = self.by_call_id.get(call_id).copied() else {
            return;
        };
        let caller = match self.lines.get_mut(id) {
            Some(Line::Callee(line)) => Some(line.caller),
            Some(Line::Caller(line)) => Some(line.plan.index),
            Some(Line::Phone(_)) | None => None,
        };
        for line in &mut self.lines {
            let same = match line {
                Line::Caller(line) => Some(line.plan.index) == caller,
                Line::Callee(line) => Some(line.caller) == caller,
                Line::Phone(_) => false,
            };
            line.party_mut().saw.tainted |= same;
        }
    }

    /// What a line heard was said by a process that is dead.
    pub fn orphan_line(&mut self, id: LineId) {
        if let Some(line) = self.lines.get_mut(id) {
            line.party_mut().saw.orphaned = true;
        }
    }

    /// The process dies: whoever is in a call now is on its own.
    pub fn orphan(&mut self, now: Mono) {
        for line in &mut self.lines {
            let second_up = matches!(line, Line::Callee(callee) if callee.second_up);
            let party = line.party_mut();
            let just_ended = party
                .saw
                .ended
                .is_some_and(|at| now.since(at).as_secs() < 40);
            if party.saw.began <= now
                && party.saw.began != Mono(0)
                && (party.is_up() || just_ended || second_up)
            {
                party.saw.orphaned = true;
            }
        }
    }
}
