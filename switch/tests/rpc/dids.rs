//! DIDs: kept by operators, led by resellers within their branch.

use crate::{branch::branches, office};
use serde_json::{Value, json};
use tandem_protocol::ErrorCode;

#[test]
fn numbers_are_added_one_by_one_and_by_the_range_and_in_force_at_once() {
    office::open(|office| async move {
        let (b, _) = branches(&office).await;
        let admin = office.admin().await;
        let source = json!({ "gateway": b.sample.gateway });
        let edit = json!({ "number": "4930100", "account": b.sample.account, "source": source });
        let id = admin.create("did.create", edit).await;
        let did = admin.call("did.get", json!({ "id": id })).await;
        assert_eq!(did["edit"]["target"], json!({ "to": "phones" }));
        assert!(did["source_gateway_name"].is_string() && did["account_login"].is_string());
        let range = json!({ "edit": { "number": "4930200" }, "last": "4930219" });
        assert_eq!(
            admin.call("did.add_range", range.clone()).await,
            json!({ "count": 20 })
        );
        let again = admin
            .try_call("did.add_range", range)
            .await
            .expect_err("they are there");
        assert_eq!(again.data.field.as_deref(), Some("edit.number"));
        let wrong = json!({ "edit": { "number": "4930300" }, "last": "4930299" });
        let wrong = admin
            .try_call("did.add_range", wrong)
            .await
            .expect_err("backwards");
        assert_eq!(wrong.data.field.as_deref(), Some("last"));
        let stock =
            json!({ "filter": [{ "field": "account", "op": "eq", "value": null }], "limit": 5 });
        assert_eq!(admin.call("did.list", stock).await["total"], 20);
        let mut edit = did["edit"].clone();
        edit["target"] = json!({ "to": "forward", "number": "00442071" });
        let update = json!({ "id": id, "revision": did["revision"], "edit": edit });
        let refused = admin
            .try_call("did.update", update)
            .await
            .expect_err("without a limit");
        assert_eq!(refused.data.field.as_deref(), Some("edit.max_calls"));
        edit["max_calls"] = 2.into();
        let update = json!({ "id": id, "revision": did["revision"], "edit": edit });
        let updated = admin.call("did.update", update.clone()).await;
        assert_eq!(updated["edit"]["target"]["number"], "00442071");
        // From the gateway it is the account's call to there.
        let call = json!({ "source": "192.0.2.1:5060", "caller": "1", "dialled": "+4930100" });
        let decided = admin.call("decide", call).await;
        assert_eq!(decided["outcome"], "admitted", "{decided}");
        assert_eq!(decided["account"], b.sample.account);
        assert_eq!(decided["candidates"][0]["number"], "442071");
        assert_eq!(decided["trace"][0]["by"], "DID 4930100");

        assert_eq!(
            admin.refused("did.update", update).await,
            ErrorCode::Conflict
        );
        admin.call("did.delete", json!({ "id": id })).await;
        assert_eq!(
            admin.refused("did.get", json!({ "id": id })).await,
            ErrorCode::NotFound
        );
    });
}

#[test]
fn a_reseller_sees_and_leads_the_numbers_of_its_branch_alone() {
    office::open(|office| async move {
        let (b, desk) = branches(&office).await;
        let admin = office.admin().await;
        let source = json!({ "gateway": b.sample.gateway });
        let mut ids = Vec::new();
        for (number, account) in [
            ("4930100", json!(b.client)),
            ("4930101", json!(b.other)),
            ("4930102", Value::Null),
        ] {
            let edit = json!({ "number": number, "account": account, "source": source });
            ids.push(admin.create("did.create", edit).await);
        }
        assert_eq!(desk.column("did.list", "/id").await, [ids[0]]);
        for id in &ids[1..] {
            assert_eq!(
                desk.refused("did.get", json!({ "id": id })).await,
                ErrorCode::NotFound
            );
            let update = json!({ "id": id, "edit": { "number": "4930101", "account": b.client } });
            assert_eq!(
                desk.refused("did.update", update).await,
                ErrorCode::NotFound
            );
        }
        let mine = desk.call("did.get", json!({ "id": ids[0] })).await;
        assert_eq!(mine["source_gateway_name"], Value::Null);
        let mut edit = mine["edit"].clone();
        edit["target"] = json!({ "to": "refuse", "status": 486, "reason": "Busy Here" });
        let update = json!({ "id": ids[0], "revision": mine["revision"], "edit": edit });
        desk.call("did.update", update).await;
        let seen = admin.call("did.get", json!({ "id": ids[0] })).await;
        assert_eq!(seen["edit"]["target"]["status"], 486);
        assert_eq!(
            seen["edit"]["source"]["gateway"], b.sample.gateway,
            "what it does not see stays"
        );
        edit["account"] = b.other.into();
        let away = json!({ "id": ids[0], "edit": edit });
        assert_eq!(desk.refused("did.update", away).await, ErrorCode::Forbidden);
        let new = json!({ "number": "4930103", "account": b.client });
        let range = json!({ "edit": new, "last": "4930109" });
        for (method, params) in [
            ("did.create", json!({ "edit": new })),
            ("did.add_range", range),
            ("did.delete", json!({ "id": ids[0] })),
        ] {
            assert_eq!(
                desk.refused(method, params).await,
                ErrorCode::Forbidden,
                "{method}"
            );
        }
    });
}
