//! Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760), both sides. MD5 and SHA-256, qop=auth.
//!
//! The server side is an [`Authenticator`]: it makes nonces it can recognise without storing them, and
//! remembers only the counts of those used with the right secret. The client side is [`answer`]. Neither
//! knows accounts or realms; secrets come in as [`Ha1`], never as passwords on the server.

mod client;
mod server;

pub use client::{Login, answer, answer_as, is_stale};
pub use server::{Authenticator, MAX_NONCES, Nonce, Taken};

use crate::{
    lex,
    message::{HeaderId, Message},
    value::Method,
};
use md5::{Digest, Md5};
use sha2::Sha256;

/// The hash of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// RFC 2617: what every phone knows.
    Md5,
    /// RFC 8760.
    Sha256,
}

impl Algorithm {
    /// As written in the `algorithm` parameter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// From the parameter; None means MD5 (RFC 7616 section 3.3). The `-sess` variants are not supported.
    fn of(parameter: Option<&str>) -> Option<Self> {
        let Some(name) = parameter else {
            return Some(Self::Md5);
        };
        [Self::Md5, Self::Sha256]
            .into_iter()
            .find(|a| a.name().eq_ignore_ascii_case(name))
    }

    /// H of the parts joined by colons, lower-case hex.
    fn hash(self, parts: &[&str]) -> String {
        #[cfg(test)]
        HASHED.with(|count| count.set(count.get() + 1));
        match self {
            Self::Md5 => hash::<Md5>(parts),
            Self::Sha256 => hash::<Sha256>(parts),
        }
    }

    /// The response of RFC 7616 section 3.4.1, without qop as RFC 2069 had it.
    fn response(
        self,
        ha1: &str,
        nonce: &str,
        quality: Option<&Quality<'_>>,
        method: &str,
        uri: &str,
    ) -> String {
        let ha2 = self.hash(&[method, uri]);
        match quality {
            Some(q) => self.hash(&[ha1, nonce, &format!("{:08x}", q.nc), q.cnonce, "auth", &ha2]),
            None => self.hash(&[ha1, nonce, &ha2]),
        }
    }
}

/// What `qop=auth` adds to the hash.
struct Quality<'a> {
    nc: u32,
    cnonce: &'a str,
}

#[cfg(test)]
thread_local! {
    static HASHED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Hashes worked out in this thread.
#[cfg(test)]
fn hashed() -> u64 {
    HASHED.with(std::cell::Cell::get)
}

fn hash<D: Digest>(parts: &[&str]) -> String {
    let mut state = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            state.update(b":");
        }
        state.update(part.as_bytes());
    }
    hex(&state.finalize())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| {
        DIGITS
            .get(usize::from(n & 15))
            .map_or('0', |d| char::from(*d))
    };
    bytes
        .iter()
        .flat_map(|b| [digit(b >> 4), digit(*b)])
        .collect()
}

/// H(user:realm:password) as lower-case hex: all that is stored of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    /// 32 hex digits.
    pub md5: String,
    /// 64 hex digits.
    pub sha256: String,
}

impl Ha1 {
    /// From a password, to be stored and then forgotten.
    #[must_use]
    pub fn new(user: &str, realm: &str, password: &str) -> Self {
        let parts = [user, realm, password];
        Self {
            md5: Algorithm::Md5.hash(&parts),
            sha256: Algorithm::Sha256.hash(&parts),
        }
    }

    fn of(&self, algorithm: Algorithm) -> &str {
        match algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha256 => &self.sha256,
        }
    }
}

impl std::fmt::Debug for Ha1 {
    /// An HA1 is as good as the password: it must not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ha1(..)")
    }
}

/// Which pair of headers challenges and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeKind {
    /// 401, WWW-Authenticate, Authorization.
    User,
    /// 407, Proxy-Authenticate, Proxy-Authorization.
    Proxy,
}

