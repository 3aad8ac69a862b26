//! The desktop's transport: one thread with the TLS WebSocket to the switch, and the file dialog.
//!
//! The UI's side is two bounded queues and never waits. The thread wakes the UI when it has put something in,
//! so that nothing polls. Certificates are checked by the crate's pin module.

use super::{Ask, Told, Transport, pin};
use futures_util::{SinkExt, StreamExt, future::BoxFuture};
use rustls::pki_types::ServerName;
use std::{collections::BTreeMap, collections::VecDeque, io, sync::Arc, time::Duration};
use tandem_protocol::{
    ErrorCode, RpcError,
    wire::{self, Incoming},
};
use tokio::{
    net::TcpStream,
    sync::mpsc::{Receiver, Sender, channel},
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Error, Message, protocol::WebSocketConfig},
};

/// Requests a UI could queue before the thread takes them; far above what a person causes.
const ASKS: usize = 1024;
/// Messages waiting for the UI; beyond it the socket is not read, so that the switch feels the pressure.
const TOLDS: usize = 4096;
const CONNECT: Duration = Duration::from_secs(10);
/// A quiet line is pinged; two unanswered pings and it counts as lost.
const PING: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(40);
/// One page of a list is far below.
const MAX_MESSAGE: usize = 32 << 20;
const DEFAULT_PORT: u16 = 7443;

type Line = WebSocketStream<TlsStream<TcpStream>>;
type Wake = Arc<dyn Fn() + Send + Sync>;

/// See the module.
pub struct Native {
    asks: Sender<Ask>,
    told: Receiver<Told>,
    refused: VecDeque<Told>,
}

impl Native {
    /// Starts the thread; it ends when this is dropped. `wake` is called after each message put in the queue.
    ///
    /// # Errors
    /// The system gave no thread or no event loop.
    pub fn start(wake: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        let (asks, from_ui) = channel(ASKS);
        let (to_ui, told) = channel(TOLDS);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let out = Out {
            to_ui,
            wake: Arc::new(wake),
        };
        std::thread::Builder::new()
            .name("line".into())
            .spawn(move || {
                runtime.block_on(
                    Worker {
                        out,
                        line: None,
                        waiting: BTreeMap::new(),
                    }
                    .run(from_ui),
                )
            })?;
        Ok(Self {
            asks,
            told,
            refused: VecDeque::new(),
        })
    }
}

impl Transport for Native {
    fn ask(&mut self, ask: Ask) {
        if let Err(error) = self.asks.try_send(ask)
            && let Ask::Call { id, .. } = error.into_inner()
        {
            let result = Err(unavailable(
                "too many requests are waiting; try again in a moment",
            ));
            self.refused.push_back(Told::Answer { id, result });
        }
    }

    fn poll(&mut self) -> Option<Told> {
        self.refused
            .pop_front()
            .or_else(|| self.told.try_recv().ok())
    }

    fn now_ms(&self) -> i64 {
        now_ms()
    }
}

