//! The order in which the usable rows of one prefix are tried, by the group's policy.

use crate::directory::Route;
use rust_decimal::Decimal;
use std::cmp::{Ordering, Reverse};
use tandem_billing::GatewayId;

/// Attempts below which a gateway's record says nothing yet.
const MEANINGFUL_ATTEMPTS: u64 = 20;

/// What rows are compared by.
#[derive(Clone, Copy)]
pub(super) struct Key {
    priority: u16,
    share: u8,
    /// None for on-net targets and gateways without a cost tariff: nothing to pay.
    price: Option<Decimal>,
    gateway: Option<GatewayId>,
}

impl Key {
    pub(super) fn of(route: &Route, gateway: Option<GatewayId>, price: Option<Decimal>) -> Self {
        Self {
            priority: route.priority,
            share: route.share,
            price,
            gateway,
        }
    }
}

/// By priority; rows of equal priority share the load: each place is drawn by the shares of those left.
pub(super) fn as_listed<T>(rows: &mut [(Key, T)], draw: u16) {
    rows.sort_by_key(|(key, _)| key.priority);
    for rows in rows.chunk_by_mut(|(a, _), (b, _)| a.priority == b.priority) {
        share(rows, u32::from(draw));
    }
}

/// `draw` in 0..10_000. Every next place uses another, derived draw.
fn share<T>(mut rows: &mut [(Key, T)], mut draw: u32) {
    while rows.len() > 1 {
        let total: u32 = rows.iter().map(|(key, _)| u32::from(key.share)).sum();
        let mut left = total * draw / 10_000;
        let picked = rows.iter().position(|(key, _)| {
            let share = u32::from(key.share);
            let hit = left < share;
            left = left.saturating_sub(share);
            hit
        });
        rows[..=picked.unwrap_or(0)].rotate_right(1);
        rows = &mut rows[1..];
        draw = (draw * 7919 + 4243) % 10_000;
    }
}

/// By cost per minute, then priority. With one sale price this is also the widest margin first.
pub(super) fn cheapest_first<T>(rows: &mut [(Key, T)]) {
    rows.sort_by(|(a, _), (b, _)| {
        a.price
            .unwrap_or_default()
            .cmp(&b.price.unwrap_or_default())
            .then(a.priority.cmp(&b.priority))
    });
}

/// By recent ASR, then ACD, then priority; `quality` gives (answered, attempts, answered seconds). On-net
/// targets first; a gateway tried too rarely to judge counts as average of what is known: between good and bad.
pub(super) fn best_first<T>(rows: &mut [(Key, T)], quality: impl Fn(GatewayId) -> (u64, u64, u64)) {
    rows.sort_by(|(a, _), (b, _)| {
        let rank = |key: &Key| key.gateway.map(|id| grade(quality(id)));
        let (a_rank, b_rank) = (rank(a), rank(b));
        let by_grade = match (a_rank, b_rank) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => Reverse(a).cmp(&Reverse(b)),
        };
        by_grade.then(a.priority.cmp(&b.priority))
    });
}

/// (ASR in per mille, ACD in seconds).
fn grade((answered, attempts, seconds): (u64, u64, u64)) -> (u64, u64) {
    if attempts < MEANINGFUL_ATTEMPTS {
        return (500, 0);
    }
    (
        answered * 1000 / attempts,
        seconds.checked_div(answered).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(priority: u16, share: u8, price: i64, gateway: i64) -> Key {
        Key {
            priority,
            share,
            price: Some(Decimal::new(price, 2)),
            gateway: Some(GatewayId(gateway)),
        }
    }

    #[test]
    fn shares_are_kept_over_all_draws() {
        let mut first = [0_u32; 3];
        for draw in 0..10_000 {
            let mut rows = vec![
                (key(1, 70, 0, 0), 0_usize),
                (key(1, 30, 0, 1), 1),
                (key(0, 100, 0, 2), 2),
            ];
            as_listed(&mut rows, draw);
            assert_eq!(rows[0].1, 2);
            first[rows[1].1] += 1;
        }
        assert_eq!(first, [7000, 3000, 0]);
    }

    #[test]
    fn a_share_of_zero_comes_last() {
        for draw in [0, 1, 4999, 9999] {
            let mut rows = vec![(key(1, 0, 0, 0), 'a'), (key(1, 1, 0, 1), 'b')];
            as_listed(&mut rows, draw);
            assert_eq!(rows[0].1, 'b');
        }
    }

    #[test]
    fn cost_then_priority() {
        let mut rows = vec![
            (key(1, 100, 5, 0), 'a'),
            (key(2, 100, 3, 1), 'b'),
            (key(1, 100, 3, 2), 'c'),
        ];
        cheapest_first(&mut rows);
        assert_eq!(
            rows.iter().map(|r| r.1).collect::<String>(),
            "cba".chars().collect::<String>()
        );
    }

    #[test]
    fn quality_needs_a_record() {
        let quality = |id: GatewayId| {
            [(90, 100, 9000), (10, 100, 100), (0, 3, 0)][usize::try_from(id.0).expect("a small id")]
        };
        let mut rows = vec![
            (key(1, 1, 0, 1), 'b'),
            (key(1, 1, 0, 2), 'n'),
            (key(1, 1, 0, 0), 'g'),
        ];
        best_first(&mut rows, quality);
        assert_eq!(rows.iter().map(|r| r.1).collect::<String>(), "gnb");
    }
}
