//! One side of a call as SIP sees it: a dialog, the way to it, and what is under way in it.
//!
//! A file per verb: [`invite`] admits a caller, [`provisional`] and [`answer`] carry the called side's words
//! back, [`prack`] makes the former [`reliable`], [`ack`] confirms, [`cancel`] and [`bye`] end, [`change`] passes
//! re-INVITE, UPDATE and INFO across, [`digits`] those that are keys in another form, [`session`] and [`refresh`] see
//! that each side is still there, [`renew`] makes two sides talk that did not before.

pub(crate) mod ack;
pub(crate) mod answer;
pub(crate) mod bye;
pub(crate) mod cancel;
pub(crate) mod change;
pub(crate) mod digits;
pub(crate) mod invite;
pub(crate) mod prack;
pub(crate) mod provisional;
pub(crate) mod refresh;
pub(crate) mod reliable;
pub(crate) mod renew;
pub(crate) mod session;

pub(crate) use answer::Answer;
pub(crate) use bye::Farewells;
pub(crate) use change::Passing;
pub(crate) use digits::Infos;
pub(crate) use refresh::Own;
pub(crate) use reliable::Reliable;
pub(crate) use renew::Owed;
pub(crate) use session::Session;

use crate::{
    decide::Inbound,
    directory::{Account, Gateway},
    hunt::credentials,
    media::Security,
    switch::{index::Stray, state::Core},
};
use bytes::Bytes;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tandem_billing::AccountId;
use tandem_sdp::{Direction, SessionDescription, session::Origin};
use tandem_sip::{
    Flow, Message,
    dialog::Dialog,
    endpoint::ClientTxn,
    message::Draft,
    value::{Host, Method, Uri},
};

/// What we take in a dialog and outside.
pub(crate) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, REFER, MESSAGE";
/// The extensions we know.
pub(crate) const SUPPORTED: &str = "100rel, timer, replaces, norefersub";
/// The port a URI without one means.
const SIP_PORT: u16 = 5060;

/// One side.
pub(crate) struct Leg {
    pub(crate) flow: Flow,
    pub(crate) dialog: Dialog,
    pub(crate) origin: Origin,
    /// The last description we sent on it.
    pub(crate) described: Option<Bytes>,
    pub(crate) reach: Reach,
    /// How its audio is protected.
    pub(crate) security: Security,
    /// The gateway it leads to: its credentials answer challenges within the dialog.
    pub(crate) gateway: Option<Arc<Gateway>>,
    pub(crate) session: Session,
    /// Whose phone or address it leads to; None for a gateway.
    pub(crate) account: Option<AccountId>,
    /// What its peer described last.
    pub(crate) heard: Option<Bytes>,
    /// Whether its peer sends and takes audio, as it described last.
    pub(crate) says: Direction,
    /// What its peer is still to be told.
    pub(crate) owed: Owed,
    /// Times in a row that its peer wanted a request of ours again.
    pub(crate) again: u8,
}

impl Leg {
    /// What its peer described last.
    pub(crate) fn heard(&self) -> Option<SessionDescription> {
        SessionDescription::parse(self.heard.as_deref()?).ok()
    }
}

/// How a peer is reached within a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// A phone, perhaps behind NAT: always where its packets come from.
    Symmetric,
    /// A server: where its Contact or Record-Route says, unless that is an address of a network we are not in.
    Contact,
}

/// The way to the next hop of a dialog.
pub(crate) fn dialog_flow(flow: Flow, dialog: &Dialog, reach: Reach) -> Flow {
    match reach {
        Reach::Symmetric => return flow,
        Reach::Contact => {}
    }
    if flow.transport.is_reliable() {
        return flow;
    }
    let next = dialog
        .routes
        .first()
        .map_or(&dialog.remote_target, |route| &route.uri);
    match stated_address(next) {
        Some(address) if is_plausible(address.ip(), flow.remote.ip()) => Flow {
            remote: address,
            ..flow
        },
        Some(_) | None => flow,
    }
}

fn stated_address(uri: &Uri) -> Option<SocketAddr> {
    match uri.host {
        Host::Ip(ip) => Some(SocketAddr::new(ip, uri.port.unwrap_or(SIP_PORT))),
        Host::Name(_) => None,
    }
}

/// A private or loopback address in a Contact means something only if the packets come from such a one too.
fn is_plausible(stated: IpAddr, seen: IpAddr) -> bool {
    stated.is_ipv4() == seen.is_ipv4()
        && !stated.is_unspecified()
        && !stated.is_multicast()
        && (stated == seen || (!is_local(stated) || is_local(seen)))
}

fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Sends a request within a leg's dialog.
pub(crate) fn send(core: &mut Core, leg: &mut Leg, method: Method, draft: Draft) -> ClientTxn {
    core.endpoint
        .request_in_dialog(core.now.mono, leg.flow, &mut leg.dialog, method, draft)
}

/// The answer to an INVITE within a leg's dialog is waited for no longer: should it be a 2xx, it gets its ACK.
pub(crate) fn let_go(core: &mut Core, leg: &Leg, txn: ClientTxn) {
    let stray = Stray {
        flow: leg.flow,
        gateway: None,
    };
    core.strays.keep(core.now.mono, txn, stray);
}

/// Sends a request within a leg's dialog again, with the credentials its gateway asks for. None if it has none that
/// would do.
pub(crate) fn repeat(
    core: &mut Core,
    leg: &mut Leg,
    (method, draft): (Method, Draft),
    challenge: &Message,
) -> Option<ClientTxn> {
    let gateway = leg.gateway.clone()?;
    let uri = leg.dialog.remote_target.to_string();
    let (name, value) = credentials(core, &gateway, challenge, &method, &uri)?;
    Some(send(core, leg, method, draft.header(&name, value)))
}

/// Our Contact on a flow.
pub(crate) fn contact(core: &Core, flow: Flow) -> String {
    core.endpoint.contact(flow.listener, "call").to_string()
}

/// A draft with Contact and Allow, and a description if there is one.
pub(crate) fn session_draft(core: &Core, flow: Flow, body: Option<Bytes>) -> Draft {
    let draft = Draft::new()
        .header("Contact", contact(core, flow))
        .header("Allow", ALLOW)
        .header("Supported", SUPPORTED);
    match body {
        Some(body) => draft.body("application/sdp", body),
        None => draft,
    }
}

/// What the caller's description in a CDR is made of, beside the facts.
pub(crate) struct CallerParts {
    pub(crate) account: Arc<Account>,
    pub(crate) inbound: Option<Inbound>,
    pub(crate) chain: Vec<AccountId>,
    pub(crate) rating_number: String,
}

#[cfg(test)]
mod tests {
    use super::is_plausible;

    #[test]
    fn a_private_contact_is_followed_only_from_a_private_source() {
        for (stated, seen, expected) in [
            ("192.0.2.1", "198.51.100.7", true),
            ("10.0.0.5", "198.51.100.7", false),
            ("10.0.0.5", "10.0.0.9", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("0.0.0.0", "198.51.100.7", false),
            ("2001:db8::1", "198.51.100.7", false),
        ] {
            let ip = |text: &str| text.parse().expect("an address");
            assert_eq!(
                is_plausible(ip(stated), ip(seen)),
                expected,
                "{stated} from {seen}"
            );
        }
    }
}
