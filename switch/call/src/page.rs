//! MESSAGE (RFC 3428): a short text to the registered phones that the sender's account may call, or to the other side
//! of a call. Nothing is kept and nothing is charged, so none goes to a gateway.

use crate::{
    call::Call,
    decide::{CallFacts, Candidate, LegTarget, Outcome, Usage, decide},
    hunt::attempt,
    identity,
    leg::invite,
    switch::{
        auth::{self, Proof},
        outside,
        state::Core,
    },
};
use std::{collections::BTreeMap, sync::Arc};
use tandem_billing::{AccountId, DidId, GatewayId, RouteId, UpstreamId};
use tandem_sdp::Side;
use tandem_sip::{
    Flow, Message,
    digest::ChallengeKind,
    endpoint::{ClientTxn, RequestOut, ServerTxn},
    message::Draft,
    value::{Method, NameAddr, Uri, reason_phrase},
};

/// Longest body taken, in bytes (RFC 3428 section 8).
const MAX_BODY_BYTES: usize = 1300;
/// Messages under way at once; more are told to come later.
const MAX_PAGES: usize = 2_000;
/// Phones one message goes to at once.
const MAX_COPIES: usize = 10;
/// Seconds after which a sender we have no room for may try again.
const RETRY_AFTER_S: u32 = 10;
/// Content that names no address of the sender's.
const TAKEN: &str = "text/plain, text/html, application/im-iscomposing+xml";

/// Messages under way: by copy, then by the sender's transaction. Each goes with its last answer or timeout.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    copies: BTreeMap<ClientTxn, ServerTxn>,
    senders: BTreeMap<ServerTxn, Waiting>,
}

/// A sender that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    copies: usize,
    /// The most telling failure so far.
    worst: Option<u16>,
}

impl Pages {
    pub(crate) fn len(&self) -> usize {
        self.copies.len() + self.senders.len()
    }
}

