//! A table on screen: virtual rows, sortable and resizable headings, keyboard, choice of rows, context menu.
//!
//! Draws what a [`TableState`] says; only visible rows are laid out. Column widths are kept by egui under the
//! table's name.

use super::entry;
use crate::{
    command::{Command, Commands},
    model::table::{Cell, Pick, Rows, Side, TableState},
    theme,
};
use egui::{Align, Key, Layout, Modifiers, RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder};

/// What the operator did, besides choosing.
#[derive(Debug, Default)]
pub struct Did {
    /// Data row that was double-clicked, or Enter was pressed on.
    pub opened: Option<usize>,
    /// The choice of rows is another than before.
    pub picked: bool,
}

/// What a table needs besides its rows.
pub struct Looks<'a> {
    /// Distinct and stable: widths and scroll offsets are kept under it.
    pub name: &'a str,
    pub menu: &'a [Command],
    /// Columns that can be sorted by; empty: all.
    pub sortable: &'a [bool],
}

pub fn show(
    ui: &mut Ui,
    commands: &mut Commands,
    rows: &dyn Rows,
    state: &mut TableState,
    looks: &Looks<'_>,
) -> Did {
    let mut did = keys(ui, rows, state);
    theme::table_style(ui);
    let height = ui.available_height();
    egui::ScrollArea::horizontal()
        .id_salt(looks.name)
        .auto_shrink(false)
        .show(ui, |ui| {
            let mut table = TableBuilder::new(ui)
                .id_salt(looks.name)
                .striped(true)
                .sense(Sense::click())
                .cell_layout(Layout::left_to_right(Align::Center))
                .auto_shrink(false)
                .min_scrolled_height(theme::ROW * 3.0)
                .max_scroll_height(height)
                .animate_scrolling(false);
            // What is left of the width goes to a text column at the end, else to an empty one.
            let filler = rows
                .columns()
                .last()
                .is_none_or(|column| column.side == Side::Right);
            let last = rows.columns().len().saturating_sub(1);
            for (at, column) in rows.columns().iter().enumerate() {
                let width = theme::column_width(column.chars);
                table = table.column(if at == last && !filler {
                    Column::remainder().at_least(width).clip(true)
                } else {
                    Column::initial(width)
                        .resizable(true)
                        .at_least(theme::COLUMN_MIN)
                        .clip(true)
                });
            }
            if filler {
                table = table.column(Column::remainder());
            }
            if let Some(at) = state.scroll_to.take() {
                table = table.scroll_to_row(at, None);
            }
            let table = table.header(theme::HEADER, |mut header| {
                for at in 0..rows.columns().len() {
                    header.col(|ui| heading(ui, rows, state, looks, at));
                }
            });
            table.body(|body| {
                let count = state.view().len();
                body.rows(theme::ROW, count, |mut line| {
                    body_row(&mut line, commands, rows, state, looks, &mut did)
                });
            });
        });
    did
}

fn heading(ui: &mut Ui, rows: &dyn Rows, state: &mut TableState, looks: &Looks<'_>, at: usize) {
    let Some(column) = rows.columns().get(at) else {
        return;
    };
    let sortable = looks.sortable.is_empty() || looks.sortable.get(at).copied().unwrap_or_default();
    let arrow = match state.sort {
        Some((sorted, descending)) if sorted == at => {
            if descending {
                " ⏷"
            } else {
                " ⏶"
            }
        }
        _ => "",
    };
    let text = RichText::new(format!("{}{arrow}", column.title)).color(theme::tokens(ui).weak);
    let layout = match column.side {
        Side::Left => Layout::left_to_right(Align::Center),
        Side::Right => Layout::right_to_left(Align::Center),
    };
    ui.with_layout(layout, |ui| {
        ui.add_space(theme::GAP_SMALL);
        let size = egui::vec2(0.0, theme::MIN_TARGET);
        let button = egui::Button::new(text)
            .frame(false)
            .min_size(size)
            .truncate();
        let response = ui.add_enabled(sortable, button);
        super::name(&response, column.title);
        if response.on_hover_text("Sort").clicked() {
            state.toggle_sort(at);
        }
    });
}

