//! Gateways, routing groups, routes.

use super::{How, Map, col, get, how, none_without, put, untouched};
use serde_json::{Value, json};
use tandem_store::{List, record::Resource};

/// Gateways.
pub const GATEWAY: Map = Map {
    list: List::Of(Resource::Gateway),
    name: "gateway",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("cost_tariff_name", "cost_tariff_name"),
        col("inbound_account_login", "inbound_account_login"),
        col("edit.name", "name"),
        how("edit.enabled", "disabled", How::Not),
        col("edit.hosts", "hosts"),
        col("edit.transport", "transport"),
        col("edit.tls.trust", "tls_trust"),
        col("edit.tls.name", "tls_name"),
        col("edit.tls.fingerprint", "tls_fingerprint"),
        col("edit.auth.username", "auth_username"),
        how("edit.auth.password", "auth_password", How::Secret),
        col("edit.rules", "rules"),
        col("edit.codecs", "codecs"),
        col("edit.max_calls", "max_calls"),
        col("edit.max_cps", "max_cps"),
        col("edit.cost_tariff", "cost_tariff_id"),
        col("edit.currency", "currency"),
        col("edit.hunt.codes", "hunt_codes"),
        col("edit.hunt.hours", "hours"),
        col("edit.health", "health"),
        col("edit.inbound.account", "inbound_account_id"),
        col("edit.inbound.number", "inbound_number"),
        col("edit.inbound.reach", "inbound_reach"),
        col("edit.hunt.no_response_s", "no_response_s"),
        col("edit.hunt.ring_timeout_s", "ring_timeout_s"),
        col("edit.media", "media"),
        col("edit.srtp", "srtp"),
        col("edit.identity.from_domain", "from_domain"),
        col("edit.identity.send_pai", "send_pai"),
        col("edit.signalling", "signalling"),
        col("edit.notes", "notes"),
    ],
    finish: |wire| none_without(wire, "edit.auth", "username"),
    prepare: untouched,
};

/// Upstream registrations.
pub const UPSTREAM: Map = Map {
    list: List::Of(Resource::Upstream),
    name: "upstream registration",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("gateway_name", "gateway_name"),
        col("inbound_account_login", "inbound_account_login"),
        col("edit.name", "name"),
        how("edit.enabled", "disabled", How::Not),
        col("edit.gateway", "gateway_id"),
        col("edit.registrar", "registrar"),
        col("edit.username", "username"),
        col("edit.auth.username", "auth_username"),
        how("edit.auth.password", "auth_password", How::Secret),
        col("edit.auth.realm", "realm"),
        col("edit.expires_s", "expires_s"),
        col("edit.keep_alive_s", "keep_alive_s"),
        how("edit.contact_user", "contact_user", How::Secret),
        col("edit.inbound.account", "inbound_account_id"),
        col("edit.inbound.number", "inbound_number"),
        col("edit.inbound.reach", "inbound_reach"),
        col("edit.notes", "notes"),
    ],
    finish: untouched,
    prepare: untouched,
};

/// Routing groups. A reseller sees no more than their names.
pub const GROUP: Map = Map {
    list: List::Of(Resource::RoutingGroup),
    name: "routing group",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("routes", "routes"),
        col("edit.name", "name"),
        col("edit.inherits", "inherits_id"),
        col("edit.policy", "policy"),
        col("edit.notes", "notes"),
    ],
    finish: untouched,
    prepare: untouched,
};

/// Routes.
pub const ROUTE: Map = Map {
    list: List::Of(Resource::Route),
    name: "route",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("group_name", "routing_group_name"),
        col("gateway_name", "gateway_name"),
        col("upstream_name", "upstream_name"),
        col("account_login", "account_login"),
        col("edit.group", "routing_group_id"),
        col("edit.prefix", "prefix"),
        col("edit.priority", "priority"),
        col("edit.target.to", "target"),
        col("edit.target.gateway", "gateway_id"),
        col("edit.target.upstream", "upstream_id"),
        col("edit.target.account", "account_id"),
        col("edit.target.status", "reject_status"),
        col("edit.target.reason", "reject_reason"),
        col("edit.share", "share"),
        col("edit.hours.span.from_day", "from_day"),
        col("edit.hours.span.to_day", "to_day"),
        col("edit.hours.span.from_minute", "from_minute"),
        col("edit.hours.span.to_minute", "to_minute"),
        col("edit.hours.span.holiday", "holiday"),
        col("edit.hours.time_zone", "time_zone"),
        col("edit.rules", "rules"),
        col("edit.max_calls", "max_calls"),
        col("edit.max_cps", "max_cps"),
        how("edit.enabled", "disabled", How::Not),
    ],
    finish: untouched,
    prepare: |wire| {
        if get(wire, "edit.hours.time_zone").and_then(Value::as_str) == Some("") {
            put(wire, "edit.hours.time_zone", json!("UTC"));
        }
    },
};

#[cfg(test)]
mod tests {
    use super::{GATEWAY, Map, ROUTE};
    use serde_json::{Value, json};
    use tandem_protocol::{
        GatewayId,
        dialplan::{RouteEdit, Target},
        gateway::{GatewayAuth, GatewayEdit},
    };

    fn round(map: &Map, edit: &impl serde::Serialize) -> Value {
        let row = map.to_row(serde_json::to_value(edit).expect("writes"));
        map.to_wire(row).get("edit").cloned().unwrap_or_default()
    }

    #[test]
    fn targets_survive() {
        let reject = Target::Reject {
            status: 403,
            reason: "no".into(),
        };
        for target in [
            Target::Gateway {
                gateway: GatewayId(3),
            },
            Target::LocalDevice,
            reject,
        ] {
            let mut edit = RouteEdit {
                target,
                ..RouteEdit::default()
            };
            edit.hours.time_zone = "UTC".into();
            assert_eq!(
                serde_json::from_value::<RouteEdit>(round(&ROUTE, &edit)).expect("a route"),
                edit
            );
        }
    }

    #[test]
    fn passwords_stay_inside() {
        let auth = GatewayAuth {
            username: "u".into(),
            password: Some("p".into()),
        };
        let mut edit = GatewayEdit {
            auth: Some(auth),
            ..GatewayEdit::default()
        };
        let back = round(&GATEWAY, &edit);
        assert_eq!(back.get("auth"), Some(&json!({ "username": "u" })));
        edit.auth = None;
        assert_eq!(
            serde_json::from_value::<GatewayEdit>(round(&GATEWAY, &edit)).expect("a gateway"),
            edit
        );
    }
}
