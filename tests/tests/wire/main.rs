//! The daemon on loopback, message by message: every transport, every limit, whatever a peer may write.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod client;
mod limits;
mod mutations;
mod rig;
mod torture;
mod traced;
mod transports;
