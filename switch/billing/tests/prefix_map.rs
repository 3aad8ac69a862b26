//! The prefix map against the obvious model.
#![allow(clippy::unwrap_used)] // a test fails by panicking, in its helpers too

use proptest::prelude::*;
use std::collections::BTreeMap;
use tandem_billing::prefix::PrefixMap;

fn naive<'a>(model: &'a BTreeMap<String, u32>, number: &str) -> Vec<(&'a str, u32)> {
    let mut found: Vec<(&str, u32)> = model
        .iter()
        .filter(|(prefix, _)| number.starts_with(prefix.as_str()))
        .map(|(prefix, value)| (prefix.as_str(), *value))
        .collect();
    found.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
    found
}

proptest! {
    #[test]
    fn matches_are_those_of_a_scan(
        prefixes in proptest::collection::vec("[0-2]{0,6}|[0-9+*#$]{0,5}|[0-1aü]{1,4}|0{14,19}", 0..400),
        numbers in proptest::collection::vec("[0-2]{0,8}|[0-9+*#$]{0,6}|[0-1aü]{0,6}|0{12,22}", 1..60),
    ) {
        let entries: Vec<(String, u32)> = prefixes.into_iter().zip(0..).collect();
        let model: BTreeMap<String, u32> = entries.iter().cloned().collect();
        let map = PrefixMap::build(entries);
        prop_assert_eq!(map.len(), model.len());
        prop_assert_eq!(map.iter().map(|(p, v)| (p, *v)).collect::<BTreeMap<_, _>>(), model.clone());
        for number in &numbers {
            let found: Vec<(&str, u32)> = map.matches(number).map(|(p, v)| (p, *v)).collect();
            prop_assert_eq!(&found, &naive(&model, number), "{}", number);
            prop_assert_eq!(map.longest(number).map(|(p, v)| (p, *v)), found.first().copied());
            prop_assert_eq!(map.get(number), model.get(number));
        }
    }
}

#[test]
fn an_empty_map_matches_nothing() {
    let map = PrefixMap::<u8>::default();
    assert!(map.is_empty() && map.longest("44").is_none() && map.longest("").is_none());
    assert!(PrefixMap::<u8>::build(Vec::new()).longest("ü").is_none());
}

#[test]
fn the_empty_prefix_matches_everything() {
    let map = PrefixMap::build(vec![(String::new(), 1), ("44".into(), 2)]);
    assert_eq!(map.longest(""), Some(("", &1)));
    assert_eq!(map.longest("49"), Some(("", &1)));
    assert_eq!(map.longest("x"), Some(("", &1)));
    assert_eq!(map.longest("442"), Some(("44", &2)));
}
