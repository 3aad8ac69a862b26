//! Longest-prefix maps over number strings (any characters), compact and fast (1,000,000 entries).
//!
//! A prefix of up to 16 of the characters `0-9 * # + $` is packed into a `u64`, four bits a character from
//! the top. The packed prefixes stand sorted in one array, cut into buckets by their first characters; each
//! knows its *parent*, the longest stored prefix of itself. The greatest entry not above a number is then
//! the longest match or one of its descendants, so a look-up is a short binary search and a walk up.
//! Longer prefixes and other characters live in an ordered map beside it.

use std::collections::BTreeMap;

const SYMBOLS: u32 = 16;
const BITS: u32 = 4;
const NO_PARENT: u32 = u32::MAX;
/// Entries a bucket should hold on average before more characters go into the bucket index.
const BUCKET_AIM: usize = 16;
/// 2^20 buckets of 4 bytes at most: 4 MiB beside the 20 MiB of a million entries.
const MAX_BUCKET_SYMBOLS: u32 = 5;

/// An immutable map from prefixes to values, asked by whole numbers.
#[derive(Clone, Debug)]
pub struct PrefixMap<T> {
    /// Sorted; `values[i]` belongs to `packed[i]`, and those of `other` follow.
    packed: Vec<u64>,
    parents: Vec<u32>,
    values: Vec<T>,
    bucket_symbols: u32,
    /// First index of every bucket, and the length at the end.
    buckets: Vec<u32>,
    other: BTreeMap<Box<str>, u32>,
    /// Byte lengths that occur in `other`, longest first.
    other_lengths: Vec<usize>,
}

impl<T> PrefixMap<T> {
    /// Later entries replace earlier ones of the same prefix. At most `u32::MAX - 1` entries are kept.
    pub fn build(entries: Vec<(String, T)>) -> Self {
        let mut map = Self::default();
        let mut packed: Vec<(u64, T)> = Vec::with_capacity(entries.len());
        let mut other: BTreeMap<Box<str>, T> = BTreeMap::new();
        for (prefix, value) in entries.into_iter().take(NO_PARENT as usize - 1) {
            match pack_whole(&prefix) {
                Some(key) => packed.push((key, value)),
                None => drop(other.insert(prefix.into_boxed_str(), value)),
            }
        }
        // A stable sort keeps equal prefixes in order, so the last of a run is the one to keep.
        packed.sort_by_key(|(key, _)| *key);
        for (key, value) in packed {
            match (map.packed.last(), map.values.last_mut()) {
                (Some(last), Some(slot)) if *last == key => *slot = value,
                _ => {
                    map.packed.push(key);
                    map.values.push(value);
                }
            }
        }
        map.link_parents();
        map.fill_buckets();
        map.add_other(other);
        map.packed.shrink_to_fit();
        map.values.shrink_to_fit();
        map
    }

    fn link_parents(&mut self) {
        let mut ancestors: Vec<(u32, u64)> = Vec::new();
        self.parents = Vec::with_capacity(self.packed.len());
        for (index, key) in (0u32..).zip(&self.packed) {
            while ancestors
                .last()
                .is_some_and(|(_, above)| !is_prefix(*above, *key))
            {
                ancestors.pop();
            }
            let parent = ancestors.last().map_or(NO_PARENT, |(index, _)| *index);
            self.parents.push(parent);
            ancestors.push((index, *key));
        }
    }

    fn fill_buckets(&mut self) {
        self.bucket_symbols = 0;
        while self.bucket_symbols < MAX_BUCKET_SYMBOLS
            && 10usize.pow(self.bucket_symbols) * BUCKET_AIM < self.packed.len()
        {
            self.bucket_symbols += 1;
        }
        let count = 1usize << (self.bucket_symbols * BITS);
        let mut ends = vec![0; count + 1];
        for key in &self.packed {
            if let Some(slot) = ends.get_mut(self.bucket_of(*key) + 1) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut ends {
            sum += *slot;
            *slot = sum;
        }
        self.buckets = ends;
    }

    fn add_other(&mut self, other: BTreeMap<Box<str>, T>) {
        let mut lengths: Vec<usize> = other.keys().map(|prefix| prefix.len()).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        self.other_lengths = lengths;
        for ((prefix, value), index) in other.into_iter().zip(self.values.len() as u32..) {
            self.other.insert(prefix, index);
            self.values.push(value);
        }
    }

    fn bucket_of(&self, key: u64) -> usize {
        (key as u128 >> (64 - self.bucket_symbols * BITS)) as usize
    }

    /// Index of the longest packed prefix of `key`, or `NO_PARENT`.
    fn find(&self, key: u64) -> u32 {
        let bucket = self.bucket_of(key);
        let (Some(start), Some(end)) = (self.buckets.get(bucket), self.buckets.get(bucket + 1))
        else {
            return NO_PARENT;
        };
        let inside = self.packed.get(*start as usize..*end as usize);
        let not_above = inside.unwrap_or_default().partition_point(|k| *k <= key);
        // Where nothing in the bucket is below, the entry before it still may be a prefix or a cousin of one.
        let mut index = (start + not_above as u32).wrapping_sub(1);
        while let Some(candidate) = self.packed.get(index as usize) {
            if is_prefix(*candidate, key) {
                return index;
            }
            index = self.parent(index);
        }
        NO_PARENT
    }

    fn parent(&self, index: u32) -> u32 {
        self.parents
            .get(index as usize)
            .copied()
            .unwrap_or(NO_PARENT)
    }

    /// Matches of `number`, longest first.
    pub fn matches<'a>(&'a self, number: &'a str) -> Matches<'a, T> {
        Matches {
            map: self,
            number,
            other: &self.other_lengths,
            packed: self.find(pack_start(number)),
        }
    }

    /// The longest prefix of `number`, with its value.
    pub fn longest<'a>(&'a self, number: &'a str) -> Option<(&'a str, &'a T)> {
        self.matches(number).next()
    }

