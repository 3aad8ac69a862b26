//! Where phones have proved themselves of late, and which.

use crate::directory::guard::Network;
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    net::Ipv4Addr,
    time::Duration,
};
use tandem_sip::Mono;

/// Sources and names together; only those with a right secret take a place.
const MAX_PROVED: usize = 200_000;
/// Sources of one name: whoever knows one secret and has addresses beyond number takes no more of them.
const MAX_PLACES: usize = 64;
/// A proof is noted again after so long.
pub(super) const PROOF_GRAIN: Duration = Duration::from_secs(60);

/// A user name, whatever its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name(u64);

impl Name {
    const FIRST: Self = Self(u64::MIN);
    const LAST: Self = Self(u64::MAX);

    pub(super) fn of(user: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// All of them; the oldest go first.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    last: BTreeMap<(Network, Name), Mono>,
    in_order: BTreeSet<(Mono, Network, Name)>,
    by_name: BTreeSet<(Name, Mono, Network)>,
}

impl Proofs {
    /// Whether any phone has proved itself there within this time.
    pub(super) fn has_any(&self, source: Network, within: Duration, now: Mono) -> bool {
        let all = (source, Name::FIRST)..=(source, Name::LAST);
        let mut all = self.last.range(all);
        all.any(|(_, last)| now.since(*last) < within)
    }

    /// Whether this name has.
    pub(super) fn has(&self, source: Network, name: Name, (within, now): (Duration, Mono)) -> bool {
        let last = self.last.get(&(source, name));
        last.is_some_and(|last| now.since(*last) < within)
    }

    /// It has now; what is older than `within` is forgotten.
    pub(super) fn add(&mut self, source: Network, name: Name, (within, now): (Duration, Mono)) {
        let before = self.last.get(&(source, name)).copied();
        if before.is_some_and(|at| now.since(at) < PROOF_GRAIN) {
            return;
        }
        self.remove(source, name);
        let first = Network::of_source(Ipv4Addr::UNSPECIFIED.into());
        let own = self.by_name.range((name, Mono(0), first)..);
        let mut own = own.take_while(|row| row.0 == name);
        if let Some((_, _, oldest)) = own.next().copied()
            && own.count() + 1 >= MAX_PLACES
        {
            self.remove(oldest, name);
        }
        self.last.insert((source, name), now);
        self.in_order.insert((now, source, name));
        self.by_name.insert((name, now, source));
        while let Some((at, oldest, of)) = self.in_order.first().copied() {
            if self.last.len() <= MAX_PROVED && now.since(at) < within {
                break;
            }
            self.remove(oldest, of);
        }
    }

    fn remove(&mut self, source: Network, name: Name) {
        if let Some(at) = self.last.remove(&(source, name)) {
            self.in_order.remove(&(at, source, name));
            self.by_name.remove(&(name, at, source));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn source(n: u32) -> Network {
        Network::of_source(Ipv4Addr::from(0x0b00_0000 + n).into())
    }

    #[test]
    fn proved_sources_have_an_end_and_the_oldest_go() {
        let mut proofs = Proofs::default();
        for n in 0..MAX_PROVED as u32 + 10 {
            let name = Name::of(&n.to_string());
            proofs.add(source(n), name, (DAY, Mono(u64::from(n))));
        }
        assert_eq!(proofs.last.len(), MAX_PROVED);
        assert_eq!(proofs.in_order.len(), MAX_PROVED);
        assert_eq!(proofs.by_name.len(), MAX_PROVED);
        let now = Mono(MAX_PROVED as u64);
        assert!(!proofs.has_any(source(9), DAY, now) && proofs.has_any(source(10), DAY, now));
        let later = now + DAY + Duration::from_secs(1);
        proofs.add(source(1), Name::of("alice"), (DAY, later));
        assert_eq!(proofs.last.len(), 1, "what is over takes no place");
    }

    #[test]
    fn one_name_takes_so_many_places_and_no_more() {
        let mut proofs = Proofs::default();
        let (alice, bob) = (Name::of("alice"), Name::of("bob"));
        proofs.add(source(0), bob, (DAY, Mono(0)));
        for n in 0..1_000_u32 {
            proofs.add(source(n), alice, (DAY, Mono(u64::from(n))));
        }
        assert_eq!(proofs.last.len(), MAX_PLACES + 1);
        let now = Mono(1_000);
        assert!(proofs.has(source(0), bob, (DAY, now)));
        assert!(proofs.has(source(999), alice, (DAY, now)));
        assert!(!proofs.has(source(0), alice, (DAY, now)));
    }

    #[test]
    fn a_proof_is_of_its_source_and_name_and_lasts_its_time() {
        let mut proofs = Proofs::default();
        let (alice, bob) = (Name::of("alice"), Name::of("bob"));
        proofs.add(source(1), alice, (DAY, Mono(0)));
        let hour = Duration::from_secs(3_600);
        for (place, name, at_s, holds) in [
            (source(1), alice, 0, true),
            (source(1), alice, 3_599, true),
            (source(1), alice, 3_600, false),
            (source(1), bob, 0, false),
            (source(2), alice, 0, false),
        ] {
            let now = Mono(at_s * 1_000_000);
            assert_eq!(proofs.has(place, name, (hour, now)), holds);
        }
        assert!(proofs.has_any(source(1), hour, Mono(0)));
        assert!(!proofs.has_any(source(2), hour, Mono(0)));
    }
}