/// The line, not the switch, failed.
fn unavailable(message: &str) -> RpcError {
    RpcError::new(ErrorCode::Unavailable, message)
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[derive(Clone)]
struct Out {
    to_ui: Sender<Told>,
    wake: Wake,
}

impl Out {
    async fn tell(&self, told: Told) {
        if self.to_ui.send(told).await.is_ok() {
            (self.wake)();
        }
    }
}

/// How an attempt to open the line ended.
enum Opened {
    Open(Box<Line>),
    Told(Told),
}

struct Worker {
    out: Out,
    line: Option<Box<Line>>,
    /// Deadlines of unanswered calls.
    waiting: BTreeMap<u64, Instant>,
}

impl Worker {
    async fn run(mut self, mut asks: Receiver<Ask>) {
        let mut opening: Option<BoxFuture<'static, Opened>> = None;
        let mut heard = Instant::now();
        let mut ping = Instant::now() + PING;
        loop {
            let due = self
                .waiting
                .values()
                .min()
                .copied()
                .unwrap_or(ping)
                .min(ping);
            tokio::select! {
                ask = asks.recv() => match ask {
                    None => return,
                    Some(Ask::Connect { address, pin }) => {
                        self.hang_up("a new connection was asked for").await;
                        opening = Some(Box::pin(open(address, pin)));
                    }
                    Some(Ask::Disconnect) => {
                        opening = None;
                        self.hang_up("disconnected").await;
                    }
                    Some(ask) => self.carry_out(ask).await,
                },
                opened = settle(&mut opening) => {
                    opening = None;
                    heard = Instant::now();
                    match opened {
                        Opened::Open(line) => {
                            self.line = Some(line);
                            self.out.tell(Told::Connected).await;
                        }
                        Opened::Told(told) => self.out.tell(told).await,
                    }
                }
                frame = next(&mut self.line) => {
                    heard = Instant::now();
                    self.heard(frame).await;
                }
                () = sleep_until(due) => {
                    self.expire().await;
                    if Instant::now() >= ping {
                        ping = Instant::now() + PING;
                        self.keep_alive(heard).await;
                    }
                }
            }
        }
    }

    async fn carry_out(&mut self, ask: Ask) {
        match ask {
            Ask::Call {
                id,
                method,
                params,
                deadline_ms,
            } => {
                let text = match wire::request_text(id, method, params) {
                    Ok(text) => text,
                    Err(error) => {
                        return self
                            .out
                            .tell(Told::Answer {
                                id,
                                result: Err(error),
                            })
                            .await;
                    }
                };
                let Some(line) = &mut self.line else {
                    let result = Err(unavailable("not connected"));
                    return self.out.tell(Told::Answer { id, result }).await;
                };
                self.waiting
                    .insert(id, Instant::now() + Duration::from_millis(deadline_ms));
                if let Err(error) = line.send(Message::text(text)).await {
                    self.lose(&broken(&error)).await;
                }
            }
            Ask::SaveFile { name, contents } => {
                let out = self.out.clone();
                tokio::spawn(async move {
                    out.tell(Told::FileSaved {
                        result: save(name, contents).await,
                    })
                    .await
                });
            }
            Ask::Connect { .. } | Ask::Disconnect => {}
        }
    }

    async fn heard(&mut self, frame: Result<Message, String>) {
        match frame {
            Ok(Message::Text(text)) => match wire::read(&text) {
                Ok(Incoming::Response { id, result }) => {
                    if self.waiting.remove(&id).is_some() {
                        self.out.tell(Told::Answer { id, result }).await;
                    }
                }
                Ok(Incoming::Live { event, .. }) => {
                    self.out.tell(Told::Live(Box::new(event))).await
                }
                Err(_) => {}
            },
            Ok(Message::Close(_)) => self.lose(CLOSED).await,
            Ok(_) => {}
            Err(reason) => self.lose(&reason).await,
        }
    }

    async fn keep_alive(&mut self, heard: Instant) {
        let Some(line) = &mut self.line else { return };
        if heard.elapsed() > SILENCE {
            return self.lose("the switch no longer answers").await;
        }
        if let Err(error) = line.send(Message::Ping(Default::default())).await {
            self.lose(&broken(&error)).await;
        }
    }

    async fn expire(&mut self) {
        let now = Instant::now();
        let late: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, due)| **due <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.waiting.remove(&id);
            let result = Err(unavailable("the switch did not answer in time"));
            self.out.tell(Told::Answer { id, result }).await;
        }
    }

    /// The line went by itself.
    async fn lose(&mut self, reason: &str) {
        if self.line.take().is_some() {
            self.fail_all(reason).await;
            self.out
                .tell(Told::Lost {
                    reason: reason.to_owned(),
                })
                .await;
        }
    }

    /// The operator left.
    async fn hang_up(&mut self, reason: &str) {
        if let Some(mut line) = self.line.take() {
            let _ = timeout(Duration::from_millis(300), line.as_mut().close(None)).await;
            self.fail_all(reason).await;
        }
    }

    async fn fail_all(&mut self, reason: &str) {
        for id in std::mem::take(&mut self.waiting).into_keys() {
            self.out
                .tell(Told::Answer {
                    id,
                    result: Err(unavailable(reason)),
                })
                .await;
        }
    }
}

async fn settle(opening: &mut Option<BoxFuture<'static, Opened>>) -> Opened {
    match opening {
        Some(opening) => opening.await,
        None => std::future::pending().await,
    }
}

