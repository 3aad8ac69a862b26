//! The board: open calls, registrations and gateways as the core last told them, each row with the number of
//! the state it changed in.
//!
//! A subscriber needs no queue: what changed since the state it last got is found here, so a slow one gets
//! fewer and larger deltas, and one too far behind (rows gone from the bounded memory of endings) a snapshot. A
//! reseller is shown the calls that have it in their chain, without gateways and costs. Must not know methods.

use super::live_row;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tandem_billing::{AccountId, CallId, GatewayId, UpstreamId};
use tandem_call::{
    Directory,
    journal::{Alert, AlertKind},
    monitor::{
        Change, FeedEvent, GatewayState, LiveCall, LiveRegistration, Snapshot, Totals,
        UpstreamState,
    },
};
use tandem_protocol::live::{CallGone, Counters, LiveDelta, LiveSnapshot, RegistrationKey};

/// Endings kept for subscribers that lag: some seconds of the busiest switch.
const ENDINGS: usize = 16_384;

/// Alerts kept for subscribers that lag; all are in the store.
const ALERTS: usize = 256;

/// Whose rows a subscriber sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All, with gateways and costs.
    All,
    /// Those of a reseller's branch.
    Branch(AccountId),
}

#[derive(Debug)]
struct Row<T> {
    row: T,
    changed: u64,
}

#[derive(Debug)]
struct Ended<K> {
    key: K,
    chain: Vec<AccountId>,
    at: u64,
}

