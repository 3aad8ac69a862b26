//! On which final answers of a gateway the next route is tried, and on which the caller is told at once.
//!
//! Written as patterns with commas, semicolons or spaces between: `5xx,408;!503`. A digit may be `x` for any; `!`
//! stops the hunt. The pattern with the fewest `x` decides; an answer that none fits is judged by [`DEFAULT`]:
//! what says something of the called number stops, what says something of the gateway goes on.

use std::{fmt, str::FromStr};

/// What holds where a gateway says nothing: all go on but these.
pub const DEFAULT: &str = "xxx !404 !410 !484 !485 !486 !6xx 606";
/// Patterns at most.
const MAX_PATTERNS: usize = 64;

/// What follows a final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next route is tried.
    GoesOn,
    /// The caller is told.
    Stops,
}

/// One pattern: three digits, `None` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    digits: [Option<u8>; 3],
    verdict: Verdict,
}

/// All patterns of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HuntCodes {
    own: Vec<Pattern>,
}

impl HuntCodes {
    /// What follows this final status, 300 to 699.
    #[must_use]
    pub fn verdict(&self, status: u16) -> Verdict {
        let decided = decide(&self.own, status).or_else(|| decide(&defaults(), status));
        decided.unwrap_or(Verdict::GoesOn)
    }
}

fn defaults() -> Vec<Pattern> {
    DEFAULT
        .split(' ')
        .filter_map(|word| parse(word).ok())
        .collect()
}

fn decide(patterns: &[Pattern], status: u16) -> Option<Verdict> {
    let fitting = patterns.iter().filter(|pattern| pattern.fits(status));
    let closest = fitting.min_by_key(|pattern| pattern.width())?;
    Some(closest.verdict)
}

impl Pattern {
    fn fits(&self, status: u16) -> bool {
        let digits = [status / 100, status / 10 % 10, status % 10];
        self.digits
            .iter()
            .zip(digits)
            .all(|(wanted, digit)| wanted.is_none_or(|wanted| u16::from(wanted) == digit))
    }

    /// How many digits are any.
    fn width(&self) -> usize {
        self.digits.iter().filter(|digit| digit.is_none()).count()
    }

    /// Whether some status fits both.
    fn meets(&self, other: &Self) -> bool {
        self.digits
            .iter()
            .zip(&other.digits)
            .all(|(a, b)| a.is_none() || b.is_none() || a == b)
    }
}

fn parse(word: &str) -> Result<Pattern, String> {
    let (verdict, code) = match word.strip_prefix('!') {
        Some(code) => (Verdict::Stops, code),
        None => (Verdict::GoesOn, word),
    };
    let fault =
        || format!("{word:?} is no status: write 300 to 699, `x` for any digit, as in 5xx, !486");
    let digit = |c: char| match c {
        'x' | 'X' => Some(None),
        '0'..='9' => c.to_digit(10).and_then(|d| u8::try_from(d).ok()).map(Some),
        _ => None,
    };
    let digits: Vec<Option<u8>> = code
        .chars()
        .map(digit)
        .collect::<Option<_>>()
        .ok_or_else(fault)?;
    let digits: [Option<u8>; 3] = digits.try_into().map_err(|_| fault())?;
    if digits[0].is_some_and(|class| !(3..=6).contains(&class)) {
        return Err(fault());
    }
    Ok(Pattern { digits, verdict })
}

impl FromStr for HuntCodes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.split([',', ';', ' ']).filter(|word| !word.is_empty());
        let mut own: Vec<Pattern> = Vec::new();
        for word in words {
            let pattern = parse(word)?;
            let rival = own.iter().find(|other| {
                other.width() == pattern.width()
                    && other.verdict != pattern.verdict
                    && other.meets(&pattern)
            });
            if let Some(rival) = rival {
                return Err(format!(
                    "{word:?} and {rival} say the opposite of one answer"
                ));
            }
            own.push(pattern);
        }
        if own.len() > MAX_PATTERNS {
            return Err(format!("has more than {MAX_PATTERNS} patterns"));
        }
        Ok(Self { own })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.verdict == Verdict::Stops {
            f.write_str("!")?;
        }
        for digit in self.digits {
            match digit {
                Some(digit) => write!(f, "{digit}")?,
                None => f.write_str("x")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for HuntCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, pattern) in self.own.iter().enumerate() {
            let between = if at == 0 { "" } else { "," };
            write!(f, "{between}{pattern}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{HuntCodes, Verdict};

    fn goes_on(text: &str, status: u16) -> bool {
        let codes: HuntCodes = text.parse().expect("sound");
        codes.verdict(status) == Verdict::GoesOn
    }

    #[test]
    fn the_closest_pattern_decides_and_then_the_defaults() {
        for (text, status, expected) in [
            ("", 302, true),
            ("", 403, true),
            ("", 404, false),
            ("", 408, true),
            ("", 480, true),
            ("", 486, false),
            ("", 488, true),
            ("", 500, true),
            ("", 503, true),
            ("", 600, false),
            ("", 603, false),
            ("", 606, true),
            ("5xx,408;!503", 500, true),
            ("5xx,408;!503", 503, false),
            ("5xx,408;!503", 486, false),
            ("!xxx 50x", 486, false),
            ("!xxx 50x", 504, true),
            ("!xxx 50x", 513, false),
            ("404, 486", 404, true),
            ("!4x3", 403, false),
            ("XXX", 603, true),
        ] {
            assert_eq!(goes_on(text, status), expected, "{text:?} {status}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, said) in [
            ("48", "\"48\" is no status"),
            ("200", "\"200\" is no status"),
            ("7xx", "\"7xx\" is no status"),
            ("!!486", "is no status"),
            ("4444", "is no status"),
            ("4é6", "is no status"),
            ("486,!486", "\"!486\" and 486 say the opposite"),
            ("4x6;!48x", "say the opposite"),
        ] {
            let fault = text.parse::<HuntCodes>().expect_err(text);
            assert!(fault.contains(said), "{text}: {fault}");
        }
        let long = "486 ".repeat(65);
        assert!(long.parse::<HuntCodes>().is_err());
    }

    #[test]
    fn it_reads_back_as_it_was_written() {
        let codes: HuntCodes = "5xx 408;!503".parse().expect("sound");
        assert_eq!(codes.to_string(), "5xx,408,!503");
        assert_eq!(codes.to_string().parse(), Ok(codes));
    }
}
