//! Keys carried in the description itself: `a=crypto` of RFC 4568, with the suites of RFC 3711, 6188 and 7714.
//!
//! Lines that ask for what the relay does not do (a master key identifier, several keys, unencrypted or
//! unauthenticated packets, another derivation rate) are read as absent, so that they are never agreed upon.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::session::{Medium, SessionDescription};

/// Most `a=crypto` lines read of one description.
const MAX_LINES: usize = 16;
/// Longest tag (RFC 4568 section 9.1).
const MAX_TAG: u32 = 999_999_999;

/// A cipher with its authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SrtpSuite {
    /// RFC 4568: the one every phone has.
    Aes128Sha80,
    /// RFC 4568: with the shorter tag.
    Aes128Sha32,
    /// RFC 6188.
    Aes256Sha80,
    /// RFC 6188: with the shorter tag.
    Aes256Sha32,
    /// RFC 7714.
    Aes128Gcm,
    /// RFC 7714.
    Aes256Gcm,
}

impl SrtpSuite {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Aes128Sha80,
        Self::Aes256Sha80,
        Self::Aes256Gcm,
        Self::Aes128Gcm,
        Self::Aes128Sha32,
        Self::Aes256Sha32,
    ];

    /// What we offer, best understood first: some phones read the first line only.
    pub const OFFERED: [Self; 4] = [
        Self::Aes128Sha80,
        Self::Aes256Sha80,
        Self::Aes256Gcm,
        Self::Aes128Sha32,
    ];

    /// As `a=crypto` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes128Sha80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Aes128Sha32 => "AES_CM_128_HMAC_SHA1_32",
            Self::Aes256Sha80 => "AES_256_CM_HMAC_SHA1_80",
            Self::Aes256Sha32 => "AES_256_CM_HMAC_SHA1_32",
            Self::Aes128Gcm => "AEAD_AES_128_GCM",
            Self::Aes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the master key.
    #[must_use]
    pub fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Sha80 | Self::Aes128Sha32 | Self::Aes128Gcm => 16,
            Self::Aes256Sha80 | Self::Aes256Sha32 | Self::Aes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    #[must_use]
    pub fn salt_bytes(self) -> usize {
        match self {
            Self::Aes128Sha80 | Self::Aes128Sha32 | Self::Aes256Sha80 | Self::Aes256Sha32 => 14,
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
        }
    }
}

/// A master key and salt of a suite. Its `Debug` shows the suite only.
#[derive(Clone, PartialEq, Eq)]
pub struct SrtpKey {
    suite: SrtpSuite,
    bytes: Vec<u8>,
}

impl SrtpKey {
    /// Takes the key followed by the salt; None unless they are exactly as long as the suite wants.
    #[must_use]
    pub fn new(suite: SrtpSuite, key_and_salt: Vec<u8>) -> Option<Self> {
        (key_and_salt.len() == suite.key_bytes() + suite.salt_bytes()).then_some(Self {
            suite,
            bytes: key_and_salt,
        })
    }

    /// Its suite.
    #[must_use]
    pub fn suite(&self) -> SrtpSuite {
        self.suite
    }

    /// The master key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.bytes.get(..self.suite.key_bytes()).unwrap_or_default()
    }

    /// The master salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        self.bytes.get(self.suite.key_bytes()..).unwrap_or_default()
    }
}

impl fmt::Debug for SrtpKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SrtpKey({})", self.suite.name())
    }
}

/// One `a=crypto` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crypto {
    /// Names the line in the answer; 0 to 999,999,999.
    pub tag: u32,
    /// What the describing side protects its packets with.
    pub key: SrtpKey,
}

impl Crypto {
    /// Reads `1 AES_CM_128_HMAC_SHA1_80 inline:BASE64|2^31`; None for what the relay does not do.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let (tag, suite, key) = (words.next()?, words.next()?, words.next()?);
        if !words.all(is_harmless) || !tag.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let tag = tag.parse().ok().filter(|tag| *tag <= MAX_TAG)?;
        let (method, key) = key.split_once(':')?;
        if !method.eq_ignore_ascii_case("inline") || key.contains(';') {
            return None;
        }
        let mut parts = key.split('|');
        let bytes = STANDARD.decode(parts.next()?).ok()?;
        // What follows is a lifetime, which no call reaches, or a key identifier, which has a colon.
        if parts.any(|part| part.contains(':')) {
            return None;
        }
        let key = SrtpKey::new(SrtpSuite::of_name(suite)?, bytes)?;
        Some(Self { tag, key })
    }

    /// The value of its line.
    #[must_use]
    pub fn print(&self) -> String {
        format!(
            "{} {} inline:{}",
            self.tag,
            self.key.suite.name(),
            STANDARD.encode(&self.key.bytes)
        )
    }
}

/// Session parameters that change nothing of the packets (RFC 4568 section 6.3).
fn is_harmless(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    match name {
        "KDR" => value == "0",
        "WSH" => true,
        _ => false,
    }
}

impl SessionDescription {
    /// The keys a medium's line offers or answers with, in its order, as far as the relay can use them.
    #[must_use]
    pub fn cryptos(&self, medium: Medium) -> Vec<Crypto> {
        let Some(section) = self.section_of(medium) else {
            return Vec::new();
        };
        section
            .filter_map(|index| self.attribute(index))
            .filter(|(name, _)| *name == "crypto")
            .filter_map(|(_, value)| Crypto::parse(value))
            .take(MAX_LINES)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn forms_of_a_crypto_line() {
        for (value, tag) in [
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), Some(1)),
            (
                format!("1 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^20"),
                Some(1),
            ),
            (
                format!("7  AES_CM_128_HMAC_SHA1_80  inline:{KEY}|1048576  WSH=64"),
                Some(7),
            ),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
                None,
            ),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4"), None),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}"),
                None,
            ),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
                None,
            ),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNAUTHENTICATED_SRTP"),
                None,
            ),
            (
                format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=4"),
                None,
            ),
            (format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"), None),
            (format!("1 AES_256_CM_HMAC_SHA1_80 inline:{KEY}"), None),
            (format!("1 AEAD_AES_128_GCM inline:{KEY}"), None),
            (format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), None),
            (format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}"), None),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:!!!!".to_owned(), None),
            ("1 AES_CM_128_HMAC_SHA1_80".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(Crypto::parse(&value).map(|line| line.tag), tag, "{value}");
        }
    }

    #[test]
    fn what_is_printed_is_read() {
        for (number, suite) in SrtpSuite::ALL.into_iter().enumerate() {
            let bytes = vec![number as u8; suite.key_bytes() + suite.salt_bytes()];
            let line = Crypto {
                tag: number as u32,
                key: SrtpKey::new(suite, bytes).unwrap(),
            };
            assert_eq!(Crypto::parse(&line.print()), Some(line));
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let line = Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")).unwrap();
        assert_eq!(
            format!("{line:?}"),
            "Crypto { tag: 1, key: SrtpKey(AES_CM_128_HMAC_SHA1_80) }"
        );
    }
}
