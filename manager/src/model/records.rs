//! One view's table: the page the switch gave, the question it answered, the rows as cells.
//!
//! Paging, sorting and filtering happen on the switch. The question is made of the view's own filter, the scope
//! ("of this account"), what was typed and the sort; whenever it differs from the last one asked, it is asked.

use super::{
    format,
    names::Names,
    request::Slot,
    table::{Cell, Column, Order, Rows, TableState},
};
use crate::{
    resource::{Choice, Col, Kind, View, at, int_at, text_at},
    theme::Tone,
};
use serde_json::{Value, json};
use std::{borrow::Cow, collections::BTreeMap};
use tandem_protocol::{Filter, ListParams, Op, Page, Sort};

/// Rows of one page.
pub const PAGE: u32 = 200;

/// "Of this account": set when one table leads to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub field: &'static str,
    pub id: i64,
    pub name: String,
}

/// See the module.
#[derive(Debug)]
pub struct Records {
    pub view: View,
    pub table: TableState,
    pub page: Slot<Page<Value>>,
    pub scope: Option<Scope>,
    pub offset: u64,
    /// Only rows from this instant on.
    pub since_ms: Option<i64>,
    /// CDRs only: those that were answered.
    pub answered_only: bool,
    /// Rises with each page taken in.
    pub version: u64,
    asked: Option<ListParams>,
}

impl Records {
    pub fn new(view: View) -> Self {
        let resource = view.resource();
        let mut table = TableState::by_switch();
        table.sort = resource.sort.and_then(|(path, descending)| {
            let column = resource
                .columns
                .iter()
                .position(|column| column.path == path)?;
            Some((column, descending))
        });
        Self {
            view,
            table,
            page: Slot::default(),
            scope: None,
            offset: 0,
            since_ms: None,
            answered_only: false,
            version: 0,
            asked: None,
        }
    }

    pub fn rows(&self) -> &[Value] {
        self.page
            .value()
            .map(|page| page.rows.as_slice())
            .unwrap_or_default()
    }

    pub fn total(&self) -> u64 {
        self.page.value().map_or(0, |page| page.total)
    }

    /// Rows after this page.
    pub fn later_rows(&self) -> u64 {
        let end = self.offset + self.rows().len() as u64;
        self.total().saturating_sub(end)
    }

    /// The question to ask now, if it is another than the last one and none is under way.
    pub fn question(&mut self, names: &Names) -> Option<(u64, ListParams)> {
        if self.page.is_loading() {
            return None;
        }
        let mut params = self.params(names);
        if self.asked.as_ref().is_some_and(|asked| {
            asked.filter != params.filter
                || asked.search != params.search
                || asked.sort != params.sort
        }) {
            self.offset = 0;
            params.offset = 0;
        }
        if self.asked.as_ref() == Some(&params) && !self.page.is_idle() {
            return None;
        }
        self.asked = Some(params.clone());
        Some((self.page.begin(), params))
    }

    /// Asks again, whatever was asked before.
    pub fn refresh(&mut self) {
        self.asked = None;
        if self.page.error().is_some() {
            self.page.reset();
        }
    }

    pub fn turn(&mut self, pages: i64) {
        let limit = i64::from(PAGE);
        let last =
            i64::try_from(self.total().saturating_sub(1)).unwrap_or_default() / limit * limit;
        let to = i64::try_from(self.offset)
            .unwrap_or_default()
            .saturating_add(pages.saturating_mul(limit));
        self.offset = to.clamp(0, last.max(0)).unsigned_abs();
    }

    fn params(&self, names: &Names) -> ListParams {
        let resource = self.view.resource();
        let mut filter = self.view.filters();
        if let Some(scope) = &self.scope {
            filter.push(Filter {
                field: scope.field.into(),
                op: Op::Eq,
                value: scope.id.into(),
            });
        }
        if let Some(since) = self.since_ms {
            filter.push(Filter {
                field: time_field(self.view).into(),
                op: Op::Ge,
                value: since.into(),
            });
        }
        if self.answered_only {
            filter.push(Filter {
                field: "duration_ms".into(),
                op: Op::Gt,
                value: 0.into(),
            });
        }
        let mut search = Vec::new();
        for word in self.table.filter.split_whitespace() {
            match typed(word, self.view, names) {
                Typed::Condition(condition) => filter.push(condition),
                Typed::Word => search.push(word),
                Typed::Unfinished => {}
            }
        }
        let sort = self.table.sort.and_then(|(column, descending)| {
            let column = resource.columns.get(column)?;
            sortable(column).then(|| Sort {
                field: column.field().to_owned(),
                descending,
            })
        });
        ListParams {
            filter,
            sort: sort.into_iter().collect(),
            search: search.join(" "),
            offset: self.offset,
            limit: PAGE,
        }
    }
}

