//! What a registrar says to a REGISTER, and what follows.
//!
//! A challenge is answered once, and again only if the nonce was stale; 423 raises what is asked for once; a 3xx is
//! never followed. What says that this host cannot serve leads to the next host of the round, what says that we are
//! not welcome ends the round; the next one comes after a while that grows.

use super::{Stage, forget_sent, left, register, row};
use crate::{
    health::Answer,
    switch::{alarm, state::Core, timer::Timer},
};
use std::{sync::Arc, time::Duration};
use tandem_billing::UpstreamId;
use tandem_sip::{
    Message, digest,
    endpoint::ClientTxn,
    message::{Draft, HeaderId},
    value::Method,
};

/// Challenges answered within one REGISTER: the first, and two for stale nonces.
const MAX_CHALLENGES: u32 = 3;
/// First pause after a round in which no host could serve, seconds.
const PAUSE_S: u32 = 30;
/// The same after a refusal that will not mend by itself.
const REFUSED_PAUSE_S: u32 = 120;
/// Longest pause, and the longest Retry-After believed, seconds.
const MAX_PAUSE_S: u32 = 1800;
/// The shortest binding worth holding, seconds: its refreshes would be a storm.
const MIN_GRANTED_S: u32 = 10;
/// The longest binding believed, seconds.
const MAX_GRANTED_S: u32 = 7 * 86_400;
/// The longest Min-Expires followed, seconds.
const MAX_EXPIRES_S: u32 = 86_400;

/// An answer to one of these REGISTERs. False if it is none.
pub(crate) fn answered(core: &mut Core, txn: ClientTxn, message: &Message) -> bool {
    let Some(id) = core.peers.upstreams.sent.get(&txn).copied() else {
        return false;
    };
    let Some(status) = message.status().filter(|status| *status >= 200) else {
        return true;
    };
    forget_sent(core, id);
    let at = core.now.utc;
    let Some(row) = row(core, id) else {
        return true;
    };
    row.last = Some((at, Answer::Status(status)));
    let (stage, is_last) = (row.stage, row.left.is_empty());
    match (stage, status) {
        (_, 401 | 407) => challenged(core, id, status, message),
        (Stage::Leaving, _) => left(core, id),
        (_, 200..=299) => registered(core, id, message),
        (_, 423) => lengthen(core, id, message),
        (_, 408 | 480 | 500..=599) if !is_last => refused(core, id, Answer::Status(status)),
        (_, _) => in_vain(core, id, Answer::Status(status), retry_after(message)),
    }
    core.feed.touch_upstream(id);
    true
}

/// It could not be sent, or its transaction timed out. False if it is none of these.
pub(crate) fn lost(core: &mut Core, txn: ClientTxn, sent: bool) -> bool {
    let Some(id) = core.peers.upstreams.sent.get(&txn).copied() else {
        return false;
    };
    let answer = if sent {
        Answer::Silence
    } else {
        Answer::Unreachable
    };
    match row(core, id).map(|row| row.stage) {
        Some(Stage::Leaving) => left(core, id),
        Some(_) => refused(core, id, answer),
        None => forget_sent(core, id),
    }
    true
}

/// This host cannot serve: the next one of the round.
pub(super) fn refused(core: &mut Core, id: UpstreamId, answer: Answer) {
    let at = core.now.utc;
    if let Some(row) = row(core, id) {
        row.last = Some((at, answer));
    }
    register::next_host(core, id, answer);
}

