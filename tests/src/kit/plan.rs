//! Directories in a few words: accounts, devices, tariffs, gateways and a dial plan.

use rust_decimal::Decimal;
use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
};
use tandem_billing::{
    AccountId, Currency, DidId, GatewayId, Micros, RateId, RouteId, RoutingGroupId, Tariff,
    TariffBook, TariffId, UpstreamId,
    exchange::Ratios,
    number_rule::NumberRules,
    prefix::PrefixMap,
    tariff::{BandPolicy, Rate, Span, TariffSpec, Terms},
};
use tandem_call::directory::{
    Account, AccountKind, AccountStatus, CallerIdRule, Device, Did, DidTarget, Dids,
    DigestAlgorithms, Directory, Gateway, GatewayAuth, GatewayHost, GatewayNaming, GatewayTls,
    GuardSettings, Health, Hours, HuntCodes, HuntTerms, InboundReach, Limits, LossPolicy,
    MediaMode, MediaSettings, Route, RoutingGroup, RoutingPolicy, Settings, Signalling,
    SourceAddress, SrtpPolicy, Target, Upstream, Upstreams,
};
use tandem_sip::{Transport, digest::Ha1};

/// The realm of every plan.
pub const REALM: &str = "tandem.test";
/// Where the switch listens.
pub const SWITCH: ([u8; 4], u16) = ([192, 0, 2, 1], 5060);
/// All accounts route by this group.
const GROUP: RoutingGroupId = RoutingGroupId(1);

/// A directory being made.
#[derive(Clone)]
pub struct Plan {
    /// What it is so far.
    pub directory: Directory,
    tariffs: Vec<TariffSpec>,
    routes: BTreeMap<String, Vec<Arc<Route>>>,
    upstreams: Vec<Arc<Upstream>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self::new()
    }
}

/// The currency of every plan.
#[must_use]
pub fn euro() -> Currency {
    Currency::try_from("EUR".to_owned()).expect("EUR is a currency")
}

impl Plan {
    /// No account, no route.
    #[must_use]
    pub fn new() -> Self {
        Self {
            directory: empty(),
            tariffs: Vec::new(),
            routes: BTreeMap::new(),
            upstreams: Vec::new(),
        }
    }

    /// A tariff with one rate for every number: price per minute, blocks of `initial` then `increment` seconds.
    #[must_use]
    pub fn tariff(mut self, id: i64, price: &str, initial: u32, increment: u32) -> Self {
        self.tariffs.push(TariffSpec {
            id: TariffId(id),
            name: format!("tariff {id}"),
            currency: euro(),
            time_zone: "UTC".into(),
            decimals: 6,
            band_policy: BandPolicy::default(),
            base: None,
            holidays: Vec::new(),
            post_call_surcharge_pct: Decimal::ZERO,
            min_charge: None,
            max_charge: None,
            defaults: Terms {
                initial: Some(initial),
                increment: Some(increment),
                ..Terms::default()
            },
            rates: vec![Rate {
                id: RateId(id * 100),
                prefix: String::new(),
                description: "Anywhere".into(),
                price: price.parse().expect("a decimal price"),
                terms: Terms::default(),
                span: Span::default(),
                steps: Vec::new(),
                effective_from: None,
                effective_to: None,
                blocked: false,
                free_to_call: false,
            }],
        });
        self
    }

    /// Changes the tariff added last.
    #[must_use]
    pub fn with_tariff(mut self, change: impl FnOnce(&mut TariffSpec)) -> Self {
        change(self.tariffs.last_mut().expect("a tariff was added"));
        self
    }

    /// An account with a tariff, perhaps below a reseller.
    #[must_use]
    pub fn account(mut self, id: i64, tariff: i64, reseller: Option<i64>) -> Self {
        let account = account(AccountId(id), TariffId(tariff), reseller.map(AccountId));
        self.directory
            .accounts
            .insert(account.id, Arc::new(account));
        self
    }

    /// Changes an account.
    #[must_use]
    pub fn with_account(mut self, id: i64, change: impl FnOnce(&mut Account)) -> Self {
        let account = self
            .directory
            .accounts
            .get_mut(&AccountId(id))
            .expect("the account was added");
        change(Arc::make_mut(account));
        self
    }

