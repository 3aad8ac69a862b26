//! Rows of lists that are read only.

use crate::record::Account;
use serde::{Deserialize, Serialize};
use tandem_billing::{
    AccountId, CallId, Currency, EntryId, GatewayId, LoginId, Micros, RateId, RouteId, TariffId,
    UtcMs, cdr::MediaStats, ledger::EntryKind,
};

/// An account with what the list shows beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountRow {
    /// As edited.
    #[serde(flatten)]
    pub account: Account,
    /// Sum of its ledger entries.
    pub balance: Micros,
    /// Held by open calls.
    pub held: Micros,
    /// Name of its tariff.
    pub tariff_name: Option<String>,
    /// Name of its routing group.
    pub routing_group_name: Option<String>,
    /// Login of the reseller above.
    pub reseller_login: Option<String>,
}

/// A call that ended. What a reseller may not see is None.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CdrRow {
    /// Which call.
    pub call_id: CallId,
    /// Whose; None if the caller was not recognised.
    pub account_id: Option<AccountId>,
    /// Its login.
    pub account_login: Option<String>,
    /// The numbers.
    #[serde(flatten)]
    pub numbers: CdrNumbers,
    /// The instants.
    #[serde(flatten)]
    pub times: CdrTimes,
    /// Row of the dial plan.
    #[serde(default)]
    pub route_id: Option<RouteId>,
    /// The last one tried.
    #[serde(default)]
    pub gateway_id: Option<GatewayId>,
    /// Its name.
    #[serde(default)]
    pub gateway_name: Option<String>,
    /// On-net calls: whose phone answered.
    pub callee_account_id: Option<AccountId>,
    /// Stable code, e.g. `answered.caller_hangup`.
    pub cause: String,
    /// Final status sent to the caller.
    pub sip_status: Option<u16>,
    /// Attempts that it stands for.
    pub attempts: u32,
    /// Lower-case name, of the caller's leg.
    pub codec: Option<String>,
    /// Of the called side's leg.
    pub codec_b: Option<String>,
    /// Estimated mean opinion score of the worse leg, hundredths.
    pub mos_x100: Option<u16>,
    /// `caller`, `callee` or `both`: who was not heard while the other side was.
    pub unheard: Option<String>,
    /// The call with which a transfer connects it.
    pub transfer_call_id: Option<CallId>,
    /// Files of its recording, with a space between them.
    pub recording: Option<String>,
    /// The money.
    #[serde(flatten)]
    pub money: CdrMoney,
}

/// The numbers of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CdrNumbers {
    /// Call-ID header of the A leg.
    pub a_call_id: String,
    /// Call-ID header of the last B leg.
    #[serde(default)]
    pub b_call_id: Option<String>,
    /// `address:port` the INVITE came from.
    pub source: String,
    /// Who called.
    pub caller: String,
    /// What was dialled.
    pub dialled: String,
    /// What was sent to the terminator.
    #[serde(default)]
    pub sent_number: Option<String>,
    /// What was rated.
    pub rating_number: Option<String>,
    /// Of the client's rate.
    pub prefix: Option<String>,
    /// Description of the client's rate.
    pub destination: Option<String>,
}

/// The instants of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CdrTimes {
    /// INVITE.
    pub started_at: UtcMs,
    /// First ringing.
    pub ringing_at: Option<UtcMs>,
    /// 200 OK.
    pub answered_at: Option<UtcMs>,
    /// End.
    pub ended_at: UtcMs,
    /// Monotonic, from answer to end.
    pub duration_ms: u64,
    /// INVITE to first ringing or answer.
    pub pdd_ms: Option<u64>,
}

/// The money of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CdrMoney {
    /// Of the client.
    pub billed_secs: u64,
    /// Of the client; None if nothing was rated.
    pub currency: Option<Currency>,
    /// What the client pays.
    pub charge: Micros,
    /// Of `revenue`.
    #[serde(default)]
    pub revenue_currency: Option<Currency>,
    /// What the operator gets: the charge of the topmost level.
    #[serde(default)]
    pub revenue: Option<Micros>,
    /// Of `cost`.
    #[serde(default)]
    pub cost_currency: Option<Currency>,
    /// What the terminator takes.
    #[serde(default)]
    pub cost: Option<Micros>,
    /// Revenue less cost, where both have one currency.
    #[serde(default)]
    pub margin: Option<Micros>,
}

/// The charge of one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChargeRow {
    /// 0 is the client, 1 its reseller, and so on upward.
    pub level: u8,
    /// Whose.
    pub account_id: AccountId,
    /// Its login.
    pub account_login: String,
    /// By which tariff.
    pub tariff_id: TariffId,
    /// By which row.
    pub rate_id: RateId,
    /// Of that row.
    pub prefix: String,
    /// Of that row.
    pub description: String,
    /// Of the account.
    pub currency: Currency,
    /// Of the first band.
    pub price_per_minute: rust_decimal::Decimal,
    /// After blocks.
    pub billed_secs: u64,
    /// Booked.
    pub charge: Micros,
}

/// One side's audio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRow {
    /// The caller's side.
    pub a: MediaStats,
    /// The callee's side.
    pub b: MediaStats,
}

/// A ledger entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// Row.
    pub id: EntryId,
    /// Unique over all entries; operators only.
    #[serde(default)]
    pub key: String,
    /// Whose.
    pub account_id: AccountId,
    /// Its login.
    pub account_login: String,
    /// Of the account.
    pub currency: Currency,
    /// Payment, charge, fee, ...
    pub kind: EntryKind,
    /// Signed from the account's view.
    pub amount: Micros,
    /// Of the account.
    pub balance_after: Micros,
    /// When.
    pub at: UtcMs,
    /// For charges.
    pub call_id: Option<CallId>,
    /// Who booked it by hand; operators only.
    #[serde(default)]
    pub operator_id: Option<LoginId>,
    /// Its name.
    #[serde(default)]
    pub operator_name: Option<String>,
    /// Free text.
    pub note: String,
}

/// An account's money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceRow {
    /// Whose.
    pub account_id: AccountId,
    /// Its login.
    pub account_login: String,
    /// Of both amounts.
    pub currency: Currency,
    /// Sum of its entries.
    pub amount: Micros,
    /// Held by open calls.
    pub held: Micros,
    /// 0 means none.
    pub credit_limit: Micros,
}

/// What someone edited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Row.
    pub id: i64,
    /// When.
    pub at: UtcMs,
    /// None for the command line and background tasks.
    pub login_id: Option<LoginId>,
    /// Its name at that time.
    pub who: String,
    /// Where it was connected from.
    pub address: String,
    /// `create`, `update`, `delete`, `replace_rates`, `login`, ...
    pub action: String,
    /// Name of the resource.
    pub resource: String,
    /// Which row.
    pub row_id: i64,
    /// The account it belongs to, if one.
    pub account_id: Option<AccountId>,
    /// Before; null for a creation.
    pub old_value: serde_json::Value,
    /// After; null for a deletion.
    pub new_value: serde_json::Value,
}

/// A phone that was registered when the journal last heard of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationRow {
    /// The device.
    pub username: String,
    /// Whose.
    pub account_id: AccountId,
    /// Its login.
    pub account_login: String,
    /// As the phone wrote it.
    pub contact: String,
    /// How it came.
    pub transport: String,
    /// Where it came from.
    pub remote: String,
    /// Until then.
    pub expires_at: UtcMs,
    /// What it says it is.
    pub user_agent: String,
}
