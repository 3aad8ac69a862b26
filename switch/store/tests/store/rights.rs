//! Who may edit what.

use crate::fixture::{
    Fixture, START, account, branch, device, fields, gateway, group, rate, root, route, tariff,
};
use tandem_store::{
    Edit, EditError, ListQuery, Scope,
    query::Op,
    record::{
        Account, AccountKind, Device, Gateway, GatewayHost, ListEntry, ListSide, ListVerdict,
        Login, Rate, Record, Resource, Rights, Role, Setting, SourceAddress, Tariff,
    },
};

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
            &ListEntry {
                id: 0,
                revision: 0,
                account_id: None,
                side: ListSide::Caller,
                verdict: ListVerdict::Block,
                prefix: "1".into(),
                note: String::new(),
            },
        )),
        "a block",
    );
    let listed = |account| ListEntry {
        id: 0,
        revision: 0,
        account_id: Some(account),
        side: ListSide::Dialled,
        verdict: ListVerdict::Allow,
        prefix: "1".into(),
        note: String::new(),
    };
    forbidden(edit(create(&me, &listed(operator.direct))), "a list beside");
    forbidden(
        edit(create(&me, &listed(operator.reseller))),
        "a list of its own account",
    );
    edit(create(&me, &listed(operator.client))).unwrap();
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

#[test]
fn whom_the_switch_trusts_is_the_operators_to_say() {
    use tandem_call::directory::signalling::{HeaderLine, Signalling, Trust};
    let (fixture, operator) = Fixture::operator();
    let me = branch(operator.reseller);
    let trusted = Signalling {
        trust: Trust::Trusted,
        ..Signalling::default()
    };
    let mut mine = Account {
        reseller_id: Some(operator.reseller),
        ..account("mine")
    };
    mine.call.signalling = trusted.clone();
    let by_reseller = fixture
        .writer()
        .edit(Edit::create(me.clone(), START, &mine));
    assert_eq!(fields(by_reseller), ["signalling"]);
    let id = fixture.create(&mine);
    let mut read: Account = fixture.get(id);
    assert_eq!(read.call.signalling, trusted);
    // The reseller does not see it; what it sends back leaves it as it is.
    read.call.signalling = Signalling::default();
    read.person.name = "Mine".into();
    fixture
        .writer()
        .edit(Edit::update(me, START, &read))
        .unwrap();
    let read: Account = fixture.get(id);
    assert_eq!(
        (read.call.signalling, read.person.name),
        (trusted, "Mine".to_owned())
    );

    let mut harmful = gateway("harmful");
    harmful.signalling.add_headers = vec![HeaderLine {
        name: "X-A".into(),
        value: "b\r\nVia: evil".into(),
    }];
    assert_eq!(
        fields(fixture.try_create(&harmful)),
        ["signalling.add_headers"]
    );
}

/// Whoever has an address is heard, is never blocked, and its calls are the account's: so a reseller enters only what can
/// be its customer's own.
#[test]
fn a_reseller_takes_no_addresses_of_others_and_not_too_many() {
    let (fixture, operator) = Fixture::operator();
    let me = branch(operator.reseller);
    let source = |account, network: &str| SourceAddress {
        id: 0,
        revision: 0,
        account_id: account,
        network: network.into(),
        port: None,
        transport: None,
        tech_prefix: String::new(),
    };
    let carrier = fixture.get::<Gateway>(operator.gateway.0).hosts[0].clone();
    let gateway = |host: &str| Gateway {
        name: format!("Carrier {host}"),
        hosts: vec![GatewayHost {
            host: host.into(),
            ..carrier.clone()
        }],
        ..gateway(host)
    };
    fixture.create(&gateway("203.0.113.7"));
    fixture.create(&gateway("2001:db8:7::7"));
    fixture.create(&source(operator.direct, "198.51.100.64/28"));
    let by = |actor: &tandem_store::Actor, network: &str| {
        let record = source(operator.client, network);
        let edit = Edit::create(actor.clone(), START, &record);
        fixture.writer().edit(edit).map(|done| done.id)
    };
    for refused in [
        "0.0.0.0/0",
        "::/0",
        "::ffff:0:0/96",
        "10.0.0.0/23",
        "2001:db8:1::/47",
        "203.0.113.0/24",
        "203.0.113.7",
        "::ffff:203.0.113.7",
        "2001:db8:7::/48",
        "198.51.100.70",
        "198.51.100.0/24",
    ] {
        assert_eq!(fields(by(&me, refused)), ["network"], "{refused}");
    }
    for taken in ["10.0.0.0/24", "10.0.0.8", "2001:db8:1::/48", "203.0.113.8"] {
        by(&me, taken).unwrap();
    }
    for refused in [
        "0.0.0.0/0",
        "::/0",
        "::ffff:0:0/96",
        "8.0.0.0/7",
        "2000::/15",
    ] {
        assert_eq!(fields(by(&root(), refused)), ["network"], "{refused}");
    }
    assert_eq!(fields(by(&root(), "203.0.113.7")), ["network"]);
    let wide = by(&root(), "172.16.0.0/12").unwrap();
    by(&root(), "198.51.100.0/24").unwrap();
    // Carriers are customers, too.
    fixture.create(&source(operator.direct, "203.0.113.7"));

    let read: SourceAddress = fixture.get(wide);
    let port = SourceAddress {
        port: Some(5060),
        ..read.clone()
    };
    let update = |record: &SourceAddress| {
        let edit = Edit::update(me.clone(), START, record);
        fixture.writer().edit(edit)
    };
    update(&port).unwrap();
    let moved = SourceAddress {
        network: "172.0.0.0/12".into(),
        revision: 2,
        ..port
    };
    assert_eq!(fields(update(&moved)), ["network"]);
}

/// A dialled number is looked for among usernames, then among extensions: neither may be had twice.
#[test]
fn no_device_takes_the_number_of_another() {
    let (fixture, operator) = Fixture::operator();
    fixture.create(&Device {
        extension: Some("100".into()),
        ..device(operator.direct, "front")
    });
    let me = branch(operator.reseller);
    let create = |record: &Device| {
        let edit = Edit::create(me.clone(), START, record);
        fixture.writer().edit(edit)
    };
    let thief = device(operator.client, "100");
    assert_eq!(fields(create(&thief)), ["username"]);
    let by_extension = |extension: &str| Device {
        extension: Some(extension.into()),
        ..device(operator.client, "other")
    };
    for taken in ["front", "100"] {
        assert_eq!(fields(create(&by_extension(taken))), ["extension"]);
    }
    create(&by_extension("101")).unwrap();
}
