//! A small pool of read-only connections. Readers see the last commit and never block the writer.

use super::{
    BalanceRow, CdrDetail, CdrRow, ChargeRow, Charged, Count, LedgerRow, ListQuery, MediaRow, Op,
    Page, Scope,
    build::{BRANCH, Built, Select, row_object},
    view::List,
};
use crate::{
    StoreError, connection,
    record::{Field, Record, View},
};
use rusqlite::{Connection, OptionalExtension, named_params, params_from_iter};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tandem_billing::{AccountId, CallId, Micros, ledger::refund::RefundLevel};

/// Virtual machine steps between two looks at the clock: about a tenth of a millisecond.
const STEPS_PER_CHECK: i32 = 10_000;

/// Reads. Cheap to clone; one query runs on one connection, at most as many at once as the pool has.
#[derive(Clone)]
pub struct Reader {
    pool: Arc<Pool>,
    timeout: Duration,
}

struct Pool {
    path: PathBuf,
    state: Mutex<Idle>,
    returned: Condvar,
}

struct Idle {
    connections: Vec<Connection>,
    /// How many more may be opened.
    room: usize,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.pool.path)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Reads of `path`, `connections` at once, each query at most `timeout` long.
    #[must_use]
    pub fn new(path: &Path, connections: usize, timeout: Duration) -> Self {
        let pool = Pool {
            path: path.to_owned(),
            state: Mutex::new(Idle {
                connections: Vec::new(),
                room: connections.max(1),
            }),
            returned: Condvar::new(),
        };
        Self {
            pool: Arc::new(pool),
            timeout,
        }
    }

    /// The same pool with another time limit.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            pool: Arc::clone(&self.pool),
            timeout,
        }
    }

    /// One page of a list, as JSON objects.
    ///
    /// # Errors
    /// `BadQuery` names a field or value that does not fit; `Timeout` when it took too long.
    pub fn list(
        &self,
        list: List,
        query: &ListQuery,
    ) -> Result<Page<Map<String, Value>>, StoreError> {
        let select = Select::new(list.view(), query)?;
        let counting = (query.count == Count::Exact).then(|| select.aggregate("count(*)", ""));
        let (rows, fields) = select.rows(query)?;
        self.run(|connection| {
            let total = match &counting {
                Some(built) => Some(count(connection, built)?),
                None => None,
            };
            let rows = read_rows(connection, &rows, &fields)?;
            Ok(Page { total, rows })
        })
    }

    /// One page of a list, as typed rows.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn rows<T: DeserializeOwned>(
        &self,
        list: List,
        query: &ListQuery,
    ) -> Result<Page<T>, StoreError> {
        let page = self.list(list, query)?;
        let typed = page
            .rows
            .into_iter()
            .map(|row| typed(list.view().table, row));
        Ok(Page {
            total: page.total,
            rows: typed.collect::<Result<_, _>>()?,
        })
    }

    /// One page of records.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn records<R: Record>(&self, query: &ListQuery) -> Result<Page<R>, StoreError> {
        self.rows(List::Of(R::RESOURCE), query)
    }

    /// One record; None if there is none or it is outside the scope.
    ///
    /// # Errors
    /// If the store fails.
    pub fn get<R: Record>(&self, id: i64, scope: Scope) -> Result<Option<R>, StoreError> {
        self.get_row(List::Of(R::RESOURCE), id, scope)
    }

    /// One typed row of a list by its key.
    ///
    /// # Errors
    /// If the store fails.
    pub fn get_row<T: DeserializeOwned>(
        &self,
        list: List,
        id: i64,
        scope: Scope,
    ) -> Result<Option<T>, StoreError> {
        let mut query = ListQuery::all(scope)
            .filter(list.view().key, Op::Eq, id)
            .page(0, 1);
        query.count = Count::Skip;
        Ok(self.rows(list, &query)?.rows.into_iter().next())
    }

    /// A call with its charges, cost, audio and decision.
    ///
    /// # Errors
    /// If the store fails.
    pub fn cdr(&self, call: CallId, scope: Scope) -> Result<Option<CdrDetail>, StoreError> {
        let Some(cdr) = self.get_row::<CdrRow>(List::Cdr, call.0, scope)? else {
            return Ok(None);
        };
        self.run(|connection| {
            let charges = charges(connection, call, scope)?;
            let mut statement = connection.prepare_cached(
                "SELECT cost, media_a, media_b, trace, exchange FROM cdr_detail WHERE call_id = ?1",
            )?;
            let texts: (Option<String>, String, String, String, Option<String>) = statement
                .query_row([call.0], |row| {
                    Ok((
                        row.get(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                        row.get(4)?,
                    ))
                })?;
            let what = || format!("detail of call {call}");
            let (a, b) = (document(&texts.1, what())?, document(&texts.2, what())?);
            let mut detail = CdrDetail {
                cdr,
                charges,
                cost: None,
                exchange: None,
                media: MediaRow { a, b },
                trace: None,
            };
            if scope == Scope::All {
                detail.cost = optional(texts.0.as_deref(), what)?;
                detail.exchange = optional(texts.4.as_deref(), what)?;
                detail.trace = document(&texts.3, what()).ok();
            }
            Ok(Some(detail))
        })
    }

    /// What each level paid for a call, refunds taken off.
    ///
    /// # Errors
    /// If the store fails.
    pub fn charged(&self, call: CallId) -> Result<Vec<Charged>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT account_id, -sum(amount) FROM ledger_entry WHERE call_id = ?1 GROUP BY account_id",
            )?;
            let rows = statement.query_map([call.0], |row| {
                Ok(Charged {
                    account_id: AccountId(row.get(0)?),
                    amount: Micros(row.get(1)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// What each level of a call was charged and what of it was paid back, client first. Empty without charges.
    ///
    /// # Errors
    /// If the store fails.
    pub fn refund_levels(&self, call: CallId) -> Result<Vec<RefundLevel>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT c.account_id, c.charge, coalesce((SELECT sum(e.amount) FROM ledger_entry e \
                 WHERE e.call_id = c.call_id AND e.account_id = c.account_id AND e.kind = 'refund'), 0) \
                 FROM cdr_charge c WHERE c.call_id = ?1 ORDER BY c.level",
            )?;
            let rows = statement.query_map([call.0], |row| {
                Ok(RefundLevel {
                    account: AccountId(row.get(0)?),
                    charged: Micros(row.get(1)?),
                    refunded: Micros(row.get(2)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The entry booked under an idempotency key, however old: the ledger in memory only knows recent keys,
    /// so whoever takes a key from outside asks here before posting.
    ///
    /// # Errors
    /// If the store fails.
    pub fn entry_by_key(&self, key: &str, scope: Scope) -> Result<Option<LedgerRow>, StoreError> {
        // The key itself is for operators; the scope is held against the row it leads to.
        let id = self.run(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT id FROM ledger_entry WHERE key = ?1")?;
            Ok(statement.query_row([key], |row| row.get(0)).optional()?)
        })?;
        match id {
            Some(id) => self.get_row(List::LedgerEntry, id, scope),
            None => Ok(None),
        }
    }

    /// An account's money as last committed; None if it is outside the scope.
    ///
    /// # Errors
    /// If the store fails.
    pub fn balance(
        &self,
        account: AccountId,
        scope: Scope,
    ) -> Result<Option<BalanceRow>, StoreError> {
        self.get_row(List::Balance, account.0, scope)
    }

    /// Whether an account is in a scope.
    ///
    /// # Errors
    /// If the store fails.
    pub fn in_scope(&self, account: AccountId, scope: Scope) -> Result<bool, StoreError> {
        match scope {
            Scope::All => Ok(true),
            Scope::Branch(root) => self.run(|connection| in_branch(connection, account, root)),
        }
    }

    /// Runs one piece of work on a connection of the pool, ended when its time is over.
    pub(crate) fn run<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.pool.take()?;
        let deadline = Instant::now() + self.timeout;
        connection.progress_handler(STEPS_PER_CHECK, Some(move || Instant::now() >= deadline))?;
        let result = work(&connection);
        let cleared = connection.progress_handler(0, None::<fn() -> bool>);
        self.pool.put_back(cleared.is_ok().then_some(connection));
        result.map_err(|error| self.name_timeout(error))
    }

    fn name_timeout(&self, error: StoreError) -> StoreError {
        let interrupted = matches!(&error, StoreError::Sqlite { source, .. }
            if source.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted));
        if interrupted {
            return StoreError::Timeout(
                u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
            );
        }
        error
    }
}

impl Pool {
    fn take(&self) -> Result<Connection, StoreError> {
        let mut idle = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = idle.connections.pop() {
                return Ok(connection);
            }
            if idle.room > 0 {
                idle.room -= 1;
                drop(idle);
                let opened = connection::read_only(&self.path);
                if opened.is_err() {
                    self.put_back(None);
                }
                return opened;
            }
            idle = self
                .returned
                .wait(idle)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put_back(&self, connection: Option<Connection>) {
        let mut idle = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match connection {
            Some(connection) => idle.connections.push(connection),
            None => idle.room += 1,
        }
        drop(idle);
        self.returned.notify_one();
    }
}

pub(super) fn count(connection: &Connection, built: &Built) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(&built.sql)?;
    Ok(statement.query_row(params_from_iter(&built.values), |row| row.get::<_, u64>(0))?)
}

fn read_rows(
    connection: &Connection,
    built: &Built,
    fields: &[&'static Field],
) -> Result<Vec<Map<String, Value>>, StoreError> {
    let mut statement = connection.prepare_cached(&built.sql)?;
    let mut rows = statement.query(params_from_iter(&built.values))?;
    let mut objects = Vec::new();
    while let Some(row) = rows.next()? {
        objects.push(row_object(row, fields)?);
    }
    Ok(objects)
}

fn typed<T: DeserializeOwned>(table: &str, row: Map<String, Value>) -> Result<T, StoreError> {
    serde_json::from_value(Value::Object(row))
        .map_err(|error| StoreError::corrupt(format!("a row of {table}"), error))
}

fn optional<T: DeserializeOwned>(
    text: Option<&str>,
    what: impl Fn() -> String,
) -> Result<Option<T>, StoreError> {
    text.map(|text| document(text, what())).transpose()
}

fn document<T: DeserializeOwned>(text: &str, what: String) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt(what, error))
}

fn charges(
    connection: &Connection,
    call: CallId,
    scope: Scope,
) -> Result<Vec<ChargeRow>, StoreError> {
    let (root, condition) = match scope {
        Scope::All => (None, "1"),
        Scope::Branch(root) => (Some(root.0), "c.account_id IN branch"),
    };
    let sql = format!(
        "{BRANCH} SELECT c.level, c.account_id, a.login, c.tariff_id, c.rate_id, c.prefix, c.description, \
         c.currency, c.price_per_minute, c.billed_secs, c.charge FROM cdr_charge c \
         JOIN account a ON a.id = c.account_id WHERE c.call_id = :call AND {condition} ORDER BY c.level"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! { ":root": root, ":call": call.0 })?;
    let mut charges = Vec::new();
    while let Some(row) = rows.next()? {
        charges.push(charge(row)?);
    }
    Ok(charges)
}

fn charge(row: &rusqlite::Row<'_>) -> Result<ChargeRow, StoreError> {
    let currency: String = row.get(7)?;
    let price: String = row.get(8)?;
    Ok(ChargeRow {
        level: row.get(0)?,
        account_id: AccountId(row.get(1)?),
        account_login: row.get(2)?,
        tariff_id: tandem_billing::TariffId(row.get(3)?),
        rate_id: tandem_billing::RateId(row.get(4)?),
        prefix: row.get(5)?,
        description: row.get(6)?,
        currency: currency
            .try_into()
            .map_err(|error| StoreError::corrupt("a charge", error))?,
        price_per_minute: price
            .parse()
            .map_err(|error| StoreError::corrupt("a charge", error))?,
        billed_secs: row.get(9)?,
        charge: Micros(row.get(10)?),
    })
}

/// Whether `account` is `root` or below it.
pub(crate) fn in_branch(
    connection: &Connection,
    account: AccountId,
    root: AccountId,
) -> Result<bool, StoreError> {
    let sql = format!("{BRANCH} SELECT 1 FROM branch WHERE id = :account");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement
        .query_row(
            named_params! { ":root": root.0, ":account": account.0 },
            |_| Ok(()),
        )
        .optional()?;
    Ok(found.is_some())
}

/// One row of a view by its key, as a JSON object.
pub(crate) fn read_one(
    connection: &Connection,
    view: &'static View,
    id: i64,
    scope: Scope,
) -> Result<Option<Map<String, Value>>, StoreError> {
    let query = ListQuery::all(scope)
        .filter(view.key, Op::Eq, id)
        .page(0, 1);
    let (built, fields) = Select::new(view, &query)?.rows(&query)?;
    Ok(read_rows(connection, &built, &fields)?.into_iter().next())
}
