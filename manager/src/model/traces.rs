//! SIP traces: those there are, the one that is open with its messages, and a new one as typed.

use super::{
    Model,
    answer::Purpose,
    format,
    names::home,
    notice::Level,
    request::{Requests, Slot},
    screen::Screen,
    table::{Cell, Column, Order, Rows, TableState},
};
use crate::{resource::View, theme::Tone, transport::Ask};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use std::borrow::Cow;
use tandem_protocol::{
    AccountId, CallId, GatewayId, RpcError, TraceId,
    sip_trace::{
        SipTrace, TraceDirection, TraceExportParams, TraceFile, TraceFormat, TraceMessage,
        TraceMessages, TraceReadParams, TraceRef, TraceSecrets, TraceStartParams, TraceSubject,
    },
};

/// Messages of a trace on screen; beyond it the oldest go, as they do on the switch.
const MOST: usize = 20_000;
/// Messages asked for at once.
const PAGE: u32 = 500;
/// Seconds that what is chosen elsewhere is followed.
const FOLLOWED_S: u32 = 600;
/// What a switch keeps of a trace, unless told otherwise.
const BYTES: u32 = 1 << 20;

/// Whose trace to begin, as typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    #[default]
    Account,
    Gateway,
    Address,
}

impl Whose {
    pub const ALL: [Self; 3] = [Self::Account, Self::Gateway, Self::Address];

    pub fn title(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::Gateway => "Gateway",
            Self::Address => "Address",
        }
    }
}

/// A trace to begin, as typed.
#[derive(Debug)]
pub struct NewTrace {
    pub whose: Whose,
    pub account: Option<i64>,
    pub gateway: Option<i64>,
    pub address: String,
    pub minutes: String,
    pub secrets: bool,
    pub fault: Option<String>,
}

impl Default for NewTrace {
    fn default() -> Self {
        Self {
            whose: Whose::Account,
            account: None,
            gateway: None,
            address: String::new(),
            minutes: "10".into(),
            secrets: false,
            fault: None,
        }
    }
}

impl NewTrace {
    /// # Errors
    /// Says which field is wrong.
    pub fn params(&self) -> Result<TraceStartParams, String> {
        let subject = match self.whose {
            Whose::Account => {
                TraceSubject::Account(AccountId(self.account.ok_or("Account: is needed")?))
            }
            Whose::Gateway => {
                TraceSubject::Gateway(GatewayId(self.gateway.ok_or("Gateway: is needed")?))
            }
            Whose::Address => {
                let address = self.address.trim().parse();
                TraceSubject::Source(
                    address.map_err(|_| "Address: such as 192.0.2.7 or 2001:db8::7, no port")?,
                )
            }
        };
        let minutes: u32 = self
            .minutes
            .trim()
            .parse()
            .ok()
            .filter(|minutes| (1..=1_440).contains(minutes))
            .ok_or("Minutes: a whole number, 1 to 1440")?;
        Ok(TraceStartParams {
            subject,
            seconds: minutes * 60,
            bytes: BYTES,
            secrets: if self.secrets {
                TraceSecrets::Kept
            } else {
                TraceSecrets::Masked
            },
        })
    }
}

/// See the module.
#[derive(Debug)]
pub struct Traces {
    pub list: Slot<Vec<SipTrace>>,
    pub table: TableState,
    pub form: NewTrace,
    /// The trace whose messages show.
    pub open: Option<TraceId>,
    pub messages: Vec<TraceMessage>,
    pub message_table: TableState,
    /// Counts changes of list and messages.
    pub version: u64,
    asked_ms: i64,
    reading: bool,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            list: Slot::default(),
            table: TableState::sorted(0, true),
            form: NewTrace::default(),
            open: None,
            messages: Vec::new(),
            message_table: TableState::sorted(0, false),
            version: 0,
            asked_ms: 0,
            reading: false,
        }
    }
}

impl Traces {
    /// Milliseconds between questions while the screen shows.
    pub const EVERY_MS: i64 = 1_000;

    pub fn rows(&self) -> &[SipTrace] {
        self.list.value().map(Vec::as_slice).unwrap_or_default()
    }

    /// The trace whose messages show.
    pub fn opened(&self) -> Option<&SipTrace> {
        let open = self.open?;
        self.rows().iter().find(|trace| trace.id == open)
    }

