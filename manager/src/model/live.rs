//! The live feed as tables see it: calls, phones and gateways.
//!
//! Running charge and margin are extrapolated between updates from the price the switch gave, in whole
//! micro-units; the switch's own figure wins with each update. While frozen, the tables keep what they show.

use super::{format, table};
use crate::theme::Tone;
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};
use table::{Cell, Column, Order, Rows};
use tandem_protocol::{
    CallId,
    live::{
        Applied, CallState, FeedEvent, GatewayStatus, LiveCall, LiveState, Registration,
        UpstreamStatus,
    },
};

/// See the module.
#[derive(Debug, Default)]
pub struct Live {
    pub state: LiveState,
    /// Rises with every change of what the tables show.
    pub version: u64,
    /// How far the switch's clock is ahead of ours, ms.
    pub clock_ahead_ms: i64,
    /// Calls in the order of their ids, as the table shows them.
    ids: Vec<CallId>,
    notes: HashMap<CallId, Note>,
    still: Option<Still>,
    registrations: Vec<Registration>,
    gateways: Vec<GatewayStatus>,
    upstreams: Vec<UpstreamStatus>,
}

/// What is kept beside a call.
#[derive(Debug, Default)]
struct Note {
    /// The switch's clock when it spoke of the call last.
    updated_ms: i64,
    /// Lower-case text that a filter looks through.
    haystack: String,
}

/// The calls as they stood when the table was frozen, and when that was.
#[derive(Debug)]
struct Still {
    calls: BTreeMap<CallId, LiveCall>,
    now_ms: i64,
}

/// Calls in the order of their ids.
pub struct CallRows<'a> {
    calls: &'a BTreeMap<CallId, LiveCall>,
    ids: &'a [CallId],
    notes: &'a HashMap<CallId, Note>,
    /// The switch's clock, for durations and running money.
    pub now_ms: i64,
}

impl Live {
    /// Takes an event in; true if a snapshot must be asked for.
    pub fn take(&mut self, event: FeedEvent, now_ms: i64) -> bool {
        let (calls, whole) = match &event {
            FeedEvent::Snapshot(snapshot) => (&snapshot.calls, true),
            FeedEvent::Delta(delta) => (&delta.calls, false),
        };
        let known = if whole {
            HashMap::new()
        } else {
            std::mem::take(&mut self.notes)
        };
        let notes = self.noted(calls, known, now_ms + self.clock_ahead_ms);
        let applied = self.state.apply(event);
        self.notes = notes;
        match applied {
            Applied::Gap => return true,
            Applied::Old => return false,
            Applied::Moved => {}
        }
        self.forget_ended();
        if self.still.is_none() {
            self.show();
        }
        false
    }

    /// Drops the notes of calls that no table shows.
    fn forget_ended(&mut self) {
        let (state, still) = (&self.state.calls, &self.still);
        let frozen = still.as_ref().map_or(0, |still| still.calls.len());
        if self.notes.len() > state.len() + frozen {
            self.notes.retain(|id, _| {
                state.contains_key(id)
                    || still
                        .as_ref()
                        .is_some_and(|still| still.calls.contains_key(id))
            });
        }
    }

    /// The notes with those of `calls` made new; a text is only written again when it reads otherwise.
    fn noted(
        &self,
        calls: &[LiveCall],
        mut notes: HashMap<CallId, Note>,
        updated_ms: i64,
    ) -> HashMap<CallId, Note> {
        for call in calls {
            let note = notes.entry(call.call).or_default();
            note.updated_ms = updated_ms;
            let before = self.state.calls.get(&call.call);
            if note.haystack.is_empty()
                || before.is_none_or(|before| searched(before) != searched(call))
            {
                note.haystack = searched(call).join(" ").to_lowercase();
            }
        }
        notes
    }

    fn show(&mut self) {
        self.version += 1;
        let state = &self.state;
        self.ids.clear();
        self.ids.extend(state.calls.keys());
        self.registrations = state.registrations.values().cloned().collect();
        self.gateways = state.gateways.values().cloned().collect();
        self.upstreams = state.upstreams.values().cloned().collect();
    }

