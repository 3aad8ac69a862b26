//! Names of things on the wire: row ids, wrapped so that one can never be passed for another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// A customer or a reseller: whoever has a balance.
    AccountId,
    /// One SIP log-in of an account.
    DeviceId,
    /// One source address of an account.
    SourceId,
    /// A SIP peer that calls are sent to.
    GatewayId,
    /// An upstream registration.
    UpstreamId,
    /// A number at which others call in.
    DidId,
    /// A set of dial plan rows.
    RoutingGroupId,
    /// One row of the dial plan.
    RouteId,
    /// One entry of a block- or allowlist.
    ListEntryId,
    /// One rule about source addresses.
    SourceRuleId,
    /// What a currency was worth from an instant on.
    ExchangeRatioId,
    /// A rate sheet.
    TariffId,
    /// One line of a rate sheet.
    RateId,
    /// One attempt to connect a caller.
    CallId,
    /// One entry of the append-only ledger.
    EntryId,
    /// A person who operates.
    LoginId,
    /// What an operator must hear of.
    AlertId,
    /// One line of the audit log.
    AuditId,
    /// A SIP trace being kept.
    TraceId,
}
