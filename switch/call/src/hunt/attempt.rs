//! One INVITE to one place: where to, as whom, with what.
//!
//! Nothing of the caller's message is copied: From, To, Contact, Call-ID and tags are new, so that neither side
//! learns anything of the other but numbers and audio formats.

use crate::{
    call::Call,
    decide::{Candidate, LegTarget},
    directory::{Gateway, GatewayHost, SrtpPolicy},
    leg::session_draft,
    media::{self, Security},
    switch::{index::Stray, state::Core},
};
use bytes::Bytes;
use std::sync::Arc;
use tandem_sdp::{SessionDescription, Side, session::Origin};
use tandem_sip::{
    Flow, Message, Transport, digest,
    endpoint::{ClientTxn, RequestOut},
    message::Draft,
    value::{Host, Method, NameAddr, Uri},
};

/// A place to send to.
pub(crate) struct Hop {
    pub(crate) flow: Flow,
    uri: Uri,
    routes: Vec<NameAddr>,
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
    /// Audio described before the answer.
    pub(crate) early: Option<Box<SessionDescription>>,
}

impl Attempt {
    /// What is kept of it for answers that nobody wants any more.
    pub(crate) fn stray(&self) -> Stray {
        Stray {
            flow: self.flow,
            gateway: self.gateway.clone(),
        }
    }
}

/// All places of a candidate, in the order to try.
pub(crate) fn hops(core: &mut Core, candidate: &Candidate) -> Vec<Hop> {
    match &candidate.leg {
        LegTarget::Gateway(gateway) => {
            let hosts = ordered(core, gateway);
            hosts
                .into_iter()
                .filter_map(|host| gateway_hop(core, gateway, &host, &candidate.number))
                .collect()
        }
        LegTarget::Devices { usernames, .. } => {
            let now = core.now.mono;
            let mut hops = Vec::new();
            for binding in usernames
                .iter()
                .flat_map(|name| core.registrar.bindings(now, name))
            {
                let routes = binding
                    .path
                    .iter()
                    .filter_map(|path| NameAddr::parse(path).ok())
                    .collect();
                hops.push(Hop {
                    flow: binding.flow,
                    uri: binding.contact,
                    routes,
                });
            }
            hops
        }
    }
}

/// By priority; within one, drawn by weight (RFC 2782).
fn ordered(core: &mut Core, gateway: &Gateway) -> Vec<GatewayHost> {
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

fn gateway_hop(core: &Core, gateway: &Gateway, host: &GatewayHost, number: &str) -> Option<Hop> {
    let flow = core.flow_to(gateway.transport, host.address)?;
    let name = host.name.clone().map(Host::Name);
    let mut uri = Uri::sip(
        Some(number),
        name.unwrap_or(Host::Ip(host.address.ip())),
        Some(host.address.port()),
    );
    if let Some(transport) = transport_param(gateway.transport) {
        uri.params
            .push(("transport".to_owned(), Some(transport.to_owned())));
    }
    Some(Hop {
        flow,
        uri,
        routes: Vec::new(),
    })
}

fn transport_param(transport: Transport) -> Option<&'static str> {
    match transport {
        Transport::Udp => None,
        Transport::Tcp => Some("tcp"),
        Transport::Tls => Some("tls"),
        Transport::Ws | Transport::Wss => Some("ws"),
    }
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
    let body = media::offer_for(core, call, (hop.flow, &security), origin, &candidate.codecs)?;
    let call_id = core.endpoint.new_call_id();
    let request = RequestOut {
        method: Method::Invite,
        from: from(core, call, candidate, hop.flow),
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
        early: None,
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

fn from(core: &mut Core, call: &Call, candidate: &Candidate, flow: Flow) -> NameAddr {
    let tag = ("tag".to_owned(), Some(core.endpoint.new_tag()));
    if call.who.private {
        let nobody = Uri::sip(
            Some("anonymous"),
            Host::Name("anonymous.invalid".to_owned()),
            None,
        );
        return NameAddr {
            display: Some("Anonymous".to_owned()),
            uri: nobody,
            params: vec![tag],
        };
    }
    let display = call
        .who
        .display
        .clone()
        .filter(|_| candidate.caller == call.who.caller);
    NameAddr {
        display,
        uri: caller_uri(core, candidate, flow),
        params: vec![tag],
    }
}

fn caller_uri(core: &Core, candidate: &Candidate, flow: Flow) -> Uri {
    let user = Some(candidate.caller.as_str()).filter(|caller| !caller.is_empty());
    let (host, port) = match &candidate.leg {
        LegTarget::Gateway(gateway) => match &gateway.from_domain {
            Some(domain) => (Host::parse(domain).ok(), None),
            None => (None, None),
        },
        LegTarget::Devices { .. } => (None, None),
    };
    let ours = || core.endpoint.contact(flow.listener, "call").uri;
    match host {
        Some(host) => Uri::sip(user, host, port),
        None => {
            let ours = ours();
            Uri::sip(user, ours.host, ours.port)
        }
    }
}

fn to(core: &Core, candidate: &Candidate, uri: &Uri) -> NameAddr {
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
    let mut draft = session_draft(core, flow, body);
    let trusted = match &candidate.leg {
        LegTarget::Gateway(gateway) => gateway.send_pai,
        LegTarget::Devices { .. } => false,
    };
    if trusted {
        let identity = NameAddr {
            display: None,
            uri: caller_uri(core, candidate, flow),
            params: Vec::new(),
        };
        draft = draft.header("P-Asserted-Identity", identity);
        if call.who.private {
            draft = draft.header("Privacy", "id");
        }
    }
    draft
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
    digest::answer(
        challenge,
        method,
        uri,
        &auth.username,
        &auth.password,
        &cnonce,
    )
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
    attempt.request.cseq += 1;
    let mut request = (*attempt.request).clone();
    request.draft = request.draft.header(&name, value);
    attempt.txn = core.endpoint.request(core.now.mono, attempt.flow, request);
    core.index.clients.insert(attempt.txn, call.id);
    true
}

/// Stops an INVITE; should it be answered all the same, the answer is ended at once.
pub(crate) fn give_up(core: &mut Core, attempt: &Attempt) {
    core.index.clients.remove(&attempt.txn);
    core.index.call_ids.remove(&attempt.call_id);
    core.strays
        .keep(core.now.mono, attempt.txn, attempt.stray());
    core.endpoint.cancel(core.now.mono, attempt.txn);
}

/// An attempt that ended by itself.
pub(crate) fn forget(core: &mut Core, attempt: &Attempt) {
    core.index.clients.remove(&attempt.txn);
    core.index.call_ids.remove(&attempt.call_id);
}
