//! Live counts that limits are checked against: calls up, calls a second, and how gateways did of late.
//!
//! Keys are accounts, gateways, routes and numbers of the directory, so no peer can make a table grow.

use crate::{decide, directory::MediaSettings, health::Hosts, upstream::Registrations};
use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};
use tandem_billing::{AccountId, DidId, GatewayId, RouteId, UpstreamId};
use tandem_sip::{Mono, registrar::Registrar};

/// Length of a bucket of [`Window`]: ten make a second.
const BUCKET_US: u64 = 100_000;
const BUCKETS: usize = 10;
/// Quality counts are halved this often, so that the recent counts most.
const QUALITY_HALF_LIFE: Duration = Duration::from_secs(900);

/// Events within the last second, in buckets of 100 ms.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    newest: u64,
    counts: [u32; BUCKETS],
}

impl Window {
    fn add(&mut self, now: Mono) {
        let bucket = now.0 / BUCKET_US;
        for passed in
            self.newest.saturating_add(1)..=bucket.min(self.newest.saturating_add(BUCKETS as u64))
        {
            self.set(passed, 0);
        }
        if bucket > self.newest.saturating_add(BUCKETS as u64) {
            self.counts = [0; BUCKETS];
        }
        self.newest = self.newest.max(bucket);
        let count = self.get(self.newest).saturating_add(1);
        self.set(self.newest, count);
    }

    fn count(&self, now: Mono) -> u32 {
        let bucket = now.0 / BUCKET_US;
        let oldest = bucket.saturating_sub(BUCKETS as u64 - 1);
        (oldest..=self.newest)
            .take(BUCKETS)
            .fold(0, |sum, at| sum.saturating_add(self.get(at)))
    }

    fn get(&self, bucket: u64) -> u32 {
        self.counts
            .get((bucket % BUCKETS as u64) as usize)
            .copied()
            .unwrap_or(0)
    }

