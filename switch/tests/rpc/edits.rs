//! Every resource made, changed, listed and deleted through the server into a real store, and what comes of it:
//! prices, decisions, money, the audit log.

use crate::office::{self, Desk, PASSWORD};
use serde_json::{Value, json};
use tandem_protocol::ErrorCode;

/// Ids of a small operator.
pub struct Sample {
    pub tariff: i64,
    pub rate: i64,
    pub gateway: i64,
    pub group: i64,
    pub route: i64,
    pub account: i64,
}

/// A tariff at 0.06 a minute, a gateway that costs 0.03, a route, an account.
pub async fn fill(admin: &Desk) -> Sample {
    let tariff = admin
        .create(
            "tariff.create",
            json!({ "name": "retail", "currency": "EUR" }),
        )
        .await;
    let terms = json!({ "initial": 30, "increment": 6 });
    let edit = json!({ "tariff": tariff, "prefix": "44", "description": "UK", "price": "0.06", "terms": terms });
    let rate = admin.create("rate.create", edit).await;
    let cost = admin
        .create(
            "tariff.create",
            json!({ "name": "cost", "currency": "EUR" }),
        )
        .await;
    admin
        .create(
            "rate.create",
            json!({ "tariff": cost, "prefix": "4", "price": "0.03" }),
        )
        .await;
    let gateway = json!({
        "name": "carrier", "hosts": [{ "host": "192.0.2.1" }], "currency": "EUR", "cost_tariff": cost,
        "auth": { "username": "u", "password": "p" },
    });
    let gateway = admin.create("gateway.create", gateway).await;
    let group = admin
        .create("group.create", json!({ "name": "standard" }))
        .await;
    let target = json!({ "to": "gateway", "gateway": gateway });
    let route = admin
        .create(
            "route.create",
            json!({ "group": group, "prefix": "44", "target": target }),
        )
        .await;
    let account = json!({
        "login": "acme", "kind": "retail", "currency": "EUR", "tariff": tariff, "routing_group": group,
        "numbers": { "rules": "DP:00->;TP:00->", "caller_id": { "mode": "fixed", "numbers": "4420" } },
    });
    let account = admin.create("account.create", account).await;
    Sample {
        tariff,
        rate,
        gateway,
        group,
        route,
        account,
    }
}

#[test]
fn what_is_edited_decides_calls_and_prices_them() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let sample = fill(&admin).await;
        let call = json!({ "account": sample.account, "caller": "1", "dialled": "00442071", "duration_s": 31 });
        let decided = admin.call("decide", call.clone()).await;
        assert_eq!(decided["outcome"], "admitted", "{decided}");
        assert_eq!(decided["rating_number"], "442071");
        assert_eq!(decided["levels"][0]["billed_secs"], 36);
        assert_eq!(decided["levels"][0]["charge"], 36_000);
        assert_eq!(decided["candidates"][0]["number"], "442071");
        assert_eq!(decided["candidates"][0]["caller"], "4420");
        assert_eq!(decided["candidates"][0]["target"], "carrier");
        assert_eq!(decided["candidates"][0]["cost"]["cost"], 15_500);
        let steps: Vec<&str> = decided["trace"]
            .as_array()
            .expect("steps")
            .iter()
            .filter_map(|s| s["step"].as_str())
            .collect();
        assert!(
            steps.starts_with(&["recognised", "rewritten"]) && steps.ends_with(&["kept"]),
            "{steps:?}"
        );

        let priced = admin
            .call(
                "rate",
                json!({ "account": sample.account, "number": "00442071", "duration_ms": 31_000 }),
            )
            .await;
        assert_eq!(
            (
                &priced["rating_number"],
                &priced["levels"][0]["charge"]["charge"]
            ),
            (&json!("442071"), &json!(36_000))
        );
        assert_eq!(priced["levels"][0]["first_block_s"], 30);
        let priced = admin
            .call(
                "rate",
                json!({ "tariff": sample.tariff, "number": "442071", "duration_ms": 1 }),
            )
            .await;
        assert_eq!(priced["levels"][0]["charge"]["charge"], 30_000);
        assert_eq!(
            admin
                .refused("rate", json!({ "tariff": sample.tariff, "number": "49" }))
                .await,
            ErrorCode::Invalid
        );

        let mut edit = admin
            .call("gateway.get", json!({ "id": sample.gateway }))
            .await["edit"]
            .clone();
        assert_eq!(
            edit["auth"],
            json!({ "username": "u" }),
            "the password is not told"
        );
        edit["enabled"] = json!(false);
        admin
            .call(
                "gateway.update",
                json!({ "id": sample.gateway, "edit": edit }),
            )
            .await;
        let decided = admin.call("decide", call).await;
        assert_eq!(
            decided["outcome"], "refused",
            "the change holds at once: {decided}"
        );
        assert!(
            decided["cause"]["remedy"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    });
}

