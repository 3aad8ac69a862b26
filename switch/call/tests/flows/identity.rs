//! Privacy and identity by trust, header rules, and that nothing of one leg shows on the other.

use super::{
    GATE, TRUNK, at,
    kit::{Callee, Caller, Plan, World, sip},
    plan,
};
use tandem_call::directory::signalling::{Diverted, FromUser, HeaderLine, Trust};
use tandem_sip::Message;

const CLAIMS: &str = "P-Asserted-Identity: \"Boss\" <sip:4989555@198.51.100.10;x=y>\r\n\
    Diversion: <sip:498900@198.51.100.10>;reason=user-busy\r\n";

fn sent(plan: Plan, extra: &str) -> Message {
    let mut world = World::new(plan.build(), &[(1, 10)]);
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a").with_headers(extra);
    caller.invite(&mut world);
    Callee::take(&mut world, GATE).invite
}

fn from_user(message: &Message) -> String {
    message.from().uri.user_unescaped().unwrap_or_default()
}

#[test]
fn an_asserted_identity_counts_from_a_trusted_account_only() {
    let trusted = plan().with_account(1, |account| account.signalling.trust = Trust::Trusted);
    assert_eq!(from_user(&sent(plan(), CLAIMS)), "4930123");
    assert_eq!(from_user(&sent(trusted, CLAIMS)), "4989555");
}

#[test]
fn a_private_caller_is_told_to_trusted_gateways_only() {
    let private = "Privacy: id\r\n";
    for (trust, asserted, privacy) in [
        (Trust::Untrusted, None, None),
        (
            Trust::Trusted,
            Some("<sip:4930123@192.0.2.1:5060>"),
            Some("id"),
        ),
    ] {
        let plan = plan().with_gateway(1, |gateway| {
            gateway.naming.send_pai = true;
            gateway.signalling.trust = trust;
            gateway.signalling.naming.remote_party_id = true;
        });
        let invite = sent(plan, private);
        assert_eq!(from_user(&invite), "anonymous");
        assert_eq!(invite.header("P-Asserted-Identity"), asserted);
        assert_eq!(invite.header("Privacy"), privacy);
        assert_eq!(
            invite
                .header("Remote-Party-ID")
                .is_some_and(|party| party.contains("privacy=full")),
            asserted.is_some()
        );
    }
}

#[test]
fn forwarding_is_told_as_the_gateway_likes_it() {
    for (diversion, header, value) in [
        (Diverted::Nothing, "Diversion", None),
        (
            Diverted::Diversion,
            "Diversion",
            Some("<sip:498900@192.0.2.1:5060>;reason=unconditional"),
        ),
        (
            Diverted::HistoryInfo,
            "History-Info",
            Some("<sip:498900@192.0.2.1:5060>;index=1"),
        ),
    ] {
        let plan = plan()
            .with_account(1, |account| account.signalling.trust = Trust::Trusted)
            .with_gateway(1, |gateway| gateway.signalling.naming.diversion = diversion);
        assert_eq!(sent(plan, CLAIMS).header(header), value);
    }
}

#[test]
fn header_rules_add_and_remove() {
    let plan = plan().with_gateway(1, |gateway| {
        gateway.naming.send_pai = true;
        gateway.auth = Some(tandem_call::directory::GatewayAuth {
            username: "acct7".into(),
            password: "secret".into(),
            realm: None,
        });
        gateway.signalling.naming.from = FromUser::Login;
        gateway.signalling.add_headers = vec![HeaderLine {
            name: "X-Customer".into(),
            value: "17".into(),
        }];
        gateway.signalling.remove_headers = vec!["allow".into()];
    });
    let invite = sent(plan, "");
    assert_eq!(invite.header("X-Customer"), Some("17"));
    assert_eq!(invite.header("Allow"), None);
    assert_eq!(from_user(&invite), "acct7");
    assert_eq!(
        invite.header("P-Asserted-Identity"),
        Some("<sip:4930123@192.0.2.1:5060>")
    );
}

/// Everything that names a peer to itself: none of it may be in any byte sent to the other.
fn tokens(messages: &[Message]) -> Vec<String> {
    let mut found = Vec::new();
    for message in messages {
        found.push(message.call_id().to_owned());
        found.extend(message.from_tag().map(str::to_owned));
        found.extend(message.to_tag().map(str::to_owned));
        found.extend(message.top_via().branch.map(str::to_owned));
        let body = String::from_utf8_lossy(message.body()).into_owned();
        let origin = body.lines().find_map(|line| line.strip_prefix("o="));
        found.extend(
            origin
                .and_then(|line| line.split(' ').nth(1))
                .map(str::to_owned),
        );
    }
    found.retain(|token| token.len() > 3);
    found.sort();
    found.dedup();
    found
}

