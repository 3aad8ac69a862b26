//! SIP without I/O: bytes in, bytes out, time passed in.
//!
//! Owns the wire: framing, tolerance and validation ([`message`]), typed values ([`value`]), the four
//! transaction machines of RFC 3261 and RFC 6026 ([`endpoint`]), dialogs ([`dialog`]), digest
//! ([`digest`]) and the registrar ([`registrar`]). Must not know calls, accounts, money or audio, and
//! never reads a clock, opens a socket or draws randomness but from the generator passed in.

pub mod dialog;
pub mod digest;
pub mod endpoint;
pub mod flow;
pub mod framing;
mod lex;
pub mod message;
pub mod registrar;
pub mod time;
pub mod value;

pub use flow::{Flow, Transport};
pub use message::{Message, Parsed};
pub use time::Mono;