#[derive(Debug, Default)]
struct State {
    /// Number of the last published state; rows that changed since have the next one.
    seq: u64,
    dirty: bool,
    /// Deltas can be made from this state on.
    oldest: u64,
    /// The core's number of the last event taken in; None before the first snapshot and after a gap.
    core: Option<u64>,
    calls: BTreeMap<CallId, Row<LiveCall>>,
    registrations: BTreeMap<RegistrationKey, Row<LiveRegistration>>,
    gateways: BTreeMap<GatewayId, Row<GatewayState>>,
    upstreams: BTreeMap<UpstreamId, Row<UpstreamState>>,
    upstreams_gone: VecDeque<Ended<UpstreamId>>,
    ended: VecDeque<Ended<CallGone>>,
    lapsed: VecDeque<Ended<RegistrationKey>>,
    alerts: VecDeque<Row<Alert>>,
    totals: Totals,
    totals_changed: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Board {
    state: Mutex<State>,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is on the board.
    Applied,
    /// Older than the board.
    Old,
    /// Something before it is missing: the board needs a snapshot.
    Gap,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one event in.
    pub fn apply(&self, event: FeedEvent) -> Taken {
        let mut state = self.lock();
        let Some(core) = state.core else {
            return Taken::Gap;
        };
        if event.seq <= core {
            return Taken::Old;
        }
        if event.seq != core + 1 {
            state.core = None;
            return Taken::Gap;
        }
        state.core = Some(event.seq);
        state.change(event.change);
        Taken::Applied
    }

    /// Replaces all rows: at the start, after a gap, or when nobody watched meanwhile. Subscribers that were
    /// following get a snapshot.
    pub fn replace(&self, snapshot: Snapshot) {
        let mut state = self.lock();
        let changed = state.touch();
        state.core = Some(snapshot.seq);
        state.oldest = changed;
        state.calls = snapshot
            .calls
            .into_iter()
            .map(|row| (row.call, Row { row, changed }))
            .collect();
        let registrations = snapshot.registrations.into_iter();
        state.registrations = registrations
            .map(|row| (live_row::key(&row), Row { row, changed }))
            .collect();
        state.gateways = snapshot
            .gateways
            .into_iter()
            .map(|row| (row.gateway, Row { row, changed }))
            .collect();
        state.upstreams = snapshot
            .upstreams
            .into_iter()
            .map(|row| (row.upstream, Row { row, changed }))
            .collect();
        state.upstreams_gone.clear();
        state.ended.clear();
        state.lapsed.clear();
        state.totals = snapshot.totals;
        state.totals_changed = changed;
    }

    /// Nobody listens to the core any more: the rows are as old as they are, and events need a snapshot first.
    pub fn unfollow(&self) {
        self.lock().core = None;
    }

    /// Whether the rows follow the core.
    pub fn is_following(&self) -> bool {
        self.lock().core.is_some()
    }

    /// New totals.
    pub fn set_totals(&self, totals: Totals) {
        let mut state = self.lock();
        state.totals_changed = state.touch();
        state.totals = totals;
    }

    /// The core's totals, with counts of now from the rows.
    pub fn totals(&self) -> Totals {
        let state = self.lock();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Totals {
            calls: count(state.calls.len()),
            ringing: count(
                state
                    .calls
                    .values()
                    .filter(|r| live_row::is_ringing(&r.row))
                    .count(),
            ),
            connected: count(
                state
                    .calls
                    .values()
                    .filter(|r| live_row::is_connected(&r.row))
                    .count(),
            ),
            registrations: count(state.registrations.len()),
            ..state.totals.clone()
        }
    }

    /// Publishes what changed since the last call; the number of the state.
    pub fn publish(&self) -> u64 {
        let mut state = self.lock();
        if state.dirty {
            state.seq += 1;
            state.dirty = false;
        }
        state.seq
    }

    /// All a subscriber may see, and the number of this state.
    pub fn snapshot(&self, sight: Sight, directory: &Directory) -> LiveSnapshot {
        let state = self.lock();
        let calls = state.calls.values().filter(|r| sees(sight, &r.row.chain));
        let registrations = state
            .registrations
            .values()
            .filter(|r| owns(sight, directory, r.row.account));
        let gateways = state.gateways.values().filter(|_| sight == Sight::All);
        let upstreams = state.upstreams.values().filter(|_| sight == Sight::All);
        let mut snapshot = LiveSnapshot {
            seq: state.seq,
            calls: calls.map(|r| live_row::call(&r.row, sight)).collect(),
            registrations: registrations
                .map(|r| live_row::registration(&r.row))
                .collect(),
            gateways: gateways.map(|r| live_row::gateway(&r.row)).collect(),
            upstreams: upstreams.map(|r| live_row::upstream(&r.row)).collect(),
            counters: Counters::default(),
        };
        snapshot.counters = state.counters(sight, directory);
        snapshot
    }

    /// What a subscriber at state `from` has to learn; None if only a snapshot can tell it. An empty delta means
    /// that nothing it may see has changed.
    pub fn delta(&self, from: u64, sight: Sight, directory: &Directory) -> Option<LiveDelta> {
        let state = self.lock();
        if from < state.oldest {
            return None;
        }
        let new = |changed: u64| changed > from && changed <= state.seq;
        let calls = state
            .calls
            .values()
            .filter(|r| new(r.changed) && sees(sight, &r.row.chain));
        let registrations = state
            .registrations
            .values()
            .filter(|r| new(r.changed) && owns(sight, directory, r.row.account));
        let gateways = state
            .gateways
            .values()
            .filter(|r| new(r.changed) && sight == Sight::All);
        let alerts = state
            .alerts
            .iter()
            .filter(|r| new(r.changed) && hears(sight, directory, &r.row));
        let ended = state
            .ended
            .iter()
            .filter(|e| new(e.at) && sees(sight, &e.chain));
        let lapsed = state
            .lapsed
            .iter()
            .filter(|e| new(e.at) && !state.registrations.contains_key(&e.key));
        let all = sight == Sight::All;
        let upstreams = state.upstreams.values();
        let upstreams = upstreams.filter(|r| new(r.changed) && all);
        let upstreams_gone = state.upstreams_gone.iter().filter(|e| new(e.at) && all);
        let mut delta = LiveDelta {
            from,
            to: state.seq,
            calls: calls.map(|r| live_row::call(&r.row, sight)).collect(),
            calls_gone: ended.map(|e| e.key.clone()).collect(),
            registrations: registrations
                .map(|r| live_row::registration(&r.row))
                .collect(),
            registrations_gone: lapsed
                .filter(|e| sees(sight, &e.chain))
                .map(|e| e.key.clone())
                .collect(),
            gateways: gateways.map(|r| live_row::gateway(&r.row)).collect(),
            upstreams: upstreams.map(|r| live_row::upstream(&r.row)).collect(),
            upstreams_gone: upstreams_gone.map(|e| e.key.0.into()).collect(),
            alerts: alerts.map(|r| live_row::alert(&r.row, directory)).collect(),
            counters: None,
        };
        let moved = (new(state.totals_changed) && sight == Sight::All) || !delta.is_empty();
        delta.counters = moved.then(|| state.counters(sight, directory));
        Some(delta)
    }

    /// Counters as a subscriber may see them.
    pub fn counters(&self, sight: Sight, directory: &Directory) -> Counters {
        self.lock().counters(sight, directory)
    }

    /// Gateways at work.
    pub fn gateways(&self) -> Vec<GatewayState> {
        self.lock()
            .gateways
            .values()
            .map(|r| r.row.clone())
            .collect()
    }

    /// Open calls that fit.
    pub fn count(&self, fits: impl Fn(&LiveCall) -> bool) -> u32 {
        let count = self.lock().calls.values().filter(|r| fits(&r.row)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Whether a call is in a subscriber's sight.
    pub fn sees_call(&self, call: CallId, sight: Sight) -> bool {
        self.lock()
            .calls
            .get(&call)
            .is_some_and(|r| sees(sight, &r.row.chain))
    }

    /// Whose device it is that has phones registered.
    pub fn is_registered(&self, username: &str) -> bool {
        self.lock()
            .registrations
            .keys()
            .any(|key| key.username == username)
    }

    /// Why no call may be sent to a gateway; None while it is up.
    pub fn gateway_down(&self, gateway: GatewayId) -> Option<String> {
        let state = self.lock();
        let health = &state.gateways.get(&gateway)?.row.health;
        health.down_since?;
        let said = health.hosts.iter().find_map(|host| host.answer.clone());
        Some(said.unwrap_or_else(|| "calls found nobody there".to_owned()))
    }

    /// Why no call may be sent through an upstream registration; None while it is registered.
    pub fn upstream_down(&self, upstream: UpstreamId) -> Option<String> {
        let state = self.lock();
        let row = &state.upstreams.get(&upstream)?.row;
        row.registered_until
            .is_none()
            .then(|| "not registered".to_owned())
    }

    /// Upstream registrations.
    pub fn upstreams(&self) -> Vec<UpstreamState> {
        let state = self.lock();
        state.upstreams.values().map(|r| r.row.clone()).collect()
    }

    /// (answered, attempts, answered seconds) of a gateway since start.
    pub fn quality(&self, gateway: GatewayId) -> (u64, u64, u64) {
        let state = self.lock();
        let row = state.gateways.get(&gateway).map(|r| &r.row);
        row.map_or((0, 0, 0), |g| {
            (g.answered, g.attempts, g.answered_ms / 1_000)
        })
    }
}

impl State {
    /// The number that rows changed now get.
    fn touch(&mut self) -> u64 {
        self.dirty = true;
        self.seq + 1
    }

    fn change(&mut self, change: Change) {
        let changed = self.touch();
        match change {
            Change::Call(row) => {
                self.calls.insert(row.call, Row { row: *row, changed });
            }
            Change::CallGone { call, cause } => {
                let chain = self
                    .calls
                    .remove(&call)
                    .map(|r| r.row.chain)
                    .unwrap_or_default();
                let key = CallGone {
                    call: call.0.into(),
                    cause: cause.to_owned(),
                };
                let forgotten = remember(
                    &mut self.ended,
                    Ended {
                        key,
                        chain,
                        at: changed,
                    },
                );
                self.oldest = self.oldest.max(forgotten);
            }
            Change::Registration(row) => {
                self.registrations
                    .insert(live_row::key(&row), Row { row, changed });
            }
            Change::RegistrationGone { username, contact } => {
                let key = RegistrationKey { username, contact };
                let account = self.registrations.remove(&key).map(|r| r.row.account);
                let ended = Ended {
                    key,
                    chain: account.into_iter().collect(),
                    at: changed,
                };
                let forgotten = remember(&mut self.lapsed, ended);
                self.oldest = self.oldest.max(forgotten);
            }
            Change::Gateway(row) => {
                let row = *row;
                self.gateways.insert(row.gateway, Row { row, changed });
            }
            Change::Upstream(row) => {
                let row = *row;
                self.upstreams.insert(row.upstream, Row { row, changed });
            }
            Change::UpstreamGone { upstream } => {
                self.upstreams.remove(&upstream);
                let ended = Ended {
                    key: upstream,
                    chain: Vec::new(),
                    at: changed,
                };
                let forgotten = remember(&mut self.upstreams_gone, ended);
                self.oldest = self.oldest.max(forgotten);
            }
            Change::Alert(row) => {
                self.alerts.push_back(Row { row, changed });
                if self.alerts.len() > ALERTS {
                    self.alerts.pop_front();
                }
            }
        }
    }

    /// Of now from the rows, of the past from the totals; a reseller's only from the rows it sees.
    fn counters(&self, sight: Sight, directory: &Directory) -> Counters {
        let past = match sight {
            Sight::All => live_row::totals(&self.totals),
            Sight::Branch(_) => Counters::default(),
        };
        let calls = || self.calls.values().filter(|r| sees(sight, &r.row.chain));
        let registrations = self
            .registrations
            .values()
            .filter(|r| owns(sight, directory, r.row.account));
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Counters {
            calls: count(calls().count()),
            ringing: count(calls().filter(|r| live_row::is_ringing(&r.row)).count()),
            connected: count(calls().filter(|r| live_row::is_connected(&r.row)).count()),
            registrations: count(registrations.count()),
            ..past
        }
    }
}

/// Keeps an ending; the number of the state before which endings are no longer all known.
fn remember<K>(memory: &mut VecDeque<Ended<K>>, ended: Ended<K>) -> u64 {
    memory.push_back(ended);
    let forgotten = if memory.len() > ENDINGS {
        memory.pop_front()
    } else {
        None
    };
    forgotten.map_or(0, |ended| ended.at)
}

fn sees(sight: Sight, chain: &[AccountId]) -> bool {
    match sight {
        Sight::All => true,
        Sight::Branch(root) => chain.contains(&root),
    }
}

/// Faults of the switch are the operator's.
fn hears(sight: Sight, directory: &Directory, alert: &Alert) -> bool {
    match alert.kind {
        AlertKind::LowBalance => alert
            .account
            .is_some_and(|account| owns(sight, directory, account)),
        AlertKind::LedgerFault
        | AlertKind::GatewayDown
        | AlertKind::GatewayUp
        | AlertKind::SourceBlocked
        | AlertKind::UpstreamDown
        | AlertKind::UpstreamUp
        | AlertKind::SoundUnplayed => sight == Sight::All,
    }
}

fn owns(sight: Sight, directory: &Directory, account: AccountId) -> bool {
    match sight {
        Sight::All => true,
        Sight::Branch(root) => {
            let chain = directory.chain(account);
            chain.is_some_and(|chain| chain.iter().any(|above| above.id == root))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Board, ENDINGS, Sight, Taken};
    use tandem_billing::{AccountId, CallId, GatewayId, Micros, UpstreamId, UtcMs};
    use tandem_call::{
        Directory,
        directory::spec::DirectorySpec,
        monitor::{
            CallState, Change, FeedEvent, GatewayHealth, GatewayState, LiveCall, Snapshot,
            UpstreamState,
        },
    };

    fn directory() -> Directory {
        DirectorySpec::default()
            .build(1)
            .expect("nothing is at fault")
    }

    fn call(id: i64, chain: &[i64]) -> Change {
        Change::Call(Box::new(LiveCall {
            call: CallId(id),
            state: CallState::Ringing,
            caller: String::new(),
            dialled: String::new(),
            account: None,
            account_name: String::new(),
            chain: chain.iter().map(|id| AccountId(*id)).collect(),
            did: None,
            route: None,
            gateway: None,
            target_name: String::new(),
            destination: String::new(),
            codec: None,
            codec_b: None,
            started_at: UtcMs(0),
            answered_at: None,
            currency: None,
            price_per_minute: Micros(0),
            charge: Micros(0),
            charged_until_s: 0,
            cost: Micros(0),
            margin: None,
            paid_until_s: 0,
            recorded: false,
            media_a: Default::default(),
            media_b: Default::default(),
        }))
    }

    fn gone(id: i64) -> Change {
        Change::CallGone {
            call: CallId(id),
            cause: "failed.busy",
        }
    }

    /// A board that follows from event 0 on, published once.
    fn board() -> Board {
        let board = Board::default();
        board.replace(Snapshot::default());
        board.publish();
        board
    }

    #[test]
    fn events_are_taken_in_order_or_the_board_is_lost() {
        let board = Board::default();
        assert_eq!(
            board.apply(FeedEvent {
                seq: 1,
                change: gone(1)
            }),
            Taken::Gap,
            "no snapshot yet"
        );
        board.replace(Snapshot {
            seq: 5,
            ..Snapshot::default()
        });
        assert_eq!(
            board.apply(FeedEvent {
                seq: 5,
                change: gone(1)
            }),
            Taken::Old
        );
        assert_eq!(
            board.apply(FeedEvent {
                seq: 6,
                change: gone(1)
            }),
            Taken::Applied
        );
        assert_eq!(
            board.apply(FeedEvent {
                seq: 8,
                change: gone(1)
            }),
            Taken::Gap
        );
        assert!(!board.is_following());
    }

    #[test]
    fn a_slow_subscriber_gets_one_larger_delta_and_a_lost_one_a_snapshot() {
        let (board, directory) = (board(), directory());
        let slow = board.publish();
        let mut seq = 0;
        let mut take = |change| {
            seq += 1;
            assert_eq!(board.apply(FeedEvent { seq, change }), Taken::Applied);
            board.publish()
        };
        take(call(1, &[1]));
        take(call(2, &[2]));
        let last = take(gone(1));
        let delta = board
            .delta(slow, Sight::All, &directory)
            .expect("all is remembered");
        assert_eq!((delta.from, delta.to), (slow, last));
        assert_eq!((delta.calls.len(), delta.calls_gone.len()), (1, 1));
        let branch = board
            .delta(slow, Sight::Branch(AccountId(1)), &directory)
            .expect("all is remembered");
        assert_eq!(
            (branch.calls.len(), branch.calls_gone.len()),
            (0, 1),
            "its own ending alone"
        );
        let nothing = board
            .delta(last, Sight::All, &directory)
            .expect("nothing is missing");
        assert!(nothing.is_empty());

        for id in 0..i64::try_from(ENDINGS).expect("small") {
            take(gone(100 + id));
        }
        assert_eq!(
            board.delta(slow, Sight::All, &directory),
            None,
            "an ending was forgotten"
        );
        assert!(board.delta(last, Sight::All, &directory).is_some());
    }

    #[test]
    fn gateways_and_upstreams_are_the_operators_and_say_why_they_are_down() {
        let (board, directory) = (board(), directory());
        let at = board.publish();
        let upstream = |registered_until| {
            Change::Upstream(Box::new(UpstreamState {
                upstream: UpstreamId(1),
                name: "line".into(),
                enabled: true,
                registered_until,
                host: None,
                answered_at: None,
                answer: Some("403".into()),
                next_at: None,
                failures: 1,
            }))
        };
        let gateway = Change::Gateway(Box::new(GatewayState {
            gateway: GatewayId(1),
            name: "carrier".into(),
            calls: 0,
            attempts: 0,
            answered: 0,
            failed: 0,
            answered_ms: 0,
            pdd_ms_sum: 0,
            health: GatewayHealth {
                down_since: Some(UtcMs(7)),
                ..GatewayHealth::default()
            },
        }));
        for (seq, change) in [(1, upstream(None)), (2, gateway)] {
            board.apply(FeedEvent { seq, change });
        }
        board.publish();
        let told = |sight| {
            let delta = board
                .delta(at, sight, &directory)
                .expect("all is remembered");
            (delta.upstreams.len(), delta.gateways.len())
        };
        assert_eq!(told(Sight::All), (1, 1));
        assert_eq!(told(Sight::Branch(AccountId(1))), (0, 0));
        assert!(board.upstream_down(UpstreamId(1)).is_some());
        assert!(board.gateway_down(GatewayId(1)).is_some());
        board.apply(FeedEvent {
            seq: 3,
            change: upstream(Some(UtcMs(9))),
        });
        assert_eq!(board.upstream_down(UpstreamId(1)), None);
        board.apply(FeedEvent {
            seq: 4,
            change: Change::UpstreamGone {
                upstream: UpstreamId(1),
            },
        });
        board.publish();
        let delta = board.delta(at, Sight::All, &directory);
        let delta = delta.expect("all is remembered");
        assert_eq!((delta.upstreams.len(), delta.upstreams_gone.len()), (0, 1));
        assert!(board.snapshot(Sight::All, &directory).upstreams.is_empty());
    }

    #[test]
    fn what_is_not_published_is_not_told() {
        let (board, directory) = (board(), directory());
        let at = board.publish();
        board.apply(FeedEvent {
            seq: 1,
            change: call(1, &[1]),
        });
        assert!(
            board
                .delta(at, Sight::All, &directory)
                .is_some_and(|delta| delta.is_empty())
        );
        let next = board.publish();
        assert_eq!(next, at + 1);
        assert!(
            board
                .delta(at, Sight::All, &directory)
                .is_some_and(|delta| delta.calls.len() == 1)
        );
    }
}
