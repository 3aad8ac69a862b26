//! Tariffs with their rates in force.

use super::{Which, row};
use crate::{StoreError, record};
use rusqlite::{Connection, Row, types::ValueRef};
use std::{collections::BTreeMap, sync::Arc};
use tandem_billing::{
    RateId, Tariff, TariffId, UtcMs,
    tariff::{Markup, Rate, TariffSpec, Terms},
};

pub(super) fn load(
    connection: &Connection,
    which: Which<'_>,
) -> Result<BTreeMap<TariffId, Arc<Tariff>>, StoreError> {
    let sql = format!("SELECT * FROM tariff WHERE {}", which.condition("id"));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut tariffs = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let mut spec = spec_of(&header(row)?);
        spec.rates = rates(connection, spec.id, row.get("generation")?, "prefix, id")?;
        let id = spec.id;
        let built = Tariff::build(spec).map_err(|faults| {
            let faults: Vec<String> = faults.iter().take(10).map(ToString::to_string).collect();
            StoreError::corrupt(format!("tariff {id}"), faults.join("; "))
        })?;
        tariffs.insert(id, Arc::new(built));
    }
    Ok(tariffs)
}

fn header(row: &Row<'_>) -> Result<record::Tariff, StoreError> {
    Ok(record::Tariff {
        id: row.get("id")?,
        revision: row.get("revision")?,
        name: row.get("name")?,
        currency: row::named(row, "currency")?,
        owner_id: None,
        time_zone: row.get("time_zone")?,
        decimals: row.get("decimals")?,
        band_policy: row::named(row, "band_policy")?,
        base_tariff_id: row.get::<_, Option<i64>>("base_tariff_id")?.map(TariffId),
        base_percent: row::price(row, "base_percent")?,
        base_addition: row::price(row, "base_addition")?,
        holidays: row::document(row, "holidays")?,
        post_call_surcharge_pct: row::price(row, "post_call_surcharge_pct")?,
        min_charge: row::optional_price(row, "min_charge")?,
        max_charge: row::optional_price(row, "max_charge")?,
        defaults: row::document(row, "defaults")?,
        notes: String::new(),
    })
}

/// The billing crate's form of a header, without rates.
pub(crate) fn spec_of(tariff: &record::Tariff) -> TariffSpec {
    TariffSpec {
        id: TariffId(tariff.id),
        name: tariff.name.clone(),
        currency: tariff.currency,
        time_zone: tariff.time_zone.clone(),
        decimals: tariff.decimals,
        band_policy: tariff.band_policy,
        base: tariff.base_tariff_id.map(|base| Markup {
            tariff: base,
            percent: tariff.base_percent,
            addition: tariff.base_addition,
        }),
        holidays: tariff.holidays.clone(),
        post_call_surcharge_pct: tariff.post_call_surcharge_pct,
        min_charge: tariff.min_charge,
        max_charge: tariff.max_charge,
        defaults: tariff.defaults.clone(),
        rates: Vec::new(),
    }
}

/// A header and the generation of its rates in force; None if there is no such tariff.
pub(crate) fn load_header(
    connection: &Connection,
    id: TariffId,
) -> Result<Option<(record::Tariff, i64)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM tariff WHERE id = ?1")?;
    let mut rows = statement.query([id.0])?;
    match rows.next()? {
        Some(row) => Ok(Some((header(row)?, row.get("generation")?))),
        None => Ok(None),
    }
}

/// A tariff with the rates of a generation that may not be in force yet, in the order they were given.
pub(crate) fn load_staged(
    connection: &Connection,
    id: TariffId,
    generation: i64,
) -> Result<Option<TariffSpec>, StoreError> {
    let Some((header, _)) = load_header(connection, id)? else {
        return Ok(None);
    };
    let mut spec = spec_of(&header);
    spec.rates = rates(connection, id, generation, "id")?;
    Ok(Some(spec))
}

