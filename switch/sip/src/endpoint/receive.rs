//! Arrivals: which transaction a message belongs to, and what becomes of one that belongs to none.

use super::{Endpoint, client::ClientInput, server::ServerInput, table::Fingerprint};
use crate::{
    flow::Flow,
    lex,
    message::{Draft, HeaderId, Message, Parsed},
    time::Mono,
    value::Method,
};
use bytes::Bytes;

/// The shortest Retry-After of a 503, in seconds; up to five more spread the returning load.
const RETRY_AFTER_SECS: u64 = 5;

impl Endpoint {
    pub(super) fn receive(&mut self, now: Mono, flow: Flow, bytes: Bytes) {
        match Message::parse_from(bytes, Some(flow.remote)) {
            Parsed::Message(message) if message.is_request() => {
                self.receive_request(now, flow, message);
            }
            Parsed::Message(message) => self.receive_response(now, flow, message),
            Parsed::Reject { response, .. } => {
                self.counters.rejected += 1;
                self.transmit(flow, response);
            }
            Parsed::Drop(_) => self.counters.dropped += 1,
        }
    }

    fn receive_request(&mut self, now: Mono, flow: Flow, message: Message) {
        let method = message.method();
        let key = self.server_key(&message, &method);
        match method {
            Method::Ack => self.receive_ack(now, key, message),
            Method::Cancel => self.answer_cancel(flow, key, &message),
            _ => match self.server_index.get(&key).copied() {
                Some(id) => self.step_server(now, id, ServerInput::Repeated, None),
                None => self.admit(now, flow, key, message),
            },
        }
    }

    fn admit(&mut self, now: Mono, flow: Flow, key: Fingerprint, message: Message) {
        if self.has_room(flow, &message) {
            self.start_server(now, flow, key, message);
            return;
        }
        self.counters.refused += 1;
        let tag = self.keys.stateless_tag(key);
        let after_secs = RETRY_AFTER_SECS + key.low_bits() % 6;
        let draft = Draft::new().header("Retry-After", after_secs);
        self.refuse(flow, &message, (503, "Service Unavailable", &tag), &draft);
    }

    /// By its branch the ACK to a non-2xx, by its dialog the ACK to a 2xx; else a stray.
    fn receive_ack(&mut self, now: Mono, key: Fingerprint, message: Message) {
        let by_branch = self.server_index.get(&key).copied();
        let found = by_branch.or_else(|| {
            let remote = message.from_tag().unwrap_or_default();
            let local = message.to_tag().unwrap_or_default();
            let key = self
                .keys
                .ack(message.call_id(), remote, local, message.cseq());
            self.ack_index.get(&key).copied()
        });
        match found {
            Some(id) => self.acked(now, id, message),
            None => self.counters.strays += 1,
        }
    }

    fn receive_response(&mut self, now: Mono, flow: Flow, message: Message) {
        let found = self.client_of(&message);
        let (Some(id), Some(status)) = (found, message.status()) else {
            self.counters.strays += 1;
            return;
        };
        self.learn_connection(id, flow);
        self.step_client(now, id, ClientInput::Response(status), Some(message));
    }

    /// RFC 3261 section 17.1.3. A second Via means the response was for somebody behind us, and there is
    /// nobody (section 8.1.3.3).
    fn client_of(&self, message: &Message) -> Option<u64> {
        if message.via_count() != 1 {
            return None;
        }
        let via = message.top_via();
        let sent_by = (via.host, via.port);
        let key = self
            .keys
            .transaction(via.branch?, sent_by, message.method().as_str());
        self.client_index.get(&key).copied()
    }

    /// RFC 3261 section 17.2.3; ACK and CANCEL look for their INVITE.
    fn server_key(&self, message: &Message, method: &Method) -> Fingerprint {
        let via = message.top_via();
        let method = match method {
            Method::Ack | Method::Cancel => Method::Invite.as_str(),
            other => other.as_str(),
        };
        if let Some(branch) = via.branch.filter(|_| via.has_magic_branch()) {
            return self.keys.transaction(branch, (via.host, via.port), method);
        }
        let top = message
            .value(HeaderId::Via)
            .map_or("", |line| lex::split_first(line).0);
        let from_tag = message.from_tag().unwrap_or_default();
        let parts = [
            message.request_uri_text(),
            from_tag,
            message.call_id(),
            top,
            method,
        ];
        self.keys.legacy(parts, message.cseq())
    }
}