    fn show(&mut self, id: Option<TraceId>) {
        if self.open == id {
            return;
        }
        self.open = id;
        self.messages.clear();
        self.message_table = Self::default().message_table;
        self.version += 1;
        self.asked_ms = 0;
        self.reading = false;
    }

    fn take(&mut self, read: TraceMessages) {
        if self.open != Some(read.trace.id) {
            return;
        }
        self.reading = false;
        self.version += 1;
        let last = self.messages.last().map_or(0, |message| message.number);
        let newer = read.messages.into_iter();
        self.messages
            .extend(newer.filter(|message| message.number > last));
        let over = self.messages.len().saturating_sub(MOST);
        self.messages.drain(..over);
    }

    /// Asks for the list, and for what is new in the trace that is open.
    pub(super) fn ask(&mut self, now_ms: i64, requests: &mut Requests<Purpose>) {
        if now_ms - self.asked_ms < Self::EVERY_MS {
            return;
        }
        self.asked_ms = now_ms;
        if !self.list.is_loading() {
            let generation = self.list.begin();
            requests.call("sip_trace.list", json!({}), Purpose::Traces(generation));
        }
        self.read(requests);
    }

    /// At the next occasion.
    pub fn ask_now(&mut self) {
        self.asked_ms = 0;
    }

    fn read(&mut self, requests: &mut Requests<Purpose>) {
        let Some(id) = self.open.filter(|_| !self.reading) else {
            return;
        };
        self.reading = true;
        let params = TraceReadParams {
            id,
            after: self.messages.last().map_or(0, |message| message.number),
            limit: PAGE,
        };
        requests.call("sip_trace.read", json!(params), Purpose::TraceRead(id));
    }

    /// Shows the messages of the trace with this row key.
    pub fn show_row(&mut self, key: Option<&str>) {
        self.show(key.and_then(|key| key.parse().ok()).map(TraceId));
    }

    /// Begins the trace of the form.
    pub fn begin(&mut self, requests: &mut Requests<Purpose>) {
        match self.form.params() {
            Ok(params) => {
                self.form.fault = None;
                requests.call("sip_trace.start", json!(params), Purpose::TraceBegun);
            }
            Err(fault) => self.form.fault = Some(fault),
        }
    }

    /// Stops or deletes the open trace.
    pub fn change(&self, method: &'static str, requests: &mut Requests<Purpose>) {
        if let Some(id) = self.open {
            let purpose = Purpose::TraceChanged(method);
            requests.call(method, json!(TraceRef { id }), purpose);
        }
    }

    /// Makes a file of the open trace.
    pub fn export(&self, format: TraceFormat, requests: &mut Requests<Purpose>) {
        if let Some(id) = self.open {
            let params = TraceExportParams { id, format };
            requests.call("sip_trace.export", json!(params), Purpose::TraceFile);
        }
    }
}

/// Begins a trace of what is chosen on another screen.
pub fn follow(subject: TraceSubject, requests: &mut Requests<Purpose>) {
    let params = TraceStartParams {
        subject,
        seconds: FOLLOWED_S,
        bytes: BYTES,
        secrets: TraceSecrets::Masked,
    };
    requests.call("sip_trace.start", json!(params), Purpose::TraceBegun);
}

/// What a row of a screen would be followed as.
pub fn subject_of(screen: Screen, key: &str) -> Option<TraceSubject> {
    let id: i64 = key.parse().ok()?;
    match screen {
        Screen::LiveCalls => Some(TraceSubject::Call(CallId(id))),
        Screen::GatewayStatus => Some(TraceSubject::Gateway(GatewayId(id))),
        Screen::Records(view) => match home(view) {
            View::Gateways => Some(TraceSubject::Gateway(GatewayId(id))),
            View::Accounts => Some(TraceSubject::Account(AccountId(id))),
            _ => None,
        },
        _ => None,
    }
}

impl Model {
    pub(super) fn traces_listed(
        &mut self,
        generation: u64,
        result: Result<Vec<SipTrace>, RpcError>,
    ) {
        let traces = &mut self.tools.traces;
        traces.list.finish(generation, result);
        traces.version += 1;
        if let Some(opened) = traces.opened() {
            traces.table.selected = [opened.id.to_string()].into();
        }
        for trace in traces.rows() {
            match trace.subject {
                TraceSubject::Account(id) => self.names.want(View::Accounts, id.0),
                TraceSubject::Gateway(id) => self.names.want(View::Gateways, id.0),
                TraceSubject::Call(_) | TraceSubject::Source(_) => {}
            }
        }
    }

