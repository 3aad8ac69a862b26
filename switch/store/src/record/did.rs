//! Numbers at which others call in.

use super::records;
use serde::{Deserialize, Serialize};
use tandem_billing::{AccountId, GatewayId, TariffId, UpstreamId};

/// One number (`features.md` section 7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Did {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Digits of E.164 without `+`; unique.
    pub number: String,
    /// Calls to it are refused.
    #[serde(default)]
    pub disabled: bool,
    /// Its calls come from this gateway's hosts only.
    #[serde(default)]
    pub source_gateway_id: Option<GatewayId>,
    /// Or by this upstream registration only.
    #[serde(default)]
    pub source_upstream_id: Option<UpstreamId>,
    /// Who has it and pays for what calls to it cost; None while it is in stock.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Where its calls go.
    #[serde(default)]
    pub target: DidTarget,
    /// The number for [`DidTarget::Forward`], as the account would dial it.
    #[serde(default)]
    pub forward_to: Option<String>,
    /// For [`DidTarget::Refuse`], 400 to 699.
    #[serde(default)]
    pub refuse_status: Option<u16>,
    /// Reason phrase with it.
    #[serde(default)]
    pub refuse_reason: String,
    /// What calls to the account's phones cost it; what it pays for the number if None.
    #[serde(default)]
    pub tariff_id: Option<TariffId>,
    /// Calls up at once by it; 0 means no limit of its own, which what is sent on must have.
    #[serde(default)]
    pub max_calls: u32,
    /// Free text.
    #[serde(default)]
    pub note: String,
}

/// Where calls to a number go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DidTarget {
    /// To all phones of the account.
    #[default]
    Phones,
    /// To another number, at the account's expense.
    Forward,
    /// Nowhere.
    Refuse,
}

records!(Did);
