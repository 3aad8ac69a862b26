//! What all virtual peers share: their hands, their repeats, and a dialog as they keep it.
//!
//! Peers are written from the RFC's side of the wire, in plain text, with none of the switch's own code but the
//! reader of messages. They know nothing of money.

use super::scene::Transfer;
use crate::kit::{
    plan::REALM,
    sip::{G711, Within, sdp_with},
};
use std::{collections::BTreeMap, net::SocketAddr};
use tandem_sip::{Message, Mono};

/// What a peer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tick {
    /// It calls, or registers.
    Start,
    /// It loses patience.
    Patience,
    /// A final answer to what was cancelled never came.
    GiveUp,
    /// It rings.
    Ring,
    /// It answers or refuses.
    Final,
    /// Another fork of it answers too.
    Second,
    /// It confirms an answer late.
    Ack,
    /// It holds, or resumes.
    Change,
    /// It refreshes the session.
    Refresh,
    /// It sends the other side on.
    Refer,
    /// It hangs up.
    HangUp,
    /// It is gone for good.
    Vanish,
    /// Something unanswered is sent again.
    Repeat(u32),
}

/// What a peer wants carried out.
#[derive(Debug)]
pub struct Hands {
    /// Now.
    pub now: Mono,
    /// To be sent to the switch.
    pub sent: Vec<String>,
    /// To be told, so many milliseconds from now.
    pub ticks: Vec<(u64, Tick)>,
}

impl Hands {
    /// Empty ones.
    #[must_use]
    pub const fn new(now: Mono) -> Self {
        Self {
            now,
            sent: Vec::new(),
            ticks: Vec::new(),
        }
    }

    /// Sends once.
    pub fn send(&mut self, text: String) {
        self.sent.push(text);
    }

    /// Asks to be told.
    pub fn wake(&mut self, in_ms: u64, tick: Tick) {
        self.ticks.push((in_ms, tick));
    }
}

/// What is repeated until it is answered or confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The INVITE that opens a call.
    Invite,
    /// CANCEL.
    Cancel,
    /// BYE.
    Bye,
    /// A re-INVITE.
    Change,
    /// REFER.
    Refer,
    /// REGISTER.
    Register,
    /// The final answer to the INVITE that opened the call.
    Final,
    /// The answer of a second fork.
    Second,
    /// The 200 to a re-INVITE.
    Agreed,
}

#[derive(Clone, Debug)]
struct Repeat {
    said: Said,
    text: String,
    wait_ms: u64,
    left_ms: u64,
}

/// RFC 3261's T1 and T2.
const T1_MS: u64 = 500;
const T2_MS: u64 = 4_000;

/// Everything a peer has to say again.
#[derive(Clone, Debug, Default)]
pub struct Repeats {
    under_way: BTreeMap<u32, Repeat>,
    next: u32,
}

impl Repeats {
    /// Sends, and sends again until [`Self::heard`] or 64*T1 are over.
    pub fn say(&mut self, hands: &mut Hands, said: Said, text: String) {
        self.next += 1;
        hands.send(text.clone());
        hands.wake(T1_MS, Tick::Repeat(self.next));
        let repeat = Repeat {
            said,
            text,
            wait_ms: T1_MS,
            left_ms: 64 * T1_MS,
        };
        self.under_way.insert(self.next, repeat);
    }

    /// It was answered.
    pub fn heard(&mut self, said: Said) {
        self.under_way.retain(|_, repeat| repeat.said != said);
    }

    /// Nothing is to be said any more, but by a second fork, which has a call of its own.
    pub fn hush(&mut self) {
        self.under_way
            .retain(|_, repeat| repeat.said == Said::Second);
    }

    /// Whether it is still being said.
    #[must_use]
    pub fn says(&self, said: Said) -> bool {
        self.under_way.values().any(|repeat| repeat.said == said)
    }

    /// Sends again; what was given up, if the time is over.
    pub fn tick(&mut self, hands: &mut Hands, id: u32) -> Option<Said> {
        let repeat = self.under_way.get_mut(&id)?;
        repeat.left_ms = repeat.left_ms.saturating_sub(repeat.wait_ms);
        if repeat.left_ms == 0 {
            let said = repeat.said;
            self.under_way.remove(&id);
            return Some(said);
        }
        let doubled = repeat.wait_ms * 2;
        repeat.wait_ms = match repeat.said {
            Said::Invite | Said::Change => doubled,
            Said::Cancel
            | Said::Bye
            | Said::Refer
            | Said::Register
            | Said::Final
            | Said::Second
            | Said::Agreed => doubled.min(T2_MS),
        };
        repeat.wait_ms = repeat.wait_ms.min(repeat.left_ms);
        hands.send(repeat.text.clone());
        hands.wake(repeat.wait_ms, Tick::Repeat(id));
        None
    }
}

