//! Judges a split message: start line, mandatory headers, and the few values every later step relies on.

use super::{
    header_id::HeaderId,
    limits::MAX_VIAS,
    split::{Fault, Pieces, Span, bad},
};
use crate::{
    lex::{self, trim},
    value::{Method, Via, check_addr, check_uri},
};

/// The start line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Request { uri: Span },
    Response { status: u16, reason: Span },
}

/// What validation learned, kept so that it is not looked for again.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub start: Start,
    pub method: Method,
    pub cseq: u32,
    pub call_id: Span,
    pub from_tag: Span,
    pub to_tag: Span,
    pub max_forwards: Option<u8>,
    pub body: Span,
}

/// Whether the start line is a response's; its faults are then nobody's to answer.
pub(super) fn looks_like_response(line: &str) -> bool {
    line.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("SIP/"))
}

/// Judges the whole. `head` is the text up to the body.
pub(super) fn validate(head: &str, total: usize, pieces: &Pieces) -> Result<Facts, Fault> {
    let line = pieces.start_line.text(head);
    let (start, method) = match looks_like_response(line) {
        true => (response_line(head, line)?, None),
        false => {
            let (method, uri) = request_line(line)?;
            (
                Start::Request {
                    uri: Span::of(head, uri),
                },
                Some(method),
            )
        }
    };
    if let Some(fault) = pieces.fault {
        return Err(fault);
    }
    let seen = collect(head, pieces, method.is_some())?;
    let (cseq, cseq_method) = cseq(seen.cseq.ok_or(bad("Missing CSeq"))?)?;
    if let Some(method) = method {
        if method != cseq_method {
            return Err(bad("CSeq Method Differs"));
        }
        check_uri_no_headers(start_uri(head, start))?;
    }
    seen.via.ok_or(bad("Missing Via"))?;
    let call_id = seen.call_id.ok_or(bad("Missing Call-ID"))?;
    if call_id.is_empty() || call_id.bytes().any(|b| matches!(b, b' ' | b'\t')) {
        return Err(bad("Malformed Call-ID"));
    }
    let tag = |value: Option<&str>, missing, malformed| -> Result<Span, Fault> {
        let tag = check_addr(value.ok_or(bad(missing))?).map_err(|_| bad(malformed))?;
        Ok(tag.map_or_else(Span::default, |tag| Span::of(head, tag)))
    };
    Ok(Facts {
        start,
        method: Method::parse(cseq_method).ok_or(bad("Malformed CSeq"))?,
        cseq,
        call_id: Span::of(head, call_id),
        from_tag: tag(seen.from, "Missing From", "Malformed From")?,
        to_tag: tag(seen.to, "Missing To", "Malformed To")?,
        max_forwards: seen.max_forwards.map(max_forwards).transpose()?,
        body: body(total, pieces.body_at, seen.content_length)?,
    })
}

/// The values of headers that may stand once only.
#[derive(Default)]
struct Seen<'a> {
    via: Option<&'a str>,
    via_count: usize,
    from: Option<&'a str>,
    to: Option<&'a str>,
    call_id: Option<&'a str>,
    cseq: Option<&'a str>,
    max_forwards: Option<&'a str>,
    content_length: Option<&'a str>,
}

fn collect<'a>(head: &'a str, pieces: &Pieces, is_request: bool) -> Result<Seen<'a>, Fault> {
    let mut seen = Seen::default();
    let once = |slot: &mut Option<&'a str>, value, reason| match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(bad(reason)),
    };
    let has_nul = memchr::memchr(0, head.as_bytes()).is_some();
    if has_nul {
        no_nul(pieces.start_line.text(head))?;
    }
    for field in &pieces.fields {
        let value = field.value.text(head);
        match field.id {
            HeaderId::Via => {
                if seen.via.is_none() {
                    let (top, _) = lex::split_first(value);
                    Via::parse(top).map_err(|_| bad("Malformed Via"))?;
                    seen.via = Some(top);
                }
                seen.via_count += 1 + memchr::memchr_iter(b',', value.as_bytes()).count();
            }
            HeaderId::From => once(&mut seen.from, value, "Repeated From")?,
            HeaderId::To => once(&mut seen.to, value, "Repeated To")?,
            HeaderId::CallId => once(&mut seen.call_id, value, "Repeated Call-ID")?,
            HeaderId::CSeq => once(&mut seen.cseq, value, "Repeated CSeq")?,
            HeaderId::MaxForwards => once(&mut seen.max_forwards, value, "Repeated Max-Forwards")?,
            HeaderId::ContentLength => match seen.content_length.replace(value) {
                Some(other) if other != value => return Err(bad("Differing Content-Length")),
                Some(_) | None => {}
            },
            HeaderId::Contact if is_request && value == "*" => {}
            HeaderId::Contact if is_request => addresses(value, "Malformed Contact")?,
            HeaderId::Route if is_request => addresses(value, "Malformed Route")?,
            HeaderId::RecordRoute if is_request => addresses(value, "Malformed Record-Route")?,
            _ => {}
        }
        if has_nul {
            no_nul(value)?;
        }
    }
    if seen.via_count > MAX_VIAS {
        return Err(Fault {
            status: 483,
            reason: "Too Many Hops",
        });
    }
    Ok(seen)
}