fn body_row(
    line: &mut egui_extras::TableRow<'_, '_>,
    commands: &mut Commands,
    rows: &dyn Rows,
    state: &mut TableState,
    looks: &Looks<'_>,
    did: &mut Did,
) {
    let at = line.index();
    let Some(row) = state.row(at) else { return };
    line.set_selected(state.selected.contains(rows.key(row).as_ref()));
    for (place, column) in rows.columns().iter().enumerate() {
        line.col(|ui| cell(ui, &rows.cell(row, place), column.side));
    }
    if rows
        .columns()
        .last()
        .is_none_or(|column| column.side == Side::Right)
    {
        line.col(|_| ());
    }
    let response = line.response();
    if response.clicked() {
        let modifiers = response.ctx.input(|input| input.modifiers);
        let pick = if modifiers.shift {
            Pick::Range
        } else if modifiers.command {
            Pick::Toggle
        } else {
            Pick::Only
        };
        state.pick(rows, at, pick);
        did.picked = true;
    }
    if response.double_clicked() {
        did.opened = Some(row);
    }
    if response.secondary_clicked() && !state.selected.contains(rows.key(row).as_ref()) {
        state.pick(rows, at, Pick::Only);
        did.picked = true;
    }
    response.context_menu(|ui| {
        for command in looks.menu {
            entry(ui, commands, command.clone(), true);
        }
    });
}

fn cell(ui: &mut Ui, cell: &Cell<'_>, side: Side) {
    let color = theme::tokens(ui).tone(cell.tone);
    let label = egui::Label::new(RichText::new(&*cell.text).color(color)).truncate();
    match side {
        Side::Left => {
            ui.add_space(theme::GAP_SMALL);
            ui.add(label)
        }
        Side::Right => {
            let layout = Layout::right_to_left(Align::Center);
            ui.with_layout(layout, |ui| {
                ui.add_space(theme::GAP_SMALL);
                ui.add(label)
            })
            .inner
        }
    };
}

/// Keys belong to the table while no text box has them.
fn keys(ui: &Ui, rows: &dyn Rows, state: &mut TableState) -> Did {
    let mut did = Did::default();
    let ctx = ui.ctx();
    if ctx.text_edit_focused() || ctx.memory(|memory| memory.top_modal_layer().is_some()) {
        return did;
    }
    let page = ((ui.available_height() / theme::ROW) as isize - 2).max(1);
    let pressed =
        |modifiers: Modifiers, key: Key| ctx.input_mut(|input| input.consume_key(modifiers, key));
    if pressed(Modifiers::COMMAND, Key::A) {
        state.select_all(rows);
        did.picked = true;
    }
    let end = isize::MAX;
    for (key, by) in [
        (Key::ArrowDown, 1),
        (Key::ArrowUp, -1),
        (Key::PageDown, page),
        (Key::PageUp, -page),
        (Key::Home, -end),
        (Key::End, end),
    ] {
        for (modifiers, pick) in [
            (Modifiers::SHIFT, Pick::Range),
            (Modifiers::NONE, Pick::Only),
        ] {
            if pressed(modifiers, key) {
                state.step(rows, by, pick);
                did.picked = true;
            }
        }
    }
    if let Some(at) = state.cursor {
        let nothing_focused = ctx.memory(|memory| memory.focused().is_none());
        if nothing_focused && pressed(Modifiers::NONE, Key::Space) {
            state.pick(rows, at, Pick::Toggle);
            did.picked = true;
        }
        if nothing_focused && pressed(Modifiers::NONE, Key::Enter) {
            did.opened = state.row(at);
        }
    }
    did
}