#[test]
fn no_byte_of_one_leg_is_on_the_other() {
    let directory = plan()
        .with_settings(|settings| settings.session_expires_s = 600)
        .build();
    let mut world = World::new(directory, &[(1, 10)]);
    world.record();
    let extra = "Supported: 100rel, timer\r\nRecord-Route: <sip:proxy.inside.example;lr>\r\n\
        Organization: CustomerWorks\r\nSubject: secret-project\r\nX-Trace: aa17c0de\r\n";
    let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a").with_headers(extra);
    caller.invite(&mut world);
    let callee = Callee::take(&mut world, GATE);
    let reliable = "Require: 100rel\r\nRSeq: 91827364\r\nServer: GateMaker 9\r\n\
        Record-Route: <sip:edge.carrier.example;lr>\r\nX-Gate: f00dcafe\r\n";
    callee.say_with(
        &mut world,
        "183 Session Progress",
        reliable,
        Some(&callee.sdp()),
    );
    let prack = world.expect(callee.at, "PRACK");
    callee.respond(&mut world, &prack, "200 OK", None);
    let progress = world.expect(caller.at, "183");
    caller.join(&progress);
    let rack = format!(
        "RAck: {} 1 INVITE\r\n",
        progress.header("RSeq").expect("a number")
    );
    caller.request_with(&mut world, "PRACK", &rack, None);
    callee.answer(&mut world);
    caller.ack(&mut world, None);
    let hold = sip::sdp_with(caller.audio, sip::G711, "sendonly");
    caller.request(&mut world, "INVITE", Some(&hold));
    let passed = world.expect(callee.at, "INVITE");
    callee.respond(&mut world, &passed, "200 OK", Some(&callee.sdp()));
    caller.ack(&mut world, None);
    caller.request(&mut world, "INFO", Some("Signal=5\r\n"));
    let info = world.expect(callee.at, "INFO");
    callee.respond(&mut world, &info, "200 OK", None);
    world.seconds(300);
    caller.bye(&mut world);
    world.expect(callee.at, "BYE");

    let (a, b) = (at(TRUNK), at(GATE));
    let from = |peer| -> Vec<Message> {
        let lines = world.wire().iter();
        lines
            .filter(|line| line.from == peer)
            .map(|line| line.message.clone())
            .collect()
    };
    let fixed = |ip: &str, more: &[&str]| -> Vec<String> {
        let mut all = vec![ip.to_owned(), "PhoneMaker".to_owned()];
        all.extend(more.iter().map(|text| (*text).to_owned()));
        all
    };
    let of_a = fixed(
        "198.51.100.10",
        &[
            "proxy.inside",
            "CustomerWorks",
            "secret-project",
            "aa17c0de",
        ],
    );
    let of_b = fixed(
        "203.0.113.1",
        &["edge.carrier", "91827364", "GateMaker", "f00dcafe"],
    );
    for (peer, other, fixed) in [(a, b, of_a), (b, a, of_b)] {
        let mine = world
            .wire()
            .iter()
            .filter(|line| line.to == peer)
            .map(|line| &line.message);
        let mut secrets = tokens(&from(peer));
        secrets.extend(tokens(&mine.cloned().collect::<Vec<_>>()));
        secrets.retain(|token| !token.starts_with("1 "));
        secrets.extend(fixed);
        for line in world.wire().iter().filter(|line| line.to == other) {
            let text = String::from_utf8_lossy(line.message.as_bytes()).into_owned();
            for secret in &secrets {
                assert!(
                    !text.contains(secret.as_str()),
                    "{secret} of {peer} shows in\n{text}"
                );
            }
        }
    }
    world.check_idle();
}

#[test]
fn an_asserted_identity_prices_a_trusted_accounts_call() {
    for (trust, charge) in [(Trust::Trusted, 200_000), (Trust::Untrusted, 100_000)] {
        let plan = plan().tariff(3, "1.20", 1, 1).with_account(1, |account| {
            account.signalling.trust = trust;
            let dear = [("49176".to_owned(), tandem_billing::TariffId(3))];
            account.ani_tariffs =
                tandem_billing::prefix::PrefixMap::build(dear.into_iter().collect());
        });
        let mut world = World::new(plan.build(), &[(1, 10)]);
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a")
            .with_headers("P-Asserted-Identity: <sip:49176555@example.com>\r\n");
        caller.invite(&mut world);
        Callee::take(&mut world, GATE).answer(&mut world);
        caller.ack(&mut world, None);
        world.seconds(10);
        caller.bye(&mut world);
        let cdr = world.book.only_cdr();
        assert_eq!(cdr.charges[0].charge.0, charge, "{trust:?}");
        world.check_idle();
    }
}

#[test]
fn a_rule_may_leave_out_what_we_are() {
    for name in ["user-agent", "server"] {
        let plan = plan()
            .with_gateway(1, |gateway| {
                gateway.signalling.remove_headers = vec![name.into()];
            })
            .with_account(1, |account| {
                account.signalling.remove_headers = vec![name.into()];
            });
        let mut world = World::new(plan.build(), &[(1, 10)]);
        world.record();
        let mut caller = Caller::new(TRUNK, "4930123", "442071234", "a");
        caller.invite(&mut world);
        let mut callee = Callee::take(&mut world, GATE);
        let body = callee.sdp();
        let reliable = "Require: 100rel\r\nRSeq: 1\r\n";
        callee.say_with(&mut world, "183 Session Progress", reliable, Some(&body));
        callee.request(&mut world, "UPDATE", Some(&body));
        callee.answer(&mut world);
        caller.ack(&mut world, None);
        callee.request(&mut world, "OPTIONS", None);
        caller.request(&mut world, "OPTIONS", None);
        caller.bye(&mut world);
        world.expect(at(GATE), "BYE");
        for wire in world.wire() {
            let is_ours = [at(GATE), at(TRUNK)].contains(&wire.to);
            for header in ["User-Agent", "Server"] {
                let named = wire.message.header(header);
                assert!(!is_ours || named.is_none(), "{header} to {}", wire.to);
            }
        }
        world.check_idle();
    }
}
