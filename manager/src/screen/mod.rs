//! One screen per file; each draws the model and sends commands.

mod cdr;
pub mod connect;
mod counters;
mod gateway_status;
mod live_calls;
mod notices;
mod number_rules;
mod palette;
mod pricing;
mod records;
mod registrations;
mod settings;
mod shell;
mod simulator;
mod system;
mod trace;
mod traces;
mod upstream_status;

pub use notices::notices;
pub use palette::{Palette, palette, shortcuts};
pub use settings::to_save as settings_to_save;
pub use shell::{Node, menu_bar, status_bar, tree};

use crate::{
    command::{Command, Commands},
    model::{Model, screen::Screen, table::TableState},
    theme, widget,
};
use egui::{TextEdit, Ui, Vec2};

/// What a screen draws and where its commands go.
pub struct Cx<'a> {
    pub model: &'a mut Model,
    pub commands: &'a mut Commands,
    /// The filter box, or the connection form's first empty one, shall take the keyboard.
    pub focus_filter: &'a mut bool,
}

/// The screen that is open.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    match cx.model.screen {
        Screen::LiveCalls => live_calls::show(ui, cx),
        Screen::Registrations => registrations::show(ui, cx),
        Screen::GatewayStatus => gateway_status::show(ui, cx),
        Screen::UpstreamStatus => upstream_status::show(ui, cx),
        Screen::Counters => counters::show(ui, cx),
        Screen::Traces => traces::show(ui, cx),
        Screen::Records(view) => records::show(ui, cx, view),
        Screen::Simulator => simulator::show(ui, cx),
        Screen::Pricing => pricing::show(ui, cx),
        Screen::NumberRules => number_rules::show(ui, cx),
        Screen::Settings => settings::show(ui, cx),
        Screen::System => system::show(ui, cx),
    }
}

/// Filter box with the number of rows it leaves.
fn filter_box(ui: &mut Ui, state: &mut TableState, focus: &mut bool, hint: &str) {
    let label = ui.label("Filter:");
    let edit = TextEdit::singleline(&mut state.filter)
        .hint_text(hint)
        .desired_width(theme::FILTER_WIDTH);
    let response = ui.add(theme::beside_buttons(edit)).labelled_by(label.id);
    if std::mem::take(focus) {
        response.request_focus();
    }
    if response.has_focus() && ui.input(|input| input.key_pressed(egui::Key::Escape)) {
        state.filter.clear();
    }
    if !state.filter.is_empty() {
        let clear = egui::Button::new("✖").min_size(Vec2::splat(theme::BUTTON));
        let clear = ui.add(clear).on_hover_text("Clear the filter (Esc)");
        widget::name(&clear, "Clear the filter");
        if clear.clicked() {
            state.filter.clear();
        }
    }
}

/// Copy and export, right of every table's filter.
fn table_buttons(ui: &mut Ui, commands: &mut Commands) {
    widget::icon(ui, commands, Command::CopyRows, true);
    widget::icon(ui, commands, Command::ExportCsv, true);
}
