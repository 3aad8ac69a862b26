//! The rows of a number that count at different hours, and which of them counts when (`rating.md` 2.7).

use super::line::Line;
use crate::{
    RateId, UtcMs,
    tariff::{Span, span::Calendar},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A row with its hours. Blocked rows are kept: they hide the rows after them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TimedLine {
    pub rate: RateId,
    pub prefix: String,
    pub description: String,
    pub free_to_call: bool,
    pub blocked: bool,
    pub span: Span,
    /// Index into the calendars.
    pub calendar: usize,
    pub line: Line,
}

/// Best first: the first row that covers an instant counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timetable {
    pub lines: Vec<TimedLine>,
    pub calendars: Vec<Arc<Calendar>>,
}

impl Timetable {
    /// The row that counts at an instant.
    pub(crate) fn covering(&self, at: UtcMs) -> Option<usize> {
        self.band(at).0
    }

    /// The row that counts at an instant, and until when that is sure. `i64::MAX` beyond the years jiff knows.
    pub(crate) fn band(&self, at: UtcMs) -> (Option<usize>, UtcMs) {
        let marks = self.marks();
        let mut until = UtcMs(i64::MAX);
        let mut locals = Vec::with_capacity(self.calendars.len());
        for calendar in &self.calendars {
            let local = calendar.local(at, &marks);
            until = until.min(local.map_or(UtcMs(i64::MAX), |(_, next)| next));
            locals.push(local.map(|(local, _)| local));
        }
        let covers = |line: &TimedLine| {
            let local = locals.get(line.calendar).copied().flatten();
            local.is_some_and(|local| line.span.covers(&local))
        };
        (self.lines.iter().position(covers), until)
    }

    /// Minutes of the day at which a row begins or ends.
    fn marks(&self) -> Vec<u16> {
        let mut marks: Vec<u16> = self
            .lines
            .iter()
            .flat_map(|line| [line.span.from_minute, line.span.to_minute])
            .filter(|mark| (1..1440).contains(mark))
            .collect();
        marks.sort_unstable();
        marks.dedup();
        marks
    }
}
