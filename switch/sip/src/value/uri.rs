//! SIP, SIPS and TEL URIs (RFC 3261 section 19.1, RFC 3966); other schemes pass through opaque.

use super::ValueError;
use crate::{
    Transport,
    lex::{ByteSet, Params, cut},
};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// A URI, split but not unescaped; `Display` prints it back.
///
/// For `tel:` the number is in `user` and the host is an empty name; for any other scheme all that
/// follows the colon is in `user`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri {
    /// What stands before the colon.
    pub scheme: Scheme,
    /// The part before `@` as written, a password behind a colon included.
    pub user: Option<String>,
    /// The host of sip and sips.
    pub host: Host,
    /// The port, if written.
    pub port: Option<u16>,
    /// Parameters in order, name lower case, value as written if any.
    pub params: Vec<(String, Option<String>)>,
    /// Everything after `?`, as written.
    pub headers: Option<String>,
}

/// The scheme of a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other, lower case.
    Other(String),
}

/// Where a URI points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A literal address; printed in brackets if IPv6.
    Ip(IpAddr),
    /// A name to be resolved.
    Name(String),
}

impl Host {
    /// From `name`, `a.b.c.d` or `[v6]`.
    ///
    /// # Errors
    /// If it is empty or holds characters no host has.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text.starts_with('[') {
            return bracketed(text).map(|ip| Self::Ip(IpAddr::V6(ip)));
        }
        if !HOST.has_all(text) || text.is_empty() {
            return Err(error("host"));
        }
        Ok(match text.parse() {
            Ok(ip) => Self::Ip(IpAddr::V4(ip)),
            Err(_) => Self::Name(text.to_owned()),
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => escape(f, name, &HOST),
        }
    }
}

const fn error(reason: &'static str) -> ValueError {
    ValueError {
        what: "URI",
        reason,
    }
}

static HOST: ByteSet = ByteSet::alphanumeric_and(b"-._");
static SCHEME: ByteSet = ByteSet::alphanumeric_and(b"+-.");
/// Visible, and nothing that would end the URI where it is embedded.
static VISIBLE: ByteSet = ByteSet::visible_but(b"<>\"\\^`{}|");
/// What may stand in the user part: wider than RFC 3261, since `#` is sent bare by real phones.
static USER: ByteSet = ByteSet::visible_but(b"<>\"\\^`{}|@[]");
/// What may stand in parameters, their semicolons included.
static PARAMS: ByteSet = ByteSet::visible_but(b"<>\"\\^`{}|?@,");
static PARAM_VALUE: ByteSet = ByteSet::visible_but(b"<>\"\\^`{}|?@,;");
static PARAM_NAME: ByteSet = ByteSet::visible_but(b"<>\"\\^`{}|?@,;=");
/// What a plain user part need not escape: unreserved and user-unreserved but `;?/` (RFC 3261 section 25.1).
static PLAIN_USER: ByteSet = ByteSet::alphanumeric_and(b"-_.!~*'()&=+$,");

/// An IPv6 reference. RFC 3261's own grammar could produce three colons (RFC 5118 section 4.10, RFC 5954);
/// they are read as two.
fn bracketed(text: &str) -> Result<Ipv6Addr, ValueError> {
    let inner = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .ok_or(error("IPv6 brackets"))?;
    if let Ok(ip) = inner.parse() {
        return Ok(ip);
    }
    match inner.split_once(":::") {
        Some((head, tail)) => format!("{head}::{tail}")
            .parse()
            .map_err(|_| error("IPv6 address")),
        None => Err(error("IPv6 address")),
    }
}

/// A URI cut into borrowed parts, every part checked.
#[derive(Clone, Copy, Debug)]
struct Split<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    host: &'a str,
    port: Option<u16>,
    params: &'a str,
    headers: Option<&'a str>,
}

/// Checks a URI without building one; answers whether it has `?headers`.
pub(crate) fn check_uri(text: &str) -> Result<bool, ValueError> {
    split(text).map(|parts| parts.headers.is_some())
}

