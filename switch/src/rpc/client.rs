//! A client for scripts, tests and the command line: TLS pinned to the switch's certificate, one WebSocket, calls
//! answered by id, live events in a bounded queue.
//!
//! Dropping it closes the connection. Must not know what the methods mean.

use crate::web::certificate::fingerprint;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use serde_json::Value;
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tandem_protocol::{
    ErrorCode, RpcError,
    client::{CallFuture, Client, Transport},
    live::FeedEvent,
    login::{LoginParams, Session},
    method::SessionLogin,
    wire::{self, Incoming},
};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// TCP, TLS and the WebSocket's handshake together.
const CONNECT: Duration = Duration::from_secs(10);
/// One call; verification of a large file is the longest.
const ANSWER: Duration = Duration::from_secs(600);
/// Live events that wait to be taken; beyond it the socket is not read.
const EVENTS: usize = 1_024;
const MAX_MESSAGE: usize = 64 << 20;

type Line = WebSocketStream<TlsStream<TcpStream>>;
type Answer = oneshot::Sender<Result<Value, RpcError>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("cannot reach {address}: {source}; is the switch running?")]
    Unreachable {
        /// As given.
        address: SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// It shows another certificate than the pinned one.
    #[error(
        "the switch shows the certificate {shown}, pinned is {pinned}: it is another switch, or its certificate was made anew"
    )]
    OtherCertificate {
        /// Seen.
        shown: String,
        /// Expected.
        pinned: String,
    },
    /// No TLS.
    #[error("TLS: {0}")]
    Tls(String),
    /// No WebSocket.
    #[error("WebSocket: {0}")]
    WebSocket(String),
    /// It took too long.
    #[error("no connection within {} s", CONNECT.as_secs())]
    Slow,
}

/// Accepts the pinned certificate alone, and only from who has its key.
#[derive(Debug)]
struct Pinned {
    pin: String,
    shown: Mutex<Option<String>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let shown = fingerprint(certificate);
        let is_pinned = shown.eq_ignore_ascii_case(&self.pin);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        if is_pinned {
            return Ok(ServerCertVerified::assertion());
        }
        Err(TlsError::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A connection to a switch.
#[derive(Debug)]
pub struct RpcClient {
    asks: mpsc::Sender<(u64, String)>,
    waiting: Arc<Waiting>,
    next: AtomicU64,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Debug, Default)]
struct Waiting {
    /// None once the connection is gone.
    answers: Mutex<Option<HashMap<u64, Answer>>>,
}

impl Waiting {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(Some(HashMap::new())),
        })
    }
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<u64, Answer>) -> T) -> Option<T> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.as_mut().map(work)
    }
    /// The connection is gone: whoever waits is told by its sender being dropped.
    fn end(&self) {
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

impl Drop for RpcClient {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl RpcClient {
    /// Connects to the switch whose certificate has this fingerprint. Live events come out of the receiver.
    ///
    /// # Errors
    /// Why there is no connection; nothing was sent to a switch with another certificate.
    pub async fn connect(
        address: SocketAddr,
        pin: &str,
    ) -> Result<(Self, mpsc::Receiver<FeedEvent>), ClientError> {
        let line = timeout(CONNECT, open(address, pin))
            .await
            .map_err(|_| ClientError::Slow)??;
        let (write, read) = line.split();
        let (asks, to_send) = mpsc::channel(EVENTS);
        let (events, live) = mpsc::channel(EVENTS);
        let waiting = Waiting::new();
        let tasks = [
            tokio::spawn(send(write, to_send)),
            tokio::spawn(receive(read, Arc::clone(&waiting), events)),
        ];
        let client = Self {
            asks,
            waiting,
            next: AtomicU64::new(1),
            tasks,
        };
        Ok((client, live))
    }

    /// Logs in.
    ///
    /// # Errors
    /// As `session.login` says.
    pub async fn login(&self, login: &str, password: &str) -> Result<Session, RpcError> {
        let params = LoginParams {
            login: login.to_owned(),
            password: password.to_owned(),
        };
        self.request::<SessionLogin>(&params).await
    }

    /// Calls a method by its name.
    ///
    /// # Errors
    /// As the method says, or `unavailable` if the connection is gone.
    pub async fn call_named(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let text = wire::request_text(id, method, params)?;
        let (answer, answered) = oneshot::channel();
        self.waiting
            .with(|answers| answers.insert(id, answer))
            .ok_or_else(gone)?;
        self.asks.send((id, text)).await.map_err(|_| gone())?;
        let answer = timeout(ANSWER, answered).await;
        self.waiting.with(|answers| answers.remove(&id));
        match answer {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(RpcError::new(
                ErrorCode::Unavailable,
                format!("{method}: no answer in time"),
            )),
        }
    }
}

impl Transport for RpcClient {
    fn call(&self, method: &'static str, params: Value) -> CallFuture<'_> {
        Box::pin(self.call_named(method, params))
    }
}

fn gone() -> RpcError {
    RpcError::new(
        ErrorCode::Unavailable,
        "the connection to the switch is gone",
    )
}

async fn open(address: SocketAddr, pin: &str) -> Result<Line, ClientError> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|source| ClientError::Unreachable { address, source })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Pinned {
        pin: pin.to_owned(),
        shown: Mutex::default(),
        algorithms: provider.signature_verification_algorithms,
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| ClientError::Tls(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector
        .connect(ServerName::from(address.ip()), stream)
        .await
        .map_err(|error| {
            let shown = verifier
                .shown
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            match shown.filter(|shown| !shown.eq_ignore_ascii_case(pin)) {
                Some(shown) => ClientError::OtherCertificate {
                    shown,
                    pinned: pin.to_owned(),
                },
                None => ClientError::Tls(error.to_string()),
            }
        })?;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let (line, _) = client_async_with_config(format!("wss://{address}/rpc"), stream, Some(limits))
        .await
        .map_err(|e| ClientError::WebSocket(e.to_string()))?;
    Ok(line)
}

async fn send(mut line: SplitSink<Line, Message>, mut asks: mpsc::Receiver<(u64, String)>) {
    while let Some((_, text)) = asks.recv().await {
        if line.send(Message::text(text)).await.is_err() {
            return;
        }
    }
}

async fn receive(
    mut line: SplitStream<Line>,
    waiting: Arc<Waiting>,
    events: mpsc::Sender<FeedEvent>,
) {
    while let Some(Ok(message)) = line.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        match wire::read(&text) {
            Ok(Incoming::Response { id, result }) => {
                if let Some(answer) = waiting.with(|answers| answers.remove(&id)).flatten() {
                    // Whoever asked may have given up.
                    let _ = answer.send(result);
                }
            }
            // Nobody listening any more is no reason to stop answering.
            Ok(Incoming::Live { event, .. }) => drop(events.send(event).await),
            Err(error) => tracing::debug!(%error, "unreadable message of the switch"),
        }
    }
    waiting.end();
}
