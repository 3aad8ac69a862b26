//! A small operator: accounts, tariffs, routes, calls.

use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tandem_protocol::{
    account::{AccountEdit, DeviceEdit, SourceEdit},
    cdr::CdrMoney,
    dialplan::{ListEntryEdit, RouteEdit, RoutingGroupEdit},
    exchange::ExchangeRatioEdit,
    gateway::GatewayEdit,
    guard::SourceRuleEdit,
    tariff::{RateEdit, TariffEdit},
};

/// 2026-03-02 09:30:00 UTC.
pub const NOW_MS: i64 = 1_772_443_800_000;

pub(super) const ACCOUNTS: [(&str, &str, &str, i64, i64, &str); 9] = [
    (
        "acme-telecom",
        "wholesale",
        "active",
        1_250_430_000,
        500_000_000,
        "Acme Telecom GmbH",
    ),
    (
        "nordlink",
        "wholesale",
        "active",
        88_012_500,
        0,
        "Nordlink AB",
    ),
    (
        "anna.meyer",
        "retail",
        "active",
        12_400_000,
        0,
        "Anna Meyer",
    ),
    (
        "bert.jansen",
        "retail",
        "blocked",
        -310_000,
        0,
        "Bert Jansen",
    ),
    (
        "carla.rossi",
        "retail",
        "active",
        3_050_125,
        0,
        "Carla Rossi",
    ),
    (
        "shop-central",
        "call_shop",
        "active",
        204_000_000,
        0,
        "Call shop, Central station",
    ),
    (
        "card-2026-a",
        "calling_card",
        "active",
        5_000_000,
        0,
        "Lot A",
    ),
    ("callback-usa", "callback", "expired", 0, 0, "Callback USA"),
    (
        "partner-west",
        "reseller1",
        "active",
        4_020_000_000,
        1_000_000_000,
        "Partner West BV",
    ),
];

pub(super) const DESTINATIONS: [(&str, &str, &str); 10] = [
    ("44", "United Kingdom", "0.0090"),
    ("447", "United Kingdom mobile", "0.0280"),
    ("49", "Germany", "0.0085"),
    ("4915", "Germany mobile", "0.0310"),
    ("33", "France", "0.0088"),
    ("39", "Italy", "0.0120"),
    ("1", "USA and Canada", "0.0060"),
    ("91", "India", "0.0195"),
    ("86", "China", "0.0170"),
    ("53", "Cuba", "0.6900"),
];

pub(super) const GATEWAYS: [(&str, &str); 4] = [
    ("carrier-a", "sip.carrier-a.example"),
    ("carrier-b", "198.51.100.20"),
    ("premium", "203.0.113.9"),
    ("backup", "192.0.2.44"),
];

pub(super) fn row(id: usize, edit: Value) -> Value {
    json!({ "id": id, "revision": format!("r{id}"), "edit": edit })
}

/// The type's default, with these fields.
pub(super) fn of<T: Default + Serialize>(fields: Value) -> Value {
    let mut edit = json!(T::default());
    merge(&mut edit, fields);
    edit
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from))
            if !from.contains_key("to") && !from.contains_key("mode") =>
        {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// What a new row has besides its `edit`.
pub fn extras(table: &str) -> Vec<(&'static str, Value)> {
    match table {
        "account" => vec![
            ("balance", 0.into()),
            ("held", 0.into()),
            ("created_at", NOW_MS.into()),
        ],
        "tariff" => vec![("rate_count", 0.into())],
        "source_rule" => vec![
            ("origin", "operator".into()),
            ("made_at", NOW_MS.into()),
            ("repeats", 0.into()),
        ],
        _ => Vec::new(),
    }
}

pub fn tables(now_ms: i64) -> BTreeMap<&'static str, Vec<Value>> {
    BTreeMap::from([
        ("account", accounts(now_ms)),
        ("device", devices()),
        ("source", sources()),
        ("gateway", gateways()),
        ("upstream", super::upstreams::rows()),
        ("did", super::dids::rows()),
        ("group", groups()),
        ("route", routes()),
        ("list_entry", lists()),
        ("exchange_ratio", ratios(now_ms)),
        ("tariff", tariffs()),
        ("rate", rates()),
        ("cdr", cdrs(now_ms)),
        ("ledger", ledger(now_ms)),
        (
            "payment",
            ledger(now_ms)
                .into_iter()
                .filter(|entry| entry["kind"] != "call_charge")
                .collect(),
        ),
        ("audit", audit(now_ms)),
        ("login", logins()),
        ("source_rule", source_rules(now_ms)),
    ])
}

