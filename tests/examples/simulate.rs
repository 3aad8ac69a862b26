//! Days of an operator drawn from seeds, against a naive reference model: many seeds at once, or one with its ladder.

#![allow(clippy::print_stdout, reason = "a command says what it found")]

use clap::Parser;
use std::{
    panic,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};
use tandem_tests::sim::{self, Options, Report, Trace, Trouble};

/// Simulates days of an operator and checks every cent of them.
///
/// All of 10,000 days, on all processors (about half an hour with --release):
///   cargo run --release -p tandem-tests --example simulate -- --seeds 10000
/// One day again, with what crossed the wire:
///   cargo run -p tandem-tests --example simulate -- --seed 17 --trace
/// The fewest troubles and calls with which it still fails:
///   cargo run -p tandem-tests --example simulate -- --seed 17 --shrink --trace
#[derive(Parser)]
#[command(verbatim_doc_comment)]
struct Arguments {
    /// One day only.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// How many days.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Threads; all processors if not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Print the ladder of a single day.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Look for the fewest troubles and calls with which a single day fails.
    #[arg(long, requires = "seed")]
    shrink: bool,
    /// Leave these troubles out, separated by commas: loss, duplicates, delay, corruption, slowdisk, brokendisk, crash,
    /// stall, relay, badpeers, acts, edits, holds, transfers, sessions,
    /// drain.
    #[arg(long, value_delimiter = ',')]
    without: Vec<Trouble>,
    /// Leave these calls out, by their number in the day.
    #[arg(long, value_delimiter = ',')]
    without_calls: Vec<u32>,
}

impl Arguments {
    fn options(&self, seed: u64) -> Options {
        let mut options = Options {
            without: self.without_calls.iter().copied().collect(),
            ..Options::of_seed(seed)
        };
        options
            .troubles
            .retain(|trouble| !self.without.contains(trouble));
        options
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What fails is said once, at the end.
    panic::set_hook(Box::new(|_| {}));
    let failed = match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments),
    };
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn one(arguments: &Arguments, seed: u64) -> bool {
    let mut options = arguments.options(seed);
    if arguments.shrink
        && let Some((least, _)) = sim::shrink(&options)
    {
        let troubles: Vec<String> = least.troubles.iter().map(ToString::to_string).collect();
        println!(
            "fails without the calls {:?}, with: {}",
            least.without,
            troubles.join(", ")
        );
        options = least;
    }
    if arguments.trace {
        options.trace = Trace::kept();
    }
    let result = sim::run(&options);
    for line in options.trace.lines() {
        println!("{line}");
    }
    match &result {
        Ok(report) => println!("seed {seed} is sound: {report:#?}"),
        Err(reason) => println!("seed {seed} fails: {reason}"),
    }
    result.is_err()
}

fn many(arguments: &Arguments) -> bool {
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.seeds);
    let all = Mutex::new((Report::default(), Vec::new()));
    let jobs = arguments
        .jobs
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let result = sim::run(&arguments.options(seed));
                    let mut all = all.lock().expect("no thread panics");
                    match result {
                        Ok(report) => all.0.add(&report),
                        Err(reason) => {
                            println!("seed {seed} fails: {reason}\n  again: {}", sim::again(seed));
                            all.1.push(seed);
                        }
                    }
                }
            });
        }
    });
    let (report, failed) = all.into_inner().expect("no thread panics");
    println!(
        "{report:#?}\n{} days, {} failed: {failed:?}",
        arguments.seeds,
        failed.len()
    );
    !failed.is_empty()
}
