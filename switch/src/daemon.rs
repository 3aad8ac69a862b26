//! Puts the parts together: store, relay, core, RPC server; and takes them apart in the right order.

use crate::{
    config::{Config, LimitsConfig, ListenTransport},
    engine::{
        ConnectionLimits, Engine, EngineError, Inbox, Listen, SipIdentity, Tls, TlsFiles,
        TlsFilesError, utc_now,
    },
    rpc::{self, InForce},
    trace::Tracer,
    web::{Server, WebConfig, WebError, certificate},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    sync::{Arc, OnceLock, mpsc::channel},
    thread::JoinHandle,
};
use tandem_billing::UtcMs;
use tandem_call::{
    Input,
    io::{Command, MediaAddress, Reply, SwitchConfig},
    monitor::FeedEvent,
};
use tandem_media::{Relay, RelayConfig};
use tandem_sdp::{RelayReport, relay::Shown};
use tandem_sip::{
    Transport,
    endpoint::{EndpointConfig, Timers},
};
use tandem_store::{Event, RecoveryReport, Store, StoreError, StoreOptions};

/// Seconds without a call after which a log-in ends.
const SESSION_IDLE_S: u32 = 3_600;

/// A running switch. Dropping it without [`Daemon::drain`] ends calls without a word to the phones; the next
/// start bills them as after a crash.
pub struct Daemon {
    inbox: Inbox,
    server: Option<Server>,
    core: Option<JoinHandle<()>>,
    store: Option<Store>,
    sip: Vec<SocketAddr>,
    relay: Arc<Relay>,
    identity: Arc<SipIdentity>,
    tracer: Arc<Tracer>,
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon")
            .field("sip", &self.sip)
            .finish_non_exhaustive()
    }
}

