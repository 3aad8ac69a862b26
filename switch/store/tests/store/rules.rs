//! Rules about source addresses: an operator's edits and the guard's blocks in one table.

use crate::fixture::{Fixture, START, branch, fields, root};
use std::sync::Arc;
use tandem_billing::UtcMs;
use tandem_call::{
    directory::guard::{RuleOrigin, SourceRules, SourceVerdict},
    journal::{Batch, Record, SourceBlock},
};
use tandem_store::{
    Edit, EditError, List, ListQuery, Scope,
    record::{Resource, SourceRule},
};

fn rule(network: &str, verdict: SourceVerdict) -> SourceRule {
    SourceRule {
        id: 0,
        revision: 0,
        network: network.into(),
        verdict,
        origin: RuleOrigin::Guard,
        made_at: UtcMs(7),
        expires_at: None,
        repeats: 9,
        reason: "because".into(),
    }
}

fn blocked(network: &str, at: UtcMs, until: UtcMs, repeats: u32) -> Record {
    Record::Blocked(SourceBlock {
        network: network.parse().unwrap(),
        at,
        until,
        repeats,
        reason: "guessing".into(),
    })
}

fn submit(fixture: &Fixture, seq: u64, records: Vec<Record>) {
    fixture
        .writer()
        .submit(Batch { seq, records })
        .expect("room");
    fixture.events.durable(seq);
}

fn rows(fixture: &Fixture) -> Vec<SourceRule> {
    let all = ListQuery::all(Scope::All);
    let list = List::Of(Resource::SourceRule);
    fixture.reader().rows(list, &all).unwrap().rows
}

fn in_force(fixture: &Fixture) -> Arc<SourceRules> {
    Arc::clone(&fixture.events.directory().unwrap().source_rules)
}

const LATER: UtcMs = UtcMs(START.0 + 300_000);

#[test]
fn an_operators_rule_is_normal_in_form_and_in_force_at_once() {
    let fixture = Fixture::empty();
    let id = fixture.create(&rule("203.0.113.7/24", SourceVerdict::Block));
    let [row] = &rows(&fixture)[..] else {
        panic!("one row")
    };
    assert_eq!((row.id, row.network.as_str()), (id, "203.0.113.0/24"));
    assert_eq!(
        (row.origin, row.made_at, row.repeats),
        (RuleOrigin::Operator, START, 0),
        "whatever the edit said"
    );
    assert_eq!(in_force(&fixture).rows.len(), 1);
    let again = rule(" 203.0.113.9/24 ", SourceVerdict::Allow);
    assert_eq!(fields(fixture.try_create(&again)), ["network"]);
    for network in ["", "203.0.113.7/33", "example.com", "203.0.113.*"] {
        let wrong = rule(network, SourceVerdict::Block);
        assert_eq!(fields(fixture.try_create(&wrong)), ["network"], "{network}");
    }
    let over = SourceRule {
        expires_at: Some(START),
        reason: "a\nb".into(),
        ..rule("203.0.114.7", SourceVerdict::Block)
    };
    assert_eq!(fields(fixture.try_create(&over)), ["expires_at", "reason"]);
    let gone = Edit::delete(root(), START, Resource::SourceRule, id, 1);
    fixture.writer().edit(gone).unwrap();
    assert!(in_force(&fixture).rows.is_empty());
}

#[test]
fn resellers_have_none_of_it() {
    let (fixture, operator) = Fixture::operator();
    let edit = Edit::create(
        branch(operator.reseller),
        START,
        &rule("203.0.113.7", SourceVerdict::Block),
    );
    let refused = fixture.writer().edit(edit);
    assert!(
        matches!(refused, Err(EditError::Forbidden(_))),
        "{refused:?}"
    );
    fixture.create(&rule("203.0.113.7", SourceVerdict::Block));
    let all = ListQuery::all(Scope::Branch(operator.reseller));
    let list = List::Of(Resource::SourceRule);
    assert!(fixture.reader().list(list, &all).unwrap().rows.is_empty());
}

