//! Longest match among up to 1,000,000 prefixes: 65,536 numbers in random order per iteration.

use divan::{Bencher, black_box};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tandem_billing::prefix::PrefixMap;

fn main() {
    divan::main();
}

fn digits(random: &mut ChaCha8Rng, length: usize) -> String {
    (0..length)
        .map(|_| char::from(b'0' + random.random_range(0..10u8)))
        .collect()
}

fn map_of(entries: usize, random: &mut ChaCha8Rng) -> PrefixMap<u32> {
    let prefix = |random: &mut ChaCha8Rng| {
        let length = random.random_range(3..10);
        digits(random, length)
    };
    PrefixMap::build((0..entries as u32).map(|i| (prefix(random), i)).collect())
}

#[divan::bench(args = [1_000, 100_000, 1_000_000])]
fn longest(bencher: Bencher<'_, '_>, entries: usize) {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let map = map_of(entries, &mut random);
    let numbers: Vec<String> = (0..65_536).map(|_| digits(&mut random, 12)).collect();
    bencher.counter(numbers.len()).bench_local(|| {
        numbers
            .iter()
            .filter(|n| map.longest(black_box(n)).is_some())
            .count()
    });
}

#[divan::bench(args = [1_000_000], sample_count = 3)]
fn build(bencher: Bencher<'_, '_>, entries: usize) {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    bencher.bench_local(|| map_of(entries, &mut random));
}
