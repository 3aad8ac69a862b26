//! Building blocks of the screens.

pub mod dialog;
pub mod form;
pub mod picker;
pub mod state;
pub mod table;

use crate::{
    command::{Command, Commands},
    theme::{self, Tone},
};
use egui::{Button, Response, RichText, Ui, Vec2};

/// Sends its command; looks as the command says.
pub fn button(ui: &mut Ui, commands: &mut Commands, command: Command) -> Response {
    button_if(ui, commands, command, true)
}

pub fn button_if(
    ui: &mut Ui,
    commands: &mut Commands,
    command: Command,
    enabled: bool,
) -> Response {
    let spec = command.spec();
    let button =
        Button::new(format!("{} {}", spec.icon, spec.text)).min_size(Vec2::new(0.0, theme::BUTTON));
    let response = ui
        .add_enabled(enabled, button)
        .on_hover_text(tooltip(ui, &command));
    if response.clicked() {
        commands.send(command);
    }
    response
}

/// The one that matters most of a screen.
pub fn primary(ui: &mut Ui, commands: &mut Commands, command: Command, enabled: bool) -> Response {
    let spec = command.spec();
    let t = theme::tokens(ui);
    let text = RichText::new(format!("{} {}", spec.icon, spec.text)).color(t.on_accent);
    let button = Button::new(text)
        .fill(t.accent)
        .min_size(Vec2::new(0.0, theme::BUTTON));
    let response = ui
        .add_enabled(enabled, button)
        .on_hover_text(tooltip(ui, &command));
    if response.clicked() {
        commands.send(command);
    }
    response
}

/// Only an icon; the command's text is its name for screen readers.
pub fn icon(ui: &mut Ui, commands: &mut Commands, command: Command, enabled: bool) -> Response {
    let spec = command.spec();
    let button = Button::new(spec.icon).min_size(Vec2::splat(theme::BUTTON));
    let response = ui
        .add_enabled(enabled, button)
        .on_hover_text(tooltip(ui, &command));
    name(&response, &spec.text);
    if response.clicked() {
        commands.send(command);
    }
    response
}

/// The safe button of a page or question has the keyboard until another is chosen.
pub fn first_focus(ui: &Ui, response: &Response) {
    if ui.memory(|memory| memory.focused().is_none()) {
        response.request_focus();
    }
}

/// Gives a widget its accessible name.
pub fn name(response: &Response, text: &str) {
    let (text, enabled) = (text.to_owned(), response.enabled());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, &text));
}

pub fn tooltip(ui: &Ui, command: &Command) -> String {
    let spec = command.spec();
    match spec.shortcut {
        Some(shortcut) => format!("{} ({})", spec.tooltip, ui.ctx().format_shortcut(&shortcut)),
        None => spec.tooltip.to_owned(),
    }
}

/// An entry of a menu.
pub fn entry(ui: &mut Ui, commands: &mut Commands, command: Command, enabled: bool) {
    let spec = command.spec();
    let mut button = Button::new(format!("{}  {}", spec.icon, spec.text))
        .min_size(Vec2::new(0.0, theme::MIN_TARGET));
    if let Some(shortcut) = spec.shortcut {
        button = button.shortcut_text(ui.ctx().format_shortcut(&shortcut));
    }
    if ui.add_enabled(enabled, button).clicked() {
        commands.send(command);
        ui.close();
    }
}

pub fn heading(ui: &mut Ui, text: &str) {
    ui.heading(text);
}

/// A short remark in the quiet colour.
pub fn weak(ui: &mut Ui, text: impl Into<String>) -> Response {
    let color = theme::tokens(ui).weak;
    ui.label(RichText::new(text).color(color))
}

pub fn toned(ui: &mut Ui, tone: Tone, text: impl Into<String>) -> Response {
    let color = theme::tokens(ui).tone(tone);
    ui.label(RichText::new(text).color(color))
}

/// Something that went wrong: readable, can be selected and copied.
pub fn fault(ui: &mut Ui, text: &str) {
    let t = theme::tokens(ui);
    theme::card(ui)
        .stroke(egui::Stroke::new(1.0, t.bad))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new("⚠").color(t.bad));
                ui.add(
                    egui::Label::new(RichText::new(text).color(t.bad))
                        .selectable(true)
                        .wrap(),
                );
                if ui.small_button("Copy").clicked() {
                    ui.ctx().copy_text(text.to_owned());
                }
            });
        });
}

/// A form at the left and its answer at the right; below it where there is no room.
pub fn side_by_side<T>(
    ui: &mut Ui,
    name: &str,
    cx: &mut T,
    form: impl FnOnce(&mut Ui, &mut T),
    answer: impl FnOnce(&mut Ui, &mut T),
) {
    let scroll = || egui::ScrollArea::vertical().auto_shrink(false);
    if ui.available_width() < theme::SIDE_BY_SIDE {
        scroll().id_salt(name).show(ui, |ui| {
            form(ui, cx);
            ui.add_space(theme::GAP);
            answer(ui, cx);
        });
        return;
    }
    egui::Panel::left(egui::Id::unique(name).with("form"))
        .resizable(false)
        .exact_size(theme::TOOL_FORM)
        .frame(egui::Frame::new())
        .show_separator_line(false)
        .show(ui, |ui| form(ui, cx));
    egui::CentralPanel::default()
        .frame(theme::detail(ui))
        .show(ui, |ui| {
            scroll().id_salt(name).show(ui, |ui| answer(ui, cx))
        });
}

/// Label left, field right, in a grid of two columns.
pub fn row(ui: &mut Ui, label: &str, add: impl FnOnce(&mut Ui, &Response)) {
    ui.horizontal(|ui| {
        let label = ui.scope(|ui| {
            ui.set_width(theme::LABEL_WIDTH);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.set_width(theme::LABEL_WIDTH);
                ui.label(label)
            })
            .inner
        });
        add(ui, &label.inner);
    });
}
