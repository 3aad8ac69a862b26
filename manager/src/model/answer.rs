//! What each answer of the switch changes.

use super::{
    Model, Question,
    draft::{Draft, Saving},
    names::Names,
    notice::Level,
    records,
};
use crate::{command::Command, resource::View};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tandem_protocol::{
    CallId, ErrorCode, Page, RpcError, TraceId,
    cdr::LevelCharge,
    live::{FeedEvent, LiveSnapshot},
    login::Session,
    simulate::TraceStep,
    system::{Setting, SystemInfo},
};

/// What a call was for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    Login,
    Subscribe,
    Snapshot,
    Names(View),
    Lookup(View, u64),
    Page(View, u64),
    /// View and serial of the draft.
    Save(View, u64),
    Theirs(View, u64),
    Delete(View, String),
    /// What to say when it worked.
    Done(String),
    Cdr(u64),
    Decide(u64),
    Rate(u64),
    Rule(u64),
    Settings(u64),
    SetSetting(String),
    Info(u64),
    History(u64),
    Verify(u64),
    Backup(u64),
    Password,
    Traces(u64),
    TraceBegun,
    TraceRead(TraceId),
    /// By this method.
    TraceChanged(&'static str),
    TraceFile,
    /// A piece of the recording of this call.
    RecordingPart(CallId),
}

fn read<T: DeserializeOwned>(result: Result<Value, RpcError>) -> Result<T, RpcError> {
    serde_json::from_value(result?).map_err(|error| {
        RpcError::new(ErrorCode::Internal, format!("unexpected answer: {error}"))
            .remedy("manager and switch may be of different versions")
    })
}

impl Model {
    pub(super) fn answer(&mut self, purpose: Purpose, result: Result<Value, RpcError>) {
        if let Err(error) = &result
            && error.code() == ErrorCode::Unauthenticated
            && purpose != Purpose::Login
        {
            return self.log_in();
        }
        match purpose {
            Purpose::Login => self.logged_in(read(result)),
            Purpose::Subscribe => self.complain("Live feed", result),
            Purpose::Snapshot => self.snapshot(read(result)),
            Purpose::Names(view) => self.named(view, read(result)),
            Purpose::Lookup(view, generation) => self.looked_up(view, generation, read(result)),
            Purpose::Page(view, generation) => self.paged(view, generation, read(result)),
            Purpose::Save(view, serial) => self.saved(view, serial, result),
            Purpose::Theirs(view, serial) => self.theirs(view, serial, result),
            Purpose::Delete(view, name) => self.deleted(view, &name, result),
            Purpose::Done(text) => match result {
                Ok(_) => self.notify(Level::Good, text),
                Err(error) => self.notify(Level::Bad, error.to_string()),
            },
            Purpose::Cdr(generation) => {
                self.cdr.cdr.finish(generation, read(result));
                self.want_detailed();
            }
            Purpose::SetSetting(key) => self.setting_set(key, read(result)),
            Purpose::Password => self.password_changed(result),
            Purpose::Traces(generation) => self.traces_listed(generation, read(result)),
            Purpose::TraceBegun => self.trace_begun(read(result)),
            Purpose::TraceRead(id) => self.trace_read(id, read(result)),
            Purpose::TraceChanged(method) => self.trace_changed(method, result),
            Purpose::TraceFile => self.trace_file(read(result)),
            Purpose::RecordingPart(call) => self.recording_part(call, read(result)),
            other => self.tool_answer(other, result),
        }
    }

    fn tool_answer(&mut self, purpose: Purpose, result: Result<Value, RpcError>) {
        let tools = &mut self.tools;
        match purpose {
            Purpose::Decide(generation) => {
                tools.simulator.result.finish(generation, read(result));
                self.want_simulated();
            }
            Purpose::Rate(generation) => {
                tools.pricing.result.finish(generation, read(result));
            }
            Purpose::Rule(generation) => {
                tools.rules.result.finish(generation, read(result));
            }
            Purpose::Settings(generation) => {
                tools.settings.list.finish(generation, read(result));
            }
            Purpose::Info(generation) => self.informed(generation, read(result)),
            Purpose::History(generation) => {
                tools.history.series.finish(generation, read(result));
            }
            Purpose::Verify(generation) => {
                tools.system.verify.finish(generation, read(result));
            }
            Purpose::Backup(generation) => {
                tools.system.backup.finish(generation, read(result));
            }
            _ => {}
        }
    }

