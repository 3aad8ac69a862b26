//! How far ahead a hold should reach: far when there is money, in short fair slices when it runs low
//! (rating.md section 3).

use tandem_billing::{Micros, Quote};

/// What one level has for one call.
pub(crate) struct Funds<'a> {
    pub(crate) quote: &'a Quote,
    /// Held for this call already.
    pub(crate) held: Micros,
    /// What the account could add.
    pub(crate) spendable: Micros,
    /// Calls that draw on it, this one included.
    pub(crate) calls: usize,
}

/// The seconds a hold should pay for next, when `paid_s` are: at least to the end of the next block of the
/// level with the shortest blocks, at most `slice_s` further and `longest_s` in all, and no more than this
/// call's share of each level's money beyond that block. Always above `paid_s` if `longest_s` is.
pub(crate) fn next_end(levels: &[Funds<'_>], paid_s: u64, slice_s: u64, longest_s: u64) -> u64 {
    let least = nearest_block_end(levels, paid_s).min(longest_s);
    let wanted = paid_s
        .saturating_add(slice_s)
        .clamp(least, longest_s.max(least));
    let affordable = levels.iter().fold(wanted, |end, level| {
        let share = level.held.saturating_add(share(level));
        end.min(level.quote.affordable_secs(share, end).unwrap_or(0))
    });
    if affordable <= least {
        return least;
    }
    // The rest of a block that is paid for anyway.
    nearest_block_end(levels, affordable - 1).clamp(affordable, longest_s.max(affordable))
}

fn nearest_block_end(levels: &[Funds<'_>], after_s: u64) -> u64 {
    let ends = levels.iter().map(|level| match after_s {
        0 => level.quote.first_block_secs(),
        _ => level.quote.block_end_secs(after_s),
    });
    ends.min()
        .unwrap_or(u64::MAX)
        .max(after_s.saturating_add(1))
}

/// One part for each call and one for the next to come: slices get shorter as money runs low.
fn share(level: &Funds<'_>) -> Micros {
    let calls = i64::try_from(level.calls).unwrap_or(i64::MAX).max(1);
    Micros(level.spendable.0.max(0) / calls.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;
    use tandem_billing::{Tariff, TariffBook, TariffId, UtcMs};

    fn quote(price: &str, initial: u32, increment: u32) -> Quote {
        giving(price, (initial, increment), (0, 0))
    }

    fn giving(price: &str, (initial, increment): (u32, u32), (grace, free): (u32, u32)) -> Quote {
        let spec = serde_json::json!({
            "id": 1, "name": "t", "currency": "EUR",
            "defaults": {
                "initial": initial, "increment": increment, "connect_fee": "0.01",
                "grace_period": grace, "free_seconds": free,
            },
            "rates": [{ "id": 1, "prefix": "", "price": price }],
        });
        let spec = serde_json::from_value(spec).expect("a tariff");
        let tariff = Arc::new(Tariff::build(spec).expect("a sound tariff"));
        let book = TariffBook::build(vec![tariff]).expect("a sound book");
        book.quote(TariffId(1), "1", UtcMs(0)).expect("a rate")
    }

    fn end(quote: &Quote, spendable: i64, calls: usize, paid_s: u64) -> u64 {
        let funds = Funds {
            quote,
            held: quote.charge_secs(paid_s),
            spendable: Micros(spendable),
            calls,
        };
        next_end(&[funds], paid_s, 60, u64::MAX)
    }

    #[test]
    fn slices_are_long_with_money_and_a_block_without() {
        let quote = quote("0.60", 6, 6);
        assert_eq!(end(&quote, 10_000_000, 1, 0), 60);
        // 0.41 pays for 40 seconds: half of it is taken, the fee first.
        assert_eq!(end(&quote, 410_000, 1, 0), 18);
        assert_eq!(end(&quote, 410_000, 3, 0), 6);
        assert_eq!(end(&quote, 0, 1, 0), 6, "the ledger will refuse it");
        assert_eq!(end(&quote, -5_000_000, 1, 12), 18);
        assert_eq!(end(&quote, 10_000_000, 1, 60), 120);
    }

    /// A reseller whose next block is dear, in a chain whose client pays by six seconds.
    #[test]
    fn a_call_lasts_as_long_as_its_seconds_cost_nothing() {
        let client = quote("0.60", 6, 6);
        for (given, paid_s, expected) in [((0, 10), 6, 10), ((10, 0), 6, 10), ((0, 10), 10, 12)] {
            let reseller = giving("2.00", (60, 1), given);
            let funds = [&client, &reseller].map(|quote| Funds {
                quote,
                held: quote.charge_secs(paid_s),
                spendable: Micros(1_000_000),
                calls: 1,
            });
            let end = next_end(&funds, paid_s, 30, u64::MAX);
            assert_eq!(
                end, expected,
                "grace and free seconds {given:?}, paid {paid_s}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_slice_goes_forward_and_stays_within_its_bounds(
            blocks in prop::collection::vec((1u32..90, 1u32..90), 1..4),
            spendable in prop::collection::vec(-1_000_000i64..5_000_000, 4),
            calls in 1usize..9,
            paid_s in 0u64..500,
            slice_s in 1u64..90,
            left_s in 1u64..400,
        ) {
            let quotes: Vec<Quote> = blocks.iter().map(|(first, next)| quote("0.60", *first, *next)).collect();
            let funds: Vec<Funds<'_>> = quotes
                .iter()
                .zip(&spendable)
                .map(|(quote, spendable)| Funds {
                    quote,
                    held: if paid_s == 0 { Micros::ZERO } else { quote.charge_secs(paid_s) },
                    spendable: Micros(*spendable),
                    calls,
                })
                .collect();
            let longest_s = paid_s + left_s;
            let end = next_end(&funds, paid_s, slice_s, longest_s);
            prop_assert!(end > paid_s && end <= longest_s);
            let least = nearest_block_end(&funds, paid_s).min(longest_s);
            prop_assert!(end >= least);
            if end > least {
                for level in &funds {
                    prop_assert!(level.quote.charge_secs(end) <= level.held.saturating_add(share(level)));
                }
            }
        }
    }
}
