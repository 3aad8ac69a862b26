//! Keys as tones: made, and found in audio (ITU-T Q.23 and Q.24), at 8 kHz.
//!
//! Found with Goertzel's filters over blocks of 12.75 ms. Two blocks that agree make a key, two that do not end it;
//! thresholds are those of Q.24 as the telephone administrations state them: twist, the level of the two tones
//! against the others of their group, and their share of all that is heard, which keeps voices from counting.

use std::f32::consts::TAU;

use tandem_sdp::relay::Digit;

pub(crate) const RATE: u32 = 8_000;
const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] = [
    ['1', '2', '3', 'A'],
    ['4', '5', '6', 'B'],
    ['7', '8', '9', 'C'],
    ['*', '0', '#', 'D'],
];
/// Each tone's amplitude: about -9 dBm0 together.
const AMPLITUDE: f32 = 6_000.0;
/// Samples of a block.
const BLOCK: usize = 102;
/// A block's length in eighths of a millisecond.
const BLOCK_EIGHTHS_MS: u32 = BLOCK as u32;
/// Mean power of a tone below which nothing is a key: about -42 dBm0.
const FLOOR: f32 = 20_000.0;
/// A column's tone above its row's, at most 4 dB; a row's above its column's, at most 8 dB.
const TWIST: (f32, f32) = (2.5, 6.3);
/// A tone against the others of its group: 8 dB.
const PEAK: f32 = 6.3;
/// Share of the two tones in all that is heard.
const SHARE: f32 = 0.82;

fn place(digit: Digit) -> (f32, f32) {
    for (row, keys) in ROWS.iter().zip(KEYS) {
        for (column, key) in COLUMNS.iter().zip(keys) {
            if key == digit.key() {
                return (*row, *column);
            }
        }
    }
    (ROWS[3], COLUMNS[1])
}

/// A tone being made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tone {
    steps: (f32, f32),
    phases: (f32, f32),
}

impl Tone {
    pub(super) fn new(digit: Digit) -> Self {
        let (row, column) = place(digit);
        let step = |hertz: f32| TAU * hertz / RATE as f32;
        Self {
            steps: (step(row), step(column)),
            phases: (0.0, 0.0),
        }
    }

    pub(super) fn fill(&mut self, pcm: &mut [i16]) {
        for sample in pcm {
            *sample = (AMPLITUDE * (self.phases.0.sin() + self.phases.1.sin())) as i16;
            self.phases.0 = (self.phases.0 + self.steps.0) % TAU;
            self.phases.1 = (self.phases.1 + self.steps.1) % TAU;
        }
    }
}

/// Listens to one stream.
#[derive(Debug, Default)]
pub(super) struct Listener {
    block: Vec<i16>,
    /// What the last block held.
    last: Option<char>,
    held: Option<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    key: char,
    eighths_ms: u32,
    /// Blocks in a row without it.
    missed: u8,
}

impl Listener {
    /// Whether a key is being heard now, or may just have begun: such audio is not passed on.
    pub(super) fn hears(&self) -> bool {
        self.held.is_some() || self.last.is_some()
    }

    /// Takes audio; keys that were let go are told.
    pub(super) fn hear(&mut self, pcm: &[i16], pressed: &mut Vec<Digit>) {
        for chunk in pcm.chunks(BLOCK) {
            let mut rest = chunk;
            while !rest.is_empty() {
                let room = (BLOCK - self.block.len()).min(rest.len());
                let (now, later) = rest.split_at(room);
                self.block.extend_from_slice(now);
                rest = later;
                if self.block.len() == BLOCK {
                    let key = key_in(&self.block);
                    self.block.clear();
                    self.note(key, pressed);
                }
            }
        }
    }

    /// The stream paused.
    pub(super) fn pause(&mut self, pressed: &mut Vec<Digit>) {
        self.block.clear();
        self.last = None;
        self.let_go(pressed);
    }

    fn note(&mut self, key: Option<char>, pressed: &mut Vec<Digit>) {
        let before = std::mem::replace(&mut self.last, key);
        if let Some(held) = &mut self.held {
            if key == Some(held.key) {
                held.eighths_ms += BLOCK_EIGHTHS_MS * (1 + u32::from(held.missed));
                held.missed = 0;
                return;
            }
            held.missed += 1;
            if held.missed < 2 {
                return;
            }
            self.let_go(pressed);
        }
        if let Some(key) = key.filter(|_| key == before) {
            self.held = Some(Held {
                key,
                eighths_ms: 2 * BLOCK_EIGHTHS_MS,
                missed: 0,
            });
        }
    }

    fn let_go(&mut self, pressed: &mut Vec<Digit>) {
        if let Some(held) = self.held.take() {
            pressed.extend(Digit::new(held.key, held.eighths_ms / 8));
        }
    }
}

