//! Upstream registrations: kept, checked, and in the directory with the way to them.

use crate::fixture::{Fixture, START, fields, gateway, root, route, upstream};
use std::sync::Arc;
use tandem_billing::{AccountId, GatewayId, UpstreamId};
use tandem_call::directory::Target;
use tandem_store::{
    Edit, EditError, List, ListQuery, Scope,
    record::{
        Gateway, GatewayHost, GatewayInbound, InboundReach, Resource, Route, RouteTarget, Upstream,
    },
};

#[test]
fn one_is_in_the_directory_with_the_way_to_it() {
    let (fixture, operator) = Fixture::operator();
    let id = fixture.create(&Upstream {
        auth_username: Some("auth".into()),
        inbound_account_id: Some(operator.direct),
        inbound_reach: InboundReach::Anywhere,
        ..upstream("line", operator.gateway)
    });
    let directory = fixture.events.directory().unwrap();
    let found = directory.upstreams.get(UpstreamId(id)).unwrap();
    assert_eq!(found.login.username, "auth");
    assert_eq!(found.login.password, "upstream-secret");
    assert_eq!(found.inbound, Some(operator.direct));
    assert_eq!(
        found.inbound_reach,
        tandem_call::directory::InboundReach::Anywhere
    );
    assert_eq!(found.contact_user.len(), 24, "made up");
    let way = directory.upstreams.way(UpstreamId(id)).unwrap();
    assert_eq!((way.id, way.name.as_str()), (operator.gateway, "line"));
    assert_eq!(way.naming.from_user.as_deref(), Some("4930200"));
    assert_eq!(way.naming.from_domain.as_deref(), Some("carrier.test"));
    let source = way.hosts[0].address.ip();
    let by_call = directory.upstreams.of_call(&found.contact_user, source);
    assert_eq!(by_call.map(|one| one.id), Some(UpstreamId(id)));

    // It moves with its gateway.
    let carrier: Gateway = fixture.get(operator.gateway.0);
    let hosts = vec![GatewayHost {
        host: "192.0.2.77".into(),
        ..carrier.hosts[0].clone()
    }];
    fixture.update(&Gateway { hosts, ..carrier }).unwrap();
    let directory = fixture.events.directory().unwrap();
    let way = directory.upstreams.way(UpstreamId(id)).unwrap();
    assert_eq!(way.hosts[0].address.to_string(), "192.0.2.77:5060");
}

#[test]
fn secrets_and_the_token_stay() {
    let (fixture, operator) = Fixture::operator();
    let id = fixture.create(&upstream("line", operator.gateway));
    let read: Upstream = fixture.get(id);
    assert_eq!(read.auth_password, None);
    assert_eq!(read.contact_user, None);
    let held = || {
        let directory = fixture.events.directory().unwrap();
        Arc::clone(directory.upstreams.get(UpstreamId(id)).unwrap())
    };
    let token = held().contact_user.clone();
    let changed = Upstream {
        expires_s: 600,
        contact_user: Some(String::new()),
        ..read
    };
    fixture.update(&changed).unwrap();
    let read: Upstream = fixture.get(id);
    assert_eq!(
        (read.expires_s, held().contact_user.clone()),
        (600, token.clone())
    );
    assert_eq!(held().login.password, "upstream-secret");
    let given = Upstream {
        contact_user: Some("given-token".into()),
        ..read
    };
    fixture.update(&given).unwrap();
    assert_eq!(held().contact_user, "given-token");
    let all = ListQuery::all(Scope::All);
    let audited = fixture.reader().list(List::AuditLog, &all).unwrap().rows;
    let audited = serde_json::to_string(&audited).unwrap();
    let list = List::Of(Resource::Upstream);
    let rows = fixture.reader().list(list, &all);
    let text = serde_json::to_string(&rows.unwrap().rows).unwrap();
    for secret in ["upstream-secret", &token, "given-token"] {
        assert!(
            !text.contains(secret) && !audited.contains(secret),
            "{secret}"
        );
    }
    assert!(audited.contains("(changed)"));
}

