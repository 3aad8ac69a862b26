//! A directory as JSON writes it: for the command line's `decide`, for tests and for benchmarks.
//!
//! Plain data with defaults for all that may be left out; [`DirectorySpec::build`] checks it whole and says
//! every fault at once. The store builds its directories from its own rows, not from this.

mod check;
mod exchange;
mod gateway;

pub use exchange::{ExchangeSpec, RatioSpec};
pub use gateway::GatewaySpec;

use super::{
    Account, AccountKind, AccountStatus, CallerIdRule, Device, Did, Dids, Directory, Hours, Limits,
    LossPolicy, MediaMode, Route, RoutingGroup, RoutingPolicy, Settings, Signalling, SourceAddress,
    SrtpPolicy, Target, Upstreams,
    lists::{CallLists, ListEntry},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};
use tandem_billing::{
    AccountId, Currency, Micros, RouteId, RoutingGroupId, Tariff, TariffBook, TariffId, UtcMs,
    number_rule::NumberRules,
    prefix::PrefixMap,
    tariff::{Span, TariffSpec},
};
use tandem_sip::digest::Ha1;

/// Everything an operator could configure for the call path.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectorySpec {
    /// Rate sheets, selling and buying.
    pub tariffs: Vec<TariffSpec>,
    /// Customers and resellers.
    pub accounts: Vec<AccountSpec>,
    /// SIP log-ins.
    pub devices: Vec<DeviceSpec>,
    /// Known addresses.
    pub sources: Vec<SourceSpec>,
    /// Terminators.
    pub gateways: Vec<GatewaySpec>,
    /// The numbers at which others call in.
    pub dids: Vec<Did>,
    /// Routing groups with their rows.
    pub groups: Vec<GroupSpec>,
    /// Block- and allowlists.
    pub lists: Vec<ListEntry>,
    /// What currencies are worth.
    pub exchange: ExchangeSpec,
    /// Global settings.
    pub settings: Settings,
}

/// See [`Account`]; what is left out does not limit.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    /// Unique.
    pub id: AccountId,
    /// Unique.
    pub login: String,
    /// `{"reseller": {"level": 1}}` for resellers.
    #[serde(default = "common")]
    pub kind: AccountKind,
    /// Active if left out.
    #[serde(default = "active")]
    pub status: AccountStatus,
    /// ISO 4217.
    pub currency: Currency,
    /// Micro-units; 0 means none.
    #[serde(default)]
    pub credit_limit: Micros,
    /// What it pays.
    pub tariff: Option<TariffId>,
    /// Its routes; the nearest reseller's if left out.
    pub routing_group: Option<RoutingGroupId>,
    /// The reseller above.
    pub reseller: Option<AccountId>,
    /// Number rules, e.g. `00->;TP:00->;CP:!4930123`.
    #[serde(default)]
    pub rules: String,
    /// What the far end sees.
    #[serde(default = "pass")]
    pub caller_id: CallerIdRule,
    /// How its phones and addresses are spoken to.
    #[serde(default)]
    pub signalling: Signalling,
    /// Empty allows all.
    #[serde(default)]
    pub allowed_prefixes: Vec<String>,
    /// Refused.
    #[serde(default)]
    pub blocked_prefixes: Vec<String>,
    /// Calls at once and a second.
    #[serde(default)]
    pub limits: Limits,
    /// Seconds; 0 means the global setting.
    #[serde(default)]
    pub max_duration_s: u32,
    /// Micro-units a minute.
    pub max_rate_per_minute: Option<Micros>,
    /// Micro-units a day.
    pub daily_spend_limit: Option<Micros>,
    /// Micro-units.
    pub low_balance_at: Option<Micros>,
    /// IANA name; UTC if left out.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// In order of preference; empty allows all.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// `relay` if left out.
    #[serde(default = "relay")]
    pub media: MediaMode,
    /// `accepted` if left out.
    #[serde(default)]
    pub srtp: SrtpPolicy,
    /// `refuse` if left out.
    #[serde(default = "refuse")]
    pub loss_allowed: LossPolicy,
    /// UTC milliseconds.
    pub expires_at: Option<UtcMs>,
    /// Dialled prefix -> tariff, and caller prefix -> tariff.
    #[serde(default)]
    pub tariff_maps: TariffMaps,
}

/// Overrides of an account's tariff (rating.md rule 1.2).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TariffMaps {
    /// By dialled prefix.
    pub dnis: BTreeMap<String, TariffId>,
    /// By caller prefix.
    pub ani: BTreeMap<String, TariffId>,
}

