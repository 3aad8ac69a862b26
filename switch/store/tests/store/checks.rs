//! What a record must be: read back as written, faults by field, what never changes.

use crate::fixture::{
    Fixture, ONE, START, account, device, fields, gateway, group, rate, route, tariff,
};
use serde_json::json;
use tandem_billing::{AccountId, Currency, Micros, TariffId};
use tandem_call::directory::Health;
use tandem_store::{
    EditError, ListQuery, Scope,
    query::Op,
    record::{
        Account, AccountKind, AniTariff, CallTerms, CallerIdMode, Device, DnisTariff,
        ExchangeRatio, Gateway, GatewayAuth, GatewayHours, GatewayInbound, HuntTerms, InboundReach,
        ListEntry, ListSide, ListVerdict, PaymentMode, Person, Record, Route, RouteTarget,
        RoutingGroup, Setting, SourceAddress, Tariff, Transport,
    },
};

fn round<R: Record + PartialEq + std::fmt::Debug + Clone>(
    fixture: &Fixture,
    record: &R,
    edit: impl Fn(&mut R),
) {
    let id = fixture.create(record);
    let mut read: R = fixture.get(id);
    edit(&mut read);
    fixture.update(&read).unwrap();
    let again: R = fixture.get(id);
    assert_eq!(again.revision(), read.revision() + 1);
    assert_eq!(
        serde_json::to_value(&again)
            .unwrap()
            .as_object()
            .unwrap()
            .iter()
            .filter(|(k, _)| *k != "revision")
            .collect::<Vec<_>>(),
        serde_json::to_value(&read)
            .unwrap()
            .as_object()
            .unwrap()
            .iter()
            .filter(|(k, _)| *k != "revision")
            .collect::<Vec<_>>(),
    );
}

fn dollar_tariff(fixture: &Fixture) -> i64 {
    fixture.create(&Tariff {
        currency: "USD".to_owned().try_into().unwrap(),
        ..tariff("Dollars")
    })
}

#[test]
fn what_was_written_is_read_back() {
    let (fixture, operator) = Fixture::operator();
    let full = Account {
        payment_mode: PaymentMode::Postpaid,
        credit_limit: Micros(ONE),
        tariff_id: Some(operator.buy),
        call: CallTerms {
            rules: "DN:00->;TP:+->".into(),
            caller_id_mode: CallerIdMode::OneOf,
            caller_ids: vec!["4930".into(), "4940".into()],
            blocked_prefixes: vec!["1900".into()],
            codecs: vec!["pcma".into()],
            max_rate_per_minute: Some(Micros(5)),
            ..CallTerms::default()
        },
        person: Person {
            company: "Ä & Ö \"quoted\"".into(),
            time_zone: "Europe/Berlin".into(),
            ..Person::default()
        },
        ..account("full")
    };
    round(&fixture, &full, |read| read.call.max_calls = 7);
    round(
        &fixture,
        &Gateway {
            auth: GatewayAuth {
                auth_username: Some("u".into()),
                auth_password: Some("p".into()),
            },
            ..gateway("Beta")
        },
        |read| {
            read.hosts[0].priority = 3;
            read.hosts[0].transport = Some(Transport::Tcp);
            read.hunt.hunt_codes = "5xx,408;!503".into();
            read.health.interval_s = 30;
            read.hours.span.from_day = 2;
        },
    );
    round(
        &fixture,
        &Route {
            target: RouteTarget::Reject,
            reject_status: Some(403),
            ..route(operator.group, "1900")
        },
        |read| {
            read.target = RouteTarget::Account;
            read.reject_status = None;
            read.account_id = Some(operator.direct);
        },
    );
}

