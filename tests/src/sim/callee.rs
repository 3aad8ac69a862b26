//! A called phone or gateway: one INVITE of the switch and what comes of it.

use super::{
    caller::asked,
    dice::{Dice, Topic},
    operator::Operator,
    peer::{Hands, Party, Said, Tick},
    scene::{Call, Scene, Transfer},
    trouble::Trouble,
};
use crate::kit::sip::{Within, contact_of, respond};
use std::net::SocketAddr;
use tandem_sip::{Message, value::Method};

/// What a called side does with a call.
#[derive(Clone, Debug)]
pub struct Part {
    doing: Doing,
    /// Until it rings.
    ring_ms: u64,
    /// Rings with audio.
    early: bool,
    /// Until it hangs up, from its answer.
    talk_ms: Option<u64>,
    changes: Vec<u64>,
    vanishes_ms: Option<u64>,
    transfer: Option<Transfer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Answers(u64),
    /// Another fork answers so much later.
    AnswersTwice(u64, u64),
    Refuses(u64, &'static str),
    /// Rings, and never answers.
    Rings,
    /// Says nothing at all.
    Silent,
    /// Rings, and answers the CANCEL with a 200 to the INVITE.
    AnswersCancel,
}

const REFUSALS: &[&str] = &[
    "486 Busy Here",
    "486 Busy Here",
    "404 Not Found",
    "503 Service Unavailable",
    "480 Temporarily Unavailable",
    "500 Server Internal Error",
    "603 Decline",
    "408 Request Timeout",
    "488 Not Acceptable Here",
];

impl Part {
    /// What the called side at an address does with a caller's call, the n-th time it is asked.
    #[must_use]
    pub fn draw(scene: &Scene, call: &Call, attempt: u32) -> Self {
        let mut dice = Dice::new(scene.seed, Topic::Callee(call.index, attempt));
        let wait = if dice.per_mille(150) {
            dice.between(10_000, 60_000)
        } else {
            dice.between(0, 6_000)
        };
        let bad = scene.has(Trouble::BadPeers);
        let refusal = *dice.pick(REFUSALS);
        let doing = match dice.below(20) {
            0..=11 => Doing::Answers(wait),
            12..=14 => Doing::Refuses(wait, refusal),
            15 => Doing::Rings,
            16 if bad => Doing::Silent,
            17 if bad => Doing::AnswersCancel,
            18 if bad => Doing::AnswersTwice(wait, dice.between(0, 3_000)),
            _ => Doing::Answers(0),
        };
        let talk_ms = match dice.below(10) {
            0..=3 => None,
            4 | 5 => Some(call.talk),
            6 => Some(0),
            _ => Some(dice.between(500, 200_000)),
        };
        let changes = if dice.per_mille(150) && scene.has(Trouble::Holds) {
            vec![dice.below(20_000), dice.below(60_000)]
        } else {
            Vec::new()
        };
        Self {
            doing,
            ring_ms: dice.between(0, 900),
            early: dice.per_mille(250),
            talk_ms,
            changes,
            vanishes_ms: (bad && dice.per_mille(50)).then(|| dice.below(100_000)),
            transfer: call.transfer.clone().filter(|t| !t.by_caller),
        }
    }
}

/// A called side and its call.
#[derive(Clone, Debug)]
pub struct CalleeLine {
    /// Which caller's call it is.
    pub caller: u32,
    /// Its side of the dialog.
    pub party: Party,
    /// The gateway it is, if it is one.
    pub gateway: Option<i64>,
    /// A second fork answered and was not ended yet.
    pub second_up: bool,
    /// It was asked to stop.
    pub cancelled: bool,
    /// When the last request or answer went out of it that a peer could be waiting for.
    pub rang: bool,
    part: Part,
    invite: Message,
    tag: String,
    last: Option<String>,
    challenges: bool,
    hang_up_wanted: bool,
}

impl CalleeLine {
    /// Takes an INVITE of the switch.
    #[must_use]
    pub fn new(
        at: SocketAddr,
        caller: u32,
        invite: &Message,
        part: Part,
        operator: &Operator,
    ) -> Self {
        let tag = format!("t{}x{}", at.port(), invite.call_id().len());
        let header = |name| invite.header(name).unwrap_or_default().to_owned();
        let within = Within {
            from: format!("{};tag={tag}", header("To")),
            to: header("From"),
            target: contact_of(invite),
            call_id: header("Call-ID"),
            cseq: 100,
        };
        let gateway = operator
            .gateways
            .iter()
            .find(|gateway| gateway.hosts.iter().any(|host| host.parse() == Ok(at)));
        let key = format!("d{}", within.call_id.replace(['@', '.', ':'], ""));
        Self {
            caller,
            party: Party::new(at, within, key, tandem_sip::Mono(0)),
            gateway: gateway.map(|gateway| gateway.id),
            second_up: false,
            cancelled: false,
            rang: false,
            part,
            invite: invite.clone(),
            tag,
            last: None,
            challenges: gateway.is_some_and(|gateway| gateway.challenges),
            hang_up_wanted: false,
        }
    }

