//! Upstream registrations: where we register as a phone does, to send and take calls through somebody's account.

use crate::{
    id::{GatewayId, UpstreamId},
    inbound::Inbound,
    value::Revision,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A registration held elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Upstream {
    /// Id.
    pub id: UpstreamId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Name of its gateway.
    #[serde(default)]
    pub gateway_name: Option<String>,
    /// Login of the account whose calls in are.
    #[serde(default)]
    pub inbound_account_login: Option<String>,
    /// What can be edited; the password and the Contact's user are never told.
    pub edit: UpstreamEdit,
}

/// The editable part of an upstream registration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamEdit {
    /// Unique name. 1 to 100 characters.
    pub name: String,
    /// Disabled ones are taken back.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whose hosts are the registrar, in the order of calls; its terms (rules, codecs, cost, limits) hold for calls
    /// through it.
    pub gateway: GatewayId,
    /// Domain we register at, in From, too; the name of the gateway's first host if none.
    #[serde(default)]
    pub registrar: Option<String>,
    /// The user we register.
    pub username: String,
    /// What answers its challenges.
    #[serde(default)]
    pub auth: UpstreamAuth,
    /// Seconds asked for, 60 to 86400; the registrar may shorten or lengthen it.
    #[serde(default = "hour")]
    pub expires_s: u32,
    /// Seconds between packets that keep the way back through a NAT open, 10 to 600; 0 sends none.
    #[serde(default = "half_minute")]
    pub keep_alive_s: u32,
    /// User part of our Contact, by which calls in are recognised, from a host of the gateway only. Left out, a new
    /// registration has one that nobody can guess, and an update keeps it. Never sent back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_user: Option<String>,
    /// Calls in.
    #[serde(default)]
    pub inbound: Inbound,
    /// Free text.
    #[serde(default)]
    pub notes: String,
}
impl Default for UpstreamEdit {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            gateway: GatewayId::default(),
            registrar: None,
            username: String::new(),
            auth: UpstreamAuth::default(),
            expires_s: hour(),
            keep_alive_s: half_minute(),
            contact_user: None,
            inbound: Inbound::default(),
            notes: String::new(),
        }
    }
}
fn yes() -> bool {
    true
}
fn hour() -> u32 {
    3600
}
fn half_minute() -> u32 {
    30
}

/// What answers a registrar's challenges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpstreamAuth {
    /// Digest user, if it is not the one we register.
    pub username: Option<String>,
    /// Needed at first; kept when left out of an update. Never sent back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Only challenges of this realm are answered; any if none.
    pub realm: Option<String>,
}