#[test]
fn tariffs_and_small_tables_are_read_back() {
    let (fixture, operator) = Fixture::operator();
    round(
        &fixture,
        &RoutingGroup {
            inherits_id: Some(operator.group),
            ..group("Child")
        },
        |read| read.notes = "n".into(),
    );
    round(
        &fixture,
        &Tariff {
            min_charge: Some("0.0001".parse().unwrap()),
            ..tariff("Round")
        },
        |read| read.decimals = 4,
    );
    let mut stepped = rate(operator.buy.0, "44", "0.123456789");
    stepped.terms.connect_fee = Some("0.05".parse().unwrap());
    round(&fixture, &stepped, |read| read.effective_from = Some(START));
    round(
        &fixture,
        &SourceAddress {
            id: 0,
            revision: 0,
            account_id: operator.direct,
            network: "2001:db8::/32".into(),
            port: None,
            transport: None,
            tech_prefix: "99".into(),
        },
        |read| read.port = Some(5070),
    );
    round(
        &fixture,
        &DnisTariff {
            id: 0,
            revision: 0,
            account_id: operator.direct,
            prefix: "0800".into(),
            tariff_id: operator.buy,
        },
        |read| read.prefix = "0801".into(),
    );
    round(
        &fixture,
        &AniTariff {
            id: 0,
            revision: 0,
            account_id: operator.direct,
            prefix: "49".into(),
            tariff_id: operator.buy,
        },
        |read| read.prefix = "43".into(),
    );
    round(
        &fixture,
        &ListEntry {
            id: 0,
            revision: 0,
            account_id: None,
            side: ListSide::Caller,
            verdict: ListVerdict::Block,
            prefix: "666".into(),
            note: String::new(),
        },
        |read| read.note = "why".into(),
    );
    round(
        &fixture,
        &ExchangeRatio {
            id: 0,
            revision: 0,
            currency: "USD".to_owned().try_into().unwrap(),
            ratio: "0.91".parse().unwrap(),
            valid_from: START,
        },
        |read| {
            read.ratio = "0.92".parse().unwrap();
        },
    );
}

#[test]
fn faults_name_their_fields_all_at_once() {
    let (fixture, operator) = Fixture::operator();
    let dollars = dollar_tariff(&fixture);
    let broken = Account {
        login: "two words".into(),
        credit_limit: Micros(5),
        tariff_id: Some(TariffId(dollars)),
        call: CallTerms {
            rules: "XX:boom".into(),
            caller_id_mode: CallerIdMode::Fixed,
            allowed_prefixes: vec!["".into()],
            ..CallTerms::default()
        },
        person: Person {
            time_zone: "Berlin".into(),
            email: "nobody".into(),
            ..Person::default()
        },
        granted_tariffs: vec![operator.buy],
        ..account("x")
    };
    assert_eq!(
        fields(fixture.try_create(&broken)),
        [
            "login",
            "credit_limit",
            "rules",
            "caller_ids",
            "allowed_prefixes",
            "time_zone",
            "email",
            "tariff_id",
            "granted_tariffs"
        ]
    );
}

#[test]
fn each_fault_of_a_gateway_names_its_field() {
    let (fixture, _) = Fixture::operator();
    for (field, found) in [
        (
            "hosts",
            fields(fixture.try_create(&Gateway {
                hosts: vec![],
                ..gateway("g")
            })),
        ),
        (
            "hunt_codes",
            fields(fixture.try_create(&Gateway {
                hunt: HuntTerms {
                    hunt_codes: "200".into(),
                    ..HuntTerms::default()
                },
                ..gateway("g")
            })),
        ),
        (
            "health.interval_s",
            fields(fixture.try_create(&Gateway {
                health: Health {
                    interval_s: 4,
                    ..Health::default()
                },
                ..gateway("g")
            })),
        ),
        (
            "hours.time_zone",
            fields(fixture.try_create(&Gateway {
                hours: GatewayHours {
                    time_zone: "Mars/Base".into(),
                    ..GatewayHours::default()
                },
                ..gateway("g")
            })),
        ),
        (
            "inbound_account_id",
            fields(fixture.try_create(&Gateway {
                inbound: GatewayInbound {
                    inbound_account_id: Some(AccountId(999)),
                    inbound_reach: InboundReach::Phones,
                    ..GatewayInbound::default()
                },
                ..gateway("g")
            })),
        ),
    ] {
        assert_eq!(found, [field], "{field}");
    }
}

