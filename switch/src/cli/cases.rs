//! What `rate` and `decide` share: JSON from a file or standard input, instants, output.

use super::{Failure, try_say};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{io::Read, path::Path};
use tandem_billing::UtcMs;

/// Longest input: a million rates fit.
const MAX_BYTES: u64 = 1 << 30;

/// Reads a whole JSON document; `-` is standard input.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let name = path.display();
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
    };
    read.map_err(|error| format!("{name}: {error}"))?;
    parse(&text).map_err(|error| format!("{name}: {error}").into())
}

/// An error names the place, e.g. `cases[3].seconds`, counted from 0, with line and column.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if path == "." {
            inner.to_string()
        } else {
            format!("{path}: {inner}")
        }
    })?;
    json.end().map_err(|error| error.to_string())?;
    Ok(read)
}

/// Prints a document for people and programs.
pub(super) fn write(document: &impl Serialize) -> Result<(), Failure> {
    try_say(serde_json::to_string_pretty(document)?)?;
    Ok(())
}

/// UTC milliseconds, or a text as of RFC 3339 such as `2026-03-29T01:59:30+01:00`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Instant(pub(super) UtcMs);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Milliseconds(i64),
    Text(String),
}

impl TryFrom<Written> for Instant {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Milliseconds(ms) => Ok(Self(UtcMs(ms))),
            Written::Text(text) => {
                let instant: jiff::Timestamp = text.parse().map_err(|error| {
                    format!("instant {text:?}: {error}; write e.g. 2026-01-31T12:00:00Z")
                })?;
                Ok(Self(UtcMs(instant.as_millisecond())))
            }
        }
    }
}
