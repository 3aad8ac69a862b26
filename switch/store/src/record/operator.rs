//! People who operate, and what they set for the whole switch.

use super::records;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tandem_billing::{AccountId, Currency, UtcMs};
use tandem_call::directory::guard::{RuleOrigin, SourceVerdict};

/// A person who operates. Its password is stored as an argon2 hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Unique; what is typed to log in.
    pub name: String,
    /// What it may see and do.
    pub role: Role,
    /// For resellers: the account whose branch it sees.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// For operators: rights by area; an area left out is hidden.
    #[serde(default)]
    pub rights: Rights,
    /// Cannot log in.
    #[serde(default)]
    pub disabled: bool,
    /// Mail address.
    #[serde(default)]
    pub email: String,
    /// Goes in, never comes out; at least 8 characters. Needed at creation; None keeps the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Area (e.g. `accounts`, `tariffs`, `cdrs`) -> right.
pub type Rights = BTreeMap<String, Right>;

/// What a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees and changes everything.
    Admin,
    /// Has rights by area.
    Operator,
    /// Sees its own branch and nothing beside it.
    Reseller,
}

/// What an operator may do in an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Read only.
    See,
    /// Read and edit.
    Change,
}

/// A value that holds for the whole switch; takes effect at once. Rows exist from the start: they can be
/// changed, not created or deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Row id.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// E.g. `ring_timeout_s`; see `settings`.
    pub key: String,
    /// Of the key's type.
    pub value: serde_json::Value,
}

/// What one unit of a currency was worth from an instant on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRatio {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Of which.
    pub currency: Currency,
    /// In units of the base currency, above 0.
    pub ratio: Decimal,
    /// In force from then on.
    pub valid_from: UtcMs,
}

/// Whether messages of some addresses are read: an operator's word, or a block that the guard made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRule {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// An address or a range (CIDR).
    pub network: String,
    /// What becomes of what comes from there.
    pub verdict: SourceVerdict,
    /// Who made it; whatever an operator changes is an operator's from then on.
    #[serde(default = "by_hand")]
    pub origin: RuleOrigin,
    /// When it was made.
    #[serde(default)]
    pub made_at: UtcMs,
    /// When it no longer holds; never if None.
    #[serde(default)]
    pub expires_at: Option<UtcMs>,
    /// Blocks of the source so far, if the guard made it.
    #[serde(default)]
    pub repeats: u32,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
}

fn by_hand() -> RuleOrigin {
    RuleOrigin::Operator
}

records!(Login, Setting, ExchangeRatio, SourceRule);
