//! Numbers at which others call in.

use super::row;
use crate::{StoreError, record};
use rusqlite::{Connection, Row};
use std::sync::Arc;
use tandem_billing::{AccountId, DidId, GatewayId, TariffId, UpstreamId};
use tandem_call::directory::{Did, DidSource, DidTarget, Dids};

/// All that somebody has: those in stock lead nowhere.
pub(super) fn load(connection: &Connection) -> Result<Arc<Dids>, StoreError> {
    let mut statement = connection.prepare("SELECT * FROM did WHERE account_id IS NOT NULL")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(did(row)?);
    }
    Ok(Arc::new(Dids::build(found)))
}

fn did(row: &Row<'_>) -> Result<Did, StoreError> {
    let id = |column: &str| row.get::<_, Option<i64>>(column);
    let gateway = id("source_gateway_id")?.map(|id| DidSource::Gateway(GatewayId(id)));
    let upstream = id("source_upstream_id")?.map(|id| DidSource::Upstream(UpstreamId(id)));
    Ok(Did {
        id: DidId(row.get("id")?),
        number: row.get("number")?,
        source: gateway.or(upstream),
        account: id("account_id")?.map(AccountId),
        target: match row::named(row, "target")? {
            record::DidTarget::Phones => DidTarget::Phones,
            record::DidTarget::Forward => DidTarget::Forward(row.get("forward_to")?),
            record::DidTarget::Refuse => DidTarget::Refuse {
                status: row.get("refuse_status")?,
                reason: row.get("refuse_reason")?,
            },
        },
        tariff: id("tariff_id")?.map(TariffId),
        max_calls: row.get("max_calls")?,
        enabled: !row.get::<_, bool>("disabled")?,
    })
}
