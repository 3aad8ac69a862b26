//! Upstream registrations: whether they hold, until when, and what their registrars said last.

use super::Cx;
use crate::{
    command::Command,
    model::{peers::UpstreamRows, table::Rows},
    theme,
    widget::{self, table},
};
use egui::Ui;
use tandem_protocol::{Area, Right};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let may_probe = cx.model.may(Area::Gateways, Right::Change);
    let model = &mut *cx.model;
    let state = &mut model.live_tables.upstreams;
    let rows = UpstreamRows {
        rows: model.live.upstreams(),
        now_ms: model.now_ms + model.live.clock_ahead_ms,
    };
    state.refresh(&rows, model.live.version);
    widget::heading(ui, "Upstream status");
    ui.horizontal(|ui| {
        super::filter_box(ui, state, cx.focus_filter, "word, -word");
        widget::button_if(
            ui,
            cx.commands,
            Command::Probe,
            may_probe && !state.selected.is_empty(),
        );
        super::table_buttons(ui, cx.commands);
    });
    ui.add_space(theme::GAP_SMALL);
    if rows.is_empty() {
        return widget::state::empty(ui, "There is no upstream registration yet.");
    }
    let mut menu = vec![Command::CopyRows, Command::ExportCsv];
    menu.extend(may_probe.then_some(Command::Probe));
    table::show(
        ui,
        cx.commands,
        &rows,
        state,
        &table::Looks {
            name: "upstream status",
            menu: &menu,
            sortable: &[],
        },
    );
}
