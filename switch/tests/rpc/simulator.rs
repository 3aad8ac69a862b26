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
