//! A calling phone or gateway: one call from its INVITE to its end.

use super::{
    peer::{Hands, Party, Said, Tick},
    scene::{Call, Flaw},
};
use crate::kit::{
    plan::{SWITCH, password},
    sip::{Within, contact_of, respond},
};
use std::net::SocketAddr;
use tandem_sip::{Message, Mono, digest, value::Method};

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waiting,
    /// Nothing came back.
    Calling,
    /// A provisional answer came.
    Proceeding,
    Up,
}

/// A caller and its call.
#[derive(Clone, Debug)]
pub struct CallerLine {
    /// What it is to do.
    pub plan: Call,
    /// Its side of the dialog.
    pub party: Party,
    stage: Stage,
    invite_cseq: u32,
    authorised: u32,
    cancelled: bool,
    acks: bool,
    first_to: String,
}

/// The Call-ID of a caller's call.
#[must_use]
pub fn call_id_of(index: u32) -> String {
    format!("sim-{index}@caller.test")
}

/// The caller number of a call: what tells all its messages from others', on either leg.
#[must_use]
pub fn number_of(index: u32) -> String {
    format!("9000{index}")
}

impl CallerLine {
    /// A caller that has not called yet.
    #[must_use]
    pub fn new(plan: Call, now: Mono) -> Self {
        let at: SocketAddr = plan.from.parse().expect("an address");
        let switch = SocketAddr::from(SWITCH);
        let to = format!("<sip:{}@{switch}>", plan.number);
        let within = Within {
            from: format!(
                "<sip:{}@{}>;tag=f{}",
                number_of(plan.index),
                at.ip(),
                plan.index
            ),
            to: to.clone(),
            target: format!("sip:{}@{switch}", plan.number),
            call_id: call_id_of(plan.index),
            cseq: 0,
        };
        let key = format!("c{}", plan.index);
        Self {
            party: Party::new(at, within, key, now),
            stage: Stage::Waiting,
            invite_cseq: 0,
            authorised: 0,
            cancelled: false,
            acks: !matches!(plan.flaw, Flaw::NeverAcks | Flaw::AcksLate(_)),
            first_to: to,
            plan,
        }
    }

    /// Something it waited for.
    pub fn tick(&mut self, hands: &mut Hands, tick: Tick) {
        if self.party.saw.vanished {
            return;
        }
        match tick {
            Tick::Start => {
                self.stage = Stage::Calling;
                self.party.saw.began = hands.now;
                self.invite(hands, "");
                hands.wake(self.plan.patience, Tick::Patience);
            }
            Tick::Patience => self.lose_patience(hands),
            Tick::GiveUp => self.fail(hands, 487),
            Tick::Ack if self.party.is_up() => {
                self.acks = true;
                self.ack(hands);
            }
            Tick::Change if self.stage == Stage::Up && self.acks => self.party.change(hands),
            Tick::Refresh if self.party.is_up() => self.refresh(hands),
            Tick::Refer if self.stage == Stage::Up && self.acks => {
                if let Some(transfer) = self.plan.transfer.clone() {
                    self.party.refer(hands, &transfer);
                }
            }
            Tick::HangUp if self.party.is_up() => self.party.bye(hands),
            Tick::Vanish if self.party.is_up() => self.party.vanish(hands.now),
            Tick::Repeat(id) => match self.party.repeats.tick(hands, id) {
                Some(Said::Invite) => self.fail(hands, 408),
                Some(Said::Cancel) => self.fail(hands, 487),
                Some(Said::Change) => self.party.bye(hands),
                Some(
                    Said::Bye
                    | Said::Refer
                    | Said::Register
                    | Said::Final
                    | Said::Second
                    | Said::Agreed,
                )
                | None => {}
            },
            Tick::Ack
            | Tick::Change
            | Tick::Refresh
            | Tick::Refer
            | Tick::HangUp
            | Tick::Vanish
            | Tick::Ring
            | Tick::Final
            | Tick::Second => {}
        }
    }

