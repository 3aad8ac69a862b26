//! One interface to all codecs, mono, 20 ms at a time. G.711 is our own; the others are libraries'.
//!
//! What is decoded came from the network. Should a library panic over it, the codec is dropped and the stream goes
//! on silent: no packet may end the thread that carries other people's calls.

use std::panic::{AssertUnwindSafe, catch_unwind};

use audio_codec::{
    BoxedResampler, Decoder as _, Encoder as _,
    g722::{G722Decoder, G722Encoder},
};
use opus_rs::{Application, OpusDecoder, OpusEncoder};
use tandem_sdp::convert::Format;

use super::g711;

/// Milliseconds of a packet that is sent.
pub const FRAME_MS: u32 = 20;
/// More audio in one packet is cut off: RFC 3551 receivers take 200 ms.
const PACKET_MS_MAX: u32 = 200;
/// Samples of the longest Opus packet, 120 ms at 48 kHz.
const OPUS_SAMPLES_MAX: usize = 5_760;
/// Bytes of the longest packet an encoder makes: one Opus frame.
const PACKET_BYTES_MAX: usize = 1_275;
/// Of Opus, bits a second: wideband speech.
const OPUS_BITRATE: i32 = 24_000;
/// Of ten: what a relay can afford.
const OPUS_COMPLEXITY: i32 = 4;
/// 10 ms of G.729.
const G729_SAMPLES: usize = g729_sys::FRAME_SAMPLES;
const G729_BYTES: usize = g729_sys::VOICE_FRAME_BYTES;
/// A silence descriptor of G.729 Annex B.
const G729_SILENCE_BYTES: usize = 2;

/// From packets to samples.
pub struct Decoder {
    kind: Decoding,
    /// What was decoded last, for repeating it where the codec cannot conceal a loss itself.
    last: Vec<i16>,
    repeats: u32,
}

enum Decoding {
    Table(&'static [i16; 256]),
    G722(Box<G722Decoder>),
    G729(Box<g729_sys::Decoder>),
    Opus(Box<OpusDecoder>),
    /// It failed: silence from here on.
    Broken(u32),
}

impl Decoder {
    /// Fresh, as at the beginning of a stream.
    #[must_use]
    pub fn new(format: Format) -> Self {
        let kind = match format {
            Format::Pcmu => Decoding::Table(g711::ulaw_table()),
            Format::Pcma => Decoding::Table(g711::alaw_table()),
            Format::G722 => Decoding::G722(Box::new(G722Decoder::new())),
            Format::G729 => Decoding::G729(Box::new(g729_sys::Decoder::new())),
            Format::Opus => match OpusDecoder::new(48_000, 1) {
                Ok(decoder) => Decoding::Opus(Box::new(decoder)),
                Err(_) => Decoding::Broken(48_000),
            },
        };
        Self {
            kind,
            last: Vec::new(),
            repeats: 0,
        }
    }

    /// Samples a second of what it gives.
    #[must_use]
    pub fn rate(&self) -> u32 {
        match &self.kind {
            Decoding::Table(_) | Decoding::G729(_) => 8_000,
            Decoding::G722(_) => 16_000,
            Decoding::Opus(_) => 48_000,
            Decoding::Broken(rate) => *rate,
        }
    }

    /// Decodes a packet's payload behind what `pcm` holds.
    pub fn decode(&mut self, payload: &[u8], pcm: &mut Vec<i16>) {
        let (rate, from) = (self.rate(), pcm.len());
        let most = (rate / 1_000 * PACKET_MS_MAX) as usize;
        let decoded = catch_unwind(AssertUnwindSafe(|| self.kind.decode(payload, most, pcm)));
        if decoded.is_err() {
            pcm.truncate(from);
            self.kind = Decoding::Broken(rate);
        }
        self.last.clear();
        self.last
            .extend_from_slice(pcm.get(from..).unwrap_or_default());
        self.repeats = 0;
    }

