//! Balances and holds against a naive model, and the rules one by one.
#![allow(clippy::unwrap_used)] // a test fails by panicking, in its helpers too

use proptest::prelude::*;
use std::collections::BTreeMap;
use tandem_billing::{
    AccountId, CallId, Micros, UtcMs,
    ledger::{
        EntryKind, Ledger, LedgerError, Level, Movement, Posted, Shortfall,
        refund::{RefundError, RefundLevel, RefundRequest},
    },
};

const NOW: UtcMs = UtcMs(1);

fn level(account: i64, amount: i64, credit_limit: i64) -> Level {
    Level {
        account: AccountId(account),
        amount: Micros(amount),
        credit_limit: Micros(credit_limit),
    }
}

fn movement(key: &str, account: i64, kind: EntryKind, amount: i64) -> Movement {
    Movement {
        key: key.into(),
        account: AccountId(account),
        kind,
        amount: Micros(amount),
        at: NOW,
        call: None,
        operator: None,
        note: String::new(),
    }
}

fn with(balances: &[(i64, i64)]) -> Ledger {
    let balances = balances.iter().map(|(a, b)| (AccountId(*a), Micros(*b)));
    Ledger::load(balances, [])
}

#[test]
fn all_levels_or_none() {
    let mut ledger = with(&[(1, 100), (2, 50)]);
    let refused = ledger.reserve(CallId(1), &[level(1, 60, 0), level(2, 51, 0)]);
    let short = Shortfall {
        level: 1,
        account: AccountId(2),
        needed: Micros(51),
        spendable: Micros(50),
    };
    assert_eq!(refused, Err(LedgerError::Short(short)));
    assert_eq!(
        (ledger.held(AccountId(1)), ledger.open_holds(AccountId(1))),
        (Micros(0), 0)
    );
    ledger
        .reserve(CallId(1), &[level(1, 60, 0), level(2, 50, 0)])
        .unwrap();
    assert_eq!(
        ledger.reserve(CallId(1), &[]),
        Err(LedgerError::AlreadyHeld(CallId(1)))
    );
    assert!(
        ledger
            .extend(CallId(1), &[level(1, 90, 0), level(2, 60, 0)])
            .is_err()
    );
    assert_eq!(
        (
            ledger.held(AccountId(1)),
            ledger.spendable(AccountId(1), Micros(0))
        ),
        (Micros(60), Micros(40))
    );
    assert!(
        ledger
            .extend(CallId(1), &[level(1, 90, 0), level(2, 60, 10)])
            .is_ok()
    );
    let entries = ledger
        .settle(
            CallId(1),
            NOW,
            &[(AccountId(1), Micros(70)), (AccountId(2), Micros(60))],
        )
        .unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|e| (e.account.0, e.amount.0, e.balance_after.0, e.key.as_str()))
        .collect();
    assert_eq!(told, [(1, -70, 30, "call:1:0"), (2, -60, -10, "call:1:1")]);
    assert_eq!(
        ledger.settle(CallId(1), NOW, &[]),
        Err(LedgerError::NoHold(CallId(1)))
    );
    assert_eq!(
        (ledger.held(AccountId(1)), ledger.open_holds(AccountId(2))),
        (Micros(0), 0)
    );
}

#[test]
fn fifty_calls_on_a_balance_for_three() {
    let mut ledger = with(&[(1, 359)]);
    let admitted = (0..50)
        .filter(|id| ledger.reserve(CallId(*id), &[level(1, 100, 0)]).is_ok())
        .count();
    assert_eq!((admitted, ledger.open_holds(AccountId(1))), (3, 3));
    ledger.release(CallId(0)).unwrap();
    assert_eq!(
        ledger.release(CallId(0)),
        Err(LedgerError::NoHold(CallId(0)))
    );
    assert!(ledger.extend(CallId(1), &[level(1, 200, 0)]).is_ok());
    assert!(ledger.extend(CallId(2), &[level(1, 200, 0)]).is_err());
    ledger
        .post(movement("p", 1, EntryKind::Payment, 41))
        .unwrap();
    assert!(ledger.extend(CallId(2), &[level(1, 200, 0)]).is_ok());
}

