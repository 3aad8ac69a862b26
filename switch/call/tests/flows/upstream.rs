//! Upstream registrations: held, refreshed, refused, lost; calls out and in by them.

use super::{
    ALICE, BOB, GATE, GATE2, TRUNK, at,
    kit::{Callee, Caller, Plan, World, sip},
    plan,
};
use tandem_billing::{AccountId, GatewayId, UpstreamId};
use tandem_call::{
    directory::{GatewayHost, InboundReach, Target, Upstream, signalling::Trust},
    io::{Command, Reply},
    journal::AlertKind,
    monitor::UpstreamState,
};
use tandem_sip::{Message, Transport, digest::Credentials, value::Method};

const CHALLENGE: &str =
    "WWW-Authenticate: Digest realm=\"carrier.test\", nonce=\"n1\", qop=\"auth\"\r\n";

/// Upstream 1 at gateway 2; its calls in are account 1's; numbers that begin with 7 go out through it.
fn registering(change: impl FnOnce(&mut Upstream)) -> Plan {
    plan()
        .upstream(1, 2, |upstream| {
            upstream.inbound = Some(AccountId(1));
            change(upstream);
        })
        .route("7", 1, Target::Upstream(UpstreamId(1)))
        .route("7", 2, Target::Gateway(GatewayId(1)))
}

fn world(change: impl FnOnce(&mut Upstream)) -> World {
    World::new(registering(change).build(), &[(1, 10), (2, 10)])
}

/// The REGISTER that waits at a host, at the latest after so many seconds.
fn register(world: &mut World, host: &str, within_s: u64) -> Message {
    for _ in 0..=within_s {
        if let Some(message) = world.take(at(host)) {
            assert_eq!(message.method(), Method::Register);
            return message;
        }
        world.seconds(1);
    }
    panic!("no REGISTER within {within_s} s");
}

fn say(world: &mut World, host: &str, request: &Message, status: &str, extra: &str) {
    let text = sip::respond(request, status, "reg", at(host), None);
    let text = text.replacen("User-Agent:", &format!("{extra}User-Agent:"), 1);
    world.send(at(host), text);
}

fn grant(world: &mut World, request: &Message, expires_s: u32) {
    let contact = request.header("Contact").unwrap_or_default();
    let extra = format!("Contact: {contact};expires={expires_s}\r\n");
    let text = sip::respond(request, "200 OK", "reg", at(GATE2), None);
    let own = format!("Contact: <sip:peer@{}>\r\n", at(GATE2));
    let text = text.replacen(&own, &extra, 1);
    world.send(at(GATE2), text);
}

/// Challenged once, then granted.
fn registered(world: &mut World, expires_s: u32) -> Message {
    let first = register(world, GATE2, 5);
    say(world, GATE2, &first, "401 Unauthorized", CHALLENGE);
    let second = register(world, GATE2, 0);
    grant(world, &second, expires_s);
    second
}

fn state(world: &mut World) -> UpstreamState {
    world.command(Command::Snapshot);
    match world.replies.pop().map(|(_, reply)| reply) {
        Some(Reply::Snapshot(snapshot)) => snapshot.upstreams[0].clone(),
        other => panic!("{other:?}"),
    }
}

fn holds(world: &mut World) -> bool {
    state(world).registered_until.is_some()
}

fn alerts(world: &World) -> Vec<AlertKind> {
    world.book.alerts.iter().map(|alert| alert.kind).collect()
}

fn credentials(message: &Message) -> Option<Credentials> {
    message.header("Authorization").and_then(Credentials::parse)
}

#[test]
fn a_registration_is_held_and_refreshed_in_time() {
    let mut world = world(|upstream| upstream.login.realm = Some("carrier.test".into()));
    assert!(!holds(&mut world));
    let first = register(&mut world, GATE2, 5);
    let uri = first.request_uri().map(|uri| uri.to_string());
    assert_eq!(uri.as_deref(), Some("sip:carrier.test"));
    assert_eq!(first.to().uri.to_string(), "sip:u1@carrier.test");
    assert_eq!(first.header("Expires"), Some("600"));
    assert!(credentials(&first).is_none());
    say(&mut world, GATE2, &first, "401 Unauthorized", CHALLENGE);
    let second = register(&mut world, GATE2, 0);
    let shown = credentials(&second).expect("credentials");
    assert_eq!(
        (shown.username.as_str(), shown.nonce.as_str()),
        ("auth1", "n1")
    );
    assert_eq!(second.call_id(), first.call_id());
    assert!(second.cseq() > first.cseq());
    grant(&mut world, &second, 200);
    assert!(holds(&mut world));
    assert_eq!(state(&mut world).answer.as_deref(), Some("200"));

    // Seven to nine tenths of what was granted, whatever was asked for.
    world.seconds(139);
    assert!(world.heard(at(GATE2)).is_empty());
    let refresh = register(&mut world, GATE2, 42);
    assert_eq!(refresh.call_id(), first.call_id());
    assert!(holds(&mut world), "while it is refreshed");
    grant(&mut world, &refresh, 200);
    assert!(holds(&mut world));
    assert_eq!(alerts(&world), []);
}

