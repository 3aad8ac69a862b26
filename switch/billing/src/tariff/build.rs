//! Checks a rate sheet and packs it.

use super::{
    Rate, Row, Span, Tariff, TariffError, TariffSpec, Terms,
    span::{Calendar, Zone},
};
use crate::{
    prefix::PrefixMap,
    quote::line::{self, CallTerms, Fault, MAX_PRICE, MAX_STEPS, PricedStep},
};
use rust_decimal::Decimal;
use std::{collections::HashMap, hash::Hash, sync::Arc};

const MAX_DECIMALS: u8 = 6;
const MAX_PREFIX_BYTES: usize = 64;
/// Faults told at once; a sheet with more is the wrong sheet.
const MAX_FAULTS: usize = 1000;

impl Tariff {
    /// Checks and packs a sheet. Two rates of the same prefix and span may overlap in time: the later
    /// `effective_from` counts, then the higher id.
    ///
    /// # Errors
    /// All faults at once (the first thousand).
    pub fn build(mut spec: TariffSpec) -> Result<Self, Vec<TariffError>> {
        let rates = std::mem::take(&mut spec.rates);
        let mut builder = Builder::default();
        let calendar = builder.header(&spec);
        let mut rows: Vec<(String, Row)> = Vec::with_capacity(rates.len());
        for (index, rate) in rates.into_iter().enumerate() {
            match builder.rate(&spec, &rate) {
                Ok(row) => rows.push((rate.prefix, row)),
                Err((field, reason)) => {
                    let field = format!("rates[{index}] (prefix {}) {field}", rate.prefix);
                    builder.faults.push((field, reason));
                }
            }
            if builder.faults.len() >= MAX_FAULTS {
                break;
            }
        }
        match calendar {
            Some(calendar) if builder.faults.is_empty() => Ok(builder.finish(spec, calendar, rows)),
            _ => Err(builder.errors(&spec.name)),
        }
    }
}

#[derive(Default)]
struct Builder {
    faults: Vec<(String, String)>,
    descriptions: Interner<Box<str>>,
    spans: Interner<SpanKey>,
    terms: Interner<TermsKey>,
    written: Vec<(Terms, CallTerms)>,
    steps: Interner<Vec<PricedStepKey>>,
    step_lists: Vec<Vec<PricedStep>>,
}

type SpanKey = (u8, u8, u16, u16, bool);
type TermsKey = ([Option<u32>; 5], [Option<Decimal>; 7]);
type PricedStepKey = (u64, i128, Option<u32>, Option<i128>);

impl Builder {
    fn header(&mut self, spec: &TariffSpec) -> Option<Arc<Calendar>> {
        if spec.decimals > MAX_DECIMALS {
            self.fault("decimals", format!("{} is not 0 to 6", spec.decimals));
        }
        if let Err((field, reason)) = CallTerms::resolve(&tariff_terms(spec)) {
            self.fault(field, reason);
        }
        let prices = (spec.defaults.multiplier, spec.defaults.addition);
        if let Err((field, reason)) = line::effective(MAX_PRICE, prices.0, None)
            && field != "price"
        {
            self.fault(field, reason);
        }
        if let Some(base) = &spec.base {
            let addition = line::amount("base.addition", base.addition.abs(), MAX_PRICE);
            let percent = line::percent("base.percent", base.percent);
            for (field, reason) in [addition.err(), percent.err()].into_iter().flatten() {
                self.fault(field, reason);
            }
        }
        let mut holidays = spec.holidays.clone();
        holidays.sort_unstable();
        match Zone::named(&spec.time_zone) {
            Ok(zone) => Some(Arc::new(Calendar { zone, holidays })),
            Err(reason) => {
                self.fault("time_zone", reason);
                None
            }
        }
    }

    fn fault(&mut self, field: &str, reason: String) {
        self.faults.push((field.to_owned(), reason));
    }

    fn rate(&mut self, spec: &TariffSpec, rate: &Rate) -> Result<Row, Fault> {
        if rate.prefix.len() > MAX_PREFIX_BYTES {
            return Err(("prefix", format!("is longer than {MAX_PREFIX_BYTES} bytes")));
        }
        if let Some(reason) = rate.span.fault() {
            return Err(("span", reason.into()));
        }
        let from = rate.effective_from.map_or(i64::MIN, |at| at.0);
        let to = rate.effective_to.map_or(i64::MAX, |at| at.0);
        if from >= to {
            return Err(("effective_to", "is not after effective_from".into()));
        }
        let terms = or(&rate.terms, &tariff_terms(spec));
        let price = line::amount("price", rate.price, MAX_PRICE)?;
        Ok(Row {
            price: line::effective(price, terms.multiplier, terms.addition)?,
            id: rate.id,
            effective_from: from,
            effective_to: to,
            description: self.descriptions.index(rate.description.as_str().into()),
            steps: self.steps_of(rate, &terms)?,
            terms: self.terms_of(terms)?,
            span: self.spans.index(span_key(&rate.span)),
            blocked: rate.blocked,
            free_to_call: rate.free_to_call,
        })
    }

    fn terms_of(&mut self, terms: Terms) -> Result<u32, Fault> {
        let index = self.terms.index(terms_key(&terms));
        if self.written.len() <= index as usize {
            match CallTerms::resolve(&terms) {
                Ok(resolved) => self.written.push((terms, resolved)),
                Err(fault) => {
                    self.terms.forget_last(&terms_key(&terms));
                    return Err(fault);
                }
            }
        }
        Ok(index)
    }

