//! Trying routes in turn until somebody answers: one gateway host after the other, or all phones at once.
//!
//! Failover keeps the caller ringing: it hears nothing of a target that is left. Why each was left goes into
//! the trace. [`attempt`] sends, [`outcome`] judges what comes back.

pub(crate) mod attempt;
pub(crate) mod early;
pub(crate) mod fork;
pub(crate) mod outcome;
pub(crate) mod redirect;

pub(crate) use attempt::{Attempt, Hop, credentials};

use crate::{
    call::{Call, Target},
    cause::{self, Cause},
    decide::{Candidate, GATEWAY_DOWN, LegTarget, Step, Usage},
    directory::{Directory, MediaMode, Route, Signalling},
    leg::prack,
    media::{self, Ready, Terms},
    switch::{end, state::Core, timer::Timer},
};
use std::{sync::LazyLock, time::Duration, vec};
use tandem_billing::{AccountId, GatewayId, RouteId};
use tandem_sdp::SessionDescription;
use tandem_sip::{Message, Mono};

/// Phones rung at once for one call.
const MAX_FORKS: usize = 10;

/// What is left to try and what is being tried.
pub(crate) struct Hunt {
    left: vec::IntoIter<Candidate>,
    /// Waits for the relay.
    parked: Option<Candidate>,
    pub(crate) current: Option<Current>,
    /// For the requests we send: what the caller's had left, less one.
    pub(crate) max_forwards: u8,
    failure: Option<&'static Cause>,
    /// 3xx answers looked at.
    redirects: u8,
    /// Contacts of the last one that are still to be tried.
    further: Option<redirect::Further>,
    /// The remote tag whose audio the caller was sent.
    pub(crate) early: Option<String>,
    /// The last provisional status passed to the caller.
    pub(crate) told: Option<(u16, Mono)>,
}

/// The candidate being tried.
pub(crate) struct Current {
    pub(crate) candidate: Candidate,
    pub(crate) began: Mono,
    /// A gateway's further hosts, the next one last.
    pub(crate) hops: Vec<Hop>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) rang: bool,
    /// The best of the forks' failures.
    pub(crate) worst: Option<u16>,
    /// The last refusal that was said and not made up by us.
    pub(crate) said: Option<u16>,
}

impl Hunt {
    pub(crate) fn new(candidates: Vec<Candidate>, max_forwards: u8) -> Self {
        Self {
            left: candidates.into_iter(),
            parked: None,
            current: None,
            max_forwards,
            failure: None,
            redirects: 0,
            further: None,
            early: None,
            told: None,
        }
    }

    /// Whether the caller was sent audio of another remote end than the one that sent `message`.
    pub(crate) fn is_other_fork(&self, message: &Message) -> bool {
        self.early
            .as_deref()
            .is_some_and(|early| Some(early) != message.to_tag())
    }
}

impl Candidate {
    fn gateway_id(&self) -> Option<GatewayId> {
        match &self.leg {
            LegTarget::Gateway(gateway) => Some(gateway.id),
            LegTarget::Devices { .. } => None,
        }
    }

    pub(crate) fn route_id(&self) -> Option<RouteId> {
        self.route.as_ref().map(|route| route.id)
    }

    /// Whose phone it is.
    pub(crate) fn callee_account(&self) -> Option<AccountId> {
        match &self.leg {
            LegTarget::Gateway(_) => None,
            LegTarget::Devices { account, .. } => Some(*account),
        }
    }

    /// How the target is spoken to.
    pub(crate) fn signalling<'a>(&'a self, directory: &'a Directory) -> &'a Signalling {
        static PLAIN: LazyLock<Signalling> = LazyLock::new(Signalling::default);
        match &self.leg {
            LegTarget::Gateway(gateway) => &gateway.signalling,
            LegTarget::Devices { account, .. } => directory
                .accounts
                .get(account)
                .map_or(&PLAIN, |account| &account.signalling),
        }
    }

    pub(crate) fn name(&self) -> String {
        match &self.leg {
            LegTarget::Gateway(gateway) => gateway.name.clone(),
            LegTarget::Devices { usernames, .. } => usernames.join(", "),
        }
    }
}

/// From here on these are tried, and nothing else.
fn retarget(call: &mut Call, candidates: Vec<Candidate>) {
    if let Some(hunt) = call.hunt.as_mut() {
        hunt.left = candidates.into_iter();
    }
}

/// Tries the next candidate, or ends the call if none is left.
pub(crate) fn next(core: &mut Core, call: &mut Call) {
    while let Some(candidate) = call.hunt.as_mut().and_then(|hunt| hunt.left.next()) {
        match start(core, call, candidate) {
            Started::UnderWay => return,
            Started::Not => {}
        }
    }
    if redirect::further(core, call) {
        return next(core, call);
    }
    exhausted(core, call);
}

