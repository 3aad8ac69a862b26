//! The rules of balances: holds and movements, all levels or none (`rating.md` section 3). In memory and pure;
//! whoever owns it persists what it returns.
//!
//! A balance is the sum of its entries and nothing else. Holds are not entries: they only lower what can be
//! spent. [`movement`] says what other movements may look like, [`keys`] which idempotency keys are kept here
//! and which only the store remembers, [`refund`] how a CDR is paid back.

mod keys;
pub mod movement;
pub mod refund;

pub use movement::{Entry, EntryKind, Movement, Posted};

use crate::{AccountId, CallId, Micros, UtcMs};
use keys::RecentKeys;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// One level of a hold or settlement. Amounts are totals since the start of the call, not increments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Who pays.
    pub account: AccountId,
    /// What the call may have cost by the end of what is reserved.
    pub amount: Micros,
    /// 0 means none; a negative one counts as none.
    pub credit_limit: Micros,
}

/// Who could not pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("account {account} needs {needed} and can spend {spendable}")]
pub struct Shortfall {
    /// Index into the levels asked for: 0 the client, then resellers upward.
    pub level: usize,
    /// The account of that level.
    pub account: AccountId,
    /// What was asked for in addition to what is held already.
    pub needed: Micros,
    /// Balance + credit limit - open holds at that moment.
    pub spendable: Micros,
}

/// Why the ledger did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum LedgerError {
    /// A call has one hold from its start to its end.
    #[error("call {0} already has a hold")]
    AlreadyHeld(CallId),
    /// Never reserved, or settled or released before.
    #[error("call {0} has no hold")]
    NoHold(CallId),
    /// A balance or a sum of holds would leave the 64 bits.
    #[error("amount is out of range")]
    OutOfRange,
    /// Not enough money.
    #[error("{0}")]
    Short(#[from] Shortfall),
    /// The sign does not go with the kind, or the amount is 0.
    #[error("a {kind:?} cannot be {amount}")]
    BadAmount {
        /// The kind asked for.
        kind: EntryKind,
        /// The amount asked for.
        amount: Micros,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    balance: Micros,
    held: Micros,
    open_holds: usize,
}

/// Balances, holds and recent keys. Memory: 40 bytes an account, 50 a hold, and a bounded set of keys.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    accounts: HashMap<AccountId, Account>,
    holds: HashMap<CallId, Vec<(AccountId, Micros)>>,
    keys: RecentKeys,
}

impl Ledger {
    /// From the store at start: every balance, and the keys of recent movements, oldest first. Older keys are
    /// asked for when they matter, see [`post_checked`](Self::post_checked).
    pub fn load(
        balances: impl IntoIterator<Item = (AccountId, Micros)>,
        used_keys: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut ledger = Self::default();
        for (account, balance) in balances {
            ledger.accounts.entry(account).or_default().balance = balance;
        }
        for key in used_keys {
            ledger.keys.insert(&key);
        }
        ledger
    }

    /// The sum of the account's entries; 0 of an account never heard of.
    pub fn balance(&self, account: AccountId) -> Micros {
        self.account(account).balance
    }

    /// The sum of the account's open holds.
    pub fn held(&self, account: AccountId) -> Micros {
        self.account(account).held
    }

    /// Balance + credit limit - open holds. Below 0 if a fee or an adjustment took more than was there.
    pub fn spendable(&self, account: AccountId, credit_limit: Micros) -> Micros {
        let account = self.account(account);
        account
            .balance
            .saturating_add(credit_limit.max(Micros::ZERO))
            .saturating_sub(account.held)
    }

    /// Calls with an open hold on the account.
    pub fn open_holds(&self, account: AccountId) -> usize {
        self.account(account).open_holds
    }

    /// What the call holds at each level, in the order it was reserved; None without a hold.
    pub fn hold(&self, call: CallId) -> Option<&[(AccountId, Micros)]> {
        self.holds.get(&call).map(Vec::as_slice)
    }

    fn account(&self, account: AccountId) -> Account {
        self.accounts.get(&account).copied().unwrap_or_default()
    }

    /// All levels or none. A level of amount 0 is admitted at any balance.
    ///
    /// # Errors
    /// [`LedgerError::Short`] names the first level that cannot pay; `AlreadyHeld`; `BadAmount` below 0.
    pub fn reserve(&mut self, call: CallId, levels: &[Level]) -> Result<(), LedgerError> {
        if self.holds.contains_key(&call) {
            return Err(LedgerError::AlreadyHeld(call));
        }
        self.raise(call, Vec::new(), levels)
    }