    /// It begins: challenged, or taken as it will be.
    pub fn begin(&mut self, hands: &mut Hands) {
        self.party.saw.began = hands.now;
        if self.challenges && self.invite.header("Proxy-Authorization").is_none() {
            return self.say_finally(hands, CHALLENGE, None, Said::Final);
        }
        match self.part.doing {
            Doing::Silent => {}
            Doing::Refuses(after, _) | Doing::Answers(after) | Doing::AnswersTwice(after, _) => {
                self.say(hands, "100 Trying");
                hands.wake(self.part.ring_ms, Tick::Ring);
                hands.wake(self.part.ring_ms + after, Tick::Final);
            }
            Doing::Rings | Doing::AnswersCancel => {
                self.say(hands, "100 Trying");
                hands.wake(self.part.ring_ms, Tick::Ring);
            }
        }
    }

    fn say(&mut self, hands: &mut Hands, status: &str) {
        let body = (self.part.early && status.starts_with("183")).then(|| self.party.sdp());
        let text = respond(
            &self.invite,
            status,
            &self.tag,
            self.party.at,
            body.as_deref(),
        );
        self.last = Some(text.clone());
        hands.send(text);
    }

    fn say_finally(&mut self, hands: &mut Hands, status: &str, body: Option<&str>, said: Said) {
        let tag = match said {
            Said::Second => format!("{}{FORK}", self.tag),
            _ => self.tag.clone(),
        };
        let mut text = respond(&self.invite, status, &tag, self.party.at, body);
        if status == CHALLENGE {
            text = text.replacen("\r\n\r\n", CHALLENGE_HEADER, 1);
        }
        if said == Said::Final {
            self.last = Some(text.clone());
            self.party.saw.status = status.get(..3).and_then(|code| code.parse().ok());
        }
        self.party.repeats.say(hands, said, text);
    }

    fn answer(&mut self, hands: &mut Hands) {
        self.party.saw.answered = Some(hands.now);
        let body = self.party.sdp();
        self.say_finally(hands, "200 OK", Some(&body), Said::Final);
        if let Doing::AnswersTwice(_, after) = self.part.doing {
            hands.wake(after, Tick::Second);
        }
        if let Some(talk_ms) = self.part.talk_ms {
            hands.wake(talk_ms, Tick::HangUp);
        }
        for at in self.part.changes.clone() {
            hands.wake(at, Tick::Change);
        }
        if let Some(after) = self.part.vanishes_ms {
            hands.wake(after, Tick::Vanish);
        }
        if let Some(transfer) = &self.part.transfer {
            hands.wake(transfer.after, Tick::Refer);
        }
    }

    /// Its call was sent on once: it does not do so again.
    #[must_use]
    pub fn staying(mut self) -> Self {
        self.part.transfer = None;
        self
    }

    fn is_undecided(&self) -> bool {
        self.party.saw.status.is_none() && self.party.is_up()
    }

    /// Something it waited for.
    pub fn tick(&mut self, hands: &mut Hands, tick: Tick) {
        if self.party.saw.vanished {
            return;
        }
        let up = self.party.is_up() && self.party.saw.answered.is_some();
        match tick {
            Tick::Ring if self.is_undecided() => {
                self.rang = true;
                self.say(
                    hands,
                    if self.part.early {
                        "183 Session Progress"
                    } else {
                        "180 Ringing"
                    },
                );
            }
            Tick::Final if self.is_undecided() => match self.part.doing {
                Doing::Refuses(_, status) => self.say_finally(hands, status, None, Said::Final),
                Doing::Answers(_) | Doing::AnswersTwice(..) => self.answer(hands),
                Doing::Rings | Doing::Silent | Doing::AnswersCancel => {}
            },
            Tick::Second => {
                self.second_up = true;
                let body = self.party.sdp();
                self.say_finally(hands, "200 OK", Some(&body), Said::Second);
            }
            Tick::Change if up && self.party.saw.confirmed => self.party.change(hands),
            Tick::Refer if up && self.party.saw.confirmed => {
                if let Some(transfer) = self.part.transfer.clone() {
                    self.party.refer(hands, &transfer);
                }
            }
            Tick::HangUp if up => self.hang_up(hands),
            Tick::Vanish if up => self.party.vanish(hands.now),
            Tick::Repeat(id) => match self.party.repeats.tick(hands, id) {
                // Never confirmed (RFC 3261 section 13.3.1.4).
                Some(Said::Final) if up => self.party.bye(hands),
                Some(Said::Final) => self.party.over(hands.now),
                Some(Said::Change) => self.party.bye(hands),
                Some(_) | None => {}
            },
            _ => {}
        }
    }