fn accounts(now_ms: i64) -> Vec<Value> {
    let rows = ACCOUNTS.iter().enumerate().map(|(at, (login, kind, status, balance, credit, name))| {
        let retail = *kind == "retail";
        let edit = of::<AccountEdit>(json!({
            "login": login, "kind": kind, "status": status, "currency": "EUR", "credit_limit": credit, "tariff": 1,
            "routing_group": 1, "reseller": retail.then_some(9), "numbers": { "rules": "DP:00->;TP:00->" },
            "limits": { "max_calls": 30, "max_cps": 10 }, "contact": { "name": name },
        }));
        let mut row = row(at + 1, edit);
        row["balance"] = (*balance).into();
        row["held"] = if at < 3 { 1_500_000.into() } else { 0.into() };
        row["created_at"] = (now_ms - 8_640_000_000 + at as i64 * 86_400_000).into();
        row["tariff_name"] = "Retail EUR".into();
        row["routing_group_name"] = "Standard".into();
        row["reseller_login"] = json!(retail.then_some("partner-west"));
        row
    });
    rows.collect()
}

pub(super) fn login_of(account: usize) -> Value {
    ACCOUNTS
        .get(account.wrapping_sub(1))
        .map(|account| account.0)
        .into()
}

fn devices() -> Vec<Value> {
    let names = [
        ("anna-desk", 3, "201"),
        ("anna-mobile", 3, "202"),
        ("bert-home", 4, "203"),
        ("carla", 5, "204"),
        ("cabin-1", 6, "301"),
    ];
    let rows = names
        .iter()
        .enumerate()
        .map(|(at, (name, account, extension))| {
            let edit = json!({ "account": account, "username": name, "extension": extension });
            let mut row = row(at + 1, of::<DeviceEdit>(edit));
            row["account_login"] = login_of(*account);
            row["registrations"] = (at % 2).into();
            row
        });
    rows.collect()
}

fn sources() -> Vec<Value> {
    let nets = [
        ("192.0.2.10", 1, ""),
        ("198.51.100.0/24", 1, "77#"),
        ("2001:db8:12::/48", 2, ""),
    ];
    let rows = nets
        .iter()
        .enumerate()
        .map(|(at, (network, account, tech))| {
            let edit = json!({ "account": account, "network": network, "tech_prefix": tech });
            let mut row = row(at + 1, of::<SourceEdit>(edit));
            row["account_login"] = login_of(*account);
            row
        });
    rows.collect()
}

fn gateways() -> Vec<Value> {
    let rows = GATEWAYS.iter().enumerate().map(|(at, (name, host))| {
        let edit = of::<GatewayEdit>(json!({
            "name": name, "enabled": at != 3, "hosts": [{ "host": host, "port": 5060, "priority": 0, "weight": 1 }],
            "rules": "DN:00->", "codecs": ["pcma", "g729"], "max_calls": 120, "max_cps": 20, "cost_tariff": 2,
            "currency": "EUR", "identity": { "send_pai": true }, "hunt": { "codes": "5xx,408;!503" },
            "health": { "interval_s": 60, "failures_to_rest": 5 },
        }));
        let mut row = row(at + 1, edit);
        row["cost_tariff_name"] = "Cost carrier A".into();
        row
    });
    rows.collect()
}

fn groups() -> Vec<Value> {
    let groups = [
        ("Standard", None, "as_listed", 7),
        ("Premium", Some(1), "quality", 0),
        ("Cheapest", Some(1), "least_cost", 0),
    ];
    let rows = groups
        .iter()
        .enumerate()
        .map(|(at, (name, inherits, policy, routes))| {
            let edit = json!({ "name": name, "inherits": inherits, "policy": policy });
            let mut row = row(at + 1, of::<RoutingGroupEdit>(edit));
            row["routes"] = (*routes).into();
            row
        });
    rows.collect()
}

