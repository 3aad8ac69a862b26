//! The one queue into the core's thread, besides its sockets.

use mio::Waker;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
    mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};
use tandem_call::{
    Input,
    io::{Command, Reply},
};

/// Items that may wait. Far above what a busy second makes; beyond it senders wait or lose (see [`Inbox`]).
const CAPACITY: usize = 65_536;

/// What other threads hand to the core's.
pub(super) enum Item {
    Input(Input),
    Ask { command: Command, reply: ReplyTo },
    Stop,
}

/// Called once, on the core's thread: it must not block.
pub type ReplyTo = Box<dyn FnOnce(Reply) + Send>;

/// The sending end. Cheap to clone.
#[derive(Clone)]
pub struct Inbox {
    items: SyncSender<Item>,
    waker: Arc<Waker>,
    /// The core was woken and has not looked yet: no second system call.
    awake: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox")
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> (Self, Outlet) {
        let (items, receiver) = sync_channel(CAPACITY);
        let awake = Arc::new(AtomicBool::new(false));
        let inbox = Self {
            items,
            waker: Arc::new(waker),
            awake: Arc::clone(&awake),
            lost: Arc::default(),
        };
        (inbox, Outlet { receiver, awake })
    }

    /// Hands over an input that must arrive; waits while the queue is full.
    pub fn send(&self, input: Input) {
        self.put(Item::Input(input));
    }

    /// Hands over an input that may be lost when the queue is full: a later one says the same.
    pub fn offer(&self, input: Input) {
        match self.items.try_send(Item::Input(input)) {
            Ok(()) => self.wake(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Asks the core; `reply` is called on its thread. Nothing is called when the core has stopped.
    pub fn ask(&self, command: Command, reply: impl FnOnce(Reply) + Send + 'static) {
        self.put(Item::Ask {
            command,
            reply: Box::new(reply),
        });
    }

    /// Ends the core's thread at once, without draining.
    pub fn stop(&self) {
        self.put(Item::Stop);
    }

    /// The core looks again at once: it left items for the next turn.
    pub(super) fn wake_again(&self) {
        self.wake();
    }

    fn put(&self, item: Item) {
        // An error means the core has stopped: nobody is left to tell.
        if self.items.send(item).is_ok() {
            self.wake();
        }
    }

    fn wake(&self) {
        if !self.awake.swap(true, Ordering::AcqRel)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "the core's thread cannot be woken");
        }
    }
}

/// The receiving end.
pub(super) struct Outlet {
    receiver: Receiver<Item>,
    awake: Arc<AtomicBool>,
}

impl Outlet {
    /// To be called before taking: a sender from now on wakes again.
    pub(super) fn look(&self) {
        self.awake.store(false, Ordering::Release);
    }

    pub(super) fn take(&self) -> Option<Item> {
        self.receiver.try_recv().ok()
    }
}