/// The time a view's rows are looked up by.
pub fn time_field(view: View) -> &'static str {
    if view == View::Cdrs {
        "started_at"
    } else {
        "at"
    }
}

/// Whether the switch can sort by it.
pub fn sortable(column: &Col) -> bool {
    !matches!(column.kind, Kind::Of(_) | Kind::List)
}

/// What a typed word asks for.
#[derive(Clone, Debug, PartialEq)]
enum Typed {
    /// `column:word`, `column:>5`.
    Condition(Filter),
    /// Looked for in the list's main fields, by the switch.
    Word,
    /// Not yet a condition.
    Unfinished,
}

fn typed(word: &str, view: View, names: &Names) -> Typed {
    let named = word.split_once(':').and_then(|(name, text)| {
        let name = name.to_lowercase();
        let starts = |column: &&Col| {
            column
                .title
                .to_lowercase()
                .replace(' ', "")
                .starts_with(&name)
        };
        let columns = view.resource().columns;
        let found = columns.iter().find(starts).filter(|_| !name.is_empty());
        found.map(|column| (column, text))
    });
    let Some((column, text)) = named else {
        return Typed::Word;
    };
    let (op, text) = comparison(text);
    match operand(column, op, text, names) {
        Some((op, value)) if !text.is_empty() => Typed::Condition(Filter {
            field: column.field().to_owned(),
            op,
            value,
        }),
        _ => Typed::Unfinished,
    }
}

fn comparison(text: &str) -> (Option<Op>, &str) {
    for (sign, op) in [
        (">=", Op::Ge),
        ("<=", Op::Le),
        (">", Op::Gt),
        ("<", Op::Lt),
        ("=", Op::Eq),
        ("!", Op::Ne),
    ] {
        if let Some(rest) = text.strip_prefix(sign) {
            return (Some(op), rest);
        }
    }
    (None, text)
}

fn operand(column: &Col, op: Option<Op>, text: &str, names: &Names) -> Option<(Op, Value)> {
    match column.kind {
        Kind::Money(_) | Kind::Figure(_) => {
            Some((op.unwrap_or(Op::Eq), format::parse_money(text).ok()?.into()))
        }
        Kind::Number | Kind::Limit => {
            Some((op.unwrap_or(Op::Eq), text.parse::<i64>().ok()?.into()))
        }
        Kind::Millis => Some((
            op.unwrap_or(Op::Ge),
            (text.parse::<i64>().ok()?.checked_mul(1000)?).into(),
        )),
        Kind::Time => Some((op.unwrap_or(Op::Ge), format::parse_time(text).ok()?.into())),
        Kind::Flag => Some((Op::Eq, text.to_lowercase().starts_with('y').into())),
        Kind::Choice(choices) => Some((op.unwrap_or(Op::Eq), one_of(choices, text)?.into())),
        Kind::Ref(view) => Some((Op::In, json!(names.matching(view, text)))),
        Kind::Text | Kind::TextOr(_) | Kind::Cause | Kind::Price | Kind::List => {
            Some((op.unwrap_or(Op::Contains), text.into()))
        }
        Kind::Of(_) => None,
    }
}

fn one_of(choices: &[Choice], text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let found = choices.iter().find(|choice| {
        choice.value.starts_with(&text)
            || choice
                .label
                .to_lowercase()
                .replace(' ', "")
                .starts_with(&text)
    });
    found.map(|choice| choice.value)
}

/// Rows of a page as cells.
pub struct RecordRows<'a> {
    view: View,
    rows: &'a [Value],
    names: &'a Names,
    columns: Vec<Column>,
}

impl<'a> RecordRows<'a> {
    pub fn new(records: &'a Records, names: &'a Names) -> Self {
        let columns = records.view.resource().columns.iter().map(|column| {
            if column.is_figure() {
                Column::right(column.title, column.chars)
            } else {
                Column::left(column.title, column.chars)
            }
        });
        Self {
            view: records.view,
            rows: records.rows(),
            names,
            columns: columns.collect(),
        }
    }
}

