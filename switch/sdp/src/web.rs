//! What a browser's description says of its keys and its way: DTLS (RFC 8122, 8842) and ICE (RFC 8839).

use std::fmt;

use crate::session::{Medium, SessionDescription};

/// RFC 8839 section 5.4: ufrag 4 to 256 characters, password 22 to 256.
const ICE_UFRAG: std::ops::RangeInclusive<usize> = 4..=256;
const ICE_PWD: std::ops::RangeInclusive<usize> = 22..=256;

/// The hash a fingerprint was made with. Weaker ones than these are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerprintHash {
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl FingerprintHash {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// Bytes of the hash.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// A certificate's fingerprint, as `a=fingerprint` carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    hash: FingerprintHash,
    digest: Vec<u8>,
}

impl Fingerprint {
    /// Takes a digest; None unless it is as long as its hash makes it.
    #[must_use]
    pub fn new(hash: FingerprintHash, digest: Vec<u8>) -> Option<Self> {
        (digest.len() == hash.bytes()).then_some(Self { hash, digest })
    }

    /// Reads `sha-256 4A:AD:...`.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (name, digits) = value.trim().split_once(' ')?;
        let hash = FingerprintHash::ALL
            .into_iter()
            .find(|hash| hash.name().eq_ignore_ascii_case(name))?;
        let digest: Option<Vec<u8>> = digits
            .trim()
            .split(':')
            .map(|pair| {
                let hex = pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
                u8::from_str_radix(pair, 16).ok().filter(|_| hex)
            })
            .collect();
        Self::new(hash, digest?)
    }

    /// The hash.
    #[must_use]
    pub fn hash(&self) -> FingerprintHash {
        self.hash
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ", self.hash.name())?;
        for (at, byte) in self.digest.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(formatter, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// Who opens the DTLS handshake (RFC 8842 section 5.2, values of RFC 4145).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// The describing side will.
    Active,
    /// It waits for the other.
    Passive,
    /// An offer: either.
    ActPass,
}

impl Setup {
    /// As `a=setup` writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
        }
    }

    /// Our part beside a peer that says this: we wait unless the peer does.
    #[must_use]
    pub fn beside(self) -> Self {
        match self {
            Self::Active | Self::ActPass => Self::Passive,
            Self::Passive => Self::Active,
        }
    }
}

/// The user fragment and password of one side's connectivity checks. `Debug` shows the fragment only.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: String,
}

impl IceCredentials {
    fn read(ufrag: &str, pwd: &str) -> Option<Self> {
        let ice = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        };
        let fit = ICE_UFRAG.contains(&ufrag.len()) && ICE_PWD.contains(&pwd.len());
        (fit && ice(ufrag) && ice(pwd)).then(|| Self {
            ufrag: ufrag.to_owned(),
            pwd: pwd.to_owned(),
        })
    }
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IceCredentials({})", self.ufrag)
    }
}

/// A browser's side of a media line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebPeer {
    /// What its certificate must hash to.
    pub fingerprint: Fingerprint,
    /// Its part in the handshake; an offer without one means `ActPass`.
    pub setup: Setup,
    /// What its connectivity checks are answered with; None: it makes none, and is where its description says.
    pub ice: Option<IceCredentials>,
}

impl SessionDescription {
    /// The browser's side of a medium's line: None without a strong fingerprint, or with ICE credentials of other
    /// lengths than RFC 8839 wants.
    #[must_use]
    pub fn web_peer(&self, medium: Medium) -> Option<WebPeer> {
        let stated = |name| self.stated(medium, name);
        let fingerprint = stated("fingerprint").find_map(Fingerprint::parse)?;
        let setup = match stated("setup").next() {
            None => Setup::ActPass,
            Some(value) => [Setup::Active, Setup::Passive, Setup::ActPass]
                .into_iter()
                .find(|setup| setup.as_str() == value.trim())?,
        };
        let ice = match (stated("ice-ufrag").next(), stated("ice-pwd").next()) {
            (None, None) => None,
            (ufrag, pwd) => Some(IceCredentials::read(ufrag?.trim(), pwd?.trim())?),
        };
        Some(WebPeer {
            fingerprint,
            setup,
            ice,
        })
    }

    /// The name of a medium's line in its group (RFC 5888), if it is a plain token.
    #[must_use]
    pub fn mid(&self, medium: Medium) -> Option<&str> {
        let mid = self.section_of(medium)?.find_map(|index| {
            let (name, value) = self.attribute(index)?;
            (name == "mid").then(|| value.trim())
        })?;
        let token = mid.bytes().all(|byte| byte.is_ascii_graphic());
        (token && !mid.is_empty() && mid.len() <= 64).then_some(mid)
    }

    /// Whether there is a `BUNDLE` group (RFC 8843).
    #[must_use]
    pub fn is_bundled(&self) -> bool {
        (0..self.session_end()).any(|index| {
            self.attribute(index)
                .is_some_and(|(name, value)| name == "group" && value.starts_with("BUNDLE"))
        })
    }

    /// Values of an attribute that speaks of a medium: those of its line first.
    pub(crate) fn stated<'a>(
        &'a self,
        medium: Medium,
        name: &'a str,
    ) -> impl Iterator<Item = &'a str> + 'a {
        self.section_of(medium)
            .unwrap_or(0..0)
            .chain(0..self.session_end())
            .filter_map(|index| self.attribute(index))
            .filter(move |(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_fingerprint() {
        let long = vec!["AB"; 32].join(":");
        for (value, fits) in [
            (format!("sha-256 {long}"), true),
            (format!("SHA-256 {}", long.to_ascii_lowercase()), true),
            (format!("sha-1 {long}"), false),
            (format!("sha-384 {long}"), false),
            (format!("sha-256 {}", &long[3..]), false),
            (format!("sha-256 {long}:AB"), false),
            ("sha-256 +1:02".to_owned(), false),
            ("sha-256".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(Fingerprint::parse(&value).is_some(), fits, "{value}");
        }
        let read = Fingerprint::parse(&format!("sha-256 {long}")).unwrap();
        assert_eq!(read.to_string(), format!("sha-256 {long}"));
    }
}
