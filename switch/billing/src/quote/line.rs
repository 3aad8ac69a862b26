//! The terms of one rate row, resolved and exact: what a charge is computed from.

use crate::{
    fixed::{Fixed, Percent},
    tariff::{StepCharge, Terms},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// With the longest call and the longest blocks, a charge then stays inside 64 bits of micro-units.
pub(crate) const MAX_PRICE: Fixed = Fixed::units(10_000_000);
/// Of a fee, a flat amount, a surcharge, a least or most charge.
pub(crate) const MAX_FEE: Fixed = Fixed::units(1_000_000_000);
/// Of a block.
pub(crate) const MAX_BLOCK_SECS: u32 = 86_400;
/// Of a rate.
pub(crate) const MAX_STEPS: usize = 64;
const MIN_PERCENT: Percent = Percent(-1_000_000);
const MAX_PERCENT: Percent = Percent(10_000_000);
const MAX_MULTIPLIER: i64 = 1_000_000;

/// What holds for the whole call, and the blocks of the row's own price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct CallTerms {
    /// Where the first block was given a length of its own.
    pub initial: Option<NonZeroU32>,
    pub increment: NonZeroU32,
    pub grace: u32,
    pub free: u32,
    pub fee: Fixed,
    pub surcharge_time: u32,
    pub surcharge: Fixed,
    pub percent: Percent,
    pub min: Option<Fixed>,
    pub max: Option<Fixed>,
}

/// One price of a row: per minute in blocks, or once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct PricedStep {
    pub from: u64,
    /// 0 where the step is flat.
    pub price: Fixed,
    /// None takes the row's.
    pub increment: Option<NonZeroU32>,
    pub flat: Option<Fixed>,
}

/// A rate row, ready for charging.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub price: Fixed,
    pub terms: CallTerms,
    /// Rising by `from`.
    pub steps: Vec<PricedStep>,
}

/// A field that cannot be used, and why.
pub(crate) type Fault = (&'static str, String);

impl CallTerms {
    /// Checks every field and gives the empty ones their last default.
    pub(crate) fn resolve(terms: &Terms) -> Result<Self, Fault> {
        let resolved = Self {
            initial: block("initial", terms.initial)?,
            increment: block("increment", terms.increment)?.unwrap_or(NonZeroU32::MIN),
            grace: terms.grace_period.unwrap_or(0),
            free: terms.free_seconds.unwrap_or(0),
            fee: fee("connect_fee", terms.connect_fee)?.unwrap_or_default(),
            surcharge_time: terms.surcharge_time.unwrap_or(0),
            surcharge: fee("surcharge_amount", terms.surcharge_amount)?.unwrap_or_default(),
            percent: percent(
                "post_call_surcharge_pct",
                terms.post_call_surcharge_pct.unwrap_or_default(),
            )?,
            min: fee("min_charge", terms.min_charge)?,
            max: fee("max_charge", terms.max_charge)?,
        };
        match (resolved.min, resolved.max) {
            (Some(min), Some(max)) if min > max => {
                Err(("max_charge", "is below min_charge".into()))
            }
            _ => Ok(resolved),
        }
    }

    /// Whether a call can cost nothing else than its blocks, and the fees are 0.
    fn is_free(&self) -> bool {
        self.fee == Fixed::default()
            && self.surcharge == Fixed::default()
            && self.min.unwrap_or_default() == Fixed::default()
    }
}

impl Line {
    /// Whether nothing in it costs anything.
    pub(crate) fn is_free(&self) -> bool {
        let zero = Fixed::default();
        let free = |step: &PricedStep| step.price == zero && step.flat.unwrap_or_default() == zero;
        self.price == zero && self.terms.is_free() && self.steps.iter().all(free)
    }

    /// The price of the block that starts at the answer.
    pub(crate) fn first_price(&self) -> Fixed {
        match self.steps.first() {
            Some(step) if step.from == 0 => step.price,
            _ => self.price,
        }
    }
}

/// `price * multiplier + addition`, inside the limits.
pub(crate) fn effective(
    price: Fixed,
    multiplier: Option<Decimal>,
    addition: Option<Decimal>,
) -> Result<Fixed, Fault> {
    let mut result = price;
    if let Some(factor) = multiplier {
        if factor < Decimal::ZERO || factor > MAX_MULTIPLIER.into() {
            return Err((
                "multiplier",
                format!("{factor} is not 0 to {MAX_MULTIPLIER}"),
            ));
        }
        result = result
            .times(factor)
            .ok_or_else(|| ("multiplier", format!("{factor} has more than 6 decimals")))?;
    }
    if let Some(addition) = addition {
        let addition = Fixed::exact(addition)
            .ok_or_else(|| ("addition", format!("{addition} has more than 15 decimals")))?;
        result = result.plus(addition);
    }
    in_range("price", result, MAX_PRICE)
}

/// The steps of a rate, with the rate's multiplier and addition.
pub(crate) fn priced_step(
    step: &crate::tariff::Step,
    multiplier: Option<Decimal>,
    addition: Option<Decimal>,
) -> Result<PricedStep, Fault> {
    let from = u64::from(step.from_second);
    match step.charge {
        StepCharge::PerMinute { price, increment } => Ok(PricedStep {
            from,
            price: effective(amount("steps", price, MAX_PRICE)?, multiplier, addition)?,
            increment: block("steps", Some(increment))?,
            flat: None,
        }),
        StepCharge::Flat { amount: flat } => Ok(PricedStep {
            from,
            price: Fixed::default(),
            increment: None,
            flat: Some(amount("steps", flat, MAX_FEE)?),
        }),
    }
}

/// A price or fee as written: at least 0, at most `limit`, at most 15 decimals.
pub(crate) fn amount(field: &'static str, value: Decimal, limit: Fixed) -> Result<Fixed, Fault> {
    let fixed = Fixed::exact(value).ok_or_else(|| {
        (
            field,
            format!("{value} has more than 15 decimals or is too large"),
        )
    })?;
    in_range(field, fixed, limit)
}

pub(crate) fn percent(field: &'static str, value: Decimal) -> Result<Percent, Fault> {
    Percent::exact(value)
        .filter(|percent| (MIN_PERCENT..=MAX_PERCENT).contains(percent))
        .ok_or_else(|| {
            (
                field,
                format!("{value} is not -100 to 1000 with at most 4 decimals"),
            )
        })
}

/// A price of the base, marked up.
pub(crate) fn marked_up(price: Fixed, by: Percent, limit: Fixed) -> Result<Fixed, Fault> {
    in_range("price", price.marked_up(by), limit)
}

fn in_range(field: &'static str, value: Fixed, limit: Fixed) -> Result<Fixed, Fault> {
    if value < Fixed::default() {
        Err((field, format!("{} is below 0", value.to_decimal())))
    } else if value > limit {
        let (value, limit) = (value.to_decimal(), limit.to_decimal());
        Err((field, format!("{value} is above {limit}")))
    } else {
        Ok(value)
    }
}

fn fee(field: &'static str, value: Option<Decimal>) -> Result<Option<Fixed>, Fault> {
    value.map(|v| amount(field, v, MAX_FEE)).transpose()
}

fn block(field: &'static str, secs: Option<u32>) -> Result<Option<NonZeroU32>, Fault> {
    let Some(secs) = secs else { return Ok(None) };
    match NonZeroU32::new(secs) {
        Some(block) if secs <= MAX_BLOCK_SECS => Ok(Some(block)),
        _ => Err((
            field,
            format!("{secs} is not 1 to {MAX_BLOCK_SECS} seconds"),
        )),
    }
}
