//! What must hold: after each step, after each crash, and at the end of the day. [`books`](super::books) judges the
//! money of each call.

use super::{books, callee::CalleeLine, caller::call_id_of, peer::Saw, peers::Line, world::World};
use std::{collections::BTreeMap, time::Duration};
use tandem_billing::{AccountId, Micros};
use tandem_call::journal::{Batch, OpenCall, Record};
use tandem_sip::{Message, Mono, value::Method};

/// Microseconds by which one side of a call may outlive the other: 64*T1, what is on its way, and a commit.
const MOST_ALONE_US: u64 = 45_000_000;

/// After each step: what the core holds in memory is what it has handed to the journal.
///
/// # Panics
/// If it is not.
pub fn step(world: &World) {
    let Some(switch) = world.switch() else {
        return;
    };
    let ledger = switch.ledger();
    for account in &world.scene.operator.accounts {
        let id = AccountId(account.id);
        let booked = world.live.balances.get(&id).copied().unwrap_or_default();
        assert_eq!(
            ledger.balance(id),
            booked,
            "balance of account {id}: core and journal"
        );
        assert_eq!(
            ledger.held(id),
            world.held(id),
            "holds of account {id}: core and journal"
        );
    }
    assert!(
        switch.open_calls() >= world.live.open.len(),
        "every open call of the journal is up"
    );
}

/// A batch leaves the core: applied to the books, and no hold has grown beyond the money.
///
/// # Panics
/// If one has, or the batch breaks a rule of the journal.
pub fn batch(world: &mut World, batch: &Batch) {
    let mut grown: Vec<AccountId> = Vec::new();
    for record in &batch.records {
        let (before, after) = match record {
            Record::Opened(open) => (None, &open.holds),
            Record::Answered { call, open, .. } => (world.live.open.get(call), &open.holds),
            Record::Extended { call, levels, .. } => (world.live.open.get(call), levels),
            Record::Recorded { .. }
            | Record::Ended { .. }
            | Record::Posted(_)
            | Record::Alert(_)
            | Record::Blocked(_)
            | Record::Unblocked { .. }
            | Record::Registered(_)
            | Record::Unregistered { .. } => continue,
        };
        let had = |account| {
            before.map_or(Micros::ZERO, |open: &OpenCall| {
                tandem_call::journal::held(&open.holds, account)
            })
        };
        grown.extend(
            after
                .iter()
                .filter(|level| level.amount > had(level.account))
                .map(|level| level.account),
        );
    }
    world.live.apply(batch);
    for account in grown {
        let left = world.spendable(account);
        assert!(
            left >= Micros::ZERO,
            "account {account} holds more than it has: {left:?}"
        );
    }
    books::cut(world, batch);
}

/// The switch sends a message: an answer to a caller only once the disk knows of it.
///
/// # Panics
/// If the disk does not.
pub fn sent(world: &World, message: &Message) {
    if !matches!(message.status(), Some(200..=299)) || message.method() != Method::Invite {
        return;
    }
    let Some(Line::Caller(caller)) = world.peers.by_call_id(message.call_id()) else {
        return;
    };
    if caller.party.change_cseq == message.cseq() || caller.party.saw.tainted {
        return;
    }
    let book = &world.disk.book;
    let open = book
        .open
        .values()
        .any(|open| open.cdr.a_call_id == message.call_id() && open.cdr.answered_at.is_some());
    let ended = book
        .cdrs
        .values()
        .any(|cdr| cdr.a_call_id == message.call_id() && cdr.answered_at.is_some());
    assert!(
        open || ended,
        "{} was answered before the disk knew",
        message.call_id()
    );
}

/// A new process has opened the store: nothing that was promised is missing, nothing is left open.
///
/// # Panics
/// If it is.
pub fn reopened(world: &World) {
    let book = &world.disk.book;
    assert!(book.open.is_empty(), "every open call was closed");
    for payment in world
        .clerk
        .payments
        .iter()
        .filter(|payment| payment.confirmed)
    {
        let booked = book
            .entries
            .iter()
            .filter(|entry| entry.key == payment.key)
            .count();
        assert_eq!(booked, 1, "{} was confirmed", payment.key);
    }
    for line in world.peers.lines() {
        let Line::Caller(caller) = line else { continue };
        if caller.party.saw.answered.is_some() {
            let id = call_id_of(caller.plan.index);
            let found = book
                .cdrs
                .values()
                .any(|cdr| cdr.a_call_id == id && cdr.answered_at.is_some());
            assert!(
                found || caller.party.saw.tainted,
                "{id} was answered and is forgotten"
            );
        }
    }
}

/// The day is over: nothing is left, and everything adds up.
///
/// # Panics
/// If it does not.
pub fn day(world: &mut World) {
    nothing_left(world);
    nobody_alone(world);
    books::balances(world);
    books::calls(world);
    if let Some(real) = &mut world.disk.real {
        real.finish(&world.disk.book);
    }
}

