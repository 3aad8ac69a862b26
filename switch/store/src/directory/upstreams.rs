//! Registrations held elsewhere.

use crate::StoreError;
use rusqlite::{Connection, Row};
use std::{collections::BTreeMap, sync::Arc};
use tandem_billing::{AccountId, GatewayId, UpstreamId};
use tandem_call::directory::{Gateway, GatewayAuth, Upstream, Upstreams};

/// All of them, with the ways by these gateways.
pub(super) fn load(
    connection: &Connection,
    gateways: &BTreeMap<GatewayId, Arc<Gateway>>,
) -> Result<Upstreams, StoreError> {
    let mut statement = connection.prepare("SELECT * FROM upstream ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Arc::new(upstream(row)?));
    }
    Ok(Upstreams::build(found, gateways))
}

fn upstream(row: &Row<'_>) -> Result<Upstream, StoreError> {
    let user: String = row.get("username")?;
    let auth: Option<String> = row.get("auth_username")?;
    let inbound: Option<i64> = row.get("inbound_account_id")?;
    Ok(Upstream {
        id: UpstreamId(row.get("id")?),
        name: row.get("name")?,
        enabled: !row.get::<_, bool>("disabled")?,
        gateway: GatewayId(row.get("gateway_id")?),
        registrar: row.get("registrar")?,
        login: GatewayAuth {
            username: auth.unwrap_or_else(|| user.clone()),
            password: row.get("auth_password")?,
            realm: row.get("realm")?,
        },
        user,
        expires_s: row.get("expires_s")?,
        keep_alive_s: row.get("keep_alive_s")?,
        contact_user: row.get("contact_user")?,
        inbound: inbound.map(AccountId),
        inbound_number: row.get("inbound_number")?,
        inbound_reach: super::row::named(row, "inbound_reach")?,
    })
}