    pub(super) fn trace_begun(&mut self, result: Result<SipTrace, RpcError>) {
        match result {
            Ok(trace) => {
                self.tools.traces.show(Some(trace.id));
                self.screen = Screen::Traces;
                self.notify(Level::Good, format!("Trace {} has begun", trace.id));
            }
            Err(error) => self.notify(Level::Bad, format!("No trace was begun: {error}")),
        }
    }

    pub(super) fn trace_read(&mut self, id: TraceId, result: Result<TraceMessages, RpcError>) {
        let traces = &mut self.tools.traces;
        match result {
            Ok(read) => {
                let more = read.messages.len() == PAGE as usize;
                traces.take(read);
                if more {
                    traces.read(&mut self.requests);
                }
            }
            // It was deleted, or the switch was started anew.
            Err(error) if traces.open == Some(id) => {
                traces.show(None);
                self.notify(Level::Warn, format!("Trace {id}: {error}"));
            }
            Err(_) => {}
        }
    }

    pub(super) fn trace_changed(
        &mut self,
        method: &str,
        result: Result<serde_json::Value, RpcError>,
    ) {
        self.tools.traces.ask_now();
        match result {
            Ok(_) if method == "sip_trace.delete" => {
                self.tools.traces.show(None);
                self.notify(Level::Good, "The trace is deleted");
            }
            Ok(_) => self.notify(Level::Good, "The trace has ended; what it kept stays"),
            Err(error) => self.notify(Level::Bad, error.to_string()),
        }
    }

    pub(super) fn trace_file(&mut self, result: Result<TraceFile, RpcError>) {
        match result.map_err(|error| error.to_string()).and_then(decode) {
            Ok((name, contents)) => self.requests.ask(Ask::SaveFile { name, contents }),
            Err(fault) => self.notify(Level::Bad, fault),
        }
    }
}

fn decode(file: TraceFile) -> Result<(String, Vec<u8>), String> {
    let contents = BASE64_STANDARD.decode(file.base64);
    let contents = contents.map_err(|error| format!("unreadable file: {error}"))?;
    Ok((file.name, contents))
}

/// Traces as rows; `subject` says whose one is.
pub struct TraceRows<'a> {
    pub rows: &'a [SipTrace],
    pub subject: &'a dyn Fn(TraceSubject) -> String,
}

const TRACES: [Column; 8] = [
    Column::right("No.", 6),
    Column::left("Whose", 26),
    Column::left("State", 12),
    Column::left("Begun", 19),
    Column::left("Ends", 19),
    Column::right("Messages", 10),
    Column::right("Bytes", 11),
    Column::left("By", 14),
];

impl Rows for TraceRows<'_> {
    fn columns(&self) -> &[Column] {
        &TRACES
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn key(&self, row: usize) -> Cow<'_, str> {
        let trace = self.rows.get(row);
        trace
            .map(|trace| trace.id.to_string())
            .unwrap_or_default()
            .into()
    }

    fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some(trace) = self.rows.get(row) else {
            return Cell::empty();
        };
        match column {
            0 => Cell::new(trace.id.to_string()),
            1 => Cell::new((self.subject)(trace.subject)),
            2 if trace.running => Cell::toned("▶ running", Tone::Good),
            2 => Cell::toned("ended", Tone::Weak),
            3 => Cell::new(format::time(trace.from.0)),
            4 => Cell::new(format::time(trace.until.0)),
            5 => match trace.dropped {
                0 => Cell::new(format::grouped(trace.messages.into())),
                dropped => Cell::toned(format!("{} (-{dropped})", trace.messages), Tone::Warn),
            },
            6 => Cell::new(format::grouped(trace.bytes.into())),
            7 => Cell::new(&*trace.by),
            _ => Cell::empty(),
        }
    }

    fn order(&self, row: usize, column: usize) -> Order<'_> {
        match (column, self.rows.get(row)) {
            (0, Some(trace)) => Order::Number(trace.id.0),
            (3, Some(trace)) => Order::Number(trace.from.0),
            (4, Some(trace)) => Order::Number(trace.until.0),
            (5, Some(trace)) => Order::Number(trace.messages.into()),
            (6, Some(trace)) => Order::Number(trace.bytes.into()),
            _ => Order::Text(self.cell(row, column).text),
        }
    }

    fn haystack(&self, row: usize) -> Cow<'_, str> {
        self.cell(row, 1).text.to_lowercase().into()
    }
}

