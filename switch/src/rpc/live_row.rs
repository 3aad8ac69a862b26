//! Rows of the monitor as the protocol writes them, less what a reseller must not see.

use super::live::Sight;
use tandem_call::{
    Directory,
    journal::{Alert, AlertKind},
    monitor::{
        CallState, GatewayState, HostHealth, LiveCall, LiveRegistration, Totals, UpstreamState,
    },
};
use tandem_protocol::{
    Micros, UtcMs,
    alert::{Alert as WireAlert, AlertKind as WireKind},
    cdr::MediaStats,
    live::{
        CallState as WireState, Counters, GatewayHealth as WireHealth, GatewayStatus,
        HostHealth as WireHost, LiveCall as WireCall, LiveMoney, Registration, RegistrationKey,
        UpstreamStatus,
    },
};

/// A call; cost and margin are the operator's alone.
#[must_use]
pub fn call(row: &LiveCall, sight: Sight) -> WireCall {
    let all = sight == Sight::All;
    WireCall {
        call: row.call.0.into(),
        state: state(row.state),
        caller: row.caller.clone(),
        dialled: row.dialled.clone(),
        account: row.account.map(|id| id.0.into()),
        account_name: row.account_name.clone(),
        gateway: row.gateway.filter(|_| all).map(|id| id.0.into()),
        target_name: if all {
            row.target_name.clone()
        } else {
            String::new()
        },
        destination: row.destination.clone(),
        codec: row.codec.clone(),
        codec_b: row.codec_b.clone(),
        started_at: UtcMs(row.started_at.0),
        answered_at: row.answered_at.map(|at| UtcMs(at.0)),
        money: LiveMoney {
            currency: row.currency.map(|c| c.to_string()).unwrap_or_default(),
            price_per_minute: Micros(row.price_per_minute.0),
            charge: Micros(row.charge.0),
            cost: all.then_some(Micros(row.cost.0)),
            margin: row.margin.map(|margin| Micros(margin.0)).filter(|_| all),
            paid_until_s: row.paid_until_s,
            charged_until_s: row.charged_until_s,
        },
        recorded: row.recorded,
        media_a: media(&row.media_a),
        media_b: media(&row.media_b),
    }
}

fn state(state: CallState) -> WireState {
    match state {
        CallState::Authorising => WireState::Authorising,
        CallState::Routing => WireState::Routing,
        CallState::Trying => WireState::Trying,
        CallState::Ringing => WireState::Ringing,
        CallState::EarlyMedia => WireState::EarlyMedia,
        CallState::Answered => WireState::Answered,
        CallState::Ending => WireState::Ending,
    }
}

/// Whether the called side rings.
#[must_use]
pub fn is_ringing(row: &LiveCall) -> bool {
    matches!(row.state, CallState::Ringing | CallState::EarlyMedia)
}

/// Whether money runs.
#[must_use]
pub fn is_connected(row: &LiveCall) -> bool {
    row.state == CallState::Answered
}

/// One side's audio.
#[must_use]
pub fn media(stats: &tandem_billing::cdr::MediaStats) -> MediaStats {
    MediaStats {
        packets: stats.packets,
        bytes: stats.bytes,
        lost: stats.lost,
        jitter_us: stats.jitter_us,
        forged: stats.forged,
        far_lost: stats.far_lost,
        far_jitter_us: stats.far_jitter_us,
        round_trip_us: stats.round_trip_us,
        mos_x100: stats.mos_x100,
        unheard_s: stats.unheard_s,
    }
}

/// A registration.
#[must_use]
pub fn registration(row: &LiveRegistration) -> Registration {
    Registration {
        username: row.username.clone(),
        account: row.account.0.into(),
        contact: row.contact.clone(),
        source: row.source.clone(),
        transport: row.transport.to_owned(),
        user_agent: row.user_agent.clone(),
        expires_at: UtcMs(row.expires_at.0),
    }
}

