//! Scanners and password guessing: slowed, then blocked by source, and nobody else with them.

use super::{
    ALICE, BOB, TRUNK, at,
    kit::{Callee, Caller, Plan, World, sip},
    plan, world,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tandem_billing::UtcMs;
use tandem_call::{
    Input,
    directory::guard::{Network, RuleOrigin, SourceRule, SourceRules, SourceVerdict},
    io::{Command, Reply},
    journal::AlertKind,
    monitor::Totals,
};

/// Nobody known.
const EVIL: &str = "203.0.113.66:5060";

fn options(from: SocketAddr, agent: &str, n: usize) -> String {
    format!(
        "OPTIONS sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{n}x{};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:100@1.1.1.1>;tag=a{n}\r\nTo: <sip:100@1.1.1.1>\r\n\
         Call-ID: o{n}@{from}\r\nCSeq: 1 OPTIONS\r\nUser-Agent: {agent}\r\nContent-Length: 0\r\n\r\n",
        from.port()
    )
}

fn heard(world: &mut World, from: &str) -> bool {
    world.heard(at(from));
    let n = usize::try_from(world.now.mono.0).expect("small");
    world.send(at(from), options(at(from), "Phone", n));
    !world.heard(at(from)).is_empty()
}

fn totals(world: &mut World) -> Totals {
    world.command(Command::Snapshot);
    match world.replies.pop() {
        Some((_, Reply::Snapshot(shot))) => shot.totals,
        other => panic!("a snapshot, not {other:?}"),
    }
}

/// How many tries, one each `every`, until the source is blocked.
fn until_blocked(
    world: &mut World,
    from: &str,
    most: u32,
    mut user: impl FnMut(u32) -> String,
    every: Duration,
) -> u32 {
    let before = world.book.blocked.len();
    for n in 0..most {
        if world.book.blocked.len() > before {
            return n;
        }
        world.heard(at(from));
        sip::register_with(world, from, &user(n), "guess");
        world.advance(every);
    }
    most
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn guesses_over_many_names_are_blocked_and_a_block_doubles_each_time() {
    let mut world = world();
    let mut lasted = Vec::new();
    for round in 0..3 {
        let tries = until_blocked(&mut world, EVIL, 200, |n| format!("u{round}x{n}"), SECOND);
        assert!((5..30).contains(&tries), "{tries} tries");
        let block = world.book.blocked.values().next().expect("a block").clone();
        assert_eq!(block.network.to_string(), "203.0.113.66/32");
        assert_eq!(block.repeats, round + 1);
        assert!(
            block.reason.contains("wrong credentials"),
            "{}",
            block.reason
        );
        assert!(!heard(&mut world, EVIL));
        lasted.push((block.until.0 - block.at.0) / 1_000);
        let left_ms = block.until.0 - world.now.utc.0;
        world.advance(Duration::from_millis(
            u64::try_from(left_ms).expect("it lasts"),
        ));
        world.seconds(1);
        assert!(heard(&mut world, EVIL), "its time is over");
        world.book.blocked.clear();
    }
    assert_eq!(lasted, [300, 600, 1200]);
    let totals = totals(&mut world).guarded;
    assert_eq!((totals.blocks, totals.blocked_sources), (3, 0));
    assert!(totals.ignored >= 3);
    assert_eq!(world.book.alerts.len(), 3);
    assert!(
        world
            .book
            .alerts
            .iter()
            .all(|alert| alert.kind == AlertKind::SourceBlocked)
    );
}

#[test]
fn a_dictionary_against_one_name_is_blocked_and_connections_are_closed() {
    let mut world = world();
    let tries = until_blocked(
        &mut world,
        EVIL,
        500,
        |_| "alice".into(),
        Duration::from_millis(600),
    );
    assert!((15..100).contains(&tries), "{tries} tries");
    assert_eq!(world.shut, [Network::of_source(at(EVIL).ip())]);
    assert!(world.switch.is_blocked(world.now, at(EVIL).ip()));
    assert!(!heard(&mut world, EVIL));
    sip::register(&mut world, ALICE, "alice");
}

#[test]
fn a_source_is_slowed_before_it_is_blocked() {
    let directory = plan()
        .with_settings(|settings| settings.guard.block_at = 100_000)
        .build();
    let mut world = World::new(directory, &[(1, 10), (2, 10)]);
    for n in 0..40 {
        sip::register_with(&mut world, EVIL, &format!("u{n}"), "guess");
        world.seconds(1);
    }
    let answered = |world: &mut World, count: usize| {
        world.heard(at(EVIL));
        for n in 0..count {
            let text = options(
                at(EVIL),
                "Phone",
                1_000 + n + usize::try_from(world.now.mono.0).expect("small"),
            );
            world.send(at(EVIL), text);
        }
        world.heard(at(EVIL)).len()
    };
    world.seconds(10);
    assert_eq!(answered(&mut world, 100), 4, "a burst");
    world.seconds(1);
    assert_eq!(answered(&mut world, 100), 2, "two a second");
    world.seconds(3_600);
    assert_eq!(answered(&mut world, 100), 100, "forgotten in time");
}

#[test]
fn a_known_scanner_is_blocked_at_its_second_message_if_it_is_nobody_known() {
    let mut world = world();
    for n in 0..3 {
        world.send(at(EVIL), options(at(EVIL), "friendly-scanner/1.0", n));
    }
    assert_eq!(world.heard(at(EVIL)).len(), 2);
    let block = &world.book.blocked["203.0.113.66/32"];
    assert!(
        block.reason.contains("friendly-scanner"),
        "{}",
        block.reason
    );
    for n in 0..50 {
        world.send(at(TRUNK), options(at(TRUNK), "friendly-scanner/1.0", n));
    }
    assert_eq!(
        world.heard(at(TRUNK)).len(),
        50,
        "a customer's address is his own affair"
    );
    assert_eq!(world.book.blocked.len(), 1);
}

#[test]
fn what_anyone_can_forge_does_not_harm_a_customer_who_proved_himself() {
    let mut world = world();
    sip::register(&mut world, ALICE, "alice");
    let forged = options(at(ALICE), "sipvicious", 0);
    for n in 0..2_000 {
        world.send(at(ALICE), format!("INVITE\r\nrubbish {n}\r\n\r\n"));
        world.send(
            at(ALICE),
            forged
                .replace("OPTIONS", "SUBSCRIBE")
                .replace("z9hG4bK0x", &format!("z9hG4bK{n}y")),
        );
    }
    // Credentials with a nonce that was never given to that address.
    for n in 0..200 {
        let mut stranger = Caller::new(ALICE, "alice", "bob", &format!("f{n}"))
            .with_headers("Proxy-Authorization: Digest username=\"alice\", realm=\"tandem.test\", nonce=\"00\", uri=\"sip:a\", response=\"00\"\r\n");
        stranger.invite(&mut world);
    }
    assert!(world.book.blocked.is_empty());
    world.heard(at(ALICE));
    let mut alice = Caller::new(ALICE, "alice", "bob", "real");
    sip::register(&mut world, BOB, "bob");
    alice.invite_with_digest(&mut world);
    let bob = Callee::take(&mut world, BOB);
    bob.answer(&mut world);
    alice.ack(&mut world, None);
    alice.bye(&mut world);
    assert_eq!(world.book.only_cdr().cause, "answered.caller_hangup");
}

#[test]
fn the_same_storm_blocks_an_address_that_never_proved_itself() {
    let mut world = world();
    for n in 0..600 {
        world.send(at(EVIL), format!("INVITE\r\nrubbish {n}\r\n\r\n"));
        world.advance(Duration::from_millis(100));
    }
    assert!(
        world.book.blocked["203.0.113.66/32"]
            .reason
            .contains("malformed")
    );
    for _ in 0..1_000 {
        world.send(at("203.0.113.67:5060"), "\r\n\r\n");
        world.send(at("203.0.113.67:5060"), "\0\0\0\0");
    }
    assert_eq!(world.book.blocked.len(), 1, "keep-alives are no harm");
}

/// Phones of one office behind one address.
#[test]
fn an_office_with_one_wrong_phone_is_not_thrown_out_but_the_name_is_slowed() {
    let mut world = world();
    let (good, wrong) = ("198.51.100.20:6060", "198.51.100.20:7070");
    let mut put_off = 0;
    for _ in 0..600 {
        sip::register(&mut world, good, "alice");
        sip::register_with(&mut world, wrong, "bob", "old password");
        put_off += usize::from(world.heard(at(wrong)).contains(&"503".to_owned()));
        world.seconds(5);
    }
    assert!(world.book.blocked.is_empty(), "{:?}", world.book.blocked);
    assert!(put_off > 200, "{put_off}");
    world.seconds(11);
    sip::register(&mut world, wrong, "bob");
    sip::register(&mut world, wrong, "bob");
}

#[test]
fn one_who_knows_a_secret_cannot_guess_others_without_end() {
    let mut world = world();
    sip::register(&mut world, ALICE, "alice");
    let tries = until_blocked(&mut world, ALICE, 2_000, |n| format!("u{n}"), SECOND);
    assert!((40..200).contains(&tries), "{tries} tries");
}

fn rule(network: &str, verdict: SourceVerdict, expires_at: Option<UtcMs>) -> SourceRule {
    SourceRule {
        network: network.parse().expect("a range"),
        verdict,
        origin: RuleOrigin::Operator,
        expires_at,
        repeats: 0,
    }
}

fn ruled(plan: Plan, as_of: u64, rows: Vec<SourceRule>) -> Plan {
    let mut plan = plan;
    plan.directory.source_rules = Arc::new(SourceRules { as_of, rows });
    plan
}

#[test]
fn operators_rules_hold_at_once_and_the_narrowest_of_them() {
    let mut world = world();
    assert!(heard(&mut world, EVIL));
    let end = world.now.utc.plus_ms(60_000);
    let rows = vec![
        rule("203.0.113.0/24", SourceVerdict::Block, None),
        rule("203.0.113.66/32", SourceVerdict::Allow, None),
        rule("198.51.100.99/32", SourceVerdict::Block, Some(end)),
    ];
    let directory = ruled(plan(), 0, rows).build();
    world.input(Input::Directory(directory));
    assert_eq!(world.shut.len(), 2);
    assert!(heard(&mut world, EVIL) && !heard(&mut world, "203.0.113.67:5060"));
    assert!(
        heard(&mut world, super::GATE),
        "a gateway in the range is known by its address"
    );
    assert!(!heard(&mut world, "198.51.100.99:5060"));
    world.seconds(60);
    assert!(heard(&mut world, "198.51.100.99:5060"), "its time is over");
    for n in 0..500 {
        sip::register_with(&mut world, EVIL, &format!("u{n}"), "guess");
    }
    assert!(
        world.book.blocked.is_empty(),
        "who is allowed is not judged"
    );
}

#[test]
fn a_block_is_lifted_when_its_row_is_gone_and_goes_on_after_a_restart() {
    let mut world = world();
    until_blocked(&mut world, EVIL, 100, |n| format!("u{n}"), SECOND);
    let block = world.book.blocked.values().next().expect("a block").clone();
    let seq = world.book.seq;
    // A directory read before the block was written says nothing of it.
    world.input(Input::Directory(ruled(plan(), 0, Vec::new()).build()));
    assert!(!heard(&mut world, EVIL));
    let row = SourceRule {
        network: block.network,
        verdict: SourceVerdict::Block,
        origin: RuleOrigin::Guard,
        expires_at: Some(block.until),
        repeats: 3,
    };
    world.input(Input::Directory(
        ruled(plan(), seq, vec![row.clone()]).build(),
    ));
    assert!(!heard(&mut world, EVIL));
    world.input(Input::Directory(ruled(plan(), seq, Vec::new()).build()));
    assert!(heard(&mut world, EVIL), "lifted");

    let mut again = World::new(ruled(plan(), seq, vec![row]).build(), &[(1, 10)]);
    assert!(!heard(&mut again, EVIL));
    again.seconds(400);
    assert!(heard(&mut again, EVIL));
    until_blocked(&mut again, EVIL, 100, |n| format!("u{n}"), SECOND);
    assert_eq!(
        again.book.blocked["203.0.113.66/32"].repeats, 4,
        "it is remembered"
    );
}

#[test]
fn switched_off_it_judges_nobody_and_loopback_only_if_it_is_told_to() {
    for (enabled, loopback, from, blocks) in [
        (false, false, EVIL, false),
        (true, false, "127.0.0.9:5060", false),
        (true, true, "127.0.0.9:5060", true),
        (true, false, EVIL, true),
    ] {
        let directory = plan()
            .with_settings(|settings| {
                settings.guard.enabled = enabled;
                settings.guard.loopback = loopback;
            })
            .build();
        let mut world = World::new(directory, &[(1, 10), (2, 10)]);
        let tries = until_blocked(&mut world, from, 60, |n| format!("u{n}"), SECOND);
        assert_eq!(tries < 60, blocks, "{enabled} {loopback} {from}");
    }
}

/// Sources beyond number: the tables, the store's rows and the alerts stay bounded, and phones register meanwhile.
#[test]
fn a_flood_from_forged_addresses_fills_nothing() {
    let mut world = world();
    let rubbish = "INVITE\r\nrubbish\r\n\r\n";
    for n in 0..60_000_u32 {
        let [_, b, c, d] = n.to_be_bytes();
        let from = SocketAddr::from(([11, b, c, d], 5060));
        world.send(from, rubbish);
        if n % 30_000 == 0 {
            sip::register(&mut world, ALICE, "alice");
        }
    }
    for round in 0..80_u32 {
        for n in 0..600_u32 {
            let [_, _, c, d] = n.to_be_bytes();
            let from = SocketAddr::from(([12, 0, c, d], 5060));
            world.send(from, rubbish);
            world.send(from, rubbish);
        }
        world.advance(Duration::from_millis(if round < 50 { 1 } else { 500 }));
    }
    let blocked = world.book.blocked.len();
    assert!(
        (150..=500).contains(&blocked),
        "{blocked}: so many a second and no more"
    );
    assert!(world.book.alerts.len() <= 11);
    sip::register(&mut world, ALICE, "alice");
}

/// A reseller may enter addresses of its customers: they open nothing that an operator shut.
#[test]
fn an_operators_block_goes_before_an_address_of_a_resellers_customer() {
    let of = |reseller| {
        let plan = plan()
            .account(4, 1, None)
            .account(3, 1, reseller)
            .source(3, EVIL);
        let rows = vec![rule("203.0.113.64/28", SourceVerdict::Block, None)];
        World::new(ruled(plan, 0, rows).build(), &[(1, 10), (2, 10)])
    };
    assert!(heard(&mut of(None), EVIL), "of the operator's own customer");
    assert!(!heard(&mut of(Some(4)), EVIL));
}
