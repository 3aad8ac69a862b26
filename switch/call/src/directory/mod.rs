//! The directory: one immutable snapshot of everything the call path reads (design.md section 4).
//!
//! The store builds it and swaps it whole after an edit; live calls keep the one they started with. Plain
//! checked data plus look-up indexes; balances are not in it.

mod did;
pub mod guard;
pub mod health;
pub mod hunt_codes;
pub mod lists;
mod peer;
mod settings;
pub mod signalling;
pub mod spec;
mod upstream;

pub use did::{Did, DidSource, DidTarget, Dids, called};
pub use guard::GuardSettings;
pub use health::Health;
pub use hunt_codes::HuntCodes;
pub use lists::CallLists;
pub use peer::{
    CallsIn, Gateway, GatewayAuth, GatewayHost, GatewayNaming, GatewayTls, HuntTerms, TlsTrust,
};
pub use settings::{
    DigestAlgorithms, MediaSettings, Settings, SoundSettings, WaitingTone, announcement,
};
pub use signalling::Signalling;
pub use spec::DirectorySpec;
pub use tandem_sdp::play::is_file_name as is_sound_file;
pub use upstream::{InboundReach, Upstream, Upstreams};

use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tandem_billing::{
    AccountId, Currency, GatewayId, Micros, RouteId, RoutingGroupId, TariffBook, TariffId,
    UpstreamId, UtcMs, exchange::Ratios, number_rule::NumberRules, prefix::PrefixMap, tariff::Span,
};
use tandem_sip::{Transport, digest::Ha1};

/// A customer or reseller as the call path reads it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Row id.
    pub id: AccountId,
    /// Login: also the name reports show.
    pub login: String,
    /// How its calls are recognised.
    pub kind: AccountKind,
    /// Only active ones call.
    pub status: AccountStatus,
    /// Fixed at creation; its tariffs have the same.
    pub currency: Currency,
    /// 0 for prepaid; a credit limit otherwise (0 means none).
    pub credit_limit: Micros,
    /// What it pays; None refuses its calls.
    pub tariff: Option<TariffId>,
    /// None takes the nearest reseller's.
    pub routing_group: Option<RoutingGroupId>,
    /// The reseller above, if any; resellers are accounts too.
    pub reseller: Option<AccountId>,
    /// Rewriting toward plan, tariff and caller ID.
    pub rules: NumberRules,
    /// Applied before the caller rules.
    pub caller_id: CallerIdRule,
    /// How its phones and addresses are spoken to.
    pub signalling: Signalling,
    /// Empty allows all. Emergency numbers pass both lists.
    pub allowed_prefixes: Vec<String>,
    /// Numbers it may not call.
    pub blocked_prefixes: Vec<String>,
    /// Of its whole branch, if a reseller.
    pub limits: Limits,
    /// Seconds; 0 means the global setting.
    pub max_duration_s: u32,
    /// Refuse calls dearer than this per minute.
    pub max_rate_per_minute: Option<Micros>,
    /// Most that its calls, with those of accounts below a reseller, may cost it in a day of its time zone: what
    /// was charged since midnight and what open calls hold.
    pub daily_spend_limit: Option<Micros>,
    /// A balance that falls below raises an alert.
    pub low_balance_at: Option<Micros>,
    /// Where its days begin.
    pub time_zone: jiff::tz::TimeZone,
    /// Lower-case names in order of preference; empty allows all.
    pub codecs: Vec<String>,
    /// Direct only where the target allows it too.
    pub media: MediaMode,
    /// Of its phones and addresses.
    pub srtp: SrtpPolicy,
    /// Whether a route dearer than the sale may be taken.
    pub loss_allowed: LossPolicy,
    /// From then on its calls are refused.
    pub expires_at: Option<UtcMs>,
    /// Dialled prefix -> tariff, before all others (rating.md rule 1.2).
    /// Dialled prefix -> tariff, caller prefix -> tariff (rating.md section 1).
    pub dnis_tariffs: PrefixMap<TariffId>,
    /// Caller prefix -> tariff, before the account's own.
    pub ani_tariffs: PrefixMap<TariffId>,
}

