//! Who may come in: argon2id hashes, lock-out after failures, the same work for unknown names.

use crate::{
    Actor, Edit, EditError, ListQuery, Scope, StoreError, Writer,
    edit::{Audit, SHORTEST_PASSWORD, audit},
    query::Op,
    record::{Login, Resource, Rights, Role},
};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::OnceLock;
use tandem_billing::{AccountId, LoginId, UtcMs};

/// Failures in a row before a login is locked.
const FAILURES: i64 = 5;
/// First lock; each further failure doubles it.
const FIRST_LOCK_MS: i64 = 30_000;
/// Longest lock: whoever forgot a password waits, whoever guesses gets 100 tries a day.
const LONGEST_LOCK_MS: i64 = 900_000;
/// Passwords beyond it are refused unhashed: hashing must not be made to read megabytes.
const LONGEST_PASSWORD: usize = 1024;

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

impl Identity {
    /// Whose rows it sees. A reseller without an account, which the schema forbids, sees none.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match (self.role, self.account) {
            (Role::Admin | Role::Operator, _) => Scope::All,
            (Role::Reseller, account) => Scope::Branch(account.unwrap_or(AccountId(0))),
        }
    }
    /// For edits.
    #[must_use]
    pub fn actor(&self, address: &str) -> Actor {
        Actor {
            login: Some(self.login),
            name: self.name.clone(),
            address: address.to_owned(),
            scope: self.scope(),
        }
    }
}

/// Why someone may not come in. Tell the client only `Refused` or `Locked`.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown name, wrong password or disabled: not told apart.
    #[error("name or password is wrong")]
    Refused,
    /// Too many failures.
    #[error("locked after too many failures, try again later")]
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
    let found = writer.reader().run(|connection| find(connection, name))?;
    let (id, stored) = match &found {
        Some((id, hash)) => (Some(*id), hash.as_str()),
        None => (None, dummy_hash()),
    };
    let matches = password.len() <= LONGEST_PASSWORD && hash_matches(stored, password);
    let Some(id) = id else {
        return Err(LoginError::Refused);
    };
    let (stored, address) = (stored.to_owned(), address.to_owned());
    let attempt = Attempt {
        id,
        matches,
        stored,
        address,
        at,
    };
    writer
        .call(move |committer| committer.transact(|transaction| count(transaction, &attempt)))??
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
) -> Result<(), EditError> {
    let query = ListQuery::all(Scope::All).filter("name", Op::Eq, name);
    let found = writer.reader().records::<Login>(&query);
    let found = found.map_err(|error| EditError::Store(error.to_string()))?;
    let actor = Actor::system("command line");
    let password = Some(password.to_owned());
    let edit = match found.rows.into_iter().next() {
        Some(login) => Edit::update(
            actor,
            at,
            &Login {
                password,
                disabled: false,
                ..login
            },
        ),
        None => Edit::create(actor, at, &admin(name, password)),
    };
    writer.edit(edit).map(drop)
}

fn admin(name: &str, password: Option<String>) -> Login {
    Login {
        id: 0,
        revision: 0,
        name: name.to_owned(),
        role: Role::Admin,
        account_id: None,
        rights: Rights::new(),
        disabled: false,
        email: String::new(),
        password,
    }
}

/// An argon2id hash in PHC form, with a random salt.
pub(crate) fn hash(password: &str) -> Result<String, EditError> {
    if password.chars().count() < SHORTEST_PASSWORD || password.len() > LONGEST_PASSWORD {
        let reason = format!("must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters");
        return Err(EditError::field("password", reason));
    }
    hash_any(password).map_err(|error| EditError::Store(format!("hash a password: {error}")))
}

fn hash_any(password: &str) -> Result<String, argon2::password_hash::Error> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash: PasswordHash| hash.to_string())
}

fn hash_matches(stored: &str, password: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// What unknown names are held against: the same work as a known one.
fn dummy_hash() -> &'static str {
    static DUMMY: OnceLock<String> = OnceLock::new();
    DUMMY.get_or_init(|| hash_any("nobody has this password").unwrap_or_default())
}

fn find(connection: &Connection, name: &str) -> Result<Option<(i64, String)>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id, password_hash FROM login WHERE name = ?1")?;
    Ok(statement
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

struct Attempt {
    id: i64,
    matches: bool,
    stored: String,
    address: String,
    at: UtcMs,
}

/// As it is now, in the transaction that counts the attempt: attempts made at the same time cannot slip by.
struct Row {
    identity: Identity,
    disabled: bool,
    failures: i64,
    locked_until: i64,
    hash: String,
}

fn count(
    transaction: &Connection,
    attempt: &Attempt,
) -> Result<Result<Identity, LoginError>, StoreError> {
    let Some(row) = read(transaction, attempt.id)? else {
        return Ok(Err(LoginError::Refused));
    };
    if row.locked_until > attempt.at.0 {
        return Ok(Err(LoginError::Locked {
            until: UtcMs(row.locked_until),
        }));
    }
    let actor = row.identity.actor(&attempt.address);
    let note = |action| {
        let entry = Audit {
            action,
            resource: Resource::Login,
            id: attempt.id,
            old: None,
            new: None,
        };
        audit(transaction, &actor, attempt.at, &entry)
    };
    if attempt.matches && !row.disabled && row.hash == attempt.stored {
        transaction.execute(
            "UPDATE login SET failures = 0, locked_until = 0, last_login_at = ?2 WHERE id = ?1",
            params![attempt.id, attempt.at.0],
        )?;
        note("log_in")?;
        return Ok(Ok(row.identity));
    }
    let failures = row.failures.saturating_add(1);
    let until = lock_ms(failures).map_or(0, |ms| attempt.at.0.saturating_add(ms));
    transaction.execute(
        "UPDATE login SET failures = ?2, locked_until = ?3 WHERE id = ?1",
        params![attempt.id, failures, until],
    )?;
    if until > 0 {
        note("locked")?;
    }
    Ok(Err(LoginError::Refused))
}

/// How long a login is locked after so many failures in a row.
fn lock_ms(failures: i64) -> Option<i64> {
    let beyond = failures
        .checked_sub(FAILURES)
        .filter(|beyond| *beyond >= 0)?;
    Some(
        FIRST_LOCK_MS
            .saturating_mul(1_i64 << beyond.min(20))
            .min(LONGEST_LOCK_MS),
    )
}

fn read(connection: &Connection, id: i64) -> Result<Option<Row>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT name, role, account_id, rights, disabled, failures, locked_until, password_hash FROM login WHERE id = ?1",
    )?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let corrupt = |error: serde_json::Error| StoreError::corrupt(format!("login {id}"), error);
    let (role, rights): (String, String) = (row.get(1)?, row.get(3)?);
    Ok(Some(Row {
        identity: Identity {
            login: LoginId(id),
            name: row.get(0)?,
            role: serde_json::from_value(role.into()).map_err(corrupt)?,
            account: row.get::<_, Option<i64>>(2)?.map(AccountId),
            rights: serde_json::from_str(&rights).map_err(corrupt)?,
        },
        disabled: row.get(4)?,
        failures: row.get(5)?,
        locked_until: row.get(6)?,
        hash: row.get(7)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::lock_ms;

    #[test]
    fn locks_double_up_to_a_quarter_of_an_hour() {
        let table = [
            (0, None),
            (4, None),
            (5, Some(30_000)),
            (6, Some(60_000)),
            (9, Some(480_000)),
            (10, Some(900_000)),
            (i64::MAX, Some(900_000)),
        ];
        for (failures, expected) in table {
            assert_eq!(lock_ms(failures), expected, "{failures}");
        }
    }
}
