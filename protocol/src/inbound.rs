//! Calls in: whose they are and where they may go.

use crate::id::AccountId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Calls that come in by an upstream registration or from a gateway, and are for no DID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Inbound {
    /// Whose calls they are: its routing group leads them on, its tariff prices them. None takes none.
    pub account: Option<AccountId>,
    /// What they count as having dialled; the number they were sent to (by an upstream registration
    /// as their To says it) if none.
    pub number: Option<String>,
    /// Where they may go.
    pub reach: InboundReach,
}

/// Where calls in may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InboundReach {
    /// To the number that is set, if it is a registered phone of the account.
    #[default]
    Number,
    /// To the number that is set, else to the one called, if it is a registered phone of the account.
    Phones,
    /// The same, but wherever the account may call, at its expense.
    Anywhere,
}
