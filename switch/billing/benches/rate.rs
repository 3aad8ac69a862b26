//! Rating a call: quote and charge, 65,536 numbers in random order per iteration against small and large tariffs; and
//! the charge of banded calls.

use divan::{Bencher, black_box};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use tandem_billing::{
    RateId, Tariff, TariffBook, TariffId, UtcMs,
    tariff::{Rate, Span, TariffSpec, Terms},
};

const AT: UtcMs = UtcMs(1_763_640_000_000);

fn main() {
    divan::main();
}

fn digits(random: &mut ChaCha8Rng, length: usize) -> String {
    (0..length)
        .map(|_| char::from(b'0' + random.random_range(0..10u8)))
        .collect()
}

fn rate(id: i64, prefix: String, span: Span) -> Rate {
    Rate {
        id: RateId(id),
        prefix,
        description: "Somewhere".into(),
        price: rust_decimal::Decimal::new(id % 1000, 4),
        terms: Terms::default(),
        span,
        steps: Vec::new(),
        effective_from: None,
        effective_to: None,
        blocked: false,
        free_to_call: false,
    }
}

fn book(rates: Vec<Rate>) -> TariffBook {
    let header = r#"{"id":1,"name":"bench","currency":"EUR","time_zone":"Europe/Berlin","defaults":{"initial":30,"increment":6}}"#;
    let mut spec: TariffSpec = serde_json::from_str(header).expect("a literal");
    spec.rates = rates;
    let tariff = Tariff::build(spec).expect("valid rates");
    TariffBook::build(vec![Arc::new(tariff)]).expect("one tariff")
}

fn large(entries: usize, random: &mut ChaCha8Rng) -> TariffBook {
    let mut rates: Vec<Rate> = (0..10)
        .map(|digit| rate(digit, digit.to_string(), Span::default()))
        .collect();
    rates.extend((10..entries as i64).map(|id| {
        let length = random.random_range(3..10);
        rate(id, digits(random, length), Span::default())
    }));
    book(rates)
}

#[divan::bench(args = [1_000, 100_000, 1_000_000])]
fn quote_and_charge(bencher: Bencher<'_, '_>, entries: usize) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let book = large(entries, &mut random);
    let numbers: Vec<String> = (0..65_536).map(|_| digits(&mut random, 12)).collect();
    bencher.counter(numbers.len()).bench_local(|| {
        for number in &numbers {
            let quote = book.quote(TariffId(1), black_box(number), AT);
            black_box(quote.map(|quote| quote.charge(black_box(187_400), 0))).ok();
        }
    });
}

fn banded() -> TariffBook {
    let day = Span {
        from_minute: 480,
        to_minute: 1080,
        ..Span::default()
    };
    book(vec![
        rate(1, "44".into(), Span::default()),
        rate(2, "44".into(), day),
    ])
}

#[divan::bench(args = [60, 86_400, 2_678_400])]
fn charge_with_bands(bencher: Bencher<'_, '_>, secs: u64) {
    let quote = banded().quote(TariffId(1), "4420", AT).expect("a rate");
    bencher.bench_local(|| quote.charge_secs(black_box(secs)));
}

#[divan::bench]
fn affordable(bencher: Bencher<'_, '_>) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let quote = large(1000, &mut random)
        .quote(TariffId(1), "4420", AT)
        .expect("a rate");
    bencher.bench_local(|| quote.affordable_secs(black_box(tandem_billing::Micros(123)), 7200));
}
