//! Settings of the switch; each takes effect at once when saved.

use super::Cx;
use crate::{
    command::Command,
    model::tools::Settings,
    theme::{self, Tone},
    widget,
};
use egui::{TextEdit, Ui};
use serde_json::Value;
use tandem_protocol::{Area, Right, system::Setting};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let may = cx.model.may(Area::Settings, Right::Change);
    let changed = cx.model.tools.settings.changed();
    ui.horizontal(|ui| {
        widget::heading(ui, "Settings");
        if changed > 0 {
            widget::toned(ui, Tone::Warn, format!("• {changed} changed"));
        }
    });
    ui.horizontal(|ui| {
        let label = ui.label("Filter:");
        let settings = &mut cx.model.tools.settings;
        let edit = TextEdit::singleline(&mut settings.filter)
            .hint_text("word")
            .desired_width(theme::FILTER_WIDTH);
        let response = ui.add(theme::beside_buttons(edit)).labelled_by(label.id);
        if std::mem::take(cx.focus_filter) {
            response.request_focus();
        }
        widget::primary(ui, cx.commands, Command::SaveSettings, may && changed > 0);
        widget::button_if(ui, cx.commands, Command::RevertSettings, changed > 0);
        widget::icon(ui, cx.commands, Command::Refresh, true);
    });
    ui.add_space(theme::GAP);
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            let mut settings = std::mem::take(&mut cx.model.tools.settings);
            let list = settings.list.value().cloned();
            widget::state::slot(
                ui,
                cx.commands,
                &settings.list,
                Command::Refresh,
                |_, _, _| {},
            );
            if let Some(list) = list {
                theme::card(ui).show(ui, |ui| {
                    ui.set_width(ui.available_width());
                    let filter = settings.filter.clone();
                    for setting in list.iter().filter(|setting| matches(setting, &filter)) {
                        line(ui, &mut settings, setting, may);
                    }
                });
            }
            cx.model.tools.settings = settings;
        });
}

fn matches(setting: &Setting, filter: &str) -> bool {
    let text = format!("{} {}", setting.key, setting.description).to_lowercase();
    filter
        .to_lowercase()
        .split_whitespace()
        .all(|word| text.contains(word))
}

/// `max_duration_s` as an operator reads it: `Max duration, s`.
fn title(key: &str) -> String {
    let (words, unit) = match key.rsplit_once('_') {
        Some((words, unit @ ("s" | "ms"))) => (words, Some(unit)),
        _ => (key, None),
    };
    let words = words.replace('_', " ");
    let mut letters = words.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    let unit = unit.map(|unit| format!(", {unit}")).unwrap_or_default();
    format!("{}{}{unit}", first.unwrap_or_default(), letters.as_str())
        .replace("cps", "CPS")
        .replace("Rtp", "RTP")
}

fn line(ui: &mut Ui, settings: &mut Settings, setting: &Setting, may: bool) {
    let mark = if settings.is_changed(setting) {
        " •"
    } else {
        ""
    };
    widget::row(
        ui,
        &format!("{}{mark}", title(&setting.key)),
        |ui, label| {
            ui.vertical(|ui| {
                ui.add_enabled_ui(may, |ui| {
                    let text = settings
                        .texts
                        .entry(setting.key.clone())
                        .or_insert_with(|| Settings::text(setting));
                    if setting.value.is_boolean() {
                        let mut on = text == "true";
                        if ui.checkbox(&mut on, "on").labelled_by(label.id).changed() {
                            *text = on.to_string();
                        }
                    } else {
                        let width = if setting.value.is_number() {
                            theme::SHORT_FIELD_WIDTH
                        } else {
                            theme::WIDE_FIELD
                        };
                        let edit = TextEdit::singleline(text).desired_width(width);
                        ui.add(edit.min_size(egui::vec2(0.0, theme::MIN_TARGET)))
                            .labelled_by(label.id);
                    }
                });
                if let Some(fault) = settings.faults.get(&setting.key) {
                    widget::toned(ui, Tone::Bad, format!("⚠ {fault}"));
                }
                let color = theme::tokens(ui).weak;
                ui.label(
                    egui::RichText::new(&setting.description)
                        .small()
                        .color(color),
                );
            });
        },
    );
    ui.add_space(theme::GAP_SMALL);
}

/// The settings that were changed, as values; None if one of them is no value (its fault is noted).
pub fn to_save(settings: &mut Settings) -> Option<Vec<(String, Value)>> {
    let list = settings.list.value().cloned().unwrap_or_default();
    settings.faults.clear();
    let mut values = Vec::new();
    for setting in &list {
        if !settings.is_changed(setting) {
            continue;
        }
        match settings.parse(setting) {
            Ok(value) => values.push((setting.key.clone(), value)),
            Err(fault) => {
                settings.faults.insert(setting.key.clone(), fault);
            }
        }
    }
    settings.faults.is_empty().then_some(values)
}
