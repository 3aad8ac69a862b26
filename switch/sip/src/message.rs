//! One message: the splitter, the validator, and the builder that prints.

use crate::value::{Method, NameAddr, Uri};
use bytes::Bytes;

/// A request or response, valid for its kind (mandatory headers present and well formed), sharing one
/// buffer with the datagram it came in.
#[derive(Clone, Debug)]
pub struct Message {
    /* private: Bytes + header index */ _b: Bytes,
}

/// The three ways reading can end.
#[derive(Debug)]
pub enum Parsed {
    Message(Message),
    /// A request that is wrong but can be answered: the full response, ready to send.
    Reject {
        status: u16,
        reason: &'static str,
        response: Bytes,
    },
    /// Nothing that can be answered: why, for a counter.
    Drop(&'static str),
}

impl Message {
    /// Reads one whole message (a datagram, or one cut from a stream by `framing`).
    pub fn parse(bytes: Bytes) -> Parsed {
        todo!()
    }
    pub fn is_request(&self) -> bool {
        todo!()
    }
    /// The request's method, or the CSeq method of a response.
    pub fn method(&self) -> Method {
        todo!()
    }
    /// 100..=699 for a response.
    pub fn status(&self) -> Option<u16> {
        todo!()
    }
    pub fn reason(&self) -> &str {
        todo!()
    }
    /// The Request-URI; an error for a response.
    pub fn request_uri(&self) -> Option<Uri> {
        todo!()
    }
    /// First value of a header by its long name, any case (compact forms are mapped), unfolded.
    pub fn header(&self, name: &str) -> Option<&str> {
        todo!()
    }
    /// All lines of a header, in order.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let v: Vec<&'a str> = todo!();
        v.into_iter()
    }
    pub fn call_id(&self) -> &str {
        todo!()
    }
    pub fn cseq(&self) -> u32 {
        todo!()
    }
    pub fn from(&self) -> NameAddr {
        todo!()
    }
    pub fn to(&self) -> NameAddr {
        todo!()
    }
    pub fn from_tag(&self) -> Option<&str> {
        todo!()
    }
    pub fn to_tag(&self) -> Option<&str> {
        todo!()
    }
    pub fn contacts(&self) -> Vec<NameAddr> {
        todo!()
    }
    pub fn max_forwards(&self) -> Option<u8> {
        todo!()
    }
    pub fn body(&self) -> &[u8] {
        todo!()
    }
    /// Content-Type without parameters, lower case.
    pub fn content_type(&self) -> Option<&str> {
        todo!()
    }
    pub fn as_bytes(&self) -> &[u8] {
        todo!()
    }
}

/// Headers and body of a message to be built; values are checked: no CR, LF or NUL can get in.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub headers: Vec<(String, String)>,
    pub body: Option<(String, Bytes)>,
}
impl Draft {
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds a header line. CR, LF and NUL in `value` are replaced by spaces.
    #[must_use]
    pub fn header(self, name: &str, value: impl std::fmt::Display) -> Self {
        todo!()
    }
    #[must_use]
    pub fn body(self, content_type: &str, body: impl Into<Bytes>) -> Self {
        todo!()
    }
}
