//! The descriptions against the wire types: every path must exist there, every blank form must be taken there.

use super::{Field, Input, View, at};
use serde_json::Value;
use tandem_protocol::{
    account::{AccountEdit, DeviceEdit, SourceEdit},
    dialplan::{ListEntryEdit, RouteEdit, RoutingGroupEdit},
    did::DidEdit,
    exchange::ExchangeRatioEdit,
    gateway::GatewayEdit,
    guard::SourceRuleEdit,
    ledger::PaymentParams,
    login::LoginEdit,
    method,
    role::{Access, Right},
    tariff::{RateEdit, TariffEdit},
    upstream::UpstreamEdit,
};

const ALL: [View; 25] = [
    View::Accounts,
    View::Retail,
    View::Wholesale,
    View::CallingCard,
    View::Callback,
    View::CallShop,
    View::Common,
    View::Resellers,
    View::Devices,
    View::Sources,
    View::Dids,
    View::Payments,
    View::Gateways,
    View::Upstreams,
    View::Groups,
    View::Routes,
    View::Lists,
    View::Tariffs,
    View::Rates,
    View::Cdrs,
    View::Ledger,
    View::Ratios,
    View::Audit,
    View::Logins,
    View::SourceRules,
];

#[test]
fn every_method_is_in_the_protocol_and_asks_for_the_right_the_manager_checks() {
    for view in ALL {
        let methods = view.resource().methods;
        let changing = [methods.create, methods.update, methods.delete];
        let seeing = [Some(methods.list), methods.get];
        for (names, right) in [(&changing[..], Right::Change), (&seeing[..], Right::See)] {
            for name in names.iter().flatten() {
                let info = method::find(name).unwrap_or_else(|| panic!("{name} is no method"));
                assert_eq!(info.access, Access::Needs(view.area(), right), "{name}");
            }
        }
    }
}

/// Fills what a form leaves for the operator to choose, so that the wire type can be read.
fn filled(view: View) -> Value {
    let mut edit = view.blank();
    (view.resource().to_form)(&mut edit);
    for field in view
        .resource()
        .sections
        .iter()
        .flat_map(|section| section.fields)
    {
        if let Input::Ref(_) = field.input
            && field.shown.is_none_or(|shown| shown(&edit))
        {
            super::put(&mut edit, field.path, 1.into());
        }
    }
    (view.resource().to_wire)(&mut edit);
    edit
}

#[test]
fn the_wire_takes_what_every_form_sends() {
    for view in ALL
        .into_iter()
        .filter(|view| view.resource().methods.create.is_some())
    {
        let edit = filled(view);
        let read = match view {
            View::Devices => serde_json::from_value::<DeviceEdit>(edit).map(drop),
            View::Sources => serde_json::from_value::<SourceEdit>(edit).map(drop),
            View::Dids => serde_json::from_value::<DidEdit>(edit).map(drop),
            View::Gateways => serde_json::from_value::<GatewayEdit>(edit).map(drop),
            View::Upstreams => serde_json::from_value::<UpstreamEdit>(edit).map(drop),
            View::Groups => serde_json::from_value::<RoutingGroupEdit>(edit).map(drop),
            View::Routes => serde_json::from_value::<RouteEdit>(edit).map(drop),
            View::Lists => serde_json::from_value::<ListEntryEdit>(edit).map(drop),
            View::Ratios => serde_json::from_value::<ExchangeRatioEdit>(edit).map(drop),
            View::Tariffs => serde_json::from_value::<TariffEdit>(edit).map(drop),
            View::Rates => serde_json::from_value::<RateEdit>(edit).map(drop),
            View::Logins => serde_json::from_value::<LoginEdit>(edit).map(drop),
            View::SourceRules => serde_json::from_value::<SourceRuleEdit>(edit).map(drop),
            View::Payments => {
                let mut params = edit;
                super::put(&mut params, "request_id", "12345678".into());
                serde_json::from_value::<PaymentParams>(params).map(drop)
            }
            _ => serde_json::from_value::<AccountEdit>(edit).map(drop),
        };
        assert_eq!(read.map_err(|error| error.to_string()), Ok(()), "{view:?}");
    }
}

/// Whether the form's copy has this path. Secrets are never told and hidden fields may be absent.
fn exists(edit: &Value, field: &Field) -> bool {
    matches!(field.input, Input::Secret) || field.shown.is_some() || at(edit, field.path).is_some()
}

#[test]
fn every_field_of_a_form_is_a_field_of_the_object() {
    for view in ALL {
        let mut edit = view.blank();
        (view.resource().to_form)(&mut edit);
        for field in view
            .resource()
            .sections
            .iter()
            .flat_map(|section| section.fields)
        {
            assert!(exists(&edit, field), "{view:?}: {}", field.path);
            if let Input::Rows(part) = &field.input {
                let row = (part.blank)();
                for inner in part.fields {
                    assert!(
                        at(&row, inner.path).is_some(),
                        "{view:?}: {}.{}",
                        field.path,
                        inner.path
                    );
                }
            }
        }
    }
}

#[cfg(feature = "testing")]
#[test]
fn every_column_is_a_field_of_the_rows() {
    use crate::testing::sample;
    use tandem_protocol::{
        account::{Account, Device, SourceAddress},
        cdr::CdrDetail,
        dialplan::{ListEntry, Route, RoutingGroup},
        did::Did,
        exchange::ExchangeRatio,
        gateway::Gateway,
        guard::SourceRule,
        ledger::LedgerEntry,
        login::{AuditEntry, Login},
        tariff::{Rate, Tariff},
        upstream::Upstream,
    };
    fn whole<T: serde::Serialize + serde::de::DeserializeOwned>(row: &Value) -> Value {
        let typed: T =
            serde_json::from_value(row.clone()).unwrap_or_else(|error| panic!("{error} in {row}"));
        serde_json::to_value(typed).expect("writes")
    }
    let tables = sample::tables(0);
    for view in ALL {
        let (table, _) = view
            .resource()
            .methods
            .list
            .split_once('.')
            .expect("table.list");
        let rows = &tables[table];
        let rows = rows.iter().map(|row| match table {
            "account" => whole::<Account>(row),
            "device" => whole::<Device>(row),
            "source" => whole::<SourceAddress>(row),
            "did" => whole::<Did>(row),
            "gateway" => whole::<Gateway>(row),
            "upstream" => whole::<Upstream>(row),
            "group" => whole::<RoutingGroup>(row),
            "route" => whole::<Route>(row),
            "list_entry" => whole::<ListEntry>(row),
            "exchange_ratio" => whole::<ExchangeRatio>(row),
            "tariff" => whole::<Tariff>(row),
            "rate" => whole::<Rate>(row),
            "cdr" => whole::<CdrDetail>(row),
            "ledger" | "payment" => whole::<LedgerEntry>(row),
            "audit" => whole::<AuditEntry>(row),
            "login" => whole::<Login>(row),
            "source_rule" => whole::<SourceRule>(row),
            other => panic!("{other} has no sample"),
        });
        let rows: Vec<Value> = rows.collect();
        for column in view.resource().columns {
            let known = rows.iter().any(|row| at(row, column.path).is_some());
            assert!(known, "{view:?}: no row has {}", column.path);
        }
        assert!(
            rows.iter()
                .all(|row| at(row, view.resource().key).is_some()),
            "{view:?}"
        );
    }
}
