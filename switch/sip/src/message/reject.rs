//! The answer to a request that cannot be read whole, from the pieces that can (RFC 3261 section 8.2.6,
//! RFC 4475 section 3.1.2).

use super::{
    header_id::HeaderId,
    print::Printer,
    split::{Fault, Pieces},
    validate::looks_like_response,
};
use crate::value::{Via, check_addr};
use bytes::Bytes;
use std::{fmt::Write, net::SocketAddr};

/// The full response; None if there is nobody to answer: a response, an ACK, or a request without Via.
pub(super) fn response(
    head: &str,
    pieces: &Pieces,
    fault: Fault,
    source: Option<SocketAddr>,
) -> Option<Bytes> {
    let line = pieces.start_line.text(head);
    if looks_like_response(line) || line.split(' ').next() == Some("ACK") {
        return None;
    }
    let values = |id| {
        pieces
            .fields
            .iter()
            .filter(move |f| f.id == id)
            .map(|f| f.value.text(head))
    };
    values(HeaderId::Via).next()?;
    let mut out = Printer::response(fault.status, fault.reason);
    for (index, value) in values(HeaderId::Via).enumerate() {
        out.via(value, source.filter(|_| index == 0));
    }
    for id in [
        HeaderId::From,
        HeaderId::To,
        HeaderId::CallId,
        HeaderId::CSeq,
    ] {
        let Some(value) = values(id).next() else {
            continue;
        };
        match id {
            HeaderId::To if matches!(check_addr(value), Ok(None)) => {
                out.line(
                    id.name(),
                    format_args!("{value};tag={:016x}", stateless_tag(head, pieces)),
                );
            }
            _ => out.line(id.name(), value),
        }
    }
    Some(out.finish(None))
}

/// A tag that a repetition of the same request gets again (RFC 3261 section 8.2.7): FNV-1a of what makes it
/// the same. Nothing rests on its being secret, since no dialog comes of a rejection.
fn stateless_tag(head: &str, pieces: &Pieces) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for field in pieces
        .fields
        .iter()
        .filter(|f| matches!(f.id, HeaderId::Via | HeaderId::CallId | HeaderId::From))
    {
        for b in field.value.text(head).bytes() {
            hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

impl Printer {
    /// A Via line as received from `source`: the first element gets `received` and `rport`.
    pub(super) fn via(&mut self, value: &str, source: Option<SocketAddr>) {
        let (top, rest) = crate::lex::split_first(value);
        let Some((via, source)) = Via::parse(top).ok().zip(source) else {
            return self.line(HeaderId::Via.name(), value);
        };
        self.line_with(HeaderId::Via.name(), |out| {
            via.write_received(out, source)?;
            match rest {
                Some(rest) => write!(out, ",{rest}"),
                None => Ok(()),
            }
        });
    }
}
