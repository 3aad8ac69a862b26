//! Rules about source addresses over RPC.

use crate::office;
use serde_json::{Value, json};
use tandem_protocol::ErrorCode;

#[test]
fn rules_are_made_changed_deleted_and_audited() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let edit = json!({ "network": "203.0.113.7", "verdict": "block", "reason": "fraud" });
        let id = admin.create("source_rule.create", edit).await;
        let rule = admin.call("source_rule.get", json!({ "id": id })).await;
        assert_eq!(rule["edit"]["network"], "203.0.113.7/32");
        assert_eq!(rule["origin"], "operator");
        assert_eq!(rule["edit"]["expires_at"], Value::Null);
        let until = office::BEGIN_MS + 3_600_000;
        let edit = json!({ "network": "203.0.113.0/24", "verdict": "allow", "expires_at": until });
        let update = json!({ "id": id, "revision": rule["revision"], "edit": edit });
        let rule = admin.call("source_rule.update", update).await;
        assert_eq!(rule["edit"]["expires_at"], until);
        let wrong = json!({ "edit": { "network": "nowhere", "verdict": "block" } });
        let error = admin.try_call("source_rule.create", wrong).await;
        let error = error.expect_err("no address");
        assert!(error.message.contains("network") || format!("{error:?}").contains("nowhere"));
        let twice = json!({ "edit": { "network": "203.0.113.9/24", "verdict": "block" } });
        assert_eq!(
            admin.refused("source_rule.create", twice).await,
            ErrorCode::Invalid
        );
        let list = json!({ "limit": 10, "filter": [{ "field": "verdict", "op": "eq", "value": "allow" }] });
        let page = admin.call("source_rule.list", list).await;
        assert_eq!(page["total"], 1);
        admin.call("source_rule.delete", json!({ "id": id })).await;
        let audit = admin.call("audit.list", json!({ "limit": 100 })).await;
        let rows = audit["rows"].as_array().expect("rows");
        let of_rule = rows.iter().filter(|row| row["object"] == "source_rule");
        let actions: Vec<&str> = of_rule.filter_map(|row| row["action"].as_str()).collect();
        assert_eq!(actions.len(), 3, "{actions:?}");
        for action in ["create", "update", "delete"] {
            assert!(actions.contains(&action), "{actions:?}");
        }
    });
}
