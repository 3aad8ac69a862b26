//! Names of gateways looked up in DNS (RFC 3263), in the background: a dead name server never delays a call.
//!
//! The store asks [`Names`] while it makes a directory and gets what is known at once; what was not known, or has
//! had its time, is looked up on a thread of its own, and when an answer differs from the last the directory is made
//! anew. The last good answer holds until a better one comes. Must not know calls.

mod lookup;

use hickory_resolver::TokioResolver;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tandem_store::{Found, Wanted};
use tokio::sync::Notify;

/// An answer is asked for again no sooner, whatever its TTL says: a zone with TTL 0 is no flood of ours.
pub const MIN_TTL: Duration = Duration::from_secs(30);
/// An answer is asked for again after this at the latest: a carrier that moves is found within the hour.
pub const MAX_TTL: Duration = Duration::from_secs(3_600);
/// Until the next try after a failure.
const RETRY: Duration = Duration::from_secs(15);
/// Names looked up at once.
const AT_ONCE: usize = 16;
/// Names kept: sixteen hosts of six hundred gateways.
const MAX_NAMES: usize = 10_000;

/// The name servers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Not those of the system.
    #[error("name servers: {0}; name them in [dns] servers")]
    Servers(String),
    /// No thread.
    #[error("the thread for names cannot be made: {0}")]
    Thread(#[from] std::io::Error),
}

#[derive(Debug)]
struct Known {
    found: Vec<Found>,
    due: Instant,
    /// The last try gave nothing: said once, not at each retry.
    failing: bool,
}

/// What is known, shared with the store.
#[derive(Debug, Default)]
pub struct Names {
    table: Mutex<BTreeMap<Wanted, Known>>,
    nudge: Notify,
    stopping: AtomicBool,
}

impl Names {
    /// What is known of a name; nothing yet for a new one, whose look-up begins.
    #[must_use]
    pub fn find(&self, wanted: &Wanted) -> Vec<Found> {
        let mut table = self.table();
        if let Some(known) = table.get(wanted) {
            return known.found.clone();
        }
        if table.len() >= MAX_NAMES {
            tracing::error!(host = wanted.host, "too many names to look up");
            return Vec::new();
        }
        let known = Known {
            found: Vec::new(),
            due: Instant::now(),
            failing: false,
        };
        table.insert(wanted.clone(), known);
        drop(table);
        self.nudge.notify_one();
        Vec::new()
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<Wanted, Known>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self) -> (Vec<Wanted>, Option<Instant>) {
        let now = Instant::now();
        let table = self.table();
        let due = table.iter().filter(|(_, known)| known.due <= now);
        let due = due
            .take(AT_ONCE)
            .map(|(wanted, _)| wanted.clone())
            .collect();
        (due, table.values().map(|known| known.due).min())
    }

    /// Notes an answer; true if it differs from the last.
    fn note(&self, wanted: &Wanted, answer: Result<lookup::Answer, String>) -> bool {
        let now = Instant::now();
        let mut table = self.table();
        let Some(known) = table.get_mut(wanted) else {
            return false;
        };
        match answer {
            Ok(mut answer) => {
                if known.failing {
                    tracing::info!(host = wanted.host, "found again in DNS");
                }
                known.failing = false;
                known.due = answer.valid_until.clamp(now + MIN_TTL, now + MAX_TTL);
                // Name servers turn the order of addresses round: that is no news.
                answer.found.sort();
                answer.found.dedup();
                let differs = known.found != answer.found;
                known.found = answer.found;
                differs
            }
            Err(reason) => {
                if !known.failing {
                    let addresses = known.found.len();
                    tracing::warn!(
                        host = wanted.host,
                        reason,
                        addresses,
                        "not found in DNS; its last known addresses are used"
                    );
                }
                known.failing = true;
                known.due = now + RETRY;
                false
            }
        }
    }
}

/// The thread that looks names up. Dropping it ends it.
pub struct Resolver {
    names: Arc<Names>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

impl Resolver {
    /// Starts looking up what `names` is asked for. `servers` are asked; the system's if there are none.
    /// `on_change` is called on that thread after answers that differ.
    ///
    /// # Errors
    /// If the system's name servers cannot be read, or there is no thread.
    pub fn start(
        names: Arc<Names>,
        servers: &[SocketAddr],
        on_change: impl Fn() + Send + 'static,
    ) -> Result<Self, ResolveError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let guard = runtime.enter();
        let dns = lookup::resolver(servers).map_err(ResolveError::Servers)?;
        drop(guard);
        let shared = Arc::clone(&names);
        let thread = std::thread::Builder::new().name("dns".into());
        let thread = thread.spawn(move || runtime.block_on(run(&shared, &dns, &on_change)))?;
        Ok(Self {
            names,
            thread: Some(thread),
        })
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.names.stopping.store(true, Ordering::Release);
        self.names.nudge.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread for names had panicked");
        }
    }
}

async fn run(names: &Names, dns: &TokioResolver, on_change: &(impl Fn() + Send)) {
    while !names.stopping.load(Ordering::Acquire) {
        let (due, next) = names.due();
        if due.is_empty() {
            let wait = next.map_or(MAX_TTL, |at| at.saturating_duration_since(Instant::now()));
            // Either end is a reason to look again.
            let _ = tokio::time::timeout(wait, names.nudge.notified()).await;
            continue;
        }
        let asked = due.iter().map(|wanted| lookup::find(dns, wanted));
        tokio::select! {
            answers = futures_util::future::join_all(asked) => {
                let mut differs = false;
                for (wanted, answer) in due.iter().zip(answers) {
                    differs |= names.note(wanted, answer);
                }
                if differs {
                    on_change();
                }
            }
            () = stopped(names) => {}
        }
    }
}

/// Ends when the switch stops, however long the name servers take.
async fn stopped(names: &Names) {
    while !names.stopping.load(Ordering::Acquire) {
        names.nudge.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_sip::Transport;

    fn found(text: &str) -> Found {
        Found {
            address: text.parse().expect("an address"),
            priority: 0,
            weight: None,
        }
    }

    fn answer(found: Vec<Found>, ttl_s: u64) -> Result<lookup::Answer, String> {
        Ok(lookup::Answer {
            found,
            valid_until: Instant::now() + Duration::from_secs(ttl_s),
        })
    }

    #[test]
    fn the_last_good_answer_holds_and_order_is_no_news() {
        let names = Names::default();
        let wanted = Wanted {
            host: "sip.example.com".into(),
            port: 5060,
            transport: Transport::Udp,
        };
        assert_eq!(names.find(&wanted), []);
        assert_eq!(names.due().0, [wanted.clone()]);
        let (one, two) = (found("192.0.2.1:5060"), found("192.0.2.2:5060"));
        assert!(names.note(&wanted, answer(vec![two.clone(), one.clone()], 0)));
        assert!(!names.note(&wanted, answer(vec![one.clone(), two.clone()], 0)));
        assert!(names.due().0.is_empty(), "a TTL of 0 has its floor");
        assert!(!names.note(&wanted, Err("no server".into())));
        assert_eq!(names.find(&wanted), [one.clone(), two]);
        assert!(names.note(&wanted, answer(vec![one.clone()], 1_000_000)));
        assert_eq!(names.find(&wanted), [one]);
        let (_, next) = names.due();
        assert!(next.expect("a time") <= Instant::now() + MAX_TTL);
    }
}
