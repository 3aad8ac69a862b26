//! One sound file: WAV with 16 bits at 8, 16 or 48 kHz, mono, or stereo that is folded.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use hound::{SampleFormat, WavReader, WavSpec};
use tandem_sdp::play::is_file_name;

use super::Pcm;
use crate::convert::codec::Resampling;

/// Longest file, seconds.
const SECONDS_MAX: u32 = 600;
const RATES: [u32; 3] = [8_000, 16_000, 48_000];
/// Of the longest file, stereo at 48 kHz, with what may stand before and behind its sound.
const BYTES_MAX: u64 = SECONDS_MAX as u64 * 48_000 * 2 * 2 + (1 << 20);
/// What is played, for whoever named something else.
const TAKEN: &str =
    "WAV files of 16-bit PCM at 8000, 16000 or 48000 Hz with one or two channels are taken";

/// By which a file that was changed is known.
pub(super) type Stamp = (SystemTime, u64);

/// Whether a file below the folder can be played.
///
/// # Errors
/// Why not, with the file and what to do.
pub fn check_sound(folder: &Path, name: &str) -> Result<(), String> {
    open(folder, name).map(drop)
}

/// A file as the coders take it; `before` if it has not changed since.
pub(super) fn read(
    folder: &Path,
    name: &str,
    before: Option<(Stamp, Arc<Pcm>)>,
) -> Result<(Stamp, Arc<Pcm>), String> {
    if let Some((stamp, pcm)) = before
        && stamp_of(folder, name)? == stamp
    {
        return Ok((stamp, pcm));
    }
    let Opened {
        path,
        stamp,
        reader,
        spec,
    } = open(folder, name)?;
    let pcm = decode(reader, spec)
        .map_err(|error| format!("{}: {error}; write the file anew", path.display()))?;
    Ok((stamp, Arc::new(pcm)))
}

struct Opened {
    path: PathBuf,
    stamp: Stamp,
    reader: WavReader<BufReader<File>>,
    spec: WavSpec,
}

fn stamp_of(folder: &Path, name: &str) -> Result<Stamp, String> {
    if !is_file_name(name) {
        return Err(format!(
            "{name:?} is no name of a sound file: it ends in .wav and lies below the folder of sounds"
        ));
    }
    let path = folder.join(name);
    let fault = |why: &str| {
        format!(
            "{}: {why}; put a WAV file of this name there, or choose another name",
            path.display()
        )
    };
    let meta = std::fs::metadata(&path).map_err(|error| fault(&error.to_string()))?;
    if !meta.is_file() {
        return Err(fault("is no file"));
    }
    let changed = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Ok((changed, meta.len()))
}

fn open(folder: &Path, name: &str) -> Result<Opened, String> {
    let stamp = stamp_of(folder, name)?;
    let path = folder.join(name);
    let fault = |why: &str| format!("{}: {why}; {TAKEN}", path.display());
    if stamp.1 > BYTES_MAX {
        return Err(fault(&format!(
            "it has {} bytes, more than {SECONDS_MAX} s of sound",
            stamp.1
        )));
    }
    let mut input = File::open(&path)
        .map(BufReader::new)
        .map_err(|error| fault(&error.to_string()))?;
    let unread = |error: hound::Error| match error {
        hound::Error::Unsupported => fault("its sound is not coded as PCM"),
        error => fault(&error.to_string()),
    };
    let (spec, samples) = {
        let reader = WavReader::new(&mut input).map_err(unread)?;
        (reader.spec(), reader.len())
    };
    let frames = samples / u32::from(spec.channels).max(1);
    let seconds = frames / spec.sample_rate.max(1);
    if let Some(why) = unfit(spec, frames, seconds) {
        return Err(fault(&format!(
            "{why}; convert it: sox {name} -b 16 -r 16000 -c 1 new.wav"
        )));
    }
    let begins = input.stream_position().unwrap_or_default();
    let held = stamp.1.saturating_sub(begins);
    let promised = u64::from(samples) * 2;
    if promised > held {
        return Err(fault(&format!(
            "its header promises {promised} bytes of sound and it has {held}: it was cut off; write it anew"
        )));
    }
    input.rewind().map_err(|error| fault(&error.to_string()))?;
    let mut reader = WavReader::new(input).map_err(unread)?;
    // Some hold each sample in more bytes than it has.
    if let Some(Err(error)) = reader.samples::<i16>().next() {
        return Err(unread(error));
    }
    reader.seek(0).map_err(|error| fault(&error.to_string()))?;
    Ok(Opened {
        path,
        stamp,
        reader,
        spec,
    })
}

