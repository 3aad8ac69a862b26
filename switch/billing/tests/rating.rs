//! `rating.md` rule by rule: what a call costs.
#![allow(clippy::unwrap_used)] // a test fails by panicking, in its helpers too

mod support;

use rust_decimal::Decimal;
use std::sync::Arc;
use tandem_billing::{
    Quote, QuoteError, Tariff, TariffBook, TariffId, UtcMs,
    tariff::{Rate, TariffSpec},
};

const TABLE: &str = include_str!("tables/rating.txt");
const TARIFFS: &str = include_str!("tables/tariffs.json");

fn book() -> TariffBook {
    let specs: Vec<TariffSpec> = serde_json::from_str(TARIFFS).unwrap();
    let tariffs = specs.into_iter().map(|spec| Tariff::build(spec).unwrap());
    TariffBook::build(tariffs.map(Arc::new).collect()).unwrap()
}

fn instant(text: &str) -> UtcMs {
    UtcMs(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn told(quote: Result<Quote, QuoteError>, secs: &str, bundle: &str) -> String {
    let quote = match quote {
        Ok(quote) => quote,
        Err(QuoteError::NoTariff(_)) => return "no tariff".into(),
        Err(QuoteError::NoRate { .. }) => return "no rate".into(),
        Err(QuoteError::Blocked { .. }) => return "blocked".into(),
        Err(QuoteError::Overflow { .. }) => return "overflow".into(),
    };
    let ms = (secs.parse::<Decimal>().unwrap() * Decimal::from(1000)).normalize();
    assert_eq!(ms.scale(), 0);
    let charge = quote.charge(
        u64::try_from(ms.mantissa()).unwrap(),
        bundle.parse().unwrap(),
    );
    let json = serde_json::to_string(&quote).unwrap();
    assert_eq!(serde_json::from_str::<Quote>(&json).unwrap(), quote);
    format!(
        "{} {} {} {}",
        quote.rate, charge.amount, charge.billed_secs, charge.bundle_secs_used
    )
}

#[test]
fn table() {
    let book = book();
    let rows = support::rows(TABLE, 6);
    let mut faults = Vec::new();
    for (line, cells) in &rows {
        let tariff = TariffId(cells[0].parse().unwrap());
        let quote = book.quote(tariff, cells[1], instant(cells[2]));
        let got = told(quote, cells[3], cells[4]);
        if got != cells[5] {
            faults.push(format!("line {line}: {} is {got}", cells.join(" | ")));
        }
    }
    support::report(&faults, rows.len());
}

#[test]
fn what_a_quote_shows() {
    let book = book();
    let at = instant("2025-11-20T12:00:00Z");
    let quote = |tariff, number| book.quote(TariffId(tariff), number, at).unwrap();
    assert_eq!(quote(1, "4470").description, "UK mobile");
    assert_eq!(quote(1, "4470").prefix, "447");
    assert_eq!(quote(3, "5").price_per_minute.to_string(), "0.96");
    assert_eq!(quote(13, "4471").price_per_minute.to_string(), "0.55125");
    assert!(quote(1, "112").free_to_call && !quote(1, "48").free_to_call);
    assert_eq!(quote(3, "3").first_block_secs(), 90);
    assert_eq!(quote(3, "1").first_block_secs(), 6);
    assert_eq!(quote(2, "2").block_end_secs(29), 30);
    assert_eq!(quote(2, "2").block_end_secs(30), 36);
    assert_eq!(quote(2, "2").block_end_secs(86_399), 86_400);
}

#[test]
fn a_quote_moves_to_the_real_answer() {
    let book = book();
    let asked = instant("2025-11-20T06:59:50Z");
    let answered = instant("2025-11-20T07:00:05Z");
    let quote = book.quote(TariffId(7), "1", asked).unwrap();
    let moved = quote.with_answer(answered);
    assert_eq!(moved, book.quote(TariffId(7), "1", answered).unwrap());
    assert_ne!(moved.rate, quote.rate);
    // Nothing covers the early morning: the row asked for stays.
    let evening = book.quote(TariffId(9), "1", instant("2025-11-20T23:30:00Z"));
    let evening = evening.unwrap();
    let morning = evening.with_answer(instant("2025-11-21T12:00:00Z"));
    assert_eq!(
        (morning.rate, morning.charge_secs(60)),
        (evening.rate, evening.charge_secs(60))
    );
}

#[test]
fn a_sheet_tells_all_its_faults() {
    let text = r#"{"id":1,"name":"bad","currency":"EUR","time_zone":"Mars/Base","decimals":7,
        "defaults":{"increment":0},"base":null,"rates":[
        {"id":1,"prefix":"1","price":"-1"},
        {"id":2,"prefix":"2","price":"1","increment":0},
        {"id":3,"prefix":"3","price":"1","span":{"from_minute":60,"to_minute":60}},
        {"id":4,"prefix":"4","price":"1","span":{"from_day":7}},
        {"id":5,"prefix":"5","price":"1","increment":1,"min_charge":"2","max_charge":"1"},
        {"id":6,"prefix":"6","price":"1","effective_from":5,"effective_to":5},
        {"id":7,"prefix":"7","price":"1","increment":1,"steps":[{"from_second":5,"charge":{"flat":{"amount":"1"}}},{"from_second":5,"charge":{"flat":{"amount":"1"}}}]},
        {"id":8,"prefix":"8","price":"1","increment":1,"addition":"-2"},
        {"id":9,"prefix":"9","price":"1","increment":1,"multiplier":"-1"},
        {"id":10,"prefix":"0","price":"0.0000000000000001"},
        {"id":11,"prefix":"0","price":"1","increment":1,"post_call_surcharge_pct":"-101"},
        {"id":12,"prefix":"0","price":"1","increment":1,"connect_fee":"-0.1"},
        {"id":13,"prefix":"0","price":"10000001","increment":1}]}"#;
    let spec: TariffSpec = serde_json::from_str(text).unwrap();
    let faults = Tariff::build(spec).unwrap_err();
    let told: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(
        told,
        [
            "decimals",
            "increment",
            "time_zone",
            "rates[0] (prefix 1) price",
            "rates[1] (prefix 2) increment",
            "rates[2] (prefix 3) span",
            "rates[3] (prefix 4) span",
            "rates[4] (prefix 5) max_charge",
            "rates[5] (prefix 6) effective_to",
            "rates[6] (prefix 7) steps",
            "rates[7] (prefix 8) price",
            "rates[8] (prefix 9) multiplier",
            "rates[9] (prefix 0) price",
            "rates[10] (prefix 0) post_call_surcharge_pct",
            "rates[11] (prefix 0) connect_fee",
            "rates[12] (prefix 0) price",
        ],
        "{faults:#?}"
    );
    assert!(
        serde_json::from_str::<Rate>(r#"{"id":1,"prefix":"","price":"1","incremnt":6}"#).is_err()
    );
}

#[test]
fn markups_are_checked_as_a_whole() {
    let tariff = |id: i64, currency: &str, base: Option<i64>| {
        let base = base.map(|id| serde_json::json!({"tariff": id, "percent": "10"}));
        let spec = serde_json::json!({"id": id, "name": format!("t{id}"), "currency": currency, "base": base});
        Arc::new(Tariff::build(serde_json::from_value(spec).unwrap()).unwrap())
    };
    let faults = |tariffs| {
        let errors = TariffBook::build(tariffs).unwrap_err();
        errors
            .iter()
            .map(|e| format!("{} {}", e.tariff, e.reason))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        faults(vec![tariff(1, "EUR", Some(2))]),
        ["t1 tariff 2 does not exist"]
    );
    assert_eq!(
        faults(vec![
            tariff(1, "EUR", Some(2)),
            tariff(2, "EUR", Some(1)),
            tariff(3, "EUR", Some(1))
        ]),
        [
            "t1 tariff 1 derives from itself",
            "t2 tariff 2 derives from itself",
            "t3 tariff 1 derives from itself"
        ]
    );
    assert_eq!(
        faults(vec![tariff(1, "EUR", Some(1))]),
        ["t1 tariff 1 derives from itself"]
    );
    assert_eq!(
        faults(vec![tariff(1, "EUR", Some(2)), tariff(2, "USD", None)]),
        ["t1 tariff 2 has the currency USD, not EUR"]
    );
    assert_eq!(
        faults(vec![tariff(1, "EUR", None), tariff(1, "EUR", None)]),
        ["t1 1 is used twice"]
    );
    let long = (1..=9)
        .map(|id| tariff(id, "EUR", (id < 9).then_some(id + 1)))
        .collect();
    assert_eq!(faults(long), ["t1 is a chain of more than 8 tariffs"]);
}

#[test]
fn the_longest_call_at_the_highest_price_fits() {
    let book = book();
    let at = instant("2025-11-20T12:00:00Z");
    let quote = book.quote(TariffId(6), "5", at).unwrap();
    let most = quote.charge(u64::MAX, 0).amount;
    assert_eq!(most.to_string(), "446400000000");
    assert_eq!(quote.charge_secs(31 * 86_400), most);
    let banded = book.quote(TariffId(7), "1", at).unwrap();
    assert!(banded.charge(u64::MAX, u64::MAX).bundle_secs_used >= 31 * 86_400);
}
