//! Whether a request within a dialog is its peer's. Its tags are known to whoever saw one message of it: what would
//! move the audio, spend money or raise the CSeq must come from where the peer is, or prove whose it is.
//!
//! A BYE alone is taken from anywhere, so that a phone whose address changed can end its call; an ACK, too, but not the
//! description in it.

use super::{
    auth::{self, Proof},
    state::Core,
};
use crate::{
    directory::{Directory, Gateway, guard::Network},
    hunt::{Attempt, fork::Fork},
    leg::{Leg, Reach},
};
use std::net::IpAddr;
use tandem_billing::AccountId;
use tandem_sip::{
    Flow, Message,
    dialog::Dialog,
    digest::{ChallengeKind, Stale},
    endpoint::ServerTxn,
    message::Draft,
    value::{Host, Method},
};

/// Who is at the other end of a dialog.
pub(crate) struct Peer<'a> {
    dialog: &'a Dialog,
    at: IpAddr,
    reach: Reach,
    gateway: Option<&'a Gateway>,
    account: Option<AccountId>,
}

impl<'a> Peer<'a> {
    pub(crate) fn of(leg: &'a Leg) -> Self {
        Self {
            dialog: &leg.dialog,
            at: leg.flow.remote.ip(),
            reach: leg.reach,
            gateway: leg.gateway.as_deref(),
            account: leg.account,
        }
    }

    /// A phone of an account that listens to an announcement.
    pub(crate) fn listening(dialog: &'a Dialog, at: IpAddr, account: AccountId) -> Self {
        Self {
            dialog,
            at,
            reach: Reach::Symmetric,
            gateway: None,
            account: Some(account),
        }
    }

    /// One that has not answered; `account`: whose phone it is.
    pub(crate) fn early(attempt: &'a Attempt, fork: &'a Fork, account: Option<AccountId>) -> Self {
        let gateway = attempt.gateway.as_deref();
        Self {
            dialog: &fork.dialog,
            at: attempt.flow.remote.ip(),
            reach: match gateway {
                Some(_) => Reach::Contact,
                None => Reach::Symmetric,
            },
            gateway,
            account,
        }
    }
}

pub(crate) enum Genuine {
    Yes,
    /// It may prove itself.
    Challenge(Stale),
    /// Not known: the name has failed too often there to be tried now.
    Later,
    /// It cannot.
    No,
}

impl Genuine {
    /// The answer to a request that is not, or not yet known to be. True if it is the peer's.
    pub(crate) fn or_refuse(self, core: &mut Core, (txn, flow): (ServerTxn, Flow)) -> bool {
        match self {
            Self::Yes => return true,
            Self::Challenge(stale) => {
                auth::challenge(core, (txn, flow), ChallengeKind::Proxy, stale);
            }
            Self::Later => auth::put_off(core, txn),
            Self::No => core.respond(txn, (403, "Forbidden"), "", Draft::new()),
        }
        false
    }
}

/// A phone that moved to another address proves itself by digest; a server has addresses it is known by.
pub(crate) fn judge(
    core: &mut Core,
    peer: &Peer<'_>,
    (flow, message): (Flow, &Message),
) -> Genuine {
    let is_free = matches!(message.method(), Method::Bye | Method::Ack);
    // What is not of the dialog is refused as such.
    if is_free || !peer.dialog.holds(message) || is_at_home(core, peer, flow.remote.ip()) {
        return Genuine::Yes;
    }
    if peer.reach == Reach::Contact {
        return Genuine::No;
    }
    match auth::prove(core, flow, message, ChallengeKind::Proxy) {
        Proof::Device(device) if Some(device.account) == peer.account => Genuine::Yes,
        Proof::Device(_) => Genuine::No,
        Proof::Nothing(stale) => Genuine::Challenge(stale),
        Proof::Later => Genuine::Later,
    }
}

/// Whether a message came from where the peer is known to be.
pub(crate) fn is_at_home(core: &Core, peer: &Peer<'_>, from: IpAddr) -> bool {
    from == peer.at || is_known(&core.directory, peer, from)
}

/// The address is the gateway's, the account's, or one that the peer itself named.
fn is_known(directory: &Directory, peer: &Peer<'_>, from: IpAddr) -> bool {
    let mut hosts = peer.gateway.into_iter().flat_map(|gateway| &gateway.hosts);
    if hosts.any(|host| host.address.ip() == from) {
        return true;
    }
    let mut rows = directory.sources.iter();
    let fits = |row: &crate::directory::SourceAddress| {
        Some(row.account) == peer.account
            && Network::new(row.network, row.prefix_len).contains(from)
    };
    if rows.any(fits) {
        return true;
    }
    let named = peer.dialog.routes.iter().map(|route| &route.uri.host);
    let mut named = named.chain([&peer.dialog.remote_target.host]);
    peer.reach == Reach::Contact && named.any(|host| *host == Host::Ip(from))
}