fn split(text: &str) -> Result<Split<'_>, ValueError> {
    let (scheme, rest) = cut(text, b':').ok_or(error("no scheme"))?;
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !SCHEME.has_all(scheme) {
        return Err(error("scheme"));
    }
    if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips") {
        return split_sip(scheme, rest);
    }
    if rest.is_empty() || !VISIBLE.has_all(rest) {
        return Err(error("a character it cannot hold"));
    }
    let opaque = Split {
        scheme,
        user: Some(rest),
        host: "",
        port: None,
        params: "",
        headers: None,
    };
    if !scheme.eq_ignore_ascii_case("tel") {
        return Ok(opaque);
    }
    let at = rest.bytes().position(|b| b == b';').unwrap_or(rest.len());
    let (number, params) = rest.split_at_checked(at).unwrap_or((rest, ""));
    if number.is_empty() {
        return Err(error("empty number"));
    }
    check_params(params)?;
    Ok(Split {
        user: Some(number),
        params,
        ..opaque
    })
}

fn split_sip<'a>(scheme: &'a str, rest: &'a str) -> Result<Split<'a>, ValueError> {
    let (user, rest) = match cut(rest, b'@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    if !user.is_none_or(|u| !u.is_empty() && USER.has_all(u)) {
        return Err(error("user part"));
    }
    let (rest, headers) = match cut(rest, b'?') {
        Some((rest, headers)) => (rest, Some(headers)),
        None => (rest, None),
    };
    if !headers.is_none_or(|h| VISIBLE.has_all(h)) {
        return Err(error("headers"));
    }
    let at = rest.bytes().position(|b| b == b';').unwrap_or(rest.len());
    let (hostport, params) = rest.split_at_checked(at).unwrap_or((rest, ""));
    check_params(params)?;
    let (host, port) = host_port(hostport)?;
    Ok(Split {
        scheme,
        user,
        host,
        port,
        params,
        headers,
    })
}

/// Cuts `host:port`, both checked.
pub(super) fn host_port(text: &str) -> Result<(&str, Option<u16>), ValueError> {
    let host_end = match text.strip_prefix('[') {
        Some(_) => text.bytes().position(|b| b == b']').map_or(0, |at| at + 1),
        None => text.bytes().position(|b| b == b':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at_checked(host_end).ok_or(error("host"))?;
    if host.starts_with('[') {
        bracketed(host)?;
    } else if host.is_empty() || !HOST.has_all(host) {
        return Err(error("host"));
    }
    if port.is_empty() {
        return Ok((host, None));
    }
    let digits = port.strip_prefix(':').ok_or(error("port"))?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(error("port"));
    }
    Ok((host, Some(digits.parse().map_err(|_| error("port"))?)))
}

fn check_params(text: &str) -> Result<(), ValueError> {
    if !PARAMS.has_all(text) {
        return Err(error("parameter"));
    }
    Params::new(text).try_for_each(|item| item.map(|_| ()))
}

/// Owns parsed parameters: names lower case, values as written.
pub(super) fn own_params(text: &str) -> Result<Vec<(String, Option<String>)>, ValueError> {
    Params::new(text)
        .map(|item| item.map(|(name, value)| (name.to_ascii_lowercase(), value.map(str::to_owned))))
        .collect()
}

/// The value of `name` in an owned list; empty if it has none.
pub(super) fn find_param<'a>(
    params: &'a [(String, Option<String>)],
    name: &str,
) -> Option<&'a str> {
    let (_, value) = params
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.as_deref().unwrap_or(""))
}

