//! Port pairs of the configured range: even for RTP, the next one for RTCP.
//!
//! Handed out in shuffled order, least recently used first, so that an outsider cannot guess the next one. A pair
//! given back rests before it is used again, so that late packets of the old call do not reach a new one.

use std::collections::VecDeque;

use rand::RngExt;

use crate::Micros;

/// Rest after a call: longer than a phone goes on sending after its BYE was answered.
const REST_US: Micros = 5_000_000;
/// Rest of a pair that another program holds.
const BUSY_US: Micros = 60_000_000;

/// The pairs nobody uses, by their even port.
#[derive(Debug)]
pub(crate) struct PortPool {
    free: VecDeque<u16>,
    resting: VecDeque<(Micros, u16)>,
    busy: VecDeque<(Micros, u16)>,
}

impl PortPool {
    /// All pairs of `first..=last`, shuffled.
    pub(crate) fn new(first: u16, last: u16, rng: &mut impl RngExt) -> Self {
        let first = first.max(2).saturating_add(first & 1);
        let mut free: Vec<u16> = (first..last).step_by(2).collect();
        for index in (1..free.len()).rev() {
            free.swap(index, rng.random_range(0..=index));
        }
        Self {
            free: free.into(),
            resting: VecDeque::new(),
            busy: VecDeque::new(),
        }
    }

    /// The even port of a rested pair.
    pub(crate) fn take(&mut self, now_us: Micros) -> Option<u16> {
        for queue in [&mut self.resting, &mut self.busy] {
            while let Some((_, port)) = queue.pop_front_if(|(until_us, _)| *until_us <= now_us) {
                self.free.push_back(port);
            }
        }
        self.free.pop_front()
    }

    /// Gives a pair back after use.
    pub(crate) fn give_back(&mut self, port: u16, now_us: Micros) {
        self.resting.push_back((now_us + REST_US, port));
    }

    /// Gives a pair back that could not be bound.
    pub(crate) fn give_back_busy(&mut self, port: u16, now_us: Micros) {
        self.busy.push_back((now_us + BUSY_US, port));
    }

    /// Pairs in the pool, resting ones included.
    pub(crate) fn len(&self) -> usize {
        self.free.len() + self.resting.len() + self.busy.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(first: u16, last: u16) -> PortPool {
        PortPool::new(first, last, &mut rand::rng())
    }

    #[test]
    fn pairs_of_a_range() {
        for (first, last, count) in [
            (20_000, 20_009, 5),
            (20_001, 20_009, 4),
            (20_000, 20_008, 4),
            (20_000, 20_000, 0),
            (65_534, 65_535, 1),
            (65_535, 65_535, 0),
            (0, 5, 2),
            (9, 3, 0),
        ] {
            let mut pool = pool(first, last);
            assert_eq!(pool.len(), count, "{first}-{last}");
            while let Some(port) = pool.take(0) {
                assert!(
                    port % 2 == 0 && port >= first && port < last,
                    "{port} of {first}-{last}"
                );
            }
        }
    }

    #[test]
    fn a_pair_rests_after_use() {
        let mut pool = pool(20_000, 20_003);
        let (one, two) = (pool.take(0).unwrap(), pool.take(0).unwrap());
        assert_eq!(pool.take(0), None);
        pool.give_back_busy(two, 0);
        pool.give_back(one, 1_000);
        assert_eq!(pool.take(REST_US), None);
        assert_eq!(pool.take(REST_US + 1_000), Some(one));
        assert_eq!(pool.take(BUSY_US - 1), None);
        assert_eq!(pool.take(BUSY_US), Some(two));
    }

    #[test]
    fn the_order_is_shuffled() {
        let mut pool = pool(20_000, 39_999);
        let ports: Vec<u16> = (0..50).filter_map(|_| pool.take(0)).collect();
        assert!(
            !ports.is_sorted()
                && ports
                    .windows(2)
                    .filter(|pair| pair[1] == pair[0] + 2)
                    .count()
                    < 10
        );
    }
}
