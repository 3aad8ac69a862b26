//! The line to the call core: a command in, its reply out, awaited with patience and never under a lock.
//!
//! Must not know methods or logins.

use std::{sync::Arc, time::Duration};
use tandem_call::io::{Command, Reply};
use tokio::sync::{Semaphore, oneshot};

/// Commands that may wait for the core: far more than operators cause, little enough to fail fast.
const AT_ONCE: usize = 256;
/// The core answers within milliseconds; a payment waits for a commit. Longer means that it hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whoever carries commands to the core. `reply` is called once, on any thread, or dropped when the core ends.
pub trait CoreHandle: Send + Sync + 'static {
    /// Hands the command over. Must not wait for the core.
    fn ask(&self, command: Command, reply: Box<dyn FnOnce(Reply) + Send>);
}

impl CoreHandle for crate::engine::Inbox {
    fn ask(&self, command: Command, reply: Box<dyn FnOnce(Reply) + Send>) {
        Self::ask(self, command, reply);
    }
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// Too many commands wait already.
    #[error("the call core has too many commands waiting")]
    Busy,
    /// It has ended, or did not answer in time.
    #[error("the call core does not answer")]
    Gone,
}

/// Asks the core. Cheap to clone.
#[derive(Clone)]
pub struct Core {
    handle: Arc<dyn CoreHandle>,
    room: Arc<Semaphore>,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("room", &self.room.available_permits())
            .finish_non_exhaustive()
    }
}

impl Core {
    /// Asks through this handle.
    #[must_use]
    pub fn new(handle: Arc<dyn CoreHandle>) -> Self {
        Self {
            handle,
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Asks and waits for the reply.
    ///
    /// # Errors
    /// `Busy` at once if too many wait, `Gone` when no reply came within 10 s.
    pub async fn ask(&self, command: Command) -> Result<Reply, CoreError> {
        let _permit = self.room.try_acquire().map_err(|_| CoreError::Busy)?;
        let (reply, answer) = oneshot::channel();
        self.handle.ask(
            command,
            Box::new(move |answer| {
                // The asker may have gone away: what the core did stands.
                let _ = reply.send(answer);
            }),
        );
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) | Err(_) => Err(CoreError::Gone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AT_ONCE, Core, CoreError, CoreHandle};
    use std::sync::{Arc, Mutex};
    use tandem_call::io::{Command, Reply};

    type Asked = (Command, Box<dyn FnOnce(Reply) + Send>);

    #[derive(Default)]
    struct Desk(Mutex<Vec<Asked>>);

    impl CoreHandle for Desk {
        fn ask(&self, command: Command, reply: Box<dyn FnOnce(Reply) + Send>) {
            self.0
                .lock()
                .expect("no panic holds it")
                .push((command, reply));
        }
    }

    #[tokio::test]
    async fn a_reply_finds_its_asker_and_a_dead_core_is_noticed() {
        let desk = Arc::new(Desk::default());
        let core = Core::new(desk.clone());
        let answering = async {
            let asked = desk.0.lock().expect("no panic holds it").pop();
            let (_, reply) = asked.expect("asked first");
            reply(Reply::NotFound);
        };
        let (reply, ()) = tokio::join!(core.ask(Command::Snapshot), answering);
        assert!(matches!(reply, Ok(Reply::NotFound)));

        let dying = async { desk.0.lock().expect("no panic holds it").clear() };
        let (reply, ()) = tokio::join!(core.ask(Command::Snapshot), dying);
        assert_eq!(reply.err(), Some(CoreError::Gone));
    }

    #[tokio::test(start_paused = true)]
    async fn a_core_that_hangs_is_given_up() {
        let desk = Arc::new(Desk::default());
        let core = Core::new(desk.clone());
        let hung = core.ask(Command::Snapshot).await;
        assert_eq!(hung.err(), Some(CoreError::Gone));
        assert_eq!(desk.0.lock().expect("no panic holds it").len(), 1, "asked");
    }

    #[tokio::test]
    async fn too_many_at_once_are_refused() {
        let core = Core::new(Arc::new(Desk::default()));
        let mut waiting: Vec<_> = (0..AT_ONCE)
            .map(|_| Box::pin(core.ask(Command::Snapshot)))
            .collect();
        for ask in &mut waiting {
            assert!(futures_util::FutureExt::now_or_never(ask).is_none());
        }
        assert_eq!(
            core.ask(Command::Snapshot).await.err(),
            Some(CoreError::Busy)
        );
    }
}
