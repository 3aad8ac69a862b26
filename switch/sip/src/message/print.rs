//! Prints messages in one pass. Whatever a value holds, it stays one value: CR, LF and NUL become spaces.

use super::header_id::{HeaderId, is_header_name};
use crate::{lex::is_line_break, value::reason_phrase};
use bytes::Bytes;
use std::fmt::{self, Display, Write};

/// Headers and body of a message to be built; values are checked: no CR, LF or NUL can get in.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Name and value in printing order. A name that is no token is not printed; Content-Length and
    /// Content-Type are printed from `body` only.
    pub headers: Vec<(String, String)>,
    /// Content-Type and content.
    pub body: Option<(String, Bytes)>,
    unbranded: bool,
}

impl Draft {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header line. CR, LF and NUL in `value` are replaced by spaces.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        let mut text = Vec::new();
        // Writing to a Vec cannot fail; a Display that does leaves what it wrote before.
        let _ = write!(Clean(&mut text), "{value}");
        self.headers
            .push((name.to_owned(), String::from_utf8_lossy(&text).into_owned()));
        self
    }

    /// Our product shall not be named in it.
    #[must_use]
    pub fn without_product(mut self) -> Self {
        self.unbranded = true;
        self
    }

    /// Whether our product may be named in it.
    pub(crate) fn takes_product(&self) -> bool {
        !self.unbranded
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = Some((content_type.to_owned(), body.into()));
        self
    }
}

/// Appends text with line breaks and NUL made spaces.
pub(super) struct Clean<'a>(&'a mut Vec<u8>);

impl Write for Clean<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if memchr::memchr3(b'\r', b'\n', 0, text.as_bytes()).is_none() {
            self.0.extend_from_slice(text.as_bytes());
        } else {
            self.0.extend(
                text.bytes()
                    .map(|b| if is_line_break(b) { b' ' } else { b }),
            );
        }
        Ok(())
    }
}

/// A message being printed, line after line.
#[derive(Debug)]
pub struct Printer {
    out: Vec<u8>,
}

impl Printer {
    /// Most messages we send, without growing: an INVITE with SDP.
    const CAPACITY: usize = 1024;

    /// Starts a request.
    #[must_use]
    pub fn request(method: &str, uri: impl Display) -> Self {
        let mut printer = Self {
            out: Vec::with_capacity(Self::CAPACITY),
        };
        printer.put(format_args!("{method} {uri} SIP/2.0"));
        printer.out.extend_from_slice(b"\r\n");
        printer
    }

    /// Starts a response; an empty `reason` stands for the registered phrase.
    #[must_use]
    pub fn response(status: u16, reason: &str) -> Self {
        let mut printer = Self {
            out: Vec::with_capacity(Self::CAPACITY),
        };
        let reason = if reason.is_empty() {
            reason_phrase(status)
        } else {
            reason
        };
        printer.put(format_args!("SIP/2.0 {status} {reason}"));
        printer.out.extend_from_slice(b"\r\n");
        printer
    }

    fn put(&mut self, value: impl Display) {
        // Clean never fails; a Display that does leaves what it wrote before.
        let _ = write!(Clean(&mut self.out), "{value}");
    }

    /// Adds a header line; left out if `name` is no token.
    pub fn line(&mut self, name: &str, value: impl Display) {
        self.line_with(name, |out| write!(out, "{value}"));
    }

    pub(super) fn line_with(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut Clean<'_>) -> fmt::Result,
    ) {
        if !is_header_name(name) {
            return;
        }
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        // As in `put`.
        let _ = write(&mut Clean(&mut self.out));
        self.out.extend_from_slice(b"\r\n");
    }

    /// A line of a parsed message as it was, escaped NUL included: it cannot hold a line break.
    pub(super) fn verbatim(&mut self, name: &str, value: &str) {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        self.out.extend_from_slice(value.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// Adds the draft's headers and ends with its body.
    #[must_use]
    pub fn finish_draft(mut self, draft: &Draft) -> Bytes {
        for (name, value) in &draft.headers {
            if !matches!(
                HeaderId::of(name),
                HeaderId::ContentLength | HeaderId::ContentType
            ) {
                self.line(name, value);
            }
        }
        self.finish(
            draft
                .body
                .as_ref()
                .map(|(kind, body)| (kind.as_str(), body.as_ref())),
        )
    }

    /// Ends the message with Content-Length and the body.
    #[must_use]
    pub fn finish(mut self, body: Option<(&str, &[u8])>) -> Bytes {
        if let Some((content_type, _)) = body {
            self.line(HeaderId::ContentType.name(), content_type);
        }
        let content = body.map_or(&[][..], |(_, content)| content);
        self.finish_raw(content)
    }

    /// Ends with Content-Length and `content`, its type already printed.
    pub(super) fn finish_raw(mut self, content: &[u8]) -> Bytes {
        self.line(HeaderId::ContentLength.name(), content.len());
        self.out.extend_from_slice(b"\r\n");
        self.out.extend_from_slice(content);
        Bytes::from(self.out)
    }
}
