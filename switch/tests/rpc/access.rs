//! Who may call what: every method of the table for every role, written out.

use crate::office;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
};
use tandem_billing::{AccountId, LoginId, UtcMs};
use tandem_protocol::{ErrorCode, Grant, METHODS, Role, role::Area};
use tandem_switch::rpc::{Caller, Clock, guard::Table, session::Sessions};

/// Method, then who may call it: nobody logged in, admin, operator, viewer, reseller.
const EXPECTED: &str = "
    rpc.discover             N A O V R
    session.login            N A O V R
    session.logout           - A O V R
    session.whoami           - A O V R
    session.change_password  - A O V R
    account.list             - A O V R
    account.get              - A O V R
    account.create           - A O - R
    account.update           - A O - R
    account.delete           - A O - R
    account.balance          - A O V R
    device.list              - A O V R
    device.get               - A O V R
    device.create            - A O - R
    device.update            - A O - R
    device.delete            - A O - R
    source.list              - A O V R
    source.get               - A O V R
    source.create            - A O - R
    source.update            - A O - R
    source.delete            - A O - R
    did.list                 - A O V R
    did.get                  - A O V R
    did.create               - A O - R
    did.add_range            - A O - R
    did.update               - A O - R
    did.delete               - A O - R
    list_entry.list          - A O V R
    list_entry.get           - A O V R
    list_entry.create        - A O - R
    list_entry.update        - A O - R
    list_entry.delete        - A O - R
    gateway.list             - A O V -
    gateway.get              - A O V -
    gateway.create           - A O - -
    gateway.update           - A O - -
    gateway.delete           - A O - -
    gateway.probe            - A O - -
    upstream.register        - A O - -
    upstream.status          - A O V R
    upstream.list            - A O V -
    upstream.get             - A O V -
    upstream.create          - A O - -
    upstream.update          - A O - -
    upstream.delete          - A O - -
    gateway.status           - A O V R
    group.list               - A O V R
    group.get                - A O V R
    group.create             - A O - -
    group.update             - A O - -
    group.delete             - A O - -
    route.list               - A O V R
    route.get                - A O V R
    route.create             - A O - -
    route.update             - A O - -
    route.delete             - A O - -
    tariff.list              - A O V R
    tariff.get               - A O V R
    tariff.create            - A O - R
    tariff.update            - A O - R
    tariff.delete            - A O - R
    rate.list                - A O V R
    rate.get                 - A O V R
    rate.create              - A O - R
    rate.update              - A O - R
    rate.delete              - A O - R
    payment.create           - A O - R
    payment.list             - A O V R
    refund.create            - A O - R
    ledger.list              - A O V R
    exchange_ratio.list      - A O V R
    exchange_ratio.get       - A O V R
    exchange_ratio.create    - A O - R
    exchange_ratio.update    - A O - R
    exchange_ratio.delete    - A O - R
    cdr.list                 - A O V R
    cdr.get                  - A O V R
    recording.read           - A - - R
    live.record              - A - - R
    registration.list        - A O V R
    registration.remove      - A O - R
    live.snapshot            - A O V R
    live.subscribe           - A O V R
    live.unsubscribe         - A O V R
    live.hangup              - A O - R
    alert.list               - A O V R
    sip_trace.start          - A - - R
    sip_trace.stop           - A - - R
    sip_trace.delete         - A - - R
    sip_trace.list           - A - - R
    sip_trace.read           - A - - R
    sip_trace.export         - A - - R
    decide                   - A O V R
    rate                     - A O V R
    number_rule.try          - A O V R
    setting.list             - A O V -
    setting.set              - A - - -
    login.list               - A - - -
    login.get                - A - - -
    login.create             - A - - -
    login.update             - A - - -
    login.delete             - A - - -
    source_rule.list         - A O V -
    source_rule.get          - A O V -
    source_rule.create       - A O - -
    source_rule.update       - A O - -
    source_rule.delete       - A O - -
    audit.list               - A - - -
    system.info              - A O V R
    system.counters          - A O V -
    system.history           - A O V -
    system.verify            - A O - -
    system.backup            - A O - -
";

fn caller(role: Role) -> Caller {
    let all = Area::ALL.into_iter();
    Caller {
        login: LoginId(1),
        name: "ann".into(),
        role,
        rights: all
            .filter_map(|area| role.ceiling(area).map(|right| Grant { area, right }))
            .collect(),
        branch: (role == Role::Reseller).then_some(AccountId(1)),
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
    }
}