impl Rows for RecordRows<'_> {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn key(&self, row: usize) -> Cow<'_, str> {
        self.rows
            .get(row)
            .map(|row| key_of(self.view, row))
            .unwrap_or_default()
            .into()
    }

    fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        match (self.rows.get(row), self.view.resource().columns.get(column)) {
            (Some(row), Some(column)) => cell(row, column, self.names),
            _ => Cell::empty(),
        }
    }

    fn order(&self, row: usize, column: usize) -> Order<'_> {
        Order::Text(self.cell(row, column).text)
    }

    fn haystack(&self, _: usize) -> Cow<'_, str> {
        "".into()
    }
}

pub fn key_of(view: View, row: &Value) -> String {
    match at(row, view.resource().key) {
        Some(Value::String(key)) => key.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn cell<'a>(row: &'a Value, column: &Col, names: &Names) -> Cell<'a> {
    let value = at(row, column.path).unwrap_or(&Value::Null);
    if let Kind::Of(text) | Kind::Figure(text) = column.kind {
        let text = text(row);
        let tone = if column.title == "Margin" && text.starts_with('-') {
            Tone::Bad
        } else {
            Tone::Normal
        };
        return Cell::toned(text, tone);
    }
    if value.is_null() {
        return match column.kind {
            Kind::TextOr(none) => Cell::toned(none, Tone::Weak),
            _ => Cell::empty(),
        };
    }
    let int = value.as_i64();
    match column.kind {
        Kind::Money(least) => {
            let micros = int.unwrap_or_default();
            // A debit is no fault; a balance below zero may be one.
            let short = micros < 0 && column.path.starts_with("balance");
            Cell::toned(
                format::money(micros, least),
                if short { Tone::Bad } else { Tone::Normal },
            )
        }
        Kind::Number => Cell::new(int.map(|n| n.to_string()).unwrap_or_default()),
        Kind::Time => Cell::new(int.map(format::time).unwrap_or_default()),
        Kind::Millis => Cell::new(format::duration(int.unwrap_or_default() / 1000)),
        Kind::Flag if value.as_bool() == Some(true) => Cell::toned("✔", Tone::Good),
        Kind::Flag => Cell::toned("–", Tone::Weak),
        Kind::Choice(choices) => {
            let known = choices
                .iter()
                .find(|choice| Some(choice.value) == value.as_str());
            known.map_or_else(
                || Cell::new(value.as_str().unwrap_or_default()),
                |c| Cell::toned(c.label, c.tone),
            )
        }
        Kind::Ref(view) => Cell::new(names.get(view, int.unwrap_or_default())),
        Kind::List => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            Cell::new(
                items
                    .iter()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
                    .join(", "),
            )
        }
        Kind::Limit if int == Some(0) => Cell::toned("no limit", Tone::Weak),
        Kind::Limit => Cell::new(int.map(|n| n.to_string()).unwrap_or_default()),
        Kind::TextOr(none) if value.as_str() == Some("") => Cell::toned(none, Tone::Weak),
        Kind::Price => Cell::new(format::price(value.as_str().unwrap_or_default())),
        Kind::Cause => {
            let code = value.as_str().unwrap_or_default();
            let answered = code.starts_with("answered");
            Cell::toned(code, if answered { Tone::Normal } else { Tone::Warn })
        }
        Kind::Text | Kind::TextOr(_) | Kind::Of(_) | Kind::Figure(_) => {
            Cell::new(value.as_str().unwrap_or_default())
        }
    }
}

/// Every id that the rows refer to, and the rows' own names.
pub fn learn(view: View, rows: &[Value], names: &mut Names) {
    let resource = view.resource();
    let has_names = resource.key == "id";
    for row in rows {
        if has_names && let Some(id) = at(row, "id").and_then(Value::as_i64) {
            names.learn(view, id, view.name_of(row));
        }
        for column in resource.columns {
            if let (Kind::Ref(view), Some(id)) =
                (column.kind, at(row, column.path).and_then(Value::as_i64))
            {
                names.want(view, id);
            }
        }
    }
}

