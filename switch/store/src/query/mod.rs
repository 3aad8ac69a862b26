//! Lists and reports, on read-only connections.
//!
//! Every list is paged, sorted and filtered by fields of its [`View`]; nothing a client sends becomes SQL. A
//! [`Scope`] narrows every list to a reseller's branch, in the one place where the SQL is made.

mod build;
mod calls;
mod reader;
mod rows;
mod statistics;
mod view;

pub use calls::{CdrDetail, Charged};
pub use reader::Reader;
pub use rows::{
    AccountRow, AuditRow, BalanceRow, CdrMoney, CdrNumbers, CdrRow, CdrTimes, ChargeRow, LedgerRow,
    MediaRow, RegistrationRow,
};
pub use statistics::{CurrencyTotal, GroupBy, StatisticsQuery, StatisticsRow, Totals};
pub use view::List;

pub(crate) use build::{BRANCH, column_value};
pub(crate) use reader::{in_branch, read_one};
pub(crate) use statistics::HOUR_MS;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tandem_billing::AccountId;

pub use crate::record::{Field, FieldKind, View};

/// Whose rows are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The operator's: all.
    All,
    /// A reseller's: its own account and everything below it.
    Branch(AccountId),
}

/// What of a list is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQuery {
    /// All must hold.
    pub filters: Vec<Filter>,
    /// Free text looked for in the view's search fields; empty for none.
    pub search: String,
    /// In this order; the key comes last by itself.
    pub sort: Vec<Sort>,
    /// Rows skipped.
    pub offset: u64,
    /// Rows returned; at most [`ListQuery::MAX_LIMIT`].
    pub limit: u64,
    /// Whether all rows that fit are counted as well.
    pub count: Count,
    /// Whose rows.
    pub scope: Scope,
}

impl ListQuery {
    /// More rows than this are asked for in pages: a page must fit in memory and in a message.
    pub const MAX_LIMIT: u64 = 10_000;

    /// The first 100 rows of a scope, counted.
    #[must_use]
    pub fn all(scope: Scope) -> Self {
        Self {
            filters: Vec::new(),
            search: String::new(),
            sort: Vec::new(),
            offset: 0,
            limit: 100,
            count: Count::Exact,
            scope,
        }
    }
    /// With one more filter.
    #[must_use]
    pub fn filter(mut self, field: &str, op: Op, value: impl Into<Value>) -> Self {
        self.filters.push(Filter {
            field: field.to_owned(),
            op,
            value: value.into(),
        });
        self
    }
    /// With one more sort key.
    #[must_use]
    pub fn sort(mut self, field: &str, order: Order) -> Self {
        self.sort.push(Sort {
            field: field.to_owned(),
            order,
        });
        self
    }
    /// With another page.
    #[must_use]
    pub fn page(mut self, offset: u64, limit: u64) -> Self {
        (self.offset, self.limit) = (offset, limit);
        self
    }
}

/// Whether the total is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// Yes.
    Exact,
    /// No: `total` is None.
    Skip,
}

/// A condition on a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// Name of a field of the view.
    pub field: String,
    /// How it is compared.
    pub op: Op,
    /// With what: a list for `in`, nothing for `is_null` and `not_null`.
    #[serde(default)]
    pub value: Value,
}

/// How a field is compared. Text compares case-sensitively but for `contains`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// =
    Eq,
    /// <>; rows without a value fit as well.
    Ne,
    /// <
    Lt,
    /// <=
    Le,
    /// >
    Gt,
    /// >=
    Ge,
    /// One of a list of at most 1,000 values.
    In,
    /// Has this text in it, whatever the case (ASCII).
    Contains,
    /// Begins with this text.
    StartsWith,
    /// Has no value.
    IsNull,
    /// Has a value.
    NotNull,
}

/// A sort key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// Name of a field of the view.
    pub field: String,
    /// Which way.
    pub order: Order,
}

/// Which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Smallest first.
    #[default]
    Ascending,
    /// Greatest first.
    Descending,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// Of all rows that fit, if counted.
    pub total: Option<u64>,
    /// This page.
    pub rows: Vec<T>,
}
