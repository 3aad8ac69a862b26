//! Upstream registrations held elsewhere: a REGISTER before the last one runs out, over the hosts of its gateway.
//!
//! One row per registration of the directory; a row that is no longer wanted is taken back and then forgotten.
//! [`register`] sends, [`answer`] judges what comes back. Calls out ask [`Registrations::why_down`] first.

mod answer;
mod inbound;
mod register;

pub(crate) use answer::{answered, lost};
pub(crate) use inbound::dialled;
pub(crate) use register::{due, keep_alive};

use crate::{
    directory::{Gateway, GatewayHost, Upstream},
    guard::{Allowance, Pace},
    health::Answer,
    io::Reply,
    monitor::UpstreamState,
    switch::{
        state::{Core, Gate},
        timer::Timer,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tandem_billing::{GatewayId, UpstreamId, UtcMs};
use tandem_sip::{Flow, Mono, Transport, endpoint::ClientTxn};

/// The first REGISTERs after a start are spread over this, milliseconds.
const SPREAD_MS: u64 = 3_000;
/// Rounds that begin before their time, since a connection is gone or a gateway is back: when they come too often the
/// next one waits.
const HURRIED: Pace = Pace {
    every: Duration::from_secs(60),
    burst: 4,
};
/// So long.
const CALM: Duration = Duration::from_secs(30);

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Registrations {
    rows: BTreeMap<UpstreamId, Row>,
    sent: HashMap<ClientTxn, UpstreamId>,
}

/// One.
#[derive(Debug)]
struct Row {
    /// In force for this binding, whatever the directory says by now.
    upstream: Arc<Upstream>,
    way: Arc<Gateway>,
    call_id: String,
    cseq: u32,
    stage: Stage,
    /// Hosts of this round that are left, the next one last.
    left: Vec<GatewayHost>,
    /// Where it is registered, or tries to.
    host: Option<(GatewayHost, Flow)>,
    sent: Option<ClientTxn>,
    /// Challenges answered since the last REGISTER of our own accord.
    challenged: u32,
    expires_s: u32,
    /// What is asked for was raised in this round: it is once.
    raised: bool,
    hurried: Allowance,
    until: Option<(Mono, UtcMs)>,
    /// Rounds in vain.
    failures: u32,
    last: Option<(UtcMs, Answer)>,
    next_at: Option<UtcMs>,
    /// The operator was told that it is down.
    alarmed: bool,
}

/// What a row is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A REGISTER is under way.
    Asking,
    /// It holds, and is refreshed in time.
    Registered,
    /// Another round in a while.
    Waiting,
    /// It is being taken back.
    Leaving,
}

impl Registrations {
    /// Why no call can be sent through it; None while it is registered.
    pub(crate) fn why_down(&self, id: UpstreamId, now: Mono) -> Option<String> {
        let Some(row) = self.rows.get(&id) else {
            return Some("not registered".to_owned());
        };
        if row.is_up(now) {
            return None;
        }
        Some(match row.last {
            Some((_, answer)) if row.failures != 0 => format!("not registered: {}", answer.text()),
            Some(_) | None => "not registered".to_owned(),
        })
    }

    /// Nothing is being taken back any more.
    pub(crate) fn have_left(&self) -> bool {
        self.rows.values().all(|row| row.stage != Stage::Leaving)
    }

    /// As the monitor shows it.
    pub(crate) fn state(&self, upstream: &Upstream, now: Mono) -> UpstreamState {
        let row = self.rows.get(&upstream.id);
        let up = row.filter(|row| row.is_up(now));
        UpstreamState {
            upstream: upstream.id,
            name: upstream.name.clone(),
            enabled: upstream.enabled,
            registered_until: up.and_then(|row| row.until).map(|(_, utc)| utc),
            host: row
                .and_then(|row| row.host.as_ref())
                .map(|(host, _)| host.address),
            answered_at: row.and_then(|row| row.last).map(|(at, _)| at),
            answer: row
                .and_then(|row| row.last)
                .map(|(_, answer)| answer.text()),
            next_at: row.and_then(|row| row.next_at),
            failures: row.map_or(0, |row| row.failures),
        }
    }
}

impl Row {
    /// A refresh under way does not end what holds; a round in vain does.
    fn is_up(&self, now: Mono) -> bool {
        self.failures == 0
            && self.stage != Stage::Leaving
            && self.until.is_some_and(|(until, _)| until > now)
    }
}

fn row(core: &mut Core, id: UpstreamId) -> Option<&mut Row> {
    core.peers.upstreams.rows.get_mut(&id)
}

/// The directory was swapped: new ones begin, changed ones register anew, those that are gone are taken back.
pub(crate) fn take_directory(core: &mut Core) {
    let known: Vec<UpstreamId> = core.peers.upstreams.rows.keys().copied().collect();
    let directory = Arc::clone(&core.directory);
    let ids = directory.upstreams.iter().map(|upstream| upstream.id);
    let all: BTreeSet<UpstreamId> = ids.chain(known).collect();
    all.into_iter().for_each(|id| settle(core, id));
}

/// What the directory wants of one, if it is to be held at all.
fn wanted(core: &Core, id: UpstreamId) -> Option<(Arc<Upstream>, Arc<Gateway>)> {
    let upstream = core.directory.upstreams.get(id)?;
    let way = core.directory.upstreams.way(id)?;
    let open = core.gate == Gate::Open && upstream.enabled && way.enabled;
    open.then(|| (Arc::clone(upstream), Arc::clone(way)))
}

/// Brings a row to what is wanted of it.
fn settle(core: &mut Core, id: UpstreamId) {
    core.feed.touch_upstream(id);
    let wanted = wanted(core, id);
    match (core.peers.upstreams.rows.get_mut(&id), wanted) {
        (None, None) => {}
        (None, Some(settings)) => begin(core, id, settings),
        (Some(row), _) if row.stage == Stage::Leaving => {}
        (Some(_), None) => register::leave(core, id),
        (Some(row), Some((upstream, way))) => {
            if !row.upstream.is_same_binding(&upstream) {
                return register::leave(core, id);
            }
            let same = row.upstream == upstream && row.way.hosts == way.hosts;
            row.upstream = upstream;
            row.way = way;
            if !same {
                soon(core, id, 1);
            }
        }
    }
}

fn begin(core: &mut Core, id: UpstreamId, (upstream, way): (Arc<Upstream>, Arc<Gateway>)) {
    let row = Row {
        expires_s: upstream.expires_s,
        raised: false,
        hurried: Allowance::default(),
        upstream,
        way,
        call_id: core.endpoint.new_call_id(),
        cseq: 0,
        stage: Stage::Waiting,
        left: Vec::new(),
        host: None,
        sent: None,
        challenged: 0,
        until: None,
        failures: 0,
        last: None,
        next_at: None,
        alarmed: false,
    };
    core.peers.upstreams.rows.insert(id, row);
    soon(core, id, SPREAD_MS);
}

/// Another round, now or a little later.
fn soon(core: &mut Core, id: UpstreamId, within_ms: u64) {
    let after_ms = core.random() % within_ms.max(1);
    wait(core, id, Duration::from_millis(after_ms));
}

/// The next round is after so long.
fn wait(core: &mut Core, id: UpstreamId, after: Duration) {
    forget_sent(core, id);
    let after_ms = i64::try_from(after.as_millis()).unwrap_or(0);
    let at = core.now.utc.plus_ms(after_ms);
    if let Some(row) = row(core, id) {
        row.stage = Stage::Waiting;
        row.left.clear();
        row.next_at = Some(at);
    }
    core.arm_in(Timer::Upstream(id), after);
    core.feed.touch_upstream(id);
}

/// Another round before its time, unless there were many of late.
fn hurry(core: &mut Core, id: UpstreamId) {
    let now = core.now.mono;
    let may = row(core, id).is_some_and(|row| row.hurried.take(HURRIED, now));
    if may {
        return soon(core, id, SPREAD_MS);
    }
    let jitter_ms = core.random() % SPREAD_MS;
    wait(core, id, CALM + Duration::from_millis(jitter_ms));
}

fn forget_sent(core: &mut Core, id: UpstreamId) {
    if let Some(txn) = row(core, id).and_then(|row| row.sent.take()) {
        core.peers.upstreams.sent.remove(&txn);
    }
}

/// A row that was taken back is forgotten; if it is wanted after all, with other settings, it begins anew.
fn left(core: &mut Core, id: UpstreamId) {
    forget_sent(core, id);
    core.timers.disarm(Timer::Upstream(id));
    core.timers.disarm(Timer::KeepAlive(id));
    core.peers.upstreams.rows.remove(&id);
    settle(core, id);
}

/// The switch is about to stop: all are taken back, so that no call comes in any more.
pub(crate) fn leave_all(core: &mut Core) {
    let ids: Vec<UpstreamId> = core.peers.upstreams.rows.keys().copied().collect();
    ids.into_iter().for_each(|id| settle(core, id));
}

/// A connection is gone, and with it the way calls would come in.
pub(crate) fn flow_failed(core: &mut Core, flow: Flow) {
    if flow.transport == Transport::Udp {
        return;
    }
    let by = |row: &Row| {
        let held = row.host.as_ref().map(|(_, held)| *held);
        row.stage == Stage::Registered
            && held
                .is_some_and(|held| held.remote == flow.remote && held.transport == flow.transport)
    };
    let rows = core.peers.upstreams.rows.iter();
    let ids: Vec<UpstreamId> = rows.filter(|(_, row)| by(row)).map(|(id, _)| *id).collect();
    ids.into_iter().for_each(|id| hurry(core, id));
}

/// A gateway works again: what waits to register there, since nobody was found, need not wait longer.
pub(crate) fn gateway_up(core: &mut Core, gateway: GatewayId) {
    let nobody = |row: &Row| {
        let last = row.last.map(|(_, answer)| answer);
        last.is_none_or(|answer| !matches!(answer, Answer::Status(_) | Answer::TooShort(_)))
    };
    let rows = core.peers.upstreams.rows.iter();
    let waiting =
        rows.filter(|(_, row)| row.way.id == gateway && row.stage == Stage::Waiting && nobody(row));
    let ids: Vec<UpstreamId> = waiting.map(|(id, _)| *id).collect();
    ids.into_iter().for_each(|id| hurry(core, id));
}

/// An operator wants it registered anew now.
pub(crate) fn register_now(core: &mut Core, id: UpstreamId) -> Reply {
    let now = core.now.mono;
    let Some(row) = row(core, id) else {
        return Reply::NotFound;
    };
    match row.stage {
        Stage::Asking | Stage::Leaving => Reply::Refused("it is asking its registrar already"),
        Stage::Registered | Stage::Waiting => {
            if !row.hurried.take(HURRIED, now) {
                return Reply::Refused(
                    "it was registered anew too often of late: try again in a minute",
                );
            }
            soon(core, id, 1);
            Reply::Done
        }
    }
}
