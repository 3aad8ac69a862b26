//! Phones: REGISTER with digest, kept in the registrar, journalled so that they are reachable after a restart.

use crate::{
    directory::AccountStatus,
    io::Now,
    journal::{Record, Registration},
    monitor::{Change, LiveRegistration},
    switch::{
        auth::{self, Proof},
        state::Core,
        watch,
    },
};
use std::time::Duration;
use tandem_billing::{AccountId, UtcMs};
use tandem_sip::{
    Flow, Message, Mono, Transport,
    digest::ChallengeKind,
    endpoint::ServerTxn,
    message::Draft,
    registrar::{Binding, RegisterAnswer},
    value::Uri,
};

/// A REGISTER came.
pub(crate) fn handle(core: &mut Core, txn: ServerTxn, flow: Flow, message: &Message) {
    let device = match auth::prove(core, flow, message, ChallengeKind::User) {
        Proof::Device(device) => device,
        Proof::Nothing(stale) => {
            core.feed.totals.challenged += 1;
            return auth::challenge(core, (txn, flow), ChallengeKind::User, stale);
        }
        Proof::Later => return auth::put_off(core, txn),
    };
    let active = core
        .directory
        .accounts
        .get(&device.account)
        .is_some_and(|account| {
            account.status == AccountStatus::Active
                && account.expires_at.is_none_or(|end| end > core.now.utc)
        });
    if !active {
        return core.reject(txn, (403, "Forbidden"), Draft::new());
    }
    let user = device.username.as_str();
    // What has run out and was not collected yet would else be gone without a word.
    let gone = core.registrar.handle_timeout(core.now.mono);
    ended(core, &gone);
    let before = core.registrar.bindings(core.now.mono, user);
    match core
        .registrar
        .handle_register(core.now.mono, user, flow, message)
    {
        RegisterAnswer::Accepted { contacts, .. } => {
            let draft = contacts.into_iter().fold(Draft::new(), |draft, contact| {
                draft.header("Contact", contact)
            });
            let draft = message
                .headers("Path")
                .fold(draft, |draft, path| draft.header("Path", path));
            core.reject(txn, (200, "OK"), draft);
            note_changes(core, user, device.account, &before);
        }
        RegisterAnswer::TooBrief { min_expires_s } => {
            let draft = Draft::new().header("Min-Expires", min_expires_s);
            core.reject(txn, (423, "Interval Too Brief"), draft);
        }
        RegisterAnswer::Refused { status, reason } => {
            core.reject(txn, (status, reason), Draft::new())
        }
    }
}

/// Journals and shows what differs from before.
fn note_changes(core: &mut Core, user: &str, account: AccountId, before: &[Binding]) {
    let after = core.registrar.bindings(core.now.mono, user);
    for old in before {
        if !after.iter().any(|new| new.contact == old.contact) {
            note_gone(core, user, old);
        }
    }
    for new in &after {
        let same = |old: &Binding| {
            old.contact == new.contact
                && old.expires_at == new.expires_at
                && old.cseq == new.cseq
                && old.flow == new.flow
        };
        if !before.iter().any(same) {
            let registration = to_registration(core.now, user, new);
            core.feed
                .push(|| Change::Registration(live(&registration, account, new)));
            core.record(Record::Registered(registration));
        }
    }
}

fn note_gone(core: &mut Core, user: &str, binding: &Binding) {
    let contact = binding.contact.to_string();
    core.feed.push(|| Change::RegistrationGone {
        username: user.to_owned(),
        contact: contact.clone(),
    });
    core.record(Record::Unregistered {
        username: user.to_owned(),
        contact,
    });
}

/// Bindings that ended by themselves.
pub(crate) fn ended(core: &mut Core, bindings: &[(String, Binding)]) {
    for (user, binding) in bindings {
        note_gone(core, user, binding);
    }
}

/// An operator wants a device gone. False if it had no phone registered.
pub(crate) fn unregister(core: &mut Core, username: &str) -> bool {
    let gone = core.registrar.remove_user(username);
    ended(core, &gone);
    !gone.is_empty()
}

/// Puts back what the store kept; what has expired meanwhile is left to be dropped by the next time-out.
pub(crate) fn restore(core: &mut Core, kept: Vec<Registration>) {
    for registration in kept {
        if let Some(binding) = to_binding(core.now, &registration) {
            watch::proved(core, binding.flow, &registration.username);
            core.registrar.restore(&registration.username, binding);
        }
    }
}

/// All bindings of all devices, for a snapshot.
pub(crate) fn snapshot(core: &Core) -> Vec<LiveRegistration> {
    let mut rows = Vec::with_capacity(core.registrar.len());
    for (account, names) in &core.directory.account_devices {
        for name in names {
            for binding in core.registrar.bindings(core.now.mono, name) {
                let registration = to_registration(core.now, name, &binding);
                rows.push(live(&registration, *account, &binding));
            }
        }
    }
    rows
}

fn to_registration(now: Now, user: &str, binding: &Binding) -> Registration {
    let left_ms = binding.expires_at.since(now.mono).as_millis();
    Registration {
        username: user.to_owned(),
        contact: binding.contact.to_string(),
        transport: transport_name(binding.flow.transport).to_owned(),
        listener: binding.flow.listener,
        remote: binding.flow.remote.to_string(),
        path: binding.path.clone(),
        call_id: binding.call_id.clone(),
        cseq: binding.cseq,
        expires_at: now.utc.plus_ms(i64::try_from(left_ms).unwrap_or(i64::MAX)),
        user_agent: binding.user_agent.clone(),
        q_thousandths: binding.q_thousandths,
        instance: binding.instance.clone(),
    }
}

/// Connections do not outlive a restart: a phone behind one is called by opening another, if it can be.
fn to_binding(now: Now, kept: &Registration) -> Option<Binding> {
    Some(Binding {
        contact: Uri::parse(&kept.contact).ok()?,
        flow: Flow {
            transport: transport_of(&kept.transport)?,
            listener: kept.listener,
            connection: 0,
            remote: kept.remote.parse().ok()?,
        },
        path: kept.path.clone(),
        call_id: kept.call_id.clone(),
        cseq: kept.cseq,
        expires_at: expiry(now, kept.expires_at),
        user_agent: kept.user_agent.clone(),
        q_thousandths: kept.q_thousandths,
        instance: kept.instance.clone(),
    })
}

fn expiry(now: Now, at: UtcMs) -> Mono {
    let left_ms = u64::try_from(at.0.saturating_sub(now.utc.0)).unwrap_or(0);
    now.mono + Duration::from_millis(left_ms)
}

fn live(registration: &Registration, account: AccountId, binding: &Binding) -> LiveRegistration {
    LiveRegistration {
        username: registration.username.clone(),
        account,
        contact: registration.contact.clone(),
        source: registration.remote.clone(),
        transport: transport_name(binding.flow.transport),
        user_agent: registration.user_agent.clone(),
        expires_at: registration.expires_at,
    }
}

const TRANSPORTS: [(Transport, &str); 5] = [
    (Transport::Udp, "udp"),
    (Transport::Tcp, "tcp"),
    (Transport::Tls, "tls"),
    (Transport::Ws, "ws"),
    (Transport::Wss, "wss"),
];

fn transport_name(transport: Transport) -> &'static str {
    TRANSPORTS
        .iter()
        .find(|(known, _)| *known == transport)
        .map_or("udp", |(_, name)| name)
}

fn transport_of(name: &str) -> Option<Transport> {
    TRANSPORTS
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(transport, _)| *transport)
}