#[test]
fn every_method_for_every_role() {
    let rows: BTreeMap<&str, Vec<&str>> = EXPECTED
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.collect()))
        })
        .collect();
    let named: BTreeSet<&str> = rows.keys().copied().collect();
    let methods: BTreeSet<&str> = METHODS.iter().map(|info| info.name).collect();
    assert_eq!(named, methods, "each method stands here");

    let table = Table::default();
    let sessions = Sessions::new(60, Clock::new(|| UtcMs(0)));
    let connection = sessions.open(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
    for (method, marks) in rows {
        let callers = [None].into_iter().chain(Role::ALL.map(Some));
        assert_eq!(marks.len(), 5, "{method}");
        for (role, mark) in callers.zip(marks) {
            connection.set_caller(role.map(caller));
            let verdict = table.check(&connection, method);
            assert_eq!(verdict.is_ok(), mark != "-", "{method} for {role:?}");
            let code = verdict.err().map(|error| error.code());
            let expected = if role.is_some() {
                ErrorCode::Forbidden
            } else {
                ErrorCode::Unauthenticated
            };
            assert!(
                code.is_none_or(|code| code == expected),
                "{method} for {role:?}"
            );
        }
    }
}

#[test]
fn the_server_answers_exactly_the_methods_of_the_table() {
    office::open(|office| async move {
        let desk = office.connect().await;
        for info in METHODS
            .iter()
            .filter(|info| info.name != "session.login" && info.name != "rpc.discover")
        {
            assert_eq!(
                desk.refused(info.name, json!({})).await,
                ErrorCode::Unauthenticated,
                "{}",
                info.name
            );
        }
        assert_eq!(
            desk.refused("account.burn", json!({})).await,
            ErrorCode::NoMethod
        );
        desk.log_in("admin", office::PASSWORD)
            .await
            .expect("logged in");
        assert_eq!(
            desk.refused("account.burn", json!({})).await,
            ErrorCode::NoMethod
        );
        // An unserved method would be told as such: parameters at fault are told by its handler.
        let subscriptions = ["live.subscribe", "live.unsubscribe", "session.logout"];
        for info in METHODS
            .iter()
            .filter(|info| !subscriptions.contains(&info.name))
        {
            if let Err(error) = desk
                .try_call(info.name, json!({ "no such parameter": 1 }))
                .await
            {
                assert_eq!(error.code(), ErrorCode::Invalid, "{}: {error}", info.name);
            }
        }
    });
}

#[test]
fn a_narrowed_login_has_only_what_is_left() {
    office::open(|office| async move {
        let admin = office.admin().await;
        for (name, role, grants) in [
            ("olga", "operator", json!(null)),
            (
                "carl",
                "operator",
                json!([{ "area": "cdrs", "right": "change" }]),
            ),
            ("vera", "viewer", json!(null)),
        ] {
            let edit = json!({ "name": name, "password": office::PASSWORD, "role": role, "grants": grants });
            admin.create("login.create", edit).await;
        }
        let list = json!({});
        let (olga, carl, vera) = (
            office.log_in("olga").await,
            office.log_in("carl").await,
            office.log_in("vera").await,
        );
        olga.call("account.list", list.clone()).await;
        assert_eq!(
            olga.refused("login.list", list.clone()).await,
            ErrorCode::Forbidden
        );
        carl.call("cdr.list", list.clone()).await;
        assert_eq!(
            carl.refused("account.list", list.clone()).await,
            ErrorCode::Forbidden
        );
        vera.call("account.list", list.clone()).await;
        assert_eq!(
            vera.refused("account.delete", json!({ "id": 1 })).await,
            ErrorCode::Forbidden
        );
        assert_eq!(
            vera.call("session.whoami", json!({})).await["role"],
            "viewer"
        );
    });
}

#[test]
fn a_login_without_rights_stays_so_when_it_is_saved_unchanged() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let edit = json!({ "name": "bare", "password": office::PASSWORD, "role": "operator", "grants": [] });
        let id = admin.create("login.create", edit).await;
        for _ in 0..2 {
            let bare = office.log_in("bare").await;
            assert_eq!(
                bare.call("session.whoami", json!({})).await["rights"],
                json!([])
            );
            assert_eq!(
                bare.refused("account.list", json!({})).await,
                ErrorCode::Forbidden
            );
            let stored = admin.call("login.get", json!({ "id": id })).await;
            assert_eq!(stored["edit"]["grants"], json!([]));
            let same = json!({ "id": id, "revision": stored["revision"], "edit": stored["edit"] });
            admin.call("login.update", same).await;
        }
    });
}

#[test]
fn admins_and_resellers_are_not_narrowed() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let grants = json!([{ "area": "cdrs", "right": "see" }]);
        let edit = json!({ "name": "ada", "password": office::PASSWORD, "role": "admin", "grants": grants });
        let refused = admin
            .try_call("login.create", json!({ "edit": edit }))
            .await;
        let error = refused.expect_err("an admin has all rights");
        assert_eq!(error.data.field.as_deref(), Some("edit.grants"));
    });
}

#[test]
fn the_openrpc_document_holds_every_method_and_resolves() {
    office::open(|office| async move {
        let desk = office.connect().await;
        let document = desk.call("rpc.discover", json!({})).await;
        let methods = document["methods"].as_array().expect("methods");
        assert_eq!(methods.len(), METHODS.len());
    });
}
