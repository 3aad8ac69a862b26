//! One journal record into rows.

use crate::{StoreError, query::HOUR_MS};
use rusqlite::{Connection, named_params, params};
use serde::Serialize;
use tandem_billing::{
    AccountId, CallId, Currency, Micros, UtcMs,
    cdr::{Cdr, MediaStats},
    ledger::{Entry, Level},
};
use tandem_call::journal::{Alert, Batch, OpenCall, Record, Registration, SourceBlock};

/// What errors of this module say was being done.
pub(super) const DOING: &str = "write a journal record";

/// Blocks of the guard kept, past ones included.
const MOST_BLOCKS: i64 = 20_000;
/// Alerts kept.
const MOST_ALERTS: i64 = 100_000;

pub(super) fn apply(connection: &Connection, batch: &Batch) -> Result<(), StoreError> {
    for record in &batch.records {
        apply_record(connection, record)?;
    }
    Ok(())
}

fn apply_record(connection: &Connection, record: &Record) -> Result<(), StoreError> {
    match record {
        Record::Opened(open) => insert_open(connection, open),
        Record::Answered { call, at, open } => update_answered(connection, *call, *at, open),
        Record::Extended {
            call,
            levels,
            paid_until_s,
        } => {
            let sql = "UPDATE open_call SET paid_until_s = ?2 WHERE call_id = ?1";
            expect_open(*call, run(connection, sql, params![call.0, paid_until_s])?)?;
            update_holds(connection, *call, levels)
        }
        Record::Recorded { call, files } => {
            let sql = "UPDATE open_call SET document = json_set(document, '$.cdr.recording', ?2) WHERE call_id = ?1";
            expect_open(*call, run(connection, sql, params![call.0, files])?)
        }
        Record::Ended { cdr, entries } => insert_ended(connection, cdr, entries),
        Record::Posted(entry) => insert_entry(connection, entry),
        Record::Alert(alert) => insert_alert(connection, alert),
        Record::Blocked(block) => insert_block(connection, block),
        Record::Unblocked { network } => run(
            connection,
            "DELETE FROM source_rule WHERE network = ?1 AND origin = 'guard'",
            [network.to_string()],
        )
        .map(drop),
        Record::Registered(registration) => upsert_registration(connection, registration),
        Record::Unregistered { username, contact } => run(
            connection,
            "DELETE FROM registration WHERE username = ?1 AND contact = ?2",
            (username, contact),
        )
        .map(drop),
    }
}

pub(super) fn run(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<usize, StoreError> {
    let mut statement = connection
        .prepare_cached(sql)
        .map_err(StoreError::sqlite(DOING))?;
    statement.execute(values).map_err(StoreError::sqlite(DOING))
}

pub(super) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::corrupt("a journal record", error))
}

fn insert_open(connection: &Connection, open: &OpenCall) -> Result<(), StoreError> {
    let call = open.cdr.call;
    run(
        connection,
        "INSERT INTO open_call (call_id, answered_at, paid_until_s, document) VALUES (?1, ?2, ?3, ?4)",
        params![
            call.0,
            open.cdr.answered_at.map(|at| at.0),
            open.paid_until_s,
            json(open)?
        ],
    )?;
    for (level, hold) in open.holds.iter().enumerate() {
        insert_hold(connection, call, level, hold)?;
    }
    Ok(())
}

fn insert_hold(
    connection: &Connection,
    call: CallId,
    level: usize,
    hold: &Level,
) -> Result<(), StoreError> {
    run(
        connection,
        "INSERT INTO hold (call_id, level, account_id, amount) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (call_id, level) DO UPDATE SET account_id = excluded.account_id, amount = excluded.amount",
        params![call.0, level, hold.account.0, hold.amount.0],
    )
    .map(drop)
}

fn update_answered(
    connection: &Connection,
    call: CallId,
    at: UtcMs,
    open: &OpenCall,
) -> Result<(), StoreError> {
    let changed = run(
        connection,
        "UPDATE open_call SET answered_at = ?2, paid_until_s = ?3, document = ?4 WHERE call_id = ?1",
        params![call.0, at.0, open.paid_until_s, json(open)?],
    )?;
    expect_open(call, changed)?;
    update_holds(connection, call, &open.holds)
}

fn update_holds(connection: &Connection, call: CallId, levels: &[Level]) -> Result<(), StoreError> {
    for (level, hold) in levels.iter().enumerate() {
        insert_hold(connection, call, level, hold)?;
    }
    Ok(())
}