    fn hang_up(&mut self, hands: &mut Hands) {
        if self.party.saw.confirmed {
            self.party.bye(hands);
        } else {
            self.hang_up_wanted = true;
        }
    }

    /// A message for it.
    pub fn hear(&mut self, hands: &mut Hands, message: &Message) {
        if self.party.saw.vanished {
            return;
        }
        match message.status() {
            Some(status) => self.answered(hands, message, status),
            None => self.requested(hands, message),
        }
    }

    fn answered(&mut self, hands: &mut Hands, message: &Message, status: u16) {
        if status < 200 {
            return;
        }
        match message.method() {
            Method::Invite => self.party.change_answered(hands, message),
            Method::Bye => self.party.repeats.heard(Said::Bye),
            Method::Refer => {
                let transfer = self.part.transfer.as_ref();
                self.party.refer_answered(hands, status, transfer);
            }
            _ => {}
        }
    }

    fn requested(&mut self, hands: &mut Hands, message: &Message) {
        let second = message.to_tag().is_some_and(|tag| tag.ends_with(FORK));
        match message.method() {
            Method::Invite if message.to_tag().is_none() => self.invited(hands, message),
            Method::Cancel => self.stopped(hands, message),
            Method::Ack if second => self.party.repeats.heard(Said::Second),
            Method::Ack => self.acked(hands, message),
            Method::Bye if second => {
                self.second_up = false;
                self.party.repeats.heard(Said::Second);
                hands.send(respond(message, "200 OK", &self.tag, self.party.at, None));
            }
            // Bridged in place of the first, it holds and resumes like any other.
            Method::Invite if second => {
                let body = self.second_up.then(|| self.party.sdp());
                let status = if self.second_up { "200 OK" } else { GONE };
                let text = respond(message, status, &self.tag, self.party.at, body.as_deref());
                hands.send(text);
            }
            Method::Bye | Method::Invite
                if self.challenges && message.header("Proxy-Authorization").is_none() =>
            {
                let text = respond(message, CHALLENGE, &self.tag, self.party.at, None);
                hands.send(text.replacen("\r\n\r\n", CHALLENGE_HEADER, 1));
            }
            _ => asked(&mut self.party, hands, message, &self.tag),
        }
    }

    /// The same INVITE again, or with credentials.
    fn invited(&mut self, hands: &mut Hands, message: &Message) {
        if message.cseq() > self.invite.cseq() {
            self.invite = message.clone();
            self.party.repeats.hush();
            self.party.saw.status = None;
            self.party.saw.ended = None;
            self.last = None;
            return self.begin(hands);
        }
        if message.cseq() == self.invite.cseq()
            && let Some(last) = self.last.clone()
        {
            hands.send(last);
        }
    }

    fn acked(&mut self, hands: &mut Hands, message: &Message) {
        if message.cseq() != self.invite.cseq() {
            return self.party.repeats.heard(Said::Agreed);
        }
        self.party.repeats.heard(Said::Final);
        if self.party.saw.answered.is_none() {
            return self.party.over(hands.now);
        }
        self.party.saw.confirmed = true;
        if std::mem::take(&mut self.hang_up_wanted) {
            self.party.bye(hands);
        }
    }

    fn stopped(&mut self, hands: &mut Hands, message: &Message) {
        self.cancelled = true;
        hands.send(respond(message, "200 OK", &self.tag, self.party.at, None));
        if !self.is_undecided() {
            return;
        }
        match self.part.doing {
            Doing::AnswersCancel => self.answer(hands),
            _ => self.say_finally(hands, "487 Request Terminated", None, Said::Final),
        }
    }
}

/// What a fork's tag ends with.
pub const FORK: &str = "fork";
const GONE: &str = "481 Call/Transaction Does Not Exist";
const CHALLENGE: &str = "407 Proxy Authentication Required";
const CHALLENGE_HEADER: &str = "\r\nProxy-Authenticate: Digest realm=\"gate\", nonce=\"abcdef\", algorithm=MD5, qop=\"auth\"\r\n\r\n";
