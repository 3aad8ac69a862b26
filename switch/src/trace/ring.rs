//! One trace: which messages it takes, and the ring it keeps them in.
//!
//! A message that matches brings its Call-ID, and for who may see every leg its call and the Call-IDs of both, so
//! that the other leg and what follows the end of the call come too. Both memories are bounded.

use super::{Kept, Order, Passing, Secrets, Status, Subject, View, mask};
use std::collections::{BTreeSet, VecDeque};
use tandem_billing::{CallId, UtcMs};
use tandem_call::switch::Belonging;

/// Calls and Call-IDs remembered; then the oldest go.
const MEMORY: usize = 1_024;
/// What a message costs besides its bytes.
const OVERHEAD: usize = 160;
/// Call-IDs longer than this are not remembered.
const LONGEST_CALL_ID: usize = 256;

#[derive(Debug)]
pub(super) struct Ring {
    pub(super) order: Order,
    running: bool,
    messages: VecDeque<Kept>,
    bytes: usize,
    next: u64,
    dropped: u64,
    calls: Memory<CallId>,
    call_ids: Memory<String>,
}

impl Ring {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            running: true,
            messages: VecDeque::new(),
            bytes: 0,
            next: 1,
            dropped: 0,
            calls: Memory::default(),
            call_ids: Memory::default(),
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.running
    }

    pub(super) fn stop(&mut self, now: UtcMs) {
        if self.running {
            self.running = false;
            self.order.until = self.order.until.min(now);
        }
    }

    pub(super) fn expire(&mut self, now: UtcMs) {
        if now >= self.order.until {
            self.stop(now);
        }
    }

    pub(super) fn status(&self, id: i64) -> Status {
        Status {
            id,
            order: self.order.clone(),
            running: self.running,
            messages: self.messages.len(),
            kept_bytes: self.bytes,
            dropped: self.dropped,
        }
    }

    pub(super) fn after(&self, number: u64, limit: usize) -> Vec<Kept> {
        let newer = self.messages.iter().filter(|kept| kept.number > number);
        newer.take(limit).cloned().collect()
    }

    /// Takes a message if it belongs here.
    pub(super) fn offer(&mut self, passing: Passing<'_>, belonging: &Belonging) {
        self.expire(passing.at);
        if !self.running || !self.takes(passing, belonging) {
            return;
        }
        self.remember(passing.call_id);
        if let (View::All, Some(call)) = (self.order.view, belonging.call) {
            self.calls.add(call);
            for call_id in &belonging.call_ids {
                self.remember(call_id);
            }
        }
        self.keep(passing, belonging.call);
    }

    fn remember(&mut self, call_id: &str) {
        if call_id.len() <= LONGEST_CALL_ID {
            self.call_ids.add(call_id.to_owned());
        }
    }

    fn takes(&self, passing: Passing<'_>, belonging: &Belonging) -> bool {
        match self.order.view {
            View::All => {}
            // What belongs to nobody any more is the rest of a leg that was let through.
            View::Branch(root) if belonging.call.is_some() || !belonging.leg.is_empty() => {
                if !belonging.leg.contains(&root) {
                    return false;
                }
            }
            View::Branch(_) => return self.call_ids.has(passing.call_id),
        }
        if self.call_ids.has(passing.call_id)
            || belonging.call.is_some_and(|call| self.calls.has(&call))
        {
            return true;
        }
        match self.order.subject {
            Subject::Call(call) => belonging.call == Some(call),
            Subject::Account(account) => belonging.accounts.contains(&account),
            Subject::Gateway(gateway) => belonging.gateway == Some(gateway),
            Subject::Source(ip) => passing.remote.ip().to_canonical() == ip.to_canonical(),
        }
    }

    fn keep(&mut self, passing: Passing<'_>, call: Option<CallId>) {
        let mut bytes = passing.bytes.to_vec();
        if self.order.secrets == Secrets::Masked {
            mask::mask(&mut bytes, passing.tokens);
        }
        self.bytes += bytes.len() + OVERHEAD;
        self.messages.push_back(Kept {
            number: self.next,
            at: passing.at,
            direction: passing.direction,
            transport: passing.transport,
            local: passing.local,
            remote: passing.remote,
            call,
            bytes: bytes.into(),
        });
        self.next += 1;
        while self.bytes > self.order.bytes {
            let Some(oldest) = self.messages.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes.len() + OVERHEAD;
            self.dropped += 1;
        }
    }
}

/// The last so many things seen.
#[derive(Debug)]
struct Memory<T> {
    known: BTreeSet<T>,
    order: VecDeque<T>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self {
            known: BTreeSet::new(),
            order: VecDeque::new(),
        }
    }
}