/// How calls are recognised as the account's (features.md section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// By source address.
    Wholesale,
    /// By digest.
    Retail,
    /// By PIN.
    CallingCard,
    /// By caller number at a trigger number.
    Callback,
    /// By its cabins.
    CallShop,
    /// By all of these.
    Common,
    /// Places no calls itself; owns accounts.
    Reseller {
        /// 1 is the topmost.
        level: u8,
    },
}
/// Whether it may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// It may.
    Active,
    /// Not for now.
    Blocked,
    /// Not until extended.
    Expired,
    /// Never again.
    Closed,
}
/// What the loss guard does with a route dearer than the sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossPolicy {
    /// Drops it.
    Refuse,
    /// Keeps it.
    Allow,
}
/// What the far end sees as the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerIdRule {
    /// As the phone sends it.
    Pass,
    /// Always this.
    Fixed(String),
    /// Only one of these, else the first.
    OneOf(Vec<String>),
}
/// Which way the audio takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaMode {
    /// Through our relay.
    Relay,
    /// No relay: the sides exchange audio directly.
    Direct,
}
/// Whether keys for SRTP travel in a peer's descriptions (SDES, RFC 4568). Browsers' DTLS is taken whatever it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SrtpPolicy {
    /// Never: its audio is plain.
    Off,
    /// Taken if the peer offers them.
    #[default]
    Accepted,
    /// Offered to the peer as well, which may go without (`RTP/AVP` with `a=crypto`).
    Offered,
    /// No audio without them (`RTP/SAVP`).
    Required,
}
/// 0 means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Up at once, ringing included.
    pub max_calls: u32,
    /// Begun within a second.
    pub max_cps: u32,
}

/// How a source address is recognised as an account's.
#[derive(Clone, Debug)]
pub struct SourceAddress {
    /// Whose.
    pub account: AccountId,
    /// First address of the network.
    pub network: IpAddr,
    /// Leading bits that must agree: 32 or 128 for one address.
    pub prefix_len: u8,
    /// None takes any.
    pub port: Option<u16>,
    /// None takes any.
    pub transport: Option<Transport>,
    /// The dialled number must begin with it; it is stripped. Empty for none.
    pub tech_prefix: String,
}

/// One SIP log-in of an account.
#[derive(Clone, Debug)]
pub struct Device {
    /// Digest user name.
    pub username: String,
    /// Whose.
    pub account: AccountId,
    /// All that is kept of its password.
    pub ha1: Ha1,
    /// Number others reach it by, besides its username.
    pub extension: Option<String>,
}

/// What an account's calls are routed by.
#[derive(Clone, Debug)]
pub struct RoutingGroup {
    /// Row id.
    pub id: RoutingGroupId,
    /// For people.
    pub name: String,
    /// Rows of the group it inherits from are tried after its own of the same prefix.
    pub inherits: Option<RoutingGroupId>,
    /// Order among rows of one prefix.
    pub policy: RoutingPolicy,
    /// Its rows.
    pub routes: PrefixMap<Vec<Arc<Route>>>,
}
/// How rows of one prefix are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutingPolicy {
    /// By priority, equal ones by share.
    AsListed,
    /// Cheapest cost tariff first.
    LeastCost,
    /// Best recent ASR, then ACD.
    Quality,
    /// Widest margin first.
    Margin,
}

