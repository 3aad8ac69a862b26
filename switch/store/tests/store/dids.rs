//! DIDs: kept, checked, in the directory, added by ranges; stock is the operator's.

use crate::fixture::{Fixture, START, branch, did, fields, root, tariff, upstream};
use tandem_billing::{AccountId, GatewayId, TariffId, UpstreamId};
use tandem_call::directory::{DidSource, DidTarget as Target};
use tandem_store::{
    Edit, EditError, List, ListQuery, Scope,
    record::{Did, DidTarget, Resource, Tariff},
};

fn in_force(fixture: &Fixture, number: &str) -> Option<tandem_call::directory::Did> {
    let directory = fixture.events.directory()?;
    directory.dids.of(number).map(|did| (**did).clone())
}

#[test]
fn one_is_in_the_directory_as_it_was_saved_and_in_stock_it_leads_nowhere() {
    let (fixture, operator) = Fixture::operator();
    let line = fixture.create(&upstream("line", operator.gateway));
    let id = fixture.create(&Did {
        target: DidTarget::Forward,
        forward_to: Some("+44207".into()),
        refuse_status: Some(404),
        source_upstream_id: Some(UpstreamId(line)),
        max_calls: 3,
        ..did("4930100", Some(operator.direct))
    });
    let found = in_force(&fixture, "4930100").expect("in force");
    assert_eq!(found.id.0, id);
    assert_eq!(found.target, Target::Forward("+44207".into()));
    assert_eq!(found.source, Some(DidSource::Upstream(UpstreamId(line))));
    assert_eq!((found.account, found.max_calls), (Some(operator.direct), 3));
    let read: Did = fixture.get(id);
    assert_eq!(read.refuse_status, None, "of another target");
    fixture
        .update(&Did {
            target: DidTarget::Refuse,
            refuse_status: Some(486),
            refuse_reason: "Busy Here".into(),
            disabled: true,
            ..read
        })
        .unwrap();
    let found = in_force(&fixture, "4930100").expect("in force");
    assert!(!found.enabled);
    let refuse = Target::Refuse {
        status: 486,
        reason: "Busy Here".into(),
    };
    assert_eq!(found.target, refuse);
    let read: Did = fixture.get(id);
    fixture
        .update(&Did {
            account_id: None,
            ..read
        })
        .unwrap();
    assert_eq!(in_force(&fixture, "4930100"), None);
    // What refers to others keeps them.
    fixture.create(&did("4930101", Some(operator.direct)));
    fixture.create(&Did {
        source_upstream_id: Some(UpstreamId(line)),
        ..did("4930102", None)
    });
    for (resource, id) in [
        (Resource::Upstream, line),
        (Resource::Account, operator.direct.0),
    ] {
        let edit = Edit::delete(root(), START, resource, id, 1);
        let refused = fixture.writer().edit(edit);
        assert!(
            matches!(refused, Err(EditError::InUse { .. })),
            "{refused:?}"
        );
    }
    let read: Did = fixture.get(id);
    let edit = Edit::delete(root(), START, Resource::Did, id, read.revision);
    fixture.writer().edit(edit).unwrap();
}

#[test]
fn each_fault_names_its_field() {
    let (fixture, operator) = Fixture::operator();
    fixture.create(&did("4930100", None));
    let dollars = fixture.create(&Tariff {
        currency: "USD".to_owned().try_into().unwrap(),
        ..tariff("Dollars")
    });
    type Change = Box<dyn Fn(&mut Did)>;
    let forward = |to: &str, max_calls: u32| -> Change {
        let to = to.to_owned();
        Box::new(move |did| {
            did.target = DidTarget::Forward;
            did.forward_to = Some(to.clone());
            did.max_calls = max_calls;
        })
    };
    let number = |text: &str| -> Change {
        let text = text.to_owned();
        Box::new(move |did| did.number.clone_from(&text))
    };
    let (reseller, direct) = (operator.reseller, operator.direct);
    let table: Vec<(&str, Change)> = vec![
        ("number", number("")),
        ("number", number("+4930")),
        ("number", number("04930")),
        ("number", number("1234567890123456")),
        ("number", number("49 30")),
        ("number", number("4930100")),
        (
            "account_id",
            Box::new(|did| did.account_id = Some(AccountId(999))),
        ),
        (
            "account_id",
            Box::new(move |did| did.account_id = Some(reseller)),
        ),
        (
            "source_gateway_id",
            Box::new(|did| did.source_gateway_id = Some(GatewayId(999))),
        ),
        (
            "source_upstream_id",
            Box::new(|did| did.source_upstream_id = Some(UpstreamId(999))),
        ),
        ("forward_to", forward("", 1)),
        ("forward_to", forward("4 4", 1)),
        ("forward_to", forward("+4930199", 1)),
        ("max_calls", forward("44207", 0)),
        (
            "refuse_status",
            Box::new(|did| {
                did.target = DidTarget::Refuse;
                did.refuse_status = Some(200);
            }),
        ),
        (
            "refuse_reason",
            Box::new(|did| {
                did.target = DidTarget::Refuse;
                did.refuse_status = Some(486);
                did.refuse_reason = "a\r\nb".into();
            }),
        ),
        (
            "tariff_id",
            Box::new(|did| did.tariff_id = Some(TariffId(1))),
        ),
        (
            "tariff_id",
            Box::new(move |did| {
                did.account_id = Some(direct);
                did.tariff_id = Some(TariffId(dollars));
            }),
        ),
        ("note", Box::new(|did| did.note = "x".repeat(501))),
    ];
    for (field, change) in table {
        let mut wrong = did("4930199", None);
        change(&mut wrong);
        assert_eq!(fields(fixture.try_create(&wrong)), [field], "{wrong:?}");
    }
}

