//! Early dialogs of an INVITE we sent: one for each remote end that spoke before the answer (RFC 3261 section
//! 12.1), with its reliable provisional answers PRACKed (RFC 3262 section 4).

use super::{Attempt, early};
use crate::{
    call::{Call, Stage},
    decide::LegTarget,
    leg::{Reach, dialog_flow, session::names, session_draft},
    media::{self, Body},
    switch::{
        genuine::{self, Peer},
        state::Core,
    },
};
use bytes::Bytes;
use tandem_billing::CallId;
use tandem_sdp::{SessionDescription, Side, session::Origin};
use tandem_sip::{
    Flow, Message,
    dialog::Dialog,
    endpoint::{ClientTxn, ServerTxn},
    message::{Draft, HeaderId},
    value::Method,
};

/// Early dialogs kept of one INVITE; more are told apart at their 2xx only.
const MAX_FORKS: usize = 8;

/// One early dialog.
pub(crate) struct Fork {
    pub(crate) dialog: Dialog,
    /// The number of its last reliable answer.
    rseq: Option<u32>,
    /// What it described last.
    pub(crate) said: Option<Box<SessionDescription>>,
    /// What it was answered to an offer of its own; none if it made none.
    pub(crate) told: Option<Bytes>,
    pub(crate) origin: Origin,
    /// The PRACK under way.
    prack: Option<Prack>,
}

/// A PRACK of ours.
struct Prack {
    txn: ClientTxn,
    rack: String,
    authorised: bool,
}

/// Whether a provisional answer says anything new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Yes,
    /// A repetition, or one that came out of order.
    No,
}

/// Takes a provisional answer into its early dialog; PRACKs it if it is a reliable one.
pub(crate) fn note(core: &mut Core, call: &mut Call, txn: ClientTxn, message: &Message) -> News {
    let id = call.id;
    let Some((attempt, reach)) = attempt_of(call, txn) else {
        return News::Yes;
    };
    let by = attempt.flow;
    let Some(fork) = open(core, attempt, message) else {
        return News::Yes;
    };
    if fork.told.is_none()
        && let Body::Audio(sdp) = media::read_body(message)
    {
        fork.said = Some(sdp);
    }
    core.index
        .tags
        .insert(fork.dialog.local_tag.clone(), (id, Side::B));
    if !names(message, HeaderId::Require, "100rel") {
        return News::Yes;
    }
    let rseq = message
        .value(HeaderId::RSeq)
        .and_then(|rseq| rseq.trim().parse::<u32>().ok());
    let Some(rseq) = rseq else {
        return News::Yes;
    };
    if fork.rseq.is_some_and(|last| rseq != last.wrapping_add(1)) {
        return News::No;
    }
    fork.rseq = Some(rseq);
    let rack = format!("{rseq} {} INVITE", message.cseq());
    send_prack(core, (id, by, reach), fork, (rack, None));
    News::Yes
}

fn send_prack(
    core: &mut Core,
    (call, by, reach): (CallId, Flow, Reach),
    fork: &mut Fork,
    (rack, credentials): (String, Option<(String, String)>),
) {
    let dialog = &mut fork.dialog;
    let to = dialog_flow(by, dialog, reach);
    let mut draft = Draft::new().header("RAck", &rack);
    let authorised = credentials.is_some();
    if let Some((name, value)) = credentials {
        draft = draft.header(&name, value);
    }
    let txn = core
        .endpoint
        .request_in_dialog(core.now.mono, to, dialog, Method::Prack, draft);
    core.index.clients.insert(txn, call);
    let before = fork.prack.replace(Prack {
        txn,
        rack,
        authorised,
    });
    if let Some(before) = before {
        core.index.clients.remove(&before.txn);
    }
}

/// A response to a PRACK of ours; a challenge is met once. False if it is none.
pub(crate) fn response(
    core: &mut Core,
    call: &mut Call,
    txn: ClientTxn,
    message: &Message,
) -> bool {
    let id = call.id;
    let Some((attempt, reach, at)) = pracked(call, txn) else {
        return false;
    };
    if message.status().is_none_or(|status| status < 200) {
        return true;
    }
    core.index.clients.remove(&txn);
    let (by, gateway) = (attempt.flow, attempt.gateway.clone());
    let Some(fork) = attempt.forks.get_mut(at) else {
        return true;
    };
    let Some(prack) = fork.prack.take().filter(|prack| !prack.authorised) else {
        return true;
    };
    let uri = fork.dialog.remote_target.to_string();
    let credentials = gateway
        .and_then(|gateway| super::credentials(core, &gateway, message, &Method::Prack, &uri));
    if credentials.is_some() {
        send_prack(core, (id, by, reach), fork, (prack.rack, credentials));
    }
    true
}

/// A PRACK of ours stayed without answer. False if it is none.
pub(crate) fn lost(core: &mut Core, call: &mut Call, txn: ClientTxn) -> bool {
    let found = pracked(call, txn).is_some();
    if found {
        core.index.clients.remove(&txn);
    }
    found
}

/// The attempt and its fork that a PRACK confirms.
fn pracked(call: &mut Call, txn: ClientTxn) -> Option<(&mut Attempt, Reach, usize)> {
    let current = call.hunt.as_mut()?.current.as_mut()?;
    let reach = reach_of(&current.candidate.leg);
    let is_it = |fork: &Fork| fork.prack.as_ref().is_some_and(|prack| prack.txn == txn);
    current.attempts.iter_mut().find_map(|attempt| {
        let at = attempt.forks.iter().position(is_it)?;
        Some((attempt, reach, at))
    })
}

