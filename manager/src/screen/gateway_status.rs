//! Gateways at work, since the switch started.

use super::Cx;
use crate::{
    command::Command,
    model::{peers::GatewayRows, table::Rows},
    theme,
    widget::{self, table},
};
use egui::Ui;
use tandem_protocol::{Area, Right};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let may_follow = cx.model.may(Area::SipTraces, Right::Change);
    let may_probe = cx.model.may(Area::Gateways, Right::Change);
    let model = &mut *cx.model;
    let state = &mut model.live_tables.gateways;
    let rows = GatewayRows(model.live.gateways());
    state.refresh(&rows, model.live.version);
    ui.horizontal(|ui| {
        widget::heading(ui, "Gateway status");
        ui.add_space(theme::GAP);
        widget::weak(ui, "since the switch started");
    });
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
        return widget::state::empty(ui, "No gateway has been used yet.");
    }
    let mut menu = vec![Command::CopyRows, Command::ExportCsv];
    menu.extend(may_probe.then_some(Command::Probe));
    menu.extend(may_follow.then_some(Command::Follow));
    table::show(
        ui,
        cx.commands,
        &rows,
        state,
        &table::Looks {
            name: "gateway status",
            menu: &menu,
            sortable: &[],
        },
    );
}
