//! The stream side (TCP, TLS, WebSocket): listeners, and all connections of all of them, within bounds.
//!
//! A connection is found again by its number (requests to a phone go over the one it registered on) or by the
//! peer's address (RFC 5923: one to a gateway is reused); what is not there is opened. When one ends, the core
//! hears which flows have failed. Must not know what messages mean.

use super::{
    connection::{Connection, Left, Origin},
    link::Link,
    sources::{ConnectionLimits, Sources},
    tls::{Tls, peers},
};
use bytes::Bytes;
use mio::{
    Interest, Registry, Token,
    net::{TcpListener, TcpStream},
};
use socket2::{SockRef, TcpKeepalive};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{Error, ErrorKind},
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tandem_call::{Directory, directory::guard::Network};
use tandem_sip::{Flow, Mono, Transport};

/// Bytes that may wait for slow peers in all: a thousand that have stopped reading.
const MAX_UNSENT_IN_ALL: usize = 256 << 20;
const READ_BYTES: usize = 16 << 10;
/// Connections taken from one listener before others get their turn.
const ACCEPT_TURN: usize = 64;
/// Until the next try when the system has no more file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// Until the next look when TLS handshakes are being paced.
const PACE_PAUSE: Duration = Duration::from_millis(20);
/// The system asks whether a silent peer is still there: keeps NATs open, finds dead ones in two minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
const KEEPALIVE_RETRIES: u32 = 3;
/// What was sent and not acknowledged for so long ends the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// All listeners and connections.
pub(super) struct Streams {
    listeners: Vec<StreamListener>,
    connections: BTreeMap<u32, Held>,
    deadlines: BTreeSet<(Mono, u32)>,
    sources: Sources,
    /// The connection that reaches an address: reused for requests to it.
    by_remote: HashMap<(u16, SocketAddr), u32>,
    unsent: usize,
    next: u32,
    first_token: usize,
    buffer: Vec<u8>,
    tls: Tls,
}

struct StreamListener {
    index: u16,
    transport: Transport,
    socket: TcpListener,
    token: Token,
    /// Not looked at before.
    paused: Option<Mono>,
}

struct Held {
    connection: Connection,
    /// Its entry in `deadlines`: at or before the true one.
    alarm: Mono,
}

/// What a look at a connection brought.
#[derive(Default)]
pub(super) struct Arrived {
    pub(super) messages: Vec<(Flow, Bytes)>,
    pub(super) failed: Vec<Flow>,
    pub(super) more: bool,
}

impl Streams {
    /// Tokens from `first_token` on are for connections.
    pub(super) fn new(first_token: usize, limits: ConnectionLimits, tls: Tls, now: Mono) -> Self {
        Self {
            listeners: Vec::new(),
            connections: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            sources: Sources::new(limits, now),
            by_remote: HashMap::new(),
            unsent: 0,
            next: 1,
            first_token,
            buffer: vec![0; READ_BYTES],
            tls,
        }
    }

    /// Binds and registers a listener under `token`.
    pub(super) fn listen(
        &mut self,
        registry: &Registry,
        (transport, address): (Transport, SocketAddr),
        index: u16,
        token: Token,
    ) -> std::io::Result<SocketAddr> {
        let mut socket = TcpListener::bind(address)?;
        registry.register(&mut socket, token, Interest::READABLE)?;
        let local = socket.local_addr()?;
        self.listeners.push(StreamListener {
            index,
            transport,
            socket,
            token,
            paused: None,
        });
        Ok(local)
    }

    pub(super) fn is_listener(&self, token: Token) -> bool {
        self.listeners
            .iter()
            .any(|listener| listener.token == token)
    }