/// See [`Device`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceSpec {
    /// Digest user name.
    pub username: String,
    /// In clear; turned into hashes for the realm at once.
    #[serde(default)]
    pub password: String,
    /// Whose.
    pub account: AccountId,
    /// A number besides the user name.
    pub extension: Option<String>,
}

/// See [`SourceAddress`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// Whose.
    pub account: AccountId,
    /// First address.
    pub network: IpAddr,
    /// One address if left out.
    pub prefix_len: Option<u8>,
    /// Any if left out.
    pub port: Option<u16>,
    /// Stripped from the dialled number.
    #[serde(default)]
    pub tech_prefix: String,
}

/// See [`RoutingGroup`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    /// Unique.
    pub id: RoutingGroupId,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// Tried after its own rows of the same prefix.
    pub inherits: Option<RoutingGroupId>,
    /// `as_listed` if left out.
    #[serde(default = "as_listed")]
    pub policy: RoutingPolicy,
    /// Dial plan rows.
    pub routes: Vec<RouteSpec>,
}

/// See [`Route`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// Unique.
    pub id: RouteId,
    /// Empty fits all.
    pub prefix: String,
    /// Lower first.
    #[serde(default)]
    pub priority: u16,
    /// `{"gateway": 1}`, `{"account": 2}`, `"local_device"`, `{"reject": {...}}`.
    pub target: Target,
    /// 100 if left out.
    #[serde(default = "hundred")]
    pub share: u8,
    /// Always if left out.
    #[serde(default)]
    pub span: Span,
    /// IANA name; UTC if left out.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Number rules.
    #[serde(default)]
    pub rules: String,
    /// Calls at once and a second.
    #[serde(default)]
    pub limits: Limits,
    /// On if left out.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn common() -> AccountKind {
    AccountKind::Common
}
fn active() -> AccountStatus {
    AccountStatus::Active
}
fn pass() -> CallerIdRule {
    CallerIdRule::Pass
}
fn relay() -> MediaMode {
    MediaMode::Relay
}
fn refuse() -> LossPolicy {
    LossPolicy::Refuse
}
fn as_listed() -> RoutingPolicy {
    RoutingPolicy::AsListed
}
pub(super) fn yes() -> bool {
    true
}
fn hundred() -> u8 {
    100
}
fn utc() -> String {
    "UTC".into()
}

/// What is wrong, and where: `accounts[3].rules: number rule at character 4: ...`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{at}: {reason}")]
pub struct SpecFault {
    /// Path of the field.
    pub at: String,
    /// What and how to mend it.
    pub reason: String,
}

/// Collects faults while the parts are built.
#[derive(Default)]
struct Faults(Vec<SpecFault>);

impl Faults {
    fn add(&mut self, at: String, reason: impl std::fmt::Display) {
        self.0.push(SpecFault {
            at,
            reason: reason.to_string(),
        });
    }

    fn zone(&mut self, at: String, name: &str) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(name).unwrap_or_else(|error| {
            self.add(at, error);
            jiff::tz::TimeZone::UTC
        })
    }

    fn signalling(&mut self, at: String, signalling: &Signalling) {
        if let Err((field, reason)) = signalling.check() {
            self.add(format!("{at}.signalling.{field}"), reason);
        }
    }

    fn rules(&mut self, at: String, text: &str) -> NumberRules {
        NumberRules::parse(text).unwrap_or_else(|error| {
            self.add(at, error);
            NumberRules::default()
        })
    }
}

impl DirectorySpec {
    /// Checks everything and builds the directory.
    ///
    /// # Errors
    /// All faults at once.
    pub fn build(self, version: u64) -> Result<Directory, Vec<SpecFault>> {
        let mut faults = Faults::default();
        check::check(&self, &mut faults);
        let realm = self.settings.realm.clone();
        let mut directory = Directory {
            version,
            accounts: self
                .accounts
                .into_iter()
                .enumerate()
                .map(|(at, spec)| spec.build(at, &mut faults))
                .collect(),
            devices: HashMap::new(),
            account_devices: BTreeMap::new(),
            extensions: HashMap::new(),
            sources: self.sources.into_iter().map(SourceSpec::build).collect(),
            gateways: self
                .gateways
                .into_iter()
                .enumerate()
                .map(|(at, spec)| spec.build(at, &mut faults))
                .collect(),
            upstreams: Upstreams::default(),
            dids: Arc::new(Dids::build(self.dids)),
            groups: self
                .groups
                .into_iter()
                .enumerate()
                .map(|(at, spec)| spec.build(at, &mut faults))
                .collect(),
            tariffs: tariffs(self.tariffs, &mut faults),
            lists: Arc::new(CallLists::build(self.lists)),
            source_rules: Arc::default(),
            ratios: Arc::new(self.exchange.build(&mut faults)),
            settings: self.settings,
        };
        for device in self.devices {
            directory
                .account_devices
                .entry(device.account)
                .or_default()
                .push(device.username.clone());
            if let Some(extension) = &device.extension {
                directory
                    .extensions
                    .insert(extension.clone(), device.username.clone());
            }
            let ha1 = Ha1::new(&device.username, &realm, &device.password);
            let DeviceSpec {
                username,
                account,
                extension,
                ..
            } = device;
            let device = Device {
                username: username.clone(),
                account,
                ha1,
                extension,
            };
            directory.devices.insert(username, Arc::new(device));
        }
        check::references(&directory, &mut faults);
        if faults.0.is_empty() {
            Ok(directory)
        } else {
            Err(faults.0)
        }
    }
}

