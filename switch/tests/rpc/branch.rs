//! A reseller's login sees its own branch and nothing beside it, by whatever method it asks.

use crate::{
    edits::{Sample, fill},
    feed::live_call,
    office::{self, Desk, Office, PASSWORD},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tandem_billing::{
    AccountId, CallId, Currency, GatewayId, Micros, RateId, TariffId, UtcMs,
    cdr::{Cdr, Cost, LevelCharge, MediaStats},
};
use tandem_protocol::{ErrorCode, live::FeedEvent};

pub struct Branches {
    pub sample: Sample,
    /// Reseller one, its client, its tariff.
    pub one: i64,
    pub client: i64,
    pub tariff: i64,
    /// Reseller two and its client.
    pub two: i64,
    pub other: i64,
}

async fn reseller(admin: &Desk, sample: &Sample, login: &str) -> (i64, i64, i64) {
    let edit = json!({
        "login": login, "kind": "reseller1", "currency": "EUR", "tariff": sample.tariff, "routing_group": sample.group,
        "granted_groups": [sample.group], "granted_tariffs": [sample.tariff],
    });
    let reseller = admin.create("account.create", edit).await;
    let name = format!("{login} retail");
    let tariff = admin
        .create(
            "tariff.create",
            json!({ "name": name, "currency": "EUR", "owner": reseller }),
        )
        .await;
    admin
        .create(
            "rate.create",
            json!({ "tariff": tariff, "prefix": "44", "price": "0.1" }),
        )
        .await;
    let edit = json!({
        "login": format!("{login}-client"), "kind": "retail", "currency": "EUR", "tariff": tariff,
        "routing_group": sample.group, "reseller": reseller,
    });
    let client = admin.create("account.create", edit).await;
    let edit =
        json!({ "name": login, "password": PASSWORD, "role": "reseller", "account": reseller });
    admin.create("login.create", edit).await;
    (reseller, client, tariff)
}

pub async fn branches(office: &Arc<Office>) -> (Branches, Desk) {
    let admin = office.admin().await;
    let sample = fill(&admin).await;
    let (one, client, tariff) = reseller(&admin, &sample, "one").await;
    let (two, other, _) = reseller(&admin, &sample, "two").await;
    for account in [sample.account, one, client, two, other] {
        let request = format!("request-{account}");
        let pay = json!({ "account": account, "kind": "payment", "amount": 1_000_000, "request_id": request });
        admin.call("payment.create", pay).await;
        let edit = json!({ "account": account, "username": format!("phone{account}"), "password": "s3cret-word" });
        if ![one, two].contains(&account) {
            admin.create("device.create", edit).await;
        }
    }
    let desk = office.log_in("one").await;
    (
        Branches {
            sample,
            one,
            client,
            tariff,
            two,
            other,
        },
        desk,
    )
}

#[test]
fn lists_show_the_branch_alone() {
    office::open(|office| async move {
        let (b, desk) = branches(&office).await;
        assert_eq!(desk.column("account.list", "/id").await, [b.one, b.client]);
        assert_eq!(
            desk.column("device.list", "/edit/account").await,
            [b.client]
        );
        for method in ["ledger.list", "payment.list"] {
            assert_eq!(
                desk.column(method, "/account").await,
                [b.one, b.client],
                "{method}"
            );
        }
        let tariffs = desk.column("tariff.list", "/edit/name").await;
        assert!(
            tariffs.contains(&json!("one retail")) && tariffs.contains(&json!("retail")),
            "{tariffs:?}"
        );
        assert!(
            !tariffs.contains(&json!("two retail")) && !tariffs.contains(&json!("cost")),
            "{tariffs:?}"
        );
        assert_eq!(desk.column("group.list", "/edit/name").await, ["standard"]);
        assert!(desk.column("route.list", "/id").await.is_empty());
        assert!(desk.column("cdr.list", "/call").await.is_empty());
        assert!(
            desk.column("ledger.list", "/operator_name")
                .await
                .iter()
                .all(Value::is_null),
            "who books is not told"
        );
        let total = desk.call("account.list", json!({ "limit": 1 })).await["total"].clone();
        assert_eq!(total, 2, "not even counted");
        let found = desk.call("account.list", json!({ "search": "acme" })).await;
        assert_eq!(found["total"], 0);
    });
}

#[test]
fn what_is_beside_the_branch_does_not_exist() {
    office::open(|office| async move {
        let (b, desk) = branches(&office).await;
        for beside in [b.sample.account, b.two, b.other] {
            let id = json!({ "id": beside });
            for method in ["account.get", "account.delete"] {
                assert_eq!(
                    desk.refused(method, id.clone()).await,
                    ErrorCode::NotFound,
                    "{method} {beside}"
                );
            }
            let update = json!({ "id": beside, "edit": { "login": "x", "kind": "retail", "currency": "EUR" } });
            assert_eq!(
                desk.refused("account.update", update).await,
                ErrorCode::NotFound
            );
            let balance = json!({ "accounts": [b.client, beside] });
            assert_eq!(
                desk.refused("account.balance", balance).await,
                ErrorCode::NotFound
            );
            let pay = json!({ "account": beside, "kind": "payment", "amount": 1, "request_id": "request-x" });
            assert_eq!(
                desk.refused("payment.create", pay).await,
                ErrorCode::NotFound
            );
            let call = json!({ "account": beside, "caller": "1", "dialled": "442071" });
            assert_eq!(desk.refused("decide", call).await, ErrorCode::NotFound);
            let price = json!({ "account": beside, "number": "442071" });
            assert_eq!(desk.refused("rate", price).await, ErrorCode::NotFound);
            let unregister = json!({ "username": format!("phone{beside}") });
            assert_eq!(
                desk.refused("registration.remove", unregister).await,
                ErrorCode::NotFound
            );
        }
        for (method, id) in [("gateway.get", b.sample.gateway), ("login.get", 1)] {
            assert_eq!(
                desk.refused(method, json!({ "id": id })).await,
                ErrorCode::Forbidden,
                "{method}"
            );
        }
        assert_eq!(
            desk.refused("route.get", json!({ "id": b.sample.route }))
                .await,
            ErrorCode::NotFound
        );
    });
}

#[test]
fn a_reseller_works_below_itself_and_not_on_itself() {
    office::open(|office| async move {
        let (b, desk) = branches(&office).await;
        let edit = |reseller: i64| {
            json!({
                "login": format!("new{reseller}"), "kind": "retail", "currency": "EUR", "tariff": b.tariff,
                "routing_group": b.sample.group, "reseller": reseller,
            })
        };
        let made = desk.create("account.create", edit(b.one)).await;
        let pay = |account: i64| json!({ "account": account, "kind": "payment", "amount": 1, "request_id": "request-y" });
        desk.call("payment.create", pay(made)).await;
        assert_eq!(
            desk.refused("payment.create", pay(b.one)).await,
            ErrorCode::Forbidden
        );
        assert_eq!(
            desk.refused("account.create", json!({ "edit": edit(b.two) }))
                .await,
            ErrorCode::Forbidden
        );
        let mut orphan = edit(b.one);
        orphan["reseller"] = Value::Null;
        assert_eq!(
            desk.refused("account.create", json!({ "edit": orphan }))
                .await,
            ErrorCode::Forbidden
        );

        let own = desk.call("account.get", json!({ "id": b.one })).await;
        let mut edit = own["edit"].clone();
        edit["credit_limit"] = json!(9_000_000);
        assert_eq!(
            desk.refused("account.update", json!({ "id": b.one, "edit": edit }))
                .await,
            ErrorCode::Forbidden
        );
        let bought = json!({ "tariff": b.sample.tariff, "prefix": "1", "price": "0" });
        assert_eq!(
            desk.refused("rate.create", json!({ "edit": bought })).await,
            ErrorCode::Forbidden
        );
        desk.create(
            "rate.create",
            json!({ "tariff": b.tariff, "prefix": "1", "price": "0.2" }),
        )
        .await;
    });
}

#[test]
fn a_reseller_lists_numbers_for_accounts_below_it_alone() {
    office::open(|office| async move {
        let (b, desk) = branches(&office).await;
        let admin = office.admin().await;
        let entry = |account: Value, verdict: &str| json!({ "account": account, "verdict": verdict, "prefix": "442" });
        let global = admin
            .create("list_entry.create", entry(Value::Null, "block"))
            .await;
        let beside = admin
            .create("list_entry.create", entry(json!(b.other), "block"))
            .await;
        let mine = desk
            .create("list_entry.create", entry(json!(b.client), "allow"))
            .await;
        assert_eq!(desk.column("list_entry.list", "/id").await, [mine]);
        for id in [global, beside] {
            for method in ["list_entry.get", "list_entry.delete"] {
                assert_eq!(
                    desk.refused(method, json!({ "id": id })).await,
                    ErrorCode::NotFound,
                    "{method}"
                );
            }
        }
        for account in [Value::Null, json!(b.one), json!(b.other), json!(b.two)] {
            let edit = json!({ "edit": entry(account, "block") });
            assert_eq!(
                desk.refused("list_entry.create", edit).await,
                ErrorCode::Forbidden
            );
        }
        let moved = json!({ "id": mine, "edit": entry(Value::Null, "allow") });
        assert_eq!(
            desk.refused("list_entry.update", moved).await,
            ErrorCode::Forbidden
        );
        let call = json!({ "account": b.client, "caller": "1", "dialled": "442071" });
        let decided = desk.call("decide", call).await;
        assert_eq!(
            decided["cause"]["code"], "refused.number_blocked",
            "it cannot open what the operator blocks: {decided}"
        );
    });
}

#[test]
fn exchange_ratios_are_the_operators() {
    office::open(|office| async move {
        let (_, desk) = branches(&office).await;
        let admin = office.admin().await;
        let edit = json!({ "currency": "USD", "ratio": "0.9" });
        let id = admin.create("exchange_ratio.create", edit.clone()).await;
        assert!(desk.column("exchange_ratio.list", "/id").await.is_empty());
        for method in ["exchange_ratio.get", "exchange_ratio.delete"] {
            assert_eq!(
                desk.refused(method, json!({ "id": id })).await,
                ErrorCode::NotFound
            );
        }
        let update = json!({ "id": id, "edit": edit });
        assert_eq!(
            desk.refused("exchange_ratio.update", update).await,
            ErrorCode::NotFound
        );
        assert_eq!(
            desk.refused("exchange_ratio.create", json!({ "edit": edit }))
                .await,
            ErrorCode::Forbidden
        );
    });
}

#[test]
fn simulated_calls_show_a_reseller_its_own_levels_only() {
    office::open(|office| async move {
        let (b, desk) = branches(&office).await;
        let admin = office.admin().await;
        let call =
            json!({ "account": b.client, "caller": "1", "dialled": "442071", "duration_s": 60 });
        let seen = admin.call("decide", call.clone()).await;
        assert_eq!(
            (&seen["outcome"], seen["levels"].as_array().map(Vec::len)),
            (&json!("admitted"), Some(2)),
            "{seen}"
        );
        let seen = desk.call("decide", call).await;
        assert_eq!(
            seen["levels"].as_array().map(Vec::len),
            Some(2),
            "client and reseller"
        );
        assert_eq!(seen["candidates"], json!([]));
        assert!(!seen.to_string().contains("carrier"), "{seen}");
        assert_eq!(
            desk.refused(
                "decide",
                json!({ "source": "192.0.2.1:5060", "dialled": "1" })
            )
            .await,
            ErrorCode::Invalid
        );
    });
}

#[test]
fn live_calls_of_others_are_neither_seen_nor_ended() {
    office::open(|office| async move {
        let (b, mut desk) = branches(&office).await;
        let mine = live_call(11, &[b.client, b.one]);
        let others = live_call(12, &[b.other, b.two]);
        office.core.put_call(mine);
        office.core.put_call(others);
        desk.call("live.subscribe", json!({})).await;
        let FeedEvent::Snapshot(told) = desk.event().await else {
            panic!("a snapshot comes first");
        };
        let seen = desk.call("live.snapshot", json!({})).await;
        assert_eq!(seen, serde_json::to_value(told).expect("writes"));
        let calls = seen["calls"].as_array().expect("calls");
        assert_eq!((calls.len(), &calls[0]["call"]), (1, &json!(11)));
        assert_eq!(
            (&calls[0]["gateway"], &calls[0]["target_name"]),
            (&Value::Null, &json!(""))
        );
        assert_eq!(
            (&calls[0]["money"]["cost"], &calls[0]["money"]["margin"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            (&seen["counters"]["calls"], &seen["counters"]["attempts"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(seen["gateways"], json!([]));

        assert_eq!(
            desk.refused("live.hangup", json!({ "call": 12 })).await,
            ErrorCode::NotFound
        );
        assert!(office.core.hung_up().is_empty(), "the core was not asked");
        desk.call("live.hangup", json!({ "call": 11 })).await;
        assert_eq!(office.core.hung_up(), [11]);
        assert_eq!(
            office
                .admin()
                .await
                .refused("live.hangup", json!({ "call": 99 }))
                .await,
            ErrorCode::NotFound
        );
    });
}

fn charge(account: i64, tariff: i64, charge: i64) -> LevelCharge {
    LevelCharge {
        account: AccountId(account),
        tariff: TariffId(tariff),
        rate: RateId(1),
        prefix: "44".into(),
        description: "UK".into(),
        currency: eur(),
        price_per_minute: rust_decimal::Decimal::new(charge, 6),
        billed_secs: 60,
        charge: Micros(charge),
    }
}

pub fn eur() -> Currency {
    Currency::try_from("EUR".to_owned()).expect("a currency")
}

/// A minute of a call that paid these levels and cost 30,000.
pub fn minute(call: i64, gateway: i64, charges: Vec<LevelCharge>) -> Cdr {
    let began = UtcMs(office::BEGIN_MS);
    let cost = Cost {
        gateway: GatewayId(gateway),
        tariff: TariffId(1),
        rate: RateId(1),
        prefix: "4".into(),
        currency: eur(),
        price_per_minute: rust_decimal::Decimal::new(3, 2),
        billed_secs: 60,
        cost: Micros(30_000),
    };
    Cdr {
        call: CallId(call),
        a_call_id: format!("a{call}"),
        b_call_id: Some(format!("b{call}")),
        attempts: 1,
        account: charges.first().map(|c| c.account),
        source: "192.0.2.9:5060".into(),
        caller: "1".into(),
        dialled: "442071".into(),
        sent_number: Some("442071".into()),
        rating_number: Some("442071".into()),
        started_at: began,
        ringing_at: Some(began.plus_ms(500)),
        answered_at: Some(began.plus_ms(2_000)),
        ended_at: began.plus_ms(62_000),
        duration_ms: 60_000,
        pdd_ms: Some(500),
        route: None,
        gateway: Some(GatewayId(gateway)),
        callee_account: None,
        transfer: None,
        cause: "answered.caller_hangup".into(),
        sip_status: Some(200),
        codec: Some("pcma".into()),
        codec_b: None,
        charges,
        cost: Some(cost),
        exchange: None,
        recording: None,
        media_a: MediaStats::default(),
        media_b: MediaStats::default(),
        trace: r#"{"steps":[{"step":"recognised","account":1,"by":"digest x"}]}"#.into(),
    }
}

#[test]
fn cdrs_tell_a_reseller_its_charges_and_the_operator_everything() {
    office::open(|office| async move {
        let (b, desk) = branches(&office).await;
        let admin = office.admin().await;
        let levels = |client: i64, reseller: i64| {
            vec![
                charge(client, b.tariff, 100_000),
                charge(reseller, b.sample.tariff, 60_000),
            ]
        };
        office
            .core
            .end_call(minute(1, b.sample.gateway, levels(b.client, b.one)))
            .await;
        office
            .core
            .end_call(minute(2, b.sample.gateway, levels(b.other, b.two)))
            .await;

        assert_eq!(admin.column("cdr.list", "/call").await, [1, 2]);
        let money = &admin.column("cdr.list", "/money").await[0];
        let figures =
            |money: &Value| ["charge", "revenue", "cost", "margin"].map(|f| money[f].as_i64());
        assert_eq!(
            figures(money),
            [Some(100_000), Some(60_000), Some(30_000), Some(30_000)]
        );
        assert_eq!(desk.column("cdr.list", "/call").await, [1]);
        let money = &desk.column("cdr.list", "/money").await[0];
        assert_eq!(figures(money), [Some(100_000), None, None, None]);

        let all = admin.call("cdr.get", json!({ "id": 1 })).await;
        assert_eq!(
            (&all["cost"]["cost"], &all["trace"][0]["step"]),
            (&json!(30_000), &json!("recognised"))
        );
        assert_eq!(all["cause_info"]["text"], "The caller hung up.");
        assert_eq!(all["times"]["duration_ms"], 60_000);
        let seen = desk.call("cdr.get", json!({ "id": 1 })).await;
        assert_eq!(
            seen["charges"].as_array().map(Vec::len),
            Some(2),
            "its client's and its own"
        );
        assert_eq!((&seen["cost"], &seen["trace"]), (&Value::Null, &json!([])));
        assert!(
            !seen.to_string().contains("carrier") && seen["numbers"]["sent"].is_null(),
            "{seen}"
        );
        assert_eq!(
            desk.refused("cdr.get", json!({ "id": 2 })).await,
            ErrorCode::NotFound
        );

        let filter = json!({ "filter": [{ "field": "money.margin", "op": "ge", "value": 1 }] });
        assert_eq!(admin.call("cdr.list", filter.clone()).await["total"], 2);
        assert_eq!(
            desk.refused("cdr.list", filter).await,
            ErrorCode::Invalid,
            "what is hidden cannot be asked for"
        );
        assert_eq!(
            admin.call("system.verify", json!({})).await["faults"],
            json!([])
        );
    });
}
