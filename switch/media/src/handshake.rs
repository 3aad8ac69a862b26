//! The DTLS handshake with one browser, and the SRTP keys it ends with (RFC 5764).
//!
//! The handshake is `rtc-dtls`'s. It has one peer, whatever address the peer's packets come from: ICE decides
//! that. It is given up after [`GIVE_UP_US`].

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::{
    config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig},
    crypto_provider::default_provider,
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
    state::State,
};
use rtc_shared::{TransportProtocol, error::Error};
use tandem_sdp::{
    sdes::{SrtpKey, SrtpSuite},
    web::{Fingerprint, Setup},
};

use crate::{Micros, certificate, certificate::Certificate};

/// A browser that has not finished by then never will.
const GIVE_UP_US: Micros = 30_000_000;
/// Datagrams read of one peer; the rest is dropped. A handshake has some ten, and after it come repeated ones only,
/// but the library keeps what it cannot read yet.
const MAX_DATAGRAMS: u32 = 1_000;
/// Before a flight is sent again; the relay looks once a second.
const FLIGHT: Duration = Duration::from_millis(900);
const LABEL: &str = "EXTRACTOR-dtls_srtp";
/// Our choice in order; the first the peer has too is taken.
const PROFILES: [SrtpProtectionProfile; 3] = [
    SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
    SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
];

/// The keys of both directions.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) ours: SrtpKey,
    pub(crate) theirs: SrtpKey,
}

/// One handshake.
pub(crate) struct Handshake {
    endpoint: Endpoint,
    /// The instant that 0 microseconds were.
    epoch: Instant,
    began_us: Micros,
    is_client: bool,
    done: bool,
    datagrams: u32,
}

impl std::fmt::Debug for Handshake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Handshake(done: {})", self.done)
    }
}

/// The library tells its peers apart by address; ours is always this one.
fn peer() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 1))
}

impl Handshake {
    /// Begins as client or waits as server, with a peer whose certificate has this fingerprint. None if the
    /// library refuses.
    pub(crate) fn new(
        certificate: &Certificate,
        setup: Setup,
        promised: Fingerprint,
        now_us: Micros,
    ) -> Option<Self> {
        let is_client = match setup {
            Setup::Active => true,
            Setup::Passive | Setup::ActPass => false,
        };
        let config = Arc::new(config(certificate, is_client, promised)?);
        let epoch = Instant::now()
            .checked_sub(Duration::from_micros(now_us))
            .unwrap_or_else(Instant::now);
        let server = (!is_client).then(|| Arc::clone(&config));
        let mut handshake = Self {
            endpoint: Endpoint::new(peer(), TransportProtocol::UDP, server),
            epoch,
            began_us: now_us,
            is_client,
            done: false,
            datagrams: 0,
        };
        if is_client {
            let now = handshake.instant(now_us);
            handshake.endpoint.connect(now, peer(), config, None).ok()?;
        }
        Some(handshake)
    }

    fn instant(&self, now_us: Micros) -> Instant {
        self.epoch + Duration::from_micros(now_us)
    }

    /// Whether the keys have been exported.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Takes a datagram of the peer's; the keys when the handshake ends with it.
    ///
    /// # Errors
    /// The handshake has failed, or the peer has closed.
    pub(crate) fn read(&mut self, packet: &[u8], now_us: Micros) -> Result<Option<Keys>, String> {
        self.datagrams = self.datagrams.saturating_add(1);
        if self.datagrams > MAX_DATAGRAMS {
            return Ok(None);
        }
        let now = self.instant(now_us);
        let events = self
            .endpoint
            .read(now, peer(), None, BytesMut::from(packet))
            .map_err(|error| error.to_string());
        // A record that cannot be read is dropped once keys are there (RFC 6347 section 4.1.2.7).
        let events = match events {
            Err(_) if self.done => return Ok(None),
            other => other?,
        };
        let mut keys = None;
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => {
                    self.done = true;
                    keys = Some(self.export()?);
                }
                EndpointEvent::PeerClosed => return Err("the peer closed".to_owned()),
                _ => {}
            }
        }
        Ok(keys)
    }

    /// Repeats what was lost; once a second is enough.
    ///
    /// # Errors
    /// It has taken too long.
    pub(crate) fn tick(&mut self, now_us: Micros) -> Result<(), String> {
        if self.done {
            return Ok(());
        }
        if now_us.saturating_sub(self.began_us) >= GIVE_UP_US {
            return Err("no handshake within 30 s".to_owned());
        }
        let now = self.instant(now_us);
        self.endpoint
            .handle_timeout(peer(), now)
            .map_err(|error| error.to_string())
    }

    /// The next datagram for the peer.
    pub(crate) fn poll(&mut self) -> Option<Vec<u8>> {
        self.endpoint
            .poll_transmit()
            .map(|transmit| transmit.message.to_vec())
    }

    fn export(&self) -> Result<Keys, String> {
        let state = self
            .endpoint
            .get_connection_state(peer())
            .ok_or("no connection")?;
        keys_of(state, self.is_client).ok_or_else(|| "no SRTP profile in common".to_owned())
    }
}

