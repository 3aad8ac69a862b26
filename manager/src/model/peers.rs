//! Those we speak to first, as tables see them: gateways and upstream registrations at work.

use super::{format, table};
use crate::theme::Tone;
use std::borrow::Cow;
use table::{Cell, Column, Order, Rows};
use tandem_protocol::live::{GatewayStatus, UpstreamStatus};

/// Gateways at work.
pub struct GatewayRows<'a>(pub &'a [GatewayStatus]);

const GATEWAYS: [Column; 12] = [
    Column::left("Gateway", 20),
    Column::left("Status", 10),
    Column::left("Since", 17),
    Column::left("Last answers", 18),
    Column::right("Round trip", 10),
    Column::right("Calls now", 10),
    Column::right("Attempts", 10),
    Column::right("Answered", 10),
    Column::right("Failed", 9),
    Column::right("ASR", 8),
    Column::right("ACD", 9),
    Column::right("PDD", 9),
];

/// Whether it takes calls.
pub fn gateway_status(g: &GatewayStatus) -> (&'static str, Tone) {
    let health = &g.health;
    let down = health.hosts.iter().any(|host| host.down_since.is_some());
    match (health.enabled, health.down_since, down, health.watched) {
        (false, ..) => ("Disabled", Tone::Weak),
        (true, Some(_), ..) => ("Down", Tone::Bad),
        (true, None, true, _) => ("Partly up", Tone::Warn),
        (true, None, false, true) => ("Up", Tone::Good),
        (true, None, false, false) => ("Not watched", Tone::Weak),
    }
}

impl GatewayRows<'_> {
    /// What each host said last to an OPTIONS.
    fn answers(g: &GatewayStatus) -> String {
        let said = g.health.hosts.iter().map(|host| {
            let rests = if host.resting { "resting" } else { "–" };
            host.answer.as_deref().unwrap_or(rests)
        });
        said.collect::<Vec<_>>().join(", ")
    }

    /// Of the host that answered fastest.
    fn round_trip_us(g: &GatewayStatus) -> Option<u64> {
        g.health
            .hosts
            .iter()
            .filter_map(|host| host.round_trip_us)
            .min()
    }

    fn acd_s(g: &GatewayStatus) -> Option<i64> {
        g.answered_ms
            .checked_div(g.answered)
            .and_then(|ms| i64::try_from(ms / 1000).ok())
    }

    fn pdd_ms(g: &GatewayStatus) -> Option<u64> {
        g.pdd_ms_sum.checked_div(g.attempts)
    }

    fn asr(g: &GatewayStatus) -> Option<u64> {
        g.answered.saturating_mul(1000).checked_div(g.attempts)
    }
}

impl Rows for GatewayRows<'_> {
    fn columns(&self) -> &[Column] {
        &GATEWAYS
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn key(&self, row: usize) -> Cow<'_, str> {
        self.0
            .get(row)
            .map(|g| g.gateway.to_string())
            .unwrap_or_default()
            .into()
    }

    fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some(g) = self.0.get(row) else {
            return Cell::empty();
        };
        let nothing = Cell::toned("–", Tone::Weak);
        match column {
            0 => Cell::new(&*g.name),
            1 => {
                let (text, tone) = gateway_status(g);
                Cell::toned(text, tone)
            }
            2 => g
                .health
                .down_since
                .map_or(nothing, |at| Cell::toned(format::time(at.0), Tone::Bad)),
            3 => Cell::new(Self::answers(g)),
            4 => Self::round_trip_us(g).map_or(nothing, |us| {
                Cell::new(format!("{}.{} ms", us / 1000, us % 1000 / 100))
            }),
            5 => Cell::new(g.calls.to_string()),
            6 => Cell::new(format::grouped(g.attempts)),
            7 => Cell::new(format::grouped(g.answered)),
            8 => Cell::new(format::grouped(g.failed)),
            9 => match Self::asr(g) {
                Some(mille) => {
                    let tone = if mille < 300 { Tone::Bad } else { Tone::Good };
                    Cell::toned(format::ratio(g.answered, g.attempts), tone)
                }
                None => nothing,
            },
            10 => Self::acd_s(g).map_or(nothing, |s| Cell::new(format::duration(s))),
            11 => Self::pdd_ms(g).map_or(nothing, |ms| {
                Cell::new(format!("{}.{} s", ms / 1000, ms % 1000 / 100))
            }),
            _ => Cell::empty(),
        }
    }

    fn order(&self, row: usize, column: usize) -> Order<'_> {
        let Some(g) = self.0.get(row) else {
            return Order::Number(0);
        };
        let number =
            |n: Option<u64>| Order::Number(n.and_then(|n| i64::try_from(n).ok()).unwrap_or(-1));
        match column {
            1 => Order::text(gateway_status(g).0),
            2 => Order::Number(g.health.down_since.map_or(0, |at| at.0)),
            3 => Order::Text(Self::answers(g).into()),
            4 => number(Self::round_trip_us(g)),
            5 => number(Some(g.calls.into())),
            6 => number(Some(g.attempts)),
            7 => number(Some(g.answered)),
            8 => number(Some(g.failed)),
            9 => number(Self::asr(g)),
            10 => Order::Number(Self::acd_s(g).unwrap_or(-1)),
            11 => number(Self::pdd_ms(g)),
            _ => Order::text(&g.name),
        }
    }

    fn haystack(&self, row: usize) -> Cow<'_, str> {
        self.0
            .get(row)
            .map(|g| g.name.to_lowercase())
            .unwrap_or_default()
            .into()
    }
}

