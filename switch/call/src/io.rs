//! The doors of the core: what goes in, what comes out, and the clock values that come with each input.

use crate::{Directory, journal::Batch, monitor::FeedEvent};
use bytes::Bytes;
use std::{net::IpAddr, sync::Arc};
use tandem_billing::{
    AccountId, CallId, Micros, UtcMs,
    ledger::{Entry, LedgerError, Movement},
};
use tandem_sdp::{RelayCommand, RelayReport};
use tandem_sip::{Flow, Mono};

/// Both clocks at the moment an input was taken from its queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    pub mono: Mono,
    pub utc: UtcMs,
}

/// Names a request of the shell so that its reply can be told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

#[derive(Debug)]
pub enum Input {
    /// One SIP message: a datagram, or cut from a stream.
    Message {
        flow: Flow,
        bytes: Bytes,
    },
    /// A connection closed, or a datagram was refused by the network.
    FlowFailed {
        flow: Flow,
    },
    Relay(RelayReport),
    /// All batches up to this sequence number are on disk.
    Durable {
        seq: u64,
    },
    /// The journal cannot be written: new calls are refused until the next `Durable`.
    JournalFailed,
    Directory(Arc<Directory>),
    Command {
        token: Token,
        command: Command,
    },
}

/// What operators and background tasks ask of the core.
#[derive(Debug)]
pub enum Command {
    HangUp {
        call: CallId,
    },
    /// Payments, fees, refunds: answered when durable.
    Post(Movement),
    /// Books nothing: several accounts' (balance, held).
    Balances(Vec<AccountId>),
    /// A full snapshot of the monitor, then deltas with the next sequence numbers.
    Snapshot,
    /// Nobody watches any more: no deltas until the next snapshot.
    Unwatch,
    /// No new calls; `Drained` comes when the last one has ended or after the given seconds.
    Drain {
        within_s: u32,
    },
    Unregister {
        username: String,
    },
}

#[derive(Debug)]
pub enum Reply {
    Done,
    Posted(Result<Entry, LedgerError>),
    /// The movement's key was used before.
    Repeated,
    Balances(Vec<(AccountId, Micros, Micros)>),
    Snapshot(Box<crate::monitor::Snapshot>),
    NotFound,
    Drained,
}

#[derive(Debug)]
pub enum Output {
    Transmit {
        flow: Flow,
        bytes: Bytes,
    },
    Relay(RelayCommand),
    /// To be committed in order, each batch whole; answered by `Input::Durable`.
    Journal(Batch),
    Feed(FeedEvent),
    Reply {
        token: Token,
        reply: Reply,
    },
}

/// What the core is told once, at start.
#[derive(Clone, Debug)]
pub struct SwitchConfig {
    pub endpoint: tandem_sip::endpoint::EndpointConfig,
    /// Relay address per listener (local bind, advertised in SDP).
    pub media: Vec<MediaAddress>,
    pub max_calls: usize,
    pub seed: [u8; 32],
    /// First call id to use: above every one ever used.
    pub next_call: CallId,
    /// First journal sequence number.
    pub next_seq: u64,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaAddress {
    pub local: IpAddr,
    pub advertised: IpAddr,
}