    /// Fills a loss of so many samples.
    pub fn conceal(&mut self, samples: usize, pcm: &mut Vec<i16>) {
        let (rate, from) = (self.rate(), pcm.len());
        let concealed = catch_unwind(AssertUnwindSafe(|| self.kind.conceal(samples, pcm)));
        match concealed {
            Ok(true) => return,
            Ok(false) => {}
            Err(_) => {
                pcm.truncate(from);
                self.kind = Decoding::Broken(rate);
            }
        }
        // The last packet again, halved each time: gone after three.
        self.repeats += 1;
        let shift = self.repeats.min(15);
        let silent = self.last.is_empty() || shift > 3;
        for at in 0..samples {
            let sample = match self.last.len() {
                _ if silent => 0,
                length => self
                    .last
                    .get(at % length)
                    .map_or(0, |sample| sample >> shift),
            };
            pcm.push(sample);
        }
    }
}

impl Decoding {
    fn decode(&mut self, payload: &[u8], most: usize, pcm: &mut Vec<i16>) {
        let from = pcm.len();
        match self {
            Self::Table(table) => pcm.extend(
                payload
                    .iter()
                    .take(most)
                    .filter_map(|code| table.get(usize::from(*code))),
            ),
            Self::G722(decoder) => {
                let payload = payload.get(..most / 2).unwrap_or(payload);
                pcm.resize(from + payload.len() * 2, 0);
                let room = pcm.get_mut(from..).unwrap_or_default();
                let written = decoder.decode_into(payload, room).unwrap_or(0);
                pcm.truncate(from + written);
            }
            Self::G729(decoder) => {
                let payload = payload
                    .get(..most / G729_SAMPLES * G729_BYTES)
                    .unwrap_or(payload);
                for frame in payload.chunks(G729_BYTES) {
                    let samples = match frame.len() {
                        G729_BYTES => decoder.decode(frame, false, false, false),
                        G729_SILENCE_BYTES => decoder.decode(frame, false, true, false),
                        _ => decoder.decode(&[], true, false, false),
                    };
                    pcm.extend_from_slice(&samples);
                }
            }
            Self::Opus(decoder) => {
                let mut samples = [0.0; OPUS_SAMPLES_MAX];
                let length = match payload.len() {
                    0 => 0,
                    1 => 960,
                    _ => OPUS_SAMPLES_MAX,
                };
                let written = decoder.decode(payload, length, &mut samples).unwrap_or(0);
                pcm.extend(samples.iter().take(written).map(|sample| to_i16(*sample)));
            }
            Self::Broken(_) => pcm.extend(std::iter::repeat_n(0, most / 10)),
        }
    }

    /// True if the codec conceals a loss itself.
    fn conceal(&mut self, samples: usize, pcm: &mut Vec<i16>) -> bool {
        match self {
            Self::G729(decoder) => {
                for _ in 0..samples / G729_SAMPLES {
                    pcm.extend_from_slice(&decoder.decode(&[], true, false, false));
                }
                true
            }
            Self::Opus(decoder) => {
                // Whole frames of 2.5 ms, as the codec has them.
                let length = (samples / 120 * 120).min(OPUS_SAMPLES_MAX);
                let mut room = [0.0; OPUS_SAMPLES_MAX];
                let written = decoder.decode(&[], length, &mut room).unwrap_or(0);
                pcm.extend(room.iter().take(written).map(|sample| to_i16(*sample)));
                written > 0
            }
            Self::Table(_) | Self::G722(_) | Self::Broken(_) => false,
        }
    }
}

fn to_i16(sample: f32) -> i16 {
    (sample * 32_768.0).clamp(-32_768.0, 32_767.0) as i16
}

/// From samples to packets.
pub struct Encoder {
    format: Format,
    kind: Encoding,
}

enum Encoding {
    Ulaw,
    Alaw,
    G722(Box<G722Encoder>),
    G729(Box<g729_sys::Encoder>),
    Opus(Box<OpusEncoder>),
    Broken,
}

impl Encoder {
    /// Fresh, as at the beginning of a stream.
    #[must_use]
    pub fn new(format: Format) -> Self {
        let kind = match format {
            Format::Pcmu => Encoding::Ulaw,
            Format::Pcma => Encoding::Alaw,
            Format::G722 => Encoding::G722(Box::new(G722Encoder::new())),
            Format::G729 => Encoding::G729(Box::new(g729_sys::Encoder::new(false))),
            Format::Opus => match OpusEncoder::new(16_000, 1, Application::Voip) {
                Ok(mut encoder) => {
                    encoder.bitrate_bps = OPUS_BITRATE;
                    encoder.complexity = OPUS_COMPLEXITY;
                    Encoding::Opus(Box::new(encoder))
                }
                Err(_) => Encoding::Broken,
            },
        };
        Self { format, kind }
    }

