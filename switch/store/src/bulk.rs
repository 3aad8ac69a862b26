//! Whole rate sheets: written beside the old one in short steps, checked, then live at once.
//!
//! Rows of a new *generation* of the tariff are written some thousand at a time, so that calls go on being
//! journalled between them; one update of the tariff makes the generation the one in force. Generations not
//! in force stand in `rate_sweep` and are removed in short steps when the writer is idle, also after a crash.

use crate::{
    Actor, Committer, EditError, Writer,
    directory::load_staged,
    edit::{Audit, audit, build_sheet, may_edit_tariff},
    record::{Rate, Resource},
    writer::chain,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};
use tandem_billing::{TariffId, UtcMs};

/// Rows written or removed in one transaction: some 5 ms, for which a journal batch may wait.
const STEP: usize = 2_000;
/// Faults reported of one sheet.
const MOST_FAULTS: usize = 100;

/// What a replacement made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// New revision of the tariff.
    pub revision: i64,
    /// Rows in force now.
    pub rates: u64,
    /// Rows that were in force before.
    pub before: u64,
}

impl Writer {
    /// Replaces all rates of a tariff and returns when they are in force; ids, revisions and tariff ids of
    /// the given rates are ignored. Calls go on being journalled meanwhile. Blocks.
    ///
    /// # Errors
    /// All faults of the sheet at once (the first 100), or a conflict; nothing is changed then.
    pub fn replace_rates(
        &self,
        actor: Actor,
        at: UtcMs,
        tariff: TariffId,
        revision: i64,
        rates: impl IntoIterator<Item = Rate>,
    ) -> Result<Replaced, EditError> {
        let starting = actor.clone();
        let generation = self.work(move |committer| {
            let generation = committer
                .transact(|transaction| start(transaction, &starting, tariff, revision))?;
            committer.staging.insert((tariff.0, generation));
            Ok(generation)
        })?;
        let result = self.fill_and_go_live(actor, at, (tariff, revision, generation), rates);
        // From now on what is not in force may be swept.
        self.work(move |committer| {
            committer.staging.remove(&(tariff.0, generation));
            Ok(())
        })?;
        let (replaced, built) = result?;
        self.publish_ready(vec![built]);
        Ok(replaced)
    }

    fn fill_and_go_live(
        &self,
        actor: Actor,
        at: UtcMs,
        (tariff, revision, generation): (TariffId, i64, i64),
        rates: impl IntoIterator<Item = Rate>,
    ) -> Result<(Replaced, Arc<tandem_billing::Tariff>), EditError> {
        let rates = self.stage(tariff, generation, rates)?;
        let built = self.check_sheet(tariff, generation)?;
        let sheet = Sheet {
            tariff,
            revision,
            generation,
            rates,
        };
        let replaced = self.work(move |committer| {
            committer.transact(|transaction| go_live(transaction, &actor, at, &sheet))
        })?;
        Ok((replaced, built))
    }

    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Committer) -> Result<T, EditError> + Send + 'static,
    ) -> Result<T, EditError> {
        self.call(work)
            .map_err(|error| EditError::Store(chain(&error)))?
    }

    fn stage(
        &self,
        tariff: TariffId,
        generation: i64,
        rates: impl IntoIterator<Item = Rate>,
    ) -> Result<u64, EditError> {
        let mut rates = rates.into_iter();
        let mut written = 0;
        loop {
            let step: Vec<Rate> = rates.by_ref().take(STEP).collect();
            if step.is_empty() {
                return Ok(written);
            }
            written += step.len() as u64;
            self.work(move |committer| {
                committer.transact(|transaction| insert(transaction, tariff, generation, &step))
            })?;
        }
    }

    /// Builds the tariff from the staged rows, on this thread.
    fn check_sheet(
        &self,
        tariff: TariffId,
        generation: i64,
    ) -> Result<Arc<tandem_billing::Tariff>, EditError> {
        let long = self
            .reader()
            .with_timeout(std::time::Duration::from_secs(600));
        let spec = long.run(|connection| load_staged(connection, tariff, generation));
        let spec = spec.map_err(|error| EditError::Store(chain(&error)))?;
        let spec = spec.ok_or(EditError::NotFound {
            resource: Resource::Tariff.name(),
            id: tariff.0,
        })?;
        Ok(Arc::new(build_sheet(spec, MOST_FAULTS)?))
    }
}

struct Sheet {
    tariff: TariffId,
    revision: i64,
    generation: i64,
    rates: u64,
}

fn start(
    transaction: &Transaction<'_>,
    actor: &Actor,
    tariff: TariffId,
    revision: i64,
) -> Result<i64, EditError> {
    may_edit_tariff(transaction, actor, tariff)?;
    expect_revision(transaction, tariff, revision)?;
    let generation: i64 = transaction.query_row(
        "SELECT 1 + max(coalesce((SELECT generation FROM tariff WHERE id = ?1), 0), \
         coalesce((SELECT max(generation) FROM rate_sweep WHERE tariff_id = ?1), 0))",
        [tariff.0],
        |row| row.get(0),
    )?;
    // Written first: a crash leaves nothing unaccounted for.
    transaction.execute(
        "INSERT INTO rate_sweep (tariff_id, generation) VALUES (?1, ?2)",
        [tariff.0, generation],
    )?;
    Ok(generation)
}

