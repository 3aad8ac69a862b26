//! `run`: the daemon in the foreground. TERM and INT drain it (a second one ends the calls that are up), HUP
//! reloads what can be reloaded; the service manager, if there is one, is told of each.

use super::{Failure, Place, admin, log::Log, say, service};
use crate::{
    config::{Changes, Config},
    daemon::Daemon,
    engine::utc_now,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    process::ExitCode,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    time::{Duration, Instant},
};
use tandem_billing::UtcMs;

/// How often the core is asked whether it still answers.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the main thread waits for.
enum Word {
    Signal(i32),
    Drained,
}

pub(super) fn run(place: &Place) -> Result<ExitCode, Failure> {
    let config = place.load()?;
    let log = Log::start(&config.log)?;
    // Before any thread starts, so that no signal ends the process halfway.
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let daemon = Daemon::start(&config)?;
    greet(&daemon, &config)?;
    let (words, said) = channel();
    listen(signals, words.clone())?;
    let mut clock = WallClock::new();
    let mut running = Running {
        place,
        config,
        log,
        daemon,
        words,
        drains: 0,
    };
    service::ready();
    say("ready");
    loop {
        match said.recv_timeout(LOOK_EVERY) {
            Ok(Word::Signal(SIGHUP)) => running.reload(),
            Ok(Word::Signal(signal)) => running.drain(signal),
            Ok(Word::Drained) => break,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                if !running.daemon.is_alive() {
                    return Err("the core or the store has stopped by itself; the log says why, and a new start recovers".into());
                }
                service::alive(running.daemon.inbox());
                clock.look();
            }
        }
    }
    running.daemon.end();
    Ok(ExitCode::SUCCESS)
}

fn greet(daemon: &Daemon, config: &Config) -> Result<(), Failure> {
    if let Some(store) = daemon.store()
        && let Some(first) = admin::first_admin(store)?
    {
        say(format_args!(
            "first start: log in as \"{}\" with password {}",
            first.name, first.password
        ));
        say("it is not shown again; `tandem-switch admin reset` makes a new one");
    }
    for (listen, address) in config.listen.iter().zip(daemon.sip()) {
        let transport = listen.transport.name();
        say(format_args!("sip {transport} {address}"));
    }
    if let Some(server) = daemon.rpc() {
        say(format_args!("rpc https {}", server.address()));
        say(format_args!("certificate sha256 {}", server.fingerprint()));
    }
    Ok(())
}

/// A jump of the wall clock by this much is told.
const JUMP_MS: i64 = 2_000;

/// The wall clock against the monotonic one.
struct WallClock {
    began: Instant,
    utc: UtcMs,
}

impl WallClock {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            utc: utc_now(),
        }
    }

    /// Seconds of talk are counted by the monotonic clock and cannot be wrong; days, hours and dates can.
    fn look(&mut self) {
        let now = Self::new();
        let passed = now.began.duration_since(self.began).as_millis();
        let jump_ms = now.utc.0 - self.utc.0 - i64::try_from(passed).unwrap_or(i64::MAX);
        if jump_ms.abs() >= JUMP_MS {
            tracing::warn!(
                jump_ms,
                "the wall clock was set: talk time is not touched, but prices by the hour and dates follow it"
            );
        }
        *self = now;
    }
}

/// Signals become words, one after the other.
fn listen(mut signals: Signals, words: Sender<Word>) -> Result<(), Failure> {
    let thread = std::thread::Builder::new().name("signals".into());
    thread.spawn(move || {
        for signal in signals.forever() {
            if words.send(Word::Signal(signal)).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

struct Running<'a> {
    place: &'a Place,
    config: Config,
    log: Log,
    daemon: Daemon,
    words: Sender<Word>,
    drains: u32,
}

impl Running<'_> {
    fn drain(&mut self, signal: i32) {
        let within_s = if self.drains == 0 {
            self.config.limits.drain_s
        } else {
            0
        };
        self.drains += 1;
        service::stopping(within_s);
        if within_s == 0 {
            tracing::warn!(signal, "ending the calls that are up, billed to now");
        } else {
            tracing::info!(
                signal,
                within_s,
                "no new calls; those that are up may go on"
            );
        }
        let words = self.words.clone();
        self.daemon.begin_drain(within_s, move || {
            // The main thread listens until it hears this.
            let _ = words.send(Word::Drained);
        });
    }

    /// Settings live in the store and are in force already; this is for the file and the certificate. Calls that
    /// are up go on, whatever the file says.
    fn reload(&mut self) {
        service::reloading();
        if let Err(error) = self.daemon.reload_certificate() {
            tracing::error!(%error, "reload: the certificate of the SIP side stays");
        }
        match self.place.load() {
            Ok(new) => self.take(new),
            Err(error) => tracing::error!(%error, "reload: the running configuration stays"),
        }
        if let Some(server) = self.daemon.rpc() {
            match server.reload_certificate() {
                Ok(true) => tracing::warn!(
                    sha256 = server.fingerprint(),
                    "reload: another certificate from now on; managers ask once whether it is right"
                ),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "reload: the certificate in use stays"),
            }
        }
        service::ready();
    }

    fn take(&mut self, new: Config) {
        let changes = Changes::between(&self.config, &new);
        if changes.is_empty() {
            tracing::info!("reload: the configuration is unchanged");
        }
        for key in &changes.restart {
            tracing::warn!(
                key,
                "reload: has changed in the file; in force after a restart"
            );
        }
        self.log.set(&new.log);
        self.daemon.set_limits(&new.limits);
        for key in &changes.reloaded {
            tracing::info!(key, "reload: in force now");
        }
        // What needs a restart is told again at the next reload.
        self.config.limits = new.limits;
        self.config.log = new.log;
    }
}
