//! What holds for every quote, whatever its terms.
#![allow(clippy::unwrap_used)] // a test fails by panicking, in its helpers too

use proptest::prelude::*;
use std::sync::Arc;
use tandem_billing::{Micros, Quote, Tariff, TariffBook, TariffId, UtcMs};

fn money(max: i64) -> impl Strategy<Value = String> {
    (0..max, 0u32..5).prop_map(|(n, scale)| rust_decimal::Decimal::new(n, scale).to_string())
}

prop_compose! {
    fn rate()(
        price in money(5000), fee in money(300), surcharge in money(300), min in proptest::option::of(money(100)),
        percent in -100i64..200, initial in 1u32..90, increment in 1u32..70, grace in 0u32..12, free in 0u32..40,
        surcharge_time in 0u32..200, step in proptest::option::of((1u32..200, money(3000), 1u32..70)), flat in proptest::option::of(money(900)),
    ) -> serde_json::Value {
        let mut steps = Vec::new();
        if let Some((from, price, increment)) = step {
            steps.push(serde_json::json!({"from_second": from, "charge": {"per_minute": {"price": price, "increment": increment}}}));
        }
        if let Some(amount) = flat {
            steps.push(serde_json::json!({"from_second": 250, "charge": {"flat": {"amount": amount}}}));
        }
        serde_json::json!({
            "id": 1, "prefix": "1", "price": price, "connect_fee": fee, "surcharge_amount": surcharge,
            "surcharge_time": surcharge_time, "min_charge": min, "post_call_surcharge_pct": percent.to_string(),
            "initial": initial, "increment": increment, "grace_period": grace, "free_seconds": free, "steps": steps,
        })
    }
}

prop_compose! {
    fn quote()(
        mut rates in proptest::collection::vec(rate(), 1..4),
        hours in proptest::collection::vec((0u16..1440, 1u16..1440, 0u8..7, 0u8..7), 3),
        decimals in 0u8..7, at in 1_700_000_000_000i64..1_800_000_000_000, split in any::<bool>(),
    ) -> Quote {
        for (rate, (from, length, first, last)) in rates.iter_mut().skip(1).zip(hours) {
            rate["span"] = serde_json::json!({"from_minute": from, "to_minute": (from + length) % 1440,
                "from_day": first, "to_day": last});
        }
        let spec = serde_json::json!({
            "id": 1, "name": "random", "currency": "EUR", "time_zone": "Europe/Berlin", "decimals": decimals,
            "band_policy": if split { "split" } else { "at_answer" }, "rates": rates,
        });
        let tariff = Tariff::build(serde_json::from_value(spec).unwrap()).unwrap();
        let book = TariffBook::build(vec![Arc::new(tariff)]).unwrap();
        book.quote(TariffId(1), "12", UtcMs(at)).unwrap()
    }
}

proptest! {
    #[test]
    fn a_longer_call_never_costs_less(quote in quote(), from in 0u64..3000) {
        let mut last = Micros::ZERO;
        for secs in from..from + 200 {
            let charge = quote.charge_secs(secs);
            prop_assert!(charge >= last, "{secs}: {charge} after {last}");
            last = charge;
        }
    }

    #[test]
    fn milliseconds_count_as_the_second_begun(quote in quote(), ms in 0u64..500_000) {
        let charge = quote.charge(ms, 0);
        prop_assert_eq!(charge.amount, quote.charge_secs(ms.div_ceil(1000)));
        prop_assert!(charge.amount >= Micros::ZERO);
    }

    #[test]
    fn funds_last_exactly_as_long_as_they_pay(quote in quote(), funds in 0i64..40_000_000, cap in 1u64..20_000) {
        let funds = Micros(funds);
        match quote.affordable_secs(funds, cap) {
            None => prop_assert!(quote.charge_secs(quote.first_block_secs()) > funds),
            Some(secs) => {
                prop_assert!(secs <= cap);
                prop_assert!(quote.charge_secs(secs) <= funds);
                prop_assert!(secs == cap || quote.charge_secs(secs + 1) > funds);
                prop_assert!(quote.charge_secs(quote.first_block_secs()) <= funds);
            }
        }
    }

    #[test]
    fn what_a_charge_pays_for_is_affordable_with_it(quote in quote(), secs in 1u64..20_000) {
        let secs = secs.max(quote.first_block_secs());
        let charge = quote.charge_secs(secs);
        prop_assert!(quote.affordable_secs(charge, u64::MAX).is_some_and(|paid| paid >= secs));
    }

    #[test]
    fn reserving_block_by_block_ends_at_the_one_shot_charge(quote in quote(), secs in 1u64..2000) {
        // Holds are totals: the increments of the slices add up to the total at the last block's end.
        let (mut end, mut held) = (quote.first_block_secs(), quote.charge_secs(quote.first_block_secs()));
        let mut slices = held;
        while end < secs {
            let next = quote.block_end_secs(end);
            prop_assert!(next > end);
            let total = quote.charge_secs(next);
            slices = slices.saturating_add(total.saturating_sub(held));
            (end, held) = (next, total);
        }
        prop_assert_eq!(slices, quote.charge_secs(end));
        prop_assert!(quote.charge_secs(secs.min(end)) <= slices);
    }

    #[test]
    fn a_block_costs_nothing_more_to_its_end(quote in quote(), after in 0u64..3000) {
        let after = after.max(quote.first_block_secs());
        let end = quote.block_end_secs(after);
        prop_assert!(end > after);
        prop_assert_eq!(quote.charge(end * 1000, 0).billed_secs, quote.charge((after + 1) * 1000, 0).billed_secs);
    }

    #[test]
    fn a_bundle_never_makes_a_call_dearer(quote in quote(), secs in 0u64..2000, bundle in 0u64..2000) {
        let (plain, bundled) = (quote.charge(secs * 1000, 0), quote.charge(secs * 1000, bundle));
        prop_assert!(bundled.amount <= plain.amount);
        prop_assert_eq!(bundled.billed_secs, plain.billed_secs);
        prop_assert_eq!(bundled.bundle_secs_used, bundle.min(plain.billed_secs));
    }
}