/// The relay is open: the candidate that waited for it is tried.
pub(crate) fn resume(core: &mut Core, call: &mut Call) {
    let Some(candidate) = call.hunt.as_mut().and_then(|hunt| hunt.parked.take()) else {
        return;
    };
    match start(core, call, candidate) {
        Started::UnderWay => {}
        Started::Not => next(core, call),
    }
}

enum Started {
    UnderWay,
    Not,
}

fn start(core: &mut Core, call: &mut Call, candidate: Candidate) -> Started {
    match try_start(core, call, candidate) {
        Ok(()) => Started::UnderWay,
        Err((candidate, reason)) => {
            note_tried(call, &candidate, reason.to_owned(), 0);
            Started::Not
        }
    }
}

type Left = (Box<Candidate>, &'static str);

fn try_start(core: &mut Core, call: &mut Call, candidate: Candidate) -> Result<(), Left> {
    if let Some(reason) = full(core, &candidate) {
        if reason == GATEWAY_DOWN {
            fail_with(call, &cause::GATEWAY_DOWN);
        }
        return Err((Box::new(candidate), reason));
    }
    let mut hops = attempt::hops(core, &candidate);
    let Some(first) = hops.first().map(|hop| hop.flow) else {
        fail_with(call, &cause::NOT_REGISTERED);
        return Err((Box::new(candidate), "no way to reach it"));
    };
    call.media.direct = candidate.media == MediaMode::Direct
        && attempt::is_plain(core, call, &candidate, first)
        && !media::record::is_wanted(call, candidate.callee_account());
    if !call.media.direct {
        match media::prepare(core, call, first) {
            Ready::Yes => {}
            Ready::Wait => {
                if let Some(hunt) = call.hunt.as_mut() {
                    hunt.parked = Some(candidate);
                }
                return Ok(());
            }
            Ready::Never => return Err((Box::new(candidate), "no audio address for it")),
        }
        let local = core.media(first.listener);
        hops.retain(|hop| core.media(hop.flow.listener).map(|m| m.local) == local.map(|m| m.local));
    }
    launch(core, call, candidate, hops)
}

/// Limits as they stand now, not as they stood at the decision.
fn full(core: &Core, candidate: &Candidate) -> Option<&'static str> {
    let usage = core.live_usage();
    let is_full = |route: &Route| {
        let limit = route.limits.max_calls;
        limit != 0 && usage.route_calls(route.id) >= limit
    };
    if candidate.route.as_deref().is_some_and(is_full) {
        return Some("row's limit of calls");
    }
    let LegTarget::Gateway(gateway) = &candidate.leg else {
        return None;
    };
    if usage.gateway_down(gateway.id).is_some() {
        return Some(GATEWAY_DOWN);
    }
    let limits = gateway.limits;
    if limits.max_calls != 0 && usage.gateway_calls(gateway.id) >= limits.max_calls {
        return Some("gateway's limit of calls");
    }
    if limits.max_cps != 0 && usage.gateway_cps(gateway.id) >= limits.max_cps {
        return Some("gateway's limit of calls a second");
    }
    None
}

fn launch(
    core: &mut Core,
    call: &mut Call,
    candidate: Candidate,
    mut hops: Vec<Hop>,
) -> Result<(), Left> {
    renew_dialog(core, call);
    let now: Vec<Hop> = match &candidate.leg {
        LegTarget::Gateway(_) => {
            hops.reverse();
            hops.pop().into_iter().collect()
        }
        LegTarget::Devices { .. } => {
            hops.truncate(MAX_FORKS);
            std::mem::take(&mut hops)
        }
    };
    let mut current = Current {
        candidate,
        began: core.now.mono,
        hops,
        attempts: Vec::with_capacity(now.len()),
        rang: false,
        worst: None,
        said: None,
    };
    let mut reason = "no way to reach it";
    for hop in now {
        match attempt::send(core, call, &current.candidate, hop) {
            Ok(sent) => current.attempts.push(sent),
            Err(why) => reason = why,
        }
    }
    if current.attempts.is_empty() {
        fail_with(call, &cause::MEDIA_UNACCEPTABLE);
        return Err((Box::new(current.candidate), reason));
    }
    enter_target(core, call, &current);
    arm(core, call, &current);
    if let Some(hunt) = call.hunt.as_mut() {
        hunt.current = Some(current);
    }
    core.feed.touch(call.id);
    Ok(())
}

