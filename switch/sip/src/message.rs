//! One message: the splitter, the validator, and the builder that prints.
//!
//! A [`Message`] shares the datagram's buffer; headers are offsets into it, typed values are made when asked
//! for. What parsing accepts satisfies its kind: mandatory headers present, once, and well formed. Whether
//! a request is *wanted* (method, extensions, scheme, Max-Forwards) is the transaction user's business.

mod build;
mod header_id;
mod limits;
mod print;
mod reject;
mod split;
mod validate;

pub use build::{RequestParts, ack_failure, cancel, request, response};
pub use header_id::HeaderId;
pub use limits::{MAX_HEADERS, MAX_LINE, MAX_MESSAGE, MAX_VIAS};
pub use print::{Draft, Printer};

use crate::{
    lex,
    value::{Method, NameAddr, Uri, Via},
};
use bytes::Bytes;
use split::{Field, Span};
use std::net::SocketAddr;
use validate::{Facts, Start};

/// Content types that are told apart somewhere; [`Message::content_type`] spells them so.
pub const KNOWN_TYPES: &[&str] = &[
    "application/sdp",
    "application/dtmf-relay",
    "application/dtmf",
    "application/simple-message-summary",
    "message/sipfrag",
    "multipart/mixed",
    "text/plain",
];

/// A request or response, valid for its kind (mandatory headers present and well formed), sharing one
/// buffer with the datagram it came in.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Bytes,
    fields: Vec<Field>,
    facts: Facts,
    source: Option<SocketAddr>,
}

/// The three ways reading can end.
#[derive(Debug)]
pub enum Parsed {
    /// Valid.
    Message(Message),
    /// A request that is wrong but can be answered: the full response, ready to send.
    Reject {
        /// 400, 483, 505 or 513.
        status: u16,
        /// What is wrong.
        reason: &'static str,
        /// To be sent where the request came from.
        response: Bytes,
    },
    /// Nothing that can be answered: why, for a counter.
    Drop(&'static str),
}

impl Message {
    /// Reads one whole message (a datagram, or one cut from a stream by [`crate::framing`]).
    #[must_use]
    pub fn parse(bytes: Bytes) -> Parsed {
        Self::parse_from(bytes, None)
    }

    /// The same, noting the source address: it goes into `received` and `rport` of every response, a
    /// rejection included (RFC 3261 section 18.2.1, RFC 3581).
    #[must_use]
    pub fn parse_from(mut bytes: Bytes, source: Option<SocketAddr>) -> Parsed {
        let blank = bytes
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'))
            .count();
        if blank == bytes.len() {
            return Parsed::Drop("Keep-Alive");
        }
        if bytes.len() - blank > MAX_MESSAGE {
            return Parsed::Drop("Message Too Large");
        }
        let mut bytes = bytes.split_off(blank);
        let Some(pieces) = split::split(&mut bytes) else {
            return Parsed::Drop("Message Too Large");
        };
        let head = head_text(&bytes, pieces.body_at);
        match validate::validate(head, bytes.len(), &pieces) {
            Ok(facts) => Parsed::Message(Self {
                bytes,
                fields: pieces.fields,
                facts,
                source,
            }),
            Err(fault) => match reject::response(head, &pieces, fault, source) {
                Some(response) => Parsed::Reject {
                    status: fault.status,
                    reason: fault.reason,
                    response,
                },
                None => Parsed::Drop(fault.reason),
            },
        }
    }

    /// Where the message came from, if noted.
    #[must_use]
    pub const fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// Notes the address the message came from.
    pub const fn set_source(&mut self, source: SocketAddr) {
        self.source = Some(source);
    }

    /// Whether it is a request.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.facts.start, Start::Request { .. })
    }

    /// The request's method, or the CSeq method of a response.
    #[must_use]
    pub fn method(&self) -> Method {
        self.facts.method.clone()
    }

    /// Whether [`Self::method`] is `method`, without copying it.
    #[must_use]
    pub fn is_method(&self, method: &Method) -> bool {
        self.facts.method == *method
    }

