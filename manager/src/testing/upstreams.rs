//! The same operator's upstream registrations: one holds, one is refused.

use super::sample::{GATEWAYS, NOW_MS, login_of, of, row};
use serde_json::{Value, json};
use tandem_protocol::{UtcMs, live::UpstreamStatus, upstream::UpstreamEdit};

pub fn rows() -> Vec<Value> {
    let rows = [
        ("Carrier A trunk", 1, "4930200"),
        ("Spare line", 2, "4940300"),
    ];
    let rows = rows.iter().enumerate().map(|(at, (name, gateway, user))| {
        let edit = of::<UpstreamEdit>(json!({
            "name": name, "gateway": gateway, "username": user, "registrar": "sip.carrier.example",
            "inbound": { "account": 1 },
        }));
        let mut row = row(at + 1, edit);
        row["gateway_name"] = GATEWAYS[gateway - 1].0.into();
        row["inbound_account_login"] = login_of(1);
        row
    });
    rows.collect()
}

pub fn status() -> Vec<UpstreamStatus> {
    let row = |id: i64, name: &str, holds: bool| UpstreamStatus {
        upstream: id.into(),
        name: name.into(),
        enabled: true,
        registered_until: holds.then_some(UtcMs(NOW_MS + 2_400_000)),
        host: Some("192.0.2.1:5060".into()),
        answered_at: Some(UtcMs(NOW_MS - 1_200_000)),
        answer: Some(if holds { "200" } else { "403" }.into()),
        next_at: Some(UtcMs(NOW_MS + 1_700_000)),
        failures: u32::from(!holds),
    };
    vec![row(1, "Carrier A trunk", true), row(2, "Spare line", false)]
}