    /// Raises the hold to new totals, all levels or none; the old hold stays if refused. A total below the
    /// one held changes nothing at that level, and a level not named keeps what it has.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve); `NoHold` instead of `AlreadyHeld`.
    pub fn extend(&mut self, call: CallId, levels: &[Level]) -> Result<(), LedgerError> {
        let held = self
            .holds
            .get(&call)
            .ok_or(LedgerError::NoHold(call))?
            .clone();
        self.raise(call, held, levels)
    }

    fn raise(
        &mut self,
        call: CallId,
        old: Vec<(AccountId, Micros)>,
        levels: &[Level],
    ) -> Result<(), LedgerError> {
        let mut new = old.clone();
        let mut asked: Vec<(AccountId, Micros)> = Vec::new();
        for (index, level) in levels.iter().enumerate() {
            if level.amount.is_negative() {
                return Err(LedgerError::BadAmount {
                    kind: EntryKind::CallCharge,
                    amount: level.amount,
                });
            }
            let sum = slot(&mut asked, level.account);
            *sum = sum
                .checked_add(level.amount)
                .ok_or(LedgerError::OutOfRange)?;
            let held = slot(&mut new, level.account);
            let needed = sum.saturating_sub(*held);
            let spendable = self.spendable(level.account, level.credit_limit);
            let before = amount_of(&old, level.account);
            let total = (*sum).max(*held);
            let growth = total.saturating_sub(before);
            if needed > Micros::ZERO && growth > spendable {
                return Err(LedgerError::Short(Shortfall {
                    level: index,
                    account: level.account,
                    needed: growth,
                    spendable,
                }));
            }
            *held = total;
        }
        self.exchange_holds(&old, &new)?;
        self.holds.insert(call, new);
        Ok(())
    }

    /// Takes one call's hold off its accounts and puts another on; nothing changes on an error.
    fn exchange_holds(
        &mut self,
        old: &[(AccountId, Micros)],
        new: &[(AccountId, Micros)],
    ) -> Result<(), LedgerError> {
        let mut changed: Vec<(AccountId, Account)> = Vec::new();
        for (account, amount) in new {
            let mut state = self.account(*account);
            let known = old.iter().any(|(other, _)| other == account);
            state.open_holds += usize::from(!known);
            state.held = state
                .held
                .saturating_sub(amount_of(old, *account))
                .checked_add(*amount)
                .ok_or(LedgerError::OutOfRange)?;
            changed.push((*account, state));
        }
        self.accounts.extend(changed);
        Ok(())
    }

    /// Ends the hold and books the charges: positive totals, at most the held amount each. More is a bug of the
    /// caller and is booked as held (the caller logs it as an error, by comparing). A charge of 0 books no entry.
    /// The entries' keys are `call:ID:LEVEL`.
    ///
    /// # Errors
    /// `NoHold`; `BadAmount` for a negative charge, `OutOfRange`: nothing is booked and the hold stays.
    pub fn settle(
        &mut self,
        call: CallId,
        at: UtcMs,
        charges: &[(AccountId, Micros)],
    ) -> Result<Vec<Entry>, LedgerError> {
        let mut left = self
            .holds
            .get(&call)
            .ok_or(LedgerError::NoHold(call))?
            .clone();
        let mut movements = Vec::with_capacity(charges.len());
        for (level, (account, charge)) in charges.iter().enumerate() {
            if charge.is_negative() {
                return Err(LedgerError::BadAmount {
                    kind: EntryKind::CallCharge,
                    amount: *charge,
                });
            }
            let held = slot(&mut left, *account);
            let taken = (*charge).min(*held);
            *held = held.saturating_sub(taken);
            if taken > Micros::ZERO {
                movements.push(call_charge(call, level, *account, taken, at));
            }
        }
        let posted = self.post_all(movements)?;
        self.release(call)?;
        Ok(posted.into_iter().filter_map(Posted::into_entry).collect())
    }

