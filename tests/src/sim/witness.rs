//! What the wire at the switch's own door shows of each leg: when an INVITE was answered, when a BYE first passed.
//! Charges are judged by this, not by what the switch says of itself.

use super::callee::FORK;
use std::collections::{BTreeMap, BTreeSet};
use tandem_call::Now;
use tandem_sip::{Message, value::Method};

/// One leg, by its Call-ID.
#[derive(Clone, Debug, Default)]
pub struct Leg {
    /// The first 2xx to its INVITE that the switch sent, or got.
    pub answered: Option<Now>,
    /// The tag of who gave it: forks have others.
    pub tag: Option<String>,
    /// The first BYE of that dialog, either way.
    pub bye: Option<Now>,
}

/// All legs of a day.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    legs: BTreeMap<String, Leg>,
    heard: BTreeSet<String>,
}

impl Witness {
    /// A message passes the door.
    pub fn see(&mut self, now: Now, message: &Message) {
        let leg = self.legs.entry(message.call_id().to_owned()).or_default();
        match (message.method(), message.status()) {
            (Method::Invite, Some(200..=299)) if leg.answered.is_none() => {
                leg.answered = Some(now);
                leg.tag = message.to_tag().map(str::to_owned);
            }
            (Method::Bye, None) if leg.tag.is_some() => {
                let tag = leg.tag.as_deref();
                if [message.to_tag(), message.from_tag()].contains(&tag) {
                    leg.bye.get_or_insert(now);
                }
            }
            _ => {}
        }
    }

    /// A peer's message has come through.
    pub fn hear(&mut self, message: &Message) {
        self.heard.insert(message.call_id().to_owned());
    }

    /// Whether anything of a leg's peer ever came through.
    #[must_use]
    pub fn has_heard(&self, call_id: &str) -> bool {
        self.heard.contains(call_id)
    }

    /// Whether it was a fork that was bridged.
    #[must_use]
    pub fn is_fork(&self, call_id: &str) -> bool {
        self.leg(call_id).tag.is_some_and(|tag| tag.ends_with(FORK))
    }

    /// What was seen of a leg.
    #[must_use]
    pub fn leg(&self, call_id: &str) -> Leg {
        self.legs.get(call_id).cloned().unwrap_or_default()
    }

    /// Milliseconds between the answer of one leg and the first BYE on any of some.
    #[must_use]
    pub fn between(&self, answered: &str, ended: &[&str]) -> Option<u64> {
        let byes = ended.iter().filter_map(|id| self.leg(id).bye);
        let end = byes.map(|bye| bye.mono).min()?;
        let passed = end.since(self.leg(answered).answered?.mono).as_millis();
        u64::try_from(passed).ok()
    }
}
