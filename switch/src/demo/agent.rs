//! A SIP user agent over a socket of its own: the ground that the demo's phones and gateways stand on.

use super::audio::{Audio, description, target_of};
use crate::engine::Clock;
use bytes::Bytes;
use rand::{SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::Duration,
};
use tandem_sip::{
    Flow, Message, Mono, Transport,
    dialog::Dialog,
    endpoint::{Endpoint, EndpointConfig, EndpointOutput, Event, Listener, ServerTxn, Timers},
    message::Draft,
    value::Method,
};

/// Largest datagram read.
const DATAGRAM_BYTES: usize = 8_192;
/// Longest sleep: how soon an agent notices that it shall stop.
const NAP: Duration = Duration::from_millis(250);

/// A call that is up or ringing here.
pub(super) struct Call {
    pub(super) dialog: Dialog,
    pub(super) flow: Flow,
    pub(super) audio: Audio,
    /// Answer the INVITE then.
    pub(super) answer_at: Option<(Mono, ServerTxn)>,
    /// Hang up then.
    pub(super) end_at: Option<Mono>,
}

/// One user agent. Its calls are found by our tag.
pub(super) struct Agent {
    pub(super) endpoint: Endpoint,
    pub(super) calls: BTreeMap<String, Call>,
    pub(super) random: StdRng,
    socket: UdpSocket,
    clock: Clock,
    buffer: Vec<u8>,
    user: String,
}

