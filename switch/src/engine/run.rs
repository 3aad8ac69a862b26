//! The loop of the core's thread.

use super::{
    Audience, Clock, EngineError, Inbox, Listen, ReplyTo,
    datagram::{DatagramListener, Received},
    follow::{Followed, follow},
    inbox::{Item, Outlet},
    journal::{Journal, Taking},
    sources::ConnectionLimits,
    stream::Streams,
    tls::Tls,
};
use crate::trace::{Direction, Tracer};
use bytes::Bytes;
use mio::{Events, Interest, Poll, Token, Waker};
use std::{
    collections::{BTreeMap, VecDeque},
    io::ErrorKind,
    net::SocketAddr,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};
use tandem_call::{
    Directory, Input, Now, Output, Switch,
    io::{Reply, SwitchConfig, Token as CallToken},
    journal::{AlertKind, Batch, Record},
};
use tandem_media::Relay;
use tandem_sip::{Flow, Transport, endpoint::Listener};
use tandem_store::{Loaded, Writer};

const WAKER: Token = Token(0);
const FIRST_LISTENER: usize = 1;
/// Listeners at most; connections are numbered above.
const FIRST_CONNECTION: usize = 1 << 16;
/// Datagrams and items taken before others get their turn.
const TURN: usize = 256;

/// Bound sockets, ready to run.
pub struct Engine {
    poll: Poll,
    datagrams: Vec<(Token, DatagramListener)>,
    streams: Streams,
    inbox: Inbox,
    outlet: Outlet,
    clock: Clock,
    listeners: Vec<Listener>,
    media: Vec<tandem_call::io::MediaAddress>,
    tracer: Arc<Tracer>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Binds every listener.
    ///
    /// # Errors
    /// The first listener that cannot be bound.
    pub fn bind(
        listens: &[Listen],
        tls: Tls,
        limits: ConnectionLimits,
    ) -> Result<Self, EngineError> {
        let poll = Poll::new()?;
        let clock = Clock::start();
        let (inbox, outlet) = Inbox::new(Waker::new(poll.registry(), WAKER)?);
        let mut engine = Self {
            poll,
            datagrams: Vec::new(),
            streams: Streams::new(FIRST_CONNECTION, limits, tls, clock.now().mono),
            inbox,
            outlet,
            clock,
            listeners: Vec::new(),
            media: listens.iter().map(|listen| listen.media).collect(),
            tracer: Arc::default(),
        };
        for (index, listen) in listens.iter().enumerate() {
            let local = engine.bind_one(index, listen)?;
            let mut advertised = listen.advertised.unwrap_or(local);
            if advertised.port() == 0 {
                advertised.set_port(local.port());
            }
            engine.listeners.push(Listener {
                transport: listen.transport,
                local,
                advertised,
            });
        }
        Ok(engine)
    }

    fn bind_one(&mut self, index: usize, listen: &Listen) -> Result<SocketAddr, EngineError> {
        let Listen {
            transport, address, ..
        } = *listen;
        let failed = |source| EngineError::Bind {
            transport,
            address,
            source,
        };
        let token = Token(FIRST_LISTENER + index);
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        match transport {
            Transport::Udp => {
                let mut listener = DatagramListener::bind(address, index).map_err(failed)?;
                self.poll
                    .registry()
                    .register(listener.source(), token, Interest::READABLE)?;
                let local = listener.local().map_err(failed)?;
                self.datagrams.push((token, listener));
                Ok(local)
            }
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => self
                .streams
                .listen(self.poll.registry(), (transport, address), index, token)
                .map_err(failed),
        }
    }

    /// What was bound, in the order of configuration.
    #[must_use]
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Relay addresses, in the same order.
    #[must_use]
    pub fn media(&self) -> &[tandem_call::io::MediaAddress] {
        &self.media
    }

    /// Its traces.
    #[must_use]
    pub fn tracer(&self) -> Arc<Tracer> {
        Arc::clone(&self.tracer)
    }

    /// The way in for other threads.
    #[must_use]
    pub fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// Runs until stopped or drained.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(
        mut self,
        config: SwitchConfig,
        loaded: Loaded,
        writer: Writer,
        relay: Arc<Relay>,
        audience: Audience,
    ) -> Result<JoinHandle<()>, EngineError> {
        let thread = std::thread::Builder::new().name("core".into());
        Ok(thread.spawn(move || {
            let Loaded {
                directory,
                ledger,
                registrations,
                charged_today,
                ..
            } = loaded;
            let registry = self.poll.registry();
            // Nothing is connected yet.
            let _ = self.streams.take_directory(registry, &directory);
            let mut switch =
                Switch::new(config, directory, ledger, registrations, self.clock.now());
            switch.restore_spending(&charged_today);
            let journal = Journal::new(writer);
            Running {
                engine: self,
                switch,
                journal,
                relay,
                audience,
                asked: BTreeMap::new(),
                next_token: 0,
                again: VecDeque::new(),
                coding_percent: 0,
            }
            .run();
        })?)
    }
}

