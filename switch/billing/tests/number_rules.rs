//! The language of number rules, row by row.
#![allow(clippy::unwrap_used)] // a test fails by panicking, in its helpers too

mod support;

use tandem_billing::number_rule::{NumberRules, RuleKey};

const TABLE: &str = include_str!("tables/number_rules.txt");

fn key(name: &str) -> RuleKey {
    match name {
        "DP" => RuleKey::ToPlan,
        "DN" => RuleKey::ToGateway,
        "TP" => RuleKey::Rating,
        "CP" => RuleKey::Caller,
        _ => panic!("no key {name}"),
    }
}

fn dash(cell: &str) -> &str {
    if cell == "-" { "" } else { cell }
}

#[test]
fn table() {
    let rows = support::rows(TABLE, 4);
    let mut faults = Vec::new();
    for (line, cells) in &rows {
        let number = dash(cells[2]);
        let got = match NumberRules::parse(dash(cells[1])) {
            Ok(rules) => {
                let result = rules.apply(key(cells[0]), number);
                assert_eq!(rules.trace(key(cells[0]), number).0, result, "line {line}");
                assert_eq!(rules.source(), dash(cells[1]));
                if result.is_empty() {
                    "-".into()
                } else {
                    result
                }
            }
            Err(error) => format!("error@{}", error.at),
        };
        if got != cells[3] {
            faults.push(format!("line {line}: {} is {got}", cells.join(" | ")));
        }
    }
    support::report(&faults, rows.len());
}

#[test]
fn trace_names_what_fired() {
    let rules = NumberRules::parse("DP: 011-> OR 00->$$ ;TP:1;|9").unwrap();
    let (result, fired) = rules.trace(RuleKey::ToPlan, "0044");
    assert_eq!(result, "$$449");
    let told: Vec<_> = fired
        .iter()
        .map(|f| (f.rule.as_str(), f.at, f.before.as_str(), f.after.as_str()))
        .collect();
    assert_eq!(
        told,
        [("00->$$", 13, "0044", "$$44"), ("|9", 26, "$$44", "$$449")]
    );
    assert!(rules.trace(RuleKey::Caller, "1").1.is_empty());
}

#[test]
fn rules_travel_as_text() {
    let rules = NumberRules::parse("00->;TP:1").unwrap();
    let json = serde_json::to_string(&rules).unwrap();
    assert_eq!(json, "\"00->;TP:1\"");
    assert_eq!(serde_json::from_str::<NumberRules>(&json).unwrap(), rules);
    assert!(serde_json::from_str::<NumberRules>("\"->\"").is_err());
}

proptest::proptest! {
    #[test]
    fn any_text_parses_or_points_into_itself(text in "[DNTPC:;|!\\[\\]<>0-9 OR$ü-]{0,40}", number in ".{0,20}") {
        match NumberRules::parse(&text) {
            Ok(rules) => drop(rules.apply(RuleKey::ToPlan, &number)),
            Err(error) => proptest::prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at)),
        }
    }
}
