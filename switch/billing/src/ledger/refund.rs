//! Refunds: name the CDR, at most what was charged in sum, every level reversed (`rating.md` section 4).

use super::{EntryKind, Ledger, LedgerError, Movement, Posted};
use crate::{AccountId, CallId, LoginId, Micros, UtcMs};

/// A wish to pay a call back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// The request's own id: again, it books nothing.
    pub id: String,
    /// The CDR's call.
    pub call: CallId,
    /// What the client gets back; None is all that is left.
    pub amount: Option<Micros>,
    /// When.
    pub at: UtcMs,
    /// Who does it.
    pub operator: Option<LoginId>,
    /// Why.
    pub note: String,
}

/// One level of the CDR: what it was charged, and what of it was refunded before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundLevel {
    /// Who was charged.
    pub account: AccountId,
    /// Booked charge of the CDR.
    pub charged: Micros,
    /// Sum of the refunds booked for it.
    pub refunded: Micros,
}

/// Why nothing is refunded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    /// Beyond what is left of the charge.
    #[error("call {call} has {left} left to refund, not {asked}")]
    TooMuch {
        /// The CDR's call.
        call: CallId,
        /// Charged less refunded, of the client.
        left: Micros,
        /// What was asked for.
        asked: Micros,
    },
    /// The ledger's own.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl RefundRequest {
    /// The key of the entry of one level.
    pub fn key(&self, level: usize) -> String {
        format!("refund:{}:{level}", self.id)
    }

    /// The movements that refund this, client first. A part is taken from every level in the proportion it has
    /// of the client's charge, rounded half away from zero, at most what that level has left; the refund that
    /// takes the client's last takes every level's last. A call that cost the client nothing can only be
    /// refunded whole.
    ///
    /// # Errors
    /// [`RefundError::TooMuch`] above what is left of the client's charge, and where nothing is left at all.
    pub fn movements(&self, levels: &[RefundLevel]) -> Result<Vec<Movement>, RefundError> {
        let left = |level: &RefundLevel| {
            let left = level.charged.saturating_sub(level.refunded);
            left.max(Micros::ZERO)
        };
        let client_left = levels.first().map(left).unwrap_or_default();
        let client_charge = levels.first().map(|l| l.charged).unwrap_or_default();
        let asked = self.amount.unwrap_or(client_left);
        let any_left = levels.iter().any(|level| left(level) > Micros::ZERO);
        if asked > client_left
            || !any_left
            || (asked <= Micros::ZERO && (self.amount.is_some() || client_charge > Micros::ZERO))
        {
            return Err(RefundError::TooMuch {
                call: self.call,
                left: client_left,
                asked,
            });
        }
        let back = |level: &RefundLevel| {
            if asked == client_left {
                return left(level);
            }
            share(level.charged, asked, client_charge).min(left(level))
        };
        let movements = levels.iter().enumerate().map(|(index, level)| Movement {
            key: self.key(index),
            account: level.account,
            kind: EntryKind::Refund,
            amount: back(level),
            at: self.at,
            call: Some(self.call),
            operator: self.operator,
            note: self.note.clone(),
        });
        Ok(movements.filter(|m| m.amount > Micros::ZERO).collect())
    }
}

/// `charged * part / whole`, rounded half away from zero; all amounts at least 0, `whole` above.
fn share(charged: Micros, part: Micros, whole: Micros) -> Micros {
    let (charged, part, whole) = (
        i128::from(charged.0),
        i128::from(part.0),
        i128::from(whole.0.max(1)),
    );
    let rounded = (2 * charged * part + whole) / (2 * whole);
    i64::try_from(rounded).map_or(Micros::MAX, Micros)
}

impl Ledger {
    /// Books a refund at every level, or nothing. `was_used` tells whether the store has an entry of this key;
    /// an empty answer means the request was carried out before, and its entries are the store's to show.
    ///
    /// # Errors
    /// As [`RefundRequest::movements`].
    pub fn refund(
        &mut self,
        request: &RefundRequest,
        levels: &[RefundLevel],
        was_used: impl Fn(&str) -> bool,
    ) -> Result<Vec<super::Entry>, RefundError> {
        let used = |key: String| self.knows_key(&key) || was_used(&key);
        if (0..levels.len()).any(|level| used(request.key(level))) {
            return Ok(Vec::new());
        }
        let posted = self.post_all(request.movements(levels)?)?;
        Ok(posted.into_iter().filter_map(Posted::into_entry).collect())
    }
}
