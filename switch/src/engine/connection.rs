//! One connection: what it reads cut into messages, what waits to be written, and the limits it lives under.
//!
//! A peer that connects and says nothing, sends a message too slowly, does not take what it is sent, or falls
//! silent for good is closed: each has its own time. Must not know listeners or other connections.

use super::{link::Link, websocket::WebSocket};
use bytes::{Buf, Bytes, BytesMut};
use std::{
    io::{Error, ErrorKind},
    time::Duration,
};
use tandem_sip::{
    Flow, Mono, Transport,
    framing::{Frame, Framer, FramingError, PONG},
};

/// To connect to a peer, TLS included: later the next host is tried (RFC 3263 section 4.3).
const CONNECT: Duration = Duration::from_secs(5);
/// From a connection taken to its first whole message, TLS and WebSocket handshakes included.
const FIRST_MESSAGE: Duration = Duration::from_secs(20);
/// From the first byte of a message to its last: 64 KiB at a slow modem's speed.
const WHOLE_MESSAGE: Duration = Duration::from_secs(15);
/// Without the peer taking a byte of what waits for it.
const STUCK: Duration = Duration::from_secs(20);
/// Without a byte either way: longer than the longest registration, which may be all that a phone sends. That the
/// peer is still there, the system asks (TCP keep-alive).
const IDLE: Duration = Duration::from_secs(2 * 3600);
/// For the last answer to leave before a connection is closed.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that may wait for a slow peer: four of the largest messages.
const MAX_UNSENT: usize = 256 << 10;
/// Read before others get their turn.
const TURN_BYTES: usize = 64 << 10;

pub(super) struct Connection {
    pub(super) flow: Flow,
    link: Link,
    framing: Framing,
    unsent: BytesMut,
    ages: Ages,
}

enum Framing {
    Stream(Framer),
    WebSocket(WebSocket),
}

/// Since when.
struct Ages {
    began: Mono,
    heard: Mono,
    opening: Opening,
    partial: Option<Mono>,
    stuck: Option<Mono>,
    leaving: Option<Mono>,
}

/// How far it is from being of use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// We open it.
    Ours,
    /// The peer opened it, and has not sent a message.
    Theirs,
    Done,
}

/// Who opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Us,
    Peer,
}

/// Whether a look at it took all there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    More,
}

impl Connection {
    pub(super) fn new(flow: Flow, link: Link, origin: Origin, now: Mono) -> Self {
        let framing = match flow.transport {
            Transport::Ws | Transport::Wss => Framing::WebSocket(WebSocket::new()),
            Transport::Udp | Transport::Tcp | Transport::Tls => Framing::Stream(Framer::new()),
        };
        let opening = match origin {
            Origin::Us => Opening::Ours,
            Origin::Peer => Opening::Theirs,
        };
        Self {
            flow,
            link,
            framing,
            unsent: BytesMut::new(),
            ages: Ages {
                began: now,
                heard: now,
                opening,
                partial: None,
                stuck: None,
                leaving: None,
            },
        }
    }

    pub(super) fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// Bytes that the peer has not taken yet.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Writes and reads what can be; whole messages go to `messages`.
    ///
    /// # Errors
    /// Why it must be closed.
    pub(super) fn advance(
        &mut self,
        buffer: &mut [u8],
        messages: &mut Vec<(Flow, Bytes)>,
        now: Mono,
    ) -> Result<Left, Error> {
        self.link.advance()?;
        if self.ages.opening == Opening::Ours && self.link.is_established() {
            self.ages.opening = Opening::Done;
        }
        self.flush(now)?;
        let left = self.read(buffer, messages, now);
        // What reading gave rise to: pongs, the answer to an opening, why it was refused.
        let flushed = self.flush(now);
        let left = left?;
        flushed?;
        Ok(left)
    }

