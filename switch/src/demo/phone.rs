//! A phone of the demo: registers with digest, calls now and then, answers when called.

use super::{
    Stop,
    agent::{Agent, Call},
    audio::{Audio, description, target_of},
};
use rand::RngExt;
use std::{net::SocketAddr, time::Duration};
use tandem_sip::{
    Message, Mono,
    dialog::Dialog,
    digest,
    endpoint::{ClientTxn, Event, RequestOut},
    message::Draft,
    value::{Host, Method, NameAddr, Uri},
};

/// How long a registration is asked for; renewed at half of it.
const EXPIRES_S: u32 = 120;

/// Who it is and what it dials.
pub(super) struct Settings {
    pub(super) user: String,
    pub(super) password: String,
    pub(super) switch: SocketAddr,
    pub(super) numbers: Vec<String>,
    /// Which of them it dials first (counted round): so that a newcomer soon sees every kind of call.
    pub(super) first: usize,
}

/// A request on its way: sent again with credentials once when challenged.
struct Pending {
    txn: ClientTxn,
    request: RequestOut,
    answered_challenge: bool,
    audio: Option<Audio>,
}

pub(super) struct Phone {
    agent: Agent,
    settings: Settings,
    register: Option<Pending>,
    register_at: Mono,
    invite: Option<Pending>,
    call_at: Mono,
    calls_made: usize,
    cseq: u32,
    call_id: String,
}

impl Phone {
    pub(super) fn new(mut agent: Agent, settings: Settings) -> Self {
        let now = agent.now();
        let call_at = now + Duration::from_millis(agent.random.random_range(500..2_500));
        let call_id = agent.endpoint.new_call_id();
        Self {
            agent,
            settings,
            register: None,
            register_at: now,
            invite: None,
            call_at,
            calls_made: 0,
            cseq: 0,
            call_id,
        }
    }

    /// Runs until stopped; then hangs up and unregisters.
    pub(super) fn run(mut self, stop: &Stop) -> std::io::Result<()> {
        while !stop.is_set() {
            self.begin_what_is_due();
            let wake = [
                Some(self.register_at),
                self.may_call().then_some(self.call_at),
                self.agent.next_due(),
            ];
            for event in self.agent.step(wake.into_iter().flatten().min())? {
                self.handle(&event);
            }
            self.agent.due();
        }
        self.leave()
    }

    fn leave(mut self) -> std::io::Result<()> {
        let now = self.agent.now();
        for call in self.agent.calls.values_mut() {
            self.agent.endpoint.request_in_dialog(
                now,
                call.flow,
                &mut call.dialog,
                Method::Bye,
                Draft::new(),
            );
        }
        self.agent.step(Some(now)).map(drop)
    }

    fn may_call(&self) -> bool {
        self.invite.is_none() && self.agent.calls.is_empty() && !self.settings.numbers.is_empty()
    }

    fn begin_what_is_due(&mut self) {
        let now = self.agent.now();
        if now >= self.register_at && self.register.is_none() {
            self.register_at = now + Duration::from_secs(u64::from(EXPIRES_S / 2));
            let draft = self.agent.with_contact().header("Expires", EXPIRES_S);
            let uri = Uri::sip(
                None,
                Host::Ip(self.settings.switch.ip()),
                Some(self.settings.switch.port()),
            );
            let to = self.address(&self.settings.user.clone());
            let request = self.request(Method::Register, uri, to, self.call_id.clone(), draft);
            self.register = Some(self.send(request, None));
        }
        if now >= self.call_at && self.may_call() {
            self.call_somebody(now);
        }
    }

    fn call_somebody(&mut self, now: Mono) {
        let pick = if self.calls_made == 0 {
            self.settings.first
        } else {
            self.agent.random.random_range(0..usize::MAX)
        };
        self.calls_made += 1;
        let number = self.settings.numbers[pick % self.settings.numbers.len()].clone();
        let Ok(audio) = Audio::open() else {
            self.call_at = now + Duration::from_secs(5);
            return;
        };
        let to = self.address(&number);
        let uri = to.uri.clone();
        let draft = self
            .agent
            .with_contact()
            .body("application/sdp", description(audio.local()));
        let call_id = self.agent.endpoint.new_call_id();
        let request = self.request(Method::Invite, uri, to, call_id, draft);
        self.invite = Some(self.send(request, Some(audio)));
    }

    fn address(&self, user: &str) -> NameAddr {
        let host = Host::Ip(self.settings.switch.ip());
        NameAddr {
            display: None,
            uri: Uri::sip(Some(user), host, Some(self.settings.switch.port())),
            params: Vec::new(),
        }
    }

