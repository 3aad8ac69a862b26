//! A store in a temporary folder with a reseller, its customer, the operator's customer, and money.

use crate::desk::Desk;
use std::{
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tandem_billing::{
    AccountId, Currency, GatewayId, Micros, RoutingGroupId, TariffId, UtcMs, tariff::Terms,
};
use tandem_store::{
    Actor, Edit, EditError, Edited, Event, Reader, Scope, Store, StoreOptions, Writer,
    record::{
        Account, AccountKind, AccountStatus, CallTerms, Device, Did, DidTarget, Gateway,
        GatewayAudio, GatewayAuth, GatewayHost, GatewayHours, GatewayInbound, GatewayLimits,
        GatewayTls, HuntTerms, Identity, InboundReach, LowBalance, PaymentMode, Person, Rate,
        Record, Route, RouteTarget, RoutingGroup, RoutingPolicy, Tariff, Transport, Upstream,
    },
};
use tempfile::TempDir;

/// 2026-11-23 00:00:00 UTC.
pub const START: UtcMs = UtcMs(1_795_392_000_000);
pub const ONE: i64 = 1_000_000;

pub fn euro() -> Currency {
    Currency::try_from("EUR".to_owned()).unwrap()
}

pub fn root() -> Actor {
    Actor::system("test")
}

pub fn branch(account: AccountId) -> Actor {
    Actor {
        scope: Scope::Branch(account),
        ..Actor::system("reseller")
    }
}

/// Fields of the faults an edit was refused for.
pub fn fields<T: std::fmt::Debug>(result: Result<T, EditError>) -> Vec<String> {
    match result {
        Err(EditError::Invalid(faults)) => {
            for fault in &faults {
                assert!(!fault.reason.is_empty());
            }
            faults.into_iter().map(|fault| fault.field).collect()
        }
        other => panic!("expected faults, not {other:?}"),
    }
}

/// Events as they come, waited for without sleeping.
#[derive(Default)]
pub struct Events {
    seen: Mutex<Vec<Event>>,
    came: Condvar,
}

impl Events {
    pub fn push(&self, event: Event) {
        self.seen.lock().unwrap().push(event);
        self.came.notify_all();
    }
    /// The first that fits, from the beginning.
    pub fn wait_for(&self, fits: impl Fn(&Event) -> bool) -> Event {
        let mut seen = self.seen.lock().unwrap();
        loop {
            if let Some(event) = seen.iter().find(|event| fits(event)) {
                return event.clone();
            }
            let (next, timeout) = self
                .came
                .wait_timeout(seen, Duration::from_secs(60))
                .unwrap();
            assert!(!timeout.timed_out(), "no such event; seen {next:?}");
            seen = next;
        }
    }
    pub fn durable(&self, seq: u64) {
        self.wait_for(|event| matches!(event, Event::Durable { seq: up_to } if *up_to >= seq));
    }
    pub fn count(&self, fits: impl Fn(&Event) -> bool) -> usize {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .filter(|event| fits(event))
            .count()
    }
    pub fn directory(&self) -> Option<Arc<tandem_call::Directory>> {
        let seen = self.seen.lock().unwrap();
        seen.iter().rev().find_map(|event| match event {
            Event::Directory(directory) => Some(Arc::clone(directory)),
            _ => None,
        })
    }
}

pub struct Fixture {
    pub folder: TempDir,
    pub clock: Arc<AtomicI64>,
    pub events: Arc<Events>,
    pub store: Option<Store>,
}

impl Fixture {
    pub fn empty() -> Self {
        let mut fixture = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(AtomicI64::new(START.0)),
            events: Arc::new(Events::default()),
            store: None,
        };
        fixture.open();
        fixture
    }
    /// Waits until a batch is durable and in its rows.
    pub fn in_rows(&self, seq: u64) {
        self.events.durable(seq);
        // Whatever the writer does besides comes after the rows of what was noted.
        self.writer().edit_all(Vec::new()).unwrap();
    }
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("tandem.db")
    }
    pub fn options(&self) -> StoreOptions {
        let (clock, events) = (Arc::clone(&self.clock), Arc::clone(&self.events));
        StoreOptions {
            clock: Arc::new(move || UtcMs(clock.load(Ordering::SeqCst))),
            on_event: Arc::new(move |event| events.push(event)),
            ..StoreOptions::default()
        }
    }
    pub fn open(&mut self) -> &mut Store {
        self.store = None;
        let store = Store::open(&self.path(), self.options()).unwrap();
        self.store.insert(store)
    }
    pub fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }
    pub fn writer(&self) -> Writer {
        self.store.as_ref().unwrap().writer()
    }
    pub fn reader(&self) -> Reader {
        self.store.as_ref().unwrap().reader()
    }
    pub fn close(&mut self) {
        self.store = None;
    }
    pub fn set_clock(&self, at: UtcMs) {
        self.clock.store(at.0, Ordering::SeqCst);
    }
    pub fn try_create<R: Record>(&self, record: &R) -> Result<Edited, EditError> {
        self.writer().edit(Edit::create(root(), START, record))
    }
    pub fn create<R: Record>(&self, record: &R) -> i64 {
        self.try_create(record)
            .unwrap_or_else(|error| panic!("{error}"))
            .id
    }
    pub fn update<R: Record>(&self, record: &R) -> Result<Edited, EditError> {
        self.writer().edit(Edit::update(root(), START, record))
    }
    pub fn get<R: Record>(&self, id: i64) -> R {
        self.reader().get(id, Scope::All).unwrap().unwrap()
    }
    pub fn verify(&self) {
        let report = tandem_store::verify::verify(&self.path()).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
    }
    /// What everything else is tested on.
    pub fn operator() -> (Self, Operator) {
        let fixture = Self::empty();
        let operator = Operator::make(&fixture);
        (fixture, operator)
    }
}

