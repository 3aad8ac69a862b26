//! Settings that hold for the whole switch: keys, types, ranges, defaults. One table; everything else about
//! settings follows from it.

use super::EditError;
use crate::StoreError;
use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tandem_call::directory::{DigestAlgorithms, Limits, Settings};

/// What a setting is.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingInfo {
    /// Its name.
    pub key: &'static str,
    /// At the first start.
    pub default: Value,
    /// Smallest and greatest value of a number.
    pub range: Option<(u64, u64)>,
    /// For people.
    pub help: &'static str,
}

/// Key, default as JSON, range of a number, help.
type Row = (&'static str, &'static str, Option<(u64, u64)>, &'static str);

const SETTINGS: &[Row] = &[
    (
        "operator_name",
        r#""Tandem""#,
        None,
        "Shown on invoices, in mails and in the manager's title.",
    ),
    (
        "base_currency",
        r#""EUR""#,
        None,
        "Exchange ratios are relative to it, and profit reports convert to it.",
    ),
    (
        "realm",
        r#""tandem""#,
        None,
        "Realm of digest authentication; fixed once there are devices.",
    ),
    (
        "digest_algorithms",
        r#""md5""#,
        None,
        "Algorithms phones are challenged with: md5, sha256 or both. Some phones give up when sha256 is among them.",
    ),
    (
        "ring_timeout_s",
        "60",
        Some((5, 600)),
        "Seconds a called party may ring.",
    ),
    (
        "max_duration_s",
        "7200",
        Some((60, 86_400)),
        "Longest call, seconds.",
    ),
    (
        "max_hops_per_prefix",
        "4",
        Some((1, 50)),
        "Routes tried within one prefix.",
    ),
    ("max_hops", "8", Some((1, 100)), "Routes tried in all."),
    (
        "emergency_numbers",
        r#"["112", "911"]"#,
        None,
        "Numbers that pass every allow- and blocklist.",
    ),
    (
        "rtp_inactivity_s",
        "60",
        Some((0, 3600)),
        "Seconds without audio after which a call is ended; 0 never.",
    ),
    (
        "one_way_after_s",
        "10",
        Some((0, 3600)),
        "Seconds after the answer that only one side is heard before a call is marked so; 0 never.",
    ),
    (
        "max_calls",
        "0",
        Some((0, 1_000_000)),
        "Simultaneous calls of the whole switch; 0 is unlimited.",
    ),
    (
        "max_cps",
        "0",
        Some((0, 1_000_000)),
        "Calls begun in one second; 0 is unlimited.",
    ),
    (
        "min_register_s",
        "60",
        Some((10, 86_400)),
        "Shortest registration, seconds.",
    ),
    (
        "max_register_s",
        "3600",
        Some((10, 86_400)),
        "Longest registration, seconds.",
    ),
    (
        "max_slice_s",
        "60",
        Some((1, 3600)),
        "Longest time reserved at once, seconds.",
    ),
    (
        "srtp_keys_in_clear",
        "false",
        None,
        "SRTP keys may travel over UDP, TCP and WS, where anybody on the way can read them.",
    ),
    (
        "session_expires_s",
        "1800",
        Some((0, 86_400)),
        "Seconds within which each side of a call must show that it is still there; 0 asks nobody to.",
    ),
    (
        "min_session_expires_s",
        "90",
        Some((90, 3600)),
        "Shortest session interval taken from a peer, seconds.",
    ),
];

/// All settings there are.
#[must_use]
pub fn settings() -> Vec<SettingInfo> {
    let info = |(key, default, range, help): &Row| SettingInfo {
        key,
        default: serde_json::from_str(default).unwrap_or(Value::Null),
        range: *range,
        help,
    };
    SETTINGS.iter().map(info).collect()
}

/// Whether a value fits its key.
pub(super) fn check(key: &str, value: &Value) -> Result<(), String> {
    let Some(info) = settings().into_iter().find(|info| info.key == key) else {
        return Err(format!("there is no setting {key:?}"));
    };
    match (&info.default, value) {
        (Value::Number(_), Value::Number(number)) => match (number.as_u64(), info.range) {
            (Some(n), Some((least, most))) if (least..=most).contains(&n) => Ok(()),
            (_, Some((least, most))) => {
                Err(format!("must be a whole number from {least} to {most}"))
            }
            (_, None) => Ok(()),
        },
        (Value::String(_), Value::String(text)) if key == "base_currency" => {
            tandem_billing::Currency::try_from(text.clone()).map(drop)
        }
        (Value::String(_), Value::String(_)) if key == "digest_algorithms" => {
            serde_json::from_value::<DigestAlgorithms>(value.clone())
                .map(drop)
                .map_err(|_| "must be md5, sha256 or both".into())
        }
        (Value::String(_), Value::String(text)) => {
            let fits = (1..=100).contains(&text.len())
                && !text.contains(['"', '\\'])
                && !text.chars().any(char::is_control);
            if fits {
                Ok(())
            } else {
                Err("must be 1 to 100 printable characters without quotes".into())
            }
        }
        (Value::Array(_), Value::Array(items)) => {
            let number = |item: &Value| {
                item.as_str()
                    .is_some_and(|text| !text.is_empty() && !text.contains(char::is_whitespace))
            };
            if items.iter().all(number) {
                Ok(())
            } else {
                Err("must be a list of numbers without spaces".into())
            }
        }
        (Value::Bool(_), Value::Bool(_)) => Ok(()),
        (default, _) => Err(format!("must be of the type of {default}")),
    }
}

/// Every store has a row per setting; new settings come with new programs.
pub(crate) fn add_missing_settings(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare("INSERT OR IGNORE INTO setting (revision, key, value) VALUES (1, ?1, ?2)")?;
    for info in settings() {
        statement.execute(params![info.key, info.default.to_string()])?;
    }
    Ok(())
}

/// A setting whose value is a text.
pub(super) fn text_setting(connection: &Connection, key: &str) -> Result<String, EditError> {
    value(connection, key).map_err(|error| EditError::Store(error.to_string()))
}

fn value<T: DeserializeOwned>(connection: &Connection, key: &str) -> Result<T, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE key = ?1")?;
    let text: Option<String> = statement.query_row([key], |row| row.get(0)).optional()?;
    let what = || format!("setting {key}");
    let text = text.ok_or_else(|| StoreError::corrupt(what(), "is missing"))?;
    serde_json::from_str(&text).map_err(|error| StoreError::corrupt(what(), error))
}

