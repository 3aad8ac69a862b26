//! A sound on its way to the far side: a file or a tone, coded 20 ms at a time on the thread's own clock.
//!
//! It leaves under the numbers of the stream that it stands in for, so that the far side's jitter buffer sees one
//! stream that goes on. A file may still be on its way from the disk when it is ordered.

use std::f64::consts::TAU;

use tandem_sdp::{
    PlayEnd, PlayOrder, Tone,
    convert::Format,
    play::{Pause, Talk, Until},
    relay::Digit,
};

use crate::Micros;
use crate::sounds::Place;

use super::{
    Packets,
    codec::{Encoder, FRAME_MS},
    numbering::{Numbering, packet},
};

const STEP_US: Micros = FRAME_MS as Micros * 1_000;
/// Sounds begin on this grid, so that a thread wakes up for many at once.
const GRID_US: Micros = 5_000;
/// A thread that was held up sends so many packets at once; what is older is left out.
const BURST: u64 = 5;
/// So long nothing must come from the other side before a sound that gives way is heard.
const QUIET_US: Micros = 400_000;
/// A file that is not there after this is given up.
const PATIENCE_US: Micros = 5_000_000;
/// Silence before a file that is played once: phones, and the way to one behind NAT, open with the first packets.
const LEAD_MS: u64 = 200;
/// Of a tone with one frequency, and of each of two.
const AMPLITUDES: (f64, f64) = (6_000.0, 4_000.0);

/// Where the samples come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file, as soon as it is there.
    File(Place),
    /// Made here.
    Tone(Tone),
}

pub(super) struct Sounding {
    until: Until,
    talk: Talk,
    number: u8,
    events: Vec<u8>,
    source: Source,
    encoder: Encoder,
    clock_rate: u32,
    /// Samples that are past.
    at: u64,
    begun_us: Micros,
    next_us: Micros,
    /// When the other side was heard last.
    heard_us: Option<Micros>,
    run: Run,
}

/// Whether its packets are leaving.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    No,
    /// The first one takes the place of the next one from the other side.
    Begins,
    /// The last one left under these.
    On {
        ssrc: u32,
        timestamp: u32,
    },
}

/// The next 20 ms.
enum Piece {
    Sound(Vec<i16>),
    /// Nothing for so many steps.
    Pause(u64),
    /// The file is not there yet.
    Awaited,
    Over,
    Unfit(String),
}

impl Sounding {
    pub(super) fn new(order: PlayOrder, source: Source, now_us: Micros) -> Self {
        let (number, format): (u8, Format) = order.codec;
        Self {
            until: order.until,
            talk: order.talk,
            number,
            events: order.events,
            source,
            encoder: Encoder::new(format),
            clock_rate: format.clock_rate(),
            at: 0,
            begun_us: now_us,
            next_us: now_us.next_multiple_of(GRID_US),
            heard_us: (order.talk == Talk::First).then_some(now_us),
            run: Run::No,
        }
    }

    pub(super) fn due_us(&self) -> Micros {
        self.next_us
    }

    /// Whether what comes from the other side is left out now.
    pub(super) fn replaces(&self) -> bool {
        self.run != Run::No && self.talk == Talk::Silenced
    }

    /// Audio came from the other side.
    pub(super) fn note_talk(&mut self, now_us: Micros) {
        self.heard_us = Some(now_us);
    }

    /// Whether a key of the far side ends it.
    pub(super) fn ends_by_key(&self) -> bool {
        self.until == Until::Digit
    }

    /// The key that a packet of the far side tells of.
    pub(super) fn key_in(&self, number: u8, payload: &[u8]) -> Option<Digit> {
        let (true, [code, _, high, low, ..]) = (self.events.contains(&number), payload) else {
            return None;
        };
        let ticks = u32::from(u16::from_be_bytes([*high, *low]));
        Digit::of_event(*code, ticks / 8)
    }

    /// Sends what is due; how it ended, if it did.
    pub(super) fn tick(
        &mut self,
        numbers: &mut Numbering,
        now_us: Micros,
        out: &mut Packets,
    ) -> Option<PlayEnd> {
        let behind = now_us.saturating_sub(self.next_us) / STEP_US;
        if behind > BURST {
            self.next_us += behind * STEP_US;
            if self.run != Run::No {
                self.run = Run::No;
                self.at += behind * self.encoder.frame() as u64;
            }
        }
        while self.next_us <= now_us {
            if let Some(end) = self.step(numbers, out) {
                return Some(end);
            }
        }
        None
    }

    fn step(&mut self, numbers: &mut Numbering, out: &mut Packets) -> Option<PlayEnd> {
        if let (Talk::First, Some(heard_us)) = (self.talk, self.heard_us)
            && heard_us + QUIET_US > self.next_us
        {
            self.run = Run::No;
            self.next_us = heard_us + QUIET_US;
            return None;
        }
        let frame = self.encoder.frame() as u64;
        match self.piece() {
            Piece::Sound(_) if self.run == Run::No && self.is_early(numbers) => {
                self.run = Run::Begins;
                self.next_us = numbers.sent_us() + STEP_US;
            }
            Piece::Sound(pcm) => {
                self.at += frame;
                self.send(&pcm, numbers, out);
                self.next_us += self.step_us();
            }
            Piece::Pause(steps) => {
                let began_early = self.run != Run::No;
                self.run = Run::No;
                self.at += steps * frame;
                self.next_us += steps * STEP_US + if began_early { STEP_US / 2 } else { 0 };
            }
            Piece::Awaited if self.next_us.saturating_sub(self.begun_us) > PATIENCE_US => {
                let reason = "the file was not read in time; the disk is slow".to_owned();
                return Some(PlayEnd::Failed(reason));
            }
            Piece::Awaited => self.next_us += STEP_US,
            Piece::Over => return Some(PlayEnd::Ended),
            Piece::Unfit(reason) => return Some(PlayEnd::Failed(reason)),
        }
        None
    }

