//! One session description, edited in place (RFC 8866, RFC 3264).

use std::net::{IpAddr, SocketAddr};

#[derive(Clone, Debug)]
pub struct SessionDescription {
    lines: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

/// One codec of the audio line, in order of preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    pub payload_type: u8,
    pub name: String,
    pub clock_rate: u32,
    pub fmtp: Option<String>,
}

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("session description line {line}: {reason}")]
pub struct SdpError {
    pub line: usize,
    pub reason: &'static str,
}

impl SessionDescription {
    /// At most 16 KiB, 400 lines and 8 media lines.
    pub fn parse(body: &[u8]) -> Result<Self, SdpError> {
        todo!()
    }
    /// Where the peer says it takes audio; None without an audio line, or when it is rejected (port 0).
    pub fn audio_target(&self) -> Option<SocketAddr> {
        todo!()
    }
    /// From a=rtcp, else the audio port + 1.
    pub fn rtcp_target(&self) -> Option<SocketAddr> {
        todo!()
    }
    /// The audio direction; hold by `c=0.0.0.0` counts as sendonly (RFC 2543) .
    pub fn direction(&self) -> Direction {
        todo!()
    }
    pub fn codecs(&self) -> Vec<Codec> {
        todo!()
    }
    /// Keeps only the codecs whose names are in `allowed` (lower case), ordered by it; telephone-event and CN
    /// stay. False if none is left (the description is then unchanged).
    pub fn restrict_codecs(&mut self, allowed: &[String]) -> bool {
        todo!()
    }
    /// Points audio at our relay: c=, m= port, a=rtcp, and o= replaced (no address of the other leg stays);
    /// ICE candidates are taken out; further media lines are rejected with port 0.
    pub fn rewrite(&mut self, rtp: SocketAddr, origin: Origin) {
        todo!()
    }
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }
}
/// The o= line we write: kept per leg, version raised with each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub session_id: u64,
    pub version: u64,
    pub address: IpAddr,
}
