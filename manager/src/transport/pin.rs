//! Trust by fingerprint: the switch signs its own certificate, the operator pins it at first use.
//!
//! Only who holds the pinned certificate's key may go on: the fingerprint is compared *and* the handshake's
//! signature is verified, as a certificate alone is public.

use super::Fingerprint;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

/// What the server showed in this handshake.
#[derive(Clone, Debug, Default)]
pub struct Shown(Arc<Mutex<Option<Fingerprint>>>);

impl Shown {
    pub fn take(&self) -> Option<Fingerprint> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, fingerprint: Fingerprint) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
    }
}

/// Accepts the pinned certificate, or with no pin any (its fingerprint is then shown and the line closed).
#[derive(Debug)]
pub struct PinnedVerifier {
    pin: Option<Fingerprint>,
    shown: Shown,
    algorithms: WebPkiSupportedAlgorithms,
}

pub fn fingerprint(certificate: &[u8]) -> Fingerprint {
    let pairs: Vec<String> = Sha256::digest(certificate)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    pairs.join(":")
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = fingerprint(end_entity);
        let known = self.pin.as_ref().is_none_or(|pin| *pin == shown);
        self.shown.put(shown);
        if known {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}

/// TLS as this program speaks it, and where the fingerprint will stand after the handshake.
pub fn client(pin: Option<Fingerprint>) -> Result<(rustls::ClientConfig, Shown), Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let shown = Shown::default();
    let algorithms = provider.signature_verification_algorithms;
    let verifier = PinnedVerifier {
        pin,
        shown: shown.clone(),
        algorithms,
    };
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok((config, shown))
}
