//! All tariffs of an operator: markups resolved, rows found (`rating.md` section 1).

use super::{
    Row, Tariff, TariffError, Terms,
    build::{or, tariff_terms},
};
use crate::{
    TariffId, UtcMs,
    quote::{
        Quote, QuoteError,
        line::{self, CallTerms, Fault, Line, MAX_FEE, MAX_PRICE},
        timetable::{TimedLine, Timetable},
    },
};
use std::{collections::HashMap, sync::Arc};

/// Reseller levels are three; more allows for tariffs derived for other reasons.
const MAX_CHAIN: usize = 8;

/// All tariffs of an operator; resolves markups.
#[derive(Clone, Debug, Default)]
pub struct TariffBook {
    tariffs: HashMap<TariffId, Arc<Tariff>>,
}

impl TariffBook {
    /// Takes tariffs that were built one by one.
    ///
    /// # Errors
    /// All of: an id used twice, a missing base, a base of another currency, a cycle, more than eight tariffs in a
    /// chain.
    pub fn build(tariffs: Vec<Arc<Tariff>>) -> Result<Self, Vec<TariffError>> {
        let mut book = Self::default();
        let mut faults = Vec::new();
        for tariff in &tariffs {
            if book
                .tariffs
                .insert(tariff.id(), Arc::clone(tariff))
                .is_some()
            {
                faults.push(error(
                    tariff,
                    "id",
                    format!("{} is used twice", tariff.id()),
                ));
            }
        }
        for tariff in &tariffs {
            if let Err(reason) = book.chain(tariff) {
                faults.push(error(tariff, "base", reason));
            }
        }
        if faults.is_empty() {
            Ok(book)
        } else {
            Err(faults)
        }
    }

    /// A tariff by its id.
    pub fn get(&self, id: TariffId) -> Option<&Arc<Tariff>> {
        self.tariffs.get(&id)
    }

    /// The tariff and those its prices derive from, itself first.
    fn chain<'a>(&'a self, tariff: &'a Tariff) -> Result<Vec<&'a Tariff>, String> {
        let mut chain = vec![tariff];
        let mut last = tariff;
        while let Some(markup) = &last.spec.base {
            let Some(base) = self.tariffs.get(&markup.tariff) else {
                return Err(format!("tariff {} does not exist", markup.tariff));
            };
            if base.currency() != tariff.currency() {
                return Err(format!(
                    "tariff {} has the currency {}, not {}",
                    base.id(),
                    base.currency(),
                    tariff.currency()
                ));
            }
            if chain.iter().any(|seen| seen.id() == base.id()) {
                return Err(format!("tariff {} derives from itself", base.id()));
            }
            if chain.len() == MAX_CHAIN {
                return Err(format!("is a chain of more than {MAX_CHAIN} tariffs"));
            }
            chain.push(base);
            last = base;
        }
        Ok(chain)
    }

    /// The rows that rate a call to `number` answered at `at`: valid for the whole call, whatever changes later.
    ///
    /// Among the rows in force at `at` the longest prefix that has one covering that instant; a row not in force or
    /// outside its days and hours never hides a shorter prefix. At equal prefix a row of the tariff itself comes
    /// before one of its base, a holiday's before others, the more detailed before the less, the later
    /// `effective_from` before the earlier, the higher id before the lower. `Quote::free_to_call` is set only where
    /// the row is marked so and every price and fee in it is 0.
    ///
    /// # Errors
    /// `NoTariff`, `NoRate`, `Blocked`; `Overflow` if a markup makes a price negative or too large.
    pub fn quote(&self, tariff: TariffId, number: &str, at: UtcMs) -> Result<Quote, QuoteError> {
        let Some(own) = self.tariffs.get(&tariff) else {
            return Err(QuoteError::NoTariff(tariff));
        };
        let finder = if own.spec.base.is_none() {
            Finder::of_one(own, number, at)
        } else {
            let chain = self.chain(own).map_err(|_| QuoteError::NoTariff(tariff))?;
            Finder::of_chain(own, chain, number, at)
        };
        finder.quote()
    }
}

fn error(tariff: &Tariff, field: &str, reason: String) -> TariffError {
    TariffError {
        tariff: tariff.spec.name.clone(),
        field: field.to_owned(),
        reason,
    }
}

