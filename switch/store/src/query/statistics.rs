//! Figures from the hourly roll-ups, and totals over calls.

use super::{
    BRANCH, List, ListQuery, Reader, Scope,
    build::{Built, Select, bad},
};
use crate::StoreError;
use rusqlite::{Connection, Row, named_params, params_from_iter};
use serde::{Deserialize, Serialize};
use tandem_billing::{AccountId, Currency, GatewayId, Micros, UtcMs};

/// What statistics are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// Hour of the start, UTC.
    Hour,
    /// Day of the start, UTC.
    Day,
    /// Account.
    Account,
    /// Gateway; operators only.
    Gateway,
    /// Description of the client's rate.
    Destination,
}

/// Which statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatisticsQuery {
    /// From the hour of this instant.
    pub from: UtcMs,
    /// To the hour of this instant, exclusive.
    pub to: UtcMs,
    /// At least one.
    pub group_by: Vec<GroupBy>,
    /// Only this account's.
    pub account: Option<AccountId>,
    /// Only this gateway's; operators only.
    pub gateway: Option<GatewayId>,
    /// Whose.
    pub scope: Scope,
}

/// One group. Amounts of several currencies come in several rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsRow {
    /// Begin of the hour or day, if grouped by it.
    pub at: Option<UtcMs>,
    /// If grouped by it.
    pub account_id: Option<AccountId>,
    /// If grouped by it; None as well for calls without one.
    pub gateway_id: Option<GatewayId>,
    /// If grouped by it.
    pub destination: Option<String>,
    /// Of `charge`; None for calls not charged.
    pub currency: Option<Currency>,
    /// Of `revenue`.
    pub revenue_currency: Option<Currency>,
    /// Of `cost`.
    pub cost_currency: Option<Currency>,
    /// Calls begun.
    pub attempts: u64,
    /// Of them answered: ASR is their ratio.
    pub answered: u64,
    /// Answered time: ACD is its ratio to `answered`.
    pub duration_ms: u64,
    /// Of the clients.
    pub billed_secs: u64,
    /// Sum of post-dial delays.
    pub pdd_ms: u64,
    /// Calls that had one.
    pub pdd_count: u64,
    /// What the clients pay.
    pub charge: Micros,
    /// What the operator gets; None for resellers.
    pub revenue: Option<Micros>,
    /// What terminators take; None for resellers.
    pub cost: Option<Micros>,
}

/// Sums over the calls that fit a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Calls.
    pub calls: u64,
    /// Of them answered.
    pub answered: u64,
    /// Answered time.
    pub duration_ms: u64,
    /// Of the clients.
    pub billed_secs: u64,
    /// By currency: what the clients pay.
    pub charge: Vec<CurrencyTotal>,
    /// By currency: what the operator gets; empty for resellers.
    pub revenue: Vec<CurrencyTotal>,
    /// By currency: what terminators take; empty for resellers.
    pub cost: Vec<CurrencyTotal>,
}

/// A sum in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyTotal {
    /// Which.
    pub currency: Currency,
    /// How much.
    pub amount: Micros,
}

impl Reader {
    /// Figures from the hourly roll-ups, in the order of the groups.
    ///
    /// # Errors
    /// `BadQuery` if a reseller asks for gateways or nothing is grouped by; `Timeout` when it took too long.
    pub fn statistics(&self, query: &StatisticsQuery) -> Result<Vec<StatisticsRow>, StoreError> {
        let by_gateway = query.gateway.is_some() || query.group_by.contains(&GroupBy::Gateway);
        if by_gateway && query.scope != Scope::All {
            return Err(bad("gateway", "is for operators only"));
        }
        if query.group_by.is_empty() {
            return Err(bad(
                "group_by",
                "name at least one of hour, day, account, gateway, destination",
            ));
        }
        let sql = statistics_sql(query);
        let root = match query.scope {
            Scope::All => None,
            Scope::Branch(account) => Some(account.0),
        };
        self.run(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(named_params! {
                ":root": root,
                ":from": query.from.0.div_euclid(HOUR_MS),
                ":to": query.to.0.saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS),
                ":account": query.account.map(|id| id.0),
                ":gateway": query.gateway.map(|id| id.0),
            })?;
            let mut groups = Vec::new();
            while let Some(row) = rows.next()? {
                groups.push(statistics_row(row, query.scope)?);
            }
            Ok(groups)
        })
    }

    /// Sums over the calls that fit; sort, page and count of the query do not matter.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub fn cdr_totals(&self, query: &ListQuery) -> Result<Totals, StoreError> {
        let select = Select::new(List::Cdr.view(), query)?;
        let counts = select.aggregate(
            "coalesce(sum(t.attempts), 0), count(t.answered_at), coalesce(sum(t.duration_ms), 0), coalesce(sum(t.billed_secs), 0)",
            "",
        );
        let sums = |currency: &str, amount: &str| {
            select.aggregate(
                &format!("{currency}, sum({amount})"),
                &format!(" AND {currency} IS NOT NULL GROUP BY {currency} ORDER BY {currency}"),
            )
        };
        let charge = sums("t.currency", "t.charge");
        let inner = (query.scope == Scope::All).then(|| {
            (
                sums("t.revenue_currency", "t.revenue"),
                sums("t.cost_currency", "t.cost"),
            )
        });
        self.run(|connection| {
            let mut totals = connection.prepare_cached(&counts.sql)?.query_row(
                params_from_iter(&counts.values),
                |row| {
                    Ok(Totals {
                        calls: row.get(0)?,
                        answered: row.get(1)?,
                        duration_ms: row.get(2)?,
                        billed_secs: row.get(3)?,
                        ..Totals::default()
                    })
                },
            )?;
            totals.charge = by_currency(connection, &charge)?;
            if let Some((revenue, cost)) = &inner {
                totals.revenue = by_currency(connection, revenue)?;
                totals.cost = by_currency(connection, cost)?;
            }
            Ok(totals)
        })
    }
}

