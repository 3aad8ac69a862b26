//! What one source has done wrong, and what each wrong is worth.

use super::{
    PATIENCE, SLOW_NAME,
    proofs::{Name, PROOF_GRAIN},
    score::{Allowance, POINT, Score},
};
use crate::directory::guard::GuardSettings;
use std::{fmt::Write, time::Duration};
use tandem_sip::Mono;

/// User names told apart for one source: more are a scan in any case.
const NAMES: usize = 16;
/// Bytes kept of a scanner's name.
const MAX_AGENT: usize = 40;

/// Something a source did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence<'a> {
    /// Bytes that are no message, or one that breaks the grammar.
    Malformed,
    /// It calls itself what scanners do.
    Scanner {
        /// What.
        agent: &'a str,
    },
    /// It asked to register and gave no credentials. Each phone does, once in a while.
    Uninvited,
    /// It asked for a call and gave no credentials.
    Unasked,
    /// It is slowed, and sends on.
    Hasty,
    /// Any other request of somebody unknown.
    Stranger,
    /// Credentials that are not right, or of nobody.
    Wrong {
        /// The name given.
        user: &'a str,
    },
}

/// Whether an address can have been forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A datagram says so.
    Claimed,
    /// What was sent there arrived: a connection stands, or a nonce came back.
    Shown,
}

/// How long until half is forgotten.
pub(super) fn half_life(settings: &GuardSettings) -> Duration {
    Duration::from_secs(u64::from(settings.half_life_s.max(1)))
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    malformed: u32,
    uncredited: u32,
    wrong: u32,
    hasty: u32,
}

/// Of one source.
#[derive(Debug, Default)]
pub(super) struct Standing {
    claimed: Score,
    shown: Score,
    tally: Tally,
    /// That failed.
    names: Vec<Name>,
    tries: Allowance,
    /// Last made good by a right secret.
    forgiven: Option<Mono>,
    agent: Option<Box<str>>,
    repeats: u32,
    /// When its last block ends, or ended.
    last_block: Mono,
}

impl Standing {
    /// Thousandths of a point that count: a proved source has none from what can be forged, and few from the rest.
    pub(super) fn points(&self, settings: &GuardSettings, proved: bool, now: Mono) -> u64 {
        let half_life = half_life(settings);
        let shown = self.shown.left(now, half_life);
        if proved {
            shown / PATIENCE
        } else {
            shown.saturating_add(self.claimed.left(now, half_life))
        }
    }

    /// Thousandths of a point from what can be forged.
    pub(super) fn claimed(&self, settings: &GuardSettings, now: Mono) -> u64 {
        self.claimed.left(now, half_life(settings))
    }

    /// What is lost if it is forgotten: points, and far more how often it was blocked.
    pub(super) fn worth(&self, now: Mono, half_life: Duration) -> u64 {
        let points = self.shown.left(now, half_life) + self.claimed.left(now, half_life);
        points.saturating_add(u64::from(self.repeats) * 1_000 * POINT)
    }

    pub(super) fn add(
        &mut self,
        evidence: &Evidence<'_>,
        origin: Origin,
        settings: &GuardSettings,
        now: Mono,
    ) {
        let milli = self.weigh(evidence);
        let score = match origin {
            Origin::Claimed => &mut self.claimed,
            Origin::Shown => &mut self.shown,
        };
        score.add(milli, now, half_life(settings));
    }

    fn weigh(&mut self, evidence: &Evidence<'_>) -> u64 {
        let count = |counter: &mut u32| *counter = counter.saturating_add(1);
        match evidence {
            Evidence::Malformed => {
                count(&mut self.tally.malformed);
                2 * POINT
            }
            Evidence::Scanner { agent } => {
                let kept = agent.chars().filter(|c| !c.is_control());
                self.agent = Some(kept.take(MAX_AGENT).collect::<String>().into());
                50 * POINT
            }
            Evidence::Uninvited => {
                count(&mut self.tally.uncredited);
                POINT / 5
            }
            Evidence::Unasked => {
                count(&mut self.tally.uncredited);
                2 * POINT
            }
            Evidence::Hasty => {
                count(&mut self.tally.hasty);
                POINT / 2
            }
            Evidence::Stranger => POINT,
            Evidence::Wrong { user } => {
                count(&mut self.tally.wrong);
                if self.is_new(user) {
                    10 * POINT
                } else {
                    3 * POINT
                }
            }
        }
    }

