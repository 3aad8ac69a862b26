//! A switch's office for tests: store in a temporary folder, server on port 0, a played call core.

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    future::Future,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
};
use tandem_billing::{
    AccountId, Micros, UtcMs,
    cdr::Cdr,
    ledger::{Entry, Ledger, Level, Posted},
};
use tandem_call::{
    io::{Command, Reply},
    journal::{Batch, Record},
    monitor::{
        Change, FeedEvent, GatewayState, LiveCall, LiveRegistration, Snapshot, UpstreamState,
    },
};
use tandem_protocol::{ErrorCode, RpcError, live::FeedEvent as WireEvent, login::Session};
use tandem_store::{Event, Store, StoreOptions, Writer};
use tandem_switch::{
    rpc::{
        Api, Clock, InForce, Parts,
        client::RpcClient,
        core::CoreHandle,
        feed::{self, FeedSink},
    },
    web::{Server, WebConfig},
};
use tokio::sync::{mpsc, oneshot};

pub const PASSWORD: &str = "correct horse";
/// When tests begin: 2026-01-01T00:00:00Z.
pub const BEGIN_MS: i64 = 1_767_225_600_000;

type ReplyTo = Box<dyn FnOnce(Reply) + Send>;

/// The played core: a real ledger and journal, rows as tests put them.
#[derive(Default)]
pub struct Core {
    state: Mutex<State>,
    writer: OnceLock<Writer>,
}

#[derive(Default)]
struct State {
    ledger: Ledger,
    next_seq: u64,
    undurable: BTreeMap<u64, Box<dyn FnOnce() + Send>>,
    snapshot: Snapshot,
    pub hung_up: Vec<i64>,
    watched: bool,
    /// Gateways and upstream registrations asked of late: not again so soon.
    asked: Vec<(&'static str, i64)>,
    silent: bool,
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic holds it")
    }

    fn durable(&self, seq: u64) {
        let mut state = self.lock();
        let later = state.undurable.split_off(&(seq + 1));
        let durable = std::mem::replace(&mut state.undurable, later);
        drop(state);
        for then in durable.into_values() {
            then();
        }
    }

    /// Journals records and calls back when they are on disk.
    fn journal(&self, records: Vec<Record>, then: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        let seq = state.next_seq;
        state.next_seq += 1;
        state.undurable.insert(seq, Box::new(then));
        drop(state);
        let writer = self.writer.get().expect("the store is open");
        assert!(
            writer.submit(Batch { seq, records }).is_ok(),
            "room in the queue"
        );
    }

    /// A call that was answered and has ended, with all its charges booked; returns when it is on disk.
    pub async fn end_call(&self, cdr: Cdr) {
        let levels: Vec<_> = cdr.charges.iter().map(|c| (c.account, c.charge)).collect();
        let entries = {
            let mut state = self.lock();
            let hold = |(account, amount): &(AccountId, Micros)| Level {
                account: *account,
                amount: *amount,
                credit_limit: Micros::ZERO,
            };
            let holds: Vec<Level> = levels.iter().map(hold).collect();
            state
                .ledger
                .reserve(cdr.call, &holds)
                .expect("they can pay");
            state
                .ledger
                .settle(cdr.call, cdr.ended_at, &levels)
                .expect("held before")
        };
        let (done, durable) = oneshot::channel();
        let cdr = Box::new(cdr);
        self.journal(vec![Record::Ended { cdr, entries }], move || {
            done.send(()).expect("awaited below")
        });
        durable.await.expect("the store commits");
    }

    /// Books an entry that the ledger has long forgotten the key of; returns when it is on disk.
    pub async fn book_long_ago(&self, entry: Entry) {
        let (done, durable) = oneshot::channel();
        self.journal(vec![Record::Posted(entry)], move || {
            done.send(()).expect("awaited below")
        });
        durable.await.expect("the store commits");
    }

    /// Calls hung up so far.
    pub fn hung_up(&self) -> Vec<i64> {
        self.lock().hung_up.clone()
    }

    pub fn is_watched(&self) -> bool {
        self.lock().watched
    }

    /// Puts a call on the core's books without telling anyone.
    pub fn put_call(&self, call: LiveCall) {
        self.lock().snapshot.calls.push(call);
    }

    pub fn put_registration(&self, registration: LiveRegistration) {
        self.lock().snapshot.registrations.push(registration);
    }

    pub fn put_gateway(&self, gateway: GatewayState) {
        self.lock().snapshot.gateways.push(gateway);
    }

