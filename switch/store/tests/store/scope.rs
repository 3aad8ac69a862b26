//! A reseller never sees a sibling's row: every list, row by row and field by field.

use crate::fixture::{Fixture, Operator, START, account, branch, device, rate, tariff};
use serde_json::Value;
use std::collections::BTreeSet;
use tandem_billing::{AccountId, TariffId};
use tandem_call::journal::{Alert, AlertKind, Record, Registration};
use tandem_store::{
    Edit, List, ListQuery, Scope, StoreError,
    query::{GroupBy, Op, Order, StatisticsQuery},
    record::{
        Account, AccountKind, Audience, DnisTariff, ExchangeRatio, ListEntry, ListSide,
        ListVerdict, Login, Resource, Rights, Role, RuleOrigin, Source, SourceAddress, SourceRule,
        SourceVerdict, Tariff,
    },
};

/// Two resellers with a row in every list each; the second's is the sibling.
fn two_branches() -> (Fixture, Operator, AccountId, AccountId) {
    let (mut fixture, operator) = Fixture::operator();
    let sibling = AccountId(fixture.create(&Account {
        kind: AccountKind::Reseller1,
        tariff_id: Some(operator.buy),
        granted_groups: vec![operator.group],
        ..account("south")
    }));
    let south_sell = fixture.create(&Tariff {
        owner_id: Some(sibling),
        ..tariff("south Sell")
    });
    fixture.create(&rate(south_sell, "49", "0.07"));
    let nephew = AccountId(fixture.create(&Account {
        reseller_id: Some(sibling),
        tariff_id: Some(TariffId(south_sell)),
        routing_group_id: Some(operator.group),
        ..account("carol")
    }));
    for (account, owner, name, tariff) in [
        (operator.client, operator.reseller, "north", operator.sell),
        (nephew, sibling, "south", TariffId(south_sell)),
    ] {
        fixture.create(&device(account, &format!("{name}-phone")));
        fixture.create(&SourceAddress {
            id: 0,
            revision: 0,
            account_id: account,
            network: format!("192.0.2.{}", account.0),
            port: None,
            transport: None,
            tech_prefix: String::new(),
        });
        fixture.create(&DnisTariff {
            id: 0,
            revision: 0,
            account_id: account,
            prefix: "0800".into(),
            tariff_id: tariff,
        });
        let login = Login {
            id: 0,
            revision: 0,
            name: name.into(),
            role: Role::Reseller,
            account_id: Some(owner),
            rights: Rights::new(),
            disabled: false,
            email: String::new(),
            password: Some("correct horse".into()),
        };
        let login = fixture.create(&login);
        let actor = tandem_store::Actor {
            login: Some(tandem_billing::LoginId(login)),
            ..branch(owner)
        };
        let edited: Account = fixture.get(account.0);
        fixture
            .writer()
            .edit(Edit::update(actor, START, &edited))
            .unwrap();
    }
    for account in [operator.client, nephew] {
        fixture.create(&ListEntry {
            id: 0,
            revision: 0,
            account_id: Some(account),
            side: ListSide::Dialled,
            verdict: ListVerdict::Allow,
            prefix: "1900".into(),
            note: String::new(),
        });
    }
    fixture.create(&ListEntry {
        id: 0,
        revision: 0,
        account_id: None,
        side: ListSide::Caller,
        verdict: ListVerdict::Block,
        prefix: "666".into(),
        note: String::new(),
    });
    fixture.create(&crate::fixture::upstream("line", operator.gateway));
    numbers(&fixture, [operator.client, nephew]);
    fixture.create(&ExchangeRatio {
        id: 0,
        revision: 0,
        currency: crate::fixture::euro(),
        ratio: "1".parse().unwrap(),
        valid_from: START,
    });
    fixture.create(&SourceRule {
        id: 0,
        revision: 0,
        network: "203.0.113.0/24".into(),
        verdict: SourceVerdict::Block,
        origin: RuleOrigin::Operator,
        made_at: START,
        expires_at: None,
        repeats: 0,
        reason: String::new(),
    });
    let mut desk = operator.desk(&mut fixture);
    let mut batches = Vec::new();
    for account in [sibling, nephew] {
        batches.push(desk.pay(account, tandem_billing::Micros(5_000_000), START));
    }
    for account in [operator.client, operator.direct, nephew] {
        batches.extend(desk.call(account, START, 30));
    }
    for name in ["north-phone", "south-phone"] {
        let registration = Registration {
            username: name.into(),
            contact: format!("sip:{name}"),
            transport: "udp".into(),
            listener: 0,
            remote: "192.0.2.9:5060".into(),
            path: vec![],
            call_id: "c".into(),
            cseq: 1,
            expires_at: START.plus_ms(1_000_000),
            user_agent: String::new(),
            q_thousandths: 1000,
            instance: None,
        };
        batches.push(desk.batch(vec![Record::Registered(registration)]));
    }
    for account in [operator.client, nephew] {
        let alert = Alert {
            at: START,
            kind: AlertKind::LowBalance,
            account: Some(account),
            call: None,
            text: "low".into(),
        };
        batches.push(desk.batch(vec![Record::Alert(alert)]));
    }
    let last = batches.last().unwrap().seq;
    for batch in batches {
        fixture.writer().submit(batch).unwrap();
    }
    fixture.in_rows(last);
    fixture.verify();
    (fixture, operator, sibling, nephew)
}

