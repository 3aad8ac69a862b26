//! Refunds, old payments and alerts over the server.

use crate::{
    branch::{Branches, branches, eur, minute},
    office::{self, Desk, Office},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tandem_billing::{
    AccountId, CallId, Micros, RateId, TariffId, UtcMs,
    cdr::LevelCharge,
    ledger::{Entry, EntryKind},
};
use tandem_call::{
    journal::{Alert, AlertKind},
    monitor::Change,
};
use tandem_protocol::{ErrorCode, live::FeedEvent};

/// A client and its reseller paid 0.10 and 0.06 for call 1.
async fn called(office: &Arc<Office>) -> (Branches, Desk) {
    let (b, desk) = branches(office).await;
    let level = |account: i64, charge: i64| LevelCharge {
        account: AccountId(account),
        tariff: TariffId(1),
        rate: RateId(1),
        prefix: "44".into(),
        description: "UK".into(),
        currency: eur(),
        price_per_minute: rust_decimal::Decimal::ONE,
        billed_secs: 60,
        charge: Micros(charge),
    };
    let levels = vec![level(b.client, 100_000), level(b.one, 60_000)];
    office
        .core
        .end_call(minute(1, b.sample.gateway, levels))
        .await;
    (b, desk)
}

fn amounts(result: &Value) -> Vec<(i64, i64)> {
    let entries = result["entries"].as_array().expect("entries");
    let amount = |entry: &Value| {
        let number = |field: &str| entry[field].as_i64().expect("a number");
        (number("account"), number("amount"))
    };
    entries.iter().map(amount).collect()
}

#[test]
fn a_call_is_refunded_at_every_level_at_most_whole() {
    office::open(|office| async move {
        let (b, desk) = called(&office).await;
        let admin = office.admin().await;
        let refund = |amount: Value, request: &str| json!({ "call": 1, "amount": amount, "note": "bad line", "request_id": request });
        let part = admin
            .call("refund.create", refund(json!(25_000), "request-a"))
            .await;
        assert_eq!(part["repeated"], false);
        assert_eq!(amounts(&part), [(b.client, 25_000), (b.one, 15_000)]);
        let again = admin
            .call("refund.create", refund(json!(25_000), "request-a"))
            .await;
        assert_eq!(
            (&again["repeated"], amounts(&again)),
            (&json!(true), amounts(&part))
        );
        assert_eq!(
            admin
                .refused("refund.create", refund(json!(1), "request-a"))
                .await,
            ErrorCode::Conflict
        );
        for amount in [75_001, 0, -1] {
            let error = admin
                .try_call("refund.create", refund(json!(amount), "request-b"))
                .await
                .expect_err("beyond what is left");
            assert_eq!(error.data.field.as_deref(), Some("amount"), "{amount}");
        }
        let rest = admin
            .call("refund.create", refund(Value::Null, "request-b"))
            .await;
        assert_eq!(amounts(&rest), [(b.client, 75_000), (b.one, 45_000)]);
        let error = admin
            .try_call("refund.create", refund(Value::Null, "request-c"))
            .await
            .expect_err("nothing is left");
        assert_eq!(error.data.field.as_deref(), Some("call"));
        assert_eq!(
            admin
                .refused(
                    "refund.create",
                    json!({ "call": 99, "request_id": "request-d" })
                )
                .await,
            ErrorCode::NotFound
        );
        assert_eq!(
            desk.refused("refund.create", refund(Value::Null, "request-e"))
                .await,
            ErrorCode::Forbidden,
            "it would pay the reseller out of the operator's pocket"
        );
        let verified = admin.call("system.verify", json!({})).await;
        assert_eq!(verified["clean"], true, "{verified}");
    });
}

#[test]
fn a_payment_of_long_ago_is_recognised() {
    office::open(|office| async move {
        let (b, _) = branches(&office).await;
        let admin = office.admin().await;
        let account = b.sample.account;
        let entry = Entry {
            key: format!("payment:{account}:january-17"),
            account: AccountId(account),
            kind: EntryKind::Payment,
            amount: Micros(5_000_000),
            balance_after: Micros(6_000_000),
            at: UtcMs(office::BEGIN_MS - 7_776_000_000),
            call: None,
            operator: None,
            note: String::new(),
        };
        office.core.book_long_ago(entry).await;
        let pay = |amount: i64| json!({ "account": account, "kind": "payment", "amount": amount, "request_id": "january-17" });
        let again = admin.call("payment.create", pay(5_000_000)).await;
        assert_eq!(again["repeated"], true, "{again}");
        assert_eq!(
            admin.refused("payment.create", pay(1)).await,
            ErrorCode::Conflict
        );
        assert_eq!(
            admin
                .column("payment.list", "/key")
                .await
                .iter()
                .filter(|key| **key == json!(format!("payment:{account}:january-17")))
                .count(),
            1
        );
    });
}

#[test]
fn alerts_reach_who_watches_and_resellers_hear_of_their_branch() {
    office::open(|office| async move {
        let (b, mut desk) = branches(&office).await;
        let mut admin = office.admin().await;
        for desk in [&mut desk, &mut admin] {
            desk.call("live.subscribe", json!({})).await;
            assert!(matches!(desk.event().await, FeedEvent::Snapshot(_)));
        }
        for (kind, account) in [
            (AlertKind::LedgerFault, b.client),
            (AlertKind::LowBalance, b.other),
            (AlertKind::LowBalance, b.client),
        ] {
            office.tell(Change::Alert(Alert {
                at: UtcMs(office::BEGIN_MS),
                kind,
                account: Some(AccountId(account)),
                call: Some(CallId(5)),
                text: format!("look at {account}"),
            }));
        }
        let mut heard = Vec::new();
        while heard.len() < 3 {
            if let FeedEvent::Delta(delta) = admin.event().await {
                heard.extend(delta.alerts);
            }
        }
        assert_eq!(heard[0].account_login.as_deref(), Some("one-client"));
        let mine = loop {
            if let FeedEvent::Delta(delta) = desk.event().await
                && !delta.alerts.is_empty()
            {
                break delta.alerts;
            }
        };
        let texts: Vec<&str> = mine.iter().map(|alert| alert.text.as_str()).collect();
        assert_eq!(texts, [format!("look at {}", b.client)]);
        assert!(admin.column("alert.list", "/id").await.is_empty());
    });
}
