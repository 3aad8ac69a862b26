//! Ids given twice, and ids that name nothing: each with the place where it stands.

use super::{DirectorySpec, Faults};
use crate::directory::{DidSource, Directory, Target};
use std::{collections::BTreeSet, fmt::Display};
use tandem_billing::{AccountId, GatewayId, RoutingGroupId};

/// What may be referred to.
struct Known {
    accounts: BTreeSet<AccountId>,
    gateways: BTreeSet<GatewayId>,
    groups: BTreeSet<RoutingGroupId>,
}

pub(super) fn check(spec: &DirectorySpec, faults: &mut Faults) {
    let known = Known {
        accounts: unique(faults, "accounts", spec.accounts.iter().map(|one| one.id)),
        gateways: unique(faults, "gateways", spec.gateways.iter().map(|one| one.id)),
        groups: unique(faults, "groups", spec.groups.iter().map(|one| one.id)),
    };
    let mut names = BTreeSet::new();
    for (at, device) in spec.devices.iter().enumerate() {
        if !names.insert(&device.username) {
            faults.add(format!("devices[{at}].username"), "is used twice");
        }
        exists(
            faults,
            format!("devices[{at}].account"),
            "account",
            &known.accounts,
            device.account,
        );
    }
    for (at, source) in spec.sources.iter().enumerate() {
        exists(
            faults,
            format!("sources[{at}].account"),
            "account",
            &known.accounts,
            source.account,
        );
    }
    dids(spec, &known, faults);
    for (at, group) in spec.groups.iter().enumerate() {
        if let Some(inherits) = group.inherits {
            exists(
                faults,
                format!("groups[{at}].inherits"),
                "group",
                &known.groups,
                inherits,
            );
        }
        for (row, route) in group.routes.iter().enumerate() {
            let at = format!("groups[{at}].routes[{row}].target");
            match route.target {
                Target::Gateway(id) => exists(faults, at, "gateway", &known.gateways, id),
                Target::Upstream(id) => {
                    faults.add(at, format!("there is no upstream registration {id}"));
                }
                Target::Account(id) => exists(faults, at, "account", &known.accounts, id),
                Target::LocalDevice | Target::Reject { .. } => {}
            }
        }
    }
}

fn dids(spec: &DirectorySpec, known: &Known, faults: &mut Faults) {
    let mut numbers = BTreeSet::new();
    for (at, did) in spec.dids.iter().enumerate() {
        if !numbers.insert(&did.number) {
            faults.add(format!("dids[{at}].number"), "is used twice");
        }
        if let Some(account) = did.account {
            let at = format!("dids[{at}].account");
            exists(faults, at, "account", &known.accounts, account);
        }
        let at = format!("dids[{at}].source");
        match did.source {
            Some(DidSource::Gateway(id)) => exists(faults, at, "gateway", &known.gateways, id),
            Some(DidSource::Upstream(id)) => {
                faults.add(at, format!("there is no upstream registration {id}"));
            }
            None => {}
        }
    }
}

fn unique<T: Ord + Copy + Display>(
    faults: &mut Faults,
    list: &str,
    ids: impl Iterator<Item = T>,
) -> BTreeSet<T> {
    let mut known = BTreeSet::new();
    for (at, id) in ids.enumerate() {
        if !known.insert(id) {
            faults.add(format!("{list}[{at}].id"), format!("{id} is used twice"));
        }
    }
    known
}

fn exists<T: Ord + Display>(
    faults: &mut Faults,
    at: String,
    what: &str,
    known: &BTreeSet<T>,
    id: T,
) {
    if !known.contains(&id) {
        faults.add(at, format!("there is no {what} {id}"));
    }
}

/// Ids that name nothing.
pub(super) fn references(directory: &Directory, faults: &mut Faults) {
    for account in directory.accounts.values() {
        let at = |field: &str| format!("accounts {}.{field}", account.login);
        if account
            .tariff
            .is_some_and(|id| directory.tariffs.get(id).is_none())
        {
            faults.add(at("tariff"), "there is no such tariff");
        }
        if account
            .routing_group
            .is_some_and(|id| !directory.groups.contains_key(&id))
        {
            faults.add(at("routing_group"), "there is no such group");
        }
        if directory.chain(account.id).is_none() {
            faults.add(
                at("reseller"),
                "there is no such reseller, or the chain is circular or too long",
            );
        }
    }
    for did in directory.dids.iter() {
        if did
            .tariff
            .is_some_and(|id| directory.tariffs.get(id).is_none())
        {
            let at = format!("dids {}.tariff", did.number);
            faults.add(at, "there is no such tariff");
        }
    }
    for gateway in directory.gateways.values() {
        if gateway
            .cost_tariff
            .is_some_and(|id| directory.tariffs.get(id).is_none())
        {
            faults.add(
                format!("gateways {}.cost_tariff", gateway.name),
                "there is no such tariff",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::directory::DirectorySpec;

    #[test]
    fn every_id_is_known_and_given_once() {
        let text = r#"{
            "accounts": [ { "id": 1, "login": "a", "currency": "EUR" }, { "id": 1, "login": "b", "currency": "EUR" } ],
            "devices": [ { "username": "d", "account": 2, "password": "x" }, { "username": "d", "account": 1, "password": "x" } ],
            "sources": [ { "account": 3, "network": "10.0.0.0" } ],
            "gateways": [ { "id": 4, "name": "g", "hosts": [], "currency": "EUR" } ],
            "dids": [ { "id": 1, "number": "49", "account": 9, "target": "phones", "source": { "gateway": 7 } },
                { "id": 2, "number": "49", "account": null, "target": "phones", "source": { "upstream": 7 }, "tariff": 7 } ],
            "groups": [ { "id": 5, "name": "r", "inherits": 6, "routes": [
                { "id": 1, "prefix": "1", "target": { "gateway": 4 } },
                { "id": 2, "prefix": "2", "target": { "gateway": 7 } },
                { "id": 3, "prefix": "3", "target": { "account": 8 } } ] } ]
        }"#;
        let spec: DirectorySpec = serde_json::from_str(text).expect("a directory");
        let faults = spec.build(1).map(drop).expect_err("faults");
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let expected = [
            "accounts[1].id: 1 is used twice",
            "devices[0].account: there is no account 2",
            "devices[1].username: is used twice",
            "sources[0].account: there is no account 3",
            "dids[0].account: there is no account 9",
            "dids[0].source: there is no gateway 7",
            "dids[1].number: is used twice",
            "dids[1].source: there is no upstream registration 7",
            "groups[0].inherits: there is no group 6",
            "groups[0].routes[1].target: there is no gateway 7",
            "groups[0].routes[2].target: there is no account 8",
            "dids 49.tariff: there is no such tariff",
        ];
        assert_eq!(told, expected);
    }
}
