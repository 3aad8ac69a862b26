//! Who may come in: argon2 hashes, lock-out after failures, the same work for unknown names.

use crate::{
    Reader, StoreError, Writer,
    record::{Login, Rights, Role},
};
use tandem_billing::{AccountId, LoginId, UtcMs};

/// Someone who logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Which login.
    pub login: LoginId,
    /// Its name.
    pub name: String,
    /// What it may see and do.
    pub role: Role,
    /// For resellers.
    pub account: Option<AccountId>,
    /// For operators.
    pub rights: Rights,
}

/// Why someone may not come in. Tell the client only `Refused` or `Locked`.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown name, wrong password or disabled: not told apart.
    #[error("name or password is wrong")]
    Refused,
    /// Too many failures.
    #[error("locked after too many failures until {until:?}")]
    Locked {
        /// Until then not even the right password helps.
        until: UtcMs,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks a password and keeps count of failures. Takes some 20 ms of CPU and waits for a commit: not for
/// the core.
///
/// # Errors
/// See [`LoginError`].
pub fn verify(
    writer: &Writer,
    name: &str,
    password: &str,
    address: &str,
    at: UtcMs,
) -> Result<Identity, LoginError> {
    todo!()
}

/// Sets a login's password (and unlocks it), or creates an admin of that name if there is none: for the
/// command line.
///
/// # Errors
/// If the password is too short or the store fails.
pub fn set_password(
    writer: &Writer,
    name: &str,
    password: &str,
    at: UtcMs,
) -> Result<(), crate::EditError> {
    todo!()
}
