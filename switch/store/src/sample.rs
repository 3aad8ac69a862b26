//! A demo operator: resellers, accounts with devices, gateways, dial plan, tariffs.

use crate::{EditError, Writer};
use tandem_billing::UtcMs;

/// What the demo needs to place calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// (username, password) of phones.
    pub devices: Vec<(String, String)>,
    /// Admin login and its password.
    pub admin: (String, String),
    /// Payments to post through the core: balances move only there.
    pub payments: Vec<tandem_billing::ledger::Movement>,
}

/// Fills an empty store. `hosts` are the addresses the three gateways get, `host:port`.
///
/// # Errors
/// If it is not empty or the store fails.
pub fn load(
    writer: &Writer,
    hosts: [&str; 3],
    password: &str,
    at: UtcMs,
) -> Result<Sample, EditError> {
    todo!()
}
