//! What the demo's callers hear of the switch: a little music and tones for calls that fail, made here by arithmetic,
//! so that nobody else has a right in them.

use std::{f64::consts::TAU, fs, io, path::Path};

const RATE: u32 = 16_000;
/// The file played to whoever is put on hold.
pub(crate) const MUSIC: &str = "music.wav";
/// What is heard for which cause.
pub(crate) const ANNOUNCEMENTS: [&str; 7] = [
    "refused.no_route=unknown.wav",
    "refused.no_rate=unknown.wav",
    "refused.no_money=no-money.wav",
    "failed.not_found=unknown.wav",
    "failed.busy=busy.wav",
    "failed.no_answer=absent.wav",
    "failed.not_registered=absent.wav",
];

/// Four bars of broken chords, in semitones above A4.
const CHORDS: [[i32; 4]; 4] = [
    [-9, -5, -2, 3],
    [-12, -9, -5, 0],
    [-16, -12, -9, -4],
    [-14, -10, -7, -2],
];
/// The order in which a bar plays its chord.
const ORDER: [usize; 8] = [0, 1, 2, 3, 2, 3, 1, 2];
/// From one note to the next, and how long each is heard.
const NOTE_MS: u32 = 300;
const HEARD_MS: u32 = 1_200;

/// Hz and milliseconds; 0 Hz is a pause.
type Tones = &'static [(u32, u32)];

/// The special information tone (ITU-T E.180), twice.
const UNKNOWN: Tones = &[
    (950, 330),
    (1_400, 330),
    (1_800, 330),
    (0, 700),
    (950, 330),
    (1_400, 330),
    (1_800, 330),
];
const BUSY: Tones = &[
    (425, 480),
    (0, 480),
    (425, 480),
    (0, 480),
    (425, 480),
    (0, 480),
    (425, 480),
];
const ABSENT: Tones = &[(660, 400), (0, 100), (550, 400), (0, 100), (440, 800)];
const NO_MONEY: Tones = &[(950, 200), (0, 200), (950, 200), (0, 400), (620, 900)];

/// Writes all of them into the folder of sounds.
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(MUSIC), wav(&music()))?;
    for (name, tones) in [
        ("unknown.wav", UNKNOWN),
        ("busy.wav", BUSY),
        ("absent.wav", ABSENT),
        ("no-money.wav", NO_MONEY),
    ] {
        fs::write(folder.join(name), wav(&sequence(tones)))?;
    }
    Ok(())
}

fn samples(ms: u32) -> usize {
    (RATE / 1_000 * ms) as usize
}

/// Begins again without a seam: what sounds on behind its end is heard at its beginning.
fn music() -> Vec<i16> {
    let notes = CHORDS
        .iter()
        .flat_map(|chord| ORDER.map(|at| chord[at]))
        .collect::<Vec<_>>();
    let mut pcm = vec![0i16; samples(NOTE_MS) * notes.len()];
    let length = pcm.len();
    for (at, semitones) in notes.iter().enumerate() {
        let hz = 440.0 * 2f64.powf(f64::from(*semitones) / 12.0);
        for (step, value) in pluck(hz).enumerate() {
            let place = (at * samples(NOTE_MS) + step) % length;
            pcm[place] = pcm[place].saturating_add(value);
        }
    }
    pcm
}

/// A string that is plucked: it rises in some milliseconds, and falls.
fn pluck(hz: f64) -> impl Iterator<Item = i16> {
    let length = samples(HEARD_MS);
    (0..length).map(move |at| {
        let seconds = at as f64 / f64::from(RATE);
        let passed = at as f64 / length as f64;
        let loudness = (seconds / 0.008).min(1.0) * (-4.0 * passed).exp() * (1.0 - passed);
        let wave = |harmonic: f64| (TAU * hz * harmonic * seconds).sin();
        let value = wave(1.0) + 0.4 * wave(2.0) + 0.15 * wave(3.0);
        (3_500.0 * loudness * value) as i16
    })
}

fn sequence(tones: Tones) -> Vec<i16> {
    let tone = |(hz, ms): &(u32, u32)| {
        let hz = f64::from(*hz);
        (0..samples(*ms)).map(move |at| {
            let seconds = at as f64 / f64::from(RATE);
            (6_000.0 * (TAU * hz * seconds).sin()) as i16
        })
    };
    tones.iter().flat_map(tone).collect()
}

/// 16 bits, mono.
fn wav(pcm: &[i16]) -> Vec<u8> {
    let bytes: Vec<u8> = pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    let mut file = Vec::with_capacity(44 + bytes.len());
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + length).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16u32.to_le_bytes());
    for word in [1u16, 1] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for number in [RATE, RATE * 2] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    for word in [2u16, 16] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&bytes);
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_call::directory::announcement;
    use tandem_media::sounds::check_sound;

    #[test]
    fn every_sound_that_is_named_can_be_played_and_is_small() {
        let folder = tempfile::tempdir().expect("a folder");
        let sounds = folder.path().join("sounds");
        write(&sounds).expect("written");
        let named = ANNOUNCEMENTS.map(|line| announcement(line).expect("a line").1);
        for name in named.into_iter().chain([MUSIC]) {
            assert_eq!(check_sound(&sounds, name), Ok(()), "{name}");
        }
        let size = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.expect("an entry");
            entry.metadata().expect("a file").len()
        };
        let bytes: u64 = fs::read_dir(&sounds).expect("a folder").map(size).sum();
        assert!(bytes < 1_000_000, "{bytes} bytes");
    }

    #[test]
    fn the_music_is_heard_throughout_and_is_never_cut() {
        let pcm = music();
        for piece in pcm.chunks(samples(NOTE_MS)) {
            let loudest = piece.iter().map(|value| value.unsigned_abs()).max();
            assert!(loudest.is_some_and(|loudest| (1_000..20_000).contains(&loudest)));
        }
    }
}
