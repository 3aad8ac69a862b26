//! DIDs: numbers at which others call in, each with the account that has it and where its calls go.

use crate::{
    id::{AccountId, DidId, GatewayId, TariffId, UpstreamId},
    value::Revision,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Did {
    /// Id.
    pub id: DidId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Login of the account that has it.
    #[serde(default)]
    pub account_login: Option<String>,
    /// Name of the tariff of calls to its phones.
    #[serde(default)]
    pub tariff_name: Option<String>,
    /// Name of the gateway its calls come from; not for resellers.
    #[serde(default)]
    pub source_gateway_name: Option<String>,
    /// Name of the upstream registration its calls come by; not for resellers.
    #[serde(default)]
    pub source_upstream_name: Option<String>,
    /// What can be edited.
    pub edit: DidEdit,
}

/// The editable part of a DID. A reseller can change the account, within its branch, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DidEdit {
    /// Digits of E.164 without `+`, 2 to 15; unique. A gateway's calls name it after its `DP:` number rules.
    pub number: String,
    /// Calls to one that is not are refused.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Where its calls may come from.
    #[serde(default)]
    pub source: DidSource,
    /// Who has it and pays for what its calls cost; none while it is in stock.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// Where its calls go.
    #[serde(default)]
    pub target: DidTarget,
    /// What calls to the account's phones cost it; what the account pays for the number if none.
    #[serde(default)]
    pub tariff: Option<TariffId>,
    /// Calls up at once by it; 0 means no limit of its own, which a number that is sent on must have.
    #[serde(default)]
    pub max_calls: u32,
    /// Free text, at most 500 characters.
    #[serde(default)]
    pub note: String,
}
impl Default for DidEdit {
    fn default() -> Self {
        Self {
            number: String::new(),
            enabled: true,
            source: DidSource::default(),
            account: None,
            target: DidTarget::Phones,
            tariff: None,
            max_calls: 0,
            note: String::new(),
        }
    }
}
fn yes() -> bool {
    true
}

/// Where calls to a number come from: one of these, or any gateway or upstream registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DidSource {
    /// Its hosts only.
    pub gateway: Option<GatewayId>,
    /// By this registration only.
    pub upstream: Option<UpstreamId>,
}

/// Where calls to a number go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum DidTarget {
    /// All registered phones of the account.
    #[default]
    Phones,
    /// Another number, as the account would dial it: routed and priced as its own call.
    Forward {
        /// Which.
        number: String,
    },
    /// Refused.
    Refuse {
        /// SIP status, 400 to 699.
        status: u16,
        /// Reason phrase.
        reason: String,
    },
}

/// Numbers to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DidRangeParams {
    /// The first number, and what holds for all of them.
    pub edit: DidEdit,
    /// The last number, of as many digits; at most 10,000 numbers.
    pub last: String,
}

/// What was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DidRangeResult {
    /// How many numbers.
    pub count: u64,
}
