//! The same operator's numbers: to phones, to another number, refused, and in stock.

use super::sample::{GATEWAYS, login_of, of, row};
use serde_json::{Value, json};
use tandem_protocol::did::DidEdit;

pub fn rows() -> Vec<Value> {
    let rows = [
        (Some(3), json!({ "to": "phones" }), Some(1)),
        (
            Some(1),
            json!({ "to": "forward", "number": "442079460000" }),
            None,
        ),
        (
            Some(5),
            json!({ "to": "refuse", "status": 480, "reason": "Temporarily Unavailable" }),
            None,
        ),
        (None, json!({ "to": "phones" }), None),
    ];
    let rows = rows
        .into_iter()
        .enumerate()
        .map(|(at, (account, target, gateway))| {
            let edit = of::<DidEdit>(json!({
                "number": format!("49302001{at:02}"), "account": account, "target": target,
                "source": { "gateway": gateway }, "max_calls": 10,
            }));
            let mut row = row(at + 1, edit);
            row["account_login"] = account.map_or(Value::Null, |id: usize| login_of(id));
            row["source_gateway_name"] = gateway.map_or(Value::Null, |id: i64| {
                let at = usize::try_from(id - 1).unwrap_or_default();
                GATEWAYS[at].0.into()
            });
            row["source_upstream_name"] = Value::Null;
            row["tariff_name"] = Value::Null;
            row
        });
    rows.collect()
}