#[test]
fn credentials_are_tried_once_unless_the_nonce_was_stale() {
    let mut world = world(|_| {});
    let first = register(&mut world, GATE2, 5);
    say(&mut world, GATE2, &first, "401 Unauthorized", CHALLENGE);
    let second = register(&mut world, GATE2, 0);
    let stale = CHALLENGE
        .replace("n1", "n2")
        .replace("qop", "stale=true, qop");
    say(&mut world, GATE2, &second, "401 Unauthorized", &stale);
    let third = register(&mut world, GATE2, 0);
    assert_eq!(credentials(&third).expect("credentials").nonce, "n2");
    say(&mut world, GATE2, &third, "401 Unauthorized", CHALLENGE);
    world.seconds(30);
    assert!(!world.waits(at(GATE2), "REGISTER"), "no loop");
    assert_eq!(alerts(&world), [AlertKind::UpstreamDown]);
    let row = state(&mut world);
    assert_eq!((row.answer.as_deref(), row.failures), (Some("401"), 1));
    assert!(row.next_at.is_some());
    // It comes by itself once the password is right there.
    let again = register(&mut world, GATE2, 150);
    grant(&mut world, &again, 600);
    assert_eq!(
        alerts(&world),
        [AlertKind::UpstreamDown, AlertKind::UpstreamUp]
    );
}

#[test]
fn another_realm_is_not_shown_the_password() {
    let mut world = world(|upstream| upstream.login.realm = Some("other.test".into()));
    let first = register(&mut world, GATE2, 5);
    say(&mut world, GATE2, &first, "401 Unauthorized", CHALLENGE);
    world.seconds(30);
    assert!(!world.waits(at(GATE2), "REGISTER"));
    assert_eq!(alerts(&world), [AlertKind::UpstreamDown]);
}

#[test]
fn too_brief_is_raised_and_a_redirection_not_followed() {
    let mut world = world(|_| {});
    let first = register(&mut world, GATE2, 5);
    say(
        &mut world,
        GATE2,
        &first,
        "423 Interval Too Brief",
        "Min-Expires: 1800\r\n",
    );
    let second = register(&mut world, GATE2, 0);
    assert_eq!(second.header("Expires"), Some("1800"));
    say(&mut world, GATE2, &second, "302 Moved", "");
    world.seconds(60);
    assert!(!holds(&mut world));
    assert_eq!(state(&mut world).answer.as_deref(), Some("302"));
    assert_eq!(alerts(&world), [AlertKind::UpstreamDown]);
}

#[test]
fn the_next_host_takes_over_and_retry_after_is_heeded() {
    let plan = registering(|_| {}).with_gateway(2, |gateway| {
        gateway.hosts.push(GatewayHost {
            name: None,
            address: at("203.0.113.12:5060"),
            transport: Transport::Udp,
            priority: 1,
            weight: 0,
        });
    });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    // The first says nothing.
    register(&mut world, GATE2, 5);
    let second = register(&mut world, "203.0.113.12:5060", 10);
    let busy = "Retry-After: 90\r\n";
    say(
        &mut world,
        "203.0.113.12:5060",
        &second,
        "503 Service Unavailable",
        busy,
    );
    assert_eq!(alerts(&world), [AlertKind::UpstreamDown]);
    world.heard(at(GATE2));
    world.seconds(88);
    assert!(!world.waits(at("203.0.113.12:5060"), "REGISTER"));
    world.heard(at(GATE2));
    let again = register(&mut world, GATE2, 30);
    grant(&mut world, &again, 600);
    assert!(holds(&mut world));
}