fn routes() -> Vec<Value> {
    let plan = [
        ("", 2, 100),
        ("44", 1, 60),
        ("44", 1, 40),
        ("49", 1, 100),
        ("49", 2, 100),
        ("53", 1, 100),
        ("2", 1, 100),
    ];
    let rows = plan.iter().enumerate().map(|(at, (prefix, priority, share))| {
        let gateway = at % 3 + 1;
        let target = match at {
            5 => json!({ "to": "reject", "status": 403, "reason": "Forbidden" }),
            6 => json!({ "to": "local_device" }),
            _ => json!({ "to": "gateway", "gateway": gateway }),
        };
        let office = json!({ "span": { "to_day": 4, "from_minute": 480, "to_minute": 1080 } });
        let mut edit = of::<RouteEdit>(json!({
            "group": 1, "prefix": prefix, "priority": priority, "target": target, "share": share,
        }));
        if at == 4 {
            merge(&mut edit["hours"], office);
        }
        let mut row = row(at + 1, edit);
        row["group_name"] = "Standard".into();
        row["gateway_name"] = json!((at < 5).then_some(GATEWAYS[gateway - 1].0));
        row["upstream_name"] = Value::Null;
        row
    });
    rows.collect()
}

fn lists() -> Vec<Value> {
    let entries = [
        (None, "dialled", "block", "882", "Satellite"),
        (None, "dialled", "block", "252", "Fraud in March"),
        (Some(1), "dialled", "allow", "25261", "Asked for in writing"),
        (None, "caller", "block", "anonymous", ""),
    ];
    let rows = entries
        .iter()
        .enumerate()
        .map(|(at, (account, side, verdict, prefix, note))| {
            let edit = json!({
                "account": account, "side": side, "verdict": verdict, "prefix": prefix, "note": note,
            });
            let mut row = row(at + 1, of::<ListEntryEdit>(edit));
            row["account_login"] = account.map_or(Value::Null, login_of);
            row
        });
    rows.collect()
}

fn source_rules(now_ms: i64) -> Vec<Value> {
    let rules = [
        (
            "203.0.113.66/32",
            "block",
            "guard",
            3,
            Some(20),
            "14 wrong credentials of 9 user names",
        ),
        (
            "198.51.100.0/24",
            "block",
            "operator",
            0,
            None,
            "Fraud in March",
        ),
        ("192.0.2.0/28", "allow", "operator", 0, None, "Monitoring"),
    ];
    let rows = rules.iter().enumerate().map(|(at, rule)| {
        let (network, verdict, origin, repeats, minutes, reason) = rule;
        let edit = json!({
            "network": network, "verdict": verdict, "reason": reason,
            "expires_at": minutes.map(|minutes: i64| now_ms + minutes * 60_000),
        });
        let mut row = row(at + 1, of::<SourceRuleEdit>(edit));
        row["origin"] = (*origin).into();
        row["made_at"] = (now_ms - 3_600_000).into();
        row["repeats"] = (*repeats).into();
        row
    });
    rows.collect()
}

fn ratios(now_ms: i64) -> Vec<Value> {
    let day = 86_400_000;
    let ratios = [
        ("USD", "0.9214", 40),
        ("USD", "0.9187", 10),
        ("GBP", "1.1642", 40),
    ];
    let rows = ratios
        .iter()
        .enumerate()
        .map(|(at, (currency, ratio, days))| {
            let edit =
                json!({ "currency": currency, "ratio": ratio, "valid_from": now_ms - days * day });
            row(at + 1, of::<ExchangeRatioEdit>(edit))
        });
    rows.collect()
}

fn tariffs() -> Vec<Value> {
    let names = [
        ("Retail EUR", None),
        ("Cost carrier A", None),
        ("Partner West sell", Some(1)),
    ];
    let rows = names.iter().enumerate().map(|(at, (name, base))| {
        let base =
            base.map(|base: i64| json!({ "tariff": base, "percent": "15", "addition": "0" }));
        let edit = of::<TariffEdit>(json!({
            "name": name, "currency": "EUR", "time_zone": "Europe/Berlin", "base": base,
            "owner": (at == 2).then_some(9),
        }));
        let mut row = row(at + 1, edit);
        row["rate_count"] = if at == 2 { 0.into() } else { 10.into() };
        row["owner_login"] = json!((at == 2).then_some("partner-west"));
        row
    });
    rows.collect()
}