async fn next(line: &mut Option<Box<Line>>) -> Result<Message, String> {
    match line {
        Some(line) => match line.next().await {
            Some(frame) => frame.map_err(|error| broken(&error)),
            None => Err(CLOSED.into()),
        },
        None => std::future::pending().await,
    }
}

const CLOSED: &str = "the switch closed the connection";

/// Why the line broke, without a library's advice to programmers.
fn broken(error: &Error) -> String {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_) => CLOSED.into(),
        Error::Io(error) => match error.kind() {
            UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe => CLOSED.into(),
            _ => error.to_string(),
        },
        other => other.to_string(),
    }
}

async fn open(address: String, pin: Option<String>) -> Opened {
    let (config, shown) = match pin::client(pin.clone()) {
        Ok(client) => client,
        Err(error) => return lost(format!("TLS cannot start: {error}")),
    };
    match timeout(CONNECT, handshake(&address, config, pin.is_some())).await {
        Ok(Ok(Some(line))) => Opened::Open(Box::new(line)),
        Ok(Ok(None)) => match shown.take() {
            Some(fingerprint) => Opened::Told(Told::Unpinned { fingerprint }),
            None => lost("the server showed no certificate".into()),
        },
        Ok(Err(reason)) => match (pin, shown.take()) {
            (Some(pinned), Some(shown)) if pinned != shown => {
                Opened::Told(Told::PinChanged { pinned, shown })
            }
            _ => lost(reason),
        },
        Err(_) => lost(format!(
            "{address} did not answer within {} seconds",
            CONNECT.as_secs()
        )),
    }
}

fn lost(reason: String) -> Opened {
    Opened::Told(Told::Lost { reason })
}

/// Ok(None): the certificate is not pinned yet, so nothing was sent.
async fn handshake(
    address: &str,
    config: rustls::ClientConfig,
    pinned: bool,
) -> Result<Option<Line>, String> {
    let (host, port) = split(address)?;
    let tcp = TcpStream::connect((host.as_str(), port))
        .await
        .map_err(|error| format!("cannot reach {host} port {port}: {error}"))?;
    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
    let name = ServerName::try_from(host.clone())
        .map_err(|_| format!("{host} is not a host name or address"))?;
    let tls = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .map_err(|error| format!("no secure connection to {address}: {error}"))?;
    if !pinned {
        return Ok(None);
    }
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host
    };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let (line, _) = client_async_with_config(format!("wss://{host}:{port}/rpc"), tls, Some(limits))
        .await
        .map_err(|error| format!("{address} is not a Tandem switch: {error}"))?;
    Ok(Some(line))
}

/// Host and port of `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
fn split(address: &str) -> Result<(String, u16), String> {
    let address = address.trim();
    if address.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok((address.to_owned(), DEFAULT_PORT));
    }
    let bad = || {
        format!(
            "{address} is not an address: give a host name or address, and a port after a colon"
        )
    };
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(bad)?;
            (host, port.strip_prefix(':'))
        }
        None => address
            .split_once(':')
            .map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(DEFAULT_PORT), |port| port.parse().map_err(|_| bad()))?;
    if host.is_empty() {
        Err(bad())
    } else {
        Ok((host.to_owned(), port))
    }
}

async fn save(name: String, contents: Vec<u8>) -> Result<Option<String>, String> {
    let Some(file) = rfd::AsyncFileDialog::new()
        .set_file_name(&name)
        .save_file()
        .await
    else {
        return Ok(None);
    };
    let path = file.path().to_path_buf();
    let shown = path.display().to_string();
    let wrote = tokio::task::spawn_blocking(move || std::fs::write(path, contents)).await;
    match wrote {
        Ok(Ok(())) => Ok(Some(shown)),
        Ok(Err(error)) => Err(format!("{shown} was not written: {error}")),
        Err(error) => Err(format!("{shown} was not written: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("switch", Some(("switch", 7443))),
            (" switch.example:99 ", Some(("switch.example", 99))),
            ("10.0.0.1", Some(("10.0.0.1", 7443))),
            ("::1", Some(("::1", 7443))),
            ("[::1]", Some(("::1", 7443))),
            ("[::1]:80", Some(("::1", 80))),
            ("", None),
            (":80", None),
            ("host:port", None),
            ("host:70000", None),
            ("[::1", None),
        ] {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(split(text).ok(), expected, "{text:?}");
        }
    }
}
