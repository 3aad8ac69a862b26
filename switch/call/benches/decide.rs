//! `decide` whole: 100,000 prefixes, five candidates, two levels (targets.md: 10 us must, 3 us aim).

use std::fmt::Write;
use tandem_billing::{AccountId, UtcMs};
use tandem_call::{
    decide::{CallFacts, IdleUsage, decide},
    directory::DirectorySpec,
};
use tandem_sip::Transport;

fn main() {
    divan::main();
}

/// A sheet of 100,000 five- and six-digit prefixes.
fn sheet(id: u32, price: &str) -> String {
    let mut rates = String::new();
    for n in 0..100_000_u32 {
        let comma = if n == 0 { "" } else { "," };
        write!(
            rates,
            r#"{comma}{{"id":{n},"prefix":"{}","price":"{price}"}}"#,
            100_000 + n * 8
        )
        .expect("to memory");
    }
    format!(r#"{{"id":{id},"name":"t{id}","currency":"EUR","rates":[{rates}]}}"#)
}

fn operator() -> String {
    let gateways: Vec<String> = (1..=5)
        .map(|n| format!(r#"{{"id":{n},"name":"g{n}","hosts":["127.0.0.1:607{n}"],"currency":"EUR","cost_tariff":3,"rules":"DN:00->"}}"#))
        .collect();
    let routes: Vec<String> = (1..=5)
        .map(|n| format!(r#"{{"id":{n},"prefix":"4","priority":{n},"target":{{"gateway":{n}}}}}"#))
        .collect();
    format!(
        r#"{{"tariffs":[{},{},{}],
            "accounts":[{{"id":1,"login":"a","currency":"EUR","tariff":1,"reseller":2,"rules":"00->;TP:00->"}},
                        {{"id":2,"login":"r","kind":{{"reseller":{{"level":1}}}},"currency":"EUR","tariff":2,"routing_group":1}}],
            "gateways":[{}],"groups":[{{"id":1,"routes":[{}]}}]}}"#,
        sheet(1, "0.05"),
        sheet(2, "0.04"),
        sheet(3, "0.02"),
        gateways.join(","),
        routes.join(",")
    )
}

#[divan::bench]
fn five_candidates_100k_prefixes(bencher: divan::Bencher) {
    let spec: DirectorySpec = serde_json::from_str(&operator()).expect("the operator is JSON");
    let directory = spec.build(1).expect("sound");
    let facts = CallFacts {
        remote: "192.0.2.1:5060".parse().expect("an address"),
        transport: Transport::Udp,
        device: None,
        via: None,
        as_account: Some(AccountId(1)),
        caller: "4930123456".into(),
        asserted: None,
        dialled: "00442079460123".into(),
        at: UtcMs(1_767_787_200_000),
        codecs: vec!["pcmu".into(), "pcma".into()],
        draw: 0,
    };
    bencher.bench(|| {
        decide(
            divan::black_box(&directory),
            divan::black_box(&facts),
            &IdleUsage,
        )
    });
}