impl ChallengeKind {
    /// The status of a challenge.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::User => 401,
            Self::Proxy => 407,
        }
    }

    /// The header a challenge stands in.
    #[must_use]
    pub const fn challenge_header(self) -> HeaderId {
        match self {
            Self::User => HeaderId::WwwAuthenticate,
            Self::Proxy => HeaderId::ProxyAuthenticate,
        }
    }

    /// The header an answer stands in.
    #[must_use]
    pub const fn answer_header(self) -> HeaderId {
        match self {
            Self::User => HeaderId::Authorization,
            Self::Proxy => HeaderId::ProxyAuthorization,
        }
    }
}

/// Whether a challenge says that only the nonce did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// A first challenge, or the secret was wrong.
    No,
    /// `stale=true`: the phone tries again without asking its user, for the secret was not looked at.
    Yes,
}

/// What checking a request's credentials found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The secret is right and the nonce unused with this count.
    Valid,
    /// The nonce does not hold, whatever the secret, or its count was used: challenge again with stale=true.
    Stale,
    /// Anything else.
    Invalid,
}

/// Parsed Authorization or Proxy-Authorization.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Who it claims to be.
    pub username: String,
    /// The realm of the challenge.
    pub realm: String,
    /// The nonce of the challenge.
    pub nonce: String,
    /// The digest-uri, as hashed.
    pub uri: String,
    /// Lower-case hex.
    pub response: String,
    /// MD5 if not named.
    pub algorithm: Algorithm,
    /// `auth` or absent (RFC 2069); anything else is invalid.
    pub qop: Option<String>,
    /// Present with qop.
    pub cnonce: Option<String>,
    /// The nonce count, present with qop.
    pub nc: Option<u32>,
}

impl Credentials {
    /// The credentials for `realm` in a request, if any. `proxy` picks Proxy-Authorization. Other schemes,
    /// unknown algorithms and malformed lines are skipped.
    #[must_use]
    pub fn find(message: &Message, realm: &str, proxy: ChallengeKind) -> Option<Self> {
        message
            .values(proxy.answer_header())
            .filter_map(Self::parse)
            .find(|found| found.realm == realm)
    }

    /// Reads one header value.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut given = AuthParams::parse(value)?;
        Some(Self {
            username: given.take("username")?,
            realm: given.take("realm")?,
            nonce: given.take("nonce")?,
            uri: given.take("uri")?,
            response: given.take("response")?.to_ascii_lowercase(),
            algorithm: Algorithm::of(given.take("algorithm").as_deref())?,
            qop: given.take("qop"),
            cnonce: given.take("cnonce"),
            nc: match given.take("nc") {
                Some(nc) if nc.len() == 8 => Some(u32::from_str_radix(&nc, 16).ok()?),
                Some(_) => return None,
                None => None,
            },
        })
    }

    /// What the response should have been.
    fn expected(&self, method: &Method, ha1: &Ha1, quality: Option<&Quality<'_>>) -> String {
        self.algorithm.response(
            ha1.of(self.algorithm),
            &self.nonce,
            quality,
            method.as_str(),
            &self.uri,
        )
    }
}

/// The parameters of one challenge or answer of scheme Digest: names lower case, values unquoted.
struct AuthParams(Vec<(String, String)>);

impl AuthParams {
    /// Parameters of one line; RFC 7616 defines 12.
    const MAX: usize = 32;

    fn parse(value: &str) -> Option<Self> {
        let (scheme, params) = value.split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut found: Vec<(String, String)> = Vec::new();
        for item in lex::list(params).filter(|item| !item.is_empty()) {
            let (name, value) = item.split_once('=')?;
            let name = lex::trim(name).to_ascii_lowercase();
            if found.len() == Self::MAX || found.iter().any(|(known, _)| *known == name) {
                return None;
            }
            found.push((name, lex::unquote(lex::trim(value))));
        }
        Some(Self(found))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }
}
