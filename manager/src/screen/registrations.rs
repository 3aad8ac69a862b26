//! Phones registered here.

use super::Cx;
use crate::{
    command::Command,
    model::{live::RegistrationRows, table::Rows},
    resource::View,
    theme,
    widget::{self, table},
};
use egui::Ui;
use tandem_protocol::{Area, Right};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let may = cx.model.may(Area::Live, Right::Change);
    let model = &mut *cx.model;
    let (names, state) = (&model.names, &mut model.live_tables.registrations);
    let account = |id| names.get(View::Accounts, id);
    let now_ms = model.now_ms + model.live.clock_ahead_ms;
    let rows = RegistrationRows {
        rows: model.live.registrations(),
        now_ms,
        account: &account,
    };
    state.refresh(&rows, model.live.version + names.version);
    ui.horizontal(|ui| {
        widget::heading(ui, "Registrations");
        ui.add_space(theme::GAP);
        widget::weak(
            ui,
            format!("{} of {} phones", state.view().len(), rows.len()),
        );
    });
    ui.horizontal(|ui| {
        super::filter_box(ui, state, cx.focus_filter, "word, -word, source:10.0");
        widget::button_if(
            ui,
            cx.commands,
            Command::Unregister,
            may && !state.selected.is_empty(),
        );
        super::table_buttons(ui, cx.commands);
    });
    ui.add_space(theme::GAP_SMALL);
    if rows.is_empty() {
        return widget::state::empty(ui, "No phone is registered.");
    }
    let menu = [
        Command::Unregister,
        Command::CopyRows,
        Command::ExportCsv,
        Command::SelectAll,
    ];
    let menu = if may { &menu[..] } else { &menu[1..] };
    table::show(
        ui,
        cx.commands,
        &rows,
        state,
        &table::Looks {
            name: "registrations",
            menu,
            sortable: &[],
        },
    );
}
