//! The sample's gateways and dial plan.

use super::{Maker, euro, money::Tariffs};
use crate::{
    EditError,
    record::{
        Gateway, GatewayAudio, GatewayAuth, GatewayHost, GatewayHours, GatewayInbound,
        GatewayLimits, GatewayTls, HuntTerms, Identity, Route, RouteTarget, RoutingGroup,
        RoutingPolicy, Transport,
    },
};
use tandem_billing::{GatewayId, RoutingGroupId, TariffId, tariff::Span};

/// The sample's routing groups.
pub(super) struct Plan {
    pub standard: RoutingGroupId,
    pub premium: RoutingGroupId,
    pub least_cost: RoutingGroupId,
}

pub(super) fn load(
    maker: &Maker<'_>,
    tariffs: &Tariffs,
    hosts: [&str; 3],
) -> Result<Plan, EditError> {
    let mut gateways = Vec::with_capacity(hosts.len());
    for ((name, host), cost) in ["Alpha", "Beta", "Gamma"]
        .into_iter()
        .zip(hosts)
        .zip(tariffs.costs)
    {
        gateways.push(gateway(maker, name, host, cost)?);
    }
    let [alpha, beta, gamma] = gateways[..] else {
        return Err(EditError::Store("the sample has three gateways".into()));
    };
    let standard = group(maker, "Standard", None, RoutingPolicy::AsListed)?;
    let premium = group(maker, "Premium", Some(standard), RoutingPolicy::Quality)?;
    let least_cost = group(maker, "Least cost", None, RoutingPolicy::LeastCost)?;
    for group in [standard, least_cost] {
        let local = Route {
            target: RouteTarget::LocalDevice,
            ..row(group, "10", 1)
        };
        maker.create(&local)?;
        maker.create(&to(row(group, "112", 1), alpha))?;
        maker.create(&Route {
            target: RouteTarget::Reject,
            reject_status: Some(403),
            reject_reason: "Premium numbers are not allowed".to_owned(),
            ..row(group, "1900", 1)
        })?;
        maker.create(&Route {
            share: 60,
            ..to(row(group, "", 1), alpha)
        })?;
        maker.create(&Route {
            share: 40,
            ..to(row(group, "", 1), beta)
        })?;
        maker.create(&to(row(group, "", 2), gamma))?;
    }
    maker.create(&to(row(standard, "44", 1), beta))?;
    maker.create(&to(row(standard, "44", 2), alpha))?;
    let night = Span {
        from_minute: 20 * 60,
        to_minute: 8 * 60,
        ..Span::default()
    };
    maker.create(&Route {
        span: night,
        ..to(row(premium, "49", 1), gamma)
    })?;
    maker.create(&to(row(premium, "49", 2), alpha))?;
    Ok(Plan {
        standard,
        premium,
        least_cost,
    })
}

fn gateway(
    maker: &Maker<'_>,
    name: &str,
    host: &str,
    cost: TariffId,
) -> Result<GatewayId, EditError> {
    let parsed = host
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) =
        parsed.ok_or_else(|| EditError::field("hosts", format!("{host:?} is not host:port")))?;
    let created = maker.create(&Gateway {
        id: 0,
        revision: 0,
        name: format!("{name} Telecom"),
        disabled: false,
        hosts: vec![GatewayHost {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            priority: 1,
            weight: 1,
            transport: None,
        }],
        transport: Transport::Udp,
        auth: GatewayAuth::default(),
        rules: String::new(),
        limits: GatewayLimits {
            max_calls: 200,
            max_cps: 50,
        },
        cost_tariff_id: Some(cost),
        currency: euro()?,
        hunt: HuntTerms::default(),
        health: tandem_call::directory::Health::default(),
        hours: GatewayHours::default(),
        inbound: GatewayInbound::default(),
        tls: GatewayTls::default(),
        signalling: tandem_call::directory::Signalling::default(),
        identity: Identity::default(),
        audio: GatewayAudio::default(),
        notes: String::new(),
    })?;
    Ok(GatewayId(created.id))
}

fn group(
    maker: &Maker<'_>,
    name: &str,
    inherits: Option<RoutingGroupId>,
    policy: RoutingPolicy,
) -> Result<RoutingGroupId, EditError> {
    let created = maker.create(&RoutingGroup {
        id: 0,
        revision: 0,
        name: name.to_owned(),
        inherits_id: inherits,
        policy,
        notes: String::new(),
    })?;
    Ok(RoutingGroupId(created.id))
}

fn to(route: Route, gateway: GatewayId) -> Route {
    Route {
        target: RouteTarget::Gateway,
        gateway_id: Some(gateway),
        ..route
    }
}

fn row(group: RoutingGroupId, prefix: &str, priority: u16) -> Route {
    Route {
        id: 0,
        revision: 0,
        routing_group_id: group,
        prefix: prefix.to_owned(),
        priority,
        target: RouteTarget::LocalDevice,
        gateway_id: None,
        account_id: None,
        upstream_id: None,
        reject_status: None,
        reject_reason: String::new(),
        share: 100,
        span: Span::default(),
        time_zone: "Europe/Berlin".to_owned(),
        rules: String::new(),
        max_calls: 0,
        max_cps: 0,
        disabled: false,
    }
}
