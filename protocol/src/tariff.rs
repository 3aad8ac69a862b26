//! Tariffs and their rates. Fields mean what the published formula (`rating.md`) says.

use crate::{
    dialplan::Span,
    id::{AccountId, RateId, TariffId},
    value::{Price, Revision, UtcMs},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rate sheet, without its lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tariff {
    /// Id.
    pub id: TariffId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Number of its rates.
    pub rate_count: u64,
    /// Login of the reseller it belongs to.
    #[serde(default)]
    pub owner_login: Option<String>,
    /// What can be edited.
    pub edit: TariffEdit,
}

/// The editable part of a tariff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TariffEdit {
    /// Unique name. 1 to 64 characters.
    pub name: String,
    /// ISO 4217 code.
    pub currency: String,
    /// IANA name.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Decimals a charge is rounded to, 0 to 6.
    #[serde(default = "six")]
    pub decimals: u8,
    /// Which band a block has.
    #[serde(default)]
    pub band_policy: BandPolicy,
    /// Prices derive from another tariff's.
    #[serde(default)]
    pub base: Option<Markup>,
    /// Local dates, `YYYY-MM-DD`.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// What an empty field of a rate takes.
    #[serde(default)]
    pub defaults: Terms,
    /// Percent on the whole charge.
    #[serde(default = "zero")]
    pub post_call_surcharge_pct: Price,
    /// Least charge of a call.
    #[serde(default)]
    pub min_charge: Option<Price>,
    /// Greatest charge of a call.
    #[serde(default)]
    pub max_charge: Option<Price>,
    /// The reseller it belongs to; none for the operator's own. Fixed once it exists.
    #[serde(default)]
    pub owner: Option<AccountId>,
    /// Free text.
    #[serde(default)]
    pub notes: String,
}
impl Default for TariffEdit {
    fn default() -> Self {
        Self {
            name: String::new(),
            currency: String::new(),
            time_zone: utc(),
            decimals: six(),
            band_policy: BandPolicy::Split,
            base: None,
            holidays: Vec::new(),
            defaults: Terms::default(),
            post_call_surcharge_pct: zero(),
            min_charge: None,
            max_charge: None,
            owner: None,
            notes: String::new(),
        }
    }
}
fn utc() -> String {
    "UTC".into()
}
fn six() -> u8 {
    6
}

/// Which day/time band a block of seconds has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BandPolicy {
    /// The band in which it starts.
    #[default]
    Split,
    /// The band of the answer, for the whole call.
    AtAnswer,
}

/// Derived prices: base price x (1 + percent / 100) + addition per minute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Markup {
    /// Base tariff.
    pub tariff: TariffId,
    /// Percent.
    #[serde(default = "zero")]
    pub percent: Price,
    /// Per minute.
    #[serde(default = "zero")]
    pub addition: Price,
}
fn zero() -> Price {
    "0".into()
}

/// The terms of a rate; one left empty takes the tariff's default, and that the value in brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Factor of the price [1].
    pub multiplier: Option<Price>,
    /// Per minute, after the factor [0].
    pub addition: Option<Price>,
    /// Per answered call [0].
    pub connect_fee: Option<Price>,
    /// Answered seconds from which the surcharge falls due.
    pub surcharge_time: Option<u32>,
    /// Once [0].
    pub surcharge_amount: Option<Price>,
    /// Percent on the whole charge [0].
    pub post_call_surcharge_pct: Option<Price>,
    /// At least.
    pub min_charge: Option<Price>,
    /// At most.
    pub max_charge: Option<Price>,
}

/// One line of a rate sheet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// Id.
    pub id: RateId,
    /// Give it back with an update.
    pub revision: Revision,
    /// What can be edited.
    pub edit: RateEdit,
}

/// The editable part of a rate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateEdit {
    /// Whose line.
    pub tariff: TariffId,
    /// Number prefix; the longest wins.
    pub prefix: String,
    /// Destination; reports group by it.
    #[serde(default)]
    pub description: String,
    /// Per minute, in the tariff's currency.
    pub price: Price,
    /// Terms.
    #[serde(default)]
    pub terms: Terms,
    /// Days and hours in the tariff's wall clock.
    #[serde(default)]
    pub span: Span,
    /// A stepped rate's steps, rising.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// In force from.
    #[serde(default)]
    pub effective_from: Option<UtcMs>,
    /// In force until, exclusive.
    #[serde(default)]
    pub effective_to: Option<UtcMs>,
    /// Calls are refused.
    #[serde(default)]
    pub blocked: bool,
    /// Allowed with an empty balance if the price is 0.
    #[serde(default)]
    pub free_to_call: bool,
}

/// A step of a stepped rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From this billed second on.
    pub from_second: u32,
    /// What it costs.
    pub charge: StepCharge,
}

/// What a step costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepCharge {
    /// By time.
    PerMinute {
        /// Per minute.
        price: Price,
        /// Seconds of a block.
        increment: u32,
    },
    /// At once.
    Flat {
        /// Amount.
        amount: Price,
    },
}
