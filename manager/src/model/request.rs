//! Calls to the switch that wait for their answer, and what each was for.
//!
//! Every call has an id, a deadline and a purpose. What it was for may have moved on by the time the answer
//! comes (another page, another draft): a [`Slot`] counts generations and drops answers of old ones.

use crate::transport::Ask;
use serde_json::Value;
use std::collections::BTreeMap;
use tandem_protocol::RpcError;

/// Milliseconds a list or a form waits.
const DEADLINE: u64 = 15_000;
/// Verification and backup walk the whole database.
const LONG_DEADLINE: u64 = 600_000;

/// Loading state of something the switch is asked for.
#[derive(Clone, Debug, Default)]
pub enum State<T> {
    #[default]
    Idle,
    Loading,
    Ready(T),
    Failed(RpcError),
}

/// One thing the switch is asked for, again and again. A value stays on screen while the next one loads.
#[derive(Clone, Debug)]
pub struct Slot<T> {
    pub state: State<T>,
    generation: u64,
    loading: bool,
    stale: Option<T>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            state: State::Idle,
            generation: 0,
            loading: false,
            stale: None,
        }
    }
}

impl<T> Slot<T> {
    /// Starts a request; its answer must bring this generation back.
    pub fn begin(&mut self) -> u64 {
        if let State::Ready(value) = std::mem::replace(&mut self.state, State::Loading) {
            self.stale = Some(value);
        }
        self.generation += 1;
        self.loading = true;
        self.generation
    }

    /// Takes an answer in; false if it is an old one.
    pub fn finish(&mut self, generation: u64, result: Result<T, RpcError>) -> bool {
        if generation != self.generation {
            return false;
        }
        self.loading = false;
        self.stale = None;
        self.state = match result {
            Ok(value) => State::Ready(value),
            Err(error) => State::Failed(error),
        };
        true
    }

    /// The newest value there is.
    pub fn value(&self) -> Option<&T> {
        match &self.state {
            State::Ready(value) => Some(value),
            State::Idle | State::Loading => self.stale.as_ref(),
            State::Failed(_) => None,
        }
    }

    pub fn error(&self) -> Option<&RpcError> {
        match &self.state {
            State::Failed(error) => Some(error),
            State::Idle | State::Loading | State::Ready(_) => None,
        }
    }

    pub fn is_loading(&self) -> bool {
        self.loading
    }

    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Forgets the value and any answer under way.
    pub fn reset(&mut self) {
        *self = Self {
            generation: self.generation + 1,
            ..Self::default()
        };
    }
}

/// Calls under way.
#[derive(Debug)]
pub struct Requests<P> {
    next: u64,
    waiting: BTreeMap<u64, P>,
    outbox: Vec<Ask>,
}

impl<P> Default for Requests<P> {
    fn default() -> Self {
        Self {
            next: 1,
            waiting: BTreeMap::new(),
            outbox: Vec::new(),
        }
    }
}

impl<P> Requests<P> {
    pub fn call(&mut self, method: &'static str, params: Value, purpose: P) {
        let id = self.next;
        self.next += 1;
        self.waiting.insert(id, purpose);
        let deadline_ms = if matches!(method, "system.verify" | "system.backup") {
            LONG_DEADLINE
        } else {
            DEADLINE
        };
        self.outbox.push(Ask::Call {
            id,
            method,
            params,
            deadline_ms,
        });
    }

    pub fn ask(&mut self, ask: Ask) {
        self.outbox.push(ask);
    }

    /// What the call with this id was for; None if nobody waits for it any more.
    pub fn answered(&mut self, id: u64) -> Option<P> {
        self.waiting.remove(&id)
    }

    /// Forgets all calls under way: their line is gone.
    pub fn forget(&mut self) -> Vec<P> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    pub fn take(&mut self) -> Vec<Ask> {
        std::mem::take(&mut self.outbox)
    }

    pub fn under_way(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tandem_protocol::ErrorCode;

    #[test]
    fn old_answers_are_dropped() {
        let mut slot = Slot::default();
        let first = slot.begin();
        let second = slot.begin();
        assert!(!slot.finish(first, Ok(1)));
        assert!(slot.is_loading() && slot.value().is_none());
        assert!(slot.finish(second, Ok(2)));
        assert_eq!(slot.value(), Some(&2));
        let third = slot.begin();
        assert_eq!(
            slot.value(),
            Some(&2),
            "stays on screen while the next one loads"
        );
        assert!(slot.finish(third, Err(RpcError::new(ErrorCode::Internal, "no"))));
        assert_eq!(
            (slot.value(), slot.error().map(|e| e.message.as_str())),
            (None, Some("no"))
        );
        let fourth = slot.begin();
        slot.reset();
        assert!(!slot.finish(fourth, Ok(9)) && slot.is_idle());
    }

    #[test]
    fn each_answer_has_one_purpose() {
        let mut requests = Requests::default();
        requests.call("a.b", json!({}), "list");
        requests.call("a.c", json!({}), "save");
        assert_eq!(requests.take().len(), 2);
        assert_eq!(requests.answered(2), Some("save"));
        assert_eq!(requests.answered(2), None);
        assert_eq!(requests.forget(), ["list"]);
        assert_eq!(requests.under_way(), 0);
    }
}
