//! The simulated operator: accounts, tariffs, gateways and phones, as the reference model knows them and as the
//! switch's directory has them.

use super::{
    dice::{Dice, Topic},
    pricing::{Night, Sheet},
};
use crate::kit::Plan;
use rust_decimal::Decimal;
use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};
use tandem_billing::{
    Micros, RateId, TariffId,
    tariff::{BandPolicy, Rate, Span, TariffSpec},
};
use tandem_call::directory::{
    AccountKind, AccountStatus, Directory, GatewayAuth, GatewayHost, Limits, SoundSettings, Target,
};
use tandem_sip::Transport;

/// Blocks in seconds that operators use: first and further.
const BLOCKS: &[(u32, u32)] = &[
    (1, 1),
    (6, 6),
    (30, 6),
    (60, 60),
    (60, 1),
    (1, 60),
    (30, 30),
];
const PRICES: &[&str] = &["0.60", "0.12", "0.0173", "1.999", "0.05", "0.333333"];
/// Accounts that only resell.
pub const RESELLERS: [i64; 3] = [2, 3, 4];

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Rising from 1 without gaps.
    pub id: i64,
    /// The reseller above.
    pub parent: Option<i64>,
    /// Its tariff.
    pub sheet: i64,
    /// Micro-units.
    pub limit: i64,
    /// Opening balance in micro-units.
    pub opening: i64,
    /// Calls from here are its.
    pub trunk: Option<&'static str>,
    /// Username and address of its phones.
    pub phones: &'static [(&'static str, &'static str)],
    /// It may call.
    pub active: bool,
    /// Calls at once; 0 for no limit.
    pub max_calls: u32,
    /// Seconds; 0 for no limit.
    pub longest_s: u32,
}

impl Account {
    /// The devices of its phones, each once.
    #[must_use]
    pub fn devices(&self) -> BTreeSet<&'static str> {
        self.phones.iter().map(|(username, _)| *username).collect()
    }
}

/// A gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Its id.
    pub id: i64,
    /// Its hosts, the first tried first.
    pub hosts: &'static [&'static str],
    /// What it takes.
    pub cost: Option<i64>,
    /// It challenges every INVITE.
    pub challenges: bool,
    /// It gets calls.
    pub enabled: bool,
}

/// Everything configured at one moment.
#[derive(Clone, Debug)]
pub struct Operator {
    /// By id.
    pub accounts: Vec<Account>,
    /// By id.
    pub sheets: Vec<Sheet>,
    /// By id.
    pub gateways: Vec<Gateway>,
    /// Seconds reserved at once.
    pub slice_s: u32,
    /// The first gateway of a number changes with it.
    pub swapped: bool,
    /// Seconds after which a session ends unless it is refreshed; 0 where only callers ask for that.
    pub session_s: u32,
}

/// A host where nothing answers.
pub const DEAD_HOST: &str = "203.0.113.99:5060";

impl Operator {
    /// The operator of a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed, Topic::Operator);
        let accounts = accounts(&mut dice);
        let gateways = gateways(&mut dice);
        let sheets = (1..=14).map(|id| sheet(&mut dice, id)).collect();
        Self {
            accounts,
            sheets,
            gateways,
            slice_s: *dice.pick(&[10, 30, 60, 60, 300]),
            swapped: false,
            session_s: 0,
        }
    }

    /// An account.
    ///
    /// # Panics
    /// If there is none of this id.
    #[must_use]
    pub fn account(&self, id: i64) -> &Account {
        self.accounts
            .iter()
            .find(|account| account.id == id)
            .expect("an account")
    }

    /// An account's tariff.
    ///
    /// # Panics
    /// If there is none of this id.
    #[must_use]
    pub fn sheet(&self, id: i64) -> &Sheet {
        self.sheets
            .iter()
            .find(|sheet| sheet.id == id)
            .expect("a sheet")
    }

    /// Client first, then its resellers.
    #[must_use]
    pub fn chain(&self, id: i64) -> Vec<&Account> {
        let mut chain = vec![self.account(id)];
        while let Some(parent) = chain.last().and_then(|account| account.parent) {
            chain.push(self.account(parent));
        }
        chain
    }

    /// What the gateway takes, if anything.
    #[must_use]
    pub fn cost_of(&self, gateway: i64) -> Option<&Sheet> {
        let found = self.gateways.iter().find(|found| found.id == gateway)?;
        found.cost.map(|id| self.sheet(id))
    }

    /// As the switch is told it.
    #[must_use]
    pub fn directory(&self, version: u64) -> Arc<Directory> {
        let mut plan = Plan::new();
        for sheet in &self.sheets {
            plan = plan
                .tariff(sheet.id, "0", 1, 1)
                .with_tariff(|spec| write(sheet, spec));
        }
        for account in &self.accounts {
            plan = add_account(plan, account);
        }
        for gateway in &self.gateways {
            plan = add_gateway(plan, gateway);
        }
        let gate = |id: i64| Target::Gateway(tandem_billing::GatewayId(id));
        let (first, second) = if self.swapped { (2, 1) } else { (1, 2) };
        let (slice_s, session_s) = (self.slice_s, self.session_s);
        plan = plan
            .route("44", 1, gate(first))
            .route("44", 2, gate(second))
            .route("49", 1, gate(3))
            .route("49", 2, gate(2))
            .route("1", 1, gate(4))
            .route("50", 1, Target::LocalDevice)
            .route("60", 1, Target::LocalDevice)
            .route("70", 1, Target::LocalDevice)
            .with_settings(|settings| {
                settings.max_slice_s = slice_s;
                settings.session_expires_s = session_s;
                sound(&mut settings.media.sounds);
            });
        plan.directory.version = version;
        plan.build()
    }
}

