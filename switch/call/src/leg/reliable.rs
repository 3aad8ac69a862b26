//! Reliable provisional answers (RFC 3262) as plain data: numbered, repeated until PRACKed, one at a time.
//!
//! Whether they are used is agreed on the caller's leg alone. Who sends them and arms the timer stands in
//! [`super::prack`], and in [`crate::announce`] for callers that have no call any more.

use super::session::names;
use crate::directory::signalling::Extension;
use std::time::Duration;
use tandem_sip::{
    Message, Mono,
    message::{Draft, HeaderId},
};

/// First pause before the answer is repeated: T1, doubled each time.
const FIRST: Duration = Duration::from_millis(500);
/// 64*T1: no PRACK within it refuses the call (RFC 3262 section 3).
const PATIENCE: Duration = Duration::from_secs(32);

/// Which provisional answers the caller gets reliably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// None: it cannot, or shall not.
    Never,
    /// Those with a description: losing one would lose audio.
    Described,
    /// All but 100: it asked for that, or the operator did.
    Always,
}

/// A provisional answer.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) draft: Draft,
}

#[derive(Debug)]
struct Waiting {
    said: Said,
    rseq: u32,
    since: Mono,
    pause: Duration,
}

/// The caller's side of RFC 3262.
#[derive(Debug)]
pub(crate) struct Reliable {
    mode: Mode,
    rseq: u32,
    waiting: Option<Box<Waiting>>,
    /// Comes after the one that waits; a later one replaces it.
    next: Option<Box<Said>>,
    /// A description was sent reliably and confirmed: further offers may be made before the answer.
    pub(crate) agreed: bool,
}

/// What is to be done about an answer.
#[derive(Debug)]
pub(crate) enum Saying {
    /// It goes out once.
    Once(Said),
    /// It goes out, and again after this pause.
    Again(Said, Duration),
    /// The one before it waits for its PRACK.
    Later,
}

/// What is due of an answer that waits for its PRACK.
#[derive(Debug)]
pub(crate) enum Due {
    /// None waits.
    Nothing,
    /// It goes out again, and once more after this pause.
    Again(Said, Duration),
    /// The PRACK did not come in time; none is waited for any more.
    Over,
}

impl Reliable {
    /// As the caller's INVITE and the operator have it. `first` numbers the first answer, 1..2^31.
    pub(crate) fn new(invite: &Message, policy: Extension, first: u32) -> Self {
        let required = names(invite, HeaderId::Require, "100rel");
        let supported = required || names(invite, HeaderId::Supported, "100rel");
        let mode = match policy {
            Extension::Off if !required => Mode::Never,
            Extension::Required if supported => Mode::Always,
            _ if required => Mode::Always,
            _ if supported => Mode::Described,
            _ => Mode::Never,
        };
        Self {
            rseq: (first & 0x3fff_ffff).max(1),
            mode,
            ..Self::none()
        }
    }

    /// For a call that nobody's INVITE asked for.
    pub(crate) fn none() -> Self {
        Self {
            mode: Mode::Never,
            rseq: 1,
            waiting: None,
            next: None,
            agreed: false,
        }
    }

    /// An answer waits for its PRACK.
    pub(crate) fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// A 2xx must not overtake a description that is not confirmed yet (RFC 3262 section 3).
    pub(crate) fn holds_answer(&self) -> bool {
        self.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.said.draft.body.is_some())
    }

    /// Takes what the caller is to be told, reliably if that was agreed.
    pub(crate) fn say(&mut self, now: Mono, said: Said) -> Saying {
        let reliably = match self.mode {
            Mode::Never => false,
            Mode::Described => said.draft.body.is_some(),
            Mode::Always => true,
        };
        if !reliably {
            Saying::Once(said)
        } else if self.waits() {
            self.next = Some(Box::new(said));
            Saying::Later
        } else {
            let (said, pause) = self.number(now, said);
            Saying::Again(said, pause)
        }
    }

    fn number(&mut self, now: Mono, said: Said) -> (Said, Duration) {
        let rseq = self.rseq;
        self.rseq += 1;
        let said = Said {
            draft: said.draft.header("Require", "100rel").header("RSeq", rseq),
            ..said
        };
        self.waiting = Some(Box::new(Waiting {
            said: said.clone(),
            rseq,
            since: now,
            pause: FIRST,
        }));
        (said, FIRST)
    }

    /// No PRACK so far.
    pub(crate) fn due(&mut self, now: Mono) -> Due {
        let Some(waiting) = self.waiting.as_mut() else {
            return Due::Nothing;
        };
        let passed = now.since(waiting.since);
        if passed >= PATIENCE {
            self.waiting = None;
            return Due::Over;
        }
        waiting.pause *= 2;
        let pause = waiting.pause.min(PATIENCE.saturating_sub(passed));
        Due::Again(waiting.said.clone(), pause)
    }

    /// Takes a PRACK. False if none, or another one, is waited for: RAck has our number, then the INVITE's (RFC 3262
    /// section 7.2).
    pub(crate) fn confirm(&mut self, prack: &Message, invite_cseq: Option<u32>) -> bool {
        let rack = prack.value(HeaderId::RAck).unwrap_or_default();
        let mut parts = rack.split_ascii_whitespace();
        let number = |part: Option<&str>| part.and_then(|part| part.parse::<u32>().ok());
        let is_it = |waiting: &mut Box<Waiting>| {
            number(parts.next()) == Some(waiting.rseq)
                && number(parts.next()) == invite_cseq
                && parts.next() == Some("INVITE")
        };
        let Some(waiting) = self.waiting.take_if(is_it) else {
            return false;
        };
        self.agreed |= waiting.said.draft.body.is_some();
        true
    }

    /// After a PRACK: what had to wait goes out, and again after this pause.
    pub(crate) fn go_on(&mut self, now: Mono) -> Option<(Said, Duration)> {
        let next = self.next.take()?;
        Some(self.number(now, *next))
    }

    /// Nothing that was said counts any more; the numbers go on.
    pub(crate) fn forget(&mut self) {
        self.waiting = None;
        self.next = None;
        self.agreed = false;
    }
}
