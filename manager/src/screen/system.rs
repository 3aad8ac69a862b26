//! The switch itself: version and clock, checks and backup, one's own password.

use super::Cx;
use crate::{
    command::Command,
    model::format,
    theme::{self, Tone},
    widget::{self, row},
};
use egui::{Grid, RichText, TextEdit, Ui};
use tandem_protocol::{Area, Right};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.horizontal(|ui| {
        widget::heading(ui, "Server");
        widget::icon(ui, cx.commands, Command::Refresh, true);
    });
    ui.add_space(theme::GAP);
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            card(ui, "Switch", |ui| info(ui, cx));
            if cx.model.may(Area::System, Right::Change) {
                card(ui, "Books", |ui| books(ui, cx));
                card(ui, "Backup", |ui| backup(ui, cx));
            }
            card(ui, "My password", |ui| password(ui, cx));
        });
}

fn card(ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui)) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(title).strong());
        ui.add_space(theme::GAP_SMALL);
        add(ui);
    });
    ui.add_space(theme::GAP);
}

fn info(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (address, pin) = (
        cx.model.connection.form.address.clone(),
        cx.model.connection.form.pin.clone(),
    );
    widget::state::slot(
        ui,
        cx.commands,
        &cx.model.tools.system.info,
        Command::Refresh,
        |ui, _, info| {
            Grid::new("server info").num_columns(2).show(ui, |ui| {
                for (label, value) in [
                    ("Address", address),
                    ("Version", info.version.clone()),
                    ("Its clock", format::time(info.now.0)),
                    ("Running since", format::time(info.started_at.0)),
                    (
                        "Running for",
                        format::duration((info.now.0 - info.started_at.0) / 1000),
                    ),
                    ("Directory", format!("version {}", info.directory_version)),
                    ("Fingerprint", pin.unwrap_or_default()),
                ] {
                    widget::weak(ui, label);
                    ui.add(egui::Label::new(value).selectable(true).wrap());
                    ui.end_row();
                }
            });
        },
    );
}

fn books(ui: &mut Ui, cx: &mut Cx<'_>) {
    widget::weak(
        ui,
        "Holds every balance, hold and CDR against the ledger. Changes nothing; may take a while.",
    );
    let slot = &cx.model.tools.system.verify;
    widget::button_if(ui, cx.commands, Command::Verify, !slot.is_loading());
    widget::state::slot(ui, cx.commands, slot, Command::Verify, |ui, _, found| {
        if found.clean {
            widget::toned(ui, Tone::Good, "✔ Everything agrees.");
        }
        for fault in &found.faults {
            widget::toned(ui, Tone::Bad, format!("✖ {fault}"));
        }
    });
}

fn backup(ui: &mut Ui, cx: &mut Cx<'_>) {
    widget::weak(
        ui,
        "Into the data folder's backup folder, while calls go on.",
    );
    let slot = &cx.model.tools.system.backup;
    widget::button_if(ui, cx.commands, Command::Backup, !slot.is_loading());
    widget::state::slot(ui, cx.commands, slot, Command::Backup, |ui, _, made| {
        widget::toned(
            ui,
            Tone::Good,
            format!("✔ {} ({} bytes)", made.file, format::grouped(made.bytes)),
        );
    });
}

fn password(ui: &mut Ui, cx: &mut Cx<'_>) {
    let system = &mut cx.model.tools.system;
    for (label, text) in [
        ("Password now", &mut system.old_password),
        ("New password", &mut system.new_password),
        ("New one again", &mut system.again),
    ] {
        row(ui, label, |ui, label| {
            let edit = TextEdit::singleline(text)
                .password(true)
                .desired_width(theme::FIELD_WIDTH);
            ui.add(edit.min_size(egui::vec2(0.0, theme::MIN_TARGET)))
                .labelled_by(label.id);
        });
    }
    if let Some(fault) = &system.password_fault {
        widget::toned(ui, Tone::Bad, format!("⚠ {fault}"));
    }
    let filled = !system.old_password.is_empty() && !system.new_password.is_empty();
    widget::button_if(ui, cx.commands, Command::ChangePassword, filled);
}
