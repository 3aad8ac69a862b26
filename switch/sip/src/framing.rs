//! Cuts a byte stream (TCP, TLS) into whole messages by Content-Length (RFC 3261 section 18.3), and finds
//! the keep-alives between them (RFC 5626 section 3.5.1).
//!
//! One [`Framer`] per connection: push what was read, then pull until nothing is left. It holds at most
//! one message and one read. After an error the stream has lost its place and must be closed. WebSocket
//! needs none of this: a frame is a message.

use crate::{
    lex::trim,
    message::{HeaderId, MAX_MESSAGE},
};
use bytes::{Buf, Bytes, BytesMut};

/// Bytes held at most: one whole message and what a generous read brings behind it.
pub const MAX_BUFFER: usize = MAX_MESSAGE * 2;
/// A buffer above this is given back once empty, so that idle connections cost nothing.
const KEEP: usize = 4_096;
/// What answers a ping.
pub const PONG: &[u8] = b"\r\n";

/// What stood next in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message, ready for [`crate::Message::parse`].
    Message(Bytes),
    /// A double CRLF between messages: send [`PONG`].
    Ping,
}

/// Why the connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// More was pushed than [`MAX_BUFFER`] without pulling.
    #[error("more than {MAX_BUFFER} bytes are waiting")]
    Overflow,
    /// No end of headers within the size of a message.
    #[error("header section longer than {MAX_MESSAGE} bytes")]
    HeadTooLong,
    /// Nothing says where the body ends.
    #[error("no content-length on a stream")]
    NoContentLength,
    /// It is no number, or two differ.
    #[error("content-length cannot be read")]
    BadContentLength,
    /// It goes beyond [`MAX_MESSAGE`].
    #[error("message longer than {MAX_MESSAGE} bytes")]
    MessageTooLong,
}

/// The reading side of one connection.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// No end of headers before this offset.
    scanned: usize,
    /// Where the message at the front ends, once its head is read.
    end: Option<usize>,
    failed: Option<FramingError>,
    /// The header section that could not be cut, if it can be answered.
    refused: Option<Bytes>,
}

impl Framer {
    /// Nothing read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what was read.
    ///
    /// # Errors
    /// [`FramingError::Overflow`], or the error met before.
    pub fn push(&mut self, data: &[u8]) -> Result<(), FramingError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.buffer.len() + data.len() > MAX_BUFFER {
            return Err(self.fail(FramingError::Overflow));
        }
        self.buffer.extend_from_slice(data);
        Ok(())
    }

    /// The next frame; None until more is read.
    ///
    /// # Errors
    /// If the stream cannot be cut; the same again on every later call.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FramingError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.end.is_none() {
            if let Some(ping) = self.skip_blank() {
                return Ok(Some(ping));
            }
            if let Err(error) = self.find_end() {
                return Err(self.fail(error));
            }
        }
        match self.end {
            Some(end) if end <= self.buffer.len() => Ok(Some(Frame::Message(self.cut(end)))),
            Some(_) | None => Ok(None),
        }
    }

    /// After [`FramingError::BadContentLength`] or [`FramingError::MessageTooLong`] the header section, once: parsed
    /// as a message it gives the rejection that the peer is owed before the connection is closed (RFC 4475
    /// section 3.1.2.3).
    pub fn take_refused(&mut self) -> Option<Bytes> {
        self.refused.take()
    }

    /// Bytes waiting for the rest of their message: 0 between messages.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    fn fail(&mut self, error: FramingError) -> FramingError {
        self.failed = Some(error);
        self.buffer = BytesMut::new();
        error
    }

    fn cut(&mut self, end: usize) -> Bytes {
        let message = self.buffer.split_to(end).freeze();
        (self.scanned, self.end) = (0, None);
        if self.buffer.is_empty() && self.buffer.capacity() > KEEP {
            self.buffer = BytesMut::new();
        }
        message
    }

    /// Drops line ends before a message: two are a ping, one is a pong or nothing (RFC 3261 section 7.5).
    fn skip_blank(&mut self) -> Option<Frame> {
        loop {
            match self.buffer.as_ref() {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.buffer.advance(4);
                    return Some(Frame::Ping);
                }
                [b'\r', b'\n', b'\r'] | [b'\r', b'\n'] | [b'\r'] => return None,
                [b'\r', b'\n', ..] => self.buffer.advance(2),
                [b'\r' | b'\n', ..] => self.buffer.advance(1),
                _ => return None,
            }
        }
    }

    /// Looks for the empty line, from where the last look ended.
    fn find_end(&mut self) -> Result<(), FramingError> {
        while let Some(line_end) = self
            .buffer
            .get(self.scanned..)
            .and_then(|rest| memchr::memchr(b'\n', rest))
        {
            let next = self.scanned + line_end + 1;
            let head_end = match self.buffer.get(next..).unwrap_or(&[]) {
                [b'\n', ..] => next + 1,
                [b'\r', b'\n', ..] => next + 2,
                [] | [b'\r'] => break,
                _ => {
                    self.scanned = next;
                    continue;
                }
            };
            let head = self.buffer.get(..head_end).unwrap_or(&[]);
            let end = content_length(head).and_then(|length| {
                let end = length.checked_add(head_end);
                end.filter(|end| *end <= MAX_MESSAGE)
                    .ok_or(FramingError::MessageTooLong)
            });
            match end {
                Ok(end) => self.end = Some(end),
                Err(error) => {
                    let answered = error != FramingError::NoContentLength;
                    self.refused = answered.then(|| Bytes::copy_from_slice(head));
                    return Err(error);
                }
            }
            return Ok(());
        }
        if self.buffer.len() > MAX_MESSAGE {
            Err(FramingError::HeadTooLong)
        } else {
            Ok(())
        }
    }
}