/// A row of the dial plan.
#[derive(Clone, Debug)]
pub struct Route {
    /// Row id.
    pub id: RouteId,
    /// What the number begins with; longest wins. Empty fits all.
    pub prefix: String,
    /// Lower first.
    pub priority: u16,
    /// Where it leads.
    pub target: Target,
    /// Percent among rows of the same prefix and priority.
    pub share: u8,
    /// When it holds.
    pub hours: Hours,
    /// Rewriting before the target's own.
    pub rules: NumberRules,
    /// Of calls by this row.
    pub limits: Limits,
    /// Disabled rows are skipped.
    pub enabled: bool,
}
/// Days and minutes in a time zone; the default is always. As `billing::tariff::Span`.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// Which days and minutes.
    pub span: Span,
    /// Whose wall clock.
    pub time_zone: jiff::tz::TimeZone,
}
/// Where a dial plan row leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A terminator.
    Gateway(GatewayId),
    /// A registration held elsewhere.
    Upstream(UpstreamId),
    /// Registered phones of an account.
    Account(AccountId),
    /// The registered device or extension whose name is the dialled number.
    LocalDevice,
    /// Nowhere: the call is refused and the hunt ends here.
    Reject {
        /// 400 to 699.
        status: u16,
        /// Reason phrase.
        reason: String,
    },
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
    /// Registrations held elsewhere.
    pub upstreams: Upstreams,
    /// The numbers at which others call in.
    pub dids: Arc<Dids>,
    /// Routing groups with their dial plan rows.
    pub groups: BTreeMap<RoutingGroupId, Arc<RoutingGroup>>,
    /// All tariffs, selling and buying.
    pub tariffs: TariffBook,
    /// Block- and allowlists.
    pub lists: Arc<CallLists>,
    /// Who is heard and who is not.
    pub source_rules: Arc<guard::SourceRules>,
    /// What currencies are worth.
    pub ratios: Arc<Ratios>,
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

    /// Whether a reseller could have said whose it is.
    #[must_use]
    pub fn is_below_reseller(&self, account: AccountId) -> bool {
        let account = self.accounts.get(&account);
        account.is_some_and(|account| account.reseller.is_some())
    }

    /// The most specific source row that fits: longest network, then one with a port, then with a transport,
    /// then the longest tech prefix; on a full tie the first. A gateway's address is none of a reseller's customer.
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
        let of_gateway = self.is_gateway(remote.ip());
        let fitting = fitting.filter(|row| !(of_gateway && self.is_below_reseller(row.account)));
        // The last of equals wins in `max_by_key`: reversed, that is the first row.
        fitting.max_by_key(|row| rank(row))
    }

    /// Whether a gateway's host has this address.
    #[must_use]
    pub fn is_gateway(&self, remote: IpAddr) -> bool {
        let remote = remote.to_canonical();
        let mut hosts = self.gateways.values().flat_map(|gateway| &gateway.hosts);
        hosts.any(|host| host.address.ip().to_canonical() == remote)
    }

    /// The gateway one of whose hosts has this address, and whose its calls are; the first one that takes any.
    #[must_use]
    pub fn inbound_gateway(&self, remote: IpAddr) -> Option<(&Gateway, &CallsIn)> {
        self.gateways_at(remote)
            .find_map(|gateway| Some((&**gateway, gateway.inbound.as_ref()?)))
    }

    /// The gateways that have a host at this address, in order of their ids.
    pub fn gateways_at(&self, remote: IpAddr) -> impl Iterator<Item = &Arc<Gateway>> {
        let remote = remote.to_canonical();
        let at = move |host: &GatewayHost| host.address.ip().to_canonical() == remote;
        self.gateways
            .values()
            .filter(move |gateway| gateway.enabled && gateway.hosts.iter().any(at))
    }

    /// What a dial plan row leads to, by name.
    #[must_use]
    pub fn target_name(&self, target: &Target) -> String {
        match target {
            Target::Gateway(id) => self
                .gateways
                .get(id)
                .map_or_else(|| format!("gateway {id}"), |g| g.name.clone()),
            Target::Upstream(id) => self
                .upstreams
                .get(*id)
                .map_or_else(|| format!("upstream {id}"), |one| one.name.clone()),
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
