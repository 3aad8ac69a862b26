//! What calls that hang together tell each other: carried here, since only the table of calls knows two at once.

use super::{Switch, end};
use crate::{
    leg::invite::Arrival,
    transfer::{
        self, Letter, early, join, notify,
        replaces::{self, Found, Named},
    },
};
use tandem_billing::CallId;
use tandem_sip::message::Draft;

impl Switch {
    pub(super) fn deliver(&mut self, letter: Letter) {
        match letter {
            Letter::Placed(call) => self.insert(call),
            Letter::Adopt { target, of, depth } => self.with(target, |core, call| {
                early::adopt(core, call, (of, depth));
            }),
            Letter::Rings { to, target, status } => self.with(to, |core, call| {
                if call.goes_to(target) {
                    notify::progress(core, call, status);
                }
            }),
            Letter::Failed { to, target, status } => self.with(to, |core, call| {
                if call.goes_to(target) {
                    transfer::failed(core, call, status);
                }
            }),
            Letter::Join { of, target } => self.join(of, target),
            Letter::Forsake { target, of } => {
                self.with(target, |core, call| transfer::forsaken(core, call, of));
            }
            Letter::End { to, cause, lost } => self.with(to, |core, call| {
                end::end_at(core, call, cause, lost);
            }),
        }
    }

    /// One of the calls to be joined was busy.
    pub(super) fn join_again(&mut self, of: CallId) {
        let pending = self
            .calls
            .get(&of)
            .and_then(|call| call.links.pending.as_ref());
        if let Some(target) = pending.map(|pending| pending.target) {
            self.join(of, target);
        }
    }

    fn join(&mut self, of: CallId, target: CallId) {
        if !self.calls.get(&of).is_some_and(|call| call.goes_to(target)) {
            return self.deliver(Letter::Forsake { target, of });
        }
        let Some(mut from) = self.calls.remove(&of) else {
            return;
        };
        match self.calls.get_mut(&target) {
            Some(to) => join::join(&mut self.core, &mut from, to),
            None => transfer::failed(&mut self.core, &mut from, 481),
        }
        self.insert(from);
        self.sweep(target);
    }

    /// The leg that a Replaces means.
    pub(super) fn find(&self, named: &Named) -> Option<Found> {
        let (id, side) = self.core.index.tags.get(&named.to_tag).copied()?;
        Found::of(self.calls.get(&id)?, side, named)
    }

    /// An INVITE that wants the place of a dialog.
    pub(super) fn replace(&mut self, arrival: &Arrival<'_>, named: Option<&Named>) {
        if replaces::refuse_early(&mut self.core, arrival) {
            return;
        }
        let Some(device) = replaces::asker(&mut self.core, arrival) else {
            return;
        };
        let found = named.and_then(|named| self.find(named));
        match replaces::check(&self.core, &device, named, found) {
            Ok(found) => self.with(found.call, |core, call| {
                replaces::step_in(core, call, found.side, &device, arrival);
            }),
            Err(answer) => self.core.reject(arrival.txn, answer, Draft::new()),
        }
    }
}