    pub fn put_upstream(&self, upstream: UpstreamState) {
        self.lock().snapshot.upstreams.push(upstream);
    }

    /// From now on it takes commands and never answers, as one that has ended.
    pub fn fall_silent(&self) {
        self.lock().silent = true;
    }

    /// The number of the next event.
    pub fn next_event(&self) -> u64 {
        let mut state = self.lock();
        state.snapshot.seq += 1;
        state.snapshot.seq
    }
}

impl State {
    fn ask_once(&mut self, known: bool, what: (&'static str, i64)) -> Reply {
        if !known {
            return Reply::NotFound;
        }
        if self.asked.contains(&what) {
            return Reply::Refused("too often");
        }
        self.asked.push(what);
        Reply::Done
    }
}

impl CoreHandle for Core {
    fn ask(&self, command: Command, reply: ReplyTo) {
        let mut state = self.lock();
        if state.silent {
            return;
        }
        let answer = match command {
            Command::Balances(accounts) => {
                let row = |id: AccountId| (id, state.ledger.balance(id), state.ledger.held(id));
                Reply::Balances(accounts.into_iter().map(row).collect())
            }
            Command::Post(movement) => match state.ledger.post(movement) {
                Ok(Posted::Booked(entry)) => {
                    drop(state);
                    let posted = entry.clone();
                    self.journal(vec![Record::Posted(entry)], move || {
                        reply(Reply::Posted(Ok(posted)))
                    });
                    return;
                }
                Ok(Posted::Repeated) => Reply::Repeated,
                Err(error) => Reply::Posted(Err(error)),
            },
            Command::Refund { request, levels } => {
                match state.ledger.refund(&request, &levels, |_| false) {
                    Ok(entries) if entries.is_empty() => Reply::Repeated,
                    Ok(entries) => {
                        drop(state);
                        let records = entries.iter().cloned().map(Record::Posted).collect();
                        self.journal(records, move || reply(Reply::Refunded(Ok(entries))));
                        return;
                    }
                    Err(error) => Reply::Refunded(Err(error)),
                }
            }
            Command::Snapshot => {
                state.watched = true;
                Reply::Snapshot(Box::new(state.snapshot.clone()))
            }
            Command::Unwatch => {
                state.watched = false;
                Reply::Done
            }
            Command::Record { call } | Command::StopRecording { call } => {
                if state.snapshot.calls.iter().any(|row| row.call == call) {
                    Reply::Done
                } else {
                    Reply::NotFound
                }
            }
            Command::HangUp { call } => {
                let is_open = state.snapshot.calls.iter().any(|row| row.call == call);
                state.hung_up.push(call.0);
                if is_open {
                    Reply::Done
                } else {
                    Reply::NotFound
                }
            }
            Command::ProbeGateway { gateway } => {
                let mut rows = state.snapshot.gateways.iter();
                let known = rows.any(|row| row.gateway == gateway);
                state.ask_once(known, ("gateway", gateway.0))
            }
            Command::RegisterUpstream { upstream } => {
                let mut rows = state.snapshot.upstreams.iter();
                let known = rows.any(|row| row.upstream == upstream);
                state.ask_once(known, ("upstream", upstream.0))
            }
            Command::Unregister { username } => {
                let before = state.snapshot.registrations.len();
                state
                    .snapshot
                    .registrations
                    .retain(|row| row.username != username);
                if state.snapshot.registrations.len() < before {
                    Reply::Done
                } else {
                    Reply::NotFound
                }
            }
            Command::Drain { .. } => Reply::Drained,
            Command::SetLimits { .. } => Reply::Done,
        };
        drop(state);
        reply(answer);
    }
}

pub struct Office {
    pub server: Server,
    pub core: Arc<Core>,
    pub sink: FeedSink,
    time: Arc<AtomicI64>,
    _store: Store,
    pub folder: tempfile::TempDir,
}

/// Runs a test in an office of its own.
pub fn open<F: Future<Output = ()>>(test: impl FnOnce(Arc<Office>) -> F) {
    let office = Arc::new(Office::new());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(test(Arc::clone(&office)));
    drop(runtime);
    assert!(
        Arc::into_inner(office).is_some(),
        "the test gave its office back"
    );
}

impl Office {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let time = Arc::new(AtomicI64::new(BEGIN_MS));
        let clock = {
            let time = Arc::clone(&time);
            Clock::new(move || UtcMs(time.load(Ordering::Relaxed)))
        };
        let core = Arc::new(Core::default());
        let in_force: Arc<OnceLock<InForce>> = Arc::default();
        let database = folder.path().join("tandem.sqlite");
        let mut store = Store::open(&database, options(&core, &in_force, &clock)).expect("a store");
        let loaded = store.take_loaded().expect("the first time");
        let directory = in_force
            .get_or_init(|| InForce::new(loaded.directory))
            .clone();
        core.lock().next_seq = loaded.next_seq;
        assert!(core.writer.set(store.writer()).is_ok(), "set once");
        let admin =
            tandem_store::login::set_password(&store.writer(), "admin", PASSWORD, clock.now());
        admin.expect("the first admin");
        let api = Api::new(Parts {
            reader: store.reader(),
            writer: store.writer(),
            database,
            recordings: folder.path().join("recordings"),
            sounds: folder.path().join("sounds"),
            core: Arc::clone(&core) as Arc<dyn CoreHandle>,
            tracer: Arc::default(),
            directory,
            clock,
            idle_limit_s: 600,
        });
        let (sink, source) = feed::channel();
        let config = WebConfig::at((Ipv4Addr::LOCALHOST, 0).into());
        let server = Server::start(&config, folder.path(), api, source).expect("a server");
        Self {
            server,
            core,
            sink,
            time,
            _store: store,
            folder,
        }
    }

