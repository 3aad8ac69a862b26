//! The transaction layer (RFC 3261 section 17, RFC 6026) behind four doors: feed a message or the time,
//! pull outputs until none is left, ask for the next deadline.
//!
//! Requests and responses find their transaction by a keyed fingerprint (`endpoint/table.rs`), the four
//! machines are pure tables (`client_invite`, `client_other`, `server_invite`, `server_other`), and
//! `client` and `server` carry out what they decide. Answers go out on the flow their request came in
//! on. Knows nothing of calls; what a dialog is, its user keeps in a [`Dialog`].

use crate::{
    dialog::Dialog,
    flow::{Flow, Transport},
    message::{Draft, Message},
    time::Mono,
    value::{EndReason, Host, Method, NameAddr, Uri, via_value},
};
use bytes::Bytes;
use client::{ClientInput, ClientTransaction};
use product::Product;
use rand_chacha::{
    ChaCha12Rng,
    rand_core::{Rng, SeedableRng},
};
use server::{ServerInput, ServerTransaction};
use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Write,
    net::SocketAddr,
};
use table::{Fingerprint, Index, Keys, Slab};
use timers::{Owner, TimerIndex};

mod client;
mod client_invite;
mod client_other;
mod product;
mod receive;
mod server;
mod server_invite;
mod server_other;
mod table;
mod timers;

/// RFC 3261 section 8.1.1.7.
const MAGIC_COOKIE: &str = "z9hG4bK";

/// One of our listeners: what to write into Via and Contact.
#[derive(Clone, Debug)]
pub struct Listener {
    /// What peers connect with.
    pub transport: Transport,
    /// Where the socket is bound.
    pub local: SocketAddr,
    /// What peers are told; equal to `local` unless an advertised address is set.
    pub advertised: SocketAddr,
}

/// What an endpoint is told at its start.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Indexed by [`Flow::listener`].
    pub listeners: Vec<Listener>,
    /// Lengths the RFC leaves to configuration.
    pub timers: Timers,
    /// Server transactions kept at once; beyond it new requests are answered 503.
    pub max_transactions: usize,
    /// `Server` and `User-Agent`; none is sent if empty.
    pub product: String,
}
/// RFC 3261 appendix A; all in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// Round trip estimate.
    pub t1_ms: u64,
    /// The longest interval of repeats.
    pub t2_ms: u64,
    /// How long a message may stay in the network.
    pub t4_ms: u64,
    /// At least 32 s.
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
        /// To be answered with [`Endpoint::respond`].
        txn: ServerTxn,
        /// Where it came from and answers go.
        flow: Flow,
        /// As received.
        message: Message,
    },
    /// The peer cancelled an INVITE not yet finally answered. The user still answers it with 487.
    Cancelled {
        /// The INVITE's.
        txn: ServerTxn,
        /// Why, if the CANCEL said so.
        reason: EndReason,
    },
    /// The ACK to our 2xx arrived; it may carry the answer to our offer.
    Acked {
        /// The INVITE's.
        txn: ServerTxn,
        /// The ACK.
        message: Message,
    },
    /// 64*T1 passed after our 2xx without an ACK (RFC 3261 section 13.3.1.4): the user ends the dialog.
    AckTimeout {
        /// The INVITE's.
        txn: ServerTxn,
    },
    /// A response to our request; for INVITE every provisional and the first final, and a 2xx from each
    /// further fork (told apart by To tag). 100 is reported too. Non-2xx finals were ACKed already.
    Response {
        /// Of our request.
        txn: ClientTxn,
        /// As received.
        message: Message,
    },
    /// Timer B or F fired, or no final response followed a CANCEL: treat as 408.
    Timeout {
        /// Of our request.
        txn: ClientTxn,
    },
    /// The request could not be sent, or its connection went before an answer: treat as 503.
    TransportFailed {
        /// Of our request.
        txn: ClientTxn,
    },
}

/// What an endpoint wants done, in order.
#[derive(Debug)]
pub enum EndpointOutput {
    /// Bytes for the wire: one datagram, or one message of a stream.
    Transmit {
        /// Where to.
        flow: Flow,
        /// The whole message.
        bytes: Bytes,
    },
    /// News for the user.
    Event(Event),
}

