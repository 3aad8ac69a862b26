//! A day drawn from a seed: who calls when and how it goes, what the operator does, when the disk fails.

use super::{
    dice::{Dice, Topic},
    operator::Operator,
    trouble::{Trouble, Troubles},
};

use std::collections::BTreeSet;

/// A millisecond of the day, counted from its start.
pub type Ms = u64;

/// What a seed makes of a day.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Which.
    pub seed: u64,
    /// What goes wrong.
    pub troubles: Troubles,
    /// UTC milliseconds of its start.
    pub start: i64,
    /// As configured in the morning.
    pub operator: Operator,
    /// In order of their start.
    pub calls: Vec<Call>,
    /// In order.
    pub acts: Vec<(Ms, Act)>,
    /// Spans in which no commit succeeds.
    pub broken: Vec<(Ms, Ms)>,
    /// Spans in which the process stands still.
    pub stalls: Vec<(Ms, Ms)>,
    /// What the process dies at, in order.
    pub crashes: Vec<Death>,
    /// Calls are drained or waited for from here on.
    pub end: Ms,
}

/// When the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// At an instant.
    At(Ms),
    /// When it has handed over so many batches since its start, before anything else goes out.
    AfterBatches(u64),
}

/// A call that somebody makes.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its place in the day; part of its caller number.
    pub index: u32,
    /// When.
    pub at: Ms,
    /// Who.
    pub account: i64,
    /// The address it comes from.
    pub from: &'static str,
    /// The device, if it is a phone that proves itself by digest.
    pub username: Option<&'static str>,
    /// The number dialled.
    pub number: String,
    /// Given up after so long without an answer.
    pub patience: Ms,
    /// Hung up by the caller so long after the answer.
    pub talk: Ms,
    /// Hold and resume, after the answer.
    pub changes: Vec<Ms>,
    /// What the caller does wrong.
    pub flaw: Flaw,
    /// The INVITE has no offer.
    pub offerless: bool,
    /// One of its parties sends the other one on.
    pub transfer: Option<Transfer>,
    /// The caller refreshes the session, which is to last so many seconds.
    pub session_s: Option<u32>,
}

/// A transfer.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The caller asks for it; else the called side.
    pub by_caller: bool,
    /// So long after the answer.
    pub after: Ms,
    /// Where to.
    pub number: String,
    /// It hangs up as soon as the switch has agreed.
    pub leaves: bool,
}

/// What a caller does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// Never confirms the answer.
    NeverAcks,
    /// Confirms it so much later.
    AcksLate(Ms),
    /// Is gone for good so long after the answer.
    Vanishes(Ms),
}

/// What the operator does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Money comes or goes.
    Pay {
        /// Whose.
        account: i64,
        /// Signed.
        micros: i64,
    },
    /// The oldest call is ended.
    HangUp,
    /// A phone is dropped.
    Unregister(&'static str),
    /// The configuration changes.
    Edit(Edit),
}

/// A change of configuration.
#[derive(Clone, Copy, Debug)]
pub enum Edit {
    /// Another price per minute, in thousandths.
    Price(i64, i64),
    /// Another credit limit.
    Limit(i64, i64),
    /// Blocked or let in again.
    Status(i64),
    /// The order of two routes.
    Routes,
    /// Out of service, or back.
    Gateway(i64),
}

/// Instants at which days begin: ordinary, before midnight, before each change of the clocks.
const STARTS: [i64; 7] = [
    // 2026-03-10 09:00, 2026-05-12 21:30, 2026-03-28 23:40 (Berlin), 2026-10-24 23:40 (Berlin), 2026-11-01 05:30
    // (New York).
    1_773_133_200_000,
    1_778_621_400_000,
    1_774_741_200_000,
    1_792_885_200_000,
    1_793_511_000_000,
    // A minute before nights begin, in UTC and in Berlin.
    1_778_623_140_000,
    1_778_615_940_000,
];