/// Ids of the usual rows.
#[derive(Clone, Copy, Debug)]
pub struct Operator {
    pub sell: TariffId,
    pub buy: TariffId,
    pub cost: TariffId,
    pub gateway: GatewayId,
    pub group: RoutingGroupId,
    /// Reseller of level 1, and its customer.
    pub reseller: AccountId,
    pub client: AccountId,
    /// The operator's own customer.
    pub direct: AccountId,
}

impl Operator {
    fn make(fixture: &Fixture) -> Self {
        let tariff_of = |name: &str, owner, price: &str| {
            let id = fixture.create(&Tariff {
                owner_id: owner,
                ..tariff(name)
            });
            fixture.create(&rate(id, "49", price));
            TariffId(id)
        };
        let cost = tariff_of("Cost", None, "0.01");
        let buy = tariff_of("Buy", None, "0.03");
        let sell_direct = tariff_of("Sell", None, "0.12");
        let group = RoutingGroupId(fixture.create(&group("Standard")));
        let gateway = GatewayId(fixture.create(&Gateway {
            cost_tariff_id: Some(cost),
            ..gateway("Alpha")
        }));
        fixture.create(&Route {
            target: RouteTarget::Gateway,
            gateway_id: Some(gateway),
            ..route(group, "49")
        });
        let reseller = AccountId(fixture.create(&Account {
            kind: AccountKind::Reseller1,
            tariff_id: Some(buy),
            routing_group_id: Some(group),
            granted_groups: vec![group],
            ..account("north")
        }));
        let sell = tariff_of("north Sell", Some(reseller), "0.06");
        let client = AccountId(fixture.create(&Account {
            reseller_id: Some(reseller),
            tariff_id: Some(sell),
            routing_group_id: Some(group),
            ..account("alice")
        }));
        let direct = AccountId(fixture.create(&Account {
            tariff_id: Some(sell_direct),
            routing_group_id: Some(group),
            ..account("bob")
        }));
        Self {
            sell,
            buy,
            cost,
            gateway,
            group,
            reseller,
            client,
            direct,
        }
    }
    /// A desk that journals calls of these accounts, each with 10 units on its balance.
    pub fn desk(&self, fixture: &mut Fixture) -> Desk {
        let store = fixture.store();
        let loaded = store.take_loaded().unwrap();
        drop(loaded);
        let mut desk = Desk::new(
            *self,
            &fixture.reader(),
            fixture.events.directory().unwrap(),
        );
        for account in [self.reseller, self.client, self.direct] {
            let batch = desk.pay(account, Micros(10 * ONE), START);
            let seq = batch.seq;
            fixture.writer().submit(batch).unwrap();
            fixture.events.durable(seq);
        }
        desk
    }
}