    fn set(&mut self, bucket: u64, value: u32) {
        if let Some(count) = self.counts.get_mut((bucket % BUCKETS as u64) as usize) {
            *count = value;
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    calls: u32,
    begun: Window,
}

impl Meter {
    fn begin(&mut self, now: Mono) {
        self.calls = self.calls.saturating_add(1);
        self.begun.add(now);
    }

    fn end(&mut self) {
        self.calls = self.calls.saturating_sub(1);
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Quality {
    halved_at: Mono,
    answered: u64,
    attempts: u64,
    answered_s: u64,
}

impl Quality {
    fn age(&mut self, now: Mono) {
        if now.since(self.halved_at) >= QUALITY_HALF_LIFE {
            self.answered /= 2;
            self.attempts /= 2;
            self.answered_s /= 2;
            self.halved_at = now;
        }
    }
}

/// The counts of one switch.
#[derive(Debug, Default)]
pub(crate) struct UsageTable {
    total: Meter,
    accounts: HashMap<AccountId, Meter>,
    gateways: HashMap<GatewayId, (Meter, Quality)>,
    routes: HashMap<RouteId, u32>,
    /// Those with a call up.
    dids: HashMap<DidId, u32>,
    transcoded: u32,
    coding_percent: u32,
}

impl UsageTable {
    /// A call of this chain (client first) was admitted, by a DID if it came in by one.
    pub(crate) fn call_began(&mut self, now: Mono, chain: &[AccountId], did: Option<DidId>) {
        self.total.begin(now);
        if let Some(did) = did {
            let calls = self.dids.entry(did).or_default();
            *calls = calls.saturating_add(1);
        }
        for account in chain {
            self.accounts.entry(*account).or_default().begin(now);
        }
    }

    /// A call's audio is coded anew.
    pub(crate) fn transcoding_began(&mut self) {
        self.transcoded = self.transcoded.saturating_add(1);
    }

    pub(crate) fn transcoding_ended(&mut self) {
        self.transcoded = self.transcoded.saturating_sub(1);
    }

    /// What coding takes of a processor core now.
    pub(crate) fn note_coding(&mut self, percent: u32) {
        self.coding_percent = percent;
    }

    /// Whether the audio of one more call may be coded anew.
    pub(crate) fn may_code(&self, limits: &MediaSettings) -> bool {
        limits.may_code(self.transcoded, self.coding_percent)
    }

    pub(crate) fn call_ended(&mut self, chain: &[AccountId], did: Option<DidId>) {
        self.total.end();
        if let Some(Entry::Occupied(mut calls)) = did.map(|did| self.dids.entry(did)) {
            *calls.get_mut() -= 1;
            if *calls.get() == 0 {
                calls.remove();
            }
        }
        for account in chain {
            if let Some(meter) = self.accounts.get_mut(account) {
                meter.end();
            }
        }
    }

    /// A call was sent by this row, to this gateway if it is one.
    pub(crate) fn attempt_began(
        &mut self,
        now: Mono,
        route: Option<RouteId>,
        gateway: Option<GatewayId>,
    ) {
        if let Some(route) = route {
            let calls = self.routes.entry(route).or_default();
            *calls = calls.saturating_add(1);
        }
        if let Some(gateway) = gateway {
            let (meter, quality) = self.gateways.entry(gateway).or_default();
            meter.begin(now);
            quality.age(now);
            quality.attempts += 1;
        }
    }

    pub(crate) fn attempt_ended(&mut self, route: Option<RouteId>, gateway: Option<GatewayId>) {
        if let Some(calls) = route.and_then(|route| self.routes.get_mut(&route)) {
            *calls = calls.saturating_sub(1);
        }
        if let Some((meter, _)) = gateway.and_then(|id| self.gateways.get_mut(&id)) {
            meter.end();
        }
    }

    pub(crate) fn answered(&mut self, gateway: GatewayId) {
        if let Some((_, quality)) = self.gateways.get_mut(&gateway) {
            quality.answered += 1;
        }
    }

    pub(crate) fn talked(&mut self, gateway: GatewayId, answered_s: u64) {
        if let Some((_, quality)) = self.gateways.get_mut(&gateway) {
            quality.answered_s = quality.answered_s.saturating_add(answered_s);
        }
    }

    pub(crate) fn gateway_calls(&self, gateway: GatewayId) -> u32 {
        self.gateways
            .get(&gateway)
            .map_or(0, |(meter, _)| meter.calls)
    }
}

/// The counts as [`decide::decide`] asks for them, at one instant.
pub(crate) struct LiveUsage<'a> {
    pub(crate) now: Mono,
    pub(crate) table: &'a UsageTable,
    pub(crate) registrar: &'a Registrar,
    pub(crate) hosts: &'a Hosts,
    pub(crate) upstreams: &'a Registrations,
}

impl decide::Usage for LiveUsage<'_> {
    fn account_calls(&self, account: AccountId) -> u32 {
        self.table
            .accounts
            .get(&account)
            .map_or(0, |meter| meter.calls)
    }
    fn account_cps(&self, account: AccountId) -> u32 {
        self.table
            .accounts
            .get(&account)
            .map_or(0, |meter| meter.begun.count(self.now))
    }
    fn gateway_calls(&self, gateway: GatewayId) -> u32 {
        self.table.gateway_calls(gateway)
    }
    fn gateway_cps(&self, gateway: GatewayId) -> u32 {
        self.table
            .gateways
            .get(&gateway)
            .map_or(0, |(meter, _)| meter.begun.count(self.now))
    }
    fn route_calls(&self, route: RouteId) -> u32 {
        self.table.routes.get(&route).copied().unwrap_or(0)
    }
    fn did_calls(&self, did: DidId) -> u32 {
        self.table.dids.get(&did).copied().unwrap_or(0)
    }
    fn total_calls(&self) -> u32 {
        self.table.total.calls
    }
    fn total_cps(&self) -> u32 {
        self.table.total.begun.count(self.now)
    }
    fn transcoded_calls(&self) -> u32 {
        self.table.transcoded
    }
    fn coding_percent(&self) -> u32 {
        self.table.coding_percent
    }
    fn quality(&self, gateway: GatewayId) -> (u64, u64, u64) {
        self.table
            .gateways
            .get(&gateway)
            .map_or((0, 0, 0), |(_, q)| (q.answered, q.attempts, q.answered_s))
    }
    fn gateway_down(&self, gateway: GatewayId) -> Option<String> {
        self.hosts.why_down(gateway)
    }
    fn upstream_down(&self, upstream: UpstreamId) -> Option<String> {
        self.upstreams.why_down(upstream, self.now)
    }
    fn is_registered(&self, username: &str) -> bool {
        !self.registrar.bindings(self.now, username).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_the_last_second() {
        let mut window = Window::default();
        for at in [0, 100_000, 950_000, 1_050_000] {
            window.add(Mono(at));
        }
        assert_eq!(window.count(Mono(1_060_000)), 3);
        assert_eq!(window.count(Mono(1_960_000)), 1);
        assert_eq!(window.count(Mono(3_000_000)), 0);
        window.add(Mono(9_000_000));
        assert_eq!(window.count(Mono(9_000_000)), 1);
    }

    #[test]
    fn every_level_of_a_chain_is_counted_and_released() {
        let chain = [AccountId(1), AccountId(2)];
        let mut table = UsageTable::default();
        let did = Some(DidId(7));
        table.call_began(Mono(0), &chain, did);
        table.call_began(Mono(0), &chain[..1], did);
        assert_eq!(table.dids[&DidId(7)], 2);
        assert_eq!(table.accounts[&AccountId(1)].calls, 2);
        assert_eq!(table.accounts[&AccountId(2)].calls, 1);
        table.call_ended(&chain, did);
        table.call_ended(&chain[..1], did);
        assert!(table.dids.is_empty());
        assert_eq!(
            (table.total.calls, table.accounts[&AccountId(1)].calls),
            (0, 0)
        );
    }
}