    /// The line went before the answer came.
    pub(super) fn abandon(&mut self, purpose: Purpose) {
        let gone = || RpcError::new(ErrorCode::Unavailable, "the connection was lost");
        match purpose {
            Purpose::Login
            | Purpose::Subscribe
            | Purpose::Snapshot
            | Purpose::Names(_)
            | Purpose::Done(_) => {}
            purpose => self.answer(purpose, Err(gone())),
        }
    }

    fn complain(&mut self, what: &str, result: Result<Value, RpcError>) {
        if let Err(error) = result {
            self.notify(Level::Bad, format!("{what}: {error}"));
        }
    }

    fn logged_in(&mut self, result: Result<Session, RpcError>) {
        match result {
            Ok(session) => {
                if !self.connection.is_returning() {
                    self.forget();
                }
                self.connection.online(session);
                self.connection.remember();
                self.requests
                    .call("live.subscribe", json!({}), Purpose::Subscribe);
                self.ask_info();
                self.open_allowed();
                self.refresh_all();
            }
            Err(error) => {
                self.connection.refused(&error);
                self.requests.ask(crate::transport::Ask::Disconnect);
            }
        }
    }

    fn snapshot(&mut self, result: Result<LiveSnapshot, RpcError>) {
        match result {
            Ok(snapshot) => {
                self.live
                    .take(FeedEvent::Snapshot(Box::new(snapshot)), self.now_ms);
            }
            Err(error) => self.notify(Level::Bad, format!("Live feed: {error}")),
        }
    }

    fn named(&mut self, view: View, result: Result<Page<Value>, RpcError>) {
        if let Ok(page) = result {
            records::learn(view, &page.rows, &mut self.names);
        }
    }

    fn looked_up(&mut self, view: View, generation: u64, result: Result<Page<Value>, RpcError>) {
        let offered = result.map(|page| {
            records::learn(view, &page.rows, &mut self.names);
            page.rows
                .iter()
                .filter_map(|row| Some((row.get("id")?.as_i64()?, view.name_of(row))))
                .collect()
        });
        self.lookup.found.finish(generation, offered);
    }

    fn paged(&mut self, view: View, generation: u64, result: Result<Page<Value>, RpcError>) {
        if let Ok(page) = &result {
            records::learn(view, &page.rows, &mut self.names);
        }
        let records = self.records(view);
        if records.page.finish(generation, result) {
            records.version += 1;
        }
    }

    fn saved(&mut self, view: View, serial: u64, result: Result<Value, RpcError>) {
        let leaving = self.leaving.take();
        let Some(draft) = self.draft.as_mut().filter(|draft| draft.serial == serial) else {
            return;
        };
        match result {
            Ok(row) => {
                let singular = view.resource().singular;
                let text = match (view, row.get("count")) {
                    (View::Payments, _) => "Payment booked".to_owned(),
                    (View::Dids, Some(count)) => format!("Added {count} numbers"),
                    _ => format!("Saved {singular} {}", view.name_of(&row)),
                };
                self.draft = Draft::edit(view, &row, serial);
                self.notify(Level::Good, text);
                self.refresh_all();
                if let Some(command) = leaving {
                    self.draft = None;
                    self.leaving = Some(command);
                }
            }
            Err(error) => {
                let text = format!("{} was not saved: {error}", draft.name);
                draft.refused(error);
                let conflict = matches!(draft.saving, Saving::Conflict(_));
                let id = draft.id;
                if let (true, Some(id), Some(get)) = (conflict, id, view.resource().methods.get) {
                    self.requests
                        .call(get, json!({ "id": id }), Purpose::Theirs(view, serial));
                } else {
                    self.notify(Level::Bad, text);
                }
            }
        }
    }

