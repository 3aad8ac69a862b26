//! After a crash: what was open is closed at the last second known to be durable, and billed once.
use crate::StoreError;
use rusqlite::Connection;
use tandem_billing::{AccountId, CallId, Micros, UtcMs};

/// Cause code of the CDRs made here.
pub const CRASH_CAUSE: &str = "switch.crash";

/// What a crash had left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// The last second known to be durable; None if no call was open.
    pub last_durable: Option<UtcMs>,
    /// What was done with each open call.
    pub calls: Vec<ClosedCall>,
}

/// An open call that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedCall {
    /// Which.
    pub call: CallId,
    /// Whose.
    pub account: Option<AccountId>,
    /// Billed time; 0 if it was never answered.
    pub duration_ms: u64,
    /// Per level, client first.
    pub charges: Vec<(AccountId, Micros)>,
}
pub(crate) fn recover(
    connection: &mut Connection,
    now: UtcMs,
) -> Result<RecoveryReport, StoreError> {
    todo!()
}
