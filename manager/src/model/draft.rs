//! A form's copy of an object: what was typed, what is wrong with it, what has changed.
//!
//! The object is edited as a copy and sent whole with the revision it started from. If another edit came first,
//! the switch answers `conflict` and both versions are shown. Texts that are not (yet) a value stay as typed.

use super::format;
use crate::resource::{Field, Input, Part, View, at, put};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    hash::{BuildHasher, DefaultHasher, Hash, Hasher},
};
use tandem_protocol::{ErrorCode, RpcError};

/// Where saving stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Saving {
    #[default]
    No,
    Sent,
    /// Not taken; fields named by the switch are marked.
    Failed(RpcError),
    /// Another edit came first: theirs, in the form's shape, once it is fetched.
    Conflict(Option<Theirs>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Theirs {
    pub revision: Value,
    pub edit: Value,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Draft {
    pub view: View,
    /// None while the object is new.
    pub id: Option<i64>,
    pub name: String,
    pub value: Value,
    pub saving: Saving,
    /// Tells answers to an older draft of the same view apart.
    pub serial: u64,
    nonce: u64,
    original: Value,
    revision: Value,
    texts: BTreeMap<String, String>,
    errors: BTreeMap<String, String>,
}

impl Draft {
    /// For a new object.
    pub fn new(view: View, scope: Option<(&str, i64)>, serial: u64) -> Self {
        let mut edit = view.blank();
        if let Some((field, id)) = scope
            && at(&edit, field).is_some()
        {
            put(&mut edit, field, id.into());
        }
        (view.resource().to_form)(&mut edit);
        Self::of(view, None, edit, Value::Null, serial)
    }

    /// For a row of the table; None if it has no id.
    pub fn edit(view: View, row: &Value, serial: u64) -> Option<Self> {
        let id = at(row, "id")?.as_i64()?;
        let mut edit = row.get("edit")?.clone();
        (view.resource().to_form)(&mut edit);
        let mut draft = Self::of(
            view,
            Some(id),
            edit,
            row.get("revision").cloned().unwrap_or_default(),
            serial,
        );
        draft.name = view.name_of(row);
        Some(draft)
    }

    fn of(view: View, id: Option<i64>, value: Value, revision: Value, serial: u64) -> Self {
        Self {
            view,
            id,
            name: format!("New {}", view.resource().singular),
            original: value.clone(),
            value,
            revision,
            serial,
            nonce: std::hash::RandomState::new().build_hasher().finish(),
            saving: Saving::No,
            texts: BTreeMap::new(),
            errors: BTreeMap::new(),
        }
    }

    /// Makes its request another than that of any form at another time, where the system's chance is none.
    pub fn tell_apart(&mut self, now_ms: i64) {
        self.nonce ^= now_ms.unsigned_abs().rotate_left(20);
    }

    pub fn is_new(&self) -> bool {
        self.id.is_none()
    }

    /// A new object counts as changed as soon as anything was entered.
    pub fn is_dirty(&self) -> bool {
        self.value != self.original || self.errors.keys().any(|path| self.texts.contains_key(path))
    }

    pub fn changed(&self, path: &str) -> bool {
        at(&self.value, path) != at(&self.original, path)
            || (self.texts.contains_key(path) && self.errors.contains_key(path))
    }

    pub fn error(&self, path: &str) -> Option<&str> {
        self.errors.get(path).map(String::as_str)
    }

    pub fn errors(&self) -> usize {
        self.errors.len()
    }

    pub fn revert(&mut self) {
        self.value = self.original.clone();
        self.texts.clear();
        self.errors.clear();
        self.saving = Saving::No;
    }

    /// The text in a field's box: as typed, else as the value reads.
    pub fn text(&self, path: &str, input: &Input) -> String {
        match self.texts.get(path) {
            Some(text) => text.clone(),
            None => shown(at(&self.value, path).unwrap_or(&Value::Null), input),
        }
    }

    /// Takes what was typed; a text that is no value is kept and marked.
    pub fn type_in(&mut self, path: &str, field: &Field, text: String) {
        self.saving = match std::mem::take(&mut self.saving) {
            Saving::Failed(_) => Saving::No,
            other => other,
        };
        match parse(&text, &field.input) {
            Ok(value) => {
                put(&mut self.value, path, value);
                self.errors.remove(path);
            }
            Err(fault) => {
                self.errors.insert(path.into(), fault);
            }
        }
        self.texts.insert(path.into(), text);
    }

    pub fn set(&mut self, path: &str, value: Value) {
        put(&mut self.value, path, value);
        self.errors.remove(path);
        self.texts.remove(path);
    }

    /// A list inside the form changed its length: what was typed below it has moved.
    pub fn set_rows(&mut self, path: &str, rows: Vec<Value>) {
        let below = format!("{path}.");
        self.texts.retain(|at, _| !at.starts_with(&below));
        self.errors
            .retain(|at, _| !at.starts_with(&below) && at != path);
        put(&mut self.value, path, rows.into());
    }

    /// Checks every field that shows; true if all are right.
    pub fn check(&mut self) -> bool {
        let mut errors = BTreeMap::new();
        for field in self
            .view
            .resource()
            .sections
            .iter()
            .flat_map(|section| section.fields)
        {
            self.check_field(field, "", &self.value, &mut errors);
        }
        self.errors = errors;
        self.errors.is_empty()
    }

    fn check_field(
        &self,
        field: &Field,
        above: &str,
        object: &Value,
        errors: &mut BTreeMap<String, String>,
    ) {
        if field.shown.is_some_and(|shown| !shown(object)) {
            return;
        }
        let path = format!("{above}{}", field.path);
        if let Some(text) = self.texts.get(&path)
            && let Err(fault) = parse(text, &field.input)
        {
            errors.insert(path, fault);
            return;
        }
        let value = at(object, field.path).unwrap_or(&Value::Null);
        let empty = match value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Number(number) => {
                matches!(field.input, Input::Money) && number.as_i64() == Some(0)
            }
            Value::Bool(_) | Value::Object(_) => false,
        };
        if field.required && empty {
            errors.insert(path, "is needed".into());
        } else if let (Input::Rows(part), Value::Array(rows)) = (&field.input, value) {
            self.check_rows(part, &path, rows, errors);
        }
    }

    fn check_rows(
        &self,
        part: &Part,
        path: &str,
        rows: &[Value],
        errors: &mut BTreeMap<String, String>,
    ) {
        for (place, row) in rows.iter().enumerate() {
            for field in part.fields {
                self.check_field(field, &format!("{path}.{place}."), row, errors);
            }
        }
    }

    /// Parameters of the update or create method.
    pub fn wire(&self) -> Value {
        let mut edit = self.value.clone();
        (self.view.resource().to_wire)(&mut edit);
        match self.id {
            Some(id) => serde_json::json!({ "id": id, "revision": self.revision, "edit": edit }),
            None => serde_json::json!({ "edit": edit }),
        }
    }

    /// Names this form's request: the same however often it is sent, another for each form and each content.
    pub fn request_id(&self) -> String {
        let mut content = DefaultHasher::new();
        self.value.to_string().hash(&mut content);
        format!("{:016x}-{:016x}", self.nonce, content.finish())
    }

    /// The switch refused: marks the field it names.
    pub fn refused(&mut self, error: RpcError) {
        let field = error.data.field.as_deref();
        let is_late = field.is_none_or(|field| field == "revision");
        if error.code() == ErrorCode::Conflict && !self.is_new() && is_late {
            self.saving = Saving::Conflict(None);
            return;
        }
        if let Some(field) = &error.data.field {
            let path = field.strip_prefix("edit.").unwrap_or(field);
            self.errors.insert(path.into(), error.message.clone());
        }
        self.saving = Saving::Failed(error);
    }

    /// What stands on the switch, after a conflict.
    pub fn theirs(&mut self, row: &Value) {
        let mut edit = row.get("edit").cloned().unwrap_or_default();
        (self.view.resource().to_form)(&mut edit);
        let revision = row.get("revision").cloned().unwrap_or_default();
        self.saving = Saving::Conflict(Some(Theirs { revision, edit }));
    }

    /// Fields of ours that read otherwise on the other side: label, ours, theirs. What we did not touch is theirs.
    pub fn differences(&self) -> Vec<(&'static str, String, String)> {
        let Saving::Conflict(Some(theirs)) = &self.saving else {
            return Vec::new();
        };
        let fields = self
            .view
            .resource()
            .sections
            .iter()
            .flat_map(|section| section.fields);
        let differing = fields.filter(|field| {
            self.changed(field.path) && at(&self.value, field.path) != at(&theirs.edit, field.path)
        });
        let read = |value: &Value, field: &Field| {
            shown(at(value, field.path).unwrap_or(&Value::Null), &field.input)
        };
        differing
            .map(|field| {
                (
                    field.label,
                    read(&self.value, field),
                    read(&theirs.edit, field),
                )
            })
            .collect()
    }

    /// What we changed shall replace theirs, all else be as they left it: the next save starts from their revision.
    pub fn keep_ours(&mut self) {
        if let Saving::Conflict(Some(theirs)) = std::mem::take(&mut self.saving) {
            let sections = self.view.resource().sections.iter();
            let untouched: Vec<&str> = sections
                .flat_map(|section| section.fields)
                .map(|field| field.path)
                .filter(|path| !self.changed(path))
                .collect();
            for path in untouched {
                if let Some(value) = at(&theirs.edit, path) {
                    put(&mut self.value, path, value.clone());
                    self.texts.remove(path);
                }
            }
            self.revision = theirs.revision;
            self.original = theirs.edit;
        }
    }

    pub fn take_theirs(&mut self) {
        if let Saving::Conflict(Some(theirs)) = std::mem::take(&mut self.saving) {
            self.revision = theirs.revision;
            self.original = theirs.edit;
            self.revert();
        }
    }
}

/// The label of a choice, the text of anything else.
pub fn shown(value: &Value, input: &Input) -> String {
    match (input, value) {
        (_, Value::Null) => String::new(),
        (Input::Money | Input::OptionalMoney, value) => {
            format::money(value.as_i64().unwrap_or_default(), 2)
        }
        (Input::OptionalTime, value) => value.as_i64().map(format::time).unwrap_or_default(),
        (Input::Minute, value) => format::minute(value.as_i64().unwrap_or_default()),
        (Input::Choice(choices) | Input::OptionalChoice(choices), Value::String(value)) => {
            let known = choices.iter().find(|choice| choice.value == value);
            known.map_or_else(|| value.clone(), |choice| choice.label.to_owned())
        }
        (_, Value::String(text)) => text.clone(),
        (Input::Rows(part), Value::Array(rows)) => format!("{} × {}", rows.len(), part.singular),
        (_, Value::Array(items)) => {
            let word = |item: &Value| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            };
            items.iter().map(word).collect::<Vec<_>>().join(", ")
        }
        (_, Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        (_, other) => other.to_string(),
    }
}

/// A typed text as a value of this input.
///
/// # Errors
/// Says what is expected.
pub fn parse(text: &str, input: &Input) -> Result<Value, String> {
    let trimmed = text.trim();
    match input {
        Input::OptionalText if trimmed.is_empty() => Ok(Value::Null),
        Input::OptionalInteger { .. }
        | Input::OptionalMoney
        | Input::OptionalPrice
        | Input::OptionalTime
            if trimmed.is_empty() =>
        {
            Ok(Value::Null)
        }
        Input::Integer { min, max } | Input::OptionalInteger { min, max } => {
            integer(trimmed, *min, *max).map(Value::from)
        }
        Input::Money | Input::OptionalMoney => format::parse_money(trimmed).map(Value::from),
        Input::Price | Input::OptionalPrice => decimal(trimmed).map(Value::from),
        Input::OptionalTime => format::parse_time(trimmed).map(Value::from),
        Input::Minute => format::parse_minute(trimmed).map(Value::from),
        Input::List => Ok(words(text).map(Value::from).collect::<Vec<_>>().into()),
        Input::Numbers { min, max } => words(text)
            .map(|word| integer(word, *min, *max).map(Value::from))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::from),
        Input::Text
        | Input::OptionalText
        | Input::Secret
        | Input::Notes
        | Input::Rules
        | Input::Flag
        | Input::Choice(_)
        | Input::OptionalChoice(_)
        | Input::Ref(_)
        | Input::OptionalRef(_)
        | Input::Rows(_) => Ok(text.into()),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', '\n'])
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

fn integer(text: &str, min: i64, max: i64) -> Result<i64, String> {
    let wrong = || {
        if max >= i64::from(u32::MAX) {
            format!("a whole number from {min}")
        } else {
            format!("a whole number from {min} to {max}")
        }
    };
    let number: i64 = text.parse().map_err(|_| wrong())?;
    if (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err(wrong())
    }
}

/// Prices travel as decimal strings; checked here, calculated on the switch alone.
fn decimal(text: &str) -> Result<String, String> {
    let plain = text.replace(',', ".");
    let number: rust_decimal::Decimal = plain
        .parse()
        .map_err(|_| "a number such as 0.0125".to_owned())?;
    Ok(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path_of(path: &str) -> &'static Field {
        let fields = View::Accounts
            .resource()
            .sections
            .iter()
            .flat_map(|section| section.fields);
        fields
            .into_iter()
            .find(|field| field.path == path)
            .expect("a field of accounts")
    }

    #[test]
    fn texts_become_values() {
        for (text, input, value) in [
            ("12.5", Input::Money, Some(json!(12_500_000))),
            ("x", Input::Money, None),
            ("", Input::OptionalMoney, Some(Value::Null)),
            ("", Input::Price, None),
            ("0,0125", Input::Price, Some(json!("0.0125"))),
            ("7", Input::Integer { min: 0, max: 9 }, Some(json!(7))),
            ("10", Input::Integer { min: 0, max: 9 }, None),
            ("pcma, opus ,,", Input::List, Some(json!(["pcma", "opus"]))),
            (
                "486, 603",
                Input::Numbers { min: 300, max: 699 },
                Some(json!([486, 603])),
            ),
            ("486, 9", Input::Numbers { min: 300, max: 699 }, None),
            ("08:30", Input::Minute, Some(json!(510))),
            ("", Input::OptionalText, Some(Value::Null)),
        ] {
            assert_eq!(parse(text, &input).ok(), value, "{text}");
        }
    }

    #[test]
    fn a_draft_knows_what_changed_and_what_is_wrong() {
        let mut draft = Draft::new(View::Wholesale, None, 1);
        assert_eq!(draft.value["kind"], "wholesale");
        assert!(!draft.is_dirty() && !draft.check());
        assert_eq!(draft.error("login"), Some("is needed"));
        draft.type_in("login", path_of("login"), "acme".into());
        draft.type_in("currency", path_of("currency"), "EUR".into());
        draft.type_in("credit_limit", path_of("credit_limit"), "1x".into());
        assert!(draft.is_dirty() && !draft.check());
        assert_eq!(draft.text("credit_limit", &Input::Money), "1x");
        draft.type_in("credit_limit", path_of("credit_limit"), "25".into());
        assert!(draft.check());
        assert_eq!(draft.wire()["edit"]["credit_limit"], 25_000_000);
        assert_eq!(
            draft.wire()["edit"]["numbers"]["caller_id"],
            json!({ "mode": "pass" })
        );
        draft.revert();
        assert!(!draft.is_dirty());
    }

    #[test]
    fn hidden_fields_are_not_checked() {
        let mut draft = Draft::new(View::Routes, Some(("group", 4)), 1);
        assert_eq!(draft.value["group"], 4);
        assert!(!draft.check());
        assert_eq!(draft.error("target.gateway"), Some("is needed"));
        draft.set("target.to", "local_device".into());
        assert!(draft.check());
        assert_eq!(
            draft.wire()["edit"]["target"],
            json!({ "to": "local_device" })
        );
    }

    #[test]
    fn rows_inside_a_form_are_checked() {
        let mut draft = Draft::new(View::Gateways, None, 1);
        draft.set("name", "carrier".into());
        assert!(!draft.check());
        assert_eq!(draft.error("hosts.0.host"), Some("is needed"));
        draft.set_rows("hosts", Vec::new());
        assert!(!draft.check());
        assert_eq!(draft.error("hosts"), Some("is needed"));
    }

    #[test]
    fn a_conflict_shows_both_sides_and_either_can_win() {
        let edit = |login: &str| {
            let mut edit = (View::Accounts.resource().blank)();
            put(&mut edit, "login", login.into());
            edit
        };
        let row = json!({ "id": 7, "revision": "r1", "edit": edit("old") });
        let mut draft = Draft::edit(View::Accounts, &row, 1).expect("has an id");
        draft.type_in("login", path_of("login"), "mine".into());
        draft.refused(RpcError::new(ErrorCode::Conflict, "changed meanwhile").at("revision"));
        draft.theirs(&json!({ "id": 7, "revision": "r2", "edit": edit("theirs") }));
        assert_eq!(
            draft.differences(),
            [("Login", "mine".to_owned(), "theirs".to_owned())]
        );
        let mut other = draft.clone();
        draft.keep_ours();
        assert_eq!(
            (
                draft.wire()["revision"].as_str(),
                draft.wire()["edit"]["login"].as_str()
            ),
            (Some("r2"), Some("mine"))
        );
        other.take_theirs();
        assert!(!other.is_dirty());
        assert_eq!(other.wire()["edit"]["login"], "theirs");
    }

    #[test]
    fn keeping_ours_keeps_what_they_changed_elsewhere() {
        let edit = |login: &str, company: &str| {
            let mut edit = (View::Accounts.resource().blank)();
            put(&mut edit, "login", login.into());
            put(&mut edit, "contact.company", company.into());
            edit
        };
        let row = json!({ "id": 7, "revision": "r1", "edit": edit("old", "") });
        let mut draft = Draft::edit(View::Accounts, &row, 1).expect("has an id");
        draft.type_in("login", path_of("login"), "mine".into());
        draft.refused(RpcError::new(ErrorCode::Conflict, "changed meanwhile"));
        draft.theirs(&json!({ "id": 7, "revision": "r2", "edit": edit("old", "Brandt KG") }));
        assert_eq!(
            draft.differences(),
            [("Login", "mine".to_owned(), "old".to_owned())]
        );
        draft.keep_ours();
        let sent = draft.wire();
        assert_eq!(
            (&sent["edit"]["login"], &sent["edit"]["contact"]["company"]),
            (&json!("mine"), &json!("Brandt KG"))
        );
    }

    #[test]
    fn the_field_that_the_switch_names_is_marked() {
        let mut draft = Draft::new(View::Accounts, None, 1);
        draft.refused(RpcError::invalid("edit.login", "is taken"));
        assert_eq!(draft.error("login"), Some("is taken"));
    }
}
