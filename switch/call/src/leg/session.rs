//! Session timers (RFC 4028), for each leg by itself: what interval was agreed, who refreshes, and whether the
//! peer is still there.
//!
//! [`offer`] and [`confirm`] speak as the caller of a leg, [`accept`] as the called side; [`restate`] keeps the
//! agreement in every further request of ours. What falls due is [`super::refresh`]'s.

use super::Leg;
use crate::{
    directory::signalling::Extension,
    switch::{state::Core, timer::Timer},
};
use std::time::Duration;
use tandem_billing::CallId;
use tandem_sdp::Side;
use tandem_sip::{
    Message, Mono,
    endpoint::ServerTxn,
    message::{Draft, HeaderId},
};

/// Shortest interval anyone may ask for (RFC 4028 section 5).
const LEAST_S: u32 = 90;
/// Longest interval taken from a peer.
const MOST_S: u32 = 86_400;

/// Who refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresher {
    Us,
    Peer,
}

/// What was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionTimer {
    pub(crate) interval_s: u32,
    pub(crate) refresher: Refresher,
    /// The session is over then, unless refreshed.
    pub(crate) expires_at: Mono,
}

/// The session of one leg.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) policy: Extension,
    pub(crate) timer: Option<SessionTimer>,
    /// The peer takes UPDATE.
    pub(crate) updates: bool,
    /// When the peer last gave a sign of life.
    pub(crate) heard: Mono,
}

impl Session {
    pub(crate) fn new(core: &Core, policy: Extension, first: &Message) -> Self {
        Self {
            policy,
            timer: None,
            updates: allows_update(first),
            heard: core.now.mono,
        }
    }
}

/// Whether the sender takes UPDATE (RFC 3311 section 4).
fn allows_update(message: &Message) -> bool {
    message
        .list(HeaderId::Allow)
        .any(|method| method.eq_ignore_ascii_case("UPDATE"))
}

/// Whether an option tag is among those of a header.
pub(crate) fn names(message: &Message, header: HeaderId, tag: &str) -> bool {
    message
        .list(header)
        .any(|item| item.eq_ignore_ascii_case(tag))
}

struct Asked {
    interval_s: u32,
    refresher: Option<Role>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Uac,
    Uas,
}

fn asked(message: &Message) -> Option<Asked> {
    let value = message.value(HeaderId::SessionExpires)?;
    let mut parts = value.split(';').map(str::trim);
    let interval_s = parts.next()?.parse::<u32>().ok()?.clamp(1, MOST_S);
    let role = |part: &str| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("refresher") => {
            match value.trim().to_ascii_lowercase().as_str() {
                "uac" => Some(Role::Uac),
                "uas" => Some(Role::Uas),
                _ => None,
            }
        }
        Some(_) | None => None,
    };
    Some(Asked {
        interval_s,
        refresher: parts.find_map(role),
    })
}

/// The interval a peer says it wants at least.
pub(crate) fn least(message: &Message) -> Option<u32> {
    let value = message.value(HeaderId::MinSe)?;
    let number = value.split(';').next().unwrap_or(value).trim();
    number.parse::<u32>().ok().map(|least| least.min(MOST_S))
}

/// The Min-SE of a 422, if a request asks for too short an interval and could do better.
pub(crate) fn too_short(core: &Core, message: &Message) -> Option<u32> {
    let least_s = core.directory.settings.min_session_expires_s.max(LEAST_S);
    let asked = asked(message)?;
    (asked.interval_s < least_s && names(message, HeaderId::Supported, "timer")).then_some(least_s)
}

/// The headers of an INVITE of ours that opens a leg.
pub(crate) fn offer(core: &Core, policy: Extension, draft: Draft) -> Draft {
    let settings = &core.directory.settings;
    if policy == Extension::Off || settings.session_expires_s == 0 {
        return draft;
    }
    let least_s = settings.min_session_expires_s.max(LEAST_S);
    let draft = draft
        .header("Session-Expires", settings.session_expires_s.max(least_s))
        .header("Min-SE", least_s);
    match policy {
        Extension::Required => draft.header("Require", "timer"),
        Extension::Off | Extension::Supported => draft,
    }
}

/// Raises the interval of an INVITE that was answered 422; None if it does not say what would do.
pub(crate) fn raise(draft: &mut Draft, answer: &Message) -> Option<()> {
    let least_s = least(answer)?;
    for name in ["Session-Expires", "Min-SE"] {
        let (_, value) = draft.headers.iter_mut().find(|(held, _)| held == name)?;
        let now: u32 = value.parse().ok()?;
        *value = now.max(least_s).to_string();
    }
    Some(())
}

