//! SIP traces: messages kept on demand, in rings bounded by time and size.
//!
//! The core's thread asks [`Tracer::is_on`] (one load) for each message and, only while a trace runs, hands over a
//! message with whose it is; RPC handlers start, read and export. Which message a trace takes is decided in
//! [`ring`]; [`mask`] blanks secrets before anything is kept. Must not know JSON-RPC or the call core's state.

mod ladder;
mod mask;
mod pcap;
mod ring;

use bytes::Bytes;
use ring::Ring;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tandem_billing::{AccountId, CallId, GatewayId, LoginId, UtcMs};
use tandem_call::switch::Belonging;
use tandem_sip::Transport;

/// Traces there may be, running or over.
pub const MAX_TRACES: usize = 32;
/// Of one reseller's login.
pub const MAX_PER_RESELLER: usize = 4;
/// Bytes all traces together may keep.
pub const MAX_BYTES: usize = 64 << 20;

/// Whose messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One call.
    Call(CallId),
    /// An account and those below it.
    Account(AccountId),
    /// A gateway.
    Gateway(GatewayId),
    /// An address.
    Source(IpAddr),
}

/// Which legs whoever began the trace may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// All.
    All,
    /// Those to accounts of a reseller's branch.
    Branch(AccountId),
}

/// Whether secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Overwritten.
    Masked,
    /// As they travelled.
    Kept,
}

/// Which way a message went, seen from the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the switch.
    In,
    /// From the switch.
    Out,
}

/// A trace to begin.
#[derive(Clone, Debug)]
pub struct Order {
    /// Whose.
    pub subject: Subject,
    /// For whom.
    pub view: View,
    /// The login that began it.
    pub login: LoginId,
    /// Its name.
    pub by: String,
    /// Whether secrets are kept.
    pub secrets: Secrets,
    /// Bytes.
    pub bytes: usize,
    /// Begun.
    pub from: UtcMs,
    /// It ends by itself.
    pub until: UtcMs,
}

/// A message as it passes.
#[derive(Clone, Copy, Debug)]
pub struct Passing<'a> {
    /// When.
    pub at: UtcMs,
    /// Which way.
    pub direction: Direction,
    /// How.
    pub transport: Transport,
    /// Ours.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// Its Call-ID.
    pub call_id: &'a str,
    /// All of it.
    pub bytes: &'a [u8],
    /// Users of our Contacts elsewhere that are in it: whoever knows one can call in by it.
    pub tokens: &'a [&'a str],
}

/// A message kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Counts from 1.
    pub number: u64,
    /// When.
    pub at: UtcMs,
    /// Which way.
    pub direction: Direction,
    /// How.
    pub transport: Transport,
    /// Ours.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// The call it is part of.
    pub call: Option<CallId>,
    /// All of it.
    pub bytes: Bytes,
}

impl Kept {
    /// Its first line.
    #[must_use]
    pub fn summary(&self) -> String {
        let line = self.bytes.split(|b| matches!(b, b'\r' | b'\n')).next();
        String::from_utf8_lossy(line.unwrap_or_default()).into_owned()
    }
}

/// A trace as it is now.
#[derive(Clone, Debug)]
pub struct Status {
    /// Id.
    pub id: i64,
    /// As ordered; `until` is the end once it is over.
    pub order: Order,
    /// Whether it still keeps messages.
    pub running: bool,
    /// Messages in it.
    pub messages: usize,
    /// Their bytes.
    pub kept_bytes: usize,
    /// Messages that went for newer ones.
    pub dropped: u64,
}

/// Why no trace was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// All places are taken.
    #[error("there are {MAX_TRACES} SIP traces already")]
    TooMany,
    /// A reseller's places are taken.
    #[error("this login has {MAX_PER_RESELLER} SIP traces already")]
    TooManyOfLogin,
    /// The memory is taken.
    #[error("the SIP traces there are keep up to {} MiB already", MAX_BYTES >> 20)]
    TooLarge,
}

/// All traces.
#[derive(Debug, Default)]
pub struct Tracer {
    on: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: i64,
    rings: BTreeMap<i64, Ring>,
}