/// One of each account, and one in stock.
fn numbers(fixture: &Fixture, [mine, other]: [AccountId; 2]) {
    for (number, account) in [
        ("4930100", Some(mine)),
        ("4930101", Some(other)),
        ("4930102", None),
    ] {
        fixture.create(&crate::fixture::did(number, account));
    }
}

/// The account a row belongs to, by the list's own columns.
fn owner(list: List, row: &serde_json::Map<String, Value>) -> Option<i64> {
    let field = match list {
        List::Of(Resource::Account) => "id",
        List::Of(Resource::Tariff) => "owner_id",
        _ => "account_id",
    };
    row.get(field).and_then(Value::as_i64)
}

#[test]
fn every_list_shows_its_own_branch_only() {
    let (fixture, operator, sibling, nephew) = two_branches();
    let mine = BTreeSet::from([operator.reseller.0, operator.client.0]);
    let reader = fixture.reader();
    let hidden = [
        Resource::Gateway,
        Resource::Route,
        Resource::Setting,
        Resource::ExchangeRatio,
        Resource::SourceRule,
        Resource::Upstream,
    ];
    for list in List::all() {
        let scope = Scope::Branch(operator.reseller);
        let page = reader.list(list, &ListQuery::all(scope)).unwrap();
        assert_eq!(page.total, Some(page.rows.len() as u64));
        let everything = reader.list(list, &ListQuery::all(Scope::All)).unwrap();
        if list != List::Of(Resource::AniTariff) {
            assert!(!everything.rows.is_empty(), "{list:?} is not tested");
        }
        if let List::Of(resource) = list
            && hidden.contains(&resource)
        {
            assert!(page.rows.is_empty(), "{list:?}");
            continue;
        }
        let by_branch = !matches!(
            list,
            List::Of(Resource::RoutingGroup | Resource::Rate | Resource::AniTariff)
                | List::AuditLog
        );
        for row in &page.rows {
            if by_branch && list != List::Of(Resource::Tariff) {
                assert!(
                    owner(list, row).is_some_and(|id| mine.contains(&id)),
                    "{list:?}: {row:?}"
                );
            }
            let text = serde_json::to_string(row).unwrap();
            for other in ["south", "carol", "bob"] {
                assert!(!text.contains(other), "{list:?} shows {other}: {text}");
            }
        }
        if by_branch {
            assert!(!page.rows.is_empty(), "{list:?} shows nothing of its own");
        }
        assert!(
            page.rows.len() < everything.rows.len()
                || matches!(list, List::Of(Resource::RoutingGroup | Resource::AniTariff)),
            "{list:?}"
        );
        // A branch below sees less, one that does not exist nothing.
        let nobody = reader
            .list(list, &ListQuery::all(Scope::Branch(AccountId(999_999))))
            .unwrap();
        assert!(nobody.rows.is_empty(), "{list:?}");
    }
    let tariffs = reader
        .records::<Tariff>(&ListQuery::all(Scope::Branch(operator.reseller)))
        .unwrap();
    let names: Vec<_> = tariffs
        .rows
        .iter()
        .map(|tariff| tariff.name.as_str())
        .collect();
    assert_eq!(names, ["Buy", "north Sell"]);
    let scope = Scope::Branch(operator.reseller);
    for id in [sibling, nephew, operator.direct] {
        assert!(reader.get::<Account>(id.0, scope).unwrap().is_none());
        assert!(reader.balance(id, scope).unwrap().is_none());
        assert!(!reader.in_scope(id, scope).unwrap());
    }
    assert!(reader.in_scope(operator.client, scope).unwrap());
}

