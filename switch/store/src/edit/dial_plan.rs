//! Gateways, routing groups, dial plan rows, blocklists.

use super::{
    EditError,
    check::{Checked, Context, Faults, text_of},
    object,
};
use crate::record::{
    Gateway, InboundReach, ListEntry, Route, RouteTarget, RoutingGroup, TlsTrust, Transport,
};
use rusqlite::{OptionalExtension, types::Value as Sql};
use std::net::IpAddr;
use tandem_billing::AccountId;
use tandem_call::directory::{
    HuntCodes,
    signalling::{Recorded, RecordingTone, Transfer},
};

/// Hosts of a gateway; more are better kept behind a DNS name.
const MAX_HOSTS: usize = 16;
/// Groups a group may inherit from, one after the other.
const MAX_DEPTH: usize = 8;

pub(super) fn gateway(context: &Context<'_>, mut gateway: Gateway) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    faults.title("name", &gateway.name);
    hosts(&gateway, &mut faults);
    faults.rules("rules", &gateway.rules);
    faults.signalling(&gateway.signalling);
    faults.expect(
        gateway.signalling.recording == Recorded::Off,
        "signalling.recording",
        "is a setting of accounts: a gateway's calls are recorded where their accounts' are",
    );
    faults.expect(
        gateway.signalling.recording_tone == RecordingTone::Off,
        "signalling.recording_tone",
        "is a setting of accounts, as the recording itself",
    );
    faults.expect(
        gateway.signalling.music.is_empty(),
        "signalling.music",
        "is a setting of accounts: who is put on hold through a gateway hears the switch's music",
    );
    faults.expect(
        gateway.signalling.transfer == Transfer::ByKind,
        "signalling.transfer",
        "is a setting of accounts: a gateway has none to pay for a transfer",
    );
    faults.codecs(&mut gateway.audio.codecs);
    hunt(&gateway, &mut faults);
    if let Err((field, reason)) = gateway.health.check() {
        faults.add(&format!("health.{field}"), reason);
    }
    faults.span(&gateway.hours.span);
    if gateway.hours.time_zone.is_empty() {
        gateway.hours.time_zone = "UTC".to_owned();
    }
    faults.zone("hours.time_zone", &gateway.hours.time_zone);
    let inbound = &mut gateway.inbound;
    let number = inbound.inbound_number.take();
    inbound.inbound_number = number.filter(|text| !text.trim().is_empty());
    let number = inbound.inbound_number.as_deref();
    calls_in(
        context,
        (inbound.inbound_account_id, number, inbound.inbound_reach),
        &mut faults,
    )?;
    if let Some(tariff) = gateway.cost_tariff_id {
        match text_of(context.connection, "SELECT currency FROM tariff WHERE id = ?1", tariff.0)? {
            None => faults.add("cost_tariff_id", format!("tariff {tariff} does not exist")),
            Some(currency) if currency != gateway.currency.to_string() => faults.add(
                "cost_tariff_id",
                format!("tariff {tariff} is in {currency}, the gateway in {}: choose one in the same currency", gateway.currency),
            ),
            Some(_) => {}
        }
    }
    tls(&mut gateway, &mut faults);
    faults.fixed(context, "currency", &object(&gateway));
    let user = &mut gateway.auth.auth_username;
    *user = user.take().filter(|name| !name.is_empty());
    let extra = credentials(context, &mut gateway, &mut faults)?;
    faults.finish_with(&gateway, extra)
}

/// Whose calls in are, what they count as having dialled, and where they may go.
pub(super) fn calls_in(
    context: &Context<'_>,
    (account, number, reach): (Option<AccountId>, Option<&str>, InboundReach),
    faults: &mut Faults,
) -> Result<(), EditError> {
    if let Some(number) = number {
        faults.name("inbound_number", number);
    }
    faults.expect(
        account.is_none() || reach != InboundReach::Number || number.is_some(),
        "inbound_number",
        "is needed, or inbound_reach must say that the number called counts",
    );
    if let Some(account) = account {
        let login = "SELECT login FROM account WHERE id = ?1";
        let known = text_of(context.connection, login, account.0)?;
        faults.expect(known.is_some(), "inbound_account_id", "does not exist");
    }
    Ok(())
}