fn nothing_left(world: &World) {
    let switch = world.switch().expect("the process is up at the end");
    assert_eq!(switch.open_calls(), 0, "calls left");
    assert!(
        world.live.open.is_empty(),
        "open in the journal: {:?}",
        world.live.open.keys()
    );
    assert_eq!(world.live.seq, world.disk.book.seq, "everything is on disk");
    assert!(
        world.relay.open.is_empty(),
        "relays left: {:?}",
        world.relay.open
    );
    let census = switch.census();
    let registered = world.disk.registered();
    assert_eq!(
        census.registrations, registered,
        "registrations: core and journal"
    );
    let left = tandem_call::switch::Census {
        registrations: 0,
        ..census
    };
    assert_eq!(left, tandem_call::switch::Census::default(), "left behind");
    assert!(
        world.watcher.calls.is_empty(),
        "the monitor still shows {:?}",
        world.watcher.calls
    );
    assert_eq!(
        world.watcher.phones,
        world.disk.phones(),
        "phones: monitor and journal"
    );
    assert_ne!(
        world.clerk.drained,
        Some(false),
        "the drain was never confirmed"
    );
    for payment in &world.clerk.payments {
        assert!(payment.confirmed, "{} was never confirmed", payment.key);
    }
    for account in &world.scene.operator.accounts {
        assert_eq!(
            switch.ledger().held(AccountId(account.id)),
            Micros::ZERO,
            "hold left on account {}",
            account.id
        );
    }
}

/// Nobody rings, or talks, long after the other side has gone.
fn nobody_alone(world: &World) {
    for line in world.peers.lines() {
        match line {
            Line::Caller(caller) => {
                let saw = caller.party.saw;
                let done = saw.ended.is_some() || saw.vanished || saw.tainted;
                assert!(
                    done,
                    "caller {} never came to an end: {saw:?}",
                    caller.plan.index
                );
            }
            Line::Callee(callee) => {
                not_alone(world, callee);
                not_with_nobody(world, callee);
            }
            Line::Phone(_) => {}
        }
    }
}

fn not_alone(world: &World, callee: &CalleeLine) {
    let saw = callee.party.saw;
    let name = format!(
        "{} of caller {}",
        callee.party.within.call_id, callee.caller
    );
    if saw.vanished || saw.orphaned || saw.tainted {
        return;
    }
    // RFC 3261 section 9.1: whoever was never heard of cannot be sent a CANCEL.
    let unheard = !world.witness.has_heard(&callee.party.within.call_id);
    let silent = saw.status.is_none() && (!callee.rang || unheard);
    let Some(ended) = saw.ended else {
        assert!(silent, "{name} was left ringing or talking: {saw:?}");
        return;
    };
    assert!(!callee.second_up, "{name}: a second fork was left talking");
    let Some(caller) = world
        .peers
        .caller(callee.caller)
        .map(|caller| caller.party.saw)
    else {
        return;
    };
    // Who sent the other side on leaves before it; the other one is judged with whom it was sent to.
    let went = saw.referred || caller.referred;
    if saw.confirmed
        && !went
        && is_whole(&caller)
        && bridged(world, callee)
        && !world.witness.is_fork(&callee.party.within.call_id)
    {
        // Whom it was called for may still wait for an answer to a re-INVITE, and be back in its first call when the
        // target goes for want of money: then the switch is all that the target ever talked to.
        let other = if books::is_never_joined(world, &callee.party.within.call_id) {
            world.witness.leg(&callee.party.within.call_id).bye
        } else {
            None
        };
        let other = other.map(|bye| bye.mono).or(caller.ended);
        let gap = other.map_or(0, |end| distance(end, ended));
        assert!(
            gap <= MOST_ALONE_US,
            "{name}: one side outlived the other by {} s",
            gap / 1_000_000
        );
    }
}

/// Where the switch refreshes sessions, a party that vanished is missed: the other one does not talk to nobody for
/// longer than a session lasts.
fn not_with_nobody(world: &World, callee: &CalleeLine) {
    let caller = world.peers.caller(callee.caller);
    let Some(caller) = caller.map(|caller| caller.party.saw) else {
        return;
    };
    let saw = callee.party.saw;
    let judged = |saw: &Saw| !saw.orphaned && !saw.tainted && !saw.referred;
    let call_id = &callee.party.within.call_id;
    let session_s = world.longest_session_s();
    if world.scene.operator.session_s == 0
        || !judged(&saw)
        || !judged(&caller)
        || !saw.confirmed
        || caller.answered.is_none()
        || !bridged(world, callee)
        || books::is_never_joined(world, call_id)
        || world.witness.is_fork(call_id)
    {
        return;
    }
    for (gone, other) in [(&saw, &caller), (&caller, &saw)] {
        let Some(ended) = other.ended.filter(|_| gone.vanished) else {
            continue;
        };
        let alone = ended.since(gone.last_there);
        let most = Duration::from_secs(session_s) + Duration::from_micros(MOST_ALONE_US);
        assert!(
            alone <= most,
            "{call_id} of caller {}: one side was left with nobody for {} s",
            callee.caller,
            alone.as_secs()
        );
    }
}

fn is_whole(saw: &Saw) -> bool {
    saw.answered.is_some() && !saw.vanished && !saw.orphaned && !saw.tainted
}

fn bridged(world: &World, callee: &CalleeLine) -> bool {
    let b_call_id = Some(callee.party.within.call_id.as_str());
    world
        .live
        .cdrs
        .values()
        .any(|cdr| cdr.b_call_id.as_deref() == b_call_id && cdr.answered_at.is_some())
}

fn distance(a: Mono, b: Mono) -> u64 {
    a.0.abs_diff(b.0)
}

/// Counted, by what they have in common.
#[must_use]
pub fn causes(world: &World) -> BTreeMap<String, u64> {
    let mut causes = BTreeMap::new();
    for cdr in world.live.cdrs.values() {
        *causes.entry(cdr.cause.clone()).or_default() += 1;
    }
    causes
}