#[test]
fn each_fault_names_its_field() {
    let (fixture, operator) = Fixture::operator();
    fixture.create(&Upstream {
        contact_user: Some("token".into()),
        ..upstream("line", operator.gateway)
    });
    type Change = fn(&mut Upstream);
    let table: [(&str, Change); 14] = [
        ("name", |u| u.name = String::new()),
        ("name", |u| u.name = "line".into()),
        ("username", |u| u.username = "a b".into()),
        ("registrar", |u| u.registrar = Some("a b".into())),
        ("realm", |u| u.realm = Some("a\nb".into())),
        ("auth_password", |u| u.auth_password = None),
        ("expires_s", |u| u.expires_s = 59),
        ("keep_alive_s", |u| u.keep_alive_s = 5),
        ("gateway_id", |u| u.gateway_id = GatewayId(999)),
        ("inbound_account_id", |u| {
            u.inbound_reach = InboundReach::Phones;
            u.inbound_account_id = Some(AccountId(999));
        }),
        ("inbound_number", |u| u.inbound_number = Some("1 2".into())),
        ("inbound_number", |u| {
            u.inbound_account_id = Some(AccountId(1))
        }),
        ("contact_user", |u| u.contact_user = Some("a@b".into())),
        ("contact_user", |u| u.contact_user = Some("token".into())),
    ];
    for (field, change) in table {
        let mut wrong = upstream("other", operator.gateway);
        change(&mut wrong);
        assert_eq!(fields(fixture.try_create(&wrong)), [field], "{wrong:?}");
    }
}

#[test]
fn a_route_leads_to_it_and_keeps_it() {
    let (fixture, operator) = Fixture::operator();
    let id = fixture.create(&upstream("line", operator.gateway));
    let to = |target, upstream_id| Route {
        target,
        upstream_id,
        ..route(operator.group, "77")
    };
    let missing = fixture.try_create(&to(RouteTarget::Upstream, None));
    assert_eq!(fields(missing), ["upstream_id"]);
    fixture.create(&to(RouteTarget::Upstream, Some(UpstreamId(id))));
    let directory = fixture.events.directory().unwrap();
    let group = &directory.groups[&operator.group];
    let (_, rows) = group
        .routes
        .longest("777")
        .map_or(("", None), |(p, r)| (p, Some(r)));
    assert_eq!(rows.unwrap()[0].target, Target::Upstream(UpstreamId(id)));
    let delete = |resource, id| {
        let edit = Edit::delete(root(), START, resource, id, 1);
        fixture.writer().edit(edit)
    };
    for (resource, id) in [
        (Resource::Upstream, id),
        (Resource::Gateway, operator.gateway.0),
    ] {
        let refused = delete(resource, id);
        assert!(
            matches!(refused, Err(EditError::InUse { .. })),
            "{refused:?}"
        );
    }
    let free = fixture.create(&gateway("free"));
    delete(Resource::Gateway, free).unwrap();
}

#[test]
fn calls_in_from_a_gateway_go_where_it_says() {
    let (fixture, operator) = Fixture::operator();
    let carrier: Gateway = fixture.get(operator.gateway.0);
    let with = |number: Option<&str>, inbound_reach| Gateway {
        inbound: GatewayInbound {
            inbound_account_id: Some(operator.direct),
            inbound_number: number.map(Into::into),
            inbound_reach,
        },
        ..fixture.get(operator.gateway.0)
    };
    assert_eq!(carrier.inbound, GatewayInbound::default());
    let nowhere = fixture.update(&with(Some(" "), InboundReach::Number));
    assert_eq!(fields(nowhere), ["inbound_number"]);
    let spaced = fixture.update(&with(Some("1 2"), InboundReach::Phones));
    assert_eq!(fields(spaced), ["inbound_number"]);
    for (number, reach) in [
        (Some("alice"), InboundReach::Number),
        (None, InboundReach::Phones),
        (None, InboundReach::Anywhere),
    ] {
        fixture.update(&with(number, reach)).unwrap();
        let directory = fixture.events.directory().unwrap();
        let calls = directory.gateways[&operator.gateway].inbound.clone();
        let calls = calls.expect("it takes calls");
        assert_eq!(calls.account, operator.direct);
        assert_eq!(calls.number.as_deref(), number);
        assert_eq!(format!("{:?}", calls.reach), format!("{reach:?}"));
    }
}
