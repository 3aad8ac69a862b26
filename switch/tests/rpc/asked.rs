//! "Ask now": a gateway is asked, and an upstream registered, by an operator's word.

use crate::office;
use serde_json::json;
use tandem_billing::{GatewayId, UpstreamId};
use tandem_call::monitor::{GatewayHealth, GatewayState, UpstreamState};
use tandem_protocol::ErrorCode;

fn gateway(id: i64) -> GatewayState {
    GatewayState {
        gateway: GatewayId(id),
        name: "carrier".into(),
        calls: 0,
        attempts: 0,
        answered: 0,
        failed: 0,
        answered_ms: 0,
        pdd_ms_sum: 0,
        health: GatewayHealth::default(),
    }
}

fn upstream(id: i64) -> UpstreamState {
    UpstreamState {
        upstream: UpstreamId(id),
        name: "line".into(),
        enabled: true,
        registered_until: None,
        host: None,
        answered_at: None,
        answer: None,
        next_at: None,
        failures: 0,
    }
}

#[test]
fn whoever_is_at_work_is_asked_but_not_all_the_time() {
    office::open(|office| async move {
        office.core.put_gateway(gateway(3));
        office.core.put_upstream(upstream(4));
        let admin = office.admin().await;
        for (method, known, what) in [
            ("gateway.probe", 3, "gateway at work 9"),
            ("upstream.register", 4, "upstream registration at work 9"),
        ] {
            assert_eq!(admin.call(method, json!({ "id": known })).await, json!({}));
            let again = admin.try_call(method, json!({ "id": known })).await;
            let again = again.expect_err("so soon");
            assert_eq!(again.code(), ErrorCode::TooMany, "{again}");
            assert_eq!(again.message, "too often");
            let unknown = admin.try_call(method, json!({ "id": 9 })).await;
            let unknown = unknown.expect_err("no such one");
            assert_eq!(unknown.code(), ErrorCode::NotFound);
            assert_eq!(unknown.message, format!("{what} does not exist"));
        }
    });
}

#[test]
fn a_core_that_does_not_answer_is_told_so() {
    office::open(|office| async move {
        office.core.put_gateway(gateway(3));
        office.core.put_upstream(upstream(4));
        let admin = office.admin().await;
        office.core.fall_silent();
        for (method, known) in [("gateway.probe", 3), ("upstream.register", 4)] {
            let error = admin.try_call(method, json!({ "id": known })).await;
            let error = error.expect_err("no answer");
            assert_eq!(error.code(), ErrorCode::Unavailable, "{error}");
        }
    });
}