#[test]
fn edges_of_a_hold() {
    let mut ledger = with(&[(1, -5)]);
    assert!(ledger.reserve(CallId(1), &[level(1, 0, 0)]).is_ok());
    assert!(ledger.reserve(CallId(2), &[level(1, 1, 5)]).is_err());
    assert!(ledger.reserve(CallId(2), &[level(1, 1, 6)]).is_ok());
    assert!(ledger.reserve(CallId(3), &[level(1, 1, -9)]).is_err());
    assert!(matches!(
        ledger.reserve(CallId(3), &[level(1, -1, 9)]),
        Err(LedgerError::BadAmount { .. })
    ));
    // A smaller total never lowers a hold; more than is held is booked as held; a charge of 0 books nothing.
    ledger.extend(CallId(2), &[level(1, 0, 6)]).unwrap();
    assert_eq!(
        ledger.hold(CallId(2)),
        Some(&[(AccountId(1), Micros(1))][..])
    );
    let entries = ledger
        .settle(CallId(2), NOW, &[(AccountId(1), Micros(9))])
        .unwrap();
    assert_eq!(entries.iter().map(|e| e.amount.0).collect::<Vec<_>>(), [-1]);
    assert!(
        ledger
            .settle(CallId(1), NOW, &[(AccountId(1), Micros(-1))])
            .is_err()
    );
    assert_eq!(
        ledger.settle(CallId(1), NOW, &[(AccountId(1), Micros(0))]),
        Ok(vec![])
    );
    // One account at two levels pays both.
    let mut ledger = with(&[(1, 10)]);
    assert!(
        ledger
            .reserve(CallId(1), &[level(1, 6, 0), level(1, 5, 0)])
            .is_err()
    );
    assert!(
        ledger
            .reserve(CallId(1), &[level(1, 6, 0), level(1, 4, 0)])
            .is_ok()
    );
    let both = [(AccountId(1), Micros(6)), (AccountId(1), Micros(4))];
    assert_eq!(ledger.settle(CallId(1), NOW, &both).unwrap().len(), 2);
    assert_eq!(ledger.balance(AccountId(1)), Micros(0));
}

#[test]
fn a_key_books_once_and_signs_are_checked() {
    let mut ledger = Ledger::load([(AccountId(1), Micros(5))], ["old".to_owned()]);
    assert_eq!(
        ledger.post(movement("old", 1, EntryKind::Payment, 9)),
        Ok(Posted::Repeated)
    );
    assert!(matches!(
        ledger.post(movement("k", 1, EntryKind::Payment, 9)),
        Ok(Posted::Booked(_))
    ));
    assert_eq!(
        ledger.post(movement("k", 1, EntryKind::Payment, 9)),
        Ok(Posted::Repeated)
    );
    assert_eq!(
        ledger.post_checked(movement("older", 1, EntryKind::Fee, -9), |_| true),
        Ok(Posted::Repeated)
    );
    assert_eq!(ledger.balance(AccountId(1)), Micros(14));
    for (kind, bad) in [
        (EntryKind::Payment, -1),
        (EntryKind::Payment, 0),
        (EntryKind::Return, 1),
        (EntryKind::Refund, -1),
        (EntryKind::CallCharge, 1),
        (EntryKind::Adjustment, 0),
    ] {
        assert!(matches!(
            ledger.post(movement("b", 1, kind, bad)),
            Err(LedgerError::BadAmount { .. })
        ));
    }
    let max = ledger.post(movement("b", 1, EntryKind::Payment, i64::MAX));
    assert_eq!(max, Err(LedgerError::OutOfRange));
    assert!(
        ledger
            .post_if_covered(movement("f", 1, EntryKind::Fee, -15), Micros(0))
            .is_err()
    );
    assert!(
        ledger
            .post_if_covered(movement("f", 1, EntryKind::Fee, -15), Micros(1))
            .is_ok()
    );
    assert_eq!(ledger.balance(AccountId(1)), Micros(-1));
}