/// A row that may rate the call, and where it stands.
struct Candidate<'a> {
    level: usize,
    prefix: &'a str,
    row: &'a Row,
}

/// The rows in force that fit a number, best first, up to the first that always counts.
struct Finder<'a> {
    chain: Vec<&'a Tariff>,
    own: &'a Tariff,
    number: &'a str,
    at: UtcMs,
    found: Vec<Candidate<'a>>,
    /// The first candidate always counts: the common case, without a list.
    first: Option<Candidate<'a>>,
}

impl<'a> Finder<'a> {
    fn of_one(own: &'a Tariff, number: &'a str, at: UtcMs) -> Self {
        let mut finder = Self::new(own, number, at);
        for (prefix, rows) in own.prefixes.matches(number) {
            if finder.add(own, 0, prefix, *rows) {
                break;
            }
        }
        finder
    }

    fn of_chain(own: &'a Tariff, chain: Vec<&'a Tariff>, number: &'a str, at: UtcMs) -> Self {
        let mut matches: Vec<(&'a str, usize, &'a Tariff, (u32, u32))> = Vec::new();
        for (level, tariff) in chain.iter().enumerate() {
            let tariff: &'a Tariff = tariff;
            let found = tariff.prefixes.matches(number);
            matches.extend(found.map(|(prefix, rows)| (prefix, level, tariff, *rows)));
        }
        matches.sort_by_key(|(prefix, level, ..)| (std::cmp::Reverse(prefix.len()), *level));
        let mut finder = Self::new(own, number, at);
        finder.chain = chain;
        for (prefix, level, tariff, rows) in matches {
            if finder.add(tariff, level, prefix, rows) {
                break;
            }
        }
        finder
    }

    fn new(own: &'a Tariff, number: &'a str, at: UtcMs) -> Self {
        Self {
            chain: Vec::new(),
            own,
            number,
            at,
            found: Vec::new(),
            first: None,
        }
    }

    /// Adds the rows of one prefix; whether one of them always counts, so that nothing after it matters.
    fn add(
        &mut self,
        tariff: &'a Tariff,
        level: usize,
        prefix: &'a str,
        (start, count): (u32, u32),
    ) -> bool {
        let rows = tariff.rows.get(start as usize..(start + count) as usize);
        for row in rows.unwrap_or_default() {
            if self.at.0 < row.effective_from || row.effective_to <= self.at.0 {
                continue;
            }
            let always = tariff
                .spans
                .get(row.span as usize)
                .is_some_and(|span| span.is_always());
            let candidate = Candidate { level, prefix, row };
            if always && self.found.is_empty() {
                self.first = Some(candidate);
            } else {
                self.found.push(candidate);
            }
            if always {
                return true;
            }
        }
        false
    }

    fn quote(self) -> Result<Quote, QuoteError> {
        if let Some(only) = &self.first {
            return self.single(only);
        }
        let timetable = Timetable {
            lines: self
                .found
                .iter()
                .map(|candidate| self.timed(candidate))
                .collect::<Result<_, _>>()?,
            calendars: self.calendars(),
        };
        match timetable.covering(self.at) {
            None => Err(self.no_rate()),
            Some(index) => match self.found.get(index) {
                Some(blocked) if blocked.row.blocked => Err(self.blocked(blocked)),
                Some(open) => {
                    let quote = self.quote_of(self.line(open)?);
                    Ok(quote.with_timetable(timetable, index))
                }
                None => Err(self.no_rate()),
            },
        }
    }

    fn single(&self, candidate: &Candidate<'_>) -> Result<Quote, QuoteError> {
        if candidate.row.blocked {
            return Err(self.blocked(candidate));
        }
        let line = self.line(candidate)?;
        let mut quote = self.quote_of(line);
        quote.rate = candidate.row.id;
        candidate.prefix.clone_into(&mut quote.prefix);
        self.description(candidate)
            .clone_into(&mut quote.description);
        quote.free_to_call = candidate.row.free_to_call && quote.is_free();
        Ok(quote)
    }