/// The billing crate's form of a rate.
pub(crate) fn rate_of(rate: &record::Rate) -> Rate {
    Rate {
        id: RateId(rate.id),
        prefix: rate.prefix.clone(),
        description: rate.description.clone(),
        price: rate.price,
        terms: rate.terms.clone(),
        span: rate.span.clone(),
        steps: rate.steps.clone(),
        effective_from: rate.effective_from,
        effective_to: rate.effective_to,
        blocked: rate.blocked,
        free_to_call: rate.free_to_call,
    }
}

/// Columns in the order of [`rate`]; a million rows are read by position.
const COLUMNS: &str = "SELECT id, prefix, description, price, steps, from_day, to_day, from_minute, to_minute, holiday, \
    effective_from, effective_to, blocked, free_to_call, initial, increment, grace_period, free_seconds, multiplier, \
    addition, connect_fee, surcharge_time, surcharge_amount, post_call_surcharge_pct, min_charge, max_charge \
    FROM rate WHERE tariff_id = ?1 AND generation = ?2";

fn rates(
    connection: &Connection,
    tariff: TariffId,
    generation: i64,
    order: &str,
) -> Result<Vec<Rate>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} ORDER BY {order}"))?;
    let mut rows = statement.query([tariff.0, generation])?;
    let mut rates = Vec::new();
    while let Some(row) = rows.next()? {
        rates.push(rate(row)?);
    }
    rates.shrink_to_fit();
    Ok(rates)
}

/// The rows of exactly one prefix.
pub(crate) fn load_prefix(
    connection: &Connection,
    tariff: TariffId,
    generation: i64,
    prefix: &str,
) -> Result<Vec<Rate>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} AND prefix = ?3"))?;
    let mut rows = statement.query((tariff.0, generation, prefix))?;
    let mut rates = Vec::new();
    while let Some(row) = rows.next()? {
        rates.push(rate(row)?);
    }
    Ok(rates)
}

fn rate(row: &Row<'_>) -> Result<Rate, StoreError> {
    let id: i64 = row.get(0)?;
    let decimal = |index: usize| -> Result<Option<rust_decimal::Decimal>, StoreError> {
        match row.get_ref(index)? {
            ValueRef::Null => Ok(None),
            value => {
                let text = value
                    .as_str()
                    .map_err(|error| StoreError::corrupt(format!("rate {id}"), error))?;
                text.parse()
                    .map(Some)
                    .map_err(|error| StoreError::corrupt(format!("rate {id}"), error))
            }
        }
    };
    let steps = row
        .get_ref(4)?
        .as_str()
        .map_err(|error| StoreError::corrupt(format!("rate {id}"), error))?;
    Ok(Rate {
        id: RateId(id),
        prefix: row.get(1)?,
        description: row.get(2)?,
        price: decimal(3)?.unwrap_or_default(),
        terms: Terms {
            initial: row.get(14)?,
            increment: row.get(15)?,
            grace_period: row.get(16)?,
            free_seconds: row.get(17)?,
            multiplier: decimal(18)?,
            addition: decimal(19)?,
            connect_fee: decimal(20)?,
            surcharge_time: row.get(21)?,
            surcharge_amount: decimal(22)?,
            post_call_surcharge_pct: decimal(23)?,
            min_charge: decimal(24)?,
            max_charge: decimal(25)?,
        },
        span: tandem_billing::tariff::Span {
            from_day: row.get(5)?,
            to_day: row.get(6)?,
            from_minute: row.get(7)?,
            to_minute: row.get(8)?,
            holiday: row.get(9)?,
        },
        steps: if steps == "[]" {
            Vec::new()
        } else {
            row::document(row, "steps")?
        },
        effective_from: row.get::<_, Option<i64>>(10)?.map(UtcMs),
        effective_to: row.get::<_, Option<i64>>(11)?.map(UtcMs),
        blocked: row.get(12)?,
        free_to_call: row.get(13)?,
    })
}