    /// What the other side said last is not over yet.
    fn is_early(&self, numbers: &Numbering) -> bool {
        self.next_us < numbers.sent_us() + STEP_US / 2
    }

    /// Before a pause half of one: the packet in whose place the last one went has come then, and the next one, which
    /// passes, has not.
    fn step_us(&self) -> Micros {
        match &self.source {
            Source::Tone(tone) if tone.pause == Pause::Talk => match self.piece() {
                Piece::Pause(_) => STEP_US / 2,
                Piece::Sound(_) | Piece::Awaited | Piece::Over | Piece::Unfit(_) => STEP_US,
            },
            Source::Tone(_) | Source::File(_) => STEP_US,
        }
    }

    fn send(&mut self, pcm: &[i16], numbers: &mut Numbering, out: &mut Packets) {
        let ticks = self.encoder.ticks();
        let (marker, timestamp) = match self.run {
            Run::On { ssrc, timestamp } if ssrc == numbers.ssrc() => {
                (false, timestamp.wrapping_add(ticks))
            }
            Run::No | Run::Begins | Run::On { .. } => {
                let begins = numbers.timestamp_after(ticks, self.clock_rate, self.next_us);
                (true, begins)
            }
        };
        self.run = Run::On {
            ssrc: numbers.ssrc(),
            timestamp,
        };
        if let Some(payload) = self.encoder.encode(pcm) {
            let sequence = numbers.next_made();
            let header = (sequence, timestamp, numbers.ssrc());
            out.push(packet(header, self.number, marker, &payload));
            numbers.sent(sequence, timestamp, self.next_us.max(1));
            numbers.stood_in(ticks);
        }
    }

    fn piece(&self) -> Piece {
        let (rate, frame) = (self.encoder.rate(), self.encoder.frame());
        match &self.source {
            Source::File(place) => match place.get() {
                None => Piece::Awaited,
                Some(Err(reason)) => Piece::Unfit(reason.clone()),
                Some(Ok(pcm)) => self.of_file(pcm.at(rate), frame),
            },
            Source::Tone(tone) => self.of_tone(tone, u64::from(rate), frame),
        }
    }

    fn of_file(&self, pcm: &[i16], frame: usize) -> Piece {
        let length = pcm.len() as u64;
        let loops = self.until == Until::Stopped;
        let lead = match self.until {
            Until::Stopped => 0,
            Until::End | Until::Digit => LEAD_MS * u64::from(self.encoder.rate()) / 1_000,
        };
        if length == 0 || (self.at >= lead + length && !loops) {
            return Piece::Over;
        }
        let sample = |at: u64| {
            let at = at.checked_sub(lead)?;
            let at = if loops { at % length } else { at };
            usize::try_from(at).ok().and_then(|at| pcm.get(at).copied())
        };
        let range = self.at..self.at + frame as u64;
        Piece::Sound(range.map(|at| sample(at).unwrap_or(0)).collect())
    }

    fn of_tone(&self, tone: &Tone, rate: u64, frame: usize) -> Piece {
        let samples = |ms: u16| u64::from(ms) * rate / 1_000;
        let [first, second] = tone.cadence;
        let parts = [first.0, first.1, second.0, second.1].map(samples);
        let period: u64 = parts.iter().sum();
        if period == 0 || (self.at >= period && self.until != Until::Stopped) {
            return Piece::Over;
        }
        // Where in its part a sample lies, and what is left of it; None in a silence.
        let place = |at: u64| {
            let mut at = at % period;
            for (index, part) in parts.iter().enumerate() {
                if at < *part {
                    return (index % 2 == 0, at, part - at);
                }
                at -= part;
            }
            (false, 0, 1)
        };
        let (sounds, _, left) = place(self.at);
        if !sounds && tone.pause == Pause::Talk && left >= frame as u64 {
            return Piece::Pause(left / frame as u64);
        }
        let range = self.at..self.at + frame as u64;
        let pcm = range.map(|at| match place(at) {
            (true, at, _) => sample(tone, at, rate),
            (false, _, _) => 0,
        });
        Piece::Sound(pcm.collect())
    }
}

fn sample(tone: &Tone, at: u64, rate: u64) -> i16 {
    let amplitude = match tone.hz {
        [_, 0] | [0, _] => AMPLITUDES.0,
        [_, _] => AMPLITUDES.1,
    };
    let of = |hz: u16| {
        let phase = u64::from(hz) * at % rate;
        (TAU * phase as f64 / rate as f64).sin() * amplitude
    };
    (of(tone.hz[0]) + of(tone.hz[1])) as i16
}
