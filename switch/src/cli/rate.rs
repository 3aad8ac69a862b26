//! `rate`: prices cases from a file, with the arithmetic of live calls and no switch running.

use super::{
    Failure,
    cases::{self, Instant},
};
use clap::Args;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, process::ExitCode, sync::Arc};
use tandem_billing::{
    Currency, Micros, Quote, RateId, Tariff, TariffBook, TariffId, tariff::TariffSpec,
};

/// What `rate --help` says of the format.
pub(super) const FORMAT: &str = r#"INPUT (JSON; amounts and prices are decimal strings, seconds and milliseconds integers):
  {
    "tariffs": [ {
      "id": 1, "name": "retail", "currency": "EUR",
      "time_zone": "Europe/Berlin",       IANA name; UTC if left out
      "decimals": 4,                      0 to 6; 6 if left out
      "band_policy": "split",             or "at_answer"
      "base": { "tariff": 2, "percent": "10", "addition": "0.01" },   a markup tariff
      "holidays": ["2026-12-25"],
      "post_call_surcharge_pct": "0", "min_charge": "0.01", "max_charge": "5",
      "defaults": { TERMS },
      "rates": [ {
        "id": 11, "prefix": "44", "description": "UK", "price": "0.05",   per minute
        TERMS: "initial": 60, "increment": 30, "grace_period": 0, "free_seconds": 0, "multiplier": "1",
               "addition": "0", "connect_fee": "0.02", "surcharge_time": 600, "surcharge_amount": "0.1",
               "post_call_surcharge_pct": "3", "min_charge": "0.01", "max_charge": "5",
        "span": { "from_day": 0, "to_day": 4, "from_minute": 480, "to_minute": 1200, "holiday": false },
                                          days 0 Monday to 6 Sunday, minutes after midnight
        "steps": [ { "from_second": 60, "charge": { "per_minute": { "price": "0.02", "increment": 6 } } },
                   { "from_second": 600, "charge": { "flat": { "amount": "0.5" } } } ],
        "effective_from": 1767225600000, "effective_to": null,            UTC milliseconds
        "blocked": false, "free_to_call": false } ] } ],
    "cases": [ {
      "chain": [1, 2],                    tariffs: client, reseller 1, 2, 3; or "tariff": 1
      "cost_tariff": 3,                   the terminator's; may be left out
      "number": "442079460123",
      "answered_at": "2026-03-29T01:59:30+01:00",                          or UTC milliseconds
      "answered_ms": 61000,               or "seconds": 61
      "bundle_secs": 0,                   included seconds left, for the client
      "funds": "1.00" } ]                 how long would that last? may be left out
  }

OUTPUT, in the order of the cases:
  { "results": [ { "levels": [ { "tariff": 1, "rate": 11, "prefix": "44", "description": "UK", "currency": "EUR",
                                 "price_per_minute": "0.05", "charge": "0.0758", "billed_secs": 90,
                                 "bundle_secs_used": 0 } ],
                   "cost": { as a level }, "margin": "0.0258", "affordable_secs": 1180 },
                 { "error": "tariff 1 has no rate for 999" } ] }
"error" is of that case alone; a document that is no JSON, an unknown field, a value of the wrong kind or a faulty
tariff is refused whole, naming the place (cases[3].seconds counts from 0), with exit code 1.
EXAMPLE
  echo '{"tariffs":[{"id":1,"name":"t","currency":"EUR","rates":[{"id":1,"prefix":"44","price":"0.05"}]}],
  "cases":[{"tariff":1,"number":"4420","answered_at":"2026-01-07T12:00:00Z","seconds":61}]}' | tandem-switch rate
The formula is published in the manual's chapter on rating."#;

/// The client and three resellers.
const MAX_LEVELS: usize = 4;

#[derive(Debug, Args)]
pub(super) struct RateArgs {
    /// File of tariffs and cases; `-` reads standard input.
    #[arg(default_value = "-")]
    input: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    tariffs: Vec<TariffSpec>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    tariff: Option<TariffId>,
    #[serde(default)]
    chain: Vec<TariffId>,
    cost_tariff: Option<TariffId>,
    number: String,
    answered_at: Instant,
    answered_ms: Option<u64>,
    seconds: Option<u64>,
    #[serde(default)]
    bundle_secs: u64,
    funds: Option<String>,
}

#[derive(Serialize)]
struct Results {
    results: Vec<Outcome>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Priced(Box<Priced>),
    Failed { error: String },
}

