//! The money of a day, against the reference: every charge priced again by hand from what the wire saw, every
//! balance added up again from a plain list.

use super::{
    caller::call_id_of, disk::CRASHED, operator::Operator, peers::Line, pricing::Sheet,
    world::World,
};
use std::{collections::BTreeMap, time::Duration};
use tandem_billing::{AccountId, cdr::Cdr};
use tandem_call::{
    decide::{Step, Trace},
    journal::{Batch, OpenCall, Record},
};

/// Cause of a call one of whose sides gave no sign of life for as long as a session lasts.
const SESSION_EXPIRED: &str = "answered.session_expired";

/// A call ended for want of money: somebody of its chain could indeed not pay the next second.
///
/// # Panics
/// If all could.
pub fn cut(world: &World, batch: &Batch) {
    for record in &batch.records {
        let Record::Ended { cdr, .. } = record else {
            continue;
        };
        match cdr.cause.as_str() {
            "answered.out_of_money" => short_at_end(world, cdr),
            "refused.no_money" | "refused.reseller_no_money" => short_at_start(world, cdr),
            _ => {}
        }
    }
}

fn short_at_end(world: &World, cdr: &Cdr) {
    // Booked by now: what the call took is off the balance, what it held is free.
    let Some(operator) = decided(world, cdr) else {
        return;
    };
    let (talked, at) = (cdr.duration_ms / 1000, cdr.answered_at.map_or(0, |at| at.0));
    let chain = operator.chain(account_of(cdr));
    let sheets = || {
        chain
            .iter()
            .map(|level| (level.id, operator.sheet(level.sheet)))
    };
    let next = sheets()
        .map(|(_, sheet)| sheet.block_end(talked + 1, at))
        .min();
    let wants: Vec<(i64, i64, i64)> = sheets()
        .map(|(id, sheet)| {
            let more = sheet.charge_secs(next.unwrap_or(0), at) - sheet.charge_secs(talked, at);
            (id, more, world.spendable(AccountId(id)).0)
        })
        .collect();
    let short = wants.iter().any(|(_, more, has)| more > has);
    // The relay's last words come after the end: money may have come meanwhile.
    let waited = world.now.utc.0 - cdr.ended_at.0;
    assert!(
        short || waited > 0,
        "call {} was cut, and everybody could pay on, by account, price and money: {wants:?}",
        cdr.call
    );
    assert_eq!(
        cdr.duration_ms % 1000,
        0,
        "call {} was cut within a second",
        cdr.call
    );
}

fn short_at_start(world: &World, cdr: &Cdr) {
    let operator = &world.clerk.operator;
    let chain = operator.chain(account_of(cdr));
    let sheets = || {
        chain
            .iter()
            .map(|level| (level.id, operator.sheet(level.sheet)))
    };
    let first = |sheet: &Sheet| {
        sheet.block_end(u64::from(sheet.grace.max(sheet.free)) + 1, cdr.started_at.0)
    };
    let end = sheets().map(|(_, sheet)| first(sheet)).min();
    let short = sheets().any(|(id, sheet)| {
        sheet.charge_secs(end.unwrap_or(0), cdr.started_at.0) > world.spendable(AccountId(id)).0
    });
    assert!(
        short,
        "call {} was refused, and everybody could pay",
        cdr.call
    );
}

fn account_of(cdr: &Cdr) -> i64 {
    cdr.account.expect("a known account").0
}

/// The configuration a call was decided by.
fn decided<'a>(world: &'a World, cdr: &Cdr) -> Option<&'a Operator> {
    let version = world
        .clerk
        .decided
        .get(&(cdr.call, cdr.a_call_id.clone()))?;
    world.clerk.versions.get(*version)
}

/// Every balance is the sum of the payments asked for and the charges priced here.
///
/// # Panics
/// If one is not.
pub fn balances(world: &World) {
    let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
    for payment in &world.clerk.payments {
        *sums.entry(payment.account).or_default() += payment.micros;
    }
    for cdr in world
        .live
        .cdrs
        .values()
        .filter(|cdr| cdr.answered_at.is_some())
    {
        for (account, charge) in charges(world, cdr) {
            *sums.entry(account).or_default() -= charge;
        }
    }
    for account in &world.scene.operator.accounts {
        let id = AccountId(account.id);
        let sum = sums.get(&account.id).copied().unwrap_or(0);
        let booked = world.live.balances.get(&id).map_or(0, |balance| balance.0);
        assert_eq!(booked, sum, "account {id}: booked, and added up by hand");
        let core = world.switch().map(|switch| switch.ledger().balance(id).0);
        assert_eq!(core, Some(sum), "account {id}: core, and added up by hand");
    }
}

/// What each level pays for a call, by hand.
fn charges(world: &World, cdr: &Cdr) -> Vec<(i64, i64)> {
    let operator = decided(world, cdr).expect("a call that was decided");
    let at = cdr.answered_at.expect("answered").0;
    let chain = operator.chain(account_of(cdr));
    chain
        .into_iter()
        .map(|level| {
            (
                level.id,
                operator.sheet(level.sheet).charge(cdr.duration_ms, at),
            )
        })
        .collect()
}

