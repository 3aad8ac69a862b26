//! Live calls with running charge and margin.

use super::Cx;
use crate::{
    command::Command,
    model::{format, live::CallRows, table::Rows},
    theme::{self, Tone},
    widget::{self, table},
};
use egui::Ui;
use std::collections::BTreeMap;
use tandem_protocol::{Area, Right};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let may_end = cx.model.may(Area::Live, Right::Change);
    let may_record = cx.model.may(Area::Recordings, Right::Change);
    let may_follow = cx.model.may(Area::SipTraces, Right::Change);
    let (frozen, version, now) = (
        cx.model.live.is_frozen(),
        cx.model.live.version,
        cx.model.now_ms,
    );
    let state = &mut cx.model.live_tables.calls;
    let rows = cx.model.live.calls(now);
    let second = state
        .sort
        .map_or(0, |_| u64::try_from(now / 1000).unwrap_or_default());
    state.refresh(&rows, version.wrapping_mul(1 << 20).wrapping_add(second));
    ui.horizontal(|ui| {
        widget::heading(ui, "Live calls");
        ui.add_space(theme::GAP);
        widget::weak(
            ui,
            format!("{} of {} calls", state.view().len(), rows.len()),
        );
        if frozen {
            widget::toned(ui, Tone::Warn, "⏸ frozen");
        }
    });
    ui.horizontal(|ui| {
        super::filter_box(ui, state, cx.focus_filter, "word, -word, account:acme");
        let spec = Command::Freeze.spec();
        let text = format!("{} {}", spec.icon, spec.text);
        let size = egui::vec2(0.0, theme::BUTTON);
        let freeze = ui.add(egui::Button::new(text).min_size(size).selected(frozen));
        if freeze
            .on_hover_text(widget::tooltip(ui, &Command::Freeze))
            .clicked()
        {
            cx.commands.send(Command::Freeze);
        }
        widget::button_if(
            ui,
            cx.commands,
            Command::HangUp,
            may_end && !state.selected.is_empty(),
        );
        let one = state.selected.len() == 1;
        widget::button_if(ui, cx.commands, Command::Follow, may_follow && one);
        super::table_buttons(ui, cx.commands);
    });
    ui.add_space(theme::GAP_SMALL);
    sums(ui, &rows, state.view());
    let mut menu = Vec::new();
    menu.extend(may_end.then_some(Command::HangUp));
    menu.extend(may_follow.then_some(Command::Follow));
    if may_record {
        menu.extend([Command::Record, Command::StopRecording]);
    }
    menu.extend([Command::CopyRows, Command::ExportCsv, Command::SelectAll]);
    if rows.is_empty() {
        return widget::state::empty(
            ui,
            "No calls at the moment. They appear here as soon as somebody dials.",
        );
    }
    let looks = table::Looks {
        name: "live calls",
        menu: &menu,
        sortable: &[],
    };
    table::show(ui, cx.commands, &rows, state, &looks);
}

/// What the calls shown come to, per currency.
fn sums(ui: &mut Ui, rows: &CallRows<'_>, view: &[u32]) {
    let mut sums: BTreeMap<&str, (i64, Option<i64>)> = BTreeMap::new();
    for call in view.iter().filter_map(|row| rows.get(*row as usize)) {
        if !call.money.currency.is_empty() {
            let sum = sums.entry(&call.money.currency).or_default();
            sum.0 = sum.0.saturating_add(rows.charge(call));
            if let Some(margin) = rows.margin(call) {
                sum.1 = Some(sum.1.unwrap_or_default().saturating_add(margin));
            }
        }
    }
    ui.horizontal(|ui| {
        for (currency, (charge, margin)) in sums {
            let text = format!("{currency}: charge {}", format::money(charge, 2));
            widget::weak(ui, text);
            if let Some(margin) = margin {
                let tone = if margin < 0 { Tone::Bad } else { Tone::Good };
                widget::toned(ui, tone, format!("margin {}", format::money(margin, 2)));
            }
            ui.add_space(theme::GAP_WIDE);
        }
    });
}
