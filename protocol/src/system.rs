//! The switch itself: settings, figures over time, verification, backup.

use crate::value::{Revision, UtcMs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A setting; takes effect at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Name, for example `ring_timeout_s`.
    pub key: String,
    /// Value in force.
    pub value: Value,
    /// What it is for, with its unit and range.
    pub description: String,
}

/// A new value for a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetParams {
    /// Name.
    pub key: String,
    /// Value, of the same JSON type as the one in force.
    pub value: Value,
}

/// The switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemInfo {
    /// Version.
    pub version: String,
    /// Its clock.
    pub now: UtcMs,
    /// When it was started.
    pub started_at: UtcMs,
    /// Number of the directory snapshot in force.
    pub directory_version: u64,
}

/// A figure over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryParams {
    /// Which; at most 16.
    pub figures: Vec<Figure>,
    /// From.
    pub from: UtcMs,
    /// Until, exclusive; now if none.
    #[serde(default)]
    pub to: Option<UtcMs>,
    /// At most so many points each, 1 to 2000.
    #[serde(default = "points")]
    #[schemars(range(min = 1, max = 2000))]
    pub points: u32,
}
fn points() -> u32 {
    300
}

/// What is kept over time.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Open calls.
    Calls,
    /// Answered and open.
    Connected,
    /// Registered phones.
    Registrations,
    /// Attempts a second.
    Cps,
    /// Answer-seizure ratio, percent.
    Asr,
    /// Average duration of answered calls, seconds.
    Acd,
    /// Average post-dial delay, seconds.
    Pdd,
    /// SIP messages in, a second.
    MessagesIn,
}
impl Figure {
    /// Every figure.
    pub const ALL: [Self; 8] = [
        Self::Calls,
        Self::Connected,
        Self::Registrations,
        Self::Cps,
        Self::Asr,
        Self::Acd,
        Self::Pdd,
        Self::MessagesIn,
    ];
}

/// One figure's points, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Which.
    pub figure: Figure,
    /// Points; a span without a value has none.
    pub points: Vec<Point>,
}

/// A point of a plot. Not money, so binary floating point will do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// When.
    pub at: UtcMs,
    /// Value.
    pub value: f64,
}

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyResult {
    /// Whether nothing is wrong.
    pub clean: bool,
    /// One sentence each, with ids.
    pub faults: Vec<String>,
}

/// A backup that was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupResult {
    /// File name in the data folder's `backup` folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
}

/// Nothing to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Names one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ById<I> {
    /// Which.
    pub id: I,
}

/// A new object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create<E> {
    /// Its content.
    pub edit: E,
}

/// New content for an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Update<I, E> {
    /// Which.
    pub id: I,
    /// The revision the edit started from; none overwrites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Its whole new content.
    pub edit: E,
}
