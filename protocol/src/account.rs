//! Accounts, their SIP devices and source addresses.

use crate::{
    id::{AccountId, DeviceId, RoutingGroupId, SourceId, TariffId},
    signalling::Signalling,
    value::{Micros, Revision, UtcMs},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A customer or a reseller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Id.
    pub id: AccountId,
    /// Give it back with an update.
    pub revision: Revision,
    /// When it was made.
    pub created_at: UtcMs,
    /// Sum of all ledger entries.
    pub balance: Micros,
    /// Reserved by open calls. Spendable is balance + credit limit - held.
    pub held: Micros,
    /// Name of its tariff.
    #[serde(default)]
    pub tariff_name: Option<String>,
    /// Name of its routing group.
    #[serde(default)]
    pub routing_group_name: Option<String>,
    /// Login of the reseller above.
    #[serde(default)]
    pub reseller_login: Option<String>,
    /// What can be edited.
    pub edit: AccountEdit,
}

/// The editable part of an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountEdit {
    /// Unique name; reports show it. 1 to 64 characters.
    pub login: String,
    /// Kind.
    pub kind: AccountKind,
    /// Status.
    #[serde(default)]
    pub status: AccountStatus,
    /// ISO 4217 code; fixed once the account exists.
    pub currency: String,
    /// When it pays; none takes it from the credit limit.
    #[serde(default)]
    pub payment_mode: Option<PaymentMode>,
    /// 0 for prepaid (none, not unlimited).
    #[serde(default)]
    pub credit_limit: Micros,
    /// Sell tariff.
    #[serde(default)]
    pub tariff: Option<TariffId>,
    /// Routing group.
    #[serde(default)]
    pub routing_group: Option<RoutingGroupId>,
    /// The reseller above.
    #[serde(default)]
    pub reseller: Option<AccountId>,
    /// Numbers and prefixes.
    #[serde(default)]
    pub numbers: AccountNumbers,
    /// Limits.
    #[serde(default)]
    pub limits: AccountLimits,
    /// Codec names in lower case, in order of preference; empty allows all.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Audio through us or not.
    #[serde(default)]
    pub media: MediaMode,
    /// Whether SRTP keys travel in the descriptions of its phones.
    #[serde(default)]
    pub srtp: SrtpPolicy,
    /// How its phones and addresses are spoken to; operators only.
    #[serde(default)]
    pub signalling: Signalling,
    /// When it stops working.
    #[serde(default)]
    pub expires_at: Option<UtcMs>,
    /// Who it is.
    #[serde(default)]
    pub contact: Contact,
    /// When it is warned.
    #[serde(default)]
    pub low_balance: LowBalance,
    /// The batch it was generated in.
    #[serde(default)]
    pub lot: Option<String>,
    /// Resellers only: tariffs of others that its accounts may use.
    #[serde(default)]
    pub granted_tariffs: Vec<TariffId>,
    /// Resellers only: routing groups that its accounts may use.
    #[serde(default)]
    pub granted_groups: Vec<RoutingGroupId>,
}

/// When an account pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMode {
    /// Before it calls.
    Prepaid,
    /// After, up to its credit limit.
    Postpaid,
}

/// When an account is warned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LowBalance {
    /// Once when the balance falls below it.
    pub at: Option<Micros>,
    /// Where the warning goes; empty takes the account's e-mail.
    pub mail: String,
}

/// What an account is. How its calls are recognised follows from its devices and source addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// Recognised by source address.
    Wholesale,
    /// Recognised by digest.
    #[default]
    Retail,
    /// PIN over an access number.
    CallingCard,
    /// Caller number at a trigger number.
    Callback,
    /// A shop with cabins.
    CallShop,
    /// All of the above.
    Common,
    /// Reseller of level 1.
    Reseller1,
    /// Reseller of level 2.
    Reseller2,
    /// Reseller of level 3.
    Reseller3,
}
impl AccountKind {
    /// The reseller level, 1 to 3.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// May call.
    #[default]
    Active,
    /// Stopped by the operator.
    Blocked,
    /// Its time ran out.
    Expired,
    /// Ended for good.
    Closed,
}

