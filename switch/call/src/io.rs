//! The doors of the core: what goes in, what comes out, and the clock values that come with each input.

use crate::{Directory, directory::guard::Network, journal::Batch, monitor::FeedEvent};
use bytes::Bytes;
use std::{net::IpAddr, sync::Arc};
use tandem_billing::{
    AccountId, CallId, GatewayId, Micros, UpstreamId, UtcMs,
    ledger::{
        Entry, LedgerError, Movement,
        refund::{RefundError, RefundLevel, RefundRequest},
    },
};
use tandem_sdp::{RelayCommand, RelayReport};
use tandem_sip::{Flow, Mono};

/// Both clocks at the moment an input was taken from its queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Protocol timers and billed durations.
    pub mono: Mono,
    /// CDRs and time-of-day prices.
    pub utc: UtcMs,
}

/// Names a request of the shell so that its reply can be told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// What the shell feeds.
#[derive(Debug)]
pub enum Input {
    /// One SIP message: a datagram, or cut from a stream.
    Message {
        /// How it came; answers go back the same way.
        flow: Flow,
        /// The message, whole.
        bytes: Bytes,
    },
    /// A connection closed, or a datagram was refused by the network.
    FlowFailed {
        /// Which.
        flow: Flow,
    },
    /// What the relay threads say of a call's audio.
    Relay(RelayReport),
    /// Coding audio anew takes so much of one processor core now.
    Coding {
        /// Of the last second.
        percent: u32,
    },
    /// All batches up to this sequence number are on disk.
    Durable {
        /// Of the last batch committed.
        seq: u64,
    },
    /// The journal cannot be written: new calls are refused until the next `Durable`.
    JournalFailed,
    /// The operator edited something: new calls are decided by this one.
    Directory(Arc<Directory>),
    /// An operator or a background task wants something.
    Command {
        /// Given back with the reply.
        token: Token,
        /// What.
        command: Command,
    },
}

/// What operators and background tasks ask of the core.
#[derive(Debug)]
pub enum Command {
    /// End a call: `Done`, or `NotFound` if it is not up.
    HangUp {
        /// Which.
        call: CallId,
    },
    /// Record an open call from now on: `Done`, `NotFound`, or `Refused` with the reason.
    Record {
        /// Which.
        call: CallId,
    },
    /// Record it no longer: `Done`, or `NotFound` if it is not up.
    StopRecording {
        /// Which.
        call: CallId,
    },
    /// Payments, fees, refunds: answered when durable.
    Post(Movement),
    /// Pays a call back at every level; answered when durable. The levels are as the store has them: whoever asks
    /// sees to it that no other refund of the call is under way, and that the store has no entry of the request.
    Refund {
        /// What is wished.
        request: RefundRequest,
        /// Client first.
        levels: Vec<RefundLevel>,
    },
    /// Books nothing: several accounts' (balance, held).
    Balances(Vec<AccountId>),
    /// A full snapshot of the monitor, then deltas with the next sequence numbers.
    Snapshot,
    /// Nobody watches any more: no deltas until the next snapshot.
    Unwatch,
    /// No new calls; `Drained` comes when the last one has ended or after the given seconds, at which what is
    /// left is ended and billed.
    Drain {
        /// Seconds.
        within_s: u32,
    },
    /// Other bounds from now on; calls that are up stay. `Done`.
    SetLimits {
        /// As in [`SwitchConfig`].
        max_calls: usize,
        /// As in [`SwitchConfig::endpoint`].
        max_transactions: usize,
    },
    /// Ask the hosts of a gateway now whether they are there: `Done`, `NotFound`, or `Refused` if that was done too often
    /// of late.
    ProbeGateway {
        /// Which.
        gateway: GatewayId,
    },
    /// Register an upstream registration anew now: answered likewise.
    RegisterUpstream {
        /// Which.
        upstream: UpstreamId,
    },
    /// Drop a device's phones: `Done`, or `NotFound` if it had none.
    Unregister {
        /// The device.
        username: String,
    },
}

/// The answer to a [`Command`].
#[derive(Debug)]
pub enum Reply {
    /// It is done.
    Done,
    /// A movement is booked and on disk, or was refused.
    Posted(Result<Entry, LedgerError>),
    /// The refund's entries, client first, on disk; or why there is none.
    Refunded(Result<Vec<Entry>, RefundError>),
    /// The movement's key was used before.
    Repeated,
    /// Account, balance, held.
    Balances(Vec<(AccountId, Micros, Micros)>),
    /// Everything at this instant.
    Snapshot(Box<crate::monitor::Snapshot>),
    /// Why not.
    Refused(&'static str),
    /// There is no such thing at work.
    NotFound,
    /// No call is left, and every CDR is on disk.
    Drained,
}

/// What the shell carries out.
#[derive(Debug)]
pub enum Output {
    /// Send a SIP message.
    Transmit {
        /// Which way.
        flow: Flow,
        /// The message, whole.
        bytes: Bytes,
    },
    /// For the relay threads.
    Relay(RelayCommand),
    /// To be committed in order, each batch whole; answered by `Input::Durable`.
    Journal(Batch),
    /// Close what is connected from there: it is blocked.
    Shut {
        /// Which addresses.
        network: Network,
    },
    /// For whoever watches.
    Feed(FeedEvent),
    /// To a command.
    Reply {
        /// The command's.
        token: Token,
        /// The answer.
        reply: Reply,
    },
}

/// What the core is told once, at start.
#[derive(Clone, Debug)]
pub struct SwitchConfig {
    /// Listeners, timers and limits of the SIP layer.
    pub endpoint: tandem_sip::endpoint::EndpointConfig,
    /// Relay address per listener (local bind, advertised in SDP).
    pub media: Vec<MediaAddress>,
    /// Of the first and the second certificate the relay shows browsers; without them their calls are refused.
    pub fingerprints: Option<(tandem_sdp::web::Fingerprint, tandem_sdp::web::Fingerprint)>,
    /// Calls at once; more are answered 503.
    pub max_calls: usize,
    /// For tags, Call-IDs, nonces and shares. Must differ with every start.
    pub seed: [u8; 32],
    /// First call id to use: above every one ever used.
    pub next_call: CallId,
    /// First journal sequence number.
    pub next_seq: u64,
}

/// Where the relay takes audio for the peers of one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaAddress {
    /// To bind.
    pub local: IpAddr,
    /// To write into descriptions.
    pub advertised: IpAddr,
}
