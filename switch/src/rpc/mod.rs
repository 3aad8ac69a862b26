//! The RPC server: what operators, resellers and scripts may ask and change.
//!
//! [`guard`] lets a call through or refuses it, in one place and by the protocol's table; [`register`] names the
//! function behind every method; [`lists`] and [`columns`] carry reads and edits to the store; [`core`] carries
//! commands to the call core; [`feed`] and [`live`] keep the monitor's board and its subscribers in step. Sockets and
//! TLS are the business of [`crate::web`]. Must not know SIP messages or SQL.

mod accounts;
mod cdrs;
pub mod client;
mod columns;
pub mod core;
mod dids;
mod fault;
pub mod feed;
pub mod guard;
mod history;
mod lists;
pub mod live;
mod live_row;
mod login;
mod money;
mod page;
pub(crate) mod recordings;
mod refunds;
mod register;
pub mod session;
mod simulate;
mod sounds;
mod subscribe;
mod system;
mod traces;

pub use register::module;
pub use session::Caller;

use self::{
    core::{Core, CoreHandle},
    feed::Feed,
    live::Board,
    session::Sessions,
};
use crate::trace::Tracer;
use serde_json::Value;
use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};
use tandem_billing::{AccountId, UtcMs};
use tandem_call::Directory;
use tandem_protocol::{RpcError, openrpc};
use tandem_store::{Reader, Scope, Writer};
use tokio::sync::{Mutex, Semaphore};

/// Version of the switch.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Blocking pieces of work at once: queries, edits, password checks.
const BLOCKING_AT_ONCE: usize = 8;

/// The wall clock, so that tests can have their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UtcMs + Send + Sync>);

impl Clock {
    /// A clock that reads so.
    pub fn new(read: impl Fn() -> UtcMs + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }
    /// Now.
    #[must_use]
    pub fn now(&self) -> UtcMs {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// The directory in force. Cheap to clone; the store's events set it.
#[derive(Clone, Debug)]
pub struct InForce(Arc<RwLock<Arc<Directory>>>);

impl InForce {
    /// In force from now on.
    #[must_use]
    pub fn new(directory: Arc<Directory>) -> Self {
        Self(Arc::new(RwLock::new(directory)))
    }
    /// Replaces it.
    pub fn set(&self, directory: Arc<Directory>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = directory;
    }
    /// The one in force.
    #[must_use]
    pub fn get(&self) -> Arc<Directory> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the RPC server works on.
pub struct Parts {
    /// Reads.
    pub reader: Reader,
    /// Edits.
    pub writer: Writer,
    /// The database file, for verification and backups.
    pub database: PathBuf,
    /// The folder of recordings.
    pub recordings: PathBuf,
    /// The folder of sound files.
    pub sounds: PathBuf,
    /// Commands.
    pub core: Arc<dyn CoreHandle>,
    /// SIP traces.
    pub tracer: Arc<Tracer>,
    /// The directory in force.
    pub directory: InForce,
    /// The wall clock.
    pub clock: Clock,
    /// Seconds without a call after which a session ends.
    pub idle_limit_s: u32,
}

/// What every handler works on.
#[derive(Debug)]
pub struct Api {
    reader: Reader,
    writer: Writer,
    database: PathBuf,
    recordings: PathBuf,
    sounds: PathBuf,
    core: Core,
    tracer: Arc<Tracer>,
    in_force: InForce,
    clock: Clock,
    started_at: UtcMs,
    /// The live feed; [`Feed::run`] must be running.
    pub feed: Arc<Feed>,
    board: Arc<Board>,
    /// All connections.
    pub sessions: Sessions,
    lockout: login::Lockout,
    checks: Semaphore,
    checks_waiting: Semaphore,
    heavy: Semaphore,
    blocking: Semaphore,
    /// One refund at a time, from its levels read to its entries on disk.
    refunding: Mutex<()>,
    document: Value,
}

impl Api {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let core = Core::new(parts.core);
        let feed = Feed::new(core.clone(), parts.clock.clone());
        Arc::new(Self {
            board: Arc::clone(&feed.board),
            feed,
            sessions: Sessions::new(parts.idle_limit_s, parts.clock.clone()),
            lockout: login::Lockout::default(),
            checks: Semaphore::new(login::CHECKS_AT_ONCE),
            checks_waiting: Semaphore::new(login::CHECKS_WAITING),
            heavy: Semaphore::new(1),
            blocking: Semaphore::new(BLOCKING_AT_ONCE),
            refunding: Mutex::new(()),
            document: openrpc::document(VERSION),
            started_at: parts.clock.now(),
            reader: parts.reader,
            writer: parts.writer,
            database: parts.database,
            recordings: parts.recordings,
            sounds: parts.sounds,
            core,
            tracer: parts.tracer,
            in_force: parts.directory,
            clock: parts.clock,
        })
    }

    /// The directory in force.
    pub fn directory(&self) -> Arc<Directory> {
        self.in_force.get()
    }

    /// Whether an account is the caller's to see.
    fn in_scope(&self, account: AccountId, caller: &Caller) -> bool {
        let directory = self.directory();
        match caller.scope() {
            Scope::All => directory.accounts.contains_key(&account),
            Scope::Branch(root) => {
                let chain = directory.chain(account);
                chain.is_some_and(|chain| chain.iter().any(|level| level.id == root))
            }
        }
    }

    /// Runs work that blocks on a thread for that, a few at a time.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RpcError> {
        let _permit = self
            .blocking
            .acquire()
            .await
            .map_err(|e| fault::internal("queue", e))?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| fault::internal("work", e))
    }
}

impl Api {
    /// Whether the call core answers.
    pub async fn is_alive(&self) -> bool {
        self.core
            .ask(tandem_call::io::Command::Balances(Vec::new()))
            .await
            .is_ok()
    }

    /// Totals and gateways of now.
    ///
    /// # Errors
    /// The core does not answer.
    pub async fn figures(
        &self,
    ) -> Result<
        (
            tandem_call::monitor::Totals,
            Vec<tandem_call::monitor::GatewayState>,
            Vec<tandem_call::monitor::UpstreamState>,
        ),
        core::CoreError,
    > {
        self.feed.renew_unless_fresh().await?;
        let board = &self.board;
        Ok((board.totals(), board.gateways(), board.upstreams()))
    }
}
