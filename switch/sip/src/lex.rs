//! The lexical rules of RFC 3261 section 25.1 over one unfolded header value.
//!
//! Everything here borrows and allocates nothing: lists are split at commas, parameters at semicolons,
//! name-addr into its three parts. Tolerant where real phones are sloppy and no reading is ambiguous,
//! strict where two readers could disagree. Knows no message and no header name.

use crate::value::ValueError;

/// A set of bytes, looked up by one load.
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    /// ASCII alphanumerics and `more`.
    pub(crate) const fn alphanumeric_and(more: &[u8]) -> Self {
        let mut set = [false; 256];
        let mut at = 0;
        while at < 128 {
            set[at] = (at as u8).is_ascii_alphanumeric();
            at += 1;
        }
        let mut at = 0;
        while at < more.len() {
            set[more[at] as usize] = true;
            at += 1;
        }
        Self(set)
    }

    /// Every byte above space but DEL and `but`; bytes of UTF-8 beyond ASCII are in it.
    pub(crate) const fn visible_but(but: &[u8]) -> Self {
        let mut set = [true; 256];
        let mut at = 0;
        while at <= b' ' as usize {
            set[at] = false;
            at += 1;
        }
        set[0x7f] = false;
        let mut at = 0;
        while at < but.len() {
            set[but[at] as usize] = false;
            at += 1;
        }
        Self(set)
    }

    /// Whether `b` is in the set.
    pub(crate) const fn has(&self, b: u8) -> bool {
        self.0[b as usize]
    }

    /// Whether every byte of `text` is.
    pub(crate) fn has_all(&self, text: &str) -> bool {
        text.bytes().all(|b| self.has(b))
    }

    /// How many bytes from the start of `text` are.
    pub(crate) fn prefix_len(&self, text: &[u8]) -> usize {
        text.iter()
            .position(|b| !self.has(*b))
            .unwrap_or(text.len())
    }
}

/// Bytes of `token`: alphanumerics and `-.!%*_+` with backquote, quote and tilde.
pub(crate) static TOKEN: ByteSet = ByteSet::alphanumeric_and(b"-.!%*_+`'~");
/// A parameter name: token bytes, and the brackets, slashes and colons that URI parameters allow.
static PARAM_NAME: ByteSet = ByteSet::alphanumeric_and(b"-.!%*_+`'~[]/:&$()");
/// What a parameter value may hold unquoted: any visible character but separators that would end it.
static BARE: ByteSet = ByteSet::visible_but(b";,\"<>\\");

/// Whether `text` is a non-empty `token`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && TOKEN.has_all(text)
}

/// Whether a parameter value can be printed as it is: bare, or one whole quoted string.
pub(crate) fn is_param_value(value: &str) -> bool {
    if value.starts_with('"') {
        return quoted_end(value) == Some(value.len()) && !value.bytes().any(is_line_break);
    }
    !value.is_empty() && BARE.has_all(value)
}

/// The three bytes that must never reach a header line through a value.
pub(crate) const fn is_line_break(b: u8) -> bool {
    matches!(b, b'\r' | b'\n' | 0)
}

/// Space and tab: what unfolding leaves of LWS.
pub(crate) fn trim(text: &str) -> &str {
    let mut text = trim_start(text);
    while let [rest @ .., b' ' | b'\t'] = text.as_bytes() {
        text = text.get(..rest.len()).unwrap_or("");
    }
    text
}

/// Cuts at the first `at`, which is in neither part. Plain bytes: for text this short a searcher costs more.
pub(crate) fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let index = text.as_bytes().iter().position(|b| *b == at)?;
    Some((text.get(..index)?, text.get(index + 1..)?))
}

/// The same at the start only.
pub(crate) fn trim_start(text: &str) -> &str {
    match text
        .as_bytes()
        .iter()
        .position(|b| !matches!(b, b' ' | b'\t'))
    {
        Some(0) => text,
        Some(at) => text.get(at..).unwrap_or(""),
        None => "",
    }
}

/// Length of the quoted string `text` begins with, both quotes included; None if it never closes.
pub(crate) fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, b) in text.bytes().enumerate().skip(1) {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The text of a quoted string without quotes and escapes; anything else is returned as it is.
#[must_use]
pub fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' {
            chars.next().unwrap_or(c)
        } else {
            c
        });
    }
    out
}

