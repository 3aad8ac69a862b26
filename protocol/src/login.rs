//! People who operate: their log-ins, sessions and the audit log of what they changed.

use crate::{
    id::{AccountId, AuditId, LoginId},
    role::{Grant, Role},
    value::{Revision, UtcMs},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A person who operates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Login {
    /// Id.
    pub id: LoginId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Failed log-ins in a row.
    #[serde(default)]
    pub failures: u32,
    /// Locked out until.
    #[serde(default)]
    pub locked_until: Option<UtcMs>,
    /// Last log-in.
    #[serde(default)]
    pub last_login_at: Option<UtcMs>,
    /// What can be edited; the password is never told.
    pub edit: LoginEdit,
}

/// The editable part of a login.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginEdit {
    /// Unique name. 1 to 64 characters.
    pub name: String,
    /// Needed at creation (8 to 128 characters), kept when left out. Never sent back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Role.
    pub role: Role,
    /// Narrows an operator or viewer to these rights: an empty list leaves none, null all that the role has.
    #[serde(default)]
    pub grants: Option<Vec<Grant>>,
    /// The reseller whose branch it sees; needed for the role `reseller`, refused for others.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// Whether it may log in.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// E-mail.
    #[serde(default)]
    pub email: String,
}
fn yes() -> bool {
    true
}

/// Logs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginParams {
    /// Name.
    pub login: String,
    /// Password.
    pub password: String,
}

/// Who this connection acts as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Login.
    pub login: LoginId,
    /// Its name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// What it may do, area by area.
    pub rights: Vec<Grant>,
    /// The reseller whose branch it sees.
    pub account: Option<AccountId>,
    /// Seconds without a call after which it must log in again.
    pub idle_limit_s: u32,
    /// Version of the switch.
    pub version: String,
}

/// A new password for oneself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePasswordParams {
    /// The one in force.
    pub old: String,
    /// 8 to 128 characters.
    pub new: String,
}

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// Id.
    pub id: AuditId,
    /// When.
    pub at: UtcMs,
    /// Who; none for the switch itself.
    pub login: Option<LoginId>,
    /// Its name then.
    pub login_name: String,
    /// From where, `address:port`.
    pub source: String,
    /// What was done: `create`, `update`, `delete`, `replace_rates`, `login` and others.
    pub action: String,
    /// Kind of object, for example `account`.
    pub object: String,
    /// Which.
    pub object_id: Option<i64>,
    /// The account it belongs to, if one.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// Before, secrets left out.
    pub old: Value,
    /// After, secrets left out.
    pub new: Value,
}
