//! The snapshot follows every edit and shares what did not change.

use crate::fixture::{Fixture, START, account, device, gateway, rate, root, route, tariff};
use std::sync::Arc;
use tandem_billing::{AccountId, TariffId};
use tandem_call::{
    Directory,
    directory::{AccountKind, CallerIdRule, Target},
};
use tandem_store::{
    Edit, Found, Scope,
    record::{
        self, Account, CallTerms, CallerIdMode, Device, DnisTariff, Gateway, GatewayAuth,
        GatewayHost, ListEntry, ListSide, ListVerdict, Resource, Route, RouteTarget, SourceAddress,
    },
};

fn now(fixture: &Fixture) -> Arc<Directory> {
    fixture.events.directory().unwrap()
}

#[test]
fn an_account_edit_shares_every_tariff_gateway_and_group() {
    let (fixture, operator) = Fixture::operator();
    let before = now(&fixture);
    let bob: Account = fixture.get(operator.direct.0);
    fixture
        .update(&Account {
            status: record::AccountStatus::Blocked,
            ..bob
        })
        .unwrap();
    let after = now(&fixture);
    assert!(after.version > before.version);
    assert_eq!(
        after.accounts[&operator.direct].status,
        tandem_call::directory::AccountStatus::Blocked
    );
    assert_eq!(
        before.accounts[&operator.direct].status,
        tandem_call::directory::AccountStatus::Active,
        "calls keep theirs"
    );
    for tariff in [operator.sell, operator.buy, operator.cost] {
        assert!(Arc::ptr_eq(
            before.tariffs.get(tariff).unwrap(),
            after.tariffs.get(tariff).unwrap()
        ));
    }
    assert!(Arc::ptr_eq(
        &before.accounts[&operator.client],
        &after.accounts[&operator.client]
    ));
    assert!(Arc::ptr_eq(
        &before.groups[&operator.group],
        &after.groups[&operator.group]
    ));
    assert!(Arc::ptr_eq(
        &before.gateways[&operator.gateway],
        &after.gateways[&operator.gateway]
    ));
}

#[test]
fn a_rate_edit_rebuilds_its_tariff_only() {
    let (fixture, operator) = Fixture::operator();
    let before = now(&fixture);
    fixture.create(&rate(operator.buy.0, "4930", "0.5"));
    let after = now(&fixture);
    let price = |directory: &Directory| {
        directory
            .tariffs
            .quote(operator.buy, "49301", START)
            .unwrap()
            .price_per_minute
    };
    assert_eq!(
        (price(&before), price(&after)),
        ("0.03".parse().unwrap(), "0.5".parse().unwrap())
    );
    assert!(!Arc::ptr_eq(
        before.tariffs.get(operator.buy).unwrap(),
        after.tariffs.get(operator.buy).unwrap()
    ));
    assert!(Arc::ptr_eq(
        before.tariffs.get(operator.sell).unwrap(),
        after.tariffs.get(operator.sell).unwrap()
    ));
}

#[test]
fn devices_move_disappear_and_come_back() {
    let (fixture, operator) = Fixture::operator();
    let id = fixture.create(&Device {
        extension: Some("12".into()),
        ..device(operator.direct, "phone")
    });
    assert_eq!(
        now(&fixture).device_by_number("12").unwrap().account,
        operator.direct
    );
    let edit = |change: fn(&mut Device)| {
        let mut read: Device = fixture.get(id);
        change(&mut read);
        fixture.update(&read).unwrap();
        now(&fixture)
    };
    let moved = edit(|device| device.account_id = AccountId(device.account_id.0 - 1));
    assert_eq!(moved.devices["phone"].account, operator.client);
    assert_eq!(moved.account_devices[&operator.client], ["phone"]);
    assert!(!moved.account_devices.contains_key(&operator.direct));
    let off = edit(|device| device.disabled = true);
    assert!(off.devices.is_empty() && off.extensions.is_empty());
    let back = edit(|device| (device.disabled, device.extension) = (false, Some("13".into())));
    assert_eq!(
        (back.extensions.get("12"), back.extensions["13"].as_str()),
        (None, "phone")
    );
    fixture
        .writer()
        .edit(Edit::delete(root(), START, Resource::Device, id, 4))
        .unwrap();
    assert!(now(&fixture).devices.is_empty());
}