    fn request(
        &mut self,
        method: Method,
        uri: Uri,
        to: NameAddr,
        call_id: String,
        draft: Draft,
    ) -> RequestOut {
        self.cseq += 1;
        let tag = self.agent.endpoint.new_tag();
        let from = self
            .address(&self.settings.user.clone())
            .with_param("tag", Some(&tag));
        RequestOut {
            method,
            uri,
            from,
            to,
            call_id,
            cseq: self.cseq,
            routes: Vec::new(),
            max_forwards: 70,
            draft,
        }
    }

    fn send(&mut self, request: RequestOut, audio: Option<Audio>) -> Pending {
        let now = self.agent.now();
        let txn =
            self.agent
                .endpoint
                .request(now, Agent::flow(self.settings.switch), request.clone());
        Pending {
            txn,
            request,
            answered_challenge: false,
            audio,
        }
    }

    fn handle(&mut self, event: &Event) {
        match event {
            Event::Response { txn, message } => self.response(*txn, message),
            Event::Timeout { txn } | Event::TransportFailed { txn } => self.gave_up(*txn),
            Event::Request { txn, flow, message }
                if message.method() == Method::Invite && message.to_tag().is_none() =>
            {
                let ring = Duration::from_millis(self.agent.random.random_range(800..2_500));
                let talk = Duration::from_millis(self.agent.random.random_range(4_000..20_000));
                self.agent.ring(*txn, *flow, message, ring, Some(talk));
            }
            Event::Request { .. }
            | Event::Cancelled { .. }
            | Event::Acked { .. }
            | Event::AckTimeout { .. } => {
                self.agent.handle(event);
            }
        }
    }

    fn gave_up(&mut self, txn: ClientTxn) {
        if self
            .invite
            .as_ref()
            .is_some_and(|pending| pending.txn == txn)
        {
            self.rest();
        }
        self.register.take_if(|pending| pending.txn == txn);
    }

    /// The call is over or failed: the next one after a while.
    fn rest(&mut self) {
        self.invite = None;
        let pause = Duration::from_millis(self.agent.random.random_range(1_500..9_000));
        self.call_at = self.agent.now() + pause;
    }

    fn response(&mut self, txn: ClientTxn, message: &Message) {
        let status = message.status().unwrap_or(0);
        if status < 200 {
            return;
        }
        if let Some(pending) = self.register.take_if(|pending| pending.txn == txn) {
            self.register = self.challenged(pending, message);
        } else if let Some(pending) = self.invite.take_if(|pending| pending.txn == txn) {
            match (200..300).contains(&status) {
                true => self.answered(pending, message),
                false => self.invite = self.challenged(pending, message),
            }
            if self.invite.is_none() {
                self.rest();
            }
        }
    }

    /// Sends again with credentials, once.
    fn challenged(&mut self, pending: Pending, message: &Message) -> Option<Pending> {
        if pending.answered_challenge || !matches!(message.status(), Some(401 | 407)) {
            return None;
        }
        let mut request = pending.request;
        let uri = request.uri.to_string();
        let cnonce = self.agent.endpoint.new_tag();
        let Settings { user, password, .. } = &self.settings;
        let (name, value) =
            digest::answer(message, &request.method, &uri, user, password, &cnonce)?;
        self.cseq += 1;
        request.cseq = self.cseq;
        request.draft = request.draft.header(&name, value);
        Some(Pending {
            answered_challenge: true,
            ..self.send(request, pending.audio)
        })
    }

    fn answered(&mut self, pending: Pending, message: &Message) {
        let now = self.agent.now();
        let Some(invite) = self.agent.endpoint.client_request(pending.txn) else {
            return;
        };
        let (Some(dialog), Some(mut audio)) =
            (Dialog::from_response(invite, message), pending.audio)
        else {
            return;
        };
        let flow = Agent::flow(self.settings.switch);
        self.agent
            .endpoint
            .ack(now, pending.txn, flow, &dialog, Draft::new());
        if let Some(target) = target_of(message) {
            audio.send_to(target);
            audio.start(now);
        }
        // The first is short: money moves soon.
        let longest_ms = if self.calls_made == 1 { 6_000 } else { 25_000 };
        let talk = Duration::from_millis(self.agent.random.random_range(3_000..longest_ms));
        let tag = dialog.local_tag.clone();
        let call = Call {
            dialog,
            flow,
            audio,
            answer_at: None,
            end_at: Some(now + talk),
        };
        self.agent.calls.insert(tag, call);
    }
}
