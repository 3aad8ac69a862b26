//! A registered phone: keeps its registration alive for the whole day.

use super::peer::{Hands, Party, Said, Tick};
use crate::kit::{
    plan::{REALM, password},
    sip::Within,
};
use tandem_sip::{Message, Mono, digest, value::Method};

/// Seconds asked for.
const EXPIRES_S: u64 = 600;

/// A phone as its registrar sees it.
#[derive(Clone, Debug)]
pub struct PhoneLine {
    /// Where it is and what it says.
    pub party: Party,
    username: &'static str,
    asked: u32,
    tried: u32,
}

impl PhoneLine {
    /// A phone that has not registered yet.
    #[must_use]
    pub fn new(username: &'static str, at: &str) -> Self {
        let within = Within {
            from: format!("<sip:{username}@{REALM}>;tag=r{username}"),
            to: format!("<sip:{username}@{REALM}>"),
            target: format!("sip:{REALM}"),
            call_id: format!("register-{username}-{at}"),
            cseq: 0,
        };
        let party = Party::new(
            at.parse().expect("an address"),
            within,
            format!("r{username}{}", at.replace(['.', ':'], "")),
            Mono(0),
        );
        Self {
            party,
            username,
            asked: 0,
            tried: 0,
        }
    }

    fn register(&mut self, hands: &mut Hands, extra: &str) {
        let text = self.party.request(
            "REGISTER",
            &format!("Expires: {EXPIRES_S}\r\n{extra}"),
            None,
        );
        self.asked = self.party.within.cseq;
        self.party.repeats.say(hands, Said::Register, text);
    }

    /// Something it waited for.
    pub fn tick(&mut self, hands: &mut Hands, tick: Tick) {
        match tick {
            Tick::Start => {
                self.tried = 0;
                self.party.repeats.heard(Said::Register);
                self.register(hands, "");
                hands.wake(EXPIRES_S * 500, Tick::Start);
            }
            Tick::Repeat(id) => {
                let _ = self.party.repeats.tick(hands, id);
            }
            _ => {}
        }
    }

    /// An answer for it.
    pub fn hear(&mut self, hands: &mut Hands, message: &Message) {
        if message.cseq() != self.asked || message.status().is_none_or(|status| status < 200) {
            return;
        }
        if !self.party.repeats.says(Said::Register) {
            return;
        }
        self.party.repeats.heard(Said::Register);
        if message.status() != Some(401) || self.tried > 2 {
            return;
        }
        self.tried += 1;
        let uri = self.party.within.target.clone();
        let secret = password(self.username);
        if let Some((name, value)) = digest::answer(
            message,
            &Method::Register,
            &uri,
            self.username,
            &secret,
            "ab",
        ) {
            self.register(hands, &format!("{name}: {value}\r\n"));
        }
    }
}