/// An alert as it happens.
#[must_use]
pub fn alert(alert: &Alert, directory: &Directory) -> WireAlert {
    let owner = alert.account.and_then(|id| directory.accounts.get(&id));
    WireAlert {
        id: None,
        at: UtcMs(alert.at.0),
        kind: match alert.kind {
            AlertKind::LowBalance => WireKind::LowBalance,
            AlertKind::LedgerFault => WireKind::LedgerFault,
            AlertKind::GatewayDown => WireKind::GatewayDown,
            AlertKind::GatewayUp => WireKind::GatewayUp,
            AlertKind::SourceBlocked => WireKind::SourceBlocked,
            AlertKind::UpstreamDown => WireKind::UpstreamDown,
            AlertKind::UpstreamUp => WireKind::UpstreamUp,
            AlertKind::SoundUnplayed => WireKind::SoundUnplayed,
        },
        account: alert.account.map(|id| id.0.into()),
        account_login: owner.map(|account| account.login.clone()),
        call: alert.call.map(|id| id.0.into()),
        text: alert.text.clone(),
    }
}

/// What tells a registration from others.
#[must_use]
pub fn key(row: &LiveRegistration) -> RegistrationKey {
    RegistrationKey {
        username: row.username.clone(),
        contact: row.contact.clone(),
    }
}

/// A gateway at work.
#[must_use]
pub fn gateway(row: &GatewayState) -> GatewayStatus {
    GatewayStatus {
        gateway: row.gateway.0.into(),
        name: row.name.clone(),
        calls: row.calls,
        attempts: row.attempts,
        answered: row.answered,
        failed: row.failed,
        answered_ms: row.answered_ms,
        pdd_ms_sum: row.pdd_ms_sum,
        health: WireHealth {
            enabled: row.health.enabled,
            watched: row.health.watched,
            down_since: row.health.down_since.map(|at| UtcMs(at.0)),
            hosts: row.health.hosts.iter().map(host).collect(),
        },
    }
}

fn host(row: &HostHealth) -> WireHost {
    WireHost {
        address: row.address.to_string(),
        transport: row.transport.via_name().to_ascii_lowercase(),
        down_since: row.down_since.map(|at| UtcMs(at.0)),
        resting: row.resting,
        answered_at: row.answered_at.map(|at| UtcMs(at.0)),
        answer: row.answer.clone(),
        round_trip_us: row.round_trip_us,
    }
}

/// An upstream registration.
#[must_use]
pub fn upstream(row: &UpstreamState) -> UpstreamStatus {
    UpstreamStatus {
        upstream: row.upstream.0.into(),
        name: row.name.clone(),
        enabled: row.enabled,
        registered_until: row.registered_until.map(|at| UtcMs(at.0)),
        host: row.host.map(|host| host.to_string()),
        answered_at: row.answered_at.map(|at| UtcMs(at.0)),
        answer: row.answer.clone(),
        next_at: row.next_at.map(|at| UtcMs(at.0)),
        failures: row.failures,
    }
}

/// Totals since start.
#[must_use]
pub fn totals(totals: &Totals) -> Counters {
    Counters {
        calls: totals.calls,
        ringing: totals.ringing,
        connected: totals.connected,
        registrations: totals.registrations,
        attempts: totals.attempts,
        answered: totals.answered,
        refused: totals.refused,
        challenged: totals.challenged,
        answered_ms: totals.answered_ms,
        pdd_ms_sum: totals.pdd_ms_sum,
        messages_in: totals.messages_in,
        messages_out: totals.messages_out,
        rejected: totals.rejected,
        dropped: totals.dropped,
        one_way: totals.one_way,
        blocked_sources: totals.guarded.blocked_sources,
        ignored: totals.guarded.ignored,
        blocks: totals.guarded.blocks,
        transcoded: totals.transcoded,
        coding_percent: totals.coding_percent,
    }
}
