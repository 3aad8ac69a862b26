//! The handle to the relay threads.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tandem_sdp::{RelayCommand, RelayReport, relay::Shown, web::Fingerprint};

use crate::certificate::Certificates;
use crate::config::{RelayConfig, RelayStats};
use crate::inbox::Inbox;
use crate::ports::PortPool;
use crate::record::Recorder;
use crate::sounds::Library;
use crate::worker::{Report, Shared, Totals, Worker};

/// More threads than any one machine's audio needs.
const MAX_THREADS: usize = 64;

/// Handle to the relay threads; dropping it stops them. Calls still open then end without a report.
pub struct Relay {
    shared: Arc<Shared>,
    threads: Vec<(Arc<Inbox>, JoinHandle<()>)>,
}

impl Relay {
    /// Starts the threads. `report` is called from them and must not block.
    ///
    /// # Errors
    /// No thread asked for, a port range without a pair, a thread or its poll, or the certificate for browsers cannot be had.
    pub fn start(
        config: RelayConfig,
        report: impl Fn(RelayReport) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let invalid = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        if config.threads == 0 || config.threads > MAX_THREADS {
            return invalid("a relay has 1 to 64 threads");
        }
        let pool = PortPool::new(config.first_port, config.last_port, &mut rand::rng());
        if pool.len() < 2 {
            return invalid("the relay's port range holds no call: four ports at least");
        }
        let report: Arc<Report> = Arc::new(report);
        let recorder = match config.recordings.clone() {
            Some(folder) => Some(Recorder::start(folder, Arc::clone(&report))?),
            None => None,
        };
        let sounds = Library::start(config.sounds.clone())?;
        let threads = config.threads;
        let shared = Arc::new(Shared {
            config,
            began: Instant::now(),
            pool: Mutex::new(pool),
            report,
            totals: Totals::default(),
            certificates: Arc::new(Certificates::generate()?),
            recorder,
            sounds,
        });
        let mut relay = Self {
            shared,
            threads: Vec::with_capacity(threads),
        };
        for number in 0..threads {
            let inbox = Arc::new(Inbox::new()?);
            let worker = Worker::new(relay.shared.clone(), inbox.clone())?;
            let thread = std::thread::Builder::new()
                .name(format!("relay-{number}"))
                .spawn(move || worker.run())?;
            relay.threads.push((inbox, thread));
        }
        Ok(relay)
    }

    /// Queues an order for the thread of its id; never waits. An `Open` beyond the bound of the queue is
    /// refused at once, from the calling thread.
    pub fn send(&self, command: RelayCommand) {
        let id = command.id();
        let threads = self.threads.len() as u64;
        let Some((inbox, _)) = self.threads.get((id.0 % threads.max(1)) as usize) else {
            return;
        };
        if inbox.put(command).is_err() {
            let reason = "the relay's queue is full".to_owned();
            (self.shared.report)(RelayReport::Refused { id, reason });
        }
    }

    /// Of a certificate shown to browsers; made at the start.
    #[must_use]
    pub fn fingerprint(&self, shown: Shown) -> &Fingerprint {
        &self.shared.certificates.of(shown).fingerprint
    }

    /// Totals since the start, for metrics.
    #[must_use]
    pub fn stats(&self) -> RelayStats {
        let totals = &self.shared.totals;
        RelayStats {
            open: totals.open.load(Ordering::Relaxed),
            unknown: totals.unknown.load(Ordering::Relaxed),
            relayed: totals.relayed.load(Ordering::Relaxed),
            unsent: totals.unsent.load(Ordering::Relaxed),
            coding_us: totals.coding_us.load(Ordering::Relaxed),
            coding_percent: totals.coding_permille.load(Ordering::Relaxed) / 10,
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.threads.iter().for_each(|(inbox, _)| inbox.stop());
        for (_, thread) in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a relay thread had panicked");
            }
        }
    }
}

/// Raises this process's limit of open files to what the system allows, and returns it: a call with audio takes
/// four.
///
/// # Errors
/// The system refuses.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}
