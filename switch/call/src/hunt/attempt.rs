//! One INVITE to one place: where to, as whom, with what.
//!
//! Nothing of the caller's message is copied: From, To, Contact, Call-ID and tags are new, so that neither side
//! learns anything of the other but numbers and audio formats.

use super::fork::Fork;
use crate::{
    call::Call,
    decide::{Candidate, LegTarget},
    directory::{Gateway, GatewayHost, SrtpPolicy, signalling::Extension},
    health, identity,
    leg::{session, session_draft},
    media::{self, Security, Terms},
    switch::{index::Stray, state::Core},
};
use bytes::Bytes;
use std::sync::Arc;
use tandem_sdp::{Side, session::Origin};
use tandem_sip::{
    Flow, Message, digest,
    endpoint::{ClientTxn, RequestOut},
    message::Draft,
    value::{EndReason, Host, Method, NameAddr, Uri},
};

/// A place to send to.
pub(crate) struct Hop {
    pub(crate) flow: Flow,
    pub(crate) uri: Uri,
    pub(crate) routes: Vec<NameAddr>,
    /// Whose phone; empty for a gateway.
    device: String,
}

/// An INVITE under way.
pub(crate) struct Attempt {
    pub(crate) txn: ClientTxn,
    pub(crate) flow: Flow,
    /// The gateway it went to, if it went to one.
    pub(crate) gateway: Option<Arc<Gateway>>,
    pub(crate) call_id: String,
    pub(crate) origin: Origin,
    /// As sent: repeated with credentials.
    pub(crate) request: Box<RequestOut>,
    pub(crate) authorised: bool,
    pub(crate) security: Security,
    /// It was sent again with a longer session interval (RFC 4028 section 7.3).
    lengthened: bool,
    /// Whose phone it rings; empty for a gateway.
    pub(crate) device: String,
    /// Who spoke before the answer.
    pub(crate) forks: Vec<Fork>,
}

impl Attempt {
    /// What is kept of it for answers that nobody wants any more.
    pub(crate) fn stray(&self) -> Stray {
        Stray {
            flow: self.flow,
            gateway: self.gateway.clone(),
        }
    }

    /// The offer it was sent with.
    pub(crate) fn described(&self) -> Option<Bytes> {
        let body = self.request.draft.body.as_ref();
        body.map(|(_, body)| body.clone())
    }

    /// Whether one of its early dialogs was told something else since.
    pub(crate) fn was_retold(&self) -> bool {
        self.forks.iter().any(|fork| fork.told.is_some())
    }
}

/// All places of a candidate, in the order to try.
pub(crate) fn hops(core: &mut Core, candidate: &Candidate) -> Vec<Hop> {
    match &candidate.leg {
        LegTarget::Gateway(gateway) => {
            let hosts = ordered(core, gateway);
            let up = |host: &GatewayHost| core.peers.hosts.is_up(health::place(gateway.id, host));
            hosts
                .into_iter()
                .filter(up)
                .filter_map(|host| gateway_hop(core, &host, &candidate.number))
                .collect()
        }
        LegTarget::Devices { usernames, .. } => {
            let now = core.now.mono;
            let mut hops = Vec::new();
            let bindings = usernames.iter().flat_map(|name| {
                let bindings = core.registrar.bindings(now, name);
                bindings.into_iter().map(move |binding| (name, binding))
            });
            for (name, binding) in bindings {
                let routes = binding
                    .path
                    .iter()
                    .filter_map(|path| NameAddr::parse(path).ok())
                    .collect();
                hops.push(Hop {
                    flow: binding.flow,
                    uri: binding.contact,
                    routes,
                    device: name.clone(),
                });
            }
            hops
        }
    }
}

/// By priority; within one, drawn by weight (RFC 2782).
pub(crate) fn ordered(core: &mut Core, gateway: &Gateway) -> Vec<GatewayHost> {
    let mut left = gateway.hosts.clone();
    left.sort_by_key(|host| host.priority);
    let mut order = Vec::with_capacity(left.len());
    while let Some(priority) = left.first().map(|host| host.priority) {
        let equal = left
            .iter()
            .take_while(|host| host.priority == priority)
            .count();
        let total: u64 = left
            .iter()
            .take(equal)
            .map(|host| u64::from(host.weight) + 1)
            .sum();
        let mut draw = if equal == 1 {
            0
        } else {
            core.random() % total.max(1)
        };
        let mut chosen = 0;
        for (at, host) in left.iter().take(equal).enumerate() {
            let weight = u64::from(host.weight) + 1;
            chosen = at;
            if draw < weight {
                break;
            }
            draw -= weight;
        }
        order.push(left.remove(chosen));
    }
    order
}

