//! Counters of the switch: figures of now, plots of the last hours.

use super::Cx;
use crate::{
    command::Command,
    model::format,
    theme::{self, Tone},
    widget,
};
use egui::{Ui, Vec2};
use egui_plot::{Line, Plot, PlotPoints};
use tandem_protocol::{
    live::Counters,
    system::{Figure, Series},
};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.horizontal(|ui| {
        widget::heading(ui, "Counters");
        ui.add_space(theme::GAP);
        for hours in [1, 6, 24] {
            let text = if hours == 1 {
                "1 hour".to_owned()
            } else {
                format!("{hours} hours")
            };
            let chosen = cx.model.tools.history.hours == hours;
            let button =
                egui::Button::selectable(chosen, text).min_size(Vec2::new(0.0, theme::BUTTON));
            if ui.add(button).clicked() {
                cx.commands.send(Command::HistoryHours(hours));
            }
        }
        widget::icon(ui, cx.commands, Command::Refresh, true);
    });
    ui.add_space(theme::GAP_SMALL);
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            cards(ui, &cx.model.live.state.counters);
            ui.add_space(theme::GAP);
            let ahead = cx.model.live.clock_ahead_ms;
            widget::state::slot(
                ui,
                cx.commands,
                &cx.model.tools.history.series,
                Command::Refresh,
                |ui, _, series| {
                    plots(ui, series, ahead);
                },
            );
        });
}

/// Name, value and tone of each figure.
fn figures(c: &Counters) -> [(&'static str, String, Tone); 15] {
    let acd = c
        .answered_ms
        .checked_div(c.answered)
        .map_or("–".to_owned(), |ms| {
            format::duration(i64::try_from(ms / 1000).unwrap_or_default())
        });
    let pdd = c
        .pdd_ms_sum
        .checked_div(c.attempts)
        .map_or("–".to_owned(), |ms| {
            format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
        });
    let drops = c.rejected + c.dropped;
    [
        ("Open calls", format::grouped(c.calls.into()), Tone::Normal),
        ("Ringing", format::grouped(c.ringing.into()), Tone::Info),
        ("Talking", format::grouped(c.connected.into()), Tone::Good),
        (
            "Registered phones",
            format::grouped(c.registrations.into()),
            Tone::Normal,
        ),
        ("Attempts", format::grouped(c.attempts), Tone::Normal),
        (
            "Answered (ASR)",
            format!(
                "{} ({})",
                format::grouped(c.answered),
                format::ratio(c.answered, c.attempts)
            ),
            Tone::Good,
        ),
        ("Refused", format::grouped(c.refused), warned(c.refused)),
        ("ACD", acd, Tone::Normal),
        ("PDD", pdd, Tone::Normal),
        (
            "SIP in / out",
            format!(
                "{} / {}",
                format::grouped(c.messages_in),
                format::grouped(c.messages_out)
            ),
            Tone::Normal,
        ),
        (
            "SIP refused or dropped",
            format::grouped(drops),
            warned(drops),
        ),
        (
            "One side not heard",
            format::grouped(c.one_way),
            warned(c.one_way),
        ),
        (
            "Blocked sources",
            format::grouped(c.blocked_sources.into()),
            warned(c.blocked_sources.into()),
        ),
        (
            "SIP of blocked sources",
            format::grouped(c.ignored),
            Tone::Normal,
        ),
        ("Transcoded", format::grouped(c.transcoded), Tone::Normal),
    ]
}

/// Of a count that had better be nothing.
fn warned(count: u64) -> Tone {
    if count > 0 { Tone::Warn } else { Tone::Normal }
}

fn cards(ui: &mut Ui, c: &Counters) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(theme::GAP);
        for (label, figure, tone) in figures(c) {
            let color = theme::tokens(ui).tone(tone);
            ui.allocate_ui(Vec2::new(theme::CARD_WIDTH, theme::CARD_HEIGHT), |ui| {
                theme::card(ui).show(ui, |ui| {
                    ui.set_width(theme::CARD_INNER);
                    ui.set_min_height(theme::CARD_HEIGHT - theme::CARD_PADDING);
                    ui.vertical(|ui| {
                        widget::weak(ui, label);
                        ui.label(egui::RichText::new(figure).size(theme::FIGURE).color(color));
                    });
                });
            });
        }
    });
}

