//! What can go wrong in the store itself. What is wrong with an edit is [`crate::edit::EditError`].

use std::path::PathBuf;

/// The store, or its surroundings, failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite said no.
    #[error("{doing}")]
    Sqlite {
        /// What was attempted.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system said no.
    #[error("{doing} {path}")]
    File {
        /// What was attempted.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Another process has the file open as its store.
    #[error("{0} is in use by another tandem-switch")]
    InUse(PathBuf),
    /// Not a file of ours.
    #[error("{0} is not a Tandem database")]
    Foreign(PathBuf),
    /// Written by a newer program.
    #[error("{path} has schema {found}, this program knows {known}: use a newer tandem-switch")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Our newest.
        known: u32,
    },
    /// Balances do not equal their entries.
    #[error("balances differ from ledger entries for {0} accounts: run verify")]
    Unbalanced(usize),
    /// What is stored cannot be what we wrote.
    #[error("{what}: {reason}")]
    Corrupt {
        /// Which row.
        what: String,
        /// Why.
        reason: String,
    },
    /// A list asked for something it does not have.
    #[error("{field}: {reason}")]
    BadQuery {
        /// The field or parameter.
        field: String,
        /// What to do instead.
        reason: String,
    },
    /// A query took longer than it may.
    #[error("the query was ended after {0} ms: narrow it down")]
    Timeout(u64),
    /// The writer thread is gone.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Wraps an SQLite error with what was being done.
    pub(crate) fn sqlite(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { doing, source }
    }
    /// A row that does not parse.
    pub(crate) fn corrupt(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Corrupt {
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite {
            doing: "read or write the database",
            source,
        }
    }
}