/// Why it could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made.
    #[error(
        "data folder {path}: {source}; give it to the user that runs the switch (chown), or name another with --data"
    )]
    Folder {
        /// As configured.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A listener.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The certificate of the SIP side, as configured.
    #[error("tls: {0}")]
    Tls(#[from] TlsFilesError),
    /// The certificate of the data folder.
    #[error("certificate: {0}")]
    Certificate(#[from] certificate::CertificateError),
    /// The database.
    #[error("database: {0}")]
    Store(#[source] StoreError),
    /// The relay's threads.
    #[error("relay: {0}")]
    Relay(std::io::Error),
    /// The port of managers and scripts.
    #[error("rpc: {0}")]
    Web(#[from] WebError),
    /// The system's generator.
    #[error("the system has no randomness to give: {0}")]
    Random(String),
}

impl StartError {
    /// Whether starting again cannot help: somebody has to act.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Folder { .. } => true,
            Self::Store(error) => error.is_lasting(),
            Self::Engine(_)
            | Self::Tls(_)
            | Self::Certificate(_)
            | Self::Relay(_)
            | Self::Web(_)
            | Self::Random(_) => false,
        }
    }
}

impl Daemon {
    /// Starts everything.
    ///
    /// # Errors
    /// What could not be had, named with its remedy; what had been started is stopped again.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        make_folder(config)?;
        let identity = Arc::new(SipIdentity::load(tls_files(config)?)?);
        let limits = ConnectionLimits {
            total: config.limits.max_connections,
            per_source: config.limits.max_connections_per_source,
        };
        let tls = Tls::new(Arc::clone(&identity))?;
        let engine = Engine::bind(&listens(config), tls, limits)?;
        let (inbox, tracer) = (engine.inbox(), engine.tracer());
        let in_force = Arc::new(OnceLock::new());
        let options = store_options(&inbox, &in_force);
        let mut store = Store::open(&config.database(), options).map_err(StartError::Store)?;
        report_recovery(store.recovery());
        let loaded = store
            .take_loaded()
            .ok_or(StartError::Store(StoreError::Closed))?;
        check_clock(loaded.written_at);
        let directory = in_force
            .get_or_init(|| InForce::new(Arc::clone(&loaded.directory)))
            .clone();
        let reports = inbox.clone();
        let relay = Relay::start(relay_config(config), move |report| {
            relay_report(&reports, report)
        });
        let relay = Arc::new(relay.map_err(StartError::Relay)?);
        let switch = SwitchConfig {
            endpoint: EndpointConfig {
                listeners: engine.listeners().to_vec(),
                timers: Timers::default(),
                max_transactions: config.limits.max_transactions,
                product: config.product.clone(),
            },
            media: engine.media().to_vec(),
            fingerprints: Some((
                relay.fingerprint(Shown::First).clone(),
                relay.fingerprint(Shown::Second).clone(),
            )),
            max_calls: config.limits.max_calls,
            seed: seed()?,
            next_call: loaded.next_call,
            next_seq: loaded.next_seq,
        };
        let sip = engine
            .listeners()
            .iter()
            .map(|listener| listener.local)
            .collect();
        let (sink, feed) = rpc::feed::channel();
        let audience = move |event: FeedEvent| sink.push(event);
        let core = engine.start(
            switch,
            loaded,
            store.writer(),
            Arc::clone(&relay),
            Arc::new(audience),
        )?;
        let mut daemon = Self {
            inbox,
            server: None,
            core: Some(core),
            store: Some(store),
            sip,
            relay,
            identity,
            tracer,
        };
        daemon.serve(config, directory, feed)?;
        Ok(daemon)
    }

    fn serve(
        &mut self,
        config: &Config,
        directory: InForce,
        feed: rpc::feed::FeedSource,
    ) -> Result<(), StartError> {
        let store = self
            .store
            .as_ref()
            .ok_or(StartError::Store(StoreError::Closed))?;
        let api = rpc::Api::new(rpc::Parts {
            reader: store.reader(),
            writer: store.writer(),
            database: config.database(),
            recordings: config.recordings(),
            sounds: config.sounds(),
            core: Arc::new(self.inbox.clone()),
            tracer: Arc::clone(&self.tracer),
            directory,
            clock: rpc::Clock::new(utc_now),
            idle_limit_s: SESSION_IDLE_S,
        });
        self.server = Some(Server::start(
            &WebConfig::at(config.rpc.address),
            &config.data,
            api,
            feed,
        )?);
        Ok(())
    }

    /// Where managers and scripts connect.
    #[must_use]
    pub fn rpc(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// The bound SIP addresses, in the order of configuration.
    #[must_use]
    pub fn sip(&self) -> &[SocketAddr] {
        &self.sip
    }

    /// The way in to the core.
    #[must_use]
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The database; there until the daemon is drained.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// The SIP traces.
    #[must_use]
    pub fn tracer(&self) -> &Arc<Tracer> {
        &self.tracer
    }

    /// The relay, for its counters.
    #[must_use]
    pub fn relay(&self) -> &Arc<Relay> {
        &self.relay
    }

    /// Reads the certificate of the SIP side again: who connects from now on is shown it.
    ///
    /// # Errors
    /// If it cannot be read or used: the one in use stays.
    pub fn reload_certificate(&self) -> Result<(), TlsFilesError> {
        self.identity.reload()
    }

    /// Takes no new calls, lets those that are up go on for `within_s` seconds, ends the rest, writes
    /// everything down and stops.
    pub fn drain(self, within_s: u32) {
        let (done, drained) = channel();
        self.begin_drain(within_s, move || {
            // The waiter is below and cannot have gone.
            let _ = done.send(());
        });
        // An error means that the core has stopped by itself: it was logged.
        let _ = drained.recv();
        self.end();
    }

    /// Takes no new calls from now on and ends those that are still up after `within_s` seconds. Another one
    /// replaces the first, of which nothing more is heard. `drained` is called, on the core's thread, once no
    /// call is left and every CDR is on disk.
    pub fn begin_drain(&self, within_s: u32, drained: impl FnOnce() + Send + 'static) {
        self.inbox.ask(Command::Drain { within_s }, move |reply| {
            if matches!(reply, Reply::Drained) {
                drained();
            }
        });
    }

    /// Stops what is left after a drain.
    pub fn end(mut self) {
        self.stop();
    }

    /// Whether the core and the store still run: when one has stopped by itself, no call can be made any more.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.core.as_ref().is_some_and(|core| !core.is_finished())
            && self.store.as_ref().is_some_and(Store::is_alive)
    }

    /// Puts other bounds in force; calls that are up stay.
    pub fn set_limits(&self, limits: &LimitsConfig) {
        let command = Command::SetLimits {
            max_calls: limits.max_calls,
            max_transactions: limits.max_transactions,
        };
        self.inbox.ask(command, drop);
    }

    fn stop(&mut self) {
        // First: its handlers use the store and the core.
        self.server.take();
        self.inbox.stop();
        if let Some(core) = self.core.take()
            && core.join().is_err()
        {
            tracing::error!("the core's thread had panicked");
        }
        // Commits what the core submitted last.
        self.store.take();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.core.is_some() {
            self.stop();
        }
    }
}

pub(crate) fn make_folder(config: &Config) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data);
    let written = made.and_then(|()| tempfile::tempfile_in(&config.data).map(drop));
    written.map_err(|source| StartError::Folder {
        path: config.data.clone(),
        source,
    })
}

/// A clock this much behind the books was put back.
const CLOCK_BEHIND_MS: i64 = 60_000;