fn expect_revision(
    connection: &Connection,
    tariff: TariffId,
    expected: i64,
) -> Result<(), EditError> {
    let mut statement = connection.prepare_cached("SELECT revision FROM tariff WHERE id = ?1")?;
    let current: Option<i64> = statement
        .query_row([tariff.0], |row| row.get(0))
        .optional()?;
    let (resource, id) = (Resource::Tariff.name(), tariff.0);
    match current {
        None => Err(EditError::NotFound { resource, id }),
        Some(current) if current != expected => Err(EditError::Conflict {
            resource,
            id,
            current,
            expected,
        }),
        Some(_) => Ok(()),
    }
}

fn insert(
    transaction: &Transaction<'_>,
    tariff: TariffId,
    generation: i64,
    rates: &[Rate],
) -> Result<(), EditError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO rate (revision, tariff_id, generation, prefix, description, price, initial, increment, \
         grace_period, free_seconds, multiplier, addition, connect_fee, surcharge_time, surcharge_amount, \
         post_call_surcharge_pct, min_charge, max_charge, from_day, to_day, from_minute, to_minute, holiday, steps, \
         effective_from, effective_to, blocked, free_to_call) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
         ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27)",
    )?;
    for rate in rates {
        let (terms, span) = (&rate.terms, &rate.span);
        let text = |value: Option<rust_decimal::Decimal>| value.map(|value| value.to_string());
        let steps = if rate.steps.is_empty() {
            "[]".to_owned()
        } else {
            serde_json::to_string(&rate.steps)
                .map_err(|error| EditError::field("steps", error.to_string()))?
        };
        statement.execute(params![
            tariff.0,
            generation,
            rate.prefix,
            rate.description,
            rate.price.to_string(),
            terms.initial,
            terms.increment,
            terms.grace_period,
            terms.free_seconds,
            text(terms.multiplier),
            text(terms.addition),
            text(terms.connect_fee),
            terms.surcharge_time,
            text(terms.surcharge_amount),
            text(terms.post_call_surcharge_pct),
            text(terms.min_charge),
            text(terms.max_charge),
            span.from_day,
            span.to_day,
            span.from_minute,
            span.to_minute,
            span.holiday,
            steps,
            rate.effective_from.map(|at| at.0),
            rate.effective_to.map(|at| at.0),
            rate.blocked,
            rate.free_to_call,
        ])?;
    }
    Ok(())
}

fn go_live(
    transaction: &Transaction<'_>,
    actor: &Actor,
    at: UtcMs,
    sheet: &Sheet,
) -> Result<Replaced, EditError> {
    may_edit_tariff(transaction, actor, sheet.tariff)?;
    expect_revision(transaction, sheet.tariff, sheet.revision)?;
    let id = sheet.tariff.0;
    let before: u64 = transaction.query_row(
        "SELECT count(*) FROM rate WHERE tariff_id = ?1 AND generation = (SELECT generation FROM tariff WHERE id = ?1)",
        [id],
        |row| row.get(0),
    )?;
    transaction.execute(
        "INSERT INTO rate_sweep (tariff_id, generation) SELECT id, generation FROM tariff WHERE id = ?1",
        [id],
    )?;
    transaction.execute(
        "UPDATE tariff SET generation = ?2, revision = revision + 1 WHERE id = ?1",
        [id, sheet.generation],
    )?;
    transaction.execute(
        "DELETE FROM rate_sweep WHERE tariff_id = ?1 AND generation = ?2",
        [id, sheet.generation],
    )?;
    let rows = |rates: u64| Map::from_iter([("rates".to_owned(), Value::from(rates))]);
    let (old, new) = (rows(before), rows(sheet.rates));
    let entry = Audit {
        action: "replace_rates",
        resource: Resource::Tariff,
        id,
        old: Some(&old),
        new: Some(&new),
    };
    audit(transaction, actor, at, &entry)?;
    Ok(Replaced {
        revision: sheet.revision + 1,
        rates: sheet.rates,
        before,
    })
}

/// Whether there may be more to sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Swept {
    All,
    MoreLeft,
}

/// Removes one step of a generation that is neither in force nor `staging`.
pub(crate) fn sweep(
    transaction: &Transaction<'_>,
    staging: &BTreeSet<(i64, i64)>,
) -> Result<Swept, rusqlite::Error> {
    let mut statement =
        transaction.prepare_cached("SELECT tariff_id, generation FROM rate_sweep")?;
    let waiting: Vec<(i64, i64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let Some((tariff, generation)) = waiting.into_iter().find(|row| !staging.contains(row)) else {
        return Ok(Swept::All);
    };
    let removed = transaction
        .prepare_cached(
            "DELETE FROM rate WHERE id IN (SELECT id FROM rate WHERE tariff_id = ?1 AND generation = ?2 LIMIT ?3)",
        )?
        .execute(params![tariff, generation, STEP])?;
    if removed < STEP {
        transaction
            .prepare_cached("DELETE FROM rate_sweep WHERE tariff_id = ?1 AND generation = ?2")?
            .execute([tariff, generation])?;
    }
    Ok(Swept::MoreLeft)
}
