//! The one place where commands are carried out.

use super::App;
use crate::{
    command::Command,
    model::{
        answer::Purpose,
        draft::Saving,
        live::RegistrationRows,
        notice::Level,
        peers::{GatewayRows, UpstreamRows},
        recording::record,
        records::RecordRows,
        screen::Screen,
        table::{Rows, TableState},
        tools::History,
        traces::follow,
    },
    resource::{View, int_at},
    screen::{Palette, settings_to_save},
    transport::Ask,
};
use serde_json::json;
use tandem_protocol::{
    CallId,
    live::{HangUpParams, UnregisterParams},
    login::ChangePasswordParams,
    recording::Recording,
    sip_trace::TraceFormat,
    system::SetParams,
};

impl App {
    /// Carries a command out; one that would leave a changed form asks first.
    pub fn carry_out(&mut self, ctx: &egui::Context, command: Command) {
        if leaves_form(&command) && self.model.is_draft_dirty() {
            self.model.leaving = Some(command);
            return;
        }
        match command {
            Command::Connect => self.model.connect(),
            Command::CancelConnect => self.model.disconnect(),
            Command::TrustCertificate => self.model.trust(),
            Command::ReplaceCertificate => self.model.replace_pin(),
            Command::ChooseServer(at) => {
                self.model.connection.choose(at);
                self.focus_filter = true;
            }
            Command::NewServer => {
                self.model.connection.form = Default::default();
                self.focus_filter = true;
            }
            Command::ForgetServer(at) => self.model.connection.forget(at),
            Command::Disconnect => self.model.disconnect(),
            Command::Quit => {
                self.quit = true;
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
            Command::Palette => self.palette = Some(Palette::default()),
            Command::Notices => {
                self.notices_open = !self.notices_open;
                self.model.notices.mark_read();
            }
            Command::ClearNotices => self.model.notices.clear(),
            Command::Theme(choice) => {
                self.theme = choice;
                choice.apply(ctx);
            }
            Command::Shortcuts => self.shortcuts_open = true,
            Command::FocusFilter => self.focus_filter = true,
            Command::CopyRows => self.copy(ctx),
            Command::ExportCsv => self.export(),
            Command::SelectAll => {
                self.with_table(|rows, state| state.select_all(rows));
            }
            Command::SaveAndGo => self.save_and_go(),
            Command::DiscardAndGo => {
                self.model.draft = None;
                if let Some(command) = self.model.leaving.take() {
                    self.carry_out(ctx, command);
                }
            }
            Command::Stay => self.model.leaving = None,
            Command::Cancel => self.model.question = None,
            Command::Confirm => {
                if let Some(question) = self.model.question.take() {
                    self.carry_out(ctx, question.command);
                }
            }
            other => self.table_command(other),
        }
    }

    fn table_command(&mut self, command: Command) {
        let model = &mut self.model;
        match command {
            Command::Open(screen) => {
                model.draft = None;
                model.open(screen);
            }
            Command::OpenScoped {
                view,
                field,
                id,
                name,
            } => {
                model.draft = None;
                model.open_scoped(view, field, id, name);
            }
            Command::ClearScope => self.with_records(|records| records.scope = None),
            Command::Refresh => self.refresh(),
            Command::NextPage => self.with_records(|records| records.turn(1)),
            Command::PreviousPage => self.with_records(|records| records.turn(-1)),
            Command::New => {
                if let Screen::Records(view) = model.screen
                    && view.resource().methods.create.is_some()
                {
                    model.draft_new(view);
                }
            }
            Command::Edit => self.edit(),
            Command::Delete => self.ask_delete(),
            Command::DeleteNow { view, id, name } => {
                if let Some(method) = view.resource().methods.delete {
                    model.draft = None;
                    model
                        .requests
                        .call(method, json!({ "id": id }), Purpose::Delete(view, name));
                }
            }
            Command::Save if model.screen == Screen::Settings => {
                self.tool_command(Command::SaveSettings)
            }
            Command::Revert if model.screen == Screen::Settings => {
                self.tool_command(Command::RevertSettings)
            }
            Command::Save => model.save(),
            Command::Revert => {
                if let Some(draft) = &mut model.draft {
                    draft.revert();
                }
            }
            Command::CloseForm => {
                model.draft = None;
                model.cdr.call = None;
            }
            Command::KeepOurs => self.with_draft(crate::model::draft::Draft::keep_ours),
            Command::TakeTheirs => self.with_draft(crate::model::draft::Draft::take_theirs),
            other => self.live_command(other),
        }
    }

    fn live_command(&mut self, command: Command) {
        let model = &mut self.model;
        match command {
            Command::Freeze => {
                let frozen = !model.live.is_frozen();
                model.live.freeze(frozen, model.now_ms);
            }
            Command::HangUp => self.ask_hang_up(),
            Command::HangUpNow { call, name } => {
                let params = HangUpParams { call };
                model.requests.call(
                    "live.hangup",
                    json!(params),
                    Purpose::Done(format!("Hung up {name}")),
                );
            }
            Command::Probe => {
                if let Some((method, params)) = model.probed() {
                    let done = Purpose::Done("Asked".to_owned());
                    model.requests.call(method, params, done);
                }
            }
            Command::Unregister => self.ask_unregister(),
            Command::UnregisterNow { username } => {
                let done = Purpose::Done(format!("{username} is unregistered"));
                model.requests.call(
                    "registration.remove",
                    json!(UnregisterParams { username }),
                    done,
                );
            }
            other => self.trace_command(other),
        }
    }

    fn trace_command(&mut self, command: Command) {
        let model = &mut self.model;
        let traces = &mut model.tools.traces;
        match command {
            Command::Follow => {
                if let Some(subject) = model.followed() {
                    follow(subject, &mut model.requests);
                }
            }
            Command::Record | Command::StopRecording => {
                let recording = match command {
                    Command::Record => Recording::On,
                    _ => Recording::Off,
                };
                if let Some(call) = model.chosen_call() {
                    record(call, recording, &mut model.requests);
                }
            }
            Command::SaveRecording => model.cdr.fetch(&mut model.requests),
            Command::BeginTrace => traces.begin(&mut model.requests),
            Command::StopTrace => traces.change("sip_trace.stop", &mut model.requests),
            Command::DeleteTrace => traces.change("sip_trace.delete", &mut model.requests),
            Command::TraceText => traces.export(TraceFormat::Text, &mut model.requests),
            Command::TracePcap => traces.export(TraceFormat::Pcap, &mut model.requests),
            other => self.tool_command(other),
        }
    }

    fn tool_command(&mut self, command: Command) {
        let model = &mut self.model;
        let tools = &mut model.tools;
        match command {
            Command::Simulate => match tools.simulator.params() {
                Ok(params) => {
                    tools.simulator.fault = None;
                    let generation = tools.simulator.result.begin();
                    model
                        .requests
                        .call("decide", json!(params), Purpose::Decide(generation));
                }
                Err(fault) => tools.simulator.fault = Some(fault),
            },
            Command::Price => match tools.pricing.params() {
                Ok(params) => {
                    tools.pricing.fault = None;
                    let generation = tools.pricing.result.begin();
                    model
                        .requests
                        .call("rate", json!(params), Purpose::Rate(generation));
                }
                Err(fault) => tools.pricing.fault = Some(fault),
            },
            Command::TryRules => {
                let params = tools.rules.params();
                let generation = tools.rules.result.begin();
                model
                    .requests
                    .call("number_rule.try", json!(params), Purpose::Rule(generation));
            }
            Command::SaveSettings => {
                for (key, value) in settings_to_save(&mut tools.settings).unwrap_or_default() {
                    let params = SetParams {
                        key: key.clone(),
                        value,
                    };
                    model
                        .requests
                        .call("setting.set", json!(params), Purpose::SetSetting(key));
                }
            }
            Command::RevertSettings => {
                tools.settings.texts.clear();
                tools.settings.faults.clear();
            }
            Command::Verify => {
                let generation = tools.system.verify.begin();
                model
                    .requests
                    .call("system.verify", json!({}), Purpose::Verify(generation));
            }
            Command::Backup => {
                let generation = tools.system.backup.begin();
                model
                    .requests
                    .call("system.backup", json!({}), Purpose::Backup(generation));
            }
            Command::ChangePassword => self.change_password(),
            Command::HistoryHours(hours) => {
                tools.history = History {
                    hours,
                    ..History::default()
                }
            }
            _ => {}
        }
    }

    fn with_records(&mut self, change: impl FnOnce(&mut crate::model::records::Records)) {
        if let Screen::Records(view) = self.model.screen {
            change(self.model.records(view));
        }
    }

    fn with_draft(&mut self, change: impl FnOnce(&mut crate::model::draft::Draft)) {
        if let Some(draft) = &mut self.model.draft {
            change(draft);
        }
    }

    /// Runs on the open screen's table; None if it has none.
    fn with_table<T>(&mut self, run: impl FnOnce(&dyn Rows, &mut TableState) -> T) -> Option<T> {
        let now = self.model.now_ms;
        let model = &mut self.model;
        match model.screen {
            Screen::LiveCalls => Some(run(&model.live.calls(now), &mut model.live_tables.calls)),
            Screen::Registrations => {
                let names = &model.names;
                let account = |id| names.get(View::Accounts, id);
                let rows = model.live.registrations();
                let now_ms = now + model.live.clock_ahead_ms;
                let rows = RegistrationRows {
                    rows,
                    now_ms,
                    account: &account,
                };
                Some(run(&rows, &mut model.live_tables.registrations))
            }
            Screen::GatewayStatus => Some(run(
                &GatewayRows(model.live.gateways()),
                &mut model.live_tables.gateways,
            )),
            Screen::UpstreamStatus => {
                let rows = UpstreamRows {
                    rows: model.live.upstreams(),
                    now_ms: now + model.live.clock_ahead_ms,
                };
                Some(run(&rows, &mut model.live_tables.upstreams))
            }
            Screen::Records(view) => {
                let records = model.records.get_mut(&view)?;
                let mut state = std::mem::take(&mut records.table);
                let done = run(&RecordRows::new(records, &model.names), &mut state);
                records.table = state;
                Some(done)
            }
            _ => None,
        }
    }

    fn copy(&mut self, ctx: &egui::Context) {
        if let Some(text) = self.with_table(|rows, state| state.tsv(rows)) {
            let rows = text.lines().count().saturating_sub(1);
            ctx.copy_text(text);
            self.model.notify(
                Level::Info,
                if rows == 1 {
                    "1 row copied".to_owned()
                } else {
                    format!("{rows} rows copied")
                },
            );
        }
    }

    fn export(&mut self) {
        let name = format!(
            "{}.csv",
            self.model.screen.title().to_lowercase().replace(' ', "-")
        );
        if let Some(text) = self.with_table(|rows, state| state.csv(rows)) {
            self.model.requests.ask(Ask::SaveFile {
                name,
                contents: text.into_bytes(),
            });
        }
    }

    fn refresh(&mut self) {
        let model = &mut self.model;
        match model.screen {
            Screen::Records(view) => model.records(view).refresh(),
            Screen::Counters => model.tools.history.asked_ms = 0,
            Screen::Traces => model.tools.traces.ask_now(),
            Screen::Settings => model.tools.settings.list.reset(),
            Screen::System => model.ask_info(),
            Screen::LiveCalls
            | Screen::Registrations
            | Screen::GatewayStatus
            | Screen::UpstreamStatus => {
                model
                    .requests
                    .call("live.snapshot", json!({}), Purpose::Snapshot);
            }
            Screen::Simulator | Screen::Pricing | Screen::NumberRules => {}
        }
    }

    /// The row the open table's choice begins with.
    fn chosen_key(&mut self) -> Option<String> {
        self.with_table(|rows, state| {
            let row = state.chosen(rows).first().copied()?;
            Some(rows.key(row).into_owned())
        })
        .flatten()
    }

    fn edit(&mut self) {
        let Screen::Records(view) = self.model.screen else {
            return;
        };
        let Some(key) = self.chosen_key() else { return };
        if view == View::Cdrs {
            if let Ok(call) = key.parse() {
                self.model.show_cdr(call);
            }
        } else if view.resource().methods.update.is_some() {
            self.model.draft_edit(view, &key);
        }
    }

    fn ask_delete(&mut self) {
        let Screen::Records(view) = self.model.screen else {
            return;
        };
        if view.resource().methods.delete.is_none() {
            return;
        }
        let Some(key) = self.chosen_key() else { return };
        let records = self.model.records(view);
        let row = records
            .rows()
            .iter()
            .find(|row| crate::model::records::key_of(view, row) == key);
        let Some((id, name)) = row.map(|row| (int_at(row, "id"), view.name_of(row))) else {
            return;
        };
        let singular = view.resource().singular;
        let text = format!(
            "{singular} “{name}” will be deleted for good. The switch refuses if something still refers to it."
        );
        let action = format!("Delete {name}");
        self.model.ask(
            &format!("Delete {singular}?"),
            text,
            &action,
            Command::DeleteNow { view, id, name },
        );
    }

    fn ask_hang_up(&mut self) {
        let Some(call) = self
            .chosen_key()
            .and_then(|key| key.parse().ok())
            .map(CallId)
        else {
            return;
        };
        let Some(live) = self.model.live.call(call) else {
            return;
        };
        let name = format!("{} ➡ {}", live.caller, live.dialled);
        let text = format!(
            "The call {name} of {} will be ended now. What was talked so far is charged.",
            live.account_name
        );
        self.model.ask(
            "Hang up this call?",
            text,
            "Hang up now",
            Command::HangUpNow { call, name },
        );
    }

    fn ask_unregister(&mut self) {
        let Some(key) = self.chosen_key() else { return };
        let Some((username, _)) = key.split_once(' ') else {
            return;
        };
        let username = username.to_owned();
        let text = format!(
            "All registrations of {username} will be dropped. It cannot be called until it registers again."
        );
        self.model.ask(
            "Unregister this phone?",
            text,
            &format!("Unregister {username}"),
            Command::UnregisterNow { username },
        );
    }

    fn save_and_go(&mut self) {
        self.model.save();
        let sent = self
            .model
            .draft
            .as_ref()
            .is_some_and(|draft| draft.saving == Saving::Sent);
        if !sent {
            self.model.leaving = None;
        }
    }

    fn change_password(&mut self) {
        let system = &mut self.model.tools.system;
        if system.new_password != system.again {
            system.password_fault = Some("the two new passwords differ".into());
            return;
        }
        if system.new_password.chars().count() < 8 {
            system.password_fault = Some("at least 8 characters".into());
            return;
        }
        let params = ChangePasswordParams {
            old: system.old_password.clone(),
            new: system.new_password.clone(),
        };
        self.model
            .requests
            .call("session.change_password", json!(params), Purpose::Password);
    }
}

/// Whether the command would throw an open form away.
fn leaves_form(command: &Command) -> bool {
    matches!(
        command,
        Command::Open(_)
            | Command::OpenScoped { .. }
            | Command::New
            | Command::Edit
            | Command::CloseForm
            | Command::Disconnect
            | Command::Quit
            | Command::DeleteNow { .. }
    )
}
