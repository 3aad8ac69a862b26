//! How many calls a second can be made durable, and how long a rate sheet takes to go live.
//!
//! A call is two batches as the core journals them: admitted with its hold, ended with CDR, charge and ledger
//! entry; each commit is at synchronous=FULL and takes so many batches.
#![allow(clippy::unwrap_used, missing_docs)] // a bench fails by panicking; divan's entry points are generated

use divan::{Bencher, counter::ItemsCount};
use std::hint::black_box;
use tandem_billing::{
    AccountId, CallId, Currency, Micros, RateId, TariffId, UtcMs,
    cdr::{Cdr, LevelCharge, MediaStats},
    ledger::{Entry, EntryKind},
};
use tandem_call::journal::{Batch, Record};
use tandem_store::{
    Actor, Committer, Edit, Store, StoreOptions,
    record::{Account, Rate, Tariff},
};

fn main() {
    divan::main();
}

const START: UtcMs = UtcMs(1_795_392_000_000);
const PRICE: i64 = 1_234;

fn euro() -> Currency {
    Currency::try_from("EUR".to_owned()).unwrap()
}

fn ended(call: i64, balance: &mut i64) -> Batch {
    *balance -= PRICE;
    let at = START.plus_ms(call);
    let cdr = Cdr {
        call: CallId(call),
        a_call_id: format!("{call}-84bd7f1c@192.0.2.9"),
        b_call_id: Some(format!("{call}-9f8a7b6c@192.0.2.1")),
        attempts: 1,
        account: Some(AccountId(1)),
        source: "192.0.2.9:5060".into(),
        caller: format!("49301{:06}", call % 1_000_000),
        dialled: format!("49401{:06}", call * 7919 % 1_000_000),
        sent_number: Some("4940123456".into()),
        rating_number: Some("4940123456".into()),
        started_at: at,
        ringing_at: Some(at.plus_ms(800)),
        answered_at: Some(at.plus_ms(3000)),
        ended_at: at.plus_ms(63_000),
        duration_ms: 60_000,
        pdd_ms: Some(800),
        route: None,
        gateway: None,
        callee_account: None,
        transfer: None,
        cause: "answered.caller_hangup".into(),
        sip_status: Some(200),
        codec: Some("pcma".into()),
        codec_b: None,
        charges: vec![LevelCharge {
            account: AccountId(1),
            tariff: TariffId(1),
            rate: RateId(1),
            prefix: "4940".into(),
            description: "Germany".into(),
            currency: euro(),
            price_per_minute: "0.001234".parse().unwrap(),
            billed_secs: 60,
            charge: Micros(PRICE),
        }],
        cost: None,
        exchange: None,
        recording: None,
        media_a: MediaStats {
            packets: 3000,
            bytes: 516_000,
            ..MediaStats::default()
        },
        media_b: MediaStats {
            packets: 3000,
            bytes: 516_000,
            ..MediaStats::default()
        },
        trace: TRACE.into(),
    };
    let entry = Entry {
        key: format!("call:{call}:0"),
        account: AccountId(1),
        kind: EntryKind::CallCharge,
        amount: Micros(-PRICE),
        balance_after: Micros(*balance),
        at: cdr.ended_at,
        call: Some(CallId(call)),
        operator: None,
        note: String::new(),
    };
    Batch {
        seq: call as u64,
        records: vec![Record::Ended {
            cdr: Box::new(cdr),
            entries: vec![entry],
        }],
    }
}

const TRACE: &str = r#"{"steps":[{"step":"recognised","account":1,"by":"digest alice"},{"step":"quoted","account":1,"tariff":1,"rate":1,"prefix":"4940","price_per_minute":"0.001234"},{"step":"kept","route":1,"target":"Alpha","prefix":"49","priority":1,"number":"4940123456","price":"0.001234","cost":"0.0008"},{"step":"tried","route":1,"target":"Alpha","outcome":"answered","after_ms":3000}]}"#;

fn store(folder: &std::path::Path) -> Store {
    let store = Store::open(&folder.join("bench.db"), StoreOptions::default()).unwrap();
    let account: Account = serde_json::from_value(serde_json::json!({
        "login": "alice", "kind": "retail", "currency": "EUR",
    }))
    .unwrap();
    store
        .writer()
        .edit(Edit::create(Actor::system("bench"), START, &account))
        .unwrap();
    store
}

#[divan::bench(args = [1, 64, 512], sample_count = 20, sample_size = 1)]
fn commit(bencher: Bencher<'_, '_>, group: i64) {
    let folder = tempfile::tempdir().unwrap();
    drop(store(folder.path()));
    let mut committer = Committer::open(&folder.path().join("bench.db")).unwrap();
    let (mut call, mut balance) = (0, 0);
    bencher
        .with_inputs(|| {
            (0..group)
                .map(|_| {
                    call += 1;
                    ended(call, &mut balance)
                })
                .collect::<Vec<Batch>>()
        })
        .input_counter(|batches| ItemsCount::new(batches.len()))
        .bench_local_values(|batches| {
            let rejected = committer.commit(&batches, START).unwrap();
            assert!(rejected.is_empty());
            black_box(batches)
        });
}

#[divan::bench(args = [100_000], sample_count = 2, sample_size = 1)]
fn replace_rates(bencher: Bencher<'_, '_>, rows: u64) {
    sheet(bencher, rows);
}

#[divan::bench(sample_count = 1, sample_size = 1)]
fn replace_a_million_rates(bencher: Bencher<'_, '_>) {
    sheet(bencher, 1_000_000);
}

fn sheet(bencher: Bencher<'_, '_>, rows: u64) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let header: Tariff =
        serde_json::from_value(serde_json::json!({ "name": "Big", "currency": "EUR" })).unwrap();
    let created = store
        .writer()
        .edit(Edit::create(Actor::system("bench"), START, &header))
        .unwrap();
    let mut revision = created.revision;
    let rate: Rate = serde_json::from_value(serde_json::json!({
        "tariff_id": created.id, "prefix": "", "description": "Somewhere", "price": "0.0123",
    }))
    .unwrap();
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        let rates = (0..rows).map(|n| Rate {
            prefix: format!("{}", 1_000_000 + n * 7),
            ..rate.clone()
        });
        let replaced = store
            .writer()
            .replace_rates(
                Actor::system("bench"),
                START,
                TariffId(created.id),
                revision,
                rates,
            )
            .unwrap();
        revision = replaced.revision;
    });
}
