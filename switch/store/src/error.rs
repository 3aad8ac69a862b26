//! What can go wrong in the store itself. What is wrong with an edit is [`crate::edit::EditError`].

use rusqlite::ErrorCode;
use std::{io::ErrorKind, path::PathBuf};

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
    /// What the operator can do, where there is more to say than the message does.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        const RIGHTS: &str = "give the data folder and its files to the user that runs the switch, or run as that user";
        const RESTORE: &str = "stop the switch, put the latest backup in the database's place, and keep the damaged \
            file; `verify` names what is wrong";
        const SPACE: &str = "free space on the disk of the data folder";
        match self {
            Self::Sqlite { source, .. } => match source.sqlite_error_code()? {
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some(RESTORE),
                ErrorCode::DiskFull => Some(SPACE),
                ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                    Some(RIGHTS)
                }
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                    Some("another program holds the database: end it")
                }
                _ => None,
            },
            Self::File { source, .. } => match source.kind() {
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some(RIGHTS),
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(SPACE),
                ErrorKind::AlreadyExists => Some("name a file that does not exist yet"),
                ErrorKind::NotFound => Some("check the path"),
                _ => None,
            },
            Self::InUse(_) => {
                Some("stop it first (systemctl stop tandem-switch), or name another data folder")
            }
            Self::Foreign(_) => Some(
                "if it is a damaged one, put the latest backup in its place; else name another data folder",
            ),
            Self::Corrupt { .. } | Self::Unbalanced(_) => Some(RESTORE),
            Self::TooNew { .. } | Self::BadQuery { .. } | Self::Timeout(_) | Self::Closed => None,
        }
    }

    /// Whether starting again cannot help: somebody has to act.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Foreign(_) | Self::TooNew { .. } | Self::Unbalanced(_) | Self::Corrupt { .. } => {
                true
            }
            Self::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(
                    ErrorCode::DatabaseCorrupt
                        | ErrorCode::NotADatabase
                        | ErrorCode::CannotOpen
                        | ErrorCode::ReadOnly
                        | ErrorCode::PermissionDenied
                )
            ),
            Self::File { source, .. } => matches!(
                source.kind(),
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
            ),
            Self::InUse(_) | Self::BadQuery { .. } | Self::Timeout(_) | Self::Closed => false,
        }
    }

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
