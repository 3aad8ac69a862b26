//! How many connections, and how many TLS handshakes a second, one source and all together may have.
//!
//! A TLS handshake costs the core's thread a third of a millisecond: paced, a flood of them takes a known share
//! of it and no more, and the rest waits in the kernel's queue. Must not know sockets.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
};
use tandem_sip::Mono;

/// TLS handshakes a second in all: a tenth of the core's time.
const HANDSHAKES_PER_S: u32 = 300;
/// TLS handshakes that may come at once: phones return together after a break of the line.
const HANDSHAKE_BURST: u32 = 200;
/// The same of one source: an office behind one address.
const SOURCE_HANDSHAKES_PER_S: u32 = 20;
const SOURCE_HANDSHAKE_BURST: u32 = 100;
/// Sources remembered without a connection, so that closing one does not renew the allowance.
const MAX_REMEMBERED: usize = 10_000;

/// Bounds of all connections, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub total: usize,
    /// From one IPv4 address, or one IPv6 network of 64 bits.
    pub per_source: usize,
}

/// Fills at a rate up to a burst.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    /// In millionths of one.
    left: u64,
    at: Mono,
}

const ONE: u64 = 1_000_000;

impl Allowance {
    fn full(burst: u32, now: Mono) -> Self {
        Self {
            left: u64::from(burst) * ONE,
            at: now,
        }
    }

    fn refill(&mut self, per_s: u32, burst: u32, now: Mono) {
        let micros = u64::try_from(now.since(self.at).as_micros()).unwrap_or(u64::MAX);
        let gained = micros.saturating_mul(u64::from(per_s));
        self.left = self.left.saturating_add(gained).min(u64::from(burst) * ONE);
        self.at = now;
    }

    fn take(&mut self) -> bool {
        let taken = self.left >= ONE;
        if taken {
            self.left -= ONE;
        }
        taken
    }
}

#[derive(Debug)]
struct Source {
    connections: usize,
    handshakes: Allowance,
}

/// Of all listeners.
#[derive(Debug)]
pub(super) struct Sources {
    limits: ConnectionLimits,
    connections: usize,
    handshakes: Allowance,
    known: HashMap<IpAddr, Source>,
}

impl Sources {
    pub(super) fn new(limits: ConnectionLimits, now: Mono) -> Self {
        Self {
            limits,
            connections: 0,
            handshakes: Allowance::full(HANDSHAKE_BURST, now),
            known: HashMap::new(),
        }
    }

    /// Whether one more connection from or to `ip` has room.
    pub(super) fn has_room(&self, ip: IpAddr) -> bool {
        let held = self
            .known
            .get(&key(ip))
            .map_or(0, |source| source.connections);
        self.connections < self.limits.total && held < self.limits.per_source
    }

    /// A connection began.
    pub(super) fn enter(&mut self, ip: IpAddr, now: Mono) {
        self.connections += 1;
        self.source(ip, now).connections += 1;
    }

    /// A connection ended.
    pub(super) fn leave(&mut self, ip: IpAddr) {
        self.connections = self.connections.saturating_sub(1);
        if let Some(source) = self.known.get_mut(&key(ip)) {
            source.connections = source.connections.saturating_sub(1);
        }
    }

    /// Whether a TLS handshake may begin anywhere now; if not, connections wait to be taken.
    pub(super) fn may_handshake(&mut self, now: Mono) -> bool {
        self.handshakes
            .refill(HANDSHAKES_PER_S, HANDSHAKE_BURST, now);
        self.handshakes.left >= ONE
    }

    /// Counts a TLS handshake of `ip`; false if it has had too many.
    pub(super) fn count_handshake(&mut self, ip: IpAddr, now: Mono) -> bool {
        let own = &mut self.source(ip, now).handshakes;
        own.refill(SOURCE_HANDSHAKES_PER_S, SOURCE_HANDSHAKE_BURST, now);
        own.take() && self.handshakes.take()
    }

    fn source(&mut self, ip: IpAddr, now: Mono) -> &mut Source {
        if self.known.len() >= self.limits.total + MAX_REMEMBERED {
            self.known.retain(|_, source| source.connections > 0);
        }
        self.known.entry(key(ip)).or_insert_with(|| Source {
            connections: 0,
            handshakes: Allowance::full(SOURCE_HANDSHAKE_BURST, now),
        })
    }
}

/// Whoever has an IPv6 address has the 2^64 beside it.
fn key(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn sources(total: usize, per_source: usize) -> Sources {
        Sources::new(ConnectionLimits { total, per_source }, Mono(0))
    }

    #[test]
    fn one_source_leaves_room_for_others() {
        let mut sources = sources(3, 2);
        for address in ["2001:db8::1", "2001:db8::2:1"] {
            assert!(sources.has_room(ip(address)));
            sources.enter(ip(address), Mono(0));
        }
        assert!(!sources.has_room(ip("2001:db8::3")), "the same network");
        assert!(sources.has_room(ip("192.0.2.1")));
        sources.enter(ip("192.0.2.1"), Mono(0));
        assert!(!sources.has_room(ip("192.0.2.9")), "full in all");
        sources.leave(ip("2001:db8::1"));
        assert!(sources.has_room(ip("192.0.2.9")));
        assert!(sources.has_room(ip("2001:db8::3")));
    }

    #[test]
    fn a_flood_of_handshakes_is_paced_by_source_and_in_all() {
        let mut sources = sources(100_000, 100_000);
        let of_one = (0..1_000).filter(|_| sources.count_handshake(ip("192.0.2.1"), Mono(0)));
        assert_eq!(of_one.count(), SOURCE_HANDSHAKE_BURST as usize);
        let others = (0..1_000_u32).map(|n| IpAddr::V4((0x0a00_0000 + n).into()));
        let taken = others.filter(|other| {
            sources.may_handshake(Mono(0)) && sources.count_handshake(*other, Mono(0))
        });
        let rest = HANDSHAKE_BURST - SOURCE_HANDSHAKE_BURST;
        assert_eq!(taken.count(), rest as usize);
        let later = Mono(1_000_000);
        assert!(sources.may_handshake(later));
        let again = (0..1_000).filter(|_| sources.count_handshake(ip("192.0.2.1"), later));
        assert_eq!(again.count(), SOURCE_HANDSHAKES_PER_S as usize);
    }

    #[test]
    fn sources_without_connections_are_forgotten_in_time() {
        let mut sources = sources(0, 1);
        for n in 0..30_000_u32 {
            sources.count_handshake(IpAddr::V4(n.into()), Mono(0));
        }
        assert!(sources.known.len() <= MAX_REMEMBERED);
    }
}
