//! Any resource: its table, and at the right the form of the chosen object.

use super::{Cx, cdr};
use crate::{
    command::Command,
    model::{
        draft::{Draft, Saving},
        format,
        names::home,
        records::{PAGE, RecordRows, Records, sortable, totals},
    },
    resource::{View, int_at},
    theme::{self, Tone},
    widget::{self, form, picker::Picker, table},
};
use egui::{Panel, Ui};
use tandem_protocol::{Area, Right};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, view: View) {
    let form_shows = cx
        .model
        .draft
        .as_ref()
        .is_some_and(|draft| draft.view == view);
    let cdr_shows = view == View::Cdrs && cx.model.cdr.call.is_some();
    if form_shows || cdr_shows {
        let panel = Panel::right(("detail", view))
            .resizable(true)
            .default_size(theme::DETAIL_WIDTH.min(ui.available_width() * theme::DETAIL_SHARE));
        let panel = panel
            .size_range(theme::DETAIL_MIN..=theme::DETAIL_MAX)
            .frame(theme::detail(ui));
        panel.show(ui, |ui| {
            if cdr_shows {
                cdr::show(ui, cx)
            } else {
                form_panel(ui, cx)
            }
        });
    }
    egui::CentralPanel::default()
        .frame(theme::beside(form_shows || cdr_shows))
        .show(ui, |ui| list(ui, cx, view));
}

fn list(ui: &mut Ui, cx: &mut Cx<'_>, view: View) {
    let may_change = cx.model.may(view.area(), Right::Change);
    let may_follow = followable(view) && cx.model.may(Area::SipTraces, Right::Change);
    title(ui, cx, view);
    toolbar(ui, cx, view, may_change);
    ui.add_space(theme::GAP_SMALL);
    let model = &mut *cx.model;
    let Some(records) = model.records.get_mut(&view) else {
        return;
    };
    if let Some(error) = records.page.error() {
        widget::fault(ui, &error.to_string());
        widget::button(ui, cx.commands, Command::Refresh);
        return;
    }
    if records.rows().is_empty() && records.page.value().is_some() {
        let narrowed = !records.table.filter.is_empty() || records.scope.is_some();
        let text = if narrowed {
            "Nothing matches.".to_owned()
        } else {
            format!("No {} yet.", view.title().to_lowercase())
        };
        return widget::state::empty(ui, &text);
    }
    if view == View::Cdrs {
        sums(ui, records);
    }
    let mut state = std::mem::take(&mut records.table);
    let rows = RecordRows::new(records, &model.names);
    state.refresh(&rows, records.version);
    let sortable: Vec<bool> = view.resource().columns.iter().map(sortable).collect();
    let mut menu = menu(view, may_change);
    menu.extend(may_follow.then_some(Command::Follow));
    let looks = table::Looks {
        name: view.title(),
        menu: &menu,
        sortable: &sortable,
    };
    let did = table::show(ui, cx.commands, &rows, &mut state, &looks);
    records.table = state;
    if did.opened.is_some()
        || (did.picked && records.table.selected.len() == 1 && view == View::Cdrs)
    {
        cx.commands.send(Command::Edit);
    }
}

/// Whether its objects have SIP traces.
fn followable(view: View) -> bool {
    matches!(home(view), View::Accounts | View::Gateways)
}

fn menu(view: View, may_change: bool) -> Vec<Command> {
    let methods = view.resource().methods;
    let mut menu = Vec::new();
    if methods.update.is_some() || view == View::Cdrs {
        menu.push(Command::Edit);
    }
    if may_change && methods.create.is_some() {
        menu.push(Command::New);
    }
    if may_change && methods.delete.is_some() {
        menu.push(Command::Delete);
    }
    menu.extend([
        Command::CopyRows,
        Command::ExportCsv,
        Command::SelectAll,
        Command::Refresh,
    ]);
    menu
}

fn title(ui: &mut Ui, cx: &mut Cx<'_>, view: View) {
    let records = cx.model.records(view);
    ui.horizontal(|ui| {
        widget::heading(ui, view.title());
        ui.add_space(theme::GAP);
        if let Some(scope) = &records.scope {
            widget::toned(ui, Tone::Info, format!("of {}", scope.name));
            widget::icon(ui, cx.commands, Command::ClearScope, true);
        }
        let (total, from, count) = (records.total(), records.offset, records.rows().len() as u64);
        let text = match total {
            0 => String::new(),
            1 => "1 row".to_owned(),
            _ if total <= u64::from(PAGE) => format!("{} rows", format::grouped(total)),
            _ => format!(
                "{}–{} of {} rows",
                from + 1,
                from + count,
                format::grouped(total)
            ),
        };
        widget::weak(ui, text);
        if total > u64::from(PAGE) {
            widget::icon(ui, cx.commands, Command::PreviousPage, from > 0);
            widget::icon(ui, cx.commands, Command::NextPage, from + count < total);
        }
        if records.page.is_loading() {
            widget::weak(ui, "Loading …");
        }
    });
}