#[derive(Serialize)]
struct Priced {
    levels: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Line>,
    /// What the topmost level pays less the cost; None in different currencies.
    #[serde(skip_serializing_if = "Option::is_none")]
    margin: Option<String>,
    /// None if the funds do not pay the fee and the first block.
    #[serde(skip_serializing_if = "Option::is_none")]
    affordable_secs: Option<Option<u64>>,
}

#[derive(Serialize)]
struct Line {
    tariff: TariffId,
    rate: RateId,
    prefix: String,
    description: String,
    currency: Currency,
    price_per_minute: Decimal,
    charge: String,
    billed_secs: u64,
    bundle_secs_used: u64,
    #[serde(skip)]
    amount: Micros,
}

pub(super) fn run(args: &RateArgs) -> Result<ExitCode, Failure> {
    let document: Document = cases::read(&args.input)?;
    let book = book(document.tariffs)?;
    let results = document
        .cases
        .iter()
        .map(|case| outcome(&book, case))
        .collect();
    cases::write(&Results { results })?;
    Ok(ExitCode::SUCCESS)
}

/// Checks every tariff and says all faults at once.
fn book(specs: Vec<TariffSpec>) -> Result<TariffBook, Failure> {
    let mut faults = Vec::new();
    let mut tariffs = Vec::with_capacity(specs.len());
    for spec in specs {
        match Tariff::build(spec) {
            Ok(tariff) => tariffs.push(Arc::new(tariff)),
            Err(errors) => faults.extend(errors),
        }
    }
    if faults.is_empty() {
        match TariffBook::build(tariffs) {
            Ok(book) => return Ok(book),
            Err(errors) => faults.extend(errors),
        }
    }
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Err(lines.join("\n").into())
}

fn outcome(book: &TariffBook, case: &Case) -> Outcome {
    match priced(book, case) {
        Ok(priced) => Outcome::Priced(Box::new(priced)),
        Err(error) => Outcome::Failed {
            error: error.to_string(),
        },
    }
}

fn priced(book: &TariffBook, case: &Case) -> Result<Priced, Failure> {
    let chain = match (case.tariff, &case.chain[..]) {
        (Some(tariff), []) => vec![tariff],
        (None, [_, ..]) => case.chain.clone(),
        _ => return Err("tariff, chain: give one of them, not both and not none".into()),
    };
    let answered_ms = match (case.answered_ms, case.seconds) {
        (Some(ms), None) => ms,
        (None, Some(seconds)) => seconds.saturating_mul(1_000),
        _ => {
            return Err("answered_ms, seconds: give one of them, not both and not none".into());
        }
    };
    if chain.len() > MAX_LEVELS {
        return Err(format!("chain: has {} tariffs, more than {MAX_LEVELS}", chain.len()).into());
    }
    let quotes = chain
        .iter()
        .map(|tariff| book.quote(*tariff, &case.number, case.answered_at.0));
    let quotes = quotes.collect::<Result<Vec<Quote>, _>>()?;
    let levels: Vec<Line> = quotes
        .iter()
        .enumerate()
        .map(|(level, quote)| {
            line(
                quote,
                answered_ms,
                if level == 0 { case.bundle_secs } else { 0 },
            )
        })
        .collect();
    let cost = case
        .cost_tariff
        .map(|tariff| book.quote(tariff, &case.number, case.answered_at.0))
        .transpose()?;
    let cost = cost.map(|quote| line(&quote, answered_ms, 0));
    let affordable_secs = match (&case.funds, quotes.first()) {
        (Some(funds), Some(quote)) => {
            let funds = funds.parse().map_err(|error| format!("funds: {error}"))?;
            Some(quote.affordable_secs(funds, u64::from(u32::MAX)))
        }
        _ => None,
    };
    Ok(Priced {
        margin: margin(&levels, cost.as_ref()),
        levels,
        cost,
        affordable_secs,
    })
}

fn margin(levels: &[Line], cost: Option<&Line>) -> Option<String> {
    let (top, cost) = (levels.last()?, cost?);
    (top.currency == cost.currency).then(|| top.amount.saturating_sub(cost.amount).to_string())
}

fn line(quote: &Quote, answered_ms: u64, bundle_secs: u64) -> Line {
    let charge = quote.charge(answered_ms, bundle_secs);
    Line {
        tariff: quote.tariff,
        rate: quote.rate,
        prefix: quote.prefix.clone(),
        description: quote.description.clone(),
        currency: quote.currency,
        price_per_minute: quote.price_per_minute,
        charge: charge.amount.to_string(),
        billed_secs: charge.billed_secs,
        bundle_secs_used: charge.bundle_secs_used,
        amount: charge.amount,
    }
}
