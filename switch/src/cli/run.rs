//! `run`: the daemon in the foreground, until TERM or INT.

use super::{Failure, Place, admin, say};
use crate::{
    config::{Config, ListenTransport},
    daemon::Daemon,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

pub(super) fn run(place: &Place) -> Result<ExitCode, Failure> {
    let config = place.load()?;
    start_log(&config)?;
    // Before any thread starts, so that no signal ends the process halfway.
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let daemon = Daemon::start(&config)?;
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
        let transport = match listen.transport {
            ListenTransport::Udp => "udp",
            ListenTransport::Tcp => "tcp",
        };
        say(format_args!("sip {transport} {address}"));
    }
    if let Some(server) = daemon.rpc() {
        say(format_args!("rpc https {}", server.address()));
        say(format_args!("certificate sha256 {}", server.fingerprint()));
    }
    say("ready");
    for signal in signals.forever() {
        if signal == SIGHUP {
            reload(place, &config);
            continue;
        }
        tracing::info!(signal, within_s = config.limits.drain_s, "draining");
        break;
    }
    daemon.drain(config.limits.drain_s);
    Ok(ExitCode::SUCCESS)
}

/// Settings live in the store and are in force already; of the file only what differs is told.
fn reload(place: &Place, running: &Config) {
    match place.load() {
        Ok(config) if format!("{config:?}") == format!("{running:?}") => {
            tracing::info!("configuration is unchanged");
        }
        Ok(_) => tracing::warn!(
            "configuration has changed; listeners, ports and folders change with a restart"
        ),
        Err(error) => tracing::error!(%error, "configuration is faulty; the running one stays"),
    }
}

pub(super) fn start_log(config: &Config) -> Result<(), Failure> {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| config.log.filter.clone());
    let filter: EnvFilter = filter.parse()?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}
