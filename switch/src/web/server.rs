//! Accepts connections, shakes hands, and hands requests over.

use super::{
    certificate::{self, CertificateError, Identity},
    line::{Gate, Line, Place},
    pages,
};
use crate::engine::bind_remedy;
use crate::rpc::{
    self, Api,
    feed::{Feed, FeedSource},
    guard::{Guard, Table},
    recordings,
    session::Connection,
};
use axum::{Router, body::Body};
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonrpsee::{
    Methods,
    server::{
        BatchRequestConfig, PingConfig, ServerConfig, ServerHandle, StopHandle,
        TowerServiceBuilder, middleware::rpc::RpcServiceBuilder, stop_channel,
    },
};
use std::{
    collections::HashMap,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, Weak},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tower::{Service, ServiceExt, layer::util::Identity as NoLayer};

/// Bounds and address.
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// Where; port 0 takes a free one.
    pub address: SocketAddr,
    /// Connections at once.
    pub max_connections: usize,
    /// Connections of one address at once.
    pub max_per_address: usize,
    /// Seconds a connection may stay without anybody logged in.
    pub login_within_s: u64,
    /// Whether `/metrics` is told to other machines; this machine is always told.
    pub metrics: MetricsAudience,
}

impl WebConfig {
    /// The default bounds at an address.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            max_connections: 256,
            max_per_address: 64,
            login_within_s: 120,
            metrics: MetricsAudience::ThisMachine,
        }
    }
}

/// Who may read `/metrics`, which needs no log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAudience {
    /// Loopback addresses.
    ThisMachine,
    /// Whoever reaches the port.
    Everyone,
}

/// Why it could not start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The port.
    #[error(
        "cannot listen on {address} for managers (rpc.address): {source}; {remedy}", remedy = bind_remedy(source, *address)
    )]
    Bind {
        /// As configured.
        address: SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// Threads.
    #[error("the web server has no threads: {0}")]
    Runtime(std::io::Error),
    /// A method registered twice.
    #[error("the method table is at fault: {0}")]
    Methods(#[from] jsonrpsee::core::RegisterMethodError),
}

/// Handshakes and request heads take at most so long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Largest request: an account with two hundred overrides is far below.
const MAX_REQUEST: u32 = 1 << 20;
/// Largest answer: a page of a thousand rows, or a snapshot of ten thousand calls.
const MAX_RESPONSE: u32 = 32 << 20;
/// Answers and deltas that wait for one connection.
const MESSAGES: u32 = 64;
/// Live subscriptions of one connection.
const SUBSCRIPTIONS: u32 = 4;
const PING: Duration = Duration::from_secs(20);
const SILENT: Duration = Duration::from_secs(60);
/// Threads for connections; the heavy work runs on others.
const THREADS: usize = 2;
/// Connections still up this long after the stop are cut off.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// The running server. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    shown: Shown,
    data: PathBuf,
    stop: ServerHandle,
    runtime: Option<Runtime>,
}

/// The certificate that new connections are shown.
type Shown = Arc<RwLock<Identity>>;

