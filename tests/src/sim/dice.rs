//! Seeded draws. Every topic of a seed has a stream of its own, so that leaving one trouble out of a day does not
//! change what else happens in it.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// What is drawn for.
#[derive(Clone, Copy, Debug)]
pub enum Topic {
    /// Accounts, tariffs, gateways.
    Operator,
    /// Who calls when, how long, with what habits.
    Calls,
    /// What the called side does with one call: caller index and how often it was tried.
    Callee(u32, u32),
    /// Loss, delay, order.
    Network,
    /// Latencies and failures of the journal.
    Disk,
    /// When the process dies and what of the journal survives.
    Crash,
    /// Payments, edits, hang-ups.
    Acts,
    /// The relay's ports and silences.
    Relay,
    /// Seeds of the switch's own generator.
    Switch,
    /// Who transfers which call to whom.
    Transfers,
    /// How long sessions last, and who refreshes them.
    Sessions,
}

/// One stream of draws.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of a topic.
    #[must_use]
    pub fn new(seed: u64, topic: Topic) -> Self {
        let stream = match topic {
            Topic::Operator => 1,
            Topic::Calls => 2,
            Topic::Network => 3,
            Topic::Disk => 4,
            Topic::Crash => 5,
            Topic::Acts => 6,
            Topic::Relay => 7,
            Topic::Switch => 8,
            Topic::Transfers => 9,
            Topic::Sessions => 10,
            Topic::Callee(caller, attempt) => {
                (1 << 40) + u64::from(caller) * 64 + u64::from(attempt)
            }
        };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// 0..n; 0 for n = 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0.next_u64() % n.max(1)
    }

    /// Both ends included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in so many of a thousand draws.
    pub fn per_mille(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// One of these.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[usize::try_from(self.below(items.len() as u64)).expect("an index")]
    }

    /// 32 bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}
