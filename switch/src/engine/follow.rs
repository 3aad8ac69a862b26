//! What the core's thread tells the traces of a message; called only while one runs.

use crate::trace::{Direction, Passing, Tracer};
use std::net::SocketAddr;
use tandem_billing::UtcMs;
use tandem_call::{Switch, switch::Stated};
use tandem_sip::{
    Flow,
    endpoint::Listener,
    message::{Message, Parsed},
};

/// A message on its way.
pub(super) struct Followed<'a> {
    pub(super) at: UtcMs,
    pub(super) direction: Direction,
    pub(super) flow: Flow,
    pub(super) bytes: &'a [u8],
}

/// Hands it to the traces with whose it is.
pub(super) fn follow(
    tracer: &Tracer,
    switch: &Switch,
    listeners: &[Listener],
    followed: &Followed<'_>,
) {
    let Followed {
        at,
        direction,
        flow,
        bytes,
    } = *followed;
    let parsed = match Message::parse(bytes::Bytes::copy_from_slice(bytes)) {
        Parsed::Message(message) => Some(message),
        Parsed::Drop(_) | Parsed::Reject { .. } => None,
    };
    let from = parsed.as_ref().map(Message::from);
    let to = parsed.as_ref().map(Message::to);
    let call_id = parsed.as_ref().map_or("", Message::call_id);
    let stated = Stated {
        call_id,
        user: from.as_ref().and_then(|from| from.uri.user.as_deref()),
        dialled: to
            .as_ref()
            .and_then(|to| to.uri.user.as_deref())
            .unwrap_or_default(),
        remote: flow.remote,
        transport: flow.transport,
    };
    let passing = Passing {
        at,
        direction,
        transport: flow.transport,
        local: local(listeners, flow),
        remote: flow.remote,
        call_id,
        bytes,
        tokens: &tokens(switch, bytes),
    };
    tracer.record(passing, &switch.belonging(stated));
}

/// Users of our Contacts elsewhere, wherever in the message, sound or not.
fn tokens<'a>(switch: &Switch, bytes: &'a [u8]) -> Vec<&'a str> {
    let users = bytes.split(|byte| *byte == b':').filter_map(|after| {
        let end = after.iter().position(|byte| *byte == b'@')?;
        std::str::from_utf8(after.get(..end)?).ok()
    });
    let mut tokens: Vec<&str> = users
        .filter(|user| switch.is_upstream_contact(user))
        .collect();
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

/// What peers know the listener by, when it is bound to every address.
fn local(listeners: &[Listener], flow: Flow) -> SocketAddr {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    listeners
        .get(usize::from(flow.listener))
        .map_or(unknown, |listener| {
            if listener.local.ip().is_unspecified() {
                listener.advertised
            } else {
                listener.local
            }
        })
}
