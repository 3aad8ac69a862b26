//! Keeps the board in step with the core, and subscribers in step with the board.
//!
//! While somebody watches, the core's events are taken in as they come and published a few times a second. While
//! nobody does, the core is told not to make any, and the board is renewed when someone asks or a sample is due.

use super::{
    Clock,
    core::Core,
    history::History,
    live::{Board, Taken},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tandem_call::{
    io::{Command, Reply},
    monitor::{FeedEvent, Snapshot},
};
use tokio::{
    sync::{Mutex, Notify, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval},
};

/// Events that may wait for the task; beyond it they are lost, and the gap brings a snapshot.
const QUEUE: usize = 65_536;
/// Events taken in before others get a turn.
const BATCH: usize = 1_024;
/// Deltas are published at most this often: what a person can follow.
pub const PUBLISH_EVERY: Duration = Duration::from_millis(250);
/// Totals are asked for this often while somebody watches.
const TOTALS_EVERY: Duration = Duration::from_secs(2);
/// Samples of the history are this far apart.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(10);
/// While nobody watches, rows at most this old are told without asking the core again.
const FRESH: Duration = Duration::from_millis(500);

/// The core's end: hands over events without ever waiting. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FeedSink {
    events: mpsc::Sender<FeedEvent>,
}

/// The receiving end, for [`Feed::run`].
#[derive(Debug)]
pub struct FeedSource {
    events: mpsc::Receiver<FeedEvent>,
}

/// A sink for the core, made before the server is.
#[must_use]
pub fn channel() -> (FeedSink, FeedSource) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (FeedSink { events: sender }, FeedSource { events: receiver })
}

impl FeedSink {
    /// Hands an event over. A full queue loses it: its number is missed then and the board renewed.
    pub fn push(&self, event: FeedEvent) {
        let _ = self.events.try_send(event);
    }
}

/// The board and whoever looks at it.
#[derive(Debug)]
pub struct Feed {
    /// The rows.
    pub board: Arc<Board>,
    /// Samples for plots.
    pub history: History,
    core: Core,
    clock: Clock,
    watchers: AtomicUsize,
    wanted: Notify,
    broken: AtomicBool,
    published: watch::Sender<u64>,
    renewed: Mutex<Option<Instant>>,
}

/// Somebody who watches; until it is dropped the board follows the core.
#[derive(Debug)]
pub struct Watcher {
    feed: Arc<Feed>,
    /// Numbers of published states.
    pub published: watch::Receiver<u64>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.feed.watchers.fetch_sub(1, Ordering::AcqRel);
        self.feed.wanted.notify_one();
    }
}

impl Feed {
    /// An empty board.
    #[must_use]
    pub fn new(core: Core, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            board: Arc::default(),
            history: History::default(),
            core,
            clock,
            watchers: AtomicUsize::new(0),
            wanted: Notify::new(),
            broken: AtomicBool::new(false),
            published: watch::Sender::new(0),
            renewed: Mutex::new(None),
        })
    }

    /// From now on the board follows the core; it is in step with it when this returns.
    ///
    /// # Errors
    /// The core does not answer.
    pub async fn watch(self: &Arc<Self>) -> Result<Watcher, super::core::CoreError> {
        self.watchers.fetch_add(1, Ordering::AcqRel);
        let watcher = Watcher {
            feed: Arc::clone(self),
            published: self.published.subscribe(),
        };
        self.renew_unless_fresh().await?;
        Ok(watcher)
    }

    /// Makes sure that the board's rows are those of now, or half a second old.
    ///
    /// # Errors
    /// The core does not answer.
    pub async fn renew_unless_fresh(&self) -> Result<(), super::core::CoreError> {
        let mut renewed = self.renewed.lock().await;
        let fresh = !self.is_watched() && renewed.is_some_and(|at| at.elapsed() < FRESH);
        if self.board.is_following() || fresh {
            return Ok(());
        }
        self.renew().await?;
        *renewed = Some(Instant::now());
        Ok(())
    }

    fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Acquire) > 0
    }

    /// Takes a snapshot of the core. Unwatched, the core is told at once to make no events.
    async fn renew(&self) -> Result<(), super::core::CoreError> {
        self.board.replace(self.ask().await?);
        if !self.is_watched() {
            self.core.ask(Command::Unwatch).await?;
            self.board.unfollow();
        }
        self.publish();
        Ok(())
    }

    async fn ask(&self) -> Result<Snapshot, super::core::CoreError> {
        match self.core.ask(Command::Snapshot).await? {
            Reply::Snapshot(snapshot) => Ok(*snapshot),
            other => {
                tracing::error!(?other, "unexpected reply of the call core to a snapshot");
                Err(super::core::CoreError::Gone)
            }
        }
    }

    fn publish(&self) {
        let seq = self.board.publish();
        self.published
            .send_if_modified(|last| std::mem::replace(last, seq) != seq);
    }

    /// Runs until the sink is gone.
    pub async fn run(self: Arc<Self>, mut source: FeedSource) {
        let mut publish = interval(PUBLISH_EVERY);
        let mut totals = interval(TOTALS_EVERY);
        let mut sample = interval(SAMPLE_EVERY);
        for timer in [&mut publish, &mut totals, &mut sample] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                count = source.events.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    self.take(&mut batch);
                }
                _ = publish.tick(), if self.is_watched() => {
                    self.mend().await;
                    self.publish();
                }
                _ = totals.tick(), if self.is_watched() => self.count().await,
                _ = sample.tick() => self.sample().await,
                () = self.wanted.notified() => self.rest().await,
            }
        }
    }

    fn take(&self, batch: &mut Vec<FeedEvent>) {
        for event in batch.drain(..) {
            if self.board.apply(event) == Taken::Gap {
                self.broken.store(true, Ordering::Release);
            }
        }
    }

    /// After a gap the board is renewed.
    async fn mend(&self) {
        if self.broken.swap(false, Ordering::AcqRel)
            && !self.board.is_following()
            && let Err(error) = self.renew_unless_fresh().await
        {
            self.broken.store(true, Ordering::Release);
            tracing::warn!(%error, "the live feed cannot be renewed");
        }
    }

    /// New totals; the rows come by events.
    async fn count(&self) {
        if self.board.is_following()
            && let Ok(snapshot) = self.ask().await
        {
            self.board.set_totals(snapshot.totals);
        }
    }

    async fn sample(&self) {
        if self.renew_unless_fresh().await.is_ok() {
            self.history.add(self.clock.now(), self.board.totals());
        }
    }

    /// The last watcher went: the core need not make events.
    async fn rest(&self) {
        let _renewing = self.renewed.lock().await;
        if !self.is_watched()
            && self.board.is_following()
            && self.core.ask(Command::Unwatch).await.is_ok()
        {
            self.board.unfollow();
        }
    }
}