/// Messages of a trace as rows.
pub struct MessageRows<'a>(pub &'a [TraceMessage]);

const MESSAGES: [Column; 7] = [
    Column::right("No.", 6),
    Column::left("Time", 12),
    Column::left("Way", 6),
    Column::left("Message", 34),
    Column::left("Peer", 23),
    Column::left("Over", 6),
    Column::right("Call", 8),
];

impl Rows for MessageRows<'_> {
    fn columns(&self) -> &[Column] {
        &MESSAGES
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn key(&self, row: usize) -> Cow<'_, str> {
        let message = self.0.get(row);
        message
            .map(|message| message.number.to_string())
            .unwrap_or_default()
            .into()
    }

    fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some(message) = self.0.get(row) else {
            return Cell::empty();
        };
        match column {
            0 => Cell::new(message.number.to_string()),
            1 => Cell::new(format::clock_ms(message.at.0)),
            2 => match message.direction {
                TraceDirection::In => Cell::toned("⬅ in", Tone::Info),
                TraceDirection::Out => Cell::toned("➡ out", Tone::Normal),
            },
            3 => Cell::toned(&*message.summary, tone_of(&message.summary)),
            4 => Cell::new(&*message.remote),
            5 => Cell::new(&*message.transport),
            6 => Cell::new(
                message
                    .call
                    .map(|call| call.to_string())
                    .unwrap_or_default(),
            ),
            _ => Cell::empty(),
        }
    }

    fn order(&self, row: usize, column: usize) -> Order<'_> {
        match (column, self.0.get(row)) {
            (0, Some(message)) => Order::Number(i64::try_from(message.number).unwrap_or(i64::MAX)),
            (1, Some(message)) => Order::Number(message.at.0),
            (6, Some(message)) => Order::Number(message.call.map_or(0, |call| call.0)),
            _ => Order::Text(self.cell(row, column).text),
        }
    }

    fn haystack(&self, row: usize) -> Cow<'_, str> {
        let message = self.0.get(row);
        message
            .map(|message| message.text.to_lowercase())
            .unwrap_or_default()
            .into()
    }
}

/// Answers have the tone of their class; a challenge is no fault.
fn tone_of(summary: &str) -> Tone {
    let code = summary.strip_prefix("SIP/2.0 ").map(str::as_bytes);
    match code {
        None => Tone::Normal,
        Some([b'4', b'0', b'1' | b'7', ..] | [b'3', ..]) => Tone::Warn,
        Some([b'2', ..]) => Tone::Good,
        Some([b'4'..=b'6', ..]) => Tone::Bad,
        Some(_) => Tone::Weak,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_to_begin_needs_somebody_and_a_time() {
        let mut form = NewTrace::default();
        assert_eq!(form.params().err().as_deref(), Some("Account: is needed"));
        form.whose = Whose::Address;
        form.address = "192.0.2.7:5060".into();
        assert!(
            form.params()
                .is_err_and(|fault| fault.starts_with("Address:"))
        );
        form.address = " 2001:db8::7 ".into();
        for (minutes, seconds) in [("10", Some(600)), ("0", None), ("1441", None), ("x", None)] {
            form.minutes = minutes.into();
            let params = form.params().ok();
            assert_eq!(params.map(|params| params.seconds), seconds, "{minutes}");
        }
    }

    #[test]
    fn answers_are_toned_by_their_class() {
        for (summary, tone) in [
            ("INVITE sip:1@x SIP/2.0", Tone::Normal),
            ("SIP/2.0 180 Ringing", Tone::Weak),
            ("SIP/2.0 200 OK", Tone::Good),
            ("SIP/2.0 302 Moved", Tone::Warn),
            ("SIP/2.0 407 Proxy Authentication Required", Tone::Warn),
            ("SIP/2.0 486 Busy Here", Tone::Bad),
        ] {
            assert_eq!(tone_of(summary), tone, "{summary}");
        }
    }
}
