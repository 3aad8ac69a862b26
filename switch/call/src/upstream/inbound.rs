//! Calls in: to the user of our Contact, from a host of the registrar.

use crate::switch::state::Core;
use std::net::IpAddr;
use tandem_billing::UpstreamId;
use tandem_sip::{Message, value::NameAddr};

/// The registration an INVITE came in by, if it did, and the number it dialled.
pub(crate) fn dialled(
    core: &Core,
    remote: IpAddr,
    message: &Message,
) -> (Option<UpstreamId>, String) {
    let user = message
        .request_uri()
        .and_then(|uri| uri.user_unescaped())
        .unwrap_or_default();
    match core.directory.upstreams.of_call(&user, remote) {
        None => (None, user),
        Some(upstream) => {
            let number = upstream.inbound_number.clone();
            (Some(upstream.id), number.unwrap_or_else(|| called(message)))
        }
    }
}

/// The number called, where the Request-URI is our Contact at a registrar: P-Called-Party-ID (RFC 7315 section 4.2)
/// says it, else To.
fn called(message: &Message) -> String {
    let by_party = message
        .header("P-Called-Party-ID")
        .and_then(|value| NameAddr::parse(value).ok());
    let uri = by_party.map_or_else(|| message.to().uri.clone(), |party| party.uri);
    uri.user_unescaped().unwrap_or_default()
}
