//! Digits sent to a side: one after the other, as telephone-events (RFC 4733 section 2.5.1) or tones, on the thread's
//! own clock, since the other side may be sending nothing.

use std::collections::VecDeque;

use tandem_sdp::{
    convert::{DigitsTo, Format},
    relay::Digit,
};

use crate::Micros;

use super::{
    Packets,
    codec::{Encoder, FRAME_MS, Resampling},
    numbering::{Numbering, packet},
    tone::{self, Tone},
};

/// Digits waiting; more are dropped.
const WAITING_MAX: usize = 32;
const STEP_US: Micros = FRAME_MS as Micros * 1_000;
/// Silence between two digits, in steps.
const PAUSE_STEPS: u8 = 3;
/// The end of an event is sent this often (RFC 4733 section 2.5.1.4).
const ENDS: u8 = 3;
/// Volume of an event, dBm0 below zero.
const VOLUME: u8 = 10;

/// The digits on their way.
#[derive(Default)]
pub(super) struct Player {
    waiting: VecDeque<Digit>,
    now: Option<Playing>,
    next_us: Micros,
    /// One for all tones: the far side's decoder follows it from one to the next.
    coder: Option<Coder>,
}

struct Playing {
    digit: Digit,
    form: Form,
    timestamp: u32,
    elapsed_ms: u32,
    /// Ends of the event sent, then steps of the pause.
    ends: u8,
    pause: u8,
}

enum Form {
    Event { number: u8, clock_rate: u32 },
    Tone { number: u8, tone: Tone },
}

struct Coder {
    format: Format,
    encoder: Encoder,
    resampling: Resampling,
}

impl Player {
    pub(super) fn push(&mut self, digit: Digit, now_us: Micros) {
        if self.waiting.len() >= WAITING_MAX {
            return;
        }
        if self.due_us().is_none() {
            self.next_us = now_us;
        }
        self.waiting.push_back(digit);
    }

    /// Whether a digit is being sent: audio has to wait.
    pub(super) fn is_sending(&self) -> bool {
        self.now.as_ref().is_some_and(|playing| playing.pause == 0)
    }

    /// When the next packet is due.
    pub(super) fn due_us(&self) -> Option<Micros> {
        (self.now.is_some() || !self.waiting.is_empty()).then_some(self.next_us)
    }

    /// Sends what is due. `to`, `codec`: the form digits have on the far side, and its codec.
    pub(super) fn tick(
        &mut self,
        (to, codec): (DigitsTo, Option<(u8, Format)>),
        numbers: &mut Numbering,
        now_us: Micros,
        out: &mut Packets,
    ) {
        while self.due_us().is_some_and(|due_us| due_us <= now_us) {
            if self.now.is_none() {
                self.now = self
                    .waiting
                    .pop_front()
                    .and_then(|digit| begin(digit, to, codec, numbers, now_us));
                if let Some((_, format)) = codec.filter(|_| to == DigitsTo::Tones) {
                    self.coder = Some(match self.coder.take() {
                        Some(coder) if coder.format == format => coder,
                        Some(_) | None => Coder::new(format),
                    });
                }
            }
            if let Some(playing) = &mut self.now
                && playing.step((numbers, self.coder.as_mut()), self.next_us.max(1), out)
            {
                self.now = None;
            }
            // A thread that was held up does not send in bursts.
            self.next_us = (self.next_us + STEP_US).max(now_us.saturating_sub(STEP_US));
        }
    }
}

fn begin(
    digit: Digit,
    to: DigitsTo,
    codec: Option<(u8, Format)>,
    numbers: &Numbering,
    now_us: Micros,
) -> Option<Playing> {
    let (form, clock_rate) = match (to, codec) {
        (DigitsTo::Events { number, clock_rate }, _) => {
            (Form::Event { number, clock_rate }, clock_rate)
        }
        (DigitsTo::Tones, Some((number, format))) => {
            let tone = Tone::new(digit);
            (Form::Tone { number, tone }, format.clock_rate())
        }
        (DigitsTo::Tones, None) | (DigitsTo::Core | DigitsTo::Nowhere, _) => return None,
    };
    Some(Playing {
        digit,
        form,
        timestamp: numbers.timestamp_now(clock_rate, now_us),
        elapsed_ms: 0,
        ends: 0,
        pause: 0,
    })
}

impl Playing {
    /// Sends one packet, or waits a step. True when the digit and the pause behind it are over.
    fn step(
        &mut self,
        (numbers, coder): (&mut Numbering, Option<&mut Coder>),
        now_us: Micros,
        out: &mut Packets,
    ) -> bool {
        let over = self.elapsed_ms >= self.digit.duration_ms();
        let sent = match &mut self.form {
            Form::Event { .. } if over && self.ends >= ENDS => None,
            Form::Event { number, clock_rate } => {
                let first = self.elapsed_ms == 0;
                self.elapsed_ms = (self.elapsed_ms + FRAME_MS).min(self.digit.duration_ms());
                let ends = self.elapsed_ms >= self.digit.duration_ms();
                self.ends += u8::from(ends);
                let ticks = u64::from(self.elapsed_ms) * u64::from(*clock_rate) / 1_000;
                let [high, low] = u16::try_from(ticks).unwrap_or(u16::MAX).to_be_bytes();
                let flags = VOLUME | if ends { 0x80 } else { 0 };
                let payload = vec![self.digit.event(), flags, high, low];
                Some((*number, first, payload))
            }
            Form::Tone { .. } if over => None,
            Form::Tone { number, tone } => {
                let first = self.elapsed_ms == 0;
                self.elapsed_ms += FRAME_MS;
                coder.and_then(|coder| {
                    if !first {
                        self.timestamp = self.timestamp.wrapping_add(coder.encoder.ticks());
                    }
                    Some((*number, first, coder.next(tone)?))
                })
            }
        };
        if let Some((number, marker, payload)) = sent {
            let sequence = numbers.next_made();
            let header = (sequence, self.timestamp, numbers.ssrc());
            out.push(packet(header, number, marker, &payload));
            numbers.sent(sequence, self.timestamp, now_us);
            return false;
        }
        self.pause += 1;
        self.pause > PAUSE_STEPS
    }
}

impl Coder {
    fn new(format: Format) -> Self {
        let encoder = Encoder::new(format);
        Self {
            format,
            resampling: Resampling::new(tone::RATE, encoder.rate()),
            encoder,
        }
    }

    fn next(&mut self, tone: &mut Tone) -> Option<Vec<u8>> {
        let mut pcm = [0; (tone::RATE / 1_000 * FRAME_MS) as usize];
        tone.fill(&mut pcm);
        let mut resampled = Vec::with_capacity(self.encoder.frame());
        self.resampling.pass(&pcm, &mut resampled);
        resampled.resize(self.encoder.frame(), 0);
        self.encoder.encode(&resampled)
    }
}
