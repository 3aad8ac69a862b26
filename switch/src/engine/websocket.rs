//! WebSocket on buffers (RFC 6455, RFC 7118): bytes that came in, bytes that are to go out, no socket.
//!
//! The opening handshake is refused unless subprotocol `sip` is offered. One WebSocket message is one SIP
//! message; frames, masks, fragments, ping and close are tungstenite's. Must not know TLS or connections.

use bytes::{Buf, Bytes, BytesMut};
use std::io::{Error, ErrorKind, Read, Write};
use tandem_sip::{
    framing::{Frame, PONG},
    message::MAX_MESSAGE,
};
use tungstenite::{
    Error as SocketError, Message,
    handshake::{
        machine::TryParse,
        server::{Request, create_response, write_response},
    },
    http::HeaderValue,
    protocol::{Role, WebSocketConfig},
};

/// What a WebSocket speaks here (RFC 7118 section 4.1).
const SUBPROTOCOL: &str = "sip";
/// Bytes of the request that opens it: browsers send some 600, with cookies perhaps 4 KiB.
const MAX_UPGRADE: usize = 8 << 10;
/// Of each connection, taken at once: most SIP messages fit, and ten thousand of them are 40 MB.
const BUFFER_BYTES: usize = 4 << 10;
/// A keep-alive in a message of its own (RFC 7118 section 6, RFC 5626 section 3.5.1).
const PING: &[u8] = b"\r\n\r\n";

/// One side of a WebSocket: ours, the server's.
pub(super) enum WebSocket {
    /// The request that opens it, as far as it has come.
    Opening(BytesMut),
    Open {
        socket: Box<tungstenite::WebSocket<Pipe>>,
        /// Bytes came that have not made a frame yet.
        partial: bool,
    },
    /// It was refused or has ended; nothing more is read.
    Ended,
}

/// The memory that tungstenite reads and writes instead of a socket.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    incoming: BytesMut,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if self.incoming.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let length = buffer.len().min(self.incoming.len());
        self.incoming
            .copy_to_slice(buffer.get_mut(..length).unwrap_or_default());
        Ok(length)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl WebSocket {
    /// Nothing has come yet.
    pub(super) fn new() -> Self {
        Self::Opening(BytesMut::new())
    }

    /// Takes what was read; what must be said at once (the answer to the opening) goes to `out`.
    ///
    /// # Errors
    /// If it cannot become a WebSocket: `out` holds why, in HTTP.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        match self {
            Self::Open { socket, partial } => {
                *partial = true;
                socket.get_mut().incoming.extend_from_slice(bytes);
            }
            Self::Opening(head) => {
                head.extend_from_slice(bytes);
                if let Some(opened) = open(head, out).inspect_err(|_| *self = Self::Ended)? {
                    *self = opened;
                }
            }
            Self::Ended => {}
        }
        Ok(())
    }

    /// The next message or keep-alive; None until more is pushed. Pongs and closes go to `out`.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedEof`] when the peer closed it, else what it broke; `out` may hold a close frame.
    pub(super) fn next_frame(&mut self, out: &mut BytesMut) -> Result<Option<Frame>, Error> {
        let Self::Open { socket, partial } = self else {
            return Ok(None);
        };
        let read = loop {
            let message = match socket.read() {
                Ok(Message::Text(text)) => Bytes::from(text),
                Ok(Message::Binary(bytes)) => bytes,
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {
                    *partial = false;
                    continue;
                }
                Err(SocketError::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    break Ok(None);
                }
                Err(error) => break Err(error),
            };
            *partial = false;
            match message.as_ref() {
                PONG => {}
                PING => break Ok(Some(Frame::Ping)),
                _ => break Ok(Some(Frame::Message(message))),
            }
        };
        // What it has to say in answer to a ping or a close; a closed one has said it.
        let _ = socket.flush();
        out.extend_from_slice(&std::mem::take(&mut socket.get_mut().outgoing));
        match read {
            Ok(frame) => Ok(frame),
            Err(error) => {
                *self = Self::Ended;
                Err(ended(error))
            }
        }
    }

    /// Writes one SIP message: as text if it is UTF-8, else as binary.
    ///
    /// # Errors
    /// If it is not open.
    pub(super) fn write(&mut self, message: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let Self::Open { socket, .. } = self else {
            return Err(ErrorKind::NotConnected.into());
        };
        let message = match std::str::from_utf8(message) {
            Ok(text) => Message::text(text),
            Err(_) => Message::binary(Bytes::copy_from_slice(message)),
        };
        let sent = socket.write(message).and_then(|()| socket.flush());
        out.extend_from_slice(&std::mem::take(&mut socket.get_mut().outgoing));
        sent.map_err(ended)
    }

    /// Whether bytes wait for the rest of their frame.
    pub(super) fn is_partial(&self) -> bool {
        match self {
            Self::Opening(head) => !head.is_empty(),
            Self::Open { partial, .. } => *partial,
            Self::Ended => false,
        }
    }
}

fn ended(error: SocketError) -> Error {
    match error {
        SocketError::Io(error) => error,
        SocketError::ConnectionClosed | SocketError::AlreadyClosed => {
            ErrorKind::UnexpectedEof.into()
        }
        other => Error::new(ErrorKind::InvalidData, other),
    }
}

/// Answers the opening request once it is whole.
fn open(head: &mut BytesMut, out: &mut BytesMut) -> Result<Option<WebSocket>, Error> {
    let parsed = match Request::try_parse(head) {
        Ok(parsed) => parsed,
        Err(error) => return Err(refuse(out, "400 Bad Request", &error.to_string())),
    };
    let Some((length, request)) = parsed else {
        if head.len() > MAX_UPGRADE {
            return Err(refuse(
                out,
                "431 Request Header Fields Too Large",
                "too long",
            ));
        }
        return Ok(None);
    };
    if !offers_sip(&request) {
        let told = "this port speaks SIP over WebSocket: subprotocol sip is needed";
        return Err(refuse(out, "426 Upgrade Required", told));
    }
    let mut response = match create_response(&request) {
        Ok(response) => response,
        Err(error) => return Err(refuse(out, "400 Bad Request", &error.to_string())),
    };
    let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
    response
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", subprotocol);
    let mut printed = Vec::new();
    write_response(&mut printed, &response).map_err(ended)?;
    out.extend_from_slice(&printed);
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let pipe = Pipe {
        incoming: head.split_off(length),
        outgoing: Vec::new(),
    };
    let socket = tungstenite::WebSocket::from_raw_socket(pipe, Role::Server, Some(config));
    Ok(Some(WebSocket::Open {
        socket: Box::new(socket),
        partial: false,
    }))
}

fn offers_sip(request: &Request) -> bool {
    request
        .headers()
        .get_all("Sec-WebSocket-Protocol")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offered| offered.trim().eq_ignore_ascii_case(SUBPROTOCOL))
}

fn refuse(out: &mut BytesMut, status: &str, reason: &str) -> Error {
    let answer = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{reason}",
        reason.len()
    );
    out.extend_from_slice(answer.as_bytes());
    Error::new(ErrorKind::InvalidData, reason.to_owned())
}