/// Upstream registrations now.
pub struct UpstreamRows<'a> {
    pub rows: &'a [UpstreamStatus],
    /// The switch's clock.
    pub now_ms: i64,
}

const UPSTREAMS: [Column; 7] = [
    Column::left("Registration", 20),
    Column::left("Status", 14),
    Column::left("Until", 17),
    Column::left("Host", 22),
    Column::left("Last answer", 14),
    Column::left("Next try", 17),
    Column::right("In vain", 8),
];

/// Whether it holds.
pub fn upstream_status(row: &UpstreamStatus, now_ms: i64) -> (&'static str, Tone) {
    let holds = row.registered_until.is_some_and(|until| until.0 > now_ms);
    match (row.enabled, holds, row.failures) {
        (false, ..) => ("Disabled", Tone::Weak),
        (true, true, _) => ("Registered", Tone::Good),
        (true, false, 0) => ("Registering", Tone::Info),
        (true, false, _) => ("Not registered", Tone::Bad),
    }
}

impl Rows for UpstreamRows<'_> {
    fn columns(&self) -> &[Column] {
        &UPSTREAMS
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn key(&self, row: usize) -> Cow<'_, str> {
        let row = self.rows.get(row);
        row.map(|u| u.upstream.to_string())
            .unwrap_or_default()
            .into()
    }

    fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some(u) = self.rows.get(row) else {
            return Cell::empty();
        };
        let time = |at: Option<tandem_protocol::UtcMs>| match at {
            Some(at) => Cell::new(format::time(at.0)),
            None => Cell::toned("–", Tone::Weak),
        };
        match column {
            0 => Cell::new(&*u.name),
            1 => {
                let (text, tone) = upstream_status(u, self.now_ms);
                Cell::toned(text, tone)
            }
            2 => time(u.registered_until),
            3 => Cell::new(u.host.as_deref().unwrap_or("–")),
            4 => Cell::new(u.answer.as_deref().unwrap_or("–")),
            5 => time(u.next_at),
            6 => Cell::new(u.failures.to_string()),
            _ => Cell::empty(),
        }
    }

    fn order(&self, row: usize, column: usize) -> Order<'_> {
        let Some(u) = self.rows.get(row) else {
            return Order::Number(0);
        };
        let time = |at: Option<tandem_protocol::UtcMs>| Order::Number(at.map_or(0, |at| at.0));
        match column {
            1 => Order::text(upstream_status(u, self.now_ms).0),
            2 => time(u.registered_until),
            3 => Order::text(u.host.as_deref().unwrap_or_default()),
            4 => Order::text(u.answer.as_deref().unwrap_or_default()),
            5 => time(u.next_at),
            6 => Order::Number(u.failures.into()),
            _ => Order::text(&u.name),
        }
    }

    fn haystack(&self, row: usize) -> Cow<'_, str> {
        let row = self.rows.get(row);
        row.map(|u| u.name.to_lowercase())
            .unwrap_or_default()
            .into()
    }
}
