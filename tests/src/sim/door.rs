//! The switch's door: what peers send reaches it, what it wants is carried out.

use super::{
    Trouble,
    agenda::Event,
    audit,
    operator::DEAD_HOST,
    peer::Hands,
    peers::{Heard, LineId},
    scene::Death,
    world::World,
};
use crate::kit::world;
use bytes::Bytes;
use std::net::SocketAddr;
use tandem_call::{Input, Output, Switch, io::Reply};
use tandem_sip::{Message, Parsed};

impl World {
    pub(super) fn arrive(&mut self, from: SocketAddr, bytes: Vec<u8>, harmed: bool) {
        if self.switch.is_none() {
            return;
        }
        let bytes = Bytes::from(bytes);
        if let Parsed::Message(message) = Message::parse(bytes.clone()) {
            self.trace.message(self.now, from, "->", &message);
            self.witness.see(self.now, &message);
            self.witness.hear(&message);
            if harmed {
                self.peers.taint(message.call_id());
            }
        }
        self.feed(Input::Message {
            flow: world::flow(from),
            bytes,
        });
    }

    pub(super) fn deliver(&mut self, life: u32, at: SocketAddr, bytes: Vec<u8>, harmed: bool) {
        let Parsed::Message(message) = Message::parse(Bytes::from(bytes)) else {
            return;
        };
        if harmed {
            self.peers.taint(message.call_id());
        }
        let mut hands = Hands::new(self.now.mono);
        match self.peers.hear(&self.scene, &mut hands, at, &message) {
            Heard::By(line) => {
                if life != self.life {
                    self.peers.orphan_line(line);
                }
                if harmed {
                    self.peers.taint(message.call_id());
                }
                self.reach_out(line, hands);
            }
            Heard::Unknown(answer) => self.send(at, answer.as_bytes()),
            Heard::Ignored => {}
        }
    }

    pub(super) fn reach_out(&mut self, line: LineId, hands: Hands) {
        let at = self.peers.lines()[line].party().at;
        for text in hands.sent {
            self.send(at, text.as_bytes());
        }
        for (ms, tick) in hands.ticks {
            self.after(ms, Event::Peer(line, tick));
        }
    }

    pub(super) fn send(&mut self, from: SocketAddr, text: &[u8]) {
        for arrival in self.network.carry(text) {
            if arrival.harmed {
                self.taint(text);
            }
            self.after(
                arrival.after,
                Event::ToSwitch {
                    from,
                    bytes: arrival.bytes,
                    harmed: arrival.harmed,
                },
            );
        }
    }

    /// What is harmed may come to nothing, or be refused: its call is judged less strictly.
    pub(super) fn taint(&mut self, sent: &[u8]) {
        if let Parsed::Message(message) = Message::parse(Bytes::copy_from_slice(sent)) {
            self.peers.taint(message.call_id());
        }
    }

    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.switch.as_mut().and_then(Switch::poll_output) {
            match output {
                Output::Transmit { flow, bytes } => self.transmit(flow.remote, &bytes),
                Output::Relay(command) => {
                    let life = self.life;
                    if let Some((after, report)) = self.relay.order(command) {
                        self.after(after, Event::Relay(life, report));
                    }
                    for (after, report) in self.relay.take_silences() {
                        self.after(after, Event::Relay(life, report));
                    }
                }
                Output::Journal(batch) => self.journal(batch),
                // Datagrams only.
                Output::Shut { .. } => {}
                Output::Feed(event) => self.watcher.hear(event),
                Output::Reply { token, reply } => {
                    if let Reply::Snapshot(snapshot) = &reply {
                        self.watcher.take(snapshot);
                    }
                    if let Some(payment) = self.clerk.hear(token, &reply) {
                        let key = payment.key.clone();
                        let durable = self.disk.book.entries.iter().any(|entry| entry.key == key);
                        assert!(durable, "{key} was confirmed before it was durable");
                    }
                }
            }
            if std::mem::take(&mut self.dying) {
                return self.die(Death::AfterBatches(self.batches));
            }
        }
    }

    pub(super) fn transmit(&mut self, at: SocketAddr, bytes: &Bytes) {
        match Message::parse(bytes.clone()) {
            Parsed::Message(message) => {
                self.trace.message(self.now, at, "<-", &message);
                self.witness.see(self.now, &message);
                audit::sent(self, &message);
            }
            // An answer to a harmed request repeats what it got.
            Parsed::Reject { .. } | Parsed::Drop(_) => {
                assert!(
                    self.scene.has(Trouble::Corruption),
                    "the switch sent what nobody can read"
                );
            }
        }
        if self.network.refuses && DEAD_HOST.parse() == Ok(at) {
            return self.after(2, Event::Refused(at));
        }
        for arrival in self.network.carry(bytes) {
            if arrival.harmed {
                self.taint(bytes);
            }
            self.after(
                arrival.after,
                Event::ToPeer {
                    life: self.life,
                    at,
                    bytes: arrival.bytes,
                    harmed: arrival.harmed,
                },
            );
        }
    }
}