/// Everything that can be heard is.
fn sound(sounds: &mut SoundSettings) {
    sounds.music_on_hold = "music.wav".into();
    sounds.money_warning_s = 20;
    sounds.max_announcements = 3;
    for cause in [
        "refused.no_money",
        "refused.no_route",
        "refused.channel_limit",
        "failed.busy",
        "failed.no_answer",
        "failed.not_registered",
        "failed.gateway_rejected",
        "failed.gateway_silent",
    ] {
        let file = format!("{cause}.wav");
        sounds.announcements.insert(cause.into(), file);
    }
}

fn accounts(dice: &mut Dice) -> Vec<Account> {
    let one = |id: i64, parent, limit, opening| Account {
        id,
        parent,
        sheet: id,
        limit,
        opening,
        trunk: None,
        phones: &[],
        active: true,
        max_calls: 0,
        longest_s: 0,
    };
    let mut money =
        |low: u64, high: u64| i64::try_from(dice.between(low, high) * 1000).expect("little money");
    let reseller = money(500, 60_000);
    let mut accounts = vec![
        one(1, None, 1_000_000_000, 0),
        one(2, None, 0, reseller),
        one(3, Some(2), 0, money(500, 60_000)),
        one(4, Some(3), 2_000_000, money(1, 20_000)),
        one(5, Some(4), 0, money(200, 30_000)),
        one(6, None, 0, money(100, 4_000)),
        one(7, None, money(0, 3_000), 0),
        one(8, Some(2), 0, money(100, 90_000)),
    ];
    accounts[0].trunk = Some("198.51.100.10:5060");
    accounts[7].trunk = Some("198.51.100.20:5060");
    accounts[4].phones = &[("501", "198.51.100.51:5060"), ("502", "198.51.100.52:5062")];
    accounts[5].phones = &[
        ("601", "198.51.100.61:5060"),
        ("602", "198.51.100.62:5060"),
        ("603", "198.51.100.63:5060"),
        // Two more phones of one device: they ring together.
        ("601", "198.51.100.64:5060"),
        ("601", "198.51.100.65:5060"),
    ];
    accounts[6].phones = &[("701", "198.51.100.71:5060"), ("702", "198.51.100.72:5060")];
    accounts[7].max_calls = u32::try_from(dice.below(4)).expect("few");
    accounts[6].longest_s = if dice.per_mille(300) { 61 } else { 0 };
    accounts
}

