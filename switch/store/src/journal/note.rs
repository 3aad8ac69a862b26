//! Batches that are on disk, but not in their rows yet.
//!
//! A call's records touch some twenty pages: its CDR, ledger and holds, each with its indexes. A caller that waits
//! for its 200 waits only until they are noted, a few pages in all; the rows follow for many calls at once. What a
//! crash leaves noted is put into its rows before anything else is read.

use super::record::{self, run};
use crate::StoreError;
use rusqlite::{Connection, params};
use tandem_billing::UtcMs;
use tandem_call::journal::Batch;

pub(super) fn insert(connection: &Connection, batch: &Batch, at: UtcMs) -> Result<(), StoreError> {
    let document = record::json(&batch.records)?;
    run(
        connection,
        "INSERT INTO noted_batch (seq, at, document) VALUES (?1, ?2, ?3)",
        params![batch.seq, at.0, document],
    )
    .map(drop)
}

pub(super) fn clear(connection: &Connection) -> Result<(), StoreError> {
    run(connection, "DELETE FROM noted_batch", ()).map(drop)
}

/// What a crash left: the batches in order and the last instant that was known, with those set aside that
/// cannot be read.
pub(super) struct Left {
    pub batches: Vec<Batch>,
    pub at: UtcMs,
    pub unreadable: Vec<super::Rejected>,
}

pub(super) fn take_up(connection: &Connection) -> Result<Left, StoreError> {
    let mut statement =
        connection.prepare("SELECT seq, at, document FROM noted_batch ORDER BY seq")?;
    let mut rows = statement.query(())?;
    let mut left = Left {
        batches: Vec::new(),
        at: UtcMs(0),
        unreadable: Vec::new(),
    };
    while let Some(row) = rows.next()? {
        let (seq, at, document): (u64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        left.at = left.at.max(UtcMs(at));
        match serde_json::from_str(&document) {
            Ok(records) => left.batches.push(Batch { seq, records }),
            Err(error) => {
                let reason = format!("a noted batch cannot be read: {error}");
                record::put_aside(connection, seq, left.at, &reason, &document)?;
                left.unreadable.push(super::Rejected { seq, reason });
            }
        }
    }
    Ok(left)
}
