//! Money, prices and times as they travel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// An amount: a JSON integer of micro-units (0.000001 of the currency), signed 64 bits.
///
/// `Display` and `FromStr` use the decimal form, for screens.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl fmt::Display for Micros {
    /// At least two decimals, at most six: `1.50`, `-0.000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.unsigned_abs();
        let (whole, fraction) = (all / 1_000_000, all % 1_000_000);
        let mut digits = format!("{fraction:06}");
        while digits.len() > 2 && digits.ends_with('0') {
            digits.pop();
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        f.pad(&format!("{sign}{whole}.{digits}"))
    }
}

impl FromStr for Micros {
    type Err = String;
    /// A decimal number with a dot and at most six decimals. Errors: anything else, or out of range.
    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is not an amount such as 12.50 (six decimals at most)");
        let (negative, digits) = match text.trim().strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.trim()),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0
            || fraction.len() > 6
            || !plain(whole)
            || !plain(fraction)
        {
            return Err(fault());
        }
        let magnitude: i128 = format!("0{whole}{fraction:0<6}")
            .parse()
            .map_err(|_| fault())?;
        let signed = if negative { -magnitude } else { magnitude };
        i64::try_from(signed).map(Self).map_err(|_| fault())
    }
}

/// A price, fee or percentage: an exact decimal number as a string, such as `"0.0125"`.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Price(pub String);

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
impl From<&str> for Price {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
impl From<String> for Price {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct UtcMs(pub i64);

/// Names the content an edit started from. An update that gives another one than the stored object now has is
/// refused with `conflict`; one that gives none overwrites.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Revision(pub String);

#[cfg(test)]
mod tests {
    use super::Micros;

    #[test]
    fn amounts_print_and_parse_as_decimals() {
        for (text, micros, printed) in [
            ("0", 0, "0.00"),
            ("12.5", 12_500_000, "12.50"),
            ("-0.000001", -1, "-0.000001"),
            (".25", 250_000, "0.25"),
            ("9223372036854.775807", i64::MAX, "9223372036854.775807"),
            ("-9223372036854.775808", i64::MIN, "-9223372036854.775808"),
        ] {
            assert_eq!(text.parse(), Ok(Micros(micros)), "{text}");
            assert_eq!(Micros(micros).to_string(), printed);
        }
        for bad in [
            "",
            ".",
            "-",
            "1,5",
            "1.0000001",
            "9223372036854.775808",
            "+1",
            "1e3",
            "--1",
        ] {
            assert!(bad.parse::<Micros>().is_err(), "{bad}");
        }
    }
}
