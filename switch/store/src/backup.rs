//! A copy of the file while the switch runs (SQLite's online backup).

use crate::{StoreError, connection};
use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Copies the store at `from` to `to`, which appears whole or not at all. Neither readers nor the writer
/// wait; the copy is the state of one instant.
///
/// # Errors
/// If either file cannot be used, or `to` exists.
pub fn backup(from: &Path, to: &Path) -> Result<(), StoreError> {
    copy(&connection::read_only(from)?, to)
}

/// All pages in one step under one read transaction: in WAL mode that keeps nobody waiting, and commits
/// meanwhile do not start it over.
pub(crate) fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let file = |doing, source| StoreError::File {
        doing,
        path: to.to_owned(),
        source,
    };
    if to.exists() {
        return Err(file(
            "write backup",
            std::io::ErrorKind::AlreadyExists.into(),
        ));
    }
    let part = part_name(to);
    if part.exists() {
        fs::remove_file(&part).map_err(|source| file("remove unfinished backup", source))?;
    }
    {
        let mut target =
            Connection::open(&part).map_err(StoreError::sqlite("create the backup"))?;
        let backup =
            Backup::new(from, &mut target).map_err(StoreError::sqlite("start the backup"))?;
        let step = backup
            .step(-1)
            .map_err(StoreError::sqlite("copy the database"))?;
        if step != StepResult::Done {
            return Err(StoreError::corrupt(
                "backup",
                "the database is locked: try again",
            ));
        }
        drop(backup);
        // The copy shall be one file, whatever journal mode it was copied with.
        target.execute_batch("PRAGMA journal_mode = DELETE;")?;
    }
    let written = fs::File::open(&part).and_then(|copy| copy.sync_all());
    written.map_err(|source| file("write backup to disk", source))?;
    fs::rename(&part, to).map_err(|source| file("put backup in place", source))
}

fn part_name(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}