/// An out-of-dialog request to be sent.
#[derive(Clone, Debug)]
pub struct RequestOut {
    /// Not ACK and not CANCEL.
    pub method: Method,
    /// The Request-URI.
    pub uri: Uri,
    /// With our tag.
    pub from: NameAddr,
    /// Without a tag.
    pub to: NameAddr,
    /// See [`Endpoint::new_call_id`].
    pub call_id: String,
    /// Below 2^31.
    pub cseq: u32,
    /// Preloaded routes, in sending order.
    pub routes: Vec<NameAddr>,
    /// 70, or one less than what came in.
    pub max_forwards: u8,
    /// Contact, identity headers, Authorization, body, ...
    pub draft: Draft,
}

/// What was not worth an event, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Wrong requests answered by the parser's ready response.
    pub rejected: u64,
    /// Bytes that were no message, or one nobody could answer.
    pub dropped: u64,
    /// ACKs and responses that belong to no transaction.
    pub strays: u64,
    /// New requests answered 503 for want of room.
    pub refused: u64,
}

/// All transactions of one process, without sockets and without a clock.
pub struct Endpoint {
    listeners: Vec<Listener>,
    timers: Timers,
    max_transactions: usize,
    product: Product,
    rng: ChaCha12Rng,
    keys: Keys,
    servers: Slab<ServerTransaction>,
    server_index: Index<u64>,
    ack_index: Index<u64>,
    sources: Index<usize>,
    clients: Slab<ClientTransaction>,
    client_index: Index<u64>,
    client_flows: BTreeSet<(Flow, u64)>,
    timer_index: TimerIndex,
    outputs: VecDeque<EndpointOutput>,
    counters: Counters,
}

impl Endpoint {
    /// `seed` feeds branches, tags and Call-IDs, and keys the look-up tables.
    #[must_use]
    pub fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let keys = Keys::new(rng.next_u64(), rng.next_u64());
        Self {
            listeners: config.listeners,
            timers: config.timers,
            max_transactions: config.max_transactions,
            product: Product(config.product),
            rng,
            keys,
            servers: Slab::default(),
            server_index: Index::default(),
            ack_index: Index::default(),
            sources: Index::default(),
            clients: Slab::default(),
            client_index: Index::default(),
            client_flows: BTreeSet::new(),
            timer_index: TimerIndex::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Another bound of transactions at once; those that stand stay.
    pub fn set_max_transactions(&mut self, max_transactions: usize) {
        self.max_transactions = max_transactions;
    }

    /// Takes one whole message: a datagram, or what framing cut from a stream.
    pub fn handle_message(&mut self, now: Mono, flow: Flow, bytes: Bytes) {
        self.receive(now, flow, bytes);
    }

    /// The connection is gone, or a datagram to it was refused: requests sent over exactly this flow fail.
    /// Server transactions stay as they are (RFC 6026 section 7.1).
    pub fn handle_flow_failed(&mut self, now: Mono, flow: Flow) {
        self.fail_flow(now, flow);
    }

    /// Runs every timer that is due.
    pub fn handle_timeout(&mut self, now: Mono) {
        while let Some((owner, timer)) = self.timer_index.pop_due(now) {
            match owner {
                Owner::Client(id) => self.step_client(now, id, ClientInput::Timer(timer), None),
                Owner::Server(id) => self.step_server(now, id, ServerInput::Timer(timer), None),
            }
        }
    }

    /// When [`Self::handle_timeout`] is due next.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Mono> {
        self.timer_index.next_deadline()
    }

    /// The next thing to do; pull until there is none.
    pub fn poll_output(&mut self) -> Option<EndpointOutput> {
        self.outputs.pop_front()
    }

    /// Answers a request. Via, From, To, Call-ID, CSeq and Record-Route are copied; `to_tag` is added to To
    /// if the request had none. A 2xx to INVITE is retransmitted until ACKed. After a final response
    /// further calls are ignored, as are statuses outside 100..=699. An empty `to_tag` is made up for.
    pub fn respond(
        &mut self,
        now: Mono,
        txn: ServerTxn,
        status: u16,
        reason: &str,
        to_tag: &str,
        draft: Draft,
    ) {
        let draft = match self.servers.get(txn.0) {
            Some(request) if request.nameless => draft,
            Some(_) | None => self.product.on(draft, "Server"),
        };
        self.answer(now, txn.0, (status, reason, to_tag), &draft);
    }

    /// Says 100 Trying to an INVITE now, if nothing was answered yet; without this it goes out by itself
    /// 200 ms after the INVITE came (RFC 3261 section 17.2.1).
    pub fn trying(&mut self, now: Mono, txn: ServerTxn) {
        self.step_server(now, txn.0, ServerInput::Timer(timers::Timer::Trying), None);
    }

