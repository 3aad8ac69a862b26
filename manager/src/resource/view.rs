//! Resources as the tree shows them.

use super::{
    Resource, accounts, audit, dialplan, dids, gateways, guard, money, tariffs, upstreams,
};
use serde_json::{Value, json};
use tandem_protocol::{Area, Filter, Op};

/// A table of the tree.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum View {
    Accounts,
    Retail,
    Wholesale,
    CallingCard,
    Callback,
    CallShop,
    Common,
    Resellers,
    Devices,
    Sources,
    Dids,
    Payments,
    Gateways,
    Upstreams,
    Groups,
    Routes,
    Lists,
    Tariffs,
    Rates,
    Cdrs,
    Ledger,
    Ratios,
    Audit,
    Logins,
    SourceRules,
}

impl View {
    pub fn title(self) -> &'static str {
        match self {
            Self::Accounts => "All accounts",
            Self::Retail => "Retail",
            Self::Wholesale => "Wholesale",
            Self::CallingCard => "Calling cards",
            Self::Callback => "Callback",
            Self::CallShop => "Call shops",
            Self::Common => "Common",
            Self::Resellers => "Resellers",
            Self::Devices => "SIP phones",
            Self::Sources => "Source addresses",
            Self::Dids => "DIDs",
            Self::Payments => "Payments",
            Self::Gateways => "Gateways",
            Self::Upstreams => "Upstream registrations",
            Self::Groups => "Routing groups",
            Self::Routes => "Dial plan",
            Self::Lists => "Block and allow lists",
            Self::Tariffs => "Tariffs",
            Self::Rates => "Rates",
            Self::Cdrs => "CDRs",
            Self::Ledger => "Ledger",
            Self::Ratios => "Exchange ratios",
            Self::Audit => "Audit log",
            Self::Logins => "Logins",
            Self::SourceRules => "Blocked addresses",
        }
    }

    pub fn resource(self) -> &'static Resource {
        match self {
            Self::Devices => &accounts::DEVICES,
            Self::Sources => &accounts::SOURCES,
            Self::Dids => &dids::DIDS,
            Self::Payments => &money::PAYMENTS,
            Self::Gateways => &gateways::GATEWAYS,
            Self::Upstreams => &upstreams::UPSTREAMS,
            Self::Groups => &dialplan::GROUPS,
            Self::Routes => &dialplan::ROUTES,
            Self::Lists => &dialplan::LISTS,
            Self::Tariffs => &tariffs::TARIFFS,
            Self::Rates => &tariffs::RATES,
            Self::Cdrs => &money::CDRS,
            Self::Ledger => &money::LEDGER,
            Self::Ratios => &money::RATIOS,
            Self::Audit => &audit::AUDIT,
            Self::Logins => &audit::LOGINS,
            Self::SourceRules => &guard::SOURCE_RULES,
            Self::Accounts
            | Self::Retail
            | Self::Wholesale
            | Self::CallingCard
            | Self::Callback
            | Self::CallShop
            | Self::Common
            | Self::Resellers => &accounts::ACCOUNTS,
        }
    }

    /// Kinds of account it is narrowed to; a new one gets the first.
    pub fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Retail => &["retail"],
            Self::Wholesale => &["wholesale"],
            Self::CallingCard => &["calling_card"],
            Self::Callback => &["callback"],
            Self::CallShop => &["call_shop"],
            Self::Common => &["common"],
            Self::Resellers => &["reseller1", "reseller2", "reseller3"],
            _ => &[],
        }
    }

    pub fn filters(self) -> Vec<Filter> {
        match self.kinds() {
            [] => Vec::new(),
            kinds => vec![Filter {
                field: "kind".into(),
                op: Op::In,
                value: json!(kinds),
            }],
        }
    }

    pub fn blank(self) -> Value {
        let mut edit = (self.resource().blank)();
        if let Some(kind) = self.kinds().first() {
            super::put(&mut edit, "kind", (*kind).into());
        }
        edit
    }

    /// The area whose rights it needs.
    pub fn area(self) -> Area {
        match self {
            Self::Payments | Self::Ledger | Self::Ratios => Area::Money,
            Self::Gateways | Self::Upstreams => Area::Gateways,
            Self::Groups | Self::Routes => Area::DialPlan,
            Self::Tariffs | Self::Rates => Area::Tariffs,
            Self::Cdrs => Area::Cdrs,
            Self::Audit => Area::Audit,
            Self::Logins => Area::Logins,
            Self::SourceRules => Area::System,
            _ => Area::Accounts,
        }
    }

    /// What a row is called, for people.
    pub fn name_of(self, row: &Value) -> String {
        let resource = self.resource();
        match super::at(row, resource.name) {
            Some(Value::String(name)) if !name.is_empty() => name.clone(),
            _ => format!(
                "{} {}",
                resource.singular,
                super::at(row, resource.key).cloned().unwrap_or_default()
            ),
        }
    }
}
