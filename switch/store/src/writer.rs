//! The one thread that writes, and the queue before it.
//!
//! Each commit takes the batches that queued while the last one ran: an idle system commits at once, a busy
//! one in hundreds. A commit that fails is repeated until it succeeds; nothing overtakes it. Edits and other
//! work run between commits in transactions of their own.

use crate::{
    Committer, Edit, EditError, Edited, Reader, Rejected, StoreError, StoreOptions,
    bulk::Swept,
    directory::{Changes, Published, Publisher},
    edit,
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tandem_billing::{Tariff, UtcMs};
use tandem_call::{
    Directory,
    journal::{Batch, LINGER, Record},
};
use tracing::{error, warn};

/// Batches in one commit: enough to spread the cost of a sync, few enough to keep it short.
const GROUP: usize = 512;
/// With so few batches a commit spreads its cost over too few calls: they are noted, and their rows wait for others.
const FEW: usize = 16;
/// Noted batches that are put into their rows at once.
const MOST_NOTED: usize = 256;
/// How long noted batches wait for their rows: so long a CDR and a balance may be behind on the screen.
const SETTLE: Duration = Duration::from_millis(500);
/// First and longest wait before a failed commit is repeated.
const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// What the store tells the shell.
#[derive(Clone, Debug)]
pub enum Event {
    /// All batches up to this number are on disk.
    Durable {
        /// Of the last batch of the commit.
        seq: u64,
    },
    /// The journal cannot be written; it is tried again until a `Durable` comes.
    JournalFailed {
        /// For the operator.
        reason: String,
    },
    /// A batch broke a rule of the schema and was put aside for people to look at: money may be missing.
    Rejected {
        /// The batch.
        seq: u64,
        /// Which rule.
        reason: String,
    },
    /// What is in force from now on.
    Directory(Arc<Directory>),
    /// An edit was stored but no directory could be made of it; the last one stays in force.
    DirectoryFailed {
        /// For the operator.
        reason: String,
    },
}

/// The queue is full: the batches come back, to be submitted again when room is made by a commit.
#[derive(Debug)]
pub struct Full(pub Vec<Batch>);

pub(crate) type Work = Box<dyn FnOnce(&mut Committer) + Send>;

enum Job {
    Batches(Vec<Batch>),
    Work(Work),
    Stop,
}

/// Submits batches and edits. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    jobs: SyncSender<Job>,
    publisher: Arc<Published>,
    reader: Reader,
    stopping: Arc<AtomicBool>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Queues batches for one commit; never blocks. [`Event::Durable`] follows in order of submission.
    ///
    /// # Errors
    /// When the queue is full or the store is closed; the batches come back.
    pub fn submit_all(&self, batches: Vec<Batch>) -> Result<(), Full> {
        self.jobs
            .try_send(Job::Batches(batches))
            .map_err(|refused| match refused {
                TrySendError::Full(Job::Batches(batches))
                | TrySendError::Disconnected(Job::Batches(batches)) => Full(batches),
                // We sent batches, so batches come back.
                TrySendError::Full(_) | TrySendError::Disconnected(_) => Full(Vec::new()),
            })
    }

    /// As [`Self::submit_all`] for one.
    ///
    /// # Errors
    /// As there.
    pub fn submit(&self, batch: Batch) -> Result<(), Full> {
        self.submit_all(vec![batch])
    }

    /// Makes one edit and returns when it is durable and its directory is in force. Blocks: not for the core.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub fn edit(&self, edit: Edit) -> Result<Edited, EditError> {
        let mut edited = self.edit_all(vec![edit])?;
        edited
            .pop()
            .ok_or_else(|| EditError::Store("an edit had no result".into()))
    }

    /// Makes several edits in one transaction, all or none. Blocks.
    ///
    /// # Errors
    /// The first edit that fails.
    pub fn edit_all(&self, edits: Vec<Edit>) -> Result<Vec<Edited>, EditError> {
        let (reply, answer) = channel();
        self.edit_then(edits, move |result| {
            // Nobody waits any more: the edit stands all the same.
            let _ = reply.send(result);
        });
        answer
            .recv()
            .map_err(|_| EditError::Store(StoreError::Closed.to_string()))?
    }

    /// As [`Self::edit_all`] without blocking (but for password hashing, some 20 ms); `then` is called on a
    /// thread of the store.
    pub fn edit_then(
        &self,
        edits: Vec<Edit>,
        then: impl FnOnce(Result<Vec<Edited>, EditError>) + Send + 'static,
    ) {
        let prepared: Result<Vec<_>, _> = edits.into_iter().map(edit::prepare).collect();
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return then(Err(error)),
        };
        let then: Arc<Mutex<Option<edit::Then>>> = Arc::new(Mutex::new(Some(Box::new(then))));
        let (later, publisher) = (Arc::clone(&then), Arc::clone(&self.publisher));
        let work: Work = Box::new(move |committer| {
            let result = committer.edit(&prepared);
            let Some(then) = take(&later) else { return };
            match result {
                Ok((edited, changes)) => publisher.add(changes, Box::new(move || then(Ok(edited)))),
                Err(error) => then(Err(error)),
            }
        });
        if self.jobs.try_send(Job::Work(work)).is_err()
            && let Some(then) = take(&then)
        {
            then(Err(EditError::Busy));
        }
    }

    /// Rebuilds parts of the directory, e.g. gateways whose names may resolve to new addresses.
    pub fn refresh(&self, changes: Changes) {
        self.publisher.add(changes, Box::new(|| {}));
    }

    /// Runs work on the writer thread and waits for its result.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Committer) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = channel();
        let work: Work = Box::new(move |committer| {
            let _ = reply.send(work(committer));
        });
        self.jobs
            .send(Job::Work(work))
            .map_err(|_| StoreError::Closed)?;
        answer.recv().map_err(|_| StoreError::Closed)
    }

    /// Waits until new tariffs are in force.
    pub(crate) fn publish_ready(&self, tariffs: Vec<Arc<Tariff>>) {
        self.publish_and_wait(Changes::default(), tariffs);
    }

    /// Waits until changes are in force.
    pub(crate) fn publish(&self, changes: Changes) {
        self.publish_and_wait(changes, Vec::new());
    }

    fn publish_and_wait(&self, changes: Changes, tariffs: Vec<Arc<Tariff>>) {
        let (done, waiting) = channel();
        let then = move || {
            let _ = done.send(());
        };
        self.publisher.add_ready(changes, tariffs, Box::new(then));
        // An error means the store is closing: nobody needs the directory any more.
        let _ = waiting.recv();
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        let _ = self.jobs.send(Job::Stop);
    }
}

