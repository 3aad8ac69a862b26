//! From what arrives to the verb that handles it.

use super::{
    Switch, end,
    genuine::{self, Peer},
    outside,
    state::Core,
    timer::Timer,
    watch,
};
use crate::{
    announce,
    bill::settle,
    call::{Call, Stage},
    cause, health,
    hunt::{self, fork, outcome},
    leg::{
        ack, answer, bye, cancel,
        change::{self, What},
        digits,
        invite::{self, Arrival},
        prack, refresh, renew,
    },
    media, page, register,
    transfer::{
        refer,
        replaces::{Found, Named},
    },
    upstream,
};
use std::time::Duration;
use tandem_billing::CallId;
use tandem_sdp::{RelayReport, Side};
use tandem_sip::{
    Flow, Message,
    endpoint::{ClientTxn, Event, ServerTxn},
    message::Draft,
    value::Method,
};

impl Switch {
    pub(super) fn dispatch(&mut self, event: Event) {
        match event {
            Event::Request { txn, flow, message } => self.request(txn, flow, &message),
            Event::Cancelled { txn, reason } => {
                announce::cancelled(&mut self.core, txn);
                self.with_server(txn, |core, call| cancel::handle(core, call, txn, reason));
            }
            Event::Acked { txn, message } => match self.core.index.servers.get(&txn).copied() {
                Some(call) => self.with(call, |core, call| ack::handle(core, call, txn, &message)),
                None => self.core.endpoint.take_ack(self.core.now.mono, txn),
            },
            Event::AckTimeout { txn } => self.with_server(txn, |core, call| {
                if Some(txn) == call.caller.invite {
                    end::ack_timeout(core, call);
                } else {
                    change::outcome::unconfirmed(core, call, txn);
                }
            }),
            Event::Response { txn, message } => self.response(txn, &message),
            Event::Timeout { txn } => self.lost(txn, true),
            Event::TransportFailed { txn } => self.lost(txn, false),
        }
    }

    fn with_server(&mut self, txn: ServerTxn, work: impl FnOnce(&mut Core, &mut Call)) {
        if let Some(call) = self.core.index.servers.get(&txn).copied() {
            self.with(call, work);
        }
    }

    fn response(&mut self, txn: ClientTxn, message: &Message) {
        let Some(call) = self.core.index.clients.get(&txn).copied() else {
            if health::answered(&mut self.core, txn, message)
                || upstream::answered(&mut self.core, txn, message)
            {
                return;
            }
            // A BYE of ours, or an INVITE that nobody wants any more.
            bye::answered(&mut self.core, txn, message);
            page::answered(&mut self.core, txn, message.status().unwrap_or_default());
            answer::end_stray(&mut self.core, txn, message);
            return;
        };
        self.with(call, |core, call| {
            if !outcome::response(core, call, txn, message)
                && !fork::response(core, call, txn, message)
                && !refresh::response(core, call, txn, message)
                && !digits::response(core, call, txn, message)
            {
                change::outcome::response(core, call, txn, message);
            }
        });
    }

    fn lost(&mut self, txn: ClientTxn, sent: bool) {
        let Some(call) = self.core.index.clients.get(&txn).copied() else {
            if !health::lost(&mut self.core, txn, sent)
                && !upstream::lost(&mut self.core, txn, sent)
            {
                bye::unanswered(&mut self.core, txn);
                page::answered(&mut self.core, txn, if sent { 408 } else { 503 });
            }
            return;
        };
        self.with(call, |core, call| {
            if !outcome::lost(core, call, txn, sent)
                && !fork::lost(core, call, txn)
                && !refresh::lost(core, call, txn)
                && !digits::lost(core, call, txn)
            {
                change::outcome::lost(core, call, txn);
            }
        });
    }

    fn request(&mut self, txn: ServerTxn, flow: Flow, message: &Message) {
        match message.to_tag() {
            Some(tag) => match self.core.index.tags.get(tag).copied() {
                Some((call, side)) => self.in_dialog(call, side, (txn, flow, message)),
                None => announce::request(&mut self.core, tag, (txn, flow, message)),
            },
            None => self.out_of_dialog(txn, flow, message),
        }
    }

    fn in_dialog(&mut self, id: CallId, side: Side, request: (ServerTxn, Flow, &Message)) {
        let named = request
            .2
            .is_method(&Method::Refer)
            .then(|| refer::named(request.2));
        let found = named
            .flatten()
            .flatten()
            .and_then(|named| self.find(&named));
        self.with(id, |core, call| within(core, call, side, request, found));
    }

    fn out_of_dialog(&mut self, txn: ServerTxn, flow: Flow, message: &Message) {
        let core = &mut self.core;
        match message.method() {
            Method::Invite => {
                let arrival = Arrival { txn, flow, message };
                if let Some(named) = Named::of(message) {
                    return self.replace(&arrival, named.as_ref());
                }
                let core = &mut self.core;
                if let Some(call) = invite::handle(core, self.calls.len(), &arrival) {
                    self.insert(call);
                }
            }
            Method::Register => register::handle(core, txn, flow, message),
            Method::Message => page::handle(core, txn, flow, message),
            _ => {
                watch::stranger(core, flow, message);
                outside::handle(core, txn, flow, message);
            }
        }
    }
}

