//! Which gateways are up: what OPTIONS to each of their hosts, and calls to them, came to.
//!
//! A host is down when OPTIONS say so, or rests when calls found nobody there; a gateway is down when all of its
//! hosts are. The hunt passes over what is down; both come back by themselves. [`probe`] asks, [`mark`] learns
//! from calls. The table has a row per host of the directory and no other, so no peer can make it grow.

mod mark;
mod probe;

pub(crate) use mark::{failed, rested, told};
pub(crate) use probe::{answered, due, lost, probe_now};

use crate::{
    directory::{Directory, Gateway, GatewayHost, Health},
    guard::Allowance,
    monitor::{GatewayHealth, HostHealth},
    switch::{
        alarm,
        state::Core,
        timer::{Place, Timer},
    },
    upstream,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tandem_billing::{GatewayId, UtcMs};
use tandem_sip::{Mono, endpoint::ClientTxn};

/// What is known of all hosts.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    places: BTreeMap<Place, Condition>,
    /// OPTIONS under way.
    asked: HashMap<ClientTxn, Place>,
    down: BTreeMap<GatewayId, UtcMs>,
    /// Gateways that operators had asked now.
    by_hand: Allowance,
}

/// What is known of one host.
#[derive(Clone, Debug, Default)]
struct Condition {
    /// OPTIONS under way, and since when.
    asked: Option<(ClientTxn, Mono)>,
    /// In a row.
    misses: u32,
    /// In a row.
    hits: u32,
    /// By OPTIONS.
    down_since: Option<UtcMs>,
    /// OPTIONS in vain since it is down: the more, the longer the next one waits.
    in_vain: u32,
    /// Calls in a row that found nobody.
    failures: u32,
    /// By calls.
    resting_since: Option<UtcMs>,
    /// Rests without a call that went well between them.
    rests: u32,
    last: Option<(UtcMs, Answer)>,
    round_trip_us: Option<u64>,
}

/// What a host said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A final answer.
    Status(u16),
    /// Nothing.
    Silence,
    /// Nothing could be sent to it.
    Unreachable,
    /// A registration of so many seconds, which is not worth holding.
    TooShort(u32),
}

impl Answer {
    /// For people.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Status(status) => status.to_string(),
            Self::Silence => "no answer".to_owned(),
            Self::Unreachable => "unreachable".to_owned(),
            Self::TooShort(seconds) => format!("200, but for {seconds} s only"),
        }
    }
}

impl Condition {
    fn is_up(&self) -> bool {
        self.down_since.is_none() && self.resting_since.is_none()
    }

