//! Values as operators read and type them. Money stays an integer of micro-units from the wire to the text.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Micro-units in one unit of a currency.
pub const UNIT: i64 = 1_000_000;

/// `12.50`, `0.012345`, `-3.10`: at least `least` decimals (0 to 6), and as many more as the amount has.
pub fn money(micros: i64, least: usize) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let amount = micros.unsigned_abs();
    let (whole, fraction) = (amount / UNIT.unsigned_abs(), amount % UNIT.unsigned_abs());
    let digits = format!("{fraction:06}");
    let kept = digits.trim_end_matches('0').len().max(least.min(6));
    let whole = grouped(whole);
    if kept == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{}", digits.get(..kept).unwrap_or(&digits))
    }
}

/// A decimal string with at least four decimals, so that prices of a column stand below each other.
pub fn price(text: &str) -> String {
    let decimals = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    match (text.is_empty(), decimals) {
        (true, _) | (_, 4..) => text.to_owned(),
        (false, 0) => format!("{text}.0000"),
        (false, _) => format!("{text}{}", "0".repeat(4 - decimals)),
    }
}

/// `4.37` of 437.
pub fn hundredths(number: u16) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

/// Thousands apart by a thin space's plain cousin, so that long figures read and paste well.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The reverse of [`money`]; commas between thousands are allowed.
///
/// # Errors
/// Says what is wrong, for the form.
pub fn parse_money(text: &str) -> Result<i64, String> {
    let plain: String = text
        .chars()
        .filter(|c| *c != ',' && !c.is_whitespace())
        .collect();
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let figures = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !figures(whole) || !figures(fraction) {
        return Err("an amount such as 12.50".into());
    }
    if fraction.len() > 6 {
        return Err("at most 6 decimals".into());
    }
    let too_large = || "too large".to_owned();
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| too_large())?
    };
    let fraction: i64 = format!("{fraction:0<6}").parse().map_err(|_| too_large())?;
    let micros = whole
        .checked_mul(UNIT)
        .and_then(|w| w.checked_add(fraction))
        .ok_or_else(too_large)?;
    Ok(if negative { -micros } else { micros })
}

/// `1:02:03` or `2:03`.
pub fn duration(seconds: i64) -> String {
    let s = seconds.max(0);
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 {
        format!("{h}:{m:02}:{s:02}")
    } else {
        format!("{m}:{s:02}")
    }
}

/// Local wall clock of the operator's machine.
pub fn time(utc_ms: i64) -> String {
    local(utc_ms).map_or_else(String::new, |at| {
        at.strftime("%Y-%m-%d %H:%M:%S").to_string()
    })
}

/// Time of day to the millisecond.
pub fn clock_ms(utc_ms: i64) -> String {
    local(utc_ms).map_or_else(String::new, |at| at.strftime("%H:%M:%S%.3f").to_string())
}

pub fn clock(utc_ms: i64) -> String {
    local(utc_ms).map_or_else(String::new, |at| at.strftime("%H:%M:%S").to_string())
}

fn local(utc_ms: i64) -> Option<jiff::Zoned> {
    Some(
        Timestamp::from_millisecond(utc_ms)
            .ok()?
            .to_zoned(TimeZone::system()),
    )
}

/// `2026-03-01`, `2026-03-01 14:30` or with seconds, in local time.
///
/// # Errors
/// Says what is wrong, for the form.
pub fn parse_time(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let full = match text.len() {
        10 => format!("{text} 00:00:00"),
        16 => format!("{text}:00"),
        _ => text.to_owned(),
    };
    let wrong = || "a time such as 2026-03-01 14:30".to_owned();
    let at: DateTime = full.replace(' ', "T").parse().map_err(|_| wrong())?;
    let zoned = at.to_zoned(TimeZone::system()).map_err(|_| wrong())?;
    Ok(zoned.timestamp().as_millisecond())
}

/// Parts of a whole as a per cent with one decimal; `–` of nothing.
pub fn ratio(part: u64, whole: u64) -> String {
    match part.saturating_mul(1000).checked_div(whole) {
        None => "–".into(),
        Some(mille) => format!("{}.{}%", mille / 10, mille % 10),
    }
}

/// `HH:MM` of minutes after midnight, 24:00 included.
pub fn minute(minutes: i64) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// # Errors
/// Says what is wrong, for the form.
pub fn parse_minute(text: &str) -> Result<i64, String> {
    let wrong = || "a time of day such as 08:30".to_owned();
    let (h, m) = text.trim().split_once(':').ok_or_else(wrong)?;
    let (h, m): (i64, i64) = (
        h.parse().map_err(|_| wrong())?,
        m.parse().map_err(|_| wrong())?,
    );
    let minutes = h * 60 + m;
    if (0..60).contains(&m) && (0..=1440).contains(&minutes) {
        Ok(minutes)
    } else {
        Err(wrong())
    }
}

/// The codecs of both legs: one name, unless the audio is coded anew.
#[must_use]
pub fn codecs(a: Option<&str>, b: Option<&str>) -> String {
    match (a, b) {
        (Some(a), Some(b)) if a != b => format!("{a} / {b}"),
        (Some(codec), _) | (None, Some(codec)) => codec.to_owned(),
        (None, None) => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_as_it_is_written() {
        for (micros, least, text) in [
            (0, 2, "0.00"),
            (12_500_000, 2, "12.50"),
            (12_500_000, 0, "12.5"),
            (7_000_000, 0, "7"),
            (12_345, 2, "0.012345"),
            (-3_100_000, 2, "-3.10"),
            (1_234_567_000_000, 2, "1,234,567.00"),
            (1, 4, "0.000001"),
            (i64::MIN, 2, "-9,223,372,036,854.775808"),
        ] {
            assert_eq!(money(micros, least), text);
            if micros > i64::MIN {
                assert_eq!(parse_money(text), Ok(micros), "{text}");
            }
        }
        for text in [
            "",
            "-",
            ".",
            "1.2345678",
            "1e3",
            "abc",
            "9999999999999999",
            "1.2.3",
            "--1",
        ] {
            assert!(parse_money(text).is_err(), "{text}");
        }
    }

    #[test]
    fn small_figures() {
        for (seconds, text) in [(0, "0:00"), (65, "1:05"), (3_725, "1:02:05"), (-4, "0:00")] {
            assert_eq!(duration(seconds), text);
        }
        for (text, shown) in [
            ("0", "0.0000"),
            ("1.5", "1.5000"),
            ("0.012345", "0.012345"),
            ("", ""),
        ] {
            assert_eq!(price(text), shown);
        }
        assert_eq!(ratio(1, 3), "33.3%");
        assert_eq!(ratio(0, 0), "–");
        assert_eq!(minute(1440), "24:00");
        assert_eq!(parse_minute("08:30"), Ok(510));
        assert!(parse_minute("24:01").is_err());
        assert!(parse_minute("8").is_err());
        let at = parse_time("2026-03-01 14:30").expect("a time");
        assert_eq!(time(at), "2026-03-01 14:30:00");
        assert!(parse_time("tomorrow").is_err());
    }
}
