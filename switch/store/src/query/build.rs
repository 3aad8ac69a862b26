//! Makes the SQL of lists out of names that were looked up in a view: nothing of a client's text gets in.

use super::{Filter, ListQuery, Op, Order, Scope, View};
use crate::{
    StoreError,
    record::{Audience, Field, FieldKind, Source},
};
use rusqlite::types::{Value as Sql, ValueRef};
use serde_json::{Map, Value};

/// The set of accounts a reseller sees: itself and all below it.
pub(crate) const BRANCH: &str = "WITH RECURSIVE branch (id) AS (SELECT :root UNION \
    SELECT a.id FROM account a JOIN branch b ON a.reseller_id = b.id)";

/// SQL with its values; `?1` is the root of the branch.
#[derive(Debug)]
pub(crate) struct Built {
    pub sql: String,
    pub values: Vec<Sql>,
}

/// A query on one view, before its column list is chosen.
pub(super) struct Select {
    pub view: &'static View,
    pub scope: Scope,
    pub tail: String,
    pub values: Vec<Sql>,
}

impl Select {
    /// FROM and WHERE of a query.
    pub fn new(view: &'static View, query: &ListQuery) -> Result<Self, StoreError> {
        let root = match query.scope {
            Scope::All => Sql::Null,
            Scope::Branch(account) => Sql::Integer(account.0),
        };
        let mut select = Self {
            view,
            scope: query.scope,
            tail: format!(" FROM {} WHERE 1", view.from),
            values: vec![root],
        };
        if query.scope != Scope::All {
            let condition = view.branch.unwrap_or("0");
            select.tail.push_str(" AND ");
            select.tail.push_str(condition);
        }
        for filter in &query.filters {
            select.add_filter(filter)?;
        }
        select.add_search(&query.search);
        Ok(select)
    }

    /// The rows of a page.
    pub fn rows(mut self, query: &ListQuery) -> Result<(Built, Vec<&'static Field>), StoreError> {
        if query.limit > ListQuery::MAX_LIMIT {
            return Err(bad(
                "limit",
                format!("at most {} rows a page", ListQuery::MAX_LIMIT),
            ));
        }
        let fields: Vec<&'static Field> = self
            .view
            .fields
            .iter()
            .filter(|field| field.source != Source::Secret && self.sees(field))
            .collect();
        let columns: Vec<String> = fields.iter().map(|field| self.shown(field)).collect();
        let order = self.order(query)?;
        self.values.push(Sql::Integer(cast(query.limit)));
        self.values.push(Sql::Integer(cast(query.offset)));
        let count = self.values.len();
        let sql = format!(
            "{} SELECT {}{}{order} LIMIT ?{} OFFSET ?{count}",
            self.with(),
            columns.join(", "),
            self.tail,
            count - 1,
        );
        Ok((
            Built {
                sql: numbered(sql),
                values: self.values,
            },
            fields,
        ))
    }

    /// Aggregates over all rows that fit.
    pub fn aggregate(&self, columns: &str, tail: &str) -> Built {
        let sql = format!("{} SELECT {columns}{}{tail}", self.with(), self.tail);
        Built {
            sql: numbered(sql),
            values: self.values.clone(),
        }
    }