pub fn account(login: &str) -> Account {
    Account {
        id: 0,
        revision: 0,
        login: login.to_owned(),
        kind: AccountKind::Retail,
        status: AccountStatus::Active,
        currency: euro(),
        payment_mode: PaymentMode::Prepaid,
        credit_limit: Micros::ZERO,
        reseller_id: None,
        tariff_id: None,
        routing_group_id: None,
        expires_at: None,
        call: CallTerms::default(),
        person: Person::default(),
        low_balance: LowBalance::default(),
        lot: None,
        created_at: UtcMs(0),
        granted_tariffs: Vec::new(),
        granted_groups: Vec::new(),
    }
}

pub fn device(account: AccountId, username: &str) -> Device {
    Device {
        id: 0,
        revision: 0,
        account_id: account,
        username: username.to_owned(),
        extension: None,
        description: String::new(),
        disabled: false,
        password: Some("opensesame".to_owned()),
    }
}

pub fn tariff(name: &str) -> Tariff {
    serde_json::from_value(serde_json::json!({ "name": name, "currency": "EUR" })).unwrap()
}

pub fn rate(tariff: i64, prefix: &str, price: &str) -> Rate {
    Rate {
        id: 0,
        revision: 0,
        tariff_id: TariffId(tariff),
        prefix: prefix.to_owned(),
        description: format!("Destination {prefix}"),
        price: price.parse().unwrap(),
        terms: Terms::default(),
        span: tandem_billing::tariff::Span::default(),
        steps: Vec::new(),
        effective_from: None,
        effective_to: None,
        blocked: false,
        free_to_call: false,
    }
}

pub fn group(name: &str) -> RoutingGroup {
    RoutingGroup {
        id: 0,
        revision: 0,
        name: name.to_owned(),
        inherits_id: None,
        policy: RoutingPolicy::AsListed,
        notes: String::new(),
    }
}

pub fn gateway(name: &str) -> Gateway {
    Gateway {
        id: 0,
        revision: 0,
        name: name.to_owned(),
        disabled: false,
        hosts: vec![GatewayHost {
            host: "192.0.2.1".to_owned(),
            port: 5060,
            priority: 1,
            weight: 1,
            transport: None,
        }],
        transport: Transport::Udp,
        auth: GatewayAuth::default(),
        rules: String::new(),
        limits: GatewayLimits::default(),
        cost_tariff_id: None,
        currency: euro(),
        hunt: HuntTerms::default(),
        health: tandem_call::directory::Health::default(),
        hours: GatewayHours::default(),
        inbound: GatewayInbound::default(),
        tls: GatewayTls::default(),
        signalling: tandem_call::directory::Signalling::default(),
        identity: Identity::default(),
        audio: GatewayAudio::default(),
        notes: String::new(),
    }
}

pub fn did(number: &str, account: Option<AccountId>) -> Did {
    Did {
        id: 0,
        revision: 0,
        number: number.to_owned(),
        disabled: false,
        source_gateway_id: None,
        source_upstream_id: None,
        account_id: account,
        target: DidTarget::Phones,
        forward_to: None,
        refuse_status: None,
        refuse_reason: String::new(),
        tariff_id: None,
        max_calls: 0,
        note: String::new(),
    }
}

pub fn upstream(name: &str, gateway: GatewayId) -> Upstream {
    Upstream {
        id: 0,
        revision: 0,
        name: name.to_owned(),
        disabled: false,
        gateway_id: gateway,
        registrar: Some("carrier.test".to_owned()),
        username: "4930200".to_owned(),
        auth_username: None,
        auth_password: Some("upstream-secret".to_owned()),
        realm: None,
        expires_s: 3600,
        keep_alive_s: 30,
        contact_user: None,
        inbound_account_id: None,
        inbound_number: None,
        inbound_reach: InboundReach::Number,
        notes: String::new(),
    }
}

pub fn route(group: RoutingGroupId, prefix: &str) -> Route {
    Route {
        id: 0,
        revision: 0,
        routing_group_id: group,
        prefix: prefix.to_owned(),
        priority: 1,
        target: RouteTarget::LocalDevice,
        gateway_id: None,
        account_id: None,
        upstream_id: None,
        reject_status: None,
        reject_reason: String::new(),
        share: 100,
        span: tandem_billing::tariff::Span::default(),
        time_zone: "UTC".to_owned(),
        rules: String::new(),
        max_calls: 0,
        max_cps: 0,
        disabled: false,
    }
}
