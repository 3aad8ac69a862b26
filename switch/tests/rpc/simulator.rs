//! The call simulator against what is up now.

use crate::{edits::fill, feed::live_call, office};
use serde_json::json;
use tandem_billing::RouteId;

#[test]
fn a_row_at_its_limit_is_dropped_when_live_calls_count() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let sample = fill(&admin).await;
        let stored = admin.call("route.get", json!({ "id": sample.route })).await;
        let mut edit = stored["edit"].clone();
        edit["max_calls"] = json!(1);
        let update = json!({ "id": sample.route, "revision": stored["revision"], "edit": edit });
        admin.call("route.update", update).await;
        let mut up = live_call(7, &[sample.account]);
        up.route = Some(RouteId(sample.route));
        up.gateway = None;
        office.core.put_call(up);
        admin.call("live.subscribe", json!({})).await;

        let call = |usage: &str| json!({ "account": sample.account, "caller": "1", "dialled": "00442071", "usage": usage });
        let idle = admin.call("decide", call("idle")).await;
        assert_eq!(idle["outcome"], "admitted", "{idle}");
        let live = admin.call("decide", call("live")).await;
        assert_eq!(live["outcome"], "refused", "{live}");
        assert!(
            live["trace"].to_string().contains("row's limit of 1 calls"),
            "{live}"
        );
    });
}

#[test]
fn list_entries_decide_at_once_and_the_trace_names_them() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let sample = fill(&admin).await;
        let call = json!({ "account": sample.account, "caller": "1", "dialled": "00442071" });
        let decide = async || admin.call("decide", call.clone()).await;
        let block = json!({ "prefix": "442", "note": "fraud" });
        let id = admin.create("list_entry.create", block).await;
        let decided = decide().await;
        assert_eq!(decided["cause"]["code"], "refused.number_blocked");
        let steps = decided["trace"].as_array().expect("steps");
        let listed = steps.iter().find(|step| step["step"] == "listed");
        let expected = json!({
            "step": "listed", "entry": id, "account": null, "side": "dialled", "prefix": "442", "verdict": "block",
        });
        assert_eq!(listed, Some(&expected), "{decided}");

        let allow = json!({ "account": sample.account, "verdict": "allow", "prefix": "4420" });
        let exception = admin.create("list_entry.create", allow.clone()).await;
        assert_eq!(decide().await["outcome"], "admitted");
        let twice = json!({ "edit": allow });
        let error = admin.try_call("list_entry.create", twice).await;
        let error = error.expect_err("it is there");
        assert_eq!(error.data.field.as_deref(), Some("edit.prefix"));
        admin
            .call("list_entry.delete", json!({ "id": exception }))
            .await;
        assert_eq!(decide().await["outcome"], "refused");

        let caller = json!({ "account": sample.account, "side": "caller", "prefix": "" });
        let stored = admin.call("list_entry.get", json!({ "id": id })).await;
        let update = json!({ "id": id, "revision": stored["revision"], "edit": caller });
        admin.call("list_entry.update", update).await;
        assert_eq!(
            decide().await["cause"]["code"],
            "refused.caller_blocked",
            "an empty prefix fits every caller"
        );
    });
}
