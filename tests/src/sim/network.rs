//! What happens to a datagram between the switch and its peers.

use super::{
    dice::{Dice, Topic},
    scene::Scene,
    trouble::Trouble,
};

/// A network of one day.
#[derive(Clone, Debug)]
pub struct Network {
    dice: Dice,
    /// Of a thousand datagrams.
    lost: u64,
    twice: u64,
    late: u64,
    harmed: u64,
    /// Hosts that are not there say so (ICMP), instead of nothing.
    pub refuses: bool,
}

/// A datagram that arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// After so many milliseconds.
    pub after: u64,
    /// As it arrives.
    pub bytes: Vec<u8>,
    /// It is not what was sent.
    pub harmed: bool,
}

impl Network {
    /// The network of a day.
    #[must_use]
    pub fn new(scene: &Scene) -> Self {
        let mut dice = Dice::new(scene.seed, Topic::Network);
        let mut share = |trouble, choices: &[u64]| {
            let share = *dice.pick(choices);
            if scene.has(trouble) { share } else { 0 }
        };
        let lost = share(Trouble::Loss, &[0, 0, 10, 50, 200]);
        let twice = share(Trouble::Duplicates, &[0, 0, 20, 200]);
        let late = share(Trouble::Delay, &[0, 0, 50, 300]);
        let harmed = share(Trouble::Corruption, &[0, 0, 0, 10, 30]);
        let refuses = dice.per_mille(300);
        Self {
            dice,
            lost,
            twice,
            late,
            harmed,
            refuses,
        }
    }

    /// How a datagram arrives: not at all, once, or more than once.
    pub fn carry(&mut self, bytes: &[u8]) -> Vec<Arrival> {
        let copies = if self.dice.per_mille(self.lost) {
            0
        } else if self.dice.per_mille(self.twice) {
            2
        } else {
            1
        };
        (0..copies).map(|_| self.arrival(bytes)).collect()
    }

    fn arrival(&mut self, bytes: &[u8]) -> Arrival {
        let after = if self.dice.per_mille(self.late) {
            self.dice.between(20, 1_500)
        } else {
            self.dice.between(1, 20)
        };
        let harmed = self.dice.per_mille(self.harmed);
        let bytes = if harmed {
            self.harm(bytes)
        } else {
            bytes.to_vec()
        };
        Arrival {
            after,
            bytes,
            harmed,
        }
    }

    fn harm(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match self.dice.below(3) {
            0 => {
                let at = self.dice.below(bytes.len() as u64);
                bytes.truncate(usize::try_from(at).expect("an index"));
            }
            changes => {
                for _ in 0..=changes * 2 {
                    let at =
                        usize::try_from(self.dice.below(bytes.len() as u64)).expect("an index");
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = self.dice.below(256) as u8;
                    }
                }
            }
        }
        bytes
    }
}