#[test]
fn a_block_is_kept_over_a_restart_with_the_batch_it_came_in() {
    let mut fixture = Fixture::empty();
    submit(
        &fixture,
        1,
        vec![blocked("203.0.113.66/32", START, LATER, 1)],
    );
    submit(
        &fixture,
        2,
        vec![blocked(
            "203.0.113.66/32",
            LATER,
            UtcMs(LATER.0 + 600_000),
            2,
        )],
    );
    let loaded = fixture.open().take_loaded().unwrap();
    let rules = &loaded.directory.source_rules;
    assert_eq!(rules.as_of, 2);
    let [row] = &rules.rows[..] else {
        panic!("one row: {rules:?}")
    };
    assert_eq!((row.origin, row.repeats), (RuleOrigin::Guard, 2));
    assert_eq!(row.expires_at, Some(UtcMs(LATER.0 + 600_000)));
    let row = rows(&fixture).remove(0);
    let edit = Edit::delete(root(), START, Resource::SourceRule, row.id, row.revision);
    fixture.writer().edit(edit).unwrap();
    let rules = in_force(&fixture);
    assert!(rules.rows.is_empty() && rules.as_of >= 2, "{rules:?}");
}

#[test]
fn what_an_operator_said_goes_before_a_block_and_what_is_over_does_not() {
    let fixture = Fixture::empty();
    fixture.create(&rule("203.0.113.1", SourceVerdict::Allow));
    fixture.create(&SourceRule {
        expires_at: Some(LATER),
        ..rule("203.0.113.2", SourceVerdict::Allow)
    });
    let after = UtcMs(LATER.0 + 1);
    let end = UtcMs(LATER.0 + 300_001);
    let blocks = ["203.0.113.1/32", "203.0.113.2/32"].map(|n| blocked(n, after, end, 1));
    submit(&fixture, 1, blocks.into());
    let found = rows(&fixture);
    let verdicts: Vec<_> = found.iter().map(|row| (row.verdict, row.origin)).collect();
    assert_eq!(
        verdicts,
        [
            (SourceVerdict::Allow, RuleOrigin::Operator),
            (SourceVerdict::Block, RuleOrigin::Guard)
        ]
    );
    let taken = SourceRule {
        reason: "confirmed".into(),
        ..found[1].clone()
    };
    let edit = Edit::update(root(), START, &taken);
    fixture.writer().edit(edit).unwrap();
    assert_eq!(rows(&fixture)[1].origin, RuleOrigin::Operator);
    let gone = Record::Unblocked {
        network: "203.0.113.2/32".parse().unwrap(),
    };
    submit(&fixture, 2, vec![gone]);
    assert_eq!(rows(&fixture).len(), 2, "it is the operator's now");
}

#[test]
fn blocks_are_forgotten_in_time_and_never_more_than_so_many() {
    let fixture = Fixture::empty();
    submit(
        &fixture,
        1,
        vec![blocked("203.0.113.1/32", START, LATER, 1)],
    );
    let day = 86_400_000;
    let next = UtcMs(LATER.0 + day + 1);
    let end = UtcMs(next.0 + 300_000);
    submit(&fixture, 2, vec![blocked("203.0.113.2/32", next, end, 1)]);
    let networks: Vec<_> = rows(&fixture).into_iter().map(|row| row.network).collect();
    assert_eq!(
        networks,
        ["203.0.113.2/32"],
        "the setting says for how long"
    );
    for seq in 0..21_u64 {
        let block = |n: u64| {
            let [_, _, _, _, _, b, c, d] = (seq * 1_000 + n).to_be_bytes();
            blocked(&format!("10.{b}.{c}.{d}"), next, UtcMs(end.0 + 1), 1)
        };
        submit(&fixture, 3 + seq, (0..1_000).map(block).collect());
    }
    let all = ListQuery::all(Scope::All);
    let list = List::Of(Resource::SourceRule);
    let page = fixture.reader().list(list, &all).unwrap();
    assert_eq!(page.total, Some(20_000));
}
