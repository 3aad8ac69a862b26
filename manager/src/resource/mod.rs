//! What the switch keeps, described once: columns of its table, fields of its form, methods of the protocol.
//!
//! Tables and forms are drawn from these descriptions, so that every resource behaves alike. Paths are those of
//! the wire types; a test holds every description against them. A [`View`] is a resource as the tree shows it,
//! perhaps narrowed ("Wholesale" is accounts of that kind).

mod accounts;
mod audit;
#[cfg(test)]
mod contract;
mod dialplan;
mod dids;
mod gateways;
mod guard;
mod money;
mod signalling;
mod tariffs;
mod upstreams;
mod view;

use crate::theme::Tone;
use serde::Serialize;
use serde_json::Value;

pub use dids::added as dids_added;
pub use view::View;

/// How a value reads in a table.
#[derive(Clone, Copy)]
pub enum Kind {
    Text,
    /// A text whose absence means something.
    TextOr(&'static str),
    Number,
    /// A number of which 0 means none is set.
    Limit,
    /// A disconnect cause's code.
    Cause,
    /// Micro-units; at least so many decimals.
    Money(usize),
    /// Decimal string.
    Price,
    Time,
    /// Milliseconds, read as a duration.
    Millis,
    /// Yes or nothing.
    Flag,
    Choice(&'static [Choice]),
    /// The name of another object.
    Ref(View),
    List,
    /// Anything else: a function of the whole row. The switch cannot sort by it.
    Of(fn(&Value) -> String),
    /// An amount that a function of the whole row writes; sorted and filtered by its path.
    Figure(fn(&Value) -> String),
}

/// One of a closed set of values.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    pub value: &'static str,
    pub label: &'static str,
    pub tone: Tone,
}

pub const fn choice(value: &'static str, label: &'static str) -> Choice {
    Choice {
        value,
        label,
        tone: Tone::Normal,
    }
}

pub const fn toned(value: &'static str, label: &'static str, tone: Tone) -> Choice {
    Choice { value, label, tone }
}

/// A column of a resource's table.
#[derive(Clone, Copy)]
pub struct Col {
    pub path: &'static str,
    pub title: &'static str,
    pub chars: u8,
    pub kind: Kind,
}

pub const fn col(path: &'static str, title: &'static str, chars: u8, kind: Kind) -> Col {
    Col {
        path,
        title,
        chars,
        kind,
    }
}

impl Col {
    /// The name the switch sorts and filters by: its paths have no `edit.`.
    pub fn field(&self) -> &'static str {
        self.path.strip_prefix("edit.").unwrap_or(self.path)
    }

    pub fn is_figure(&self) -> bool {
        matches!(
            self.kind,
            Kind::Number
                | Kind::Limit
                | Kind::Money(_)
                | Kind::Price
                | Kind::Millis
                | Kind::Figure(_)
        )
    }
}