fn take(then: &Mutex<Option<edit::Then>>) -> Option<edit::Then> {
    then.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// The store's two threads.
#[derive(Debug)]
pub(crate) struct Threads {
    writer: JoinHandle<()>,
    publisher: JoinHandle<()>,
    published: Arc<Published>,
}

impl Threads {
    pub fn are_alive(&self) -> bool {
        !self.writer.is_finished() && !self.publisher.is_finished()
    }

    pub fn join(self) {
        if self.writer.join().is_err() {
            error!("the writer thread panicked");
        }
        self.published.stop();
        if self.publisher.join().is_err() {
            error!("the directory thread panicked");
        }
    }
}

pub(crate) fn start(
    committer: Committer,
    publisher: Publisher,
    reader: Reader,
    options: &StoreOptions,
) -> Result<(Writer, Threads), StoreError> {
    let (jobs, queue) = sync_channel(options.queue.max(1));
    let published = Arc::new(Published::default());
    let stopping = Arc::new(AtomicBool::new(false));
    let mut body = Body {
        committer,
        queue,
        options: options.clone(),
        stopping: Arc::clone(&stopping),
        settle_at: None,
        durable: 0,
    };
    let (todo, on_event) = (Arc::clone(&published), Arc::clone(&options.on_event));
    let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
        let spawned = thread::Builder::new().name(name.into()).spawn(body);
        spawned.map_err(|source| StoreError::File {
            doing: "start thread",
            path: name.into(),
            source,
        })
    };
    let threads = Threads {
        writer: spawn("store-writer", Box::new(move || body.run_and_close()))?,
        publisher: spawn(
            "store-directory",
            Box::new(move || publisher.run(&todo, &*on_event)),
        )?,
        published: Arc::clone(&published),
    };
    let writer = Writer {
        jobs,
        publisher: published,
        reader,
        stopping,
    };
    Ok((writer, threads))
}

/// What the writer does when nothing waits.
#[derive(Clone, Copy)]
enum Idle {
    /// Removes rates that are not in force.
    Sweep,
    /// Waits, and keeps the heartbeat.
    Rest,
}

struct Body {
    committer: Committer,
    queue: Receiver<Job>,
    options: StoreOptions,
    stopping: Arc<AtomicBool>,
    /// When noted batches go into their rows.
    settle_at: Option<Instant>,
    /// The last batch known to be on disk.
    durable: u64,
}

impl Body {
    fn run_and_close(&mut self) {
        self.run();
        self.settle();
        if let Err(failure) = self.committer.checkpoint() {
            warn!(
                reason = chain(&failure),
                "the log stays beside the database until the next start"
            );
        }
    }

    fn run(&mut self) {
        // A crash may have left rates to sweep.
        let mut idle = Idle::Sweep;
        loop {
            let Some(job) = self.next(&mut idle) else {
                return;
            };
            let after = match job {
                Job::Batches(first) => self.commit_from(first),
                other => Some(other),
            };
            match after {
                Some(Job::Work(work)) => {
                    // It finds every row as it was told.
                    self.settle();
                    work(&mut self.committer);
                    idle = Idle::Sweep;
                }
                Some(Job::Stop) => return,
                Some(Job::Batches(_)) | None => {}
            }
        }
    }