/// Prices and fees depend on the wall clock: one that is wrong is told, loudly; calls are taken all the same.
fn check_clock(written_at: Option<UtcMs>) {
    let behind_ms = written_at.map_or(0, |at| at.0 - utc_now().0);
    if behind_ms > CLOCK_BEHIND_MS {
        tracing::error!(
            behind_s = behind_ms / 1_000,
            "the clock is behind the last entry of the books: set it right (`timedatectl`), then restart; calls are \
             priced and dated by it until then"
        );
    }
}

fn store_options(inbox: &Inbox, in_force: &Arc<OnceLock<InForce>>) -> StoreOptions {
    let (inbox, in_force) = (inbox.clone(), Arc::clone(in_force));
    StoreOptions {
        on_event: Arc::new(move |event| store_event(&inbox, &in_force, event)),
        ..StoreOptions::default()
    }
}

fn store_event(inbox: &Inbox, in_force: &OnceLock<InForce>, event: Event) {
    match event {
        Event::Durable { seq } => inbox.send(Input::Durable { seq }),
        Event::JournalFailed { reason } => {
            tracing::error!(
                reason,
                "the journal cannot be written; new calls are refused until it can"
            );
            inbox.send(Input::JournalFailed);
        }
        Event::Rejected { seq, reason } => {
            tracing::error!(seq, reason, "a journal batch was put aside")
        }
        Event::Directory(directory) => {
            in_force
                .get_or_init(|| InForce::new(Arc::clone(&directory)))
                .set(Arc::clone(&directory));
            inbox.send(Input::Directory(directory));
        }
        Event::DirectoryFailed { reason } => {
            tracing::error!(reason, "the edited settings could not be put in force")
        }
    }
}

fn relay_report(inbox: &Inbox, report: RelayReport) {
    match report {
        // The next one says the same and more.
        RelayReport::Progress { .. } => inbox.offer(Input::Relay(report)),
        _ => inbox.send(Input::Relay(report)),
    }
}

fn report_recovery(report: &RecoveryReport) {
    for call in &report.calls {
        tracing::warn!(
            ?call,
            "a call was open when the switch stopped; billed to the last second known"
        );
    }
}

fn relay_config(config: &Config) -> RelayConfig {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    RelayConfig {
        first_port: config.media.first_port,
        last_port: config.media.last_port,
        threads: if config.media.threads == 0 {
            processors
        } else {
            config.media.threads
        },
        inactive_after_s: 60,
        progress_every_s: 5,
        recordings: Some(config.recordings()),
        sounds: Some(config.sounds()),
    }
}

fn seed() -> Result<[u8; 32], StartError> {
    use rand::TryRng;
    let mut seed = [0; 32];
    rand::rngs::SysRng
        .try_fill_bytes(&mut seed)
        .map_err(|e| StartError::Random(e.to_string()))?;
    Ok(seed)
}

/// As configured, or those of the manager's port, which are made if missing.
fn tls_files(config: &Config) -> Result<TlsFiles, StartError> {
    let (certificate, key) = match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        (_, _) => {
            certificate::load_or_make(&config.data)?;
            certificate::files(&config.data)
        }
    };
    Ok(TlsFiles {
        certificate,
        key,
        authorities: config.tls.authorities.clone(),
    })
}

fn listens(config: &Config) -> Vec<Listen> {
    config
        .listen
        .iter()
        .map(|listen| {
            let bound = listen.address.ip();
            let told = listen.advertised.unwrap_or_else(|| reachable(bound));
            Listen {
                transport: match listen.transport {
                    ListenTransport::Udp => Transport::Udp,
                    ListenTransport::Tcp => Transport::Tcp,
                    ListenTransport::Tls => Transport::Tls,
                    ListenTransport::Ws => Transport::Ws,
                    ListenTransport::Wss => Transport::Wss,
                },
                address: listen.address,
                advertised: (told != bound).then(|| SocketAddr::new(told, listen.address.port())),
                media: MediaAddress {
                    local: config.media.address.unwrap_or(bound),
                    advertised: config.media.advertised.unwrap_or(told),
                },
            }
        })
        .collect()
}

/// The address peers can be told when every address is bound: that of the interface with the default route.
/// Nothing is sent: connecting a datagram socket only asks the routing table.
fn reachable(bound: IpAddr) -> IpAddr {
    if !bound.is_unspecified() {
        return bound;
    }
    // Documentation addresses (RFC 5737, RFC 3849): routed like any other.
    let (local, remote): (IpAddr, IpAddr) = if bound.is_ipv4() {
        (
            Ipv4Addr::UNSPECIFIED.into(),
            Ipv4Addr::new(192, 0, 2, 1).into(),
        )
    } else {
        (
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        )
    };
    let asked = UdpSocket::bind((local, 0)).and_then(|socket| {
        socket.connect((remote, 9))?;
        socket.local_addr()
    });
    let loopback = if bound.is_ipv4() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        Ipv6Addr::LOCALHOST.into()
    };
    asked.map_or(loopback, |address| address.ip())
}
