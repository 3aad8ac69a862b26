//! The fake switch's memory: rows as the wire has them, lists paged, sorted and filtered as the protocol says.

use super::{live, sample};
use crate::resource::{at, int_at};
use serde_json::{Value, json};
use std::{cmp::Ordering, collections::BTreeMap};
use tandem_protocol::{
    CallId, ErrorCode, Filter, ListParams, Op, RpcError,
    live::{
        CallGone, CallState, Counters, GatewayStatus, LiveCall, LiveDelta, LiveSnapshot,
        Registration,
    },
};

/// See the module.
#[derive(Debug)]
pub struct Store {
    pub tables: BTreeMap<&'static str, Vec<Value>>,
    pub settings: Vec<Value>,
    pub calls: Vec<LiveCall>,
    pub registrations: Vec<Registration>,
    pub gateways: Vec<GatewayStatus>,
    pub counters: Counters,
    pub traces: Vec<tandem_protocol::sip_trace::SipTrace>,
    seq: u64,
    next_id: i64,
}

impl Store {
    pub fn new(calls: usize, now_ms: i64) -> Self {
        let calls = live::calls(calls, now_ms);
        let registrations = live::registrations(now_ms);
        let counters = Counters {
            calls: u32::try_from(calls.len()).unwrap_or_default(),
            ringing: u32::try_from(
                calls
                    .iter()
                    .filter(|c| c.state == CallState::Ringing)
                    .count(),
            )
            .unwrap_or_default(),
            connected: u32::try_from(
                calls
                    .iter()
                    .filter(|c| c.state == CallState::Answered)
                    .count(),
            )
            .unwrap_or_default(),
            registrations: u32::try_from(registrations.len()).unwrap_or_default(),
            attempts: 48_211,
            answered: 22_904,
            refused: 1_207,
            answered_ms: 22_904 * 184_000,
            pdd_ms_sum: 48_211 * 1_850,
            messages_in: 391_022,
            messages_out: 402_118,
            rejected: 87,
            dropped: 1_904,
            one_way: 12,
            blocked_sources: 3,
            ignored: 48_211,
            blocks: 17,
            transcoded: 31,
            coding_percent: 12,
            challenged: 30_118,
        };
        Self {
            tables: sample::tables(now_ms),
            settings: sample::settings(),
            calls,
            registrations,
            gateways: live::gateway_status(),
            counters,
            traces: Vec::new(),
            seq: 1,
            next_id: 1_000,
        }
    }

    pub fn snapshot(&self) -> LiveSnapshot {
        LiveSnapshot {
            seq: self.seq,
            calls: self.calls.clone(),
            registrations: self.registrations.clone(),
            gateways: self.gateways.clone(),
            upstreams: super::upstreams::status(),
            counters: self.counters.clone(),
        }
    }

    /// A second later: charges grow, ringing calls are answered.
    pub fn advance(&mut self, now_ms: i64) -> LiveDelta {
        for call in &mut self.calls {
            live::run_on(call, now_ms);
        }
        self.delta(self.calls.clone(), Vec::new())
    }

    pub fn hang_up(&mut self, id: i64) -> Result<LiveDelta, RpcError> {
        let before = self.calls.len();
        self.calls.retain(|call| call.call.0 != id);
        if self.calls.len() == before {
            return Err(RpcError::new(
                ErrorCode::NotFound,
                format!("call {id} has ended"),
            ));
        }
        self.counters.calls = u32::try_from(self.calls.len()).unwrap_or_default();
        let gone = CallGone {
            call: CallId(id),
            cause: "operator.hangup".into(),
        };
        Ok(self.delta(Vec::new(), vec![gone]))
    }

    fn delta(&mut self, calls: Vec<LiveCall>, calls_gone: Vec<CallGone>) -> LiveDelta {
        let from = self.seq;
        self.seq += 1;
        LiveDelta {
            from,
            to: self.seq,
            calls,
            calls_gone,
            counters: Some(self.counters.clone()),
            ..LiveDelta::default()
        }
    }

    pub fn list(&self, table: &str, params: &ListParams) -> Result<Value, RpcError> {
        let rows = self.table(table)?;
        let found = |row: &&Value| {
            params.filter.iter().all(|filter| holds(row, filter))
                && contains(row, &params.search.to_lowercase())
        };
        let mut rows: Vec<&Value> = rows.iter().filter(found).collect();
        for sort in params.sort.iter().rev() {
            rows.sort_by(|a, b| {
                let order = compare(find(a, &sort.field), find(b, &sort.field));
                if sort.descending {
                    order.reverse()
                } else {
                    order
                }
            });
        }
        let total = rows.len();
        let offset = usize::try_from(params.offset).unwrap_or(usize::MAX);
        let rows: Vec<&Value> = rows
            .into_iter()
            .skip(offset)
            .take(params.limit as usize)
            .collect();
        Ok(json!({ "rows": rows, "total": total, "offset": params.offset }))
    }

