//! The transaction layer (RFC 3261 section 17, RFC 6026) behind four doors: feed a message or the time,
//! pull outputs until none is left, ask for the next deadline.

use crate::{
    dialog::Dialog,
    flow::Flow,
    message::{Draft, Message},
    time::Mono,
    value::{Method, NameAddr, Uri},
};
use bytes::Bytes;
use std::net::SocketAddr;

/// One of our listeners: what to write into Via and Contact.
#[derive(Clone, Debug)]
pub struct Listener {
    pub transport: crate::Transport,
    pub local: SocketAddr,
    /// What peers are told; equal to `local` unless an advertised address is set.
    pub advertised: SocketAddr,
}

#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Indexed by [`Flow::listener`].
    pub listeners: Vec<Listener>,
    pub timers: Timers,
    /// Server transactions kept at once; beyond it new requests are answered 503.
    pub max_transactions: usize,
    /// `Server` and `User-Agent`; none is sent if empty.
    pub product: String,
}
/// RFC 3261 appendix A; all in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    pub t1_ms: u64,
    pub t2_ms: u64,
    pub t4_ms: u64,
    pub timer_d_ms: u64,
}
impl Default for Timers {
    fn default() -> Self {
        Self {
            t1_ms: 500,
            t2_ms: 4000,
            t4_ms: 5000,
            timer_d_ms: 32_000,
        }
    }
}

/// A server transaction: a request we must answer. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerTxn(pub u64);
/// A client transaction: a request we sent. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientTxn(pub u64);

/// What the transaction user is told.
#[derive(Debug)]
pub enum Event {
    /// A new request (retransmissions absorbed; INVITE has been answered 100 if the user is slow, CANCEL
    /// has been answered 200 or 481 and comes as [`Event::Cancelled`]). ACK to a 2xx comes as
    /// [`Event::Acked`]; a stray ACK is dropped.
    Request {
        txn: ServerTxn,
        flow: Flow,
        message: Message,
    },
    /// The peer cancelled an INVITE not yet finally answered. The user still answers it with 487.
    Cancelled {
        txn: ServerTxn,
    },
    /// The ACK to our 2xx arrived; it may carry the answer to our offer.
    Acked {
        txn: ServerTxn,
        message: Message,
    },
    /// 64*T1 passed after our 2xx without an ACK (RFC 3261 section 13.3.1.4): the user ends the dialog.
    AckTimeout {
        txn: ServerTxn,
    },
    /// A response to our request; for INVITE every provisional and the first final, and a 2xx from each
    /// further fork (told apart by To tag). 100 is reported too. Non-2xx finals were ACKed already.
    Response {
        txn: ClientTxn,
        message: Message,
    },
    /// Timer B or F fired, or the transport failed: treat as 408 or 503.
    Timeout {
        txn: ClientTxn,
    },
    TransportFailed {
        txn: ClientTxn,
    },
}
#[derive(Debug)]
pub enum EndpointOutput {
    Transmit { flow: Flow, bytes: Bytes },
    Event(Event),
}

/// An out-of-dialog request to be sent.
#[derive(Clone, Debug)]
pub struct RequestOut {
    pub method: Method,
    pub uri: Uri,
    pub from: NameAddr,
    pub to: NameAddr,
    pub call_id: String,
    pub cseq: u32,
    pub routes: Vec<NameAddr>,
    pub max_forwards: u8,
    /// Contact, identity headers, Authorization, body, ...
    pub draft: Draft,
}

pub struct Endpoint {}

impl Endpoint {
    /// `seed` feeds branches, tags and Call-IDs.
    pub fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        todo!()
    }
    pub fn handle_message(&mut self, now: Mono, flow: Flow, bytes: Bytes) {
        todo!()
    }
    /// The connection is gone, or a datagram to it was refused.
    pub fn handle_flow_failed(&mut self, now: Mono, flow: Flow) {
        todo!()
    }
    pub fn handle_timeout(&mut self, now: Mono) {
        todo!()
    }
    pub fn poll_deadline(&self) -> Option<Mono> {
        todo!()
    }
    pub fn poll_output(&mut self) -> Option<EndpointOutput> {
        todo!()
    }

    /// Answers a request. Via, From, To, Call-ID, CSeq and Record-Route are copied; `to_tag` is added to To
    /// if the request had none. A 2xx to INVITE is retransmitted until ACKed. After a final response
    /// further calls are ignored.
    pub fn respond(
        &mut self,
        now: Mono,
        txn: ServerTxn,
        status: u16,
        reason: &str,
        to_tag: &str,
        draft: Draft,
    ) {
        todo!()
    }
    /// The request of a server transaction still alive.
    pub fn server_request(&self, txn: ServerTxn) -> Option<&Message> {
        todo!()
    }
    /// Sends an out-of-dialog request over `flow` in a new client transaction; the request as sent can be
    /// had with [`Self::client_request`].
    pub fn request(&mut self, now: Mono, flow: Flow, request: RequestOut) -> ClientTxn {
        todo!()
    }
    /// Sends a request in a dialog (not ACK, not CANCEL), with the dialog's next CSeq.
    pub fn request_in_dialog(
        &mut self,
        now: Mono,
        flow: Flow,
        dialog: &mut Dialog,
        method: Method,
        draft: Draft,
    ) -> ClientTxn {
        todo!()
    }
    pub fn client_request(&self, txn: ClientTxn) -> Option<&Message> {
        todo!()
    }
    /// ACKs a 2xx to our INVITE within `dialog`; repeated by itself when that 2xx is repeated.
    pub fn ack(&mut self, now: Mono, txn: ClientTxn, flow: Flow, dialog: &Dialog, draft: Draft) {
        todo!()
    }
    /// CANCELs our INVITE: at once after a provisional, else as soon as one comes (RFC 3261 section 9.1).
    pub fn cancel(&mut self, now: Mono, txn: ClientTxn) {
        todo!()
    }
    /// A fresh unguessable tag / Call-ID.
    pub fn new_tag(&mut self) -> String {
        todo!()
    }
    pub fn new_call_id(&mut self) -> String {
        todo!()
    }
    /// `sip:user@advertised` of a listener, with its transport.
    pub fn contact(&self, listener: u16, user: &str) -> NameAddr {
        todo!()
    }
    pub fn open_transactions(&self) -> usize {
        todo!()
    }
}