    /// Lets time pass.
    pub fn pass_ms(&self, ms: i64) {
        self.time.fetch_add(ms, Ordering::Relaxed);
    }

    /// A connection that nobody is logged in on.
    pub async fn connect(&self) -> Desk {
        let (client, live) = RpcClient::connect(self.server.address(), &self.server.fingerprint())
            .await
            .expect("a connection");
        Desk { client, live }
    }

    pub async fn log_in(&self, login: &str) -> Desk {
        let desk = self.connect().await;
        desk.client.login(login, PASSWORD).await.expect("logged in");
        desk
    }

    pub async fn admin(&self) -> Desk {
        self.log_in("admin").await
    }

    /// Tells the server of a change, as the core does.
    pub fn tell(&self, change: Change) {
        let seq = self.core.next_event();
        self.sink.push(FeedEvent { seq, change });
    }
}

fn options(core: &Arc<Core>, in_force: &Arc<OnceLock<InForce>>, clock: &Clock) -> StoreOptions {
    let (core, in_force, clock) = (Arc::clone(core), Arc::clone(in_force), clock.clone());
    StoreOptions {
        on_event: Arc::new(move |event| match event {
            Event::Durable { seq } => core.durable(seq),
            Event::Directory(directory) => {
                if let Some(in_force) = in_force.get() {
                    in_force.set(directory);
                }
            }
            other => panic!("unexpected event of the store: {other:?}"),
        }),
        clock: Arc::new(move || clock.now()),
        resolve: Arc::new(|_| Vec::new()),
        ..StoreOptions::default()
    }
}

/// One connection.
pub struct Desk {
    pub client: RpcClient,
    pub live: mpsc::Receiver<WireEvent>,
}

impl Desk {
    pub async fn try_call(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        self.client.call_named(method, params).await
    }

    pub async fn call(&self, method: &str, params: Value) -> Value {
        self.try_call(method, params)
            .await
            .unwrap_or_else(|error| panic!("{method}: {error:?}"))
    }

    /// The code a call is refused with.
    pub async fn refused(&self, method: &str, params: Value) -> ErrorCode {
        match self.try_call(method, params).await {
            Ok(result) => panic!("{method} was answered: {result}"),
            Err(error) => error.code(),
        }
    }

    pub async fn log_in(&self, login: &str, password: &str) -> Result<Session, RpcError> {
        self.client.login(login, password).await
    }

    /// Makes an object; its id.
    pub async fn create(&self, method: &str, edit: Value) -> i64 {
        let made = self.call(method, json!({ "edit": edit })).await;
        made["id"].as_i64().expect("an id")
    }

    /// Values of one path over all rows of a list.
    pub async fn column(&self, method: &str, path: &str) -> Vec<Value> {
        let page = self.call(method, json!({ "limit": 1000 })).await;
        let rows = page["rows"].as_array().expect("rows").clone();
        rows.iter()
            .map(|row| row.pointer(path).cloned().unwrap_or_default())
            .collect()
    }

    /// The next event of the live feed.
    pub async fn event(&mut self) -> WireEvent {
        self.live.recv().await.expect("the feed goes on")
    }
}
