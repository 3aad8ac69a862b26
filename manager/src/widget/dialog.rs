//! Questions that stand in the way: what will happen to which object, a safe default, Esc is no.

use super::{button, first_focus, primary};
use crate::{
    command::{Command, Commands},
    model::Question,
    theme,
};
use egui::{Button, Id, Modal, RichText, Ui, Vec2};

/// Shows the question; Cancel has the focus.
pub fn question(ui: &Ui, commands: &mut Commands, question: &Question) {
    let modal = Modal::new(Id::unique("question"))
        .frame(theme::dialog(ui))
        .show(ui.ctx(), |ui| {
            ui.set_width(theme::DIALOG_WIDTH);
            ui.heading(&question.title);
            ui.add_space(theme::GAP);
            ui.label(&question.text);
            ui.add_space(theme::GAP_WIDE);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let t = theme::tokens(ui);
                let text = RichText::new(&question.action).color(if question.danger {
                    t.on_bad
                } else {
                    t.on_accent
                });
                let fill = if question.danger { t.bad } else { t.accent };
                if ui
                    .add(
                        Button::new(text)
                            .fill(fill)
                            .min_size(Vec2::new(0.0, theme::BUTTON)),
                    )
                    .clicked()
                {
                    commands.send(Command::Confirm);
                }
                let cancel = button(ui, commands, Command::Cancel);
                first_focus(ui, &cancel);
            });
        });
    if modal.should_close() {
        commands.send(Command::Cancel);
    }
}

/// Leave a changed form?
pub fn leave(ui: &Ui, commands: &mut Commands, name: &str) {
    let modal = Modal::new(Id::unique("leave"))
        .frame(theme::dialog(ui))
        .show(ui.ctx(), |ui| {
            ui.set_width(theme::DIALOG_WIDTH);
            ui.heading("Unsaved changes");
            ui.add_space(theme::GAP);
            ui.label(format!("{name} has changes that are not saved."));
            ui.add_space(theme::GAP_WIDE);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                primary(ui, commands, Command::SaveAndGo, true);
                button(ui, commands, Command::DiscardAndGo);
                let stay = button(ui, commands, Command::Stay);
                first_focus(ui, &stay);
            });
        });
    if modal.should_close() {
        commands.send(Command::Stay);
    }
}
