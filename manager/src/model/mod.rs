//! The program's state without its looks: connection, caches, drafts, choices. No egui, no sockets, no clock.
//!
//! [`Model::told`] takes in what the transport says, [`Model::tick`] asks for what the open screen lacks; what is
//! to be sent waits in [`Model::requests`]. Time comes in as a parameter.

mod allowed;
pub mod answer;
pub mod connection;
pub mod draft;
pub mod format;
pub mod live;
pub mod names;
pub mod notice;
pub mod peers;
pub mod recording;
pub mod records;
pub mod request;
pub mod screen;
pub mod table;
pub mod tools;
pub mod traces;

use crate::{
    command::Command,
    resource::View,
    transport::{Ask, Told},
};
use answer::Purpose;
use connection::{Connection, Phase};
use draft::{Draft, Saving};
use names::{Lookup, Names};
use notice::{Level, Notices};
use recording::CdrDetail;
use records::{Records, Scope};
use request::Requests;
use screen::Screen;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use table::TableState;
use tandem_protocol::{Area, ListParams, Op, Right, login::LoginParams, system::HistoryParams};
use tools::{History, Tools};
use traces::Traces;

/// Names a lookup offers.
const OFFERED: u32 = 50;

/// A question that is up, and what a yes does.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub title: String,
    pub text: String,
    /// On the button: what will be done, not "OK".
    pub action: String,
    pub danger: bool,
    pub command: Command,
}

/// The tables of the monitor.
#[derive(Debug)]
pub struct LiveTables {
    pub calls: TableState,
    pub registrations: TableState,
    pub gateways: TableState,
    pub upstreams: TableState,
}

