//! Two endpoints, a caller and a callee, on a network that loses, doubles, delays and reorders. Whatever
//! happens both sides end every transaction, tell their users one outcome, and agree as far as they can.

use crate::rig::{addr, config, flow, ms};
use bytes::Bytes;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use std::collections::BTreeMap;
use tandem_sip::{
    Flow, Mono, Transport,
    dialog::Dialog,
    endpoint::{ClientTxn, Endpoint, EndpointOutput, Event, RequestOut, ServerTxn},
    message::Draft,
    value::{Method, Uri},
};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Caller,
    Callee,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Cancel,
    Ring,
    Answer(u16),
}

struct World {
    rng: ChaCha8Rng,
    now: Mono,
    loss_percent: u64,
    flow: Flow,
    caller: Endpoint,
    callee: Endpoint,
    wire: BTreeMap<(Mono, u64), (Side, Bytes)>,
    script: BTreeMap<(Mono, u64), Due>,
    serial: u64,
    invite: Option<ClientTxn>,
    invited: Option<ServerTxn>,
    sent_final: Option<u16>,
    /// What the caller was told of its INVITE: status, 408 for a timeout.
    outcomes: Vec<u16>,
    acked: usize,
    ack_timeouts: usize,
    cancelled: usize,
    wants_cancel: bool,
    byes: usize,
}

impl World {
    fn new(seed: u64, transport: Transport) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = ChaCha8Rng::from_seed(key);
        let listener = u16::from(transport == Transport::Tcp);
        Self {
            rng,
            now: Mono(0),
            loss_percent: 0,
            flow: flow(listener),
            caller: Endpoint::new(config(), key),
            callee: Endpoint::new(config(), [9; 32]),
            wire: BTreeMap::new(),
            script: BTreeMap::new(),
            serial: 0,
            invite: None,
            invited: None,
            sent_final: None,
            outcomes: Vec::new(),
            acked: 0,
            ack_timeouts: 0,
            cancelled: 0,
            wants_cancel: false,
            byes: 0,
        }
    }

    fn below(&mut self, n: u64) -> u64 {
        self.rng.next_u64() % n
    }

    fn at(&mut self, after_ms: u64) -> (Mono, u64) {
        self.serial += 1;
        (
            self.now + std::time::Duration::from_millis(after_ms),
            self.serial,
        )
    }

    fn post(&mut self, to: Side, bytes: Bytes) {
        let reliable = self.flow.transport.is_reliable();
        let copies = match self.below(100) {
            roll if !reliable && roll < self.loss_percent => 0,
            roll if !reliable && roll > 94 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let delay = if reliable { 5 } else { self.below(700) };
            let key = self.at(delay);
            self.wire.insert(key, (to, bytes.clone()));
        }
    }

    fn drain(&mut self) {
        loop {
            if let Some(output) = self.caller.poll_output() {
                match output {
                    EndpointOutput::Transmit { bytes, .. } => self.post(Side::Callee, bytes),
                    EndpointOutput::Event(event) => self.caller_hears(event),
                }
            } else if let Some(output) = self.callee.poll_output() {
                match output {
                    EndpointOutput::Transmit { bytes, .. } => self.post(Side::Caller, bytes),
                    EndpointOutput::Event(event) => self.callee_hears(event),
                }
            } else {
                return;
            }
        }
    }

    fn caller_hears(&mut self, event: Event) {
        match event {
            Event::Response { txn, message } if Some(txn) == self.invite => {
                let status = message.status().expect("a response");
                if status < 200 {
                    return;
                }
                self.outcomes.push(status);
                if status < 300 {
                    let request = self.caller.client_request(txn).expect("alive after a 2xx");
                    let mut dialog = Dialog::from_response(request, &message).expect("a dialog");
                    self.caller
                        .ack(self.now, txn, self.flow, &dialog, Draft::new());
                    if self.wants_cancel {
                        let (now, flow) = (self.now, self.flow);
                        self.byes += 1;
                        self.caller.request_in_dialog(
                            now,
                            flow,
                            &mut dialog,
                            Method::Bye,
                            Draft::new(),
                        );
                    }
                }
            }
            Event::Timeout { txn } if Some(txn) == self.invite => self.outcomes.push(408),
            Event::Response { .. } | Event::Timeout { .. } => {}
            other => panic!("the caller heard {other:?}"),
        }
    }

    fn callee_hears(&mut self, event: Event) {
        match event {
            Event::Request { txn, message, .. } if message.is_method(&Method::Invite) => {
                if self.invited.is_some() {
                    // All of timer L or H may pass before a very late copy; answered like any call.
                    self.callee
                        .respond(self.now, txn, 486, "", "late", Draft::new());
                    return;
                }
                self.invited = Some(txn);
                let (ring, answer) = (self.below(400), 400 + self.below(4_000));
                let status = if self.below(3) == 0 { 486 } else { 200 };
                let key = self.at(ring);
                self.script.insert(key, Due::Ring);
                let key = self.at(answer);
                self.script.insert(key, Due::Answer(status));
            }
            Event::Request { txn, message, .. } => {
                assert_eq!(message.method(), Method::Bye);
                self.callee
                    .respond(self.now, txn, 200, "", "", Draft::new());
            }
            Event::Cancelled { txn, .. } => {
                assert_eq!(Some(txn), self.invited);
                assert_eq!(
                    self.sent_final, None,
                    "a CANCEL after the final is not told"
                );
                self.cancelled += 1;
                self.answer(487);
            }
            Event::Acked { txn, .. } => {
                assert_eq!(Some(txn), self.invited);
                self.acked += 1;
            }
            Event::AckTimeout { .. } => self.ack_timeouts += 1,
            other => panic!("the callee heard {other:?}"),
        }
    }

    fn answer(&mut self, status: u16) {
        let Some(txn) = self.invited.filter(|_| self.sent_final.is_none()) else {
            return;
        };
        if status >= 200 {
            self.sent_final = Some(status);
        }
        let draft = Draft::new().header("Contact", "<sip:callee@198.51.100.9>");
        self.callee
            .respond(self.now, txn, status, "", "callee", draft);
    }

    fn play(&mut self) {
        let request = RequestOut {
            method: Method::Invite,
            uri: Uri::parse("sip:callee@198.51.100.9").expect("uri"),
            from: addr("<sip:caller@192.0.2.1>;tag=caller"),
            to: addr("<sip:callee@198.51.100.9>"),
            call_id: self.caller.new_call_id(),
            cseq: 1,
            routes: Vec::new(),
            max_forwards: 70,
            draft: Draft::new().header("Contact", "<sip:caller@192.0.2.1>"),
        };
        self.invite = Some(self.caller.request(self.now, self.flow, request));
        // Every user bounds the ringing: a provisional ends timer B, and the final may never come through.
        let after = if self.below(2) == 0 {
            self.below(6_000)
        } else {
            60_000
        };
        let key = self.at(after);
        self.script.insert(key, Due::Cancel);
        self.drain();
        while let Some(next) = self.next_instant() {
            assert!(next < ms(600_000), "something never ends");
            self.now = next;
            self.advance();
            self.drain();
        }
    }

    fn next_instant(&self) -> Option<Mono> {
        let wire = self.wire.keys().next().map(|(at, _)| *at);
        let script = self.script.keys().next().map(|(at, _)| *at);
        let timers = [
            self.caller.poll_deadline(),
            self.callee.poll_deadline(),
            wire,
            script,
        ];
        timers.into_iter().flatten().min()
    }

    fn advance(&mut self) {
        let now = self.now;
        self.caller.handle_timeout(now);
        self.callee.handle_timeout(now);
        while let Some(entry) = self.wire.first_entry().filter(|e| e.key().0 <= now) {
            let (to, bytes) = entry.remove();
            match to {
                Side::Caller => self.caller.handle_message(now, self.flow, bytes),
                Side::Callee => self.callee.handle_message(now, self.flow, bytes),
            }
        }
        while let Some(entry) = self.script.first_entry().filter(|e| e.key().0 <= now) {
            match entry.remove() {
                Due::Ring => self.answer(180),
                Due::Answer(status) => self.answer(status),
                Due::Cancel => {
                    self.wants_cancel = true;
                    let txn = self.invite.expect("sent");
                    self.caller.cancel(now, txn);
                }
            }
        }
    }

    fn check(&self, seed: u64) {
        let outcome = &self.outcomes;
        assert_eq!(outcome.len(), 1, "seed {seed}: {outcome:?}");
        assert_eq!(
            self.caller.open_transactions(),
            0,
            "seed {seed}: caller leaks"
        );
        assert_eq!(
            self.callee.open_transactions(),
            0,
            "seed {seed}: callee leaks"
        );
        assert!(self.cancelled <= 1, "seed {seed}");
        match self.sent_final {
            Some(200) => assert_eq!(self.acked + self.ack_timeouts, 1, "seed {seed}"),
            _ => assert_eq!((self.acked, self.ack_timeouts), (0, 0), "seed {seed}"),
        }
        if self.acked > 0 {
            assert_eq!(outcome, &[200], "seed {seed}: acked, so the caller knows");
        }
        if outcome[0] != 408 {
            assert_eq!(Some(outcome[0]), self.sent_final, "seed {seed}");
        }
        if self.loss_percent == 0 {
            assert_eq!(
                Some(outcome[0]),
                self.sent_final,
                "seed {seed}: without loss no timeout"
            );
            assert_eq!(self.ack_timeouts, 0, "seed {seed}");
        }
    }
}

