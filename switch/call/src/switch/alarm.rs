//! What an operator must hear of: alerts go into the journal, so that none is lost, and to whoever watches.

use super::state::Core;
use crate::{
    bill::day,
    journal::{Alert, AlertKind, Record},
    monitor::Change,
};
use tandem_billing::{
    AccountId, CallId, Micros,
    ledger::{Entry, LedgerError},
};

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
