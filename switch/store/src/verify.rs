//! Whether the books are right: sums, holds, CDRs, charges, roll-ups, and the file itself.

use crate::{StoreError, connection};
use rusqlite::Connection;
use std::path::Path;

/// What was looked at and what was found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Accounts with a balance.
    pub accounts: u64,
    /// Ledger entries.
    pub entries: u64,
    /// CDRs.
    pub cdrs: u64,
    /// Open calls: 0 unless the switch runs or crashed.
    pub open_calls: u64,
    /// One line each; empty if all is right.
    pub problems: Vec<String>,
}

impl Report {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Lines reported per rule.
const MOST_LINES: usize = 20;

/// Balances that are not the sum of their entries, and sums without a balance.
const UNBALANCED: &str = "SELECT account_id, balance, entries FROM ( \
    SELECT b.account_id, b.amount AS balance, coalesce(e.total, 0) AS entries FROM balance b \
    LEFT JOIN (SELECT account_id, sum(amount) AS total FROM ledger_entry GROUP BY account_id) e USING (account_id) \
    UNION ALL SELECT e.account_id, NULL, sum(e.amount) FROM ledger_entry e \
    WHERE e.account_id NOT IN (SELECT account_id FROM balance) GROUP BY e.account_id) \
    WHERE balance IS NOT entries";

/// A rule: SQL that finds what breaks it, and what is said of each find (its first columns).
struct Rule {
    says: &'static str,
    sql: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        says: "balance of account is not the sum of its entries (account, balance, sum)",
        sql: UNBALANCED,
    },
    Rule {
        says: "balance_after of entry is not the running sum (entry, written, sum)",
        sql: "SELECT id, balance_after, running FROM (SELECT id, balance_after, \
            sum(amount) OVER (PARTITION BY account_id ORDER BY id) AS running FROM ledger_entry) \
            WHERE balance_after <> running",
    },
    Rule {
        says: "hold without an open call (call, account, amount)",
        sql: "SELECT call_id, account_id, amount FROM hold WHERE call_id NOT IN (SELECT call_id FROM open_call)",
    },
    Rule {
        says: "call is open and ended at once (call, ended)",
        sql: "SELECT call_id, ended_at FROM cdr WHERE call_id IN (SELECT call_id FROM open_call)",
    },
    Rule {
        says: "answered call without a charge (call, account)",
        sql: "SELECT call_id, account_id FROM cdr WHERE answered_at IS NOT NULL \
            AND NOT EXISTS (SELECT 1 FROM cdr_charge c WHERE c.call_id = cdr.call_id)",
    },
    Rule {
        says: "call that was not answered was charged (call, charge)",
        sql: "SELECT call_id, charge FROM cdr WHERE answered_at IS NULL AND \
            EXISTS (SELECT 1 FROM cdr_charge c WHERE c.call_id = cdr.call_id AND c.charge <> 0)",
    },
    Rule {
        says: "CDR differs from its first level (call, CDR, level)",
        sql: "SELECT d.call_id, d.charge, c.charge FROM cdr d JOIN cdr_charge c ON c.call_id = d.call_id AND c.level = 0 \
            WHERE d.charge <> c.charge OR d.account_id IS NOT c.account_id",
    },
    Rule {
        says: "charge of call is not what was booked (call, account, charged, booked)",
        sql: "SELECT c.call_id, c.account_id, c.charge, -coalesce(e.total, 0) FROM \
            (SELECT call_id, account_id, sum(charge) AS charge FROM cdr_charge GROUP BY call_id, account_id) c \
            LEFT JOIN (SELECT call_id, account_id, sum(amount) AS total FROM ledger_entry WHERE kind = 'call_charge' \
            GROUP BY call_id, account_id) e USING (call_id, account_id) WHERE c.charge <> -coalesce(e.total, 0)",
    },
    Rule {
        says: "call charge booked without a CDR level (entry, call, account)",
        sql: "SELECT e.id, e.call_id, e.account_id FROM ledger_entry e WHERE e.kind = 'call_charge' AND NOT EXISTS \
            (SELECT 1 FROM cdr_charge c WHERE c.call_id = e.call_id AND c.account_id = e.account_id)",
    },
    Rule {
        says: "CDR without its detail (call)",
        sql: "SELECT call_id FROM cdr WHERE call_id NOT IN (SELECT call_id FROM cdr_detail)",
    },
    Rule {
        says: "roll-ups differ from CDRs (hour, CDRs, roll-up; then charges)",
        sql: "SELECT hour, a.calls, b.calls, a.charge, b.charge FROM \
            (SELECT (started_at - ((started_at % 3600000) + 3600000) % 3600000) / 3600000 AS hour, sum(attempts) AS calls, \
            sum(charge) AS charge, sum(duration_ms) AS ms, sum(cost) AS cost FROM cdr GROUP BY 1) a FULL JOIN \
            (SELECT hour, sum(attempts) AS calls, sum(charge) AS charge, sum(duration_ms) AS ms, sum(cost) AS cost \
            FROM hourly GROUP BY 1) b USING (hour) \
            WHERE a.calls IS NOT b.calls OR a.charge IS NOT b.charge OR a.ms IS NOT b.ms OR a.cost IS NOT b.cost",
    },
    Rule {
        says: "journal batch was put aside (batch, reason)",
        sql: "SELECT seq, reason FROM rejected_batch",
    },
    Rule {
        says: "row refers to one that does not exist (table, row, parent)",
        sql: "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check",
    },
    Rule {
        says: "file is damaged",
        sql: "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    },
];

/// Checks the whole file read-only, also while the switch runs. Minutes for tens of millions of CDRs.
///
/// # Errors
/// If the file cannot be read; what is wrong with its content is in the report.
pub fn verify(path: &Path) -> Result<Report, StoreError> {
    let connection = connection::read_only(path)?;
    // One instant for all rules.
    let reading = connection.unchecked_transaction()?;
    let count = |table: &str| -> Result<u64, StoreError> {
        Ok(
            reading.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })?,
        )
    };
    let mut report = Report {
        accounts: count("balance")?,
        entries: count("ledger_entry")?,
        cdrs: count("cdr")?,
        open_calls: count("open_call")?,
        problems: Vec::new(),
    };
    for rule in RULES {
        report.problems.extend(broken(&reading, rule)?);
    }
    Ok(report)
}

fn broken(connection: &Connection, rule: &Rule) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(rule.sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        if lines.len() == MOST_LINES {
            lines.push(format!("{}: and more", rule.says));
            break;
        }
        let mut values = Vec::with_capacity(columns);
        for index in 0..columns {
            values.push(match row.get::<_, rusqlite::types::Value>(index)? {
                rusqlite::types::Value::Integer(n) => n.to_string(),
                rusqlite::types::Value::Text(text) => text,
                _ => "none".to_owned(),
            });
        }
        lines.push(format!("{}: {}", rule.says, values.join(", ")));
    }
    Ok(lines)
}

/// Accounts whose balance is not the sum of their entries: the check of each start.
pub(crate) fn unbalanced(connection: &Connection) -> Result<usize, StoreError> {
    let count: i64 =
        connection.query_row(&format!("SELECT count(*) FROM ({UNBALANCED})"), [], |row| {
            row.get(0)
        })?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}
