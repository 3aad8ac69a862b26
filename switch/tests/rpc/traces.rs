//! SIP traces: who may begin which, and who sees it.

use crate::{branch::branches, office};
use serde_json::json;
use tandem_protocol::ErrorCode;

#[test]
fn admins_trace_anything_and_resellers_their_own_accounts() {
    office::open(|office| async move {
        let (branches, _) = branches(&office).await;
        let admin = office.admin().await;
        let one = office.log_in("one").await;
        let two = office.log_in("two").await;
        let of = |account: i64| json!({ "subject": { "account": account } });
        for subject in [json!({ "source": "192.0.2.1" }), json!({ "call": 1 })] {
            let params = json!({ "subject": subject });
            assert_eq!(
                one.refused("sip_trace.start", params).await,
                ErrorCode::Forbidden
            );
        }
        let missing = ErrorCode::NotFound;
        assert_eq!(
            one.refused("sip_trace.start", of(branches.other)).await,
            missing
        );
        assert_eq!(admin.refused("sip_trace.start", of(99_999)).await, missing);
        let mut secrets = of(branches.client);
        secrets["secrets"] = json!("kept");
        assert_eq!(
            one.refused("sip_trace.start", secrets).await,
            ErrorCode::Forbidden
        );
        let long = json!({ "subject": { "source": "192.0.2.1" }, "seconds": 90_000 });
        assert_eq!(
            admin.refused("sip_trace.start", long).await,
            ErrorCode::Invalid
        );

        let trace = one.call("sip_trace.start", of(branches.client)).await;
        let id = json!({ "id": trace["id"] });
        assert_eq!(trace["running"], true);
        let lines = admin.call("audit.list", json!({ "limit": 1000 })).await;
        let lines = lines["rows"].as_array().expect("rows").clone();
        let begun: Vec<_> = lines
            .iter()
            .filter(|line| line["object"] == "sip_trace")
            .collect();
        let [line] = begun[..] else {
            panic!("refused ones are none: {begun:?}");
        };
        assert_eq!(
            (&line["action"], &line["login_name"]),
            (&json!("start"), &json!("one"))
        );
        let subject = &line["new"]["subject"];
        assert_eq!(subject, &json!({ "account": branches.client }), "{line}");
        for method in ["stop", "delete", "read"] {
            let method = format!("sip_trace.{method}");
            assert_eq!(two.refused(&method, id.clone()).await, missing, "{method}");
        }
        assert_eq!(two.call("sip_trace.list", json!({})).await, json!([]));
        assert_eq!(
            one.call("sip_trace.read", id.clone()).await["messages"],
            json!([])
        );
        let pcap = json!({ "id": trace["id"], "format": "pcap" });
        let file = admin.call("sip_trace.export", pcap).await;
        assert_eq!(file["base64"], "1MOyoQIABAAAAAAAAAAAAAAABABlAAAA");
        office.pass_ms(600_000);
        let listed = admin.call("sip_trace.list", json!({})).await;
        assert_eq!(listed[0]["running"], false, "its time is over");
        one.call("sip_trace.delete", id.clone()).await;
        assert_eq!(one.refused("sip_trace.stop", id).await, missing);
    });
}