impl<T: Ord + Clone> Memory<T> {
    fn add(&mut self, thing: T) {
        if !self.known.insert(thing.clone()) {
            return;
        }
        self.order.push_back(thing);
        if self.order.len() > MEMORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn has<Q: Ord + ?Sized>(&self, thing: &Q) -> bool
    where
        T: std::borrow::Borrow<Q>,
    {
        self.known.contains(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Direction, *};
    use tandem_billing::{AccountId, GatewayId, LoginId};
    use tandem_sip::Transport;

    fn ring(subject: Subject, view: View) -> Ring {
        Ring::new(Order {
            subject,
            view,
            login: LoginId(1),
            by: "ann".into(),
            secrets: Secrets::Masked,
            bytes: 4_096,
            from: UtcMs(0),
            until: UtcMs(1_000),
        })
    }

    fn offer(ring: &mut Ring, call_id: &str, at: i64, belonging: &Belonging) -> usize {
        let passing = Passing {
            at: UtcMs(at),
            direction: Direction::In,
            transport: Transport::Udp,
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([192, 0, 2, 9], 5060).into(),
            call_id,
            bytes: b"BYE sip:x SIP/2.0\r\n\r\n",
            tokens: &[],
        };
        ring.offer(passing, belonging);
        ring.messages.len()
    }

    fn leg(call: i64, leg: &[i64], gateway: Option<i64>) -> Belonging {
        Belonging {
            call: Some(CallId(call)),
            call_ids: Vec::new(),
            accounts: vec![AccountId(7), AccountId(3)],
            leg: leg.iter().map(|id| AccountId(*id)).collect(),
            gateway: gateway.map(GatewayId),
        }
    }

    #[test]
    fn both_legs_come_and_what_follows_the_end_too() {
        let mut trace = ring(Subject::Gateway(GatewayId(5)), View::All);
        assert_eq!(offer(&mut trace, "a", 0, &leg(1, &[7, 3], None)), 0);
        assert_eq!(offer(&mut trace, "b", 0, &leg(1, &[], Some(5))), 1);
        assert_eq!(offer(&mut trace, "a", 0, &leg(1, &[7, 3], None)), 2);
        assert_eq!(offer(&mut trace, "a", 0, &Belonging::default()), 3);
        assert_eq!(offer(&mut trace, "c", 0, &leg(2, &[7, 3], Some(6))), 3);
    }

    #[test]
    fn a_leg_that_ends_after_its_call_comes_though_it_said_nothing_before() {
        let late = Belonging {
            call_ids: vec!["a".into(), "b".into()],
            ..leg(1, &[7, 3], None)
        };
        let mut trace = ring(Subject::Call(CallId(1)), View::All);
        assert_eq!(offer(&mut trace, "b", 0, &late), 1);
        assert_eq!(offer(&mut trace, "a", 0, &Belonging::default()), 2);
        let mut branch = ring(Subject::Call(CallId(1)), View::Branch(AccountId(3)));
        assert_eq!(offer(&mut branch, "b", 0, &late), 1);
        assert_eq!(offer(&mut branch, "a", 0, &Belonging::default()), 1);
    }

    #[test]
    fn a_branch_sees_its_own_legs_only() {
        let mut trace = ring(Subject::Account(AccountId(7)), View::Branch(AccountId(3)));
        assert_eq!(offer(&mut trace, "a", 0, &leg(1, &[7, 3], Some(5))), 1);
        assert_eq!(
            offer(&mut trace, "b", 0, &leg(1, &[], Some(5))),
            1,
            "the gateway's leg"
        );
        assert_eq!(
            offer(&mut trace, "c", 0, &leg(1, &[8], None)),
            1,
            "another's leg"
        );
        assert_eq!(
            offer(&mut trace, "a", 0, &leg(2, &[8], None)),
            1,
            "a Call-ID taken over"
        );
        assert_eq!(offer(&mut trace, "b", 0, &Belonging::default()), 1);
        assert_eq!(offer(&mut trace, "a", 0, &Belonging::default()), 2);
    }

    #[test]
    fn time_and_size_are_bounds() {
        let mut trace = ring(Subject::Call(CallId(1)), View::All);
        for _ in 0..1_000 {
            offer(&mut trace, "a", 999, &leg(1, &[], None));
        }
        assert!(trace.bytes <= 4_096);
        assert_eq!(trace.dropped + trace.messages.len() as u64, 1_000);
        let before = trace.messages.len();
        assert_eq!(offer(&mut trace, "a", 1_000, &leg(1, &[], None)), before);
        assert!(!trace.is_running());
    }

    #[test]
    fn memory_is_bounded() {
        let mut trace = ring(Subject::Account(AccountId(7)), View::All);
        for call in 0..5_000 {
            offer(&mut trace, &format!("id-{call}"), 0, &leg(call, &[7], None));
        }
        assert_eq!(trace.calls.known.len(), MEMORY);
        assert_eq!(trace.call_ids.known.len(), MEMORY);
    }
}
