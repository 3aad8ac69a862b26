//! What all verbs share: the layers below, the ledger, the indexes and the way out. No call lives here.

use super::{
    feed::Feed,
    index::{Facing, Index, Strays},
    outbox::Outbox,
    timer::{Timer, Timers},
};
use crate::{
    Directory,
    announce::Announcements,
    bill::{day::Spending, refused::Refusals},
    directory::{DigestAlgorithms, Settings},
    guard::Guard,
    health,
    io::{MediaAddress, Now, Output, SwitchConfig, Token},
    journal::Record,
    leg::Farewells,
    page::Pages,
    transfer::Letter,
    upstream,
    usage::{LiveUsage, UsageTable},
};
use rand_chacha::{
    ChaCha12Rng,
    rand_core::{Rng, SeedableRng},
};
use std::{
    collections::{BTreeSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tandem_billing::{CallId, ledger::Ledger};
use tandem_sdp::{RelayCommand, RelayId, session::Origin, web::Fingerprint};
use tandem_sip::{
    Flow, Transport,
    digest::{Algorithm, Authenticator},
    endpoint::{Endpoint, Listener, ServerTxn},
    message::Draft,
    registrar::{Registrar, RegistrarConfig},
};

/// Life of a digest nonce.
const NONCE_LIFE_MS: u64 = 300_000;
/// Phones of one device at once.
pub(crate) const MAX_BINDINGS: usize = 10;
/// Devices with a phone registered.
const MAX_REGISTERED_USERS: usize = 1_000_000;

/// What the configuration says; all but the bound of calls is fixed for the life of the process.
pub(crate) struct Fixed {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) media: Vec<MediaAddress>,
    pub(crate) fingerprints: Option<Arc<(Fingerprint, Fingerprint)>>,
    pub(crate) max_calls: usize,
}

/// Whether new calls are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// No more; who asked is told when the last one has ended.
    Draining(Token),
    /// The last one has ended.
    Drained,
}

/// Best first (RFC 8760 section 2.4).
fn offered(settings: &Settings) -> &'static [Algorithm] {
    match settings.digest_algorithms {
        DigestAlgorithms::Md5 => &[Algorithm::Md5],
        DigestAlgorithms::Sha256 => &[Algorithm::Sha256],
        DigestAlgorithms::Both => &[Algorithm::Sha256, Algorithm::Md5],
    }
}

fn registrar_config(settings: &Settings) -> RegistrarConfig {
    RegistrarConfig {
        min_expires_s: settings.min_register_s,
        max_expires_s: settings.max_register_s,
        default_expires_s: settings.max_register_s,
        max_bindings_per_user: MAX_BINDINGS,
        max_users: MAX_REGISTERED_USERS,
    }
}

/// What is under way and belongs to no call.
#[derive(Default)]
pub(crate) struct Loose {
    pub(crate) farewells: Farewells,
    pub(crate) pages: Pages,
    pub(crate) announcements: Announcements,
}

/// Shared by all verbs; a verb gets it beside the one call it works on.
pub(crate) struct Core {
    pub(crate) fixed: Fixed,
    /// The clocks of the input being handled.
    pub(crate) now: Now,
    pub(crate) directory: Arc<Directory>,
    pub(crate) endpoint: Endpoint,
    pub(crate) digest: Authenticator,
    pub(crate) registrar: Registrar,
    pub(crate) ledger: Ledger,
    pub(crate) spending: Spending,
    pub(crate) usage: UsageTable,
    pub(crate) index: Index,
    pub(crate) strays: Strays,
    pub(crate) loose: Loose,
    pub(crate) timers: Timers,
    pub(crate) outbox: Outbox,
    pub(crate) feed: Feed,
    pub(crate) outputs: VecDeque<Output>,
    /// From call to call; delivered before the input is done with.
    pub(crate) letters: VecDeque<Letter>,
    pub(crate) gate: Gate,
    pub(crate) peers: Peers,
    next: Next,
}

/// What is known of those who speak to us, and of those we speak to first.
#[derive(Default)]
pub(crate) struct Peers {
    pub(crate) hosts: health::Hosts,
    pub(crate) guard: Guard,
    pub(crate) refusals: Refusals,
    pub(crate) upstreams: upstream::Registrations,
    /// Why sounds could not be played, as operators were told; forgotten when they edit something.
    pub(crate) unplayed: BTreeSet<String>,
}

/// What is drawn or given next.
struct Next {
    rng: ChaCha12Rng,
    call: CallId,
    relay: u64,
}