    /// Calls from this address are the account's.
    #[must_use]
    pub fn source(mut self, account: i64, address: &str) -> Self {
        let address: SocketAddr = address.parse().expect("an address");
        self.directory.sources.push(SourceAddress {
            account: AccountId(account),
            network: address.ip(),
            prefix_len: 32,
            port: Some(address.port()),
            transport: None,
            tech_prefix: String::new(),
        });
        self
    }

    /// The last source's calls begin with this.
    #[must_use]
    pub fn tech_prefix(mut self, prefix: &str) -> Self {
        let source = self.directory.sources.last_mut();
        source.expect("a source was added").tech_prefix = prefix.into();
        self
    }

    /// A phone of an account; its password is its name reversed.
    #[must_use]
    pub fn device(mut self, account: i64, username: &str) -> Self {
        let id = AccountId(account);
        let ha1 = Ha1::new(username, REALM, &password(username));
        let device = Device {
            username: username.into(),
            account: id,
            ha1,
            extension: None,
        };
        self.directory
            .devices
            .insert(username.into(), Arc::new(device));
        self.directory
            .account_devices
            .entry(id)
            .or_default()
            .push(username.into());
        self
    }

    /// A gateway at an address, without limits or cost.
    #[must_use]
    pub fn gateway(mut self, id: i64, address: &str) -> Self {
        let gateway = gateway(GatewayId(id), address.parse().expect("an address"));
        self.directory
            .gateways
            .insert(gateway.id, Arc::new(gateway));
        self
    }

    /// A registration at a gateway as user `u<id>`, whose Contact is `token<id>`.
    #[must_use]
    pub fn upstream(mut self, id: i64, gateway: i64, change: impl FnOnce(&mut Upstream)) -> Self {
        let mut upstream = Upstream {
            id: UpstreamId(id),
            name: format!("upstream{id}"),
            enabled: true,
            gateway: GatewayId(gateway),
            registrar: Some("carrier.test".into()),
            user: format!("u{id}"),
            login: GatewayAuth {
                username: format!("auth{id}"),
                password: "secret".into(),
                realm: None,
            },
            expires_s: 600,
            keep_alive_s: 0,
            contact_user: format!("token{id}"),
            inbound: None,
            inbound_number: None,
            inbound_reach: InboundReach::Phones,
        };
        change(&mut upstream);
        self.upstreams.push(Arc::new(upstream));
        self
    }

    /// A number of an account; calls in to it ring its phones.
    #[must_use]
    pub fn did(
        mut self,
        id: i64,
        number: &str,
        account: i64,
        change: impl FnOnce(&mut Did),
    ) -> Self {
        let mut did = Did {
            id: DidId(id),
            number: number.into(),
            source: None,
            account: Some(AccountId(account)),
            target: DidTarget::Phones,
            tariff: None,
            max_calls: 0,
            enabled: true,
        };
        change(&mut did);
        let others = self.directory.dids.iter().map(|did| Did::clone(did));
        self.directory.dids = Arc::new(Dids::build(others.chain([did]).collect::<Vec<_>>()));
        self
    }

    /// Changes a gateway.
    #[must_use]
    pub fn with_gateway(mut self, id: i64, change: impl FnOnce(&mut Gateway)) -> Self {
        let gateway = self
            .directory
            .gateways
            .get_mut(&GatewayId(id))
            .expect("the gateway was added");
        change(Arc::make_mut(gateway));
        self
    }

    /// A dial plan row; lower priorities are tried first.
    #[must_use]
    pub fn route(mut self, prefix: &str, priority: u16, target: Target) -> Self {
        let id = 1 + self.routes.values().map(Vec::len).sum::<usize>();
        let rows = self.routes.entry(prefix.to_owned()).or_default();
        rows.push(Arc::new(Route {
            id: RouteId(i64::try_from(id).expect("few routes")),
            prefix: prefix.to_owned(),
            priority,
            target,
            share: 100,
            hours: Hours::always(),
            rules: NumberRules::default(),
            limits: Limits::default(),
            enabled: true,
        }));
        self
    }

