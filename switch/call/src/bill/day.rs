//! What each account was charged for calls today, and what that leaves of its daily limit.
//!
//! A day begins at midnight of the account's time zone. A call counts on the day its charge is booked; until then
//! what it holds counts on every day it is up. Keys are accounts of the directory.

use super::Unpaid;
use crate::{cause, directory::Account, switch::state::Core};
use jiff::civil::Date;
use std::collections::HashMap;
use tandem_billing::{
    AccountId, Micros, UtcMs,
    ledger::{Entry, EntryKind, Level},
};

/// Charges of the last day that had any.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    days: HashMap<AccountId, (Date, Micros)>,
}

impl Spending {
    /// A charge of an account was booked.
    pub(crate) fn add(&mut self, account: &Account, at: UtcMs, charge: Micros) {
        let Some(today) = day(account, at) else {
            return;
        };
        let (date, spent) = self.days.entry(account.id).or_insert((today, Micros::ZERO));
        if *date != today {
            (*date, *spent) = (today, Micros::ZERO);
        }
        *spent = spent.saturating_add(charge);
    }

    fn spent(&self, account: &Account, at: UtcMs) -> Micros {
        match self.days.get(&account.id) {
            Some((date, spent)) if day(account, at) == Some(*date) => *spent,
            _ => Micros::ZERO,
        }
    }
}

fn day(account: &Account, at: UtcMs) -> Option<Date> {
    let instant = jiff::Timestamp::from_millisecond(at.0).ok()?;
    Some(instant.to_zoned(account.time_zone.clone()).date())
}

/// What more of an account's money calls may take today; None without a limit. A changed limit counts at the
/// next block.
pub(crate) fn left_today(core: &Core, account: AccountId) -> Option<Micros> {
    let account = core.directory.accounts.get(&account)?;
    let limit = account.daily_spend_limit?;
    let used = core
        .spending
        .spent(account, core.now.utc)
        .saturating_add(core.ledger.held(account.id));
    Some(limit.saturating_sub(used))
}

/// Whether the hold may grow so.
pub(crate) fn check(core: &Core, levels: &[Level], held: &[Micros]) -> Result<(), Unpaid> {
    for (at, level) in levels.iter().enumerate() {
        let held = held.get(at).copied().unwrap_or_default();
        let growth = level.amount.saturating_sub(held);
        let left = left_today(core, level.account);
        if growth > Micros::ZERO && left.is_some_and(|left| growth > left) {
            return Err(Unpaid {
                cause: &cause::DAILY_LIMIT,
                detail: format!(
                    "account {} needs {growth} and may spend {} more today",
                    level.account,
                    left.unwrap_or_default().max(Micros::ZERO)
                ),
            });
        }
    }
    Ok(())
}

/// Counts call charges for their day.
pub(crate) fn count(core: &mut Core, entries: &[Entry]) {
    for entry in entries.iter().filter(|e| e.kind == EntryKind::CallCharge) {
        if let Some(account) = core.directory.accounts.get(&entry.account) {
            let charge = Micros::ZERO.saturating_sub(entry.amount);
            core.spending.add(account, entry.at, charge);
        }
    }
}
