//! Tariffs and their rates, checked when built, looked up by prefix, day and time (`rating.md` section 1).

use crate::{
    Currency, Micros, RateId, TariffId, UtcMs,
    quote::{Quote, QuoteError},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A rate sheet as written: plain data, serialisable, unchecked. [`Tariff::build`] checks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TariffSpec {
    pub id: TariffId,
    pub name: String,
    pub currency: Currency,
    /// IANA name, e.g. `Europe/Berlin`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// 0 to 6.
    #[serde(default = "six")]
    pub decimals: u8,
    #[serde(default)]
    pub band_policy: BandPolicy,
    /// Prices derive from another tariff's (rating.md section 2, last paragraphs).
    #[serde(default)]
    pub base: Option<Markup>,
    /// Local dates (YYYY-MM-DD) on which only rows with `Day::Holiday` apply before weekday rows.
    #[serde(default)]
    pub holidays: Vec<jiff::civil::Date>,
    #[serde(default)]
    pub post_call_surcharge_pct: Decimal,
    #[serde(default)]
    pub min_charge: Option<Decimal>,
    #[serde(default)]
    pub max_charge: Option<Decimal>,
    /// What an empty field of a rate takes.
    #[serde(default)]
    pub defaults: Terms,
    #[serde(default)]
    pub rates: Vec<Rate>,
}
fn utc() -> String {
    "UTC".into()
}
fn six() -> u8 {
    6
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BandPolicy {
    #[default]
    Split,
    AtAnswer,
}

/// Derived prices: base price * (1 + percent/100) + addition per minute; other terms are the base's unless set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Markup {
    pub tariff: TariffId,
    #[serde(default)]
    pub percent: Decimal,
    #[serde(default)]
    pub addition: Decimal,
}

/// The terms of a rate; None takes the tariff's default, and that the value in brackets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// Seconds of the first block [1].
    pub initial: Option<u32>,
    /// Seconds of each further block [1].
    pub increment: Option<u32>,
    /// Seconds [0].
    pub grace_period: Option<u32>,
    /// Seconds [0].
    pub free_seconds: Option<u32>,
    pub multiplier: Option<Decimal>,
    pub addition: Option<Decimal>,
    pub connect_fee: Option<Decimal>,
    /// Answered seconds from which the surcharge falls due.
    pub surcharge_time: Option<u32>,
    pub surcharge_amount: Option<Decimal>,
    pub post_call_surcharge_pct: Option<Decimal>,
    pub min_charge: Option<Decimal>,
    pub max_charge: Option<Decimal>,
}

/// One line: a prefix, a price per minute, and when it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub id: RateId,
    pub prefix: String,
    #[serde(default)]
    pub description: String,
    /// Per minute, in the tariff's currency.
    pub price: Decimal,
    #[serde(flatten)]
    pub terms: Terms,
    #[serde(default)]
    pub span: Span,
    #[serde(default)]
    pub steps: Vec<Step>,
    #[serde(default)]
    pub effective_from: Option<UtcMs>,
    #[serde(default)]
    pub effective_to: Option<UtcMs>,
    #[serde(default)]
    pub blocked: bool,
    #[serde(default)]
    pub free_to_call: bool,
}

/// Days and hours in the tariff's wall clock; hours may cross midnight; the default covers all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Span {
    /// 0 Monday to 6 Sunday; may wrap (5 to 0).
    pub from_day: u8,
    pub to_day: u8,
    /// Minutes after midnight, 0 to 1440; `to` exclusive.
    pub from_minute: u16,
    pub to_minute: u16,
    pub holiday: bool,
}
impl Default for Span {
    fn default() -> Self {
        Self {
            from_day: 0,
            to_day: 6,
            from_minute: 0,
            to_minute: 1440,
            holiday: false,
        }
    }
}

/// A step of a stepped rate: from this billed second on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub from_second: u32,
    pub charge: StepCharge,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepCharge {
    PerMinute { price: Decimal, increment: u32 },
    Flat { amount: Decimal },
}

/// A checked tariff, ready for look-ups.
#[derive(Clone, Debug)]
pub struct Tariff {
    spec: Arc<TariffSpec>,
}
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("tariff {tariff}: {field}: {reason}")]
pub struct TariffError {
    pub tariff: String,
    pub field: String,
    pub reason: String,
}
impl Tariff {
    /// All faults at once.
    pub fn build(spec: TariffSpec) -> Result<Self, Vec<TariffError>> {
        todo!()
    }
    pub fn spec(&self) -> &TariffSpec {
        &self.spec
    }
    pub fn currency(&self) -> Currency {
        self.spec.currency
    }
}

/// All tariffs of an operator; resolves markups.
#[derive(Clone, Debug, Default)]
pub struct TariffBook {}
impl TariffBook {
    /// Markup cycles and missing bases are faults.
    pub fn build(tariffs: Vec<Arc<Tariff>>) -> Result<Self, Vec<TariffError>> {
        todo!()
    }
    pub fn get(&self, id: TariffId) -> Option<&Arc<Tariff>> {
        todo!()
    }
    /// The rows that rate a call to `number` answered at `at`: valid for the whole call, whatever changes later.
    pub fn quote(&self, tariff: TariffId, number: &str, at: UtcMs) -> Result<Quote, QuoteError> {
        todo!()
    }
}
pub type Amount = Micros;