    /// Changes the global settings.
    #[must_use]
    pub fn with_settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.directory.settings);
        self
    }

    /// The directory, tariffs and dial plan built.
    #[must_use]
    pub fn build(&self) -> Arc<Directory> {
        let mut directory = self.directory.clone();
        directory.upstreams = Upstreams::build(self.upstreams.clone(), &directory.gateways);
        let tariffs = self
            .tariffs
            .iter()
            .cloned()
            .map(|spec| Arc::new(Tariff::build(spec).expect("a sound tariff")));
        directory.tariffs = TariffBook::build(tariffs.collect()).expect("sound tariffs");
        let group = RoutingGroup {
            id: GROUP,
            name: "all".into(),
            inherits: None,
            policy: RoutingPolicy::AsListed,
            routes: PrefixMap::build(self.routes.clone().into_iter().collect()),
        };
        directory.groups.insert(GROUP, Arc::new(group));
        Arc::new(directory)
    }
}

/// The password of a device of a plan.
#[must_use]
pub fn password(username: &str) -> String {
    username.chars().rev().collect()
}

fn account(id: AccountId, tariff: TariffId, reseller: Option<AccountId>) -> Account {
    Account {
        id,
        login: format!("account{id}"),
        kind: AccountKind::Common,
        status: AccountStatus::Active,
        currency: euro(),
        credit_limit: Micros::ZERO,
        tariff: Some(tariff),
        routing_group: Some(GROUP),
        reseller,
        rules: NumberRules::default(),
        caller_id: CallerIdRule::Pass,
        signalling: Signalling::default(),
        allowed_prefixes: Vec::new(),
        blocked_prefixes: Vec::new(),
        limits: Limits::default(),
        max_duration_s: 0,
        max_rate_per_minute: None,
        daily_spend_limit: None,
        low_balance_at: None,
        time_zone: Hours::always().time_zone,
        codecs: Vec::new(),
        media: MediaMode::Relay,
        srtp: SrtpPolicy::default(),
        loss_allowed: LossPolicy::Allow,
        expires_at: None,
        dnis_tariffs: PrefixMap::default(),
        ani_tariffs: PrefixMap::default(),
    }
}

fn gateway(id: GatewayId, address: SocketAddr) -> Gateway {
    Gateway {
        id,
        name: format!("gateway{id}"),
        enabled: true,
        hosts: vec![GatewayHost {
            name: None,
            address,
            transport: Transport::Udp,
            priority: 0,
            weight: 0,
        }],
        tls: GatewayTls::default(),
        auth: None::<GatewayAuth>,
        rules: NumberRules::default(),
        codecs: Vec::new(),
        limits: Limits::default(),
        cost_tariff: None,
        hunt: HuntTerms {
            codes: HuntCodes::default(),
            no_response_s: 4,
            ring_timeout_s: 60,
        },
        hours: Hours::always(),
        health: Health::default(),
        media: MediaMode::Relay,
        srtp: SrtpPolicy::default(),
        currency: euro(),
        naming: GatewayNaming::default(),
        signalling: Signalling::default(),
        inbound: None,
    }
}

fn empty() -> Directory {
    Directory {
        version: 1,
        accounts: BTreeMap::new(),
        devices: HashMap::new(),
        account_devices: BTreeMap::new(),
        extensions: HashMap::new(),
        sources: Vec::new(),
        gateways: BTreeMap::new(),
        upstreams: Upstreams::default(),
        dids: Arc::default(),
        groups: BTreeMap::new(),
        tariffs: TariffBook::default(),
        lists: Arc::default(),
        source_rules: Arc::default(),
        ratios: Arc::new(Ratios::new(euro())),
        settings: Settings {
            realm: REALM.into(),
            digest_algorithms: DigestAlgorithms::Md5,
            ring_timeout_s: 60,
            max_duration_s: 0,
            max_hops_per_prefix: 5,
            max_hops: 10,
            emergency_numbers: Vec::new(),
            rtp_inactivity_s: 30,
            one_way_after_s: 10,
            global_limits: Limits::default(),
            min_register_s: 60,
            max_register_s: 3600,
            max_slice_s: 60,
            media: MediaSettings::default(),
            srtp_keys_in_clear: false,
            session_expires_s: 0,
            min_session_expires_s: 90,
            nonce_bound: true,
            guard: GuardSettings::default(),
        },
    }
}