    /// Any table may show what was changed, be it by its name or its money: each is asked for again when it is
    /// looked at.
    fn refresh_all(&mut self) {
        self.records
            .values_mut()
            .for_each(records::Records::refresh);
    }

    fn theirs(&mut self, view: View, serial: u64, result: Result<Value, RpcError>) {
        let Some(draft) = self.draft.as_mut().filter(|draft| draft.serial == serial) else {
            return;
        };
        match result {
            Ok(row) => draft.theirs(&row),
            Err(error) => {
                draft.saving = Saving::Failed(error);
                self.notify(
                    Level::Bad,
                    format!(
                        "The other edit of this {} cannot be read",
                        view.resource().singular
                    ),
                );
            }
        }
    }

    fn deleted(&mut self, view: View, name: &str, result: Result<Value, RpcError>) {
        match result {
            Ok(_) => {
                self.notify(
                    Level::Good,
                    format!("Deleted {} {name}", view.resource().singular),
                );
                self.refresh_all();
            }
            Err(error) => self.notify(Level::Bad, format!("{name} was not deleted: {error}")),
        }
    }

    fn setting_set(&mut self, key: String, result: Result<Setting, RpcError>) {
        let settings = &mut self.tools.settings;
        match result {
            Ok(setting) => {
                settings.texts.remove(&key);
                settings.faults.remove(&key);
                let generation = settings.list.begin();
                self.requests
                    .call("setting.list", json!({}), Purpose::Settings(generation));
                self.notify(
                    Level::Good,
                    format!("{} is now {}", setting.key, setting.value),
                );
            }
            Err(error) => {
                settings.faults.insert(key.clone(), error.to_string());
                self.notify(Level::Bad, format!("{key}: {error}"));
            }
        }
    }

    fn informed(&mut self, generation: u64, result: Result<SystemInfo, RpcError>) {
        if let Ok(info) = &result {
            self.live.clock_ahead_ms = info.now.0 - self.now_ms;
        }
        self.tools.system.info.finish(generation, result);
    }

    fn password_changed(&mut self, result: Result<Value, RpcError>) {
        let system = &mut self.tools.system;
        match result {
            Ok(_) => {
                self.connection.secret = Some(std::mem::take(&mut system.new_password));
                system.old_password.clear();
                system.again.clear();
                system.password_fault = None;
                self.notify(Level::Good, "Password changed");
            }
            Err(error) => system.password_fault = Some(error.to_string()),
        }
    }

    fn want_simulated(&mut self) {
        if let Some(result) = self.tools.simulator.result.value() {
            want_levels(&mut self.names, &result.levels);
            want_steps(&mut self.names, &result.trace);
        }
    }

    fn want_detailed(&mut self) {
        if let Some(detail) = self.cdr.cdr.value() {
            want_levels(&mut self.names, &detail.charges);
            want_steps(&mut self.names, &detail.trace);
            if let Some(cost) = &detail.cost {
                self.names.want(View::Gateways, cost.gateway.0);
            }
        }
    }

    /// Puts a question up.
    pub fn ask(&mut self, title: &str, text: String, action: &str, command: Command) {
        self.question = Some(Question {
            title: title.into(),
            text,
            action: action.into(),
            danger: true,
            command,
        });
    }
}

fn want_levels(names: &mut Names, levels: &[LevelCharge]) {
    for level in levels {
        names.want(View::Accounts, level.account.0);
        names.want(View::Tariffs, level.tariff.0);
    }
}

fn want_steps(names: &mut Names, steps: &[TraceStep]) {
    for step in steps {
        match step {
            TraceStep::Recognised { account, .. } => names.want(View::Accounts, account.0),
            TraceStep::Listed {
                account: Some(account),
                ..
            } => names.want(View::Accounts, account.0),
            TraceStep::Quoted {
                account, tariff, ..
            } => {
                names.want(View::Accounts, account.0);
                names.want(View::Tariffs, *tariff);
            }
            _ => {}
        }
    }
}
