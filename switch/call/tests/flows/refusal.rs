//! Calls that are refused at the door, and requests that are no calls.

use super::{
    GATE, TRUNK, at,
    kit::{Callee, Caller, World},
    plan, world,
};
use std::time::Duration;
use tandem_billing::AccountId;
use tandem_call::{
    directory::{AccountStatus, Limits},
    io::{Command, Reply},
};
use tandem_sip::value::Method;

#[test]
fn strangers_and_wrong_passwords_hear_the_same_and_leave_nothing() {
    let mut world = world();
    let mut answers = Vec::new();
    for (user, key) in [("nobody", "a"), ("alice", "b")] {
        let mut caller = Caller::new("198.51.100.66:5060", user, "442071234", key);
        caller.invite(&mut world);
        caller.authorise(&mut world, &Method::Invite, "guess");
        let answer = world.expect(caller.at, "407");
        let lines: Vec<String> = answer.lines().map(|(_, name, _)| name.to_owned()).collect();
        answers.push(lines);
        caller.ack_failure(&mut world, &answer);
    }
    assert_eq!(answers[0], answers[1]);
    assert!(world.book.cdrs.is_empty(), "scanners fill no table");
    world.check_idle();
}

#[test]
fn refusals_leave_a_cdr_and_no_money() {
    let blocked = plan().with_account(1, |account| account.status = AccountStatus::Blocked);
    let cases = [
        (blocked, "442071234", 10, "403", "refused.account_blocked"),
        (plan(), "77", 10, "404", "refused.no_route"),
        (plan(), "442071234", 0, "402", "refused.no_money"),
        (plan(), "alice", 10, "480", "failed.not_registered"),
    ];
    for (plan, number, balance, status, cause) in cases {
        let mut world = World::new(plan.build(), &[(1, balance)]);
        let mut caller = Caller::new(TRUNK, "4930123", number, "a");
        caller.invite(&mut world);
        let heard = world.take(caller.at).expect("an answer");
        let heard_status = heard.status().map(|status| status.to_string());
        let cdr = world.book.only_cdr();
        assert_eq!(
            (heard_status.as_deref(), cdr.cause.as_str()),
            (Some(status), cause),
            "{number}"
        );
        caller.ack_failure(&mut world, &heard);
        assert!(world.book.entries.is_empty());
        world.check_idle();
    }
}

#[test]
fn a_second_call_above_the_channel_limit_is_refused() {
    let plan = plan().with_account(1, |account| {
        account.limits = Limits {
            max_calls: 1,
            max_cps: 0,
        }
    });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let mut second = Caller::new(TRUNK, "4930123", "442071234", "b");
    second.invite(&mut world);
    let answer = world.expect(second.at, "503");
    second.ack_failure(&mut world, &answer);
    assert_eq!(world.book.only_cdr().cause, "refused.channel_limit");
    caller.cancel(&mut world);
    let answer = world.expect(caller.at, "487");
    caller.ack_failure(&mut world, &answer);
    let mut third = Caller::new(TRUNK, "4930123", "442071234", "c");
    third.invite(&mut world);
    world.expect(third.at, "100");
    third.cancel(&mut world);
    world.check_idle();
}

#[test]
fn requests_that_cannot_be_taken_get_their_status() {
    let mut world = world();
    let mut caller =
        Caller::new(TRUNK, "4930123", "442071234", "a").with_headers("Require: gruu\r\n");
    caller.invite(&mut world);
    let bad = world.expect(caller.at, "420");
    assert_eq!(bad.header("Unsupported"), Some("gruu"));
    caller.ack_failure(&mut world, &bad);
    for (method, status) in [
        ("OPTIONS", "200"),
        ("MESSAGE", "403"),
        ("SUBSCRIBE", "489"),
        ("PUBLISH", "489"),
        ("REFER", "403"),
        ("BYE", "481"),
        ("DANCE", "501"),
    ] {
        let mut peer = Caller::new(TRUNK, "4930123", "442071234", method);
        peer.request(&mut world, method, None);
        let heard = world.take(peer.at).expect("an answer");
        assert_eq!(
            heard.status().map(|s| s.to_string()).as_deref(),
            Some(status),
            "{method}"
        );
    }
    assert!(world.book.cdrs.is_empty());
}

#[test]
fn our_own_call_is_recognised_when_it_comes_back() {
    let mut world = world();
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    let text = String::from_utf8_lossy(callee.invite.as_bytes()).replace("z9hG4bK", "z9hG4bKback");
    world.send(at(TRUNK), text);
    // The top Via is ours, but the answer goes where the request came from.
    assert!(world.heard(at(TRUNK)).contains(&"482".to_owned()));
    caller.cancel(&mut world);
    world.check_idle();
}

