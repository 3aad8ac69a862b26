//! A terminator of the demo: answers most calls after some ringing, is busy for others.

use super::{Stop, agent::Agent};
use rand::RngExt;
use std::time::Duration;
use tandem_sip::{endpoint::Event, message::Draft, value::Method};

/// How a terminator behaves, in percent of its calls.
#[derive(Clone, Copy)]
pub(super) struct Manners {
    pub(super) busy: u8,
    pub(super) unavailable: u8,
}

/// Runs until stopped.
pub(super) fn run(mut agent: Agent, manners: Manners, stop: &Stop) -> std::io::Result<()> {
    while !stop.is_set() {
        let wake = agent.next_due();
        for event in agent.step(wake)? {
            match &event {
                Event::Request { txn, flow, message }
                    if message.method() == Method::Invite && message.to_tag().is_none() =>
                {
                    let draw = agent.random.random_range(0..100_u8);
                    if draw < manners.busy + manners.unavailable {
                        let status = if draw < manners.busy { 486 } else { 503 };
                        let (now, tag) = (agent.now(), agent.endpoint.new_tag());
                        agent
                            .endpoint
                            .respond(now, *txn, status, "", &tag, Draft::new());
                        continue;
                    }
                    let ring = Duration::from_millis(agent.random.random_range(400..3_000));
                    agent.ring(*txn, *flow, message, ring, None);
                }
                _ => agent.handle(&event),
            }
        }
        agent.due();
    }
    Ok(())
}