/// `text` as a quoted string; control characters become spaces.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_ascii_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Where the first `wanted` byte outside quotes and angle brackets is.
fn find_outside(text: &str, wanted: u8) -> Option<usize> {
    let (mut quoted, mut escaped, mut angled) = (false, false, false);
    for (at, b) in text.bytes().enumerate() {
        if quoted {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if b == wanted && !angled {
            return Some(at);
        } else {
            match b {
                b'"' => quoted = true,
                b'<' => angled = true,
                b'>' => angled = false,
                _ => {}
            }
        }
    }
    None
}

/// The first element of a comma separated list, and the rest after its comma.
pub(crate) fn split_first(list: &str) -> (&str, Option<&str>) {
    if memchr::memchr(b',', list.as_bytes()).is_none() {
        return (trim(list), None);
    }
    match find_outside(list, b',').and_then(|at| list.split_at_checked(at)) {
        Some((first, rest)) => (trim(first), rest.get(1..)),
        None => (trim(list), None),
    }
}

/// The elements of a comma separated list, trimmed; commas in quotes and `<>` do not count.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let (first, tail) = split_first(rest?);
        rest = tail;
        Some(first)
    })
}

/// Walks `;name=value;name` (the leading semicolon included); names as written, values raw with quotes.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a>(&'a str);

impl<'a> Params<'a> {
    /// Over the text behind a URI, name-addr or sent-by. Nothing is checked yet.
    pub(crate) const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Checks the whole and returns the value of `name` (empty if it has none).
    pub(crate) fn checked(self, name: &str) -> Result<Option<&'a str>, ValueError> {
        let mut found = None;
        for item in self {
            let (key, value) = item?;
            if found.is_none() && key.eq_ignore_ascii_case(name) {
                found = Some(value.unwrap_or(""));
            }
        }
        Ok(found)
    }

    /// The raw value of `name`, any case; empty if it has none, None if absent.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.flatten()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.unwrap_or(""))
    }

    fn take(&mut self) -> Result<(&'a str, Option<&'a str>), ValueError> {
        let error = |reason| ValueError {
            what: "parameter",
            reason,
        };
        let text = self
            .0
            .strip_prefix(';')
            .ok_or(error("no semicolon before it"))?;
        let text = trim_start(text);
        let end = PARAM_NAME.prefix_len(text.as_bytes());
        let (name, rest) = text.split_at_checked(end).ok_or(error("not text"))?;
        if name.is_empty() {
            return Err(error("empty name"));
        }
        let rest = trim_start(rest);
        let Some(value) = rest.strip_prefix('=') else {
            self.0 = rest;
            return Ok((name, None));
        };
        let value = trim_start(value);
        let end = if value.starts_with('"') {
            quoted_end(value).ok_or(error("quote not closed"))?
        } else {
            BARE.prefix_len(value.as_bytes())
        };
        let (value, rest) = value.split_at_checked(end).ok_or(error("not text"))?;
        self.0 = trim_start(rest);
        Ok((name, Some(value)))
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Result<(&'a str, Option<&'a str>), ValueError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let item = self.take();
        if item.is_err() {
            self.0 = "";
        }
        Some(item)
    }
}

/// A name-addr or addr-spec cut into its parts; the URI is not looked into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddrParts<'a> {
    /// As written, quotes included; empty if none.
    pub display: &'a str,
    pub uri: &'a str,
    /// From the first semicolon on, or empty.
    pub params: &'a str,
}

/// Cuts one element of From, To, Contact, Route and the like.
///
/// # Errors
/// If a quote or bracket does not close, the display name needs quotes it lacks, or an addr-spec without
/// brackets holds a comma or question mark (RFC 3261 section 20).
pub(crate) fn addr_parts(text: &str) -> Result<AddrParts<'_>, ValueError> {
    let error = |reason| ValueError {
        what: "address",
        reason,
    };
    let text = trim(text);
    let (display, rest) = if text.starts_with('"') {
        let end = quoted_end(text).ok_or(error("quote not closed"))?;
        let (display, rest) = text.split_at_checked(end).ok_or(error("not text"))?;
        let rest = trim(rest)
            .strip_prefix('<')
            .ok_or(error("no < after the display name"))?;
        (display, rest)
    } else if let Some((display, rest)) = cut(text, b'<') {
        (trim(display), rest)
    } else {
        return bare_addr(text);
    };
    if !display.starts_with('"')
        && display
            .bytes()
            .any(|b| matches!(b, b'"' | b',' | b';' | b'>' | b'\\'))
    {
        return Err(error("display name needs quotes"));
    }
    let (uri, params) = cut(rest, b'>').ok_or(error("no > after the URI"))?;
    Ok(AddrParts {
        display,
        uri,
        params: trim(params),
    })
}

fn bare_addr(text: &str) -> Result<AddrParts<'_>, ValueError> {
    let at = text.bytes().position(|b| b == b';').unwrap_or(text.len());
    let (uri, params) = text.split_at_checked(at).unwrap_or((text, ""));
    let uri = trim(uri);
    if uri.bytes().any(|b| matches!(b, b'?' | b',' | b'>')) {
        return Err(ValueError {
            what: "address",
            reason: "URI needs angle brackets",
        });
    }
    Ok(AddrParts {
        display: "",
        uri,
        params,
    })
}
