//! Tariffs and their rates.

use super::{
    Choice, DAYS, Field, Input, Kind, Link, Methods, Part, Resource, Section, View, at, choice,
    col, default, field, put, span_text, span_to_form, span_to_wire, text_at,
};
use serde_json::{Value, json};
use tandem_protocol::tariff::{RateEdit, TariffEdit};

const BANDS: [Choice; 2] = [
    choice("split", "Where a block starts"),
    choice("at_answer", "At the answer"),
];
const DAY: i64 = 86_400;

/// The terms of a rate, or the defaults of a tariff: the same fields at another path.
macro_rules! terms {
    ($root:literal) => {
        [
            field(
                concat!($root, ".initial"),
                "First block, s",
                OPTIONAL_SECONDS,
            ),
            field(
                concat!($root, ".increment"),
                "Further blocks, s",
                OPTIONAL_SECONDS,
            ),
            field(
                concat!($root, ".connect_fee"),
                "Connect fee",
                Input::OptionalPrice,
            ),
            field(
                concat!($root, ".grace_period"),
                "Grace, s",
                OPTIONAL_SECONDS,
            )
            .hint("Shorter calls are free"),
            field(
                concat!($root, ".free_seconds"),
                "Free seconds",
                OPTIONAL_SECONDS,
            ),
            field(
                concat!($root, ".multiplier"),
                "Multiplier",
                Input::OptionalPrice,
            ),
            field(
                concat!($root, ".addition"),
                "Addition per minute",
                Input::OptionalPrice,
            ),
            field(
                concat!($root, ".surcharge_time"),
                "Surcharge from, s",
                OPTIONAL_SECONDS,
            ),
            field(
                concat!($root, ".surcharge_amount"),
                "Surcharge",
                Input::OptionalPrice,
            ),
            field(
                concat!($root, ".post_call_surcharge_pct"),
                "On the whole, %",
                Input::OptionalPrice,
            ),
            field(
                concat!($root, ".min_charge"),
                "At least",
                Input::OptionalPrice,
            ),
            field(
                concat!($root, ".max_charge"),
                "At most",
                Input::OptionalPrice,
            ),
        ]
    };
}

const OPTIONAL_SECONDS: Input = Input::OptionalInteger { min: 0, max: DAY };
const DEFAULTS: [Field; 12] = terms!("defaults");
const TERMS: [Field; 12] = terms!("terms");

fn derives(edit: &Value) -> bool {
    at(edit, "base.tariff").is_some_and(|tariff| !tariff.is_null())
}

fn tariff_to_form(edit: &mut Value) {
    if at(edit, "base").is_none_or(Value::is_null) {
        put(
            edit,
            "base",
            json!({ "tariff": null, "percent": "0", "addition": "0" }),
        );
    }
}

fn tariff_to_wire(edit: &mut Value) {
    if !derives(edit) {
        put(edit, "base", Value::Null);
    }
}

