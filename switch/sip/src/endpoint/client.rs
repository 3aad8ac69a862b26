//! Client transactions at work: carries out what the machines of figures 5 and 6 decide.

use super::{
    ClientTxn, Endpoint, Event, RequestOut, client_invite, client_other,
    table::Fingerprint,
    timers::{Armed, Owner, Timer, TimerIndex},
};
use crate::{
    dialog::Dialog,
    flow::Flow,
    message::{self, Draft, Message, Parsed, RequestParts},
    time::Mono,
    value::{EndReason, Method},
};
use bytes::Bytes;
use std::cell::OnceCell;

/// Forks of one INVITE whose 2xx are told apart; more are dropped.
const MAX_FORKS: usize = 16;

/// What a client machine wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientAction {
    /// The request again.
    Resend,
    /// The ACK to this non-2xx final.
    SendAck,
    /// That ACK again.
    ResendAck,
    Report,
    /// A 2xx: reported if it is this fork's first, else its ACK is repeated.
    ReportFork,
    ReportTimeout,
    ReportTransportFailed,
    /// The CANCEL, if the user asked for one before there was a provisional.
    SendCancel,
    Arm(Timer),
    /// Again, after twice the time.
    Rearm(Timer),
    /// Again, after T2.
    RearmSlow(Timer),
    Disarm(Timer),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ClientInput {
    Response(u16),
    Timer(Timer),
    TransportFailed,
}

#[derive(Clone, Copy, Debug)]
enum Machine {
    Invite(client_invite::State),
    Other(client_other::State),
}

impl Machine {
    fn of(method: &Method) -> Self {
        match method {
            Method::Invite => Self::Invite(client_invite::State::Calling),
            _ => Self::Other(client_other::State::Trying),
        }
    }

    fn step(&mut self, input: ClientInput) -> &'static [ClientAction] {
        match self {
            Self::Invite(state) => {
                use client_invite::Input as I;
                let input = match input {
                    ClientInput::Response(..200) => Some(I::Provisional),
                    ClientInput::Response(200..300) => Some(I::Success),
                    ClientInput::Response(300..) => Some(I::Failure),
                    ClientInput::Timer(timer) => I::from_timer(timer),
                    ClientInput::TransportFailed => Some(I::TransportFailed),
                };
                let Some(input) = input else { return &[] };
                let (next, actions) = client_invite::step(*state, input);
                *state = next;
                actions
            }
            Self::Other(state) => {
                use client_other::Input as I;
                let input = match input {
                    ClientInput::Response(..200) => Some(I::Provisional),
                    ClientInput::Response(200..) => Some(I::Final),
                    ClientInput::Timer(timer) => I::from_timer(timer),
                    ClientInput::TransportFailed => Some(I::TransportFailed),
                };
                let Some(input) = input else { return &[] };
                let (next, actions) = client_other::step(*state, input);
                *state = next;
                actions
            }
        }
    }

    fn is_terminated(self) -> bool {
        match self {
            Self::Invite(state) => state == client_invite::State::Terminated,
            Self::Other(state) => state == client_other::State::Terminated,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    No,
    /// Asked for, with the value of its Reason header; waits for a provisional.
    Wanted(EndReason),
    Sent,
}

/// Who hears of responses: the user, or nobody (our own CANCELs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    User,
    Nobody,
}

/// One remote end that answered our INVITE with a 2xx.
#[derive(Debug)]
struct Fork {
    tag: Box<str>,
    ack: Option<(Flow, Bytes)>,
}

#[derive(Debug)]
pub(super) struct ClientTransaction {
    machine: Machine,
    flow: Flow,
    key: Fingerprint,
    cseq: u32,
    request: Bytes,
    /// The request read back, when somebody asks for it.
    parsed: OnceCell<Option<Message>>,
    armed: Armed,
    interval_ms: u64,
    cancel: Cancel,
    audience: Audience,
    /// Our ACK to a non-2xx final.
    ack: Option<Bytes>,
    forks: Vec<Fork>,
}

