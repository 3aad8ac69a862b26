//! Gateways, routing groups with their rows, block- and allowlists.

use super::{
    Found, Wanted, Which,
    accounts::{limits, media, transport},
    row,
};
use crate::{
    StoreError,
    edit::{base_currency, parse_fingerprint},
    record::{self, RouteTarget},
};
use rusqlite::{Connection, Row};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tandem_billing::{
    AccountId, GatewayId, RouteId, RoutingGroupId, TariffId, UpstreamId, UtcMs, exchange::Ratios,
    prefix::PrefixMap, tariff::Span,
};
use tandem_call::directory::{
    CallLists, CallsIn, Gateway, GatewayAuth, GatewayHost, GatewayNaming, GatewayTls, Hours,
    HuntTerms, Route, RoutingGroup, RoutingPolicy, Target, TlsTrust, lists::ListEntry,
};

type Hosts = BTreeMap<i64, Vec<GatewayHost>>;

pub(super) fn load_gateways(
    connection: &Connection,
    which: Which<'_>,
    resolve: &dyn Fn(&Wanted) -> Vec<Found>,
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
        tls: tls(row)?,
        auth: username.map(|username| GatewayAuth {
            username,
            password: password.unwrap_or_default(),
            realm: None,
        }),
        rules: row::rules(row, "rules")?,
        codecs: row::texts(row, "codecs")?,
        limits: limits(row)?,
        cost_tariff: row.get::<_, Option<i64>>("cost_tariff_id")?.map(TariffId),
        hunt: HuntTerms {
            codes: row
                .get::<_, String>("hunt_codes")?
                .parse()
                .map_err(row::bad("gateway", row.get("id")?))?,
            no_response_s: row.get("no_response_s")?,
            ring_timeout_s: row.get("ring_timeout_s")?,
        },
        hours: hours(row)?,
        health: row::document(row, "health")?,
        media: media(row::named(row, "media")?),
        srtp: row::named(row, "srtp")?,
        currency: row::named(row, "currency")?,
        naming: GatewayNaming {
            from_domain: row.get("from_domain")?,
            from_user: None,
            send_pai: row.get("send_pai")?,
        },
        signalling: row::document(row, "signalling")?,
        inbound: calls_in(row)?,
    })
}

fn calls_in(row: &Row<'_>) -> Result<Option<CallsIn>, StoreError> {
    let account: Option<i64> = row.get("inbound_account_id")?;
    let Some(account) = account.map(AccountId) else {
        return Ok(None);
    };
    Ok(Some(CallsIn {
        account,
        number: row.get("inbound_number")?,
        reach: row::named(row, "inbound_reach")?,
    }))
}

fn hours(row: &Row<'_>) -> Result<Hours, StoreError> {
    let kept: record::GatewayHours = row::document(row, "hours")?;
    let zone = match kept.time_zone.as_str() {
        "" => "UTC",
        zone => zone,
    };
    let bad = row::bad("gateway", row.get("id")?);
    Ok(Hours {
        span: kept.span,
        time_zone: crate::edit::parse_zone(zone).map_err(bad)?,
    })
}

fn tls(row: &Row<'_>) -> Result<GatewayTls, StoreError> {
    let trust = match row::named(row, "tls_trust")? {
        record::TlsTrust::Authority => TlsTrust::Authority,
        record::TlsTrust::Any => TlsTrust::Any,
        record::TlsTrust::Fingerprint => {
            let text: String = row.get("tls_fingerprint")?;
            let bad = row::bad("gateway", row.get("id")?);
            TlsTrust::Pinned(parse_fingerprint(&text).map_err(bad)?)
        }
    };
    Ok(GatewayTls {
        name: row.get("tls_name")?,
        trust,
    })
}

fn load_hosts(
    connection: &Connection,
    which: Which<'_>,
    resolve: &dyn Fn(&Wanted) -> Vec<Found>,
) -> Result<Hosts, StoreError> {
    let sql = format!(
        "SELECT h.gateway_id, h.host, h.port, h.priority, h.weight, \
         ifnull(h.transport, g.transport) AS transport FROM gateway_host h \
         JOIN gateway g ON g.id = h.gateway_id WHERE {} \
         ORDER BY h.gateway_id, h.priority, h.weight DESC, h.position",
        which.condition("h.gateway_id")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut hosts = Hosts::new();
    while let Some(row) = rows.next()? {
        let (gateway, host, port): (i64, String, u16) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (priority, weight): (u16, u16) = (row.get(3)?, row.get(4)?);
        let transport = transport(row::named(row, "transport")?);
        let hosts = hosts.entry(gateway).or_default();
        // That of the row first, that of the SRV record within it.
        let rank = |within: u16| u32::from(priority) << 16 | u32::from(within);
        if let Ok(address) = host.parse::<IpAddr>() {
            hosts.push(GatewayHost {
                name: None,
                address: SocketAddr::new(address, port),
                transport,
                priority: rank(0),
                weight,
            });
            continue;
        }
        let wanted = Wanted {
            transport,
            host,
            port,
        };
        hosts.extend(resolve(&wanted).into_iter().map(|found| GatewayHost {
            name: Some(wanted.host.clone()),
            address: found.address,
            transport,
            priority: rank(found.priority),
            weight: found.weight.unwrap_or(weight),
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
        RouteTarget::Upstream => Target::Upstream(UpstreamId(row.get("upstream_id")?)),
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

pub(super) fn load_ratios(connection: &Connection) -> Result<Arc<Ratios>, StoreError> {
    let mut ratios = Ratios::new(base_currency(connection)?);
    let mut statement =
        connection.prepare("SELECT id, currency, ratio, valid_from FROM exchange_ratio")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let valid_from = UtcMs(row.get("valid_from")?);
        let bad = row::bad("exchange_ratio", row.get("id")?);
        ratios
            .set(
                row::named(row, "currency")?,
                valid_from,
                row::price(row, "ratio")?,
            )
            .map_err(|error| bad(error.to_string()))?;
    }
    Ok(Arc::new(ratios))
}