type Answer = ((u16, &'static str), Draft);

fn plainly(status: u16, reason: &'static str) -> Answer {
    ((status, reason), Draft::new())
}

/// Size and kind of the content.
fn check_content(message: &Message) -> Result<(), Answer> {
    if message.body().len() > MAX_BODY_BYTES {
        return Err(plainly(413, "Request Entity Too Large"));
    }
    let kind = message.content_type().unwrap_or_default();
    let taken = TAKEN
        .split(", ")
        .any(|known| kind.eq_ignore_ascii_case(known));
    if !message.body().is_empty() && !taken {
        let draft = Draft::new().header("Accept", TAKEN);
        return Err(((415, "Unsupported Media Type"), draft));
    }
    Ok(())
}

/// Whether a message of one side of a call may go to the other.
pub(crate) fn may_cross(call: &Call, side: Side, message: &Message) -> Result<(), Answer> {
    check_content(message)?;
    match call.leg(side.other()) {
        Some(leg) if leg.gateway.is_none() => Ok(()),
        Some(_) | None => Err(plainly(403, "Forbidden")),
    }
}

/// A MESSAGE outside any call.
pub(crate) fn handle(core: &mut Core, txn: ServerTxn, flow: Flow, message: &Message) {
    if let Err((answer, draft)) = check(core, message) {
        return core.reject(txn, answer, draft);
    }
    let Some(outcome) = recognise(core, txn, flow, message) else {
        return;
    };
    match outcome {
        Ok(candidate) => pass(core, txn, &candidate, message),
        Err((status, reason)) => core.reject(txn, (status, &reason), Draft::new()),
    }
}

fn check(core: &Core, message: &Message) -> Result<(), Answer> {
    if message.max_forwards() == Some(0) {
        return Err(plainly(483, "Too Many Hops"));
    }
    if let Some(draft) = outside::unsupported(message) {
        return Err(((420, "Bad Extension"), draft));
    }
    check_content(message)?;
    if core.loose.pages.len() >= MAX_PAGES {
        let draft = Draft::new().header("Retry-After", RETRY_AFTER_S);
        return Err(((503, "Service Unavailable"), draft));
    }
    Ok(())
}

type Found = Result<Box<Candidate>, (u16, String)>;

/// The phones that the sender would reach by a call. None: a challenge went out.
fn recognise(core: &mut Core, txn: ServerTxn, flow: Flow, message: &Message) -> Option<Found> {
    let mut facts = facts(core, flow, message);
    if let Some(found) = judge(core, &facts) {
        return Some(found);
    }
    match auth::prove(core, flow, message, ChallengeKind::Proxy) {
        Proof::Device(device) => {
            facts.device = Some(device.username.clone());
            let refused = || Err((403, "Forbidden".to_owned()));
            Some(judge(core, &facts).unwrap_or_else(refused))
        }
        Proof::Nothing(stale) => {
            auth::challenge(core, (txn, flow), ChallengeKind::Proxy, stale);
            None
        }
        Proof::Later => {
            auth::put_off(core, txn);
            None
        }
    }
}

fn facts(core: &mut Core, flow: Flow, message: &Message) -> CallFacts {
    let user = |uri: Option<Uri>| uri.and_then(|uri| uri.user_unescaped()).unwrap_or_default();
    let dialled = user(message.request_uri());
    let caller = user(Some(message.from().uri));
    CallFacts {
        via: None,
        remote: flow.remote,
        transport: flow.transport,
        device: None,
        as_account: None,
        caller: invite::cut_number(&caller).to_owned(),
        asserted: identity::claims(message).asserted,
        dialled: invite::cut_number(&dialled).to_owned(),
        at: core.now.utc,
        codecs: Vec::new(),
        draw: core.draw(),
    }
}

/// The dial plan's word, by the rules of calls but for limits of calls. None: unknown by address.
fn judge(core: &Core, facts: &CallFacts) -> Option<Found> {
    let directory = Arc::clone(&core.directory);
    let outcome = decide(&directory, facts, &AtRest(core.live_usage())).outcome;
    let admission = match outcome {
        Outcome::Admitted(admission) => admission,
        Outcome::Refused(refusal) => {
            let (status, reason) = refusal.answer();
            return Some(Err((status, reason.to_owned())));
        }
        Outcome::Challenge => return None,
    };
    let first = admission.candidates.into_iter().next();
    Some(match first {
        Some(candidate) => match &candidate.leg {
            LegTarget::Devices { .. } => Ok(Box::new(candidate)),
            // It has no price.
            LegTarget::Gateway(_) => Err((403, "Forbidden".to_owned())),
        },
        None => Err((404, "Not Found".to_owned())),
    })
}

fn pass(core: &mut Core, txn: ServerTxn, candidate: &Candidate, message: &Message) {
    let hops = attempt::hops(core, candidate);
    let max_forwards = message.max_forwards().unwrap_or(70).saturating_sub(1);
    let mut copies = 0;
    for hop in hops.into_iter().take(MAX_COPIES) {
        let ours = core.endpoint.contact(hop.flow.listener, "call").uri;
        let caller = Some(candidate.caller.as_str()).filter(|caller| !caller.is_empty());
        let tag = core.endpoint.new_tag();
        let from =
            NameAddr::new(Uri::sip(caller, ours.host, ours.port)).with_param("tag", Some(&tag));
        let mut draft = Draft::new();
        if let Some(kind) = message
            .content_type()
            .filter(|_| !message.body().is_empty())
        {
            draft = draft.body(kind, message.body_bytes());
        }
        let request = RequestOut {
            method: Method::Message,
            from,
            to: attempt::to(core, candidate, &hop.uri),
            uri: hop.uri,
            call_id: core.endpoint.new_call_id(),
            cseq: 1,
            routes: hop.routes,
            max_forwards,
            draft,
        };
        let copy = core.endpoint.request(core.now.mono, hop.flow, request);
        core.loose.pages.copies.insert(copy, txn);
        copies += 1;
    }
    if copies == 0 {
        return core.reject(txn, (480, "Temporarily Unavailable"), Draft::new());
    }
    let waiting = Waiting {
        copies,
        worst: None,
    };
    core.loose.pages.senders.insert(txn, waiting);
}

/// A copy was answered finally, or never will be: the first phone that takes the message answers for all.
pub(crate) fn answered(core: &mut Core, copy: ClientTxn, status: u16) {
    if status < 200 {
        return;
    }
    let Some(txn) = core.loose.pages.copies.remove(&copy) else {
        return;
    };
    let Some(waiting) = core.loose.pages.senders.get_mut(&txn) else {
        return;
    };
    waiting.copies -= 1;
    let took = status < 300;
    // Whose credentials a phone wants is not the sender's affair; nowhere is a message sent on.
    let status = match status {
        200..=299 => 200,
        300..=399 | 401 | 407 => 480,
        other => other,
    };
    if !took {
        waiting.worst = Some(waiting.worst.map_or(status, |before| before.min(status)));
    }
    if !took && waiting.copies > 0 {
        return;
    }
    let status = if took {
        status
    } else {
        waiting.worst.unwrap_or(status)
    };
    core.loose.pages.senders.remove(&txn);
    core.reject(txn, (status, reason_phrase(status)), Draft::new());
}

/// The counts as if nobody were in a call: a message takes no channel.
struct AtRest<U>(U);

impl<U: Usage> Usage for AtRest<U> {
    fn account_calls(&self, _: AccountId) -> u32 {
        0
    }
    fn account_cps(&self, _: AccountId) -> u32 {
        0
    }
    fn gateway_calls(&self, _: GatewayId) -> u32 {
        0
    }
    fn gateway_cps(&self, _: GatewayId) -> u32 {
        0
    }
    fn route_calls(&self, _: RouteId) -> u32 {
        0
    }
    fn did_calls(&self, _: DidId) -> u32 {
        0
    }
    fn total_calls(&self) -> u32 {
        0
    }
    fn total_cps(&self) -> u32 {
        0
    }
    fn transcoded_calls(&self) -> u32 {
        0
    }
    fn coding_percent(&self) -> u32 {
        0
    }
    fn quality(&self, gateway: GatewayId) -> (u64, u64, u64) {
        self.0.quality(gateway)
    }
    fn gateway_down(&self, gateway: GatewayId) -> Option<String> {
        self.0.gateway_down(gateway)
    }
    fn upstream_down(&self, upstream: UpstreamId) -> Option<String> {
        self.0.upstream_down(upstream)
    }
    fn is_registered(&self, username: &str) -> bool {
        self.0.is_registered(username)
    }
}