/// The agreement of a 2xx we give to an INVITE or UPDATE, as its headers; the timer runs from here on.
pub(crate) fn accept(
    core: &mut Core,
    (call, side): (CallId, Side),
    leg: &mut Leg,
    request: ServerTxn,
    draft: Draft,
) -> Draft {
    let agreed = core
        .endpoint
        .server_request(request)
        .and_then(|request| agree(core, leg.session.policy, request));
    let Some((interval_s, refresher)) = agreed else {
        leg.session.timer = None;
        core.timers.disarm(Timer::Session(call, side));
        return draft;
    };
    start(core, (call, side), leg, interval_s, refresher);
    match refresher {
        Refresher::Us => draft.header(
            "Session-Expires",
            format_args!("{interval_s};refresher=uas"),
        ),
        Refresher::Peer => draft.header("Require", "timer").header(
            "Session-Expires",
            format_args!("{interval_s};refresher=uac"),
        ),
    }
}

/// Never longer than the peer asked for, never shorter than it allows (RFC 4028 section 9).
fn agree(core: &Core, policy: Extension, request: &Message) -> Option<(u32, Refresher)> {
    let ours = core.directory.settings.session_expires_s;
    if policy == Extension::Off {
        return None;
    }
    let least_s = least(request).unwrap_or(LEAST_S).max(LEAST_S);
    let knows = names(request, HeaderId::Supported, "timer");
    match asked(request) {
        Some(asked) => {
            let interval_s = match ours {
                0 => asked.interval_s,
                ours => asked.interval_s.min(ours.max(least_s)),
            };
            let refresher = match asked.refresher {
                Some(Role::Uac) => Refresher::Peer,
                None if knows => Refresher::Peer,
                Some(Role::Uas) | None => Refresher::Us,
            };
            Some((interval_s.max(LEAST_S), refresher))
        }
        None if ours != 0 => Some((ours.max(least_s), Refresher::Us)),
        None => None,
    }
}

/// What a 2xx to our INVITE or UPDATE agreed to. A peer that knows no timers is refreshed by us all the same
/// (RFC 4028 section 7.2).
pub(crate) fn confirm(
    core: &mut Core,
    (call, side): (CallId, Side),
    leg: &mut Leg,
    answer: &Message,
) {
    leg.session.heard = core.now.mono;
    if answer.value(HeaderId::Allow).is_some() {
        leg.session.updates = allows_update(answer);
    }
    let ours = match leg.session.timer {
        Some(timer) => timer.interval_s,
        None => core.directory.settings.session_expires_s,
    };
    if leg.session.policy == Extension::Off || ours == 0 {
        return;
    }
    let (interval_s, refresher) = match asked(answer) {
        Some(asked) if asked.refresher == Some(Role::Uas) => (asked.interval_s, Refresher::Peer),
        Some(asked) => (asked.interval_s, Refresher::Us),
        None => (ours, Refresher::Us),
    };
    start(core, (call, side), leg, interval_s.max(LEAST_S), refresher);
}

/// The timer of a leg that went over to another call goes on there.
pub(crate) fn carry_on(core: &mut Core, (call, side): (CallId, Side), leg: &Leg) {
    let Some(timer) = leg.session.timer else {
        return;
    };
    let half = core.now.mono + Duration::from_secs(u64::from(timer.interval_s)) / 2;
    let due = match timer.refresher {
        Refresher::Us => half.min(timer.expires_at),
        Refresher::Peer => timer.expires_at,
    };
    core.timers.arm(Timer::Session(call, side), due);
}

fn start(
    core: &mut Core,
    (call, side): (CallId, Side),
    leg: &mut Leg,
    interval_s: u32,
    refresher: Refresher,
) {
    let interval = Duration::from_secs(u64::from(interval_s));
    let (patience, next) = match refresher {
        Refresher::Us => (interval, interval / 2),
        // RFC 4028 section 10: BYE somewhat before the end, so that both sides agree who was late.
        Refresher::Peer => {
            let early = Duration::from_secs(u64::from((interval_s / 3).min(32)));
            (interval - early, interval - early)
        }
    };
    leg.session.timer = Some(SessionTimer {
        interval_s,
        refresher,
        expires_at: core.now.mono + patience,
    });
    core.arm_in(Timer::Session(call, side), next);
}

/// The agreement repeated in a request of ours within the dialog: leaving it out would end it.
pub(crate) fn restate(leg: &Leg, draft: Draft) -> Draft {
    let Some(timer) = leg.session.timer else {
        return draft;
    };
    let role = match timer.refresher {
        Refresher::Us => "uac",
        Refresher::Peer => "uas",
    };
    draft
        .header(
            "Session-Expires",
            format_args!("{};refresher={role}", timer.interval_s),
        )
        .header("Min-SE", LEAST_S)
}
