//! Settings that hold for the whole switch: keys, types, ranges, defaults.
use serde_json::Value;

/// What a setting is.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingInfo {
    /// Its name.
    pub key: &'static str,
    /// At the first start.
    pub default: Value,
    /// For people.
    pub help: &'static str,
}
/// All settings.
#[must_use]
pub fn settings() -> Vec<SettingInfo> {
    todo!()
}