fn gateway_hop(core: &Core, host: &GatewayHost, number: &str) -> Option<Hop> {
    let flow = core.flow_to(host.transport, host.address)?;
    let name = host.name.clone().map(Host::Name);
    let uri = Uri::sip(
        Some(number),
        name.unwrap_or(Host::Ip(host.address.ip())),
        Some(host.address.port()),
    )
    .over(host.transport);
    Some(Hop {
        flow,
        uri,
        routes: Vec::new(),
        device: String::new(),
    })
}

/// Sends the INVITE of a candidate to one place.
pub(crate) fn send(
    core: &mut Core,
    call: &Call,
    candidate: &Candidate,
    hop: Hop,
) -> Result<Attempt, &'static str> {
    let origin = core.new_origin(hop.flow);
    let security = security(core, call, candidate, hop.flow);
    let body = media::offer_for(
        core,
        call,
        (hop.flow, &security),
        origin,
        &Terms::of(call, candidate),
    )?;
    let call_id = core.endpoint.new_call_id();
    let request = RequestOut {
        method: Method::Invite,
        from: identity::from(core, call, candidate, hop.flow),
        to: to(core, candidate, &hop.uri),
        uri: hop.uri,
        call_id: call_id.clone(),
        cseq: 1,
        routes: hop.routes,
        max_forwards: call.hunt.as_ref().map_or(0, |hunt| hunt.max_forwards),
        draft: draft(core, call, candidate, hop.flow, body),
    };
    let txn = core
        .endpoint
        .request(core.now.mono, hop.flow, request.clone());
    core.index.clients.insert(txn, call.id);
    core.index
        .call_ids
        .insert(call_id.clone(), (call.id, Side::B));
    Ok(Attempt {
        txn,
        flow: hop.flow,
        gateway: match &candidate.leg {
            LegTarget::Gateway(gateway) => Some(Arc::clone(gateway)),
            LegTarget::Devices { .. } => None,
        },
        call_id,
        origin,
        request: Box::new(request),
        authorised: false,
        security,
        lengthened: false,
        device: hop.device,
        forks: Vec::new(),
    })
}

fn security(core: &mut Core, call: &Call, candidate: &Candidate, flow: Flow) -> Security {
    Security::new(
        core,
        srtp_policy(call, candidate),
        flow,
        &call.directory.settings,
    )
}

/// Whether neither side's audio needs the relay for its protection.
pub(crate) fn is_plain(core: &mut Core, call: &Call, candidate: &Candidate, flow: Flow) -> bool {
    call.caller.leg.security.is_plain() && security(core, call, candidate, flow).is_plain()
}

/// What the target's gateway or account says of keys.
fn srtp_policy(call: &Call, candidate: &Candidate) -> SrtpPolicy {
    match &candidate.leg {
        LegTarget::Gateway(gateway) => gateway.srtp,
        LegTarget::Devices { account, .. } => call
            .directory
            .accounts
            .get(account)
            .map_or(SrtpPolicy::default(), |account| account.srtp),
    }
}

pub(crate) fn to(core: &Core, candidate: &Candidate, uri: &Uri) -> NameAddr {
    let uri = match &candidate.leg {
        LegTarget::Gateway(_) => Uri::sip(uri.user.as_deref(), uri.host.clone(), uri.port),
        LegTarget::Devices { .. } => {
            let realm = &core.directory.settings.realm;
            let host = Host::parse(realm).unwrap_or_else(|_| uri.host.clone());
            Uri::sip(Some(&candidate.number), host, None)
        }
    };
    NameAddr {
        display: None,
        uri,
        params: Vec::new(),
    }
}

