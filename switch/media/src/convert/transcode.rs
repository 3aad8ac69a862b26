//! One direction's audio, decoded and coded anew: packets of any length in, packets of 20 ms out.
//!
//! A short gap in the numbers is filled by the decoder; a longer one, or one without a loss (silence suppression),
//! stays a gap in time with a marker behind it.

use tandem_sdp::convert::Format;

use crate::Micros;
use crate::rtp::RtpHeader;

use super::{
    Packets,
    codec::{Decoder, Encoder, Resampling},
    numbering::{Numbering, Place, packet},
};

/// Longer losses are not filled, milliseconds.
const CONCEALED_MS_MAX: u32 = 100;

pub(super) struct Transcoder {
    from: Format,
    to: (u8, Format),
    decoder: Decoder,
    resampling: Resampling,
    encoder: Encoder,
    pcm: Vec<i16>,
    waiting: Vec<i16>,
    /// Leaving time stamp of what waits.
    leaves: u32,
    /// Arriving time stamp that goes on without a gap.
    expected: Option<u32>,
    marker: bool,
}

impl Transcoder {
    pub(super) fn new(from: Format, to: (u8, Format)) -> Self {
        let (decoder, encoder) = (Decoder::new(from), Encoder::new(to.1));
        Self {
            resampling: Resampling::new(decoder.rate(), encoder.rate()),
            from,
            to,
            decoder,
            encoder,
            pcm: Vec::new(),
            waiting: Vec::new(),
            leaves: 0,
            expected: None,
            marker: true,
        }
    }

    pub(super) fn is_for(&self, from: Format, to: (u8, Format)) -> bool {
        (self.from, self.to) == (from, to)
    }

    /// What arrived was left out: what comes next begins anew.
    pub(super) fn interrupt(&mut self) {
        self.expected = None;
    }

    /// Samples a second of what is decoded.
    pub(super) fn rate(&self) -> u32 {
        self.decoder.rate()
    }

    /// Takes a packet that arrived; what it completes is sent. Answers the samples decoded or made up.
    pub(super) fn take(
        &mut self,
        (header, place, payload): (&RtpHeader, Place, &[u8]),
        numbers: &mut Numbering,
        now_us: Micros,
        out: &mut Packets,
    ) -> usize {
        match place {
            Place::Late | Place::Stray => return 0,
            Place::First => self.expected = None,
            Place::Next => {}
        }
        let clocks = (self.from.clock_rate(), self.to.1.clock_rate());
        let leaves = numbers.timestamp(header.timestamp, clocks, now_us);
        let ratio = |value: u32, (from, to): (u32, u32)| {
            u32::try_from(u64::from(value) * u64::from(to) / u64::from(from.max(1)))
                .unwrap_or(u32::MAX)
        };
        let rates = (self.decoder.rate(), clocks.0);
        let gap = self
            .expected
            .map(|expected| header.timestamp.wrapping_sub(expected) as i32);
        let most = (clocks.0 / 1_000 * CONCEALED_MS_MAX) as i32;
        self.pcm.clear();
        match gap {
            Some(0) => {}
            Some(lost) if lost > 0 && lost <= most => {
                let samples = ratio(lost as u32, (rates.1, rates.0));
                self.decoder.conceal(samples as usize, &mut self.pcm);
            }
            Some(_) | None => {
                self.waiting.clear();
                self.leaves = leaves;
                self.marker = true;
            }
        }
        let before = self.pcm.len();
        self.decoder.decode(payload, &mut self.pcm);
        let decoded = (self.pcm.len() - before) as u32;
        let ticks = ratio(decoded, rates);
        self.expected = Some(header.timestamp.wrapping_add(ticks));
        self.resampling.pass(&self.pcm, &mut self.waiting);
        self.send(numbers, now_us, out);
        self.pcm.len()
    }

    fn send(&mut self, numbers: &mut Numbering, now_us: Micros, out: &mut Packets) {
        let frame = self.encoder.frame();
        let mut sent = 0;
        for pcm in self.waiting.chunks_exact(frame) {
            if let Some(payload) = self
                .encoder
                .encode(pcm)
                .filter(|payload| !payload.is_empty())
            {
                let sequence = numbers.next_made();
                let header = (sequence, self.leaves, numbers.ssrc());
                out.push(packet(header, self.to.0, self.marker, &payload));
                numbers.sent(sequence, self.leaves, now_us);
                self.marker = false;
            }
            self.leaves = self.leaves.wrapping_add(self.encoder.ticks());
            sent += frame;
        }
        self.waiting.drain(..sent.min(self.waiting.len()));
    }
}
