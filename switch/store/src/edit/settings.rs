//! Settings that hold for the whole switch: keys, types, ranges, defaults. One table; everything else about
//! settings follows from it.

use super::EditError;
use crate::StoreError;
use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use tandem_call::directory::{
    DigestAlgorithms, GuardSettings, Limits, MediaSettings, Settings, SoundSettings, WaitingTone,
    announcement, is_sound_file,
};

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
        "max_transcoded_calls",
        "0",
        Some((0, 100_000)),
        "Calls at once whose audio the switch may code anew where the sides have no codec in common; 0 never.",
    ),
    (
        "max_coding_percent",
        "80",
        Some((0, 6_400)),
        "Percent of one processor core that coding audio may take before no further call is coded; 0 no limit.",
    ),
    (
        "recording_keep_days",
        "90",
        Some((0, 36_500)),
        "Days a recording is kept before it is deleted; 0 for ever.",
    ),
    (
        "music_on_hold",
        r#""""#,
        None,
        "WAV file in the folder of sounds, played to whoever is put on hold by a phone without music of its own; empty: none.",
    ),
    (
        "waiting_tone",
        r#""europe""#,
        None,
        "What a party hears while it is transferred: none, or ringing as in europe, north_america or britain.",
    ),
    (
        "announcements",
        "[]",
        None,
        "Prompts for calls of phones that are refused or fail, by cause: refused.no_money=no-money.wav, failed.busy=busy.wav.",
    ),
    (
        "max_announcements",
        "20",
        Some((0, 1_000)),
        "Announcements at once; more calls fail without one. 0: none.",
    ),
    (
        "money_warning_s",
        "0",
        Some((0, 600)),
        "Seconds before its call is cut that a paying caller hears a beep: at the end of its money or a reseller's, at a daily limit, at the longest duration; 0 never.",
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
        "pass_video",
        "true",
        None,
        "Whether video passes through the relay; else it is rejected and the call goes on without.",
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
    (
        "nonce_bound",
        "true",
        None,
        "A challenge can be answered only from the address it was sent to; a phone that moved is challenged again.",
    ),
    (
        "guard_enabled",
        "true",
        None,
        "Scanners and password guessing are slowed, then blocked by source address. Rules of operators hold in any case.",
    ),
    (
        "guard_slow_at",
        "50",
        Some((1, 1_000_000)),
        "Points at which a source is slowed. A wrong password is 3, one for a name not tried before 10, a scanner's name          50, a malformed message 2, a request without credentials 2 (REGISTER 0.2).",
    ),
    (
        "guard_block_at",
        "100",
        Some((1, 1_000_000)),
        "Points at which a source is blocked; five times as many where a phone has proved itself.",
    ),
    (
        "guard_half_life_s",
        "600",
        Some((10, 86_400)),
        "Seconds after which half of a source's points are forgotten.",
    ),
    (
        "guard_block_s",
        "300",
        Some((10, 2_592_000)),
        "Seconds of a source's first block; each further one lasts twice as long.",
    ),
    (
        "guard_longest_block_s",
        "86400",
        Some((10, 2_592_000)),
        "Seconds of the longest block, and for how long after its end it is remembered.",
    ),
    (
        "guard_proof_h",
        "24",
        Some((0, 8760)),
        "Hours for which an address from which a phone has proved itself is not blocked for what anyone could have \
         sent in its name.",
    ),
    (
        "guard_loopback",
        "false",
        None,
        "The machine's own addresses (127.0.0.1, ::1) are slowed and blocked, too.",
    ),
    (
        "guard_scanners",
        SCANNERS,
        None,
        "What scanners call themselves in User-Agent: parts of it, in any case.",
    ),
];