fn draft(
    core: &Core,
    call: &Call,
    candidate: &Candidate,
    flow: Flow,
    body: Option<Bytes>,
) -> Draft {
    let signalling = candidate.signalling(&call.directory);
    // An offer in a reliable answer could not be answered before the caller has spoken.
    let reliable = match (signalling.reliable, &body) {
        (Extension::Off, _) | (_, None) => Extension::Off,
        (wanted, Some(_)) => wanted,
    };
    let mut draft = session_draft(core, flow, body);
    let mut supported = Vec::with_capacity(3);
    if reliable != Extension::Off {
        supported.push("100rel");
    }
    if signalling.session_timers != Extension::Off {
        supported.push("timer");
    }
    supported.push("replaces");
    draft.headers.retain(|(name, _)| name != "Supported");
    draft = draft.header("Supported", supported.join(", "));
    if reliable == Extension::Required {
        draft = draft.header("Require", "100rel");
    }
    let draft = session::offer(core, signalling.session_timers, draft);
    identity::headers(core, call, candidate, flow, draft)
}

/// The header that answers a gateway's challenge; None if it has no credentials, or the challenge is not ours
/// to answer.
pub(crate) fn credentials(
    core: &mut Core,
    gateway: &Gateway,
    challenge: &Message,
    method: &Method,
    uri: &str,
) -> Option<(String, String)> {
    if !matches!(challenge.status(), Some(401 | 407)) {
        return None;
    }
    let auth = gateway.auth.as_ref()?;
    let cnonce = format!("{:016x}", core.random());
    let login = digest::Login {
        user: &auth.username,
        password: &auth.password,
        realm: auth.realm.as_deref(),
    };
    digest::answer_as(challenge, method, uri, &login, &cnonce)
}

/// Sends the INVITE again with credentials, once. False if that cannot help.
pub(crate) fn authorise(
    core: &mut Core,
    call: &Call,
    attempt: &mut Attempt,
    gateway: &Gateway,
    challenge: &Message,
) -> bool {
    if attempt.authorised {
        return false;
    }
    let uri = attempt.request.uri.to_string();
    let Some((name, value)) = credentials(core, gateway, challenge, &Method::Invite, &uri) else {
        return false;
    };
    attempt.authorised = true;
    super::fork::forget(core, attempt);
    attempt.forks.clear();
    attempt.request.cseq += 1;
    let mut request = (*attempt.request).clone();
    request.draft = request.draft.header(&name, value);
    attempt.txn = core.endpoint.request(core.now.mono, attempt.flow, request);
    core.index.clients.insert(attempt.txn, call.id);
    true
}

/// Sends the INVITE again with the session interval a 422 asks for. False if that cannot help.
pub(crate) fn lengthen(
    core: &mut Core,
    call: &Call,
    attempt: &mut Attempt,
    answer: &Message,
) -> bool {
    if attempt.lengthened || session::raise(&mut attempt.request.draft, answer).is_none() {
        return false;
    }
    attempt.lengthened = true;
    attempt.authorised = false;
    attempt.request.cseq += 1;
    super::fork::forget(core, attempt);
    attempt.forks.clear();
    let request = (*attempt.request).clone();
    attempt.txn = core.endpoint.request(core.now.mono, attempt.flow, request);
    core.index.clients.insert(attempt.txn, call.id);
    true
}

/// Stops an INVITE; should it be answered all the same, the answer is ended at once.
pub(crate) fn give_up(core: &mut Core, attempt: &Attempt, reason: EndReason) {
    leave(core, attempt);
    core.endpoint
        .cancel_because(core.now.mono, attempt.txn, reason);
}

/// The same, since another one answered: phones that lost the race list no missed call.
pub(crate) fn lose(core: &mut Core, attempt: &Attempt) {
    give_up(core, attempt, EndReason::ELSEWHERE);
}

fn leave(core: &mut Core, attempt: &Attempt) {
    forget(core, attempt);
    core.strays
        .keep(core.now.mono, attempt.txn, attempt.stray());
}

/// An attempt that ended by itself.
pub(crate) fn forget(core: &mut Core, attempt: &Attempt) {
    core.index.clients.remove(&attempt.txn);
    core.index.call_ids.remove(&attempt.call_id);
    super::fork::forget(core, attempt);
    if let Some(fork) = attempt.forks.first() {
        core.index.tags.remove(&fork.dialog.local_tag);
    }
}