fn addresses(value: &str, reason: &'static str) -> Result<(), Fault> {
    lex::list(value).try_for_each(|one| check_addr(one).map(|_| ()).map_err(|_| bad(reason)))
}

/// NUL is legal as a quoted-pair only (RFC 3261 section 25.1; RFC 4475 section 3.1.1.2 sends one).
fn no_nul(value: &str) -> Result<(), Fault> {
    let bytes = value.as_bytes();
    let is_escaped = |at: usize| at.checked_sub(1).and_then(|n| bytes.get(n)) == Some(&b'\\');
    match memchr::memchr_iter(0, bytes).all(is_escaped) {
        true => Ok(()),
        false => Err(bad("NUL in Header")),
    }
}

/// `METHOD SP Request-URI SP SIP/2.0`, single spaces (RFC 3261 section 7.1).
fn request_line(line: &str) -> Result<(&str, &str), Fault> {
    let mut words = line.split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("Malformed Request-Line"));
    };
    if !lex::is_token(method) || uri.is_empty() {
        return Err(bad("Malformed Request-Line"));
    }
    version_is_ours(version)?;
    Ok((method, uri))
}

fn version_is_ours(version: &str) -> Result<(), Fault> {
    if version.eq_ignore_ascii_case("SIP/2.0") {
        return Ok(());
    }
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = version
        .split_at_checked(4)
        .filter(|(name, _)| name.eq_ignore_ascii_case("SIP/"));
    match number.and_then(|(_, number)| number.split_once('.')) {
        Some((major, minor)) if is_digits(major) && is_digits(minor) => Err(Fault {
            status: 505,
            reason: "Version Not Supported",
        }),
        _ => Err(bad("Malformed Request-Line")),
    }
}

fn start_uri(head: &str, start: Start) -> &str {
    match start {
        Start::Request { uri } => uri.text(head),
        Start::Response { .. } => "",
    }
}

/// A Request-URI holds no headers (RFC 3261 section 19.1.1, table 1; RFC 4475 section 3.1.2.11).
fn check_uri_no_headers(uri: &str) -> Result<(), Fault> {
    match check_uri(uri) {
        Ok(has_headers) if !has_headers => Ok(()),
        Ok(_) => Err(bad("Headers in Request-URI")),
        Err(_) => Err(bad("Malformed Request-URI")),
    }
}

fn response_line(head: &str, line: &str) -> Result<Start, Fault> {
    let (version, rest) = line.split_once(' ').ok_or(bad("Malformed Status-Line"))?;
    version_is_ours(version)?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = match code.len() {
        3 if code.bytes().all(|b| b.is_ascii_digit()) => code.parse().unwrap_or(0),
        _ => 0,
    };
    if !(100..=699).contains(&status) {
        return Err(bad("Malformed Status-Code"));
    }
    let reason = if reason.is_empty() {
        Span::default()
    } else {
        Span::of(head, trim(reason))
    };
    Ok(Start::Response { status, reason })
}

/// `number LWS method`; the number below 2^31 (RFC 3261 section 8.1.1.5).
fn cseq(value: &str) -> Result<(u32, &str), Fault> {
    let (number, method) = value.split_once([' ', '\t']).ok_or(bad("Malformed CSeq"))?;
    let method = trim(method);
    let number = digits(number)
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| *n < 1 << 31);
    match number {
        Some(number) if lex::is_token(method) => Ok((number, method)),
        _ => Err(bad("Malformed CSeq")),
    }
}

fn max_forwards(value: &str) -> Result<u8, Fault> {
    digits(value)
        .and_then(|n| u8::try_from(n).ok())
        .ok_or(bad("Malformed Max-Forwards"))
}

/// Decimal digits only, leading zeros allowed; None if it is none or too large for 64 bits.
pub(super) fn digits(text: &str) -> Option<u64> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Bytes past Content-Length are none of the message (RFC 3261 section 18.3); fewer than it are a fault.
fn body(total: usize, at: usize, content_length: Option<&str>) -> Result<Span, Fault> {
    let Some(value) = content_length else {
        return Ok(Span::new(at, total));
    };
    let length = digits(value).ok_or(bad("Malformed Content-Length"))?;
    match usize::try_from(length).ok().and_then(|n| at.checked_add(n)) {
        Some(end) if end <= total => Ok(Span::new(at, end)),
        _ => Err(bad("Content-Length Beyond Message")),
    }
}
