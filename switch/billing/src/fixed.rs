//! Exact prices: signed 128-bit integers of 10^-15 of the currency.
//!
//! `rust_decimal` is how prices are written and shown, but it rounds silently at 28 digits. A charge is one sum
//! over one common denominator, so its terms are kept as integers and the one division of `rating.md` 2.10 comes
//! last. The limits of a tariff keep every sum far inside 128 bits; the saturation here never takes effect.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Decimals of [`Fixed`].
pub(crate) const DECIMALS: u32 = 15;
/// One unit of the currency.
const ONE: i128 = 1_000_000_000_000_000;
/// Decimals of a percentage.
pub(crate) const PERCENT_DECIMALS: u32 = 4;
/// 100 % as [`Percent`].
pub(crate) const WHOLE: i128 = 1_000_000;
/// Decimals of a multiplier.
const FACTOR_DECIMALS: u32 = 6;

/// An amount or a price per minute. Serialises as a decimal string.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub(crate) struct Fixed(pub(crate) i128);

/// Ten-thousandths of a percent: 1,000,000 is 100 %.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub(crate) struct Percent(pub(crate) i64);

impl Fixed {
    /// None if it has more than 15 decimals or leaves the range.
    pub(crate) fn exact(value: Decimal) -> Option<Self> {
        scaled(value, DECIMALS).map(Self)
    }

    /// A whole number of units, for limits.
    pub(crate) const fn units(units: i64) -> Self {
        Self(units as i128 * ONE)
    }

    /// For display: at most 28 digits, no trailing zeros.
    pub(crate) fn to_decimal(self) -> Decimal {
        Decimal::try_from_i128_with_scale(self.0, DECIMALS)
            .unwrap_or(Decimal::MAX)
            .normalize()
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Times 1 + `percent` / 100; beyond 15 decimals rounded half away from zero.
    pub(crate) fn marked_up(self, percent: Percent) -> Self {
        Self(divide(
            self.0.saturating_mul(WHOLE + i128::from(percent.0)),
            WHOLE,
        ))
    }

    /// Times a factor of up to six decimals; beyond 15 decimals rounded half away from zero.
    pub(crate) fn times(self, factor: Decimal) -> Option<Self> {
        let factor = scaled(factor, FACTOR_DECIMALS)?;
        let product = self.0.checked_mul(factor)?;
        Some(Self(divide(product, 10i128.pow(FACTOR_DECIMALS))))
    }
}

impl Percent {
    /// None if it has more than 4 decimals or leaves the range.
    pub(crate) fn exact(value: Decimal) -> Option<Self> {
        let units = scaled(value, PERCENT_DECIMALS)?;
        i64::try_from(units).ok().map(Self)
    }
}

impl From<Fixed> for Decimal {
    fn from(value: Fixed) -> Self {
        value.to_decimal()
    }
}

impl TryFrom<Decimal> for Fixed {
    type Error = String;
    fn try_from(value: Decimal) -> Result<Self, String> {
        Self::exact(value).ok_or_else(|| format!("{value} has more than {DECIMALS} decimals"))
    }
}

/// The integer that `value` is in units of 10^-decimals.
fn scaled(value: Decimal, decimals: u32) -> Option<i128> {
    let value = value.normalize();
    let missing = decimals.checked_sub(value.scale())?;
    value.mantissa().checked_mul(10i128.pow(missing))
}

/// `n / d` rounded half away from zero; `d` above 0.
pub(crate) fn divide(n: i128, d: i128) -> i128 {
    let (quotient, rest) = (n / d, n % d);
    if rest.abs() >= d - rest.abs() {
        quotient + rest.signum()
    } else {
        quotient
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_rounds_half_away_from_zero() {
        for (n, d, expected) in [
            (5, 10, 1),
            (4, 10, 0),
            (-5, 10, -1),
            (-4, 10, 0),
            (15, 10, 2),
            (1, 3, 0),
            (2, 3, 1),
            (6, 3, 2),
            (i128::MAX, i128::MAX, 1),
        ] {
            assert_eq!(divide(n, d), expected, "{n} / {d}");
        }
    }

    #[test]
    fn decimals_beyond_the_scale_are_refused() {
        let tiny = Decimal::new(1, 16);
        assert_eq!(Fixed::exact(tiny), None);
        assert_eq!(Fixed::exact(Decimal::new(10, 16)), Some(Fixed(1)));
        assert_eq!(Fixed::exact(Decimal::MAX), None);
    }
}
