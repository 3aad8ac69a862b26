//! The real core between virtual peers: wires, a relay, a disk and both clocks.

use super::{book::Book, plan::SWITCH};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tandem_billing::{AccountId, CallId, Micros, UtcMs, ledger::Ledger};
use tandem_call::{
    Directory, Input, Now, Output, Switch,
    directory::guard::Network,
    io::{Command, MediaAddress, Reply, SwitchConfig, Token},
    monitor::FeedEvent,
};
use tandem_sdp::{RelayCommand, RelayId, RelayReport, relay::Counters, web::Fingerprint};
use tandem_sip::{
    Flow, Message, Mono, Parsed, Transport,
    endpoint::{EndpointConfig, Listener, Timers},
};

/// How the journal behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// Every batch is on disk at once.
    Instant,
    /// Batches wait for [`World::sync`].
    Slow,
}

/// The core and all it talks to.
pub struct World {
    /// The real thing.
    pub switch: Switch,
    /// Both clocks.
    pub now: Now,
    /// What the store would hold.
    pub book: Book,
    /// How batches become durable.
    pub disk: Disk,
    /// Every order to the relay so far.
    pub relay: Vec<RelayCommand>,
    /// Whether the relay has ports.
    pub relay_full: bool,
    /// Whether relays open only by [`World::answer_open`].
    pub hold_opens: bool,
    held_opens: Vec<RelayId>,
    /// What a relay says at its end.
    pub last_counters: (Counters, Counters),
    /// Replies to commands.
    pub replies: Vec<(Token, Reply)>,
    /// Deltas of the monitor.
    pub feed: Vec<FeedEvent>,
    /// Addresses whose connections were to be closed.
    pub shut: Vec<Network>,
    inboxes: BTreeMap<SocketAddr, VecDeque<Message>>,
    pings: BTreeMap<SocketAddr, usize>,
    durable: u64,
    inputs: VecDeque<Input>,
    next_port: u16,
    harm: Option<Harm>,
    harmed: bool,
    /// Kept once it is asked for.
    wire: Option<Vec<Wire>>,
}

/// A message on the wire.
#[derive(Clone, Debug)]
pub struct Wire {
    /// When it was sent.
    pub at: Mono,
    /// By whom.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// Itself.
    pub message: Message,
}

/// What the network does to a datagram.
type Harm = Box<dyn FnOnce(&[u8]) -> Vec<u8>>;

/// Of the first certificate for browsers' audio.
const FINGERPRINT: &str = "sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3E:D8:24:F2:6A:43:9F:5E:9B:62:C7:1D";

/// 2026-01-01T00:00:00Z.
const START_MS: i64 = 1_767_225_600_000;

impl World {
    /// A switch with these balances, in whole currency units.
    #[must_use]
    pub fn new(directory: Arc<Directory>, balances: &[(i64, i64)]) -> Self {
        let micros: Vec<(AccountId, Micros)> = balances
            .iter()
            .map(|(id, units)| (AccountId(*id), Micros(units * 1_000_000)))
            .collect();
        Self::with_micros(directory, &micros)
    }

    /// A switch with these balances.
    #[must_use]
    pub fn with_micros(directory: Arc<Directory>, balances: &[(AccountId, Micros)]) -> Self {
        let now = Now {
            mono: Mono(1_000_000),
            utc: UtcMs(START_MS),
        };
        let ledger = Ledger::load(balances.iter().copied(), []);
        let came = Counters {
            packets: 50,
            bytes: 8600,
            ..Counters::default()
        };
        Self {
            switch: Switch::new(config(), directory, ledger, Vec::new(), now),
            now,
            book: Book::new(0, balances),
            disk: Disk::Instant,
            relay: Vec::new(),
            relay_full: false,
            hold_opens: false,
            held_opens: Vec::new(),
            last_counters: (came, came),
            replies: Vec::new(),
            feed: Vec::new(),
            shut: Vec::new(),
            inboxes: BTreeMap::new(),
            pings: BTreeMap::new(),
            durable: 0,
            inputs: VecDeque::new(),
            next_port: 20_000,
            harm: None,
            harmed: false,
            wire: None,
        }
    }

    /// A datagram from a peer reaches the switch.
    pub fn send(&mut self, from: SocketAddr, bytes: impl Into<Bytes>) {
        let mut bytes = bytes.into();
        if let Some(harm) = self.harm.take() {
            bytes = harm(&bytes).into();
        }
        self.note(from, SocketAddr::from(SWITCH), &bytes);
        self.input(Input::Message {
            flow: flow(from),
            bytes,
        });
    }

    /// From here on every message is kept.
    pub fn record(&mut self) {
        self.wire.get_or_insert_default();
    }

    /// The messages kept, in order.
    #[must_use]
    pub fn wire(&self) -> &[Wire] {
        self.wire.as_deref().unwrap_or_default()
    }

