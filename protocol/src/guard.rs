//! Who is heard at all: rules about source addresses, and the blocks that the guard made by itself.

use crate::{
    id::SourceRuleId,
    value::{Revision, UtcMs},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule about addresses. Of several the narrowest holds; addresses of gateways and of accounts count as rules that
/// allow. What an operator changes is the operator's from then on; who deletes a block of the guard's lifts it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceRule {
    /// Id.
    pub id: SourceRuleId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Who made it.
    pub origin: RuleOrigin,
    /// When it was made or last changed.
    pub made_at: UtcMs,
    /// Blocks of the source in a row, if the guard made it: each lasts twice as long as the one before.
    pub repeats: u32,
    /// What can be edited.
    pub edit: SourceRuleEdit,
}

/// The editable part of a rule about addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceRuleEdit {
    /// An address or a range, such as `203.0.113.7`, `203.0.113.0/24` or `2001:db8::/64`.
    pub network: String,
    /// What becomes of what comes from there.
    #[serde(default)]
    pub verdict: SourceVerdict,
    /// When it no longer holds; none holds until it is deleted.
    #[serde(default)]
    pub expires_at: Option<UtcMs>,
    /// Why. At most 500 characters.
    #[serde(default)]
    pub reason: String,
}

/// What becomes of what comes from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceVerdict {
    /// Messages are dropped unread, connections are refused.
    #[default]
    Block,
    /// It is heard, and the guard never slows or blocks it.
    Allow,
}

/// Who made a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleOrigin {
    /// An operator.
    Operator,
    /// The guard.
    Guard,
}