impl Scene {
    /// The day of a seed, without some of its calls.
    #[must_use]
    pub fn of_seed(seed: u64, troubles: &Troubles, without: &BTreeSet<u32>) -> Self {
        let mut dice = Dice::new(seed, Topic::Calls);
        let start = *dice.pick(&STARTS);
        // A day is made of some hours; most of it lies between the calls.
        let span = *dice.pick(&[120_000, 600_000, 3_600_000, 3_600_000 * 3]);
        let count = dice.between(4, 20);
        let mut operator = Operator::of_seed(seed);
        let mut calls: Vec<Call> = (0..count)
            .map(|index| call(&mut dice, index, span, &operator))
            .collect();
        let mut sent_on = Dice::new(seed, Topic::Transfers);
        for call in &mut calls {
            call.transfer = transfer(&mut sent_on, call);
            tame(call, troubles);
        }
        if troubles.contains(&Trouble::Sessions) {
            draw_sessions(seed, &mut operator, &mut calls);
        }
        calls.retain(|call| !without.contains(&call.index));
        let longest = calls
            .iter()
            .map(|call| call.at + call.patience + call.talk)
            .max()
            .unwrap_or(0);
        let drained = dice.below(span);
        let has = |trouble| troubles.contains(&trouble);
        let end = if has(Trouble::Drain) && dice.per_mille(300) {
            drained
        } else {
            longest + 60_000
        };
        let mut scene = Self {
            seed,
            troubles: troubles.clone(),
            start,
            operator,
            calls,
            acts: Vec::new(),
            broken: Vec::new(),
            stalls: Vec::new(),
            crashes: Vec::new(),
            end,
        };
        scene.draw_acts(span);
        scene.draw_failures(span);
        scene
    }

    /// Whether this goes wrong.
    #[must_use]
    pub fn has(&self, trouble: Trouble) -> bool {
        self.troubles.contains(&trouble)
    }

    fn draw_acts(&mut self, span: Ms) {
        let mut dice = Dice::new(self.seed, Topic::Acts);
        for _ in 0..dice.below(20) {
            let at = dice.below(span + 120_000);
            let act = act(&mut dice);
            let wanted = match act {
                Act::Edit(_) => Trouble::Edits,
                Act::Pay { .. } | Act::HangUp | Act::Unregister(_) => Trouble::Acts,
            };
            if self.has(wanted) {
                self.acts.push((at, act));
            }
        }
        self.acts.sort_by_key(|(at, _)| *at);
    }

    fn draw_failures(&mut self, span: Ms) {
        let mut dice = Dice::new(self.seed, Topic::Disk);
        let (broken, stalled) = (dice.per_mille(300), dice.per_mille(150));
        let (from, stall) = (dice.below(span), dice.below(span));
        let (length, pause) = (dice.between(200, 60_000), dice.between(200, 8_000));
        if broken && self.has(Trouble::BrokenDisk) {
            self.broken.push((from, from + length));
        }
        if stalled && self.has(Trouble::Stall) {
            self.stalls.push((stall, stall + pause));
        }
        let mut dice = Dice::new(self.seed, Topic::Crash);
        let crashes = *dice.pick(&[0, 0, 1, 1, 2, 4]);
        for _ in 0..crashes {
            let death = if dice.per_mille(600) {
                Death::AfterBatches(dice.between(1, 60))
            } else {
                Death::At(dice.below(span + 60_000))
            };
            if self.has(Trouble::Crash) {
                self.crashes.push(death);
            }
        }
    }
}

/// Numbers that lead to gateways, nowhere, and to phones.
const NUMBERS: &[&str] = &[
    "442071", "442071", "4930", "4930", "1212", "33", "501", "502", "601", "602", "701", "702",
];

fn call(dice: &mut Dice, index: u64, span: Ms, operator: &Operator) -> Call {
    let index = u32::try_from(index).expect("few calls");
    let account = operator.account(*dice.pick(&[1, 1, 5, 5, 6, 6, 6, 7, 8, 8]));
    let (username, from) = match account.trunk {
        Some(trunk) => (None, trunk),
        None => {
            let (username, at) = dice.pick(account.phones);
            (Some(*username), *at)
        }
    };
    let number = match *dice.pick(NUMBERS) {
        phone if phone.len() == 3 => phone.to_owned(),
        prefix => format!("{prefix}{index:04}"),
    };
    // Several at once, often.
    let at = if dice.per_mille(350) {
        dice.below(4) * 30_000 % span
    } else {
        dice.below(span)
    };
    let talk = match dice.below(10) {
        0 => dice.between(0, 900),
        1..=5 => dice.between(1_000, 90_000),
        6 | 7 => dice.between(1, 20) * 30_000,
        8 => dice.between(600_000, 3_600_000),
        _ if dice.per_mille(150) => dice.between(3_600_000, 3 * 3_600_000),
        _ => dice.between(100_000, 400_000),
    };
    let changes = match dice.below(4) {
        0 => vec![dice.below(talk + 1), dice.below(talk + 1)],
        _ => Vec::new(),
    };
    Call {
        index,
        at: at + dice.below(3_000),
        account: account.id,
        from,
        username,
        number,
        patience: if dice.per_mille(250) {
            dice.between(0, 15_000)
        } else {
            70_000
        },
        talk,
        changes,
        flaw: match dice.below(16) {
            0 => Flaw::NeverAcks,
            1 => Flaw::AcksLate(dice.between(1, 20_000)),
            2 => Flaw::Vanishes(dice.between(0, 200_000)),
            _ => Flaw::None,
        },
        offerless: dice.per_mille(80),
        transfer: None,
        session_s: None,
    }
}