fn toolbar(ui: &mut Ui, cx: &mut Cx<'_>, view: View, may_change: bool) {
    let now = cx.model.now_ms;
    let methods = view.resource().methods;
    let records = cx.model.records(view);
    ui.horizontal_wrapped(|ui| {
        super::filter_box(
            ui,
            &mut records.table,
            cx.focus_filter,
            "word, column:text, column:>5",
        );
        if matches!(
            view,
            View::Cdrs | View::Ledger | View::Payments | View::Audit
        ) {
            span(ui, records, now);
        }
        if view == View::Cdrs {
            ui.checkbox(&mut records.answered_only, "Answered only");
        }
        if may_change && methods.create.is_some() {
            widget::button(ui, cx.commands, Command::New);
        }
        let one = records.table.selected.len() == 1;
        if methods.update.is_some() {
            widget::button_if(ui, cx.commands, Command::Edit, one);
        }
        if may_change && methods.delete.is_some() {
            widget::button_if(ui, cx.commands, Command::Delete, one);
        }
        widget::icon(ui, cx.commands, Command::Refresh, true);
        super::table_buttons(ui, cx.commands);
    });
}

/// How far back.
fn span(ui: &mut Ui, records: &mut Records, now_ms: i64) {
    const HOUR: i64 = 3_600_000;
    let label = ui.label("Since:");
    let spans = [
        ("always", None),
        ("1 hour", Some(HOUR)),
        ("24 hours", Some(24 * HOUR)),
        ("7 days", Some(168 * HOUR)),
        ("31 days", Some(744 * HOUR)),
    ];
    let shown = records
        .since_ms
        .map_or_else(|| "always".to_owned(), format::time);
    let combo = egui::ComboBox::from_id_salt(("since", records.view))
        .selected_text(shown)
        .width(theme::SHORT_FIELD_WIDTH)
        .show_ui(ui, |ui| {
            for (text, back) in spans {
                if ui
                    .selectable_label(records.since_ms.is_none() && back.is_none(), text)
                    .clicked()
                {
                    records.since_ms = back.map(|back| now_ms - back);
                }
            }
        });
    combo.response.labelled_by(label.id);
}

/// What the CDRs on this page come to.
fn sums(ui: &mut Ui, records: &Records) {
    let totals = totals(records.rows());
    let list = |sums: &[(String, i64)]| {
        let parts: Vec<String> = sums
            .iter()
            .map(|(currency, sum)| format!("{} {currency}", format::money(*sum, 2)))
            .collect();
        if parts.is_empty() {
            "–".to_owned()
        } else {
            parts.join(" + ")
        }
    };
    ui.horizontal_wrapped(|ui| {
        widget::weak(ui, "Rows shown:");
        ui.label(format!(
            "{} calls, {} answered ({})",
            totals.calls,
            totals.answered,
            format::ratio(totals.answered, totals.calls)
        ));
        widget::weak(ui, "talked");
        ui.label(format::duration(totals.seconds));
        widget::weak(ui, "charge");
        ui.label(list(&totals.charge));
        widget::weak(ui, "cost");
        ui.label(list(&totals.cost));
    });
    ui.add_space(theme::GAP_SMALL);
}

fn form_panel(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(mut draft) = cx.model.draft.take() else {
        return;
    };
    let right = cx.model.may(draft.view.area(), Right::Change);
    let methods = draft.view.resource().methods;
    let editable = right
        && if draft.is_new() {
            methods.create.is_some()
        } else {
            methods.update.is_some()
        };
    head(ui, cx, &draft, editable);
    trouble(ui, cx, &draft);
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            links(ui, cx, &draft);
            let model = &mut *cx.model;
            let mut picker = Picker {
                names: &model.names,
                lookup: &mut model.lookup,
            };
            let busy = draft.saving == Saving::Sent;
            form::show(ui, &mut draft, &mut picker, editable && !busy);
        });
    cx.model.draft = Some(draft);
}