fn expect_open(call: CallId, changed: usize) -> Result<(), StoreError> {
    if changed == 1 {
        return Ok(());
    }
    Err(StoreError::corrupt(
        format!("call {call}"),
        "goes on, but was never opened in the journal",
    ))
}

/// A call's end: its hold goes, CDR, charges, entries and roll-up come.
pub(crate) fn insert_ended(
    connection: &Connection,
    cdr: &Cdr,
    entries: &[Entry],
) -> Result<(), StoreError> {
    run(
        connection,
        "DELETE FROM open_call WHERE call_id = ?1",
        [cdr.call.0],
    )?;
    let money = Money::of(cdr);
    insert_cdr(connection, cdr, &money)?;
    insert_detail(connection, cdr)?;
    insert_charges(connection, cdr)?;
    for entry in entries {
        insert_entry(connection, entry)?;
    }
    add_to_hour(connection, cdr, &money)
}

/// The amounts of a CDR as its row has them.
struct Money {
    currency: Option<String>,
    charge: Micros,
    billed_secs: u64,
    revenue_currency: Option<String>,
    revenue: Micros,
    cost_currency: Option<String>,
    cost: Micros,
    margin: Option<i64>,
}

impl Money {
    fn of(cdr: &Cdr) -> Self {
        let (client, top) = (cdr.charges.first(), cdr.charges.last());
        let revenue = top.map_or(Micros::ZERO, |level| level.charge);
        let cost = cdr.cost.as_ref().map_or(Micros::ZERO, |cost| cost.cost);
        let cost_currency = cdr.cost.as_ref().map(|cost| cost.currency);
        let text = |currency: Currency| currency.to_string();
        Self {
            currency: client.map(|level| text(level.currency)),
            charge: client.map_or(Micros::ZERO, |level| level.charge),
            billed_secs: client.map_or(0, |level| level.billed_secs),
            revenue_currency: top.map(|level| text(level.currency)),
            revenue,
            cost_currency: cost_currency.map(text),
            cost,
            margin: cdr.margin().map(|margin| margin.0),
        }
    }
}

fn insert_cdr(connection: &Connection, cdr: &Cdr, money: &Money) -> Result<(), StoreError> {
    let client = cdr.charges.first();
    run(
        connection,
        "INSERT INTO cdr (call_id, a_call_id, b_call_id, account_id, source, caller, dialled, sent_number, \
         rating_number, started_at, ringing_at, answered_at, ended_at, duration_ms, pdd_ms, route_id, gateway_id, \
         callee_account_id, cause, sip_status, codec, prefix, destination, billed_secs, currency, charge, \
         revenue_currency, revenue, cost_currency, cost, margin, mos_x100, unheard, codec_b, attempts, \
         transfer_call_id, recording) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
         ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37)",
        params![
            cdr.call.0,
            cdr.a_call_id,
            cdr.b_call_id,
            cdr.account.map(|id| id.0),
            cdr.source,
            cdr.caller,
            cdr.dialled,
            cdr.sent_number,
            cdr.rating_number,
            cdr.started_at.0,
            cdr.ringing_at.map(|at| at.0),
            cdr.answered_at.map(|at| at.0),
            cdr.ended_at.0,
            cdr.duration_ms,
            cdr.pdd_ms,
            cdr.route.map(|id| id.0),
            cdr.gateway.map(|id| id.0),
            cdr.callee_account.map(|id| id.0),
            cdr.cause,
            cdr.sip_status,
            cdr.codec,
            client.map(|level| level.prefix.as_str()),
            client.map(|level| level.description.as_str()),
            money.billed_secs,
            money.currency,
            money.charge.0,
            money.revenue_currency,
            money.revenue.0,
            money.cost_currency,
            money.cost.0,
            money.margin,
            MediaStats::worst_mos_x100(&cdr.media_a, &cdr.media_b),
            unheard(cdr),
            cdr.codec_b,
            cdr.attempts,
            cdr.transfer.map(|id| id.0),
            cdr.recording,
        ],
    )
    .map(drop)
}

/// Who was not heard, as the row has it.
fn unheard(cdr: &Cdr) -> Option<&'static str> {
    match (cdr.media_a.unheard_s, cdr.media_b.unheard_s) {
        (0, 0) => None,
        (_, 0) => Some("caller"),
        (0, _) => Some("callee"),
        (_, _) => Some("both"),
    }
}

