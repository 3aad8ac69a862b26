//! What the service manager (systemd, `Type=notify`) is told: ready, reloading, stopping, still alive. Without
//! one, nothing is sent anywhere.

use crate::engine::Inbox;
use sd_notify::NotifyState;
use tandem_call::io::Command;

/// Beside the drain, this long may the books and sockets take to close, seconds.
const CLOSING_S: u32 = 30;

/// Phones and managers are served.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read again; [`ready`] follows.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "no monotonic clock for the service manager"),
    }
}

/// No new calls: it may take so many seconds until the last one has ended.
pub(super) fn stopping(within_s: u32) {
    let micros = within_s.saturating_add(CLOSING_S).saturating_mul(1_000_000);
    tell(&[
        NotifyState::Stopping,
        NotifyState::ExtendTimeoutUsec(micros),
    ]);
}

/// The core is asked for nothing; its answer is the sign of life (`WatchdogSec=`).
pub(super) fn alive(inbox: &Inbox) {
    inbox.ask(Command::Balances(Vec::new()), |_| {
        tell(&[NotifyState::Watchdog]);
    });
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}