#[test]
fn a_registrar_that_dies_is_noticed_and_comes_back() {
    let mut world = world(|_| {});
    registered(&mut world, 100);
    assert!(holds(&mut world));
    world.seconds(120);
    world.heard(at(GATE2));
    assert!(!holds(&mut world));
    assert_eq!(alerts(&world), [AlertKind::UpstreamDown]);
    // Less and less often, half an hour at most.
    world.seconds(3600);
    world.heard(at(GATE2));
    let back = register(&mut world, GATE2, 2400);
    grant(&mut world, &back, 100);
    assert!(holds(&mut world));
    assert_eq!(
        alerts(&world),
        [AlertKind::UpstreamDown, AlertKind::UpstreamUp]
    );
}

#[test]
fn a_call_out_goes_as_our_user_there() {
    let mut world = world(|_| {});
    registered(&mut world, 600);
    let mut caller = Caller::new(TRUNK, "4930123", "7555", "a");
    caller.invite(&mut world);
    world.expect(caller.at, "100");
    let callee = Callee::take(&mut world, GATE2);
    assert_eq!(callee.invite.from().uri.to_string(), "sip:u1@carrier.test");
    let challenge = "Proxy-Authenticate: Digest realm=\"x\", nonce=\"m\"\r\n";
    callee.say_with(
        &mut world,
        "407 Proxy Authentication Required",
        challenge,
        None,
    );
    world.expect(at(GATE2), "ACK");
    let callee = Callee::take(&mut world, GATE2);
    let shown = callee.invite.header("Proxy-Authorization");
    let shown = shown.and_then(Credentials::parse).expect("credentials");
    assert_eq!(shown.username, "auth1");
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    assert_eq!(world.book.only_cdr().gateway, Some(GatewayId(2)));
}

#[test]
fn without_a_registration_the_next_route_is_taken() {
    let mut world = world(|_| {});
    let mut caller = Caller::new(TRUNK, "4930123", "7555", "a");
    caller.invite(&mut world);
    world.expect(caller.at, "100");
    let callee = Callee::take(&mut world, GATE);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    caller.bye(&mut world);
    let trace = world.book.only_cdr().trace.clone();
    assert!(trace.contains("upstream is not registered"), "{trace}");
}

#[test]
fn a_call_in_is_the_account_s_by_contact_and_source() {
    for (source, user, number, expected) in [
        (GATE2, "token1", None, Some("44207")),
        // Whatever port it comes from.
        ("203.0.113.2:9999", "token1", Some("44911"), Some("44911")),
        // The token from elsewhere, another token from there.
        ("198.51.100.99:5060", "token1", None, None),
        (GATE2, "token2", None, None),
    ] {
        let mut world = world(|upstream| {
            upstream.inbound_number = number.map(Into::into);
            upstream.inbound_reach = InboundReach::Anywhere;
        });
        registered(&mut world, 600);
        world.heard(at(GATE2));
        let mut caller = Caller::new(source, "4930999", "44207", "a").dialling(user);
        caller.invite(&mut world);
        let Some(expected) = expected else {
            world.expect(caller.at, "407");
            continue;
        };
        world.expect(caller.at, "100");
        let callee = Callee::take(&mut world, GATE);
        let user = callee
            .invite
            .request_uri()
            .and_then(|uri| uri.user_unescaped());
        assert_eq!(user.as_deref(), Some(expected));
        callee.answer(&mut world);
        caller.ack(&mut world, None);
        world.seconds(10);
        caller.bye(&mut world);
        let cdr = world.book.only_cdr();
        assert_eq!(cdr.account, Some(AccountId(1)));
        assert_eq!(cdr.charges.len(), 1, "priced as the account's calls are");
        assert!(cdr.trace.contains("upstream upstream1"));
    }
}

