//! The audio relay: threads that own their sockets and do nothing else.
//!
//! Orders come in as [`RelayCommand`](tandem_sdp::RelayCommand) values through a queue, reports go out through one
//! callback; no thread here ever waits for another part of the switch. Each thread polls its own sockets, and a
//! packet's way is short: [`rtp`] checks its header, [`latch`] its source, [`reception`] counts it, and it leaves
//! by the other side's socket. The pure parts know no socket and take the time as an argument.
//!
//! Must not know SIP, accounts or money.

mod bridge;
mod certificate;
mod config;
pub mod convert;
mod end;
pub mod gate;
mod handshake;
mod inbox;
pub mod latch;
mod ports;
pub mod reception;
mod record;
mod relay;
pub mod rtcp;
pub mod rtp;
mod silence;
mod socket;
pub mod sounds;
pub mod srtp;
mod stun;
mod web;
mod worker;
mod wrap;

pub use config::{RelayConfig, RelayStats};
pub use relay::{Relay, raise_descriptor_limit};

/// Microseconds since the relay thread began: the only notion of time here.
pub type Micros = u64;