    /// The next job; what is done while there is none. None when nobody can send any more.
    fn next(&mut self, idle: &mut Idle) -> Option<Job> {
        loop {
            if self.settle_at.is_some_and(|at| at <= Instant::now()) {
                self.settle();
            }
            let wait = match (*idle, self.settle_at) {
                (Idle::Sweep, _) => Duration::ZERO,
                (Idle::Rest, Some(at)) => at.saturating_duration_since(Instant::now()),
                (Idle::Rest, None) => self.options.heartbeat,
            };
            match (self.queue.recv_timeout(wait), *idle) {
                (Ok(job), _) => return Some(job),
                (Err(RecvTimeoutError::Disconnected), _) => return None,
                (Err(RecvTimeoutError::Timeout), Idle::Sweep) => *idle = self.sweep(),
                (Err(RecvTimeoutError::Timeout), Idle::Rest) if self.settle_at.is_some() => {
                    self.settle();
                }
                (Err(RecvTimeoutError::Timeout), Idle::Rest) => self.beat(),
            }
        }
    }

    fn sweep(&mut self) -> Idle {
        match self.committer.sweep() {
            Ok(Swept::MoreLeft) => Idle::Sweep,
            Ok(Swept::All) => Idle::Rest,
            Err(failure) => {
                warn!(
                    reason = chain(&failure),
                    "old rates not removed, trying again later"
                );
                Idle::Rest
            }
        }
    }

    /// Commits `first` and what queued behind it; returns the other job that ended the group.
    fn commit_from(&mut self, first: Vec<Batch>) -> Option<Job> {
        let mut group = first;
        let mut after = None;
        while group.len() < GROUP && after.is_none() {
            match self.queue.try_recv() {
                Ok(Job::Batches(mut batches)) => group.append(&mut batches),
                Ok(other) => after = Some(other),
                Err(_) => break,
            }
        }
        self.store(group);
        after
    }

    /// Puts what is noted into its rows.
    fn settle(&mut self) {
        if self.committer.noted() > 0 {
            self.store(Vec::new());
        }
    }

    /// Until the batches are on disk.
    fn store(&mut self, mut group: Vec<Batch>) {
        let last = group.last().map(|batch| batch.seq);
        let mut noting = worth_noting(&group) && self.committer.noted() < MOST_NOTED;
        let mut wait = RETRY.0;
        let mut failed = false;
        loop {
            let at = self.known_until();
            let done = if noting {
                self.committer.note(&mut group, at).map(|()| Vec::new())
            } else {
                self.committer.commit(&group, at)
            };
            match done {
                Ok(rejected) => {
                    self.settle_at = match (noting, self.settle_at) {
                        (true, None) => Some(Instant::now() + SETTLE),
                        (true, soon) => soon,
                        (false, _) => None,
                    };
                    return self.stored(last, rejected, failed);
                }
                Err(failure) => {
                    failed = true;
                    // A commit puts aside what breaks a rule; a note would fail on it for ever.
                    noting = false;
                    let reason = chain(&failure);
                    error!(
                        reason,
                        batches = group.len(),
                        "journal commit failed, trying again"
                    );
                    self.tell(Event::JournalFailed { reason });
                }
            }
            if self.stopping.load(Ordering::Acquire) && wait >= RETRY.1 {
                return error!(
                    batches = group.len(),
                    noted = self.committer.noted(),
                    "closing with batches that could not be written; those noted are taken up at the next start"
                );
            }
            thread::park_timeout(wait);
            wait = (wait * 2).min(RETRY.1);
        }
    }

    fn stored(&mut self, last: Option<u64>, rejected: Vec<Rejected>, failed: bool) {
        for Rejected { seq, reason } in rejected {
            error!(seq, reason, "journal batch put aside");
            self.tell(Event::Rejected { seq, reason });
        }
        self.durable = last.unwrap_or(self.durable);
        // Who was told of a failure hears of its end.
        if last.is_some() || failed {
            self.tell(Event::Durable { seq: self.durable });
        }
    }

    fn beat(&mut self) {
        if let Err(failure) = self.committer.heartbeat(self.known_until()) {
            warn!(reason = chain(&failure), "heartbeat not written");
        }
    }

    /// All that happened until then has been submitted: the core may hold a call's end back, and a crash must not
    /// bill a call beyond it.
    fn known_until(&self) -> UtcMs {
        let held_ms = i64::try_from(LINGER.as_millis()).unwrap_or(i64::MAX);
        (self.options.clock)().plus_ms(-held_ms)
    }

    fn tell(&self, event: Event) {
        (self.options.on_event)(event);
    }
}

/// Whether somebody waits for this and nobody reads its rows at once, with too little company for a commit.
fn worth_noting(group: &[Batch]) -> bool {
    let posted = |batch: &Batch| {
        let mut records = batch.records.iter();
        records.any(|record| matches!(record, Record::Posted(_)))
    };
    group.len() <= FEW && group.iter().any(Batch::is_awaited) && !group.iter().any(posted)
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
