//! What the relay plays to a side: sound files and tones, and how it ended.

use crate::{convert::Format, relay::Digit};

/// Something to be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sound {
    /// A WAV file, by its name below the folder of sounds.
    File(String),
    /// A tone.
    Tone(Tone),
}

/// Tones that come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// Heard together, Hz; 0 is none.
    pub hz: [u16; 2],
    /// Milliseconds of tone and of silence behind it, twice; a pair of zeros is none.
    pub cadence: [(u16, u16); 2],
    /// What is heard in its silences.
    pub pause: Pause,
}

/// What is heard while a tone is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Nothing.
    Silence,
    /// What the other side says.
    Talk,
}

impl Tone {
    /// Ringing as most of Europe hears it (ETSI TR 101 041).
    pub const RINGING_EUROPE: Self = Self::ringing([425, 0], [(1_000, 4_000), (0, 0)]);
    /// As North America hears it.
    pub const RINGING_AMERICA: Self = Self::ringing([440, 480], [(2_000, 4_000), (0, 0)]);
    /// As Britain and Ireland hear it.
    pub const RINGING_BRITAIN: Self = Self::ringing([400, 450], [(400, 200), (400, 2_000)]);
    /// The call is recorded: half a second of 1400 Hz in fifteen.
    pub const RECORDED: Self = Self {
        hz: [1_400, 0],
        cadence: [(500, 14_500), (0, 0)],
        pause: Pause::Talk,
    };
    /// The call is about to be cut: two short ones.
    pub const MONEY_ENDS: Self = Self {
        hz: [950, 0],
        cadence: [(200, 200), (200, 200)],
        pause: Pause::Silence,
    };

    const fn ringing(hz: [u16; 2], cadence: [(u16, u16); 2]) -> Self {
        Self {
            hz,
            cadence,
            pause: Pause::Silence,
        }
    }
}

/// When it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At its end.
    End,
    /// At its end, or when the side it is played to presses a key.
    Digit,
    /// When it is stopped: at its end it begins again.
    Stopped,
}

/// What becomes of the other side's audio meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// It is not heard.
    Silenced,
    /// It goes before: the sound waits while there is any.
    First,
}

/// What is to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayOrder {
    /// What.
    pub sound: Sound,
    /// How long.
    pub until: Until,
    /// Beside what.
    pub talk: Talk,
    /// What it is coded to: as the side takes it, under its number.
    pub codec: (u8, Format),
    /// Payload types of the side's telephone-events, whose keys end it.
    pub events: Vec<u8>,
}

/// How it ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlayEnd {
    /// All of it was played.
    Ended,
    /// The side pressed a key.
    Digit(Digit),
    /// It could not be played: why, with the file and what to do, for the log and the operator.
    Failed(String),
}

/// Longest name of a sound file, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// Whether a name can be that of a sound file: `.wav`, below the folder of sounds.
#[must_use]
pub fn is_file_name(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.');
    let plain = |c: char| !c.is_control() && !matches!(c, '\\' | '"' | '=' | ',');
    name.len() <= MAX_NAME_BYTES
        && name.ends_with(".wav")
        && name.chars().all(plain)
        && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::is_file_name;

    #[test]
    fn names_stay_in_their_folder() {
        for (name, fits) in [
            ("music.wav", true),
            ("de/no money.wav", true),
            ("music.mp3", false),
            (".wav", false),
            ("", false),
            ("/etc/music.wav", false),
            ("../music.wav", false),
            ("de//music.wav", false),
            ("a\nb.wav", false),
        ] {
            assert_eq!(is_file_name(name), fits, "{name}");
        }
    }
}
