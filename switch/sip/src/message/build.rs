//! Builds what the transaction layer sends: responses to a request, requests from parts, CANCEL and the
//! ACK to a failure.

use super::{Draft, Message, header_id::HeaderId, print::Printer};
use crate::value::{Method, NameAddr, Uri};
use bytes::Bytes;

/// The response to `request`: all Via (with received and rport, see [`Message::set_source`]), From, To,
/// Call-ID and CSeq are copied, Record-Route for 101..=299, Timestamp for 100. `to_tag` is added to To if
/// the request had none and the status is above 100; an empty `reason` stands for the registered phrase.
#[must_use]
pub fn response(
    request: &Message,
    status: u16,
    reason: &str,
    to_tag: &str,
    draft: &Draft,
) -> Bytes {
    let mut out = Printer::response(status, reason);
    for (index, via) in request.values(HeaderId::Via).enumerate() {
        out.via(via, request.source().filter(|_| index == 0));
    }
    let copy = |out: &mut Printer, id: HeaderId| {
        for value in request.values(id) {
            out.verbatim(id.name(), value);
        }
    };
    if (101..=299).contains(&status) {
        copy(&mut out, HeaderId::RecordRoute);
    }
    copy(&mut out, HeaderId::From);
    if status == 100 || to_tag.is_empty() || request.to_tag().is_some() {
        copy(&mut out, HeaderId::To);
    } else {
        let to = request.value(HeaderId::To).unwrap_or("");
        out.line(HeaderId::To.name(), format_args!("{to};tag={to_tag}"));
    }
    copy(&mut out, HeaderId::CallId);
    copy(&mut out, HeaderId::CSeq);
    if status == 100 {
        copy(&mut out, HeaderId::Timestamp);
    }
    out.finish_draft(draft)
}

/// What a request is made of.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// Start line and CSeq.
    pub method: &'a Method,
    /// The remote target.
    pub uri: &'a Uri,
    /// Our Via, see [`crate::value::via_value`].
    pub via: &'a str,
    /// With our tag.
    pub from: &'a NameAddr,
    /// With their tag in a dialog.
    pub to: &'a NameAddr,
    /// As the first request of the call had it.
    pub call_id: &'a str,
    /// Below 2^31.
    pub cseq: u32,
    /// The route set in sending order.
    pub routes: &'a [NameAddr],
    /// 70 unless a hop is being passed on.
    pub max_forwards: u8,
}

/// Prints a request. If the first route is a strict router (no `lr`), it becomes the Request-URI and the
/// target goes last (RFC 3261 section 12.2.1.1).
#[must_use]
pub fn request(parts: &RequestParts<'_>, draft: &Draft) -> Bytes {
    let strict = parts
        .routes
        .first()
        .filter(|route| route.uri.param("lr").is_none());
    let mut out = match strict {
        Some(route) => Printer::request(parts.method.as_str(), &route.uri),
        None => Printer::request(parts.method.as_str(), parts.uri),
    };
    out.line(HeaderId::Via.name(), parts.via);
    out.line(HeaderId::MaxForwards.name(), parts.max_forwards);
    for route in parts.routes.iter().skip(usize::from(strict.is_some())) {
        out.line(HeaderId::Route.name(), route);
    }
    if strict.is_some() {
        out.line(HeaderId::Route.name(), format_args!("<{}>", parts.uri));
    }
    out.line(HeaderId::From.name(), parts.from);
    out.line(HeaderId::To.name(), parts.to);
    out.line(HeaderId::CallId.name(), parts.call_id);
    out.line(
        HeaderId::CSeq.name(),
        format_args!("{} {}", parts.cseq, parts.method),
    );
    out.finish_draft(draft)
}

/// The CANCEL of a request of ours (RFC 3261 section 9.1): same Request-URI, top Via, Route, From, To,
/// Call-ID and CSeq number. `reason` is the value of a Reason header (RFC 3326).
#[must_use]
pub fn cancel(request: &Message, reason: Option<&str>) -> Bytes {
    companion(
        request,
        &Method::Cancel,
        request.value(HeaderId::To).unwrap_or(""),
        reason,
    )
}

/// The ACK to a final response other than 2xx to an INVITE of ours (RFC 3261 section 17.1.1.3): To is the
/// response's.
#[must_use]
pub fn ack_failure(invite: &Message, response: &Message) -> Bytes {
    companion(
        invite,
        &Method::Ack,
        response.value(HeaderId::To).unwrap_or(""),
        None,
    )
}

fn companion(request: &Message, method: &Method, to: &str, reason: Option<&str>) -> Bytes {
    let mut out = Printer::request(method.as_str(), request.request_uri_text());
    let via = request.value(HeaderId::Via).unwrap_or("");
    out.line(HeaderId::Via.name(), crate::lex::split_first(via).0);
    out.line(HeaderId::MaxForwards.name(), 70);
    for id in [HeaderId::Route, HeaderId::From] {
        for value in request.values(id) {
            out.verbatim(id.name(), value);
        }
    }
    out.verbatim(HeaderId::To.name(), to);
    out.line(HeaderId::CallId.name(), request.call_id());
    out.line(
        HeaderId::CSeq.name(),
        format_args!("{} {method}", request.cseq()),
    );
    if let Some(reason) = reason {
        out.line(HeaderId::Reason.name(), reason);
    }
    out.finish(None)
}