    fn with(&self) -> &'static str {
        match self.scope {
            // The root is bound in every query, so that values keep their numbers.
            Scope::All => "WITH root AS (SELECT :root)",
            Scope::Branch(_) => BRANCH,
        }
    }

    fn sees(&self, field: &Field) -> bool {
        self.scope == Scope::All || field.audience != Audience::Operator
    }

    fn shown(&self, field: &Field) -> String {
        let expression = expression(field);
        match (self.scope, field.audience) {
            (Scope::Branch(_), Audience::When(condition)) => {
                format!("CASE WHEN {condition} THEN {expression} END")
            }
            (Scope::Branch(_) | Scope::All, _) => expression,
        }
    }

    fn field(&self, name: &str) -> Result<&'static Field, StoreError> {
        let field = self
            .view
            .field(name)
            .filter(|field| field.source != Source::Secret && self.sees(field));
        field.ok_or_else(|| {
            let known: Vec<&str> = self
                .view
                .fields
                .iter()
                .filter(|f| f.source != Source::Secret && self.sees(f))
                .map(|f| f.name)
                .collect();
            bad(
                name,
                format!("there is no such field; there are {}", known.join(", ")),
            )
        })
    }

    fn order(&self, query: &ListQuery) -> Result<String, StoreError> {
        let mut keys = Vec::with_capacity(query.sort.len() + 1);
        for sort in &query.sort {
            let field = self.field(&sort.field)?;
            if field.kind == FieldKind::Json {
                return Err(bad(&sort.field, "lists cannot be sorted by"));
            }
            keys.push(format!(
                "{} {}",
                self.comparable(field),
                direction(sort.order)
            ));
        }
        let last = query
            .sort
            .first()
            .map_or(Order::Ascending, |sort| sort.order);
        keys.push(format!("t.{} {}", self.view.key, direction(last)));
        Ok(format!(" ORDER BY {}", keys.join(", ")))
    }

    fn comparable(&self, field: &Field) -> String {
        let shown = self.shown(field);
        match field.kind {
            FieldKind::Decimal => format!("CAST({shown} AS REAL)"),
            FieldKind::Int | FieldKind::Bool | FieldKind::Text | FieldKind::Json => shown,
        }
    }

    fn bind(&mut self, value: Sql) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    fn add_filter(&mut self, filter: &Filter) -> Result<(), StoreError> {
        let field = self.field(&filter.field)?;
        let left = self.comparable(field);
        let condition = match filter.op {
            Op::IsNull => format!("{left} IS NULL"),
            Op::NotNull => format!("{left} IS NOT NULL"),
            Op::In => {
                let values = filter
                    .value
                    .as_array()
                    .filter(|values| values.len() <= 1000);
                let values = values.ok_or_else(|| {
                    bad(&filter.field, "`in` takes a list of at most 1000 values")
                })?;
                let mut places = Vec::with_capacity(values.len());
                for value in values {
                    let value = scalar(field, value)?;
                    places.push(self.bind(value));
                }
                format!("{left} IN ({})", places.join(", "))
            }
            Op::Contains | Op::StartsWith => {
                let text = filter
                    .value
                    .as_str()
                    .ok_or_else(|| bad(&filter.field, "takes a text"))?;
                self.text_condition(&left, filter.op, text)
            }
            Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => {
                let value = scalar(field, &filter.value)?;
                let place = self.bind(value);
                format!("{left} {} {place}", operator(filter.op))
            }
        };
        self.tail.push_str(" AND ");
        self.tail.push_str(&condition);
        Ok(())
    }

    fn text_condition(&mut self, left: &str, op: Op, text: &str) -> String {
        if op == Op::Contains {
            let place = self.bind(Sql::Text(format!("%{}%", like(text))));
            return format!("{left} LIKE {place} ESCAPE '\\'");
        }
        // A range instead of LIKE, so that an index serves it.
        let from = self.bind(Sql::Text(text.to_owned()));
        let to = self.bind(Sql::Text(format!("{text}\u{10FFFF}")));
        format!("({left} >= {from} AND {left} < {to})")
    }

    fn add_search(&mut self, search: &str) {
        if search.is_empty() {
            return;
        }
        let place = self.bind(Sql::Text(format!("%{}%", like(search))));
        let mut parts = Vec::new();
        for name in self.view.search {
            if let Ok(field) = self.field(name) {
                parts.push(format!("{} LIKE {place} ESCAPE '\\'", self.shown(field)));
            }
        }
        self.tail
            .push_str(&format!(" AND ({})", parts.join(" OR ")));
    }
}

/// `:root` is always the first value.
fn numbered(sql: String) -> String {
    sql.replace(":root", "?1")
}