#[test]
fn refunds_reverse_every_level_up_to_the_charge() {
    let refund = |id: &str, amount: Option<i64>| RefundRequest {
        id: id.into(),
        call: CallId(7),
        amount: amount.map(Micros),
        at: NOW,
        operator: None,
        note: "bad line".into(),
    };
    let charged = |a: i64, b: i64| {
        let level = |account, charged, refunded| RefundLevel {
            account: AccountId(account),
            charged: Micros(charged),
            refunded: Micros(refunded),
        };
        [level(1, 300, a), level(2, 201, b)]
    };
    let mut ledger = with(&[]);
    let mut booked = |request: RefundRequest, levels: [RefundLevel; 2]| {
        let entries = ledger.refund(&request, &levels, |_| false)?;
        Ok::<_, RefundError>(entries.iter().map(|e| e.amount.0).collect::<Vec<_>>())
    };
    assert_eq!(
        booked(refund("a", Some(100)), charged(0, 0)),
        Ok(vec![100, 67])
    );
    assert_eq!(booked(refund("a", Some(100)), charged(100, 67)), Ok(vec![]));
    assert!(booked(refund("b", Some(201)), charged(100, 67)).is_err());
    assert!(booked(refund("b", Some(0)), charged(100, 67)).is_err());
    assert_eq!(
        booked(refund("b", None), charged(100, 67)),
        Ok(vec![200, 134])
    );
    assert!(booked(refund("c", None), charged(300, 201)).is_err());
    assert_eq!(
        (ledger.balance(AccountId(1)), ledger.balance(AccountId(2))),
        (Micros(300), Micros(201))
    );
}

#[derive(Clone, Debug)]
enum Act {
    Reserve(i64, Vec<(i64, i64)>),
    Extend(i64, i64),
    Settle(i64, i64),
    Release(i64),
    Pay(i64, i64),
}

fn act() -> impl Strategy<Value = Act> {
    let levels = proptest::collection::vec((0i64..4, 0i64..60), 1..4);
    prop_oneof![
        (0i64..8, levels).prop_map(|(call, levels)| Act::Reserve(call, levels)),
        (0i64..8, 0i64..40).prop_map(|(call, more)| Act::Extend(call, more)),
        (0i64..8, 0i64..90).prop_map(|(call, charge)| Act::Settle(call, charge)),
        (0i64..8).prop_map(Act::Release),
        (0i64..4, 1i64..80).prop_map(|(account, amount)| Act::Pay(account, amount)),
    ]
}