impl ClientTransaction {
    pub(super) fn request(&self) -> Option<&Message> {
        let parsed = self
            .parsed
            .get_or_init(|| match Message::parse(self.request.clone()) {
                Parsed::Message(message) => Some(message),
                Parsed::Reject { .. } | Parsed::Drop(_) => None,
            });
        parsed.as_ref()
    }
}

/// A request printed and ready to go out in a new transaction.
struct Outgoing {
    machine: Machine,
    flow: Flow,
    key: Fingerprint,
    cseq: u32,
    bytes: Bytes,
    audience: Audience,
}

impl Endpoint {
    pub(super) fn send_request(&mut self, now: Mono, flow: Flow, out: &RequestOut) -> ClientTxn {
        let Some((via, key)) = self.fresh_via(flow, &out.method) else {
            return self.fail_unsent();
        };
        let parts = RequestParts {
            method: &out.method,
            uri: &out.uri,
            via: &via,
            routes: &out.routes,
            from: &out.from,
            to: &out.to,
            call_id: &out.call_id,
            cseq: out.cseq,
            max_forwards: out.max_forwards,
        };
        let bytes = message::request(&parts, &out.draft);
        let (machine, cseq, audience) = (Machine::of(&out.method), out.cseq, Audience::User);
        self.start_client(
            now,
            Outgoing {
                machine,
                flow,
                key,
                cseq,
                bytes,
                audience,
            },
        )
    }

    pub(super) fn send_in_dialog(
        &mut self,
        now: Mono,
        flow: Flow,
        dialog: &Dialog,
        (method, draft): (&Method, &Draft),
    ) -> ClientTxn {
        let Some((via, key)) = self.fresh_via(flow, method) else {
            return self.fail_unsent();
        };
        let bytes = message::request(&in_dialog(dialog, method, &via), draft);
        let (machine, cseq, audience) = (Machine::of(method), dialog.local_cseq, Audience::User);
        self.start_client(
            now,
            Outgoing {
                machine,
                flow,
                key,
                cseq,
                bytes,
                audience,
            },
        )
    }

    /// A flow without a listener of ours: the request fails before it is sent.
    fn fail_unsent(&mut self) -> ClientTxn {
        let txn = ClientTxn(self.clients.spent_id());
        self.emit(Event::TransportFailed { txn });
        txn
    }

    fn start_client(&mut self, now: Mono, out: Outgoing) -> ClientTxn {
        let timers = match out.machine {
            Machine::Invite(_) => [Timer::A, Timer::B],
            Machine::Other(_) => [Timer::E, Timer::F],
        };
        self.transmit(out.flow, out.bytes.clone());
        let id = self.clients.insert(ClientTransaction {
            machine: out.machine,
            flow: out.flow,
            key: out.key,
            cseq: out.cseq,
            request: out.bytes,
            parsed: OnceCell::new(),
            armed: Armed::default(),
            interval_ms: 0,
            cancel: Cancel::No,
            audience: out.audience,
            ack: None,
            forks: Vec::new(),
        });
        self.client_index.insert(out.key, id);
        self.client_flows.insert((out.flow, id));
        for timer in timers {
            self.arm_client(now, id, timer);
        }
        ClientTxn(id)
    }

