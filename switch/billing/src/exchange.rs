//! Dated exchange ratios, for profit reports and for comparing routes (`rating.md` section 2, last paragraph).
//! Booked amounts are never converted; a CDR keeps the ratios that were in force at its answer.

use crate::{Currency, Micros, UtcMs};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ratios of every currency to the base currency of the operator, each from an instant on.
#[derive(Clone, Debug)]
pub struct Ratios {
    base: Currency,
    dated: BTreeMap<(Currency, UtcMs), Decimal>,
}

/// Why an amount has no worth in another currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// None was entered for this time or before.
    #[error("there is no exchange ratio of {currency} at {} ms", at.0)]
    NoRatio {
        /// The one that is missing.
        currency: Currency,
        /// The instant asked for.
        at: UtcMs,
    },
    /// A ratio is a number above 0.
    #[error("the exchange ratio {0} is not above 0")]
    BadRatio(Decimal),
    /// The result would leave the 64 bits, or its ratio 28 digits.
    #[error("converted amount is out of range")]
    OutOfRange,
}

impl Ratios {
    /// The base currency has the ratio 1 at any time.
    pub fn new(base: Currency) -> Self {
        Self {
            base,
            dated: BTreeMap::new(),
        }
    }

    /// From `from` on, one unit of `currency` is worth `ratio` units of the base. A second one of the same instant
    /// takes the first one's place.
    ///
    /// # Errors
    /// `BadRatio` at 0 and below.
    pub fn set(
        &mut self,
        currency: Currency,
        from: UtcMs,
        ratio: Decimal,
    ) -> Result<(), ExchangeError> {
        if ratio <= Decimal::ZERO {
            return Err(ExchangeError::BadRatio(ratio));
        }
        self.dated.insert((currency, from), ratio);
        Ok(())
    }

    /// What one unit of `currency` was worth in the base at an instant: the latest ratio not after it.
    ///
    /// # Errors
    /// `NoRatio`.
    pub fn at(&self, currency: Currency, at: UtcMs) -> Result<Decimal, ExchangeError> {
        if currency == self.base {
            return Ok(Decimal::ONE);
        }
        let known = (currency, UtcMs(i64::MIN))..=(currency, at);
        let latest = self.dated.range(known).next_back();
        latest
            .map(|(_, ratio)| *ratio)
            .ok_or(ExchangeError::NoRatio { currency, at })
    }

    /// A price in another currency at the ratios of an instant, unrounded.
    ///
    /// # Errors
    /// `NoRatio` of either, `OutOfRange`.
    pub fn price(
        &self,
        price: Decimal,
        from: Currency,
        to: Currency,
        at: UtcMs,
    ) -> Result<Decimal, ExchangeError> {
        if from == to {
            return Ok(price);
        }
        let worth = price.checked_mul(self.at(from, at)?);
        let ratio = self.at(to, at)?;
        worth
            .and_then(|worth| worth.checked_div(ratio))
            .ok_or(ExchangeError::OutOfRange)
    }

    /// The ratios of some currencies at an instant, to be kept. None if all are the base currency, or none has a
    /// ratio.
    pub fn kept(
        &self,
        currencies: impl IntoIterator<Item = Currency>,
        at: UtcMs,
    ) -> Option<KeptRatios> {
        let others = currencies.into_iter().filter(|c| *c != self.base);
        let ratios: BTreeMap<Currency, Decimal> = others
            .filter_map(|currency| Some((currency, self.at(currency, at).ok()?)))
            .collect();
        (!ratios.is_empty()).then_some(KeptRatios {
            base: self.base,
            ratios,
        })
    }

    /// An amount in the base currency, rounded half away from zero to a micro-unit.
    ///
    /// # Errors
    /// `NoRatio`, `OutOfRange`.
    pub fn to_base(
        &self,
        amount: Micros,
        currency: Currency,
        at: UtcMs,
    ) -> Result<Micros, ExchangeError> {
        self.convert(amount, currency, self.base, at)
    }

