//! Any table without its looks: which rows show, in which order, which are chosen.
//!
//! A [`TableState`] holds indices into [`Rows`], rebuilt only when the data, the filter or the sort changed;
//! drawing a frame never walks all rows. Copy and export take what the view shows.

use std::{borrow::Cow, collections::BTreeSet};

use crate::theme::Tone;

/// One cell as it reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell<'a> {
    pub text: Cow<'a, str>,
    pub tone: Tone,
}

impl<'a> Cell<'a> {
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            text: text.into(),
            tone: Tone::Normal,
        }
    }

    pub fn toned(text: impl Into<Cow<'a, str>>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }

    pub fn empty() -> Self {
        Self::new("")
    }
}

/// What a column sorts by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order<'a> {
    Number(i64),
    Text(Cow<'a, str>),
}

impl<'a> Order<'a> {
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// One column. `chars` is its first width; the operator's own is kept.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub title: &'static str,
    pub chars: u8,
    pub side: Side,
}

impl Column {
    pub const fn left(title: &'static str, chars: u8) -> Self {
        Self {
            title,
            chars,
            side: Side::Left,
        }
    }

    pub const fn right(title: &'static str, chars: u8) -> Self {
        Self {
            title,
            chars,
            side: Side::Right,
        }
    }
}

/// Where a table's rows come from. Row numbers are those of the data, not of the view.
pub trait Rows {
    fn columns(&self) -> &[Column];
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Names a row for as long as it exists, through any change of order.
    fn key(&self, row: usize) -> Cow<'_, str>;
    fn cell(&self, row: usize, column: usize) -> Cell<'_>;
    fn order(&self, row: usize, column: usize) -> Order<'_> {
        Order::Text(self.cell(row, column).text)
    }
    /// Lower-case text that words of a filter are looked for in.
    fn haystack(&self, row: usize) -> Cow<'_, str>;
}

/// Who sorts and filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ruled {
    /// All rows are here.
    #[default]
    Here,
    /// Rows are one page of the switch's answer, in its order.
    Switch,
}

/// `word`, `-word`, `column:word`; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    column: Option<usize>,
    text: String,
    negated: bool,
}

impl Filter {
    pub fn parse(text: &str, columns: &[Column]) -> Self {
        let lower = text.to_lowercase();
        Self(
            lower
                .split_whitespace()
                .filter_map(|word| Self::term(word, columns))
                .collect(),
        )
    }

    fn term(word: &str, columns: &[Column]) -> Option<Term> {
        let (negated, word) = word
            .strip_prefix('-')
            .map_or((false, word), |rest| (true, rest));
        let named = word.split_once(':').and_then(|(name, text)| {
            let at = columns
                .iter()
                .position(|c| c.title.to_lowercase().replace(' ', "").starts_with(name))?;
            (!name.is_empty()).then(|| (at, text.to_owned()))
        });
        let (column, text) = named.map_or((None, word.to_owned()), |(at, text)| (Some(at), text));
        (!text.is_empty()).then_some(Term {
            column,
            text,
            negated,
        })
    }

    pub fn holds(&self, rows: &dyn Rows, row: usize) -> bool {
        self.0.iter().all(|term| {
            let found = match term.column {
                None => rows.haystack(row).contains(&term.text),
                Some(column) => rows
                    .cell(row, column)
                    .text
                    .to_lowercase()
                    .contains(&term.text),
            };
            found != term.negated
        })
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct TableState {
    pub ruled: Ruled,
    pub filter: String,
    /// Column and whether the largest comes first.
    pub sort: Option<(usize, bool)>,
    pub selected: BTreeSet<String>,
    /// Row of the view that the keyboard moves.
    pub cursor: Option<usize>,
    /// Set for one frame: the view row to bring into sight.
    pub scroll_to: Option<usize>,
    view: Vec<u32>,
    anchor: usize,
    built: Option<Stamp>,
}

/// What a view was built from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    version: u64,
    filter: String,
    sort: Option<(usize, bool)>,
}

/// How a click or key changes the choice of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    Only,
    Toggle,
    Range,
}

impl TableState {
    pub fn sorted(column: usize, descending: bool) -> Self {
        Self {
            sort: Some((column, descending)),
            ..Self::default()
        }
    }

    pub fn by_switch() -> Self {
        Self {
            ruled: Ruled::Switch,
            ..Self::default()
        }
    }

    /// Data rows in the order shown.
    pub fn view(&self) -> &[u32] {
        &self.view
    }