proptest! {
    #[test]
    fn the_books_always_balance(acts in proptest::collection::vec(act(), 1..120)) {
        let mut ledger = with(&[]);
        let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
        let mut open: BTreeMap<(i64, u64), BTreeMap<i64, i64>> = BTreeMap::new();
        let (mut generation, mut payments) = (BTreeMap::new(), 0u64);
        for act in acts {
            // A call id is used once, so each slot moves on to a new id when its call has ended.
            let id = |slot: i64, generation: &BTreeMap<i64, u64>| (slot, generation.get(&slot).copied().unwrap_or(0));
            let call = |(slot, n): (i64, u64)| CallId(slot * 1000 + n as i64);
            match act {
                Act::Reserve(slot, levels) => {
                    let id = id(slot, &generation);
                    let mut wanted: BTreeMap<i64, i64> = BTreeMap::new();
                    for (account, amount) in &levels {
                        *wanted.entry(*account).or_default() += amount;
                    }
                    let fits = wanted.iter().all(|(account, amount)| *amount == 0 || *amount <= spendable(&sums, &open, *account));
                    let levels: Vec<Level> = levels.iter().map(|(a, amount)| level(*a, *amount, 0)).collect();
                    let done = ledger.reserve(call(id), &levels).is_ok();
                    prop_assert_eq!(done, fits && !open.contains_key(&id));
                    if done { open.insert(id, wanted); }
                }
                Act::Extend(slot, more) => {
                    let id = id(slot, &generation);
                    let Some(held) = open.get(&id).cloned() else {
                        prop_assert_eq!(ledger.extend(call(id), &[]), Err(LedgerError::NoHold(call(id))));
                        continue;
                    };
                    let fits = more == 0 || held.keys().all(|account| more <= spendable(&sums, &open, *account));
                    let levels: Vec<Level> = held.iter().map(|(a, amount)| level(*a, amount + more, 0)).collect();
                    prop_assert_eq!(ledger.extend(call(id), &levels).is_ok(), fits);
                    if fits { open.insert(id, held.into_iter().map(|(a, amount)| (a, amount + more)).collect()); }
                }
                Act::Settle(slot, charge) => {
                    let id = id(slot, &generation);
                    let Some(held) = open.remove(&id) else { continue };
                    let charges: Vec<_> = held.keys().map(|a| (AccountId(*a), Micros(charge))).collect();
                    let entries = ledger.settle(call(id), NOW, &charges).unwrap();
                    for entry in &entries { *sums.entry(entry.account.0).or_default() += entry.amount.0; }
                    let booked: i64 = held.values().map(|amount| charge.min(*amount)).sum();
                    prop_assert_eq!(entries.iter().map(|e| -e.amount.0).sum::<i64>(), booked);
                    *generation.entry(slot).or_default() += 1;
                }
                Act::Release(slot) => {
                    let id = id(slot, &generation);
                    prop_assert_eq!(ledger.release(call(id)).is_ok(), open.remove(&id).is_some());
                }
                Act::Pay(account, amount) => {
                    payments += 1;
                    ledger.post(movement(&payments.to_string(), account, EntryKind::Payment, amount)).unwrap();
                    *sums.entry(account).or_default() += amount;
                }
            }
            for account in 0..4 {
                let id = AccountId(account);
                prop_assert_eq!(ledger.balance(id).0, sums.get(&account).copied().unwrap_or(0));
                prop_assert_eq!(ledger.spendable(id, Micros::ZERO).0, spendable(&sums, &open, account));
                prop_assert!(ledger.spendable(id, Micros::ZERO) >= Micros::ZERO);
                prop_assert_eq!(ledger.open_holds(id), open.values().filter(|h| h.contains_key(&account)).count());
            }
        }
    }

    #[test]
    fn equal_claims_share_fairly(balance in 100i64..5000, calls in 2i64..6) {
        // Each call in turn asks for one block of 10 more; nobody gets more than one block ahead.
        let mut ledger = with(&[(1, balance)]);
        let mut paid = vec![0i64; calls as usize];
        for call in 0..calls { ledger.reserve(CallId(call), &[level(1, 0, 0)]).unwrap(); }
        loop {
            let mut moved = false;
            for (call, paid) in paid.iter_mut().enumerate() {
                if ledger.extend(CallId(call as i64), &[level(1, *paid + 10, 0)]).is_ok() {
                    *paid += 10;
                    moved = true;
                }
            }
            if !moved { break }
        }
        prop_assert!(paid.iter().max().unwrap() - paid.iter().min().unwrap() <= 10);
        prop_assert_eq!(paid.iter().sum::<i64>(), balance / 10 * 10);
    }
}

fn spendable(
    sums: &BTreeMap<i64, i64>,
    open: &BTreeMap<(i64, u64), BTreeMap<i64, i64>>,
    account: i64,
) -> i64 {
    let held: i64 = open.values().filter_map(|hold| hold.get(&account)).sum();
    sums.get(&account).copied().unwrap_or(0) - held
}
