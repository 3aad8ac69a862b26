//! Rate sheets and the maps that choose another one.

use super::{dial_plan::utc, records};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tandem_billing::{
    AccountId, Currency, TariffId, UtcMs,
    tariff::{BandPolicy, Span, Step, Terms},
};

/// Header of a rate sheet (`features.md` section 4, `rating.md`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tariff {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit of the header and by every replacement of its rates.
    #[serde(default)]
    pub revision: i64,
    /// Unique; a reseller's begins with its login.
    pub name: String,
    /// Fixed at creation.
    pub currency: Currency,
    /// The reseller it belongs to; None for the operator. Fixed at creation.
    #[serde(default)]
    pub owner_id: Option<AccountId>,
    /// IANA name of the wall clock of its bands.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Digits after the point a charge is rounded to; 0 to 6.
    #[serde(default = "six")]
    pub decimals: u8,
    /// How day and time bands apply.
    #[serde(default)]
    pub band_policy: BandPolicy,
    /// Prices derive from this one's.
    #[serde(default)]
    pub base_tariff_id: Option<TariffId>,
    /// Mark-up on the base's price.
    #[serde(default)]
    pub base_percent: Decimal,
    /// Added per minute to the marked-up price.
    #[serde(default)]
    pub base_addition: Decimal,
    /// Local dates on which holiday rows come first.
    #[serde(default)]
    pub holidays: Vec<jiff::civil::Date>,
    /// On the whole charge.
    #[serde(default)]
    pub post_call_surcharge_pct: Decimal,
    /// Least charge of a call.
    #[serde(default)]
    pub min_charge: Option<Decimal>,
    /// Greatest charge of a call.
    #[serde(default)]
    pub max_charge: Option<Decimal>,
    /// What an empty field of a rate takes.
    #[serde(default)]
    pub defaults: Terms,
    /// Free text.
    #[serde(default)]
    pub notes: String,
}
fn six() -> u8 {
    6
}

/// A line of a rate sheet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// The sheet it belongs to.
    pub tariff_id: TariffId,
    /// Any characters.
    pub prefix: String,
    /// Reports group by it.
    #[serde(default)]
    pub description: String,
    /// Per minute, in the tariff's currency.
    pub price: Decimal,
    /// None takes the tariff's.
    #[serde(flatten)]
    pub terms: Terms,
    /// Days and hours in which it holds.
    #[serde(flatten)]
    pub span: Span,
    /// Prices that change with the duration.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Not in force before.
    #[serde(default)]
    pub effective_from: Option<UtcMs>,
    /// Not in force from then on.
    #[serde(default)]
    pub effective_to: Option<UtcMs>,
    /// Calls are refused.
    #[serde(default)]
    pub blocked: bool,
    /// Allowed with an empty balance if its price is 0.
    #[serde(default)]
    pub free_to_call: bool,
}

/// A dialled prefix that is rated by another tariff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnisTariff {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Whose calls.
    pub account_id: AccountId,
    /// Of the dialled number.
    pub prefix: String,
    /// Must have the account's currency.
    pub tariff_id: TariffId,
}

/// A caller prefix that is rated by another tariff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AniTariff {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Whose calls.
    pub account_id: AccountId,
    /// Of the caller's number.
    pub prefix: String,
    /// Must have the account's currency.
    pub tariff_id: TariffId,
}

records!(Tariff, Rate, DnisTariff, AniTariff);