fn shown(identity: &Shown) -> Identity {
    identity
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Starts on threads of its own. `data` is the folder of the certificate; `source` the core's feed.
    ///
    /// # Errors
    /// What could not be had, with its remedy.
    pub fn start(
        config: &WebConfig,
        data: &Path,
        api: Arc<Api>,
        source: FeedSource,
    ) -> Result<Self, WebError> {
        let identity = certificate::load_or_make(data)?;
        let methods: Methods = rpc::module(Arc::clone(&api))?.into();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("web")
            .enable_all()
            .build()
            .map_err(WebError::Runtime)?;
        let bind = |source| WebError::Bind {
            address: config.address,
            source,
        };
        let listener = runtime
            .block_on(TcpListener::bind(config.address))
            .map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let (stop_handle, stop) = stop_channel();
        runtime.spawn(Feed::run(Arc::clone(&api.feed), source));
        runtime.spawn(recordings::keep(Arc::clone(&api)));
        let shown = Arc::new(RwLock::new(identity));
        let port = Port::new(config, Arc::clone(&shown), api, methods, stop_handle);
        runtime.spawn(Arc::new(port).accept(listener));
        Ok(Self {
            address,
            shown,
            data: data.to_owned(),
            stop,
            runtime: Some(runtime),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// What operators compare at first use.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        shown(&self.shown).fingerprint
    }

    /// Shows the certificate that the data folder holds now to whoever connects from now on; connections that
    /// stand stay. True if it is another one.
    ///
    /// # Errors
    /// If it cannot be read or used; the one before stays.
    pub fn reload_certificate(&self) -> Result<bool, CertificateError> {
        let identity = certificate::load_or_make(&self.data)?;
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = shown.fingerprint != identity.fingerprint;
        *shown = identity;
        Ok(is_other)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it was stopped before.
        let _ = self.stop.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(STOP_WITHIN);
        }
    }
}

type Service_ = TowerServiceBuilder<NoLayer, NoLayer>;

/// What all connections share.
struct Port {
    shown: Shown,
    api: Arc<Api>,
    methods: Methods,
    service: Service_,
    table: Arc<Table>,
    stop: StopHandle,
    router: Router,
    room: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    login_within: Duration,
}

impl Port {
    fn new(
        config: &WebConfig,
        shown: Shown,
        api: Arc<Api>,
        methods: Methods,
        stop: StopHandle,
    ) -> Self {
        let ping = PingConfig::new()
            .ping_interval(PING)
            .inactive_limit(SILENT)
            .max_failures(1);
        let server = ServerConfig::builder()
            .ws_only()
            .max_connections(u32::try_from(config.max_connections).unwrap_or(u32::MAX))
            .max_request_body_size(MAX_REQUEST)
            .max_response_body_size(MAX_RESPONSE)
            .max_subscriptions_per_connection(SUBSCRIPTIONS)
            .set_message_buffer_capacity(MESSAGES)
            .set_batch_request_config(BatchRequestConfig::Disabled)
            .enable_ws_ping(ping)
            .build();
        Self {
            shown,
            router: pages::router(Arc::clone(&api), config.metrics),
            api,
            methods,
            service: jsonrpsee::server::Server::builder()
                .set_config(server)
                .to_service_builder(),
            table: Arc::default(),
            stop,
            room: Arc::new(Semaphore::new(config.max_connections)),
            addresses: Arc::new(Addresses {
                most: config.max_per_address,
                counts: Mutex::default(),
            }),
            login_within: Duration::from_secs(config.login_within_s),
        }
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let stopped = self.stop.clone().shutdown();
        tokio::pin!(stopped);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut stopped => return,
                _ = connections.join_next(), if !connections.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => match self.place(peer) {
                        Some(place) => {
                            connections.spawn(Arc::clone(&self).serve(stream, peer, place));
                        }
                        None => tracing::debug!(%peer, "refused: too many connections"),
                    },
                    // Out of file descriptors, or a connection that was gone again: others will come.
                    Err(error) => {
                        tracing::warn!(%error, "connection cannot be accepted");
                        sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
    }

    fn place(&self, peer: SocketAddr) -> Option<Place> {
        let all = Arc::clone(&self.room).try_acquire_owned().ok()?;
        let address = Addresses::take(&self.addresses, peer.ip())?;
        Some(Place::new(all, address))
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, place: Place) {
        let _ = stream.set_nodelay(true);
        let tls = TlsAcceptor::from(shown(&self.shown).tls);
        let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await else {
            tracing::debug!(%peer, "no TLS handshake");
            return;
        };
        let gate = Arc::new(Gate::default());
        let io = TokioIo::new(Line::new(stream, Arc::clone(&gate), Some(place)));
        let stopped = self.stop.clone().shutdown();
        let service = service_fn(move |request| {
            let (port, gate) = (Arc::clone(&self), Arc::clone(&gate));
            async move { Ok::<_, Infallible>(port.answer(request, peer, gate).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HANDSHAKE)
            .serve_connection(io, service)
            .with_upgrades();
        tokio::select! {
            served = connection => {
                if let Err(error) = served {
                    tracing::debug!(%peer, %error, "connection ended");
                }
            }
            () = stopped => {}
        }
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        gate: Arc<Gate>,
    ) -> Response<Body> {
        if request.uri().path() != "/rpc" {
            request.extensions_mut().insert(peer);
            let answered = self.router.clone().oneshot(request.map(Body::new)).await;
            return answered.unwrap_or_else(|never| match never {});
        }
        let connection = self.api.sessions.open(peer);
        tokio::spawn(expect_login(
            Arc::downgrade(&connection),
            gate,
            self.login_within,
        ));
        let table = Arc::clone(&self.table);
        let guard = RpcServiceBuilder::new().layer_fn(move |service| {
            Guard::new(service, Arc::clone(&table), Arc::clone(&connection))
        });
        let mut service = self
            .service
            .clone()
            .set_rpc_middleware(guard)
            .build(self.methods.clone(), self.stop.clone());
        match service.call(request).await {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                tracing::debug!(%peer, %error, "request to /rpc failed");
                pages::plain(http::StatusCode::BAD_REQUEST, "not a WebSocket request\n")
            }
        }
    }
}

/// Cuts off a connection that nobody is logged in on for too long.
async fn expect_login(connection: Weak<Connection>, gate: Arc<Gate>, within: Duration) {
    loop {
        sleep(within).await;
        let Some(connection) = connection.upgrade() else {
            return;
        };
        if connection.caller().is_none() {
            return gate.close();
        }
    }
}

/// Connections by address.
#[derive(Debug)]
struct Addresses {
    most: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection of an address; given back when dropped.
pub struct AddressPlace {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    fn take(this: &Arc<Self>, address: IpAddr) -> Option<AddressPlace> {
        let mut counts = this.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_insert(0);
        if *count >= this.most {
            return None;
        }
        *count += 1;
        Some(AddressPlace {
            addresses: Arc::clone(this),
            address,
        })
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut counts = self
            .addresses
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Addresses, Gate, expect_login};
    use crate::rpc::{Caller, Clock, session::Sessions};
    use std::{
        net::{IpAddr, Ipv4Addr, SocketAddr},
        sync::Arc,
        time::Duration,
    };
    use tandem_billing::{LoginId, UtcMs};
    use tandem_protocol::Role;

    #[test]
    fn an_address_has_so_many_places() {
        let addresses = Arc::new(Addresses {
            most: 2,
            counts: Default::default(),
        });
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (one, two) = (
            Addresses::take(&addresses, address),
            Addresses::take(&addresses, address),
        );
        assert!(one.is_some() && two.is_some() && Addresses::take(&addresses, address).is_none());
        drop(one);
        assert!(Addresses::take(&addresses, address).is_some());
        drop(two);
        let counts = addresses.counts.lock().expect("no panic holds it");
        assert!(counts.is_empty(), "nothing is remembered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_nobody_logs_in_on_is_cut_off() {
        let within = Duration::from_secs(120);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let sessions = Sessions::new(600, Clock::new(|| UtcMs(0)));
        let (connection, gate) = (sessions.open(address), Arc::new(Gate::default()));
        connection.set_caller(Some(Caller {
            login: LoginId(1),
            name: "ann".into(),
            role: Role::Admin,
            rights: Vec::new(),
            branch: None,
            address,
        }));
        let watching = expect_login(Arc::downgrade(&connection), Arc::clone(&gate), within);
        tokio::pin!(watching);
        let passed = tokio::time::timeout(10 * within, watching.as_mut()).await;
        assert!(
            passed.is_err() && !gate.is_closed(),
            "somebody is logged in"
        );
        connection.set_caller(None);
        watching.await;
        assert!(gate.is_closed());
    }
}
