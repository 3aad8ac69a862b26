//! Server transactions at work: carries out what the machines of figures 7 and 8 decide, and says on what
//! terms a new request is let in.

use super::{
    Endpoint, Event, ServerTxn, server_invite, server_other,
    table::{Fingerprint, Keys},
    timers::{Armed, Owner, Timer, TimerIndex},
};
use crate::{
    flow::Flow,
    message::{self, Draft, Message},
    time::Mono,
    value::{EndReason, Method},
};
use bytes::Bytes;

/// What a server machine wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerAction {
    /// The response just given.
    Send,
    /// The last response again.
    Resend,
    /// 100 Trying, unless something was answered before.
    SendTrying,
    /// The last response again, or 100 Trying if there is none.
    ResendOrTrying,
    /// From now on the ACK to the 2xx finds this transaction.
    AwaitAck,
    ReportAck,
    ReportAckTimeout,
    /// Request and response are of no more use.
    Forget,
    /// The request is of no more use.
    ForgetRequest,
    Arm(Timer),
    /// Again, after twice the time.
    Rearm(Timer),
    Disarm(Timer),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ServerInput {
    /// The request again.
    Repeated,
    Ack,
    Response(u16),
    Timer(Timer),
}

#[derive(Clone, Copy, Debug)]
enum Machine {
    Invite(server_invite::State),
    Other(server_other::State),
}

impl Machine {
    fn step(&mut self, input: ServerInput) -> &'static [ServerAction] {
        match self {
            Self::Invite(state) => {
                use server_invite::Input as I;
                let input = match input {
                    ServerInput::Repeated => Some(I::Repeated),
                    ServerInput::Ack => Some(I::Ack),
                    ServerInput::Response(..200) => Some(I::Provisional),
                    ServerInput::Response(200..300) => Some(I::Success),
                    ServerInput::Response(300..) => Some(I::Failure),
                    ServerInput::Timer(timer) => I::from_timer(timer),
                };
                let Some(input) = input else { return &[] };
                let (next, actions) = server_invite::step(*state, input);
                *state = next;
                actions
            }
            Self::Other(state) => {
                use server_other::Input as I;
                let input = match input {
                    ServerInput::Repeated => Some(I::Repeated),
                    ServerInput::Ack => None,
                    ServerInput::Response(..200) => Some(I::Provisional),
                    ServerInput::Response(200..) => Some(I::Final),
                    ServerInput::Timer(timer) => I::from_timer(timer),
                };
                let Some(input) = input else { return &[] };
                let (next, actions) = server_other::step(*state, input);
                *state = next;
                actions
            }
        }
    }

    /// Whether a final response is still to come.
    fn is_open(self) -> bool {
        match self {
            Self::Invite(state) => state == server_invite::State::Proceeding,
            Self::Other(state) => {
                matches!(
                    state,
                    server_other::State::Trying | server_other::State::Proceeding
                )
            }
        }
    }

    fn is_terminated(self) -> bool {
        match self {
            Self::Invite(state) => state == server_invite::State::Terminated,
            Self::Other(state) => state == server_other::State::Terminated,
        }
    }
}

/// Whether a CANCEL for it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancelled {
    No,
    Yes,
}

#[derive(Debug)]
pub(super) struct ServerTransaction {
    machine: Machine,
    flow: Flow,
    key: Fingerprint,
    ack_key: Option<Fingerprint>,
    pub(super) request: Option<Message>,
    response: Option<Bytes>,
    /// The tag we put into To.
    to_tag: Option<Box<str>>,
    cancelled: Cancelled,
    armed: Armed,
    interval_ms: u64,
    /// The ACK to its 2xx counts when the user says so.
    judged: bool,
    /// Its answers do not name our product.
    pub(super) nameless: bool,
}

impl ServerTransaction {
    /// Whether an ACK is the user's to judge.
    fn judges(&self) -> bool {
        self.judged
            && matches!(
                self.machine,
                Machine::Invite(server_invite::State::Accepted)
            )
    }

    /// By what the ACK to its 2xx is known.
    fn expect_ack(&mut self, keys: &Keys) -> Option<Fingerprint> {
        let request = self.request.as_ref()?;
        let remote = request.from_tag().unwrap_or_default();
        let local = self.to_tag.as_deref().unwrap_or_default();
        let key = keys.ack(request.call_id(), remote, local, request.cseq());
        self.ack_key = Some(key);
        self.ack_key
    }

    fn forget(&mut self) -> Option<Fingerprint> {
        self.request = None;
        self.response = None;
        self.ack_key.take()
    }
}