fn rates() -> Vec<Value> {
    let mut rows = Vec::new();
    for tariff in [1, 2] {
        for (prefix, description, cost) in DESTINATIONS {
            let price = if tariff == 1 {
                format!("{cost}5")
            } else {
                cost.to_owned()
            };
            let increment = if tariff == 1 { 60 } else { 1 };
            let edit = of::<RateEdit>(json!({
                "tariff": tariff, "prefix": prefix, "description": description, "price": price,
                "terms": { "initial": 60, "increment": increment }, "effective_from": NOW_MS - 86_400_000_000,
                "blocked": prefix == "53",
            }));
            rows.push(row(rows.len() + 1, edit));
        }
    }
    rows
}

fn logins() -> Vec<Value> {
    let names = [
        ("admin", "admin", None),
        ("noc", "operator", None),
        ("auditor", "viewer", None),
        ("west", "reseller", Some(9)),
    ];
    let rows = names.iter().enumerate().map(|(at, (name, role, account))| {
        let edit = json!({
            "name": name, "role": role, "grants": null, "account": account, "enabled": true, "email": "",
        });
        let mut row = row(at + 1, edit);
        row["failures"] = 0.into();
        row["last_login_at"] = (NOW_MS - at as i64 * 7_300_000).into();
        row
    });
    rows.collect()
}

fn ledger(now_ms: i64) -> Vec<Value> {
    let kinds = [
        "call_charge",
        "payment",
        "call_charge",
        "call_charge",
        "adjustment",
        "call_charge",
        "return",
    ];
    let rows = (0..120_i64).map(|at| {
        let kind = kinds[usize::try_from(at).unwrap_or_default() % kinds.len()];
        let amount = if kind == "payment" { 50_000_000 } else { -(at + 1) * 13_250 };
        json!({
            "id": at + 1, "key": format!("entry-{}", at + 1), "account": at % 9 + 1,
            "account_login": ACCOUNTS[usize::try_from(at).unwrap_or_default() % 9].0, "currency": "EUR", "kind": kind, "amount": amount,
            "balance_after": 88_000_000 + amount, "at": now_ms - at * 77_000,
            "call": if kind == "call_charge" { json!(at + 1) } else { Value::Null }, "operator": null,
            "note": if kind == "payment" { "bank transfer" } else { "" },
        })
    });
    rows.collect()
}

fn audit(now_ms: i64) -> Vec<Value> {
    let rows = (0..30_i64).map(|at| {
        json!({
            "id": at + 1, "at": now_ms - at * 610_000, "login": 1, "login_name": "admin", "source": "192.0.2.200:50122",
            "action": "update", "object": "account", "object_id": at % 9 + 1,
            "old": { "credit_limit": at * 1_000_000, "status": "active" },
            "new": { "credit_limit": (at + 5) * 1_000_000, "status": if at % 7 == 3 { "blocked" } else { "active" } },
        })
    });
    rows.collect()
}

pub(super) fn steps() -> Value {
    json!([
        { "step": "recognised", "account": 1, "by": "source address 192.0.2.10" },
        { "step": "rewritten", "stage": "account", "number": "dialled", "from": "00442079460000", "to": "442079460000" },
        { "step": "quoted", "account": 1, "tariff": 1, "rate": 1, "prefix": "44", "price_per_minute": "0.00905" },
        { "step": "dropped", "route": 3, "target": "carrier-b", "prefix": "44", "priority": 0,
          "reason": "dearer than the sale: costs 0.0110, sells 0.00905" },
        { "step": "dropped", "route": 4, "target": "backup", "prefix": "44", "priority": 1, "reason": "gateway is disabled" },
        { "step": "kept", "route": 2, "target": "carrier-a", "prefix": "44", "priority": 0, "number": "442079460000",
          "cost_per_minute": "0.0072" },
        { "step": "kept", "route": 1, "target": "premium", "prefix": "", "priority": 2, "number": "442079460000",
          "cost_per_minute": "0.0085" },
    ])
}

pub(super) fn level(account: i64, seconds: i64) -> Value {
    let billed = (seconds + 59) / 60 * 60;
    json!({
        "account": account, "account_login": login_of(usize::try_from(account).unwrap_or_default()),
        "tariff": 1, "rate": 1, "prefix": "44", "description": "United Kingdom", "currency": "EUR",
        "price_per_minute": "0.00905", "billed_secs": billed, "charge": billed * 9_050 / 60,
    })
}