impl Core {
    pub(crate) fn new(
        config: SwitchConfig,
        directory: Arc<Directory>,
        ledger: Ledger,
        now: Now,
    ) -> Self {
        let mut rng = ChaCha12Rng::from_seed(config.seed);
        let mut key = || {
            let mut bytes = [0; 32];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let (endpoint_seed, digest_key) = (key(), key());
        let registrar = registrar_config(&directory.settings);
        let offered = offered(&directory.settings);
        let mut core = Self {
            fixed: Fixed {
                listeners: config.endpoint.listeners.clone(),
                media: config.media,
                fingerprints: config.fingerprints.map(Arc::new),
                max_calls: config.max_calls,
            },
            now,
            directory,
            endpoint: Endpoint::new(config.endpoint, endpoint_seed),
            digest: Authenticator::new(digest_key, NONCE_LIFE_MS).with_algorithms(offered),
            registrar: Registrar::new(registrar),
            ledger,
            spending: Spending::default(),
            usage: UsageTable::default(),
            index: Index::default(),
            strays: Strays::default(),
            loose: Loose::default(),
            timers: Timers::default(),
            outbox: Outbox::new(config.next_seq),
            feed: Feed::default(),
            outputs: VecDeque::new(),
            letters: VecDeque::new(),
            gate: Gate::Open,
            peers: Peers::default(),
            next: Next {
                rng,
                call: config.next_call,
                relay: 1,
            },
        };
        // Nothing is connected yet.
        let _ = core.peers.guard.take_directory(&core.directory, now);
        core
    }

    /// Calls from here on are decided by it; live ones keep theirs.
    pub(crate) fn take_directory(&mut self, directory: Arc<Directory>) {
        self.registrar
            .configure(registrar_config(&directory.settings));
        self.digest.offer(offered(&directory.settings));
        let shut = self.peers.guard.take_directory(&directory, self.now);
        let shut = shut.into_iter().map(|network| Output::Shut { network });
        self.outputs.extend(shut);
        self.directory = directory;
        self.peers.unplayed.clear();
        health::take_directory(self);
        upstream::take_directory(self);
    }

    pub(crate) fn new_call_id(&mut self) -> CallId {
        let id = self.next.call;
        self.next.call = CallId(id.0.saturating_add(1));
        id
    }

    pub(crate) fn new_relay_id(&mut self) -> RelayId {
        let id = RelayId(self.next.relay);
        self.next.relay += 1;
        id
    }

    /// 0..10_000.
    pub(crate) fn draw(&mut self) -> u16 {
        (self.next.rng.next_u32() % 10_000) as u16
    }

    pub(crate) fn random(&mut self) -> u64 {
        self.next.rng.next_u64()
    }

    /// A fresh o= line for a leg whose media address is `address`.
    pub(crate) fn new_origin(&mut self, flow: Flow) -> Origin {
        // RFC 8866 wants numbers; many peers read them into signed 64 bits.
        let session_id = self.random() >> 2;
        let address = self
            .media(flow.listener)
            .map_or(flow.remote.ip(), |media| media.advertised);
        Origin {
            session_id,
            version: 1,
            address,
        }
    }

    /// Audio addresses that go with a listener.
    pub(crate) fn media(&self, listener: u16) -> Option<MediaAddress> {
        self.fixed.media.get(usize::from(listener)).copied()
    }

    /// The way to a peer we speak to first, over the first listener of its transport and family.
    pub(crate) fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Option<Flow> {
        let fits = |l: &Listener| l.transport == transport && l.local.is_ipv4() == remote.is_ipv4();
        let listener = self.fixed.listeners.iter().position(fits)?;
        Some(Flow {
            transport,
            listener: u16::try_from(listener).ok()?,
            connection: 0,
            remote,
        })
    }

    pub(crate) fn live_usage(&self) -> LiveUsage<'_> {
        LiveUsage {
            now: self.now.mono,
            table: &self.usage,
            registrar: &self.registrar,
            hosts: &self.peers.hosts,
            upstreams: &self.peers.upstreams,
        }
    }

    pub(crate) fn respond(
        &mut self,
        txn: ServerTxn,
        (status, reason): (u16, &str),
        to_tag: &str,
        draft: Draft,
    ) {
        self.endpoint
            .respond(self.now.mono, txn, status, reason, to_tag, draft);
    }

    /// A final answer that opens no dialog.
    pub(crate) fn reject(&mut self, txn: ServerTxn, answer: (u16, &str), draft: Draft) {
        let tag = self.endpoint.new_tag();
        self.respond(txn, answer, &tag, draft);
    }

    pub(crate) fn record(&mut self, record: Record) -> u64 {
        self.outbox.record(record)
    }

    pub(crate) fn relay(&mut self, command: RelayCommand) {
        let command = match self.index.facing(command.id()) {
            Facing::Straight => command,
            Facing::Turned => command.turned(),
        };
        self.outputs.push_back(Output::Relay(command));
    }

    pub(crate) fn arm_in(&mut self, timer: Timer, after: Duration) {
        self.timers.arm_in(timer, self.now.mono, after);
    }
}
