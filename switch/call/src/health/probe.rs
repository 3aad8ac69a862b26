//! Asking: OPTIONS to a host at its interval, and what comes back (RFC 3261 section 11).
//!
//! Any final answer is a sign of life, a challenge too: who asks for a password is there. Only the codes named in
//! the settings are not.

use super::{Answer, Condition, settings, settle};
use crate::{
    guard::Pace,
    io::Reply,
    switch::{
        state::Core,
        timer::{Place, Timer},
    },
};
use std::{sync::Arc, time::Duration};
use tandem_billing::GatewayId;
use tandem_sip::{
    Flow, Message,
    endpoint::{ClientTxn, RequestOut},
    message::Draft,
    value::{Host, Method, NameAddr, Uri},
};

/// An answer that takes longer is none, seconds.
const PATIENCE_S: u32 = 8;
/// A host that is down is asked at most this much less often.
const MAX_BACK_OFF: u32 = 8;
/// And at least so often, seconds.
const LONGEST_PAUSE_S: u32 = 300;

/// It is time to ask, or to wait no longer.
pub(crate) fn due(core: &mut Core, place: Place) {
    let asked = row(core, place).and_then(|row| row.asked.take());
    match asked {
        Some((txn, _)) => {
            core.peers.hosts.asked.remove(&txn);
            judge(core, place, Answer::Silence);
        }
        None => ask(core, place),
    }
}

/// Gateways asked because an operator wants to know.
const BY_HAND: Pace = Pace {
    every: Duration::from_secs(2),
    burst: 5,
};

/// An operator wants to know now. Of a gateway that is not watched it is shown and nothing follows.
pub(crate) fn probe_now(core: &mut Core, gateway: GatewayId) -> Reply {
    let hosts = &core.peers.hosts;
    let places: Vec<Place> = hosts.of(gateway).map(|(place, _)| *place).collect();
    if places.is_empty() {
        return Reply::NotFound;
    }
    if !core.peers.hosts.by_hand.take(BY_HAND, core.now.mono) {
        return Reply::Refused("gateways were asked too often of late: try again in some seconds");
    }
    for place in places {
        if row(core, place).is_some_and(|row| row.asked.is_none()) {
            ask(core, place);
        }
    }
    Reply::Done
}

fn row(core: &mut Core, place: Place) -> Option<&mut Condition> {
    core.peers.hosts.places.get_mut(&place)
}

fn ask(core: &mut Core, place: Place) {
    let directory = Arc::clone(&core.directory);
    let Some(gateway) = directory.gateways.get(&place.gateway) else {
        return;
    };
    let Some(flow) = core.flow_to(place.transport, place.address) else {
        return judge(core, place, Answer::Unreachable);
    };
    let name = gateway
        .hosts
        .iter()
        .find(|host| super::place(gateway.id, host) == place)
        .and_then(|host| host.name.clone());
    let request = options(
        core,
        flow,
        (place, name),
        gateway.naming.from_domain.as_deref(),
    );
    let now = core.now.mono;
    let txn = core.endpoint.request(now, flow, request);
    core.peers.hosts.asked.insert(txn, place);
    if let Some(row) = row(core, place) {
        row.asked = Some((txn, now));
    }
    let patience = match gateway.health.interval_s {
        0 => PATIENCE_S,
        every_s => PATIENCE_S.min(every_s),
    };
    core.arm_in(Timer::Probe(place), Duration::from_secs(patience.into()));
}

