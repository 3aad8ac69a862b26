//! The subscription that a REFER opens (RFC 3515 section 2.4): NOTIFYs with a line of what the target said.

use super::Presence;
use crate::{call::Call, leg, switch::state::Core};
use tandem_sip::{
    message::Draft,
    value::{Method, reason_phrase},
};

/// Seconds the one that transfers is told of: the longest ringing, twice.
const EXPIRES_S: u32 = 300;

/// What the one that transfers is told, and what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It wants to hear nothing (RFC 4488).
    Unwanted,
    /// CSeq of the REFER, and the last status told.
    Wanted { id: u32, told: u16 },
}

/// The target is being called, or rings: each status is told once.
pub(crate) fn progress(core: &mut Core, call: &mut Call, status: u16) {
    let status = if status > 100 { 180 } else { 100 };
    let Some(pending) = call.links.pending.as_mut() else {
        return;
    };
    match &mut pending.news {
        News::Wanted { told, .. } if *told < status => *told = status,
        News::Wanted { .. } | News::Unwanted => return,
    }
    send(core, call, status, &format!("active;expires={EXPIRES_S}"));
}

/// How it ended; nothing follows.
pub(crate) fn finish(core: &mut Core, call: &mut Call, status: u16) {
    send(core, call, status, "terminated;reason=noresource");
}

fn send(core: &mut Core, call: &mut Call, status: u16, state: &str) {
    let Some(pending) = call.links.pending.as_ref() else {
        return;
    };
    let (by, id) = match (pending.presence, pending.news) {
        (Presence::Here, News::Wanted { id, .. }) => (pending.by, id),
        (Presence::Here, News::Unwanted) | (Presence::Gone, _) => return,
    };
    let Some(flow) = call.leg(by).map(|leg| leg.flow) else {
        return;
    };
    let line = format!("SIP/2.0 {status} {}\r\n", reason_phrase(status));
    let draft = Draft::new()
        .header("Contact", leg::contact(core, flow))
        .header("Event", format_args!("refer;id={id}"))
        .header("Subscription-State", state)
        .body("message/sipfrag;version=2.0", line.into_bytes());
    if let Some(leg) = call.leg_mut(by) {
        leg::send(core, leg, Method::Notify, draft);
    }
}