    /// The request of a server transaction: until its final response, for INVITE until that is ACKed.
    #[must_use]
    pub fn server_request(&self, txn: ServerTxn) -> Option<&Message> {
        self.servers.get(txn.0)?.request.as_ref()
    }

    /// Sends an out-of-dialog request over `flow` in a new client transaction; the request as sent can be
    /// had with [`Self::client_request`]. Without a listener for `flow` it fails at once.
    pub fn request(&mut self, now: Mono, flow: Flow, mut request: RequestOut) -> ClientTxn {
        request.draft = self.product.on(request.draft, "User-Agent");
        self.send_request(now, flow, &request)
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
        dialog.next_cseq();
        let draft = self.product.within(dialog, draft);
        self.send_in_dialog(now, flow, dialog, (&method, &draft))
    }

    /// The request as sent, while its transaction lives: after a 2xx to INVITE for 64*T1, after other
    /// finals for timers D or K (no time at all on reliable transports).
    #[must_use]
    pub fn client_request(&self, txn: ClientTxn) -> Option<&Message> {
        self.clients.get(txn.0)?.request()
    }

    /// ACKs a 2xx to our INVITE within `dialog`; repeated by itself when that 2xx is repeated.
    pub fn ack(&mut self, _now: Mono, txn: ClientTxn, flow: Flow, dialog: &Dialog, draft: Draft) {
        let draft = self.product.within(dialog, draft);
        self.send_success_ack(txn.0, flow, dialog, &draft);
    }

    /// CANCELs our INVITE: at once after a provisional, else as soon as one comes (RFC 3261 section 9.1).
    /// Without a final response for 64*T1 after that the INVITE ends in [`Event::Timeout`].
    pub fn cancel(&mut self, now: Mono, txn: ClientTxn) {
        self.cancel_client(now, txn.0, EndReason::default());
    }

    /// As [`Self::cancel`], saying why in a Reason header (RFC 3326), e.g. that another phone took the call.
    pub fn cancel_because(&mut self, now: Mono, txn: ClientTxn, reason: EndReason) {
        self.cancel_client(now, txn.0, reason);
    }

    /// A fresh unguessable tag: 96 bits.
    pub fn new_tag(&mut self) -> String {
        let mut tag = String::with_capacity(24);
        self.push_random(&mut tag);
        tag
    }

    /// A fresh unguessable Call-ID: 192 bits, and no host name.
    pub fn new_call_id(&mut self) -> String {
        let mut call_id = String::with_capacity(48);
        self.push_random(&mut call_id);
        self.push_random(&mut call_id);
        call_id
    }

    /// `sip:user@advertised` of a listener, with its transport; `user` is escaped as needed. A listener
    /// that does not exist gives `sip:user@invalid.invalid`.
    #[must_use]
    pub fn contact(&self, listener: u16, user: &str) -> NameAddr {
        let user = (!user.is_empty()).then_some(user);
        let Some(listener) = self.listeners.get(usize::from(listener)) else {
            return NameAddr::new(Uri::sip(user, Host::Name("invalid.invalid".into()), None));
        };
        let advertised = listener.advertised;
        let uri = Uri::sip(user, Host::Ip(advertised.ip()), Some(advertised.port()));
        NameAddr::new(uri.over(listener.transport))
    }

    /// Server and client transactions alive.
    #[must_use]
    pub fn open_transactions(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// What was counted instead of told.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn emit(&mut self, event: Event) {
        self.outputs.push_back(EndpointOutput::Event(event));
    }

    fn transmit(&mut self, flow: Flow, bytes: Bytes) {
        self.outputs
            .push_back(EndpointOutput::Transmit { flow, bytes });
    }

    fn push_random(&mut self, out: &mut String) {
        let (high, low) = (self.rng.next_u64(), self.rng.next_u32());
        let _ = write!(out, "{high:016x}{low:08x}");
    }

    /// A Via value with a fresh branch, and the fingerprint its responses will have.
    fn fresh_via(&mut self, flow: Flow, method: &Method) -> Option<(String, Fingerprint)> {
        let listener = self.listeners.get(usize::from(flow.listener))?;
        let sent_by = listener.advertised;
        let mut branch = String::with_capacity(31);
        branch.push_str(MAGIC_COOKIE);
        self.push_random(&mut branch);
        let via = via_value(flow.transport, sent_by, &branch);
        let host = Host::Ip(sent_by.ip()).to_string();
        let key = self
            .keys
            .transaction(&branch, (&host, Some(sent_by.port())), method.as_str());
        Some((via, key))
    }
}