    fn steps_of(&mut self, rate: &Rate, terms: &Terms) -> Result<u32, Fault> {
        if rate.steps.len() > MAX_STEPS {
            return Err(("steps", format!("are more than {MAX_STEPS}")));
        }
        if !rate
            .steps
            .is_sorted_by(|a, b| a.from_second < b.from_second)
        {
            return Err(("steps", "do not rise by from_second".into()));
        }
        let list = rate
            .steps
            .iter()
            .map(|step| line::priced_step(step, terms.multiplier, terms.addition))
            .collect::<Result<Vec<_>, _>>()?;
        let key = list.iter().map(step_key).collect();
        let index = self.steps.index(key);
        if self.step_lists.len() <= index as usize {
            self.step_lists.push(list);
        }
        Ok(index)
    }

    fn finish(
        self,
        spec: TariffSpec,
        calendar: Arc<Calendar>,
        mut rows: Vec<(String, Row)>,
    ) -> Tariff {
        let spans: Vec<Span> = self.spans.into_values().map(span_of).collect();
        let details: Vec<(bool, u32)> = spans.iter().map(|s| (!s.holiday, s.detail())).collect();
        let rank = |row: &Row| {
            let detail = details.get(row.span as usize).copied();
            (detail, std::cmp::Reverse((row.effective_from, row.id)))
        };
        rows.sort_by(|(prefix, row), (other_prefix, other)| {
            prefix
                .cmp(other_prefix)
                .then_with(|| rank(row).cmp(&rank(other)))
        });
        let mut prefixes: Vec<(String, (u32, u32))> = Vec::new();
        let mut packed = Vec::with_capacity(rows.len());
        for (index, (prefix, row)) in (0u32..).zip(rows) {
            packed.push(row);
            match prefixes.last_mut() {
                Some((last, (_, count))) if *last == prefix => *count += 1,
                _ => prefixes.push((prefix, (index, 1))),
            }
        }
        Tariff {
            spec: Arc::new(spec),
            calendar,
            prefixes: PrefixMap::build(prefixes),
            rows: packed,
            descriptions: self.descriptions.into_values().collect(),
            spans,
            terms: self.written,
            steps: self.step_lists,
        }
    }

    fn errors(self, tariff: &str) -> Vec<TariffError> {
        let error = |(field, reason)| TariffError {
            tariff: tariff.to_owned(),
            field,
            reason,
        };
        self.faults.into_iter().map(error).collect()
    }
}

/// What the tariff says for rates that say nothing: its defaults, then the fields of its header.
pub(super) fn tariff_terms(spec: &TariffSpec) -> Terms {
    let percent = spec.post_call_surcharge_pct;
    or(
        &spec.defaults,
        &Terms {
            post_call_surcharge_pct: (!percent.is_zero()).then_some(percent),
            min_charge: spec.min_charge,
            max_charge: spec.max_charge,
            ..Terms::default()
        },
    )
}

/// `first` where it says something, else `second`.
pub(super) fn or(first: &Terms, second: &Terms) -> Terms {
    Terms {
        initial: first.initial.or(second.initial),
        increment: first.increment.or(second.increment),
        grace_period: first.grace_period.or(second.grace_period),
        free_seconds: first.free_seconds.or(second.free_seconds),
        multiplier: first.multiplier.or(second.multiplier),
        addition: first.addition.or(second.addition),
        connect_fee: first.connect_fee.or(second.connect_fee),
        surcharge_time: first.surcharge_time.or(second.surcharge_time),
        surcharge_amount: first.surcharge_amount.or(second.surcharge_amount),
        post_call_surcharge_pct: first
            .post_call_surcharge_pct
            .or(second.post_call_surcharge_pct),
        min_charge: first.min_charge.or(second.min_charge),
        max_charge: first.max_charge.or(second.max_charge),
    }
}

fn terms_key(t: &Terms) -> TermsKey {
    (
        [
            t.initial,
            t.increment,
            t.grace_period,
            t.free_seconds,
            t.surcharge_time,
        ],
        [
            t.multiplier,
            t.addition,
            t.connect_fee,
            t.surcharge_amount,
            t.post_call_surcharge_pct,
            t.min_charge,
            t.max_charge,
        ],
    )
}

fn step_key(step: &PricedStep) -> PricedStepKey {
    (
        step.from,
        step.price.0,
        step.increment.map(Into::into),
        step.flat.map(|flat| flat.0),
    )
}

fn span_key(span: &Span) -> SpanKey {
    (
        span.from_day,
        span.to_day,
        span.from_minute,
        span.to_minute,
        span.holiday,
    )
}

fn span_of((from_day, to_day, from_minute, to_minute, holiday): SpanKey) -> Span {
    Span {
        from_day,
        to_day,
        from_minute,
        to_minute,
        holiday,
    }
}

/// Gives equal values one index; most rates of a sheet share their terms.
struct Interner<T> {
    known: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            values: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    fn index(&mut self, value: T) -> u32 {
        if let Some(index) = self.known.get(&value) {
            return *index;
        }
        let index = self.values.len() as u32;
        self.values.push(value.clone());
        self.known.insert(value, index);
        index
    }

    fn forget_last(&mut self, value: &T) {
        self.values.pop();
        self.known.remove(value);
    }

    fn into_values(self) -> impl Iterator<Item = T> {
        self.values.into_iter()
    }
}
