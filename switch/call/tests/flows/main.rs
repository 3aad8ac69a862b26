//! Call flows against the real core on virtual time: what each side hears, what the journal keeps, what it costs.

// The kit is one for all crates' tests; no single one uses all of it.
#[allow(dead_code, unused_imports)]
#[path = "../../../../tests/src/kit/mod.rs"]
mod kit;

mod acks;
mod announce;
mod basic;
mod belonging;
mod change;
mod codecs;
mod codes;
mod did;
mod digits;
mod early;
mod failover;
mod fax;
mod forged;
mod guard;
mod guess;
mod health;
mod hostile;
mod identity;
mod money;
mod page;
mod play;
mod quality;
mod race;
mod recording;
mod redirect;
mod refusal;
mod registration;
mod reliable;
mod session;
mod spending;
mod transfer;
mod upstream;
mod video;
mod video_keys;

use kit::{Plan, World, plan};
use std::net::SocketAddr;
use tandem_billing::{AccountId, GatewayId, TariffId};
use tandem_call::directory::Target;

/// A customer's switch, known by its address.
const TRUNK: &str = "198.51.100.10:5060";
/// Two terminators.
const GATE: &str = "203.0.113.1:5060";
const GATE2: &str = "203.0.113.2:5060";
/// A retail customer's phones.
const ALICE: &str = "198.51.100.20:6060";
const BOB: &str = "198.51.100.30:7070";

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Account 1 by address, account 2 with phones alice and bob, two gateways in order; 0.60 a minute, second by
/// second, both gateways take 0.30.
fn plan() -> Plan {
    Plan::new()
        .tariff(1, "0.60", 1, 1)
        .tariff(9, "0.30", 1, 1)
        .account(1, 1, None)
        .source(1, TRUNK)
        .account(2, 1, None)
        .device(2, "alice")
        .device(2, "bob")
        .gateway(1, GATE)
        .gateway(2, GATE2)
        .with_gateway(1, |gateway| gateway.cost_tariff = Some(TariffId(9)))
        .with_gateway(2, |gateway| gateway.cost_tariff = Some(TariffId(9)))
        .route("4", 1, Target::Gateway(GatewayId(1)))
        .route("4", 2, Target::Gateway(GatewayId(2)))
        .route("a", 1, Target::LocalDevice)
        .route("b", 1, Target::LocalDevice)
        .route("9", 1, Target::Account(AccountId(2)))
}

/// The plan with ten units on each account.
fn world() -> World {
    World::new(plan().build(), &[(1, 10), (2, 10)])
}

/// Nothing of the caller's side may reach the called side, and the other way round.
fn assert_hidden(message: &tandem_sip::Message, secrets: &[&str]) {
    let text = String::from_utf8_lossy(message.as_bytes()).into_owned();
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} shows in\n{text}");
    }
    assert!(
        !text.contains("PhoneMaker"),
        "a product name shows in\n{text}"
    );
    assert!(
        text.contains(&SocketAddr::from(plan::SWITCH).ip().to_string()),
        "our address is there"
    );
}
