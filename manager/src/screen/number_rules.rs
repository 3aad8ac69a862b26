//! Number rules, tried on a number before they are saved anywhere.

use super::Cx;
use crate::{
    command::Command,
    theme::{self, Tone},
    widget::{self, row},
};
use egui::{ComboBox, RichText, TextEdit, Ui};
use tandem_protocol::simulate::{RuleKey, TryRuleResult};

const LANGUAGE: [(&str, &str); 7] = [
    ("abc", "puts abc before the number"),
    ("00->", "takes that prefix off"),
    ("00->49", "replaces that prefix"),
    ("!4412", "replaces the whole number"),
    ("|99", "puts 99 behind the number"),
    ("A OR B", "the first that matches"),
    ("[12]  [<12]  [>12]", "only at that length"),
];

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    widget::heading(ui, "Number rules");
    widget::weak(
        ui,
        "KEY:rule;KEY:rule, with the keys DP (toward the dial plan), DN (toward the terminator), TP (rating), CP (caller ID).",
    );
    ui.add_space(theme::GAP);
    let trial = &mut cx.model.tools.rules;
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        row(ui, "Rules", |ui, label| {
            let edit = TextEdit::singleline(&mut trial.rules)
                .code_editor()
                .desired_rows(1)
                .desired_width(theme::WIDE_FIELD);
            ui.add(edit.hint_text("DP:00->;TP:00->"))
                .labelled_by(label.id);
        });
        row(ui, "Applied to", |ui, label| {
            let combo = ComboBox::from_id_salt("rule key")
                .selected_text(key(trial.key))
                .width(theme::FIELD_WIDTH);
            let combo = combo.show_ui(ui, |ui| {
                for choice in [
                    RuleKey::ToPlan,
                    RuleKey::ToGateway,
                    RuleKey::Rating,
                    RuleKey::Caller,
                ] {
                    ui.selectable_value(&mut trial.key, choice, key(choice));
                }
            });
            combo.response.labelled_by(label.id);
        });
        row(ui, "Number", |ui, label| {
            let edit = TextEdit::singleline(&mut trial.number).desired_width(theme::FIELD_WIDTH);
            ui.add(edit.min_size(egui::vec2(0.0, theme::MIN_TARGET)))
                .labelled_by(label.id);
        });
        let ready = !trial.number.trim().is_empty() && !trial.result.is_loading();
        widget::primary(ui, cx.commands, Command::TryRules, ready);
    });
    ui.add_space(theme::GAP);
    let trial = &cx.model.tools.rules;
    widget::state::slot(
        ui,
        cx.commands,
        &trial.result,
        Command::TryRules,
        |ui, _, result| {
            answer(ui, result, &trial.rules);
        },
    );
    ui.add_space(theme::GAP);
    language(ui);
}

fn key(key: RuleKey) -> &'static str {
    match key {
        RuleKey::ToPlan => "DP: toward the dial plan",
        RuleKey::ToGateway => "DN: toward the terminator",
        RuleKey::Rating => "TP: rating number",
        RuleKey::Caller => "CP: caller ID",
    }
}

fn answer(ui: &mut Ui, result: &TryRuleResult, rules: &str) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        match (&result.number, &result.fault) {
            (_, Some(fault)) => {
                widget::toned(ui, Tone::Bad, format!("⚠ {}", fault.reason));
                let at = usize::try_from(fault.at).unwrap_or_default();
                let before = rules.get(..at).unwrap_or(rules).chars().count();
                ui.label(RichText::new(format!("{rules}\n{}^", " ".repeat(before))).monospace());
            }
            (Some(number), None) => {
                ui.horizontal(|ui| {
                    widget::weak(ui, "Result");
                    ui.label(RichText::new(number).heading());
                });
            }
            (None, None) => {
                widget::weak(ui, "No result.");
            }
        }
    });
}

fn language(ui: &mut Ui) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new("The language").strong());
        egui::Grid::new("language").num_columns(2).show(ui, |ui| {
            for (rule, meaning) in LANGUAGE {
                ui.label(RichText::new(rule).monospace());
                ui.label(meaning);
                ui.end_row();
            }
        });
    });
}
