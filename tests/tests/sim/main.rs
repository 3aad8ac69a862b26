//! Two hundred days of an operator, drawn from seeds, against a naive reference model; see `tandem_tests::sim`.

use tandem_tests::sim::{self, Options, Report, Trouble};

/// Lives through these days.
fn days(seeds: std::ops::Range<u64>) {
    let mut all = Report::default();
    for seed in seeds {
        match sim::run(&Options::of_seed(seed)) {
            Ok(report) => all.add(&report),
            Err(reason) => panic!("seed {seed}: {reason}\nagain: {}", sim::again(seed)),
        }
    }
    assert!(
        all.answered > 100 && all.charged > 0,
        "days without calls: {all:?}"
    );
}

macro_rules! days {
    ($($name:ident $from:literal $to:literal;)+) => {
        $(
            #[test]
            fn $name() {
                days($from..$to);
            }
        )+
    };
}

days! {
    days_0_to_49 0 50;
    days_50_to_99 50 100;
    days_100_to_149 100 150;
    days_150_to_199 150 200;
}

/// Seeds that once showed a fault, each without the troubles that its day did not know yet.
const FAULTS: &[(u64, &[Trouble])] = &[
    (386, &[]),
    (5447, &[]),
    (5351, &[Trouble::Sessions]),
    (8712, &[Trouble::Sessions]),
    (9370, &[Trouble::Sessions]),
];

#[test]
fn days_that_once_failed() {
    for (seed, without) in FAULTS {
        let mut options = Options::of_seed(*seed);
        options
            .troubles
            .retain(|trouble| !without.contains(trouble));
        if let Err(reason) = sim::run(&options) {
            panic!("seed {seed}: {reason}\nagain: {}", sim::again(*seed));
        }
    }
}

#[test]
fn a_seed_gives_the_same_day_again() {
    let ladder = || {
        let trace = sim::Trace::kept();
        let options = Options {
            trace: trace.clone(),
            ..Options::of_seed(11)
        };
        sim::run(&options).expect("a sound day");
        trace.lines()
    };
    assert_eq!(ladder(), ladder());
}
