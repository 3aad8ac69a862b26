//! Settings of the call path that hold for the whole switch.

use super::{GuardSettings, Limits};
use serde::{Deserialize, Serialize};

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