/// Whether SRTP keys travel in a peer's descriptions (SDES); browsers bring their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SrtpPolicy {
    /// Never.
    Off,
    /// If the peer offers them.
    #[default]
    Accepted,
    /// Offered to the peer too; it may go without.
    Offered,
    /// No audio without.
    Required,
}

/// Whether audio passes through the switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaMode {
    /// Relayed.
    #[default]
    Relay,
    /// The sides exchange it directly.
    Direct,
}

/// Number handling of an account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccountNumbers {
    /// Number rules, for example `DP:00->;TP:00->;CP:!4420`.
    pub rules: String,
    /// What the far end sees.
    pub caller_id: CallerIdRule,
    /// Prefixes that may be called; empty allows all.
    pub allowed_prefixes: Vec<String>,
    /// Prefixes that may not be called.
    pub blocked_prefixes: Vec<String>,
    /// Dialled prefix -> tariff.
    pub dnis_tariffs: Vec<PrefixTariff>,
    /// Caller prefix -> tariff.
    pub ani_tariffs: Vec<PrefixTariff>,
}

/// What the far end sees as the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", content = "numbers", rename_all = "snake_case")]
pub enum CallerIdRule {
    /// As the phone sends it.
    #[default]
    Pass,
    /// Always this.
    Fixed(String),
    /// Only one of these, else the first.
    OneOf(Vec<String>),
}

/// A tariff override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrefixTariff {
    /// Number prefix.
    pub prefix: String,
    /// Tariff used instead of the account's.
    pub tariff: TariffId,
}

/// Limits of an account; 0 means unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccountLimits {
    /// Concurrent calls.
    pub max_calls: u32,
    /// Calls a second.
    pub max_cps: u32,
    /// Seconds of one call; 0 takes the global setting.
    pub max_duration_s: u32,
    /// Refuse calls dearer than this per minute.
    pub max_rate_per_minute: Option<Micros>,
    /// Charges of one local day; none is unlimited.
    pub daily_spend_limit: Option<Micros>,
    /// Whether a route dearer than the sale may be taken.
    pub loss_allowed: bool,
}

/// Personal data and notes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Contact {
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
    /// Notes for operators.
    pub notes: String,
}

/// A SIP log-in of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Id.
    pub id: DeviceId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Login of its account.
    #[serde(default)]
    pub account_login: Option<String>,
    /// Phones registered with it at the last commit.
    #[serde(default)]
    pub registrations: u32,
    /// What can be edited; the password is never told.
    pub edit: DeviceEdit,
}

/// The editable part of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceEdit {
    /// Whose.
    pub account: AccountId,
    /// SIP user name, unique. 1 to 64 characters.
    pub username: String,
    /// SIP password; needed at creation, kept when left out (never when the name changes). Never sent back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Number others reach it by, besides its user name.
    #[serde(default)]
    pub extension: Option<String>,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// Whether it may register and call.
    #[serde(default = "yes")]
    pub enabled: bool,
}
impl Default for DeviceEdit {
    fn default() -> Self {
        Self {
            account: AccountId::default(),
            username: String::new(),
            password: None,
            extension: None,
            description: String::new(),
            enabled: true,
        }
    }
}
fn yes() -> bool {
    true
}

/// A source address an account's calls come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceAddress {
    /// Id.
    pub id: SourceId,
    /// Give it back with an update.
    pub revision: Revision,
    /// Login of its account.
    #[serde(default)]
    pub account_login: Option<String>,
    /// What can be edited.
    pub edit: SourceEdit,
}

/// The editable part of a source address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceEdit {
    /// Whose.
    pub account: AccountId,
    /// Address or network: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
    pub network: String,
    /// Only from this port.
    #[serde(default)]
    pub port: Option<u16>,
    /// Only over this transport.
    #[serde(default)]
    pub transport: Option<Transport>,
    /// The dialled number must begin with it; it is stripped. Empty for none.
    #[serde(default)]
    pub tech_prefix: String,
}

/// How SIP travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// A stream.
    Tcp,
    /// A stream under TLS.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket under TLS.
    Wss,
}

/// Money of one account, from the live ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// Whose.
    pub account: AccountId,
    /// Sum of all ledger entries.
    pub balance: Micros,
    /// Reserved by open calls.
    pub held: Micros,
}

/// Accounts to ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BalanceParams {
    /// At most 1000.
    pub accounts: Vec<AccountId>,
}