#[test]
fn it_is_taken_back_when_it_is_no_longer_wanted() {
    let mut world = world(|_| {});
    registered(&mut world, 600);
    let off = registering(|upstream| upstream.enabled = false);
    world.input(tandem_call::Input::Directory(off.build()));
    let farewell = register(&mut world, GATE2, 0);
    assert_eq!(farewell.header("Expires"), Some("0"));
    say(&mut world, GATE2, &farewell, "401 Unauthorized", CHALLENGE);
    let farewell = register(&mut world, GATE2, 0);
    assert_eq!(farewell.header("Expires"), Some("0"));
    assert!(credentials(&farewell).is_some());
    grant(&mut world, &farewell, 0);
    world.seconds(2000);
    assert!(world.heard(at(GATE2)).is_empty());
    assert_eq!(alerts(&world), [], "the operator knows");
    world.input(tandem_call::Input::Directory(registering(|_| {}).build()));
    registered(&mut world, 600);
    // Another user: the old binding goes, the new one comes.
    let other = registering(|upstream| upstream.user = "u9".into());
    world.input(tandem_call::Input::Directory(other.build()));
    let farewell = register(&mut world, GATE2, 0);
    assert_eq!(farewell.to().uri.user.as_deref(), Some("u1"));
    grant(&mut world, &farewell, 0);
    let fresh = register(&mut world, GATE2, 5);
    assert_eq!(fresh.to().uri.user.as_deref(), Some("u9"));
}

#[test]
fn a_drain_waits_for_the_farewell_but_not_for_ever() {
    for answers in [true, false] {
        let mut world = world(|_| {});
        registered(&mut world, 600);
        world.command(Command::Drain { within_s: 60 });
        let farewell = register(&mut world, GATE2, 0);
        assert_eq!(farewell.header("Expires"), Some("0"));
        assert!(world.replies.is_empty());
        if answers {
            grant(&mut world, &farewell, 0);
        } else {
            world.seconds(5);
        }
        let reply = world.replies.pop().map(|(_, reply)| reply);
        assert!(matches!(reply, Some(Reply::Drained)), "{reply:?}");
    }
}

#[test]
fn a_ping_keeps_the_way_back_open_while_it_holds() {
    let mut world = world(|upstream| upstream.keep_alive_s = 20);
    registered(&mut world, 600);
    let before = world.pings(at(GATE2));
    world.seconds(100);
    let sent = world.pings(at(GATE2)) - before;
    assert!((5..=6).contains(&sent), "{sent} in 100 s");
}

/// How many REGISTERs came within so long, each answered so at once.
fn asked(world: &mut World, seconds: u64, mut answer: impl FnMut(&mut World, &Message)) -> usize {
    let mut count = 0;
    for _ in 0..seconds * 10 {
        while let Some(request) = world.take(at(GATE2)) {
            count += usize::from(request.is_method(&Method::Register));
            answer(world, &request);
        }
        world.advance(std::time::Duration::from_millis(100));
    }
    count
}

#[test]
fn no_answer_of_a_registrar_makes_a_storm() {
    type Answer = fn(&mut World, &Message);
    let one_second: Answer = |world, request| grant(world, request, 1);
    let ever_longer: Answer = |world, request| {
        let asked = request
            .header("Expires")
            .and_then(|value| value.parse().ok());
        let more = format!("Min-Expires: {}\r\n", asked.unwrap_or(0_u32) + 1);
        say(world, GATE2, request, "423 Interval Too Brief", &more);
    };
    let absurd: Answer = |world, request| {
        let most = "Min-Expires: 4294967295\r\n";
        say(world, GATE2, request, "423 Interval Too Brief", most);
    };
    let soon: Answer = |world, request| {
        let soon = "Retry-After: 0\r\n";
        say(world, GATE2, request, "503 Service Unavailable", soon);
    };
    let stale: Answer = |world, request| {
        let stale = CHALLENGE.replace("\r\n", ", stale=true\r\n");
        say(world, GATE2, request, "401 Unauthorized", &stale);
    };
    for (name, answer, shown) in [
        ("one second", one_second, "200, but for 1 s only"),
        ("ever longer", ever_longer, "423"),
        ("absurd", absurd, "423"),
        ("retry at once", soon, "503"),
        ("stale for ever", stale, "401"),
    ] {
        let mut world = world(|_| {});
        let count = asked(&mut world, 900, answer);
        assert!((2..=30).contains(&count), "{name}: {count}");
        let state = state(&mut world);
        assert_eq!(state.answer.as_deref(), Some(shown), "{name}");
        assert!(state.next_at.is_some() && state.registered_until.is_none());
        assert_eq!(alerts(&world), [AlertKind::UpstreamDown], "{name}");
    }
}