    /// The value of exactly this prefix.
    pub fn get(&self, prefix: &str) -> Option<&T> {
        let index = match pack_whole(prefix) {
            Some(key) => self.packed.binary_search(&key).ok()?,
            None => *self.other.get(prefix)? as usize,
        };
        self.values.get(index)
    }

    /// Prefixes with their values: packed ones in their own order, then the others.
    pub fn iter(&self) -> impl Iterator<Item = (String, &T)> {
        let packed = self.packed.iter().map(|key| unpack(*key));
        let other = self.other.keys().map(|prefix| prefix.to_string());
        packed.chain(other).zip(&self.values)
    }

    /// Number of prefixes.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl<T> Default for PrefixMap<T> {
    fn default() -> Self {
        Self {
            packed: Vec::new(),
            parents: Vec::new(),
            values: Vec::new(),
            bucket_symbols: 0,
            buckets: vec![0, 0],
            other: BTreeMap::new(),
            other_lengths: Vec::new(),
        }
    }
}

/// The matches of one number, longest first.
#[derive(Debug)]
pub struct Matches<'a, T> {
    map: &'a PrefixMap<T>,
    number: &'a str,
    other: &'a [usize],
    packed: u32,
}

impl<'a, T> Iterator for Matches<'a, T> {
    type Item = (&'a str, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        // An entry of `other` has a character or a length that no packed one has, so it is always the longer.
        while let Some((length, shorter)) = self.other.split_first() {
            self.other = shorter;
            let Some(prefix) = self.number.get(..*length) else {
                continue;
            };
            if let Some(index) = self.map.other.get(prefix) {
                return self
                    .map
                    .values
                    .get(*index as usize)
                    .map(|value| (prefix, value));
            }
        }
        let index = self.packed;
        let key = self.map.packed.get(index as usize)?;
        self.packed = self.map.parent(index);
        let prefix = self.number.get(..symbols(*key) as usize)?;
        Some((prefix, self.map.values.get(index as usize)?))
    }
}

fn symbol(byte: u8) -> Option<u64> {
    match byte {
        b'0'..=b'9' => Some(u64::from(byte - b'0') + 1),
        b'*' => Some(11),
        b'#' => Some(12),
        b'+' => Some(13),
        b'$' => Some(14),
        _ => None,
    }
}

/// As many leading characters as pack, left-aligned; unused places are 0.
fn pack_start(number: &str) -> u64 {
    let mut key = 0;
    let mut shift = u64::BITS;
    for byte in number.bytes().take(SYMBOLS as usize) {
        let Some(code) = symbol(byte) else { break };
        shift -= BITS;
        key |= code << shift;
    }
    key
}

fn pack_whole(prefix: &str) -> Option<u64> {
    let key = pack_start(prefix);
    (symbols(key) as usize == prefix.len()).then_some(key)
}

fn unpack(key: u64) -> String {
    const TEXT: [char; 16] = [
        '?', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', '+', '$', '?',
    ];
    (0..symbols(key))
        .map(|i| ((key >> (u64::BITS - BITS * (i + 1))) & 15) as usize)
        .filter_map(|code| TEXT.get(code))
        .collect()
}

/// Characters of a packed prefix; 0 of the empty one.
fn symbols(key: u64) -> u32 {
    SYMBOLS - key.trailing_zeros() / BITS
}

fn is_prefix(prefix: u64, key: u64) -> bool {
    symbols(prefix) <= (prefix ^ key).leading_zeros() / BITS
}