impl Endpoint {
    pub(super) fn start_server(
        &mut self,
        now: Mono,
        flow: Flow,
        key: Fingerprint,
        message: Message,
    ) {
        let (machine, timer) = match message.method() {
            Method::Invite => (
                Machine::Invite(server_invite::State::Proceeding),
                Timer::Trying,
            ),
            _ => (
                Machine::Other(server_other::State::Trying),
                Timer::Unanswered,
            ),
        };
        let id = self.servers.insert(ServerTransaction {
            machine,
            flow,
            key,
            ack_key: None,
            request: Some(message.clone()),
            response: None,
            to_tag: None,
            cancelled: Cancelled::No,
            armed: Armed::default(),
            interval_ms: 0,
            judged: false,
            nameless: false,
        });
        self.server_index.insert(key, id);
        let source = self.keys.source(flow.remote.ip());
        *self.sources.entry(source).or_insert(0) += 1;
        self.arm_server(now, id, timer);
        self.emit(Event::Request {
            txn: ServerTxn(id),
            flow,
            message,
        });
    }

    /// Whether one more request from `flow` may become a transaction.
    ///
    /// Requests in a dialog have an eighth more room, so that calls can end when no new one may begin. In
    /// the last quarter no single source may hold more than half of all.
    pub(super) fn has_room(&self, flow: Flow, message: &Message) -> bool {
        let open = self.servers.len();
        let max = self.max_transactions;
        if message.to_tag().is_some() {
            return open < max.saturating_add(max / 8);
        }
        if open >= max {
            return false;
        }
        if open < max / 4 * 3 {
            return true;
        }
        let held = self
            .sources
            .get(&self.keys.source(flow.remote.ip()))
            .copied();
        held.unwrap_or(0) < max.div_ceil(2)
    }

    pub(super) fn answer(
        &mut self,
        now: Mono,
        id: u64,
        (status, reason, to_tag): (u16, &str, &str),
        draft: &Draft,
    ) {
        let Some(txn) = self.servers.get_mut(id).filter(|txn| txn.machine.is_open()) else {
            return;
        };
        let Some(request) = txn
            .request
            .as_ref()
            .filter(|_| (100..700).contains(&status))
        else {
            return;
        };
        if status > 100 {
            txn.to_tag = Some(match (request.to_tag(), to_tag) {
                (Some(tag), _) => tag.into(),
                (None, "") => self.keys.stateless_tag(txn.key).into(),
                (None, given) => given.into(),
            });
        }
        let tag = txn.to_tag.as_deref().unwrap_or_default();
        txn.response = Some(message::response(request, status, reason, tag, draft));
        self.step_server(now, id, ServerInput::Response(status), None);
    }

    /// 200 or 481 without a transaction of its own: a repeated CANCEL finds the same and is told the same. One from
    /// another address than the request's is not its sender's, whatever its branch: those can be guessed.
    pub(super) fn answer_cancel(&mut self, flow: Flow, key: Fingerprint, cancel: &Message) {
        let found = self.server_index.get(&key).copied();
        let found = found.and_then(|id| Some((id, self.servers.get_mut(id)?)));
        let own = found.filter(|(_, txn)| txn.flow.remote.ip() == flow.remote.ip());
        let Some((id, txn)) = own else {
            let tag = self.keys.stateless_tag(key);
            self.answer_stateless(flow, cancel, (481, "Call/Transaction Does Not Exist", &tag));
            return;
        };
        let tag = txn
            .to_tag
            .get_or_insert_with(|| self.keys.stateless_tag(key).into())
            .clone();
        let news = txn.machine.is_open() && txn.cancelled == Cancelled::No;
        txn.cancelled = Cancelled::Yes;
        self.answer_stateless(flow, cancel, (200, "OK", &tag));
        if news {
            self.emit(Event::Cancelled {
                txn: ServerTxn(id),
                reason: EndReason::of(cancel),
            });
        }
    }

    pub(super) fn answer_stateless(
        &mut self,
        flow: Flow,
        request: &Message,
        (status, reason, tag): (u16, &str, &str),
    ) {
        self.refuse(flow, request, (status, reason, tag), &Draft::default());
    }

    pub(super) fn refuse(
        &mut self,
        flow: Flow,
        request: &Message,
        (status, reason, tag): (u16, &str, &str),
        draft: &Draft,
    ) {
        let bytes = message::response(request, status, reason, tag, draft);
        self.transmit(flow, bytes);
    }

