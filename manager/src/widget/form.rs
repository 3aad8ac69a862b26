//! A draft as a form, drawn from its resource's description.
//!
//! Each field has its label, its box, a hint, and under it what is wrong. Nothing is sent from here.

use super::{picker::Picker, weak};
use crate::{
    model::draft::Draft,
    resource::{Choice, Field, Input, Part, at},
    theme,
};
use egui::{ComboBox, Response, RichText, TextEdit, Ui, Vec2};
use serde_json::Value;

pub fn show(ui: &mut Ui, draft: &mut Draft, picker: &mut Picker<'_>, editable: bool) {
    let object = draft.value.clone();
    for section in draft.view.resource().sections {
        theme::card(ui).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new(section.title).strong());
            ui.add_space(theme::GAP_SMALL);
            for field in section.fields {
                show_field(
                    ui,
                    draft,
                    picker,
                    &Place {
                        field,
                        above: "",
                        object: &object,
                        editable,
                    },
                );
            }
        });
        ui.add_space(theme::GAP);
    }
}

/// One field and where it stands.
struct Place<'a> {
    field: &'static Field,
    /// Path before the field's own, with its dot.
    above: &'a str,
    /// What the field is a part of.
    object: &'a Value,
    editable: bool,
}

impl Place<'_> {
    fn path(&self) -> String {
        format!("{}{}", self.above, self.field.path)
    }
}

fn show_field(ui: &mut Ui, draft: &mut Draft, picker: &mut Picker<'_>, place: &Place<'_>) {
    let field = place.field;
    if field.shown.is_some_and(|shown| !shown(place.object)) {
        return;
    }
    let path = place.path();
    if let Input::Rows(part) = &field.input {
        return show_rows(ui, draft, picker, place, part);
    }
    let changed = draft.changed(&path);
    let needed = if field.required { " *" } else { "" };
    super::row(ui, &format!("{}{needed}", field.label), |ui, label| {
        let enabled = place.editable && (draft.is_new() || !field.fixed);
        ui.add_enabled_ui(enabled, |ui| {
            ui.vertical(|ui| {
                ui.horizontal(|ui| {
                    input(ui, draft, picker, place, label);
                    if changed {
                        super::toned(ui, theme::Tone::Warn, "•").on_hover_text("changed");
                    }
                });
                if let Some(fault) = draft.error(&path) {
                    super::toned(ui, theme::Tone::Bad, format!("⚠ {fault}"));
                } else if !field.hint.is_empty() && !matches!(field.input, Input::Flag) {
                    let color = theme::tokens(ui).weak;
                    ui.label(RichText::new(field.hint).small().color(color));
                }
            });
        });
    });
}

fn input(
    ui: &mut Ui,
    draft: &mut Draft,
    picker: &mut Picker<'_>,
    place: &Place<'_>,
    label: &Response,
) {
    let (field, path) = (place.field, place.path());
    match &field.input {
        Input::Flag => {
            let mut on = at(&draft.value, &path)
                .and_then(Value::as_bool)
                .unwrap_or_default();
            let text = if field.hint.is_empty() {
                " "
            } else {
                field.hint
            };
            if ui.checkbox(&mut on, text).labelled_by(label.id).changed() {
                draft.set(&path, on.into());
            }
        }
        Input::Choice(choices) => choice(ui, draft, &path, label, choices, false),
        Input::OptionalChoice(choices) => choice(ui, draft, &path, label, choices, true),
        Input::Ref(view) | Input::OptionalRef(view) => {
            let current = at(&draft.value, &path).and_then(Value::as_i64);
            let optional = matches!(field.input, Input::OptionalRef(_));
            if let Some(chosen) = picker.show(ui, label, *view, current, optional) {
                draft.set(&path, chosen.map_or(Value::Null, Value::from));
            }
        }
        _ => text(ui, draft, place, &path, label),
    }
}

