//! A map that peers fill: bounded, and what matters least goes when it is full.

use std::collections::BTreeMap;

/// At most `most` entries. Making room drops the half of least worth in one go, so that the cost per entry stays
/// small however many come.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    entries: BTreeMap<K, V>,
    most: usize,
}

impl<K: Ord + Clone, V> Table<K, V> {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            most,
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key)
    }

    /// The entry, made if it is not there.
    pub(super) fn entry(
        &mut self,
        key: K,
        make: impl FnOnce() -> V,
        worth: impl Fn(&V) -> u64,
    ) -> &mut V {
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            self.make_room(worth);
        }
        self.entries.entry(key).or_insert_with(make)
    }

    fn make_room(&mut self, worth: impl Fn(&V) -> u64) {
        let mut ranked: Vec<(u64, K)> = self
            .entries
            .iter()
            .map(|(key, value)| (worth(value), key.clone()))
            .collect();
        let half = ranked.len().div_ceil(2);
        if half < ranked.len() {
            ranked.select_nth_unstable(half);
        }
        for (_, key) in ranked.iter().take(half) {
            self.entries.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn a_full_table_keeps_what_is_worth_most() {
        let mut table = Table::new(100);
        for n in 0..10_000_u64 {
            *table.entry(n, || 0, |v| *v) = if n % 50 == 0 { 1_000_000 } else { n };
            assert!(table.len() <= 100);
        }
        let kept = (0..10_000).step_by(50).filter(|n| table.get(n).is_some());
        assert!(kept.count() >= 49, "the worthy outlive thousands of others");
    }

    #[test]
    fn equal_worth_and_a_bound_of_one_do_no_harm() {
        let mut table = Table::new(1);
        for n in 0..10_u64 {
            table.entry(n, || (), |()| 0);
            assert_eq!(table.len(), 1);
        }
    }
}