fn insert_detail(connection: &Connection, cdr: &Cdr) -> Result<(), StoreError> {
    let cost = cdr.cost.as_ref().map(json).transpose()?;
    let exchange = cdr.exchange.as_ref().map(json).transpose()?;
    let trace = if cdr.trace.is_empty() {
        "null"
    } else {
        cdr.trace.as_str()
    };
    run(
        connection,
        "INSERT INTO cdr_detail (call_id, cost, media_a, media_b, trace, exchange) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            cdr.call.0,
            cost,
            json(&cdr.media_a)?,
            json(&cdr.media_b)?,
            trace,
            exchange
        ],
    )
    .map(drop)
}

fn insert_charges(connection: &Connection, cdr: &Cdr) -> Result<(), StoreError> {
    for (level, charge) in cdr.charges.iter().enumerate() {
        run(
            connection,
            "INSERT INTO cdr_charge (call_id, level, account_id, tariff_id, rate_id, prefix, description, currency, \
             price_per_minute, billed_secs, charge) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                cdr.call.0,
                level,
                charge.account.0,
                charge.tariff.0,
                charge.rate.0,
                charge.prefix,
                charge.description,
                charge.currency.to_string(),
                charge.price_per_minute.to_string(),
                charge.billed_secs,
                charge.charge.0,
            ],
        )?;
    }
    Ok(())
}

/// Books an entry and moves the balance with it, in the same transaction. `balance_after` is the ledger's: if
/// it is not what the rows give, the books are kept by the rows and the difference is an error.
fn insert_entry(connection: &Connection, entry: &Entry) -> Result<(), StoreError> {
    let after = add_to_balance(connection, entry.account, entry.amount)?;
    if after != entry.balance_after {
        tracing::error!(
            key = entry.key,
            account = entry.account.0,
            ledger = entry.balance_after.0,
            rows = after.0,
            "balance of the ledger in memory differs from the rows"
        );
    }
    run(
        connection,
        "INSERT INTO ledger_entry (key, account_id, kind, amount, balance_after, at, call_id, operator_id, note) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            entry.key,
            entry.account.0,
            kind_name(entry)?,
            entry.amount.0,
            after.0,
            entry.at.0,
            entry.call.map(|id| id.0),
            entry.operator.map(|id| id.0),
            entry.note,
        ],
    )
    .map(drop)
}

fn kind_name(entry: &Entry) -> Result<String, StoreError> {
    match serde_json::to_value(entry.kind) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(StoreError::corrupt(
            format!("ledger entry {}", entry.key),
            "its kind has no name",
        )),
    }
}

fn add_to_balance(
    connection: &Connection,
    account: AccountId,
    amount: Micros,
) -> Result<Micros, StoreError> {
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO balance (account_id, amount) VALUES (?1, ?2) \
             ON CONFLICT (account_id) DO UPDATE SET amount = amount + excluded.amount RETURNING amount",
        )
        .map_err(StoreError::sqlite(DOING))?;
    let after = statement.query_row([account.0, amount.0], |row| row.get(0));
    Ok(Micros(after.map_err(StoreError::sqlite(DOING))?))
}

fn add_to_hour(connection: &Connection, cdr: &Cdr, money: &Money) -> Result<(), StoreError> {
    run(
        connection,
        "INSERT INTO hourly (hour, account_id, gateway_id, destination, currency, revenue_currency, cost_currency, \
         attempts, answered, duration_ms, billed_secs, pdd_ms, pdd_count, charge, revenue, cost) \
         VALUES (:hour, :account, :gateway, :destination, :currency, :revenue_currency, :cost_currency, \
         :attempts, :answered, :duration, :billed, :pdd, :pdd_count, :charge, :revenue, :cost) \
         ON CONFLICT DO UPDATE SET attempts = attempts + excluded.attempts, answered = answered + excluded.answered, \
         duration_ms = duration_ms + excluded.duration_ms, billed_secs = billed_secs + excluded.billed_secs, \
         pdd_ms = pdd_ms + excluded.pdd_ms, pdd_count = pdd_count + excluded.pdd_count, \
         charge = charge + excluded.charge, revenue = revenue + excluded.revenue, cost = cost + excluded.cost",
        named_params! {
            ":hour": cdr.started_at.0.div_euclid(HOUR_MS),
            ":account": cdr.account.map_or(0, |id| id.0),
            ":gateway": cdr.gateway.map_or(0, |id| id.0),
            ":destination": cdr.charges.first().map_or("", |level| level.description.as_str()),
            ":currency": money.currency.as_deref().unwrap_or(""),
            ":revenue_currency": money.revenue_currency.as_deref().unwrap_or(""),
            ":cost_currency": money.cost_currency.as_deref().unwrap_or(""),
            ":attempts": cdr.attempts,
            ":answered": i64::from(cdr.answered_at.is_some()),
            ":duration": cdr.duration_ms,
            ":billed": money.billed_secs,
            ":pdd": cdr.pdd_ms.unwrap_or(0),
            ":pdd_count": i64::from(cdr.pdd_ms.is_some()),
            ":charge": money.charge.0,
            ":revenue": money.revenue.0,
            ":cost": money.cost.0,
        },
    )
    .map(drop)
}

