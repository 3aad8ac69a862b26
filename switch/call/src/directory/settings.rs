//! Settings of the call path that hold for the whole switch.

use super::{GuardSettings, Limits};
use crate::cause;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tandem_sdp::{Tone, play::is_file_name};

/// Digest algorithms offered to phones. MD5 alone is what every phone takes: those of the libre family (baresip 1.x
/// among them) give up as soon as one of several challenges names an algorithm they do not know, instead of
/// passing over it (RFC 8760 section 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestAlgorithms {
    /// For all phones there are.
    Md5,
    /// For phones of RFC 8760 only.
    Sha256,
    /// SHA-256 first; a phone takes the one it knows.
    Both,
}

/// Audio and video of all calls.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaSettings {
    /// Whether video passes; else it is rejected.
    pub pass_video: bool,
    /// Calls at once whose audio may be coded anew, where the sides have no codec in common; 0: none.
    pub max_transcoded_calls: u32,
    /// No further call is coded anew while this takes so much of one processor core, percent; 0: no limit.
    pub max_coding_percent: u32,
    /// Days a recording is kept; 0 for ever.
    pub recording_keep_days: u32,
    /// What is played into calls.
    pub sounds: SoundSettings,
}

/// What the switch itself lets its callers hear. Files are named as they stand below the folder of sounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoundSettings {
    /// File for whoever is put on hold; empty: none.
    pub music_on_hold: String,
    /// For whoever waits to be transferred.
    pub waiting_tone: WaitingTone,
    /// Files by the code of the cause for which a call is refused or has failed.
    pub announcements: BTreeMap<String, String>,
    /// Announcements at once; 0: none.
    pub max_announcements: u32,
    /// Seconds before its call is cut, for money or for time, that a paying caller hears it; 0: never.
    pub money_warning_s: u32,
}

impl Default for SoundSettings {
    fn default() -> Self {
        Self {
            music_on_hold: String::new(),
            waiting_tone: WaitingTone::Europe,
            announcements: BTreeMap::new(),
            max_announcements: 20,
            money_warning_s: 0,
        }
    }
}

/// A line of the announcements: `refused.no_money=no-money.wav`, `failed.busy=busy.wav`.
///
/// # Errors
/// What is wrong with it.
pub fn announcement(line: &str) -> Result<(&str, &str), String> {
    let (code, file) = line
        .split_once('=')
        .map(|(code, file)| (code.trim(), file.trim()))
        .ok_or_else(|| format!("{line:?} is not of the form cause=file.wav"))?;
    let fails = code.starts_with("refused.") || code.starts_with("failed.");
    if !fails || cause::by_code(code).is_none() {
        return Err(format!(
            "there is no cause {code:?} for which calls are refused or fail"
        ));
    }
    if !is_file_name(file) {
        return Err(format!("{file:?} is no name of a WAV file"));
    }
    Ok((code, file))
}

/// What is heard while a transfer has not reached its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingTone {
    /// Nothing, or the music.
    None,
    /// Ringing as most of Europe knows it.
    #[default]
    Europe,
    /// As North America does.
    NorthAmerica,
    /// As Britain does.
    Britain,
}

impl WaitingTone {
    /// The tone.
    #[must_use]
    pub fn tone(self) -> Option<Tone> {
        match self {
            Self::None => None,
            Self::Europe => Some(Tone::RINGING_EUROPE),
            Self::NorthAmerica => Some(Tone::RINGING_AMERICA),
            Self::Britain => Some(Tone::RINGING_BRITAIN),
        }
    }
}

impl MediaSettings {
    /// Whether one more call may be coded anew beside so many that take so much of a core.
    pub(crate) fn may_code(&self, calls: u32, percent: u32) -> bool {
        let has_time = self.max_coding_percent == 0 || percent < self.max_coding_percent;
        calls < self.max_transcoded_calls && has_time
    }
}

impl Default for MediaSettings {
    fn default() -> Self {
        Self {
            pass_video: true,
            max_transcoded_calls: 0,
            max_coding_percent: 80,
            recording_keep_days: 90,
            sounds: SoundSettings::default(),
        }
    }
}

/// Global settings of the call path; take effect with the snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Digest realm; secrets are stored for it.
    pub realm: String,
    /// What phones are challenged with.
    pub digest_algorithms: DigestAlgorithms,
    /// Seconds of ringing before the next route or the end.
    pub ring_timeout_s: u32,
    /// Seconds; 0 means no limit.
    pub max_duration_s: u32,
    /// Routes tried within one prefix.
    pub max_hops_per_prefix: u8,
    /// In all prefixes.
    pub max_hops: u8,
    /// Numbers that always pass lists (not balance unless their rate is free to call).
    pub emergency_numbers: Vec<String>,
    /// Seconds without audio after which a call is ended; 0 never.
    pub rtp_inactivity_s: u32,
    /// Seconds after the answer that only one side is heard before the call is marked so; 0 never.
    pub one_way_after_s: u32,
    /// Of the whole switch.
    pub global_limits: Limits,
    /// Shortest registration, seconds.
    pub min_register_s: u32,
    /// Longest registration, seconds.
    pub max_register_s: u32,
    /// Longest slice reserved at once, seconds.
    pub max_slice_s: u32,
    /// What passes, is coded anew and is kept of it.
    pub media: MediaSettings,
    /// SRTP keys may travel over signalling that anybody on the way can read.
    pub srtp_keys_in_clear: bool,
    /// Seconds within which each side of a call must show that it is there (RFC 4028); 0 asks nobody to.
    pub session_expires_s: u32,
    /// Shortest session interval taken from a peer, seconds; 90 at least.
    pub min_session_expires_s: u32,
    /// A digest nonce holds only at the address it was sent to.
    pub nonce_bound: bool,
    /// Against scanners and password guessing.
    pub guard: GuardSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            realm: "tandem".into(),
            digest_algorithms: DigestAlgorithms::Md5,
            ring_timeout_s: 90,
            max_duration_s: 0,
            max_hops_per_prefix: 5,
            max_hops: 10,
            emergency_numbers: Vec::new(),
            rtp_inactivity_s: 60,
            one_way_after_s: 10,
            global_limits: Limits::default(),
            min_register_s: 60,
            max_register_s: 3600,
            max_slice_s: 60,
            media: MediaSettings::default(),
            srtp_keys_in_clear: false,
            session_expires_s: 1800,
            min_session_expires_s: 90,
            nonce_bound: true,
            guard: GuardSettings::default(),
        }
    }
}