    pub fn is_frozen(&self) -> bool {
        self.still.is_some()
    }

    /// Lets the table stand still, or go on.
    pub fn freeze(&mut self, frozen: bool, now_ms: i64) {
        self.still = frozen.then(|| Still {
            calls: self.state.calls.clone(),
            now_ms: now_ms + self.clock_ahead_ms,
        });
        if !frozen {
            self.show();
        }
    }

    pub fn clear(&mut self) {
        *self = Self {
            version: self.version + 1,
            ..Self::default()
        };
    }

    /// The table's rows, at the switch's time.
    pub fn calls(&self, now_ms: i64) -> CallRows<'_> {
        let still = self.still.as_ref();
        CallRows {
            calls: still.map_or(&self.state.calls, |still| &still.calls),
            ids: &self.ids,
            notes: &self.notes,
            now_ms: still.map_or(now_ms + self.clock_ahead_ms, |still| still.now_ms),
        }
    }

    pub fn registrations(&self) -> &[Registration] {
        &self.registrations
    }

    pub fn gateways(&self) -> &[GatewayStatus] {
        &self.gateways
    }

    pub fn upstreams(&self) -> &[UpstreamStatus] {
        &self.upstreams
    }

    pub fn call(&self, id: CallId) -> Option<&LiveCall> {
        self.state.calls.get(&id)
    }
}

/// What a filter looks through.
fn searched(call: &LiveCall) -> [&str; 7] {
    [
        &call.caller,
        &call.dialled,
        &call.account_name,
        &call.target_name,
        &call.destination,
        call.codec.as_deref().unwrap_or_default(),
        state(call.state).0,
    ]
}

pub fn state(state: CallState) -> (&'static str, Tone) {
    match state {
        CallState::Authorising => ("Authorising", Tone::Weak),
        CallState::Routing => ("Routing", Tone::Weak),
        CallState::Trying => ("Trying", Tone::Info),
        CallState::Ringing => ("Ringing", Tone::Info),
        CallState::EarlyMedia => ("Early media", Tone::Info),
        CallState::Answered => ("Talking", Tone::Good),
        CallState::Ending => ("Ending", Tone::Warn),
    }
}

const CALLS: [Column; 14] = [
    Column::left("State", 10),
    Column::left("Account", 13),
    Column::left("Caller", 13),
    Column::left("Dialled", 14),
    Column::left("Destination", 18),
    Column::left("Target", 14),
    Column::right("Duration", 8),
    Column::right("Per minute", 9),
    Column::right("Charge", 9),
    Column::right("Margin", 9),
    Column::left("Codec", 7),
    Column::right("Loss", 6),
    Column::right("Jitter", 7),
    Column::left("Quality", 15),
];

