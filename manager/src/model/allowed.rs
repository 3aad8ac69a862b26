//! Which commands would do something now: menus grey the others out, the palette leaves them out, keys ignore them.
//!
//! The switch enforces rights; here only what it would refuse, or what has no meaning on the open screen, is
//! kept from the operator's way.

use super::{Model, draft::Saving, screen::Screen, table::TableState, traces::subject_of};
use crate::{command::Command, resource::View};
use tandem_protocol::{Area, CallId, Right, sip_trace::TraceSubject};

impl Model {
    /// Whether carrying the command out now would do anything.
    pub fn allows(&self, command: &Command) -> bool {
        match command {
            Command::Open(screen) => self.may(screen.area(), Right::See),
            Command::Refresh => !self.is_tool(),
            Command::FocusFilter => self.has_table() || self.screen == Screen::Settings,
            Command::CopyRows | Command::ExportCsv | Command::SelectAll => self.has_table(),
            Command::NextPage => self
                .open_records()
                .is_some_and(|records| records.later_rows() > 0),
            Command::PreviousPage => self
                .open_records()
                .is_some_and(|records| records.offset > 0),
            Command::Save if self.screen == Screen::Settings => {
                self.allows_tool(&Command::SaveSettings)
            }
            Command::Revert if self.screen == Screen::Settings => {
                self.allows_tool(&Command::RevertSettings)
            }
            Command::New
            | Command::Edit
            | Command::Delete
            | Command::Save
            | Command::Revert
            | Command::CloseForm => self.allows_edit(command),
            Command::Freeze => self.screen == Screen::LiveCalls,
            Command::HangUp => self.may_end(Screen::LiveCalls),
            Command::Unregister => self.may_end(Screen::Registrations),
            Command::Probe => self.may(Area::Gateways, Right::Change) && self.probed().is_some(),
            Command::Record | Command::StopRecording => {
                self.may(Area::Recordings, Right::Change) && self.chosen_call().is_some()
            }
            Command::SaveRecording => {
                self.may(Area::Recordings, Right::See) && self.cdr.recording().is_some()
            }
            Command::Follow => {
                self.may(Area::SipTraces, Right::Change) && self.followed().is_some()
            }
            other => self.allows_tool(other),
        }
    }

    fn allows_edit(&self, command: &Command) -> bool {
        let Some(view) = self.open_view() else {
            return false;
        };
        let (methods, change) = (
            view.resource().methods,
            self.may(view.area(), Right::Change),
        );
        let chosen = self
            .open_table()
            .map_or(0, |table: &TableState| table.selected.len());
        let draft = self.draft.as_ref().filter(|draft| draft.view == view);
        let idle = draft.is_some_and(|draft| draft.saving != Saving::Sent);
        match command {
            Command::New => change && methods.create.is_some(),
            Command::Edit => chosen == 1 && (methods.update.is_some() || view == View::Cdrs),
            Command::Delete => change && chosen == 1 && methods.delete.is_some(),
            Command::Save => {
                change && idle && draft.is_some_and(|draft| draft.is_new() || draft.is_dirty())
            }
            Command::Revert => idle && self.is_draft_dirty(),
            _ => draft.is_some() || (view == View::Cdrs && self.cdr.call.is_some()),
        }
    }

    fn allows_tool(&self, command: &Command) -> bool {
        let tools = &self.tools;
        let system = self.screen == Screen::System && self.may(Area::System, Right::Change);
        match command {
            Command::Simulate => {
                self.screen == Screen::Simulator && !tools.simulator.result.is_loading()
            }
            Command::Price => self.screen == Screen::Pricing && !tools.pricing.result.is_loading(),
            Command::TryRules => {
                self.screen == Screen::NumberRules
                    && !tools.rules.result.is_loading()
                    && !tools.rules.number.trim().is_empty()
            }
            Command::SaveSettings => {
                self.screen == Screen::Settings
                    && self.may(Area::Settings, Right::Change)
                    && tools.settings.changed() > 0
            }
            Command::RevertSettings => {
                self.screen == Screen::Settings && tools.settings.changed() > 0
            }
            Command::Verify => system && !tools.system.verify.is_loading(),
            Command::Backup => system && !tools.system.backup.is_loading(),
            _ => true,
        }
    }

    /// What the chosen row of the open screen would be followed as.
    pub fn followed(&self) -> Option<TraceSubject> {
        let mut chosen = self.open_table()?.selected.iter();
        let first = chosen.next().filter(|_| chosen.next().is_none())?;
        subject_of(self.screen, first)
    }

    /// How the chosen gateway, or upstream registration, is asked now.
    pub fn probed(&self) -> Option<(&'static str, serde_json::Value)> {
        let method = match self.screen {
            Screen::GatewayStatus => "gateway.probe",
            Screen::UpstreamStatus => "upstream.register",
            _ => return None,
        };
        let mut chosen = self.open_table()?.selected.iter();
        let first = chosen.next().filter(|_| chosen.next().is_none())?;
        let id: i64 = first.parse().ok()?;
        Some((method, serde_json::json!({ "id": id })))
    }

    /// The one open call that is chosen.
    pub fn chosen_call(&self) -> Option<CallId> {
        let mut chosen = self.live_tables.calls.selected.iter();
        let first = chosen.next().filter(|_| chosen.next().is_none())?;
        let call = first.parse().ok().map(CallId)?;
        (self.screen == Screen::LiveCalls).then_some(call)
    }

    fn may_end(&self, screen: Screen) -> bool {
        self.screen == screen
            && self.may(Area::Live, Right::Change)
            && self
                .open_table()
                .is_some_and(|table| table.selected.len() == 1)
    }

    fn is_tool(&self) -> bool {
        matches!(
            self.screen,
            Screen::Simulator | Screen::Pricing | Screen::NumberRules
        )
    }

    fn has_table(&self) -> bool {
        self.open_table().is_some()
    }

    fn open_view(&self) -> Option<View> {
        match self.screen {
            Screen::Records(view) => Some(view),
            _ => None,
        }
    }

    fn open_records(&self) -> Option<&super::records::Records> {
        self.records.get(&self.open_view()?)
    }

    fn open_table(&self) -> Option<&TableState> {
        match self.screen {
            Screen::LiveCalls => Some(&self.live_tables.calls),
            Screen::Registrations => Some(&self.live_tables.registrations),
            Screen::GatewayStatus => Some(&self.live_tables.gateways),
            Screen::UpstreamStatus => Some(&self.live_tables.upstreams),
            Screen::Records(view) => self.records.get(&view).map(|records| &records.table),
            _ => None,
        }
    }
}