struct Running {
    engine: Engine,
    switch: Switch,
    journal: Journal,
    relay: Arc<Relay>,
    audience: Audience,
    asked: BTreeMap<CallToken, ReplyTo>,
    next_token: u64,
    /// Inputs that outputs gave rise to (a flow that failed): fed after the drain.
    again: VecDeque<Input>,
    /// What the core knows of the relay's work.
    coding_percent: u32,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Stop,
}

impl Running {
    fn run(mut self) {
        self.turn();
        // Whoever closes the store next commits it; with no room left, a restart closes the calls.
        self.journal.flush();
    }

    /// Turn after turn, until stopped.
    fn turn(&mut self) {
        let mut events = Events::with_capacity(1024);
        let mut unread: Vec<Token> = Vec::new();
        loop {
            let wait = if unread.is_empty() {
                self.wait()
            } else {
                Some(Duration::ZERO)
            };
            match self.engine.poll.poll(&mut events, wait) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::error!(%error, "the event queue failed; the core stops");
                    return;
                }
            }
            self.note_coding();
            let mut ready = std::mem::take(&mut unread);
            ready.extend(
                events
                    .iter()
                    .map(mio::event::Event::token)
                    .filter(|token| *token != WAKER),
            );
            ready.dedup();
            for token in ready {
                if self.ready(token) {
                    unread.push(token);
                }
            }
            if self.items() == Going::Stop {
                return;
            }
            self.timers(&mut unread);
        }
    }

    fn note_coding(&mut self) {
        let percent = self.relay.stats().coding_percent;
        if percent != self.coding_percent {
            self.coding_percent = percent;
            self.feed(Input::Coding { percent });
        }
    }

    fn now(&self) -> Now {
        self.engine.clock.now()
    }

    fn wait(&self) -> Option<Duration> {
        let now = self.now().mono;
        let due = [
            self.switch.poll_deadline(),
            self.engine.streams.next_deadline(),
            self.journal.due(),
        ];
        let first = due.into_iter().flatten().min();
        first.map(|deadline| deadline.since(now))
    }

    /// Reads a socket; true if it may have more.
    fn ready(&mut self, token: Token) -> bool {
        if let Some(at) = self
            .engine
            .datagrams
            .iter()
            .position(|(own, _)| *own == token)
        {
            return self.datagrams(at);
        }
        let now = self.now();
        let registry = self.engine.poll.registry();
        if self.engine.streams.is_listener(token) {
            let switch = &self.switch;
            let refuses = |from| switch.is_blocked(now, from);
            let streams = &mut self.engine.streams;
            return streams.accept(registry, token, now.mono, &refuses);
        }
        let arrived = self.engine.streams.ready(registry, token, now.mono);
        for (flow, bytes) in arrived.messages {
            self.receive(flow, bytes);
        }
        for flow in arrived.failed {
            self.feed(Input::FlowFailed { flow });
        }
        arrived.more
    }

    fn datagrams(&mut self, at: usize) -> bool {
        for _ in 0..TURN {
            let Some((_, listener)) = self.engine.datagrams.get_mut(at) else {
                return false;
            };
            match listener.receive() {
                Received::Datagram(flow, bytes) => self.receive(flow, bytes),
                Received::Answered => {}
                Received::Nothing => return false,
            }
        }
        true
    }

    fn items(&mut self) -> Going {
        self.engine.outlet.look();
        for _ in 0..TURN {
            match self.engine.outlet.take() {
                None => return Going::On,
                Some(Item::Stop) => return Going::Stop,
                Some(Item::Input(input)) => {
                    if matches!(input, Input::Durable { .. }) {
                        self.journal.retry();
                        if self.journal.is_behind() {
                            continue;
                        }
                    }
                    if let Input::Directory(directory) = &input {
                        self.peers(&Arc::clone(directory));
                    }
                    self.feed(input);
                }
                Some(Item::Ask { command, reply }) => {
                    self.next_token += 1;
                    let token = CallToken(self.next_token);
                    self.asked.insert(token, reply);
                    self.feed(Input::Command { token, command });
                }
            }
        }
        self.engine.inbox.wake_again();
        Going::On
    }

    fn peers(&mut self, directory: &Directory) {
        let registry = self.engine.poll.registry();
        for flow in self.engine.streams.take_directory(registry, directory) {
            self.feed(Input::FlowFailed { flow });
        }
    }

    fn timers(&mut self, unread: &mut Vec<Token>) {
        let now = self.now();
        if self
            .switch
            .poll_deadline()
            .is_some_and(|deadline| deadline <= now.mono)
        {
            self.switch.handle_timeout(now);
            self.drain(now);
            self.feed_again();
        }
        if self.journal.due().is_some_and(|due| due <= now.mono) {
            let taking = self.journal.flush();
            self.note(taking);
            self.feed_again();
        }
        let streams = &mut self.engine.streams;
        if streams.next_deadline().is_some_and(|due| due <= now.mono) {
            let (failed, listeners) = streams.expire(self.engine.poll.registry(), now.mono);
            for flow in failed {
                self.feed(Input::FlowFailed { flow });
            }
            unread.extend(listeners);
        }
    }

    fn receive(&mut self, flow: Flow, bytes: Bytes) {
        if !self.engine.tracer.is_on() {
            return self.feed(Input::Message { flow, bytes });
        }
        let (now, copy) = (self.now(), bytes.clone());
        self.switch.handle(now, Input::Message { flow, bytes });
        // After it was handled a new call is known, and nothing it caused has been sent yet.
        self.follow(Direction::In, flow, &copy, now);
        self.drain(now);
        self.feed_again();
    }

    fn follow(&self, direction: Direction, flow: Flow, bytes: &[u8], now: Now) {
        let followed = Followed {
            at: now.utc,
            direction,
            flow,
            bytes,
        };
        let engine = &self.engine;
        follow(&engine.tracer, &self.switch, &engine.listeners, &followed);
    }

    fn feed(&mut self, input: Input) {
        let now = self.now();
        self.switch.handle(now, input);
        self.drain(now);
        self.feed_again();
    }

    fn feed_again(&mut self) {
        while let Some(input) = self.again.pop_front() {
            let now = self.now();
            self.switch.handle(now, input);
            self.drain(now);
        }
    }

    fn drain(&mut self, now: Now) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Transmit { flow, bytes } => self.transmit(flow, &bytes, now),
                Output::Relay(command) => self.relay.send(command),
                Output::Journal(batch) => {
                    log_alerts(&batch);
                    let taking = self.journal.submit(now.mono, batch);
                    self.note(taking);
                }
                Output::Shut { network } => {
                    let registry = self.engine.poll.registry();
                    let failed = self.engine.streams.shut(registry, network);
                    let failed = failed.into_iter().map(|flow| Input::FlowFailed { flow });
                    self.again.extend(failed);
                }
                Output::Feed(event) => (self.audience)(event),
                Output::Reply { token, reply } => self.answer(token, reply),
            }
        }
    }

    fn note(&mut self, taking: Taking) {
        if taking == Taking::NoLonger {
            self.again.push_back(Input::JournalFailed);
        }
    }

    fn answer(&mut self, token: CallToken, reply: Reply) {
        if let Some(reply_to) = self.asked.remove(&token) {
            reply_to(reply);
        }
    }

    fn transmit(&mut self, flow: Flow, bytes: &Bytes, now: Now) {
        if self.engine.tracer.is_on() {
            self.follow(Direction::Out, flow, bytes, now);
        }
        match flow.transport {
            Transport::Udp => self.transmit_datagram(flow, bytes),
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                let registry = self.engine.poll.registry();
                if let Err(failed) = self.engine.streams.send(registry, flow, bytes, now.mono) {
                    self.unsent(flow, &failed.error, &failed.flows);
                }
            }
        }
    }

    fn transmit_datagram(&mut self, flow: Flow, bytes: &Bytes) {
        let token = FIRST_LISTENER + usize::from(flow.listener);
        let mut listeners = self.engine.datagrams.iter_mut();
        let sent = match listeners.find(|(own, _)| own.0 == token) {
            Some((_, listener)) => listener.send(flow.remote, bytes),
            None => Err(ErrorKind::NotFound.into()),
        };
        if let Err(error) = sent {
            self.unsent(flow, &error, &[flow]);
        }
    }

    fn unsent(&mut self, flow: Flow, error: &std::io::Error, failed: &[Flow]) {
        tracing::debug!(%error, remote = %flow.remote, "message cannot be sent");
        let failed = failed.iter().map(|flow| Input::FlowFailed { flow: *flow });
        self.again.extend(failed);
    }
}

/// What operators must hear of is also in the log, and each block.
fn log_alerts(batch: &Batch) {
    for record in &batch.records {
        let alert = match record {
            Record::Alert(alert) => alert,
            Record::Blocked(block) => {
                let (network, reason) = (block.network, &block.reason);
                let lasts_s = block.until.0.saturating_sub(block.at.0) / 1_000;
                tracing::info!(%network, lasts_s, reason, "a source is blocked");
                continue;
            }
            _ => continue,
        };
        let (call, account) = (alert.call.map(|id| id.0), alert.account.map(|id| id.0));
        match alert.kind {
            AlertKind::LedgerFault => tracing::error!(call, account, "{}", alert.text),
            AlertKind::LowBalance
            | AlertKind::GatewayDown
            | AlertKind::SourceBlocked
            | AlertKind::UpstreamDown
            | AlertKind::SoundUnplayed => {
                tracing::warn!(call, account, "{}", alert.text);
            }
            AlertKind::GatewayUp | AlertKind::UpstreamUp => tracing::info!("{}", alert.text),
        }
    }
}
