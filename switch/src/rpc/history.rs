//! Figures over time: one sample every ten seconds for a day, in memory, for plots.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use tandem_billing::UtcMs;
use tandem_call::monitor::Totals;
use tandem_protocol::{
    UtcMs as WireMs,
    system::{Figure, HistoryParams, Point, Series},
};

/// A day at one sample every ten seconds.
const SAMPLES: usize = 8_640;

#[derive(Clone, Debug)]
struct Sample {
    at: UtcMs,
    totals: Totals,
}

/// The samples, oldest first.
#[derive(Debug, Default)]
pub struct History {
    samples: Mutex<VecDeque<Sample>>,
}

impl History {
    /// Adds a sample; the oldest goes when there are too many. One that is not later than the last is left out:
    /// the wall clock was set back.
    pub fn add(&self, at: UtcMs, totals: Totals) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.back().is_some_and(|last| last.at >= at) {
            return;
        }
        samples.push_back(Sample { at, totals });
        if samples.len() > SAMPLES {
            samples.pop_front();
        }
    }

    /// The figures asked for. Each point stands for the samples of an equal part of the time asked for.
    #[must_use]
    pub fn series(&self, params: &HistoryParams, now: UtcMs) -> Vec<Series> {
        let from = params.from.0;
        let to = params.to.map_or(now.0.saturating_add(1), |to| to.0);
        let spans = i64::from(params.points.max(1));
        let step = (to.saturating_sub(from) / spans).max(1);
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = parts(&samples, from, to, step);
        let series = |figure: &Figure| Series {
            figure: *figure,
            points: parts
                .iter()
                .filter_map(|part| part.point(*figure))
                .collect(),
        };
        params.figures.iter().map(series).collect()
    }
}

/// The samples of one part, and the last one before it.
struct Part<'a> {
    before: Option<&'a Sample>,
    samples: Vec<&'a Sample>,
}

fn parts(samples: &VecDeque<Sample>, from: i64, to: i64, step: i64) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut last: Option<(&Sample, i64)> = None;
    for sample in samples {
        let at = sample.at.0;
        if at >= to {
            break;
        }
        let span = if at < from {
            -1
        } else {
            at.saturating_sub(from) / step
        };
        if span >= 0 {
            let is_new = last.is_none_or(|(_, before)| before != span);
            if is_new {
                parts.push(Part {
                    before: last.map(|(sample, _)| sample),
                    samples: Vec::new(),
                });
            }
            if let Some(part) = parts.last_mut() {
                part.samples.push(sample);
            }
        }
        last = Some((sample, span));
    }
    parts
}

impl Part<'_> {
    fn point(&self, figure: Figure) -> Option<Point> {
        let last = self.samples.last()?;
        let value = match figure {
            Figure::Calls => self.mean(|t| t.calls),
            Figure::Connected => self.mean(|t| t.connected),
            Figure::Registrations => self.mean(|t| t.registrations),
            Figure::Cps => self.per_second(|t| t.attempts),
            Figure::MessagesIn => self.per_second(|t| t.messages_in),
            // A call is attempted in one part and perhaps answered in the next.
            Figure::Asr => self
                .ratio(|t| t.answered, |t| t.attempts)
                .map(|share| (share * 100.0).min(100.0)),
            Figure::Acd => self
                .ratio(|t| t.answered_ms, |t| t.answered)
                .map(|ms| ms / 1_000.0),
            Figure::Pdd => self
                .ratio(|t| t.pdd_ms_sum, |t| t.attempts.saturating_sub(t.refused))
                .map(|ms| ms / 1_000.0),
        }?;
        Some(Point {
            at: WireMs(last.at.0),
            value,
        })
    }

    fn mean(&self, gauge: impl Fn(&Totals) -> u32) -> Option<f64> {
        let sum: f64 = self
            .samples
            .iter()
            .map(|s| f64::from(gauge(&s.totals)))
            .sum();
        (!self.samples.is_empty()).then(|| sum / real(self.samples.len() as u64))
    }

    /// How much a counter rose in this part, and in how many seconds.
    fn rise(&self, counter: impl Fn(&Totals) -> u64) -> Option<(u64, f64)> {
        let (first, last) = (
            self.before.or(self.samples.first().copied())?,
            self.samples.last()?,
        );
        let ms = last.at.0.saturating_sub(first.at.0);
        let seconds = real(u64::try_from(ms).unwrap_or(0)) / 1_000.0;
        let rise = counter(&last.totals).saturating_sub(counter(&first.totals));
        (ms > 0).then_some((rise, seconds))
    }

    fn per_second(&self, counter: impl Fn(&Totals) -> u64) -> Option<f64> {
        self.rise(counter)
            .map(|(rise, seconds)| real(rise) / seconds)
    }

    fn ratio(&self, above: impl Fn(&Totals) -> u64, below: impl Fn(&Totals) -> u64) -> Option<f64> {
        let (above, below) = (self.rise(above)?.0, self.rise(below)?.0);
        (below > 0).then(|| real(above) / real(below))
    }
}

/// Exact up to 2^53; beyond that a plot does not show the difference.
#[allow(clippy::cast_precision_loss)]
fn real(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::{History, SAMPLES};
    use tandem_billing::UtcMs;
    use tandem_call::monitor::Totals;
    use tandem_protocol::{
        UtcMs as WireMs,
        system::{Figure, HistoryParams},
    };

    fn history(count: u64) -> History {
        let history = History::default();
        for n in 0..count {
            let totals = Totals {
                calls: n as u32 % 2,
                attempts: n * 20,
                answered: n * 10,
                answered_ms: n * 300_000,
                ..Totals::default()
            };
            history.add(UtcMs(n as i64 * 10_000), totals);
        }
        history
    }

    fn values(
        history: &History,
        figure: Figure,
        from: i64,
        to: i64,
        points: u32,
    ) -> Vec<(i64, f64)> {
        let params = HistoryParams {
            figures: vec![figure],
            from: WireMs(from),
            to: Some(WireMs(to)),
            points,
        };
        let series = history.series(&params, UtcMs(0));
        series[0].points.iter().map(|p| (p.at.0, p.value)).collect()
    }

    #[test]
    fn gauges_are_means_and_counters_are_rates() {
        let history = history(7);
        assert_eq!(
            values(&history, Figure::Calls, 0, 40_000, 2),
            [(10_000, 0.5), (30_000, 0.5)]
        );
        assert_eq!(
            values(&history, Figure::Cps, 20_000, 60_000, 2),
            [(30_000, 2.0), (50_000, 2.0)]
        );
        assert_eq!(
            values(&history, Figure::Asr, 10_000, 70_000, 1),
            [(60_000, 50.0)]
        );
        assert_eq!(
            values(&history, Figure::Acd, 10_000, 70_000, 1),
            [(60_000, 30.0)]
        );
        assert_eq!(values(&history, Figure::Pdd, 70_000, 90_000, 1), []);
        assert_eq!(
            values(&history, Figure::Cps, 0, 10_000, 1),
            [],
            "one sample has no rate"
        );
    }

    #[test]
    fn a_day_is_kept_and_time_only_moves_forward() {
        let history = history(SAMPLES as u64 + 5);
        history.add(UtcMs(0), Totals::default());
        let all = values(&history, Figure::Calls, 0, i64::MAX, 2_000);
        assert_eq!(all.len(), 1, "one part spans the whole time");
        assert_eq!(
            history.samples.lock().expect("no panic holds it").len(),
            SAMPLES
        );
    }
}