    /// Samples a second of what it takes.
    #[must_use]
    pub fn rate(&self) -> u32 {
        match self.format {
            Format::Pcmu | Format::Pcma | Format::G729 => 8_000,
            Format::G722 | Format::Opus => 16_000,
        }
    }

    /// Samples of a packet.
    #[must_use]
    pub fn frame(&self) -> usize {
        (self.rate() / 1_000 * FRAME_MS) as usize
    }

    /// Ticks of the RTP clock in a packet.
    #[must_use]
    pub fn ticks(&self) -> u32 {
        self.format.clock_rate() / 1_000 * FRAME_MS
    }

    /// The payload of exactly one frame; None if it could not be coded.
    pub fn encode(&mut self, pcm: &[i16]) -> Option<Vec<u8>> {
        let encoded = catch_unwind(AssertUnwindSafe(|| self.kind.encode(pcm)));
        if encoded.is_err() {
            self.kind = Encoding::Broken;
        }
        encoded.ok().flatten()
    }
}

impl Encoding {
    fn encode(&mut self, pcm: &[i16]) -> Option<Vec<u8>> {
        match self {
            Self::Ulaw => Some(pcm.iter().map(|sample| g711::to_ulaw(*sample)).collect()),
            Self::Alaw => Some(pcm.iter().map(|sample| g711::to_alaw(*sample)).collect()),
            Self::G722(encoder) => {
                let mut payload = vec![0; pcm.len() / 2 + 1];
                let written = encoder.encode_into(pcm, &mut payload).ok()?;
                payload.truncate(written);
                Some(payload)
            }
            Self::G729(encoder) => {
                let mut payload = Vec::with_capacity(2 * G729_BYTES);
                for frame in pcm.chunks(G729_SAMPLES) {
                    let mut out = [0; G729_BYTES];
                    let length = encoder.encode_into(frame.try_into().ok()?, &mut out);
                    payload.extend_from_slice(out.get(..usize::from(length))?);
                }
                Some(payload)
            }
            Self::Opus(encoder) => {
                let mut payload = vec![0; PACKET_BYTES_MAX];
                let written = encoder.encode_i16(pcm, pcm.len(), &mut payload).ok()?;
                payload.truncate(written);
                Some(payload)
            }
            Self::Broken => None,
        }
    }
}

/// From one sampling rate to another.
pub struct Resampling(Option<BoxedResampler>);

impl Resampling {
    /// Fresh, as at the beginning of a stream.
    #[must_use]
    pub fn new(from: u32, to: u32) -> Self {
        let resampler = (from != to)
            .then(|| BoxedResampler::new(from as usize, to as usize).ok())
            .flatten();
        Self(resampler)
    }

