//! Amounts: signed 64-bit micro-units of a currency.
//!
//! Arithmetic is checked or saturating, never wrapping; rounding always names its rule. Prices are
//! `rust_decimal`; they become [`Micros`] in one place only, at the end of a charge (`rating.md` 2.10).

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Decimals of a micro-unit.
pub const MICRO_DECIMALS: u32 = 6;
const MICROS_PER_UNIT: u64 = 1_000_000;

/// 0.000001 of the currency. Serialises as the integer; `Display` and `FromStr` use the decimal form.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub i64);

/// Why a number is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The text is no decimal number.
    #[error("amount is not a decimal number such as 12.50")]
    NotANumber,
    /// More than six decimals, so that an exact amount is not possible.
    #[error("amount has more than 6 decimals")]
    TooFine,
    /// Beyond plus or minus 9,223,372,036,854.775807.
    #[error("amount is out of range")]
    OutOfRange,
}

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most an amount can be; stands for "without limit" where funds are compared.
    pub const MAX: Self = Self(i64::MAX);

    /// Sum, held at the end of the range.
    #[must_use]
    pub fn saturating_add(self, o: Self) -> Self {
        Self(self.0.saturating_add(o.0))
    }

    /// Difference, held at the end of the range.
    #[must_use]
    pub fn saturating_sub(self, o: Self) -> Self {
        Self(self.0.saturating_sub(o.0))
    }

    /// Sum, or None out of range.
    pub fn checked_add(self, o: Self) -> Option<Self> {
        self.0.checked_add(o.0).map(Self)
    }

    /// Difference, or None out of range.
    pub fn checked_sub(self, o: Self) -> Option<Self> {
        self.0.checked_sub(o.0).map(Self)
    }

    /// The amount with the other sign, or None out of range.
    pub fn checked_neg(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The sum of many, or None out of range.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts
            .into_iter()
            .try_fold(Self::ZERO, |sum, amount| sum.checked_add(amount))
    }

    /// The amount that `value` is exactly.
    pub fn exact(value: Decimal) -> Result<Self, AmountError> {
        if value.normalize().scale() > MICRO_DECIMALS {
            return Err(AmountError::TooFine);
        }
        Self::half_away_from_zero(value, MICRO_DECIMALS)
    }

    /// `value` rounded half away from zero to `decimals` (more than 6 count as 6).
    pub fn half_away_from_zero(value: Decimal, decimals: u32) -> Result<Self, AmountError> {
        let mut rounded = value.round_dp_with_strategy(
            decimals.min(MICRO_DECIMALS),
            RoundingStrategy::MidpointAwayFromZero,
        );
        rounded.rescale(MICRO_DECIMALS);
        if rounded.scale() != MICRO_DECIMALS {
            return Err(AmountError::OutOfRange);
        }
        i64::try_from(rounded.mantissa())
            .map(Self)
            .map_err(|_| AmountError::OutOfRange)
    }

    /// The same value as a decimal, without trailing zeros.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, MICRO_DECIMALS).normalize()
    }
}

/// The shortest decimal form: `12`, `-0.5`, `0.000001`.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs() / MICROS_PER_UNIT;
        let fraction = self.0.unsigned_abs() % MICROS_PER_UNIT;
        let mut text = units.to_string();
        if fraction != 0 {
            let digits = format!("{fraction:06}");
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        f.pad_integral(self.0 >= 0, "", &text)
    }
}

/// Plain decimal notation only, at most six decimals; no exponent, no thousands separator.
impl FromStr for Micros {
    type Err = AmountError;
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (units, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(units) || !digits(fraction) {
            return Err(AmountError::NotANumber);
        }
        if fraction.trim_end_matches('0').len() > MICRO_DECIMALS as usize {
            return Err(AmountError::TooFine);
        }
        let value = Decimal::from_str_exact(text).map_err(|_| AmountError::OutOfRange)?;
        Self::exact(value)
    }
}

/// An ISO 4217 code, upper case, three letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl FromStr for Currency {
    type Err = String;
    fn from_str(code: &str) -> Result<Self, String> {
        match code.as_bytes() {
            [a, b, c] if code.bytes().all(|l| l.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(format!(
                "currency {code:?} is not a three-letter ISO 4217 code such as EUR"
            )),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = String;
    fn try_from(code: String) -> Result<Self, String> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(c: Currency) -> Self {
        c.to_string()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.0).unwrap_or("???"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for (micros, text) in [
            (0, "0"),
            (1, "0.000001"),
            (-1, "-0.000001"),
            (1_500_000, "1.5"),
            (-12_000_000, "-12"),
            (i64::MAX, "9223372036854.775807"),
            (i64::MIN, "-9223372036854.775808"),
        ] {
            assert_eq!(Micros(micros).to_string(), text);
            assert_eq!(text.parse(), Ok(Micros(micros)), "{text}");
        }
        assert_eq!("+2.50".parse(), Ok(Micros(2_500_000)));
        assert_eq!(format!("{:>6}|", Micros(1_500_000)), "   1.5|");
    }

    #[test]
    fn text_that_is_no_amount() {
        for (text, error) in [
            ("", AmountError::NotANumber),
            ("-", AmountError::NotANumber),
            ("1e3", AmountError::NotANumber),
            ("1,5", AmountError::NotANumber),
            ("1.2.3", AmountError::NotANumber),
            ("0.0000001", AmountError::TooFine),
            ("9223372036854.775808", AmountError::OutOfRange),
            ("99999999999999999999999999999999", AmountError::OutOfRange),
        ] {
            assert_eq!(text.parse::<Micros>(), Err(error), "{text}");
        }
    }

    #[test]
    fn halves_go_away_from_zero() {
        for (value, decimals, micros) in [
            ("0.5", 0, 1_000_000),
            ("-0.5", 0, -1_000_000),
            ("0.4999", 0, 0),
            ("1.0000005", 6, 1_000_001),
            ("-1.0000005", 6, -1_000_001),
            ("2.345", 2, 2_350_000),
        ] {
            let value = Decimal::from_str_exact(value).unwrap();
            assert_eq!(
                Micros::half_away_from_zero(value, decimals),
                Ok(Micros(micros))
            );
        }
    }

    #[test]
    fn currency_is_three_capitals() {
        assert_eq!("EUR".parse::<Currency>().unwrap().to_string(), "EUR");
        for bad in ["", "eur", "EURO", "E R", "€"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }
}