/// Power of a frequency in a block (Goertzel), on the scale of the mean square of its samples.
fn power(block: &[i16], hertz: f32) -> f32 {
    let factor = 2.0 * (TAU * hertz / RATE as f32).cos();
    let (mut one, mut two) = (0.0f32, 0.0f32);
    for sample in block {
        let next = f32::from(*sample) + factor * one - two;
        two = one;
        one = next;
    }
    let length = block.len() as f32;
    2.0 * (one * one + two * two - factor * one * two) / (length * length)
}

fn strongest(powers: [f32; 4]) -> (usize, f32) {
    let mut best = (0, powers[0]);
    for (at, power) in powers.into_iter().enumerate() {
        if power > best.1 {
            best = (at, power);
        }
    }
    best
}

fn key_in(block: &[i16]) -> Option<char> {
    let square = |sample: &i16| f32::from(*sample) * f32::from(*sample);
    let all = block.iter().map(square).sum::<f32>() / block.len() as f32;
    if all < 2.0 * FLOOR {
        return None;
    }
    let rows = ROWS.map(|hertz| power(block, hertz));
    let columns = COLUMNS.map(|hertz| power(block, hertz));
    let ((row, low), (column, high)) = (strongest(rows), strongest(columns));
    let alone = |powers: [f32; 4], at: usize, peak: f32| {
        let others = powers
            .into_iter()
            .enumerate()
            .filter(|(other, _)| *other != at);
        others.into_iter().all(|(_, power)| power * PEAK < peak)
    };
    let fits = low >= FLOOR
        && high >= FLOOR
        && high < low * TWIST.0
        && low < high * TWIST.1
        && alone(rows, row, low)
        && alone(columns, column, high)
        && low + high > SHARE * all;
    fits.then(|| KEYS.get(row)?.get(column).copied()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pcm: &[i16], piece: usize) -> Vec<(char, u32)> {
        let mut listener = Listener::default();
        let mut pressed = Vec::new();
        for piece in pcm.chunks(piece) {
            listener.hear(piece, &mut pressed);
        }
        listener.pause(&mut pressed);
        let told = |digit: &Digit| (digit.key(), digit.duration_ms());
        pressed.iter().map(told).collect()
    }

    fn tone(key: char, ms: usize) -> Vec<i16> {
        let mut pcm = vec![0; ms * 8];
        Tone::new(Digit::new(key, 100).unwrap()).fill(&mut pcm);
        pcm
    }

    #[test]
    fn every_key_once_with_its_duration() {
        for key in KEYS.iter().flatten() {
            for ms in [50, 80, 100, 350] {
                let pcm = [vec![0; 333], tone(*key, ms), vec![0; 800]].concat();
                let told = told(&pcm, 160);
                let [(heard, duration)] = told[..] else {
                    panic!("{key} for {ms} ms: {told:?}");
                };
                assert_eq!(heard, *key);
                let ms = ms as u32;
                assert!(duration.abs_diff(ms.max(40)) <= 26, "{duration} for {ms}");
            }
        }
    }

    #[test]
    fn a_row_of_keys() {
        let keys = "1234567890*#ABCD1122";
        let pcm: Vec<i16> = keys
            .chars()
            .flat_map(|key| [tone(key, 70), vec![0; 400]].concat())
            .collect();
        let heard: String = told(&pcm, 80).into_iter().map(|(key, _)| key).collect();
        assert_eq!(heard, keys);
    }

    #[test]
    fn noise_single_tones_and_sweeps_are_no_keys() {
        let mut seed = 1u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as i16 / 4
        };
        let noise: Vec<i16> = (0..80_000).map(|_| noise()).collect();
        assert_eq!(told(&noise, 160), []);
        let wave = |hertz: &dyn Fn(f32) -> f32| -> Vec<i16> {
            let mut phase = 0.0f32;
            (0..80_000)
                .map(|at| {
                    phase = (phase + TAU * hertz(at as f32 / 8_000.0) / 8_000.0) % TAU;
                    (9_000.0 * phase.sin()) as i16
                })
                .collect()
        };
        for hertz in [440.0, 697.0, 941.0, 1_209.0, 1_000.0, 425.0] {
            assert_eq!(told(&wave(&|_| hertz), 160), [], "{hertz} Hz");
        }
        assert_eq!(told(&wave(&|at| 300.0 + 300.0 * at), 160), [], "a sweep");
    }

    #[test]
    fn keys_over_weak_noise_and_at_low_level() {
        let mut seed = 7u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((seed >> 16) as i16) / 40
        };
        let mut pcm = [tone('5', 100), vec![0; 800], tone('9', 100), vec![0; 800]].concat();
        pcm.iter_mut()
            .for_each(|sample| *sample = *sample / 4 + noise() / 4);
        let keys: String = told(&pcm, 160).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, "59");
    }
}