#[test]
fn each_fault_names_its_field() {
    let (fixture, operator) = Fixture::operator();
    let dollars = dollar_tariff(&fixture);
    let table: Vec<(&str, Vec<String>)> = vec![
        ("login", fields(fixture.try_create(&account("alice")))),
        (
            "reseller_id",
            fields(fixture.try_create(&Account {
                reseller_id: Some(operator.direct),
                ..account("x")
            })),
        ),
        (
            "kind",
            fields(fixture.try_create(&Account {
                kind: AccountKind::Reseller2,
                ..account("x")
            })),
        ),
        (
            "password",
            fields(fixture.try_create(&Device {
                password: None,
                ..device(operator.direct, "d")
            })),
        ),
        (
            "password",
            fields(fixture.try_create(&Device {
                password: Some("short".into()),
                ..device(operator.direct, "d")
            })),
        ),
        (
            "account_id",
            fields(fixture.try_create(&device(operator.reseller, "d"))),
        ),
        (
            "username",
            fields(fixture.try_create(&device(operator.direct, "a@b"))),
        ),
        (
            "cost_tariff_id",
            fields(fixture.try_create(&Gateway {
                cost_tariff_id: Some(TariffId(dollars)),
                ..gateway("g")
            })),
        ),
        (
            "auth_password",
            fields(fixture.try_create(&Gateway {
                auth: GatewayAuth {
                    auth_username: Some("u".into()),
                    auth_password: None,
                },
                ..gateway("g")
            })),
        ),
        ("name", fields(fixture.try_create(&gateway("Alpha")))),
        (
            "gateway_id",
            fields(fixture.try_create(&Route {
                target: RouteTarget::Gateway,
                ..route(operator.group, "1")
            })),
        ),
        (
            "reject_status",
            fields(fixture.try_create(&Route {
                target: RouteTarget::Reject,
                ..route(operator.group, "1")
            })),
        ),
        (
            "share",
            fields(fixture.try_create(&Route {
                share: 0,
                ..route(operator.group, "1")
            })),
        ),
        (
            "time_zone",
            fields(fixture.try_create(&Route {
                time_zone: "Mars".into(),
                ..route(operator.group, "1")
            })),
        ),
        (
            "name",
            fields(fixture.try_create(&Tariff {
                owner_id: Some(operator.reseller),
                ..tariff("Mine")
            })),
        ),
        (
            "tariff_id",
            fields(fixture.try_create(&rate(999, "1", "1"))),
        ),
        (
            "prefix",
            fields(fixture.try_create(&rate(operator.buy.0, "49", "0.5"))),
        ),
        (
            "tariff_id",
            fields(fixture.try_create(&DnisTariff {
                id: 0,
                revision: 0,
                account_id: operator.direct,
                prefix: "1".into(),
                tariff_id: TariffId(dollars),
            })),
        ),
        (
            "prefix",
            fields(fixture.try_create(&ListEntry {
                id: 0,
                revision: 0,
                account_id: None,
                side: ListSide::Dialled,
                verdict: ListVerdict::Block,
                prefix: String::new(),
                note: String::new(),
            })),
        ),
        (
            "ratio",
            fields(fixture.try_create(&ExchangeRatio {
                id: 0,
                revision: 0,
                currency: crate::fixture::euro(),
                ratio: "0".parse().unwrap(),
                valid_from: START,
            })),
        ),
    ];
    for (index, (expected, found)) in table.iter().enumerate() {
        assert_eq!(found, &[*expected], "row {index}");
    }
}

