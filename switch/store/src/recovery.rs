//! After a crash: what was open is closed at the last second known to be durable, and billed once.
//!
//! The journal has each admitted call with its quotes, and its holds as last extended; the heartbeat has the
//! last instant at which the switch surely ran. A call is billed up to that instant, in whole seconds, never
//! beyond what was held, by the same ledger rules as a live call's end. All calls are closed in one
//! transaction: another crash starts over.

use crate::{
    StoreError,
    journal::{insert_alert, insert_ended},
    store::load_ledger,
};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tandem_billing::{
    AccountId, CallId, Micros, UtcMs,
    cdr::{Cdr, Cost, LevelCharge},
    ledger::{Entry, Ledger, Level},
};
use tandem_call::{
    journal::{Alert, AlertKind, OpenCall},
    switch::alarm::low_balance,
};
use tracing::{error, warn};

/// Cause code of the CDRs made here.
pub const CRASH_CAUSE: &str = "switch.crash";

/// What a crash had left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// The last instant known to be durable; None if no call was open.
    pub last_durable: Option<UtcMs>,
    /// What was done with each open call.
    pub calls: Vec<ClosedCall>,
    /// Open calls whose journal could not be read: kept in `rejected_batch`, not billed.
    pub unreadable: Vec<CallId>,
}

/// An open call that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedCall {
    /// Which.
    pub call: CallId,
    /// Whose.
    pub account: Option<AccountId>,
    /// Billed time; 0 if it was never answered.
    pub duration_ms: u64,
    /// Per level, client first.
    pub charges: Vec<(AccountId, Micros)>,
}

