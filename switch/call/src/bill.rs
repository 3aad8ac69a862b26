//! A call's money: reserved before it rings, extended before each paid second runs out, settled at the end.
//!
//! [`slice`] says how far a hold should reach, [`day`] what the daily limits leave, [`reserve`], [`reprice`] and [`extend`] move it, [`settle`]
//! books it, [`cdr`] writes it down. The ledger judges; nothing here adds to a balance.

pub(crate) mod cdr;
pub(crate) mod day;
pub(crate) mod extend;
pub(crate) mod redirect;
pub(crate) mod refused;
pub(crate) mod reprice;
pub(crate) mod reserve;
pub(crate) mod settle;
pub(crate) mod slice;
pub(crate) mod warn;

use crate::{
    cause::{self, Cause},
    decide::{LevelQuote, Step},
    switch::state::Core,
};
use tandem_billing::{
    AccountId, GatewayId, Micros, Quote,
    ledger::{LedgerError, Level},
};

/// The money side of one call.
pub(crate) struct Bill {
    /// Client first, then its resellers.
    pub(crate) levels: Vec<LevelQuote>,
    /// What the gateway that answered takes.
    pub(crate) cost: Option<Cost>,
    /// The hold's totals, as the levels.
    pub(crate) holds: Vec<Micros>,
    /// Answered seconds that every level's hold pays for.
    pub(crate) paid_until_s: u64,
    /// The longest the call may last; `u64::MAX` if there is no limit.
    pub(crate) longest_s: u64,
    /// The batch that made the hold, or last changed it before the answer.
    pub(crate) hold_seq: u64,
    /// Whoever pays was told that the call is about to be cut.
    pub(crate) warned: bool,
}

/// The price of the leg that answered.
pub(crate) struct Cost {
    pub(crate) gateway: GatewayId,
    /// As its cost tariff was asked.
    pub(crate) number: String,
    pub(crate) quote: Quote,
}

/// Why money does not allow it.
#[derive(Debug)]
pub(crate) struct Unpaid {
    pub(crate) cause: &'static Cause,
    detail: String,
}

impl Unpaid {
    pub(crate) fn step(&self) -> Step {
        Step::Refused {
            code: self.cause.code.to_owned(),
            detail: self.detail.clone(),
        }
    }
}

impl From<LedgerError> for Unpaid {
    fn from(error: LedgerError) -> Self {
        let cause = match &error {
            LedgerError::Short(short) if short.level == 0 => &cause::NO_MONEY,
            LedgerError::Short(_) => &cause::RESELLER_NO_MONEY,
            LedgerError::AlreadyHeld(_)
            | LedgerError::NoHold(_)
            | LedgerError::OutOfRange
            | LedgerError::BadAmount { .. } => &cause::INTERNAL,
        };
        Self {
            cause,
            detail: error.to_string(),
        }
    }
}

impl Bill {
    /// The hold that pays for the call up to a second, with the credit limits in force now.
    pub(crate) fn holds_until(&self, core: &Core, until_s: u64) -> Vec<Level> {
        self.levels
            .iter()
            .zip(&self.holds)
            .map(|(level, held)| Level {
                account: level.account.id,
                amount: level.quote.charge_secs(until_s).max(*held),
                credit_limit: credit_limit(core, level),
            })
            .collect()
    }

    /// The hold as it is.
    pub(crate) fn holds(&self) -> Vec<Level> {
        self.levels
            .iter()
            .zip(&self.holds)
            .map(|(level, held)| Level {
                account: level.account.id,
                amount: *held,
                credit_limit: level.account.credit_limit,
            })
            .collect()
    }

    fn take_holds(&mut self, levels: &[Level], until_s: u64) {
        self.holds = levels.iter().map(|level| level.amount).collect();
        self.paid_until_s = until_s;
    }

    pub(crate) fn quotes(&self) -> Vec<(AccountId, Quote)> {
        self.levels
            .iter()
            .map(|level| (level.account.id, level.quote.clone()))
            .collect()
    }
}

/// A changed limit counts at the next block, so the current directory's is asked.
fn credit_limit(core: &Core, level: &LevelQuote) -> Micros {
    let current = core.directory.accounts.get(&level.account.id);
    current.map_or(level.account.credit_limit, |account| account.credit_limit)
}

/// What could be added to a hold: the ledger's word, within the daily limit.
fn spendable(core: &Core, level: &LevelQuote) -> Micros {
    let account = level.account.id;
    let spendable = core.ledger.spendable(account, credit_limit(core, level));
    day::left_today(core, account).map_or(spendable, |left| spendable.min(left))
}

/// What each level has for this call: its hold, and what it could add.
fn funds<'a>(
    core: &Core,
    levels: &'a [LevelQuote],
    holds: &[Micros],
    rivals_more: usize,
) -> Vec<slice::Funds<'a>> {
    levels
        .iter()
        .enumerate()
        .map(|(at, level)| {
            let account = level.account.id;
            slice::Funds {
                quote: &level.quote,
                held: holds.get(at).copied().unwrap_or_default(),
                spendable: spendable(core, level),
                calls: core
                    .ledger
                    .open_holds(account)
                    .saturating_add(rivals_more)
                    .max(1),
            }
        })
        .collect()
}
