//! Loading, failed, empty: said in words, with a way on.

use super::{button, fault, weak};
use crate::{
    command::{Command, Commands},
    model::request::Slot,
    theme,
};
use egui::Ui;

/// Shows a slot: its value by `ready`, else what stands in its place.
pub fn slot<T>(
    ui: &mut Ui,
    commands: &mut Commands,
    slot: &Slot<T>,
    retry: Command,
    ready: impl FnOnce(&mut Ui, &mut Commands, &T),
) {
    if let Some(value) = slot.value() {
        return ready(ui, commands, value);
    }
    if let Some(error) = slot.error() {
        fault(ui, &error.to_string());
        ui.add_space(theme::GAP_SMALL);
        button(ui, commands, retry);
    } else if slot.is_loading() {
        weak(ui, "Loading …");
    }
}

/// In place of a table without rows.
pub fn empty(ui: &mut Ui, text: &str) {
    ui.add_space(theme::GAP_WIDE * 2.0);
    ui.vertical_centered(|ui| weak(ui, text));
}
