//! Names for the things that money and calls belong to.
//!
//! Every id is the row id of its SQLite table, wrapped so that one can never be passed for another.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// A customer or a reseller: whoever has a balance.
    AccountId,
    /// A SIP peer that calls are sent to.
    GatewayId,
    /// A registration we hold elsewhere.
    UpstreamId,
    /// A number that calls in are for.
    DidId,
    /// A rate sheet.
    TariffId,
    /// One line of a rate sheet.
    RateId,
    /// A set of dial plan rows that an account's calls are routed by.
    RoutingGroupId,
    /// One row of the dial plan.
    RouteId,
    /// One attempt to connect a caller, from INVITE to CDR.
    CallId,
    /// One entry of the append-only ledger.
    EntryId,
    /// A person who operates: admin or reseller log-in.
    LoginId,
}