    fn since(&self) -> Option<UtcMs> {
        [self.down_since, self.resting_since]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Hosts {
    /// Whether calls may be sent there. What is not known is up.
    pub(crate) fn is_up(&self, place: Place) -> bool {
        self.places.get(&place).is_none_or(Condition::is_up)
    }

    /// Why no call may be sent to a gateway; None while it is up.
    pub(crate) fn why_down(&self, gateway: GatewayId) -> Option<String> {
        self.down.get(&gateway)?;
        let by_options = |row: &Condition| row.down_since.and(row.last);
        let said = self.of(gateway).find_map(|(_, row)| by_options(row));
        Some(match said {
            Some((_, answer)) => format!("OPTIONS: {}", answer.text()),
            None => "calls found nobody there".to_owned(),
        })
    }

    fn of(&self, gateway: GatewayId) -> impl Iterator<Item = (&Place, &Condition)> {
        self.places
            .range(Place::first(gateway)..)
            .take_while(move |(place, _)| place.gateway == gateway)
    }

    /// Its hosts as the monitor shows them.
    pub(crate) fn state(&self, gateway: &Gateway) -> GatewayHealth {
        let host = |host: &GatewayHost| {
            let row = self.places.get(&place(gateway.id, host));
            let row = row.cloned().unwrap_or_default();
            HostHealth {
                address: host.address,
                transport: host.transport,
                down_since: row.since(),
                resting: row.resting_since.is_some(),
                answered_at: row.last.map(|(at, _)| at),
                answer: row.last.map(|(_, answer)| answer.text()),
                round_trip_us: row.round_trip_us,
            }
        };
        GatewayHealth {
            enabled: gateway.enabled,
            watched: gateway.health.probes() || gateway.health.failures_to_rest != 0,
            down_since: self.down.get(&gateway.id).copied(),
            hosts: gateway.hosts.iter().map(host).collect(),
        }
    }
}

/// Where a host of a gateway is.
pub(crate) fn place(gateway: GatewayId, host: &GatewayHost) -> Place {
    Place {
        gateway,
        transport: host.transport,
        address: host.address,
    }
}

/// The directory was swapped: hosts that are gone are forgotten, new ones are asked soon, each at a moment of its
/// own so that they are not asked all at once.
pub(crate) fn take_directory(core: &mut Core) {
    let directory = Arc::clone(&core.directory);
    let mut before = std::mem::take(&mut core.peers.hosts.places);
    for gateway in directory.gateways.values().filter(|one| one.enabled) {
        for host in &gateway.hosts {
            let place = place(gateway.id, host);
            if core.peers.hosts.places.contains_key(&place) {
                // It is listed twice.
                continue;
            }
            let known = before.remove(&place);
            let mut row = known.clone().unwrap_or_default();
            watch(core, (place, &gateway.health), known.is_none(), &mut row);
            core.peers.hosts.places.insert(place, row);
        }
    }
    for (place, row) in before {
        core.timers.disarm(Timer::Probe(place));
        core.timers.disarm(Timer::Rest(place));
        if let Some((txn, _)) = row.asked {
            core.peers.hosts.asked.remove(&txn);
        }
    }
    let gone = core.peers.hosts.down.keys().copied();
    let mut all: Vec<GatewayId> = gone.collect();
    all.extend(directory.gateways.keys());
    all.into_iter().for_each(|id| settle(core, id));
}

/// Begins or ends what the settings say of a host.
fn watch(core: &mut Core, (place, health): (Place, &Health), is_new: bool, row: &mut Condition) {
    if !health.probes() {
        core.timers.disarm(Timer::Probe(place));
        if let Some((txn, _)) = row.asked.take() {
            core.peers.hosts.asked.remove(&txn);
        }
        (row.down_since, row.misses, row.hits, row.in_vain) = (None, 0, 0, 0);
    } else if is_new || !core.timers.is_armed(Timer::Probe(place)) {
        let within = u64::from(health.interval_s) * 1000;
        let after_ms = core.random() % within.max(1);
        core.arm_in(
            Timer::Probe(place),
            std::time::Duration::from_millis(after_ms),
        );
    }
    if health.failures_to_rest == 0 {
        core.timers.disarm(Timer::Rest(place));
        (row.resting_since, row.failures, row.rests) = (None, 0, 0);
    }
}

/// Something changed at a host: is its gateway down, or up again?
fn settle(core: &mut Core, gateway: GatewayId) {
    let hosts = &mut core.peers.hosts;
    let some = hosts.of(gateway).next().is_some();
    let is_down = some && hosts.of(gateway).all(|(_, row)| !row.is_up());
    core.feed.touch_gateway(gateway);
    match (hosts.down.get(&gateway).copied(), is_down) {
        (None, true) => {
            hosts.down.insert(gateway, core.now.utc);
            let why = hosts.why_down(gateway).unwrap_or_default();
            alarm::gateway_down(core, gateway, &why);
        }
        (Some(since), false) => {
            hosts.down.remove(&gateway);
            // One that was switched off or deleted meanwhile is not up.
            if some {
                alarm::gateway_up(core, gateway, since);
                upstream::gateway_up(core, gateway);
            }
        }
        (None, false) | (Some(_), true) => {}
    }
}

/// The settings of the gateway a place belongs to.
fn settings(directory: &Directory, place: Place) -> Option<&Health> {
    directory
        .gateways
        .get(&place.gateway)
        .map(|gateway| &gateway.health)
}
