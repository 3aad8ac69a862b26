//! SRTP and SRTCP of one side (RFC 3711, 6188, 7714): packets in, packets out, keys given.
//!
//! The transform is `rtc-srtp`'s. Here stands what a relay needs around it: a stream is remembered only once a
//! packet of it has proven the key, so that forged ones cost no memory; the streams of a key are bounded; and the
//! key before is still taken for a moment after a change, so that none of the packets under way are lost.

use rtc_srtp::{
    context::Context,
    crypto::providers::RingCrypto,
    option::{srtcp_replay_protection, srtp_replay_protection},
    protection_profile::ProtectionProfile,
};
use tandem_sdp::sdes::{SrtpKey, SrtpSuite};

use crate::{Micros, gate::Channel, rtp::RtpHeader, rtp::protected_rtcp_sender};

/// Streams of one key remembered at once; the one silent longest makes way.
const MAX_STREAMS: usize = 8;
/// Streams we protect with one key: their packet counts must be kept for as long as the key is used.
const MAX_SENT_STREAMS: usize = 64;
/// Packets behind the newest that are still told from repeated ones.
const REPLAY_WINDOW: usize = 128;
/// How long packets of the key before are taken after a change.
const OLD_KEY_US: Micros = 2_000_000;

/// Takes the protection off what a side sends.
pub struct Receiver {
    key: SrtpKey,
    streams: Vec<Stream>,
    old: Option<(Box<Receiver>, Micros)>,
}

struct Stream {
    ssrc: u32,
    context: Context,
    used_us: Micros,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Receiver({:?})", self.key)
    }
}

impl Receiver {
    /// Takes packets of a key.
    #[must_use]
    pub fn new(key: SrtpKey) -> Self {
        Self {
            key,
            streams: Vec::new(),
            old: None,
        }
    }

    /// The peer's key from now on; the same one again changes nothing.
    pub fn set_key(&mut self, key: SrtpKey, now_us: Micros) {
        if key != self.key {
            let mut before = std::mem::replace(self, Self::new(key));
            before.old = None;
            self.old = Some((Box::new(before), now_us + OLD_KEY_US));
        }
    }

    /// The plain packet in place of the protected one, and its length; None if it does not bear the key, was
    /// there before, or is no RTP or RTCP.
    pub fn open(
        &mut self,
        channel: Channel,
        packet: &mut [u8],
        length: usize,
        now_us: Micros,
    ) -> Option<usize> {
        let protected = packet.get(..length)?;
        let plain = match self.open_with_key(channel, protected, now_us) {
            Some(plain) => plain,
            None => self.open_with_old_key(channel, protected, now_us)?,
        };
        packet.get_mut(..plain.len())?.copy_from_slice(&plain);
        Some(plain.len())
    }

    fn open_with_old_key(
        &mut self,
        channel: Channel,
        packet: &[u8],
        now_us: Micros,
    ) -> Option<Vec<u8>> {
        let (old, _) = self
            .old
            .as_mut()
            .filter(|(_, until_us)| now_us < *until_us)?;
        old.open_with_key(channel, packet, now_us)
    }

    fn open_with_key(
        &mut self,
        channel: Channel,
        packet: &[u8],
        now_us: Micros,
    ) -> Option<Vec<u8>> {
        let ssrc = match channel {
            Channel::Rtp => RtpHeader::split(packet)?.0.ssrc,
            Channel::Rtcp => protected_rtcp_sender(packet)?,
        };
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) {
            let plain = open_with((self.key.suite(), &mut stream.context), channel, packet)?;
            stream.used_us = now_us;
            return Some(plain);
        }
        let mut context = context(&self.key, REPLAY_WINDOW)?;
        let plain = open_with((self.key.suite(), &mut context), channel, packet)?;
        if self.streams.len() >= MAX_STREAMS {
            let oldest = (0..self.streams.len())
                .min_by_key(|at| self.streams.get(*at).map(|stream| stream.used_us))?;
            self.streams.swap_remove(oldest);
        }
        self.streams.push(Stream {
            ssrc,
            context,
            used_us: now_us,
        });
        Some(plain)
    }
}

/// Protects what a side is sent.
pub struct Sender {
    key: SrtpKey,
    context: Context,
    streams: Vec<u32>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Sender({:?})", self.key)
    }
}

