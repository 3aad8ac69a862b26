//! Calls and gateways as the monitor shows them. Charges are computed here and nowhere per tick.

use super::{Calls, register, state::Core};
use crate::{
    call::{Call, Stage},
    io::Now,
    monitor::{CallState, Change, GatewayState, LiveCall, Snapshot, UpstreamState},
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use tandem_billing::{GatewayId, Micros, UpstreamId};

/// Sends a row for all that changed in this input.
pub(super) fn emit(core: &mut Core, calls: &Calls) {
    for id in core.feed.take_changed_calls() {
        if let Some(call) = calls
            .get(&id)
            .filter(|call| call.end.is_none_or(|end| !end.booked))
        {
            let now = core.now;
            core.feed
                .push(|| Change::Call(Box::new(live_call(call, now))));
        }
    }
    for id in core.feed.take_changed_gateways() {
        if let Some(state) = gateway_state(core, id) {
            core.feed.push(|| Change::Gateway(Box::new(state)));
        }
    }
    for upstream in core.feed.take_changed_upstreams() {
        let state = upstream_state(core, upstream);
        core.feed.push(|| match state {
            Some(state) => Change::Upstream(Box::new(state)),
            None => Change::UpstreamGone { upstream },
        });
    }
    let events = core.feed.take_events();
    core.outputs.extend(events);
}

fn upstream_state(core: &Core, id: UpstreamId) -> Option<UpstreamState> {
    let upstream = core.directory.upstreams.get(id)?;
    Some(core.peers.upstreams.state(upstream, core.now.mono))
}

/// None for one that was deleted.
fn gateway_state(core: &Core, id: GatewayId) -> Option<GatewayState> {
    let gateway = core.directory.gateways.get(&id)?;
    let tally = core.feed.tally_of(id);
    Some(GatewayState {
        gateway: id,
        name: gateway.name.clone(),
        calls: core.usage.gateway_calls(id),
        attempts: tally.attempts,
        answered: tally.answered,
        failed: tally.failed,
        answered_ms: tally.answered_ms,
        pdd_ms_sum: tally.pdd_ms_sum,
        health: core.peers.hosts.state(gateway),
    })
}

/// Everything at this instant; from here on deltas follow.
pub(super) fn snapshot(core: &mut Core, calls: &Calls) -> Snapshot {
    let seq = core.feed.watch();
    let live = calls
        .values()
        .filter(|call| call.end.is_none_or(|end| !end.booked));
    let rows: Vec<LiveCall> = live.map(|call| live_call(call, core.now)).collect();
    let mut totals = core.feed.totals.clone();
    let count = |wanted: fn(CallState) -> bool| {
        u32::try_from(rows.iter().filter(|row| wanted(row.state)).count()).unwrap_or(u32::MAX)
    };
    totals.calls = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    totals.ringing = count(|state| matches!(state, CallState::Ringing | CallState::EarlyMedia));
    totals.connected = count(|state| state == CallState::Answered);
    let counters = core.endpoint.counters();
    totals.rejected = counters.rejected;
    totals.dropped = counters.dropped;
    let guarded = core.peers.guard.counts();
    totals.guarded.ignored = guarded.dropped;
    totals.guarded.blocks = guarded.blocks;
    totals.guarded.secrets_tried = core.digest.worked();
    totals.guarded.blocked_sources = u32::try_from(core.peers.guard.blocked()).unwrap_or(u32::MAX);
    totals.registrations = u32::try_from(core.registrar.len()).unwrap_or(u32::MAX);
    let gateways = core
        .directory
        .gateways
        .keys()
        .filter_map(|id| gateway_state(core, *id))
        .collect();
    let upstreams = core.directory.upstreams.iter();
    let upstreams = upstreams
        .filter_map(|one| upstream_state(core, one.id))
        .collect();
    Snapshot {
        seq,
        calls: rows,
        registrations: register::snapshot(core),
        gateways,
        upstreams,
        totals,
    }
}

fn state(call: &Call) -> CallState {
    match call.stage {
        Stage::Hunting if call.marks.early_media => CallState::EarlyMedia,
        Stage::Hunting if call.marks.ringing_at.is_some() => CallState::Ringing,
        Stage::Hunting if call.target.is_none() => CallState::Routing,
        Stage::Hunting | Stage::Answering => CallState::Trying,
        Stage::Talking => CallState::Answered,
        Stage::Ending => CallState::Ending,
    }
}

fn live_call(call: &Call, now: Now) -> LiveCall {
    let target = call.target.as_ref();
    let client = call.bill.levels.first();
    let answered_ms = call
        .end
        .map_or_else(|| call.answered_ms(now.mono), |end| end.duration_ms);
    let running = match call.marks.answered {
        Some(_) => running(call, answered_ms),
        None => Running::default(),
    };
    let (media_a, media_b) = call.media.stats();
    LiveCall {
        call: call.id,
        state: state(call),
        caller: call.who.caller.clone(),
        dialled: call.who.dialled.clone(),
        account: Some(call.who.account.id),
        account_name: call.who.account.login.clone(),
        chain: call.who.chain.clone(),
        did: call.who.did,
        route: target.and_then(|target| target.route),
        gateway: target.and_then(|target| target.gateway),
        target_name: target.map_or_else(String::new, |target| target.name.clone()),
        destination: client.map_or_else(String::new, |level| level.quote.description.clone()),
        codec: call.media.codec.clone(),
        codec_b: call.media.codec_b.clone(),
        started_at: call.began.utc,
        answered_at: call.marks.answered.map(|answered| answered.utc),
        currency: client.map(|level| level.quote.currency),
        price_per_minute: client.map_or(Micros::ZERO, |level| micros(level.quote.price_per_minute)),
        charge: running.charge,
        charged_until_s: running.charged_until_s,
        cost: running.cost,
        margin: running.margin,
        paid_until_s: call.bill.paid_until_s,
        recorded: call.media.recording.is_on(),
        media_a,
        media_b,
    }
}

/// What would be booked if it ended now.
#[derive(Default)]
struct Running {
    charge: Micros,
    charged_until_s: u64,
    cost: Micros,
    margin: Option<Micros>,
}

/// From the first instant on the first block counts: nothing answered is shown as free that is not.
fn running(call: &Call, answered_ms: u64) -> Running {
    let answered_ms = if call.end.is_some() {
        answered_ms
    } else {
        answered_ms.max(1)
    };
    let levels = &call.bill.levels;
    let client = levels
        .first()
        .map(|level| level.quote.charge(answered_ms, 0));
    let client = client.unwrap_or_default();
    let cost = call.bill.cost.as_ref();
    let taken = cost.map(|cost| cost.quote.charge(answered_ms, 0).amount);
    let is_local = call
        .target
        .as_ref()
        .is_some_and(|target| target.gateway.is_none());
    let top = levels.last().filter(|level| match cost {
        Some(cost) => cost.quote.currency == level.quote.currency,
        None => is_local,
    });
    Running {
        charge: client.amount,
        charged_until_s: client.billed_secs,
        cost: taken.unwrap_or_default(),
        margin: top.map(|level| {
            let earned = level.quote.charge(answered_ms, 0).amount;
            Micros(earned.0.saturating_sub(taken.unwrap_or_default().0))
        }),
    }
}

/// For display: a price rounded to micro-units.
fn micros(price: Decimal) -> Micros {
    let scaled = price
        .checked_mul(Decimal::from(1_000_000))
        .map(|scaled| scaled.round());
    Micros(
        scaled
            .and_then(|scaled| scaled.to_i64())
            .unwrap_or(i64::MAX),
    )
}