impl CallRows<'_> {
    pub fn get(&self, row: usize) -> Option<&LiveCall> {
        self.calls.get(self.ids.get(row)?)
    }

    /// Whole seconds since the answer, or since the INVITE while it rings.
    pub fn seconds(&self, call: &LiveCall) -> i64 {
        (self.now_ms - call.answered_at.unwrap_or(call.started_at).0).max(0) / 1000
    }

    /// Charge as it runs, micro-units: it stands still until the block under way ends, then grows by the price.
    pub fn charge(&self, call: &LiveCall) -> i64 {
        let (charge, over_ms) = (call.money.charge.0, self.since_block_ms(call));
        let grown = i128::from(call.money.price_per_minute.0) * i128::from(over_ms) / 60_000;
        charge.saturating_add(i64::try_from(grown).unwrap_or_default())
    }

    /// Margin as it runs: it keeps its share of the charge until the switch speaks again.
    pub fn margin(&self, call: &LiveCall) -> Option<i64> {
        let (margin, charge) = (call.money.margin?.0, call.money.charge.0);
        if charge <= 0 {
            return Some(margin);
        }
        let scaled = i128::from(margin) * i128::from(self.charge(call)) / i128::from(charge);
        i64::try_from(scaled).ok()
    }

    /// Milliseconds that an answered call has run past the block its charge is for.
    fn since_block_ms(&self, call: &LiveCall) -> i64 {
        let (Some(answered), CallState::Answered) = (call.answered_at, call.state) else {
            return 0;
        };
        let updated = self
            .notes
            .get(&call.call)
            .map_or(self.now_ms, |note| note.updated_ms);
        let paid_ms = i64::try_from(call.money.charged_until_s)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000);
        let from = updated.max(answered.0.saturating_add(paid_ms));
        (self.now_ms - from).clamp(0, 60_000)
    }

    fn loss(call: &LiveCall) -> Option<u64> {
        let (a, b) = (call.media_a, call.media_b);
        let (lost, all) = (a.lost + b.lost, a.lost + b.lost + a.packets + b.packets);
        lost.saturating_mul(1000).checked_div(all)
    }

    /// The worse side's estimate.
    fn mos_x100(call: &LiveCall) -> Option<u16> {
        let both = [call.media_a.mos_x100, call.media_b.mos_x100];
        both.into_iter().flatten().min()
    }

    /// Who is not heard, else how good it sounds.
    fn quality(call: &LiveCall) -> Cell<'static> {
        let silent = |unheard_s: u32| unheard_s > 0;
        let (a, b) = (call.media_a.unheard_s, call.media_b.unheard_s);
        match (silent(a), silent(b), Self::mos_x100(call)) {
            (true, false, _) => Cell::toned("Caller not heard", Tone::Bad),
            (false, true, _) => Cell::toned("Callee not heard", Tone::Bad),
            (true, true, _) => Cell::toned("Gaps both ways", Tone::Bad),
            (false, false, Some(mos)) => {
                let tone = match mos {
                    0..=309 => Tone::Bad,
                    310..=359 => Tone::Warn,
                    _ => Tone::Good,
                };
                Cell::toned(format::hundredths(mos), tone)
            }
            (false, false, None) => Cell::toned("–", Tone::Weak),
        }
    }

    fn jitter_us(call: &LiveCall) -> u32 {
        call.media_a.jitter_us.max(call.media_b.jitter_us)
    }
}

impl Rows for CallRows<'_> {
    fn columns(&self) -> &[Column] {
        &CALLS
    }

    fn len(&self) -> usize {
        self.ids.len()
    }

    fn key(&self, row: usize) -> Cow<'_, str> {
        self.ids
            .get(row)
            .map(ToString::to_string)
            .unwrap_or_default()
            .into()
    }

    fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some(call) = self.get(row) else {
            return Cell::empty();
        };
        match column {
            0 => {
                let (text, tone) = state(call.state);
                if call.recorded {
                    Cell::toned(format!("{text} {}", "⏺"), tone)
                } else {
                    Cell::toned(text, tone)
                }
            }
            1 => Cell::new(&*call.account_name),
            2 => Cell::new(&*call.caller),
            3 => Cell::new(&*call.dialled),
            4 => Cell::new(&*call.destination),
            5 => Cell::new(&*call.target_name),
            6 => Cell::new(format::duration(self.seconds(call))),
            7 => Cell::new(format::money(call.money.price_per_minute.0, 6)),
            8 => Cell::new(format::money(self.charge(call), 6)),
            9 => match self.margin(call) {
                Some(margin) if margin < 0 => Cell::toned(format::money(margin, 6), Tone::Bad),
                Some(margin) => Cell::toned(format::money(margin, 6), Tone::Good),
                None => Cell::toned("–", Tone::Weak),
            },
            10 => Cell::new(format::codecs(
                call.codec.as_deref(),
                call.codec_b.as_deref(),
            )),
            11 => match Self::loss(call) {
                Some(mille) => {
                    let tone = if mille >= 20 { Tone::Bad } else { Tone::Normal };
                    Cell::toned(format!("{}.{}%", mille / 10, mille % 10), tone)
                }
                None => Cell::toned("–", Tone::Weak),
            },
            12 => Cell::new(format!("{} ms", Self::jitter_us(call) / 1000)),
            13 => Self::quality(call),
            _ => Cell::empty(),
        }
    }

    fn order(&self, row: usize, column: usize) -> Order<'_> {
        let Some(call) = self.get(row) else {
            return Order::Number(0);
        };
        match column {
            0 => Order::Number(call.state as i64),
            6 => Order::Number(self.seconds(call)),
            7 => Order::Number(call.money.price_per_minute.0),
            8 => Order::Number(self.charge(call)),
            9 => Order::Number(self.margin(call).unwrap_or(i64::MIN)),
            11 => Order::Number(
                Self::loss(call)
                    .and_then(|loss| i64::try_from(loss).ok())
                    .unwrap_or(-1),
            ),
            12 => Order::Number(i64::from(Self::jitter_us(call))),
            13 => Order::Number(Self::mos_x100(call).map_or(-1, i64::from)),
            _ => Order::Text(self.cell(row, column).text),
        }
    }

    fn haystack(&self, row: usize) -> Cow<'_, str> {
        let note = self.ids.get(row).and_then(|id| self.notes.get(id));
        note.map_or("", |note| note.haystack.as_str()).into()
    }
}

