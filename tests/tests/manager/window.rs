//! The real manager without a screen: its own line to a daemon, driven by accessible label.

use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::{
    Harness, Node,
    kittest::{NodeT, Queryable},
};
use std::{
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};
use tandem_manager::{App, transport::native::Native};

/// How long anything may take that the operator waits for.
const PATIENCE: Duration = Duration::from_secs(30);
/// The program asks to be drawn again without news when a clock on it moves: often enough for that.
const CLOCK: Duration = Duration::from_millis(100);

pub struct Window {
    pub harness: Harness<'static, App>,
    woken: mpsc::Receiver<()>,
}

impl Window {
    pub fn open() -> Self {
        let (wake, woken) = mpsc::channel();
        let wake = Mutex::new(wake);
        let line = Native::start(move || {
            if let Ok(wake) = wake.lock() {
                // The window may be gone already.
                let _ = wake.send(());
            }
        });
        let line = Box::new(line.expect("a thread and an event loop"));
        let mut harness = Harness::builder()
            .with_size([1400.0, 900.0])
            .build_eframe(|cc| App::new(cc, line));
        harness.run_steps(2);
        Self { harness, woken }
    }

    /// Draws until it holds; each frame waits for news of the line.
    pub fn until(&mut self, what: &str, holds: impl Fn(&Harness<'static, App>) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.harness.run_steps(2);
            if holds(&self.harness) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "not seen in time: {what}; there is {:?}",
                self.texts()
            );
            // Nothing new within a clock's tick is no fault.
            let _ = self.woken.recv_timeout(CLOCK);
        }
    }

    /// Until a text stands somewhere.
    pub fn see(&mut self, text: &str) {
        self.until(text, |harness| {
            harness.query_all_by_label_contains(text).next().is_some()
        });
    }

    /// Clicks what is called so, once it is there and can be clicked.
    pub fn click(&mut self, label: &str) {
        self.until(label, |harness| {
            harness
                .query_all_by_label(label)
                .any(|node| !node.accesskit_node().is_disabled())
        });
        self.harness
            .query_all_by_label(label)
            .find(|node| !node.accesskit_node().is_disabled())
            .expect("seen above")
            .click();
        self.harness.run_steps(3);
    }

    fn text_box<'h>(&'h self, label: &'h str) -> Option<Node<'h>> {
        let boxes = [
            Role::TextInput,
            Role::PasswordInput,
            Role::MultilineTextInput,
        ];
        self.harness
            .query_all_by_label(label)
            .find(|node| boxes.contains(&node.accesskit_node().role()))
    }

    /// Replaces what stands in a box.
    pub fn fill(&mut self, label: &str, text: &str) {
        self.text_box(label)
            .unwrap_or_else(|| panic!("no box is called {label}"))
            .focus();
        self.harness.run_steps(2);
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        self.harness.run_steps(2);
        self.text_box(label).expect("just now").type_text(text);
        self.harness.run_steps(2);
    }

    pub fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(3);
    }

    /// Through the palette, as an operator in a hurry would.
    pub fn go(&mut self, words: &str) {
        self.press(Modifiers::COMMAND, Key::K);
        self.text_box("Command")
            .expect("the palette is open")
            .type_text(words);
        self.harness.run_steps(2);
        self.press(Modifiers::NONE, Key::Enter);
    }

    fn texts(&self) -> Vec<String> {
        let nodes = self.harness.root().children_recursive();
        nodes
            .filter_map(|node| {
                let node = node.accesskit_node();
                node.label().or_else(|| node.value())
            })
            .collect()
    }
}
