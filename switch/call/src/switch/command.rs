//! What operators and background tasks ask of the core.

use super::{
    Switch, alarm, end, register, rows,
    state::{Core, Gate},
    timer::Timer,
};
use crate::{
    announce,
    call::{Call, Stage},
    cause, health,
    io::{Command, Output, Reply, Token},
    journal::Record,
    media, upstream,
};
use std::time::Duration;
use tandem_billing::{
    CallId,
    ledger::{
        Movement, Posted,
        refund::{RefundLevel, RefundRequest},
    },
};

impl Switch {
    pub(super) fn command(&mut self, token: Token, command: Command) {
        let reply = match command {
            Command::HangUp { call } => self.hang_up(call),
            Command::Record { call } => self.record(call, media::record::begin),
            Command::StopRecording { call } => self.record(call, |core, call| {
                media::record::end(core, call);
                Ok(())
            }),
            Command::Post(movement) => return self.post(token, movement),
            Command::Refund { request, levels } => return self.refund(token, &request, &levels),
            Command::Balances(accounts) => {
                let ledger = &self.core.ledger;
                let row = |account| (account, ledger.balance(account), ledger.held(account));
                Reply::Balances(accounts.into_iter().map(row).collect())
            }
            Command::Snapshot => {
                Reply::Snapshot(Box::new(rows::snapshot(&mut self.core, &self.calls)))
            }
            Command::Unwatch => {
                self.core.feed.unwatch();
                Reply::Done
            }
            Command::SetLimits {
                max_calls,
                max_transactions,
            } => {
                self.core.fixed.max_calls = max_calls;
                self.core.endpoint.set_max_transactions(max_transactions);
                Reply::Done
            }
            Command::Drain { within_s } => return self.drain(token, within_s),
            Command::ProbeGateway { gateway } => health::probe_now(&mut self.core, gateway),
            Command::RegisterUpstream { upstream } => {
                upstream::register_now(&mut self.core, upstream)
            }
            Command::Unregister { username } => {
                if register::unregister(&mut self.core, &username) {
                    Reply::Done
                } else {
                    Reply::NotFound
                }
            }
        };
        self.core.outputs.push_back(Output::Reply { token, reply });
    }

    fn hang_up(&mut self, id: CallId) -> Reply {
        let Some(call) = self.calls.get(&id) else {
            return Reply::NotFound;
        };
        let cause = match call.stage {
            Stage::Hunting | Stage::Answering => &cause::OPERATOR_CANCELLED,
            Stage::Talking => &cause::OPERATOR_HANGUP,
            Stage::Ending => return Reply::NotFound,
        };
        self.with(id, |core, call| {
            end::end(core, call, cause, end::Left::Nobody)
        });
        Reply::Done
    }

    fn record(
        &mut self,
        id: CallId,
        change: impl FnOnce(&mut Core, &mut Call) -> Result<(), &'static str>,
    ) -> Reply {
        if !self.calls.contains_key(&id) {
            return Reply::NotFound;
        }
        let mut done = Ok(());
        self.with(id, |core, call| done = change(core, call));
        done.map_or_else(Reply::Refused, |()| Reply::Done)
    }

    /// Answered once it is on disk, a repetition too: the first may still be on its way there.
    fn post(&mut self, token: Token, movement: Movement) {
        let reply = match self.core.ledger.post(movement) {
            Ok(Posted::Booked(entry)) => {
                self.core.record(Record::Posted(entry.clone()));
                alarm::booked(&mut self.core, std::slice::from_ref(&entry));
                Reply::Posted(Ok(entry))
            }
            Ok(Posted::Repeated) => Reply::Repeated,
            Err(error) => {
                let reply = Reply::Posted(Err(error));
                return self.core.outputs.push_back(Output::Reply { token, reply });
            }
        };
        self.core.outbox.reply_when_durable(token, reply);
    }

    fn refund(&mut self, token: Token, request: &RefundRequest, levels: &[RefundLevel]) {
        let reply = match self.core.ledger.refund(request, levels, |_| false) {
            Ok(entries) if entries.is_empty() => Reply::Repeated,
            Ok(entries) => {
                for entry in &entries {
                    self.core.record(Record::Posted(entry.clone()));
                }
                Reply::Refunded(Ok(entries))
            }
            Err(error) => {
                let reply = Reply::Refunded(Err(error));
                return self.core.outputs.push_back(Output::Reply { token, reply });
            }
        };
        self.core.outbox.reply_when_durable(token, reply);
    }

    /// A second drain replaces the first, which is answered at once.
    fn drain(&mut self, token: Token, within_s: u32) {
        match std::mem::replace(&mut self.core.gate, Gate::Draining(token)) {
            Gate::Draining(first) => self.core.outputs.push_back(Output::Reply {
                token: first,
                reply: Reply::Done,
            }),
            Gate::Open | Gate::Drained => {}
        }
        upstream::leave_all(&mut self.core);
        self.core
            .arm_in(Timer::Drain, Duration::from_secs(u64::from(within_s)));
    }

    /// The patience of a drain is over: what is still up is ended and billed.
    pub(super) fn end_all(&mut self) {
        announce::finish_all(&mut self.core);
        let ids: Vec<CallId> = self.calls.keys().copied().collect();
        for id in ids {
            self.with(id, |core, call| {
                end::end(core, call, &cause::SHUTDOWN, end::Left::Nobody)
            });
        }
    }
}