    fn quote_of(&self, line: Line) -> Quote {
        let spec = &self.own.spec;
        let rounding = (spec.decimals, spec.band_policy);
        Quote::new(spec.id, spec.currency, self.at, rounding, line)
    }

    fn tariff_of(&self, candidate: &Candidate<'_>) -> &'a Tariff {
        self.chain.get(candidate.level).copied().unwrap_or(self.own)
    }

    fn description(&self, candidate: &Candidate<'_>) -> &'a str {
        let tariff = self.tariff_of(candidate);
        let text = tariff.descriptions.get(candidate.row.description as usize);
        text.map(|text| &**text).unwrap_or_default()
    }

    fn calendars(&self) -> Vec<Arc<super::span::Calendar>> {
        if self.chain.is_empty() {
            return vec![Arc::clone(&self.own.calendar)];
        }
        let calendars = self.chain.iter().map(|tariff| Arc::clone(&tariff.calendar));
        calendars.collect()
    }

    fn timed(&self, candidate: &Candidate<'_>) -> Result<TimedLine, QuoteError> {
        let tariff = self.tariff_of(candidate);
        let line = self.line(candidate)?;
        Ok(TimedLine {
            rate: candidate.row.id,
            prefix: candidate.prefix.to_owned(),
            description: self.description(candidate).to_owned(),
            free_to_call: candidate.row.free_to_call && line.is_free(),
            blocked: candidate.row.blocked,
            span: tariff
                .spans
                .get(candidate.row.span as usize)
                .cloned()
                .unwrap_or_default(),
            calendar: candidate.level,
            line,
        })
    }

    /// The row's terms, marked up by every tariff between its own and the one asked for.
    fn line(&self, candidate: &Candidate<'_>) -> Result<Line, QuoteError> {
        let tariff = self.tariff_of(candidate);
        let (written, resolved) = tariff
            .terms
            .get(candidate.row.terms as usize)
            .ok_or_else(|| self.no_rate())?;
        let steps = tariff.steps.get(candidate.row.steps as usize);
        let mut line = Line {
            price: candidate.row.price,
            terms: *resolved,
            steps: steps.cloned().unwrap_or_default(),
        };
        if candidate.level > 0 {
            let above = self.chain.get(..candidate.level).unwrap_or_default();
            derive(&mut line, written, above)
                .map_err(|(field, reason)| self.overflow(candidate, field, &reason))?;
        }
        Ok(line)
    }

    fn no_rate(&self) -> QuoteError {
        QuoteError::NoRate {
            tariff: self.own.id(),
            number: self.number.to_owned(),
        }
    }

    fn blocked(&self, candidate: &Candidate<'_>) -> QuoteError {
        QuoteError::Blocked {
            tariff: self.own.id(),
            prefix: candidate.prefix.to_owned(),
        }
    }

    fn overflow(&self, candidate: &Candidate<'_>, field: &str, reason: &str) -> QuoteError {
        QuoteError::Overflow {
            tariff: self.own.id(),
            prefix: candidate.prefix.to_owned(),
            reason: format!("{field} {reason}"),
        }
    }
}

/// Prices by the markup of each tariff from the base up: base price * (1 + percent / 100) + addition, then the
/// deriving tariff's own default multiplier and addition, if it has any. A flat step takes the percentage. Other
/// terms are the base's unless the deriving tariff sets them.
fn derive(line: &mut Line, written: &Terms, above: &[&Tariff]) -> Result<(), Fault> {
    let mut terms = written.clone();
    for tariff in above.iter().rev() {
        let Some(markup) = &tariff.spec.base else {
            continue;
        };
        let percent = line::percent("base.percent", markup.percent)?;
        let own = tariff_terms(&tariff.spec);
        let price = |base| {
            let marked = line::marked_up(base, percent, MAX_PRICE)?;
            let marked = line::effective(marked, None, Some(markup.addition))?;
            line::effective(marked, own.multiplier, own.addition)
        };
        line.price = price(line.price)?;
        for step in &mut line.steps {
            match &mut step.flat {
                Some(flat) => *flat = line::marked_up(*flat, percent, MAX_FEE)?,
                None => step.price = price(step.price)?,
            }
        }
        terms = or(&own, &terms);
    }
    line.terms = CallTerms::resolve(&terms)?;
    Ok(())
}
