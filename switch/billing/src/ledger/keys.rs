//! The idempotency keys of recent movements, in bounded memory.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

/// About 10 MB. A repeat comes within seconds (a retried request, a replayed journal); one that comes after
/// this many other movements is caught by the store's unique index.
const KEPT: usize = 100_000;

#[derive(Clone, Debug, Default)]
pub(super) struct RecentKeys {
    known: HashSet<Arc<str>>,
    /// Oldest first.
    order: VecDeque<Arc<str>>,
}

impl RecentKeys {
    pub(super) fn contains(&self, key: &str) -> bool {
        self.known.contains(key)
    }

    pub(super) fn insert(&mut self, key: &str) {
        let key: Arc<str> = key.into();
        if !self.known.insert(Arc::clone(&key)) {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut keys = RecentKeys::default();
        for i in 0..=KEPT {
            keys.insert(&i.to_string());
            keys.insert(&i.to_string());
        }
        assert!(!keys.contains("0"));
        assert!(keys.contains("1") && keys.contains(&KEPT.to_string()));
        assert_eq!((keys.known.len(), keys.order.len()), (KEPT, KEPT));
    }
}
