//! Numbered, forward-only migrations; the file is copied before.
use crate::StoreError;
use rusqlite::Connection;
use std::path::Path;
pub(crate) struct Migration {
    pub number: u32,
    pub sql: &'static str,
}
pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    sql: include_str!("../migrations/0001_initial.sql"),
}];
pub(crate) fn run(
    connection: &mut Connection,
    path: &Path,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    todo!()
}