    /// Runs the machine, and again for each timer of no length it starts.
    pub(super) fn step_client(
        &mut self,
        now: Mono,
        id: u64,
        input: ClientInput,
        mut message: Option<Message>,
    ) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let Some(txn) = self.clients.get_mut(id) else {
                return;
            };
            if let ClientInput::Timer(timer) = input {
                TimerIndex::forget(&mut txn.armed, timer);
            }
            for action in txn.machine.step(input) {
                if let Some(due) = self.act_client(now, id, *action, &mut message) {
                    next = Some(ClientInput::Timer(due));
                }
            }
        }
        if self
            .clients
            .get(id)
            .is_some_and(|txn| txn.machine.is_terminated())
        {
            self.end_client(id);
        }
    }

    /// Carries one action out; tells which timer is due at once, having no length.
    fn act_client(
        &mut self,
        now: Mono,
        id: u64,
        action: ClientAction,
        message: &mut Option<Message>,
    ) -> Option<Timer> {
        match action {
            ClientAction::Resend => self.resend_request(id),
            ClientAction::SendAck => self.send_failure_ack(id, message.as_ref()),
            ClientAction::ResendAck => self.resend_failure_ack(id),
            ClientAction::Report => {
                let message = message.take()?;
                self.tell_client(id, |txn| Event::Response { txn, message });
            }
            ClientAction::ReportFork => self.report_fork(id, message.take()?),
            ClientAction::ReportTimeout => self.tell_client(id, |txn| Event::Timeout { txn }),
            ClientAction::ReportTransportFailed => {
                self.tell_client(id, |txn| Event::TransportFailed { txn });
            }
            ClientAction::SendCancel => self.send_cancel(now, id),
            ClientAction::Arm(timer) => return self.arm_client(now, id, timer),
            ClientAction::Rearm(timer) => {
                let last = self.clients.get(id)?.interval_ms;
                self.rearm_client(now, id, (timer, timer.next_ms(&self.timers, last)));
            }
            ClientAction::RearmSlow(timer) => {
                self.rearm_client(now, id, (timer, self.timers.t2_ms));
            }
            ClientAction::Disarm(timer) => {
                let txn = self.clients.get_mut(id)?;
                self.timer_index
                    .disarm(Owner::Client(id), &mut txn.armed, timer);
            }
        }
        None
    }

    fn arm_client(&mut self, now: Mono, id: u64, timer: Timer) -> Option<Timer> {
        let txn = self.clients.get(id)?;
        match timer.first_ms(&self.timers, txn.flow.transport)? {
            0 => Some(timer),
            after_ms => {
                self.rearm_client(now, id, (timer, after_ms));
                None
            }
        }
    }

    fn rearm_client(&mut self, now: Mono, id: u64, (timer, after_ms): (Timer, u64)) {
        let Some(txn) = self.clients.get_mut(id) else {
            return;
        };
        if matches!(timer, Timer::A | Timer::E) {
            txn.interval_ms = after_ms;
        }
        self.timer_index
            .arm(now, Owner::Client(id), &mut txn.armed, (timer, after_ms));
    }

    fn tell_client(&mut self, id: u64, event: impl FnOnce(ClientTxn) -> Event) {
        let heard = self
            .clients
            .get(id)
            .is_some_and(|txn| txn.audience == Audience::User);
        if heard {
            self.emit(event(ClientTxn(id)));
        }
    }

    fn resend_request(&mut self, id: u64) {
        let Some(txn) = self.clients.get(id) else {
            return;
        };
        let (flow, bytes) = (txn.flow, txn.request.clone());
        self.transmit(flow, bytes);
    }

    fn send_failure_ack(&mut self, id: u64, response: Option<&Message>) {
        let Some(txn) = self.clients.get_mut(id) else {
            return;
        };
        let Some((invite, response)) = txn.request().zip(response) else {
            return;
        };
        txn.ack = Some(message::ack_failure(invite, response));
        self.resend_failure_ack(id);
    }

    fn resend_failure_ack(&mut self, id: u64) {
        let Some(txn) = self.clients.get(id) else {
            return;
        };
        let Some(ack) = txn.ack.clone() else { return };
        let flow = txn.flow;
        self.transmit(flow, ack);
    }

    fn report_fork(&mut self, id: u64, message: Message) {
        let Some(txn) = self.clients.get_mut(id) else {
            return;
        };
        let tag = message.to_tag().unwrap_or_default();
        if let Some(fork) = txn.forks.iter().find(|fork| *fork.tag == *tag) {
            // RFC 3261 section 13.2.2.4: each repeat of the 2xx gets the same ACK again.
            if let Some((flow, ack)) = fork.ack.clone() {
                self.transmit(flow, ack);
            }
            return;
        }
        if txn.forks.len() < MAX_FORKS {
            txn.forks.push(Fork {
                tag: tag.into(),
                ack: None,
            });
            self.tell_client(id, |txn| Event::Response { txn, message });
        }
    }

    pub(super) fn send_success_ack(&mut self, id: u64, flow: Flow, dialog: &Dialog, draft: &Draft) {
        let Some(cseq) = self.clients.get(id).map(|txn| txn.cseq) else {
            return;
        };
        let Some((via, _)) = self.fresh_via(flow, &Method::Ack) else {
            return;
        };
        let parts = RequestParts {
            cseq,
            ..in_dialog(dialog, &Method::Ack, &via)
        };
        let ack = message::request(&parts, draft);
        let Some(txn) = self.clients.get_mut(id) else {
            return;
        };
        let fork = txn
            .forks
            .iter_mut()
            .find(|fork| *fork.tag == *dialog.remote_tag);
        if let Some(fork) = fork {
            fork.ack = Some((flow, ack.clone()));
        }
        self.transmit(flow, ack);
    }

    pub(super) fn cancel_client(&mut self, now: Mono, id: u64, reason: EndReason) {
        let Some(txn) = self.clients.get_mut(id) else {
            return;
        };
        if txn.cancel != Cancel::No {
            return;
        }
        match txn.machine {
            Machine::Invite(client_invite::State::Calling) => txn.cancel = Cancel::Wanted(reason),
            Machine::Invite(client_invite::State::Proceeding) => {
                txn.cancel = Cancel::Wanted(reason);
                self.send_cancel(now, id);
            }
            Machine::Invite(
                client_invite::State::Accepted
                | client_invite::State::Completed
                | client_invite::State::Terminated,
            )
            | Machine::Other(_) => {}
        }
    }

    /// CANCEL goes in a transaction of its own under the INVITE's branch.
    fn send_cancel(&mut self, now: Mono, id: u64) {
        let Some(txn) = self.clients.get_mut(id) else {
            return;
        };
        let Cancel::Wanted(reason) = txn.cancel else {
            return;
        };
        txn.cancel = Cancel::Sent;
        let (flow, cseq) = (txn.flow, txn.cseq);
        let Some(invite) = txn.request() else { return };
        let reason = (!reason.is_none()).then(|| reason.to_string());
        let bytes = message::cancel(invite, reason.as_deref());
        let via = invite.top_via();
        let branch = via.branch.unwrap_or_default();
        let key = self
            .keys
            .transaction(branch, (via.host, via.port), Method::Cancel.as_str());
        let machine = Machine::of(&Method::Cancel);
        let audience = Audience::Nobody;
        self.start_client(
            now,
            Outgoing {
                machine,
                flow,
                key,
                cseq,
                bytes,
                audience,
            },
        );
        self.arm_client(now, id, Timer::CancelWait);
    }

    /// A request sent "to that address" is answered over a connection that now has a number.
    pub(super) fn learn_connection(&mut self, id: u64, from: Flow) {
        let Some(txn) = self.clients.get_mut(id) else {
            return;
        };
        let named = Flow {
            connection: from.connection,
            ..txn.flow
        };
        if named == from && txn.flow.connection == 0 && from.connection != 0 {
            self.client_flows.remove(&(txn.flow, id));
            self.client_flows.insert((from, id));
            txn.flow = from;
        }
    }

    pub(super) fn fail_flow(&mut self, now: Mono, flow: Flow) {
        let range = self.client_flows.range((flow, 0)..=(flow, u64::MAX));
        let ids: Vec<u64> = range.map(|(_, id)| *id).collect();
        for id in ids {
            self.step_client(now, id, ClientInput::TransportFailed, None);
        }
    }

    fn end_client(&mut self, id: u64) {
        let Some(mut txn) = self.clients.remove(id) else {
            return;
        };
        self.timer_index
            .disarm_all(Owner::Client(id), &mut txn.armed);
        self.client_index.remove(&txn.key);
        self.client_flows.remove(&(txn.flow, id));
    }
}

fn in_dialog<'a>(dialog: &'a Dialog, method: &'a Method, via: &'a str) -> RequestParts<'a> {
    RequestParts {
        method,
        uri: &dialog.remote_target,
        via,
        from: &dialog.local,
        to: &dialog.remote,
        call_id: &dialog.call_id,
        cseq: dialog.local_cseq,
        routes: &dialog.routes,
        max_forwards: 70,
    }
}