/// Every CDR is right, and every call that somebody saw answered has one.
///
/// # Panics
/// If not.
pub fn calls(world: &World) {
    let mut answered: BTreeMap<&str, Vec<&Cdr>> = BTreeMap::new();
    for cdr in world.live.cdrs.values() {
        if cdr.answered_at.is_some() {
            answered.entry(&cdr.a_call_id).or_default().push(cdr);
            judge(world, cdr);
        } else {
            assert!(
                cdr.charges.is_empty() && cdr.cost.is_none(),
                "call {} was not answered and costs",
                cdr.call
            );
        }
    }
    for line in world.peers.lines() {
        let Line::Caller(caller) = line else { continue };
        if caller.party.saw.tainted {
            continue;
        }
        let id = call_id_of(caller.plan.index);
        let cdrs = answered.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        // A call placed for a transfer goes by the Call-ID of the party that was sent on.
        let own = cdrs.iter().filter(|cdr| !is_placed(cdr));
        let whole = own.filter(|cdr| cdr.cause != CRASHED).count();
        assert!(whole <= 1, "{id} was charged {whole} times");
        match caller.party.saw.answered {
            Some(_) => assert!(!cdrs.is_empty(), "{id} was answered and has no CDR"),
            None => nobody_heard(world, &id, cdrs),
        }
    }
}

/// The caller heard no 200: none was sent, or all were lost, or the process died at that moment.
fn nobody_heard(world: &World, id: &str, cdrs: &[&Cdr]) {
    let sent = world.witness.leg(id).answered.is_some();
    for cdr in cdrs {
        assert!(
            sent || cdr.cause == CRASHED,
            "call {} ({id}) was never answered and has {}",
            cdr.call,
            cdr.cause
        );
    }
}

/// One answered call's CDR.
fn judge(world: &World, cdr: &Cdr) {
    let (call, at) = (cdr.call, cdr.answered_at.expect("answered").0);
    let operator = decided(world, cdr).expect("a call that was decided");
    let expected = charges(world, cdr);
    let booked: Vec<(i64, i64)> = cdr
        .charges
        .iter()
        .map(|level| (level.account.0, level.charge.0))
        .collect();
    assert_eq!(
        booked, expected,
        "charges of call {call}, {} ms: booked, and by hand",
        cdr.duration_ms
    );
    for (level, account) in cdr.charges.iter().zip(operator.chain(account_of(cdr))) {
        let billed = operator
            .sheet(account.sheet)
            .billed_secs(cdr.duration_ms, at);
        assert_eq!(level.billed_secs, billed, "billed seconds of call {call}");
    }
    let cost = cdr.gateway.and_then(|gateway| operator.cost_of(gateway.0));
    let expected_cost = cost.map(|sheet| sheet.charge(cdr.duration_ms, at));
    assert_eq!(
        cdr.cost.as_ref().map(|cost| cost.cost.0),
        expected_cost,
        "cost of call {call}"
    );
    let top = expected.last().map_or(0, |(_, charge)| *charge);
    let margin = cdr.margin().map(|margin| margin.0);
    assert_eq!(
        margin,
        Some(top - expected_cost.unwrap_or(0)),
        "margin of call {call}"
    );
    target(world, cdr);
    duration(world, cdr);
    not_paid_alone(world, cdr);
}

/// Nobody pays for talking to a party that had vanished: the call is billed to its last sign of life.
fn not_paid_alone(world: &World, cdr: &Cdr) {
    if cdr.cause != SESSION_EXPIRED || !transfers(cdr).is_empty() {
        return;
    }
    let Some(answered) = world.witness.leg(&cdr.a_call_id).answered else {
        return;
    };
    let sides = [Some(cdr.a_call_id.as_str()), cdr.b_call_id.as_deref()];
    let lines = sides
        .into_iter()
        .flatten()
        .filter_map(|id| world.peers.by_call_id(id));
    for saw in lines.map(|line| line.party().saw) {
        if !saw.vanished || saw.tainted || saw.orphaned {
            continue;
        }
        // What it sent last may have been late, and read late.
        let most = saw.last_there.since(answered.mono) + Duration::from_secs(10);
        assert!(
            u128::from(cdr.duration_ms) <= most.as_millis(),
            "call {}: {} ms billed, and a party was gone after {} ms",
            cdr.call,
            cdr.duration_ms,
            most.as_millis()
        );
    }
}

/// The leg that the CDR names is one whose peer answered, and its gateway is that peer.
fn target(world: &World, cdr: &Cdr) {
    let b_call_id = cdr.b_call_id.as_deref().unwrap_or_default();
    let caller = world.peers.by_call_id(&cdr.a_call_id);
    if caller.is_none_or(|line| line.party().saw.tainted) {
        return;
    }
    let Some(Line::Callee(callee)) = world.peers.by_call_id(b_call_id) else {
        panic!("call {}: nobody was called with {b_call_id:?}", cdr.call);
    };
    if callee.party.saw.tainted {
        return;
    }
    assert!(
        callee.party.saw.answered.is_some(),
        "call {}: {b_call_id} did not answer",
        cdr.call
    );
    assert_eq!(
        cdr.gateway.map(|id| id.0),
        callee.gateway,
        "gateway of call {}",
        cdr.call
    );
}

