//! Edits: revisions, faults by field, what may not change, what may not go, the audit log.

use crate::fixture::{Fixture, START, account, device, fields, gateway, rate, root, tariff};
use serde_json::json;
use tandem_billing::{AccountId, TariffId};
use tandem_store::{
    Edit, EditError, List, ListQuery, Scope,
    query::{AuditRow, Op},
    record::{Account, Device, Gateway, GatewayAuth, Login, Person, Resource, Rights, Role},
};

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
        auth: GatewayAuth {
            auth_username: Some("u".into()),
            auth_password: Some("gateway-secret".into()),
        },
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
