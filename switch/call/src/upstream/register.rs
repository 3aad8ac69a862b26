//! Sending REGISTER (RFC 3261 section 10.2): host after host of a round, and once more to take it back.

use super::{Row, Stage, forget_sent, left, row};
use crate::{
    directory::GatewayHost,
    health::{self, Answer},
    hunt::attempt,
    io::Output,
    leg::ALLOW,
    switch::{state::Core, timer::Timer},
};
use bytes::Bytes;
use std::time::Duration;
use tandem_billing::UpstreamId;
use tandem_sip::{
    Flow, Mono,
    endpoint::RequestOut,
    message::Draft,
    value::{Host, Method, NameAddr, Uri},
};

/// A registrar that says nothing for so long is left for the next host, seconds.
const PATIENCE_S: u64 = 8;
/// One that is to be left need not confirm it, seconds.
const FAREWELL_S: u64 = 4;
/// Keeps the way back open (RFC 5626 section 3.5.1).
const PING: &[u8] = b"\r\n\r\n";

/// The row's time has come.
pub(crate) fn due(core: &mut Core, id: UpstreamId) {
    let Some(stage) = row(core, id).map(|row| row.stage) else {
        return;
    };
    match stage {
        Stage::Registered | Stage::Waiting => round(core, id),
        Stage::Asking => super::answer::refused(core, id, Answer::Silence),
        Stage::Leaving => left(core, id),
    }
}

/// A new round: the host that has the binding first, then the others as calls would try them.
fn round(core: &mut Core, id: UpstreamId) {
    let Some(way) = row(core, id).map(|row| std::sync::Arc::clone(&row.way)) else {
        return;
    };
    let all = attempt::ordered(core, &way);
    let hosts = &core.peers.hosts;
    let up = |host: &&GatewayHost| hosts.is_up(health::place(way.id, host));
    let mut order: Vec<GatewayHost> = all.iter().filter(up).cloned().collect();
    if order.is_empty() {
        order = all;
    }
    let now = core.now.mono;
    let Some(row) = row(core, id) else {
        return;
    };
    if let Some((held, _)) = row.host.as_ref().filter(|_| row.is_up(now)) {
        order.sort_by_key(|host| host != held);
    }
    order.reverse();
    row.left = order;
    row.stage = Stage::Asking;
    row.next_at = None;
    next_host(core, id, Answer::Unreachable);
}

/// Registers at the next host; without one the round was in vain, for the reason given.
pub(super) fn next_host(core: &mut Core, id: UpstreamId, why: Answer) {
    forget_sent(core, id);
    while let Some(host) = row(core, id).and_then(|row| row.left.pop()) {
        let Some(flow) = core.flow_to(host.transport, host.address) else {
            continue;
        };
        if let Some(row) = row(core, id) {
            row.host = Some((host, flow));
            row.challenged = 0;
        }
        return send(core, id, Draft::new());
    }
    super::answer::in_vain(core, id, why, None);
}

/// Sends it, with credentials perhaps, where it was sent last.
pub(super) fn send(core: &mut Core, id: UpstreamId, draft: Draft) {
    forget_sent(core, id);
    let tag = core.endpoint.new_tag();
    let now = core.now.mono;
    let registrations = &mut core.peers.upstreams;
    let Some(row) = registrations.rows.get_mut(&id) else {
        return;
    };
    let Some((_, flow)) = row.host else {
        return;
    };
    row.cseq += 1;
    let contact = core
        .endpoint
        .contact(flow.listener, &row.upstream.contact_user);
    let request = request(row, contact, &tag, draft);
    let txn = core.endpoint.request(now, flow, request);
    row.sent = Some(txn);
    registrations.sent.insert(txn, id);
    let patience = match row.stage {
        Stage::Leaving => FAREWELL_S,
        Stage::Asking | Stage::Registered | Stage::Waiting => PATIENCE_S,
    };
    core.arm_in(Timer::Upstream(id), Duration::from_secs(patience));
}

/// Where a REGISTER goes: also what its credentials are for.
pub(super) fn request_uri(row: &Row) -> Uri {
    let transport = row.host.as_ref().map(|(_, flow)| flow.transport);
    let uri = Uri::sip(None, domain(row), None);
    transport.map_or(uri.clone(), |transport| uri.over(transport))
}

/// The operator's domain was checked when it was saved; an address always reads.
fn domain(row: &Row) -> Host {
    let text = row.upstream.domain(&row.way);
    Host::parse(&text).unwrap_or(Host::Name(text))
}

fn request(row: &Row, contact: NameAddr, tag: &str, draft: Draft) -> RequestOut {
    let user = NameAddr::new(Uri::sip(Some(&row.upstream.user), domain(row), None));
    let expires_s = match row.stage {
        Stage::Leaving => 0,
        Stage::Asking | Stage::Registered | Stage::Waiting => row.expires_s,
    };
    RequestOut {
        method: Method::Register,
        uri: request_uri(row),
        from: user.clone().with_param("tag", Some(tag)),
        to: user,
        call_id: row.call_id.clone(),
        cseq: row.cseq,
        routes: Vec::new(),
        max_forwards: 70,
        draft: draft
            .header("Contact", contact)
            .header("Expires", expires_s)
            .header("Allow", ALLOW),
    }
}

/// Takes a binding back; one that never was is only forgotten.
pub(super) fn leave(core: &mut Core, id: UpstreamId) {
    core.timers.disarm(Timer::KeepAlive(id));
    let now = core.now.mono;
    let Some(row) = row(core, id) else {
        return;
    };
    let held = row.until.is_some_and(|(until, _)| until > now) || row.stage == Stage::Asking;
    if !held || row.host.is_none() {
        return left(core, id);
    }
    row.stage = Stage::Leaving;
    row.challenged = 0;
    send(core, id, Draft::new());
}

/// The way back is kept open while the binding holds.
pub(crate) fn keep_alive(core: &mut Core, id: UpstreamId) {
    let now = core.now.mono;
    let Some(row) = row(core, id).filter(|row| row.is_up(now)) else {
        return;
    };
    let (every_s, flow) = (
        row.upstream.keep_alive_s,
        row.host.as_ref().map(|host| host.1),
    );
    let Some(flow) = flow.filter(|_| every_s != 0) else {
        return;
    };
    ping(core, flow);
    arm_keep_alive(core, id, every_s);
}

fn ping(core: &mut Core, flow: Flow) {
    core.outputs.push_back(Output::Transmit {
        flow,
        bytes: Bytes::from_static(PING),
    });
}

/// A tenth less or nothing, so that not all are sent at once.
pub(super) fn arm_keep_alive(core: &mut Core, id: UpstreamId, every_s: u32) {
    if every_s == 0 {
        return core.timers.disarm(Timer::KeepAlive(id));
    }
    let every_ms = u64::from(every_s) * 1000;
    let after_ms = every_ms - core.random() % (every_ms / 10).max(1);
    core.arm_in(Timer::KeepAlive(id), Duration::from_millis(after_ms));
}

/// Some time before `until`: between seven and nine tenths of what was granted.
pub(super) fn refresh_after(core: &mut Core, granted_s: u32) -> Duration {
    let granted_ms = u64::from(granted_s) * 1000;
    let jitter = core.random() % (granted_ms / 5).max(1);
    Duration::from_millis(granted_ms * 7 / 10 + jitter)
}

/// The moment a binding of so many seconds ends.
pub(super) fn end_of(now: Mono, granted_s: u32) -> Mono {
    now + Duration::from_secs(granted_s.into())
}
