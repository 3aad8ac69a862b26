//! The decision function by table: `cases.txt` against the operator of `operator.json`.

use std::{collections::BTreeMap, net::SocketAddr};
use tandem_billing::{AccountId, DidId, GatewayId, RouteId, UtcMs};
use tandem_call::{
    Directory,
    decide::{Admission, CallFacts, LegTarget, Outcome, Step, Usage, decide},
    directory::{DirectorySpec, SrtpPolicy, signalling::Transfers},
};
use tandem_sip::Transport;

/// A Wednesday, 2026-01-07 12:00 UTC.
const NOON: UtcMs = UtcMs(1_767_787_200_000);

fn directory() -> Directory {
    let spec: DirectorySpec =
        serde_json::from_str(include_str!("operator.json")).expect("the operator is JSON");
    spec.build(1).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// Counts of a case, by name.
#[derive(Default)]
struct Busy {
    account_calls: BTreeMap<AccountId, u32>,
    account_cps: BTreeMap<AccountId, u32>,
    gateways: BTreeMap<GatewayId, u32>,
    routes: BTreeMap<RouteId, u32>,
    dids: BTreeMap<DidId, u32>,
    absent: Vec<String>,
}

impl Busy {
    fn read(text: &str, directory: &Directory) -> Self {
        let mut busy = Self::default();
        for word in text.split_whitespace().filter(|word| *word != "-") {
            let (kind, rest) = word.split_once(':').expect("kind:name=count");
            let (name, count) = rest.split_once('=').unwrap_or((rest, "0"));
            let count = count.parse().expect("a count");
            let account = || account(directory, name);
            match kind {
                "a" => drop(busy.account_calls.insert(account(), count)),
                "c" => drop(busy.account_cps.insert(account(), count)),
                "g" => {
                    let found = directory
                        .gateways
                        .values()
                        .find(|gateway| gateway.name == name);
                    busy.gateways.insert(found.expect("a gateway").id, count);
                }
                "d" => {
                    let did = directory.dids.of(name).expect("a DID");
                    busy.dids.insert(did.id, count);
                }
                "r" => drop(
                    busy.routes
                        .insert(RouteId(name.parse().expect("a row")), count),
                ),
                "x" => busy.absent.push(name.to_owned()),
                other => panic!("unknown kind {other}"),
            }
        }
        busy
    }
}

impl Usage for Busy {
    fn account_calls(&self, account: AccountId) -> u32 {
        self.account_calls.get(&account).copied().unwrap_or(0)
    }
    fn account_cps(&self, account: AccountId) -> u32 {
        self.account_cps.get(&account).copied().unwrap_or(0)
    }
    fn gateway_calls(&self, gateway: GatewayId) -> u32 {
        self.gateways.get(&gateway).copied().unwrap_or(0)
    }
    fn gateway_cps(&self, _: GatewayId) -> u32 {
        0
    }
    fn route_calls(&self, route: RouteId) -> u32 {
        self.routes.get(&route).copied().unwrap_or(0)
    }
    fn did_calls(&self, did: DidId) -> u32 {
        self.dids.get(&did).copied().unwrap_or(0)
    }
    fn total_calls(&self) -> u32 {
        0
    }
    fn transcoded_calls(&self) -> u32 {
        0
    }
    fn coding_percent(&self) -> u32 {
        0
    }
    fn total_cps(&self) -> u32 {
        0
    }
    fn quality(&self, _: GatewayId) -> (u64, u64, u64) {
        (0, 0, 0)
    }
    fn gateway_down(&self, _: GatewayId) -> Option<String> {
        None
    }
    fn upstream_down(&self, _: tandem_billing::UpstreamId) -> Option<String> {
        None
    }
    fn is_registered(&self, username: &str) -> bool {
        !self.absent.iter().any(|name| name == username)
    }
}

fn account(directory: &Directory, login: &str) -> AccountId {
    directory
        .accounts
        .values()
        .find(|account| account.login == login)
        .unwrap_or_else(|| panic!("no {login}"))
        .id
}

fn facts(directory: &Directory, who: &str, caller: &str, dialled: &str) -> CallFacts {
    let (name, remote) = who.split_once('@').unwrap_or((who, "192.0.2.7:5060"));
    let device = name.strip_prefix('=').map(str::to_owned);
    let as_account = (device.is_none() && !name.is_empty()).then(|| account(directory, name));
    let remote: SocketAddr = remote.parse().expect("an address");
    CallFacts {
        remote,
        transport: Transport::Udp,
        device,
        via: None,
        as_account,
        caller: caller.to_owned(),
        asserted: None,
        dialled: dialled.to_owned(),
        at: NOON,
        codecs: vec!["pcmu".into(), "pcma".into()],
        draw: 0,
    }
}

fn hunt_list(admission: &Admission) -> String {
    let legs = admission
        .candidates
        .iter()
        .map(|candidate| match &candidate.leg {
            LegTarget::Gateway(gateway) => format!("{} {}", gateway.name, candidate.number),
            LegTarget::Devices { usernames, .. } => {
                format!("{} {}", usernames.join(","), candidate.number)
            }
        });
    format!(
        "{}: {}",
        admission.account.login,
        legs.collect::<Vec<_>>().join(" < ")
    )
}

#[test]
fn cases() {
    let directory = directory();
    let mut wrong = Vec::new();
    for line in include_str!("cases.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
    {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [who, caller, dialled, busy, expected] = columns[..] else {
            panic!("five columns: {line}")
        };
        let usage = Busy::read(busy, &directory);
        let decision = decide(&directory, &facts(&directory, who, caller, dialled), &usage);
        let found = match &decision.outcome {
            Outcome::Challenge => "challenge".to_owned(),
            Outcome::Admitted(admission) => hunt_list(admission),
            Outcome::Refused(refusal) => match &refusal.status {
                Some((status, reason)) => format!("{} {status} {reason}", refusal.cause.code),
                None => refusal.cause.code.to_owned(),
            },
        };
        if found != expected {
            wrong.push(format!(
                "{line}\n    found {found}\n    {:?}",
                decision.trace.steps
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_refusal_is_always_the_last_step_and_every_row_has_its_reason() {
    let directory = directory();
    let usage = Busy::default();
    let decision = decide(
        &directory,
        &facts(&directory, "alice", "100", "19000"),
        &usage,
    );
    let [
        ..,
        Step::Dropped { reason, target, .. },
        Step::Refused { code, .. },
    ] = &decision.trace.steps[..]
    else {
        panic!("{:?}", decision.trace)
    };
    assert_eq!(
        (reason.as_str(), target.as_str(), code.as_str()),
        ("gateway is disabled", "off", "refused.routes_unusable")
    );
}

#[test]
fn without_a_ratio_a_route_of_another_currency_is_dropped_and_says_so() {
    let directory = directory();
    let mut facts = facts(&directory, "alice", "100", "17000");
    facts.at = NOON.plus_ms(-1);
    let decision = decide(&directory, &facts, &Busy::default());
    let [.., Step::Dropped { reason, .. }, Step::Refused { .. }] = &decision.trace.steps[..] else {
        panic!("{:?}", decision.trace)
    };
    assert!(
        reason.starts_with("loss guard: there is no exchange ratio of USD"),
        "{reason}"
    );
}

#[test]
fn caller_ids_follow_account_row_and_gateway() {
    let directory = directory();
    let usage = Busy::default();
    let callers = |who: &str, sent: &str| {
        let decision = decide(&directory, &facts(&directory, who, sent, "447000"), &usage);
        let Outcome::Admitted(admission) = decision.outcome else {
            panic!("{:?}", decision.trace)
        };
        admission
            .candidates
            .iter()
            .map(|candidate| candidate.caller.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(callers("alice", "+4912"), ["493000", "4912", "493000"]);
    assert_eq!(
        callers("fixed-id", "anything"),
        ["493000", "4930123", "493000"]
    );
}

#[test]
fn every_level_is_quoted_from_its_own_tariff() {
    let directory = directory();
    let decision = decide(
        &directory,
        &facts(&directory, "carol", "1", "447000"),
        &Busy::default(),
    );
    let Outcome::Admitted(admission) = decision.outcome else {
        panic!("{:?}", decision.trace)
    };
    let prices: Vec<String> = admission
        .levels
        .iter()
        .map(|level| format!("{} {}", level.account.login, level.quote.price_per_minute))
        .collect();
    assert_eq!(prices, ["carol 0.05", "acme 0.03"]);
    assert_eq!(admission.max_duration_s, 7200);
}

#[test]
fn the_same_inputs_give_the_same_trace() {
    let directory = directory();
    let facts = facts(&directory, "alice", "100", "447000");
    let usage = Busy::default();
    assert_eq!(
        decide(&directory, &facts, &usage).trace,
        decide(&directory, &facts, &usage).trace
    );
}

#[test]
fn a_caller_of_a_did_is_dealt_with_on_its_gateways_terms_and_pays_nothing() {
    let directory = directory();
    let decided = |who: &str, dialled: &str| {
        let facts = facts(&directory, who, "+49301", dialled);
        let decision = decide(&directory, &facts, &Busy::default());
        match decision.outcome {
            Outcome::Admitted(admission) => (admission, decision.trace),
            outcome => panic!("{outcome:?}: {:?}", decision.trace),
        }
    };
    let (admission, trace) = decided("@203.0.113.2:5060", "4930100");
    let Step::Recognised { account, by } = &trace.steps[0] else {
        panic!("{trace:?}");
    };
    assert_eq!((account.0, by.as_str()), (4, "DID 4930100"));
    let inbound = admission.inbound.as_ref().expect("a DID");
    assert_eq!(inbound.gateway.name, "other");
    assert_eq!(admission.account.id, AccountId(4));
    assert_eq!(admission.account.srtp, SrtpPolicy::Required);
    assert_eq!(admission.account.transfers(), Transfers::None);
    // The number's own tariff for the account; its reseller's is the reseller's.
    let prices: Vec<String> = admission
        .levels
        .iter()
        .map(|level| level.quote.price_per_minute.to_string())
        .collect();
    assert_eq!(prices, ["0", "0.001"]);
    let [candidate] = &admission.candidates[..] else {
        panic!("{trace:?}");
    };
    assert_eq!(candidate.caller, "+49301", "as it came");
    assert_eq!(candidate.codecs.own, Some(vec!["pcma".to_owned()]));
    assert!(candidate.route.is_none());
    // What is sent on is the account's call: it shows what the account may show.
    let (admission, trace) = decided("@203.0.113.2:5060", "4930110");
    assert_eq!(admission.candidates[0].caller, "49301");
    assert!(trace.steps.iter().any(|step| matches!(
        step,
        Step::Rewritten { stage, from, to, .. } if stage == "DID 4930110" && from == "4930110" && to == "7004"
    )));
}
