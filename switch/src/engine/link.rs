//! The bytes of one connection: a TCP socket, with or without TLS on it; nothing here blocks.
//!
//! TLS is rustls on its own buffers: what the socket gives is decrypted, what is to be sent is encrypted, and
//! the handshake moves on whenever either happens. Must not know messages.

use mio::net::TcpStream;
use rustls::Connection as Session;
use std::io::{Error, ErrorKind, Read, Write};

/// Plain text encrypted at once: one TLS record. More waits unencrypted, where it is counted.
const RECORD_BYTES: usize = 16 << 10;

pub(super) struct Link {
    stream: TcpStream,
    session: Option<Box<Session>>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The peer has not taken the connection yet.
    Connecting,
    Connected,
}

impl Link {
    /// A connection the peer opened.
    pub(super) fn accepted(stream: TcpStream, session: Option<Session>) -> Self {
        Self {
            stream,
            session: session.map(Box::new),
            stage: Stage::Connected,
        }
    }

    /// A connection being opened.
    pub(super) fn connecting(stream: TcpStream, session: Option<Session>) -> Self {
        Self {
            stage: Stage::Connecting,
            ..Self::accepted(stream, session)
        }
    }

    pub(super) fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Connected, and the TLS handshake is over.
    pub(super) fn is_established(&self) -> bool {
        self.stage == Stage::Connected && !self.session.as_ref().is_some_and(|s| s.is_handshaking())
    }

    /// To be called when the socket has news: is it connected by now?
    ///
    /// # Errors
    /// Why it never will be.
    pub(super) fn advance(&mut self) -> Result<(), Error> {
        if self.stage == Stage::Connecting {
            if let Some(error) = self.stream.take_error()? {
                return Err(error);
            }
            match self.stream.peer_addr() {
                Ok(_) => self.stage = Stage::Connected,
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        settle(self.flush())
    }

    /// Reads what came, decrypted; 0 is the end.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] when there is no more for now.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if self.stage == Stage::Connecting {
            return Err(ErrorKind::WouldBlock.into());
        }
        let Some(session) = &mut self.session else {
            return self.stream.read(buffer);
        };
        loop {
            match session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            if session.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            let processed = session.process_new_packets();
            // The handshake's next message, or the alert that says why there is none.
            settle(write_records(session, &mut self.stream))?;
            processed.map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
        }
    }

    /// Takes some of `bytes`.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] when it can take none for now: not connected, in a handshake, peer too slow.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if !self.is_established() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let Some(session) = &mut self.session else {
            return self.stream.write(bytes);
        };
        write_records(session, &mut self.stream)?;
        let record = bytes
            .get(..RECORD_BYTES.min(bytes.len()))
            .unwrap_or_default();
        let taken = session.writer().write(record)?;
        settle(write_records(session, &mut self.stream))?;
        Ok(taken)
    }

    /// Sends encrypted bytes that wait.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] when the peer does not take all of them.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        match &mut self.session {
            Some(session) if self.stage == Stage::Connected => {
                write_records(session, &mut self.stream)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Says goodbye, as far as the socket takes it.
    pub(super) fn close(&mut self) {
        if let Some(session) = &mut self.session {
            session.send_close_notify();
            // It is being dropped: an error changes nothing.
            let _ = write_records(session, &mut self.stream);
        }
    }
}

fn write_records(session: &mut Session, stream: &mut TcpStream) -> Result<(), Error> {
    while session.wants_write() {
        session.write_tls(stream)?;
    }
    Ok(())
}

/// A full socket is no failure.
fn settle(done: Result<(), Error>) -> Result<(), Error> {
    match done {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        other => other,
    }
}