#[test]
fn a_connection_that_breaks_again_and_again_makes_no_storm_either() {
    let plan = registering(|_| {}).with_gateway(2, |gateway| {
        gateway.hosts[0].transport = Transport::Tcp;
    });
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let flow = tandem_sip::Flow {
        transport: Transport::Tcp,
        listener: 1,
        connection: 0,
        remote: at(GATE2),
    };
    let count = asked(&mut world, 600, |world, request| {
        grant(world, request, 600);
        world.input(tandem_call::Input::FlowFailed { flow });
    });
    assert!((10..=40).contains(&count), "{count}");
    assert!(state(&mut world).next_at.is_some());
    assert!(holds(&mut world), "the registrar may still have it");
}

/// The number is the far side's word, so no such call goes out at the account's expense unless an operator says so.
#[test]
fn a_call_in_reaches_phones_of_its_account_only_unless_it_is_told_otherwise() {
    use InboundReach::{Anywhere, Number, Phones};
    for (reach, number, to, reached) in [
        (Phones, None, "alice", Some(ALICE)),
        (Phones, None, "44207", None),
        (Phones, None, "carl", None),
        (Phones, Some("alice"), "44207", Some(ALICE)),
        (Phones, Some("44911"), "alice", None),
        (Number, Some("alice"), "44207", Some(ALICE)),
        (Number, None, "alice", None),
        (Anywhere, None, "44207", Some(GATE)),
        (Anywhere, None, "carl", Some(BOB)),
    ] {
        let plan = registering(|upstream| {
            upstream.inbound = Some(AccountId(2));
            upstream.inbound_number = number.map(Into::into);
            upstream.inbound_reach = reach;
        });
        let plan = plan
            .account(3, 1, None)
            .device(3, "carl")
            .route("c", 1, Target::LocalDevice);
        let mut world = World::new(plan.build(), &[(1, 10), (2, 10), (3, 10)]);
        registered(&mut world, 600);
        sip::register(&mut world, ALICE, "alice");
        sip::register(&mut world, BOB, "carl");
        world.heard(at(GATE2));
        let mut caller = Caller::new(GATE2, "4930999", to, "a").dialling("token1");
        caller.invite(&mut world);
        let found = [ALICE, BOB, GATE]
            .into_iter()
            .find(|phone| world.waits(at(phone), "INVITE"));
        assert_eq!(found, reached, "{reach:?} {number:?} {to}");
        if reached.is_none() {
            assert!(!world.heard(at(GATE2)).is_empty(), "it was refused");
        }
    }
}

#[test]
fn the_called_party_is_a_trusted_gateways_to_say() {
    for (trust, reached) in [(Trust::Trusted, BOB), (Trust::Untrusted, ALICE)] {
        let plan = registering(|upstream| upstream.inbound = Some(AccountId(2)));
        let plan = plan.with_gateway(2, |gateway| gateway.signalling.trust = trust);
        let mut world = World::new(plan.build(), &[(1, 10), (2, 10)]);
        registered(&mut world, 600);
        sip::register(&mut world, ALICE, "alice");
        sip::register(&mut world, BOB, "bob");
        let mut caller = Caller::new(GATE2, "4930999", "alice", "a")
            .dialling("token1")
            .with_headers("P-Called-Party-ID: <sip:bob@carrier.test>\r\n");
        caller.invite(&mut world);
        assert!(world.waits(at(reached), "INVITE"), "{trust:?}");
    }
}

#[test]
fn an_operator_has_it_registered_now_but_not_all_the_time() {
    let again = |world: &mut World, id| {
        let upstream = UpstreamId(id);
        world.command(Command::RegisterUpstream { upstream });
        world.replies.pop().expect("a reply").1
    };
    let mut world = world(|_| {});
    assert!(matches!(again(&mut world, 9), Reply::NotFound));
    let first = register(&mut world, GATE2, 5);
    assert!(matches!(again(&mut world, 1), Reply::Refused(_)), "it asks");
    say(&mut world, GATE2, &first, "403 Forbidden", "");
    assert!(!holds(&mut world));
    assert!(matches!(again(&mut world, 1), Reply::Done));
    let second = register(&mut world, GATE2, 1);
    grant(&mut world, &second, 600);
    assert!(holds(&mut world));
    let mut done = 0;
    for _ in 0..100 {
        done += usize::from(matches!(again(&mut world, 1), Reply::Done));
        world.seconds(1);
        while let Some(request) = world.take(at(GATE2)) {
            grant(&mut world, &request, 600);
        }
    }
    assert!((1..=6).contains(&done), "{done}");
}