fn gateways(dice: &mut Dice) -> Vec<Gateway> {
    let one = |id, hosts, cost, challenges| Gateway {
        id,
        hosts,
        cost,
        challenges,
        enabled: true,
    };
    vec![
        one(1, &["203.0.113.1:5060"], Some(11), false),
        one(2, &["203.0.113.2:5060"], Some(12), dice.per_mille(300)),
        one(3, &[DEAD_HOST, "203.0.113.3:5060"], Some(13), false),
        one(
            4,
            &["203.0.113.4:5080"],
            if dice.per_mille(500) { Some(14) } else { None },
            false,
        ),
    ]
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn sheet(dice: &mut Dice, id: i64) -> Sheet {
    let (initial, increment) = *dice.pick(BLOCKS);
    let price = if dice.per_mille(60) {
        Decimal::ZERO
    } else {
        decimal(dice.pick::<&str>(PRICES))
    };
    let mut some = |share: u64, values: &[&str]| {
        let drawn = dice.per_mille(share);
        let value = decimal(dice.pick::<&str>(values));
        drawn.then_some(value)
    };
    let fee = some(250, &["0.01", "0.05"]).unwrap_or_default();
    let (min, max) = (some(120, &["0.03"]), some(120, &["0.9", "2"]));
    let percent = some(150, &["10", "-20", "0.5"]).unwrap_or_default();
    let surcharge = some(120, &["0.02"]);
    let night_price = some(400, &["0.02", "0.30", "0.0173"]);
    Sheet {
        id,
        price,
        initial,
        increment,
        fee,
        grace: if dice.per_mille(150) { 3 } else { 0 },
        free: if dice.per_mille(150) { 10 } else { 0 },
        surcharge: surcharge.map(|amount| (30, amount)),
        percent,
        min,
        max,
        decimals: *dice.pick(&[6, 6, 4, 2]),
        night: night_price.map(|price| Night {
            from: 1320,
            to: 360,
            price,
            increment: dice.pick(BLOCKS).1,
        }),
        zone: dice.pick::<&str>(&["UTC", "Europe/Berlin", "America/New_York"]),
        at_answer: dice.per_mille(250),
    }
}

/// The sheet as the billing crate reads it.
fn write(sheet: &Sheet, spec: &mut TariffSpec) {
    spec.time_zone = sheet.zone.to_owned();
    spec.decimals = u8::try_from(sheet.decimals).expect("0 to 6");
    spec.band_policy = if sheet.at_answer {
        BandPolicy::AtAnswer
    } else {
        BandPolicy::Split
    };
    spec.post_call_surcharge_pct = sheet.percent;
    spec.min_charge = sheet.min;
    spec.max_charge = sheet.max;
    let terms = &mut spec.defaults;
    terms.initial = Some(sheet.initial);
    terms.increment = Some(sheet.increment);
    terms.connect_fee = Some(sheet.fee);
    terms.grace_period = Some(sheet.grace);
    terms.free_seconds = Some(sheet.free);
    terms.surcharge_time = sheet.surcharge.map(|(from, _)| from);
    terms.surcharge_amount = sheet.surcharge.map(|(_, amount)| amount);
    spec.rates[0].price = sheet.price;
    if let Some(night) = &sheet.night {
        let mut row: Rate = spec.rates[0].clone();
        row.id = RateId(sheet.id * 100 + 1);
        row.price = night.price;
        row.terms.increment = Some(night.increment);
        row.span = Span {
            from_minute: night.from,
            to_minute: night.to,
            ..Span::default()
        };
        spec.rates.push(row);
    }
}

fn add_account(plan: Plan, account: &Account) -> Plan {
    let id = account.id;
    let mut plan = plan
        .account(id, account.sheet, account.parent)
        .with_account(id, |to| {
            to.credit_limit = Micros(account.limit);
            to.limits = Limits {
                max_calls: account.max_calls,
                max_cps: 0,
            };
            to.max_duration_s = account.longest_s;
            to.status = if account.active {
                AccountStatus::Active
            } else {
                AccountStatus::Blocked
            };
            if let Some(level) = RESELLERS.iter().position(|reseller| *reseller == id) {
                to.kind = AccountKind::Reseller {
                    level: u8::try_from(level + 1).expect("1 to 3"),
                };
            }
        });
    if let Some(trunk) = account.trunk {
        plan = plan.source(id, trunk);
    }
    for username in account.devices() {
        plan = plan.device(id, username);
    }
    plan
}

fn add_gateway(plan: Plan, gateway: &Gateway) -> Plan {
    plan.gateway(gateway.id, gateway.hosts[0])
        .with_gateway(gateway.id, |to| {
            to.hosts = (0u16..)
                .zip(gateway.hosts)
                .map(|(priority, host)| GatewayHost {
                    name: None,
                    address: address(host),
                    transport: Transport::Udp,
                    priority: priority.into(),
                    weight: 0,
                })
                .collect();
            to.cost_tariff = gateway.cost.map(TariffId);
            to.enabled = gateway.enabled;
            to.hunt.ring_timeout_s = 40;
            to.auth = gateway.challenges.then(|| GatewayAuth {
                username: "tandem".to_owned(),
                password: "secret".to_owned(),
                realm: None,
            });
        })
}

/// An address of this simulation.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}