/// Milliseconds of an hour: the width of a roll-up.
pub(crate) const HOUR_MS: i64 = 3_600_000;

fn group_column(by: GroupBy) -> &'static str {
    match by {
        GroupBy::Hour => "t.hour",
        GroupBy::Day => "t.hour / 24 * 24",
        GroupBy::Account => "t.account_id",
        GroupBy::Gateway => "t.gateway_id",
        GroupBy::Destination => "t.destination",
    }
}

fn statistics_sql(query: &StatisticsQuery) -> String {
    let grouped = |by: GroupBy| {
        if query.group_by.contains(&by) {
            group_column(by)
        } else {
            "NULL"
        }
    };
    let at = if query.group_by.contains(&GroupBy::Hour) {
        group_column(GroupBy::Hour)
    } else {
        grouped(GroupBy::Day)
    };
    let inner = match query.scope {
        Scope::All => "t.revenue_currency, t.cost_currency",
        Scope::Branch(_) => "NULL, NULL",
    };
    let scope = match query.scope {
        Scope::All => "1",
        Scope::Branch(_) => "t.account_id IN branch",
    };
    format!(
        "{BRANCH} SELECT {at}, {}, {}, {}, t.currency, {inner}, sum(t.attempts), sum(t.answered), \
         sum(t.duration_ms), sum(t.billed_secs), sum(t.pdd_ms), sum(t.pdd_count), sum(t.charge), \
         sum(t.revenue), sum(t.cost) FROM hourly t WHERE t.hour >= :from AND t.hour < :to AND {scope} \
         AND (:account IS NULL OR t.account_id = :account) AND (:gateway IS NULL OR t.gateway_id = :gateway) \
         GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7",
        grouped(GroupBy::Account),
        grouped(GroupBy::Gateway),
        grouped(GroupBy::Destination),
    )
}

fn statistics_row(row: &Row<'_>, scope: Scope) -> Result<StatisticsRow, StoreError> {
    let id = |index: usize| -> Result<Option<i64>, StoreError> {
        Ok(row.get::<_, Option<i64>>(index)?.filter(|id| *id != 0))
    };
    let inner = |index: usize| -> Result<Option<Micros>, StoreError> {
        let amount = row.get(index)?;
        Ok((scope == Scope::All).then_some(Micros(amount)))
    };
    Ok(StatisticsRow {
        at: row
            .get::<_, Option<i64>>(0)?
            .map(|hour| UtcMs(hour * HOUR_MS)),
        account_id: id(1)?.map(AccountId),
        gateway_id: id(2)?.map(GatewayId),
        destination: row.get(3)?,
        currency: currency(row, 4)?,
        revenue_currency: currency(row, 5)?,
        cost_currency: currency(row, 6)?,
        attempts: row.get(7)?,
        answered: row.get(8)?,
        duration_ms: row.get(9)?,
        billed_secs: row.get(10)?,
        pdd_ms: row.get(11)?,
        pdd_count: row.get(12)?,
        charge: Micros(row.get(13)?),
        revenue: inner(14)?,
        cost: inner(15)?,
    })
}

fn currency(row: &Row<'_>, index: usize) -> Result<Option<Currency>, StoreError> {
    let code: Option<String> = row.get(index)?;
    let code = code.filter(|code| !code.is_empty());
    code.map(|code| {
        Currency::try_from(code).map_err(|error| StoreError::corrupt("a currency", error))
    })
    .transpose()
}

fn by_currency(connection: &Connection, built: &Built) -> Result<Vec<CurrencyTotal>, StoreError> {
    let mut statement = connection.prepare_cached(&built.sql)?;
    let mut rows = statement.query(params_from_iter(&built.values))?;
    let mut totals = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(currency) = currency(row, 0)? {
            totals.push(CurrencyTotal {
                currency,
                amount: Micros(row.get(1)?),
            });
        }
    }
    Ok(totals)
}
