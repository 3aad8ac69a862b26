//! Tariffs and their rates, checked when built, looked up by prefix, day and time (`rating.md` section 1).
//!
//! [`spec`] is what an operator wrote, [`Tariff`] the same checked and packed (about 70 bytes a rate), and
//! [`TariffBook`] all tariffs of an operator, which resolves markups and finds the rows of a call.

mod book;
mod build;
pub(crate) mod span;
pub mod spec;

pub use book::TariffBook;
pub use spec::{BandPolicy, Markup, Rate, Span, Step, StepCharge, TariffSpec, Terms};

use crate::{
    Currency, Micros, RateId, TariffId,
    fixed::Fixed,
    prefix::PrefixMap,
    quote::line::{CallTerms, PricedStep},
};
use span::Calendar;
use std::sync::Arc;

/// An amount of a tariff's currency.
pub type Amount = Micros;

/// A checked tariff, ready for look-ups.
#[derive(Clone, Debug)]
pub struct Tariff {
    spec: Arc<TariffSpec>,
    calendar: Arc<Calendar>,
    /// Prefix to its rows: first index and count.
    prefixes: PrefixMap<(u32, u32)>,
    /// By prefix, then in the order in which they are tried.
    rows: Vec<Row>,
    descriptions: Vec<Box<str>>,
    spans: Vec<Span>,
    /// As written and inherited, and the same resolved.
    terms: Vec<(Terms, CallTerms)>,
    steps: Vec<Vec<PricedStep>>,
}

/// A rate, packed. The indices point into the tables of its tariff.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// After multiplier and addition.
    price: Fixed,
    id: RateId,
    effective_from: i64,
    effective_to: i64,
    description: u32,
    terms: u32,
    steps: u32,
    span: u32,
    blocked: bool,
    free_to_call: bool,
}

/// A fault of a rate sheet.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("tariff {tariff}: {field}: {reason}")]
pub struct TariffError {
    /// Its name.
    pub tariff: String,
    /// Such as `rates[3] (prefix 44) increment`; the index counts from 0.
    pub field: String,
    /// What is wrong and what is meant.
    pub reason: String,
}

impl Tariff {
    /// The header. Its `rates` are empty: the lines live packed in here, see [`rate_ids`](Self::rate_ids).
    pub fn spec(&self) -> &TariffSpec {
        &self.spec
    }

    /// Row id.
    pub fn id(&self) -> TariffId {
        self.spec.id
    }

    /// Of its prices.
    pub fn currency(&self) -> Currency {
        self.spec.currency
    }

    /// How many rates it has of its own.
    pub fn rate_count(&self) -> usize {
        self.rows.len()
    }

    /// Its rates, ordered by prefix.
    pub fn rate_ids(&self) -> impl Iterator<Item = RateId> {
        self.rows.iter().map(|row| row.id)
    }
}