#[test]
fn no_relay_port_is_503() {
    let mut world = world();
    world.relay_full = true;
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    caller.invite(&mut world);
    let answer = world.expect(caller.at, "503");
    caller.ack_failure(&mut world, &answer);
    assert_eq!(world.book.only_cdr().cause, "refused.no_relay");
    world.check_idle();
}

#[test]
fn an_offer_without_audio_is_488() {
    let mut world = world();
    let caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let text = format!(
        "INVITE sip:442071234@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {0};branch=z9hG4bKx\r\nMax-Forwards: 70\r\n\
         From: <sip:1@x>;tag=1\r\nTo: <sip:2@x>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\nContact: <sip:1@{0}>\r\n\
         Content-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=0\n",
        caller.at
    );
    world.send(caller.at, text);
    world.expect(caller.at, "488");
    assert_eq!(world.book.only_cdr().cause, "refused.bad_offer");
    world.check_idle();
}

#[test]
fn no_hops_left_is_483() {
    let mut world = world();
    let caller = Caller::new(TRUNK, "4930123", "442071234", "a");
    let text = format!(
        "INVITE sip:442071234@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {0};branch=z9hG4bKx\r\nMax-Forwards: 0\r\n\
         From: <sip:1@x>;tag=1\r\nTo: <sip:2@x>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\nContact: <sip:1@{0}>\r\n\
         Content-Length: 0\r\n\r\n",
        caller.at
    );
    world.send(caller.at, text);
    world.expect(caller.at, "483");
}

#[test]
fn a_lower_limit_refuses_new_calls_and_ends_none() {
    let mut world = world();
    let mut first = Caller::new(TRUNK, "4930123", "442071234", "a");
    first.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    first.ack(&mut world, None);
    let limits = |max_calls| Command::SetLimits {
        max_calls,
        max_transactions: 1_000,
    };
    world.command(limits(1));
    assert!(matches!(world.replies.last(), Some((_, Reply::Done))));
    let mut second = Caller::new(TRUNK, "4930123", "442071234", "b");
    second.invite(&mut world);
    let answer = world.expect(second.at, "503");
    second.ack_failure(&mut world, &answer);
    world.command(limits(2));
    let mut third = Caller::new(TRUNK, "4930123", "442071234", "c");
    third.invite(&mut world);
    let other = Callee::take(&mut world, GATE);
    other.answer(&mut world);
    third.ack(&mut world, None);
    first.bye(&mut world);
    third.bye(&mut world);
    world.check_idle();
}

/// A caller over its limit tries a thousand times a second: what the journal takes is bounded, no attempt is lost, and
/// another cause or another account keeps its own record.
#[test]
fn a_flood_of_refusals_leaves_few_records_that_count_them_all() {
    let directory = plan()
        .with_account(1, |account| account.limits.max_cps = 1)
        .with_account(2, |account| account.blocked_prefixes = vec!["4".into()])
        .source(2, "198.51.100.77:5060")
        .build();
    let mut world = World::new(directory, &[(1, 10), (2, 10)]);
    let sent = 20_000;
    for n in 0..sent {
        let key = n.to_string();
        Caller::new(TRUNK, "4930123", "442071234", &key).invite(&mut world);
        world.advance(Duration::from_millis(1));
        if n == sent / 2 {
            Caller::new("198.51.100.77:5060", "1", "442071234", "other").invite(&mut world);
        }
    }
    world.seconds(60);
    world.command(Command::Drain { within_s: 0 });
    let refused = |account| {
        let cdrs = world.book.cdrs.values();
        cdrs.filter(move |cdr| {
            cdr.account == Some(AccountId(account)) && cdr.cause.starts_with("refused.")
        })
    };
    let rows = refused(1).count();
    assert!((20..100).contains(&rows), "{rows} records");
    let attempts: u32 = refused(1).map(|cdr| cdr.attempts).sum();
    let admitted = world.book.cdrs.len() - rows - 1;
    assert_eq!(attempts as usize + admitted, sent);
    assert!(refused(1).all(|cdr| cdr.attempts == 1 || cdr.ended_at > cdr.started_at));
    assert_eq!(refused(2).map(|cdr| cdr.attempts).sum::<u32>(), 1);
}

/// What was gathered is written down before the switch says that it is drained.
#[test]
fn a_drain_loses_no_refusal() {
    let directory = plan()
        .with_account(1, |account| account.blocked_prefixes = vec!["4".into()])
        .build();
    let mut world = World::new(directory, &[(1, 10)]);
    for n in 0..100 {
        Caller::new(TRUNK, "4930123", "442071234", &n.to_string()).invite(&mut world);
    }
    world.command(Command::Drain { within_s: 0 });
    assert!(matches!(world.replies.last(), Some((_, Reply::Drained))));
    let attempts: u32 = world.book.cdrs.values().map(|cdr| cdr.attempts).sum();
    assert_eq!((attempts, world.book.cdrs.len()), (100, 21));
}
