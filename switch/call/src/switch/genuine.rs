//! Whether a request within a dialog is its peer's. Its tags are known to whoever saw one message of it: what would
//! move the audio must come from where the peer is, or prove whose it is.

use super::{
    auth::{self, Proof},
    state::Core,
};
use crate::{
    directory::{Directory, guard::Network},
    leg::{Leg, Reach},
};
use std::net::IpAddr;
use tandem_sip::{
    Flow, Message,
    digest::{ChallengeKind, Stale},
    value::Host,
};

pub(crate) enum Genuine {
    Yes,
    /// It may prove itself.
    Challenge(Stale),
    /// Not known: the name has failed too often there to be tried now.
    Later,
    /// It cannot.
    No,
}

/// A phone that moved to another address proves itself by digest; a server has addresses it is known by.
pub(crate) fn judge(core: &mut Core, leg: &Leg, (flow, message): (Flow, &Message)) -> Genuine {
    let from = flow.remote.ip();
    if from == leg.flow.remote.ip() || is_known(&core.directory, leg, from) {
        return Genuine::Yes;
    }
    if leg.reach == Reach::Contact {
        return Genuine::No;
    }
    match auth::prove(core, flow, message, ChallengeKind::Proxy) {
        Proof::Device(device) if Some(device.account) == leg.account => Genuine::Yes,
        Proof::Device(_) => Genuine::No,
        Proof::Nothing(stale) => Genuine::Challenge(stale),
        Proof::Later => Genuine::Later,
    }
}

/// The address is the gateway's, the account's, or one that the peer itself named.
fn is_known(directory: &Directory, leg: &Leg, from: IpAddr) -> bool {
    let gateway = leg.gateway.as_ref();
    let mut hosts = gateway.into_iter().flat_map(|gateway| &gateway.hosts);
    if hosts.any(|host| host.address.ip() == from) {
        return true;
    }
    let mut rows = directory.sources.iter();
    let fits = |row: &crate::directory::SourceAddress| {
        Some(row.account) == leg.account && Network::new(row.network, row.prefix_len).contains(from)
    };
    if rows.any(fits) {
        return true;
    }
    let named = leg.dialog.routes.iter().map(|route| &route.uri.host);
    let mut named = named.chain([&leg.dialog.remote_target.host]);
    leg.reach == Reach::Contact && named.any(|host| *host == Host::Ip(from))
}
