//! The desktop manager of Tandem, whole, so that tests and a browser build can use it.
//!
//! `model` knows nothing of egui, screens nothing of sockets; what a screen wants done it sends as a `command`,
//! and what the switch says comes in through a [`transport`]. Tables and forms are drawn from the descriptions in
//! `resource`. Colours and sizes are in `theme` alone. Must not know the daemon's crates, only the protocol.

mod app;
mod command;
mod model;
mod resource;
mod screen;
#[cfg(feature = "testing")]
pub mod testing;
mod theme;
pub mod transport;
mod widget;

pub use app::App;
pub use theme::{WINDOW, WINDOW_MIN};