/// As long as the wire saw it; never more than was paid for.
fn duration(world: &World, cdr: &Cdr) {
    let tainted = world
        .peers
        .by_call_id(&cdr.a_call_id)
        .is_none_or(|line| line.party().saw.tainted);
    if tainted {
        return;
    }
    if cdr.cause == CRASHED {
        // Whole seconds to the last durable instant; `disk` has counted them.
        return;
    }
    let talked = talked(world, cdr);
    assert!(
        !talked.is_empty(),
        "call {}: the wire saw no end of it",
        cdr.call
    );
    let stalled = !world.scene.stalls.is_empty();
    // The answer to a call placed for a transfer passes no door: time counts once the disk knows of it.
    let waited = if is_placed(cdr) { 30_000 } else { 0 } + in_vain(world, cdr);
    let fits = |ms: &u64| {
        let least = if stalled {
            0
        } else {
            ms.saturating_sub(waited)
        };
        (least..=*ms).contains(&cdr.duration_ms)
    };
    assert!(
        talked.iter().any(fits),
        "call {}: {} ms billed, {talked:?} ms on the wire",
        cdr.call,
        cdr.duration_ms
    );
    if is_placed(cdr) {
        return;
    }
    if let Some(sent) = world.witness.leg(&cdr.a_call_id).answered {
        let waited = sent.utc.0 - cdr.answered_at.map_or(0, |at| at.0);
        assert!(
            (0..30_000).contains(&waited),
            "call {}: rated as of {waited} ms before its answer",
            cdr.call
        );
    }
}

/// What nobody pays at the end of a call: how long a side that was lost may have been waited for until its transaction
/// timed out or its session ended, and the silence that the relay told of.
fn in_vain(world: &World, cdr: &Cdr) -> u64 {
    match cdr.cause.as_str() {
        SESSION_EXPIRED => world.longest_session_s() * 1000 + 32_000,
        "answered.leg_lost" | "answered.joined_ended" => 32_000,
        "answered.no_audio" => 30_000,
        _ => 0,
    }
}

/// A transfer, as a CDR tells of it: who asked for it, the other call, what came of it.
fn transfers(cdr: &Cdr) -> Vec<(String, i64, String)> {
    let trace: Trace = serde_json::from_str(&cdr.trace).expect("a trace");
    let steps = trace.steps.into_iter().filter_map(|step| match step {
        Step::Transferred {
            by, call, outcome, ..
        } => Some((by, call.0, outcome)),
        _ => None,
    });
    steps.collect()
}

/// Whether the switch placed the call for a transfer.
fn is_placed(cdr: &Cdr) -> bool {
    transfers(cdr)
        .iter()
        .any(|(_, _, outcome)| outcome == "placed for")
}

/// Whether the leg is of a call placed for a transfer, and nobody came over to it.
#[must_use]
pub fn is_never_joined(world: &World, b_call_id: &str) -> bool {
    let cdrs = world.live.cdrs.values();
    let mut of_leg = cdrs.filter(|cdr| cdr.b_call_id.as_deref() == Some(b_call_id));
    of_leg.any(|cdr| {
        let transfers = transfers(cdr);
        is_placed(cdr) && !transfers.iter().any(|(_, _, outcome)| outcome == "joined")
    })
}

/// How long a call may have lasted by what the wire saw, in milliseconds.
fn talked(world: &World, cdr: &Cdr) -> Vec<u64> {
    let (a, b) = (
        cdr.a_call_id.as_str(),
        cdr.b_call_id.as_deref().unwrap_or_default(),
    );
    let witness = &world.witness;
    let transfers = transfers(cdr);
    let joined = transfers.iter().find(|(_, _, outcome)| outcome == "joined");
    let leaves_a = transfers.first().is_some_and(|(by, ..)| by == "caller");
    if is_placed(cdr) {
        // From the target's answer to its end, or to that of the party that came over.
        let legs = if joined.is_some() {
            vec![a, b]
        } else {
            vec![b]
        };
        return witness.between(b, &legs).into_iter().collect();
    }
    let stays = if leaves_a { b } else { a };
    let Some((_, other, _)) = joined else {
        // The one that asked may have gone before it failed.
        let mut talked: Vec<u64> = witness.between(a, &[a, b]).into_iter().collect();
        if !transfers.is_empty() {
            talked.extend(witness.between(a, &[stays]));
        }
        return talked;
    };
    let target = world.live.cdrs.get(&tandem_billing::CallId(*other));
    let target = target.and_then(|cdr| cdr.b_call_id.as_deref());
    let legs = [stays, target.unwrap_or_default()];
    witness.between(a, &legs).into_iter().collect()
}

/// Levels of an open call, for people.
#[must_use]
pub fn holds(open: &OpenCall) -> Vec<i64> {
    open.holds.iter().map(|level| level.amount.0).collect()
}
