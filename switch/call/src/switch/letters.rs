//! What calls that hang together tell each other: carried here, since only the table of calls knows two at once.

use super::{Switch, end};
use crate::{
    leg::invite::Arrival,
    transfer::{
        self, Letter, join, notify,
        replaces::{self, Found, Named},
    },
};
use tandem_billing::CallId;
use tandem_sip::message::Draft;

impl Switch {
    pub(super) fn deliver(&mut self, letter: Letter) {
        match letter {
            Letter::Placed(call) => self.insert(call),
            Letter::Rings { to, status } => {
                self.with(to, |core, call| notify::progress(core, call, status));
            }
            Letter::Failed { to, status } => {
                self.with(to, |core, call| transfer::failed(core, call, status));
            }
            Letter::Join { of } => self.join(of),
            Letter::End { to, cause } => self.with(to, |core, call| {
                end::end(core, call, cause, end::Left::Nobody);
            }),
        }
    }

    fn join(&mut self, of: CallId) {
        let Some(mut from) = self.calls.remove(&of) else {
            return;
        };
        let target = from.links.pending.as_ref().map(|pending| pending.target);
        match target.and_then(|target| self.calls.get_mut(&target)) {
            Some(to) => join::join(&mut self.core, &mut from, to),
            None => transfer::failed(&mut self.core, &mut from, 481),
        }
        self.insert(from);
        if let Some(target) = target {
            self.sweep(target);
        }
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