fn tariffs(specs: Vec<TariffSpec>, faults: &mut Faults) -> TariffBook {
    let mut built = Vec::with_capacity(specs.len());
    for spec in specs {
        match Tariff::build(spec) {
            Ok(tariff) => built.push(Arc::new(tariff)),
            Err(errors) => errors
                .iter()
                .for_each(|error| faults.add("tariffs".into(), error)),
        }
    }
    TariffBook::build(built).unwrap_or_else(|errors| {
        errors
            .iter()
            .for_each(|error| faults.add("tariffs".into(), error));
        TariffBook::default()
    })
}

impl AccountSpec {
    fn build(self, at: usize, faults: &mut Faults) -> (AccountId, Arc<Account>) {
        let rules = faults.rules(format!("accounts[{at}].rules"), &self.rules);
        let time_zone = faults.zone(format!("accounts[{at}].time_zone"), &self.time_zone);
        faults.signalling(format!("accounts[{at}]"), &self.signalling);
        let account = Account {
            id: self.id,
            login: self.login,
            kind: self.kind,
            status: self.status,
            currency: self.currency,
            credit_limit: self.credit_limit,
            tariff: self.tariff,
            routing_group: self.routing_group,
            reseller: self.reseller,
            rules,
            caller_id: self.caller_id,
            signalling: self.signalling,
            allowed_prefixes: self.allowed_prefixes,
            blocked_prefixes: self.blocked_prefixes,
            limits: self.limits,
            max_duration_s: self.max_duration_s,
            max_rate_per_minute: self.max_rate_per_minute,
            daily_spend_limit: self.daily_spend_limit,
            low_balance_at: self.low_balance_at,
            time_zone,
            codecs: self.codecs,
            media: self.media,
            srtp: self.srtp,
            loss_allowed: self.loss_allowed,
            expires_at: self.expires_at,
            dnis_tariffs: PrefixMap::build(self.tariff_maps.dnis.into_iter().collect()),
            ani_tariffs: PrefixMap::build(self.tariff_maps.ani.into_iter().collect()),
        };
        (self.id, Arc::new(account))
    }
}

impl SourceSpec {
    fn build(self) -> SourceAddress {
        let one = if self.network.is_ipv4() { 32 } else { 128 };
        SourceAddress {
            account: self.account,
            network: self.network,
            prefix_len: self.prefix_len.unwrap_or(one),
            port: self.port,
            transport: None,
            tech_prefix: self.tech_prefix,
        }
    }
}

impl GroupSpec {
    fn build(self, at: usize, faults: &mut Faults) -> (RoutingGroupId, Arc<RoutingGroup>) {
        let mut rows: BTreeMap<String, Vec<Arc<Route>>> = BTreeMap::new();
        for (row, spec) in self.routes.into_iter().enumerate() {
            let route = spec.build(&format!("groups[{at}].routes[{row}]"), faults);
            rows.entry(route.prefix.clone())
                .or_default()
                .push(Arc::new(route));
        }
        let group = RoutingGroup {
            id: self.id,
            name: self.name,
            inherits: self.inherits,
            policy: self.policy,
            routes: PrefixMap::build(rows.into_iter().collect()),
        };
        (self.id, Arc::new(group))
    }
}

impl RouteSpec {
    fn build(self, at: &str, faults: &mut Faults) -> Route {
        let rules = faults.rules(format!("{at}.rules"), &self.rules);
        let time_zone = faults.zone(format!("{at}.time_zone"), &self.time_zone);
        Route {
            id: self.id,
            prefix: self.prefix,
            priority: self.priority,
            target: self.target,
            share: self.share,
            hours: Hours {
                span: self.span,
                time_zone,
            },
            rules,
            limits: self.limits,
            enabled: self.enabled,
        }
    }
}