/// Audio that the caller was sent belongs to the target left: the next one speaks under a tag of its own, as a
/// fork would (RFC 3261 section 13.2.2.4).
pub(crate) fn renew_dialog(core: &mut Core, call: &mut Call) {
    let Some(hunt) = call.hunt.as_mut().filter(|hunt| hunt.early.is_some()) else {
        return;
    };
    hunt.early = None;
    prack::forget(core, call);
    let tag = core.endpoint.new_tag();
    let invite = call.caller.invite;
    let Some(request) = invite.and_then(|invite| core.endpoint.server_request(invite)) else {
        return;
    };
    let dialog = tandem_sip::dialog::Dialog::from_request(request, &tag);
    core.index.tags.remove(&call.caller.leg.dialog.local_tag);
    core.index.tags.insert(tag, (call.id, tandem_sdp::Side::A));
    call.caller.leg.dialog = dialog;
    call.caller.leg.origin = core.new_origin(call.caller.leg.flow);
    call.caller.leg.described = None;
}

fn enter_target(core: &mut Core, call: &mut Call, current: &Current) {
    let candidate = &current.candidate;
    let gateway = candidate.gateway_id();
    core.usage
        .attempt_began(core.now.mono, candidate.route_id(), gateway);
    if let Some(gateway) = gateway {
        core.feed.tally(gateway).attempts += 1;
    }
    let said = current
        .attempts
        .first()
        .and_then(|attempt| attempt.request.draft.body.as_ref())
        .and_then(|(_, body)| SessionDescription::parse(body).ok());
    let terms = Terms::of(call, candidate);
    media::begin(call, terms, said.as_ref());
    call.target = Some(Target {
        route: candidate.route_id(),
        gateway,
        callee_account: candidate.callee_account(),
        name: candidate.name(),
        number: candidate.number.clone(),
        call_id: current
            .attempts
            .first()
            .map(|attempt| attempt.call_id.clone()),
        counted: true,
    });
}

fn arm(core: &mut Core, call: &Call, current: &Current) {
    let settings = &call.directory.settings;
    let (silence_s, ring_s) = match &current.candidate.leg {
        LegTarget::Gateway(gateway) => (gateway.hunt.no_response_s, gateway.hunt.ring_timeout_s),
        LegTarget::Devices { .. } => (0, 0),
    };
    let ring_s = if ring_s == 0 {
        settings.ring_timeout_s
    } else {
        ring_s
    };
    arm_or_disarm(core, Timer::NoResponse(call.id), silence_s);
    arm_or_disarm(core, Timer::Ring(call.id), ring_s);
}

/// 0 means no limit of its own: the transaction's timer B ends the wait.
fn arm_or_disarm(core: &mut Core, timer: Timer, seconds: u32) {
    if seconds == 0 {
        core.timers.disarm(timer);
    } else {
        core.arm_in(timer, Duration::from_secs(u64::from(seconds)));
    }
}

fn note_tried(call: &mut Call, candidate: &Candidate, outcome: String, after_ms: u64) {
    call.trace.note(Step::Tried {
        route: candidate.route_id(),
        target: candidate.name(),
        outcome,
        after_ms,
    });
}

/// What the caller is told at the end: the most telling failure, the later among equals.
fn fail_with(call: &mut Call, cause: &'static Cause) {
    if let Some(hunt) = call.hunt.as_mut() {
        let better = hunt
            .failure
            .is_none_or(|before| weight(cause) >= weight(before));
        if better {
            hunt.failure = Some(cause);
        }
    }
}

fn weight(cause: &Cause) -> u8 {
    use crate::cause::Blame;
    match cause.blame {
        Blame::Callee | Blame::Caller => 2,
        Blame::Gateway | Blame::Operator => 1,
        Blame::Nobody | Blame::Account | Blame::Switch | Blame::Network => 0,
    }
}

fn exhausted(core: &mut Core, call: &mut Call) {
    let cause = call
        .hunt
        .as_ref()
        .and_then(|hunt| hunt.failure)
        .unwrap_or(&cause::ROUTES_UNUSABLE);
    end::end(core, call, cause, end::Left::Nobody);
}

/// The hunt is over, whatever is still under way.
pub(crate) fn abandon(core: &mut Core, call: &mut Call) {
    let Some(mut hunt) = call.hunt.take() else {
        return;
    };
    if let Some(current) = hunt.current.take() {
        let after_ms = elapsed_ms(core, current.began);
        note_tried(call, &current.candidate, "given up".to_owned(), after_ms);
        for attempt in current.attempts {
            attempt::give_up(core, &attempt, call.marks.reason);
        }
    }
}

fn elapsed_ms(core: &Core, since: Mono) -> u64 {
    u64::try_from(core.now.mono.since(since).as_millis()).unwrap_or(u64::MAX)
}
