//! The TCP side: connections, each with its framer, within bounds.
//!
//! A connection that is idle too long, sends what cannot be framed, or does not take what it is sent is closed;
//! the core then hears that the flow has failed.

use bytes::Bytes;
use mio::{
    Interest, Registry, Token,
    net::{TcpListener, TcpStream},
};
use std::{
    collections::{BTreeMap, HashMap},
    io::{Error, ErrorKind, Read, Write},
    net::SocketAddr,
    time::Duration,
};
use tandem_sip::{
    Flow, Mono, Transport,
    framing::{Frame, Framer, FramingError, PONG},
};

/// Connections at once, and of one address: a flood of one source leaves room for others.
const MAX_CONNECTIONS: usize = 20_000;
const MAX_PER_SOURCE: usize = 200;
/// Bytes not yet taken by a slow peer.
const MAX_UNSENT: usize = 1 << 20;
/// Without a byte either way. Phones keep their flow alive about every two minutes (RFC 5626 section 4.4.1).
const IDLE: Duration = Duration::from_secs(600);
const READ_BYTES: usize = 16 << 10;

/// One listener and all connections of every listener.
pub(super) struct Streams {
    listeners: Vec<(u16, TcpListener, usize)>,
    connections: BTreeMap<u32, Connection>,
    per_source: HashMap<std::net::IpAddr, usize>,
    /// The connection that reaches an address: reused for requests to it (RFC 5923).
    by_remote: HashMap<(u16, SocketAddr), u32>,
    next: u32,
    first_token: usize,
    buffer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    flow: Flow,
    framer: Framer,
    unsent: Vec<u8>,
    last: Mono,
}

/// What a look at a connection brought.
pub(super) struct Arrived {
    pub(super) messages: Vec<(Flow, Bytes)>,
    pub(super) failed: Vec<Flow>,
}

impl Streams {
    /// Tokens from `first_token` on are for connections.
    pub(super) fn new(first_token: usize) -> Self {
        Self {
            listeners: Vec::new(),
            connections: BTreeMap::new(),
            per_source: HashMap::new(),
            by_remote: HashMap::new(),
            next: 1,
            first_token,
            buffer: vec![0; READ_BYTES],
        }
    }

    /// Binds and registers a listener under `token`.
    pub(super) fn listen(
        &mut self,
        registry: &Registry,
        address: SocketAddr,
        index: u16,
        token: Token,
    ) -> std::io::Result<SocketAddr> {
        let mut listener = TcpListener::bind(address)?;
        registry.register(&mut listener, token, Interest::READABLE)?;
        let local = listener.local_addr()?;
        self.listeners.push((index, listener, token.0));
        Ok(local)
    }

    pub(super) fn is_listener(&self, token: Token) -> bool {
        self.listeners.iter().any(|(_, _, own)| *own == token.0)
    }

