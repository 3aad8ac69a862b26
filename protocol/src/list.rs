//! Lists: paged, sorted and filtered on the server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most rows of one page.
pub const MAX_LIMIT: u32 = 1_000;
/// Most filters of one list call.
pub const MAX_FILTERS: usize = 32;

/// Which rows, in which order, which part of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListParams {
    /// All must hold. At most 32.
    pub filter: Vec<Filter>,
    /// First key first; ties fall back to the id. At most 4.
    pub sort: Vec<Sort>,
    /// Free text looked for in the list's main text fields; empty for none.
    pub search: String,
    /// Rows to leave out at the start.
    pub offset: u64,
    /// Rows wanted, 1 to 1000.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: u32,
}
impl Default for ListParams {
    fn default() -> Self {
        Self {
            filter: Vec::new(),
            sort: Vec::new(),
            search: String::new(),
            offset: 0,
            limit: 100,
        }
    }
}
impl ListParams {
    /// Adds a filter.
    #[must_use]
    pub fn with(mut self, field: &str, op: Op, value: impl Into<Value>) -> Self {
        self.filter.push(Filter {
            field: field.into(),
            op,
            value: value.into(),
        });
        self
    }
    /// Adds a sort key.
    #[must_use]
    pub fn sorted(mut self, field: &str, descending: bool) -> Self {
        self.sort.push(Sort {
            field: field.into(),
            descending,
        });
        self
    }
}

/// A condition on one field. A field is named by its path in the listed object (`edit.contact.name`), by that
/// path without `edit.`, or by its last part where that is unambiguous (`login`, `started_at`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Field name, for example `login`.
    pub field: String,
    /// Comparison.
    pub op: Op,
    /// A string, number, boolean or null; for `in` an array of them.
    pub value: Value,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Equal; null finds rows without a value.
    Eq,
    /// Not equal; null finds rows with a value.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Holds the text, letter case ignored.
    Contains,
    /// Begins with the text.
    StartsWith,
    /// One of the values of an array of at most 100.
    In,
}

/// One sort key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sort {
    /// Field name.
    pub field: String,
    /// Largest first.
    #[serde(default)]
    pub descending: bool,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Rows the filter leaves in all.
    pub total: u64,
    /// Rows left out at the start.
    pub offset: u64,
}
impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            total: 0,
            offset: 0,
        }
    }
}
