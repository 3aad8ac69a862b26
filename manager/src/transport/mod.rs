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
    Connect {
        /// Host and port; without a port 7443.
        address: String,
        /// The certificate's fingerprint, once trusted.
        pin: Option<Fingerprint>,
    },
    /// Close the line.
    Disconnect,
    /// A JSON-RPC call; answered by exactly one [`Told::Answer`] with the same id.
    Call {
        /// Comes back with the answer.
        id: u64,
        /// Name of the protocol's table.
        method: &'static str,
        /// One object.
        params: Value,
        /// Milliseconds after which it counts as failed.
        deadline_ms: u64,
    },
    /// Let the operator choose a place and put this file there.
    SaveFile {
        /// Suggested.
        name: String,
        /// Whole.
        contents: Vec<u8>,
    },
}

/// What the transport has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The line is open; log in.
    Connected,
    /// First use: the operator has to look at this fingerprint.
    Unpinned {
        /// What the server showed.
        fingerprint: Fingerprint,
    },
    /// The server shows another certificate than the pinned one. Nothing was sent to it.
    PinChanged {
        /// What was expected.
        pinned: Fingerprint,
        /// What the server showed.
        shown: Fingerprint,
    },
    /// The line is gone or never came up.
    Lost {
        /// For the operator.
        reason: String,
    },
    /// The answer to a call, or why there is none.
    Answer {
        /// Of the call.
        id: u64,
        /// As the switch gave it.
        result: Result<Value, RpcError>,
    },
    /// Something of the live feed.
    Live(Box<FeedEvent>),
    /// What became of a file.
    FileSaved {
        /// Its path; none if the operator cancelled.
        result: Result<Option<String>, String>,
    },
}

/// See the module.
pub trait Transport {
    /// Takes an order. Never waits.
    fn ask(&mut self, ask: Ask);
    /// The next message, if one has come. Never waits.
    fn poll(&mut self) -> Option<Told>;
    /// UTC milliseconds.
    fn now_ms(&self) -> i64;
}