    fn read(
        &mut self,
        buffer: &mut [u8],
        messages: &mut Vec<(Flow, Bytes)>,
        now: Mono,
    ) -> Result<Left, Error> {
        let mut taken = 0;
        while taken < TURN_BYTES {
            match self.link.read(buffer) {
                Ok(0) if self.ages.leaving.is_some() => return Ok(Left::Nothing),
                // It has said all it will, and may still want to hear the answers.
                Ok(0) if !messages.is_empty() || !self.unsent.is_empty() => {
                    self.ages.leaving = Some(now);
                    return Ok(Left::Nothing);
                }
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    taken += length;
                    self.ages.heard = now;
                    if self.ages.leaving.is_none() {
                        self.take(buffer.get(..length).unwrap_or_default(), messages, now)?;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Left::Nothing),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Left::More)
    }

    fn take(
        &mut self,
        bytes: &[u8],
        messages: &mut Vec<(Flow, Bytes)>,
        now: Mono,
    ) -> Result<(), Error> {
        let before = messages.len();
        let done = match &mut self.framing {
            Framing::Stream(framer) => cut(framer, bytes, &mut self.unsent, self.flow, messages),
            Framing::WebSocket(socket) => {
                unwrap(socket, bytes, &mut self.unsent, self.flow, messages)
            }
        };
        if messages.len() > before && self.ages.opening == Opening::Theirs {
            self.ages.opening = Opening::Done;
        }
        let partial = match &self.framing {
            Framing::Stream(framer) => framer.pending() > 0,
            Framing::WebSocket(socket) => socket.is_partial(),
        };
        self.ages.partial = match self.ages.partial {
            _ if !partial => None,
            Some(since) if messages.len() == before => Some(since),
            Some(_) | None => Some(now),
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) if self.unsent.is_empty() && messages.len() == before => Err(error),
            // There is something to say before it is closed.
            Err(error) => {
                tracing::debug!(%error, remote = %self.flow.remote, "connection is being closed");
                self.ages.leaving = Some(now);
                Ok(())
            }
        }
    }

    /// Queues one message and sends what the peer takes.
    ///
    /// # Errors
    /// If it is not there to send on, or the peer is too slow.
    pub(super) fn send(&mut self, message: &[u8], now: Mono) -> Result<(), Error> {
        match &mut self.framing {
            Framing::Stream(_) => self.unsent.extend_from_slice(message),
            Framing::WebSocket(socket) => socket.write(message, &mut self.unsent)?,
        }
        self.flush(now)?;
        if self.unsent.len() > MAX_UNSENT {
            return Err(Error::new(ErrorKind::TimedOut, "the peer is too slow"));
        }
        Ok(())
    }

    fn flush(&mut self, now: Mono) -> Result<(), Error> {
        let before = self.unsent.len();
        while !self.unsent.is_empty() {
            match self.link.write(&self.unsent) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => self.unsent.advance(length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.unsent.is_empty() {
            self.unsent = BytesMut::new();
            self.ages.stuck = None;
        } else if self.unsent.len() < before || self.ages.stuck.is_none() {
            self.ages.stuck = Some(now);
        }
        match self.link.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// When it must be closed, unless something happens before.
    pub(super) fn deadline(&self) -> (Mono, &'static str) {
        let ages = &self.ages;
        if let Some(since) = ages.leaving {
            return (since + LINGER, "its peer closed it, or broke the rules");
        }
        let opening = match ages.opening {
            Opening::Ours => Some((ages.began + CONNECT, "it could not be opened in time")),
            Opening::Theirs => Some((ages.began + FIRST_MESSAGE, "it brought no message")),
            Opening::Done => None,
        };
        let limits = [
            opening,
            ages.partial
                .map(|since| (since + WHOLE_MESSAGE, "a message did not end")),
            ages.stuck
                .map(|since| (since + STUCK, "the peer takes nothing")),
            Some((ages.heard + IDLE, "nothing came for long")),
        ];
        limits
            .into_iter()
            .flatten()
            .min()
            .unwrap_or((ages.heard + IDLE, ""))
    }
}

fn cut(
    framer: &mut Framer,
    bytes: &[u8],
    unsent: &mut BytesMut,
    flow: Flow,
    messages: &mut Vec<(Flow, Bytes)>,
) -> Result<(), Error> {
    framer.push(bytes).map_err(unframed)?;
    loop {
        match framer.next_frame() {
            Ok(None) => return Ok(()),
            Ok(Some(Frame::Message(message))) => messages.push((flow, message)),
            Ok(Some(Frame::Ping)) => pong(unsent)?,
            Err(error) => {
                // The head can be answered, with what is wrong with it.
                messages.extend(framer.take_refused().map(|head| (flow, head)));
                return Err(unframed(error));
            }
        }
    }
}

fn unwrap(
    socket: &mut WebSocket,
    bytes: &[u8],
    unsent: &mut BytesMut,
    flow: Flow,
    messages: &mut Vec<(Flow, Bytes)>,
) -> Result<(), Error> {
    socket.push(bytes, unsent)?;
    while let Some(frame) = socket.next_frame(unsent)? {
        match frame {
            Frame::Message(message) => messages.push((flow, message)),
            Frame::Ping => {
                socket.write(PONG, unsent)?;
                bounded(unsent)?;
            }
        }
    }
    bounded(unsent)
}

fn pong(unsent: &mut BytesMut) -> Result<(), Error> {
    unsent.extend_from_slice(PONG);
    bounded(unsent)
}

/// Pings are answered only as long as the answers are taken.
fn bounded(unsent: &BytesMut) -> Result<(), Error> {
    if unsent.len() > MAX_UNSENT {
        return Err(Error::new(ErrorKind::TimedOut, "the peer is too slow"));
    }
    Ok(())
}

fn unframed(error: FramingError) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}
