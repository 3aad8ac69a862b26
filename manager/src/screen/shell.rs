//! What frames every screen: menu bar, tree, status bar.

use super::Cx;
use crate::{
    command::Command,
    model::{
        connection::Phase,
        screen::{Screen, TREE},
    },
    theme::{self, ThemeChoice, Tone},
    widget,
};
use egui::{MenuBar, Ui};
use egui_ltreeview::{Action, NodeBuilder, TreeView, TreeViewState};
use tandem_protocol::Right;

pub fn menu_bar(ui: &mut Ui, cx: &mut Cx<'_>, theme_choice: ThemeChoice) {
    MenuBar::new().ui(ui, |ui| {
        ui.menu_button("File", |ui| {
            for command in [Command::ExportCsv, Command::Disconnect, Command::Quit] {
                entry(ui, cx, command);
            }
        });
        ui.menu_button("Edit", |ui| {
            for command in [
                Command::New,
                Command::Edit,
                Command::Delete,
                Command::Save,
                Command::Revert,
                Command::CopyRows,
                Command::SelectAll,
                Command::FocusFilter,
            ] {
                entry(ui, cx, command);
            }
        });
        ui.menu_button("View", |ui| {
            for command in [
                Command::Refresh,
                Command::Freeze,
                Command::Palette,
                Command::Notices,
            ] {
                entry(ui, cx, command);
            }
            ui.separator();
            for choice in [ThemeChoice::System, ThemeChoice::Dark, ThemeChoice::Light] {
                let mark = if choice == theme_choice { "✔" } else { "" };
                ui.horizontal(|ui| {
                    widget::entry(ui, cx.commands, Command::Theme(choice), true);
                    widget::weak(ui, mark);
                });
            }
        });
        ui.menu_button("Go", |ui| {
            for screen in Screen::all() {
                if cx.model.may(screen.area(), Right::See) {
                    entry(ui, cx, Command::Open(screen));
                }
            }
        });
        ui.menu_button("Help", |ui| {
            entry(ui, cx, Command::Shortcuts);
        });
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let unread = cx.model.notices.unread();
            let bell = widget::button(ui, cx.commands, Command::Notices);
            if unread > 0 {
                widget::toned(ui, Tone::Warn, unread.to_string()).on_hover_text("not read yet");
            }
            drop(bell);
            let other = if ui.visuals().dark_mode {
                ThemeChoice::Light
            } else {
                ThemeChoice::Dark
            };
            widget::icon(ui, cx.commands, Command::Theme(other), true);
            widget::button(ui, cx.commands, Command::Palette);
        });
    });
}

/// An entry that is grey where its command would do nothing.
fn entry(ui: &mut Ui, cx: &mut Cx<'_>, command: Command) {
    let allowed = cx.model.allows(&command);
    widget::entry(ui, cx.commands, command, allowed);
}

/// The tree; a reseller sees only the branches it has rights for.
pub fn tree(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TreeViewState<Node>) {
    let allowed = |screen: &Screen| cx.model.may(screen.area(), Right::See);
    let branches: Vec<(usize, Vec<Screen>)> = TREE
        .iter()
        .enumerate()
        .map(|(at, branch)| {
            (
                at,
                branch
                    .leaves
                    .iter()
                    .copied()
                    .filter(|s| allowed(s))
                    .collect::<Vec<_>>(),
            )
        })
        .filter(|(_, leaves)| !leaves.is_empty())
        .collect();
    let open = Node::Leaf(cx.model.screen);
    let moved = state.selected().first() != Some(&open);
    state.set_one_selected(open);
    theme::tree_style(ui);
    let view = TreeView::new(ui.make_persistent_id("tree"))
        .allow_multi_selection(false)
        .allow_drag_and_drop(false);
    let view = view.default_node_height(Some(theme::MIN_TARGET));
    let (_, actions) = view.show_state(ui, state, |builder| {
        for (at, leaves) in &branches {
            let title = TREE.get(*at).map_or("", |branch| branch.title);
            builder.node(
                NodeBuilder::dir(Node::Branch(*at))
                    .activatable(false)
                    .label(egui::RichText::new(title).strong()),
            );
            for screen in leaves {
                let follow = moved && Node::Leaf(*screen) == open;
                let text = format!("{} {}", screen.icon(), screen.title());
                builder.node(NodeBuilder::leaf(Node::Leaf(*screen)).label_ui(move |ui| {
                    let label = ui.add(egui::Label::new(&text).selectable(false));
                    if follow {
                        label.scroll_to_me(None);
                    }
                }));
            }
            builder.close_dir();
        }
    });
    for action in actions {
        if let Action::SetSelected(nodes) = action
            && let Some(Node::Leaf(screen)) = nodes.first()
            && *screen != cx.model.screen
        {
            cx.commands.send(Command::Open(*screen));
        }
    }
}

/// A node of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    Branch(usize),
    Leaf(Screen),
}

pub fn status_bar(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.horizontal(|ui| {
        let connection = &cx.model.connection;
        let (tone, text) = match &connection.phase {
            Phase::Online(session) => (
                Tone::Good,
                format!(
                    "⏺ Connected to {} as {}",
                    connection.form.address, session.name
                ),
            ),
            Phase::Waiting {
                retry_at_ms,
                reason,
            } => {
                let seconds = (retry_at_ms - cx.model.now_ms).max(0) / 1000;
                (
                    Tone::Bad,
                    format!("⏺ Connection lost ({reason}). Trying again in {seconds} s"),
                )
            }
            Phase::Connecting | Phase::LoggingIn => (Tone::Warn, "⏺ Connecting …".to_owned()),
            Phase::Offline => (Tone::Weak, "○ Not connected".to_owned()),
            Phase::Unpinned { .. } => (
                Tone::Warn,
                "⏺ The switch's certificate is not known yet".to_owned(),
            ),
            Phase::PinChanged { .. } => (
                Tone::Bad,
                "⏺ The switch's certificate is another one. Refused".to_owned(),
            ),
        };
        widget::toned(ui, tone, text);
        if let Some(session) = connection.session() {
            let counters = &cx.model.live.state.counters;
            widget::weak(
                ui,
                format!("role {:?}   version {}", session.role, session.version).to_lowercase(),
            );
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                widget::weak(
                    ui,
                    format!(
                        "{} calls, {} talking, {} phones",
                        counters.calls, counters.connected, counters.registrations
                    ),
                );
                let waiting = cx.model.requests.under_way();
                if waiting > 0 {
                    widget::weak(ui, format!("{waiting} requests under way"));
                }
            });
        }
    });
}