impl Uri {
    /// Reads one URI without surrounding space or brackets.
    ///
    /// # Errors
    /// If it is not one by RFC 3261 section 25.1; an unknown scheme is none.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let parts = split(text)?;
        Ok(Self {
            scheme: match parts.scheme.to_ascii_lowercase().as_str() {
                "sip" => Scheme::Sip,
                "sips" => Scheme::Sips,
                "tel" => Scheme::Tel,
                other => Scheme::Other(other.to_owned()),
            },
            user: parts.user.map(str::to_owned),
            host: match parts.host {
                "" => Host::Name(String::new()),
                host => Host::parse(host)?,
            },
            port: parts.port,
            params: own_params(parts.params)?,
            headers: parts.headers.map(str::to_owned),
        })
    }

    /// `sip:user@host:port`. `user` is plain text: what a user part cannot hold is escaped.
    #[must_use]
    pub fn sip(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        let escaped = user.filter(|u| !u.is_empty()).map(escape_user);
        Self {
            scheme: Scheme::Sip,
            user: escaped,
            host,
            port,
            params: Vec::new(),
            headers: None,
        }
    }

    /// The same with a parameter added or replaced.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.params
            .push((name.to_ascii_lowercase(), value.map(str::to_owned)));
        self
    }

    /// The same with the `transport` parameter that says how it is reached; UDP is what a URI means without one.
    #[must_use]
    pub fn over(self, transport: Transport) -> Self {
        let name = match transport {
            Transport::Udp => return self,
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws | Transport::Wss => "ws",
        };
        self.with_param("transport", Some(name))
    }

    /// The value of a parameter, any case: empty if it has none (`;lr`), None if absent.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        find_param(&self.params, name)
    }

    /// The user part without password and with %-escapes undone: the dialled number or the login.
    /// Escapes that are no UTF-8 become the replacement character.
    #[must_use]
    pub fn user_unescaped(&self) -> Option<String> {
        let user = self.user.as_deref()?;
        let user = match self.scheme {
            Scheme::Sip | Scheme::Sips => user.split(':').next().unwrap_or(user),
            Scheme::Tel | Scheme::Other(_) => user,
        };
        Some(unescape(user))
    }

    /// Whether both mean the same by RFC 3261 section 19.1.4: host and parameter names in any case, escapes
    /// undone, parameters in any order; one that stands in only one of them counts if it is `user`, `ttl`,
    /// `method` or `maddr`.
    #[must_use]
    pub fn is_equivalent(&self, other: &Self) -> bool {
        let host = |uri: &Self| uri.host.to_string().to_ascii_lowercase();
        if self == other {
            return true;
        }
        self.scheme == other.scheme
            && self.user.as_deref().map(unescape) == other.user.as_deref().map(unescape)
            && host(self) == host(other)
            && self.port == other.port
            && self.headers == other.headers
            && self.params_agree(other)
            && other.params_agree(self)
    }

    fn params_agree(&self, other: &Self) -> bool {
        self.params
            .iter()
            .all(|(name, value)| match other.param(name) {
                Some(theirs) => theirs.eq_ignore_ascii_case(value.as_deref().unwrap_or("")),
                None => !matches!(name.as_str(), "user" | "ttl" | "method" | "maddr"),
            })
    }
}

/// Undoes %-escapes; a `%` without two hex digits stands for itself.
/// Text with its %-escapes undone; those that are no UTF-8 become the replacement character.
#[must_use]
pub fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        let escaped = if b == b'%' {
            digit(at + 1).zip(digit(at + 2))
        } else {
            None
        };
        out.push(
            escaped
                .and_then(|(h, l)| u8::try_from(h * 16 + l).ok())
                .unwrap_or(b),
        );
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// Escapes all that [`PLAIN_USER`] does not hold.
fn escape_user(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for b in plain.bytes() {
        if PLAIN_USER.has(b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// Writes `text`, any byte not allowed as %XX, so that no field can end the URI early.
fn escape(f: &mut fmt::Formatter<'_>, text: &str, allowed: &ByteSet) -> fmt::Result {
    if allowed.has_all(text) {
        return f.write_str(text);
    }
    for c in text.chars() {
        let mut buffer = [0; 4];
        let encoded = c.encode_utf8(&mut buffer);
        if allowed.has_all(encoded) {
            f.write_str(encoded)?;
        } else {
            for b in encoded.bytes() {
                write!(f, "%{b:02X}")?;
            }
        }
    }
    Ok(())
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, is_sip) = match &self.scheme {
            Scheme::Sip => ("sip", true),
            Scheme::Sips => ("sips", true),
            Scheme::Tel => ("tel", false),
            Scheme::Other(scheme) => (scheme.as_str(), false),
        };
        escape(f, scheme, &SCHEME)?;
        f.write_str(":")?;
        if !is_sip {
            escape(f, self.user.as_deref().unwrap_or(""), &VISIBLE)?;
        } else {
            if let Some(user) = self.user.as_deref().filter(|u| !u.is_empty()) {
                escape(f, user, &USER)?;
                f.write_str("@")?;
            }
            self.host.fmt(f)?;
            if let Some(port) = self.port {
                write!(f, ":{port}")?;
            }
        }
        for (name, value) in &self.params {
            f.write_str(";")?;
            escape(f, name, &PARAM_NAME)?;
            if let Some(value) = value {
                f.write_str("=")?;
                escape(f, value, &PARAM_VALUE)?;
            }
        }
        if let Some(headers) = &self.headers {
            f.write_str("?")?;
            escape(f, headers, &VISIBLE)?;
        }
        Ok(())
    }
}
