//! The call core: calls, registrations and the ledger in one state machine without I/O.
//!
//! Three doors (design.md section 4): feed one [`Input`], pull every [`Output`], ask for the next deadline.
//! This file owns the doors and the table of calls; [`dispatch`] finds the verb for what arrives, [`command`]
//! serves operators. A verb gets the shared [`state::Core`] and one call, never the table.

pub mod alarm;
pub(crate) mod auth;
mod belonging;
mod census;
mod command;
mod dispatch;
pub(crate) mod end;
pub(crate) mod feed;
pub(crate) mod genuine;
pub(crate) mod index;
mod letters;
pub(crate) mod outbox;
pub(crate) mod outside;
mod rows;
pub(crate) mod state;
pub(crate) mod timer;
pub(crate) mod watch;

pub use belonging::{Belonging, Stated};
pub use census::Census;

use crate::{
    Directory, announce,
    bill::{extend, refused, settle, warn},
    call::Call,
    cause, health,
    hunt::outcome,
    io::{Input, Now, Output, Reply, SwitchConfig},
    journal::Registration,
    leg::{answer, prack, refresh, renew},
    media, register, upstream,
};
use bytes::Bytes;
use index::{Facing, Relayed};
use state::{Core, Gate};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};
use tandem_billing::{AccountId, CallId, Micros, UtcMs, ledger::Ledger};
use tandem_sdp::RelayReport;
use tandem_sip::{Flow, endpoint::EndpointOutput};
use timer::Timer;

/// The calls, in order of their ids.
type Calls = BTreeMap<CallId, Box<Call>>;

/// The call core.
pub struct Switch {
    core: Core,
    calls: Calls,
}

impl Switch {
    /// `ledger` and `registrations` as the store loaded them.
    #[must_use]
    pub fn new(
        config: SwitchConfig,
        directory: Arc<Directory>,
        ledger: Ledger,
        registrations: Vec<Registration>,
        now: Now,
    ) -> Self {
        let mut core = Core::new(config, directory, ledger, now);
        register::restore(&mut core, registrations);
        health::take_directory(&mut core);
        upstream::take_directory(&mut core);
        Self {
            core,
            calls: Calls::new(),
        }
    }

    /// What calls were charged today, as the store counted it: account, instant, amount. Before the first input.
    pub fn restore_spending(&mut self, charged: &[(AccountId, UtcMs, Micros)]) {
        let core = &mut self.core;
        for (account, at, amount) in charged {
            if let Some(account) = core.directory.accounts.get(account) {
                core.spending.add(account, *at, *amount);
            }
        }
    }