    fn is_new(&mut self, user: &str) -> bool {
        let name = Name::of(user);
        if self.names.contains(&name) {
            return false;
        }
        if self.names.len() < NAMES {
            self.names.push(name);
        }
        true
    }

    /// Whether this name has failed there; beyond [`NAMES`] all have.
    pub(super) fn has_failed(&self, name: Name) -> bool {
        self.names.len() >= NAMES || self.names.contains(&name)
    }

    /// Whether a secret from there is tried, of a source that is neither slowed nor blocked.
    pub(super) fn may_try(&mut self, settings: &GuardSettings, now: Mono) -> bool {
        let proved = true;
        let limit = u64::from(settings.slow_at) * POINT;
        self.points(settings, proved, now) < limit || self.tries.take(SLOW_NAME, now)
    }

    /// Now and then only: who knows one secret must not guess the others at no cost.
    pub(super) fn forgive(&mut self, milli: u64, settings: &GuardSettings, now: Mono) {
        if self.forgiven.is_some_and(|at| now.since(at) < PROOF_GRAIN) {
            return;
        }
        self.forgiven = Some(now);
        self.claimed.take(milli, now, half_life(settings));
        self.shown.take(milli, now, half_life(settings));
    }

    /// Blocks of it that ended less than `memory` ago.
    pub(super) fn repeats_within(&self, memory: Duration, now: Mono) -> u32 {
        let is_remembered = now.since(self.last_block) < memory;
        if is_remembered { self.repeats } else { 0 }
    }

    pub(super) fn blocked_before(&mut self, repeats: u32, until: Mono) {
        self.repeats = repeats;
        self.last_block = until;
    }

    /// It is blocked: what comes after is counted from nothing.
    pub(super) fn begin_anew(&mut self, repeats: u32, until: Mono) {
        *self = Self {
            repeats,
            last_block: until,
            ..Self::default()
        };
    }

    /// For people.
    pub(super) fn reason(&self) -> String {
        let mut text = String::new();
        let mut put = |part: String| {
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(text, "{comma}{part}");
        };
        if let Some(agent) = &self.agent {
            put(format!("scanner {agent}"));
        }
        let Tally {
            malformed,
            uncredited,
            wrong,
            hasty,
        } = self.tally;
        if wrong > 0 {
            let more = if self.names.len() < NAMES {
                ""
            } else {
                " or more"
            };
            put(format!(
                "{wrong} wrong credentials of {}{more} user names",
                self.names.len()
            ));
        }
        if malformed > 0 {
            put(format!("{malformed} malformed messages"));
        }
        if uncredited > 0 {
            put(format!("{uncredited} requests without credentials"));
        }
        if hasty > 0 {
            put(format!("{hasty} messages while it was slowed"));
        }
        if text.is_empty() {
            text.push_str("requests of nobody known");
        }
        text
    }
}

/// Failures of one user name.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    score: Score,
    allowance: Allowance,
}

impl Attempts {
    pub(super) fn worth(&self, now: Mono, half_life: Duration) -> u64 {
        self.score.left(now, half_life)
    }

    pub(super) fn failed(&mut self, settings: &GuardSettings, now: Mono) {
        self.score.add(POINT, now, half_life(settings));
    }

    /// From so many on only now and then.
    pub(super) fn may_try(&mut self, settings: &GuardSettings, slow_at: u64, now: Mono) -> bool {
        self.score.left(now, half_life(settings)) < slow_at || self.allowance.take(SLOW_NAME, now)
    }
}
