//! Opening a store: lock, migrate, check, recover, load, start the threads.

use crate::{
    Committer, Event, Reader, RecoveryReport, StoreError, Writer, connection,
    directory::{Catalogue, Found, Publisher, Resolve, Wanted},
    edit::zone_of,
    migrate, recovery, verify, writer,
};
use rusqlite::Connection;
use std::{
    fs::{File, TryLockError},
    io::ErrorKind,
    net::ToSocketAddrs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tandem_billing::{AccountId, CallId, Micros, UtcMs, ledger::Ledger};
use tandem_call::{Directory, journal::Registration};
use tandem_sip::Transport;

/// What the store needs of its surroundings.
#[derive(Clone)]
pub struct StoreOptions {
    /// Told of everything the writer does; called on the store's threads, so it must not block.
    pub on_event: Arc<dyn Fn(Event) + Send + Sync>,
    /// Now. Only for heartbeats and expiry; records bring their own instants.
    pub clock: Arc<dyn Fn() -> UtcMs + Send + Sync>,
    /// Addresses of a gateway's host name, as far as they are known: it must not block.
    pub resolve: Resolve,
    /// Submissions to the journal and edits that may wait; beyond it `submit` refuses.
    pub queue: usize,
    /// While calls are open, the last durable instant is written at least this often.
    pub heartbeat: Duration,
    /// Queries at once.
    pub readers: usize,
    /// Longest query.
    pub query_timeout: Duration,
    /// How long the file is waited for: a switch that is just ending, or a process forked off it that has not become
    /// another program yet, holds it a moment longer.
    pub lock_patience: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            on_event: Arc::new(|_| {}),
            clock: Arc::new(system_clock),
            resolve: Arc::new(system_resolver),
            queue: 65_536,
            heartbeat: Duration::from_secs(1),
            readers: 4,
            query_timeout: Duration::from_secs(30),
            lock_patience: Duration::from_secs(1),
        }
    }
}

impl std::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

fn system_clock() -> UtcMs {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UtcMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// For tools that run without a resolver of their own; unlike theirs it waits for the system's.
fn system_resolver(wanted: &Wanted) -> Vec<Found> {
    let port = match wanted.port {
        0 if matches!(wanted.transport, Transport::Tls | Transport::Wss) => 5061,
        0 => 5060,
        port => port,
    };
    let found = (wanted.host.as_str(), port).to_socket_addrs();
    let found = found.map(|addresses| {
        addresses.map(|address| Found {
            address,
            priority: 0,
            weight: None,
        })
    });
    found.map(Iterator::collect).unwrap_or_default()
}

/// What the call core starts from.
#[derive(Debug)]
pub struct Loaded {
    /// Everything configured.
    pub directory: Arc<Directory>,
    /// All balances, and the keys of movements that may come again.
    pub ledger: Ledger,
    /// What calls were charged in the present day of each account: account, instant of the last, sum.
    pub charged_today: Vec<(AccountId, UtcMs, Micros)>,
    /// Phones that were registered and have not expired.
    pub registrations: Vec<Registration>,
    /// Above every call id ever used.
    pub next_call: CallId,
    /// Above every journal number ever committed.
    pub next_seq: u64,
    /// The last instant at which anything was written; None in a new store.
    pub written_at: Option<UtcMs>,
}

/// An open store. Dropping it commits what was submitted and ends its threads.
#[derive(Debug)]
pub struct Store {
    writer: Writer,
    reader: Reader,
    recovery: RecoveryReport,
    loaded: Option<Loaded>,
    threads: Option<writer::Threads>,
    /// Held until the threads have ended, so that no other process writes meanwhile.
    _lock: File,
}

impl Store {
    /// Opens the file, creating or migrating it. A crash before is recovered from; see [`Self::recovery`].
    ///
    /// # Errors
    /// When the file is not ours, too new, in use, cannot be written, or its balances are not right.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let lock = lock(path, options.lock_patience)?;
        let mut committer = Committer::open(path)?;
        committer.take_up_noted()?;
        let connection = committer.connection();
        let unbalanced = verify::unbalanced(connection)?;
        if unbalanced > 0 {
            return Err(StoreError::Unbalanced(unbalanced));
        }
        let recovery = recovery::recover(connection, (options.clock)())?;
        let reader = Reader::new(path, options.readers, options.query_timeout);
        let mut catalogue = Catalogue::new(Arc::clone(&options.resolve));
        let directory = catalogue.load(connection)?;
        let loaded = load(connection, directory, (options.clock)())?;
        let publisher = Publisher::new(catalogue, connection::read_only(path)?);
        let (writer, threads) = writer::start(committer, publisher, reader.clone(), &options)?;
        Ok(Self {
            writer,
            reader,
            recovery,
            loaded: Some(loaded),
            threads: Some(threads),
            _lock: lock,
        })
    }

    /// Writes; cheap to clone.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }
    /// Reads; cheap to clone.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }
    /// What a crash had left, and what was done about it.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }
    /// Whether its threads run: without them nothing is written any more.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.threads
            .as_ref()
            .is_some_and(writer::Threads::are_alive)
    }
    /// What the call core starts from; None the second time.
    pub fn take_loaded(&mut self) -> Option<Loaded> {
        self.loaded.take()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.writer.stop();
        if let Some(threads) = self.threads.take() {
            threads.join();
        }
    }
}

/// The file as it is after all migrations, with the rows every store has.
pub(crate) fn open_migrated(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = connection::read_write(path)?;
    migrate::run(&mut connection, path, migrate::MIGRATIONS)?;
    Ok(connection)
}

