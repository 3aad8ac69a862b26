//! How gateways and accounts are spoken to and what they are trusted with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Signalling settings of one peer. Of an account's, resellers see and change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Signalling {
    /// Whether identities are believed from it and told to it.
    pub trust: Trust,
    /// Reliable provisional answers (RFC 3262).
    pub reliable: Extension,
    /// Session timers (RFC 4028).
    pub session_timers: Extension,
    /// What becomes of its 3xx answers.
    pub redirect: Redirect,
    /// Whether calls can be transferred at its expense. Of accounts only.
    pub transfer: Transfer,
    /// How keys pressed in a call travel.
    pub dtmf: Dtmf,
    /// Whether its calls are recorded. Of accounts only.
    pub recording: Recorded,
    /// What both parties of a recorded call hear of it. Of accounts only.
    pub recording_tone: RecordingTone,
    /// WAV file, below the switch's folder of sounds, for whoever its phones put on hold; empty: that of the setting
    /// `music_on_hold`; `none`: none. Of accounts only.
    pub music: String,
    /// How the caller is named to it.
    pub naming: Naming,
    /// Headers added to each INVITE sent to it. At most 16.
    pub add_headers: Vec<HeaderLine>,
    /// Names of headers left out of each INVITE sent to it. At most 16.
    pub remove_headers: Vec<String>,
}

/// Whether calls are recorded, from their answer on. A recorded call's audio passes through the switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// Only when `live.record` asks for it.
    #[default]
    Off,
    /// All of them.
    On,
}

/// What both parties of a recorded call hear of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingTone {
    /// Nothing.
    #[default]
    Off,
    /// A beep each fifteen seconds.
    Beep,
}

/// A header line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderLine {
    /// Without the colon.
    pub name: String,
    /// At most 512 bytes, without control characters.
    pub value: String,
}

/// Whether a peer is in the trust domain of RFC 3325.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Its identity headers are ignored; it never learns who a private caller is.
    #[default]
    Untrusted,
    /// Its identity headers name the caller; it is told private callers, with the wish for privacy.
    Trusted,
}

/// Use of a SIP extension with a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extension {
    /// Neither offered nor used.
    Off,
    /// Used if the peer can.
    #[default]
    Supported,
    /// Calls without it fail.
    Required,
}

/// What becomes of a 3xx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Redirect {
    /// It counts as a refusal.
    #[default]
    Never,
    /// Its number goes through the caller's dial plan and is priced anew.
    DialPlan,
}

/// Whether the account's phones may send a party of their call elsewhere (REFER), or take the place of another
/// phone of the account (INVITE with Replaces).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// From phones, unless the account is a wholesale one.
    #[default]
    ByKind,
    /// Never.
    Refused,
    /// From its addresses, too, and whatever its kind.
    Allowed,
}

/// How keys pressed in a call travel to a peer and are taken from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dtmf {
    /// As telephone-events (RFC 4733) if its descriptions have them, else as INFO.
    #[default]
    Auto,
    /// As telephone-events, which it is always offered.
    Rfc4733,
    /// As INFO; its descriptions have no telephone-events.
    Info,
    /// As tones in the audio; its descriptions have no telephone-events.
    Inband,
}

/// How the caller is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Naming {
    /// User part of From.
    pub from: FromUser,
    /// Whether Remote-Party-ID is sent.
    pub remote_party_id: bool,
    /// How a forwarded call is told so.
    pub diversion: Diverted,
}

/// The user part of From.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FromUser {
    /// The caller's number.
    #[default]
    Caller,
    /// Our digest user at the gateway.
    Login,
}

/// How a forwarded call is told so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Diverted {
    /// Not at all.
    #[default]
    Nothing,
    /// Diversion (RFC 5806).
    Diversion,
    /// History-Info (RFC 7044).
    HistoryInfo,
}
