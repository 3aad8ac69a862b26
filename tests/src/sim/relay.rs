//! The relay threads as the core hears of them: ports, silences, last words, and none of these at times.

use super::{
    dice::{Dice, Topic},
    scene::Scene,
    trouble::Trouble,
};
use std::collections::BTreeSet;
use tandem_sdp::{
    PlayEnd, PlayOrder, RelayCommand, RelayId, RelayReport, Side, play::Until, relay::Counters,
};

/// The relay.
#[derive(Clone, Debug)]
pub struct VirtualRelay {
    /// Held by calls.
    pub open: BTreeSet<RelayId>,
    dice: Dice,
    bad: bool,
    silences: Vec<(u64, RelayReport)>,
    next_port: u16,
}

impl VirtualRelay {
    /// The relay of a day.
    #[must_use]
    pub fn new(scene: &Scene) -> Self {
        let mut dice = Dice::new(scene.seed, Topic::Relay);
        let bad = dice.per_mille(300) && scene.has(Trouble::Relay);
        Self {
            open: BTreeSet::new(),
            dice,
            bad,
            silences: Vec::new(),
            next_port: 20_000,
        }
    }

    fn fails(&mut self, share: u64) -> bool {
        self.dice.per_mille(share) && self.bad
    }

    /// Carries out an order; what it reports, after so many milliseconds.
    ///
    /// # Panics
    /// If the order makes no sense.
    pub fn order(&mut self, command: RelayCommand) -> Option<(u64, RelayReport)> {
        match command {
            RelayCommand::Open { id, .. } => {
                assert!(self.open.insert(id), "relay {id:?} is opened twice");
                self.opened(id)
            }
            RelayCommand::Close { id } => {
                assert!(
                    self.open.remove(&id),
                    "relay {id:?} is closed and was not open"
                );
                let counters = Counters {
                    packets: 50,
                    bytes: 8_600,
                    ..Counters::default()
                };
                (!self.fails(100)).then_some((
                    self.dice.below(30),
                    RelayReport::Closed {
                        id,
                        a: counters,
                        b: counters,
                    },
                ))
            }
            RelayCommand::Play { id, side, order } => {
                assert!(self.open.contains(&id), "relay {id:?} is not open");
                self.play((id, side), &order)
            }
            RelayCommand::SetTransport { id, .. }
            | RelayCommand::SetTarget { id, .. }
            | RelayCommand::SetConversion { id, .. }
            | RelayCommand::PlayDigit { id, .. }
            | RelayCommand::StopPlaying { id, .. }
            | RelayCommand::SetStream { id, .. }
            | RelayCommand::SetRecording { id, .. }
            | RelayCommand::SetHold { id, .. } => {
                assert!(self.open.contains(&id), "relay {id:?} is not open");
                None
            }
        }
    }

    /// What ends by itself does so in a moment, unless it cannot be played or the relay is lost.
    fn play(
        &mut self,
        (id, side): (RelayId, Side),
        order: &PlayOrder,
    ) -> Option<(u64, RelayReport)> {
        let how = if self.fails(200) {
            PlayEnd::Failed("a file is not there".into())
        } else if order.until == Until::Stopped || self.fails(100) {
            return None;
        } else {
            PlayEnd::Ended
        };
        let after = self.dice.between(20, 4_000);
        Some((after, RelayReport::Played { id, side, how }))
    }

    fn opened(&mut self, id: RelayId) -> Option<(u64, RelayReport)> {
        if self.fails(40) {
            return None;
        }
        let after = self.dice.below(8);
        if self.fails(60) {
            self.open.remove(&id);
            return Some((
                after,
                RelayReport::Refused {
                    id,
                    reason: "no ports".into(),
                },
            ));
        }
        if self.fails(150) {
            let silent_s = 30;
            self.silences.push((
                self.dice.between(5_000, 120_000),
                RelayReport::Inactive { id, silent_s },
            ));
        }
        self.next_port = self.next_port.wrapping_add(4).max(20_000);
        Some((
            after,
            RelayReport::Opened {
                id,
                a_port: self.next_port,
                b_port: self.next_port + 2,
            },
        ))
    }

    /// Silences it will report.
    pub fn take_silences(&mut self) -> Vec<(u64, RelayReport)> {
        std::mem::take(&mut self.silences)
    }

    /// The process dies.
    pub fn die(&mut self) {
        self.open.clear();
        self.silences.clear();
    }
}
