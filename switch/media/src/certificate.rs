//! The certificates the relay shows browsers: made at its start, known to them by the fingerprint in SDP.

use std::io;

use rtc_srtp::crypto::providers::RingCrypto;
use sha2::{Digest, Sha256};
use tandem_sdp::{
    relay::Shown,
    web::{Fingerprint, FingerprintHash},
};

/// A self-signed certificate with its key.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) identity: rtc_dtls::crypto::Certificate,
    pub(crate) fingerprint: Fingerprint,
}

impl Certificate {
    /// A new one, ECDSA on P-256.
    pub(crate) fn generate() -> io::Result<Self> {
        let identity =
            rtc_dtls::crypto::Certificate::generate_self_signed(["audio".to_owned()], &RingCrypto)
                .map_err(io::Error::other)?;
        let der = identity.certificate.first();
        let digest = der.map(|der| Sha256::digest(der.as_ref()).to_vec());
        let fingerprint = digest
            .and_then(|digest| Fingerprint::new(FingerprintHash::Sha256, digest))
            .ok_or_else(|| io::Error::other("the certificate for browsers' audio is empty"))?;
        Ok(Self {
            identity,
            fingerprint,
        })
    }
}

/// Both that a browser may be shown.
#[derive(Debug)]
pub(crate) struct Certificates {
    first: Certificate,
    second: Certificate,
}

impl Certificates {
    pub(crate) fn generate() -> io::Result<Self> {
        Ok(Self {
            first: Certificate::generate()?,
            second: Certificate::generate()?,
        })
    }

    pub(crate) fn of(&self, shown: Shown) -> &Certificate {
        match shown {
            Shown::First => &self.first,
            Shown::Second => &self.second,
        }
    }
}

/// Whether a certificate is the one its description promised.
pub(crate) fn fits(der: &[u8], promised: &Fingerprint) -> bool {
    let digest = match promised.hash() {
        FingerprintHash::Sha256 => Sha256::digest(der).to_vec(),
        FingerprintHash::Sha384 => sha2::Sha384::digest(der).to_vec(),
        FingerprintHash::Sha512 => sha2::Sha512::digest(der).to_vec(),
    };
    digest == promised.digest()
}
