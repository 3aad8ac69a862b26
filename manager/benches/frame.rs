//! What a frame costs the UI thread with 5,000 live calls (aim: under 16 ms), without painting.

use egui_kittest::{Harness, kittest::Queryable};
use tandem_manager::{
    App,
    testing::{Fake, PASSWORD},
};

fn main() {
    divan::main();
}

fn online() -> (Harness<'static, App>, Fake) {
    let fake = Fake::new(5_000);
    let transport = fake.transport();
    let mut harness = Harness::builder()
        .with_size([1400.0, 900.0])
        .build_eframe(|cc| App::new(cc, transport));
    harness.run_steps(2);
    for (label, text) in [
        ("Address", "switch"),
        ("Login", "admin"),
        ("Password", PASSWORD),
    ] {
        harness.get_by_label(label).focus();
        harness.run_steps(2);
        harness.get_by_label(label).type_text(text);
        harness.run_steps(2);
    }
    for button in ["🔌 Connect", "✔ Trust this switch"] {
        harness.get_by_label(button).click();
        harness.run_steps(5);
    }
    (harness, fake)
}

/// Nothing new: what a moving mouse costs.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn quiet(bencher: divan::Bencher<'_, '_>) {
    let (mut harness, _) = online();
    bencher.bench_local(|| harness.step());
}

/// Every one of the calls has changed.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn all_changed(bencher: divan::Bencher<'_, '_>) {
    let (mut harness, fake) = online();
    // What the made-up switch does to change its calls is not the window's cost.
    bencher
        .with_inputs(|| fake.advance())
        .bench_local_values(|()| harness.step());
}

/// As above, filtered and sorted by the running charge.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn all_changed_filtered_and_sorted(bencher: divan::Bencher<'_, '_>) {
    let (mut harness, fake) = online();
    harness.get_by_label("Charge").click();
    harness.run_steps(3);
    harness.get_by_label("Filter:").focus();
    harness.run_steps(2);
    harness.get_by_label("Filter:").type_text("carrier-a");
    harness.run_steps(3);
    // What the made-up switch does to change its calls is not the window's cost.
    bencher
        .with_inputs(|| fake.advance())
        .bench_local_values(|()| harness.step());
}
