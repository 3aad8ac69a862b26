//! Values of rows that were checked when they were saved, read back.

use crate::StoreError;
use rusqlite::{Connection, OptionalExtension, Row};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tandem_billing::{UtcMs, number_rule::NumberRules};
use tandem_call::directory::guard::{SourceRule, SourceRules};

/// Names the row in errors.
pub(super) fn bad(table: &str, id: i64) -> impl Fn(String) -> StoreError + '_ {
    move |reason| StoreError::corrupt(format!("{table} {id}"), reason)
}

/// A JSON document in a text column.
pub(super) fn document<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(|error| StoreError::corrupt(column, error))?;
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(column, error))
}

/// A list of texts, mostly empty.
pub(super) fn texts(row: &Row<'_>, column: &str) -> Result<Vec<String>, StoreError> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(|error| StoreError::corrupt(column, error))?;
    if text == "[]" {
        return Ok(Vec::new());
    }
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(column, error))
}

/// An enum or code kept by its name.
pub(super) fn named<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(|error| StoreError::corrupt(column, error))?;
    let name = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text);
    T::deserialize(name).map_err(|error| StoreError::corrupt(column, error))
}

/// An exact decimal kept as text.
pub(super) fn price(row: &Row<'_>, column: &str) -> Result<Decimal, StoreError> {
    optional_price(row, column)?.ok_or_else(|| StoreError::corrupt(column, "is empty"))
}

/// The same, or nothing.
pub(super) fn optional_price(row: &Row<'_>, column: &str) -> Result<Option<Decimal>, StoreError> {
    let text = row
        .get_ref(column)?
        .as_str_or_null()
        .map_err(|error| StoreError::corrupt(column, error))?;
    let parsed = text.map(|text| {
        text.parse()
            .map_err(|error| StoreError::corrupt(column, error))
    });
    parsed.transpose()
}

/// Number rules.
pub(super) fn rules(row: &Row<'_>, column: &str) -> Result<NumberRules, StoreError> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(|error| StoreError::corrupt(column, error))?;
    if text.is_empty() {
        return Ok(NumberRules::default());
    }
    NumberRules::parse(text).map_err(|error| StoreError::corrupt(column, error))
}

/// Rules about source addresses, with the journal batch up to which the guard's are known: both of one instant.
pub(super) fn source_rules(connection: &Connection) -> Result<Arc<SourceRules>, StoreError> {
    let as_of = connection
        .prepare("SELECT last_seq FROM heartbeat")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let mut statement = connection
        .prepare("SELECT id, network, verdict, origin, expires_at, repeats FROM source_rule")?;
    let mut rows = statement.query([])?;
    let mut rules = SourceRules {
        as_of: as_of.unwrap_or(0),
        rows: Vec::new(),
    };
    while let Some(row) = rows.next()? {
        let network: String = row.get("network")?;
        let bad = bad("source_rule", row.get("id")?);
        rules.rows.push(SourceRule {
            network: network.parse().map_err(bad)?,
            verdict: named(row, "verdict")?,
            origin: named(row, "origin")?,
            expires_at: row.get::<_, Option<i64>>("expires_at")?.map(UtcMs),
            repeats: row.get("repeats")?,
        });
    }
    Ok(Arc::new(rules))
}