#[test]
fn networks_are_checked_and_written_one_way() {
    let (fixture, operator) = Fixture::operator();
    let source = |network: &str| SourceAddress {
        id: 0,
        revision: 0,
        account_id: operator.direct,
        network: network.into(),
        port: None,
        transport: None,
        tech_prefix: String::new(),
    };
    for (given, written) in [
        ("192.0.2.7/32", "192.0.2.7"),
        ("198.51.100.0/24", "198.51.100.0/24"),
        ("2001:DB8:0::1", "2001:db8::1"),
    ] {
        let id = fixture.create(&source(given));
        assert_eq!(fixture.get::<SourceAddress>(id).network, written);
    }
    for bad in [
        "192.0.2.7/24",
        "192.0.2.0/33",
        "example.com",
        "",
        "10.0.0.0/-1",
        "::1/64",
    ] {
        assert_eq!(
            fields(fixture.try_create(&source(bad))),
            ["network"],
            "{bad}"
        );
    }
    assert_eq!(
        fields(fixture.try_create(&source("192.0.2.7"))),
        ["network"],
        "already taken"
    );
}

#[test]
fn some_things_never_change() {
    let (fixture, operator) = Fixture::operator();
    let dollars = Currency::try_from("USD".to_owned()).unwrap();
    let bob: Account = fixture.get(operator.direct.0);
    assert_eq!(
        fields(fixture.update(&Account {
            currency: dollars,
            tariff_id: None,
            ..bob.clone()
        })),
        ["currency"]
    );
    assert_eq!(
        fields(fixture.update(&Account {
            kind: AccountKind::Reseller1,
            ..bob.clone()
        })),
        ["kind"]
    );
    let buy: Tariff = fixture.get(operator.buy.0);
    assert_eq!(
        fields(fixture.update(&Tariff {
            currency: dollars,
            ..buy
        })),
        ["currency"]
    );
    fixture
        .update(&Account {
            kind: AccountKind::Wholesale,
            ..bob
        })
        .unwrap();
}

#[test]
fn settings_are_checked_and_take_effect_with_the_next_directory() {
    let (fixture, operator) = Fixture::operator();
    let setting = |key: &str| {
        let query = ListQuery::all(Scope::All).filter("key", Op::Eq, key);
        fixture
            .reader()
            .records::<Setting>(&query)
            .unwrap()
            .rows
            .remove(0)
    };
    fixture
        .update(&Setting {
            value: json!(25),
            ..setting("ring_timeout_s")
        })
        .unwrap();
    assert_eq!(
        fixture.events.directory().unwrap().settings.ring_timeout_s,
        25
    );
    for (key, value) in [
        ("ring_timeout_s", json!(1)),
        ("ring_timeout_s", json!("60")),
        ("emergency_numbers", json!(["1 1 2"])),
        ("base_currency", json!("euro")),
        ("realm", json!("has \"quotes\"")),
        ("digest_algorithms", json!("sha512")),
    ] {
        assert_eq!(
            fields(fixture.update(&Setting {
                value,
                ..setting(key)
            })),
            ["value"],
            "{key}"
        );
    }
    fixture
        .update(&Setting {
            value: json!("tel.example"),
            ..setting("realm")
        })
        .unwrap();
    fixture.create(&device(operator.direct, "phone"));
    assert_eq!(
        fields(fixture.update(&Setting {
            value: json!("other"),
            ..setting("realm")
        })),
        ["value"]
    );
    let unknown = fixture.try_create(&Setting {
        id: 0,
        revision: 0,
        key: "colour".into(),
        value: json!(1),
    });
    assert!(matches!(unknown, Err(EditError::Forbidden(_))));
}

#[test]
fn a_gateway_cannot_be_allowed_transfers() {
    let (fixture, _) = Fixture::operator();
    let mut asked = gateway("g");
    asked.signalling.transfer = tandem_call::directory::signalling::Transfer::Allowed;
    assert_eq!(fields(fixture.try_create(&asked)), ["signalling.transfer"]);
}