    /// A message for it.
    pub fn hear(&mut self, hands: &mut Hands, message: &Message) {
        if self.party.saw.vanished {
            return;
        }
        match message.status() {
            Some(status) => self.answered(hands, message, status),
            None => self.asked(hands, message),
        }
    }

    fn invite(&mut self, hands: &mut Hands, extra: &str) {
        let body = (!self.plan.offerless).then(|| self.party.sdp());
        let extra = format!("{}{extra}", self.session());
        let text = self.party.request("INVITE", &extra, body.as_deref());
        self.invite_cseq = self.party.within.cseq;
        self.party.repeats.say(hands, Said::Invite, text);
    }

    /// What it asks for of its session.
    fn session(&self) -> String {
        let header =
            |secs| format!("Supported: timer\r\nSession-Expires: {secs};refresher=uac\r\n");
        self.plan.session_s.map_or_else(String::new, header)
    }

    fn refresh(&mut self, hands: &mut Hands) {
        if self.acks {
            let session = self.session();
            self.party.refresh(hands, &session);
        }
        self.refresh_later(hands);
    }

    fn refresh_later(&self, hands: &mut Hands) {
        if let Some(secs) = self.plan.session_s {
            hands.wake(u64::from(secs) * 500, Tick::Refresh);
        }
    }

    fn lose_patience(&mut self, hands: &mut Hands) {
        match self.stage {
            Stage::Waiting | Stage::Up => {}
            Stage::Calling => self.cancelled = true,
            Stage::Proceeding if self.party.is_up() => {
                self.cancelled = true;
                self.cancel(hands);
            }
            Stage::Proceeding => {}
        }
    }

    fn cancel(&mut self, hands: &mut Hands) {
        let mut within = self.party.within.clone();
        within.to.clone_from(&self.first_to);
        let branch = self.party.branch("INVITE", self.invite_cseq);
        let text = within.request("CANCEL", self.invite_cseq, &branch, self.party.at, "", None);
        self.party.repeats.say(hands, Said::Cancel, text);
        hands.wake(40_000, Tick::GiveUp);
    }

    /// It never came to an answer.
    fn fail(&mut self, hands: &Hands, status: u16) {
        if self.stage != Stage::Up && self.party.saw.ended.is_none() {
            self.party.saw.status.get_or_insert(status);
            self.party.over(hands.now);
        }
    }

    fn answered(&mut self, hands: &mut Hands, message: &Message, status: u16) {
        match message.method() {
            Method::Invite if self.party.change_cseq == message.cseq() => {
                self.party.change_answered(hands, message);
            }
            Method::Invite => self.invite_answered(hands, message, status),
            Method::Cancel if status >= 200 => {
                self.party.repeats.heard(Said::Cancel);
                if status >= 300 {
                    self.fail(hands, 487);
                }
            }
            Method::Bye if status >= 200 => self.party.repeats.heard(Said::Bye),
            Method::Refer => {
                let transfer = self.plan.transfer.as_ref();
                self.party.refer_answered(hands, status, transfer);
            }
            _ => {}
        }
    }

    fn invite_answered(&mut self, hands: &mut Hands, message: &Message, status: u16) {
        if message.cseq() == self.invite_cseq {
            self.party.repeats.heard(Said::Invite);
        }
        match status {
            ..=199 if self.stage == Stage::Calling => {
                self.stage = Stage::Proceeding;
                if self.cancelled {
                    self.cancel(hands);
                }
            }
            ..=199 => {}
            200..=299 => self.connected(hands, message),
            300.. => {
                self.ack_failure(hands, message);
                if message.cseq() != self.invite_cseq || self.stage == Stage::Up {
                    return;
                }
                if !self.authorise(hands, message) {
                    self.party.saw.status = Some(status);
                    self.party.over(hands.now);
                }
            }
        }
    }