fn expression(field: &Field) -> String {
    match field.source {
        Source::Computed(expression) => expression.to_owned(),
        Source::Column | Source::Secret => format!("t.{}", field.name),
    }
}

fn direction(order: Order) -> &'static str {
    match order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    }
}

fn operator(op: Op) -> &'static str {
    match op {
        Op::Eq => "=",
        Op::Ne => "IS NOT",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::In | Op::Contains | Op::StartsWith | Op::IsNull | Op::NotNull => "",
    }
}

fn like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

fn cast(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn bad(field: &str, reason: impl Into<String>) -> StoreError {
    StoreError::BadQuery {
        field: field.to_owned(),
        reason: reason.into(),
    }
}

/// A filter's value in the type of its field.
fn scalar(field: &Field, value: &Value) -> Result<Sql, StoreError> {
    let wrong = |what: &str| Err(bad(field.name, format!("{value} is not {what}")));
    match field.kind {
        FieldKind::Int => match value.as_i64() {
            Some(n) => Ok(Sql::Integer(n)),
            None => wrong("a whole number"),
        },
        FieldKind::Bool => match value {
            Value::Bool(flag) => Ok(Sql::Integer(i64::from(*flag))),
            _ => wrong("true or false"),
        },
        FieldKind::Text | FieldKind::Json => match value {
            Value::String(text) => Ok(Sql::Text(text.clone())),
            _ => wrong("a text"),
        },
        FieldKind::Decimal => {
            let number = match value {
                Value::String(text) => text.parse().ok(),
                other => other.as_f64(),
            };
            number.map_or_else(|| wrong("a number"), |n| Ok(Sql::Real(n)))
        }
    }
}

/// A row as a JSON object; what has no value where a reseller may not look is left out.
pub(super) fn row_object(
    row: &rusqlite::Row<'_>,
    fields: &[&'static Field],
) -> Result<Map<String, Value>, StoreError> {
    let mut object = Map::new();
    for (index, field) in fields.iter().enumerate() {
        let value = json_value(field, row.get_ref(index)?)?;
        if value.is_null() && matches!(field.audience, Audience::When(_)) {
            continue;
        }
        object.insert(field.name.to_owned(), value);
    }
    Ok(object)
}

fn json_value(field: &Field, value: ValueRef<'_>) -> Result<Value, StoreError> {
    let corrupt = |reason: String| StoreError::corrupt(format!("column {}", field.name), reason);
    Ok(match (value, field.kind) {
        (ValueRef::Null, _) => Value::Null,
        (ValueRef::Integer(n), FieldKind::Bool) => Value::Bool(n != 0),
        (ValueRef::Integer(n), _) => Value::from(n),
        (ValueRef::Text(bytes), FieldKind::Json) => {
            serde_json::from_slice(bytes).map_err(|error| corrupt(error.to_string()))?
        }
        (ValueRef::Text(bytes), _) => Value::String(
            String::from_utf8(bytes.to_vec()).map_err(|error| corrupt(error.to_string()))?,
        ),
        (ValueRef::Real(_) | ValueRef::Blob(_), _) => {
            return Err(corrupt("unexpected type".into()));
        }
    })
}

/// The value of a column as it is written.
pub(crate) fn column_value(field: &Field, value: &Value) -> Sql {
    match (value, field.kind) {
        (Value::Null, FieldKind::Json) => Sql::Text("null".into()),
        (Value::Null, _) => Sql::Null,
        (Value::Bool(flag), FieldKind::Bool | FieldKind::Int) => Sql::Integer(i64::from(*flag)),
        (Value::Number(n), FieldKind::Int | FieldKind::Bool) => {
            n.as_i64().map_or(Sql::Null, Sql::Integer)
        }
        (Value::String(text), FieldKind::Text | FieldKind::Decimal) => Sql::Text(text.clone()),
        (other, _) => Sql::Text(other.to_string()),
    }
}
