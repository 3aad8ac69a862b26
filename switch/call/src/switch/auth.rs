//! Digest for requests that reach us: which device sent this, or what to challenge it with.
//!
//! A known and an unknown user, a wrong password and none at all get the same answer. The guard hears of each.

use super::{state::Core, watch};
use crate::directory::Device;
use std::sync::Arc;
use tandem_sip::{
    Flow, Message,
    digest::{ChallengeKind, Credentials, Stale, Verdict},
    endpoint::ServerTxn,
    message::Draft,
};

/// Seconds after which a user name that keeps failing may be tried again.
const TRY_LATER_S: u32 = 30;

/// What the credentials of a request prove.
pub(crate) enum Proof {
    /// They are this device's.
    Device(Arc<Device>),
    /// Nothing: challenge.
    Nothing(Stale),
    /// Not known: this name has failed too often there to be tried now.
    Later,
}

pub(crate) fn prove(core: &mut Core, flow: Flow, request: &Message, kind: ChallengeKind) -> Proof {
    let directory = Arc::clone(&core.directory);
    let Some(credentials) = Credentials::find(request, &directory.settings.realm, kind) else {
        watch::challenged(core, flow, request);
        return Proof::Nothing(Stale::No);
    };
    let peer = watch::peer(flow);
    let taken = watch::nonces_taken(core, flow);
    let now = core.now.mono;
    let Some(nonce) = core.digest.held(now, &credentials, peer, taken) else {
        // As if it had given none: of the secret nothing is said.
        watch::challenged(core, flow, request);
        return Proof::Nothing(Stale::Yes);
    };
    if !watch::may_try(core, flow, &credentials.username) {
        return Proof::Later;
    }
    let device = directory.devices.get(&credentials.username);
    let ha1 = device.map(|device| &device.ha1);
    let verdict = core
        .digest
        .verify(&request.method(), &credentials, &nonce, ha1);
    match (verdict, device) {
        (Verdict::Valid, Some(device)) => {
            watch::proved(core, flow, &device.username);
            Proof::Device(Arc::clone(device))
        }
        (Verdict::Stale, _) => Proof::Nothing(Stale::Yes),
        (Verdict::Valid | Verdict::Invalid, _) => {
            watch::wrong(core, flow, request, (&credentials, nonce));
            Proof::Nothing(Stale::No)
        }
    }
}

/// The answer to a name that fails too often.
pub(crate) fn put_off(core: &mut Core, txn: ServerTxn) {
    let draft = Draft::new().header("Retry-After", TRY_LATER_S);
    core.reject(txn, (503, "Service Unavailable"), draft);
}

pub(crate) fn challenge(
    core: &mut Core,
    (txn, flow): (ServerTxn, Flow),
    kind: ChallengeKind,
    stale: Stale,
) {
    let (status, reason, header) = match kind {
        ChallengeKind::User => (401, "Unauthorized", "WWW-Authenticate"),
        ChallengeKind::Proxy => (407, "Proxy Authentication Required", "Proxy-Authenticate"),
    };
    let realm = core.directory.settings.realm.clone();
    let peer = watch::peer(flow);
    let values = core.digest.challenge(core.now.mono, &realm, stale, peer);
    let draft = values
        .into_iter()
        .fold(Draft::new(), |draft, value| draft.header(header, value));
    core.reject(txn, (status, reason), draft);
}