fn plots(ui: &mut Ui, series: &[Series], ahead_ms: i64) {
    let groups: [(&str, &[Figure]); 6] = [
        ("Calls", &[Figure::Calls, Figure::Connected]),
        ("Attempts per second", &[Figure::Cps]),
        ("ASR, %", &[Figure::Asr]),
        ("ACD, s", &[Figure::Acd]),
        ("PDD, s", &[Figure::Pdd]),
        ("Registered phones", &[Figure::Registrations]),
    ];
    let columns = ((ui.available_width() / theme::PLOT_MIN_WIDTH) as usize).clamp(1, 3);
    let width = (ui.available_width() - theme::GAP * (columns as f32)) / columns as f32;
    for line in groups.chunks(columns) {
        ui.horizontal(|ui| {
            for (title, figures) in line {
                theme::card(ui).show(ui, |ui| {
                    ui.set_width(width - theme::CARD_PADDING);
                    ui.vertical(|ui| {
                        let shown: Vec<&Series> = series
                            .iter()
                            .filter(|s| figures.contains(&s.figure))
                            .collect();
                        head(ui, title, &shown);
                        plot(ui, title, &shown, ahead_ms);
                    });
                });
            }
        });
    }
}

/// The title, and beside it what each line is if there are several: a legend inside would cover them.
fn head(ui: &mut Ui, title: &str, series: &[&Series]) {
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new(title).strong());
        let colors = theme::tokens(ui).series;
        for (series, color) in series.iter().zip(colors).filter(|_| series.len() > 1) {
            let text = format!("⏺ {}", name(series.figure));
            ui.label(egui::RichText::new(text).color(color));
        }
    });
}

fn plot(ui: &mut Ui, title: &str, series: &[&Series], ahead_ms: i64) {
    if series.iter().all(|series| series.points.is_empty()) {
        ui.allocate_ui(Vec2::new(ui.available_width(), theme::PLOT_HEIGHT), |ui| {
            ui.set_min_height(theme::PLOT_HEIGHT);
            widget::weak(ui, "No figures for this time yet.");
        });
        return;
    }
    let colors = theme::tokens(ui).series;
    let clock = move |ms: f64| format::clock(ms as i64 - ahead_ms);
    let plot = Plot::new(title)
        .height(theme::PLOT_HEIGHT)
        .allow_drag(false)
        .allow_scroll(false)
        .allow_zoom(false)
        .allow_boxed_zoom(false)
        .include_y(0.0)
        .show_background(false)
        .grid_color(theme::tokens(ui).border)
        .x_axis_formatter(move |mark, _| clock(mark.value).get(..5).unwrap_or_default().to_owned());
    plot.show(ui, |plot| {
        for (series, color) in series.iter().zip(colors) {
            let points: Vec<[f64; 2]> = series
                .points
                .iter()
                .map(|point| [point.at.0 as f64, point.value])
                .collect();
            plot.line(
                Line::new(name(series.figure), PlotPoints::from(points))
                    .color(color)
                    .width(theme::PLOT_LINE),
            );
        }
    });
}

fn name(figure: Figure) -> &'static str {
    match figure {
        Figure::Calls => "Open",
        Figure::Connected => "Talking",
        Figure::Registrations => "Registered",
        Figure::Cps => "Attempts",
        Figure::Asr => "ASR",
        Figure::Acd => "ACD",
        Figure::Pdd => "PDD",
        Figure::MessagesIn => "SIP messages",
    }
}