fn hunt(gateway: &Gateway, faults: &mut Faults) {
    if let Err(reason) = gateway.hunt.hunt_codes.parse::<HuntCodes>() {
        faults.add("hunt_codes", reason);
    }
    faults.expect(
        (1..=60).contains(&gateway.hunt.no_response_s),
        "no_response_s",
        "must be 1 to 60 seconds",
    );
    faults.expect(
        gateway.hunt.ring_timeout_s <= 600,
        "ring_timeout_s",
        "must be at most 600 seconds",
    );
}

fn hosts(gateway: &Gateway, faults: &mut Faults) {
    faults.expect(
        (1..=MAX_HOSTS).contains(&gateway.hosts.len()),
        "hosts",
        "must be 1 to 16",
    );
    for host in &gateway.hosts {
        if let Err(reason) = host_name(&host.host) {
            faults.add("hosts", reason);
        }
        faults.expect(
            host.port != 0 || host.host.parse::<IpAddr>().is_err(),
            "hosts",
            "port must be 1 to 65535 with an address; 0 looks a name's port up in DNS",
        );
        faults.expect(
            !matches!(host.transport, Some(Transport::Ws | Transport::Wss)),
            "hosts",
            "transport must be udp, tcp or tls: browsers alone are reached by WebSocket",
        );
    }
}

/// Whoever connects to a gateway is no browser, and the certificate is asked for what it can show.
fn tls(gateway: &mut Gateway, faults: &mut Faults) {
    faults.expect(
        !matches!(gateway.transport, Transport::Ws | Transport::Wss),
        "transport",
        "must be udp, tcp or tls: browsers alone are reached by WebSocket",
    );
    let tls = &mut gateway.tls;
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    tls.tls_name = filled(tls.tls_name.take());
    tls.tls_fingerprint = filled(tls.tls_fingerprint.take());
    if let Some(Err(reason)) = tls.tls_name.as_deref().map(host_name) {
        faults.add("tls_name", reason);
    }
    match &tls.tls_fingerprint {
        Some(text) => match parse_fingerprint(text) {
            Ok(_) => {}
            Err(reason) => faults.add("tls_fingerprint", reason),
        },
        None => faults.expect(
            tls.tls_trust != TlsTrust::Fingerprint,
            "tls_fingerprint",
            "is needed when the certificate is judged by it",
        ),
    }
}

/// SHA-256 in hex, colons or not.
pub(crate) fn parse_fingerprint(text: &str) -> Result<[u8; 32], String> {
    let fault = || format!("{text:?} is no SHA-256 fingerprint: 32 hex pairs, as in AB:CD:...");
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !matches!(c, ':' | ' '))
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()
        .ok_or_else(fault)?;
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    let bytes: Vec<u8> = bytes.collect::<Option<_>>().ok_or_else(fault)?;
    bytes.try_into().map_err(|_| fault())
}

pub(super) fn host_name(host: &str) -> Result<(), String> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if host.len() <= 253 && host.split('.').all(label) {
        return Ok(());
    }
    Err(format!(
        "{host:?} is neither an address nor a DNS name; the port has its own field"
    ))
}

/// A password is kept as it is: we are the one who must show it to the gateway.
fn credentials(
    context: &Context<'_>,
    gateway: &mut Gateway,
    faults: &mut Faults,
) -> Result<Vec<(&'static str, Sql)>, EditError> {
    let password = gateway.auth.auth_password.take();
    if gateway.auth.auth_username.is_none() {
        faults.expect(
            password.is_none(),
            "auth_username",
            "is needed with a password",
        );
        return Ok(vec![("auth_password", Sql::Null)]);
    }
    if let Some(password) = password {
        return Ok(vec![("auth_password", Sql::Text(password))]);
    }
    let kept = "SELECT auth_password IS NOT NULL FROM gateway WHERE id = ?1";
    let kept: Option<bool> = match context.old {
        None => None,
        Some(_) => context
            .connection
            .prepare_cached(kept)?
            .query_row([gateway.id], |row| row.get(0))
            .optional()?,
    };
    faults.expect(
        kept == Some(true),
        "auth_password",
        "is needed with a username",
    );
    Ok(Vec::new())
}

