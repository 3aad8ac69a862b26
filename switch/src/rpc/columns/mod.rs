//! Wire objects and store rows: one table per resource says which path is which column.
//!
//! The store works on flat JSON objects whose keys are columns, the protocol on nested ones. [`Map`] turns a
//! row into a wire object, an edited object into a row, a field named by a client into a column, and a
//! column the store found fault with back into the path the client knows. What a reseller may not see is left
//! out of the row by the store and so stays out of the object. Must not know SQL or methods.

mod accounts;
mod dids;
mod money;
mod operators;
mod routing;
mod tariffs;

pub use accounts::{ACCOUNT, ANI_TARIFF, DEVICE, DNIS_TARIFF, LIST_ENTRY, SOURCE};
pub use dids::DID;
pub use money::{ALERT, AUDIT, CDR, EXCHANGE_RATIO, LEDGER, PAYMENT};
pub use operators::{LOGIN, SOURCE_RULE, grants_of, role_of};
pub use routing::{GATEWAY, GROUP, ROUTE, UPSTREAM};
pub use tariffs::{RATE, TARIFF};

use serde_json::{Map as Object, Value};
use tandem_protocol::RpcError;
use tandem_store::{List, record::Resource};

/// How a value changes on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Not at all.
    Same,
    /// A number here, text on the wire.
    Text,
    /// The opposite flag.
    Not,
    /// In only.
    Secret,
}

/// One pair.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    wire: &'static str,
    store: &'static str,
    how: How,
}

/// The pair of a wire path and a column.
pub(super) const fn col(wire: &'static str, store: &'static str) -> Column {
    how(wire, store, How::Same)
}
pub(super) const fn how(wire: &'static str, store: &'static str, how: How) -> Column {
    Column { wire, store, how }
}

/// A resource's table.
#[derive(Debug)]
pub struct Map {
    /// The store's list of it.
    pub list: List,
    /// For messages.
    pub name: &'static str,
    /// All pairs.
    pub columns: &'static [Column],
    /// Last touches of a wire object.
    pub finish: fn(&mut Value),
    /// First touches of an edited object, before it becomes a row.
    pub prepare: fn(&mut Value),
}

/// No touches.
pub(super) fn untouched(_: &mut Value) {}

impl Map {
    /// The editable resource behind it.
    ///
    /// # Errors
    /// If the list cannot be edited; a fault of ours.
    pub fn resource(&self) -> Result<Resource, RpcError> {
        match self.list {
            List::Of(resource) => Ok(resource),
            _ => Err(super::fault::internal(self.name, "is read only")),
        }
    }

    /// A row as a wire object.
    #[must_use]
    pub fn to_wire(&self, mut row: Object<String, Value>) -> Value {
        let mut wire = Value::Object(Object::new());
        for column in self.columns.iter().filter(|c| c.how != How::Secret) {
            if let Some(value) = row.remove(column.store) {
                put(&mut wire, column.wire, outward(column.how, value));
            }
        }
        (self.finish)(&mut wire);
        wire
    }

    /// The `edit` object of a client as a row, without id and revision.
    #[must_use]
    pub fn to_row(&self, edit: Value) -> Object<String, Value> {
        let mut wire = Value::Object(Object::from_iter([("edit".to_owned(), edit)]));
        (self.prepare)(&mut wire);
        let edits = self.columns.iter().filter(|c| c.wire.starts_with("edit."));
        let pairs = edits.filter_map(|c| {
            Some((
                c.store.to_owned(),
                inward(c.how, get(&wire, c.wire)?.clone()),
            ))
        });
        pairs.collect()
    }

    /// The column a client means by `field`, and how its values are written.
    #[must_use]
    pub fn column(&self, field: &str) -> Option<(&'static str, How)> {
        let visible = || self.columns.iter().filter(|c| c.how != How::Secret);
        let exact =
            visible().find(|c| c.wire == field || c.wire.strip_prefix("edit.") == Some(field));
        let last = || {
            let mut ends = visible().filter(|c| c.wire.rsplit('.').next() == Some(field));
            let first = ends.next()?;
            ends.next().is_none().then_some(first)
        };
        exact.or_else(last).map(|c| (c.store, c.how))
    }

