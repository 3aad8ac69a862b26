//! `decide`: routes and prices cases from a file by the one decision function, with no switch running.

use super::{
    Failure,
    cases::{self, Instant},
};
use clap::Args;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf, process::ExitCode};
use tandem_billing::{AccountId, RouteId};
use tandem_call::{
    Directory,
    decide::{Admission, CallFacts, Candidate, IdleUsage, LegTarget, Outcome, Trace, decide},
    directory::DirectorySpec,
};
use tandem_sip::Transport;

/// What `decide --help` says of the format.
pub(super) const FORMAT: &str = r#"INPUT (JSON; what is left out does not limit):
  {
    "directory": {
      "tariffs":  [ as for `rate` ],
      "accounts": [ { "id": 1, "login": "alice", "currency": "EUR", "tariff": 1, "routing_group": 1, "reseller": null,
                      "kind": "common",   or wholesale, retail, ..., { "reseller": { "level": 1 } }
                      "status": "active", "credit_limit": 0, "rules": "00->;TP:00->;CP:!4930123",
                      "caller_id": "pass", or { "fixed": "4930123" } or { "one_of": ["4930123"] }
                      "allowed_prefixes": [], "blocked_prefixes": [], "limits": { "max_calls": 0, "max_cps": 0 },
                      "max_duration_s": 0, "max_rate_per_minute": 500000, "codecs": ["pcma"], "media": "relay",
                      "loss_allowed": "refuse", "expires_at": null,
                      "tariff_maps": { "dnis": { "800": 2 }, "ani": {} } } ],
      "devices":  [ { "username": "alice", "account": 1, "extension": "7001" } ],
      "sources":  [ { "account": 1, "network": "10.0.0.0", "prefix_len": 8, "port": null, "tech_prefix": "99#" } ],
      "gateways": [ { "id": 1, "name": "berlin", "hosts": ["192.0.2.1:5060"], "currency": "EUR", "cost_tariff": 3,
                      "enabled": true, "rules": "DN:00->", "codecs": [], "limits": {}, "hunt_codes": "!486" } ],
      "dids":     [ { "id": 1, "number": "4930123", "account": 1, "source": { "gateway": 1 }, or null for any
                      "target": "phones", or { "forward": "44207" }, { "refuse": { "status": 486, "reason": "Busy" } }
                      "tariff": null, "max_calls": 0, "enabled": true } ],
      "groups":   [ { "id": 1, "name": "standard", "inherits": null,
                      "policy": "as_listed",   or least_cost, quality, margin
                      "routes": [ { "id": 1, "prefix": "44", "priority": 1, "share": 100, "rules": "",
                                    "target": { "gateway": 1 },   or { "account": 1 }, "local_device",
                                                                  { "reject": { "status": 404, "reason": "No" } }
                                    "span": { "from_day": 0, "to_day": 6, "from_minute": 0, "to_minute": 1440 },
                                    "time_zone": "UTC", "limits": {}, "enabled": true } ] } ],
      "lists":    [ { "id": 1, "account": null,   or of one account, with the accounts below it
                      "side": "dialled",          or "caller"
                      "verdict": "block",         or "allow": the longest prefix wins
                      "prefix": "44900" } ],
      "exchange": { "base": "EUR", "ratios": [ { "currency": "USD", "ratio": "0.92", "valid_from": 0 } ] },
      "settings": { "emergency_numbers": ["112"],
                    "max_hops": 10, "max_hops_per_prefix": 5, "max_duration_s": 0 } },
    "cases": [ { "account": 1,            or "device": "alice", or only "source": "10.1.2.3:5060"
                 "caller": "100", "dialled": "00442079460123", "at": "2026-01-07T12:00:00Z",
                 "codecs": ["pcma"], "draw": 0 } ]     draw: 0 to 9999, picks among equal shares
  }

OUTPUT, in the order of the cases: "outcome" is "admitted", "refused" or "challenge"; "trace" has every step with
its reason. Devices count as registered and no calls as up.
  { "results": [ { "outcome": "admitted", "account": 1, "caller": "100", "rating_number": "442079460123",
                   "max_duration_s": 0,
                   "levels": [ { "account": 1, "tariff": 1, "prefix": "44", "price_per_minute": "0.05" } ],
                   "candidates": [ { "route": 1, "target": "berlin", "number": "442079460123", "caller": "100",
                                     "cost_per_minute": "0.02", "codecs": ["pcma"] } ],
                   "trace": [ ... ] },
                 { "outcome": "refused", "code": "refused.no_route", "status": 404, "reason": "Not Found", "trace": [ ... ] } ] }"#;

