//! Audio, described: SDP kept line by line, offer and answer, and the relay's commands and reports.
//!
//! Must not know sockets, threads or SIP. A session description passes through unknown lines untouched.
#![allow(missing_docs, clippy::todo, unused_variables)] // skeleton: goes away with the first implementation

pub mod relay;
pub mod session;

pub use relay::{RelayCommand, RelayId, RelayReport, Side};
pub use session::{Direction, SessionDescription};