impl Default for LiveTables {
    fn default() -> Self {
        Self {
            calls: TableState::default(),
            registrations: TableState::sorted(0, false),
            gateways: TableState::sorted(0, false),
            upstreams: TableState::sorted(0, false),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Model {
    pub connection: Connection,
    pub requests: Requests<Purpose>,
    pub screen: Screen,
    pub live: live::Live,
    pub live_tables: LiveTables,
    pub records: BTreeMap<View, Records>,
    pub names: Names,
    pub lookup: Lookup,
    pub draft: Option<Draft>,
    pub cdr: CdrDetail,
    pub tools: Tools,
    pub notices: Notices,
    pub question: Option<Question>,
    /// Waits for the answer to "leave the changed form?".
    pub leaving: Option<Command>,
    serials: u64,
    pub now_ms: i64,
}

impl Model {
    pub fn may(&self, area: Area, right: Right) -> bool {
        let known = self.connection.known.as_ref();
        known.is_some_and(|session| screen::may(session, area, right))
    }

    pub fn records(&mut self, view: View) -> &mut Records {
        self.records
            .entry(view)
            .or_insert_with(|| Records::new(view))
    }

    pub fn notify(&mut self, level: Level, text: impl Into<String>) {
        self.notices.add(self.now_ms, level, text);
    }

    pub fn is_draft_dirty(&self) -> bool {
        self.draft.as_ref().is_some_and(Draft::is_dirty)
    }

    /// Starts the line to the server in the form.
    pub fn connect(&mut self) {
        if let Some(missing) = self.connection.missing() {
            self.connection.failure = Some(missing.into());
            return;
        }
        if !self.connection.password.is_empty() {
            self.connection.secret = Some(self.connection.password.clone());
        }
        self.connection.failure = None;
        self.dial();
    }

    fn dial(&mut self) {
        let (address, pin) = (
            self.connection.form.address.trim().to_owned(),
            self.connection.form.pin.clone(),
        );
        self.connection.phase = Phase::Connecting;
        self.requests.ask(Ask::Connect { address, pin });
    }

    /// The operator looked at the fingerprint and said yes.
    pub fn trust(&mut self) {
        let fingerprint = match &self.connection.phase {
            Phase::Unpinned { fingerprint } => fingerprint.clone(),
            _ => return,
        };
        self.connection.form.pin = Some(fingerprint);
        self.connection.remember();
        self.dial();
    }

    /// The operator knows why the certificate is another: forget the pin, look at the new one first.
    pub fn replace_pin(&mut self) {
        if matches!(self.connection.phase, Phase::PinChanged { .. }) {
            self.connection.form.pin = None;
            self.connection.remember();
            self.dial();
        }
    }

    pub fn disconnect(&mut self) {
        self.requests.ask(Ask::Disconnect);
        self.connection.offline();
        self.connection.failure = None;
        self.forget();
    }

    /// Drops everything that belongs to the last switch.
    fn forget(&mut self) {
        self.requests.forget();
        self.records.clear();
        self.names.clear();
        self.lookup.close();
        self.live.clear();
        self.live_tables = LiveTables::default();
        self.draft = None;
        self.cdr = CdrDetail::default();
        self.tools = Tools::default();
        self.question = None;
        self.leaving = None;
        self.notices.clear();
    }

    /// Takes in what the transport says.
    pub fn told(&mut self, told: Told) {
        match told {
            Told::Connected => self.log_in(),
            Told::Unpinned { fingerprint } => {
                self.connection.phase = Phase::Unpinned { fingerprint }
            }
            Told::PinChanged { pinned, shown } => {
                self.connection.phase = Phase::PinChanged { pinned, shown }
            }
            Told::Lost { reason } => self.lost(reason),
            Told::Answer { id, result } => {
                if let Some(purpose) = self.requests.answered(id) {
                    self.answer(purpose, result);
                }
            }
            Told::Live(event) => {
                if self.live.take(*event, self.now_ms) {
                    self.requests
                        .call("live.snapshot", json!({}), Purpose::Snapshot);
                }
            }
            Told::FileSaved {
                result: Ok(Some(path)),
            } => self.notify(Level::Good, format!("Saved {path}")),
            Told::FileSaved { result: Ok(None) } => {}
            Told::FileSaved {
                result: Err(reason),
            } => self.notify(Level::Bad, reason),
        }
    }

    fn log_in(&mut self) {
        let Some(password) = self.connection.secret.clone() else {
            return self.connection.offline();
        };
        self.connection.phase = Phase::LoggingIn;
        let params = LoginParams {
            login: self.connection.form.login.trim().to_owned(),
            password,
        };
        self.requests
            .call("session.login", json!(params), Purpose::Login);
    }

    fn lost(&mut self, reason: String) {
        let was_online = self.connection.session().is_some();
        for purpose in self.requests.forget() {
            self.abandon(purpose);
        }
        if was_online {
            self.notify(Level::Warn, format!("Connection lost: {reason}"));
        }
        self.connection.lost(reason, self.now_ms);
    }

    /// Milliseconds until something must be done without an event, if anything.
    pub fn next_wake_ms(&self) -> Option<i64> {
        match &self.connection.phase {
            Phase::Waiting { retry_at_ms, .. } => Some((retry_at_ms - self.now_ms).max(0)),
            Phase::Online(_) => match self.screen {
                Screen::LiveCalls
                    if !self.live.is_frozen() && !self.live.state.calls.is_empty() =>
                {
                    Some(1_000)
                }
                Screen::Registrations if !self.live.state.registrations.is_empty() => Some(1_000),
                Screen::Counters => Some(History::EVERY_MS),
                Screen::Traces => Some(Traces::EVERY_MS),
                _ => None,
            },
            _ => None,
        }
    }

    /// Asks for what the open screen lacks.
    pub fn tick(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        if let Phase::Waiting { retry_at_ms, .. } = self.connection.phase
            && now_ms >= retry_at_ms
        {
            self.dial();
        }
        if self.connection.session().is_none() {
            return;
        }
        match self.screen {
            Screen::Records(view) => self.ask_page(view),
            Screen::Counters => self.ask_history(),
            Screen::Traces => self.tools.traces.ask(now_ms, &mut self.requests),
            Screen::Settings if self.tools.settings.list.is_idle() => {
                let generation = self.tools.settings.list.begin();
                self.requests
                    .call("setting.list", json!({}), Purpose::Settings(generation));
            }
            Screen::System if self.tools.system.info.is_idle() => self.ask_info(),
            Screen::Registrations => self.want_accounts(),
            _ => {}
        }
        self.ask_lookup();
        for (view, ids) in self.names.take_wanted() {
            if self.may(view.area(), Right::See) {
                let params = ListParams {
                    limit: 100,
                    ..ListParams::default()
                }
                .with("id", Op::In, json!(ids));
                self.requests.call(
                    view.resource().methods.list,
                    json!(params),
                    Purpose::Names(view),
                );
            }
        }
    }

    fn ask_page(&mut self, view: View) {
        let records = self
            .records
            .entry(view)
            .or_insert_with(|| Records::new(view));
        if let Some((generation, params)) = records.question(&self.names) {
            self.requests.call(
                view.resource().methods.list,
                json!(params),
                Purpose::Page(view, generation),
            );
        }
    }

    fn ask_history(&mut self) {
        let history = &mut self.tools.history;
        if history.series.is_loading() || self.now_ms - history.asked_ms < History::EVERY_MS {
            return;
        }
        history.asked_ms = self.now_ms;
        let from = self.now_ms + self.live.clock_ahead_ms - history.hours * 3_600_000;
        let params = HistoryParams {
            figures: History::FIGURES.to_vec(),
            from: tandem_protocol::UtcMs(from),
            to: None,
            points: 400,
        };
        let generation = history.series.begin();
        self.requests.call(
            "system.history",
            json!(params),
            Purpose::History(generation),
        );
    }

    pub fn ask_info(&mut self) {
        let generation = self.tools.system.info.begin();
        self.requests
            .call("system.info", json!({}), Purpose::Info(generation));
    }

    fn want_accounts(&mut self) {
        let ids: Vec<i64> = self
            .live
            .registrations()
            .iter()
            .map(|row| row.account.0)
            .collect();
        ids.into_iter()
            .for_each(|id| self.names.want(View::Accounts, id));
    }

    fn ask_lookup(&mut self) {
        let Some(view) = self.lookup.view else { return };
        let question = (view, self.lookup.text.clone());
        if self.lookup.found.is_loading() || self.lookup.asked.as_ref() == Some(&question) {
            return;
        }
        let resource = view.resource();
        let mut params = ListParams {
            filter: view.filters(),
            limit: OFFERED,
            ..ListParams::default()
        };
        if !question.1.is_empty() {
            params.search = question.1.clone();
        }
        params = params.sorted(resource.order, false);
        self.lookup.asked = Some(question);
        let generation = self.lookup.found.begin();
        self.requests.call(
            resource.methods.list,
            json!(params),
            Purpose::Lookup(view, generation),
        );
    }

    /// Opens a form for a new object.
    pub fn draft_new(&mut self, view: View) {
        self.serials += 1;
        let scope = self
            .records
            .get(&view)
            .and_then(|records| records.scope.clone());
        let scope = scope.as_ref().map(|scope| (scope.field, scope.id));
        let mut draft = Draft::new(view, scope, self.serials);
        draft.tell_apart(self.now_ms);
        self.draft = Some(draft);
    }

    /// Opens a form for a row of the view's page.
    pub fn draft_edit(&mut self, view: View, key: &str) {
        self.serials += 1;
        let serial = self.serials;
        let records = self.records(view);
        let row = records
            .rows()
            .iter()
            .find(|row| records::key_of(view, row) == key)
            .cloned();
        if let Some(draft) = row.and_then(|row| Draft::edit(view, &row, serial)) {
            self.want_names_of(&draft);
            self.draft = Some(draft);
        }
    }

    fn want_names_of(&mut self, draft: &Draft) {
        use crate::resource::{Input, at};
        for field in draft
            .view
            .resource()
            .sections
            .iter()
            .flat_map(|section| section.fields)
        {
            if let (Input::Ref(view) | Input::OptionalRef(view), Some(id)) = (
                field.input,
                at(&draft.value, field.path).and_then(Value::as_i64),
            ) {
                self.names.want(view, id);
            }
            if let (Input::Rows(part), Some(Value::Array(rows))) =
                (&field.input, at(&draft.value, field.path))
            {
                for (inner, row) in part
                    .fields
                    .iter()
                    .flat_map(|inner| rows.iter().map(move |row| (inner, row)))
                {
                    if let (Input::Ref(view), Some(id)) =
                        (inner.input, at(row, inner.path).and_then(Value::as_i64))
                    {
                        self.names.want(view, id);
                    }
                }
            }
        }
    }

    /// Sends the form, if nothing is wrong with it.
    pub fn save(&mut self) {
        let Some(draft) = &mut self.draft else { return };
        if draft.saving == Saving::Sent || !draft.check() {
            return;
        }
        let methods = draft.view.resource().methods;
        let method = if draft.is_new() {
            methods.create
        } else {
            methods.update
        };
        let Some(method) = method else { return };
        let (method, params) = match draft.view {
            View::Payments => (method, payment(draft)),
            View::Dids if draft.is_new() => crate::resource::dids_added(draft.wire()),
            _ => (method, draft.wire()),
        };
        draft.saving = Saving::Sent;
        let purpose = Purpose::Save(draft.view, draft.serial);
        self.requests.call(method, params, purpose);
    }

    /// Goes to a screen; what it shows is asked for anew, and the old stands there until it comes.
    pub fn open(&mut self, screen: Screen) {
        self.screen = screen;
        match screen {
            Screen::Records(view) => self.records(view).refresh(),
            Screen::System => self.ask_info(),
            _ => {}
        }
    }

    /// Another login may have no right to the screen that was open last: the first it has is opened.
    fn open_allowed(&mut self) {
        if !self.may(self.screen.area(), Right::See)
            && let Some(first) = Screen::all().find(|screen| self.may(screen.area(), Right::See))
        {
            self.open(first);
        }
    }

    /// Shows a table narrowed to what belongs to one object.
    pub fn open_scoped(&mut self, view: View, field: &'static str, id: i64, name: String) {
        let records = self.records(view);
        records.scope = Some(Scope { field, id, name });
        records.table.filter.clear();
        records.offset = 0;
        self.screen = Screen::Records(view);
    }

    /// Asks for a CDR with its trace.
    pub fn show_cdr(&mut self, call: i64) {
        if self.cdr.call != Some(call) {
            self.cdr.cdr.reset();
        }
        self.cdr.call = Some(call);
        let generation = self.cdr.cdr.begin();
        self.requests
            .call("cdr.get", json!({ "id": call }), Purpose::Cdr(generation));
    }
}

/// A payment is booked, not kept: its parameters are the form's, named so that sending twice books once.
fn payment(draft: &Draft) -> Value {
    let mut params = draft.value.clone();
    crate::resource::put(&mut params, "request_id", draft.request_id().into());
    params
}