#[derive(Debug, Args)]
pub(super) struct DecideArgs {
    /// File of a directory and cases; `-` reads standard input.
    #[arg(default_value = "-")]
    input: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    directory: DirectorySpec,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    account: Option<AccountId>,
    device: Option<String>,
    source: Option<SocketAddr>,
    #[serde(default)]
    caller: String,
    dialled: String,
    at: Instant,
    #[serde(default)]
    codecs: Vec<String>,
    #[serde(default)]
    draw: u16,
}

#[derive(Serialize)]
struct Results {
    results: Vec<Report>,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    outcome: Told,
    trace: Trace,
}

#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Told {
    Admitted(Box<Admitted>),
    Refused {
        code: &'static str,
        status: u16,
        reason: String,
    },
    Challenge,
}

#[derive(Serialize)]
struct Admitted {
    account: AccountId,
    caller: String,
    rating_number: String,
    max_duration_s: u32,
    levels: Vec<Level>,
    candidates: Vec<Tried>,
}

#[derive(Serialize)]
struct Level {
    account: AccountId,
    tariff: tandem_billing::TariffId,
    prefix: String,
    price_per_minute: Decimal,
}

#[derive(Serialize)]
struct Tried {
    route: Option<RouteId>,
    target: String,
    number: String,
    caller: String,
    cost_per_minute: Option<Decimal>,
    codecs: Vec<String>,
}

pub(super) fn run(args: &DecideArgs) -> Result<ExitCode, Failure> {
    let document: Document = cases::read(&args.input)?;
    let directory = document.directory.build(1).map_err(|faults| {
        faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    })?;
    let results = document
        .cases
        .into_iter()
        .map(|case| report(&directory, case))
        .collect();
    cases::write(&Results { results })?;
    Ok(ExitCode::SUCCESS)
}

/// Where a case without a source comes from: an address that no operator has (RFC 5737).
const NOWHERE: ([u8; 4], u16) = ([192, 0, 2, 255], 5060);

fn report(directory: &Directory, case: Case) -> Report {
    let facts = CallFacts {
        via: None,
        remote: case.source.unwrap_or_else(|| NOWHERE.into()),
        transport: Transport::Udp,
        device: case.device,
        as_account: case.account,
        caller: case.caller,
        asserted: None,
        dialled: case.dialled,
        at: case.at.0,
        codecs: case.codecs,
        draw: case.draw.min(9_999),
    };
    let decision = decide(directory, &facts, &IdleUsage);
    let outcome = match decision.outcome {
        Outcome::Admitted(admission) => Told::Admitted(Box::new(admitted(*admission))),
        Outcome::Challenge => Told::Challenge,
        Outcome::Refused(refusal) => {
            let (status, reason) = refusal.answer();
            Told::Refused {
                code: refusal.cause.code,
                status,
                reason: reason.to_owned(),
            }
        }
    };
    Report {
        outcome,
        trace: decision.trace,
    }
}

fn admitted(admission: Admission) -> Admitted {
    let level = |level: tandem_call::decide::LevelQuote| Level {
        account: level.account.id,
        tariff: level.quote.tariff,
        prefix: level.quote.prefix,
        price_per_minute: level.quote.price_per_minute,
    };
    Admitted {
        account: admission.account.id,
        caller: admission.caller,
        rating_number: admission.rating_number,
        max_duration_s: admission.max_duration_s,
        levels: admission.levels.into_iter().map(level).collect(),
        candidates: admission.candidates.into_iter().map(tried).collect(),
    }
}

fn tried(candidate: Candidate) -> Tried {
    let target = match &candidate.leg {
        LegTarget::Gateway(gateway) => gateway.name.clone(),
        LegTarget::Devices { usernames, .. } => usernames.join(", "),
    };
    Tried {
        route: candidate.route.map(|route| route.id),
        target,
        number: candidate.number,
        caller: candidate.caller,
        cost_per_minute: candidate.cost.map(|quote| quote.price_per_minute),
        codecs: candidate.codecs.names(),
    }
}