/// How a value is entered.
#[derive(Clone, Copy)]
pub enum Input {
    Text,
    /// Optional text: empty is null.
    OptionalText,
    Secret,
    Notes,
    Integer {
        min: i64,
        max: i64,
    },
    OptionalInteger {
        min: i64,
        max: i64,
    },
    Money,
    OptionalMoney,
    Price,
    OptionalPrice,
    Flag,
    Choice(&'static [Choice]),
    /// With an empty entry, which is null.
    OptionalChoice(&'static [Choice]),
    Ref(View),
    OptionalRef(View),
    /// Words apart by commas.
    List,
    /// Numbers apart by commas.
    Numbers {
        min: i64,
        max: i64,
    },
    /// The number rule language; checked by the switch.
    Rules,
    OptionalTime,
    /// Minutes after midnight.
    Minute,
    Rows(&'static Part),
}

/// The fields of one row of a list inside a form.
pub struct Part {
    pub singular: &'static str,
    pub fields: &'static [Field],
    pub blank: fn() -> Value,
    pub most: usize,
}

/// One field of a form. Its path starts at the object's `edit`.
#[derive(Clone, Copy)]
pub struct Field {
    pub path: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub input: Input,
    pub required: bool,
    /// Cannot change once the object exists.
    pub fixed: bool,
    /// Whether it has a meaning now.
    pub shown: Option<fn(&Value) -> bool>,
}

pub const fn field(path: &'static str, label: &'static str, input: Input) -> Field {
    Field {
        path,
        label,
        hint: "",
        input,
        required: false,
        fixed: false,
        shown: None,
    }
}

impl Field {
    pub const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    pub const fn fixed(self) -> Self {
        Self {
            fixed: true,
            ..self
        }
    }

    pub const fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    pub const fn shown(self, shown: fn(&Value) -> bool) -> Self {
        Self {
            shown: Some(shown),
            ..self
        }
    }
}

pub struct Section {
    pub title: &'static str,
    pub fields: &'static [Field],
}

/// From an object to the table of what belongs to it.
pub struct Link {
    pub label: &'static str,
    pub view: View,
    /// Field of the other resource that holds our id.
    pub field: &'static str,
}

/// Methods of the protocol; None where the resource has no such operation.
#[derive(Clone, Copy, Default)]
pub struct Methods {
    pub list: &'static str,
    pub get: Option<&'static str>,
    pub create: Option<&'static str>,
    pub update: Option<&'static str>,
    pub delete: Option<&'static str>,
}

/// See the module.
pub struct Resource {
    pub singular: &'static str,
    pub icon: &'static str,
    /// Path of the id in a row.
    pub key: &'static str,
    /// Path of what people call it.
    pub name: &'static str,
    pub methods: Methods,
    pub columns: &'static [Col],
    /// Field that a choice of one is ordered by.
    pub order: &'static str,
    pub sort: Option<(&'static str, bool)>,
    pub sections: &'static [Section],
    pub links: &'static [Link],
    /// A new object's `edit`.
    pub blank: fn() -> Value,
    /// From the wire's `edit` to the form's, and back.
    pub to_form: fn(&mut Value),
    pub to_wire: fn(&mut Value),
}

/// For resources whose form is the wire type as it stands.
pub fn same(_: &mut Value) {}

/// For resources that nobody creates by a form.
pub fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

/// A new object's `edit`, as the protocol has it.
fn default<T: Default + Serialize>() -> Value {
    serde_json::to_value(T::default()).unwrap_or_default()
}

/// The value at a dotted path; list places are numbers.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => value.get(step),
    })
}

/// Puts a value at a dotted path, making objects on the way.
pub fn put(value: &mut Value, path: &str, new: Value) {
    let (step, rest) = path
        .split_once('.')
        .map_or((path, None), |(step, rest)| (step, Some(rest)));
    let place = match value {
        Value::Array(items) => step.parse::<usize>().ok().and_then(|at| items.get_mut(at)),
        other => {
            if !other.is_object() {
                *other = nothing();
            }
            other
                .as_object_mut()
                .map(|map| map.entry(step).or_insert(Value::Null))
        }
    };
    match (place, rest) {
        (Some(place), None) => *place = new,
        (Some(place), Some(rest)) => put(place, rest, new),
        (None, _) => {}
    }
}

pub fn text_at<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

pub fn int_at(value: &Value, path: &str) -> i64 {
    at(value, path).and_then(Value::as_i64).unwrap_or_default()
}

const DAYS: [Choice; 7] = [
    choice("0", "Monday"),
    choice("1", "Tuesday"),
    choice("2", "Wednesday"),
    choice("3", "Thursday"),
    choice("4", "Friday"),
    choice("5", "Saturday"),
    choice("6", "Sunday"),
];

pub const TRANSPORTS: [Choice; 5] = [
    choice("udp", "UDP"),
    choice("tcp", "TCP"),
    choice("tls", "TLS"),
    choice("ws", "WS"),
    choice("wss", "WSS"),
];

pub const MEDIA: [Choice; 2] = [
    choice("relay", "Through the switch"),
    choice("direct", "Between the sides"),
];

/// Whether SRTP keys travel in descriptions.
pub const SRTP: [Choice; 4] = [
    choice("off", "Never"),
    choice("accepted", "If the peer offers them"),
    choice("offered", "Offered, or without"),
    choice("required", "Always, or no call"),
];

/// Days and minutes as the form has them: days are choices, so they are text there.
fn span_to_form(edit: &mut Value, path: &str) {
    for day in ["from_day", "to_day"] {
        let path = format!("{path}.{day}");
        let text = int_at(edit, &path).to_string();
        put(edit, &path, text.into());
    }
}

fn span_to_wire(edit: &mut Value, path: &str) {
    for day in ["from_day", "to_day"] {
        let path = format!("{path}.{day}");
        let number: i64 = text_at(edit, &path).parse().unwrap_or_default();
        put(edit, &path, number.into());
    }
}

/// `Mon–Fri 08:00–18:00`, or nothing for always.
fn span_text(span: &Value) -> String {
    let day = |name: &str| {
        let at = usize::try_from(int_at(span, name)).unwrap_or_default();
        DAYS.get(at)
            .map_or("", |day| day.label.get(..3).unwrap_or(day.label))
    };
    let (from, to) = (int_at(span, "from_minute"), int_at(span, "to_minute"));
    let mut parts = Vec::new();
    if (int_at(span, "from_day"), int_at(span, "to_day")) != (0, 6) {
        parts.push(format!("{}–{}", day("from_day"), day("to_day")));
    }
    if (from, to) != (0, 1440) {
        use crate::model::format::minute;
        parts.push(format!("{}–{}", minute(from), minute(to)));
    }
    if at(span, "holiday").and_then(Value::as_bool) == Some(true) {
        parts.push("holidays".into());
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths() {
        let mut value = json!({ "a": { "b": [1, { "c": 2 }] } });
        assert_eq!(at(&value, "a.b.1.c"), Some(&json!(2)));
        assert_eq!(at(&value, "a.b.7"), None);
        put(&mut value, "a.b.1.c", json!(3));
        put(&mut value, "a.x.y", json!(true));
        put(&mut value, "a.b.9", json!(0));
        assert_eq!(
            value,
            json!({ "a": { "b": [1, { "c": 3 }], "x": { "y": true } } })
        );
    }

    #[test]
    fn spans_read_short() {
        for (span, text) in [
            (
                json!({"from_day":0,"to_day":6,"from_minute":0,"to_minute":1440,"holiday":false}),
                "",
            ),
            (
                json!({"from_day":0,"to_day":4,"from_minute":480,"to_minute":1080,"holiday":false}),
                "Mon–Fri 08:00–18:00",
            ),
            (
                json!({"from_day":0,"to_day":6,"from_minute":0,"to_minute":1440,"holiday":true}),
                "holidays",
            ),
        ] {
            assert_eq!(span_text(&span), text);
        }
    }
}