    /// Rule: after each input (and each time-out) pull outputs until `None`.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.core.now = now;
        match input {
            Input::Message { flow, bytes } => {
                if !watch::admits(&mut self.core, flow) {
                    return;
                }
                self.core.feed.totals.messages_in += 1;
                self.receive(flow, bytes);
            }
            Input::FlowFailed { flow } => {
                self.core.endpoint.handle_flow_failed(now.mono, flow);
                upstream::flow_failed(&mut self.core, flow);
                let gone = self.core.registrar.handle_flow_failed(flow);
                register::ended(&mut self.core, &gone);
            }
            Input::Relay(report) => self.handle_relay(report),
            Input::Coding { percent } => {
                self.core.usage.note_coding(percent);
                self.core.feed.totals.coding_percent = percent;
            }
            Input::Durable { seq } => {
                for call in self.core.outbox.handle_durable(seq) {
                    self.with(call, answer::proceed);
                }
            }
            Input::JournalFailed => {
                for call in self.core.outbox.handle_failure() {
                    self.with(call, |core, call| {
                        end::end(core, call, &cause::NOT_DURABLE, end::Left::Nobody);
                    });
                }
            }
            Input::Directory(directory) => self.core.take_directory(directory),
            Input::Command { token, command } => self.command(token, command),
        }
        self.finish();
    }

    fn receive(&mut self, flow: Flow, bytes: Bytes) {
        let unread = |core: &Core| {
            let counters = core.endpoint.counters();
            counters.rejected + counters.dropped
        };
        let (before, length) = (unread(&self.core), bytes.len());
        let now = self.core.now.mono;
        self.core.endpoint.handle_message(now, flow, bytes);
        if unread(&self.core) > before {
            watch::malformed(&mut self.core, flow, length);
        }
    }

    /// Whether the address may not connect.
    #[must_use]
    pub fn is_blocked(&self, now: Now, from: IpAddr) -> bool {
        let settings = &self.core.directory.settings.guard;
        self.core.peers.guard.is_blocked(settings, from, now.mono)
    }

    /// Time has passed: fires every timer that is due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.core.now = now;
        self.core.endpoint.handle_timeout(now.mono);
        self.core.peers.guard.handle_timeout(now.mono);
        refused::handle_timeout(&mut self.core);
        self.pump();
        let gone = self.core.registrar.handle_timeout(now.mono);
        register::ended(&mut self.core, &gone);
        while let Some(timer) = self.core.timers.pop_due(now.mono) {
            self.fire(timer);
        }
        self.finish();
    }

    /// The next thing to carry out.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] is due next.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<tandem_sip::Mono> {
        let core = &self.core;
        [
            core.timers.next(),
            core.endpoint.poll_deadline(),
            core.registrar.poll_deadline(),
            core.peers.guard.poll_deadline(),
            core.peers.refusals.poll_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Calls in the table, those included that only wait for a last ACK or the relay's counters.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.calls.len()
    }

    /// Balances and holds, to be compared with the store's.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.core.ledger
    }

    /// Works on one call, and drops it when it is over.
    fn with(&mut self, id: CallId, work: impl FnOnce(&mut Core, &mut Call)) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        work(&mut self.core, call);
        self.sweep(id);
    }

    fn sweep(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(&id) {
            media::play::follow(&mut self.core, call);
        }
        if !self.calls.get(&id).is_some_and(|call| call.is_over()) {
            return;
        }
        if let Some(call) = self.calls.remove(&id) {
            forget(&mut self.core, &call);
        }
    }

    fn insert(&mut self, call: Box<Call>) {
        let id = call.id;
        self.calls.insert(id, call);
        self.sweep(id);
    }

    fn handle_relay(&mut self, report: RelayReport) {
        let Some(Relayed { call, facing }) = self.core.index.relays.get(&report.id()).copied()
        else {
            return announce::report(&mut self.core, report);
        };
        let report = match facing {
            Facing::Straight => report,
            Facing::Turned => report.turned(),
        };
        self.with(call, |core, call| dispatch::relay(core, call, report));
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::NoResponse(call) => self.with(call, outcome::no_response),
            Timer::Ring(call) => self.with(call, outcome::ring_timeout),
            Timer::Extend(call) => self.with(call, extend::handle_extend),
            Timer::Warn(call) => self.with(call, warn::handle_due),
            Timer::CutOff(call) => self.with(call, extend::handle_cut_off),
            Timer::RelayOpen(call) => self.with(call, dispatch::relay_late),
            Timer::RelayClose(call) => self.with(call, |core, call| {
                media::closed(core, call, None);
                settle::book(core, call);
            }),
            Timer::Reliable(call) => self.with(call, prack::handle_due),
            Timer::Session(call, side) => {
                self.with(call, |core, call| refresh::handle_due(core, call, side));
            }
            Timer::Renew(call, side) => {
                self.with(call, |core, call| renew::handle_due(core, call, side));
            }
            Timer::Join(of) => self.join_again(of),
            Timer::Announcement(relay) => announce::due(&mut self.core, relay),
            Timer::Drain => self.end_all(),
            Timer::Probe(place) => health::due(&mut self.core, place),
            Timer::Rest(place) => health::rested(&mut self.core, place),
            Timer::Upstream(id) => upstream::due(&mut self.core, id),
            Timer::KeepAlive(id) => upstream::keep_alive(&mut self.core, id),
        }
        self.pump();
    }

    /// Everything the endpoint and calls that are linked have to say, until they have no more.
    fn pump(&mut self) {
        loop {
            while let Some(output) = self.core.endpoint.poll_output() {
                match output {
                    EndpointOutput::Transmit { flow, bytes } => {
                        self.core.feed.totals.messages_out += 1;
                        self.core
                            .outputs
                            .push_back(Output::Transmit { flow, bytes });
                    }
                    EndpointOutput::Event(event) => self.dispatch(event),
                }
            }
            match self.core.letters.pop_front() {
                Some(letter) => self.deliver(letter),
                None => return,
            }
        }
    }

    /// After each input: outputs of the layers below, one journal batch, replies, rows for watchers.
    fn finish(&mut self) {
        self.pump();
        self.finish_drain();
        let core = &mut self.core;
        if let Some(batch) = core.outbox.take_batch() {
            core.outputs.push_back(batch);
        }
        while let Some(reply) = core.outbox.take_reply() {
            core.outputs.push_back(reply);
        }
        if core.feed.is_watched() {
            rows::emit(core, &self.calls);
        }
    }

    fn finish_drain(&mut self) {
        let settled = |call: &Call| call.end.is_some_and(|end| end.booked);
        let Gate::Draining(token) = self.core.gate else {
            return;
        };
        let left =
            self.core.peers.upstreams.have_left() && self.core.loose.announcements.is_empty();
        if left && self.calls.values().all(|call| settled(call)) {
            refused::close(&mut self.core);
            self.core.gate = Gate::Drained;
            self.core.timers.disarm(Timer::Drain);
            self.core.outbox.reply_when_durable(token, Reply::Drained);
        }
    }
}

/// Nothing of a call that is over stays behind.
fn forget(core: &mut Core, call: &Call) {
    core.timers.disarm_call(call.id);
    if let Some(invite) = call.caller.invite {
        core.index.servers.remove(&invite);
    }
    for leg in [Some(&call.caller.leg), call.callee.as_ref()]
        .into_iter()
        .flatten()
    {
        core.index.leave(&leg.dialog, call.id);
    }
}