pub static TARIFFS: Resource = Resource {
    singular: "tariff",
    icon: "📄",
    key: "id",
    name: "edit.name",
    methods: Methods {
        list: "tariff.list",
        get: Some("tariff.get"),
        create: Some("tariff.create"),
        update: Some("tariff.update"),
        delete: Some("tariff.delete"),
    },
    columns: &[
        col("edit.name", "Name", 26, Kind::Text),
        col("edit.currency", "Currency", 9, Kind::Text),
        col("rate_count", "Rates", 10, Kind::Number),
        col(
            "edit.base.tariff",
            "Derives from",
            22,
            Kind::Ref(View::Tariffs),
        ),
        col("edit.base.percent", "Mark-up %", 10, Kind::Price),
        col("edit.time_zone", "Time zone", 18, Kind::Text),
        col("edit.decimals", "Decimals", 9, Kind::Number),
        col("owner_login", "Reseller", 18, Kind::Text),
    ],
    order: "name",
    sort: Some(("edit.name", false)),
    sections: &[
        Section {
            title: "Tariff",
            fields: &[
                field("name", "Name", Input::Text).required(),
                field("currency", "Currency", Input::Text).required(),
                field("decimals", "Decimals", Input::Integer { min: 0, max: 6 })
                    .hint("A charge is rounded to them, once"),
                field("time_zone", "Time zone", Input::Text)
                    .required()
                    .hint("Such as Europe/Berlin"),
                field("band_policy", "Price band", Input::Choice(&BANDS)),
                field("holidays", "Holidays", Input::List).hint("Dates such as 2026-12-25"),
                field("owner", "Reseller", Input::OptionalRef(View::Resellers))
                    .fixed()
                    .hint("Empty: the operator's own"),
            ],
        },
        Section {
            title: "Derived prices",
            fields: &[
                field(
                    "base.tariff",
                    "Derives from",
                    Input::OptionalRef(View::Tariffs),
                ),
                field("base.percent", "Mark-up, %", Input::Price).shown(derives),
                field("base.addition", "Plus per minute", Input::Price).shown(derives),
            ],
        },
        Section {
            title: "On the whole call",
            fields: &[
                field("post_call_surcharge_pct", "Surcharge, %", Input::Price),
                field("min_charge", "Least charge", Input::OptionalPrice),
                field("max_charge", "Greatest charge", Input::OptionalPrice),
                field("notes", "Notes", Input::Notes),
            ],
        },
        Section {
            title: "Where a rate says nothing",
            fields: &DEFAULTS,
        },
    ],
    links: &[Link {
        label: "Rates",
        view: View::Rates,
        field: "tariff",
    }],
    blank: default::<TariffEdit>,
    to_form: tariff_to_form,
    to_wire: tariff_to_wire,
};

const CHARGES: [Choice; 2] = [
    choice("per_minute", "Per minute"),
    choice("flat", "Flat amount"),
];

fn is_flat(step: &Value) -> bool {
    text_at(step, "kind") == "flat"
}

fn by_minute(step: &Value) -> bool {
    !is_flat(step)
}

const STEP: Part = Part {
    singular: "step",
    fields: &[
        field(
            "from_second",
            "From second",
            Input::Integer { min: 0, max: DAY },
        ),
        field("kind", "Charge", Input::Choice(&CHARGES)),
        field("price", "Price per minute", Input::Price)
            .required()
            .shown(by_minute),
        field("increment", "Block, s", Input::Integer { min: 1, max: DAY }).shown(by_minute),
        field("amount", "Amount", Input::Price)
            .required()
            .shown(is_flat),
    ],
    blank: || json!({ "from_second": 0, "kind": "per_minute", "price": "", "increment": 1, "amount": "" }),
    most: 50,
};

/// Steps are tagged unions on the wire and flat rows in the form.
fn rate_to_form(edit: &mut Value) {
    span_to_form(edit, "span");
    let steps = at(edit, "steps")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let flat = steps.iter().map(|step| {
        let mut row = (STEP.blank)();
        put(
            &mut row,
            "from_second",
            at(step, "from_second").cloned().unwrap_or_default(),
        );
        match at(step, "charge.flat") {
            Some(flat) => {
                put(&mut row, "kind", "flat".into());
                put(&mut row, "amount", text_at(flat, "amount").into());
            }
            None => {
                put(
                    &mut row,
                    "price",
                    text_at(step, "charge.per_minute.price").into(),
                );
                put(
                    &mut row,
                    "increment",
                    at(step, "charge.per_minute.increment")
                        .cloned()
                        .unwrap_or_else(|| 1.into()),
                );
            }
        }
        row
    });
    let flat: Vec<Value> = flat.collect();
    put(edit, "steps", flat.into());
}

