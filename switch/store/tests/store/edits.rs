//! Edits: revisions, faults by field, what may not change, what may not go, the audit log.

use crate::fixture::{
    Fixture, ONE, START, account, branch, device, gateway, group, rate, root, route, tariff,
};
use serde_json::json;
use tandem_billing::{AccountId, Currency, Micros, TariffId};
use tandem_store::{
    Edit, EditError, List, ListQuery, Scope,
    query::{AuditRow, Op},
    record::{
        Account, AccountKind, AniTariff, BlockEntry, BlockList, CallTerms, CallerIdMode, Device,
        DnisTariff, ExchangeRatio, Gateway, Login, PaymentMode, Person, Rate, Record, Resource,
        Rights, Role, Route, RouteTarget, RoutingGroup, Setting, SourceAddress, Tariff,
    },
};

fn fields<T: std::fmt::Debug>(result: Result<T, EditError>) -> Vec<String> {
    match result {
        Err(EditError::Invalid(faults)) => {
            for fault in &faults {
                assert!(!fault.reason.is_empty());
            }
            faults.into_iter().map(|fault| fault.field).collect()
        }
        other => panic!("expected faults, not {other:?}"),
    }
}

#[test]
fn an_edit_on_an_old_revision_is_a_conflict() {
    let (fixture, operator) = Fixture::operator();
    let mine: Account = fixture.get(operator.direct.0);
    let theirs = Account {
        person: Person {
            name: "Bob B.".into(),
            ..Person::default()
        },
        ..mine.clone()
    };
    assert_eq!(fixture.update(&theirs).unwrap().revision, mine.revision + 1);
    let conflict = fixture
        .update(&Account {
            lot: Some("x".into()),
            ..mine
        })
        .unwrap_err();
    assert!(
        matches!(
            conflict,
            EditError::Conflict {
                current: 2,
                expected: 1,
                ..
            }
        ),
        "{conflict:?}"
    );
    let missing = fixture.update(&Account { id: 999, ..theirs }).unwrap_err();
    assert!(matches!(missing, EditError::NotFound { id: 999, .. }));
}

