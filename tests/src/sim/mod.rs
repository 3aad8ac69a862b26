//! An operator's day, drawn from a seed, lived through by the real call core on virtual time, and judged by a naive
//! reference model.
//!
//! [`Scene`] is what a seed draws; [`World`] is the one queue of events around the core: peers
//! ([`caller`], [`callee`], [`phone`]), [`network`], [`disk`] (a share of the days on the real store), [`relay`], the
//! operator's desk ([`clerk`]). [`pricing`] prices again by hand, [`witness`] saw what crossed the wire, [`audit`]
//! and [`books`] judge. A failing seed is run again, with fewer troubles, by the example `simulate`.

mod agenda;
pub mod audit;
pub mod books;
pub mod callee;
pub mod caller;
pub mod clerk;
pub mod dice;
pub mod disk;
mod door;
pub mod network;
pub mod operator;
pub mod peer;
pub mod peers;
pub mod phone;
pub mod pricing;
mod process;
pub mod real;
pub mod relay;
pub mod scene;
pub mod trace;
pub mod trouble;
pub mod watcher;
pub mod witness;
pub mod world;

pub use scene::Scene;
pub use trace::Trace;
pub use trouble::{Trouble, Troubles};
pub use world::World;

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Which day, and how much of it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Of everything drawn.
    pub seed: u64,
    /// What may go wrong.
    pub troubles: Troubles,
    /// Calls that nobody makes.
    pub without: BTreeSet<u32>,
    /// Keep a ladder.
    pub trace: Trace,
}

impl Options {
    /// The whole day of a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            troubles: Trouble::ALL.into_iter().collect(),
            without: BTreeSet::new(),
            trace: Trace::default(),
        }
    }
}

/// What a day was like.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Steps of the core.
    pub steps: u64,
    /// CDRs by cause.
    pub causes: BTreeMap<String, u64>,
    /// Answered calls.
    pub answered: u64,
    /// Sum of all charges, in micro-units.
    pub charged: i64,
    /// Times the process died.
    pub crashes: u64,
}

impl Report {
    /// Adds another day.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.answered += other.answered;
        self.charged += other.charged;
        self.crashes += other.crashes;
        for (cause, count) in &other.causes {
            *self.causes.entry(cause.clone()).or_default() += count;
        }
    }
}

/// One day in so many is kept in the real store.
const REAL_SHARE: u64 = 8;

/// Lives through a day.
///
/// # Errors
/// What was not as it must be.
pub fn run(options: &Options) -> Result<Report, String> {
    let options = options.clone();
    catch_unwind(AssertUnwindSafe(|| {
        let scene = Scene::of_seed(options.seed, &options.troubles, &options.without);
        let real = options
            .seed
            .is_multiple_of(REAL_SHARE)
            .then(real::RealStore::fresh);
        let mut world = World::new(scene, options.trace, real);
        world.run();
        report(&world)
    }))
    .map_err(|panic| said(panic.as_ref()))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
        .to_owned()
}

fn report(world: &World) -> Report {
    let cdrs = || {
        world
            .live
            .cdrs
            .values()
            .filter(|cdr| cdr.answered_at.is_some())
    };
    let charges = cdrs().flat_map(|cdr| &cdr.charges);
    Report {
        steps: world.steps,
        causes: audit::causes(world),
        answered: cdrs().count() as u64,
        charged: charges.map(|level| level.charge.0).sum(),
        crashes: world.crashes(),
    }
}

/// How to live through a seed's day again.
#[must_use]
pub fn again(seed: u64) -> String {
    format!("cargo run -p tandem-tests --example simulate -- --seed {seed} --shrink --trace")
}

/// The fewest troubles and calls with which a failing day still fails, and how it fails then.
#[must_use]
pub fn shrink(options: &Options) -> Option<(Options, String)> {
    let mut least = options.clone();
    let mut failure = run(&least).err()?;
    for trouble in Trouble::ALL {
        let mut fewer = least.clone();
        if fewer.troubles.remove(&trouble)
            && let Err(reason) = run(&fewer)
        {
            (least, failure) = (fewer, reason);
        }
    }
    let calls = Scene::of_seed(least.seed, &least.troubles, &least.without).calls;
    for call in calls {
        let mut fewer = least.clone();
        fewer.without.insert(call.index);
        if let Err(reason) = run(&fewer) {
            (least, failure) = (fewer, reason);
        }
    }
    Some((least, failure))
}
