//! The dial plan: routing groups and their routes, block- and allowlists.

use crate::{
    id::{AccountId, GatewayId, ListEntryId, RouteId, RoutingGroupId, UpstreamId},
    value::Revision,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A set of dial plan rows that accounts are routed by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoutingGroup {
    /// Id.
    pub id: RoutingGroupId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Number of its routes; 0 for resellers.
    #[serde(default)]
    pub routes: u64,
    /// What can be edited.
    pub edit: RoutingGroupEdit,
}

/// The editable part of a routing group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoutingGroupEdit {
    /// Unique name. 1 to 64 characters.
    pub name: String,
    /// Its rows are tried after our own of the same prefix.
    #[serde(default)]
    pub inherits: Option<RoutingGroupId>,
    /// How candidates of a prefix are ordered.
    #[serde(default)]
    pub policy: RoutingPolicy,
    /// Free text.
    #[serde(default)]
    pub notes: String,
}

/// How candidates of a prefix are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoutingPolicy {
    /// By priority and share.
    #[default]
    AsListed,
    /// Cheapest cost tariff first.
    LeastCost,
    /// Best recent ASR and ACD first.
    Quality,
    /// Largest margin first.
    Margin,
}

/// A row of the dial plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// Id.
    pub id: RouteId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Name of its group.
    #[serde(default)]
    pub group_name: Option<String>,
    /// Name of the gateway it leads to.
    #[serde(default)]
    pub gateway_name: Option<String>,
    /// Name of the upstream registration it leads to.
    #[serde(default)]
    pub upstream_name: Option<String>,
    /// Login of the account it leads to.
    #[serde(default)]
    pub account_login: Option<String>,
    /// What can be edited.
    pub edit: RouteEdit,
}

/// The editable part of a route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteEdit {
    /// Whose row.
    pub group: RoutingGroupId,
    /// Any characters; the longest wins; empty fits all.
    pub prefix: String,
    /// Lower first.
    #[serde(default = "first")]
    pub priority: u16,
    /// Where the call goes.
    pub target: Target,
    /// Percent among rows of the same prefix and priority, 1 to 100.
    #[serde(default = "whole")]
    pub share: u8,
    /// When it holds.
    #[serde(default)]
    pub hours: Hours,
    /// Number rules.
    #[serde(default)]
    pub rules: String,
    /// Concurrent calls; 0 means unlimited.
    #[serde(default)]
    pub max_calls: u32,
    /// Calls a second; 0 means unlimited.
    #[serde(default)]
    pub max_cps: u32,
    /// Whether it is used.
    #[serde(default = "yes")]
    pub enabled: bool,
}
impl Default for RouteEdit {
    fn default() -> Self {
        Self {
            group: RoutingGroupId::default(),
            prefix: String::new(),
            priority: first(),
            target: Target::LocalDevice,
            share: whole(),
            hours: Hours::default(),
            rules: String::new(),
            max_calls: 0,
            max_cps: 0,
            enabled: yes(),
        }
    }
}
fn first() -> u16 {
    1
}
fn whole() -> u8 {
    100
}
fn yes() -> bool {
    true
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Target {
    /// A gateway.
    Gateway {
        /// Which.
        gateway: GatewayId,
    },
    /// A registration held elsewhere.
    Upstream {
        /// Which.
        upstream: UpstreamId,
    },
    /// The registered phones of an account.
    Account {
        /// Whose.
        account: AccountId,
    },
    /// The registered device or extension whose name is the dialled number.
    LocalDevice,
    /// Refused.
    Reject {
        /// SIP status, 400 to 699.
        status: u16,
        /// Reason phrase.
        reason: String,
    },
}

/// Days and hours in a time zone; the default is always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hours {
    /// Days and minutes.
    pub span: Span,
    /// IANA name; empty for UTC.
    pub time_zone: String,
}

/// Days and minutes of the day; the default covers all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Span {
    /// 0 Monday to 6 Sunday.
    pub from_day: u8,
    /// 0 Monday to 6 Sunday; may be before `from_day` (wraps).
    pub to_day: u8,
    /// Minutes after midnight, 0 to 1440.
    pub from_minute: u16,
    /// Exclusive; before `from_minute` crosses midnight.
    pub to_minute: u16,
    /// Only on holidays.
    pub holiday: bool,
}
impl Default for Span {
    fn default() -> Self {
        Self {
            from_day: 0,
            to_day: 6,
            from_minute: 0,
            to_minute: 1440,
            holiday: false,
        }
    }
}

/// An entry of a block- or allowlist. Emergency numbers pass all of them. The longest entry that a number begins
/// with decides, among those of the switch and of the account directly below the operator (whose own wins on
/// equal length), and again among those of each account below that: all must let a call pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListEntry {
    /// Id.
    pub id: ListEntryId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Login of its account.
    #[serde(default)]
    pub account_login: Option<String>,
    /// What can be edited.
    pub edit: ListEntryEdit,
}

/// The editable part of a list entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListEntryEdit {
    /// Whose calls, with those of the accounts below it; none for all calls.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// Which number it is held against.
    #[serde(default)]
    pub side: ListSide,
    /// What it says.
    #[serde(default)]
    pub verdict: ListVerdict,
    /// What the number begins with, at most 64 characters. Empty fits all, only with an account.
    #[serde(default)]
    pub prefix: String,
    /// Why. At most 500 characters.
    #[serde(default)]
    pub note: String,
}

/// Which number of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListSide {
    /// Who calls, as sent.
    Caller,
    /// What is dialled, before or after the account's rules.
    #[default]
    Dialled,
}

/// What a list entry says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListVerdict {
    /// Refused.
    #[default]
    Block,
    /// Passes, though a shorter entry blocks it.
    Allow,
}
