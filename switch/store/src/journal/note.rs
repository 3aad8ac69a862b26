//! Batches that are on disk, but not in their rows yet.
//!
//! A call's records touch some twenty pages: its CDR, ledger and holds, each with its indexes. A caller that waits
//! for its 200 waits only until they are noted, a page each; the rows follow for many calls at once. What a crash
//! leaves noted is put into its rows before anything else is read.
//!
//! Nothing is deleted: a slot is written over, and what it holds counts as long as its number is above the last one
//! that is in its rows (`heartbeat.last_seq`, written with the rows).

use super::record::{self, run};
use crate::StoreError;
use rusqlite::{Connection, params};
use tandem_billing::UtcMs;
use tandem_call::journal::Batch;

/// Bytes of a document that one page of the database holds beside its row's numbers (SQLite's file format, 1.6).
const IN_ONE_PAGE: usize = 4_000;
/// Bytes that each further page takes.
const IN_EACH_MORE: usize = 4_092;

/// Notes a batch in the slot, over whatever was put into its rows since: one page is written, and none is freed or
/// taken. Whether its number comes after all that are in their rows already, without which nothing is noted.
pub(super) fn put(
    connection: &Connection,
    slot: usize,
    batch: &Batch,
    at: UtcMs,
) -> Result<bool, StoreError> {
    let mut document = record::json(&batch.records)?;
    pad(&mut document);
    let noted = run(
        connection,
        "INSERT INTO noted_batch (slot, seq, at, document) SELECT ?1, ?2, ?3, ?4 \
         WHERE ?2 > (SELECT coalesce(max(last_seq), 0) FROM heartbeat) \
         ON CONFLICT (slot) DO UPDATE SET seq = excluded.seq, at = excluded.at, document = excluded.document",
        params![slot, batch.seq, at.0, document],
    )?;
    Ok(noted == 1)
}

/// Blanks mean nothing in JSON, and rows of one size are written over where they stand.
fn pad(document: &mut String) {
    let more = document
        .len()
        .saturating_sub(IN_ONE_PAGE)
        .div_ceil(IN_EACH_MORE);
    let blanks = IN_ONE_PAGE + more * IN_EACH_MORE - document.len();
    document.extend(std::iter::repeat_n(' ', blanks));
}

/// What a crash left: the batches in order and the last instant that was known, with those set aside that
/// cannot be read.
pub(super) struct Left {
    pub batches: Vec<Batch>,
    pub at: UtcMs,
    pub unreadable: Vec<super::Rejected>,
}

pub(super) fn take_up(connection: &Connection) -> Result<Left, StoreError> {
    let mut statement = connection.prepare(
        "SELECT slot, seq, at, document FROM noted_batch \
         WHERE seq > (SELECT coalesce(max(last_seq), 0) FROM heartbeat) ORDER BY seq",
    )?;
    let mut rows = statement.query(())?;
    let mut left = Left {
        batches: Vec::new(),
        at: UtcMs(0),
        unreadable: Vec::new(),
    };
    while let Some(row) = rows.next()? {
        let (slot, seq, at): (i64, u64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let document: String = row.get(3)?;
        left.at = left.at.max(UtcMs(at));
        match serde_json::from_str(&document) {
            Ok(records) => left.batches.push(Batch { seq, records }),
            Err(error) => {
                let reason = format!("a noted batch cannot be read: {error}");
                record::put_aside(connection, seq, left.at, &reason, document.trim_end())?;
                run(
                    connection,
                    "DELETE FROM noted_batch WHERE slot = ?1",
                    [slot],
                )?;
                left.unreadable.push(super::Rejected { seq, reason });
            }
        }
    }
    Ok(left)
}