fn options(
    core: &mut Core,
    flow: Flow,
    (place, name): (Place, Option<String>),
    domain: Option<&str>,
) -> RequestOut {
    let host = name.map_or(Host::Ip(place.address.ip()), Host::Name);
    let uri = Uri::sip(None, host, Some(place.address.port())).over(place.transport);
    let ours = core.endpoint.contact(flow.listener, "ping");
    let from = match domain.and_then(|domain| Host::parse(domain).ok()) {
        Some(domain) => Uri::sip(Some("ping"), domain, None),
        None => Uri::sip(Some("ping"), ours.uri.host.clone(), ours.uri.port),
    };
    let tag = core.endpoint.new_tag();
    RequestOut {
        method: Method::Options,
        to: NameAddr::new(Uri::sip(None, uri.host.clone(), uri.port)),
        uri,
        from: NameAddr::new(from).with_param("tag", Some(&tag)),
        call_id: core.endpoint.new_call_id(),
        cseq: 1,
        routes: Vec::new(),
        max_forwards: 70,
        draft: Draft::new()
            .header("Contact", ours)
            .header("Accept", "application/sdp"),
    }
}

/// An answer to one of these OPTIONS. False if it is none.
pub(crate) fn answered(core: &mut Core, txn: ClientTxn, message: &Message) -> bool {
    let Some(status) = message.status() else {
        return false;
    };
    if status < 200 {
        return core.peers.hosts.asked.contains_key(&txn);
    }
    conclude(core, txn, Answer::Status(status))
}

/// It could not be sent, or its transaction timed out. False if it is none of these.
pub(crate) fn lost(core: &mut Core, txn: ClientTxn, sent: bool) -> bool {
    let answer = if sent {
        Answer::Silence
    } else {
        Answer::Unreachable
    };
    conclude(core, txn, answer)
}

fn conclude(core: &mut Core, txn: ClientTxn, answer: Answer) -> bool {
    let Some(place) = core.peers.hosts.asked.remove(&txn) else {
        return false;
    };
    let now = core.now.mono;
    if let Some(row) = row(core, place)
        && let Some((_, since)) = row.asked.take()
    {
        let round_trip = u64::try_from(now.since(since).as_micros()).unwrap_or(u64::MAX);
        row.round_trip_us = match answer {
            Answer::Status(_) => Some(round_trip),
            Answer::Silence | Answer::Unreachable | Answer::TooShort(_) => None,
        };
    }
    judge(core, place, answer);
    true
}

fn judge(core: &mut Core, place: Place, answer: Answer) {
    let directory = Arc::clone(&core.directory);
    let Some(health) = settings(&directory, place) else {
        return;
    };
    let at = core.now.utc;
    let Some(row) = row(core, place) else {
        return;
    };
    row.last = Some((at, answer));
    if !health.probes() {
        core.timers.disarm(Timer::Probe(place));
        core.feed.touch_gateway(place.gateway);
        return;
    }
    let is_alive = match answer {
        Answer::Status(status) => !health.dead_codes.contains(&status),
        Answer::Silence | Answer::Unreachable | Answer::TooShort(_) => false,
    };
    if is_alive {
        (row.misses, row.in_vain) = (0, 0);
        row.hits = row.hits.saturating_add(1);
        if row.hits >= health.answers_to_up {
            row.down_since = None;
        }
    } else {
        row.hits = 0;
        row.misses = row.misses.saturating_add(1);
        if row.down_since.is_some() {
            row.in_vain = row.in_vain.saturating_add(1);
        } else if row.misses >= health.fails_to_down {
            row.down_since = Some(at);
        }
    }
    let times = 1u32.checked_shl(row.in_vain).unwrap_or(MAX_BACK_OFF);
    let pause_s = health.interval_s.saturating_mul(times.min(MAX_BACK_OFF));
    let longest = LONGEST_PAUSE_S.max(health.interval_s);
    again(core, place, pause_s.min(longest));
    settle(core, place.gateway);
}

/// A tenth more or less, so that hosts asked at once drift apart.
fn again(core: &mut Core, place: Place, pause_s: u32) {
    let pause_ms = u64::from(pause_s) * 1000;
    let jitter = core.random() % (pause_ms / 5).max(1);
    let after_ms = pause_ms * 9 / 10 + jitter;
    core.arm_in(Timer::Probe(place), Duration::from_millis(after_ms));
}
