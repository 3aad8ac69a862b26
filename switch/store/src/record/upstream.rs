//! Registrations held elsewhere.

use super::records;
use serde::{Deserialize, Serialize};
use tandem_billing::{AccountId, GatewayId};

/// Where we register as a phone does (`features.md` section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Unique.
    pub name: String,
    /// Disabled ones are taken back.
    #[serde(default)]
    pub disabled: bool,
    /// Whose hosts are the registrar, and on whose terms calls go there.
    pub gateway_id: GatewayId,
    /// Domain we register at; None takes the name of the gateway's first host.
    #[serde(default)]
    pub registrar: Option<String>,
    /// The user we register.
    pub username: String,
    /// Digest user, if it is another.
    #[serde(default)]
    pub auth_username: Option<String>,
    /// Goes in, never comes out; None keeps the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_password: Option<String>,
    /// Only challenges of this realm are answered; any if None.
    #[serde(default)]
    pub realm: Option<String>,
    /// Seconds asked for, 60 to 86400.
    #[serde(default = "hour")]
    pub expires_s: u32,
    /// Seconds between packets that keep the way back open, 10 to 600; 0 sends none.
    #[serde(default = "half_minute")]
    pub keep_alive_s: u32,
    /// User part of our Contact, by which calls in are recognised. Goes in, never comes out; None keeps the old one, and
    /// for a new registration makes up one that nobody can guess.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_user: Option<String>,
    /// Whose calls those are that come in by it; None takes none.
    #[serde(default)]
    pub inbound_account_id: Option<AccountId>,
    /// What they count as having dialled; None takes the number of their To.
    #[serde(default)]
    pub inbound_number: Option<String>,
    /// Where they may go.
    #[serde(default)]
    pub inbound_reach: InboundReach,
    /// Free text.
    #[serde(default)]
    pub notes: String,
}
fn hour() -> u32 {
    3600
}
fn half_minute() -> u32 {
    30
}

/// Where calls in by an upstream registration, or from a gateway, may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

records!(Upstream);
