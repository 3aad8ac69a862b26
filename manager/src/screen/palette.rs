//! The command palette, and the list of shortcuts made of the same commands.

use crate::{
    command::{Command, Commands},
    theme, widget,
};
use egui::{Id, Key, Modal, Modifiers, TextEdit, Ui, Vec2};

/// What is typed and which entry the keyboard is on.
#[derive(Debug, Default)]
pub struct Palette {
    pub text: String,
    pub cursor: usize,
}

/// Commands whose text, or else tooltip, holds every word typed.
fn matching(text: &str, allows: &dyn Fn(&Command) -> bool) -> Vec<Command> {
    let text = text.to_lowercase();
    let holds = |place: &str| {
        let place = place.to_lowercase();
        text.split_whitespace().all(|word| place.contains(word))
    };
    let (mut by_text, mut by_tooltip) = (Vec::new(), Vec::new());
    for command in Command::standing() {
        let spec = command.spec();
        if command == Command::Palette || !allows(&command) {
            continue;
        } else if holds(&spec.text) {
            by_text.push(command);
        } else if holds(spec.tooltip) {
            by_tooltip.push(command);
        }
    }
    by_text.append(&mut by_tooltip);
    by_text
}

/// False when it is done.
pub fn palette(
    ui: &Ui,
    commands: &mut Commands,
    palette: &mut Palette,
    allows: &dyn Fn(&Command) -> bool,
) -> bool {
    let mut open = true;
    let modal = Modal::new(Id::unique("palette"))
        .frame(theme::dialog(ui))
        .show(ui.ctx(), |ui| {
            ui.set_width(theme::PALETTE_WIDTH);
            let (up, down, enter) = ui.input_mut(|input| {
                let mut pressed = |key| input.consume_key(Modifiers::NONE, key);
                (
                    pressed(Key::ArrowUp),
                    pressed(Key::ArrowDown),
                    pressed(Key::Enter),
                )
            });
            let label = ui.label("Command");
            let edit = TextEdit::singleline(&mut palette.text)
                .desired_width(f32::INFINITY)
                .hint_text("Type what you want to do");
            let response = ui
                .add(edit.min_size(Vec2::new(0.0, theme::BUTTON)))
                .labelled_by(label.id);
            response.request_focus();
            if response.changed() {
                palette.cursor = 0;
            }
            let found = matching(&palette.text, allows);
            let last = found.len().saturating_sub(1);
            palette.cursor = if down {
                palette.cursor + 1
            } else {
                palette.cursor.saturating_sub(usize::from(up))
            }
            .min(last);
            let mut chosen = if enter {
                found.get(palette.cursor).cloned()
            } else {
                None
            };
            chosen = offers(ui, &found, palette.cursor, up || down).or(chosen);
            if let Some(command) = chosen {
                commands.send(command);
                open = false;
            }
        });
    open && !modal.should_close()
}

/// The commands found; the one clicked, if any.
fn offers(ui: &mut Ui, found: &[Command], cursor: usize, moved: bool) -> Option<Command> {
    let mut chosen = None;
    let list = egui::ScrollArea::vertical().auto_shrink(false);
    list.max_height(theme::PALETTE_HEIGHT).show(ui, |ui| {
        for (at, command) in found.iter().enumerate() {
            let spec = command.spec();
            let text = format!("{}  {}", spec.icon, spec.text);
            let mut entry = egui::Button::selectable(at == cursor, text)
                .min_size(Vec2::new(ui.available_width(), theme::ROW));
            if let Some(shortcut) = spec.shortcut {
                entry = entry.shortcut_text(ui.ctx().format_shortcut(&shortcut));
            }
            let response = ui.add(entry).on_hover_text(spec.tooltip);
            if at == cursor && moved {
                response.scroll_to_me(None);
            }
            if response.clicked() {
                chosen = Some(command.clone());
            }
        }
        if found.is_empty() {
            widget::weak(ui, "Nothing of that name can be done here.");
        }
    });
    chosen
}

/// False when it is done.
pub fn shortcuts(ui: &Ui) -> bool {
    let mut open = true;
    let modal = Modal::new(Id::unique("shortcuts"))
        .frame(theme::dialog(ui))
        .show(ui.ctx(), |ui| {
            ui.set_width(theme::DIALOG_WIDTH);
            ui.heading("Keyboard shortcuts");
            ui.add_space(theme::GAP);
            egui::ScrollArea::vertical()
                .max_height(theme::PALETTE_HEIGHT)
                .show(ui, |ui| {
                    egui::Grid::new("shortcuts")
                        .num_columns(2)
                        .striped(true)
                        .min_col_width(theme::LABEL_WIDTH)
                        .show(ui, |ui| {
                            for spec in Command::standing().iter().map(Command::spec) {
                                if let Some(shortcut) = spec.shortcut {
                                    ui.label(&spec.text);
                                    ui.monospace(ui.ctx().format_shortcut(&shortcut));
                                    ui.end_row();
                                }
                            }
                            for (keys, what) in [
                                ("Arrows, Home, End", "Move in a table"),
                                ("Space", "Choose a row"),
                                ("Enter", "Open a row"),
                            ] {
                                ui.label(what);
                                ui.monospace(keys);
                                ui.end_row();
                            }
                        });
                });
            ui.add_space(theme::GAP);
            if ui.button("Close").clicked() {
                open = false;
            }
        });
    open && !modal.should_close()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::screen::Screen, resource::View};

    #[test]
    fn words_find_commands() {
        let matching = |text| matching(text, &|_| true);
        assert_eq!(
            matching("dial plan").first(),
            Some(&Command::Open(Screen::Records(View::Routes)))
        );
        assert_eq!(matching("export"), [Command::ExportCsv]);
        let light = Command::Theme(theme::ThemeChoice::Light);
        assert_eq!(matching("light theme").first(), Some(&light));
        assert!(matching("nosuchthing").is_empty());
        let seeing = |command: &Command| *command != Command::ExportCsv;
        assert!(super::matching("export", &seeing).is_empty());
    }
}
