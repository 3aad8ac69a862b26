//! Gateways, routing groups with their rows, block- and allowlists.

use super::{
    Which,
    accounts::{limits, media, transport},
    row,
};
use crate::{
    StoreError,
    record::{self, RouteTarget},
};
use rusqlite::{Connection, Row};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tandem_billing::{
    AccountId, GatewayId, RouteId, RoutingGroupId, TariffId, prefix::PrefixMap, tariff::Span,
};
use tandem_call::directory::{
    CallLists, Gateway, GatewayAuth, GatewayHost, Hours, Route, RoutingGroup, RoutingPolicy,
    Target, lists::ListEntry,
};
use tracing::warn;

type Hosts = BTreeMap<i64, Vec<GatewayHost>>;

pub(super) fn load_gateways(
    connection: &Connection,
    which: Which<'_>,
    resolve: &dyn Fn(&str, u16) -> Vec<SocketAddr>,
) -> Result<BTreeMap<GatewayId, Arc<Gateway>>, StoreError> {
    let mut hosts = load_hosts(connection, which, resolve)?;
    let mut statement = connection.prepare(&format!(
        "SELECT * FROM gateway WHERE {}",
        which.condition("id")
    ))?;
    let mut rows = statement.query([])?;
    let mut gateways = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get("id")?;
        let gateway = gateway(row, hosts.remove(&id).unwrap_or_default())?;
        gateways.insert(gateway.id, Arc::new(gateway));
    }
    Ok(gateways)
}

fn gateway(row: &Row<'_>, hosts: Vec<GatewayHost>) -> Result<Gateway, StoreError> {
    let username: Option<String> = row.get("auth_username")?;
    let password: Option<String> = row.get("auth_password")?;
    Ok(Gateway {
        id: GatewayId(row.get("id")?),
        name: row.get("name")?,
        enabled: !row.get::<_, bool>("disabled")?,
        hosts,
        transport: transport(row::named(row, "transport")?),
        auth: username.map(|username| GatewayAuth {
            username,
            password: password.unwrap_or_default(),
        }),
        rules: row::rules(row, "rules")?,
        codecs: row::texts(row, "codecs")?,
        limits: limits(row)?,
        cost_tariff: row.get::<_, Option<i64>>("cost_tariff_id")?.map(TariffId),
        stop_codes: row::document(row, "stop_codes")?,
        no_response_s: row.get("no_response_s")?,
        ring_timeout_s: row.get("ring_timeout_s")?,
        media: media(row::named(row, "media")?),
        currency: row::named(row, "currency")?,
        from_domain: row.get("from_domain")?,
        send_pai: row.get("send_pai")?,
        signalling: row::document(row, "signalling")?,
    })
}

fn load_hosts(
    connection: &Connection,
    which: Which<'_>,
    resolve: &dyn Fn(&str, u16) -> Vec<SocketAddr>,
) -> Result<Hosts, StoreError> {
    let sql = format!(
        "SELECT gateway_id, host, port, priority, weight FROM gateway_host WHERE {} \
         ORDER BY gateway_id, priority, weight DESC, position",
        which.condition("gateway_id")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut hosts = Hosts::new();
    while let Some(row) = rows.next()? {
        let (gateway, host, port): (i64, String, u16) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (priority, weight) = (row.get(3)?, row.get(4)?);
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => resolve(&host, port),
        };
        if addresses.is_empty() {
            warn!(gateway, host, "gateway host has no address");
        }
        let hosts = hosts.entry(gateway).or_default();
        hosts.extend(addresses.into_iter().map(|address| GatewayHost {
            address,
            priority,
            weight,
        }));
    }
    Ok(hosts)
}

pub(super) fn load_groups(
    connection: &Connection,
    which: Which<'_>,
) -> Result<BTreeMap<RoutingGroupId, Arc<RoutingGroup>>, StoreError> {
    let mut routes = load_routes(connection, which)?;
    let sql = format!(
        "SELECT id, name, inherits_id, policy FROM routing_group WHERE {}",
        which.condition("id")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut groups = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get("id")?;
        let own = routes.remove(&id).unwrap_or_default();
        let group = RoutingGroup {
            id: RoutingGroupId(id),
            name: row.get("name")?,
            inherits: row
                .get::<_, Option<i64>>("inherits_id")?
                .map(RoutingGroupId),
            policy: match row::named(row, "policy")? {
                record::RoutingPolicy::AsListed => RoutingPolicy::AsListed,
                record::RoutingPolicy::LeastCost => RoutingPolicy::LeastCost,
                record::RoutingPolicy::Quality => RoutingPolicy::Quality,
                record::RoutingPolicy::Margin => RoutingPolicy::Margin,
            },
            routes: PrefixMap::build(own.into_iter().collect()),
        };
        groups.insert(group.id, Arc::new(group));
    }
    Ok(groups)
}

/// Group -> prefix -> rows by priority.
type Routes = BTreeMap<i64, BTreeMap<String, Vec<Arc<Route>>>>;

fn load_routes(connection: &Connection, which: Which<'_>) -> Result<Routes, StoreError> {
    let sql = format!(
        "SELECT * FROM route WHERE {} ORDER BY routing_group_id, prefix, priority, id",
        which.condition("routing_group_id")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut routes = Routes::new();
    while let Some(row) = rows.next()? {
        let route = route(row)?;
        let group = routes.entry(row.get("routing_group_id")?).or_default();
        group
            .entry(route.prefix.clone())
            .or_default()
            .push(Arc::new(route));
    }
    Ok(routes)
}

fn route(row: &Row<'_>) -> Result<Route, StoreError> {
    let zone: String = row.get("time_zone")?;
    let id: i64 = row.get("id")?;
    let bad = row::bad("route", id);
    Ok(Route {
        id: RouteId(id),
        prefix: row.get("prefix")?,
        priority: row.get("priority")?,
        target: target(row)?,
        share: row.get("share")?,
        hours: Hours {
            span: span(row)?,
            time_zone: crate::edit::parse_zone(&zone).map_err(bad)?,
        },
        rules: row::rules(row, "rules")?,
        limits: limits(row)?,
        enabled: !row.get::<_, bool>("disabled")?,
    })
}

fn target(row: &Row<'_>) -> Result<Target, StoreError> {
    Ok(match row::named(row, "target")? {
        RouteTarget::Gateway => Target::Gateway(GatewayId(row.get("gateway_id")?)),
        RouteTarget::Account => Target::Account(AccountId(row.get("account_id")?)),
        RouteTarget::LocalDevice => Target::LocalDevice,
        RouteTarget::Reject => Target::Reject {
            status: row.get("reject_status")?,
            reason: row.get("reject_reason")?,
        },
    })
}

fn span(row: &Row<'_>) -> Result<Span, StoreError> {
    Ok(Span {
        from_day: row.get("from_day")?,
        to_day: row.get("to_day")?,
        from_minute: row.get("from_minute")?,
        to_minute: row.get("to_minute")?,
        holiday: row.get("holiday")?,
    })
}

pub(super) fn load_lists(connection: &Connection) -> Result<Arc<CallLists>, StoreError> {
    let mut statement =
        connection.prepare("SELECT id, account_id, side, verdict, prefix FROM list_entry")?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(ListEntry {
            id: row.get("id")?,
            account: row.get::<_, Option<i64>>("account_id")?.map(AccountId),
            side: row::named(row, "side")?,
            verdict: row::named(row, "verdict")?,
            prefix: row.get("prefix")?,
        });
    }
    Ok(Arc::new(CallLists::build(entries)))
}