#[test]
fn an_unknown_source_is_challenged_and_a_known_one_recognised() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let sample = fill(&admin).await;
        let call = json!({ "source": "192.0.2.77:5060", "caller": "1", "dialled": "442071" });
        assert_eq!(
            admin.call("decide", call.clone()).await["outcome"],
            "challenge"
        );
        let edit =
            json!({ "account": sample.account, "network": "192.0.2.0/24", "transport": "udp" });
        let source = admin.create("source.create", edit).await;
        let decided = admin.call("decide", call.clone()).await;
        assert_eq!(
            (&decided["outcome"], &decided["account"]),
            (&json!("admitted"), &json!(sample.account))
        );
        admin.call("source.delete", json!({ "id": source })).await;
        assert_eq!(admin.call("decide", call).await["outcome"], "challenge");
    });
}

#[test]
fn an_edit_made_on_an_older_state_is_refused() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let sample = fill(&admin).await;
        let read = admin
            .call("account.get", json!({ "id": sample.account }))
            .await;
        let update = |status: &str, revision: &Value| {
            let mut edit = read["edit"].clone();
            edit["status"] = json!(status);
            json!({ "id": sample.account, "revision": revision, "edit": edit })
        };
        let changed = admin
            .call("account.update", update("blocked", &read["revision"]))
            .await;
        assert_eq!(changed["edit"]["status"], "blocked");
        assert_ne!(changed["revision"], read["revision"]);
        assert_eq!(
            admin
                .refused("account.update", update("active", &read["revision"]))
                .await,
            ErrorCode::Conflict
        );
        assert_eq!(
            admin
                .refused("account.update", update("active", &json!("x")))
                .await,
            ErrorCode::Conflict
        );
        admin
            .call("account.update", update("active", &Value::Null))
            .await;
        assert_eq!(changed["edit"]["contact"], read["edit"]["contact"]);
    });
}

#[test]
fn faults_name_the_field_as_the_client_knows_it() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let sample = fill(&admin).await;
        let account = |change: fn(&mut Value)| {
            let mut edit = json!({ "login": "bob", "kind": "retail", "currency": "EUR" });
            change(&mut edit);
            json!({ "edit": edit })
        };
        for (params, field) in [
            (account(|e| e["login"] = json!("")), "edit.login"),
            (account(|e| e["login"] = json!("acme")), "edit.login"),
            (
                account(|e| e["numbers"] = json!({ "rules": "XX:1" })),
                "edit.numbers.rules",
            ),
            (account(|e| e["tariff"] = json!(999)), "edit.tariff"),
        ] {
            let error = admin
                .try_call("account.create", params.clone())
                .await
                .expect_err("refused");
            assert_eq!(
                (error.code(), error.data.field.as_deref()),
                (ErrorCode::Invalid, Some(field)),
                "{params}: {error}"
            );
        }
        let misspelt = account(|e| e["curency"] = json!("EUR"));
        assert_eq!(
            admin.refused("account.create", misspelt).await,
            ErrorCode::Invalid
        );
        assert_eq!(
            admin
                .refused("gateway.delete", json!({ "id": sample.gateway }))
                .await,
            ErrorCode::InUse
        );
        assert_eq!(
            admin.refused("route.get", json!({ "id": 999 })).await,
            ErrorCode::NotFound
        );
    });
}

#[test]
fn tariffs_by_prefix_are_part_of_the_account() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let sample = fill(&admin).await;
        let other = admin
            .create(
                "tariff.create",
                json!({ "name": "special", "currency": "EUR" }),
            )
            .await;
        admin
            .create(
                "rate.create",
                json!({ "tariff": other, "prefix": "44", "price": "0.6" }),
            )
            .await;
        let mut edit = admin
            .call("account.get", json!({ "id": sample.account }))
            .await["edit"]
            .clone();
        edit["numbers"]["dnis_tariffs"] =
            json!([{ "prefix": "00447", "tariff": other }, { "prefix": "1", "tariff": other }]);
        edit["numbers"]["ani_tariffs"] = json!([{ "prefix": "5", "tariff": other }]);
        let update = |edit: &Value| json!({ "id": sample.account, "edit": edit });
        let changed = admin.call("account.update", update(&edit)).await;
        assert_eq!(changed["edit"], edit, "as given");
        assert_eq!(
            admin.column("account.list", "/edit/numbers").await,
            [edit["numbers"].clone()]
        );
        let price = json!({ "account": sample.account, "number": "00447", "duration_ms": 60_000 });
        assert_eq!(
            admin.call("rate", price.clone()).await["levels"][0]["charge"]["charge"],
            600_000
        );

        edit["numbers"]["dnis_tariffs"] = json!([{ "prefix": "1", "tariff": sample.tariff }]);
        assert_eq!(
            admin.call("account.update", update(&edit)).await["edit"],
            edit
        );
        assert_eq!(
            admin.call("rate", price).await["levels"][0]["charge"]["charge"],
            60_000
        );

        let mut made = edit.clone();
        made["login"] = json!("twin");
        let twin = admin.create("account.create", made.clone()).await;
        assert_eq!(
            admin.call("account.get", json!({ "id": twin })).await["edit"]["numbers"],
            edit["numbers"]
        );
        made["login"] = json!("third");
        made["numbers"]["ani_tariffs"] = json!([{ "prefix": "5", "tariff": 999 }]);
        assert_eq!(
            admin
                .refused("account.create", json!({ "edit": made }))
                .await,
            ErrorCode::Invalid
        );
        assert_eq!(
            admin.column("account.list", "/edit/login").await,
            ["acme", "twin"],
            "none was left behind"
        );
        admin.call("account.delete", json!({ "id": twin })).await;
        assert_eq!(admin.column("account.list", "/edit/login").await, ["acme"]);
    });
}

