//! Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760), both sides. MD5 and SHA-256, qop=auth.

use crate::{message::Message, time::Mono, value::Method};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    Md5,
    Sha256,
}

/// H(user:realm:password) as lower-case hex: all that is stored of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ha1 {
    pub md5: String,
    pub sha256: String,
}
impl Ha1 {
    pub fn new(user: &str, realm: &str, password: &str) -> Self {
        todo!()
    }
}

/// Parsed Authorization or Proxy-Authorization.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub username: String,
    pub realm: String,
    pub nonce: String,
    pub uri: String,
    pub response: String,
    pub algorithm: Algorithm,
    pub qop: Option<String>,
    pub cnonce: Option<String>,
    pub nc: Option<u32>,
}
impl Credentials {
    /// The credentials for `realm` in a request, if any. `proxy` picks Proxy-Authorization.
    pub fn find(message: &Message, realm: &str, proxy: ChallengeKind) -> Option<Self> {
        todo!()
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeKind {
    /** 401, WWW-Authenticate */
    User,
    /** 407, Proxy-Authenticate */
    Proxy,
}

/// What checking a request's credentials found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Valid,
    /** right secret, nonce too old or count replayed: challenge again with stale=true */
    Stale,
    Invalid,
}

/// Makes and checks nonces: keyed, expiring, with the nonce count remembered in a bounded table.
pub struct Authenticator {}
impl Authenticator {
    pub fn new(key: [u8; 32], nonce_life_ms: u64) -> Self {
        todo!()
    }
    /// The values of WWW-/Proxy-Authenticate to send, one per algorithm (SHA-256 first).
    pub fn challenge(&mut self, now: Mono, realm: &str, stale: Stale) -> Vec<String> {
        todo!()
    }
    /// `ha1` None (unknown user) takes the same time and is Invalid.
    pub fn verify(
        &mut self,
        now: Mono,
        method: &Method,
        credentials: &Credentials,
        ha1: Option<&Ha1>,
    ) -> Verdict {
        todo!()
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    No,
    Yes,
}

/// Client side: the (Proxy-)Authorization header (name, value) answering a 401/407. None if it holds no
/// challenge we can answer.
pub fn answer(
    challenge: &Message,
    method: &Method,
    uri: &str,
    user: &str,
    password: &str,
    cnonce: &str,
) -> Option<(String, String)> {
    todo!()
}