fn rate_to_wire(edit: &mut Value) {
    span_to_wire(edit, "span");
    let steps = at(edit, "steps")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let wire = steps.iter().map(|row| {
        let charge = if is_flat(row) {
            json!({ "flat": { "amount": text_at(row, "amount") } })
        } else {
            json!({ "per_minute": { "price": text_at(row, "price"), "increment": at(row, "increment") } })
        };
        json!({ "from_second": at(row, "from_second"), "charge": charge })
    });
    let wire: Vec<Value> = wire.collect();
    put(edit, "steps", wire.into());
}

fn hours(row: &Value) -> String {
    at(row, "edit.span").map(span_text).unwrap_or_default()
}

/// `60/60`, as operators say it: first block and further blocks.
fn blocks(row: &Value) -> String {
    let part = |path: &str| {
        at(row, path)
            .and_then(Value::as_i64)
            .map_or("·".to_owned(), |s| s.to_string())
    };
    match (
        at(row, "edit.terms.initial"),
        at(row, "edit.terms.increment"),
    ) {
        (None | Some(Value::Null), None | Some(Value::Null)) => String::new(),
        _ => format!(
            "{}/{}",
            part("edit.terms.initial"),
            part("edit.terms.increment")
        ),
    }
}

pub static RATES: Resource = Resource {
    singular: "rate",
    icon: "🏷",
    key: "id",
    name: "edit.prefix",
    methods: Methods {
        list: "rate.list",
        get: Some("rate.get"),
        create: Some("rate.create"),
        update: Some("rate.update"),
        delete: Some("rate.delete"),
    },
    columns: &[
        col("edit.tariff", "Tariff", 16, Kind::Ref(View::Tariffs)),
        col("edit.prefix", "Prefix", 10, Kind::Text),
        col("edit.description", "Destination", 26, Kind::Text),
        col("edit.price", "Per minute", 10, Kind::Price),
        col("edit.terms", "Blocks", 8, Kind::Of(blocks)),
        col("edit.terms.connect_fee", "Connect fee", 11, Kind::Price),
        col("edit.blocked", "Blocked", 8, Kind::Flag),
        col("edit.free_to_call", "Free to call", 10, Kind::Flag),
        col("edit.span", "Hours", 18, Kind::Of(hours)),
        col("edit.effective_from", "From", 19, Kind::Time),
        col("edit.effective_to", "Until", 19, Kind::Time),
    ],
    order: "prefix",
    sort: Some(("edit.prefix", false)),
    sections: &[
        Section {
            title: "Rate",
            fields: &[
                field("tariff", "Tariff", Input::Ref(View::Tariffs)).required(),
                field("prefix", "Prefix", Input::Text)
                    .required()
                    .hint("The longest wins"),
                field("description", "Destination", Input::Text).hint("Reports group by it"),
                field("price", "Price per minute", Input::Price).required(),
                field("blocked", "Blocked", Input::Flag).hint("Calls are refused"),
                field("free_to_call", "Free to call", Input::Flag)
                    .hint("With an empty balance too, if the price is 0"),
            ],
        },
        Section {
            title: "In force",
            fields: &[
                field("effective_from", "From", Input::OptionalTime),
                field("effective_to", "Until", Input::OptionalTime),
                field("span.from_day", "From day", Input::Choice(&DAYS)),
                field("span.to_day", "To day", Input::Choice(&DAYS)),
                field("span.from_minute", "From", Input::Minute),
                field("span.to_minute", "To", Input::Minute),
                field("span.holiday", "Holidays only", Input::Flag),
            ],
        },
        Section {
            title: "Terms (empty: as the tariff says)",
            fields: &TERMS,
        },
        Section {
            title: "Steps",
            fields: &[field("steps", "Steps", Input::Rows(&STEP))],
        },
    ],
    links: &[],
    blank: || {
        let mut edit = default::<RateEdit>();
        put(&mut edit, "tariff", Value::Null);
        edit
    },
    to_form: rate_to_form,
    to_wire: rate_to_wire,
};
