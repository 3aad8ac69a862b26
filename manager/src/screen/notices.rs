//! The notification centre: what happened lately, newest first, readable and copyable.

use super::Cx;
use crate::{
    command::Command,
    model::{format, notice::Level},
    theme::{self, Tone},
    widget,
};
use egui::Ui;

pub fn notices(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.horizontal(|ui| {
        widget::heading(ui, "Notifications");
        widget::button_if(
            ui,
            cx.commands,
            Command::ClearNotices,
            !cx.model.notices.is_empty(),
        );
    });
    ui.add_space(theme::GAP);
    if cx.model.notices.is_empty() {
        widget::weak(ui, "Nothing has happened yet.");
    }
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            for notice in cx.model.notices.newest() {
                let (icon, tone) = looks(notice.level);
                theme::card(ui).show(ui, |ui| {
                    ui.set_width(ui.available_width());
                    ui.horizontal(|ui| {
                        widget::toned(ui, tone, icon);
                        widget::weak(ui, format::clock(notice.at_ms));
                        if ui.small_button("Copy").clicked() {
                            ui.ctx().copy_text(notice.text.clone());
                        }
                    });
                    ui.add(egui::Label::new(&notice.text).selectable(true).wrap());
                });
            }
        });
}

fn looks(level: Level) -> (&'static str, Tone) {
    match level {
        Level::Good => ("✔ Done", Tone::Good),
        Level::Info => ("ℹ Note", Tone::Info),
        Level::Warn => ("⚠ Warning", Tone::Warn),
        Level::Bad => ("✖ Failed", Tone::Bad),
    }
}
