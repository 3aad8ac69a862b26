//! The line to a switch, as the rest of the program sees it: messages in, messages out.
//!
//! A transport owns sockets, threads, files and the clock; nothing else in this crate may. [`native`] is the
//! desktop's; tests and the example window bring a fake one; a browser build would bring its own.

#[cfg(not(target_arch = "wasm32"))]
pub mod native;
#[cfg(not(target_arch = "wasm32"))]
mod pin;

use serde_json::Value;
use tandem_protocol::{RpcError, live::FeedEvent};

/// SHA-256 of a certificate, as operators compare it: 32 bytes in hex, pairs apart by colons.
pub type Fingerprint = String;

/// What the program asks of its transport.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Open the line, leaving any other. Without a pin the answer is [`Told::Unpinned`], and nothing was sent.
    Connect { address: String, pin: Option<Fingerprint> },
    Disconnect,
    /// A JSON-RPC call; answered by exactly one [`Told::Answer`] with the same id.
    Call { id: u64, method: &'static str, params: Value, deadline_ms: u64 },
    /// Let the operator choose a place and put this file there.
    SaveFile { name: String, contents: Vec<u8> },
}

/// What the transport has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Connected,
    /// First use: the operator has to look at this fingerprint.
    Unpinned { fingerprint: Fingerprint },
    /// The server shows another certificate than the pinned one. Nothing was sent to it.
    PinChanged { pinned: Fingerprint, shown: Fingerprint },
    /// The line is gone or never came up.
    Lost { reason: String },
    Answer { id: u64, result: Result<Value, RpcError> },
    /// Something of the live feed.
    Live(Box<FeedEvent>),
    /// None: the operator cancelled.
    FileSaved { result: Result<Option<String>, String> },
}

/// See the module.
pub trait Transport {
    fn ask(&mut self, ask: Ask);
    /// The next message, if one has come. Never waits.
    fn poll(&mut self) -> Option<Told>;
    /// UTC milliseconds.
    fn now_ms(&self) -> i64;
}
