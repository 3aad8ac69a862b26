//! How the file is opened: one read-write connection for the writer, read-only ones for the rest.

use crate::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::{path::Path, time::Duration};

/// `Tndm`, in the header of our files.
pub(crate) const APPLICATION_ID: i32 = 0x546e_646d;
/// Statements kept prepared per connection: more than the writer has.
const STATEMENTS: usize = 128;
/// How long a lock of another connection is waited for; only backups and checkpoints take one.
const BUSY: Duration = Duration::from_secs(5);

/// The writer's connection, in WAL mode at synchronous=FULL: what was committed survives a power cut.
pub(crate) fn read_write(path: &Path) -> Result<Connection, StoreError> {
    let opened = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    );
    let connection = opened.map_err(StoreError::sqlite("open the database"))?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000; \
         PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(connection)
}

/// A connection that cannot write.
pub(crate) fn read_only(path: &Path) -> Result<Connection, StoreError> {
    let opened = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    );
    let connection = opened.map_err(StoreError::sqlite("open the database for reading"))?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(
        "PRAGMA query_only = ON; PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(connection)
}
