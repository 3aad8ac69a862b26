//! Who may come in.

use crate::fixture::{Fixture, START};
use tandem_billing::UtcMs;
use tandem_store::{
    EditError, List, ListQuery, Scope,
    login::{self, LoginError},
    query::{AuditRow, Op},
    record::{Login, Right, Rights, Role},
};

fn fixture() -> Fixture {
    let fixture = Fixture::empty();
    let rights: Rights = [("cdrs".to_owned(), Right::See)].into();
    fixture.create(&Login {
        id: 0,
        revision: 0,
        name: "desk".into(),
        role: Role::Operator,
        account_id: None,
        rights,
        disabled: false,
        email: String::new(),
        password: Some("correct horse".into()),
    });
    fixture
}

fn attempt(
    fixture: &Fixture,
    name: &str,
    password: &str,
    at: UtcMs,
) -> Result<login::Identity, LoginError> {
    login::verify(&fixture.writer(), name, password, "192.0.2.1", at)
}

#[test]
fn the_right_password_comes_in_and_all_else_looks_the_same() {
    let fixture = fixture();
    let identity = attempt(&fixture, "desk", "correct horse", START).unwrap();
    assert_eq!(
        (identity.role, identity.scope(), identity.rights.get("cdrs")),
        (Role::Operator, Scope::All, Some(&Right::See))
    );
    for (name, password) in [
        ("desk", "wrong"),
        ("nobody", "correct horse"),
        ("desk", ""),
        ("Desk", "correct horse"),
    ] {
        assert!(
            matches!(
                attempt(&fixture, name, password, START),
                Err(LoginError::Refused)
            ),
            "{name}"
        );
    }
    let huge = "x".repeat(1 << 20);
    assert!(matches!(
        attempt(&fixture, "desk", &huge, START),
        Err(LoginError::Refused)
    ));
    let log = ListQuery::all(Scope::All).filter("action", Op::Eq, "log_in");
    let row = fixture
        .reader()
        .rows::<AuditRow>(List::AuditLog, &log)
        .unwrap()
        .rows
        .remove(0);
    assert_eq!(
        (row.who.as_str(), row.address.as_str()),
        ("desk", "192.0.2.1")
    );
}

#[test]
fn five_failures_lock_and_time_or_a_new_password_unlocks() {
    let fixture = fixture();
    for _ in 0..5 {
        assert!(matches!(
            attempt(&fixture, "desk", "wrong", START),
            Err(LoginError::Refused)
        ));
    }
    let locked = attempt(&fixture, "desk", "correct horse", START.plus_ms(29_999));
    assert!(matches!(locked, Err(LoginError::Locked { until }) if until == START.plus_ms(30_000)));
    attempt(&fixture, "desk", "correct horse", START.plus_ms(30_000)).unwrap();
    for _ in 0..5 {
        let _ = attempt(&fixture, "desk", "wrong", START);
    }
    login::set_password(&fixture.writer(), "desk", "battery staple", START).unwrap();
    attempt(&fixture, "desk", "battery staple", START).unwrap();
}

#[test]
fn a_disabled_login_is_refused_like_a_wrong_password() {
    let fixture = fixture();
    let read: Login = fixture.get(1);
    fixture
        .update(&Login {
            disabled: true,
            ..read
        })
        .unwrap();
    assert!(matches!(
        attempt(&fixture, "desk", "correct horse", START),
        Err(LoginError::Refused)
    ));
}

#[test]
fn the_command_line_makes_an_admin_and_keeps_the_rules() {
    let fixture = Fixture::empty();
    let short = login::set_password(&fixture.writer(), "admin", "short", START);
    assert!(matches!(short, Err(EditError::Invalid(_))));
    login::set_password(&fixture.writer(), "admin", "correct horse", START).unwrap();
    assert_eq!(
        attempt(&fixture, "admin", "correct horse", START)
            .unwrap()
            .role,
        Role::Admin
    );
}