    /// The samples at the other rate, behind what `out` holds.
    pub fn pass(&mut self, pcm: &[i16], out: &mut Vec<i16>) {
        let Some(resampler) = &mut self.0 else {
            out.extend_from_slice(pcm);
            return;
        };
        let from = out.len();
        out.resize(from + resampler.max_output_samples(pcm.len()), 0);
        let room = out.get_mut(from..).unwrap_or_default();
        let written = resampler.resample_into(pcm, room).unwrap_or(0);
        out.truncate(from + written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn sine(hertz: f32, rate: u32, samples: usize) -> Vec<i16> {
        let step = TAU * hertz / rate as f32;
        (0..samples)
            .map(|at| (8_000.0 * (step * at as f32).sin()) as i16)
            .collect()
    }

    /// Share of a frequency in all that is heard.
    fn share(pcm: &[i16], hertz: f32, rate: u32) -> f32 {
        let step = TAU * hertz / rate as f32;
        let (mut re, mut im, mut all) = (0.0f32, 0.0f32, 0.0f32);
        for (at, sample) in pcm.iter().enumerate() {
            let (sample, phase) = (f32::from(*sample), step * at as f32);
            re += sample * phase.cos();
            im += sample * phase.sin();
            all += sample * sample;
        }
        2.0 * (re * re + im * im) / (pcm.len() as f32 * all.max(1.0))
    }

    #[test]
    fn a_tone_survives_every_codec() {
        for format in Format::ALL {
            let (mut encoder, mut decoder) = (Encoder::new(format), Decoder::new(format));
            let pcm = sine(1_000.0, encoder.rate(), encoder.frame() * 50);
            let mut heard = Vec::new();
            for frame in pcm.chunks(encoder.frame()) {
                let payload = encoder.encode(frame).unwrap();
                assert!(!payload.is_empty() && payload.len() <= 320, "{format:?}");
                decoder.decode(&payload, &mut heard);
            }
            assert_eq!(heard.len() as u32, decoder.rate(), "a second of {format:?}");
            let tail = &heard[heard.len() / 2..];
            let share = share(tail, 1_000.0, decoder.rate());
            assert!(share > 0.9, "{format:?}: {share}");
        }
    }

    #[test]
    fn rates_keep_time_and_tone() {
        for (from, to) in [
            (8_000, 16_000),
            (16_000, 8_000),
            (48_000, 8_000),
            (48_000, 16_000),
            (8_000, 8_000),
        ] {
            let mut resampling = Resampling::new(from, to);
            let pcm = sine(440.0, from, from as usize);
            let mut out = Vec::new();
            for frame in pcm.chunks(from as usize / 50) {
                let before = out.len();
                resampling.pass(frame, &mut out);
                assert_eq!(out.len() - before, to as usize / 50, "{from} to {to}");
            }
            let share = share(&out[out.len() / 2..], 440.0, to);
            assert!(share > 0.98, "{from} to {to}: {share}");
        }
    }

    #[test]
    fn a_loss_fades() {
        for format in Format::ALL {
            let (mut encoder, mut decoder) = (Encoder::new(format), Decoder::new(format));
            let frame = encoder.frame();
            let mut heard = Vec::new();
            for piece in sine(300.0, encoder.rate(), frame * 10).chunks(frame) {
                decoder.decode(&encoder.encode(piece).unwrap(), &mut heard);
            }
            let samples = (decoder.rate() / 50) as usize;
            let from = heard.len();
            decoder.conceal(samples, &mut heard);
            assert_eq!(heard.len() - from, samples, "{format:?}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(300))]
        #[test]
        fn any_payload_is_survived(
            packets in proptest::collection::vec(
                proptest::collection::vec(proptest::num::u8::ANY, 0..120), 0..12,
            )
        ) {
            for format in Format::ALL {
                let mut decoder = Decoder::new(format);
                let mut pcm = Vec::new();
                for packet in &packets {
                    pcm.clear();
                    decoder.decode(packet, &mut pcm);
                    proptest::prop_assert!(pcm.len() <= 48_000 / 5);
                }
                proptest::prop_assert!(!matches!(decoder.kind, Decoding::Broken(_)), "{:?} panicked", format);
            }
        }
    }
}
