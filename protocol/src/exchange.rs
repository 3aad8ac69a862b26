//! What currencies were worth, by date. Booked amounts are never converted; routes are compared and profit is
//! reported with these, and a CDR keeps those of its answer.

use crate::{
    id::ExchangeRatioId,
    value::{Price, Revision, UtcMs},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The ratio of a currency to the base currency (the setting `base_currency`) from an instant on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExchangeRatio {
    /// Id.
    pub id: ExchangeRatioId,
    /// Give it back with an update.
    pub revision: Revision,
    /// What can be edited.
    pub edit: ExchangeRatioEdit,
}

/// The editable part of an exchange ratio.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExchangeRatioEdit {
    /// ISO 4217 code.
    pub currency: String,
    /// What one unit is worth in units of the base currency, above 0.
    pub ratio: Price,
    /// In force from then on, until the next one of the currency; none is now.
    #[serde(default)]
    pub valid_from: Option<UtcMs>,
}
