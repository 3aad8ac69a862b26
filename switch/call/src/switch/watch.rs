//! What of a message the guard is told, and what becomes of its word: a row in the journal, an alert, closed
//! connections.

use super::{alarm, state::Core};
use crate::{
    directory::guard::Network,
    guard::{Admission, Blocking, Evidence, Origin},
    io::Output,
    journal::{Record, SourceBlock},
};
use std::net::IpAddr;
use tandem_sip::{
    Flow, Message,
    digest::{Credentials, Nonce, Taken},
    message::HeaderId,
    value::Method,
};

/// Bytes of a datagram that is a keep-alive of some make, not a message.
const KEEP_ALIVE: usize = 8;

/// Whether a message from there is read at all.
pub(crate) fn admits(core: &mut Core, flow: Flow) -> bool {
    let settings = &core.directory.settings.guard;
    core.peers
        .guard
        .admit(settings, (flow.remote.ip(), shown(flow)), core.now.mono)
        == Admission::Pass
}

/// Whom a nonce is given to, and taken back from.
pub(crate) fn peer(flow: Flow) -> IpAddr {
    Network::of_source(flow.remote.ip()).address()
}

/// Whose nonces are taken from there: a stranger's only if the setting says so, and no longer where many failed with
/// them, since those failures can be nobody's fault.
pub(crate) fn nonces_taken(core: &mut Core, flow: Flow) -> Taken {
    let settings = &core.directory.settings;
    let from = flow.remote.ip();
    let guard = &mut core.peers.guard;
    let may = !settings.nonce_bound && guard.may_borrow(&settings.guard, from, core.now.mono);
    if may {
        Taken::FromAnybody
    } else {
        Taken::FromPeer
    }
}

/// Its bytes could not be read.
pub(crate) fn malformed(core: &mut Core, flow: Flow, length: usize) {
    if length > KEEP_ALIVE {
        note(core, flow, &Evidence::Malformed, shown(flow));
    }
}

/// A request without credentials, where some are needed.
pub(crate) fn challenged(core: &mut Core, flow: Flow, request: &Message) {
    let evidence = match request.method() {
        Method::Register => Evidence::Uninvited,
        _ => Evidence::Unasked,
    };
    note(core, flow, &evidence, shown(flow));
    scanner(core, flow, request);
}

/// A request of somebody nobody asked who it is.
pub(crate) fn stranger(core: &mut Core, flow: Flow, request: &Message) {
    // Many see by it whether their peer is alive.
    if request.method() != Method::Options {
        note(core, flow, &Evidence::Stranger, shown(flow));
    }
    scanner(core, flow, request);
}

/// Credentials that are not right, or of nobody.
pub(crate) fn wrong(
    core: &mut Core,
    flow: Flow,
    request: &Message,
    (given, nonce): (&Credentials, Nonce),
) {
    let origin = if nonce.is_for_peer() {
        Origin::Shown
    } else {
        shown(flow)
    };
    let user = given.username.as_str();
    note(core, flow, &Evidence::Wrong { user }, origin);
    scanner(core, flow, request);
}

/// The right secret.
pub(crate) fn proved(core: &mut Core, flow: Flow, user: &str) {
    let settings = &core.directory.settings.guard;
    core.peers
        .guard
        .prove(settings, flow.remote.ip(), user, core.now.mono);
}

/// Whether a secret is tried now.
pub(crate) fn may_try(core: &mut Core, flow: Flow, user: &str) -> bool {
    let settings = &core.directory.settings.guard;
    core.peers
        .guard
        .may_try(settings, flow.remote.ip(), user, core.now.mono)
}

fn shown(flow: Flow) -> Origin {
    if flow.transport.is_reliable() {
        Origin::Shown
    } else {
        Origin::Claimed
    }
}

fn scanner(core: &mut Core, flow: Flow, request: &Message) {
    let Some(agent) = request.value(HeaderId::UserAgent) else {
        return;
    };
    let lower = agent.to_ascii_lowercase();
    let scanners = &core.directory.settings.guard.scanners;
    let is_one = |name: &String| !name.is_empty() && lower.contains(&name.to_ascii_lowercase());
    if scanners.iter().any(is_one) {
        note(core, flow, &Evidence::Scanner { agent }, shown(flow));
    }
}

fn note(core: &mut Core, flow: Flow, evidence: &Evidence<'_>, origin: Origin) {
    let settings = &core.directory.settings.guard;
    let from = flow.remote.ip();
    let blocking = core
        .peers
        .guard
        .note(settings, from, (evidence, origin), core.now.mono);
    if let Some(blocking) = blocking {
        begin(core, &blocking);
    }
}

fn begin(core: &mut Core, blocking: &Blocking) {
    let lasts_ms = i64::try_from(blocking.lasts.as_millis()).unwrap_or(i64::MAX);
    if let Some(network) = blocking.instead_of {
        core.record(Record::Unblocked { network });
    }
    let seq = core.record(Record::Blocked(SourceBlock {
        network: blocking.network,
        at: core.now.utc,
        until: core.now.utc.plus_ms(lasts_ms),
        repeats: blocking.repeats,
        reason: blocking.reason.clone(),
    }));
    core.peers.guard.journalled(blocking.network, seq);
    core.outputs.push_back(Output::Shut {
        network: blocking.network,
    });
    alarm::blocked(core, blocking);
}
