//! The program: what eframe calls each frame, and the frame around the screens.
//!
//! `logic` drains the transport and asks for what the open screen lacks; `ui` draws and collects commands; then
//! they are carried out (`carry_out`). Nothing here waits, and nothing repaints without a reason.

mod carry_out;

use crate::{
    command::{Command, Commands},
    model::{
        Model,
        connection::{Phase, Server},
        notice::Level,
        screen::Screen,
    },
    screen::{self, Cx, Palette},
    theme::{self, ThemeChoice},
    transport::Transport,
    widget::dialog,
};
use egui::{CentralPanel, Panel, Ui};
use egui_ltreeview::TreeViewState;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const STORED: &str = "manager";

/// What is kept between runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    theme: ThemeChoice,
    servers: Vec<Server>,
    chosen: usize,
    screen: Screen,
}

/// See the module.
pub struct App {
    model: Model,
    transport: Box<dyn Transport>,
    commands: Commands,
    theme: ThemeChoice,
    tree: TreeViewState<screen::Node>,
    palette: Option<Palette>,
    notices_open: bool,
    shortcuts_open: bool,
    focus_filter: bool,
    form_shown: bool,
    title: String,
    toasts: egui_notify::Toasts,
    quit: bool,
}

impl App {
    /// Restores what was kept of the last run and speaks to switches through `transport`.
    pub fn new(cc: &eframe::CreationContext<'_>, transport: Box<dyn Transport>) -> Self {
        theme::install(&cc.egui_ctx);
        let stored: Stored = cc
            .storage
            .and_then(|storage| eframe::get_value(storage, STORED))
            .unwrap_or_default();
        stored.theme.apply(&cc.egui_ctx);
        let mut model = Model::default();
        model.screen = stored.screen;
        model.connection.servers = stored.servers;
        model.connection.choose(stored.chosen);
        Self {
            model,
            transport,
            commands: Commands::default(),
            theme: stored.theme,
            tree: TreeViewState::default(),
            palette: None,
            notices_open: false,
            shortcuts_open: false,
            focus_filter: false,
            form_shown: false,
            title: String::new(),
            toasts: egui_notify::Toasts::default()
                .with_anchor(egui_notify::Anchor::BottomRight)
                .with_margin(theme::TOAST_MARGIN),
            quit: false,
        }
    }

    /// Whether the main window shows.
    pub fn is_logged_in(&self) -> bool {
        self.model.connection.has_session()
    }

    fn drain(&mut self, ctx: &egui::Context) {
        self.model.now_ms = self.transport.now_ms();
        while let Some(told) = self.transport.poll() {
            self.model.told(told);
        }
        if self.model.draft.is_none()
            && let Some(command) = self.model.leaving.take()
        {
            self.carry_out(ctx, command);
        }
        self.model.tick(self.transport.now_ms());
        self.send();
        if let Some(wake) = self.model.next_wake_ms() {
            ctx.request_repaint_after(Duration::from_millis(wake.unsigned_abs().max(1)));
        }
    }

    fn send(&mut self) {
        for ask in self.model.requests.take() {
            self.transport.ask(ask);
        }
    }

