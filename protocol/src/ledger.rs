//! Payments and the append-only ledger.

use crate::{
    id::{AccountId, CallId, EntryId, LoginId},
    value::{Micros, UtcMs},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A payment to book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentParams {
    /// Whose balance.
    pub account: AccountId,
    /// What it is.
    pub kind: PaymentKind,
    /// Positive for payment and credit, and for the returns too (they are taken off); an adjustment has a sign.
    pub amount: Micros,
    /// For the account's statement. At most 500 characters.
    #[serde(default)]
    pub note: String,
    /// Names this request: sent again it books nothing and answers the same. 8 to 64 characters, best a random one.
    pub request_id: String,
}

/// Kinds of payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentKind {
    /// Money received.
    #[default]
    Payment,
    /// Money lent or given.
    Credit,
    /// A payment given back.
    Return,
    /// A credit taken back.
    ReturnCredit,
    /// A correction, with a sign.
    Adjustment,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentResult {
    /// The entry as booked.
    pub entry: LedgerEntry,
    /// The request id was used before: nothing was booked now.
    pub repeated: bool,
}

/// A call to pay back, whole or in part. Every level gets back the same part of its charge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundParams {
    /// Which CDR.
    pub call: CallId,
    /// What the client gets back, above 0; none is all that is left. All refunds of a call together are at most
    /// its charge.
    #[serde(default)]
    pub amount: Option<Micros>,
    /// For the accounts' statements. At most 500 characters.
    #[serde(default)]
    pub note: String,
    /// Names this request: sent again it books nothing and answers the same. 8 to 64 characters, best a random one.
    pub request_id: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefundResult {
    /// The entries as booked, client first.
    pub entries: Vec<LedgerEntry>,
    /// The request id was used before: nothing was booked now.
    pub repeated: bool,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerEntry {
    /// Id; none if it was booked this instant and the store has not numbered it for us.
    pub id: Option<EntryId>,
    /// Unique over all entries; empty for resellers.
    #[serde(default)]
    pub key: String,
    /// Whose balance.
    pub account: AccountId,
    /// Its login.
    #[serde(default)]
    pub account_login: Option<String>,
    /// ISO 4217 code of the amounts.
    #[serde(default)]
    pub currency: Option<String>,
    /// What it is.
    pub kind: EntryKind,
    /// From the account's view: a charge is negative.
    pub amount: Micros,
    /// Balance after it.
    pub balance_after: Micros,
    /// When.
    pub at: UtcMs,
    /// The call it is for.
    pub call: Option<CallId>,
    /// Who booked it.
    pub operator: Option<LoginId>,
    /// Its name.
    #[serde(default)]
    pub operator_name: Option<String>,
    /// Note.
    pub note: String,
}

/// Kinds of ledger entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Money received.
    Payment,
    /// Money lent or given.
    Credit,
    /// A payment given back.
    Return,
    /// A credit taken back.
    ReturnCredit,
    /// A correction.
    Adjustment,
    /// A call charge given back.
    Refund,
    /// A call.
    CallCharge,
    /// The difference of a call priced again.
    Rerate,
    /// A recurring fee.
    Fee,
    /// A voucher used.
    Voucher,
}
