//! The connection window: saved servers, log-in, the certificate's fingerprint.

use super::Cx;
use crate::{
    command::Command,
    model::connection::Phase,
    theme::{self, Tone},
    widget,
};
use egui::{Align, Key, Layout, RichText, TextEdit, Ui, Vec2};

pub fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.add_space((ui.available_height() * 0.1).max(theme::GAP_WIDE));
            ui.vertical_centered(|ui| {
                ui.set_max_width(theme::CONNECT_WIDTH);
                ui.label(RichText::new("Tandem Manager").heading());
                widget::weak(ui, "Softswitch and billing");
                ui.add_space(theme::GAP_WIDE);
                theme::card(ui).show(ui, |ui| {
                    ui.with_layout(Layout::top_down(Align::LEFT), |ui| {
                        ui.set_width(theme::CONNECT_WIDTH - theme::CARD_PADDING);
                        body(ui, cx);
                    });
                });
            });
        });
}

fn body(ui: &mut Ui, cx: &mut Cx<'_>) {
    match cx.model.connection.phase.clone() {
        Phase::Unpinned { fingerprint } => first_use(ui, cx, &fingerprint),
        Phase::PinChanged { pinned, shown } => changed(ui, cx, &pinned, &shown),
        Phase::Connecting | Phase::LoggingIn => under_way(ui, cx),
        Phase::Offline | Phase::Online(_) | Phase::Waiting { .. } => {
            ui.horizontal_top(|ui| {
                ui.set_max_height(theme::CONNECT_HEIGHT);
                ui.vertical(|ui| {
                    ui.set_width(theme::SERVER_LIST);
                    servers(ui, cx);
                });
                ui.separator();
                ui.vertical(|ui| form(ui, cx));
            });
        }
    }
}

fn servers(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.label(RichText::new("Servers").strong());
    ui.add_space(theme::GAP_SMALL);
    let connection = &cx.model.connection;
    if connection.servers.is_empty() {
        widget::weak(ui, "None saved yet.\nOne is saved when you log in.");
    }
    for (at, server) in connection.servers.iter().enumerate() {
        ui.push_id(at, |ui| {
            let chosen = connection.form.address == server.address;
            let size = Vec2::new(theme::SERVER_LIST - theme::GAP, theme::BUTTON);
            let entry = egui::Button::selectable(chosen, format!("🖥 {}", server.name))
                .truncate()
                .min_size(size);
            let response = ui
                .add(entry)
                .on_hover_text(format!("{} as {}", server.address, server.login));
            if response.clicked() {
                cx.commands.send(Command::ChooseServer(at));
            }
            response
                .context_menu(|ui| widget::entry(ui, cx.commands, Command::ForgetServer(at), true));
        });
    }
    if !cx.model.connection.servers.is_empty() {
        ui.add_space(theme::GAP);
        widget::button(ui, cx.commands, Command::NewServer);
    }
}

fn form(ui: &mut Ui, cx: &mut Cx<'_>) {
    let mut focus = std::mem::take(cx.focus_filter);
    let connection = &mut cx.model.connection;
    ui.label(RichText::new("Log in").strong());
    ui.add_space(theme::GAP_SMALL);
    for (label, text, hint) in [
        ("Name", &mut connection.form.name, "what you call it"),
        (
            "Address",
            &mut connection.form.address,
            "switch.example:7443",
        ),
        ("Login", &mut connection.form.login, "admin"),
    ] {
        let first = label != "Name" && text.is_empty() && std::mem::take(&mut focus);
        let response = field(ui, label, TextEdit::singleline(text).hint_text(hint));
        if first {
            response.request_focus();
        }
    }
    let password = field(
        ui,
        "Password",
        TextEdit::singleline(&mut connection.password).password(true),
    );
    if focus {
        password.request_focus();
    }
    let entered = password.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if let Some(pin) = &connection.form.pin {
        let short = pin.get(..23).unwrap_or(pin);
        widget::toned(ui, Tone::Good, format!("✔ pinned {short}…")).on_hover_text(pin);
    }
    if let Some(failure) = connection.failure.clone() {
        ui.add_space(theme::GAP_SMALL);
        widget::fault(ui, &failure);
    }
    ui.add_space(theme::GAP);
    widget::primary(ui, cx.commands, Command::Connect, true);
    if entered {
        cx.commands.send(Command::Connect);
    }
}

fn field(ui: &mut Ui, label: &str, edit: TextEdit<'_>) -> egui::Response {
    ui.horizontal(|ui| {
        let label = ui.allocate_ui(Vec2::new(theme::SHORT_LABEL, theme::MIN_TARGET), |ui| {
            ui.set_min_width(theme::SHORT_LABEL);
            ui.label(label)
        });
        let edit = edit
            .desired_width(theme::FIELD_WIDTH)
            .min_size(Vec2::new(0.0, theme::MIN_TARGET));
        ui.add(edit).labelled_by(label.inner.id)
    })
    .inner
}

fn under_way(ui: &mut Ui, cx: &mut Cx<'_>) {
    let address = cx.model.connection.form.address.clone();
    ui.label(RichText::new(format!("Connecting to {address} …")).strong());
    ui.add_space(theme::GAP);
    widget::button(ui, cx.commands, Command::CancelConnect);
}

fn first_use(ui: &mut Ui, cx: &mut Cx<'_>, fingerprint: &str) {
    ui.label(RichText::new("Is this your switch?").strong());
    ui.add_space(theme::GAP_SMALL);
    ui.label(format!(
        "{} shows this certificate. It is the first time; nothing has been sent yet. Compare the fingerprint with \
         the one the switch printed when it was first started.",
        cx.model.connection.form.address
    ));
    ui.add_space(theme::GAP);
    print(ui, "SHA-256", fingerprint);
    ui.add_space(theme::GAP_WIDE);
    ui.horizontal(|ui| {
        widget::primary(ui, cx.commands, Command::TrustCertificate, true);
        let cancel = widget::button(ui, cx.commands, Command::CancelConnect);
        widget::first_focus(ui, &cancel);
    });
}

fn changed(ui: &mut Ui, cx: &mut Cx<'_>, pinned: &str, shown: &str) {
    let address = &cx.model.connection.form.address;
    widget::fault(
        ui,
        &format!(
            "{address} shows ANOTHER CERTIFICATE than before. The connection was refused and your password was not sent."
        ),
    );
    ui.add_space(theme::GAP);
    ui.label(
        "Somebody may be listening in between, or the switch was set up anew. Ask whoever runs it, and go on only if \
         the new fingerprint is the one it printed.",
    );
    ui.add_space(theme::GAP);
    print(ui, "Pinned", pinned);
    print(ui, "Shown now", shown);
    ui.add_space(theme::GAP_WIDE);
    ui.horizontal(|ui| {
        let cancel = widget::button(ui, cx.commands, Command::CancelConnect);
        widget::first_focus(ui, &cancel);
        widget::button(ui, cx.commands, Command::ReplaceCertificate);
    });
}

/// A fingerprint in two lines, selectable.
fn print(ui: &mut Ui, label: &str, fingerprint: &str) {
    widget::weak(ui, label);
    let middle = fingerprint.len() / 2 + 1;
    let text = match (fingerprint.get(..middle), fingerprint.get(middle..)) {
        (Some(first), Some(second)) if fingerprint.len() > 60 => format!("{first}\n{second}"),
        _ => fingerprint.to_owned(),
    };
    ui.add(egui::Label::new(RichText::new(text).monospace()).selectable(true));
}