impl Sender {
    /// Protects packets with a key; None only if the library refuses it.
    #[must_use]
    pub fn new(key: SrtpKey) -> Option<Self> {
        let context = context(&key, 0)?;
        Some(Self {
            key,
            context,
            streams: Vec::new(),
        })
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &SrtpKey {
        &self.key
    }

    /// The protected packet; None for what is no RTP or RTCP, and for more streams than a key protects.
    pub fn seal(&mut self, channel: Channel, packet: &[u8]) -> Option<Vec<u8>> {
        let ssrc = match channel {
            Channel::Rtp => RtpHeader::split(packet)?.0.ssrc,
            Channel::Rtcp => protected_rtcp_sender(packet)?,
        };
        if !self.streams.contains(&ssrc) {
            if self.streams.len() >= MAX_SENT_STREAMS {
                return None;
            }
            self.streams.push(ssrc);
        }
        let sealed = match channel {
            Channel::Rtp => self
                .context
                .encrypt_rtp_with_header(packet, &measured_header(packet)?),
            Channel::Rtcp => self.context.encrypt_rtcp(packet),
        };
        sealed.ok().map(Vec::from)
    }
}

fn open_with(
    (suite, context): (SrtpSuite, &mut Context),
    channel: Channel,
    packet: &[u8],
) -> Option<Vec<u8>> {
    let opened = match channel {
        Channel::Rtp => context.decrypt_rtp_with_header(packet, &measured_header(packet)?),
        Channel::Rtcp if !is_encrypted(suite, packet) => return None,
        Channel::Rtcp => context.decrypt_rtcp(packet),
    };
    opened.ok().map(Vec::from)
}

/// The E flag of SRTCP (RFC 3711 section 3.4). Without it the library would check nothing; it may be clear only
/// where both sides agreed to that, which we never do.
fn is_encrypted(suite: SrtpSuite, packet: &[u8]) -> bool {
    let behind = match suite {
        SrtpSuite::Aes128Gcm | SrtpSuite::Aes256Gcm => 0,
        SrtpSuite::Aes128Sha80
        | SrtpSuite::Aes128Sha32
        | SrtpSuite::Aes256Sha80
        | SrtpSuite::Aes256Sha32 => 10,
    };
    let flag = packet.len().checked_sub(4 + behind);
    flag.and_then(|at| packet.get(at))
        .is_some_and(|byte| byte & 0x80 != 0)
}

/// What the transform reads of a header: stream, number and length. The length is stated by words of
/// contributing sources, whatever the header really holds, so that odd extensions are neither read nor refused.
fn measured_header(packet: &[u8]) -> Option<rtc_rtp::Header> {
    let (header, body) = RtpHeader::split(packet)?;
    let words = (packet.len() - body.len()).saturating_sub(12) / 4;
    Some(rtc_rtp::Header {
        version: 2,
        sequence_number: header.sequence,
        ssrc: header.ssrc,
        csrc: vec![0; words],
        ..Default::default()
    })
}

/// A window of 0 tells no packet from a repeated one: for sending.
fn context(key: &SrtpKey, window: usize) -> Option<Context> {
    Context::new(
        key.key(),
        key.salt(),
        profile_of(key.suite()),
        (window > 0).then(|| srtp_replay_protection(window)),
        (window > 0).then(|| srtcp_replay_protection(window)),
        &RingCrypto,
    )
    .inspect_err(
        |error| tracing::warn!(%error, suite = key.suite().name(), "no SRTP with this suite"),
    )
    .ok()
}

fn profile_of(suite: SrtpSuite) -> ProtectionProfile {
    match suite {
        SrtpSuite::Aes128Sha80 => ProtectionProfile::Aes128CmHmacSha1_80,
        SrtpSuite::Aes128Sha32 => ProtectionProfile::Aes128CmHmacSha1_32,
        SrtpSuite::Aes256Sha80 => ProtectionProfile::Aes256CmHmacSha1_80,
        SrtpSuite::Aes256Sha32 => ProtectionProfile::Aes256CmHmacSha1_32,
        SrtpSuite::Aes128Gcm => ProtectionProfile::AeadAes128Gcm,
        SrtpSuite::Aes256Gcm => ProtectionProfile::AeadAes256Gcm,
    }
}