#[test]
fn a_reseller_leads_the_numbers_of_its_accounts_and_touches_no_stock() {
    let (fixture, operator) = Fixture::operator();
    let mine = fixture.create(&Did {
        source_gateway_id: Some(operator.gateway),
        ..did("4930100", Some(operator.client))
    });
    let stock = fixture.create(&did("4930101", None));
    let others = fixture.create(&did("4930102", Some(operator.direct)));
    let scope = Scope::Branch(operator.reseller);
    let list = ListQuery::all(scope);
    let page = fixture
        .reader()
        .list(List::Of(Resource::Did), &list)
        .unwrap();
    assert_eq!(page.rows.len(), 1);
    assert!(!page.rows[0].contains_key("source_gateway_id"));
    let edit = |did: &Did| {
        fixture
            .writer()
            .edit(Edit::update(branch(operator.reseller), START, did))
    };
    let seen = Did {
        source_gateway_id: None,
        target: DidTarget::Forward,
        forward_to: Some("44207".into()),
        max_calls: 1,
        tariff_id: None,
        ..fixture.get::<Did>(mine)
    };
    edit(&seen).unwrap();
    let found = in_force(&fixture, "4930100").expect("in force");
    assert_eq!(found.target, Target::Forward("44207".into()));
    let source = Some(DidSource::Gateway(operator.gateway));
    assert_eq!(found.source, source, "what it does not see stays");
    let now: Did = fixture.get(mine);
    type Change = fn(&mut Did);
    let table: [(&str, Change); 2] = [
        ("number", |did| did.number = "4930103".into()),
        ("disabled", |did| did.disabled = true),
    ];
    for (field, change) in table {
        let mut wrong = now.clone();
        change(&mut wrong);
        assert_eq!(fields(edit(&wrong)), [field]);
    }
    let buy = Did {
        target: DidTarget::Phones,
        tariff_id: Some(operator.buy),
        ..now.clone()
    };
    assert!(
        edit(&buy).is_err() || operator.buy == operator.sell,
        "not its own tariff"
    );
    for account in [None, Some(operator.direct), Some(operator.reseller)] {
        let away = Did {
            account_id: account,
            ..now.clone()
        };
        assert!(
            matches!(edit(&away), Err(EditError::Forbidden(_))),
            "{account:?}"
        );
    }
    for id in [stock, others] {
        let other: Did = fixture.get(id);
        let taken = Did {
            account_id: Some(operator.client),
            ..other
        };
        assert!(matches!(edit(&taken), Err(EditError::NotFound { .. })));
    }
    let made = did("4930104", Some(operator.client));
    let create = Edit::create(branch(operator.reseller), START, &made);
    let delete = Edit::delete(
        branch(operator.reseller),
        START,
        Resource::Did,
        mine,
        now.revision,
    );
    for edit in [create, delete] {
        let refused = fixture.writer().edit(edit);
        assert!(
            matches!(refused, Err(EditError::Forbidden(_))),
            "{refused:?}"
        );
    }
    let range = fixture
        .writer()
        .add_dids(branch(operator.reseller), START, made, "4930109".into());
    assert!(matches!(range, Err(EditError::Forbidden(_))), "{range:?}");
}

#[test]
fn a_range_is_added_whole_or_not_at_all() {
    let (fixture, operator) = Fixture::operator();
    let add = |first: &str, last: &str, account| {
        let template = did(first, account);
        fixture
            .writer()
            .add_dids(root(), START, template, last.to_owned())
    };
    let added = add("493099990", "493100009", Some(operator.direct)).unwrap();
    assert_eq!(added.count, 20);
    for number in ["493099990", "493099999", "493100000", "493100009"] {
        assert!(in_force(&fixture, number).is_some(), "{number}");
    }
    assert!(in_force(&fixture, "493100010").is_none());
    let count = || {
        let all = ListQuery::all(Scope::All);
        let page = fixture
            .reader()
            .list(List::Of(Resource::Did), &all)
            .unwrap();
        page.total
    };
    assert_eq!(count(), Some(20));
    for (first, last, field) in [
        ("493100005", "493100015", "number"),
        ("493100020", "493100019", "last"),
        ("493100020", "4931000200", "last"),
        ("493100020", "49310002x", "last"),
        ("493200000", "493210000", "last"),
        ("0", "9", "number"),
    ] {
        assert_eq!(fields(add(first, last, None)), [field], "{first} to {last}");
    }
    assert_eq!(count(), Some(20), "nothing of a faulty range");
    let audit = fixture
        .reader()
        .list(List::AuditLog, &ListQuery::all(Scope::All))
        .unwrap();
    let lines = audit
        .rows
        .iter()
        .filter(|row| row["action"] == "create_range");
    let line = lines.collect::<Vec<_>>();
    assert_eq!(line.len(), 1);
    assert_eq!(line[0]["new_value"]["last"], "493100009");
    let many = add("4940000000", "4940009999", Some(operator.direct)).unwrap();
    assert_eq!(many.count, 10_000);
    assert!(in_force(&fixture, "4940005000").is_some());
}
