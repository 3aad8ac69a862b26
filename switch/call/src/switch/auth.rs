//! Digest for requests that reach us: which device sent this, or what to challenge it with.
//!
//! A known and an unknown user, a wrong password and none at all get the same answer.

use super::state::Core;
use crate::directory::Device;
use std::sync::Arc;
use tandem_sip::{
    Message,
    digest::{ChallengeKind, Credentials, Stale, Verdict},
    endpoint::ServerTxn,
    message::Draft,
};

/// What the credentials of a request prove.
pub(crate) enum Proof {
    /// They are this device's.
    Device(Arc<Device>),
    /// Nothing: challenge.
    Nothing(Stale),
}

pub(crate) fn prove(core: &mut Core, request: &Message, kind: ChallengeKind) -> Proof {
    let directory = Arc::clone(&core.directory);
    let Some(credentials) = Credentials::find(request, &directory.settings.realm, kind) else {
        return Proof::Nothing(Stale::No);
    };
    let device = directory.devices.get(&credentials.username);
    let ha1 = device.map(|device| &device.ha1);
    let verdict = core
        .digest
        .verify(core.now.mono, &request.method(), &credentials, ha1);
    match (verdict, device) {
        (Verdict::Valid, Some(device)) => Proof::Device(Arc::clone(device)),
        (Verdict::Stale, _) => Proof::Nothing(Stale::Yes),
        (Verdict::Valid | Verdict::Invalid, _) => Proof::Nothing(Stale::No),
    }
}

pub(crate) fn challenge(core: &mut Core, txn: ServerTxn, kind: ChallengeKind, stale: Stale) {
    let (status, reason, header) = match kind {
        ChallengeKind::User => (401, "Unauthorized", "WWW-Authenticate"),
        ChallengeKind::Proxy => (407, "Proxy Authentication Required", "Proxy-Authenticate"),
    };
    let realm = core.directory.settings.realm.clone();
    let values = core.digest.challenge(core.now.mono, &realm, stale);
    let draft = values
        .into_iter()
        .fold(Draft::new(), |draft, value| draft.header(header, value));
    core.reject(txn, (status, reason), draft);
}