    /// Rebuilds the view if `version` of the data, the filter or the sort is another than last time.
    pub fn refresh(&mut self, rows: &dyn Rows, version: u64) {
        let stamp = Stamp {
            version,
            filter: self.filter.clone(),
            sort: self.sort,
        };
        if self.built.as_ref() == Some(&stamp) {
            return;
        }
        self.view = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
        if self.ruled == Ruled::Here {
            self.arrange(rows);
        }
        self.built = Some(stamp);
        self.cursor = self.cursor.filter(|at| *at < self.view.len());
        if !self.selected.is_empty() {
            let here: BTreeSet<Cow<'_, str>> = (0..rows.len()).map(|row| rows.key(row)).collect();
            self.selected.retain(|key| here.contains(key.as_str()));
        }
    }

    fn arrange(&mut self, rows: &dyn Rows) {
        let filter = Filter::parse(&self.filter, rows.columns());
        self.view.retain(|row| filter.holds(rows, *row as usize));
        let Some((column, descending)) = self.sort else {
            return;
        };
        let mut keyed: Vec<(Order<'_>, u32)> = self
            .view
            .iter()
            .map(|row| (rows.order(*row as usize, column), *row))
            .collect();
        keyed.sort_by(|a, b| {
            let first = if descending {
                b.0.cmp(&a.0)
            } else {
                a.0.cmp(&b.0)
            };
            first.then_with(|| rows.key(a.1 as usize).cmp(&rows.key(b.1 as usize)))
        });
        self.view = keyed.into_iter().map(|(_, row)| row).collect();
    }

    /// A click on a heading: up, down, as it comes.
    pub fn toggle_sort(&mut self, column: usize) {
        self.sort = match self.sort {
            Some((at, false)) if at == column => Some((column, true)),
            Some((at, true)) if at == column => None,
            _ => Some((column, false)),
        };
    }

    pub fn row(&self, at: usize) -> Option<usize> {
        self.view.get(at).map(|row| *row as usize)
    }

    pub fn pick(&mut self, rows: &dyn Rows, at: usize, pick: Pick) {
        let Some(row) = self.row(at) else { return };
        let key = rows.key(row).into_owned();
        match pick {
            Pick::Only => self.selected = BTreeSet::from([key]),
            Pick::Toggle => {
                if !self.selected.remove(&key) {
                    self.selected.insert(key);
                }
            }
            Pick::Range => {
                let (from, to) = (self.anchor.min(at), self.anchor.max(at));
                let span = self
                    .view
                    .get(from..=to.min(self.view.len().saturating_sub(1)))
                    .unwrap_or_default();
                self.selected = span
                    .iter()
                    .map(|row| rows.key(*row as usize).into_owned())
                    .collect();
            }
        }
        if pick != Pick::Range {
            self.anchor = at;
        }
        self.cursor = Some(at);
    }

    /// Moves the cursor by rows; stops at both ends.
    pub fn step(&mut self, rows: &dyn Rows, by: isize, pick: Pick) {
        let Some(last) = self.view.len().checked_sub(1) else {
            return;
        };
        let at = match self.cursor {
            None => 0,
            Some(at) => at.saturating_add_signed(by).min(last),
        };
        self.pick(rows, at, pick);
        self.scroll_to = Some(at);
    }

    pub fn select_all(&mut self, rows: &dyn Rows) {
        self.selected = self
            .view
            .iter()
            .map(|row| rows.key(*row as usize).into_owned())
            .collect();
    }

    /// Chosen rows in the order shown.
    pub fn chosen(&self, rows: &dyn Rows) -> Vec<usize> {
        let chosen = |row: &usize| self.selected.contains(rows.key(*row).as_ref());
        self.view
            .iter()
            .map(|row| *row as usize)
            .filter(chosen)
            .collect()
    }

    /// The chosen rows, or all shown, with headings, for a spreadsheet's paste.
    pub fn tsv(&self, rows: &dyn Rows) -> String {
        let clean = |text: &str, _| text.replace(['\t', '\n', '\r'], " ");
        self.written(rows, '\t', clean)
    }

    /// All rows shown, as RFC 4180 has it. Cells that a spreadsheet would run as a formula are defused.
    pub fn csv(&self, rows: &dyn Rows) -> String {
        let all = Self {
            selected: BTreeSet::new(),
            ..self.clone()
        };
        // A program reads it: figures without commas between thousands.
        all.written(rows, ',', |text, side| match side {
            Side::Right => csv_cell(&text.replace(',', "")),
            Side::Left => csv_cell(text),
        })
    }

    fn written(&self, rows: &dyn Rows, comma: char, cell: impl Fn(&str, Side) -> String) -> String {
        let columns = rows.columns();
        let join = |cells: Vec<String>| cells.join(&comma.to_string());
        let chosen = self.chosen(rows);
        let picked = if chosen.is_empty() {
            self.view.iter().map(|row| *row as usize).collect()
        } else {
            chosen
        };
        let head = join(
            columns
                .iter()
                .map(|column| cell(column.title, Side::Left))
                .collect(),
        );
        let lines = picked.into_iter().map(|row| {
            join(
                columns
                    .iter()
                    .enumerate()
                    .map(|(at, column)| cell(&rows.cell(row, at).text, column.side))
                    .collect(),
            )
        });
        std::iter::once(head)
            .chain(lines)
            .map(|line| line + "\r\n")
            .collect()
    }
}

fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '@', '\t'])
        || (text.starts_with(['+', '-']) && text.parse::<f64>().is_err());
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [Column::left("Name", 10), Column::right("Amount due", 8)];

    struct Sample(Vec<(&'static str, i64)>);

    impl Rows for Sample {
        fn columns(&self) -> &[Column] {
            &COLUMNS
        }
        fn len(&self) -> usize {
            self.0.len()
        }
        fn key(&self, row: usize) -> Cow<'_, str> {
            self.0[row].0.into()
        }
        fn cell(&self, row: usize, column: usize) -> Cell<'_> {
            let (name, amount) = self.0[row];
            if column == 0 {
                Cell::new(name)
            } else {
                Cell::new(amount.to_string())
            }
        }
        fn order(&self, row: usize, column: usize) -> Order<'_> {
            let (name, amount) = self.0[row];
            if column == 0 {
                Order::text(name)
            } else {
                Order::Number(amount)
            }
        }
        fn haystack(&self, row: usize) -> Cow<'_, str> {
            format!("{} {}", self.0[row].0, self.0[row].1).into()
        }
    }

    fn sample() -> Sample {
        Sample(vec![("anna", 30), ("bert", 4), ("carl", 100), ("dora", 4)])
    }

    fn shown(state: &TableState, rows: &Sample) -> Vec<&'static str> {
        state
            .view()
            .iter()
            .map(|row| rows.0[*row as usize].0)
            .collect()
    }

    #[test]
    fn views_follow_filter_and_sort() {
        let rows = sample();
        for (filter, sort, expected) in [
            ("", None, "anna bert carl dora"),
            ("", Some((1, false)), "bert dora anna carl"),
            ("", Some((1, true)), "carl anna bert dora"),
            ("A", None, "anna carl dora"),
            ("-a", None, "bert"),
            ("amount:4", Some((0, true)), "dora bert"),
            ("a 100", None, "carl"),
            ("nothing", None, ""),
            ("other:4", None, ""),
        ] {
            let mut state = TableState {
                filter: filter.into(),
                sort,
                ..TableState::default()
            };
            state.refresh(&rows, 1);
            assert_eq!(
                shown(&state, &rows).join(" "),
                expected,
                "{filter:?} {sort:?}"
            );
        }
    }

    #[test]
    fn choosing_rows() {
        let rows = sample();
        let mut state = TableState::sorted(0, false);
        state.refresh(&rows, 1);
        state.pick(&rows, 1, Pick::Only);
        state.pick(&rows, 3, Pick::Range);
        assert_eq!(state.chosen(&rows), [1, 2, 3]);
        state.pick(&rows, 2, Pick::Toggle);
        assert_eq!(state.chosen(&rows), [1, 3]);
        state.step(&rows, 10, Pick::Only);
        assert_eq!((state.chosen(&rows), state.cursor), (vec![3], Some(3)));
        state.step(&rows, -1, Pick::Range);
        assert_eq!(state.chosen(&rows), [2, 3]);
        state.select_all(&rows);
        assert_eq!(state.selected.len(), 4);
        let fewer = Sample(vec![("bert", 4)]);
        state.refresh(&fewer, 2);
        assert_eq!(state.selected, BTreeSet::from(["bert".to_owned()]));
        assert_eq!(state.cursor, None);
    }

    #[test]
    fn headings_turn_three_ways() {
        let mut state = TableState::default();
        let mut seen = Vec::new();
        for column in [0, 0, 0, 0, 1] {
            state.toggle_sort(column);
            seen.push(state.sort);
        }
        assert_eq!(
            seen,
            [
                Some((0, false)),
                Some((0, true)),
                None,
                Some((0, false)),
                Some((1, false))
            ]
        );
    }

    #[test]
    fn copies_and_exports() {
        let rows = Sample(vec![("a,\"b\"", -5), ("=cmd", 1), ("+49", 2)]);
        let mut state = TableState::default();
        state.refresh(&rows, 1);
        assert_eq!(
            state.csv(&rows),
            "Name,Amount due\r\n\"a,\"\"b\"\"\",-5\r\n'=cmd,1\r\n+49,2\r\n"
        );
        state.pick(&rows, 1, Pick::Only);
        assert_eq!(state.tsv(&rows), "Name\tAmount due\r\n=cmd\t1\r\n");
        assert_eq!(state.csv(&rows).lines().count(), 4);
    }
}