#[test]
fn both_sides_agree_without_loss_but_reordered() {
    let (mut crossed, mut cancelled) = (0, 0);
    for seed in 0..300 {
        let mut world = World::new(seed, Transport::Udp);
        world.play();
        world.check(seed);
        crossed += world.byes;
        cancelled += world.cancelled;
    }
    assert!(
        crossed > 5 && cancelled > 20,
        "the races did happen: {crossed}, {cancelled}"
    );
}

#[test]
fn both_sides_end_under_heavy_loss() {
    let mut lost = 0;
    for seed in 0..300 {
        let mut world = World::new(seed, Transport::Udp);
        world.loss_percent = [10, 30, 60, 90][(seed % 4) as usize];
        world.play();
        world.check(seed);
        lost += world.ack_timeouts + usize::from(world.outcomes == [408]);
    }
    assert!(lost > 5, "some calls were beyond rescue: {lost}");
}

#[test]
fn both_sides_agree_over_tcp() {
    for seed in 0..100 {
        let mut world = World::new(seed, Transport::Tcp);
        world.play();
        world.check(seed);
    }
}

#[test]
fn the_same_seed_gives_the_same_call() {
    let play = || {
        let mut world = World::new(42, Transport::Udp);
        world.loss_percent = 30;
        world.play();
        (world.now, world.serial, world.outcomes)
    };
    assert_eq!(play(), play());
}