/// What the rows shown come to, per currency: calls, seconds, charge, cost, margin in micro-units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub calls: u64,
    pub answered: u64,
    pub seconds: i64,
    pub charge: Vec<(String, i64)>,
    pub cost: Vec<(String, i64)>,
}

pub fn totals(rows: &[Value]) -> Totals {
    let mut totals = Totals::default();
    let mut charge = BTreeMap::<String, i64>::new();
    let mut cost = BTreeMap::<String, i64>::new();
    for row in rows {
        let ms = int_at(row, "times.duration_ms");
        totals.calls += 1;
        totals.answered += u64::from(ms > 0);
        totals.seconds += ms / 1000;
        for (sums, currency, amount) in [
            (&mut charge, "money.currency", "money.charge"),
            (&mut cost, "money.cost_currency", "money.cost"),
        ] {
            let (currency, amount) = (text_at(row, currency), int_at(row, amount));
            if !currency.is_empty() {
                let sum = sums.entry(currency.to_owned()).or_default();
                *sum = sum.saturating_add(amount);
            }
        }
    }
    totals.charge = charge.into_iter().collect();
    totals.cost = cost.into_iter().collect();
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(records: &mut Records) -> ListParams {
        let (generation, params) = records.question(&Names::default()).expect("asks");
        records.page.finish(
            generation,
            Ok(Page {
                rows: Vec::new(),
                total: 900,
                offset: params.offset,
            }),
        );
        params
    }

    #[test]
    fn the_question_is_asked_once_and_again_when_it_changes() {
        let mut records = Records::new(View::Resellers);
        records.scope = Some(Scope {
            field: "reseller",
            id: 3,
            name: "top".into(),
        });
        let params = asked(&mut records);
        assert_eq!(params.filter.len(), 2);
        assert_eq!(
            params.sort,
            [Sort {
                field: "login".into(),
                descending: false
            }]
        );
        assert!(records.question(&Names::default()).is_none());
        records.turn(2);
        assert_eq!(asked(&mut records).offset, 400);
        records.turn(99);
        assert_eq!(asked(&mut records).offset, 800);
        records.table.filter = "ab".into();
        assert_eq!(
            asked(&mut records).offset,
            0,
            "another filter starts at the first page"
        );
        records.refresh();
        asked(&mut records);
    }

    #[test]
    fn typed_filters() {
        let mut names = Names::default();
        names.learn(View::Groups, 5, "Retail".into());
        for (word, field, op, value) in [
            ("status:bl", "status", Op::Eq, json!("blocked")),
            ("status:!active", "status", Op::Ne, json!("active")),
            ("balance:<0", "balance", Op::Lt, json!(0)),
            ("balance:1.5", "balance", Op::Eq, json!(1_500_000)),
            (
                "tariff:retail",
                "tariff_name",
                Op::Contains,
                json!("retail"),
            ),
            ("name:smith", "contact.name", Op::Contains, json!("smith")),
        ] {
            let expected = Filter {
                field: field.into(),
                op,
                value,
            };
            assert_eq!(
                typed(word, View::Accounts, &names),
                Typed::Condition(expected),
                "{word}"
            );
        }
        let by_name = Typed::Condition(Filter {
            field: "inherits".into(),
            op: Op::In,
            value: json!([5]),
        });
        assert_eq!(typed("inherits:retail", View::Groups, &names), by_name);
        for (word, expected) in [
            ("ab", Typed::Word),
            ("status:", Typed::Unfinished),
            ("status:nosuch", Typed::Unfinished),
        ] {
            assert_eq!(typed(word, View::Accounts, &names), expected, "{word}");
        }
    }

    #[test]
    fn sums_keep_currencies_apart() {
        let row = |currency: &str, charge: i64, ms: i64| {
            json!({
                "times": { "duration_ms": ms },
                "money": {
                    "currency": currency, "charge": charge, "cost_currency": "EUR", "cost": 5,
                },
            })
        };
        let totals = totals(&[
            row("EUR", 10, 2_000),
            row("USD", 20, 0),
            row("EUR", 30, 5_000),
        ]);
        assert_eq!((totals.calls, totals.answered, totals.seconds), (3, 2, 7));
        assert_eq!(
            totals.charge,
            [("EUR".to_owned(), 40), ("USD".to_owned(), 20)]
        );
        assert_eq!(totals.cost, [("EUR".to_owned(), 15)]);
    }
}