/// What a peer lived through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Saw {
    /// It began, or was called.
    pub began: Mono,
    /// The 200 reached the caller, or left the called side.
    pub answered: Option<Mono>,
    /// The ACK reached the called side.
    pub confirmed: bool,
    /// Final answer to the INVITE.
    pub status: Option<u16>,
    /// It is over for this peer.
    pub ended: Option<Mono>,
    /// It asked that the other side be sent on.
    pub referred: bool,
    /// It vanished: it will never know.
    pub vanished: bool,
    /// When it was last there, if it vanished.
    pub last_there: Mono,
    /// The process died while this peer was busy: only its own patience ends it.
    pub orphaned: bool,
    /// A message of it, or for it, was changed on the way and could still be read.
    pub tainted: bool,
}

/// A dialog as a peer keeps it, with its re-INVITEs and its end.
#[derive(Clone, Debug)]
pub struct Party {
    /// Where it is.
    pub at: SocketAddr,
    /// The dialog.
    pub within: Within,
    /// Makes branches its own.
    pub key: String,
    /// What it repeats.
    pub repeats: Repeats,
    /// What it lived through.
    pub saw: Saw,
    /// The CSeq of the last re-INVITE.
    pub change_cseq: u32,
    held: bool,
}

impl Party {
    /// A peer that has said nothing yet.
    #[must_use]
    pub fn new(at: SocketAddr, within: Within, key: String, began: Mono) -> Self {
        Self {
            at,
            within,
            key,
            repeats: Repeats::default(),
            saw: Saw {
                began,
                ..Saw::default()
            },
            change_cseq: 0,
            held: false,
        }
    }

    /// Its audio.
    #[must_use]
    pub fn sdp(&self) -> String {
        let audio = SocketAddr::new(self.at.ip(), 40_000);
        sdp_with(audio, G711, if self.held { "sendonly" } else { "sendrecv" })
    }

    /// The branch of a request.
    #[must_use]
    pub fn branch(&self, method: &str, cseq: u32) -> String {
        format!("{}{method}{cseq}", self.key)
    }

    /// A request within the dialog, with a CSeq of its own.
    pub fn request(&mut self, method: &str, extra: &str, body: Option<&str>) -> String {
        self.within.cseq += 1;
        let cseq = self.within.cseq;
        self.within.request(
            method,
            cseq,
            &self.branch(method, cseq),
            self.at,
            extra,
            body,
        )
    }

    /// BYE, until it is answered.
    pub fn bye(&mut self, hands: &mut Hands) {
        if self.saw.ended.is_some() {
            return;
        }
        let text = self.request("BYE", "", None);
        self.over(hands.now);
        self.repeats.say(hands, Said::Bye, text);
    }

    /// Holds, or resumes.
    pub fn change(&mut self, hands: &mut Hands) {
        if self.saw.ended.is_some() || self.repeats.says(Said::Change) {
            return;
        }
        self.held = !self.held;
        self.refresh(hands, "");
    }

    /// Says again what it said last, with these header lines.
    pub fn refresh(&mut self, hands: &mut Hands, extra: &str) {
        if self.saw.ended.is_some() || self.repeats.says(Said::Change) {
            return;
        }
        let body = self.sdp();
        let text = self.request("INVITE", extra, Some(&body));
        self.change_cseq = self.within.cseq;
        self.repeats.say(hands, Said::Change, text);
    }

    /// Asks that the other side be sent on.
    pub fn refer(&mut self, hands: &mut Hands, transfer: &Transfer) {
        if self.saw.ended.is_some() || self.saw.referred {
            return;
        }
        self.saw.referred = true;
        let to = format!("Refer-To: <sip:{}@{REALM}>\r\n", transfer.number);
        let text = self.request("REFER", &to, None);
        self.repeats.say(hands, Said::Refer, text);
    }

    /// An answer to its REFER.
    pub fn refer_answered(&mut self, hands: &mut Hands, status: u16, transfer: Option<&Transfer>) {
        if status < 200 || !self.repeats.says(Said::Refer) {
            return;
        }
        self.repeats.heard(Said::Refer);
        if status < 300 && transfer.is_some_and(|transfer| transfer.leaves) {
            self.bye(hands);
        }
    }

    /// An answer to its re-INVITE: a final one is confirmed, whatever it says.
    pub fn change_answered(&mut self, hands: &mut Hands, response: &Message) {
        if response.status().is_none_or(|status| status < 200) {
            return;
        }
        self.repeats.heard(Said::Change);
        let cseq = response.cseq();
        let mut within = self.within.clone();
        let branch = if matches!(response.status(), Some(200..=299)) {
            format!("{}ack{cseq}", self.key)
        } else {
            response
                .header("To")
                .unwrap_or_default()
                .clone_into(&mut within.to);
            self.branch("INVITE", cseq)
        };
        hands.send(within.request("ACK", cseq, &branch, self.at, "", None));
    }

    /// The call is over for this peer.
    pub fn over(&mut self, now: Mono) {
        self.saw.ended.get_or_insert(now);
        self.repeats.hush();
    }

    /// It is gone for good, and nobody is told.
    pub fn vanish(&mut self, now: Mono) {
        self.saw.vanished = true;
        self.saw.last_there = now;
        self.repeats.hush();
    }

    /// Neither over nor gone.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.saw.ended.is_none() && !self.saw.vanished
    }
}