    /// An amount in another currency at the ratios of an instant, rounded once, half away from zero, to a micro-unit.
    ///
    /// # Errors
    /// `NoRatio` of either, `OutOfRange`.
    pub fn convert(
        &self,
        amount: Micros,
        from: Currency,
        to: Currency,
        at: UtcMs,
    ) -> Result<Micros, ExchangeError> {
        if from == to {
            return Ok(amount);
        }
        let worth = amount.to_decimal().checked_mul(self.at(from, at)?);
        let ratio = self.at(to, at)?;
        let converted = worth.and_then(|worth| worth.checked_div(ratio));
        let converted = converted.ok_or(ExchangeError::OutOfRange)?;
        Micros::half_away_from_zero(converted, crate::money::MICRO_DECIMALS)
            .map_err(|_| ExchangeError::OutOfRange)
    }
}

/// The ratios of one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRatios {
    /// Their base currency.
    pub base: Currency,
    /// What one unit of each other currency was worth in it.
    pub ratios: BTreeMap<Currency, Decimal>,
}

impl KeptRatios {
    /// An amount in another currency, as [`Ratios::convert`]. None without a ratio, or out of range.
    pub fn convert(&self, amount: Micros, from: Currency, to: Currency) -> Option<Micros> {
        let mut ratios = Ratios::new(self.base);
        for (currency, ratio) in &self.ratios {
            ratios.set(*currency, UtcMs(0), *ratio).ok()?;
        }
        ratios.convert(amount, from, to, UtcMs(0)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn what_is_kept_converts_as_it_did_then() {
        let (eur, usd, jpy) = (currency("EUR"), currency("USD"), currency("JPY"));
        let mut ratios = Ratios::new(eur);
        ratios.set(usd, UtcMs(100), Decimal::new(9, 1)).unwrap();
        ratios.set(usd, UtcMs(200), Decimal::new(8, 1)).unwrap();
        let kept = ratios.kept([eur, usd, jpy], UtcMs(150)).unwrap();
        assert_eq!(kept.convert(Micros(1_000), usd, eur), Some(Micros(900)));
        assert_eq!(kept.convert(Micros(900), eur, usd), Some(Micros(1_000)));
        assert_eq!(kept.convert(Micros(1), jpy, eur), None);
        assert_eq!(ratios.kept([eur], UtcMs(150)), None);
        assert_eq!(ratios.kept([usd], UtcMs(99)), None, "not known yet");
        let price = ratios.price(Decimal::ONE, usd, eur, UtcMs(200));
        assert_eq!(price, Ok(Decimal::new(8, 1)));
    }

    #[test]
    fn the_ratio_in_force_counts() {
        let (eur, usd, jpy) = (currency("EUR"), currency("USD"), currency("JPY"));
        let mut ratios = Ratios::new(eur);
        ratios.set(usd, UtcMs(100), Decimal::new(9, 1)).unwrap();
        ratios.set(usd, UtcMs(200), Decimal::new(8, 1)).unwrap();
        ratios.set(jpy, UtcMs(0), Decimal::new(6, 3)).unwrap();
        for (amount, from, to, at, expected) in [
            (1_000_000, usd, eur, 100, Ok(900_000)),
            (1_000_000, usd, eur, 199, Ok(900_000)),
            (1_000_000, usd, eur, 200, Ok(800_000)),
            (-1_000_000, usd, eur, 999, Ok(-800_000)),
            (1_000_000, eur, usd, 200, Ok(1_250_000)),
            (1_000_000, usd, jpy, 200, Ok(133_333_333)),
            (1, jpy, eur, 0, Ok(0)),
            (1_000_000, usd, usd, 0, Ok(1_000_000)),
            (1_000_000, eur, eur, -5, Ok(1_000_000)),
            (
                1,
                usd,
                eur,
                99,
                Err(ExchangeError::NoRatio {
                    currency: usd,
                    at: UtcMs(99),
                }),
            ),
            (i64::MAX, eur, jpy, 200, Err(ExchangeError::OutOfRange)),
        ] {
            let converted = ratios.convert(Micros(amount), from, to, UtcMs(at));
            assert_eq!(converted, expected.map(Micros), "{amount} {from} {to} {at}");
        }
        let zero = Decimal::ZERO;
        assert_eq!(
            ratios.set(usd, UtcMs(0), zero),
            Err(ExchangeError::BadRatio(zero))
        );
    }
}