fn draw_sessions(seed: u64, operator: &mut Operator, calls: &mut [Call]) {
    let mut dice = Dice::new(seed, Topic::Sessions);
    operator.session_s = *dice.pick(&[0, 90, 90, 180, 600]);
    for call in calls {
        let session_s = *dice.pick(&[90, 120, 300]);
        call.session_s = dice.per_mille(300).then_some(session_s);
    }
}

/// Numbers that calls are sent on to.
const SENT_ON: &[&str] = &[
    "442072", "4931", "1213", "33", "501", "601", "602", "701", "702",
];

fn transfer(dice: &mut Dice, call: &Call) -> Option<Transfer> {
    let wanted = dice.per_mille(300);
    let number = match *dice.pick(SENT_ON) {
        phone if phone.len() == 3 => phone.to_owned(),
        prefix => format!("{prefix}{:04}", call.index),
    };
    let drawn = Transfer {
        // Only then the number that the called side goes by is this call's alone.
        by_caller: dice.per_mille(500) && call.number.len() > 3,
        after: dice.between(100, call.talk.max(100)),
        number,
        leaves: dice.per_mille(300),
    };
    wanted.then_some(drawn)
}

/// Without what is left out.
fn tame(call: &mut Call, troubles: &Troubles) {
    if !troubles.contains(&Trouble::BadPeers) {
        call.flaw = Flaw::None;
    }
    if !troubles.contains(&Trouble::Holds) {
        call.changes.clear();
    }
    if !troubles.contains(&Trouble::Transfers) {
        call.transfer = None;
    }
}

fn act(dice: &mut Dice) -> Act {
    let account = i64::try_from(dice.between(1, 8)).expect("few");
    match dice.below(10) {
        0..=3 => Act::Pay {
            account,
            micros: i64::try_from(dice.between(1, 3_000) * 1000).expect("little"),
        },
        4 => Act::Pay {
            account,
            micros: -i64::try_from(dice.between(1, 2_000) * 1000).expect("little"),
        },
        5 => Act::HangUp,
        6 => Act::Unregister(dice.pick::<&str>(&["501", "502", "601", "701"])),
        7 => Act::Edit(Edit::Price(
            i64::try_from(dice.between(1, 14)).expect("few"),
            i64::try_from(dice.between(0, 2_000)).expect("few"),
        )),
        // Of those that have one, most often.
        8 => Act::Edit(Edit::Limit(
            *dice.pick(&[1, 4, 7, 7, account]),
            i64::try_from(dice.below(1_500_000)).expect("little"),
        )),
        _ => Act::Edit(*dice.pick(&[
            Edit::Routes,
            Edit::Gateway(1),
            Edit::Gateway(2),
            Edit::Status(5),
            Edit::Status(7),
        ])),
    }
}

impl Operator {
    /// Carries out an edit.
    pub fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Price(id, thousandths) => {
                for sheet in self.sheets.iter_mut().filter(|sheet| sheet.id == id) {
                    sheet.price = rust_decimal::Decimal::new(thousandths, 3);
                }
            }
            Edit::Limit(id, micros) => {
                for account in self.accounts.iter_mut().filter(|account| account.id == id) {
                    account.limit = micros;
                }
            }
            Edit::Status(id) => {
                for account in self.accounts.iter_mut().filter(|account| account.id == id) {
                    account.active = !account.active;
                }
            }
            Edit::Routes => self.swapped = !self.swapped,
            Edit::Gateway(id) => {
                for gateway in self.gateways.iter_mut().filter(|gateway| gateway.id == id) {
                    gateway.enabled = !gateway.enabled;
                }
            }
        }
    }
}