    /// Runs the machine, and again for each timer of no length it starts.
    pub(super) fn step_server(
        &mut self,
        now: Mono,
        id: u64,
        input: ServerInput,
        mut message: Option<Message>,
    ) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let Some(txn) = self.servers.get_mut(id) else {
                return;
            };
            if let ServerInput::Timer(timer) = input {
                TimerIndex::forget(&mut txn.armed, timer);
            }
            for action in txn.machine.step(input) {
                if let Some(due) = self.act_server(now, id, *action, &mut message) {
                    next = Some(ServerInput::Timer(due));
                }
            }
        }
        if self
            .servers
            .get(id)
            .is_some_and(|txn| txn.machine.is_terminated())
        {
            self.end_server(id);
        }
    }

    /// Carries one action out; tells which timer is due at once, having no length.
    fn act_server(
        &mut self,
        now: Mono,
        id: u64,
        action: ServerAction,
        message: &mut Option<Message>,
    ) -> Option<Timer> {
        match action {
            ServerAction::Send | ServerAction::Resend => self.send_response(id),
            ServerAction::SendTrying => {
                if self.servers.get(id)?.response.is_none() {
                    self.send_trying(id);
                }
            }
            ServerAction::ResendOrTrying => match self.servers.get(id)?.response {
                Some(_) => self.send_response(id),
                None => self.send_trying(id),
            },
            ServerAction::AwaitAck => self.await_ack(id),
            ServerAction::ReportAck => {
                let message = message.take()?;
                self.emit(Event::Acked {
                    txn: ServerTxn(id),
                    message,
                });
            }
            ServerAction::ReportAckTimeout => self.emit(Event::AckTimeout { txn: ServerTxn(id) }),
            ServerAction::Forget => self.forget(id),
            ServerAction::ForgetRequest => self.servers.get_mut(id)?.request = None,
            ServerAction::Arm(timer) => return self.arm_server(now, id, timer),
            ServerAction::Rearm(timer) => {
                let last = self.servers.get(id)?.interval_ms;
                self.rearm_server(now, id, (timer, timer.next_ms(&self.timers, last)));
            }
            ServerAction::Disarm(timer) => {
                let txn = self.servers.get_mut(id)?;
                self.timer_index
                    .disarm(Owner::Server(id), &mut txn.armed, timer);
            }
        }
        None
    }

    fn arm_server(&mut self, now: Mono, id: u64, timer: Timer) -> Option<Timer> {
        let txn = self.servers.get(id)?;
        match timer.first_ms(&self.timers, txn.flow.transport)? {
            0 => Some(timer),
            after_ms => {
                self.rearm_server(now, id, (timer, after_ms));
                None
            }
        }
    }

    fn rearm_server(&mut self, now: Mono, id: u64, (timer, after_ms): (Timer, u64)) {
        let Some(txn) = self.servers.get_mut(id) else {
            return;
        };
        if matches!(timer, Timer::G | Timer::Repeat) {
            txn.interval_ms = after_ms;
        }
        self.timer_index
            .arm(now, Owner::Server(id), &mut txn.armed, (timer, after_ms));
    }

    fn send_response(&mut self, id: u64) {
        let Some(txn) = self.servers.get(id) else {
            return;
        };
        let Some(bytes) = txn.response.clone() else {
            return;
        };
        let flow = txn.flow;
        self.transmit(flow, bytes);
    }

    fn send_trying(&mut self, id: u64) {
        let Some(txn) = self.servers.get_mut(id) else {
            return;
        };
        let Some(request) = txn.request.as_ref() else {
            return;
        };
        txn.response = Some(message::response(
            request,
            100,
            "Trying",
            "",
            &Draft::default(),
        ));
        self.send_response(id);
    }

    /// The answers to this request do not name our product.
    pub fn leave_nameless(&mut self, txn: ServerTxn) {
        if let Some(txn) = self.servers.get_mut(txn.0) {
            txn.nameless = true;
        }
    }

    /// The user judges the ACKs to the 2xx of this INVITE: each is told, and the 2xx repeated, until it takes one
    /// with [`Self::take_ack`], or [`Event::AckTimeout`] comes.
    pub fn judge_acks(&mut self, txn: ServerTxn) {
        if let Some(txn) = self.servers.get_mut(txn.0) {
            txn.judged = true;
        }
    }

    /// The ACK that was told is the one awaited.
    pub fn take_ack(&mut self, now: Mono, txn: ServerTxn) {
        let judged = self.servers.get_mut(txn.0);
        if judged.is_some_and(|txn| std::mem::take(&mut txn.judged)) {
            self.step_server(now, txn.0, ServerInput::Ack, None);
        }
    }

    /// An ACK came.
    pub(super) fn acked(&mut self, now: Mono, id: u64, message: Message) {
        let txn = ServerTxn(id);
        match self.servers.get(id) {
            Some(held) if held.judges() => self.emit(Event::Acked { txn, message }),
            Some(_) | None => self.step_server(now, id, ServerInput::Ack, Some(message)),
        }
    }

    fn await_ack(&mut self, id: u64) {
        let txn = self.servers.get_mut(id);
        if let Some(key) = txn.and_then(|txn| txn.expect_ack(&self.keys)) {
            self.ack_index.insert(key, id);
        }
    }

    fn forget(&mut self, id: u64) {
        let txn = self.servers.get_mut(id);
        if let Some(key) = txn.and_then(ServerTransaction::forget) {
            self.ack_index.remove(&key);
        }
    }

    fn end_server(&mut self, id: u64) {
        self.forget(id);
        let Some(mut txn) = self.servers.remove(id) else {
            return;
        };
        self.timer_index
            .disarm_all(Owner::Server(id), &mut txn.armed);
        self.server_index.remove(&txn.key);
        let source = self.keys.source(txn.flow.remote.ip());
        if let Some(held) = self.sources.get_mut(&source) {
            *held -= 1;
            if *held == 0 {
                self.sources.remove(&source);
            }
        }
    }
}