fn head(ui: &mut Ui, cx: &mut Cx<'_>, draft: &Draft, editable: bool) {
    ui.horizontal(|ui| {
        ui.add(egui::Label::new(egui::RichText::new(&draft.name).heading()).truncate());
        if draft.is_dirty() {
            widget::toned(ui, Tone::Warn, "• changed");
        }
    });
    ui.horizontal(|ui| {
        let busy = draft.saving == Saving::Sent;
        let can_save = editable && !busy && (draft.is_dirty() || draft.is_new());
        widget::primary(ui, cx.commands, Command::Save, can_save);
        widget::button_if(ui, cx.commands, Command::Revert, draft.is_dirty() && !busy);
        widget::button(ui, cx.commands, Command::CloseForm);
        if busy {
            widget::weak(ui, "Saving …");
        } else if !editable {
            widget::weak(ui, "Your login may only look at this.");
        }
    });
    ui.add_space(theme::GAP_SMALL);
}

/// What stopped the last save.
fn trouble(ui: &mut Ui, cx: &mut Cx<'_>, draft: &Draft) {
    match &draft.saving {
        Saving::Failed(error) => widget::fault(ui, &error.to_string()),
        Saving::Conflict(None) => {
            widget::toned(ui, Tone::Warn, "⚠ Another edit came first. Loading it …");
        }
        Saving::Conflict(Some(_)) => conflict(ui, cx, draft),
        Saving::No | Saving::Sent if draft.errors() > 0 => {
            widget::toned(
                ui,
                Tone::Bad,
                format!("⚠ {} to correct", fields(draft.errors())),
            );
        }
        Saving::No | Saving::Sent => return,
    }
    ui.add_space(theme::GAP_SMALL);
}

fn fields(count: usize) -> String {
    if count == 1 {
        "1 field".into()
    } else {
        format!("{count} fields")
    }
}

fn conflict(ui: &mut Ui, cx: &mut Cx<'_>, draft: &Draft) {
    let warn = theme::tokens(ui).warn;
    theme::card(ui)
        .stroke(egui::Stroke::new(1.0, warn))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            widget::toned(ui, Tone::Warn, "⚠ Another edit came first");
            egui::Grid::new("conflict")
                .num_columns(3)
                .striped(true)
                .show(ui, |ui| {
                    for title in ["Field", "Mine", "Theirs"] {
                        widget::weak(ui, title);
                    }
                    ui.end_row();
                    for (label, ours, theirs) in draft.differences() {
                        ui.label(label);
                        ui.label(ours);
                        ui.label(theirs);
                        ui.end_row();
                    }
                });
            widget::weak(ui, "All other fields are as the other edit left them.");
            ui.horizontal(|ui| {
                widget::button(ui, cx.commands, Command::KeepOurs);
                widget::button(ui, cx.commands, Command::TakeTheirs);
            });
        });
}

/// To the tables of what belongs to this object.
fn links(ui: &mut Ui, cx: &mut Cx<'_>, draft: &Draft) {
    let links = draft.view.resource().links;
    let (Some(id), false) = (draft.id, links.is_empty()) else {
        return;
    };
    ui.horizontal_wrapped(|ui| {
        for link in links {
            if cx.model.may(link.view.area(), Right::See) {
                let text = format!("{} {}", link.view.resource().icon, link.label);
                let button = egui::Button::new(text).min_size(egui::vec2(0.0, theme::BUTTON));
                if ui
                    .add(button)
                    .on_hover_text("Opens the table of what belongs to this")
                    .clicked()
                {
                    let name = draft.name.clone();
                    cx.commands.send(Command::OpenScoped {
                        view: link.view,
                        field: link.field,
                        id,
                        name,
                    });
                }
            }
        }
    });
    let balance = cx.model.records.get(&draft.view).and_then(|records| {
        records
            .rows()
            .iter()
            .find(|row| int_at(row, "id") == id)
            .filter(|row| row.get("balance").is_some())
            .cloned()
    });
    if let Some(row) = balance {
        let spendable =
            int_at(&row, "balance") + int_at(&row, "edit.credit_limit") - int_at(&row, "held");
        ui.label(format!(
            "Balance {}   held {}   spendable {}",
            format::money(int_at(&row, "balance"), 2),
            format::money(int_at(&row, "held"), 2),
            format::money(spendable, 2)
        ));
    }
    ui.add_space(theme::GAP);
}
