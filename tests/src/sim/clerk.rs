//! The operator's desk: configurations in force, payments asked for until they are confirmed, and what each call
//! was decided by.

use super::operator::Operator;
use std::collections::BTreeMap;
use tandem_billing::{
    AccountId, CallId, Micros, UtcMs,
    ledger::{EntryKind, Movement},
};
use tandem_call::io::{Command, Reply, Token};

/// A payment, or one paid back.
#[derive(Clone, Debug)]
pub struct Payment {
    /// Its idempotency key.
    pub key: String,
    /// Whose.
    pub account: i64,
    /// Signed.
    pub micros: i64,
    /// Asked for when.
    pub at: UtcMs,
    /// The switch said that it is booked and durable.
    pub confirmed: bool,
}

/// The desk.
#[derive(Debug)]
pub struct Clerk {
    /// In force.
    pub operator: Operator,
    /// Every configuration of the day, by number.
    pub versions: Vec<Operator>,
    /// Every payment of the day.
    pub payments: Vec<Payment>,
    /// Number of the configuration each call was decided by; by id and the caller's Call-ID, since the id of a call
    /// that no disk remembers is used again.
    pub decided: BTreeMap<(CallId, String), usize>,
    /// A drain was asked for and confirmed.
    pub drained: Option<bool>,
    asked: BTreeMap<Token, usize>,
    drain: Option<Token>,
    next: u64,
}

impl Clerk {
    /// In the morning.
    #[must_use]
    pub fn new(operator: Operator) -> Self {
        Self {
            versions: vec![operator.clone()],
            operator,
            payments: Vec::new(),
            decided: BTreeMap::new(),
            drained: None,
            asked: BTreeMap::new(),
            drain: None,
            next: 0,
        }
    }

    /// The number of the configuration in force.
    #[must_use]
    pub fn version(&self) -> usize {
        self.versions.len() - 1
    }

    /// A name for the next command.
    pub fn token(&mut self) -> Token {
        self.next += 1;
        Token(self.next)
    }

    /// Writes a payment down; its command follows by [`Self::ask`].
    pub fn note_payment(&mut self, account: i64, micros: i64, at: UtcMs) -> usize {
        let key = format!("payment:{}", self.payments.len());
        self.payments.push(Payment {
            key,
            account,
            micros,
            at,
            confirmed: false,
        });
        self.payments.len() - 1
    }

    /// The command for a payment; the same key however often it is asked.
    ///
    /// # Panics
    /// If there is no such payment.
    pub fn ask(&mut self, index: usize) -> (Token, Command) {
        let token = self.token();
        self.asked.insert(token, index);
        let payment = &self.payments[index];
        let movement = Movement {
            key: payment.key.clone(),
            account: AccountId(payment.account),
            kind: if payment.micros > 0 {
                EntryKind::Payment
            } else {
                EntryKind::Return
            },
            amount: Micros(payment.micros),
            at: payment.at,
            call: None,
            operator: None,
            note: String::new(),
        };
        (token, Command::Post(movement))
    }

    /// The command for a drain.
    pub fn ask_drain(&mut self) -> (Token, Command) {
        let token = self.token();
        self.drain = Some(token);
        self.drained = Some(false);
        (token, Command::Drain { within_s: 20 })
    }

    /// The switch answers; true if this confirms a payment.
    ///
    /// # Panics
    /// If a payment is refused, or booked again.
    pub fn hear(&mut self, token: Token, reply: &Reply) -> Option<&Payment> {
        if Some(token) == self.drain && matches!(reply, Reply::Drained) {
            self.drained = Some(true);
        }
        let index = self.asked.remove(&token)?;
        let payment = self.payments.get_mut(index)?;
        match (reply, payment.confirmed) {
            (Reply::Posted(Ok(_)), false) | (Reply::Repeated, _) => {}
            (other, before) => panic!(
                "{} (confirmed before: {before}) was answered with {other:?}",
                payment.key
            ),
        }
        payment.confirmed = true;
        Some(payment)
    }

    /// The process died: every payment is asked for again, the confirmed ones to be sure.
    pub fn forgotten(&mut self) -> std::ops::Range<usize> {
        self.asked.clear();
        0..self.payments.len()
    }
}
