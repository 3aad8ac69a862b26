//! What an operator edits, as typed records: one struct per resource, one field per column.
//!
//! A record serialises to a flat JSON object whose keys are the columns of its table; edits, lists and the
//! audit log all work on that form, so a column is written down once in the struct and once in [`field`].
//! Secrets (`password`) go in and never come out. Must not know how a row is stored or checked.

mod account;
mod dial_plan;
mod did;
mod field;
mod gateway;
mod operator;
mod phone;
mod tariff;
mod upstream;

pub use account::{
    Account, AccountKind, AccountStatus, CallTerms, CallerIdMode, LossPolicy, LowBalance,
    MediaMode, PaymentMode, Person,
};
pub use dial_plan::{ListEntry, Route, RouteTarget, RoutingGroup, RoutingPolicy};
pub use did::{Did, DidTarget};
pub use field::{Audience, Field, FieldKind, Source, View};
pub use gateway::{
    Gateway, GatewayAudio, GatewayAuth, GatewayHost, GatewayHours, GatewayInbound, GatewayLimits,
    GatewayTls, HuntTerms, Identity, TlsTrust, Transport,
};
pub use operator::{ExchangeRatio, Login, Right, Rights, Role, Setting, SourceRule};
pub use phone::{Device, SourceAddress};
pub use tariff::{AniTariff, DnisTariff, Rate, Tariff};
pub use upstream::{InboundReach, Upstream};

pub use tandem_call::directory::{
    guard::{RuleOrigin, SourceVerdict},
    lists::{ListSide, ListVerdict},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub(crate) use field::{int, json, text, view};

/// What can be created, changed and deleted. `name()` is what the audit log and messages call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// [`Account`]
    Account,
    /// [`Device`]
    Device,
    /// [`SourceAddress`]
    SourceAddress,
    /// [`Login`]
    Login,
    /// [`Gateway`]
    Gateway,
    /// [`RoutingGroup`]
    RoutingGroup,
    /// [`Route`]
    Route,
    /// [`Tariff`]
    Tariff,
    /// [`Rate`]
    Rate,
    /// [`DnisTariff`]
    DnisTariff,
    /// [`AniTariff`]
    AniTariff,
    /// [`Setting`]
    Setting,
    /// [`ListEntry`]
    ListEntry,
    /// [`ExchangeRatio`]
    ExchangeRatio,
    /// [`SourceRule`]
    SourceRule,
    /// [`Upstream`]
    Upstream,
    /// [`Did`]
    Did,
}

impl Resource {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 17] = [
        Self::Account,
        Self::Device,
        Self::SourceAddress,
        Self::Login,
        Self::Gateway,
        Self::RoutingGroup,
        Self::Route,
        Self::Tariff,
        Self::Rate,
        Self::DnisTariff,
        Self::AniTariff,
        Self::Setting,
        Self::ListEntry,
        Self::ExchangeRatio,
        Self::SourceRule,
        Self::Upstream,
        Self::Did,
    ];

    /// Its name in the audit log, in messages and in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        view(self).table
    }
}

/// A typed resource.
pub trait Record: Serialize + DeserializeOwned + Send + 'static {
    /// Which one.
    const RESOURCE: Resource;
    /// Row id; 0 before it is created.
    fn id(&self) -> i64;
    /// Raised by every edit; an edit names the one it was made on.
    fn revision(&self) -> i64;
}

/// Implements [`Record`] for structs with `id` and `revision`.
macro_rules! records {
    ($($name:ident),+ $(,)?) => {$(
        impl $crate::record::Record for $name {
            const RESOURCE: $crate::record::Resource = $crate::record::Resource::$name;
            fn id(&self) -> i64 { self.id }
            fn revision(&self) -> i64 { self.revision }
        }
    )+};
}
pub(crate) use records;
