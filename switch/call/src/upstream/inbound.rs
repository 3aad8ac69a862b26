//! Calls in: to the user of our Contact, from a host of the registrar. What they dialled is the far side's word: where
//! they may go is decided by the registration's [`InboundReach`], unless it is a DID: that says so itself.

use crate::{
    directory::{self, InboundReach, signalling::Trust},
    switch::state::Core,
};
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
            let way = core.directory.upstreams.way(upstream.id);
            let trust = way.map_or(Trust::Untrusted, |way| way.signalling.trust);
            let called = called(message, trust);
            let is_did = way.is_some_and(|way| {
                let number = directory::called(way, &called);
                core.directory.dids.of(&number).is_some()
            });
            let number = match (&upstream.inbound_number, upstream.inbound_reach) {
                _ if is_did => called,
                (Some(number), _) => number.clone(),
                (None, InboundReach::Number) => String::new(),
                (None, InboundReach::Phones | InboundReach::Anywhere) => called,
            };
            (Some(upstream.id), number)
        }
    }
}

/// The number called, where the Request-URI is our Contact at a registrar: P-Called-Party-ID (RFC 7315 section 4.2)
/// of a
/// trusted gateway says it, else To.
fn called(message: &Message, trust: Trust) -> String {
    let by_party = message
        .header("P-Called-Party-ID")
        .filter(|_| trust == Trust::Trusted)
        .and_then(|value| NameAddr::parse(value).ok());
    let uri = by_party.map_or_else(|| message.to().uri.clone(), |party| party.uri);
    uri.user_unescaped().unwrap_or_default()
}