pub(super) fn routing_group(
    context: &Context<'_>,
    group: RoutingGroup,
) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    faults.title("name", &group.name);
    let mut next = group.inherits_id.map(|id| id.0);
    let mut depth = 0;
    let mut statement = context
        .connection
        .prepare_cached("SELECT inherits_id FROM routing_group WHERE id = ?1")?;
    while let Some(id) = next {
        depth += 1;
        if depth > MAX_DEPTH || (group.id != 0 && id == group.id) {
            faults.add(
                "inherits_id",
                format!(
                    "goes round in a circle or is deeper than {MAX_DEPTH}: choose another group"
                ),
            );
            break;
        }
        match statement
            .query_row([id], |row| row.get::<_, Option<i64>>(0))
            .optional()?
        {
            Some(above) => next = above,
            None => {
                faults.add("inherits_id", format!("routing group {id} does not exist"));
                break;
            }
        }
    }
    faults.finish(&group)
}

pub(super) fn route(context: &Context<'_>, mut route: Route) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    faults.prefix("prefix", &route.prefix);
    faults.expect(
        (1..=100).contains(&route.share),
        "share",
        "must be 1 to 100 percent",
    );
    faults.span(&route.span);
    faults.zone("time_zone", &route.time_zone);
    faults.rules("rules", &route.rules);
    let group = Some(route.routing_group_id.0);
    exists(
        context,
        &mut faults,
        "SELECT name FROM routing_group WHERE id = ?1",
        "routing_group_id",
        group,
    )?;
    target(context, &route, &mut faults)?;
    keep_only_target(&mut route);
    faults.finish(&route)
}

fn exists(
    context: &Context<'_>,
    faults: &mut Faults,
    sql: &str,
    field: &str,
    id: Option<i64>,
) -> Result<(), EditError> {
    let Some(id) = id else {
        faults.add(field, "is needed");
        return Ok(());
    };
    let found = text_of(context.connection, sql, id)?.is_some();
    faults.expect(found, field, "does not exist");
    Ok(())
}

/// What it leads to must be there.
fn target(context: &Context<'_>, route: &Route, faults: &mut Faults) -> Result<(), EditError> {
    match route.target {
        RouteTarget::Gateway => {
            let id = route.gateway_id.map(|id| id.0);
            exists(
                context,
                faults,
                "SELECT name FROM gateway WHERE id = ?1",
                "gateway_id",
                id,
            )?;
        }
        RouteTarget::Account => {
            let id = route.account_id.map(|id| id.0);
            exists(
                context,
                faults,
                "SELECT login FROM account WHERE id = ?1",
                "account_id",
                id,
            )?;
        }
        RouteTarget::Upstream => {
            let id = route.upstream_id.map(|id| id.0);
            exists(
                context,
                faults,
                "SELECT name FROM upstream WHERE id = ?1",
                "upstream_id",
                id,
            )?;
        }
        RouteTarget::Reject => {
            let status = route
                .reject_status
                .is_some_and(|status| (400..=699).contains(&status));
            faults.expect(status, "reject_status", "must be 400 to 699");
            let printable = route.reject_reason.len() <= 100
                && !route.reject_reason.chars().any(char::is_control);
            faults.expect(
                printable,
                "reject_reason",
                "must be at most 100 printable characters",
            );
        }
        RouteTarget::LocalDevice => {}
    }
    Ok(())
}

/// Fields of other kinds of target are emptied, so that a form may leave them filled.
fn keep_only_target(route: &mut Route) {
    if route.target != RouteTarget::Gateway {
        route.gateway_id = None;
    }
    if route.target != RouteTarget::Account {
        route.account_id = None;
    }
    if route.target != RouteTarget::Upstream {
        route.upstream_id = None;
    }
    if route.target != RouteTarget::Reject {
        (route.reject_status, route.reject_reason) = (None, String::new());
    }
}

pub(super) fn list_entry(entry: ListEntry) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    faults.prefix("prefix", &entry.prefix);
    faults.expect(
        !entry.prefix.is_empty() || entry.account_id.is_some(),
        "prefix",
        "must not be empty without an account: that would be every call",
    );
    faults.expect(
        entry.note.chars().count() <= 500,
        "note",
        "must be at most 500 characters",
    );
    faults.finish(&entry)
}