    /// Takes connections; true if there may be more.
    /// Those of addresses that `refuses` names are closed at once.
    pub(super) fn accept(
        &mut self,
        registry: &Registry,
        token: Token,
        now: Mono,
        refuses: &dyn Fn(IpAddr) -> bool,
    ) -> bool {
        let Some(at) = self.listeners.iter().position(|own| own.token == token) else {
            return false;
        };
        for _ in 0..ACCEPT_TURN {
            let Some(listener) = self.listeners.get_mut(at) else {
                return false;
            };
            if listener.paused.is_some_and(|until| until > now) {
                return false;
            }
            let (index, transport) = (listener.index, listener.transport);
            if is_secure(transport) && !self.sources.may_handshake(now) {
                listener.paused = Some(now + PACE_PAUSE);
                return false;
            }
            listener.paused = None;
            match listener.socket.accept() {
                Ok((_, remote)) if refuses(remote.ip()) => {}
                Ok((stream, remote)) => {
                    if let Err(error) = self.take(registry, stream, (index, transport, remote), now)
                    {
                        tracing::debug!(%error, %remote, "connection refused");
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                // Of the one connection: its peer gave up, or the system says what its network said.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::Interrupted
                            | ErrorKind::ConnectionAborted
                            | ErrorKind::ConnectionReset
                    ) => {}
                Err(error) => {
                    tracing::warn!(%error, "connections cannot be accepted for now");
                    listener.paused = Some(now + ACCEPT_PAUSE);
                    return false;
                }
            }
        }
        true
    }

    fn take(
        &mut self,
        registry: &Registry,
        stream: TcpStream,
        (listener, transport, remote): (u16, Transport, SocketAddr),
        now: Mono,
    ) -> Result<(), Error> {
        if !self.sources.has_room(remote.ip()) {
            return Err(Error::new(ErrorKind::QuotaExceeded, "too many connections"));
        }
        let session = if is_secure(transport) {
            if !self.sources.count_handshake(remote.ip(), now) {
                return Err(Error::new(
                    ErrorKind::QuotaExceeded,
                    "too many TLS handshakes",
                ));
            }
            Some(self.tls.accept()?)
        } else {
            None
        };
        let flow = Flow {
            transport,
            listener,
            connection: 0,
            remote,
        };
        let link = Link::accepted(stream, session);
        self.add(registry, (flow, link, Origin::Peer), now)?;
        Ok(())
    }

    fn add(
        &mut self,
        registry: &Registry,
        (mut flow, mut link, origin): (Flow, Link, Origin),
        now: Mono,
    ) -> std::io::Result<u32> {
        let id = self.next_id();
        let token = Token(self.first_token + id as usize);
        keep_alive(link.source());
        registry.register(
            link.source(),
            token,
            Interest::READABLE | Interest::WRITABLE,
        )?;
        flow.connection = id;
        self.sources.enter(flow.remote.ip(), now);
        self.by_remote.insert((flow.listener, flow.remote), id);
        let connection = Connection::new(flow, link, origin, now);
        let (alarm, _) = connection.deadline();
        self.deadlines.insert((alarm, id));
        self.connections.insert(id, Held { connection, alarm });
        Ok(id)
    }

    fn next_id(&mut self) -> u32 {
        loop {
            let id = self.next;
            self.next = self.next.checked_add(1).unwrap_or(1);
            if !self.connections.contains_key(&id) {
                return id;
            }
        }
    }

    /// A connection may be read or written.
    pub(super) fn ready(&mut self, registry: &Registry, token: Token, now: Mono) -> Arrived {
        let mut arrived = Arrived::default();
        let number = token.0.checked_sub(self.first_token);
        let Some(id) = number.and_then(|id| u32::try_from(id).ok()) else {
            return arrived;
        };
        let Some(held) = self.connections.get_mut(&id) else {
            return arrived;
        };
        let before = held.connection.unsent();
        let done = held
            .connection
            .advance(&mut self.buffer, &mut arrived.messages, now);
        match done {
            Ok(left) => {
                arrived.more = left == Left::More;
                self.account(id, before);
            }
            Err(error) => {
                tracing::debug!(%error, remote = %held.connection.flow.remote, "connection ended");
                arrived.failed = self.close(registry, id, before);
            }
        }
        arrived
    }

    /// Sends on the flow's connection, or opens one to its address.
    ///
    /// # Errors
    /// When there is none and none can be opened, or the peer does not take what it is sent.
    pub(super) fn send(
        &mut self,
        registry: &Registry,
        flow: Flow,
        bytes: &[u8],
        now: Mono,
    ) -> Result<(), SendFailed> {
        let id = self
            .find_or_open(registry, flow, now)
            .map_err(|error| SendFailed {
                error,
                flows: vec![flow],
            })?;
        let Some(held) = self.connections.get_mut(&id) else {
            return Ok(());
        };
        let before = held.connection.unsent();
        let sent = held.connection.send(bytes, now);
        self.account(id, before);
        let crowded = self.unsent > MAX_UNSENT_IN_ALL;
        let sent = sent.and_then(|()| {
            let own = self
                .connections
                .get(&id)
                .map_or(0, |held| held.connection.unsent());
            if crowded && own > 0 {
                return Err(Error::new(
                    ErrorKind::TimedOut,
                    "too much waits for slow peers",
                ));
            }
            Ok(())
        });
        sent.map_err(|error| {
            let before = self
                .connections
                .get(&id)
                .map_or(0, |held| held.connection.unsent());
            SendFailed {
                error,
                flows: self.close(registry, id, before),
            }
        })
    }

    fn find_or_open(&mut self, registry: &Registry, flow: Flow, now: Mono) -> Result<u32, Error> {
        let known = if flow.connection == 0 {
            self.by_remote.get(&(flow.listener, flow.remote)).copied()
        } else {
            Some(flow.connection)
        };
        if let Some(id) = known.filter(|id| self.connections.contains_key(id)) {
            return Ok(id);
        }
        if flow.connection != 0 {
            return Err(Error::new(
                ErrorKind::NotConnected,
                "its connection has ended",
            ));
        }
        if !self.sources.has_room(flow.remote.ip()) {
            return Err(Error::new(ErrorKind::QuotaExceeded, "too many connections"));
        }
        let session = match flow.transport {
            Transport::Tcp => None,
            Transport::Tls => Some(self.tls.connect(flow.remote)?),
            // A browser can only be reached where it came from (RFC 7118 section 5).
            Transport::Udp | Transport::Ws | Transport::Wss => {
                return Err(Error::new(
                    ErrorKind::NotConnected,
                    "its connection has ended",
                ));
            }
        };
        let link = Link::connecting(TcpStream::connect(flow.remote)?, session);
        self.add(registry, (flow, link, Origin::Us), now)
    }

    /// The gateways that TLS may be opened to from now on. A connection to one whose certificate would now be judged
    /// otherwise is closed: the next message opens another.
    pub(super) fn take_directory(
        &mut self,
        registry: &Registry,
        directory: &Directory,
    ) -> Vec<Flow> {
        let changed = self.tls.set_peers(peers(directory));
        let affected = self.connections.iter().filter(|(_, held)| {
            let flow = held.connection.flow;
            flow.transport == Transport::Tls && changed.contains(&flow.remote)
        });
        let affected: Vec<(u32, usize)> = affected
            .map(|(id, held)| (*id, held.connection.unsent()))
            .collect();
        affected
            .into_iter()
            .flat_map(|(id, unsent)| self.close(registry, id, unsent))
            .collect()
    }

    /// Closes what is connected from there; those flows have failed.
    pub(super) fn shut(&mut self, registry: &Registry, network: Network) -> Vec<Flow> {
        let there = self.connections.iter().filter(|(_, held)| {
            let flow = held.connection.flow;
            network.contains(flow.remote.ip())
        });
        let there: Vec<(u32, usize)> = there
            .map(|(id, held)| (*id, held.connection.unsent()))
            .collect();
        there
            .into_iter()
            .flat_map(|(id, unsent)| self.close(registry, id, unsent))
            .collect()
    }

    /// When [`Self::expire`] is due.
    pub(super) fn next_deadline(&self) -> Option<Mono> {
        let paused = self.listeners.iter().filter_map(|listener| listener.paused);
        let first = self.deadlines.first().map(|(at, _)| *at);
        paused.chain(first).min()
    }

    /// Closes what has had its time, and takes connections again where that was put off: the
    /// second are listeners that may have more.
    pub(super) fn expire(&mut self, registry: &Registry, now: Mono) -> (Vec<Flow>, Vec<Token>) {
        let mut failed = Vec::new();
        while let Some((alarm, id)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            self.deadlines.remove(&(alarm, id));
            let Some(held) = self.connections.get_mut(&id) else {
                continue;
            };
            let (deadline, why) = held.connection.deadline();
            if deadline > now {
                held.alarm = deadline;
                self.deadlines.insert((deadline, id));
                continue;
            }
            let before = held.connection.unsent();
            tracing::debug!(why, remote = %held.connection.flow.remote, "connection closed");
            failed.extend(self.close(registry, id, before));
        }
        let due = self.listeners.iter_mut().filter_map(|listener| {
            let due = listener.paused.is_some_and(|until| until <= now);
            due.then(|| {
                listener.paused = None;
                listener.token
            })
        });
        (failed, due.collect())
    }

    /// After anything was done with a connection that had `before` bytes waiting.
    fn account(&mut self, id: u32, before: usize) {
        let Some(held) = self.connections.get_mut(&id) else {
            return;
        };
        self.unsent = (self.unsent + held.connection.unsent()).saturating_sub(before);
        let (deadline, _) = held.connection.deadline();
        if deadline < held.alarm {
            self.deadlines.remove(&(held.alarm, id));
            held.alarm = deadline;
            self.deadlines.insert((deadline, id));
        }
    }

    /// The flows that fail with it: its own, and "open one" if it was the one opened.
    fn close(&mut self, registry: &Registry, id: u32, counted: usize) -> Vec<Flow> {
        let Some(mut held) = self.connections.remove(&id) else {
            return Vec::new();
        };
        self.unsent = self.unsent.saturating_sub(counted);
        self.deadlines.remove(&(held.alarm, id));
        let flow = held.connection.flow;
        held.connection.link().close();
        // It is being dropped: an error changes nothing.
        let _ = registry.deregister(held.connection.link().source());
        self.sources.leave(flow.remote.ip());
        let mut failed = vec![flow];
        if self.by_remote.get(&(flow.listener, flow.remote)) == Some(&id) {
            self.by_remote.remove(&(flow.listener, flow.remote));
            failed.push(Flow {
                connection: 0,
                ..flow
            });
        }
        failed
    }
}

/// A message could not be sent.
pub(super) struct SendFailed {
    pub(super) error: Error,
    pub(super) flows: Vec<Flow>,
}

fn is_secure(transport: Transport) -> bool {
    matches!(transport, Transport::Tls | Transport::Wss)
}

/// Best effort: without it dead peers are found later.
fn keep_alive(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(KEEPALIVE_RETRIES);
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
}
