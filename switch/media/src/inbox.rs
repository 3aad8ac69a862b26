//! The queue of orders to one relay thread, and the counter of the kernel that wakes it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use tandem_sdp::RelayCommand;

use crate::end::lock;

/// Orders waiting beyond which no relay is opened. The others follow from relays that are open, and always go in.
const MAX_WAITING: usize = 65_536;

/// Orders going in on one end and out at the other; neither waits.
#[derive(Debug)]
pub(crate) struct Inbox {
    orders: Mutex<VecDeque<RelayCommand>>,
    stopped: AtomicBool,
    pub(crate) bell: OwnedFd,
}

impl Inbox {
    pub(crate) fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self {
            orders: Mutex::default(),
            stopped: AtomicBool::new(false),
            bell,
        })
    }

    /// Gives the order back when the queue is full.
    pub(crate) fn put(&self, order: RelayCommand) -> Result<(), RelayCommand> {
        let mut orders = lock(&self.orders);
        if orders.len() >= MAX_WAITING && matches!(order, RelayCommand::Open { .. }) {
            return Err(order);
        }
        let first = orders.is_empty();
        orders.push_back(order);
        drop(orders);
        if first {
            self.ring();
        }
        Ok(())
    }

    pub(crate) fn take_all(&self, into: &mut VecDeque<RelayCommand>) {
        std::mem::swap(&mut *lock(&self.orders), into);
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.ring();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Its only failure is a counter near overflow, which wakes as well.
    fn ring(&self) {
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    pub(crate) fn silence_bell(&self) {
        let _ = rustix::io::read(&self.bell, &mut [0u8; 8]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_sdp::RelayId;

    #[test]
    fn beyond_the_bound_no_relay_is_opened_and_open_ones_are_still_served() {
        let inbox = Inbox::new().unwrap();
        let open = |id| RelayCommand::Open {
            id: RelayId(id),
            a_local: [127, 0, 0, 1].into(),
            b_local: [127, 0, 0, 1].into(),
        };
        let bound = MAX_WAITING as u64;
        let taken = (0..bound + 1_000).filter(|id| inbox.put(open(*id)).is_ok());
        assert_eq!(taken.count(), MAX_WAITING);
        let close = RelayCommand::Close { id: RelayId(1) };
        assert!(inbox.put(close).is_ok());
        let mut waiting = VecDeque::new();
        inbox.take_all(&mut waiting);
        assert_eq!(waiting.len(), MAX_WAITING + 1);
        assert!(inbox.put(open(bound)).is_ok(), "there is room again");
    }
}
