//! What a reseller may touch, and that it only gives on what it was given.

use super::{
    Actor, EditError,
    check::{Context, Faults},
};
use crate::{
    query::{Scope, in_branch},
    record::Resource,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};
use tandem_billing::{AccountId, TariffId};

/// Refuses what is outside the actor's branch. The old row was already found inside it.
pub(super) fn may_edit(
    context: &Context<'_>,
    resource: Resource,
    value: &Map<String, Value>,
) -> Result<(), EditError> {
    let Scope::Branch(root) = context.actor.scope else {
        return Ok(());
    };
    let id = |row: &Map<String, Value>, field: &str| row.get(field).and_then(Value::as_i64);
    let rows = [Some(value), context.old];
    for row in rows.into_iter().flatten() {
        let owner = match resource {
            Resource::Account => id(row, "reseller_id"),
            Resource::Device
            | Resource::SourceAddress
            | Resource::ListEntry
            | Resource::DnisTariff
            | Resource::AniTariff
            | Resource::Did => id(row, "account_id").filter(|account| *account != root.0),
            Resource::Login => id(row, "account_id"),
            Resource::Tariff => id(row, "owner_id"),
            Resource::Rate => match id(row, "tariff_id") {
                Some(tariff) => owner_of(context.connection, tariff)?,
                None => None,
            },
            Resource::Gateway
            | Resource::RoutingGroup
            | Resource::Route
            | Resource::Setting
            | Resource::ExchangeRatio
            | Resource::SourceRule
            | Resource::Upstream => None,
        };
        let inside = match owner {
            Some(owner) => in_branch(context.connection, AccountId(owner), root)
                .map_err(|error| EditError::Store(error.to_string()))?,
            None => false,
        };
        if !inside {
            return Err(EditError::Forbidden(format!(
                "a reseller may only change what belongs to accounts below its own, this {} does not",
                resource.name()
            )));
        }
    }
    Ok(())
}

fn owner_of(connection: &Connection, tariff: i64) -> Result<Option<i64>, EditError> {
    let mut statement = connection.prepare_cached("SELECT owner_id FROM tariff WHERE id = ?1")?;
    Ok(statement
        .query_row([tariff], |row| row.get(0))
        .optional()?
        .flatten())
}

/// For whole sheets: whether the tariff is the actor's to change.
pub(crate) fn may_edit_tariff(
    connection: &Connection,
    actor: &Actor,
    tariff: TariffId,
) -> Result<(), EditError> {
    let Scope::Branch(root) = actor.scope else {
        return Ok(());
    };
    let owner = owner_of(connection, tariff.0)?;
    let inside = match owner {
        Some(owner) => in_branch(connection, AccountId(owner), root)
            .map_err(|error| EditError::Store(error.to_string()))?,
        None => false,
    };
    if inside {
        return Ok(());
    }
    Err(EditError::NotFound {
        resource: Resource::Tariff.name(),
        id: tariff.0,
    })
}

/// What may be given on below a reseller; all of it at the operator's own level.
const TARIFF_ALLOWED: &str = "SELECT EXISTS (SELECT 1 FROM tariff WHERE id = ?2 AND (?1 IS NULL OR owner_id = ?1 \
    OR EXISTS (SELECT 1 FROM reseller_tariff WHERE account_id = ?1 AND tariff_id = ?2)))";
const GROUP_ALLOWED: &str = "SELECT EXISTS (SELECT 1 FROM routing_group WHERE id = ?2 AND (?1 IS NULL \
    OR EXISTS (SELECT 1 FROM reseller_group WHERE account_id = ?1 AND routing_group_id = ?2) \
    OR EXISTS (SELECT 1 FROM account WHERE id = ?1 AND routing_group_id = ?2)))";

fn allowed(
    connection: &Connection,
    sql: &str,
    reseller: Option<i64>,
    id: i64,
) -> Result<bool, EditError> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row(params![reseller, id], |row| row.get(0))?)
}

/// A fault unless the tariff belongs to, or was given to, the reseller above.
pub(super) fn tariff_given(
    context: &Context<'_>,
    faults: &mut Faults,
    field: &str,
    reseller: Option<i64>,
    tariff: i64,
) -> Result<(), EditError> {
    if !allowed(context.connection, TARIFF_ALLOWED, reseller, tariff)? {
        faults.add(field, match reseller {
            None => format!("tariff {tariff} does not exist"),
            Some(reseller) => format!(
                "tariff {tariff} is neither of reseller {reseller} nor given to it: choose another or give it first"
            ),
        });
    }
    Ok(())
}

/// A fault unless the group was given to the reseller above.
pub(super) fn group_given(
    context: &Context<'_>,
    faults: &mut Faults,
    field: &str,
    reseller: Option<i64>,
    group: i64,
) -> Result<(), EditError> {
    if !allowed(context.connection, GROUP_ALLOWED, reseller, group)? {
        faults.add(field, match reseller {
            None => format!("routing group {group} does not exist"),
            Some(reseller) => format!(
                "routing group {group} was not given to reseller {reseller}: choose another or give it first"
            ),
        });
    }
    Ok(())
}

/// After a reseller was edited: what its accounts use must still be given to it.
pub(super) fn check_after(connection: &Connection, id: i64) -> Result<(), EditError> {
    let lost = |sql: &str| -> Result<Option<String>, EditError> {
        Ok(connection
            .prepare_cached(sql)?
            .query_row([id], |row| row.get(0))
            .optional()?)
    };
    let mut faults = Faults::default();
    if let Some(login) = lost(
        "SELECT a.login FROM account a JOIN tariff t ON t.id = a.tariff_id WHERE a.reseller_id = ?1 \
         AND t.owner_id IS NOT ?1 AND t.id NOT IN (SELECT tariff_id FROM reseller_tariff WHERE account_id = ?1) LIMIT 1",
    )? {
        faults.add(
            "granted_tariffs",
            format!("account {login} below uses a tariff that is taken away: change it first"),
        );
    }
    if let Some(login) = lost(
        "SELECT a.login FROM account a WHERE a.reseller_id = ?1 AND a.routing_group_id IS NOT NULL \
         AND a.routing_group_id NOT IN (SELECT routing_group_id FROM reseller_group WHERE account_id = ?1) \
         AND a.routing_group_id IS NOT (SELECT routing_group_id FROM account WHERE id = ?1) LIMIT 1",
    )? {
        faults.add(
            "granted_groups",
            format!("account {login} below uses a group that is taken away: change it first"),
        );
    }
    if let Some(login) = lost(
        "SELECT a.login FROM reseller_tariff g JOIN account a ON a.id = g.account_id JOIN tariff t ON t.id = g.tariff_id \
         WHERE a.reseller_id = ?1 AND t.owner_id IS NOT ?1 \
         AND t.id NOT IN (SELECT tariff_id FROM reseller_tariff WHERE account_id = ?1) LIMIT 1",
    )? {
        faults.add(
            "granted_tariffs",
            format!(
                "reseller {login} below was given a tariff that is taken away: change it first"
            ),
        );
    }
    if let Some(login) = lost(
        "SELECT a.login FROM reseller_group g JOIN account a ON a.id = g.account_id WHERE a.reseller_id = ?1 \
         AND g.routing_group_id NOT IN (SELECT routing_group_id FROM reseller_group WHERE account_id = ?1) \
         AND g.routing_group_id IS NOT (SELECT routing_group_id FROM account WHERE id = ?1) LIMIT 1",
    )? {
        faults.add(
            "granted_groups",
            format!("reseller {login} below was given a group that is taken away: change it first"),
        );
    }
    faults.result()
}