impl Agent {
    /// On a free loopback port.
    pub(super) fn new(user: &str, seed: [u8; 32]) -> std::io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let local = socket.local_addr()?;
        let config = EndpointConfig {
            listeners: vec![Listener {
                transport: Transport::Udp,
                local,
                advertised: local,
            }],
            timers: Timers::default(),
            max_transactions: 1_000,
            product: "Tandem demo".into(),
        };
        Ok(Self {
            endpoint: Endpoint::new(config, seed),
            calls: BTreeMap::new(),
            random: StdRng::from_seed(seed),
            socket,
            clock: Clock::start(),
            buffer: vec![0; DATAGRAM_BYTES],
            user: user.to_owned(),
        })
    }

    pub(super) fn local(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn now(&self) -> Mono {
        self.clock.now().mono
    }

    pub(super) fn flow(remote: SocketAddr) -> Flow {
        Flow {
            transport: Transport::Udp,
            listener: 0,
            connection: 0,
            remote,
        }
    }

    /// Sends what is due, waits for a datagram or the next deadline (at most until `wake`), and returns what
    /// happened.
    pub(super) fn step(&mut self, wake: Option<Mono>) -> std::io::Result<Vec<Event>> {
        let mut events = self.drain()?;
        if events.is_empty() {
            self.receive(wake)?;
            let now = self.now();
            if self
                .endpoint
                .poll_deadline()
                .is_some_and(|deadline| deadline <= now)
            {
                self.endpoint.handle_timeout(now);
            }
            events = self.drain()?;
        }
        let now = self.now();
        self.calls
            .values_mut()
            .for_each(|call| call.audio.tick(now));
        Ok(events)
    }

    fn receive(&mut self, wake: Option<Mono>) -> std::io::Result<()> {
        let now = self.now();
        let audio = self
            .calls
            .values()
            .filter_map(|call| call.audio.next_at())
            .min();
        let due = [wake, audio, self.endpoint.poll_deadline()]
            .into_iter()
            .flatten()
            .min();
        let wait = due
            .map_or(NAP, |due| due.since(now))
            .clamp(Duration::from_millis(1), NAP);
        self.socket.set_read_timeout(Some(wait))?;
        match self.socket.recv_from(&mut self.buffer) {
            Ok((length, remote)) => {
                let bytes = Bytes::copy_from_slice(self.buffer.get(..length).unwrap_or_default());
                let now = self.now();
                self.endpoint.handle_message(now, Self::flow(remote), bytes);
                Ok(())
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn drain(&mut self) -> std::io::Result<Vec<Event>> {
        let mut events = Vec::new();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                EndpointOutput::Transmit { flow, bytes } => {
                    self.socket.send_to(&bytes, flow.remote)?;
                }
                EndpointOutput::Event(event) => events.push(event),
            }
        }
        Ok(events)
    }

    /// Rings for `ring`, answers, and hangs up after `talk`, if anything.
    pub(super) fn ring(
        &mut self,
        txn: ServerTxn,
        flow: Flow,
        invite: &Message,
        ring: Duration,
        talk: Option<Duration>,
    ) {
        let now = self.now();
        let tag = self.endpoint.new_tag();
        let Ok(mut audio) = Audio::open() else {
            self.endpoint.respond(now, txn, 500, "", &tag, Draft::new());
            return;
        };
        if let Some(target) = target_of(invite) {
            audio.send_to(target);
        }
        let dialog = Dialog::from_request(invite, &tag);
        self.endpoint
            .respond(now, txn, 180, "", &tag, self.with_contact());
        let end_at = talk.map(|talk| now + ring + talk);
        self.calls.insert(
            tag,
            Call {
                dialog,
                flow,
                audio,
                answer_at: Some((now + ring, txn)),
                end_at,
            },
        );
    }

    /// Answers and hangs up what is due.
    pub(super) fn due(&mut self) {
        let now = self.now();
        let answer: Vec<String> = self.tags(|call| call.answer_at.is_some_and(|(at, _)| at <= now));
        for tag in answer {
            let draft = self.with_contact();
            let Some(call) = self.calls.get_mut(&tag) else {
                continue;
            };
            let Some((_, txn)) = call.answer_at.take() else {
                continue;
            };
            let body = description(call.audio.local());
            call.audio.start(now);
            self.endpoint
                .respond(now, txn, 200, "", &tag, draft.body("application/sdp", body));
        }
        let end =
            self.tags(|call| call.answer_at.is_none() && call.end_at.is_some_and(|at| at <= now));
        for tag in end {
            let Some(mut call) = self.calls.remove(&tag) else {
                continue;
            };
            self.endpoint.request_in_dialog(
                now,
                call.flow,
                &mut call.dialog,
                Method::Bye,
                Draft::new(),
            );
        }
    }

    /// When [`Self::due`] has something to do next.
    pub(super) fn next_due(&self) -> Option<Mono> {
        let due = |call: &Call| call.answer_at.map(|(at, _)| at).or(call.end_at);
        self.calls.values().filter_map(due).min()
    }

    fn tags(&self, due: impl Fn(&Call) -> bool) -> Vec<String> {
        self.calls
            .iter()
            .filter(|(_, call)| due(call))
            .map(|(tag, _)| tag.clone())
            .collect()
    }

    /// What every agent does alike: BYE ends a call, CANCEL a ringing one, other requests are answered.
    pub(super) fn handle(&mut self, event: &Event) {
        let now = self.now();
        match event {
            Event::Request { txn, message, .. } => match message.method() {
                Method::Bye => {
                    let known = message
                        .to_tag()
                        .and_then(|tag| self.calls.remove(tag))
                        .is_some();
                    self.endpoint.respond(
                        now,
                        *txn,
                        if known { 200 } else { 481 },
                        "",
                        "",
                        Draft::new(),
                    );
                }
                Method::Options | Method::Info | Method::Update => {
                    let tag = self.endpoint.new_tag();
                    self.endpoint
                        .respond(now, *txn, 200, "", &tag, Draft::new());
                }
                _ => {
                    let tag = self.endpoint.new_tag();
                    self.endpoint
                        .respond(now, *txn, 501, "", &tag, Draft::new());
                }
            },
            Event::Cancelled { txn, .. } => {
                let ringing = self.tags(|call| call.answer_at.is_some_and(|(_, own)| own == *txn));
                for tag in ringing {
                    self.calls.remove(&tag);
                    self.endpoint
                        .respond(now, *txn, 487, "", &tag, Draft::new());
                }
            }
            Event::Acked { .. }
            | Event::AckTimeout { .. }
            | Event::Response { .. }
            | Event::Timeout { .. }
            | Event::TransportFailed { .. } => {}
        }
    }

    /// Headers of requests and answers that set up a dialog.
    pub(super) fn with_contact(&self) -> Draft {
        Draft::new().header("Contact", self.endpoint.contact(0, &self.user))
    }
}
