//! The call core: calls, registrations and the ledger in one state machine without I/O.

use crate::{
    Directory,
    io::{Input, Now, Output, SwitchConfig},
    journal::Registration,
};
use std::sync::Arc;
use tandem_billing::ledger::Ledger;

pub struct Switch {}
impl Switch {
    /// `ledger` and `registrations` as the store loaded them.
    pub fn new(
        config: SwitchConfig,
        directory: Arc<Directory>,
        ledger: Ledger,
        registrations: Vec<Registration>,
        now: Now,
    ) -> Self {
        todo!()
    }
    /// Rule: after each input (and each time out) pull outputs until None.
    pub fn handle(&mut self, now: Now, input: Input) {
        todo!()
    }
    pub fn handle_timeout(&mut self, now: Now) {
        todo!()
    }
    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }
    pub fn poll_deadline(&self) -> Option<tandem_sip::Mono> {
        todo!()
    }
    pub fn open_calls(&self) -> usize {
        todo!()
    }
}
