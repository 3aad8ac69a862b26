//! The audio relay: threads that own their sockets and do nothing else.
#![allow(missing_docs, clippy::todo, unused_variables)] // skeleton: goes away with the first implementation

use tandem_sdp::{RelayCommand, RelayReport};

#[derive(Clone, Debug)]
pub struct RelayConfig {
    pub first_port: u16,
    pub last_port: u16,
    pub threads: usize,
    pub inactive_after_s: u32,
    pub progress_every_s: u32,
}

/// Handle to the relay threads; dropping it stops them.
pub struct Relay {}
impl Relay {
    /// `report` is called from the relay threads and must not block.
    pub fn start(
        config: RelayConfig,
        report: impl Fn(RelayReport) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        todo!()
    }
    pub fn send(&self, command: RelayCommand) {
        todo!()
    }
}