/// What exchange ratios are relative to.
pub(crate) fn base_currency(
    connection: &Connection,
) -> Result<tandem_billing::Currency, StoreError> {
    value(connection, "base_currency")
}

/// The call path's settings.
pub(crate) fn read_settings(connection: &Connection) -> Result<Settings, StoreError> {
    Ok(Settings {
        realm: value(connection, "realm")?,
        digest_algorithms: value(connection, "digest_algorithms")?,
        ring_timeout_s: value(connection, "ring_timeout_s")?,
        max_duration_s: value(connection, "max_duration_s")?,
        max_hops_per_prefix: value(connection, "max_hops_per_prefix")?,
        max_hops: value(connection, "max_hops")?,
        emergency_numbers: value(connection, "emergency_numbers")?,
        rtp_inactivity_s: value(connection, "rtp_inactivity_s")?,
        one_way_after_s: value(connection, "one_way_after_s")?,
        global_limits: Limits {
            max_calls: value(connection, "max_calls")?,
            max_cps: value(connection, "max_cps")?,
        },
        min_register_s: value(connection, "min_register_s")?,
        max_register_s: value(connection, "max_register_s")?,
        max_slice_s: value(connection, "max_slice_s")?,
        srtp_keys_in_clear: value(connection, "srtp_keys_in_clear")?,
        session_expires_s: value(connection, "session_expires_s")?,
        min_session_expires_s: value(connection, "min_session_expires_s")?,
    })
}

#[cfg(test)]
mod tests {
    use super::{check, settings};

    #[test]
    fn every_default_fits_its_own_key() {
        for info in settings() {
            assert_eq!(check(info.key, &info.default), Ok(()), "{}", info.key);
        }
    }
}
