//! Phones come and go.

use super::{
    ALICE, BOB, TRUNK, at,
    kit::{Callee, Caller, World, sip},
    plan, world,
};
use std::{sync::Arc, time::Duration};
use tandem_call::{
    Input,
    directory::{AccountStatus, DigestAlgorithms},
    io::{Command, Reply},
    monitor::Change,
};

#[test]
fn a_registered_phone_is_journalled_and_called_where_it_is() {
    let mut world = world();
    sip::register(&mut world, ALICE, "alice");
    assert_eq!(world.book.registered.len(), 1);
    let mut caller = Caller::new(TRUNK, "4930123", "alice", "a");
    caller.invite(&mut world);
    let alice = Callee::take(&mut world, ALICE);
    alice.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    assert_eq!(
        world.book.only_cdr().callee_account,
        Some(tandem_billing::AccountId(2))
    );
    world.seconds(301);
    assert!(world.book.registered.is_empty(), "it expired");
    world.check_idle();
}

#[test]
fn an_operator_unregisters_a_phone() {
    let mut world = world();
    sip::register(&mut world, ALICE, "alice");
    world.command(Command::Snapshot);
    assert!(
        matches!(&world.replies[0], (_, Reply::Snapshot(shot)) if shot.registrations.len() == 1)
    );
    world.command(Command::Unregister {
        username: "alice".into(),
    });
    world.command(Command::Unregister {
        username: "alice".into(),
    });
    assert!(matches!(world.replies[1].1, Reply::Done));
    assert!(matches!(world.replies[2].1, Reply::NotFound));
    assert!(world.book.registered.is_empty());
    assert!(
        world
            .feed
            .iter()
            .any(|event| matches!(event.change, Change::RegistrationGone { .. }))
    );
}

#[test]
fn a_registration_that_ran_out_is_told_of_before_the_next_phone_of_its_device_is() {
    let mut world = world();
    world.command(Command::Snapshot);
    sip::register(&mut world, ALICE, "alice");
    // The timer is due, and what came in meanwhile is read first.
    world.now.mono = world.now.mono + Duration::from_secs(301);
    sip::register(&mut world, BOB, "alice");
    let contacts: Vec<_> = world.book.registered.iter().collect();
    assert_eq!(contacts.len(), 1, "{contacts:?}");
    let gone = |change: &Change| matches!(change, Change::RegistrationGone { .. });
    let told = world.feed.iter().filter(|event| gone(&event.change));
    assert_eq!(told.count(), 1, "the monitor is told");
}

#[test]
fn two_phones_of_one_account_call_each_other() {
    let mut world = world();
    sip::register(&mut world, ALICE, "alice");
    sip::register(&mut world, BOB, "bob");
    let mut alice = Caller::new(ALICE, "alice", "bob", "a");
    alice.invite_with_digest(&mut world);
    let bob = Callee::take(&mut world, BOB);
    bob.answer(&mut world);
    alice.ack(&mut world, None);
    world.seconds(1);
    alice.bye(&mut world);
    assert_eq!(world.book.only_cdr().duration_ms, 1000);
    world.check_idle();
}

/// The algorithms of a challenge, in order.
fn challenged(world: &mut World, key: &str) -> Vec<String> {
    let mut phone = Caller::new(ALICE, "alice", "bob", key);
    phone.invite(world);
    let challenge = world.expect(at(ALICE), "407");
    phone.ack_failure(world, &challenge);
    let values = challenge.headers("Proxy-Authenticate");
    let algorithm = |value: &str| {
        let (_, after) = value.split_once("algorithm=").expect("one is named");
        after.split(',').next().unwrap_or_default().to_owned()
    };
    values.map(algorithm).collect()
}

#[test]
fn phones_are_offered_the_digests_of_the_setting_in_force() {
    let mut world = world();
    assert_eq!(challenged(&mut world, "a"), ["MD5"]);
    for (key, setting, expected) in [
        ("b", DigestAlgorithms::Both, &["SHA-256", "MD5"][..]),
        ("c", DigestAlgorithms::Sha256, &["SHA-256"]),
    ] {
        let changed = plan()
            .with_settings(|settings| settings.digest_algorithms = setting)
            .build();
        world.input(Input::Directory(Arc::clone(&changed)));
        assert_eq!(challenged(&mut world, key), expected, "{setting:?}");
        sip::register(&mut world, ALICE, "alice");
    }
}

#[test]
fn a_blocked_accounts_phone_cannot_register() {
    let mut world = world();
    let blocked = plan()
        .with_account(2, |account| account.status = AccountStatus::Blocked)
        .build();
    world.input(Input::Directory(Arc::clone(&blocked)));
    sip::try_register(&mut world, ALICE, "alice");
    world.expect(at(ALICE), "403");
    assert!(world.book.registered.is_empty());
}
