//! What is booked: kinds of movements, and which sign each may have (`rating.md` section 4).

use super::LedgerError;
use crate::{AccountId, CallId, LoginId, Micros, UtcMs};
use serde::{Deserialize, Serialize};

/// Why a balance moved. Every kind moves the balance, so that it always is the sum of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Money received; prints on invoices.
    Payment,
    /// Money lent or given without a payment; does not print on invoices. Not the credit *limit*.
    Credit,
    /// A payment paid back; prints on invoices.
    Return,
    /// A credit taken back.
    ReturnCredit,
    /// A correction by an operator, either way.
    Adjustment,
    /// Of a call, to every level.
    Refund,
    /// Of a call.
    CallCharge,
    /// The difference of a call rated again, either way.
    Rerate,
    /// Recurring or single; positive where a change of plan credits the unused part.
    Fee,
    /// A voucher paid in.
    Voucher,
}

impl EntryKind {
    /// Whether an entry of this kind may have this amount: `Payment`, `Credit`, `Refund`, `Voucher` above 0;
    /// `Return`, `ReturnCredit`, `CallCharge` below; the others anything but 0.
    pub fn allows(self, amount: Micros) -> bool {
        match self {
            Self::Payment | Self::Credit | Self::Refund | Self::Voucher => amount > Micros::ZERO,
            Self::Return | Self::ReturnCredit | Self::CallCharge => amount < Micros::ZERO,
            Self::Adjustment | Self::Rerate | Self::Fee => amount != Micros::ZERO,
        }
    }
}

/// An append-only ledger line. `amount` is signed from the account's view: a charge is negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Unique over all entries: the same key again books nothing.
    pub key: String,
    /// Whose balance moved.
    pub account: AccountId,
    /// Why.
    pub kind: EntryKind,
    /// By how much.
    pub amount: Micros,
    /// The balance with this entry.
    pub balance_after: Micros,
    /// When, as the movement said.
    pub at: UtcMs,
    /// The call it belongs to.
    pub call: Option<CallId>,
    /// Who did it; None for the switch itself.
    pub operator: Option<LoginId>,
    /// Free text of the operator.
    pub note: String,
}

/// A movement to book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Chosen by who asks: the same key again books nothing.
    pub key: String,
    /// Whose balance is to move.
    pub account: AccountId,
    /// Why.
    pub kind: EntryKind,
    /// By how much, signed from the account's view.
    pub amount: Micros,
    /// The date it counts for; a missed fee has its own, not today's.
    pub at: UtcMs,
    /// The call it belongs to.
    pub call: Option<CallId>,
    /// Who does it; None for the switch itself.
    pub operator: Option<LoginId>,
    /// Free text of the operator.
    pub note: String,
}

/// What became of a movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is on the balance.
    Booked(Entry),
    /// The key was used before: nothing booked.
    Repeated,
}

impl Posted {
    /// The entry, if one was booked.
    pub fn into_entry(self) -> Option<Entry> {
        match self {
            Self::Booked(entry) => Some(entry),
            Self::Repeated => None,
        }
    }
}

impl Movement {
    pub(super) fn check(&self) -> Result<(), LedgerError> {
        if self.kind.allows(self.amount) {
            return Ok(());
        }
        Err(LedgerError::BadAmount {
            kind: self.kind,
            amount: self.amount,
        })
    }

    pub(super) fn into_entry(self, balance_after: Micros) -> Entry {
        Entry {
            key: self.key,
            account: self.account,
            kind: self.kind,
            amount: self.amount,
            balance_after,
            at: self.at,
            call: self.call,
            operator: self.operator,
            note: self.note,
        }
    }
}
