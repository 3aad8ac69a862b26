//! What an operator must hear of: alerts go into the journal, so that none is lost, and to whoever watches.

use super::state::Core;
use crate::{
    bill::day,
    guard::Blocking,
    journal::{Alert, AlertKind, Record},
    monitor::Change,
};
use tandem_billing::{
    AccountId, CallId, GatewayId, Micros, UtcMs,
    ledger::{Entry, LedgerError},
};

/// Reasons told of once; further ones are in the traces of the calls.
const UNPLAYED_MAX: usize = 100;

fn raise(core: &mut Core, alert: Alert) {
    core.feed.push(|| Change::Alert(alert.clone()));
    core.record(Record::Alert(alert));
}

/// Entries were booked: counts them for their day, and raises one alert for each balance that fell below its
/// threshold with one of them.
pub(crate) fn booked(core: &mut Core, entries: &[Entry]) {
    day::count(core, entries);
    for entry in entries {
        let Some(account) = core.directory.accounts.get(&entry.account) else {
            continue;
        };
        let Some(threshold) = account.low_balance_at else {
            continue;
        };
        let before = entry.balance_after.saturating_sub(entry.amount);
        if before < threshold || entry.balance_after >= threshold {
            continue;
        }
        let text = low_balance(&account.login, entry.balance_after, threshold);
        let alert = Alert {
            at: entry.at,
            kind: AlertKind::LowBalance,
            account: Some(entry.account),
            call: entry.call,
            text,
        };
        raise(core, alert);
    }
}

/// What a fallen balance is called.
#[must_use]
pub fn low_balance(login: &str, balance: Micros, threshold: Micros) -> String {
    format!("{login}: the balance fell to {balance}, below {threshold}")
}

/// The guard blocked a source. What comes too often is counted, and told with the next.
pub(crate) fn blocked(core: &mut Core, blocking: &Blocking) {
    let Some(untold) = core.peers.guard.may_tell(core.now.mono) else {
        return;
    };
    let Blocking {
        network,
        lasts,
        reason,
        ..
    } = blocking;
    let more = match untold {
        0 => String::new(),
        count => format!("; {count} others were blocked since the last such alert"),
    };
    let alert = Alert {
        at: core.now.utc,
        kind: AlertKind::SourceBlocked,
        account: None,
        call: None,
        text: format!(
            "{network} is blocked for {} s: {reason}{more}",
            lasts.as_secs()
        ),
    };
    raise(core, alert);
}

/// A call ended and its money could not be booked: it is in the books as uncharged.
pub(crate) fn unsettled(core: &mut Core, call: CallId, account: AccountId, error: &LedgerError) {
    let alert = Alert {
        at: core.now.utc,
        kind: AlertKind::LedgerFault,
        account: Some(account),
        call: Some(call),
        text: format!("call {call} was not charged: {error}"),
    };
    raise(core, alert);
}

/// No host of a gateway works any more.
pub(crate) fn gateway_down(core: &mut Core, gateway: GatewayId, why: &str) {
    let text = format!("{}: the gateway is down ({why})", name(core, gateway));
    of_gateway(core, AlertKind::GatewayDown, text);
}

/// A host of a gateway works again.
pub(crate) fn gateway_up(core: &mut Core, gateway: GatewayId, since: UtcMs) {
    let minutes = core.now.utc.0.saturating_sub(since.0) / 60_000;
    let name = name(core, gateway);
    let text = format!("{name}: the gateway is up again after {minutes} min");
    of_gateway(core, AlertKind::GatewayUp, text);
}

/// An upstream registration could not be had, or was lost.
pub(crate) fn upstream_down(core: &mut Core, name: &str, why: &str) {
    let text = format!("{name}: not registered upstream ({why})");
    of_gateway(core, AlertKind::UpstreamDown, text);
}

/// An upstream registration holds again.
pub(crate) fn upstream_up(core: &mut Core, name: &str) {
    let text = format!("{name}: registered upstream again");
    of_gateway(core, AlertKind::UpstreamUp, text);
}

/// A sound could not be played; told once for each reason.
pub(crate) fn unplayed(core: &mut Core, reason: &str) {
    let told = &mut core.peers.unplayed;
    if told.len() >= UNPLAYED_MAX || !told.insert(reason.to_owned()) {
        return;
    }
    let alert = Alert {
        at: core.now.utc,
        kind: AlertKind::SoundUnplayed,
        account: None,
        call: None,
        text: format!("a sound could not be played: {reason}"),
    };
    raise(core, alert);
}

fn name(core: &Core, gateway: GatewayId) -> String {
    let known = core.directory.gateways.get(&gateway);
    known.map_or_else(|| format!("gateway {gateway}"), |one| one.name.clone())
}

fn of_gateway(core: &mut Core, kind: AlertKind, text: String) {
    let alert = Alert {
        at: core.now.utc,
        kind,
        account: None,
        call: None,
        text,
    };
    raise(core, alert);
}
