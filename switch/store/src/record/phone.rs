//! How calls of an account are recognised: devices by digest, source addresses by where they come from.

use super::{Transport, records};
use serde::{Deserialize, Serialize};
use tandem_billing::AccountId;

/// One SIP log-in of an account. Only hashes of its password are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Whose.
    pub account_id: AccountId,
    /// Unique; what the phone registers as.
    pub username: String,
    /// Number others reach it by besides its username; unique.
    #[serde(default)]
    pub extension: Option<String>,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// Disabled devices cannot register or call.
    #[serde(default)]
    pub disabled: bool,
    /// Goes in, never comes out. Needed at creation and when `username` changes; None keeps the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// An address or network whose calls are an account's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceAddress {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Whose.
    pub account_id: AccountId,
    /// `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`; host bits must be 0.
    pub network: String,
    /// Only from this port.
    #[serde(default)]
    pub port: Option<u16>,
    /// Only over this transport.
    #[serde(default)]
    pub transport: Option<Transport>,
    /// The dialled number must begin with it; it is stripped.
    #[serde(default)]
    pub tech_prefix: String,
}

records!(Device, SourceAddress);