    /// The path of a column.
    #[must_use]
    pub fn path(&self, column: &str) -> String {
        let known = self.columns.iter().find(|c| c.store == column);
        known.map_or_else(|| column.to_owned(), |c| c.wire.to_owned())
    }
}

fn outward(how: How, value: Value) -> Value {
    match (how, value) {
        (How::Text, Value::Number(number)) => Value::String(number.to_string()),
        (How::Not, Value::Bool(flag)) => Value::Bool(!flag),
        (_, value) => value,
    }
}

/// The store's form of a wire value.
#[must_use]
pub fn inward(how: How, value: Value) -> Value {
    match (how, value) {
        (How::Text, Value::String(text)) => {
            text.parse::<i64>().map_or(Value::String(text), Value::from)
        }
        (How::Not, Value::Bool(flag)) => Value::Bool(!flag),
        (_, value) => value,
    }
}

/// The value at a dotted path.
#[must_use]
pub fn get<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |at, key| at.get(key))
}

/// Puts a value at a dotted path, making objects on the way.
pub fn put(value: &mut Value, path: &str, new: Value) {
    let mut at = value;
    for key in path.split('.') {
        if !at.is_object() {
            *at = Value::Object(Object::new());
        }
        let Value::Object(map) = at else { return };
        at = map.entry(key).or_insert(Value::Null);
    }
    *at = new;
}

/// Takes the value at a dotted path out.
pub(super) fn take(value: &mut Value, path: &str) -> Option<Value> {
    let (parent, key) = path.rsplit_once('.')?;
    let parent = parent
        .split('.')
        .try_fold(value, |at, key| at.get_mut(key))?;
    parent.as_object_mut()?.remove(key)
}

/// Replaces the object at `path` by null where `key` in it is null.
pub(super) fn none_without(value: &mut Value, path: &str, key: &str) {
    let empty = get(value, path).is_some_and(|object| object.get(key).is_none_or(Value::is_null));
    if empty {
        put(value, path, Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    const ALL: [Map; 21] = [
        UPSTREAM,
        DID,
        ACCOUNT,
        DEVICE,
        SOURCE,
        DNIS_TARIFF,
        ANI_TARIFF,
        LIST_ENTRY,
        EXCHANGE_RATIO,
        SOURCE_RULE,
        ALERT,
        GATEWAY,
        GROUP,
        ROUTE,
        TARIFF,
        RATE,
        LOGIN,
        LEDGER,
        PAYMENT,
        CDR,
        AUDIT,
    ];

    #[test]
    fn every_column_of_the_store_has_a_path_and_the_other_way_round() {
        for map in ALL {
            let ours: BTreeSet<&str> = map.columns.iter().map(|c| c.store).collect();
            let theirs: BTreeSet<&str> = map.list.view().fields.iter().map(|f| f.name).collect();
            assert_eq!(ours, theirs, "{}", map.name);
            let paths: BTreeSet<&str> = map.columns.iter().map(|c| c.wire).collect();
            assert_eq!(paths.len(), map.columns.len(), "{}", map.name);
        }
    }

    #[test]
    fn fields_are_found_by_path_and_by_unambiguous_end() {
        for (field, expected) in [
            ("edit.login", Some("login")),
            ("login", Some("login")),
            ("contact.name", Some("name")),
            ("name", Some("name")),
            ("limits.max_calls", Some("max_calls")),
            ("edit.reseller", Some("reseller_id")),
            ("balance", Some("balance")),
            ("reseller_id", None),
            ("", None),
        ] {
            assert_eq!(ACCOUNT.column(field).map(|c| c.0), expected, "{field}");
        }
        assert!(
            DEVICE.column("password").is_none(),
            "secrets cannot be filtered by"
        );
    }

    #[test]
    fn paths_make_their_way() {
        let mut value = json!({ "a": 1 });
        put(&mut value, "b.c.d", json!(2));
        put(&mut value, "a.b", json!(3));
        assert_eq!(value, json!({ "a": { "b": 3 }, "b": { "c": { "d": 2 } } }));
        assert_eq!(take(&mut value, "b.c.d"), Some(json!(2)));
        assert_eq!(get(&value, "b.c"), Some(&json!({})));
        none_without(&mut value, "b", "x");
        assert_eq!(get(&value, "b"), Some(&Value::Null));
    }
}