    fn table(&self, table: &str) -> Result<&Vec<Value>, RpcError> {
        self.tables
            .get(table)
            .ok_or_else(|| RpcError::new(ErrorCode::NoMethod, format!("no such table: {table}")))
    }

    pub fn get(&self, table: &str, id: i64) -> Result<Value, RpcError> {
        let missing = || RpcError::new(ErrorCode::NotFound, format!("{table} {id} does not exist"));
        let key = if table == "cdr" { "call" } else { "id" };
        self.table(table)?
            .iter()
            .find(|row| int_at(row, key) == id)
            .cloned()
            .ok_or_else(missing)
    }

    pub fn create(&mut self, table: &'static str, edit: Value) -> Result<Value, RpcError> {
        self.next_id += 1;
        let mut row = json!({ "id": self.next_id, "revision": "r1", "edit": edit });
        for (key, value) in sample::extras(table) {
            row[key] = value;
        }
        self.tables.entry(table).or_default().push(row.clone());
        Ok(row)
    }

    /// All numbers from the edit's to the last one.
    pub fn add_range(&mut self, table: &'static str, params: &Value) -> Result<Value, RpcError> {
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<u64>().ok());
        let ends = number(&params["edit"]["number"]).zip(number(&params["last"]));
        let (from, to) = ends.ok_or_else(|| RpcError::invalid("last", "is no number"))?;
        for number in from..=to {
            let mut edit = params["edit"].clone();
            edit["number"] = number.to_string().into();
            self.create(table, edit)?;
        }
        Ok(json!({ "count": to.saturating_sub(from) + 1 }))
    }

    pub fn update(&mut self, table: &str, params: &Value) -> Result<Value, RpcError> {
        let id = int_at(params, "id");
        let rows = self.tables.get_mut(table);
        let row = rows.and_then(|rows| rows.iter_mut().find(|row| int_at(row, "id") == id));
        let Some(row) = row else {
            return Err(RpcError::new(
                ErrorCode::NotFound,
                format!("{table} {id} does not exist"),
            ));
        };
        if params.get("revision") != row.get("revision") {
            return Err(RpcError::new(
                ErrorCode::Conflict,
                format!("{table} {id} was changed by somebody else"),
            ));
        }
        row["edit"] = params["edit"].clone();
        row["revision"] = format!("{}+", row["revision"].as_str().unwrap_or_default()).into();
        Ok(row.clone())
    }

    pub fn delete(&mut self, table: &str, id: i64) -> Result<Value, RpcError> {
        self.get(table, id)?;
        if let Some(rows) = self.tables.get_mut(table) {
            rows.retain(|row| int_at(row, "id") != id);
        }
        Ok(json!({}))
    }
}

/// A field by its last step, wherever it stands in the row.
fn find<'a>(row: &'a Value, field: &str) -> Option<&'a Value> {
    if let Some(value) = at(row, field).or_else(|| at(row.get("edit")?, field)) {
        return Some(value);
    }
    let map = row.as_object()?;
    map.values()
        .filter(|value| value.is_object())
        .find_map(|value| find(value, field))
}

/// Whether any text of the row holds the words searched for.
fn contains(row: &Value, text: &str) -> bool {
    match row {
        Value::String(value) => value.to_lowercase().contains(text),
        Value::Array(items) => items.iter().any(|item| contains(item, text)),
        Value::Object(map) => map.values().any(|item| contains(item, text)),
        _ => text.is_empty(),
    }
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.as_i64().cmp(&b.as_i64()),
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        (Some(Value::Null) | None, Some(Value::Null) | None) => Ordering::Equal,
        (Some(Value::Null) | None, _) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

fn holds(row: &Value, filter: &Filter) -> bool {
    let value = find(row, &filter.field);
    let text = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase()
    };
    let wanted = filter.value.as_str().unwrap_or_default().to_lowercase();
    let order = compare(value, Some(&filter.value));
    match filter.op {
        Op::Eq => value == Some(&filter.value),
        Op::Ne => value != Some(&filter.value),
        Op::Lt => order == Ordering::Less,
        Op::Le => order != Ordering::Greater,
        Op::Gt => order == Ordering::Greater,
        Op::Ge => order != Ordering::Less,
        Op::Contains => text(value).contains(&wanted),
        Op::StartsWith => text(value).starts_with(&wanted),
        Op::In => filter
            .value
            .as_array()
            .is_some_and(|list| value.is_some_and(|value| list.contains(value))),
    }
}