fn text(ui: &mut Ui, draft: &mut Draft, place: &Place<'_>, path: &str, label: &Response) {
    let field = place.field;
    let mut text = draft.text(path, &field.input);
    let short = matches!(
        field.input,
        Input::Integer { .. }
            | Input::OptionalInteger { .. }
            | Input::Money
            | Input::OptionalMoney
            | Input::Price
            | Input::OptionalPrice
            | Input::Minute
    );
    let width = if short {
        theme::SHORT_FIELD_WIDTH
    } else {
        theme::FIELD_WIDTH
    };
    let edit = match field.input {
        Input::Notes => TextEdit::multiline(&mut text).desired_rows(3),
        Input::Secret => TextEdit::singleline(&mut text).password(true),
        Input::Rules => TextEdit::singleline(&mut text)
            .code_editor()
            .desired_rows(1),
        _ => TextEdit::singleline(&mut text),
    };
    let edit = edit
        .desired_width(width)
        .min_size(Vec2::new(0.0, theme::MIN_TARGET));
    let response = ui.add(edit).labelled_by(label.id);
    if response.changed() {
        if matches!(field.input, Input::Secret) && text.is_empty() {
            draft.set(path, Value::Null);
        } else {
            draft.type_in(path, field, text);
        }
    }
}

fn choice(
    ui: &mut Ui,
    draft: &mut Draft,
    path: &str,
    label: &Response,
    choices: &[Choice],
    optional: bool,
) {
    let current = at(&draft.value, path)
        .and_then(Value::as_str)
        .map(str::to_owned);
    let shown = choices
        .iter()
        .find(|choice| Some(choice.value) == current.as_deref())
        .map_or("(not set)", |c| c.label);
    let mut chosen = None;
    let combo = ComboBox::from_id_salt(path)
        .selected_text(shown)
        .width(theme::FIELD_WIDTH)
        .show_ui(ui, |ui| {
            if optional
                && ui
                    .selectable_label(current.is_none(), "(not set)")
                    .clicked()
            {
                chosen = Some(Value::Null);
            }
            for choice in choices {
                if ui
                    .selectable_label(current.as_deref() == Some(choice.value), choice.label)
                    .clicked()
                {
                    chosen = Some(choice.value.into());
                }
            }
        });
    combo.response.labelled_by(label.id);
    if let Some(value) = chosen {
        draft.set(path, value);
    }
}

fn show_rows(
    ui: &mut Ui,
    draft: &mut Draft,
    picker: &mut Picker<'_>,
    place: &Place<'_>,
    part: &'static Part,
) {
    let path = place.path();
    let mut rows = at(&draft.value, &path)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut changed = false;
    ui.horizontal(|ui| {
        let needed = if place.field.required { " *" } else { "" };
        ui.label(format!("{}{needed}", place.field.label));
        let add = ui.add_enabled(
            place.editable && rows.len() < part.most,
            egui::Button::new(format!("➕ Add {}", part.singular)),
        );
        if add.clicked() {
            rows.push((part.blank)());
            changed = true;
        }
        if rows.is_empty() && !place.field.hint.is_empty() {
            weak(ui, place.field.hint);
        }
    });
    if let Some(fault) = draft.error(&path) {
        super::toned(ui, theme::Tone::Bad, format!("⚠ {fault}"));
    }
    let mut gone = None;
    for (index, object) in rows.iter().enumerate() {
        ui.push_id((&path, index), |ui| {
            egui::Frame::group(ui.style()).show(ui, |ui| {
                ui.set_width(ui.available_width());
                let above = format!("{path}.{index}.");
                for field in part.fields {
                    show_field(
                        ui,
                        draft,
                        picker,
                        &Place {
                            field,
                            above: &above,
                            object,
                            editable: place.editable,
                        },
                    );
                }
                let remove = egui::Button::new(format!("🗑 Remove {} {}", part.singular, index + 1));
                if ui.add_enabled(place.editable, remove).clicked() {
                    gone = Some(index);
                }
            });
        });
    }
    if let Some(index) = gone {
        rows.remove(index);
        changed = true;
    }
    if changed {
        draft.set_rows(&path, rows);
    }
}