/// How often a file in use is asked for again.
const LOCK_RETRY: Duration = Duration::from_millis(20);

fn lock(path: &Path, patience: Duration) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = |source| StoreError::File {
        doing: "open lock file",
        path: name.clone(),
        source,
    };
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(file)?;
    let patient_until = Instant::now() + patience;
    loop {
        match lock.try_lock() {
            Ok(()) => return make_private(path).map(|()| lock),
            Err(TryLockError::WouldBlock) if Instant::now() < patient_until => {
                std::thread::sleep(LOCK_RETRY);
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(file(source)),
        }
    }
}

/// A new file is for its owner alone: it holds what passwords are checked with. Its log takes its rights over.
fn make_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(StoreError::File {
            doing: "make the database",
            path: path.to_owned(),
            source,
        }),
    }
}

fn load(
    connection: &Connection,
    directory: Arc<Directory>,
    now: UtcMs,
) -> Result<Loaded, StoreError> {
    Ok(Loaded {
        directory,
        ledger: load_ledger(connection)?,
        charged_today: load_charged_today(connection, now)?,
        registrations: load_registrations(connection, now)?,
        next_call: CallId(connection.query_row(
            "SELECT max(coalesce((SELECT max(call_id) FROM cdr), 0), coalesce((SELECT max(call_id) FROM open_call), 0)) + 1",
            [],
            |row| row.get(0),
        )?),
        next_seq: connection.query_row("SELECT coalesce(max(last_seq), 0) + 1 FROM heartbeat", [], |row| row.get(0))?,
        written_at: connection
            .query_row("SELECT max(at) FROM heartbeat", [], |row| row.get::<_, Option<i64>>(0))?
            .map(UtcMs),
    })
}

/// Keys handed to the ledger: as many as it keeps.
const KEYS: usize = 100_000;

/// Balances, and the latest keys of everything but call charges (those are unique by their call), oldest first.
pub(crate) fn load_ledger(connection: &Connection) -> Result<Ledger, StoreError> {
    let mut statement = connection.prepare("SELECT account_id, amount FROM balance")?;
    let balances: Vec<(AccountId, Micros)> = statement
        .query_map([], |row| Ok((AccountId(row.get(0)?), Micros(row.get(1)?))))?
        .collect::<Result<_, _>>()?;
    let mut statement =
        connection.prepare(
        "SELECT key FROM (SELECT id, key FROM ledger_entry WHERE kind <> 'call_charge' ORDER BY at DESC LIMIT ?1) \
         ORDER BY id",
    )?;
    let keys: Vec<String> = statement
        .query_map([KEYS], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(Ledger::load(balances, keys))
}

/// Time zone by time zone, since midnight there.
fn load_charged_today(
    connection: &Connection,
    now: UtcMs,
) -> Result<Vec<(AccountId, UtcMs, Micros)>, StoreError> {
    let mut statement = connection.prepare("SELECT DISTINCT time_zone FROM account")?;
    let zones: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut statement = connection.prepare(
        "SELECT e.account_id, max(e.at), -sum(e.amount) FROM account a CROSS JOIN ledger_entry e ON e.account_id = a.id \
         WHERE a.time_zone = ?1 AND e.at >= ?2 AND e.kind = 'call_charge' GROUP BY e.account_id",
    )?;
    let mut charged = Vec::new();
    for zone in zones {
        let bad = |reason| StoreError::corrupt(format!("time zone {zone}"), reason);
        let midnight = midnight(&zone, now).map_err(bad)?;
        let rows = statement.query_map((&zone, midnight.0), |row| {
            Ok((
                AccountId(row.get(0)?),
                UtcMs(row.get(1)?),
                Micros(row.get(2)?),
            ))
        })?;
        for row in rows {
            charged.push(row?);
        }
    }
    Ok(charged)
}

/// When the present day began there.
fn midnight(zone: &str, now: UtcMs) -> Result<UtcMs, String> {
    let zone = zone_of(zone)?;
    let now = jiff::Timestamp::from_millisecond(now.0).map_err(|error| error.to_string())?;
    let begin = now
        .to_zoned(zone)
        .start_of_day()
        .map_err(|error| error.to_string())?;
    Ok(UtcMs(begin.timestamp().as_millisecond()))
}

fn load_registrations(
    connection: &Connection,
    now: UtcMs,
) -> Result<Vec<Registration>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT r.username, r.contact, r.transport, r.listener, r.remote, r.path, r.call_id, r.cseq, \
         r.expires_at, r.user_agent, r.q_thousandths, r.instance FROM registration r JOIN device d USING (username) \
         WHERE r.expires_at > ?1 AND d.disabled = 0 ORDER BY r.username, r.contact",
    )?;
    let mut rows = statement.query([now.0])?;
    let mut registrations = Vec::new();
    while let Some(row) = rows.next()? {
        let path: String = row.get(5)?;
        registrations.push(Registration {
            username: row.get(0)?,
            contact: row.get(1)?,
            transport: row.get(2)?,
            listener: row.get(3)?,
            remote: row.get(4)?,
            path: serde_json::from_str(&path)
                .map_err(|error| StoreError::corrupt("a registration's path", error))?,
            call_id: row.get(6)?,
            cseq: row.get(7)?,
            expires_at: UtcMs(row.get(8)?),
            user_agent: row.get(9)?,
            q_thousandths: row.get(10)?,
            instance: row.get(11)?,
        });
    }
    Ok(registrations)
}
