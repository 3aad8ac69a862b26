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
    number_rule::NumberRules, prefix::PrefixMap, tariff::Span,
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
    pub routes: PrefixMap<Vec<Arc<Route>>>,
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
    pub span: Span,
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

/// Everything an operator configured, at one instant.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Raised with every edit.
    pub version: u64,
    /// Customers and resellers.
    pub accounts: BTreeMap<AccountId, Arc<Account>>,
    /// By username.
    pub devices: HashMap<String, Arc<Device>>,
    /// Usernames of an account's devices.
    pub account_devices: BTreeMap<AccountId, Vec<String>>,
    /// By extension -> username.
    pub extensions: HashMap<String, String>,
    /// Any order: [`Directory::source`] picks the most specific.
    pub sources: Vec<SourceAddress>,
    /// Terminators.
    pub gateways: BTreeMap<GatewayId, Arc<Gateway>>,
    /// Routing groups with their dial plan rows.
    pub groups: BTreeMap<RoutingGroupId, Arc<RoutingGroup>>,
    /// All tariffs, selling and buying.
    pub tariffs: TariffBook,
    /// Global settings.
    pub settings: Settings,
}

/// Resellers above a customer at most (features.md section 6).
pub const MAX_RESELLERS: usize = 3;

impl Directory {
    /// Client first, then its resellers upward; None if an account is missing or the chain is longer than
    /// [`MAX_RESELLERS`] or circular.
    #[must_use]
    pub fn chain(&self, account: AccountId) -> Option<Vec<Arc<Account>>> {
        let mut chain = Vec::with_capacity(2);
        let mut next = Some(account);
        while let Some(id) = next {
            if chain.len() > MAX_RESELLERS {
                return None;
            }
            let found = self.accounts.get(&id)?;
            chain.push(Arc::clone(found));
            next = found.reseller;
        }
        Some(chain)
    }

    /// The most specific source row that fits: longest network, then one with a port, then with a transport,
    /// then the longest tech prefix; on a full tie the first.
    #[must_use]
    pub fn source(
        &self,
        remote: SocketAddr,
        transport: Transport,
        dialled: &str,
    ) -> Option<&SourceAddress> {
        let rank = |row: &SourceAddress| {
            (
                row.prefix_len,
                row.port.is_some(),
                row.transport.is_some(),
                row.tech_prefix.len(),
            )
        };
        let fitting = self
            .sources
            .iter()
            .rev()
            .filter(|row| row.fits(remote, transport, dialled));
        // The last of equals wins in `max_by_key`: reversed, that is the first row.
        fitting.max_by_key(|row| rank(row))
    }

    /// What a dial plan row leads to, by name.
    #[must_use]
    pub fn target_name(&self, target: &Target) -> String {
        match target {
            Target::Gateway(id) => self
                .gateways
                .get(id)
                .map_or_else(|| format!("gateway {id}"), |g| g.name.clone()),
            Target::Account(id) => self
                .accounts
                .get(id)
                .map_or_else(|| format!("account {id}"), |a| a.login.clone()),
            Target::LocalDevice => "local devices".to_owned(),
            Target::Reject { status, reason } => format!("reject {status} {reason}"),
        }
    }

    /// The username that a dialled number reaches: a device's own name, else an extension.
    #[must_use]
    pub fn device_by_number(&self, number: &str) -> Option<&Arc<Device>> {
        self.devices
            .get(number)
            .or_else(|| self.devices.get(self.extensions.get(number)?))
    }
}

impl Hours {
    /// Always, in UTC.
    #[must_use]
    pub fn always() -> Self {
        Self {
            span: Span::default(),
            time_zone: jiff::tz::TimeZone::UTC,
        }
    }

    /// Whether `at` lies within, by the wall clock of the time zone. A span that crosses midnight belongs to
    /// the day on which it begins.
    #[must_use]
    pub fn covers(&self, at: UtcMs) -> bool {
        if self.span == Span::default() {
            return true;
        }
        let Ok(instant) = jiff::Timestamp::from_millisecond(at.0) else {
            return false;
        };
        let local = instant.to_zoned(self.time_zone.clone());
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let today = local.weekday().to_monday_zero_offset().unsigned_abs();
        let Span {
            from_day,
            to_day,
            from_minute,
            to_minute,
            ..
        } = self.span;
        let on = |day: u8| {
            if from_day <= to_day {
                (from_day..=to_day).contains(&day)
            } else {
                day >= from_day || day <= to_day
            }
        };
        if from_minute <= to_minute {
            on(today) && (from_minute..to_minute).contains(&minute)
        } else {
            (on(today) && minute >= from_minute) || (on((today + 6) % 7) && minute < to_minute)
        }
    }
}

impl SourceAddress {
    fn fits(&self, remote: SocketAddr, transport: Transport, dialled: &str) -> bool {
        contains(self.network, self.prefix_len, remote.ip())
            && self.port.is_none_or(|port| port == remote.port())
            && self.transport.is_none_or(|wanted| wanted == transport)
            && dialled.starts_with(&self.tech_prefix)
    }
}

/// Whether `address` lies in `network/prefix_len`. IPv4-mapped IPv6 addresses count as IPv4.
fn contains(network: IpAddr, prefix_len: u8, address: IpAddr) -> bool {
    match (network.to_canonical(), address.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let differing = u32::from(network) ^ u32::from(address);
            differing
                .checked_shr(32 - u32::from(prefix_len.min(32)))
                .unwrap_or(0)
                == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let differing = u128::from(network) ^ u128::from(address);
            differing
                .checked_shr(128 - u32::from(prefix_len.min(128)))
                .unwrap_or(0)
                == 0
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
