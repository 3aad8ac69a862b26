//! The life of the process: what it journals, what the operator asks of it, how it dies and starts again.

use super::{
    Trouble,
    agenda::Event,
    audit,
    scene::{Act, Death},
    world::World,
};
use crate::kit::world;
use tandem_billing::{AccountId, CallId, Micros};
use tandem_call::{
    Input, Switch,
    io::{Command, SwitchConfig},
    journal::{Batch, Record},
};

impl World {
    pub(super) fn journal(&mut self, batch: Batch) {
        for record in &batch.records {
            self.trace.record(self.now, record);
            if let Record::Opened(open) = record {
                let key = (open.cdr.call, open.cdr.a_call_id.clone());
                self.clerk.decided.insert(key, self.clerk.version());
            }
        }
        audit::batch(self, &batch);
        if let Some(after) = self.disk.submit(batch) {
            self.after(after, Event::Commit(self.life));
        }
        self.batches += 1;
        let deaths = &self.scene.crashes;
        self.dying = !self.ended && deaths.contains(&Death::AfterBatches(self.batches));
    }

    pub(super) fn commit(&mut self) {
        if self.broken_since().is_some() {
            self.trace.note(self.now, "the disk fails");
            self.feed(Input::JournalFailed);
            return self.after(500, Event::Commit(self.life));
        }
        let (seq, next) = self.disk.commit(self.now);
        if let Some(after) = next {
            self.after(after, Event::Commit(self.life));
        }
        self.feed(Input::Durable { seq });
    }

    pub(super) fn act(&mut self, index: usize) {
        if self.switch.is_none() {
            return self.after(1_000, Event::Act(index));
        }
        let act = self.scene.acts[index].1.clone();
        self.trace.note(self.now, &format!("{act:?}"));
        match act {
            Act::Pay { account, micros } => {
                let payment = self.clerk.note_payment(account, micros, self.now.utc);
                let (token, command) = self.clerk.ask(payment);
                self.feed(Input::Command { token, command });
            }
            Act::HangUp => {
                let first: Option<CallId> = self.live.open.keys().next().copied();
                if let Some(call) = first {
                    let token = self.clerk.token();
                    self.feed(Input::Command {
                        token,
                        command: Command::HangUp { call },
                    });
                }
            }
            Act::Unregister(username) => {
                let token = self.clerk.token();
                self.feed(Input::Command {
                    token,
                    command: Command::Unregister {
                        username: username.to_owned(),
                    },
                });
            }
            Act::Edit(edit) => {
                self.clerk.operator.apply(edit);
                self.clerk.versions.push(self.clerk.operator.clone());
                let version = self.clerk.version() as u64;
                self.feed(Input::Directory(self.clerk.operator.directory(version)));
            }
        }
    }

    pub(super) fn end(&mut self) {
        if self.switch.is_none() {
            return self.after(1_000, Event::End);
        }
        self.ended = true;
        if self.scene.has(Trouble::Drain) {
            self.trace.note(self.now, "drain");
            let (token, command) = self.clerk.ask_drain();
            self.feed(Input::Command { token, command });
        }
    }

    pub(super) fn die(&mut self, death: Death) {
        if self.ended || self.switch.is_none() {
            return;
        }
        self.trace
            .note(self.now, &format!("the process dies: {death:?}"));
        self.switch = None;
        self.life += 1;
        self.batches = 0;
        let broken = self.broken_since();
        self.disk.die(self.now, &mut self.crash, broken);
        self.scene.crashes.retain(|other| *other != death);
        self.peers.orphan(self.now.mono);
        self.relay.die();
        let down = self.crash.between(100, 20_000);
        self.after(down, Event::Start);
    }

    pub(super) fn start(&mut self) {
        let survivors = self.disk.reopen(self.now);
        self.trace.note(
            self.now,
            &format!(
                "the process starts; {} calls were open",
                survivors.closed.len()
            ),
        );
        audit::reopened(self);
        self.live = self.disk.book.clone();
        let config = SwitchConfig {
            seed: self.seeds.bytes(),
            next_call: survivors.next_call,
            next_seq: survivors.next_seq,
            max_calls: 40,
            ..world::config()
        };
        let version = self.clerk.version() as u64;
        let directory = self.clerk.operator.directory(version);
        self.switch = Some(Switch::new(
            config,
            directory,
            survivors.ledger,
            survivors.registrations,
            self.now,
        ));
        self.carry_out();
        let token = self.clerk.token();
        self.feed(Input::Command {
            token,
            command: Command::Snapshot,
        });
        for payment in self.clerk.forgotten() {
            let (token, command) = self.clerk.ask(payment);
            self.feed(Input::Command { token, command });
        }
    }

    /// The longest that anybody's session lasts without being refreshed, in seconds.
    #[must_use]
    pub fn longest_session_s(&self) -> u64 {
        let asked = self.scene.calls.iter().filter_map(|call| call.session_s);
        let longest = asked.chain([self.scene.operator.session_s]).max();
        longest.map_or(0, u64::from)
    }

    /// Spendable money of an account by the books: balance, credit limit, holds.
    #[must_use]
    pub fn spendable(&self, account: AccountId) -> Micros {
        let limit = self.clerk.operator.account(account.0).limit.max(0);
        let held = self.held(account);
        let balance = self
            .live
            .balances
            .get(&account)
            .copied()
            .unwrap_or_default();
        Micros(balance.0 + limit - held.0)
    }

    /// Sum of the holds of an account by the books.
    #[must_use]
    pub fn held(&self, account: AccountId) -> Micros {
        let holds = self.live.open.values().flat_map(|open| &open.holds);
        Micros(
            holds
                .filter(|level| level.account == account)
                .map(|level| level.amount.0)
                .sum(),
        )
    }
}
