//! One call at several levels.
#![allow(clippy::unwrap_used)] // a test fails by panicking, in its helpers too

use std::sync::Arc;
use tandem_billing::{
    AccountId, Micros, QuoteError, Tariff, TariffBook, TariffId, UtcMs,
    chain::{Chain, Payer, common_currency, margins},
    ledger::Ledger,
};

fn book() -> TariffBook {
    let tariff = |id: i64, price: &str, base: Option<(i64, &str)>| {
        let base = base.map(|(t, percent)| serde_json::json!({"tariff": t, "percent": percent}));
        let rates = match base {
            None => {
                serde_json::json!([{"id": id, "prefix": "44", "price": price, "initial": 60, "increment": 60}])
            }
            Some(_) => serde_json::json!([]),
        };
        let spec = serde_json::json!({"id": id, "name": format!("{id}"), "currency": "EUR", "base": base, "rates": rates});
        Arc::new(Tariff::build(serde_json::from_value(spec).unwrap()).unwrap())
    };
    TariffBook::build(vec![
        tariff(1, "0.10", None),
        tariff(2, "", Some((1, "20"))),
        tariff(3, "", Some((2, "50"))),
    ])
    .unwrap()
}

fn payer(account: i64, tariff: i64, number: &str) -> Payer {
    Payer {
        account: AccountId(account),
        tariff: TariffId(tariff),
        rating_number: number.into(),
        credit_limit: Micros::ZERO,
    }
}

#[test]
fn every_level_has_its_own_charge_and_margins_are_differences() {
    let payers = vec![
        payer(1, 3, "4420"),
        payer(2, 2, "4420"),
        payer(3, 1, "4420"),
    ];
    let chain = Chain::quote(&book(), payers, UtcMs(0)).unwrap();
    let amounts: Vec<Micros> = chain.charges(61_000, 0).iter().map(|c| c.amount).collect();
    assert_eq!(amounts, [Micros(360_000), Micros(240_000), Micros(200_000)]);
    assert_eq!(
        margins(&amounts, Micros(210_000)),
        Some(vec![Micros(120_000), Micros(40_000), Micros(-10_000)])
    );
    assert_eq!(
        common_currency(&chain).map(|c| c.to_string()),
        Some("EUR".into())
    );
    let bundled: Vec<Micros> = chain
        .charges(61_000, 600)
        .iter()
        .map(|c| c.amount)
        .collect();
    assert_eq!(bundled, [Micros(0), Micros(240_000), Micros(200_000)]);
    assert_eq!(chain.first_block_secs(), 60);
    let money = [
        (AccountId(1), Micros(180_000)),
        (AccountId(2), Micros(119_999)),
        (AccountId(3), Micros(1_000_000)),
    ];
    let mut ledger = Ledger::load(money, []);
    let refused = ledger
        .reserve(tandem_billing::CallId(1), &chain.holds(60))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "account 2 needs 0.12 and can spend 0.119999"
    );
}

#[test]
fn a_level_without_a_price_is_named() {
    let payers = vec![payer(1, 3, "4420"), payer(2, 2, "33")];
    let error = Chain::quote(&book(), payers, UtcMs(0)).unwrap_err();
    assert_eq!((error.level, error.account), (1, AccountId(2)));
    assert_eq!(
        error.error,
        QuoteError::NoRate {
            tariff: TariffId(2),
            number: "33".into()
        }
    );
}