    /// 100..=699 for a response.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self.facts.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(status),
        }
    }

    /// The reason phrase of a response, maybe empty.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self.facts.start {
            Start::Request { .. } => "",
            Start::Response { reason, .. } => self.text(reason),
        }
    }

    /// The Request-URI; None for a response.
    #[must_use]
    pub fn request_uri(&self) -> Option<Uri> {
        Uri::parse(self.request_uri_text()).ok()
    }

    /// The Request-URI as written; empty for a response.
    #[must_use]
    pub fn request_uri_text(&self) -> &str {
        match self.facts.start {
            Start::Request { uri } => self.text(uri),
            Start::Response { .. } => "",
        }
    }

    /// First value of a header by its long name, any case (compact forms are mapped), unfolded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// All lines of a header, in order.
    pub fn headers<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        let id = HeaderId::of(name);
        let is_wanted = move |field: &Field| match id {
            HeaderId::Other => field.id == id && self.text(field.name).eq_ignore_ascii_case(name),
            known => field.id == known,
        };
        self.fields
            .iter()
            .filter(move |field| is_wanted(field))
            .map(|field| self.text(field.value))
    }

    /// First value of a known header.
    #[must_use]
    pub fn value(&self, id: HeaderId) -> Option<&str> {
        self.values(id).next()
    }

    /// All lines of a known header, in order.
    pub fn values(&self, id: HeaderId) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(move |field| field.id == id)
            .map(|field| self.text(field.value))
    }

    /// Every header line in order: what it is, its name as written, its value.
    pub fn lines(&self) -> impl Iterator<Item = (HeaderId, &str, &str)> {
        self.fields
            .iter()
            .map(|field| (field.id, self.text(field.name), self.text(field.value)))
    }

    /// The elements of all lines of a header whose value is a comma separated list.
    pub fn list(&self, id: HeaderId) -> impl Iterator<Item = &str> {
        self.values(id)
            .flat_map(lex::list)
            .filter(|item| !item.is_empty())
    }

    /// The topmost Via: of the sender for a request, ours for a response.
    #[must_use]
    pub fn top_via(&self) -> Via<'_> {
        let top = self
            .value(HeaderId::Via)
            .map_or("", |value| lex::split_first(value).0);
        Via::parse(top).expect("the top Via was read when the message was")
    }

    /// How many Via elements there are.
    #[must_use]
    pub fn via_count(&self) -> usize {
        self.list(HeaderId::Via).count()
    }

    /// Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.text(self.facts.call_id)
    }

    /// The number of CSeq, below 2^31.
    #[must_use]
    pub const fn cseq(&self) -> u32 {
        self.facts.cseq
    }

    /// From.
    #[must_use]
    pub fn from(&self) -> NameAddr {
        self.address(HeaderId::From)
    }

    /// To.
    #[must_use]
    pub fn to(&self) -> NameAddr {
        self.address(HeaderId::To)
    }

    fn address(&self, id: HeaderId) -> NameAddr {
        let value = self.value(id).unwrap_or("");
        NameAddr::parse(value).expect("From and To were read when the message was")
    }

    /// The tag of From; absent only from RFC 2543 peers.
    #[must_use]
    pub fn from_tag(&self) -> Option<&str> {
        self.tag(self.facts.from_tag)
    }

    /// The tag of To.
    #[must_use]
    pub fn to_tag(&self) -> Option<&str> {
        self.tag(self.facts.to_tag)
    }

    fn tag(&self, span: Span) -> Option<&str> {
        (!span.is_empty()).then(|| self.text(span))
    }

    /// All Contacts; `*` is none, see [`Self::is_contact_wildcard`]. A response's malformed ones are left
    /// out.
    #[must_use]
    pub fn contacts(&self) -> Vec<NameAddr> {
        self.addresses(HeaderId::Contact)
    }

    /// Whether Contact is `*`: REGISTER removes every binding.
    #[must_use]
    pub fn is_contact_wildcard(&self) -> bool {
        self.values(HeaderId::Contact).any(|value| value == "*")
    }

    /// All addresses of a header such as Route, Record-Route, Path, P-Asserted-Identity, Diversion;
    /// malformed ones are left out.
    #[must_use]
    pub fn addresses(&self, id: HeaderId) -> Vec<NameAddr> {
        self.list(id)
            .filter_map(|item| NameAddr::parse(item).ok())
            .collect()
    }

    /// Max-Forwards; 0 is to be answered 483 by whoever would pass the request on.
    #[must_use]
    pub const fn max_forwards(&self) -> Option<u8> {
        self.facts.max_forwards
    }

    /// The seconds of Expires; what is beyond 32 bits is read as the largest (RFC 4475 section 3.1.2.4),
    /// what is no number as absent.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        let value = self.value(HeaderId::Expires)?;
        let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| value.parse().unwrap_or(u32::MAX))
    }

    /// The body; empty if none.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.facts.body.bytes(&self.bytes)
    }

    /// The body, sharing the buffer.
    #[must_use]
    pub fn body_bytes(&self) -> Bytes {
        self.bytes.slice_ref(self.body())
    }

    /// Content-Type without parameters: lower case if it is one of [`KNOWN_TYPES`], else as written.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        let value = self.value(HeaderId::ContentType)?;
        let written = lex::trim(value.split(';').next().unwrap_or(value));
        let known = KNOWN_TYPES
            .iter()
            .copied()
            .find(|known| known.eq_ignore_ascii_case(written));
        Some(known.unwrap_or(written))
    }

    /// The message as received, but unfolded.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The buffer itself.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// Prints it anew: long names, one space after the colon, a right Content-Length, nothing after the body.
    #[must_use]
    pub fn print(&self) -> Bytes {
        let mut out = match self.facts.start {
            Start::Request { uri } => Printer::request(self.facts.method.as_str(), self.text(uri)),
            Start::Response { status, .. } => Printer::response(status, self.reason()),
        };
        for (id, name, value) in self.lines() {
            match id {
                HeaderId::ContentLength => {}
                HeaderId::Other => out.verbatim(name, value),
                known => out.verbatim(known.name(), value),
            }
        }
        out.finish_raw(self.body())
    }

    fn text(&self, span: Span) -> &str {
        std::str::from_utf8(span.bytes(&self.bytes)).unwrap_or("")
    }
}

/// The head as text: [`split::split`] left nothing else in it.
fn head_text(bytes: &[u8], body_at: usize) -> &str {
    std::str::from_utf8(bytes.get(..body_at).unwrap_or(bytes)).unwrap_or("")
}