impl Tracer {
    /// Whether any trace runs.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Begins one.
    ///
    /// # Errors
    /// Too many, or too large together.
    pub fn start(&self, order: Order) -> Result<Status, Refused> {
        let mut state = self.lock();
        let same = |ring: &&Ring| ring.order.login == order.login;
        if state.rings.len() >= MAX_TRACES {
            return Err(Refused::TooMany);
        }
        if order.view != View::All && state.rings.values().filter(same).count() >= MAX_PER_RESELLER
        {
            return Err(Refused::TooManyOfLogin);
        }
        let promised: usize = state.rings.values().map(|ring| ring.order.bytes).sum();
        if promised + order.bytes > MAX_BYTES {
            return Err(Refused::TooLarge);
        }
        state.last += 1;
        let id = state.last;
        let ring = Ring::new(order);
        let status = ring.status(id);
        state.rings.insert(id, ring);
        self.on.store(true, Ordering::Relaxed);
        Ok(status)
    }

    /// Keeps a message wherever it belongs.
    pub fn record(&self, passing: Passing<'_>, belonging: &Belonging) {
        let mut state = self.lock();
        for ring in state.rings.values_mut() {
            ring.offer(passing, belonging);
        }
        self.settle(&mut state, passing.at);
    }

    /// Ends one; None if there is none that this view may see.
    #[must_use]
    pub fn stop(&self, id: i64, view: View, now: UtcMs) -> Option<Status> {
        let mut state = self.lock();
        let ring = state.rings.get_mut(&id).filter(|ring| sees(view, ring))?;
        ring.stop(now);
        let status = ring.status(id);
        self.settle(&mut state, now);
        Some(status)
    }

    /// Forgets one; false if there is none that this view may see.
    #[must_use]
    pub fn delete(&self, id: i64, view: View, now: UtcMs) -> bool {
        let mut state = self.lock();
        let seen = state.rings.get(&id).is_some_and(|ring| sees(view, ring));
        if seen {
            state.rings.remove(&id);
            self.settle(&mut state, now);
        }
        seen
    }

    /// All that this view may see, in order.
    #[must_use]
    pub fn list(&self, view: View, now: UtcMs) -> Vec<Status> {
        let mut state = self.lock();
        self.settle(&mut state, now);
        let seen = state.rings.iter().filter(|(_, ring)| sees(view, ring));
        seen.map(|(id, ring)| ring.status(*id)).collect()
    }

    /// At most `limit` messages after a number.
    #[must_use]
    pub fn read(
        &self,
        id: i64,
        view: View,
        after: u64,
        limit: usize,
    ) -> Option<(Status, Vec<Kept>)> {
        let state = self.lock();
        let ring = state.rings.get(&id).filter(|ring| sees(view, ring))?;
        Some((ring.status(id), ring.after(after, limit)))
    }

    /// Ends those whose time is over, and notes whether any runs.
    fn settle(&self, state: &mut State, now: UtcMs) {
        for ring in state.rings.values_mut() {
            ring.expire(now);
        }
        let on = state.rings.values().any(|ring| ring.is_running());
        self.on.store(on, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who sees all sees every trace; a reseller those begun for the same branch.
fn sees(view: View, ring: &Ring) -> bool {
    view == View::All || view == ring.order.view
}

/// As text: a ladder, then every message.
#[must_use]
pub fn text(messages: &[Kept]) -> String {
    ladder::write(messages)
}

/// As a capture file.
#[must_use]
pub fn capture(messages: &[Kept]) -> Vec<u8> {
    pcap::write(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_have_an_end_in_number_and_size() {
        let order = |login, view, bytes| Order {
            subject: Subject::Source([192, 0, 2, 1].into()),
            view,
            login: LoginId(login),
            by: "someone".to_owned(),
            secrets: Secrets::Masked,
            bytes,
            from: UtcMs(0),
            until: UtcMs(1_000),
        };
        let tracer = Tracer::default();
        let own = View::Branch(AccountId(1));
        for n in 0..MAX_PER_RESELLER + 1 {
            let begun = tracer.start(order(1, own, 1_000));
            assert_eq!(begun.is_ok(), n < MAX_PER_RESELLER, "{n}");
        }
        for n in MAX_PER_RESELLER..MAX_TRACES + 10 {
            let begun = tracer.start(order(2, View::All, 1_000));
            assert_eq!(begun.is_ok(), n < MAX_TRACES, "{n}");
        }
        assert_eq!(tracer.list(View::All, UtcMs(0)).len(), MAX_TRACES);

        let tracer = Tracer::default();
        tracer
            .start(order(2, View::All, MAX_BYTES - 1_000))
            .expect("there is room");
        let refused = tracer
            .start(order(2, View::All, 1_001))
            .expect_err("too large");
        assert_eq!(refused, Refused::TooLarge);
        tracer
            .start(order(2, View::All, 1_000))
            .expect("there is room");
    }
}
