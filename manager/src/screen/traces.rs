//! SIP traces: begun for an account, a gateway or an address, read message by message, saved as text or pcap.

use super::Cx;
use crate::{
    command::Command,
    model::{
        names::Names,
        table::Rows,
        traces::{MessageRows, TraceRows, Whose},
    },
    resource::View,
    theme::{self, Tone},
    widget::{self, picker::Picker, table},
};
use egui::{ComboBox, Panel, TextEdit, Ui};
use tandem_protocol::{Area, Right, sip_trace::TraceSubject};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.horizontal(|ui| {
        widget::heading(ui, "SIP traces");
        ui.add_space(theme::GAP);
        widget::weak(
            ui,
            "Kept by the switch until it stops; a call can be followed from the live calls.",
        );
    });
    ui.add_space(theme::GAP_SMALL);
    if cx.model.may(Area::SipTraces, Right::Change) {
        form(ui, cx);
        ui.add_space(theme::GAP_SMALL);
    }
    Panel::top("traces")
        .resizable(true)
        .default_size(theme::TRACES_HEIGHT)
        .frame(egui::Frame::new())
        .show(ui, |ui| list(ui, cx));
    egui::CentralPanel::default()
        .frame(egui::Frame::new())
        .show(ui, |ui| messages(ui, cx));
}

fn form(ui: &mut Ui, cx: &mut Cx<'_>) {
    let model = &mut *cx.model;
    let form = &mut model.tools.traces.form;
    let mut picker = Picker {
        names: &model.names,
        lookup: &mut model.lookup,
    };
    ui.horizontal_wrapped(|ui| {
        let label = ui.label("Trace");
        ComboBox::from_id_salt("whose")
            .selected_text(form.whose.title())
            .show_ui(ui, |ui| {
                for whose in Whose::ALL {
                    ui.selectable_value(&mut form.whose, whose, whose.title());
                }
            })
            .response
            .labelled_by(label.id);
        match form.whose {
            Whose::Account => {
                if let Some(chosen) = picker.show(ui, &label, View::Accounts, form.account, false) {
                    form.account = chosen;
                }
            }
            Whose::Gateway => {
                if let Some(chosen) = picker.show(ui, &label, View::Gateways, form.gateway, false) {
                    form.gateway = chosen;
                }
            }
            Whose::Address => {
                let label = ui.label("at");
                let edit = TextEdit::singleline(&mut form.address)
                    .hint_text("192.0.2.7")
                    .desired_width(theme::FILTER_WIDTH);
                ui.add(theme::beside_buttons(edit)).labelled_by(label.id);
            }
        }
        let label = ui.label("for minutes");
        let edit = TextEdit::singleline(&mut form.minutes).desired_width(theme::COLUMN_MIN);
        ui.add(theme::beside_buttons(edit)).labelled_by(label.id);
        ui.checkbox(&mut form.secrets, "with secrets")
            .on_hover_text("Proofs of passwords and SRTP keys as they travel; for admins only");
        widget::button(ui, cx.commands, Command::BeginTrace);
        if let Some(fault) = &form.fault {
            widget::toned(ui, Tone::Bad, format!("⚠ {fault}"));
        }
    });
}

fn list(ui: &mut Ui, cx: &mut Cx<'_>) {
    let change = cx.model.may(Area::SipTraces, Right::Change);
    let model = &mut *cx.model;
    let names = &model.names;
    let subject = |subject| subject_text(subject, names);
    let traces = &mut model.tools.traces;
    let (running, open) = (
        traces.opened().is_some_and(|trace| trace.running),
        traces.open.is_some(),
    );
    ui.horizontal(|ui| {
        widget::button_if(ui, cx.commands, Command::StopTrace, change && running);
        widget::button_if(ui, cx.commands, Command::DeleteTrace, change && open);
        widget::button_if(ui, cx.commands, Command::TraceText, open);
        widget::button_if(ui, cx.commands, Command::TracePcap, open);
    });
    ui.add_space(theme::GAP_SMALL);
    let rows = TraceRows {
        rows: traces.list.value().map(Vec::as_slice).unwrap_or_default(),
        subject: &subject,
    };
    let stamp = traces
        .version
        .wrapping_mul(1 << 20)
        .wrapping_add(names.version);
    traces.table.refresh(&rows, stamp);
    if rows.is_empty() {
        return match traces.list.error() {
            Some(error) => widget::fault(ui, &error.to_string()),
            None => widget::state::empty(
                ui,
                "No traces. Begin one above, or choose a live call and follow it.",
            ),
        };
    }
    let looks = table::Looks {
        name: "traces",
        menu: &[Command::StopTrace, Command::DeleteTrace],
        sortable: &[],
    };
    let did = table::show(ui, cx.commands, &rows, &mut traces.table, &looks);
    if did.picked {
        let chosen = traces.table.chosen(&rows);
        let key = chosen.first().map(|row| rows.key(*row).into_owned());
        traces.show_row(key.as_deref());
    }
}

fn messages(ui: &mut Ui, cx: &mut Cx<'_>) {
    let traces = &mut cx.model.tools.traces;
    if traces.open.is_none() {
        return widget::state::empty(ui, "Choose a trace to read its messages.");
    }
    let rows = MessageRows(&traces.messages);
    let state = &mut traces.message_table;
    state.refresh(&rows, traces.version);
    ui.add_space(theme::GAP_SMALL);
    ui.horizontal(|ui| {
        super::filter_box(
            ui,
            state,
            cx.focus_filter,
            "word anywhere in a message, -word",
        );
        widget::weak(
            ui,
            format!("{} of {} messages", state.view().len(), rows.len()),
        );
    });
    ui.add_space(theme::GAP_SMALL);
    if rows.is_empty() {
        return widget::state::empty(ui, "Nothing yet. Messages appear here as they come and go.");
    }
    let text = state
        .chosen(&rows)
        .first()
        .and_then(|row| traces.messages.get(*row));
    Panel::right("message")
        .resizable(true)
        .default_size(theme::DETAIL_WIDTH)
        .frame(theme::detail(ui))
        .show(ui, |ui| match text {
            Some(message) => message_text(ui, &message.text),
            None => widget::state::empty(ui, "Choose a message to read it."),
        });
    egui::CentralPanel::default()
        .frame(egui::Frame::new())
        .show(ui, |ui| {
            let looks = table::Looks {
                name: "messages",
                menu: &[Command::CopyRows],
                sortable: &[],
            };
            table::show(ui, cx.commands, &rows, state, &looks);
        });
}

fn message_text(ui: &mut Ui, text: &str) {
    if ui.button("🗐 Copy message").clicked() {
        ui.ctx().copy_text(text.to_owned());
    }
    egui::ScrollArea::both()
        .id_salt("message text")
        .auto_shrink(false)
        .show(ui, |ui| {
            let text = egui::RichText::new(text.replace('\r', "")).monospace();
            ui.add(egui::Label::new(text).selectable(true).extend());
        });
}

/// Whose a trace is, in words.
fn subject_text(subject: TraceSubject, names: &Names) -> String {
    match subject {
        TraceSubject::Call(id) => format!("call {id}"),
        TraceSubject::Account(id) => format!("account {}", names.get(View::Accounts, id.0)),
        TraceSubject::Gateway(id) => format!("gateway {}", names.get(View::Gateways, id.0)),
        TraceSubject::Source(address) => format!("address {address}"),
    }
}