#[test]
fn everything_of_the_call_path_arrives() {
    let (fixture, operator) = Fixture::operator();
    fixture.create(&SourceAddress {
        id: 0,
        revision: 0,
        account_id: operator.direct,
        network: "198.51.100.0/24".into(),
        port: Some(5070),
        transport: Some(record::Transport::Tcp),
        tech_prefix: "99".into(),
    });
    fixture.create(&ListEntry {
        id: 0,
        revision: 0,
        account_id: None,
        side: ListSide::Caller,
        verdict: ListVerdict::Block,
        prefix: "666".into(),
        note: String::new(),
    });
    fixture.create(&ListEntry {
        id: 0,
        revision: 0,
        account_id: None,
        side: ListSide::Dialled,
        verdict: ListVerdict::Block,
        prefix: "1900".into(),
        note: String::new(),
    });
    let special = TariffId(fixture.create(&tariff("Special")));
    fixture.create(&DnisTariff {
        id: 0,
        revision: 0,
        account_id: operator.direct,
        prefix: "0800".into(),
        tariff_id: special,
    });
    fixture.create(&Route {
        priority: 2,
        target: RouteTarget::Reject,
        reject_status: Some(480),
        reject_reason: "Later".into(),
        ..route(operator.group, "49")
    });
    let bob: Account = fixture.get(operator.direct.0);
    let call = CallTerms {
        caller_id_mode: CallerIdMode::Fixed,
        caller_ids: vec!["4930".into()],
        rules: "00->".into(),
        max_calls: 3,
        ..bob.call.clone()
    };
    fixture.update(&Account { call, ..bob }).unwrap();
    let hosts = vec![
        GatewayHost {
            host: "192.0.2.2".into(),
            port: 5061,
            priority: 2,
            weight: 1,
            transport: None,
        },
        GatewayHost {
            host: "2001:db8::5".into(),
            port: 5060,
            priority: 1,
            weight: 1,
            transport: None,
        },
    ];
    let beta = fixture.create(&Gateway {
        hosts,
        auth: GatewayAuth {
            auth_username: Some("u".into()),
            auth_password: Some("p".into()),
        },
        ..gateway("Beta")
    });

    let directory = now(&fixture);
    let source = &directory.sources[0];
    assert_eq!(
        (
            source.account,
            source.prefix_len,
            source.port,
            source.tech_prefix.as_str()
        ),
        (operator.direct, 24, Some(5070), "99")
    );
    let decided = |side, number: &str| directory.lists.decide(&[], side, &[number]).len();
    assert_eq!(
        (
            decided(ListSide::Caller, "6661"),
            decided(ListSide::Dialled, "19001"),
            decided(ListSide::Dialled, "6661"),
        ),
        (1, 1, 0)
    );
    let account = &directory.accounts[&operator.direct];
    assert_eq!(
        (
            account.dnis_tariffs.longest("0800123").map(|(_, t)| *t),
            account.limits.max_calls
        ),
        (Some(special), 3)
    );
    assert_eq!(
        (&account.caller_id, account.rules.source()),
        (&CallerIdRule::Fixed("4930".into()), "00->")
    );
    assert_eq!(
        directory.accounts[&operator.reseller].kind,
        AccountKind::Reseller { level: 1 }
    );
    let group = &directory.groups[&operator.group];
    let (_, routes) = group.routes.longest("4930").unwrap();
    assert_eq!(
        routes
            .iter()
            .map(|route| route.priority)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(routes[0].target, Target::Gateway(operator.gateway));
    let beta = &directory.gateways[&tandem_billing::GatewayId(beta)];
    assert_eq!(
        beta.hosts
            .iter()
            .map(|host| host.address.to_string())
            .collect::<Vec<_>>(),
        ["[2001:db8::5]:5060", "192.0.2.2:5061"]
    );
    assert_eq!(beta.auth.as_ref().unwrap().password, "p");
}

#[test]
fn names_of_gateway_hosts_are_resolved_by_the_shell_s_function() {
    let mut fixture = Fixture::empty();
    let mut options = fixture.options();
    let found = |address: &str, port| Found {
        address: std::net::SocketAddr::new(address.parse().unwrap(), port),
        priority: 0,
        weight: None,
    };
    options.resolve = Arc::new(move |wanted| match wanted.host.as_str() {
        "sip.example.com" => vec![
            found("192.0.2.40", wanted.port),
            found("192.0.2.41", wanted.port),
        ],
        _ => Vec::new(),
    });
    fixture.close();
    fixture.store = Some(tandem_store::Store::open(&fixture.path(), options).unwrap());
    let host = |name: &str| {
        vec![GatewayHost {
            host: name.into(),
            port: 5060,
            priority: 1,
            weight: 1,
            transport: None,
        }]
    };
    let known = fixture.create(&Gateway {
        hosts: host("sip.example.com"),
        ..gateway("Known")
    });
    let unknown = fixture.create(&Gateway {
        hosts: host("nowhere.example.com"),
        ..gateway("Unknown")
    });
    let directory = now(&fixture);
    let addresses = |id| {
        directory.gateways[&tandem_billing::GatewayId(id)]
            .hosts
            .len()
    };
    assert_eq!((addresses(known), addresses(unknown)), (2, 0));
}

#[test]
fn a_restart_gives_the_same_directory() {
    let (mut fixture, operator) = Fixture::operator();
    fixture.create(&device(operator.direct, "phone"));
    let rebuilt = now(&fixture);
    let loaded = fixture.open().take_loaded().unwrap().directory;
    let without_version = |directory: &Directory| {
        format!(
            "{:?}{:?}{:?}{:?}{:?}",
            directory.accounts,
            directory.devices,
            directory.gateways,
            directory.groups,
            directory.settings
        )
    };
    assert_eq!(without_version(&rebuilt), without_version(&loaded));
    assert_eq!(
        fixture
            .reader()
            .get::<Account>(operator.direct.0, Scope::All)
            .unwrap()
            .unwrap()
            .login,
        "bob"
    );
    let nameless = Account {
        login: String::new(),
        ..account("x")
    };
    assert!(fixture.try_create(&nameless).is_err());
}
