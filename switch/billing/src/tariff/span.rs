//! Days and hours in a wall clock, and the calendar that tells them (`rating.md` 2.7).

use super::spec::Span;
use crate::UtcMs;
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: u16 = 1440;

/// A time zone by its IANA name, from the rules that are built in, never from the machine's files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Zone(TimeZone);

/// The wall clock and the holidays of a tariff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calendar {
    pub(crate) zone: Zone,
    /// Sorted.
    pub(crate) holidays: Vec<Date>,
}

/// A wall clock reading, with what spans ask of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Local {
    today: Day,
    yesterday: Day,
    minute: u16,
}

#[derive(Clone, Copy, Debug)]
struct Day {
    /// 0 Monday to 6 Sunday.
    weekday: u8,
    holiday: bool,
}

impl Zone {
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let database = TimeZoneDatabase::bundled();
        match database.get(name) {
            Ok(zone) => Ok(Self(zone)),
            Err(_) => Err(format!(
                "{name:?} is not an IANA time zone such as Europe/Berlin"
            )),
        }
    }
}

impl Zone {
    /// The instant of a wall clock reading; the first one where it happens twice, the first after where it is skipped.
    pub(crate) fn instant(&self, clock: DateTime) -> Option<UtcMs> {
        let instant = self.0.to_ambiguous_timestamp(clock).compatible().ok()?;
        Some(UtcMs(instant.as_millisecond()))
    }
}

impl TryFrom<String> for Zone {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        Self::named(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0.iana_name().unwrap_or("UTC").to_owned()
    }
}

impl Calendar {
    /// The wall clock at an instant, and the first later instant at which a minute of `marks` (sorted) or midnight
    /// may be reached, or the clock is put forward or back. None outside the years jiff knows.
    pub(crate) fn local(&self, at: UtcMs, marks: &[u16]) -> Option<(Local, UtcMs)> {
        let instant = Timestamp::from_millisecond(at.0).ok()?;
        let clock = self.zone.0.to_datetime(instant);
        let next_shift = self
            .zone
            .0
            .following(instant)
            .next()
            .map_or(i64::MAX, |shift| shift.timestamp().as_millisecond());
        let next_mark = at.0 + ms_to_next_mark(clock, marks);
        Some((self.reading(clock), UtcMs(next_mark.min(next_shift))))
    }

    fn reading(&self, clock: DateTime) -> Local {
        let day = |date: Date| Day {
            weekday: date.weekday().to_monday_zero_offset().unsigned_abs(),
            holiday: self.holidays.binary_search(&date).is_ok(),
        };
        let date = clock.date();
        Local {
            today: day(date),
            yesterday: day(date.yesterday().unwrap_or(date)),
            minute: minute_of(clock),
        }
    }
}

fn minute_of(clock: DateTime) -> u16 {
    u16::from(clock.hour().unsigned_abs()) * 60 + u16::from(clock.minute().unsigned_abs())
}

fn ms_to_next_mark(clock: DateTime, marks: &[u16]) -> i64 {
    let minute = minute_of(clock);
    let after = marks.partition_point(|mark| *mark <= minute);
    let mark = marks.get(after).copied().unwrap_or(DAY_MINUTES);
    let into_minute = i64::from(clock.second()) * 1000 + i64::from(clock.millisecond());
    i64::from(mark - minute) * MINUTE_MS - into_minute
}

impl Span {
    /// Whether it covers every instant, so that nothing less detailed can ever count.
    pub(crate) fn is_always(&self) -> bool {
        !self.holiday && self.days() == 7 && self.minutes() == DAY_MINUTES
    }

    /// Minutes of a week: the fewer, the more detailed.
    pub(crate) fn detail(&self) -> u32 {
        u32::from(self.days()) * u32::from(self.minutes())
    }

    fn days(&self) -> u16 {
        (7 + u16::from(self.to_day) - u16::from(self.from_day)) % 7 + 1
    }

    fn minutes(&self) -> u16 {
        if self.crosses_midnight() {
            DAY_MINUTES - self.from_minute + self.to_minute
        } else {
            self.to_minute - self.from_minute
        }
    }

    fn crosses_midnight(&self) -> bool {
        self.to_minute < self.from_minute
    }

    /// Whether the row counts at this reading. Hours past midnight belong to the day on which they began.
    pub(crate) fn covers(&self, local: &Local) -> bool {
        if self.crosses_midnight() {
            (local.minute >= self.from_minute && self.starts_on(local.today))
                || (local.minute < self.to_minute && self.starts_on(local.yesterday))
        } else {
            (self.from_minute..self.to_minute).contains(&local.minute)
                && self.starts_on(local.today)
        }
    }

    fn starts_on(&self, day: Day) -> bool {
        let weekday = if self.from_day <= self.to_day {
            (self.from_day..=self.to_day).contains(&day.weekday)
        } else {
            day.weekday >= self.from_day || day.weekday <= self.to_day
        };
        weekday && (day.holiday || !self.holiday)
    }

    pub(crate) fn fault(&self) -> Option<&'static str> {
        if self.from_day > 6 || self.to_day > 6 {
            Some("days are 0 (Monday) to 6 (Sunday)")
        } else if self.from_minute >= DAY_MINUTES || self.to_minute > DAY_MINUTES {
            Some("minutes are 0 to 1440, and the first is below 1440")
        } else if self.from_minute == self.to_minute {
            Some("begins and ends at the same minute, so it never holds")
        } else {
            None
        }
    }
}