/// The value of Content-Length in a header section. A folded value counts; a line that only continues
/// another header does not.
fn content_length(head: &[u8]) -> Result<usize, FramingError> {
    let mut found: Option<usize> = None;
    let mut lines = head.split(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        let Some(value) = length_value(line) else {
            continue;
        };
        let mut value = value.to_owned();
        while let Some(more) = lines.next_if(|line| matches!(line.first(), Some(b' ' | b'\t'))) {
            value.push_str(&String::from_utf8_lossy(more));
        }
        let value = value.trim_matches([' ', '\t', '\r']);
        if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
            return Err(FramingError::BadContentLength);
        }
        let length = value.parse().map_err(|_| FramingError::MessageTooLong)?;
        if found.replace(length).is_some_and(|other| other != length) {
            return Err(FramingError::BadContentLength);
        }
    }
    found.ok_or(FramingError::NoContentLength)
}

fn length_value(line: &[u8]) -> Option<&str> {
    let first = line.first()?;
    if !matches!(first, b'c' | b'C' | b'l' | b'L') {
        return None;
    }
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    (HeaderId::of(trim(name)) == HeaderId::ContentLength).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n";

    fn message(length_line: &str, body: &str) -> String {
        format!("{HEAD}{length_line}\r\n{body}")
    }

    fn drain(framer: &mut Framer) -> Vec<Frame> {
        std::iter::from_fn(|| framer.next_frame().unwrap()).collect()
    }

    #[test]
    fn any_cut_of_the_stream_gives_the_same_frames() {
        let one = message("Content-Length: 5\r\n", "hello");
        let two = message("l:0\r\n", "");
        let three = message("CONTENT-LENGTH :\r\n  3\r\n", "a\nb");
        let four = message(
            "X: y\r\n Content-Length: 9\r\nl: 2\r\nContent-Length: 2\r\n",
            "\r\n",
        );
        let stream = format!("\r\n{one}{two}\r\n\r\n\r\n\r\n{three}{four}\r\n\r\n");
        let frame = |text: &str| Frame::Message(Bytes::from(text.to_owned()));
        let want = [
            frame(&one),
            frame(&two),
            Frame::Ping,
            Frame::Ping,
            frame(&three),
            frame(&four),
            Frame::Ping,
        ];
        for step in 1..stream.len() {
            let mut framer = Framer::new();
            let mut got = Vec::new();
            for part in stream.as_bytes().chunks(step) {
                framer.push(part).unwrap();
                got.extend(drain(&mut framer));
            }
            assert_eq!(got, want, "step {step}");
            assert_eq!(framer.pending(), 0);
        }
    }

    #[test]
    fn a_lone_line_end_is_no_ping() {
        let mut framer = Framer::new();
        framer.push(b"\r\n").unwrap();
        assert_eq!(framer.next_frame(), Ok(None));
        framer.push(message("l: 0\r\n", "").as_bytes()).unwrap();
        assert!(matches!(drain(&mut framer).as_slice(), [Frame::Message(_)]));
    }

    #[test]
    fn streams_that_cannot_be_cut_fail_and_stay_failed() {
        use FramingError as E;
        for (lines, want) in [
            ("", E::NoContentLength),
            ("X: y\r\n Content-Length: 9\r\n", E::NoContentLength),
            ("Content-Length: -1\r\n", E::BadContentLength),
            ("Content-Length:\r\n", E::BadContentLength),
            ("Content-Length: 1\r\nl: 2\r\n", E::BadContentLength),
            ("Content-Length: 65535\r\n", E::MessageTooLong),
            (
                "Content-Length: 99999999999999999999999\r\n",
                E::MessageTooLong,
            ),
        ] {
            let mut framer = Framer::new();
            framer.push(message(lines, "").as_bytes()).unwrap();
            assert_eq!(framer.next_frame(), Err(want), "{lines}");
            assert_eq!(framer.next_frame(), Err(want));
            assert_eq!(framer.push(b"x"), Err(want));
            assert_eq!(framer.pending(), 0);
        }
    }

    #[test]
    fn the_buffer_is_bounded() {
        let mut framer = Framer::new();
        framer.push(&vec![b'a'; MAX_MESSAGE + 1]).unwrap();
        assert_eq!(framer.next_frame(), Err(FramingError::HeadTooLong));
        let mut framer = Framer::new();
        framer.push(&vec![b'a'; MAX_BUFFER]).unwrap();
        assert_eq!(framer.push(b"a"), Err(FramingError::Overflow));
    }
}