fn config(
    certificate: &Certificate,
    is_client: bool,
    promised: Fingerprint,
) -> Option<HandshakeConfig> {
    let verify = move |chain: &[Vec<u8>], _: &[_]| match chain.first() {
        Some(der) if certificate::fits(der, &promised) => Ok(()),
        _ => Err(Error::Other(
            "the peer's certificate is not the one its description promised".to_owned(),
        )),
    };
    ConfigBuilder::default()
        .with_crypto_provider(default_provider().ok()?)
        .with_certificates(vec![certificate.identity.clone()])
        .with_srtp_protection_profiles(PROFILES.to_vec())
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_extended_master_secret(ExtendedMasterSecretType::Request)
        .with_flight_interval(FLIGHT)
        // The fingerprint is what is verified, not a chain.
        .with_insecure_skip_verify(true)
        .with_verify_peer_certificate(Some(Arc::new(verify)))
        .build(is_client, None)
        .inspect_err(|error| tracing::warn!(%error, "no DTLS with browsers"))
        .ok()
}

/// RFC 5764 section 4.2: client key, server key, client salt, server salt.
fn keys_of(state: &State, is_client: bool) -> Option<Keys> {
    let suite = match state.srtp_protection_profile() {
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => SrtpSuite::Aes128Sha80,
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_32 => SrtpSuite::Aes128Sha32,
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => SrtpSuite::Aes128Gcm,
        SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => SrtpSuite::Aes256Gcm,
        _ => return None,
    };
    let (key, salt) = (suite.key_bytes(), suite.salt_bytes());
    let material = state
        .export_keying_material(LABEL, &[], 2 * (key + salt))
        .ok()?
        .into_bytes();
    let (keys, salts) = material.split_at_checked(2 * key)?;
    let of = |number: usize| {
        let key = keys.get(number * key..(number + 1) * key)?;
        let salt = salts.get(number * salt..(number + 1) * salt)?;
        SrtpKey::new(suite, [key, salt].concat())
    };
    let (client, server) = (of(0)?, of(1)?);
    Some(if is_client {
        Keys {
            ours: client,
            theirs: server,
        }
    } else {
        Keys {
            ours: server,
            theirs: client,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of memory this process has.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = status
            .split_whitespace()
            .nth(1)
            .and_then(|pages| pages.parse::<usize>().ok());
        pages.unwrap_or_default() * 4_096
    }

    /// What comes before its time is kept by the library until the handshake is done, or given up.
    #[test]
    fn a_flood_of_records_takes_no_memory() {
        let certificate = Certificate::generate().unwrap();
        let promised = certificate.fingerprint.clone();
        let record = |kind: u8, epoch: u8| {
            let mut record = vec![kind, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 1, 4, 0xb0];
            record.resize(13 + 0x4b0, 0);
            record
        };
        // Of the next epoch; a change of cipher; pieces of handshakes that never come to their turn.
        for flood in [record(23, 1), record(20, 0), record(22, 0)] {
            let mut handshake =
                Handshake::new(&certificate, Setup::Passive, promised.clone(), 0).unwrap();
            let before = resident();
            for _ in 0..100_000 {
                let _ = handshake.read(&flood, 1_000);
            }
            let grown = resident().saturating_sub(before);
            assert!(grown < 40_000_000, "{} has taken {grown} bytes", flood[0]);
        }
    }
}
