//! Recordings of calls.

use crate::id::CallId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a call is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// From now on.
    On,
    /// No longer.
    Off,
}

/// An open call to record, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordParams {
    /// Which; it must be answered, and its audio must pass through the switch.
    pub call: CallId,
    /// What.
    pub recording: Recording,
}

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordingReadParams {
    /// The recorded call.
    pub call: CallId,
    /// Which of its files, from 1: a call whose audio took another way, or was begun to record anew, has several.
    #[serde(default = "first")]
    #[schemars(range(min = 1))]
    pub file: u16,
    /// First byte.
    #[serde(default)]
    pub offset: u64,
    /// At most so many bytes, 1 to 524288.
    #[serde(default = "limit")]
    #[schemars(range(min = 1, max = 524_288))]
    pub limit: u32,
}
fn first() -> u16 {
    1
}
fn limit() -> u32 {
    524_288
}

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordingPart {
    /// A name for the whole.
    pub name: String,
    /// Files of the call.
    #[serde(default = "first")]
    pub files: u16,
    /// Bytes of the whole, now.
    pub total: u64,
    /// The piece, in Base64; less than asked for only at the end.
    pub base64: String,
}
