//! Virtual phones and gateways around the real call core, on virtual time.
//!
//! [`World`] owns a `Switch`, both clocks, the wires between it and its peers, a relay that always has ports and
//! a disk that can be slow or broken. [`Book`] is a naive model of the store: it applies every journal batch and
//! knows what must hold after each. [`sip`] writes messages as phones do, without any of the switch's own code
//! but the reader. [`plan`] makes directories. Nothing here sleeps or opens a socket.

pub mod book;
pub mod plan;
pub mod sip;
pub mod world;

pub use book::Book;
pub use plan::Plan;
pub use sip::{Callee, Caller};
pub use world::{Disk, World};
