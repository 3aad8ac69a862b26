//! The manager's window on a made-up switch: for looking at screens without a daemon.
//!
//! `cargo run -p tandem-manager --features testing --example fake -- [CALLS]`

use std::time::Duration;
use tandem_manager::{App, WINDOW, testing::Fake};

fn main() -> eframe::Result {
    let calls = std::env::args()
        .nth(1)
        .and_then(|arg| arg.parse().ok())
        .unwrap_or(120);
    let fake = Fake::new(calls);
    fake.follow_the_clock();
    let viewport = egui::ViewportBuilder::default()
        .with_inner_size(WINDOW)
        .with_app_id("tandem-manager-fake");
    let options = eframe::NativeOptions {
        viewport,
        persist_window: false,
        ..Default::default()
    };
    eframe::run_native(
        "Tandem Manager",
        options,
        Box::new(move |cc| {
            let ctx = cc.egui_ctx.clone();
            Ok(Box::new(Ticking {
                app: App::new(cc, fake.transport()),
                fake,
                ctx,
                next_ms: 0,
            }))
        }),
    )
}

/// The program, and a switch that has news once a second.
struct Ticking {
    app: App,
    fake: Fake,
    ctx: egui::Context,
    next_ms: i64,
}

impl eframe::App for Ticking {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        let now_ms = jiff::Timestamp::now().as_millisecond();
        if now_ms >= self.next_ms {
            self.next_ms = now_ms + 1_000;
            if self.app.is_logged_in() {
                self.fake.advance();
            }
            self.ctx.request_repaint_after(Duration::from_secs(1));
        }
        self.app.logic(ctx, frame);
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.app.ui(ui, frame);
    }
}