/// As [`tandem_call::directory::guard::SCANNERS`].
const SCANNERS: &str = r#"["friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sipcli", "sip-scan", "sipscan", "pplsip", "vaxsipuseragent", "vaxipuseragent", "siparmyknife", "warvox"]"#;

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
        (Value::String(_), Value::String(text)) if key == "music_on_hold" => {
            if text.is_empty() || is_sound_file(text) {
                Ok(())
            } else {
                Err("must be the name of a WAV file, or empty".into())
            }
        }
        (Value::String(_), Value::String(_)) if key == "waiting_tone" => {
            serde_json::from_value::<WaitingTone>(value.clone())
                .map(drop)
                .map_err(|_| "must be none, europe, north_america or britain".into())
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
        (Value::Array(_), Value::Array(items)) if key == "guard_scanners" => {
            let name = |item: &Value| {
                let text = item.as_str().unwrap_or_default();
                (4..=40).contains(&text.len()) && !text.chars().any(char::is_control)
            };
            if items.len() <= 100 && items.iter().all(name) {
                Ok(())
            } else {
                Err("must be a list of at most 100 names of 4 to 40 characters".into())
            }
        }
        (Value::Array(_), Value::Array(items)) if key == "announcements" => announcements(items),
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

fn announcements(items: &[Value]) -> Result<(), String> {
    let mut codes = BTreeSet::new();
    for item in items {
        let (code, _) = announcement(item.as_str().unwrap_or_default())?;
        if !codes.insert(code) {
            return Err(format!("{code} has two files"));
        }
    }
    Ok(())
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

fn sounds(connection: &Connection) -> Result<SoundSettings, StoreError> {
    let lines: Vec<String> = value(connection, "announcements")?;
    let files = lines.iter().filter_map(|line| announcement(line).ok());
    Ok(SoundSettings {
        music_on_hold: value(connection, "music_on_hold")?,
        waiting_tone: value(connection, "waiting_tone")?,
        announcements: files
            .map(|(code, file)| (code.to_owned(), file.to_owned()))
            .collect(),
        max_announcements: value(connection, "max_announcements")?,
        money_warning_s: value(connection, "money_warning_s")?,
    })
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
        media: MediaSettings {
            pass_video: value(connection, "pass_video")?,
            max_transcoded_calls: value(connection, "max_transcoded_calls")?,
            max_coding_percent: value(connection, "max_coding_percent")?,
            recording_keep_days: value(connection, "recording_keep_days")?,
            sounds: sounds(connection)?,
        },
        session_expires_s: value(connection, "session_expires_s")?,
        min_session_expires_s: value(connection, "min_session_expires_s")?,
        nonce_bound: value(connection, "nonce_bound")?,
        guard: GuardSettings {
            enabled: value(connection, "guard_enabled")?,
            slow_at: value(connection, "guard_slow_at")?,
            block_at: value(connection, "guard_block_at")?,
            half_life_s: value(connection, "guard_half_life_s")?,
            block_s: value(connection, "guard_block_s")?,
            longest_block_s: value(connection, "guard_longest_block_s")?,
            proof_h: value(connection, "guard_proof_h")?,
            loopback: value(connection, "guard_loopback")?,
            scanners: value(connection, "guard_scanners")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{check, settings};

    #[test]
    fn the_scanners_known_at_first_are_those_of_the_core() {
        let known = serde_json::json!(tandem_call::directory::guard::SCANNERS);
        let info = settings()
            .into_iter()
            .find(|info| info.key == "guard_scanners");
        assert_eq!(info.expect("a setting").default, known);
    }

    #[test]
    fn sounds_are_named_and_told_apart() {
        let json = |text: &str| serde_json::from_str(text).expect("JSON");
        for (key, value, fits) in [
            ("music_on_hold", r#""music.wav""#, true),
            ("music_on_hold", r#""""#, true),
            ("music_on_hold", r#""../music.wav""#, false),
            ("waiting_tone", r#""britain""#, true),
            ("waiting_tone", r#""mars""#, false),
            (
                "announcements",
                r#"["refused.no_money=no money.wav"]"#,
                true,
            ),
            ("announcements", r#"["refused.no_money"]"#, false),
            ("announcements", r#"["refused.nothing=a.wav"]"#, false),
            ("announcements", r#"["failed.busy=a.wav"]"#, true),
            ("announcements", r#"["answered.no_audio=a.wav"]"#, false),
            ("announcements", r#"["refused.no_money=a.mp3"]"#, false),
            (
                "announcements",
                r#"["refused.no_money=a.wav", "refused.no_money=b.wav"]"#,
                false,
            ),
        ] {
            assert_eq!(check(key, &json(value)).is_ok(), fits, "{key} {value}");
        }
    }

    #[test]
    fn every_default_fits_its_own_key() {
        for info in settings() {
            assert_eq!(check(info.key, &info.default), Ok(()), "{}", info.key);
        }
    }
}