/// Nobody waits for the answers to its PRACKs any more.
pub(crate) fn forget(core: &mut Core, attempt: &Attempt) {
    for prack in attempt.forks.iter().filter_map(|fork| fork.prack.as_ref()) {
        core.index.clients.remove(&prack.txn);
    }
}

fn reach_of(leg: &LegTarget) -> Reach {
    match leg {
        LegTarget::Gateway(_) => Reach::Contact,
        LegTarget::Devices { .. } => Reach::Symmetric,
    }
}

fn attempt_of(call: &mut Call, txn: ClientTxn) -> Option<(&mut Attempt, Reach)> {
    let current = call.hunt.as_mut()?.current.as_mut()?;
    let reach = reach_of(&current.candidate.leg);
    let attempt = current
        .attempts
        .iter_mut()
        .find(|attempt| attempt.txn == txn)?;
    Some((attempt, reach))
}

fn open<'a>(core: &Core, attempt: &'a mut Attempt, message: &Message) -> Option<&'a mut Fork> {
    let tag = message.to_tag()?;
    let at = attempt
        .forks
        .iter()
        .position(|fork| fork.dialog.remote_tag == tag);
    let at = match at {
        Some(at) => at,
        None if attempt.forks.len() >= MAX_FORKS => return None,
        None => {
            let request = core.endpoint.client_request(attempt.txn)?;
            attempt.forks.push(Fork {
                dialog: Dialog::from_response(request, message)?,
                rseq: None,
                said: None,
                told: None,
                origin: attempt.origin,
                prack: None,
            });
            attempt.forks.len() - 1
        }
    };
    attempt.forks.get_mut(at)
}

impl Attempt {
    /// The early dialog a response belongs to.
    pub(crate) fn fork(&self, message: &Message) -> Option<&Fork> {
        let tag = message.to_tag()?;
        self.forks.iter().find(|fork| fork.dialog.remote_tag == tag)
    }

    /// What the sender of an answer describes: once it made an offer of its own, that alone counts.
    pub(crate) fn described_by(&self, message: &Message) -> Body {
        match self.fork(message) {
            Some(Fork {
                told: Some(_),
                said: Some(said),
                ..
            }) => Body::Audio(said.clone()),
            Some(_) | None => media::read_body(message),
        }
    }
}

/// The early dialog whose audio the caller was sent; of the only target rung.
pub(crate) fn heard(call: &Call) -> Option<&Fork> {
    let hunt = call.hunt.as_ref()?;
    let [attempt] = hunt.current.as_ref()?.attempts.as_slice() else {
        return None;
    };
    let tag = hunt.early.as_deref()?;
    let mut forks = attempt.forks.iter();
    forks.find(|fork| fork.dialog.remote_tag == tag)
}

/// Whether our product is named to the sender of a request in an early dialog.
pub(crate) fn names_product(call: &Call, message: &Message) -> bool {
    let current = call.hunt.as_ref().and_then(|hunt| hunt.current.as_ref());
    let mut forks = current
        .into_iter()
        .flat_map(|current| &current.attempts)
        .flat_map(|attempt| &attempt.forks);
    let tag = message.from_tag().unwrap_or_default();
    let found = forks.find(|fork| fork.dialog.remote_tag == tag);
    found.is_none_or(|fork| fork.dialog.names_product)
}

/// A request of the called side before it answered.
pub(crate) fn request(
    core: &mut Core,
    call: &mut Call,
    (txn, flow, message): (ServerTxn, Flow, &Message),
) {
    let tag = message.from_tag().unwrap_or_default().to_owned();
    let callee = call
        .target
        .as_ref()
        .and_then(|target| target.callee_account);
    let current = call.hunt.as_mut().and_then(|hunt| hunt.current.as_mut());
    let found = current.and_then(|current| {
        let mut attempts = current.attempts.iter_mut().enumerate();
        attempts.find_map(|(number, attempt)| {
            let at = attempt.forks.iter().position(|fork| {
                fork.dialog.remote_tag == tag && fork.dialog.call_id == message.call_id()
            })?;
            Some((number, attempt, at))
        })
    });
    let gone = (481, "Call/Transaction Does Not Exist");
    let Some((number, attempt, at)) = found else {
        return core.reject(txn, gone, Draft::new());
    };
    let Some(fork) = attempt.forks.get(at) else {
        return core.reject(txn, gone, Draft::new());
    };
    let peer = Peer::early(attempt, fork, callee);
    if !genuine::judge(core, &peer, (flow, message)).or_refuse(core, (txn, flow)) {
        return;
    }
    let Some(fork) = attempt.forks.get_mut(at) else {
        return core.reject(txn, gone, Draft::new());
    };
    // Not allowed before the answer (RFC 3261 section 15), and taken from anywhere: it counts for nothing.
    if message.is_method(&Method::Bye) {
        return core.respond(txn, gone, "", Draft::new());
    }
    if let Err(rejection) = fork.dialog.accept_request(message) {
        return core.respond(txn, rejection.status(), "", Draft::new());
    }
    match (message.method(), call.stage) {
        (Method::Update, Stage::Hunting) if message.body().is_empty() => {
            fork.dialog.refresh_target(message);
            let draft = session_draft(core, flow, None);
            core.respond(txn, (200, "OK"), "", draft);
        }
        (Method::Update, Stage::Hunting) => {
            fork.dialog.refresh_target(message);
            early::of_fork(core, call, (number, at), (txn, message));
        }
        (Method::Info, _) => core.respond(txn, (480, "Temporarily Unavailable"), "", Draft::new()),
        _ => core.respond(txn, gone, "", Draft::new()),
    }
}