/// Keeps an alert; the oldest go when there are too many.
pub(crate) fn insert_alert(connection: &Connection, alert: &Alert) -> Result<(), StoreError> {
    run(
        connection,
        "INSERT INTO alert (at, kind, account_id, call_id, text) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            alert.at.0,
            alert.kind.name(),
            alert.account.map(|id| id.0),
            alert.call.map(|id| id.0),
            alert.text,
        ],
    )?;
    let oldest = connection.last_insert_rowid().saturating_sub(MOST_ALERTS);
    run(connection, "DELETE FROM alert WHERE id <= ?1", [oldest]).map(drop)
}

fn upsert_registration(
    connection: &Connection,
    registration: &Registration,
) -> Result<(), StoreError> {
    run(
        connection,
        "INSERT OR REPLACE INTO registration (username, contact, transport, listener, remote, path, call_id, cseq, \
         expires_at, user_agent, q_thousandths, instance) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            registration.username,
            registration.contact,
            registration.transport,
            registration.listener,
            registration.remote,
            json(&registration.path)?,
            registration.call_id,
            registration.cseq,
            registration.expires_at.0,
            registration.user_agent,
            registration.q_thousandths,
            registration.instance,
        ],
    )
    .map(drop)
}

/// The last durable instant never goes back, whatever the clock does.
pub(super) fn beat(connection: &Connection, at: UtcMs, seq: Option<u64>) -> Result<(), StoreError> {
    run(
        connection,
        "INSERT INTO heartbeat (id, at, last_seq) VALUES (1, ?1, coalesce(?2, 0)) \
         ON CONFLICT (id) DO UPDATE SET at = max(at, excluded.at), last_seq = max(last_seq, excluded.last_seq)",
        params![at.0, seq],
    )
    .map(drop)
}

/// Keeps a batch that cannot be applied.
pub(super) fn put_aside(
    connection: &Connection,
    seq: u64,
    at: UtcMs,
    reason: &str,
    document: &str,
) -> Result<(), StoreError> {
    run(
        connection,
        "INSERT INTO rejected_batch (seq, at, reason, document) VALUES (?1, ?2, ?3, ?4)",
        params![seq, at.0, reason, document],
    )
    .map(drop)
}

/// A block of the guard; what an operator said of the same addresses goes before it. Blocks are remembered for
/// some time after their end, so that the next one lasts longer.
fn insert_block(connection: &Connection, block: &SourceBlock) -> Result<(), StoreError> {
    run(
        connection,
        "DELETE FROM source_rule WHERE expires_at < ?1 - 1000 * \
         (SELECT CAST(value AS INTEGER) FROM setting WHERE key = 'guard_longest_block_s')",
        [block.at.0],
    )?;
    run(
        connection,
        "INSERT INTO source_rule (revision, network, verdict, origin, made_at, expires_at, repeats, reason) \
         VALUES (1, ?1, 'block', 'guard', ?2, ?3, ?4, ?5) \
         ON CONFLICT (network) DO UPDATE SET revision = revision + 1, verdict = excluded.verdict, \
         origin = excluded.origin, made_at = excluded.made_at, expires_at = excluded.expires_at, \
         repeats = excluded.repeats, reason = excluded.reason \
         WHERE origin = 'guard' OR expires_at <= excluded.made_at",
        params![
            block.network.to_string(),
            block.at.0,
            block.until.0,
            block.repeats,
            block.reason
        ],
    )?;
    run(
        connection,
        "DELETE FROM source_rule WHERE id IN (SELECT id FROM source_rule WHERE origin = 'guard' \
         ORDER BY expires_at DESC LIMIT 2 OFFSET ?1)",
        [MOST_BLOCKS],
    )
    .map(drop)
}
