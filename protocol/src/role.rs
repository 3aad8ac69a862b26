//! Who may do what: areas, rights, roles.
//!
//! A role is a ceiling of rights per area; a login may be narrowed below its role, never widened above it. Rights
//! say *what kind of thing*; which accounts a reseller reaches is its branch, enforced by the server on top.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of the operator's work.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Accounts, their devices and source addresses; block- and allowlists.
    Accounts,
    /// Gateways.
    Gateways,
    /// Routing groups and routes.
    DialPlan,
    /// Tariffs and rates.
    Tariffs,
    /// Payments, the ledger, exchange ratios.
    Money,
    /// CDRs.
    Cdrs,
    /// What was said in calls that were recorded, and recording more of them.
    Recordings,
    /// Live calls, registrations, alerts.
    Live,
    /// SIP traces: what phones and gateways say word by word.
    SipTraces,
    /// Call simulator, pricing, number rules.
    Simulator,
    /// Settings.
    Settings,
    /// Logins.
    Logins,
    /// The audit log.
    Audit,
    /// Counters, verify, backup.
    System,
}
impl Area {
    /// Every area.
    pub const ALL: [Self; 14] = [
        Self::Accounts,
        Self::Gateways,
        Self::DialPlan,
        Self::Tariffs,
        Self::Money,
        Self::Cdrs,
        Self::Recordings,
        Self::Live,
        Self::SipTraces,
        Self::Simulator,
        Self::Settings,
        Self::Logins,
        Self::Audit,
        Self::System,
    ];
}

/// How far a login may go in an area. Change includes see.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Read.
    See,
    /// Read and change.
    Change,
}

/// A right in an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Where.
    pub area: Area,
    /// How far.
    pub right: Right,
}

/// What a login is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, logins included.
    Admin,
    /// Daily work: all but logins, settings, the audit log, SIP traces and recordings.
    Operator,
    /// Sees what an operator works with, changes nothing.
    Viewer,
    /// A reseller: its own branch of accounts and what belongs to it.
    Reseller,
}
impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Operator, Self::Viewer, Self::Reseller];

    /// The most this role may do in an area.
    #[must_use]
    pub fn ceiling(self, area: Area) -> Option<Right> {
        use Area::{
            Accounts, Audit, Cdrs, DialPlan, Gateways, Live, Logins, Money, Recordings, Settings,
            Simulator, SipTraces, System, Tariffs,
        };
        match (self, area) {
            (Self::Admin, _) => Some(Right::Change),
            (Self::Operator, Logins | Audit | SipTraces | Recordings) => None,
            (Self::Operator, Settings) => Some(Right::See),
            (
                Self::Operator,
                Accounts | Gateways | DialPlan | Tariffs | Money | Cdrs | Live | Simulator | System,
            ) => Some(Right::Change),
            (Self::Viewer, Logins | Audit | SipTraces | Recordings) => None,
            (
                Self::Viewer,
                Accounts | Gateways | DialPlan | Tariffs | Money | Cdrs | Live | Simulator
                | Settings | System,
            ) => Some(Right::See),
            (Self::Reseller, Gateways | Settings | Logins | Audit | System) => None,
            (Self::Reseller, Accounts | Tariffs | Money | Live | SipTraces | Recordings) => {
                Some(Right::Change)
            }
            (Self::Reseller, DialPlan | Cdrs | Simulator) => Some(Right::See),
        }
    }

    /// What a login of this role has in an area: the ceiling, narrowed by the login's own grants if it has any.
    #[must_use]
    pub fn effective(self, narrowed: &[Grant], area: Area) -> Option<Right> {
        let ceiling = self.ceiling(area)?;
        if narrowed.is_empty() {
            return Some(ceiling);
        }
        let granted = narrowed
            .iter()
            .filter(|g| g.area == area)
            .map(|g| g.right)
            .max()?;
        Some(granted.min(ceiling))
    }
}

/// What a method asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: it may be called before log-in.
    Open,
    /// Any log-in.
    LoggedIn,
    /// A right in an area.
    Needs(Area, Right),
}
impl Access {
    /// Whether a login of this role, narrowed so, may call it.
    #[must_use]
    pub fn allows(self, role: Role, narrowed: &[Grant]) -> bool {
        match self {
            Self::Open | Self::LoggedIn => true,
            Self::Needs(area, right) => role
                .effective(narrowed, area)
                .is_some_and(|has| has >= right),
        }
    }

    /// Whether someone logged in who has exactly these rights may call it.
    #[must_use]
    pub fn is_met_by(self, rights: &[Grant]) -> bool {
        match self {
            Self::Open | Self::LoggedIn => true,
            Self::Needs(area, right) => rights.iter().any(|g| g.area == area && g.right >= right),
        }
    }
}