fn unfit(spec: WavSpec, samples: u32, seconds: u32) -> Option<String> {
    let WavSpec {
        channels,
        sample_rate,
        bits_per_sample,
        sample_format,
    } = spec;
    if sample_format != SampleFormat::Int || bits_per_sample != 16 {
        Some(format!(
            "its samples have {bits_per_sample} bits and not 16 of PCM"
        ))
    } else if !RATES.contains(&sample_rate) {
        Some(format!(
            "it has {sample_rate} Hz and not 8000, 16000 or 48000"
        ))
    } else if !matches!(channels, 1 | 2) {
        Some(format!("it has {channels} channels and not one or two"))
    } else if samples == 0 {
        Some("it holds no sound".to_owned())
    } else if seconds >= SECONDS_MAX {
        Some(format!("it is {seconds} s long and may be {SECONDS_MAX}"))
    } else {
        None
    }
}

fn decode(mut reader: WavReader<BufReader<File>>, spec: WavSpec) -> hound::Result<Pcm> {
    let channels = usize::from(spec.channels);
    let frame = (spec.sample_rate / 50) as usize;
    let mut to = [8_000, 16_000].map(|rate| Resampling::new(spec.sample_rate, rate));
    let mut pcm = Pcm::default();
    let mut mono = Vec::with_capacity(frame);
    let mut samples = reader.samples::<i16>();
    loop {
        mono.clear();
        while mono.len() < frame {
            let mut sum = 0;
            let mut heard = 0;
            for sample in samples.by_ref().take(channels) {
                sum += i32::from(sample?);
                heard += 1;
            }
            if heard < channels {
                break;
            }
            mono.push((sum / i32::from(spec.channels)) as i16);
        }
        if mono.is_empty() {
            return Ok(pcm);
        }
        let [narrow, wide] = &mut to;
        narrow.pass(&mono, &mut pcm.narrow);
        wide.pass(&mono, &mut pcm.wide);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, spec: WavSpec, samples: &[i16]) {
        let mut file = hound::WavWriter::create(path, spec).unwrap();
        for sample in samples {
            match spec.bits_per_sample {
                16 => file.write_sample(*sample).unwrap(),
                _ => file.write_sample((*sample >> 8) as i8).unwrap(),
            }
        }
        file.finalize().unwrap();
    }

    fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16) -> WavSpec {
        WavSpec {
            channels,
            sample_rate,
            bits_per_sample,
            sample_format: SampleFormat::Int,
        }
    }

    #[test]
    fn rates_and_channels_are_brought_to_one() {
        let folder = tempfile::tempdir().unwrap();
        for (channels, rate) in [(1, 8_000), (2, 8_000), (1, 16_000), (2, 48_000)] {
            let samples = vec![4_000; rate as usize * usize::from(channels)];
            write(
                &folder.path().join("a.wav"),
                spec(channels, rate, 16),
                &samples,
            );
            let (_, pcm) = read(folder.path(), "a.wav", None).unwrap();
            for out in [8_000u32, 16_000] {
                let heard = pcm.at(out);
                assert_eq!(heard.len() as u32, out, "a second of {channels} x {rate}");
                let middle = heard[heard.len() / 2];
                assert!((3_900..=4_100).contains(&middle), "{middle}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_file_and_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        for (spec, samples, said) in [
            (spec(1, 44_100, 16), 100, "44100 Hz"),
            (spec(1, 8_000, 8), 100, "8 bits"),
            (spec(3, 8_000, 16), 99, "3 channels"),
            (spec(1, 8_000, 16), 0, "no sound"),
        ] {
            write(&path, spec, &vec![0; samples]);
            let fault = check_sound(folder.path(), "a.wav").unwrap_err();
            assert!(
                fault.contains(said) && fault.contains("sox a.wav"),
                "{fault}"
            );
            assert!(fault.contains(folder.path().to_str().unwrap()), "{fault}");
        }
        for name in ["../a.wav", "none.wav", "b.mp3"] {
            let fault = check_sound(folder.path(), name).unwrap_err();
            assert!(fault.contains(name), "{fault}");
        }
    }
}
