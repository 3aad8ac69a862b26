//! The whole program on a fake switch, driven by accessible label.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::{
    Harness, Node,
    kittest::{NodeT, Queryable},
};
use tandem_manager::{
    App,
    testing::{Fake, PASSWORD},
};

/// The connection window.
pub fn start(calls: usize, theme: egui::Theme) -> (Harness<'static, App>, Fake) {
    let fake = Fake::new(calls);
    let transport = fake.transport();
    let builder = Harness::builder()
        .with_size([1400.0, 900.0])
        .with_theme(theme);
    let mut harness = builder.build_eframe(|cc| App::new(cc, transport));
    harness.run_steps(2);
    (harness, fake)
}

pub fn text_box<'h>(harness: &'h Harness<'_, App>, label: &'h str) -> Node<'h> {
    let boxes = [
        Role::TextInput,
        Role::PasswordInput,
        Role::MultilineTextInput,
    ];
    let named = harness.get_all_by_label(label);
    let mut boxes = named.filter(|node| boxes.contains(&node.accesskit_node().role()));
    boxes
        .next()
        .unwrap_or_else(|| panic!("no text box is called {label}"))
}

pub fn fill(harness: &mut Harness<'_, App>, label: &str, text: &str) {
    text_box(harness, label).focus();
    harness.run_steps(2);
    text_box(harness, label).type_text(text);
    harness.run_steps(2);
}

/// Replaces what stands in a box.
pub fn refill(harness: &mut Harness<'_, App>, label: &str, text: &str) {
    text_box(harness, label).focus();
    harness.run_steps(2);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.run_steps(2);
    text_box(harness, label).type_text(text);
    harness.run_steps(2);
}

pub fn click(harness: &mut Harness<'_, App>, label: &str) {
    harness.get_by_label(label).click();
    harness.run_steps(4);
}

pub fn log_in(harness: &mut Harness<'_, App>) {
    fill(harness, "Address", "switch.example");
    fill(harness, "Login", "admin");
    fill(harness, "Password", PASSWORD);
    click(harness, "🔌 Connect");
    click(harness, "✔ Trust this switch");
    harness.run_steps(4);
}

pub fn online(calls: usize) -> (Harness<'static, App>, Fake) {
    let (mut harness, fake) = start(calls, egui::Theme::Dark);
    log_in(&mut harness);
    (harness, fake)
}

/// Through the palette, as an operator in a hurry would.
pub fn open(harness: &mut Harness<'_, App>, words: &str) {
    harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    harness.run_steps(3);
    harness.get_by_label("Command").type_text(words);
    harness.run_steps(2);
    harness.key_press(Key::Enter);
    harness.run_steps(5);
}