#[test]
fn what_was_written_is_read_back() {
    let (fixture, operator) = Fixture::operator();
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
            auth_username: Some("u".into()),
            auth_password: Some("p".into()),
            ..gateway("Beta")
        },
        |read| {
            read.hosts[0].priority = 3;
            read.stop_codes.push(486);
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
        &BlockEntry {
            id: 0,
            revision: 0,
            list: BlockList::Caller,
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
    let dollars = fixture.create(&Tariff {
        currency: "USD".to_owned().try_into().unwrap(),
        ..tariff("Dollars")
    });
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
            "hosts",
            fields(fixture.try_create(&Gateway {
                hosts: vec![],
                ..gateway("g")
            })),
        ),
        (
            "stop_codes",
            fields(fixture.try_create(&Gateway {
                stop_codes: vec![200],
                ..gateway("g")
            })),
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
                auth_username: Some("u".into()),
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
            fields(fixture.try_create(&BlockEntry {
                id: 0,
                revision: 0,
                list: BlockList::Dialled,
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
fn what_is_used_is_not_deleted_and_the_message_says_by_what() {
    let (mut fixture, operator) = Fixture::operator();
    let mut desk = operator.desk(&mut fixture);
    let delete = |resource, id| {
        fixture
            .writer()
            .edit(Edit::delete(root(), START, resource, id, 1))
    };
    let by = |result: Result<_, EditError>| match result {
        Err(EditError::InUse { by, .. }) => by,
        other => panic!("{other:?}"),
    };
    assert!(by(delete(Resource::Tariff, operator.sell.0)).contains("1 account"));
    assert!(by(delete(Resource::Gateway, operator.gateway.0)).contains("1 route"));
    assert!(by(delete(Resource::RoutingGroup, operator.group.0)).contains("3 account"));
    let reason = by(delete(Resource::Account, operator.client.0));
    assert!(
        reason.contains("ledger_entry") && reason.contains("close it"),
        "{reason}"
    );
    let (_, opened) = desk.open(operator.direct, START, 5);
    let seq = opened.seq;
    fixture.writer().submit(opened).unwrap();
    fixture.events.durable(seq);
    assert!(by(delete(Resource::Account, operator.direct.0)).contains("hold"));

    let unused = fixture.create(&account("unused"));
    fixture.create(&device(AccountId(unused), "unused-phone"));
    delete(Resource::Account, unused).unwrap();
    let devices = fixture
        .reader()
        .records::<Device>(&ListQuery::all(Scope::All))
        .unwrap();
    assert_eq!(devices.rows, []);
    fixture.verify();
}

#[test]
fn a_deleted_tariff_takes_its_rates_along() {
    let (fixture, _) = Fixture::operator();
    let id = fixture.create(&tariff("Short-lived"));
    fixture.create(&rate(id, "1", "0.1"));
    fixture
        .writer()
        .edit(Edit::delete(root(), START, Resource::Tariff, id, 1))
        .unwrap();
    assert!(
        fixture
            .events
            .directory()
            .unwrap()
            .tariffs
            .get(TariffId(id))
            .is_none()
    );
    let next = fixture.create(&tariff("Another"));
    assert!(next > id, "ids are never used again");
}

#[test]
fn several_edits_stand_or_fall_together() {
    let (fixture, _) = Fixture::operator();
    let edits = vec![
        Edit::create(root(), START, &account("one")),
        Edit::create(root(), START, &account("two")),
        Edit::create(root(), START, &account("one")),
    ];
    assert_eq!(fields(fixture.writer().edit_all(edits)), ["login"]);
    let found = fixture
        .reader()
        .records::<Account>(&ListQuery::all(Scope::All).filter(
            "login",
            Op::In,
            json!(["one", "two"]),
        ));
    assert_eq!(found.unwrap().total, Some(0));
}

#[test]
fn secrets_go_in_and_never_come_out() {
    let (mut fixture, operator) = Fixture::operator();
    let phone = fixture.create(&device(operator.direct, "phone"));
    fixture.create(&Gateway {
        auth_username: Some("u".into()),
        auth_password: Some("gateway-secret".into()),
        ..gateway("Beta")
    });
    fixture.create(&Login {
        id: 0,
        revision: 0,
        name: "chief".into(),
        role: Role::Admin,
        account_id: None,
        rights: Rights::new(),
        disabled: false,
        email: String::new(),
        password: Some("correct horse".into()),
    });
    let ha1 = fixture.events.directory().unwrap().devices["phone"]
        .ha1
        .clone();
    assert_eq!(
        ha1,
        tandem_sip::digest::Ha1::new("phone", "tandem", "opensesame")
    );
    for list in List::all() {
        let rows = fixture
            .reader()
            .list(list, &ListQuery::all(Scope::All))
            .unwrap();
        let text = serde_json::to_string(&rows.rows).unwrap();
        for secret in [
            "opensesame",
            "gateway-secret",
            "correct horse",
            "argon2",
            ha1.md5.as_str(),
        ] {
            assert!(!text.contains(secret), "{list:?} shows {secret}");
        }
    }
    // Without a password the old one stays; a new name needs one.
    let read: Device = fixture.get(phone);
    fixture
        .update(&Device {
            extension: Some("12".into()),
            ..read.clone()
        })
        .unwrap();
    assert_eq!(
        fixture.events.directory().unwrap().devices["phone"].ha1,
        ha1
    );
    let read: Device = fixture.get(phone);
    assert_eq!(
        fields(fixture.update(&Device {
            username: "other".into(),
            ..read
        })),
        ["password"]
    );
    fixture.close();
    let raw = std::fs::read(fixture.path()).unwrap();
    for secret in ["opensesame", "correct horse"] {
        assert!(
            !raw.windows(secret.len())
                .any(|window| window == secret.as_bytes()),
            "{secret} is in the file"
        );
    }
}

#[test]
fn every_edit_is_in_the_audit_log_with_old_and_new_value() {
    let (fixture, operator) = Fixture::operator();
    let bob: Account = fixture.get(operator.direct.0);
    fixture
        .update(&Account {
            lot: Some("L1".into()),
            ..bob
        })
        .unwrap();
    let query = ListQuery::all(Scope::All)
        .filter("resource", Op::Eq, "account")
        .filter("row_id", Op::Eq, operator.direct.0);
    let rows = fixture
        .reader()
        .rows::<AuditRow>(List::AuditLog, &query)
        .unwrap()
        .rows;
    let actions: Vec<_> = rows
        .iter()
        .map(|row| (row.action.as_str(), row.who.as_str(), row.account_id))
        .collect();
    let whose = Some(operator.direct);
    assert_eq!(
        actions,
        [("create", "test", whose), ("update", "test", whose)]
    );
    assert_eq!(
        (&rows[1].old_value["lot"], &rows[1].new_value["lot"]),
        (&json!(null), &json!("L1"))
    );
    assert!(rows[0].old_value.is_null());
    let device_id = fixture.create(&device(operator.direct, "phone"));
    let query = ListQuery::all(Scope::All)
        .filter("resource", Op::Eq, "device")
        .filter("row_id", Op::Eq, device_id);
    let rows = fixture
        .reader()
        .rows::<AuditRow>(List::AuditLog, &query)
        .unwrap()
        .rows;
    assert_eq!(rows[0].new_value["password"], json!("(changed)"));
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
fn the_last_admin_stays() {
    let fixture = Fixture::empty();
    let admin = |name: &str| Login {
        id: 0,
        revision: 0,
        name: name.into(),
        role: Role::Admin,
        account_id: None,
        rights: Rights::new(),
        disabled: false,
        email: String::new(),
        password: Some("correct horse".into()),
    };
    let first = fixture.create(&admin("first"));
    let read: Login = fixture.get(first);
    assert!(matches!(
        fixture.update(&Login {
            disabled: true,
            ..read.clone()
        }),
        Err(EditError::Forbidden(_))
    ));
    let delete = |id| {
        fixture
            .writer()
            .edit(Edit::delete(root(), START, Resource::Login, id, 1))
    };
    assert!(matches!(delete(first), Err(EditError::Forbidden(_))));
    fixture.create(&admin("second"));
    delete(first).unwrap();
}

#[test]
fn a_reseller_only_gives_on_what_it_was_given() {
    let (fixture, operator) = Fixture::operator();
    let me = branch(operator.reseller);
    let create = |account: &Account| {
        fixture
            .writer()
            .edit(Edit::create(me.clone(), START, account))
    };
    let mine = Account {
        reseller_id: Some(operator.reseller),
        ..account("mine")
    };
    create(&Account {
        tariff_id: Some(operator.sell),
        routing_group_id: Some(operator.group),
        ..mine.clone()
    })
    .unwrap();
    let other = fixture.create(&group("Secret"));
    let not_given = Account {
        login: "mine2".into(),
        tariff_id: Some(operator.buy),
        routing_group_id: Some(tandem_billing::RoutingGroupId(other)),
        ..mine.clone()
    };
    assert_eq!(
        fields(create(&not_given)),
        ["tariff_id", "routing_group_id"]
    );
    // The operator is held to the same rule for accounts of a reseller.
    assert_eq!(
        fields(fixture.try_create(&not_given)),
        ["tariff_id", "routing_group_id"]
    );

    let sub = Account {
        kind: AccountKind::Reseller2,
        granted_tariffs: vec![operator.cost],
        ..Account {
            login: "sub".into(),
            ..mine
        }
    };
    assert_eq!(fields(create(&sub)), ["granted_tariffs"]);
    create(&Account {
        granted_tariffs: vec![operator.sell],
        granted_groups: vec![operator.group],
        ..sub
    })
    .unwrap();

    // What is used below cannot be taken away.
    let reseller: Account = fixture.get(operator.reseller.0);
    let taken = Account {
        granted_groups: vec![],
        routing_group_id: None,
        ..reseller
    };
    assert_eq!(
        fields(fixture.update(&taken)),
        ["granted_groups", "granted_groups"]
    );
}

#[test]
fn a_reseller_edits_its_branch_and_nothing_else() {
    let (fixture, operator) = Fixture::operator();
    let me = branch(operator.reseller);
    let forbidden = |result: Result<_, EditError>, what: &str| {
        assert!(
            matches!(
                result,
                Err(EditError::Forbidden(_) | EditError::NotFound { .. })
            ),
            "{what}: {result:?}"
        );
    };
    let edit = |edit: Edit| fixture.writer().edit(edit);
    fn create<R: Record>(me: &tandem_store::Actor, record: &R) -> Edit {
        Edit::create(me.clone(), START, record)
    }
    let bob: Account = fixture.get(operator.direct.0);
    let own: Account = fixture.get(operator.reseller.0);
    let buy: Tariff = fixture.get(operator.buy.0);
    let buy_rate: Rate = fixture
        .reader()
        .records(&ListQuery::all(Scope::All).filter("tariff_id", Op::Eq, operator.buy.0))
        .unwrap()
        .rows
        .remove(0);
    let setting: Setting = fixture.get(1);
    forbidden(
        edit(Edit::update(me.clone(), START, &bob)),
        "another's account",
    );
    forbidden(
        edit(Edit::update(me.clone(), START, &own)),
        "its own account",
    );
    forbidden(
        edit(create(&me, &account("free"))),
        "an account of the operator",
    );
    forbidden(
        edit(create(&me, &device(operator.direct, "d"))),
        "a device of another",
    );
    forbidden(
        edit(Edit::update(me.clone(), START, &buy)),
        "its buy tariff",
    );
    forbidden(
        edit(Edit::update(me.clone(), START, &buy_rate)),
        "a rate of its buy tariff",
    );
    forbidden(
        edit(create(&me, &rate(operator.buy.0, "1", "0"))),
        "a new rate of its buy tariff",
    );
    forbidden(
        edit(create(&me, &tariff("free"))),
        "a tariff of the operator",
    );
    forbidden(edit(create(&me, &gateway("g"))), "a gateway");
    forbidden(edit(create(&me, &group("g"))), "a group");
    forbidden(edit(create(&me, &route(operator.group, "1"))), "a route");
    forbidden(edit(Edit::update(me.clone(), START, &setting)), "a setting");
    forbidden(
        edit(create(
            &me,
            &BlockEntry {
                id: 0,
                revision: 0,
                list: BlockList::Caller,
                prefix: "1".into(),
                note: String::new(),
            },
        )),
        "a block",
    );
    let admin = Login {
        id: 0,
        revision: 0,
        name: "sneaky".into(),
        role: Role::Admin,
        account_id: None,
        rights: Rights::new(),
        disabled: false,
        email: String::new(),
        password: Some("correct horse".into()),
    };
    forbidden(edit(create(&me, &admin)), "an admin");
    let replaced = fixture
        .writer()
        .replace_rates(me.clone(), START, operator.buy, 1, []);
    assert!(matches!(replaced, Err(EditError::NotFound { .. })));
    // A device of its own cannot be moved to somebody else.
    let created = edit(create(&me, &device(operator.client, "d"))).unwrap();
    let moved: Device = fixture.get(created.id);
    forbidden(
        edit(Edit::update(
            me.clone(),
            START,
            &Device {
                account_id: operator.direct,
                ..moved
            },
        )),
        "a moved device",
    );
    edit(create(&me, &rate(operator.sell.0, "44", "0.2"))).unwrap();
    edit(create(
        &me,
        &Login {
            role: Role::Reseller,
            account_id: Some(operator.reseller),
            ..admin
        },
    ))
    .unwrap();
}
