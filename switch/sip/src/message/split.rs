//! Cuts a message into start line, header fields and body, as offsets into its one buffer.
//!
//! Nothing is judged here but line structure. A message whose head is folded or not UTF-8 is rewritten
//! once (the rare path) and split again; all others are never copied.

use super::{
    header_id::HeaderId,
    limits::{MAX_HEADERS, MAX_LINE, MAX_MESSAGE},
};
use crate::lex::TOKEN;
use bytes::Bytes;

/// Offsets into the buffer; [`MAX_MESSAGE`] keeps them within 16 bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        let cut = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        Self {
            start: cut(start),
            end: cut(end),
        }
    }

    /// The span of `part`, a slice of `whole`.
    pub(super) fn of(whole: &str, part: &str) -> Self {
        let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
        Self::new(start, start + part.len())
    }

    pub(super) fn bytes(self, buffer: &[u8]) -> &[u8] {
        buffer
            .get(usize::from(self.start)..usize::from(self.end))
            .unwrap_or(&[])
    }

    pub(super) fn text(self, head: &str) -> &str {
        head.get(usize::from(self.start)..usize::from(self.end))
            .unwrap_or("")
    }

    pub(super) const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// One header line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub id: HeaderId,
    pub name: Span,
    /// Trimmed.
    pub value: Span,
}

/// What is wrong with a message, as the status to answer a request with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub status: u16,
    pub reason: &'static str,
}

/// 400 with a phrase of its own.
pub(super) const fn bad(reason: &'static str) -> Fault {
    Fault {
        status: 400,
        reason,
    }
}

/// A message cut into pieces.
#[derive(Debug)]
pub(super) struct Pieces {
    pub start_line: Span,
    pub fields: Vec<Field>,
    /// Where the body begins.
    pub body_at: usize,
    /// The first fault of line structure; the pieces up to it are good.
    pub fault: Option<Fault>,
}

/// Why the buffer must be rewritten before it can be split.
struct Unclean;

/// Splits `bytes`, rewriting the buffer first if it must be. None if it outgrows [`MAX_MESSAGE`].
pub(super) fn split(bytes: &mut Bytes) -> Option<Pieces> {
    match try_split(bytes) {
        Ok(pieces) => Some(pieces),
        Err(Unclean) => {
            *bytes = Bytes::from(rewrite(bytes));
            if bytes.len() > MAX_MESSAGE {
                return None;
            }
            try_split(bytes).ok()
        }
    }
}

fn try_split(bytes: &[u8]) -> Result<Pieces, Unclean> {
    let mut pieces = Pieces {
        start_line: Span::default(),
        fields: Vec::with_capacity(20),
        body_at: bytes.len(),
        fault: None,
    };
    let mut at = 0;
    let mut is_first = true;
    loop {
        let (end, next) = match line_end(bytes, at) {
            Ok(Some(line)) => line,
            Ok(None) => {
                pieces
                    .fault
                    .get_or_insert(bad("Header Section Not Terminated"));
                if at >= bytes.len() {
                    break;
                }
                (bytes.len(), bytes.len())
            }
            Err(fault) => {
                pieces.fault.get_or_insert(fault);
                break;
            }
        };
        if end == at && !is_first {
            pieces.body_at = next;
            break;
        }
        if matches!(bytes.get(next), Some(b' ' | b'\t')) {
            return Err(Unclean);
        }
        if end - at > MAX_LINE {
            pieces.fault.get_or_insert(Fault {
                status: 513,
                reason: "Header Line Too Long",
            });
        } else if is_first {
            pieces.start_line = Span::new(at, end);
        } else if pieces.fields.len() == MAX_HEADERS {
            pieces.fault.get_or_insert(Fault {
                status: 513,
                reason: "Too Many Header Fields",
            });
            break;
        } else {
            match field(bytes, at, end) {
                Some(field) => pieces.fields.push(field),
                None => {
                    pieces.fault.get_or_insert(bad("Malformed Header Line"));
                }
            }
        }
        is_first = false;
        at = next;
    }
    let head = bytes.get(..pieces.body_at).unwrap_or(bytes);
    if !head.is_ascii() && std::str::from_utf8(head).is_err() {
        Err(Unclean)
    } else {
        Ok(pieces)
    }
}

/// The end of the line at `at` and the start of the next. LF alone ends a line too; CR alone is refused,
/// since readers disagree on it.
fn line_end(bytes: &[u8], at: usize) -> Result<Option<(usize, usize)>, Fault> {
    let rest = bytes.get(at..).unwrap_or(&[]);
    match memchr::memchr2(b'\r', b'\n', rest) {
        None => Ok(None),
        Some(n) if rest.get(n) == Some(&b'\n') => Ok(Some((at + n, at + n + 1))),
        Some(n) if rest.get(n + 1) == Some(&b'\n') => Ok(Some((at + n, at + n + 2))),
        Some(_) => Err(bad("Stray Carriage Return")),
    }
}

fn field(bytes: &[u8], at: usize, end: usize) -> Option<Field> {
    let line = bytes.get(at..end)?;
    let name_len = TOKEN.prefix_len(line);
    let name = line.get(..name_len)?;
    let blanks = |text: &[u8]| {
        text.iter()
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count()
    };
    let colon = name_len + blanks(line.get(name_len..)?);
    if name_len == 0 || line.get(colon) != Some(&b':') {
        return None;
    }
    let value = line.get(colon + 1..)?;
    let start = at + colon + 1 + blanks(value);
    let trailing = value
        .iter()
        .rev()
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count();
    let stop = (end - trailing).max(start);
    Some(Field {
        id: HeaderId::of_bytes(name),
        name: Span::new(at, at + name_len),
        value: Span::new(start, stop),
    })
}

/// Unfolds the head and reads bytes that are no UTF-8 as Latin-1 (old phones send names so); the body is
/// copied as it is.
fn rewrite(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 16);
    let mut at = 0;
    while let Ok(Some((end, next))) = line_end(bytes, at) {
        push_text(&mut out, bytes.get(at..end).unwrap_or(&[]));
        let is_last = end == at && at > 0;
        if !is_last && matches!(bytes.get(next), Some(b' ' | b'\t')) {
            out.push(b' ');
        } else {
            out.extend_from_slice(b"\r\n");
        }
        at = next;
        if is_last {
            out.extend_from_slice(bytes.get(at..).unwrap_or(&[]));
            return out;
        }
    }
    push_text(&mut out, bytes.get(at..).unwrap_or(&[]));
    out
}

fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        for b in chunk.invalid() {
            out.extend_from_slice(char::from(*b).encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}
