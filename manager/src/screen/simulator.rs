//! The call simulator: what the switch would do with a call, and why. It runs the very function calls run.

use super::{Cx, trace};
use crate::{
    command::Command,
    model::{format, names::Names},
    resource::View,
    theme::{self, Tone},
    widget::{self, picker::Picker, row},
};
use egui::{Grid, TextEdit, Ui};
use tandem_protocol::simulate::{DecideResult, Outcome};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    widget::heading(ui, "Call simulator");
    widget::weak(
        ui,
        "Nothing is placed and nothing is booked; the switch answers with the decision it would take.",
    );
    ui.add_space(theme::GAP);
    widget::side_by_side(ui, "simulator", cx, form, |ui, cx| {
        let (names, slot) = (&cx.model.names, &cx.model.tools.simulator.result);
        if slot.is_idle() {
            widget::weak(ui, "Fill the form and press Simulate.");
        }
        let retry = Command::Simulate;
        widget::state::slot(ui, cx.commands, slot, retry, |ui, _, result| {
            answer(ui, result, names)
        });
    });
}

fn form(ui: &mut Ui, cx: &mut Cx<'_>) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let model = &mut *cx.model;
        let simulator = &mut model.tools.simulator;
        let mut picker = Picker {
            names: &model.names,
            lookup: &mut model.lookup,
        };
        row(ui, "As account", |ui, label| {
            if let Some(chosen) = picker.show(ui, label, View::Accounts, simulator.account, true) {
                simulator.account = chosen;
            }
        });
        for (label, text, hint) in [
            (
                "From address",
                &mut simulator.source,
                "192.0.2.7:5060, if no account",
            ),
            ("Caller", &mut simulator.caller, "its number"),
            ("Dialled number *", &mut simulator.dialled, "as dialled"),
            (
                "Codecs",
                &mut simulator.codecs,
                "pcma, opus; empty: no offer",
            ),
            ("At", &mut simulator.at, "now, or 2026-03-01 14:30"),
            (
                "Lasting, s",
                &mut simulator.duration,
                "also prices so long a call",
            ),
        ] {
            row(ui, label, |ui, label| {
                let edit = TextEdit::singleline(text)
                    .hint_text(hint)
                    .desired_width(theme::FIELD_WIDTH);
                ui.add(edit.min_size(egui::vec2(0.0, theme::MIN_TARGET)))
                    .labelled_by(label.id);
            });
        }
        row(ui, "Limits", |ui, _| {
            ui.checkbox(&mut simulator.live_usage, "count the calls of now");
        });
        if let Some(fault) = &simulator.fault {
            widget::toned(ui, Tone::Bad, format!("⚠ {fault}"));
        }
        let busy = simulator.result.is_loading();
        ui.add_space(theme::GAP_SMALL);
        widget::primary(ui, cx.commands, Command::Simulate, !busy);
    });
}

fn answer(ui: &mut Ui, result: &DecideResult, names: &Names) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        verdict(ui, result);
    });
    ui.add_space(theme::GAP);
    if !result.levels.is_empty() {
        card(ui, "Prices", |ui| prices(ui, result, names));
    }
    if !result.candidates.is_empty() {
        card(ui, "Candidates, in the order they would be tried", |ui| {
            candidates(ui, result)
        });
    }
    card(ui, "Every step", |ui| trace::show(ui, &result.trace, names));
}

fn card(ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui)) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(egui::RichText::new(title).strong());
        ui.add_space(theme::GAP_SMALL);
        egui::ScrollArea::horizontal().id_salt(title).show(ui, add);
    });
    ui.add_space(theme::GAP);
}

fn verdict(ui: &mut Ui, result: &DecideResult) {
    match result.outcome {
        Outcome::Admitted => {
            let longest = result
                .max_duration_s
                .map(|s| format!(", at most {} long", format::duration(s.into())));
            let count = result.candidates.len();
            let routes = if count == 1 {
                "1 route".to_owned()
            } else {
                format!("{count} routes")
            };
            let text = format!("✔ Admitted: {routes} to try{}", longest.unwrap_or_default());
            widget::toned(ui, Tone::Good, text);
        }
        Outcome::Challenge => {
            widget::toned(
                ui,
                Tone::Info,
                "Not known by address: the phone would be asked for its password.",
            );
        }
        Outcome::Refused => match &result.cause {
            Some(cause) => {
                widget::toned(
                    ui,
                    Tone::Bad,
                    format!(
                        "✖ Refused: {} (SIP {}, {})",
                        cause.text, cause.sip_status, cause.code
                    ),
                );
                ui.label(&cause.remedy);
            }
            None => {
                widget::toned(ui, Tone::Bad, "✖ Refused");
            }
        },
    }
    if let Some(number) = &result.rating_number {
        widget::weak(ui, format!("Rated as {number}"));
    }
}

fn prices(ui: &mut Ui, result: &DecideResult, names: &Names) {
    Grid::new("prices")
        .num_columns(6)
        .striped(true)
        .show(ui, |ui| {
            for title in [
                "Level",
                "Tariff",
                "Prefix",
                "Per minute",
                "Billed",
                "Charge",
            ] {
                widget::weak(ui, title);
            }
            ui.end_row();
            for level in &result.levels {
                ui.label(names.get(View::Accounts, level.account.0));
                ui.label(names.get(View::Tariffs, level.tariff.0));
                ui.label(format!("{} {}", level.prefix, level.description));
                ui.label(format!("{} {}", level.price_per_minute, level.currency));
                ui.label(format!("{} s", level.billed_secs));
                ui.label(format::money(level.charge.0, 2));
                ui.end_row();
            }
        });
}

fn candidates(ui: &mut Ui, result: &DecideResult) {
    Grid::new("candidates")
        .num_columns(6)
        .striped(true)
        .show(ui, |ui| {
            for title in [
                "",
                "Target",
                "Number sent",
                "Caller sent",
                "Cost per minute",
                "Cost",
                "Codecs",
            ] {
                widget::weak(ui, title);
            }
            ui.end_row();
            for (at, candidate) in result.candidates.iter().enumerate() {
                ui.label(format!("{}.", at + 1));
                ui.label(&candidate.target);
                ui.label(&candidate.number);
                ui.label(&candidate.caller);
                match &candidate.cost {
                    Some(cost) => {
                        ui.label(format!("{} {}", cost.price_per_minute, cost.currency));
                        ui.label(format::money(cost.cost.0, 2));
                    }
                    None => {
                        widget::weak(ui, "none");
                        widget::weak(ui, "–");
                    }
                }
                ui.label(candidate.codecs.join(", "));
                ui.end_row();
            }
        });
}
