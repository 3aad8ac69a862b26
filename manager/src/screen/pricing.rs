//! Rate a call: what a number and a duration cost, by an account's levels or by one tariff.

use super::Cx;
use crate::{
    command::Command,
    model::{format, names::Names},
    resource::View,
    theme::{self, Tone},
    widget::{self, picker::Picker, row},
};
use egui::{Grid, TextEdit, Ui};
use tandem_protocol::simulate::RateResult;

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    widget::heading(ui, "Rate a call");
    ui.add_space(theme::GAP);
    widget::side_by_side(ui, "pricing", cx, form, |ui, cx| {
        let (names, slot) = (&cx.model.names, &cx.model.tools.pricing.result);
        if slot.is_idle() {
            widget::weak(ui, "Fill the form and press Rate.");
        }
        widget::state::slot(ui, cx.commands, slot, Command::Price, |ui, _, result| {
            answer(ui, result, names)
        });
    });
}

fn form(ui: &mut Ui, cx: &mut Cx<'_>) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let model = &mut *cx.model;
        let pricing = &mut model.tools.pricing;
        let mut picker = Picker {
            names: &model.names,
            lookup: &mut model.lookup,
        };
        row(ui, "By", |ui, _| {
            ui.radio_value(&mut pricing.by_account, true, "an account");
            ui.radio_value(&mut pricing.by_account, false, "a tariff");
        });
        if pricing.by_account {
            row(ui, "Account *", |ui, label| {
                if let Some(chosen) = picker.show(ui, label, View::Accounts, pricing.account, true)
                {
                    pricing.account = chosen;
                }
            });
        } else {
            row(ui, "Tariff *", |ui, label| {
                if let Some(chosen) = picker.show(ui, label, View::Tariffs, pricing.tariff, true) {
                    pricing.tariff = chosen;
                }
            });
        }
        for (label, text, hint) in [
            ("Number *", &mut pricing.number, "as dialled"),
            ("Caller", &mut pricing.caller, "for tariffs by caller"),
            ("Answered at", &mut pricing.at, "now, or 2026-03-01 14:30"),
            ("Seconds *", &mut pricing.seconds, "61.5"),
        ] {
            row(ui, label, |ui, label| {
                let edit = TextEdit::singleline(text)
                    .hint_text(hint)
                    .desired_width(theme::FIELD_WIDTH);
                ui.add(edit.min_size(egui::vec2(0.0, theme::MIN_TARGET)))
                    .labelled_by(label.id);
            });
        }
        if let Some(fault) = &pricing.fault {
            widget::toned(ui, Tone::Bad, format!("⚠ {fault}"));
        }
        let busy = pricing.result.is_loading();
        ui.add_space(theme::GAP_SMALL);
        widget::primary(ui, cx.commands, Command::Price, !busy);
    });
}

fn answer(ui: &mut Ui, result: &RateResult, names: &Names) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(format!("Rated as {}", result.rating_number));
        ui.add_space(theme::GAP_SMALL);
        Grid::new("rated")
            .num_columns(6)
            .striped(true)
            .show(ui, |ui| {
                for title in [
                    "Level",
                    "Prefix",
                    "Per minute",
                    "First block",
                    "Billed",
                    "Charge",
                ] {
                    widget::weak(ui, title);
                }
                ui.end_row();
                for level in &result.levels {
                    let by_tariff = || names.get(View::Tariffs, level.charge.tariff.0);
                    ui.label(
                        level
                            .account
                            .map_or_else(by_tariff, |account| names.get(View::Accounts, account.0)),
                    );
                    ui.label(format!(
                        "{} {}",
                        level.charge.prefix, level.charge.description
                    ));
                    ui.label(format!(
                        "{} {}",
                        level.charge.price_per_minute, level.charge.currency
                    ));
                    ui.label(format!("{} s", level.first_block_s));
                    ui.label(format!("{} s", level.charge.billed_secs));
                    ui.label(egui::RichText::new(format::money(level.charge.charge.0, 2)).strong());
                    ui.end_row();
                }
            });
    });
}
