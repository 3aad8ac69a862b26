//! Requests that are neither a call nor a registration: OPTIONS, MESSAGE, SUBSCRIBE and what we do not know.

use super::state::Core;
use crate::leg::{ALLOW, SUPPORTED};
use tandem_sip::{
    Flow, Message,
    endpoint::ServerTxn,
    message::{Draft, HeaderId},
    value::Method,
};

/// The option tags a peer may require.
const KNOWN: [&str; 4] = ["100rel", "timer", "replaces", "norefersub"];

/// The headers of a 420, if the message requires what we do not know (RFC 3261 section 8.2.2.3).
pub(crate) fn unsupported(message: &Message) -> Option<Draft> {
    let unknown: Vec<&str> = message
        .list(HeaderId::Require)
        .filter(|tag| !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(tag)))
        .collect();
    (!unknown.is_empty()).then(|| Draft::new().header("Unsupported", unknown.join(", ")))
}

/// What we are able to do (RFC 3261 section 11.2).
pub(crate) fn options(core: &mut Core, txn: ServerTxn, flow: Flow) {
    let contact = core.endpoint.contact(flow.listener, "call");
    let draft = Draft::new()
        .header("Allow", ALLOW)
        .header("Accept", "application/sdp")
        .header("Accept-Encoding", "identity")
        .header("Supported", SUPPORTED)
        .header("Contact", contact);
    core.reject(txn, (200, "OK"), draft);
}

/// A request without a dialog that opens none.
pub(crate) fn handle(core: &mut Core, txn: ServerTxn, flow: Flow, message: &Message) {
    match message.method() {
        Method::Options => match unsupported(message) {
            Some(draft) => core.reject(txn, (420, "Bad Extension"), draft),
            None => options(core, txn, flow),
        },
        Method::Subscribe | Method::Publish => bad_event(core, txn),
        Method::Bye
        | Method::Cancel
        | Method::Prack
        | Method::Update
        | Method::Info
        | Method::Notify => {
            core.reject(txn, (481, "Call/Transaction Does Not Exist"), Draft::new());
        }
        // Only a party of a call can be asked to go elsewhere.
        Method::Refer => core.reject(txn, (403, "Forbidden"), Draft::new()),
        Method::Message | Method::Register | Method::Invite => not_allowed(core, txn),
        Method::Ack => {}
        Method::Other(_) => unknown(core, txn),
    }
}

/// No event package is served (RFC 6665 section 8.3.2), so there is none to name in Allow-Events.
pub(crate) fn bad_event(core: &mut Core, txn: ServerTxn) {
    core.reject(txn, (489, "Bad Event"), Draft::new());
}

pub(crate) fn not_allowed(core: &mut Core, txn: ServerTxn) {
    core.reject(
        txn,
        (405, "Method Not Allowed"),
        Draft::new().header("Allow", ALLOW),
    );
}

pub(crate) fn unknown(core: &mut Core, txn: ServerTxn) {
    core.reject(
        txn,
        (501, "Not Implemented"),
        Draft::new().header("Allow", ALLOW),
    );
}