    /// Ends the hold; nothing is booked.
    ///
    /// # Errors
    /// `NoHold`.
    pub fn release(&mut self, call: CallId) -> Result<(), LedgerError> {
        let hold = self.holds.remove(&call).ok_or(LedgerError::NoHold(call))?;
        for (account, amount) in hold {
            let state = self.accounts.entry(account).or_default();
            state.held = state.held.saturating_sub(amount);
            state.open_holds = state.open_holds.saturating_sub(1);
        }
        Ok(())
    }

    /// Books a movement once: the same key again books nothing. Whether there is money for it is not asked:
    /// a payment back or a fee may lead into debt; see [`post_if_covered`](Self::post_if_covered).
    ///
    /// # Errors
    /// `BadAmount` (see [`EntryKind::allows`]) and `OutOfRange`.
    pub fn post(&mut self, movement: Movement) -> Result<Posted, LedgerError> {
        self.post_checked(movement, |_| false)
    }

    /// As [`post`](Self::post); `was_used` tells of keys that are no longer kept here (the store's unique index).
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub fn post_checked(
        &mut self,
        movement: Movement,
        was_used: impl FnOnce(&str) -> bool,
    ) -> Result<Posted, LedgerError> {
        movement.check()?;
        if self.keys.contains(&movement.key) || was_used(&movement.key) {
            return Ok(Posted::Repeated);
        }
        let state = self.accounts.entry(movement.account).or_default();
        let balance = state
            .balance
            .checked_add(movement.amount)
            .ok_or(LedgerError::OutOfRange)?;
        state.balance = balance;
        self.keys.insert(&movement.key);
        Ok(Posted::Booked(movement.into_entry(balance)))
    }

    /// Books a debit whole or not at all: only if spendable money covers it. Credits always pass.
    ///
    /// # Errors
    /// [`LedgerError::Short`] with level 0, and as [`post`](Self::post). A repeated key is `Repeated`, covered
    /// or not.
    pub fn post_if_covered(
        &mut self,
        movement: Movement,
        credit_limit: Micros,
    ) -> Result<Posted, LedgerError> {
        let spendable = self.spendable(movement.account, credit_limit);
        let needed = movement.amount.checked_neg().unwrap_or(Micros::MAX);
        if needed > Micros::ZERO && needed > spendable && !self.keys.contains(&movement.key) {
            return Err(LedgerError::Short(Shortfall {
                level: 0,
                account: movement.account,
                needed,
                spendable,
            }));
        }
        self.post(movement)
    }

    /// Books all or none.
    ///
    /// # Errors
    /// The first movement's that fails; nothing is booked then.
    pub fn post_all(&mut self, movements: Vec<Movement>) -> Result<Vec<Posted>, LedgerError> {
        let mut sums: Vec<(AccountId, Micros)> = Vec::new();
        for movement in &movements {
            movement.check()?;
            let sum = slot(&mut sums, movement.account);
            *sum = sum
                .checked_add(movement.amount)
                .ok_or(LedgerError::OutOfRange)?;
            let balance = self.balance(movement.account);
            balance.checked_add(*sum).ok_or(LedgerError::OutOfRange)?;
        }
        movements
            .into_iter()
            .map(|movement| self.post(movement))
            .collect()
    }

    /// Whether a movement with this key was booked lately; the store knows the older ones.
    pub fn knows_key(&self, key: &str) -> bool {
        self.keys.contains(key)
    }
}

fn call_charge(
    call: CallId,
    level: usize,
    account: AccountId,
    taken: Micros,
    at: UtcMs,
) -> Movement {
    Movement {
        key: format!("call:{call}:{level}"),
        account,
        kind: EntryKind::CallCharge,
        amount: Micros::ZERO.saturating_sub(taken),
        at,
        call: Some(call),
        operator: None,
        note: String::new(),
    }
}

fn amount_of(amounts: &[(AccountId, Micros)], account: AccountId) -> Micros {
    amounts
        .iter()
        .find(|(other, _)| *other == account)
        .map_or(Micros::ZERO, |(_, amount)| *amount)
}

/// The account's amount in a short list, made 0 where it was missing.
fn slot(amounts: &mut Vec<(AccountId, Micros)>, account: AccountId) -> &mut Micros {
    let index = match amounts.iter().position(|(other, _)| *other == account) {
        Some(index) => index,
        None => {
            amounts.push((account, Micros::ZERO));
            amounts.len() - 1
        }
    };
    &mut amounts[index].1
}