fn retry_after(message: &Message) -> Option<u32> {
    let value = message.header("Retry-After")?;
    let digits = value.trim().split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn challenged(core: &mut Core, id: UpstreamId, status: u16, message: &Message) {
    let cnonce = format!("{:016x}", core.random());
    let Some(row) = row(core, id) else {
        return;
    };
    let login = &row.upstream.login;
    let uri = register::request_uri(row).to_string();
    let again =
        row.challenged == 0 || (row.challenged < MAX_CHALLENGES && digest::is_stale(message));
    let answer = again
        .then(|| {
            let login = digest::Login {
                user: &login.username,
                password: &login.password,
                realm: login.realm.as_deref(),
            };
            digest::answer_as(message, &Method::Register, &uri, &login, &cnonce)
        })
        .flatten();
    match (answer, row.stage) {
        (Some((name, value)), _) => {
            row.challenged += 1;
            register::send(core, id, Draft::new().header(&name, value));
        }
        (None, Stage::Leaving) => left(core, id),
        (None, _) => in_vain(core, id, Answer::Status(status), None),
    }
}

fn lengthen(core: &mut Core, id: UpstreamId, message: &Message) {
    let least_s = message
        .header("Min-Expires")
        .and_then(|value| value.trim().parse::<u32>().ok());
    let Some(row) = row(core, id) else {
        return;
    };
    let longer = row.expires_s.saturating_add(1)..=MAX_EXPIRES_S;
    let may = !row.raised;
    match least_s.filter(|least| may && longer.contains(least)) {
        Some(least_s) => {
            row.expires_s = least_s;
            row.raised = true;
            row.challenged = 0;
            register::send(core, id, Draft::new());
        }
        None => in_vain(core, id, Answer::Status(423), None),
    }
}

/// How long the binding holds: as our Contact says, else the Expires header, else as asked (RFC 3261 section
/// 10.2.4).
fn granted_s(core: &mut Core, id: UpstreamId, message: &Message) -> u32 {
    let Some(row) = row(core, id) else {
        return 0;
    };
    let token = row.upstream.contact_user.as_str();
    let contacts = message.contacts();
    let ours = contacts
        .iter()
        .find(|contact| contact.uri.user_unescaped().as_deref() == Some(token));
    let by_contact = ours.and_then(|contact| contact.param("expires"));
    let said = by_contact.or_else(|| message.value(HeaderId::Expires));
    let said = said.and_then(|value| value.trim().parse::<u32>().ok());
    said.unwrap_or(row.expires_s).min(MAX_GRANTED_S)
}

fn registered(core: &mut Core, id: UpstreamId, message: &Message) {
    let granted_s = granted_s(core, id, message);
    if granted_s < MIN_GRANTED_S {
        return in_vain(core, id, Answer::TooShort(granted_s), None);
    }
    let now = core.now;
    let refresh = register::refresh_after(core, granted_s);
    let Some(row) = row(core, id) else {
        return;
    };
    let granted_ms = i64::from(granted_s) * 1000;
    let refresh_ms = i64::try_from(refresh.as_millis()).unwrap_or(granted_ms);
    row.until = Some((
        register::end_of(now.mono, granted_s),
        now.utc.plus_ms(granted_ms),
    ));
    row.stage = Stage::Registered;
    row.raised = false;
    row.failures = 0;
    row.next_at = Some(now.utc.plus_ms(refresh_ms));
    let back = std::mem::take(&mut row.alarmed);
    let upstream = Arc::clone(&row.upstream);
    core.arm_in(Timer::Upstream(id), refresh);
    register::arm_keep_alive(core, id, upstream.keep_alive_s);
    core.feed.touch_upstream(id);
    if back {
        alarm::upstream_up(core, &upstream.name);
    }
}

/// No host of the round took the registration: another round after a while.
pub(super) fn in_vain(core: &mut Core, id: UpstreamId, answer: Answer, after_s: Option<u32>) {
    forget_sent(core, id);
    let jitter = core.random();
    let now = core.now;
    let Some(row) = row(core, id) else {
        return;
    };
    if row.stage == Stage::Leaving {
        return left(core, id);
    }
    let first_s = match answer {
        Answer::Status(408 | 480 | 500..=599) | Answer::Silence | Answer::Unreachable => PAUSE_S,
        Answer::Status(_) | Answer::TooShort(_) => REFUSED_PAUSE_S,
    };
    let times = 1u32.checked_shl(row.failures.min(8)).unwrap_or(1);
    let pause_s = after_s.map_or_else(|| first_s.saturating_mul(times), |after| after.max(first_s));
    let pause_ms = u64::from(pause_s.min(MAX_PAUSE_S)) * 1000;
    let after_ms = pause_ms + jitter % (pause_ms / 5).max(1);
    row.failures = row.failures.saturating_add(1);
    row.last = Some((now.utc, answer));
    row.expires_s = row.upstream.expires_s;
    row.raised = false;
    let told = std::mem::replace(&mut row.alarmed, true);
    let name = row.upstream.name.clone();
    core.timers.disarm(Timer::KeepAlive(id));
    super::wait(core, id, Duration::from_millis(after_ms));
    if !told {
        alarm::upstream_down(core, &name, &answer.text());
    }
}
