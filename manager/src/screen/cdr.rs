//! One CDR: numbers, times, money per level, audio, and why.

use super::{Cx, trace};
use crate::{
    command::Command,
    model::{format, names::Names},
    resource::View,
    theme, widget,
};
use egui::{Grid, Ui};
use tandem_protocol::{
    Micros,
    cdr::{CdrDetail, MediaStats},
};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.horizontal(|ui| {
        let call = cx.model.cdr.call.unwrap_or_default();
        widget::heading(ui, &format!("Call {call}"));
        widget::button(ui, cx.commands, Command::CloseForm);
        if cx.model.allows(&Command::SaveRecording) {
            let fetching = cx.model.cdr.is_fetching();
            widget::button_if(ui, cx.commands, Command::SaveRecording, !fetching);
        }
    });
    ui.add_space(theme::GAP_SMALL);
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            let (names, slot) = (&cx.model.names, &cx.model.cdr.cdr);
            widget::state::slot(ui, cx.commands, slot, Command::Edit, |ui, _, cdr| {
                body(ui, cdr, names)
            });
        });
}

fn body(ui: &mut Ui, detail: &CdrDetail, names: &Names) {
    let cdr = &detail.cdr;
    let status = cdr
        .sip_status
        .map(|status| format!(" (SIP {status})"))
        .unwrap_or_default();
    let cause = detail.cause_info.as_ref();
    let cause = cause
        .map(|cause| format!(": {}", cause.text))
        .unwrap_or_default();
    section(ui, "Call", |ui| {
        grid(
            ui,
            "call",
            &[
                ("Account", cdr.account_login.clone().unwrap_or_default()),
                ("Caller", cdr.numbers.caller.clone()),
                ("Dialled", cdr.numbers.dialled.clone()),
                ("Sent", cdr.numbers.sent.clone().unwrap_or_default()),
                ("Rated as", cdr.numbers.rating.clone().unwrap_or_default()),
                ("From", cdr.numbers.source.clone()),
                ("Gateway", cdr.gateway_name.clone().unwrap_or_default()),
                (
                    "Answered by",
                    cdr.callee_account
                        .map(|id| names.get(View::Accounts, id.0))
                        .unwrap_or_default(),
                ),
                (
                    "Codec",
                    format::codecs(cdr.codec.as_deref(), cdr.codec_b.as_deref()),
                ),
                (
                    "Transfer",
                    cdr.transfer_call
                        .map(|call| format!("with call {}", call.0))
                        .unwrap_or_default(),
                ),
                ("Ended", format!("{}{status}{}", cdr.cause, cause)),
            ],
        );
    });
    times(ui, detail);
    section(ui, "Money", |ui| money(ui, detail, names));
    section(ui, "Audio and SIP", |ui| {
        grid(
            ui,
            "audio",
            &[
                ("From the caller", audio(&detail.media.a)),
                ("Caller's quality", heard(&detail.media.a)),
                ("From the callee", audio(&detail.media.b)),
                ("Callee's quality", heard(&detail.media.b)),
                ("Call-ID, caller", cdr.numbers.a_call_id.clone()),
                (
                    "Call-ID, callee",
                    cdr.numbers.b_call_id.clone().unwrap_or_default(),
                ),
            ],
        );
    });
    section(ui, "Why this route and price", |ui| {
        trace::show(ui, &detail.trace, names)
    });
}

fn times(ui: &mut Ui, detail: &CdrDetail) {
    let cdr = &detail.cdr;
    section(ui, "Times", |ui| {
        let at = |time: Option<tandem_protocol::UtcMs>| {
            time.map(|time| format::time(time.0)).unwrap_or_default()
        };
        let ms = i64::try_from(cdr.times.duration_ms).unwrap_or(i64::MAX);
        grid(
            ui,
            "times",
            &[
                ("Started", at(Some(cdr.times.started_at))),
                ("Ringing", at(cdr.times.ringing_at)),
                ("Answered", at(cdr.times.answered_at)),
                ("Ended", at(Some(cdr.times.ended_at))),
                (
                    "Talked",
                    format!("{} ({ms} ms)", format::duration(ms / 1000)),
                ),
                (
                    "Post-dial delay",
                    cdr.times
                        .pdd_ms
                        .map(|ms| format!("{ms} ms"))
                        .unwrap_or_default(),
                ),
            ],
        );
    });
}

