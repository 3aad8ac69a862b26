//! Decides what happens to a call: authorise, route, quote, reserve, hunt, bridge, time out, settle.
//!
//! [`switch::Switch`] is the sans-IO core with three doors: feed one [`io::Input`], pull [`io::Output`]s until
//! none is left, ask for the next deadline. [`decide`] is the one decision function. [`directory`] is what an
//! operator configured, [`journal`] what must outlive a crash, [`cause`] every way a call can end,
//! [`monitor`] what a watcher is told. Must not know sockets, SQL, JSON-RPC or a clock.

mod announce;
mod bill;
mod call;
pub mod cause;
pub mod decide;
pub mod directory;
mod guard;
mod health;
mod hunt;
mod identity;
pub mod io;
pub mod journal;
mod leg;
mod media;
pub mod monitor;
mod page;
mod register;
pub mod switch;
mod transfer;
mod upstream;
mod usage;

pub use directory::Directory;
pub use io::{Input, Now, Output};
pub use switch::Switch;
