//! What an operator must hear of, whoever was watching when it happened.

use crate::{
    id::{AccountId, AlertId, CallId},
    value::UtcMs,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Id; none in the live feed, which may tell it before the store has numbered it.
    #[serde(default)]
    pub id: Option<AlertId>,
    /// When.
    pub at: UtcMs,
    /// What.
    pub kind: AlertKind,
    /// Whose.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// Its login.
    #[serde(default)]
    pub account_login: Option<String>,
    /// Of which call.
    #[serde(default)]
    pub call: Option<CallId>,
    /// For people, one sentence.
    pub text: String,
}

/// Kinds of alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A balance fell below its account's threshold; once per fall. Resellers are told of their branch.
    LowBalance,
    /// A call's charge could not be booked: money is missing. Operators only.
    LedgerFault,
    /// No host of a gateway works: its routes are passed over. Operators only.
    GatewayDown,
    /// A gateway works again. Operators only.
    GatewayUp,
    /// The guard blocked a source; of many, one alert tells of several. Operators only.
    SourceBlocked,
    /// An upstream registration does not hold. Operators only.
    UpstreamDown,
    /// An upstream registration holds again. Operators only.
    UpstreamUp,
    /// A sound could not be played; once for each reason. Operators only.
    SoundUnplayed,
}
