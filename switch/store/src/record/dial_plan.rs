//! The dial plan: routing groups, their rows, block- and allowlists.

use super::records;
use serde::{Deserialize, Serialize};
use tandem_billing::{AccountId, GatewayId, RoutingGroupId, UpstreamId, tariff::Span};
use tandem_call::directory::lists::{ListSide, ListVerdict};

/// A set of dial plan rows (`features.md` section 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingGroup {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Unique.
    pub name: String,
    /// Its rows are tried after our own of the same prefix.
    #[serde(default)]
    pub inherits_id: Option<RoutingGroupId>,
    /// In which order rows are tried.
    #[serde(default)]
    pub policy: RoutingPolicy,
    /// Free text.
    #[serde(default)]
    pub notes: String,
}

/// In which order rows of a group are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutingPolicy {
    /// By priority and share.
    #[default]
    AsListed,
    /// Cheapest first.
    LeastCost,
    /// Best recent answer ratio first.
    Quality,
    /// Highest margin first.
    Margin,
}

/// A row of the dial plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// The group it belongs to.
    pub routing_group_id: RoutingGroupId,
    /// Any characters; empty fits every number; the longest wins.
    #[serde(default)]
    pub prefix: String,
    /// Lower first.
    #[serde(default = "first")]
    pub priority: u16,
    /// What kind of target; the next four fields belong to it.
    pub target: RouteTarget,
    /// For `gateway`.
    #[serde(default)]
    pub gateway_id: Option<GatewayId>,
    /// For `account`: its registered phones ring.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// For `upstream`.
    #[serde(default)]
    pub upstream_id: Option<UpstreamId>,
    /// For `reject`: 400 to 699.
    #[serde(default)]
    pub reject_status: Option<u16>,
    /// For `reject`.
    #[serde(default)]
    pub reject_reason: String,
    /// Percent among rows of the same prefix and priority, 1 to 100.
    #[serde(default = "whole")]
    pub share: u8,
    /// Days and minutes in which it holds.
    #[serde(flatten)]
    pub span: Span,
    /// IANA name of the wall clock of `span`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Number rules, `KEY:rule;KEY:rule`.
    #[serde(default)]
    pub rules: String,
    /// Simultaneous calls; 0 is unlimited.
    #[serde(default)]
    pub max_calls: u32,
    /// Calls begun in one second; 0 is unlimited.
    #[serde(default)]
    pub max_cps: u32,
    /// Disabled rows are skipped.
    #[serde(default)]
    pub disabled: bool,
}
fn first() -> u16 {
    1
}
fn whole() -> u8 {
    100
}
pub(super) fn utc() -> String {
    "UTC".into()
}

/// Where a route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTarget {
    /// A SIP peer.
    Gateway,
    /// Registered phones of an account.
    Account,
    /// A registration held elsewhere.
    Upstream,
    /// The device or extension whose name is the dialled number.
    LocalDevice,
    /// An answer of our own.
    Reject,
}

/// A prefix of numbers that is refused, or let through although a shorter one is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListEntry {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Whose calls, with those of the accounts below it; None for all.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    /// Which number it is held against.
    pub side: ListSide,
    /// What it says.
    pub verdict: ListVerdict,
    /// The number or prefix; empty, for all numbers, only with an account.
    pub prefix: String,
    /// Why.
    #[serde(default)]
    pub note: String,
}

records!(RoutingGroup, Route, ListEntry);
