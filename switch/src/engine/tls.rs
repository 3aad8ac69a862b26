//! TLS of the SIP side (RFC 3261 section 26, RFC 5922): our certificate toward phones, and how a gateway's is
//! judged when we connect to it. rustls's own buffers, driven by `link`; nothing here touches a socket.

use rustls::{
    CertificateError, ClientConfig, ClientConnection, Connection as Session, DigitallySignedStruct,
    Error as TlsError, RootCertStore, ServerConfig, ServerConnection, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature,
        verify_tls13_signature,
    },
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{Error, ErrorKind},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};
use tandem_call::{Directory, directory::TlsTrust};
use tandem_sip::Transport;

/// Where the certificate and what peers are checked against come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Chain in PEM, ours first.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
    /// Authorities that gateways' certificates are checked against; Mozilla's list if None.
    pub authorities: Option<PathBuf>,
}

/// Certificate, key or authorities could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsFilesError {
    /// Not there, not readable, not PEM, or nothing in it.
    #[error("{path}: {reason}")]
    Content {
        /// Of the file.
        path: PathBuf,
        /// What it lacks.
        reason: String,
    },
    /// They do not belong together, or are of a kind that cannot be used.
    #[error("{path} cannot be used: {source}")]
    Use {
        /// Of the certificate.
        path: PathBuf,
        /// Why.
        source: TlsError,
    },
}

/// The certificate shown to who connects; it can be replaced while connections go on.
#[derive(Debug)]
pub struct SipIdentity {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
}

impl SipIdentity {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// If they cannot be read or used.
    pub fn load(files: TlsFiles) -> Result<Self, TlsFilesError> {
        let current = RwLock::new(Arc::new(read(&files)?));
        Ok(Self { files, current })
    }

    /// Reads the files again: new connections are shown what they hold now.
    ///
    /// # Errors
    /// If they cannot be read or used: the certificate in use stays.
    pub fn reload(&self) -> Result<(), TlsFilesError> {
        let fresh = Arc::new(read(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

impl ResolvesServerCert for SipIdentity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn content(path: &Path, reason: impl ToString) -> TlsFilesError {
    TlsFilesError::Content {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsFilesError> {
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| content(&files.key, e))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|source| TlsFilesError::Use {
        path: files.certificate.clone(),
        source,
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFilesError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|e| content(path, e))?
        .collect();
    let found = found.map_err(|e| content(path, e))?;
    if found.is_empty() {
        return Err(content(path, "holds no certificate"));
    }
    Ok(found)
}

/// A gateway's address as TLS knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// Whom the certificate must name.
    pub(super) name: String,
    pub(super) trust: TlsTrust,
}

/// The gateways of a directory that are reached over TLS. Where two share an address, the stricter one's demands
/// hold for both: the connection is the same.
pub(super) fn peers(directory: &Directory) -> BTreeMap<SocketAddr, Peer> {
    let mut peers: BTreeMap<SocketAddr, Peer> = BTreeMap::new();
    let gateways = directory.gateways.values();
    let hosts = gateways.flat_map(|gateway| gateway.hosts.iter().map(move |host| (gateway, host)));
    for (gateway, host) in hosts.filter(|(_, host)| host.transport == Transport::Tls) {
        let named = gateway.tls.name.clone().or_else(|| host.name.clone());
        let peer = Peer {
            name: named.unwrap_or_else(|| host.address.ip().to_string()),
            trust: gateway.tls.trust.clone(),
        };
        match peers.get(&host.address) {
            Some(held) if strictness(&held.trust) >= strictness(&peer.trust) => {
                if *held != peer {
                    tracing::warn!(
                        gateway = gateway.name, address = %host.address, name = held.name,
                        "another gateway at this address asks for another certificate: the stricter demand holds"
                    );
                }
            }
            Some(_) | None => {
                peers.insert(host.address, peer);
            }
        }
    }
    peers
}

fn strictness(trust: &TlsTrust) -> u8 {
    match trust {
        TlsTrust::Pinned(_) => 2,
        TlsTrust::Authority => 1,
        TlsTrust::Any => 0,
    }
}

/// Both sides' configurations.
#[derive(Clone)]
pub struct Tls {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    peers: BTreeMap<SocketAddr, Peer>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("peers", &self.peers)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Both sides with one identity.
    ///
    /// # Errors
    /// If the file of authorities cannot be read.
    pub fn new(identity: Arc<SipIdentity>) -> Result<Self, TlsFilesError> {
        let unusable = |source| TlsFilesError::Use {
            path: identity.files.certificate.clone(),
            source,
        };
        let mut roots = RootCertStore::empty();
        match &identity.files.authorities {
            Some(path) => {
                let (added, _) = roots.add_parsable_certificates(certificates(path)?);
                if added == 0 {
                    return Err(content(path, "holds no authority that can be used"));
                }
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&identity) as Arc<dyn ResolvesServerCert>);
        // Phones that come back need no signature of ours: a third of the time.
        server.ticketer = ring::Ticketer::new().map_err(unusable)?;
        let client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            server: Arc::new(server),
            client: Arc::new(client),
            peers: BTreeMap::new(),
        })
    }

    /// Gateways reached over TLS from now on; gives those whose certificate is judged otherwise than before.
    pub(super) fn set_peers(&mut self, peers: BTreeMap<SocketAddr, Peer>) -> Vec<SocketAddr> {
        let before = std::mem::replace(&mut self.peers, peers);
        let changed = before
            .iter()
            .filter(|(address, peer)| self.peers.get(address) != Some(peer));
        changed.map(|(address, _)| *address).collect()
    }

    /// For a connection taken.
    pub(super) fn accept(&self) -> Result<Session, Error> {
        let session = ServerConnection::new(Arc::clone(&self.server)).map_err(Error::other)?;
        Ok(session.into())
    }

    /// For a connection opened to a gateway.
    ///
    /// # Errors
    /// If no gateway has this address: whose certificate it would have to be is not known.
    pub(super) fn connect(&self, remote: SocketAddr) -> Result<Session, Error> {
        let peer = self.peers.get(&remote).ok_or_else(|| {
            Error::new(
                ErrorKind::NotConnected,
                "its connection has ended, and no gateway is there",
            )
        })?;
        let name = ServerName::try_from(peer.name.clone()).map_err(Error::other)?;
        let judge = match &peer.trust {
            TlsTrust::Authority => None,
            TlsTrust::Pinned(pin) => Some(Lenient::new(Some(*pin))),
            TlsTrust::Any => Some(Lenient::new(None)),
        };
        let config = match judge {
            None => Arc::clone(&self.client),
            Some(judge) => {
                let mut config = ClientConfig::clone(&self.client);
                config.dangerous().set_certificate_verifier(Arc::new(judge));
                // A session made under one judgement is not taken up under another.
                config.resumption = rustls::client::Resumption::disabled();
                Arc::new(config)
            }
        };
        let session = ClientConnection::new(config, name).map_err(Error::other)?;
        Ok(session.into())
    }
}

/// Judges by the pin, or not at all; that the peer holds the certificate's key is checked either way.
#[derive(Debug)]
struct Lenient {
    pin: Option<[u8; 32]>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Lenient {
    fn new(pin: Option<[u8; 32]>) -> Self {
        Self {
            pin,
            algorithms: provider().signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match self.pin {
            Some(pin) if <[u8; 32]>::from(Sha256::digest(end_entity)) != pin => {
                let other = CertificateError::ApplicationVerificationFailure;
                Err(TlsError::InvalidCertificate(other))
            }
            Some(_) | None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
