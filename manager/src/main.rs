//! The desktop manager of Tandem.

use tandem_manager::{App, WINDOW, WINDOW_MIN, transport::native::Native};

fn main() -> eframe::Result {
    let viewport = egui::ViewportBuilder::default()
        .with_inner_size(WINDOW)
        .with_min_inner_size(WINDOW_MIN);
    let options = eframe::NativeOptions {
        viewport: viewport.with_app_id("tandem-manager"),
        ..Default::default()
    };
    eframe::run_native(
        "Tandem Manager",
        options,
        Box::new(|cc| {
            let ctx = cc.egui_ctx.clone();
            let transport = Native::start(move || ctx.request_repaint())?;
            Ok(Box::new(App::new(cc, Box::new(transport))))
        }),
    )
}
