//! The log: to standard error, filtered as configured; the filter can be changed while the switch runs.

use super::Failure;
use crate::config::LogConfig;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Overrules the configuration.
const VARIABLE: &str = "RUST_LOG";

/// The running log.
pub(super) struct Log {
    set: Box<dyn Fn(EnvFilter) -> Result<(), String>>,
}

impl Log {
    pub(super) fn start(config: &LogConfig) -> Result<Self, Failure> {
        let filter: EnvFilter = match std::env::var(VARIABLE) {
            Ok(filter) => filter
                .parse()
                .map_err(|error| format!("{VARIABLE}={filter}: {error}; use e.g. info"))?,
            Err(_) => config.filter.parse()?,
        };
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            // A log that cannot be written (a full disk) is no reason to panic.
            .log_internal_errors(false)
            .with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Ok(Self {
            set: Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())),
        })
    }

    /// Another filter from now on.
    pub(super) fn set(&self, config: &LogConfig) {
        if std::env::var_os(VARIABLE).is_some() {
            tracing::debug!("log.filter is overruled by {VARIABLE}");
            return;
        }
        // The configuration was checked: it parses.
        let set = config
            .filter
            .parse()
            .map_err(|error: tracing_subscriber::filter::ParseError| error.to_string())
            .and_then(|filter| (self.set)(filter));
        if let Err(error) = set {
            tracing::error!(error, "the log's filter cannot be changed");
        }
    }
}