/// Registered phones; `now_ms` is the switch's.
pub struct RegistrationRows<'a> {
    pub rows: &'a [Registration],
    pub now_ms: i64,
    pub account: &'a dyn Fn(i64) -> String,
}

const REGISTRATIONS: [Column; 7] = [
    Column::left("Phone", 18),
    Column::left("Account", 18),
    Column::left("Contact", 34),
    Column::left("Source", 22),
    Column::left("Transport", 10),
    Column::left("Software", 26),
    Column::right("Expires in", 11),
];

impl Rows for RegistrationRows<'_> {
    fn columns(&self) -> &[Column] {
        &REGISTRATIONS
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn key(&self, row: usize) -> Cow<'_, str> {
        self.rows
            .get(row)
            .map(|r| format!("{} {}", r.username, r.contact))
            .unwrap_or_default()
            .into()
    }

    fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some(r) = self.rows.get(row) else {
            return Cell::empty();
        };
        match column {
            0 => Cell::new(&*r.username),
            1 => Cell::new((self.account)(r.account.0)),
            2 => Cell::new(&*r.contact),
            3 => Cell::new(&*r.source),
            4 => Cell::new(r.transport.to_uppercase()),
            5 => Cell::new(&*r.user_agent),
            6 => {
                let left = (r.expires_at.0 - self.now_ms) / 1000;
                Cell::toned(
                    format::duration(left),
                    if left < 30 { Tone::Warn } else { Tone::Normal },
                )
            }
            _ => Cell::empty(),
        }
    }

    fn order(&self, row: usize, column: usize) -> Order<'_> {
        match (column, self.rows.get(row)) {
            (6, Some(r)) => Order::Number(r.expires_at.0),
            _ => Order::Text(self.cell(row, column).text),
        }
    }

    fn haystack(&self, row: usize) -> Cow<'_, str> {
        let text = (0..6).map(|column| self.cell(row, column).text.to_lowercase());
        text.collect::<Vec<_>>().join(" ").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_protocol::{
        Micros, UtcMs,
        live::{LiveDelta, LiveMoney, LiveSnapshot},
    };

    fn call(id: i64, charge: i64) -> LiveCall {
        LiveCall {
            call: CallId(id),
            state: CallState::Answered,
            caller: "100".into(),
            dialled: "4420".into(),
            account: None,
            account_name: "Acme".into(),
            gateway: None,
            target_name: "carrier".into(),
            destination: "UK".into(),
            codec: None,
            codec_b: None,
            started_at: UtcMs(0),
            answered_at: Some(UtcMs(10_000)),
            money: LiveMoney {
                currency: "EUR".into(),
                price_per_minute: Micros(60_000),
                charge: Micros(charge),
                cost: Some(Micros(charge / 2)),
                margin: Some(Micros(charge / 2)),
                paid_until_s: 60,
                charged_until_s: 10,
            },
            recorded: false,
            media_a: Default::default(),
            media_b: Default::default(),
        }
    }

    fn snapshot(calls: Vec<LiveCall>) -> FeedEvent {
        FeedEvent::Snapshot(Box::new(LiveSnapshot {
            seq: 1,
            calls,
            ..LiveSnapshot::default()
        }))
    }

    #[test]
    fn money_runs_between_updates_and_the_switch_has_the_last_word() {
        let mut live = Live::default();
        assert!(!live.take(snapshot(vec![call(1, 10_000)]), 20_000));
        for (now, duration, charge, margin) in [
            (20_000, "0:10", "0.010000", "0.005000"),
            (21_000, "0:11", "0.011000", "0.005500"),
            (25_500, "0:15", "0.015500", "0.007750"),
        ] {
            let rows = live.calls(now);
            assert_eq!(
                (rows.cell(0, 6).text, rows.cell(0, 8).text),
                (duration.into(), charge.into())
            );
            assert_eq!(rows.cell(0, 9).text, margin);
        }
        let delta = LiveDelta {
            from: 1,
            to: 2,
            calls: vec![call(1, 15_000)],
            ..LiveDelta::default()
        };
        assert!(!live.take(FeedEvent::Delta(Box::new(delta)), 25_500));
        assert_eq!(live.calls(25_500).cell(0, 8).text, "0.015000");
    }

    #[test]
    fn who_is_not_heard_stands_before_how_it_sounds() {
        for (a, b, expected, tone) in [
            ((None, 0), (None, 0), "–", Tone::Weak),
            ((Some(437), 0), (Some(342), 0), "3.42", Tone::Warn),
            ((Some(437), 0), (None, 0), "4.37", Tone::Good),
            (
                (Some(437), 12),
                (Some(437), 0),
                "Caller not heard",
                Tone::Bad,
            ),
            ((Some(437), 0), (None, 12), "Callee not heard", Tone::Bad),
        ] {
            let mut one = call(1, 0);
            (one.media_a.mos_x100, one.media_a.unheard_s) = a;
            (one.media_b.mos_x100, one.media_b.unheard_s) = b;
            let mut live = Live::default();
            live.take(snapshot(vec![one]), 0);
            let cell = live.calls(0).cell(0, 13).text.into_owned();
            let toned = CallRows::quality(live.calls(0).get(0).expect("a call")).tone;
            assert_eq!((cell.as_str(), toned), (expected, tone));
        }
    }

    #[test]
    fn a_charge_stands_still_within_its_block() {
        let mut live = Live::default();
        let mut minute = call(1, 60_000);
        minute.money.charged_until_s = 60;
        live.take(snapshot(vec![minute]), 20_000);
        for (now, charge, margin) in [
            (20_000, "0.060000", "0.030000"),
            (69_999, "0.060000", "0.030000"),
            (71_000, "0.061000", "0.030500"),
        ] {
            let rows = live.calls(now);
            assert_eq!(
                (rows.cell(0, 8).text, rows.cell(0, 9).text),
                (charge.into(), margin.into()),
                "{now}"
            );
        }
    }

    #[test]
    fn a_gap_asks_for_a_snapshot_and_frozen_tables_stand_still() {
        let mut live = Live::default();
        live.take(snapshot(vec![call(1, 0)]), 0);
        let later = LiveDelta {
            from: 5,
            to: 6,
            ..LiveDelta::default()
        };
        assert!(live.take(FeedEvent::Delta(Box::new(later)), 0));
        live.freeze(true, 0);
        let version = live.version;
        let two = LiveDelta {
            from: 1,
            to: 2,
            calls: vec![call(2, 0)],
            ..LiveDelta::default()
        };
        live.take(FeedEvent::Delta(Box::new(two)), 100);
        assert_eq!((live.calls(100).len(), live.version), (1, version));
        live.freeze(false, 100);
        assert_eq!(live.calls(100).len(), 2);
        assert!(live.calls(100).haystack(1).contains("acme"));
    }
}