pub(super) fn cost(seconds: i64) -> Value {
    json!({
        "gateway": 1, "tariff": 2, "rate": 11, "prefix": "44", "currency": "EUR", "price_per_minute": "0.0072",
        "billed_secs": seconds, "cost": seconds * 7_200 / 60,
    })
}

fn cdrs(now_ms: i64) -> Vec<Value> {
    (0..460_i64).map(|at| cdr(at, now_ms)).collect()
}

fn cdr(at: i64, now_ms: i64) -> Value {
    let seconds = if at % 4 == 1 { 0 } else { at * 37 % 900 + 3 };
    let (started, pdd) = (now_ms - at * 61_000 - 900_000, 1_200 + at % 900);
    let talked = seconds > 0;
    let (cause, text, status) = if talked {
        (
            "call.completed",
            "The call was talked and ended normally.",
            200,
        )
    } else {
        ("target.busy", "The callee is busy.", 486)
    };
    let (client, reseller, taken) = (level(at % 5 + 1, seconds), level(9, seconds), cost(seconds));
    let margin = reseller["charge"].as_i64().unwrap_or_default()
        - taken["cost"].as_i64().unwrap_or_default();
    let money = json!({
        "billed_secs": client["billed_secs"], "currency": "EUR", "charge": client["charge"],
        "revenue_currency": "EUR", "revenue": reseller["charge"], "cost_currency": "EUR", "cost": taken["cost"],
        "margin": margin,
    });
    json!({
        "call": at + 1, "account": at % 5 + 1, "account_login": login_of(usize::try_from(at % 5 + 1).unwrap_or_default()),
        "numbers": {
            "source": "192.0.2.10:5060", "caller": format!("4930{}", 200_100 + at),
            "dialled": format!("0044207946{at:04}"), "sent": format!("44207946{at:04}"),
            "rating": format!("44207946{at:04}"), "prefix": "44", "destination": "United Kingdom",
            "a_call_id": format!("a{at}@192.0.2.10"), "b_call_id": format!("b{at}@tandem"),
        },
        "times": {
            "started_at": started, "ringing_at": started + pdd, "answered_at": talked.then_some(started + 6_400),
            "ended_at": started + 6_400 + seconds * 1000, "duration_ms": seconds * 1000, "pdd_ms": pdd,
        },
        "route": 2, "gateway": 1, "gateway_name": "carrier-a", "callee_account": null, "cause": cause,
        "sip_status": status, "attempts": 1, "codec": "pcma", "recording": (at == 0).then_some("2026-03-01/1.wav"),
        "money": if talked { money } else { json!(CdrMoney::default()) },
        "cause_info": { "code": cause, "sip_status": status, "text": text, "remedy": "" },
        "charges": if talked { json!([client, reseller]) } else { json!([]) },
        "cost": talked.then_some(taken),
        "media": {
            "a": { "packets": seconds * 50, "bytes": seconds * 8_600, "lost": at % 7, "jitter_us": 2_300 },
            "b": { "packets": seconds * 50, "bytes": seconds * 8_600, "lost": at % 3, "jitter_us": 4_100 },
        },
        "trace": steps(),
    })
}

pub fn settings() -> Vec<Value> {
    let list = [
        (
            "ring_timeout_s",
            json!(60),
            "Seconds of ringing before the next route is tried, 5 to 600.",
        ),
        (
            "max_duration_s",
            json!(14_400),
            "Seconds after which any call is ended, 60 to 86400.",
        ),
        ("max_hops", json!(6), "Routes tried in all, 1 to 20."),
        (
            "rtp_inactivity_s",
            json!(30),
            "Seconds without audio after which a call is ended; 0 is never.",
        ),
        (
            "emergency_numbers",
            json!(["112", "911", "999"]),
            "Numbers that always pass lists and blocks.",
        ),
        (
            "realm",
            json!("tandem.example"),
            "Realm of SIP digest; changing it makes all device passwords useless.",
        ),
        (
            "scanner_block",
            json!(true),
            "Whether addresses that probe are blocked.",
        ),
    ];
    list.iter().map(|(key, value, description)| json!({ "key": key, "value": value, "description": description })).collect()
}
