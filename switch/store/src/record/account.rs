//! Customers and resellers.

use super::records;
use serde::{Deserialize, Serialize};
use tandem_billing::{AccountId, Currency, Micros, RoutingGroupId, TariffId, UtcMs};
use tandem_call::directory::{Signalling, SrtpPolicy};

/// A customer or a reseller (`features.md` section 1). Its balance moves only through the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Row id; 0 before it is created.
    #[serde(default)]
    pub id: i64,
    /// Raised by every edit.
    #[serde(default)]
    pub revision: i64,
    /// Unique; 1 to 64 characters without spaces.
    pub login: String,
    /// How its calls are recognised; fixed at creation between customer and reseller.
    pub kind: AccountKind,
    /// Only active accounts may call.
    #[serde(default)]
    pub status: AccountStatus,
    /// Fixed at creation.
    pub currency: Currency,
    /// Prepaid accounts have no credit.
    #[serde(default)]
    pub payment_mode: PaymentMode,
    /// 0 or more; 0 means none.
    #[serde(default)]
    pub credit_limit: Micros,
    /// The reseller above; fixed at creation.
    #[serde(default)]
    pub reseller_id: Option<AccountId>,
    /// Must have the account's currency.
    #[serde(default)]
    pub tariff_id: Option<TariffId>,
    /// The dial plan its calls go by.
    #[serde(default)]
    pub routing_group_id: Option<RoutingGroupId>,
    /// From then on calls are refused.
    #[serde(default)]
    pub expires_at: Option<UtcMs>,
    /// What its calls may do.
    #[serde(flatten)]
    pub call: CallTerms,
    /// Who it is, for invoices and mail.
    #[serde(flatten)]
    pub person: Person,
    /// When to warn.
    #[serde(flatten)]
    pub low_balance: LowBalance,
    /// The batch it was generated in.
    #[serde(default)]
    pub lot: Option<String>,
    /// Set at creation.
    #[serde(default)]
    pub created_at: UtcMs,
    /// Resellers only: tariffs of others its accounts may use.
    #[serde(default)]
    pub granted_tariffs: Vec<TariffId>,
    /// Resellers only: routing groups its accounts may use.
    #[serde(default)]
    pub granted_groups: Vec<RoutingGroupId>,
}

/// What an account's calls may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallTerms {
    /// Number rules, `KEY:rule;KEY:rule` (`features.md` section 3).
    pub rules: String,
    /// What the far end sees as the caller.
    pub caller_id_mode: CallerIdMode,
    /// One number for `fixed`, one or more for `one_of`.
    pub caller_ids: Vec<String>,
    /// Empty allows all.
    pub allowed_prefixes: Vec<String>,
    /// Beats `allowed_prefixes`.
    pub blocked_prefixes: Vec<String>,
    /// Simultaneous calls; 0 is unlimited.
    pub max_calls: u32,
    /// Calls begun in one second; 0 is unlimited.
    pub max_cps: u32,
    /// Seconds; 0 takes the global setting.
    pub max_duration_s: u32,
    /// Calls dearer than this are refused.
    pub max_rate_per_minute: Option<Micros>,
    /// Charges of one local day; None is unlimited.
    pub daily_spend_limit: Option<Micros>,
    /// Lower-case names in order of preference; empty allows all.
    pub codecs: Vec<String>,
    /// Whether audio passes through us.
    pub media: MediaMode,
    /// Whether SRTP keys travel in the descriptions of its phones and addresses.
    pub srtp: SrtpPolicy,
    /// Whether a route dearer than the sale is used.
    pub loss_policy: LossPolicy,
    /// How its phones and addresses are spoken to and what they are trusted with.
    pub signalling: Signalling,
}

/// Personal and invoice data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// Of a person.
    pub name: String,
    /// Of a firm.
    pub company: String,
    /// Street and number.
    pub address: String,
    /// Town.
    pub city: String,
    /// Postal code.
    pub zip: String,
    /// State or region.
    pub state: String,
    /// ISO 3166 code or name.
    pub country: String,
    /// For alerts and invoices.
    pub email: String,
    /// For people, not for calls.
    pub phone: String,
    /// VAT or other tax number.
    pub tax_id: String,
    /// BCP 47 tag; empty takes the operator's.
    pub language: String,
    /// IANA name; empty takes the operator's.
    pub time_zone: String,
    /// Free text, for operators only.
    pub notes: String,
}

/// When an account is warned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LowBalance {
    /// Warned once when the balance falls below it.
    pub low_balance_at: Option<Micros>,
    /// Where the warning goes; empty takes `email`.
    pub low_balance_mail: String,
}

/// How a call is recognised as an account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// By source address.
    Wholesale,
    /// By registration and digest.
    Retail,
    /// By PIN over an access number.
    CallingCard,
    /// By caller number at a trigger number.
    Callback,
    /// A shop with cabins.
    CallShop,
    /// All of the above.
    Common,
    /// Directly below the operator.
    Reseller1,
    /// Below a reseller of level 1.
    Reseller2,
    /// Below a reseller of level 2.
    Reseller3,
}

impl AccountKind {
    /// 1 to 3 for resellers, None for customers.
    #[must_use]
    pub fn reseller_level(self) -> Option<u8> {
        match self {
            Self::Reseller1 => Some(1),
            Self::Reseller2 => Some(2),
            Self::Reseller3 => Some(3),
            Self::Wholesale
            | Self::Retail
            | Self::CallingCard
            | Self::Callback
            | Self::CallShop
            | Self::Common => None,
        }
    }
}

/// Whether an account may call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// It may.
    #[default]
    Active,
    /// By an operator or a rule; can be undone.
    Blocked,
    /// Its time is over; can be extended.
    Expired,
    /// For good; kept for its history.
    Closed,
}

/// When an account pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMode {
    /// Before it calls.
    #[default]
    Prepaid,
    /// After, up to its credit limit.
    Postpaid,
}

/// What the far end sees as the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerIdMode {
    /// As the caller sends it.
    #[default]
    Pass,
    /// Always the one in `caller_ids`.
    Fixed,
    /// One of `caller_ids`, else the first.
    OneOf,
}

/// Whether audio passes through us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaMode {
    /// It does.
    #[default]
    Relay,
    /// The sides exchange it directly.
    Direct,
}

/// What the loss guard does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossPolicy {
    /// Routes dearer than the sale are skipped.
    #[default]
    Refuse,
    /// They are used.
    Allow,
}

records!(Account);
