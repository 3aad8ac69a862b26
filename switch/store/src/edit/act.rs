//! What operators do beside editing rows, kept in the audit log all the same.

use super::{Actor, apply::write_line};
use crate::{StoreError, Writer};
use serde_json::{Map, Value};
use tandem_billing::{AccountId, UtcMs};

/// One act.
#[derive(Clone, Debug)]
pub struct Act {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: UtcMs,
    /// What was done, such as `start`.
    pub action: &'static str,
    /// To what, such as `sip_trace`.
    pub resource: &'static str,
    /// Which.
    pub id: i64,
    /// Whose, if it is one account's.
    pub account: Option<AccountId>,
    /// How.
    pub detail: Map<String, Value>,
}

impl Writer {
    /// Writes an act into the audit log and returns when it is durable. Blocks: not for the core.
    ///
    /// # Errors
    /// The store failed or is closed.
    pub fn note(&self, act: Act) -> Result<(), StoreError> {
        self.call(move |committer| {
            committer.transact(|transaction| -> Result<(), StoreError> {
                let place = (
                    act.action,
                    act.resource,
                    act.id,
                    act.account.map(|account| account.0),
                );
                let new = Value::Object(act.detail).to_string();
                write_line(transaction, (&act.actor, act.at), place, (None, Some(new)))?;
                Ok(())
            })
        })?
    }
}
