//! Fills a store for a measure: `fill DATABASE ACCOUNTS RATES PASSWORD`.
//!
//! Accounts `a00000`... with a device `u00000`... each, all with the one password, and a tariff of so many rates. The
//! switch must be stopped.
#![allow(clippy::unwrap_used, missing_docs)] // a tool of benchmarks fails by panicking

use serde_json::{Value, json};
use std::path::PathBuf;
use tandem_billing::{TariffId, UtcMs};
use tandem_store::{
    Actor, Edit, Store, StoreOptions,
    record::{Account, Device, Rate, Record, Tariff},
};

const AT: UtcMs = UtcMs(1_795_392_000_000);
/// Rows of one transaction.
const STEP: usize = 1_000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [database, accounts, rates, password] = words.as_slice() else {
        panic!("fill DATABASE ACCOUNTS RATES PASSWORD");
    };
    let store = Store::open(&PathBuf::from(database), StoreOptions::default()).unwrap();
    let tariff = fill_rates(&store, rates.parse().unwrap());
    let ids = create_all::<Account>(
        &store,
        (0..accounts.parse().unwrap()).map(|n: usize| {
            json!({ "login": format!("a{n:05}"), "kind": "common", "currency": "EUR", "tariff_id": tariff })
        }),
    );
    create_all::<Device>(
        &store,
        ids.iter().enumerate().map(
            |(n, id)| json!({ "account_id": id, "username": format!("u{n:05}"), "password": password }),
        ),
    );
}

fn create_all<R: Record>(store: &Store, rows: impl Iterator<Item = Value>) -> Vec<i64> {
    let edits: Vec<Edit> = rows
        .map(|row| {
            let record: R = serde_json::from_value(row).unwrap();
            Edit::create(Actor::system("fill"), AT, &record)
        })
        .collect();
    let made = edits
        .chunks(STEP)
        .map(|step| store.writer().edit_all(step.to_vec()).unwrap());
    made.flatten().map(|edited| edited.id).collect()
}

fn fill_rates(store: &Store, rows: u64) -> i64 {
    let header: Tariff =
        serde_json::from_value(json!({ "name": "filled", "currency": "EUR" })).unwrap();
    let edit = Edit::create(Actor::system("fill"), AT, &header);
    let created = store.writer().edit(edit).unwrap();
    let rate: Rate = serde_json::from_value(json!({
        "tariff_id": created.id, "prefix": "", "description": "Somewhere", "price": "0.0123",
    }))
    .unwrap();
    let sheet = (0..rows).map(|n| Rate {
        prefix: format!("{}", 1_000_000 + n * 7),
        ..rate.clone()
    });
    let (tariff, revision) = (TariffId(created.id), created.revision);
    store
        .writer()
        .replace_rates(Actor::system("fill"), AT, tariff, revision, sheet)
        .unwrap();
    created.id
}
