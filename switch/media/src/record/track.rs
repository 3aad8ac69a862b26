//! One side of a recording: its packets, decoded and placed in time.

use tandem_sdp::convert::Format;

use super::RATE;
use crate::Micros;
use crate::convert::{
    budget::{Budget, length_us},
    codec::{Decoder, Resampling},
};
use crate::rtp::RtpHeader;

/// A stream whose time stamps and arrival differ by more has begun anew, milliseconds.
const ADRIFT_MS: i64 = 300;

/// See the module.
#[derive(Default)]
pub(super) struct Track {
    formats: Vec<(u8, Format)>,
    stream: Option<Stream>,
    budget: Budget,
    pcm: Vec<i16>,
    out: Vec<i16>,
}

/// What goes on without a break.
struct Stream {
    ssrc: u32,
    payload_type: u8,
    /// Time stamp and place of its first packet.
    began: (u32, u64),
    clock: u32,
    decoder: Decoder,
    resampling: Resampling,
}

impl Track {
    /// What its payload types mean from now on.
    pub(super) fn set_formats(&mut self, formats: Vec<(u8, Format)>) {
        if self.formats != formats {
            self.formats = formats;
            self.stream = None;
        }
    }

    /// Decodes a packet that came so long after the beginning; its place and samples. None: it is no audio of
    /// a known codec.
    pub(super) fn take(&mut self, packet: &[u8], since_us: Micros) -> Option<(u64, &[i16])> {
        let (header, payload) = RtpHeader::open(packet)?;
        let payload_type = header.payload_type;
        let (_, format) = *self
            .formats
            .iter()
            .find(|(number, _)| *number == payload_type)?;
        if !self.budget.allows(since_us) {
            return None;
        }
        let arrived = since_us * u64::from(RATE) / 1_000_000;
        let fresh = |stream: &Stream| {
            let same = (stream.ssrc, stream.payload_type) == (header.ssrc, payload_type);
            let place = stream.place(header.timestamp);
            let drift = i64::try_from(place).unwrap_or(i64::MAX)
                - i64::try_from(arrived).unwrap_or(i64::MAX);
            same && drift.abs() < ADRIFT_MS * i64::from(RATE) / 1_000
        };
        let stream = match self.stream.take().filter(fresh) {
            Some(stream) => self.stream.insert(stream),
            None => {
                let decoder = Decoder::new(format);
                self.stream.insert(Stream {
                    ssrc: header.ssrc,
                    payload_type,
                    began: (header.timestamp, arrived),
                    clock: format.clock_rate(),
                    resampling: Resampling::new(decoder.rate(), RATE),
                    decoder,
                })
            }
        };
        self.pcm.clear();
        self.out.clear();
        stream.decoder.decode(payload, &mut self.pcm);
        stream.resampling.pass(&self.pcm, &mut self.out);
        let audio_us = length_us(self.pcm.len(), stream.decoder.rate());
        self.budget.spend(audio_us, since_us);
        Some((stream.place(header.timestamp), &self.out))
    }
}

impl Stream {
    fn place(&self, timestamp: u32) -> u64 {
        let ticks = i64::from(timestamp.wrapping_sub(self.began.0) as i32);
        let samples = ticks * i64::from(RATE) / i64::from(self.clock.max(1));
        self.began.1.saturating_add_signed(samples)
    }
}