    fn note(&mut self, from: SocketAddr, to: SocketAddr, bytes: &Bytes) {
        let at = self.now.mono;
        if let (Some(wire), Parsed::Message(message)) =
            (self.wire.as_mut(), Message::parse(bytes.clone()))
        {
            wire.push(Wire {
                at,
                from,
                to,
                message,
            });
        }
    }

    /// The next datagram to the switch is changed on its way.
    pub fn harm_next(&mut self, harm: impl FnOnce(&[u8]) -> Vec<u8> + 'static) {
        self.harm = Some(Box::new(harm));
        self.harmed = true;
    }

    /// Whether this (`180`, `INVITE`, ...) waits at a peer.
    #[must_use]
    pub fn waits(&self, at: SocketAddr, what: &str) -> bool {
        let mut messages = self.inboxes.get(&at).into_iter().flatten();
        messages.any(|message| summary(message) == what)
    }

    /// Feeds an input, then carries out everything that comes of it.
    pub fn input(&mut self, input: Input) {
        self.inputs.push_back(input);
        while let Some(input) = self.inputs.pop_front() {
            self.switch.handle(self.now, input);
            self.carry_out();
        }
    }

    /// An operator's command; its token is the number of commands before it.
    pub fn command(&mut self, command: Command) {
        let token = Token(self.replies.len() as u64);
        self.input(Input::Command { token, command });
    }

