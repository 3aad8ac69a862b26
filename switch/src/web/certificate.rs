//! The certificate of the port: self-signed, made once, known by its fingerprint.

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use sha2::{Digest, Sha256};
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

const CERTIFICATE: &str = "rpc.cert.pem";
const KEY: &str = "rpc.key.pem";

/// Certificate and key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// Its content.
    #[error("{path}: {reason}; remove {CERTIFICATE} and {KEY} to have new ones made")]
    Content {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Making one.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// Using it.
    #[error("the certificate cannot be used: {0}")]
    Use(#[from] rustls::Error),
}

/// What the port shows.
#[derive(Clone, Debug)]
pub struct Identity {
    /// TLS with it.
    pub tls: Arc<ServerConfig>,
    /// As operators compare it.
    pub fingerprint: String,
}

/// SHA-256 of a certificate: 32 upper-case hex pairs, apart by colons.
#[must_use]
pub fn fingerprint(certificate: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(certificate)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    pairs.join(":")
}

/// Certificate and key of a data folder, whether they are there or not.
#[must_use]
pub fn files(data: &Path) -> (PathBuf, PathBuf) {
    (data.join(CERTIFICATE), data.join(KEY))
}

/// The fingerprint of the certificate kept in a data folder, for programs on the same machine.
///
/// # Errors
/// If there is none, or it cannot be read.
pub fn kept_fingerprint(data: &Path) -> Result<String, CertificateError> {
    Ok(fingerprint(&read_certificate(&data.join(CERTIFICATE))?))
}

/// The identity kept in a data folder; made if there is none yet.
///
/// # Errors
/// If the files cannot be written, read or used.
pub fn load_or_make(data: &Path) -> Result<Identity, CertificateError> {
    let (certificate_path, key_path) = files(data);
    if !certificate_path.exists() || !key_path.exists() {
        make(&certificate_path, &key_path)?;
    }
    let certificate = read_certificate(&certificate_path)?;
    let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|e| content(&key_path, &e))?;
    let fingerprint = fingerprint(&certificate);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity {
        tls: Arc::new(tls),
        fingerprint,
    })
}

fn read_certificate(path: &Path) -> Result<CertificateDer<'static>, CertificateError> {
    CertificateDer::from_pem_file(path).map_err(|e| content(path, &e))
}

fn content(path: &Path, reason: &impl ToString) -> CertificateError {
    CertificateError::Content {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn make(certificate_path: &Path, key_path: &Path) -> Result<(), CertificateError> {
    let mut params =
        rcgen::CertificateParams::new(vec!["tandem-switch".to_owned(), "localhost".to_owned()])?;
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Tandem switch");
    let key = rcgen::KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    write(key_path, &key.serialize_pem(), 0o600)?;
    write(certificate_path, &certificate.pem(), 0o644)
}

/// Appears whole or not at all.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertificateError> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = |source| CertificateError::File {
        path: path.to_owned(),
        source,
    };
    let draft = path.with_extension("new");
    let _ = std::fs::remove_file(&draft);
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&draft)
        .map_err(file)?;
    out.write_all(text.as_bytes()).map_err(file)?;
    out.sync_all().map_err(file)?;
    std::fs::rename(&draft, path).map_err(file)
}

#[cfg(test)]
mod tests {
    use super::{CERTIFICATE, KEY, kept_fingerprint, load_or_make};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(kept_fingerprint(folder.path()).is_err());
        let first = load_or_make(folder.path()).expect("made");
        let second = load_or_make(folder.path()).expect("kept");
        assert_eq!(first.fingerprint, second.fingerprint);
        assert_eq!(
            kept_fingerprint(folder.path()).ok(),
            Some(first.fingerprint.clone())
        );
        assert_eq!(first.fingerprint.len(), 95);
        let mode = std::fs::metadata(folder.path().join(KEY))
            .expect("the key")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);

        std::fs::write(folder.path().join(CERTIFICATE), "nonsense").expect("written");
        let fault = load_or_make(folder.path())
            .expect_err("a broken file is not replaced")
            .to_string();
        assert!(fault.contains("remove"), "{fault}");
    }
}
