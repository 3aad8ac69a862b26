//! Rate sheets as written: plain data, serialisable, unchecked.

use crate::{Currency, RateId, TariffId, UtcMs};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A rate sheet as written: plain data, serialisable, unchecked. [`Tariff::build`](super::Tariff::build) checks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TariffSpec {
    /// Row id.
    pub id: TariffId,
    /// What the operator calls it.
    pub name: String,
    /// Of all its prices, and of the accounts that use it.
    pub currency: Currency,
    /// IANA name, e.g. `Europe/Berlin`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// 0 to 6.
    #[serde(default = "six")]
    pub decimals: u8,
    /// What a change of band during a call does.
    #[serde(default)]
    pub band_policy: BandPolicy,
    /// Prices derive from another tariff's (rating.md section 2, last paragraphs).
    #[serde(default)]
    pub base: Option<Markup>,
    /// Local dates (YYYY-MM-DD) on which only rows with `Day::Holiday` apply before weekday rows.
    #[serde(default)]
    pub holidays: Vec<jiff::civil::Date>,
    /// As the field of [`Terms`]; counts where neither rate nor `defaults` say otherwise. 0 counts as unset.
    #[serde(default)]
    pub post_call_surcharge_pct: Decimal,
    /// As the field of [`Terms`].
    #[serde(default)]
    pub min_charge: Option<Decimal>,
    /// As the field of [`Terms`].
    #[serde(default)]
    pub max_charge: Option<Decimal>,
    /// What an empty field of a rate takes.
    #[serde(default)]
    pub defaults: Terms,
    /// Its lines, in any order.
    #[serde(default)]
    pub rates: Vec<Rate>,
}
fn utc() -> String {
    "UTC".into()
}
fn six() -> u8 {
    6
}

/// `rating.md` 2.7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BandPolicy {
    /// A block has the price and increment of the band in which it starts.
    #[default]
    Split,
    /// The whole call has the band of the answer.
    AtAnswer,
}

/// Derived prices: base price * (1 + percent/100) + addition per minute; other terms are the base's unless set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Markup {
    /// The tariff above.
    pub tariff: TariffId,
    /// -100 to 1000, at most 4 decimals.
    #[serde(default)]
    pub percent: Decimal,
    /// Per minute, after the percentage; may be negative.
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
    /// Of every price per minute, at least 0, at most 6 decimals [1].
    pub multiplier: Option<Decimal>,
    /// To every price per minute, after the multiplier; may be negative [0].
    pub addition: Option<Decimal>,
    /// Once per charged call [0].
    pub connect_fee: Option<Decimal>,
    /// Answered seconds from which the surcharge falls due [0: every charged call].
    pub surcharge_time: Option<u32>,
    /// Once [0].
    pub surcharge_amount: Option<Decimal>,
    /// On all of the above, -100 to 1000, at most 4 decimals [0].
    pub post_call_surcharge_pct: Option<Decimal>,
    /// Of a charged call [none].
    pub min_charge: Option<Decimal>,
    /// Of a charged call [none].
    pub max_charge: Option<Decimal>,
}

/// One line: a prefix, a price per minute, and when it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Row id.
    pub id: RateId,
    /// Of the rating number; any characters, at most 64 bytes; the empty one fits every number.
    pub prefix: String,
    /// Reports group by it.
    #[serde(default)]
    pub description: String,
    /// Per minute, in the tariff's currency.
    pub price: Decimal,
    /// What this line does not take from the tariff.
    #[serde(flatten)]
    pub terms: Terms,
    /// Days and hours.
    #[serde(default)]
    pub span: Span,
    /// Rising by `from_second`, at most 64.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// First instant of the answer that it rates.
    #[serde(default)]
    pub effective_from: Option<UtcMs>,
    /// First instant that it no longer rates.
    #[serde(default)]
    pub effective_to: Option<UtcMs>,
    /// Calls are refused.
    #[serde(default)]
    pub blocked: bool,
    /// Allowed with an empty balance if all of it costs 0.
    #[serde(default)]
    pub free_to_call: bool,
}

/// Days and hours in the tariff's wall clock; hours may cross midnight; the default covers all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Span {
    /// 0 Monday to 6 Sunday; may wrap (5 to 0).
    pub from_day: u8,
    /// As `from_day`, inclusive.
    pub to_day: u8,
    /// Minutes after midnight, 0 to 1440; `to` exclusive.
    pub from_minute: u16,
    /// As `from_minute`. Below it: until that minute of the next day.
    pub to_minute: u16,
    /// Only on dates that are holidays of the tariff; there it comes before rows without it.
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
    /// 0 is the first second.
    pub from_second: u32,
    /// What it costs.
    pub charge: StepCharge,
}
/// The price of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StepCharge {
    /// Multiplier and addition of the rate apply to it as to the rate's own price.
    PerMinute {
        /// Per minute.
        price: Decimal,
        /// Seconds of each block that starts in this step.
        increment: u32,
    },
    /// Once, when the first block that starts in this step begins; its seconds cost nothing more.
    Flat {
        /// Neither multiplier nor addition apply.
        amount: Decimal,
    },
}
