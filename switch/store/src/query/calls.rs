//! One call with all that is kept of it.

use super::{CdrRow, ChargeRow, MediaRow};
use serde::{Deserialize, Serialize};
use tandem_billing::{cdr::Cost, exchange::KeptRatios};

/// A call, its charges per level, its cost and its decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CdrDetail {
    /// As in the list.
    #[serde(flatten)]
    pub cdr: CdrRow,
    /// Client first; a reseller sees the levels of its branch.
    pub charges: Vec<ChargeRow>,
    /// Operators only.
    pub cost: Option<Cost>,
    /// Of its currencies at the answer; operators only.
    pub exchange: Option<KeptRatios>,
    /// Both sides' audio.
    pub media: MediaRow,
    /// Operators only: JSON of `call::decide::Trace`.
    pub trace: Option<serde_json::Value>,
}

/// What was booked for a call so far, per account: charges less refunds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// Whose.
    pub account_id: tandem_billing::AccountId,
    /// Positive: what it paid.
    pub amount: tandem_billing::Micros,
}