    pub(super) fn accept(&mut self, registry: &Registry, token: Token, now: Mono) {
        loop {
            let Some((index, listener, _)) =
                self.listeners.iter().find(|(_, _, own)| *own == token.0)
            else {
                return;
            };
            let index = *index;
            match listener.accept() {
                Ok((stream, remote)) => {
                    if self.is_full(remote) {
                        tracing::debug!(%remote, "connection refused: too many");
                        continue;
                    }
                    if let Err(error) = self.add(registry, stream, index, remote, now) {
                        tracing::warn!(%error, %remote, "connection cannot be taken");
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::warn!(%error, "connections cannot be accepted");
                    return;
                }
            }
        }
    }

    fn is_full(&self, remote: SocketAddr) -> bool {
        self.connections.len() >= MAX_CONNECTIONS
            || self
                .per_source
                .get(&remote.ip())
                .is_some_and(|count| *count >= MAX_PER_SOURCE)
    }

    fn add(
        &mut self,
        registry: &Registry,
        mut stream: TcpStream,
        listener: u16,
        remote: SocketAddr,
        now: Mono,
    ) -> std::io::Result<u32> {
        let id = self.next;
        self.next = self.next.checked_add(1).unwrap_or(1);
        let token = Token(self.first_token + id as usize);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        // Best effort: only a delay is lost.
        let _ = stream.set_nodelay(true);
        let flow = Flow {
            transport: Transport::Tcp,
            listener,
            connection: id,
            remote,
        };
        *self.per_source.entry(remote.ip()).or_default() += 1;
        self.by_remote.insert((listener, remote), id);
        self.connections.insert(
            id,
            Connection {
                stream,
                flow,
                framer: Framer::default(),
                unsent: Vec::new(),
                last: now,
            },
        );
        Ok(id)
    }

    /// A connection may be read or written.
    pub(super) fn ready(&mut self, registry: &Registry, token: Token, now: Mono) -> Arrived {
        let mut arrived = Arrived {
            messages: Vec::new(),
            failed: Vec::new(),
        };
        let Some(id) = token
            .0
            .checked_sub(self.first_token)
            .and_then(|id| u32::try_from(id).ok())
        else {
            return arrived;
        };
        let Some(connection) = self.connections.get_mut(&id) else {
            return arrived;
        };
        connection.last = now;
        let written = connection.flush();
        let read = written.and_then(|()| connection.read(&mut self.buffer, &mut arrived.messages));
        if let Err(error) = read {
            tracing::debug!(%error, remote = %connection.flow.remote, "connection ended");
            arrived.failed.extend(self.close(registry, id));
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
    ) -> Result<(), Error> {
        let known = if flow.connection == 0 {
            self.by_remote.get(&(flow.listener, flow.remote)).copied()
        } else {
            Some(flow.connection)
        };
        let id = match known.filter(|id| self.connections.contains_key(id)) {
            Some(id) => id,
            None if flow.connection != 0 => return Err(ErrorKind::NotConnected.into()),
            None if self.is_full(flow.remote) => return Err(ErrorKind::QuotaExceeded.into()),
            None => {
                let stream = TcpStream::connect(flow.remote)?;
                self.add(registry, stream, flow.listener, flow.remote, now)?
            }
        };
        let Some(connection) = self.connections.get_mut(&id) else {
            return Err(ErrorKind::NotConnected.into());
        };
        let sent = connection.queue(bytes);
        if sent.is_err() {
            self.close(registry, id);
        }
        sent
    }

    /// Closes what has been idle; to be called now and then.
    pub(super) fn sweep(&mut self, registry: &Registry, now: Mono) -> Vec<Flow> {
        let idle: Vec<u32> = self
            .connections
            .iter()
            .filter(|(_, c)| now.since(c.last) > IDLE)
            .map(|(id, _)| *id)
            .collect();
        idle.into_iter()
            .filter_map(|id| self.close(registry, id))
            .collect()
    }

    fn close(&mut self, registry: &Registry, id: u32) -> Option<Flow> {
        let mut connection = self.connections.remove(&id)?;
        // It is being dropped: an error changes nothing.
        let _ = registry.deregister(&mut connection.stream);
        let flow = connection.flow;
        if let Some(count) = self.per_source.get_mut(&flow.remote.ip()) {
            *count -= 1;
            if *count == 0 {
                self.per_source.remove(&flow.remote.ip());
            }
        }
        if self.by_remote.get(&(flow.listener, flow.remote)) == Some(&id) {
            self.by_remote.remove(&(flow.listener, flow.remote));
        }
        Some(flow)
    }
}

impl Connection {
    fn read(&mut self, buffer: &mut [u8], messages: &mut Vec<(Flow, Bytes)>) -> Result<(), Error> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    let read = buffer.get(..length).unwrap_or_default();
                    self.framer.push(read).map_err(unframed)?;
                    self.frames(messages)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn frames(&mut self, messages: &mut Vec<(Flow, Bytes)>) -> Result<(), Error> {
        while let Some(frame) = self
            .framer
            .next_frame()
            .map_err(|e| Error::new(ErrorKind::InvalidData, e))?
        {
            match frame {
                Frame::Message(bytes) => messages.push((self.flow, bytes)),
                Frame::Ping => self.queue(PONG)?,
            }
        }
        Ok(())
    }

    fn queue(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.unsent.len() + bytes.len() > MAX_UNSENT {
            return Err(ErrorKind::TimedOut.into());
        }
        self.unsent.extend_from_slice(bytes);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Error> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => {
                    self.unsent.drain(..length);
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::NotConnected
                    ) =>
                {
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn unframed(error: FramingError) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}