/// Closes every open call. Does nothing after an orderly end.
pub(crate) fn recover(
    connection: &mut Connection,
    now: UtcMs,
) -> Result<RecoveryReport, StoreError> {
    let open: bool =
        connection.query_row("SELECT EXISTS (SELECT 1 FROM open_call)", [], |row| {
            row.get(0)
        })?;
    if !open {
        return Ok(RecoveryReport::default());
    }
    let mut ledger = load_ledger(connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last: Option<i64> =
        transaction.query_row("SELECT max(at) FROM heartbeat", [], |row| row.get(0))?;
    let last = UtcMs(last.unwrap_or(0));
    let mut report = RecoveryReport {
        last_durable: Some(last),
        ..RecoveryReport::default()
    };
    for (call, paid_until_s, document) in open_calls(&transaction)? {
        match serde_json::from_str::<OpenCall>(&document) {
            Ok(mut open) => {
                // The document is as old as the answer; this is as of the last extension.
                open.paid_until_s = paid_until_s;
                let closed = close(&transaction, &mut ledger, open, last)?;
                warn!(
                    call = call.0,
                    duration_ms = closed.duration_ms,
                    "call left open by a crash was closed"
                );
                report.calls.push(closed);
            }
            Err(reason) => {
                error!(call = call.0, %reason, "call left open by a crash cannot be read");
                set_aside(&transaction, call, &document, &reason.to_string(), now)?;
                report.unreadable.push(call);
            }
        }
    }
    transaction
        .commit()
        .map_err(StoreError::sqlite("commit the recovery"))?;
    Ok(report)
}

fn open_calls(connection: &Connection) -> Result<Vec<(CallId, u64, String)>, StoreError> {
    let mut statement = connection
        .prepare("SELECT call_id, paid_until_s, document FROM open_call ORDER BY call_id")?;
    let rows = statement.query_map([], |row| {
        Ok((CallId(row.get(0)?), row.get(1)?, row.get(2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn set_aside(
    transaction: &Transaction<'_>,
    call: CallId,
    document: &str,
    reason: &str,
    now: UtcMs,
) -> Result<(), StoreError> {
    transaction.execute(
        "INSERT INTO rejected_batch (seq, at, reason, document) VALUES (0, ?1, ?2, ?3)",
        params![now.0, format!("open call {call}: {reason}"), document],
    )?;
    transaction.execute("DELETE FROM open_call WHERE call_id = ?1", [call.0])?;
    Ok(())
}

fn close(
    transaction: &Transaction<'_>,
    ledger: &mut Ledger,
    open: OpenCall,
    last: UtcMs,
) -> Result<ClosedCall, StoreError> {
    let call = open.cdr.call;
    let holds = holds(transaction, call)?;
    let duration_ms = billable_ms(&open, last);
    let charges = charges(&open, &holds, duration_ms);
    let booked: Vec<(AccountId, Micros)> = charges
        .iter()
        .map(|level| (level.account, level.charge))
        .collect();
    let refused = |error| StoreError::corrupt(format!("hold of call {call}"), error);
    ledger.reserve(call, &holds).map_err(refused)?;
    let entries = if open.cdr.answered_at.is_some() {
        ledger
            .settle(call, last.max(open.cdr.started_at), &booked)
            .map_err(refused)?
    } else {
        ledger.release(call).map_err(refused)?;
        Vec::new()
    };
    let cdr = ended(open, charges, duration_ms, last);
    insert_ended(transaction, &cdr, &entries)?;
    for entry in &entries {
        alert_if_low(transaction, entry)?;
    }
    Ok(ClosedCall {
        call,
        account: cdr.account,
        duration_ms,
        charges: booked,
    })
}

/// As the core does for a live call: one alert for each balance that fell below its threshold.
fn alert_if_low(transaction: &Transaction<'_>, entry: &Entry) -> Result<(), StoreError> {
    let (login, threshold): (String, Option<i64>) = transaction.query_row(
        "SELECT login, low_balance_at FROM account WHERE id = ?1",
        [entry.account.0],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let before = entry.balance_after.saturating_sub(entry.amount);
    let Some(threshold) = threshold.map(Micros) else {
        return Ok(());
    };
    if before < threshold || entry.balance_after >= threshold {
        return Ok(());
    }
    let alert = Alert {
        at: entry.at,
        kind: AlertKind::LowBalance,
        account: Some(entry.account),
        call: entry.call,
        text: low_balance(&login, entry.balance_after, threshold),
    };
    insert_alert(transaction, &alert)
}

/// As last extended. They were within credit when they were granted; whatever changed since, they stand.
fn holds(transaction: &Transaction<'_>, call: CallId) -> Result<Vec<Level>, StoreError> {
    let mut statement = transaction
        .prepare_cached("SELECT account_id, amount FROM hold WHERE call_id = ?1 ORDER BY level")?;
    let rows = statement.query_map([call.0], |row| {
        Ok(Level {
            account: AccountId(row.get(0)?),
            amount: Micros(row.get(1)?),
            credit_limit: Micros(i64::MAX),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// From answer to the last durable instant, in whole seconds, at most what was paid for.
fn billable_ms(open: &OpenCall, last: UtcMs) -> u64 {
    let Some(answered) = open.cdr.answered_at else {
        return 0;
    };
    let lived = u64::try_from(last.0.saturating_sub(answered.0) / 1000).unwrap_or(0);
    lived.min(open.paid_until_s).saturating_mul(1000)
}

fn charges(open: &OpenCall, holds: &[Level], duration_ms: u64) -> Vec<LevelCharge> {
    if open.cdr.answered_at.is_none() {
        return Vec::new();
    }
    let levels = open.quotes.iter().zip(holds);
    let charged = levels.map(|((account, quote), hold)| {
        let charge = quote.charge(duration_ms, 0);
        LevelCharge {
            account: *account,
            tariff: quote.tariff,
            rate: quote.rate,
            prefix: quote.prefix.clone(),
            description: quote.description.clone(),
            currency: quote.currency,
            price_per_minute: quote.price_per_minute,
            billed_secs: charge.billed_secs,
            charge: charge.amount.min(hold.amount),
        }
    });
    charged.collect()
}

fn ended(open: OpenCall, charges: Vec<LevelCharge>, duration_ms: u64, last: UtcMs) -> Cdr {
    let answered = open.cdr.answered_at;
    let cost = open
        .cost
        .filter(|_| answered.is_some())
        .map(|(gateway, quote)| {
            let charge = quote.charge(duration_ms, 0);
            Cost {
                gateway,
                tariff: quote.tariff,
                rate: quote.rate,
                prefix: quote.prefix.clone(),
                currency: quote.currency,
                price_per_minute: quote.price_per_minute,
                billed_secs: charge.billed_secs,
                cost: charge.amount,
            }
        });
    let ended_at = match answered {
        Some(at) => at.plus_ms(i64::try_from(duration_ms).unwrap_or(i64::MAX)),
        None => last.max(open.cdr.started_at),
    };
    Cdr {
        ended_at,
        duration_ms,
        cause: CRASH_CAUSE.to_owned(),
        charges,
        cost,
        ..open.cdr
    }
}