#[test]
fn devices_come_and_go_and_change_without_their_password() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let sample = fill(&admin).await;
        let edit = json!({ "account": sample.account, "username": "alice", "password": "s3cret-word", "extension": "100" });
        let device = admin.create("device.create", edit).await;
        let read = admin.call("device.get", json!({ "id": device })).await;
        assert_eq!(
            (&read["edit"]["password"], &read["account_login"]),
            (&Value::Null, &json!("acme"))
        );
        let mut edit = read["edit"].clone();
        edit["enabled"] = json!(false);
        edit["description"] = json!("lobby");
        let update = json!({ "id": device, "revision": read["revision"], "edit": edit });
        assert_eq!(admin.call("device.update", update).await["edit"], edit);
        admin.call("device.delete", json!({ "id": device })).await;
        assert_eq!(
            admin.refused("device.get", json!({ "id": device })).await,
            ErrorCode::NotFound
        );
    });
}

#[test]
fn lists_are_filtered_sorted_and_paged_by_the_clients_names() {
    office::open(|office| async move {
        let admin = office.admin().await;
        for (login, credit, city) in [("cid", 1, "Ulm"), ("ann", 3, "Bonn"), ("bob", 2, "Ulm")] {
            let contact = json!({ "city": city });
            let edit = json!({ "login": login, "kind": "retail", "currency": "EUR", "credit_limit": credit, "contact": contact });
            admin.create("account.create", edit).await;
        }
        for (params, expected) in [
            (
                json!({ "sort": [{ "field": "edit.credit_limit", "descending": true }] }),
                vec!["ann", "bob", "cid"],
            ),
            (
                json!({ "filter": [{ "field": "city", "op": "eq", "value": "Ulm" }] }),
                vec!["cid", "bob"],
            ),
            (
                json!({ "filter": [{ "field": "contact.city", "op": "in", "value": ["Bonn"] }] }),
                vec!["ann"],
            ),
            (
                json!({ "filter": [{ "field": "edit.tariff", "op": "eq", "value": null }], "offset": 1, "limit": 1 }),
                vec!["ann"],
            ),
            (json!({ "search": "bo" }), vec!["bob"]),
        ] {
            let page = admin.call("account.list", params.clone()).await;
            let logins: Vec<&str> = page["rows"]
                .as_array()
                .expect("rows")
                .iter()
                .filter_map(|r| r["edit"]["login"].as_str())
                .collect();
            assert_eq!(logins, expected, "{params}");
        }
        let page = admin
            .call("account.list", json!({ "offset": 1, "limit": 1 }))
            .await;
        assert_eq!((&page["total"], &page["offset"]), (&json!(3), &json!(1)));
        for bad in [
            json!({ "filter": [{ "field": "colour", "op": "eq", "value": 1 }] }),
            json!({ "sort": [{ "field": "codecs" }] }),
            json!({ "limit": 0 }),
            json!({ "limit": 1001 }),
        ] {
            assert_eq!(admin.refused("account.list", bad).await, ErrorCode::Invalid);
        }
    });
}

