//! The rules of balances: holds and movements, all levels or none (`rating.md` section 3). In memory and pure;
//! whoever owns it persists what it returns.

use crate::{AccountId, CallId, LoginId, Micros, UtcMs};
use serde::{Deserialize, Serialize};

/// One level of a hold or settlement. Amounts are totals since the start of the call, not increments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    pub account: AccountId,
    pub amount: Micros,
    /// 0 means none.
    pub credit_limit: Micros,
}

/// Who could not pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("account {account} needs {needed:?} and can spend {spendable:?}")]
pub struct Shortfall {
    pub level: usize,
    pub account: AccountId,
    pub needed: Micros,
    pub spendable: Micros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    Payment,
    Credit,
    Return,
    ReturnCredit,
    Adjustment,
    Refund,
    CallCharge,
    Rerate,
    Fee,
    Voucher,
}

/// An append-only ledger line. `amount` is signed from the account's view: a charge is negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Unique over all entries: the same key again books nothing.
    pub key: String,
    pub account: AccountId,
    pub kind: EntryKind,
    pub amount: Micros,
    pub balance_after: Micros,
    pub at: UtcMs,
    pub call: Option<CallId>,
    pub operator: Option<LoginId>,
    pub note: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum LedgerError {
    #[error("call {0} already has a hold")]
    AlreadyHeld(CallId),
    #[error("call {0} has no hold")]
    NoHold(CallId),
    #[error("amount is out of range")]
    OutOfRange,
    #[error("{0}")]
    Short(#[from] Shortfall),
    #[error("a {kind:?} cannot be {amount:?}")]
    BadAmount { kind: EntryKind, amount: Micros },
}

/// A movement other than a call charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    pub key: String,
    pub account: AccountId,
    pub kind: EntryKind,
    pub amount: Micros,
    pub at: UtcMs,
    pub call: Option<CallId>,
    pub operator: Option<LoginId>,
    pub note: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    Booked(Entry),
    /** the key was used before: nothing booked */
    Repeated,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {}
impl Ledger {
    /// From the store at start.
    pub fn load(
        balances: impl IntoIterator<Item = (AccountId, Micros)>,
        used_keys: impl IntoIterator<Item = String>,
    ) -> Self {
        todo!()
    }
    pub fn balance(&self, account: AccountId) -> Micros {
        todo!()
    }
    pub fn held(&self, account: AccountId) -> Micros {
        todo!()
    }
    /// balance + credit limit - open holds.
    pub fn spendable(&self, account: AccountId, credit_limit: Micros) -> Micros {
        todo!()
    }
    /// Calls with an open hold on the account.
    pub fn open_holds(&self, account: AccountId) -> usize {
        todo!()
    }
    /// All levels or none. A level of amount 0 is admitted at any balance.
    pub fn reserve(&mut self, call: CallId, levels: &[Level]) -> Result<(), LedgerError> {
        todo!()
    }
    /// Raises the hold to new totals, all levels or none; the old hold stays if refused.
    pub fn extend(&mut self, call: CallId, levels: &[Level]) -> Result<(), LedgerError> {
        todo!()
    }
    /// Ends the hold and books the charges (positive totals, at most the held amount each; more is a bug and
    /// is booked as held, with an error in the log by the caller).
    pub fn settle(
        &mut self,
        call: CallId,
        at: UtcMs,
        charges: &[(AccountId, Micros)],
    ) -> Result<Vec<Entry>, LedgerError> {
        todo!()
    }
    pub fn release(&mut self, call: CallId) -> Result<(), LedgerError> {
        todo!()
    }
    pub fn post(&mut self, movement: Movement) -> Result<Posted, LedgerError> {
        todo!()
    }
}