/// A request within a dialog of ours.
fn within(
    core: &mut Core,
    call: &mut Call,
    side: Side,
    request: (ServerTxn, Flow, &Message),
    found: Option<Found>,
) {
    let (txn, flow, message) = request;
    let names_product = match call.leg(side) {
        Some(leg) => leg.dialog.names_product,
        None => fork::names_product(call, message),
    };
    if !names_product {
        core.endpoint.leave_nameless(txn);
    }
    if let Some(draft) = outside::unsupported(message) {
        return core.reject(txn, (420, "Bad Extension"), draft);
    }
    let Some(leg) = call.leg_mut(side) else {
        return fork::request(core, call, request);
    };
    let peer = Peer::of(leg);
    if !genuine::judge(core, &peer, (flow, message)).or_refuse(core, (txn, flow)) {
        return;
    }
    if let Err(rejection) = leg.dialog.accept_request(message) {
        return core.respond(txn, rejection.status(), "", Draft::new());
    }
    leg.session.heard = core.now.mono;
    if call.links.rides.is_some() && !message.is_method(&Method::Bye) {
        return core.respond(
            txn,
            (481, "Call/Transaction Does Not Exist"),
            "",
            Draft::new(),
        );
    }
    match message.method() {
        Method::Bye => bye::handle(core, call, side, (txn, message)),
        Method::Invite => change::handle(core, call, side, What::Invite, request),
        Method::Update => change::handle(core, call, side, What::Update, request),
        Method::Info => change::handle(core, call, side, What::Info, request),
        Method::Options => outside::options(core, txn, flow),
        Method::Subscribe | Method::Publish => outside::bad_event(core, txn),
        Method::Prack if side == Side::A => prack::handle(core, call, txn, message),
        Method::Cancel | Method::Prack | Method::Notify => {
            core.reject(txn, (481, "Call/Transaction Does Not Exist"), Draft::new());
        }
        Method::Refer => refer::handle(core, call, side, request, found),
        Method::Message => change::handle(core, call, side, What::Message, request),
        Method::Register => outside::not_allowed(core, txn),
        Method::Ack => {}
        Method::Other(_) => outside::unknown(core, txn),
    }
}

/// A relay is open: what waited for it goes on once none is awaited any more.
fn resume(core: &mut Core, call: &mut Call) {
    if media::is_open(call) && !media::video::is_opening(call) {
        hunt::resume(core, call);
        renew::resume(core, call);
        change::resume(core, call);
    }
}

/// A relay has not opened in time.
pub(super) fn relay_late(core: &mut Core, call: &mut Call) {
    if media::video::give_up(core, call) {
        return resume(core, call);
    }
    end::end(core, call, &cause::NO_RELAY, end::Left::Nobody);
}

/// A report of the call's relay.
pub(super) fn relay(core: &mut Core, call: &mut Call, report: RelayReport) {
    if media::video::is_its(call, report.id()) {
        let waited = media::video::is_opening(call);
        media::video::report(core, call, &report);
        if waited && !media::video::is_opening(call) && media::is_open(call) {
            core.timers.disarm(Timer::RelayOpen(call.id));
            resume(core, call);
        }
        return;
    }
    match report {
        RelayReport::Opened { a_port, b_port, .. } => {
            media::opened(core, call, (a_port, b_port));
            resume(core, call);
        }
        RelayReport::Refused { .. } => {
            media::closed(core, call, None);
            end::end(core, call, &cause::NO_RELAY, end::Left::Nobody);
        }
        RelayReport::Started { .. } => {}
        RelayReport::Pressed { side, digit, .. } => digits::pressed(core, call, side, digit),
        RelayReport::Played { side, how, .. } => media::play::played(core, call, side, how),
        RelayReport::RecordingFailed {
            name, left, reason, ..
        } => media::record::failed(core, call, (&name, left), &reason),
        RelayReport::Inactive { silent_s, .. } => inactive(core, call, silent_s),
        RelayReport::Progress { a, b, .. } => {
            media::note_audio(core, call, (a, b));
            core.feed.touch(call.id);
        }
        RelayReport::Closed { a, b, .. } => {
            media::closed(core, call, Some((a, b)));
            match call.stage {
                Stage::Ending => settle::book(core, call),
                // Its talk goes on elsewhere.
                Stage::Talking if call.links.rides.is_some() => {}
                // The relay threads are gone: without them there is no audio.
                Stage::Hunting | Stage::Answering | Stage::Talking => {
                    end::end(core, call, &cause::NO_RELAY, end::Left::Nobody);
                }
            }
        }
    }
}

fn inactive(core: &mut Core, call: &mut Call, silent_s: u32) {
    let limit_s = core.directory.settings.rtp_inactivity_s;
    match call.stage {
        Stage::Talking if limit_s != 0 && silent_s >= limit_s && !call.media.held => {
            end::fall_silent(core, call, Duration::from_secs(silent_s.into()));
        }
        Stage::Hunting | Stage::Answering | Stage::Talking | Stage::Ending => {}
    }
}
