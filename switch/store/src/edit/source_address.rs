//! Addresses that calls are recognised by: whose they may be, and how many at once.

use super::{
    EditError,
    account::belongs_to_customer,
    check::{Checked, Context, Faults, parse_network},
};
use crate::{
    StoreError,
    query::{Scope, in_branch},
    record::SourceAddress,
};
use serde_json::Value;
use tandem_billing::AccountId;
use tandem_call::directory::guard::Network;

/// Shortest prefixes of IPv4 and IPv6 that a reseller may enter: more than a customer of its own has.
const SHORTEST_OF_RESELLER: (u8, u8) = (24, 48);
/// And of anybody: beyond it is a part of the world, not a customer.
const SHORTEST: (u8, u8) = (8, 16);

pub(super) fn source_address(
    context: &Context<'_>,
    mut source: SourceAddress,
) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    belongs_to_customer(context, source.account_id.0, &mut faults)?;
    match parse_network(&source.network) {
        Ok((address, length)) => {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            source.network = if length == whole {
                address.to_string()
            } else {
                format!("{address}/{length}")
            };
            // What stands already is not asked for again.
            let old = context.old.and_then(|old| old.get("network"));
            if old.and_then(Value::as_str) != Some(source.network.as_str()) {
                let network = Network::new(address, length);
                match too_wide(context, network) {
                    Some(reason) => faults.add("network", reason),
                    None => owner(context, &source, network, &mut faults)?,
                }
            }
        }
        Err(reason) => faults.add("network", reason),
    }
    faults.expect(
        source.port != Some(0),
        "port",
        "must be 1 to 65535, or empty for any",
    );
    faults.prefix("tech_prefix", &source.tech_prefix);
    faults.finish(&source)
}

/// As it is understood: IPv4 written as IPv6 counts as IPv4.
fn too_wide(context: &Context<'_>, network: Network) -> Option<String> {
    let (v4, v6) = match context.actor.scope {
        Scope::All => SHORTEST,
        Scope::Branch(_) => SHORTEST_OF_RESELLER,
    };
    let shortest = if network.address().is_ipv4() { v4 } else { v6 };
    (network.prefix_len() < shortest)
        .then(|| format!("has too many addresses: at most a /{shortest} can be one customer's"))
}

/// What comes from a gateway is the gateway's, and what others have was given to them: neither is a reseller's to take.
fn owner(
    context: &Context<'_>,
    source: &SourceAddress,
    network: Network,
    faults: &mut Faults,
) -> Result<(), EditError> {
    let reseller: Option<i64> = context
        .connection
        .prepare_cached("SELECT max(reseller_id) FROM account WHERE id = ?1")?
        .query_row([source.account_id.0], |row| row.get(0))?;
    if reseller.is_some() && has_gateway(context, network)? {
        faults.add(
            "network",
            "is or holds an address of a gateway: calls from there are the operator's",
        );
        return Ok(());
    }
    let Scope::Branch(root) = context.actor.scope else {
        return Ok(());
    };
    let mut statement = context
        .connection
        .prepare_cached("SELECT account_id, network FROM source_address WHERE id <> ?1")?;
    let mut rows = statement.query([source.id])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(1)?;
        let Ok((address, length)) = parse_network(&text) else {
            continue;
        };
        let taken = network.overlaps(&Network::new(address, length));
        let inside = |account| {
            in_branch(context.connection, AccountId(account), root)
                .map_err(|error: StoreError| EditError::Store(error.to_string()))
        };
        if taken && !inside(row.get(0)?)? {
            faults.add(
                "network",
                "is or holds an address that belongs to somebody else",
            );
            break;
        }
    }
    Ok(())
}

/// Hosts known by name are found where calls are recognised.
fn has_gateway(context: &Context<'_>, network: Network) -> Result<bool, EditError> {
    let mut statement = context
        .connection
        .prepare_cached("SELECT host FROM gateway_host")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let host: String = row.get(0)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.parse().is_ok_and(|host| network.contains(host)) {
            return Ok(true);
        }
    }
    Ok(false)
}