#[test]
fn a_payment_is_booked_once_per_request() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let sample = fill(&admin).await;
        let pay = |kind: &str, amount: i64, request: &str| json!({ "account": sample.account, "kind": kind, "amount": amount, "note": "cash", "request_id": request });
        let first = admin
            .call("payment.create", pay("payment", 5_000_000, "request-1"))
            .await;
        assert_eq!(
            (&first["repeated"], &first["entry"]["balance_after"]),
            (&json!(false), &json!(5_000_000))
        );
        let again = admin
            .call("payment.create", pay("payment", 5_000_000, "request-1"))
            .await;
        assert_eq!(
            (&again["repeated"], &again["entry"]["key"]),
            (&json!(true), &first["entry"]["key"])
        );
        let other = pay("payment", 6_000_000, "request-1");
        assert_eq!(
            admin.refused("payment.create", other).await,
            ErrorCode::Conflict
        );
        admin
            .call("payment.create", pay("return", 1_000_000, "request-2"))
            .await;
        assert_eq!(
            admin
                .refused("payment.create", pay("payment", 0, "request-3"))
                .await,
            ErrorCode::Invalid
        );
        assert_eq!(
            admin
                .refused("payment.create", pay("payment", 1, "short"))
                .await,
            ErrorCode::Invalid
        );

        let balance = admin
            .call("account.balance", json!({ "accounts": [sample.account] }))
            .await;
        assert_eq!(balance[0]["balance"], 4_000_000);
        assert_eq!(
            admin
                .call("account.get", json!({ "id": sample.account }))
                .await["balance"],
            4_000_000
        );
        assert_eq!(
            admin.column("payment.list", "/amount").await,
            [5_000_000, -1_000_000]
        );
        assert_eq!(
            admin.column("ledger.list", "/operator_name").await,
            ["admin", "admin"]
        );
        assert_eq!(
            admin.call("system.verify", json!({})).await,
            json!({ "clean": true, "faults": [] })
        );
    });
}

#[test]
fn settings_change_at_once_and_everything_is_audited() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let settings = admin.call("setting.list", json!({})).await;
        let settings = settings.as_array().expect("settings");
        assert!(settings.iter().all(|s| {
            s["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        }));
        let set = admin
            .call(
                "setting.set",
                json!({ "key": "ring_timeout_s", "value": 33 }),
            )
            .await;
        assert_eq!(set["value"], 33);
        assert_eq!(
            admin
                .refused(
                    "setting.set",
                    json!({ "key": "ring_timeout_s", "value": "x" })
                )
                .await,
            ErrorCode::Invalid
        );
        assert_eq!(
            admin
                .refused("setting.set", json!({ "key": "colour", "value": 1 }))
                .await,
            ErrorCode::NotFound
        );
        fill(&admin).await;

        let page = admin.call("audit.list", json!({ "limit": 1000 })).await;
        let rows = page["rows"].as_array().expect("rows");
        let of = |object: &str| {
            rows.iter()
                .find(|row| row["object"] == object)
                .unwrap_or_else(|| panic!("{object} in {page}"))
        };
        assert_eq!(
            (&of("setting")["action"], &of("setting")["login_name"]),
            (&json!("update"), &json!("admin"))
        );
        assert_eq!(
            (&of("account")["action"], &of("account")["old"]),
            (&json!("create"), &Value::Null)
        );
        assert!(
            of("account")["source"]
                .as_str()
                .is_some_and(|from| from.starts_with("127.0.0.1:"))
        );
        assert!(!page.to_string().contains(PASSWORD));
    });
}

#[test]
fn number_rules_are_tried_and_their_faults_pointed_at() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let tried = admin
            .call(
                "number_rule.try",
                json!({ "rules": "DP:00->", "number": "0044" }),
            )
            .await;
        assert_eq!(tried, json!({ "number": "44", "fault": null }));
        let tried = admin
            .call(
                "number_rule.try",
                json!({ "rules": "DP:00->;XX:1", "number": "0044" }),
            )
            .await;
        assert!(
            tried["number"].is_null() && tried["fault"]["at"].as_u64().is_some_and(|at| at >= 8),
            "{tried}"
        );
    });
}

#[test]
fn a_backup_is_a_store_of_its_own() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let made = admin.call("system.backup", json!({})).await;
        let file = office
            .folder
            .path()
            .join("backup")
            .join(made["file"].as_str().expect("a name"));
        let size = std::fs::metadata(&file).expect("there").len();
        assert_eq!(made["bytes"], size);
        let report = tandem_store::verify::verify(&file).expect("readable");
        assert!(report.problems.is_empty());
    });
}

#[test]
fn deleting_goes_in_the_order_of_reference() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let sample = fill(&admin).await;
        for (method, id) in [
            ("account.delete", sample.account),
            ("route.delete", sample.route),
            ("group.delete", sample.group),
            ("gateway.delete", sample.gateway),
            ("rate.delete", sample.rate),
            ("tariff.delete", sample.tariff),
        ] {
            admin.call(method, json!({ "id": id })).await;
            assert_eq!(
                admin.refused(method, json!({ "id": id })).await,
                ErrorCode::NotFound,
                "{method}"
            );
        }
    });
}
