//! The directory: one immutable snapshot of everything the call path reads (design.md section 4).
//!
//! The store builds it and swaps it whole after an edit; live calls keep the one they started with. Plain
//! checked data plus look-up indexes; balances are not in it.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tandem_billing::{
    AccountId, Currency, GatewayId, Micros, RouteId, RoutingGroupId, TariffBook, TariffId, UtcMs,
    number_rule::NumberRules, prefix::PrefixMap,
};
use tandem_sip::{Transport, digest::Ha1};

#[derive(Clone, Debug)]
pub struct Account {
    pub id: AccountId,
    /// Login: also the name reports show.
    pub login: String,
    pub kind: AccountKind,
    pub status: AccountStatus,
    pub currency: Currency,
    /// 0 for prepaid; a credit limit otherwise (0 means none).
    pub credit_limit: Micros,
    pub tariff: Option<TariffId>,
    pub routing_group: Option<RoutingGroupId>,
    /// The reseller above, if any; resellers are accounts too.
    pub reseller: Option<AccountId>,
    pub rules: NumberRules,
    pub caller_id: CallerIdRule,
    /// Empty allows all. Emergency numbers pass both lists.
    pub allowed_prefixes: Vec<String>,
    pub blocked_prefixes: Vec<String>,
    pub limits: Limits,
    /// Seconds; 0 means the global setting.
    pub max_duration_s: u32,
    /// Refuse calls dearer than this per minute.
    pub max_rate_per_minute: Option<Micros>,
    /// Lower-case names in order of preference; empty allows all.
    pub codecs: Vec<String>,
    pub media: MediaMode,
    pub loss_allowed: LossPolicy,
    pub expires_at: Option<UtcMs>,
    /// Dialled prefix -> tariff, caller prefix -> tariff (rating.md section 1).
    pub dnis_tariffs: PrefixMap<TariffId>,
    pub ani_tariffs: PrefixMap<TariffId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    Wholesale,
    Retail,
    CallingCard,
    Callback,
    CallShop,
    Common,
    Reseller { level: u8 },
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    Active,
    Blocked,
    Expired,
    Closed,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossPolicy {
    Refuse,
    Allow,
}
/// What the far end sees as the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerIdRule {
    /** as the phone sends it */
    Pass,
    /** always this */
    Fixed(String),
    /** only one of these, else the first */
    OneOf(Vec<String>),
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaMode {
    Relay,
    /** no relay: the sides exchange audio directly */
    Direct,
}
/// 0 means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub max_calls: u32,
    pub max_cps: u32,
}

/// How a source address is recognised as an account's.
#[derive(Clone, Debug)]
pub struct SourceAddress {
    pub account: AccountId,
    pub network: IpAddr,
    pub prefix_len: u8,
    pub port: Option<u16>,
    pub transport: Option<Transport>,
    /// The dialled number must begin with it; it is stripped. Empty for none.
    pub tech_prefix: String,
}

/// One SIP log-in of an account.
#[derive(Clone, Debug)]
pub struct Device {
    pub username: String,
    pub account: AccountId,
    pub ha1: Ha1,
    /** number others reach it by, besides its username */
    pub extension: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Gateway {
    pub id: GatewayId,
    pub name: String,
    pub enabled: bool,
    /// In order of priority, then weight. Resolved addresses; names are resolved by the shell.
    pub hosts: Vec<GatewayHost>,
    pub transport: Transport,
    pub auth: Option<GatewayAuth>,
    pub rules: NumberRules,
    pub codecs: Vec<String>,
    pub limits: Limits,
    pub cost_tariff: Option<TariffId>,
    /// Final status codes on which the hunt stops instead of going on.
    pub stop_codes: Vec<u16>,
    /// Seconds without any provisional response after which the next route is tried.
    pub no_response_s: u32,
    pub ring_timeout_s: u32,
    pub media: MediaMode,
    pub currency: Currency,
    pub from_domain: Option<String>,
    pub send_pai: bool,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayHost {
    pub address: SocketAddr,
    pub priority: u16,
    pub weight: u16,
}
#[derive(Clone, Debug)]
pub struct GatewayAuth {
    pub username: String,
    pub password: String,
}

#[derive(Clone, Debug)]
pub struct RoutingGroup {
    pub id: RoutingGroupId,
    pub name: String,
    /// Rows of the group it inherits from are tried after its own of the same prefix.
    pub inherits: Option<RoutingGroupId>,
    pub policy: RoutingPolicy,
    pub routes: PrefixMap<Vec<Route>>,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutingPolicy {
    AsListed,
    LeastCost,
    Quality,
    Margin,
}

/// A row of the dial plan.
#[derive(Clone, Debug)]
pub struct Route {
    pub id: RouteId,
    pub prefix: String,
    pub priority: u16,
    pub target: Target,
    /// Percent among rows of the same prefix and priority.
    pub share: u8,
    pub hours: Hours,
    pub rules: NumberRules,
    pub limits: Limits,
    pub enabled: bool,
}
/// Days and minutes in a time zone; the default is always. As `billing::tariff::Span`.
#[derive(Clone, Debug)]
pub struct Hours {
    pub span: tandem_billing::tariff::Span,
    pub time_zone: jiff::tz::TimeZone,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Gateway(GatewayId),
    /// Registered phones of an account.
    Account(AccountId),
    /// The registered device or extension whose name is the dialled number.
    LocalDevice,
    Reject {
        status: u16,
        reason: String,
    },
}

/// Global settings of the call path; take effect with the snapshot.
#[derive(Clone, Debug)]
pub struct Settings {
    pub realm: String,
    pub ring_timeout_s: u32,
    pub max_duration_s: u32,
    /// Two hop limits: routes tried within one prefix, and in all.
    pub max_hops_per_prefix: u8,
    pub max_hops: u8,
    /// Prefixes or numbers that always pass lists (not balance unless their rate is free to call).
    pub emergency_numbers: Vec<String>,
    pub blocked_callers: Vec<String>,
    pub blocked_numbers: Vec<String>,
    pub rtp_inactivity_s: u32,
    pub global_limits: Limits,
    pub min_register_s: u32,
    pub max_register_s: u32,
    /// Longest slice reserved at once, seconds.
    pub max_slice_s: u32,
}

#[derive(Clone, Debug)]
pub struct Directory {
    pub version: u64,
    pub accounts: BTreeMap<AccountId, Arc<Account>>,
    /// By username.
    pub devices: HashMap<String, Arc<Device>>,
    /// By extension -> username.
    pub extensions: HashMap<String, String>,
    pub sources: Vec<SourceAddress>,
    pub gateways: BTreeMap<GatewayId, Arc<Gateway>>,
    pub groups: BTreeMap<RoutingGroupId, Arc<RoutingGroup>>,
    pub tariffs: TariffBook,
    pub settings: Settings,
}
impl Directory {
    /// Client first, then its resellers upward (at most 3); None if the chain is broken or circular.
    pub fn chain(&self, account: AccountId) -> Option<Vec<Arc<Account>>> {
        todo!()
    }
    /// The most specific source row that fits, by longest network, then port, transport, tech prefix.
    pub fn source(
        &self,
        remote: SocketAddr,
        transport: Transport,
        dialled: &str,
    ) -> Option<&SourceAddress> {
        todo!()
    }
}
