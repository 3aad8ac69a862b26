//! Edits: create, update and delete of records, checked, in one transaction with their audit rows.
//!
//! An update or delete names the revision it was made on, so that two people never overwrite each other
//! unknowingly. Several edits given together are done all or not at all.

mod account;
mod act;
mod apply;
mod check;
mod dial_plan;
mod did;
mod operator;
mod reseller;
mod settings;
mod source_address;
mod tariff;
mod upstream;

pub use act::Act;
pub(crate) use apply::{Audit, apply, audit};
pub(crate) use check::{parse_network, parse_zone, zone_of};
pub(crate) use dial_plan::parse_fingerprint;
pub use did::{AddedDids, MAX_RANGE as MAX_DID_RANGE};
pub(crate) use operator::SHORTEST_PASSWORD;
pub(crate) use reseller::may_edit_tariff;
pub use settings::{SettingInfo, settings};
pub(crate) use settings::{add_missing_settings, base_currency, read_settings};
pub(crate) use tariff::build_sheet;

use crate::{
    query::Scope,
    record::{Record, Resource},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tandem_billing::{LoginId, UtcMs};

/// Who edits: written into the audit log, and held against the scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// None for the command line and background tasks.
    pub login: Option<LoginId>,
    /// Name of the login, or of the task.
    pub name: String,
    /// Where it is connected from; empty if local.
    pub address: String,
    /// What it may touch.
    pub scope: Scope,
}

impl Actor {
    /// The switch itself, or its command line: may touch everything.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self {
            login: None,
            name: name.to_owned(),
            address: String::new(),
            scope: Scope::All,
        }
    }
}

/// One edit.
#[derive(Clone, Debug)]
pub struct Edit {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: UtcMs,
    /// What.
    pub change: Change,
}

/// What an edit does. `value` is the record's flat JSON object, `id` and `revision` in it.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new row; `id` and `revision` are ignored.
    Create {
        /// Of what kind.
        resource: Resource,
        /// The record.
        value: Map<String, Value>,
    },
    /// The whole record as it shall be.
    Update {
        /// Of what kind.
        resource: Resource,
        /// The record, with the revision it was made on.
        value: Map<String, Value>,
    },
    /// Refused while others refer to it.
    Delete {
        /// Of what kind.
        resource: Resource,
        /// Which.
        id: i64,
        /// As it was seen.
        revision: i64,
    },
}

impl Edit {
    /// Creates `record`.
    ///
    /// # Panics
    /// Never: records serialise to objects.
    #[must_use]
    pub fn create<R: Record>(actor: Actor, at: UtcMs, record: &R) -> Self {
        let change = Change::Create {
            resource: R::RESOURCE,
            value: object(record),
        };
        Self { actor, at, change }
    }
    /// Replaces the record of the same id and revision.
    #[must_use]
    pub fn update<R: Record>(actor: Actor, at: UtcMs, record: &R) -> Self {
        let change = Change::Update {
            resource: R::RESOURCE,
            value: object(record),
        };
        Self { actor, at, change }
    }
    /// Deletes a record.
    #[must_use]
    pub fn delete(actor: Actor, at: UtcMs, resource: Resource, id: i64, revision: i64) -> Self {
        let change = Change::Delete {
            resource,
            id,
            revision,
        };
        Self { actor, at, change }
    }
}

pub(crate) fn object<R: Serialize>(record: &R) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// What an edit made.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    /// Of what kind.
    pub resource: Resource,
    /// The row.
    pub id: i64,
    /// Its new revision; 0 if deleted.
    pub revision: i64,
    /// As stored, without secrets; null if deleted.
    pub value: Value,
}

/// One thing wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldError {
    /// The field.
    pub field: String,
    /// What is wrong and what to do about it.
    pub reason: String,
}

/// Why an edit was not made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EditError {
    /// All faults at once.
    #[error("{} field(s) are not valid: {}", .0.len(), list(.0))]
    Invalid(Vec<FieldError>),
    /// Someone else edited it since it was read.
    #[error("{resource} {id} is at revision {current} now, the edit was made on {expected}")]
    Conflict {
        /// Kind.
        resource: &'static str,
        /// Row.
        id: i64,
        /// As stored.
        current: i64,
        /// As edited.
        expected: i64,
    },
    /// No such row, or it is outside the actor's branch.
    #[error("{resource} {id} does not exist")]
    NotFound {
        /// Kind.
        resource: &'static str,
        /// Row.
        id: i64,
    },
    /// Others refer to it.
    #[error("{resource} {id} cannot be deleted: {by}")]
    InUse {
        /// Kind.
        resource: &'static str,
        /// Row.
        id: i64,
        /// What refers to it, and what to do.
        by: String,
    },
    /// The actor's role does not go that far.
    #[error("{0}")]
    Forbidden(String),
    /// Too many edits are waiting.
    #[error("the store is busy: try again")]
    Busy,
    /// The store failed; nothing was changed.
    #[error("the store failed: {0}")]
    Store(String),
}

fn list(faults: &[FieldError]) -> String {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    faults.join("; ")
}

impl EditError {
    /// One fault.
    pub(crate) fn field(field: &str, reason: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError {
            field: field.to_owned(),
            reason: reason.into(),
        }])
    }
}

impl From<rusqlite::Error> for EditError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.to_string())
    }
}

/// Called with the result of edits.
pub(crate) type Then = Box<dyn FnOnce(Result<Vec<Edited>, EditError>) + Send>;

/// An edit whose slow part is done: a password is a hash already.
#[derive(Debug)]
pub(crate) struct Prepared {
    edit: Edit,
    /// The hash of a login's new password.
    hash: Option<String>,
}

/// Hashes a login's password, on the caller's thread.
pub(crate) fn prepare(edit: Edit) -> Result<Prepared, EditError> {
    let hash = match &edit.change {
        Change::Create {
            resource: Resource::Login,
            value,
        }
        | Change::Update {
            resource: Resource::Login,
            value,
        } => match value.get("password") {
            Some(Value::String(password)) => Some(crate::login::hash(password)?),
            _ => None,
        },
        Change::Create { .. } | Change::Update { .. } | Change::Delete { .. } => None,
    };
    Ok(Prepared { edit, hash })
}