    fn authorise(&mut self, hands: &mut Hands, challenge: &Message) -> bool {
        let Some(username) = self
            .plan
            .username
            .filter(|_| self.authorised < 3 && !self.cancelled)
        else {
            return false;
        };
        let uri = self.party.within.target.clone();
        let cnonce = format!("{:x}", self.authorised + 1);
        let secret = password(username);
        let Some((name, value)) =
            digest::answer(challenge, &Method::Invite, &uri, username, &secret, &cnonce)
        else {
            return false;
        };
        self.authorised += 1;
        self.stage = Stage::Calling;
        self.invite(hands, &format!("{name}: {value}\r\n"));
        true
    }

    fn ack_failure(&self, hands: &mut Hands, response: &Message) {
        let mut within = self.party.within.clone();
        response
            .header("To")
            .unwrap_or_default()
            .clone_into(&mut within.to);
        let branch = self.party.branch("INVITE", response.cseq());
        hands.send(within.request("ACK", response.cseq(), &branch, self.party.at, "", None));
    }

    fn connected(&mut self, hands: &mut Hands, message: &Message) {
        let first = self.party.saw.answered.is_none();
        if first {
            self.party.saw.answered = Some(hands.now);
            self.party.saw.status = Some(200);
            self.stage = Stage::Up;
            message
                .header("To")
                .unwrap_or_default()
                .clone_into(&mut self.party.within.to);
            self.party.within.target = contact_of(message);
            self.party.repeats.heard(Said::Cancel);
        }
        if self.acks {
            self.ack(hands);
        }
        if first {
            self.talk(hands);
        }
    }

    fn talk(&mut self, hands: &mut Hands) {
        if self.cancelled {
            return self.party.bye(hands);
        }
        if self.party.saw.ended.is_some() {
            // Given up before, and answered all the same.
            self.party.saw.ended = None;
            return self.party.bye(hands);
        }
        hands.wake(self.plan.talk, Tick::HangUp);
        self.refresh_later(hands);
        if let Some(transfer) = self.plan.transfer.as_ref().filter(|t| t.by_caller) {
            hands.wake(transfer.after, Tick::Refer);
        }
        for at in &self.plan.changes {
            hands.wake(*at, Tick::Change);
        }
        match self.plan.flaw {
            Flaw::AcksLate(after) => hands.wake(after, Tick::Ack),
            Flaw::Vanishes(after) => hands.wake(after, Tick::Vanish),
            Flaw::None | Flaw::NeverAcks => {}
        }
    }

    fn ack(&self, hands: &mut Hands) {
        let body = self.plan.offerless.then(|| self.party.sdp());
        let branch = format!("{}ack", self.party.key);
        let within = &self.party.within;
        hands.send(within.request(
            "ACK",
            self.invite_cseq,
            &branch,
            self.party.at,
            "",
            body.as_deref(),
        ));
    }

    fn asked(&mut self, hands: &mut Hands, message: &Message) {
        asked(&mut self.party, hands, message, "unused");
    }
}

/// A request within a call, as either side answers it.
pub fn asked(party: &mut Party, hands: &mut Hands, message: &Message, tag: &str) {
    let answer = |status: &str, body: Option<&str>| respond(message, status, tag, party.at, body);
    match message.method() {
        Method::Bye => {
            hands.send(answer("200 OK", None));
            party.over(hands.now);
        }
        Method::Ack => party.repeats.heard(Said::Agreed),
        Method::Invite if party.saw.ended.is_some() => {
            hands.send(answer("481 Call/Transaction Does Not Exist", None));
        }
        Method::Invite if party.repeats.says(Said::Change) => {
            hands.send(answer("491 Request Pending", None))
        }
        Method::Invite => {
            let text = answer("200 OK", Some(&party.sdp()));
            // The same request again is answered again, not anew.
            if party.repeats.says(Said::Agreed) {
                hands.send(text);
            } else {
                party.repeats.say(hands, Said::Agreed, text);
            }
        }
        _ => hands.send(answer("200 OK", None)),
    }
}