fn section(ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui)) {
    theme::card(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(egui::RichText::new(title).strong());
        ui.add_space(theme::GAP_SMALL);
        add(ui);
    });
    ui.add_space(theme::GAP);
}

fn grid(ui: &mut Ui, name: &str, lines: &[(&str, String)]) {
    Grid::new(name).num_columns(2).show(ui, |ui| {
        for (label, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
            widget::weak(ui, *label);
            ui.add(egui::Label::new(value).selectable(true).wrap());
            ui.end_row();
        }
    });
}

/// Level by level, then the cost, then what is left.
fn money(ui: &mut Ui, detail: &CdrDetail, names: &Names) {
    if detail.charges.is_empty() {
        widget::weak(ui, "Nothing was charged.");
        return;
    }
    Grid::new("money")
        .num_columns(5)
        .striped(true)
        .show(ui, |ui| {
            for title in ["Level", "Rate", "Per minute", "Billed", "Amount"] {
                widget::weak(ui, title);
            }
            ui.end_row();
            for level in &detail.charges {
                ui.label(
                    level
                        .account_login
                        .clone()
                        .unwrap_or_else(|| names.get(View::Accounts, level.account.0)),
                );
                ui.label(format!("{} {}", level.prefix, level.description));
                ui.label(level.price_per_minute.to_string());
                ui.label(format!("{} s", level.billed_secs));
                ui.label(amount(level.charge, &level.currency));
                ui.end_row();
            }
            if let Some(cost) = &detail.cost {
                ui.label(format!(
                    "Cost: {}",
                    names.get(View::Gateways, cost.gateway.0)
                ));
                ui.label(&cost.prefix);
                ui.label(cost.price_per_minute.to_string());
                ui.label(format!("{} s", cost.billed_secs));
                ui.label(amount(cost.cost, &cost.currency));
                ui.end_row();
            }
        });
    if let (Some(level), Some(cost)) = (detail.charges.last(), &detail.cost)
        && level.currency == cost.currency
    {
        let margin = Micros(level.charge.0.saturating_sub(cost.cost.0));
        let tone = if margin.0 < 0 {
            theme::Tone::Bad
        } else {
            theme::Tone::Good
        };
        widget::toned(
            ui,
            tone,
            format!("Margin {}", amount(margin, &level.currency)),
        );
    }
}

fn amount(micros: Micros, currency: &str) -> String {
    format!("{} {currency}", format::money(micros.0, 2))
}

fn audio(stats: &MediaStats) -> String {
    let mut text = format!(
        "{} packets, {} bytes, {} lost, jitter {} ms",
        format::grouped(stats.packets),
        format::grouped(stats.bytes),
        format::grouped(stats.lost),
        stats.jitter_us / 1000
    );
    if stats.forged > 0 {
        text += &format!(", {} forged", format::grouped(stats.forged));
    }
    text
}

/// What a side says of the audio it was sent, and how both directions sounded.
fn heard(stats: &MediaStats) -> String {
    let mut parts = Vec::new();
    if stats.round_trip_us > 0 {
        parts.push(format!("round trip {} ms", stats.round_trip_us / 1000));
    }
    if stats.far_lost > 0 || stats.far_jitter_us > 0 {
        let (lost, ms) = (format::grouped(stats.far_lost), stats.far_jitter_us / 1000);
        parts.push(format!("missed {lost}, jitter there {ms} ms"));
    }
    if let Some(mos) = stats.mos_x100 {
        parts.push(format!("MOS {}", format::hundredths(mos)));
    }
    if stats.unheard_s > 0 {
        parts.push(format!("not heard for {} s", stats.unheard_s));
    }
    parts.join(", ")
}