    /// Lets time pass, timer by timer.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(due) = self.switch.poll_deadline().filter(|due| *due <= end) {
            self.set_time(due.max(self.now.mono));
            self.switch.handle_timeout(self.now);
            self.carry_out();
            while let Some(input) = self.inputs.pop_front() {
                self.switch.handle(self.now, input);
                self.carry_out();
            }
        }
        self.set_time(end);
    }

    /// The shell is stuck: time passes, and timers fire only after it.
    pub fn stall(&mut self, time: Duration) {
        self.set_time(self.now.mono + time);
        self.advance(Duration::ZERO);
    }

    /// Lets whole seconds pass.
    pub fn seconds(&mut self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// The disk has caught up.
    pub fn sync(&mut self) {
        self.durable = self.book.seq;
        self.input(Input::Durable { seq: self.durable });
    }

    /// The next message that waits at a peer.
    pub fn take(&mut self, at: SocketAddr) -> Option<Message> {
        self.inboxes.get_mut(&at)?.pop_front()
    }

    /// Keep-alives a peer was sent so far.
    #[must_use]
    pub fn pings(&self, at: SocketAddr) -> usize {
        self.pings.get(&at).copied().unwrap_or_default()
    }

    /// All messages that wait at a peer, each shortened to its status or method.
    pub fn heard(&mut self, at: SocketAddr) -> Vec<String> {
        let messages = self.inboxes.remove(&at).unwrap_or_default();
        messages.iter().map(summary).collect()
    }

    /// The next message at a peer that is this (`180`, `INVITE`, ...); what comes before it is dropped.
    ///
    /// # Panics
    /// If none is there.
    pub fn expect(&mut self, at: SocketAddr, what: &str) -> Message {
        let mut passed = Vec::new();
        while let Some(message) = self.take(at) {
            if summary(&message) == what {
                return message;
            }
            passed.push(summary(&message));
        }
        panic!("{at} waited for {what} and heard {passed:?}");
    }

    /// What the relay was told of its sides, last first: the targets set.
    #[must_use]
    pub fn relay_of_last_call(&self) -> Option<RelayId> {
        self.relay.iter().rev().find_map(|command| match command {
            RelayCommand::Open { id, .. } => Some(*id),
            RelayCommand::SetTransport { .. }
            | RelayCommand::SetTarget { .. }
            | RelayCommand::SetConversion { .. }
            | RelayCommand::PlayDigit { .. }
            | RelayCommand::Play { .. }
            | RelayCommand::StopPlaying { .. }
            | RelayCommand::SetStream { .. }
            | RelayCommand::SetRecording { .. }
            | RelayCommand::SetHold { .. }
            | RelayCommand::Close { .. } => None,
        })
    }

    /// The one call up.
    ///
    /// # Panics
    /// If there is none, or more.
    #[must_use]
    pub fn only_open(&self) -> CallId {
        assert_eq!(self.book.open.len(), 1, "one open call");
        *self.book.open.keys().next().expect("one open call")
    }

    /// What must hold whenever nothing is up: no call left, no hold left, balances as booked.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_idle(&mut self) {
        self.seconds(120);
        assert_eq!(self.switch.open_calls(), 0, "no call is left");
        assert!(
            self.book.open.is_empty(),
            "every opened call has ended: {:?}",
            self.book.open.keys()
        );
        for (account, balance) in &self.book.balances {
            assert_eq!(
                self.switch.ledger().held(*account),
                Micros::ZERO,
                "no hold is left"
            );
            assert_eq!(
                self.switch.ledger().balance(*account),
                *balance,
                "ledger and book agree"
            );
        }
    }

    fn set_time(&mut self, mono: Mono) {
        let passed = mono.0.saturating_sub(self.now.mono.0);
        let utc_us = self.now.mono.0 % 1000 + passed;
        let ms = i64::try_from(utc_us / 1000).expect("a short test");
        self.now = Now {
            mono,
            utc: self.now.utc.plus_ms(ms),
        };
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Transmit { flow, bytes } => self.deliver(flow.remote, bytes),
                Output::Relay(command) => self.relay(command),
                Output::Journal(batch) => {
                    self.book.apply(&batch);
                    if self.disk == Disk::Instant {
                        self.durable = batch.seq;
                        self.inputs.push_back(Input::Durable { seq: batch.seq });
                    }
                }
                Output::Shut { network } => self.shut.push(network),
                Output::Feed(event) => self.feed.push(event),
                Output::Reply { token, reply } => self.replies.push((token, reply)),
            }
        }
    }

    fn deliver(&mut self, to: SocketAddr, bytes: Bytes) {
        if bytes.as_ref() == b"\r\n\r\n" {
            *self.pings.entry(to).or_default() += 1;
            return;
        }
        self.note(SocketAddr::from(SWITCH), to, &bytes);
        match Message::parse(bytes) {
            Parsed::Message(message) => self.inboxes.entry(to).or_default().push_back(message),
            // An answer to a harmed request repeats what it got.
            Parsed::Reject { .. } | Parsed::Drop(_) if self.harmed => {}
            Parsed::Reject { reason, .. } => {
                panic!("the switch sent what it would reject: {reason}")
            }
            Parsed::Drop(reason) => panic!("the switch sent what it would drop: {reason}"),
        }
    }

    /// Opens a relay that was held, counted in the order asked for.
    ///
    /// # Panics
    /// If there is none.
    pub fn answer_open(&mut self, held: usize) {
        let report = self.opened(self.held_opens[held]);
        self.input(Input::Relay(report));
    }

    fn opened(&mut self, id: RelayId) -> RelayReport {
        self.next_port += 4;
        RelayReport::Opened {
            id,
            a_port: self.next_port,
            b_port: self.next_port + 2,
        }
    }

    fn relay(&mut self, command: RelayCommand) {
        let report = match &command {
            RelayCommand::Open { id, .. } if self.hold_opens => {
                self.held_opens.push(*id);
                None
            }
            RelayCommand::Open { id, .. } if self.relay_full => Some(RelayReport::Refused {
                id: *id,
                reason: "no ports".into(),
            }),
            RelayCommand::Open { id, .. } => Some(self.opened(*id)),
            RelayCommand::Close { id } => {
                let (a, b) = self.last_counters;
                Some(RelayReport::Closed { id: *id, a, b })
            }
            RelayCommand::SetTransport { .. }
            | RelayCommand::SetTarget { .. }
            | RelayCommand::SetConversion { .. }
            | RelayCommand::PlayDigit { .. }
            | RelayCommand::Play { .. }
            | RelayCommand::StopPlaying { .. }
            | RelayCommand::SetStream { .. }
            | RelayCommand::SetRecording { .. }
            | RelayCommand::SetHold { .. } => None,
        };
        self.relay.push(command);
        self.inputs.extend(report.map(Input::Relay));
    }
}

/// `INVITE`, `180`, ...
#[must_use]
pub fn summary(message: &Message) -> String {
    match message.status() {
        Some(status) => status.to_string(),
        None => message.method().as_str().to_owned(),
    }
}

/// How a peer reaches the switch.
#[must_use]
pub const fn flow(remote: SocketAddr) -> Flow {
    Flow {
        transport: Transport::Udp,
        listener: 0,
        connection: 0,
        remote,
    }
}

/// What every world starts with.
#[must_use]
pub fn config() -> SwitchConfig {
    let address = SocketAddr::from(SWITCH);
    SwitchConfig {
        endpoint: EndpointConfig {
            listeners: [Transport::Udp, Transport::Tcp]
                .map(|transport| Listener {
                    transport,
                    local: address,
                    advertised: address,
                })
                .to_vec(),
            timers: Timers::default(),
            max_transactions: 200_000,
            product: "Tandem".into(),
        },
        media: vec![MediaAddress {
            local: address.ip(),
            advertised: address.ip(),
        }],
        fingerprints: Fingerprint::parse(FINGERPRINT)
            .zip(Fingerprint::parse(&FINGERPRINT.replace("4A:", "4B:"))),
        max_calls: 1_000,
        seed: [7; 32],
        next_call: CallId(1),
        next_seq: 1,
    }
}