#[test]
fn fields_for_operators_are_neither_shown_nor_searched() {
    let (fixture, operator, ..) = two_branches();
    let scope = Scope::Branch(operator.reseller);
    let reader = fixture.reader();
    let mut hidden = 0;
    for list in List::all() {
        for field in list.view().fields {
            if field.source == Source::Secret {
                let sorted = ListQuery::all(Scope::All).sort(field.name, Order::Ascending);
                assert!(
                    matches!(reader.list(list, &sorted), Err(StoreError::BadQuery { .. })),
                    "{}",
                    field.name
                );
            }
            if field.audience != Audience::Operator {
                continue;
            }
            hidden += 1;
            let page = reader.list(list, &ListQuery::all(scope)).unwrap();
            assert!(
                page.rows.iter().all(|row| !row.contains_key(field.name)),
                "{list:?} {}",
                field.name
            );
            let sorted = ListQuery::all(scope).sort(field.name, Order::Ascending);
            assert!(matches!(
                reader.list(list, &sorted),
                Err(StoreError::BadQuery { .. })
            ));
            let filtered = ListQuery::all(scope).filter(field.name, Op::NotNull, Value::Null);
            assert!(matches!(
                reader.list(list, &filtered),
                Err(StoreError::BadQuery { .. })
            ));
        }
    }
    assert!(hidden > 10);
}

#[test]
fn a_call_shows_a_reseller_its_own_levels_and_no_cost() {
    let (fixture, operator, sibling, _) = two_branches();
    let reader = fixture.reader();
    let call = tandem_billing::CallId(1);
    let detail = reader
        .cdr(call, Scope::Branch(operator.reseller))
        .unwrap()
        .unwrap();
    assert_eq!(detail.charges.len(), 2);
    assert!(
        detail.cost.is_none()
            && detail.trace.is_none()
            && detail.cdr.money.cost.is_none()
            && detail.cdr.gateway_id.is_none()
    );
    let below = reader
        .cdr(call, Scope::Branch(operator.client))
        .unwrap()
        .unwrap();
    assert_eq!(
        below
            .charges
            .iter()
            .map(|level| level.account_id)
            .collect::<Vec<_>>(),
        [operator.client]
    );
    assert!(reader.cdr(call, Scope::Branch(sibling)).unwrap().is_none());

    let query = StatisticsQuery {
        from: START,
        to: START.plus_ms(3_600_000),
        group_by: vec![GroupBy::Account],
        account: None,
        gateway: None,
        scope: Scope::Branch(operator.reseller),
    };
    let rows = reader.statistics(&query).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (
            rows[0].account_id,
            rows[0].attempts,
            rows[0].cost,
            rows[0].revenue
        ),
        (Some(operator.client), 1, None, None)
    );
    let by_gateway = StatisticsQuery {
        group_by: vec![GroupBy::Gateway],
        ..query
    };
    assert!(matches!(
        reader.statistics(&by_gateway),
        Err(StoreError::BadQuery { .. })
    ));
    let totals = reader
        .cdr_totals(&ListQuery::all(Scope::Branch(operator.reseller)))
        .unwrap();
    assert_eq!(
        (
            totals.calls,
            totals.charge[0].amount.0,
            totals.cost.len(),
            totals.revenue.len()
        ),
        (1, 30_000, 0, 0)
    );
}