    fn name_window(&mut self, ctx: &egui::Context) {
        let title = self.model.connection.title();
        if title != self.title {
            self.title.clone_from(&title);
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title));
        }
    }

    /// The connection form has the keyboard as soon as it shows.
    fn connection_window(&mut self, ui: &mut Ui) {
        let form = matches!(self.model.connection.phase, Phase::Offline);
        self.focus_filter |= form && !self.form_shown;
        self.form_shown = form;
        let mut cx = Cx {
            model: &mut self.model,
            commands: &mut self.commands,
            focus_filter: &mut self.focus_filter,
        };
        CentralPanel::default()
            .frame(theme::page(ui))
            .show(ui, |ui| screen::connect::show(ui, &mut cx));
    }

    /// Standing shortcuts; those of an open text box come first.
    fn keys(&mut self, ctx: &egui::Context) {
        if ctx.memory(|memory| memory.top_modal_layer().is_some()) {
            return;
        }
        for command in Command::standing() {
            if let Some(shortcut) = command.spec().shortcut
                && ctx.input_mut(|input| input.consume_shortcut(&shortcut))
                && self.model.allows(&command)
            {
                self.commands.send(command);
            }
        }
    }

    fn main_window(&mut self, ui: &mut Ui) {
        let mut cx = Cx {
            model: &mut self.model,
            commands: &mut self.commands,
            focus_filter: &mut self.focus_filter,
        };
        let bar = theme::bar(ui);
        Panel::top("menu")
            .frame(bar)
            .show(ui, |ui| screen::menu_bar(ui, &mut cx, self.theme));
        Panel::bottom("status")
            .frame(bar)
            .show(ui, |ui| screen::status_bar(ui, &mut cx));
        let tree = Panel::left("tree panel")
            .resizable(true)
            .default_size(theme::TREE_WIDTH)
            .frame(bar);
        tree.size_range(theme::TREE_MIN..=theme::TREE_MAX)
            .show(ui, |ui| {
                egui::ScrollArea::both()
                    .auto_shrink(false)
                    .show(ui, |ui| screen::tree(ui, &mut cx, &mut self.tree));
            });
        if self.notices_open {
            let page = theme::page(ui);
            Panel::right("notices")
                .resizable(true)
                .default_size(theme::TOAST_WIDTH)
                .frame(page)
                .show(ui, |ui| {
                    screen::notices(ui, &mut cx);
                });
        }
        CentralPanel::default()
            .frame(theme::page(ui))
            .show(ui, |ui| screen::show(ui, &mut cx));
    }

    fn overlays(&mut self, ui: &Ui) {
        let model = &self.model;
        if let Some(palette) = &mut self.palette
            && !screen::palette(ui, &mut self.commands, palette, &|command| {
                model.allows(command)
            })
        {
            self.palette = None;
        }
        if self.shortcuts_open {
            self.shortcuts_open = screen::shortcuts(ui);
        }
        if let Some(question) = &self.model.question {
            dialog::question(ui, &mut self.commands, question);
        } else if let (Some(_), Some(draft)) = (&self.model.leaving, &self.model.draft)
            && draft.saving != crate::model::draft::Saving::Sent
        {
            dialog::leave(ui, &mut self.commands, &draft.name);
        }
        for notice in self.model.notices.take_toasts() {
            let text = notice.text.clone();
            let toast = match notice.level {
                Level::Good => self.toasts.success(text),
                Level::Info => self.toasts.info(text),
                Level::Warn => self.toasts.warning(text),
                Level::Bad => self.toasts.error(text),
            };
            toast
                .duration(Duration::from_secs(6))
                .width(theme::TOAST_WIDTH)
                .show_progress_bar(false);
        }
        self.toasts.show(ui.ctx());
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _: &mut eframe::Frame) {
        self.drain(ctx);
        self.name_window(ctx);
        if ctx.input(|input| input.viewport().close_requested())
            && !self.quit
            && self.model.is_draft_dirty()
        {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.commands.send(Command::Quit);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        if self.model.connection.has_session() {
            self.form_shown = false;
            self.keys(&ctx);
            self.main_window(ui);
            self.overlays(ui);
        } else {
            self.connection_window(ui);
        }
        let commands = self.commands.take();
        if !commands.is_empty() {
            for command in commands {
                self.carry_out(&ctx, command);
            }
            ctx.request_repaint();
        }
        self.model.tick(self.transport.now_ms());
        self.send();
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        let stored = Stored {
            theme: self.theme,
            servers: self.model.connection.servers.clone(),
            chosen: self.model.connection.chosen,
            screen: self.model.screen,
        };
        eframe::set_value(storage, STORED, &stored);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        theme::of(visuals.dark_mode).base.to_normalized_gamma_f32()
    }
}
